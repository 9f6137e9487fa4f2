// shw_board_tile: the system of a board that is too small for the accelerator: a tile engine, memory, a serial line.
//
// A host writes the operands of a grid of tiles and the constants of its channels to the memory, starts a run by the
// registers, and reads the results, all by frames over the line (shw_host_bridge). A run computes every row block with
// every column block (shw_tile_operands) and requantizes the products (shw_tile_results).
//
// The memory has two halves. The lower one holds row blocks, constants, shortcuts and results, the upper one column
// blocks. The host comes first in either, results before row blocks. Registers are words of 32 bits, their addresses
// count bytes:
//
//   read   00 ENGINE     7..0 kind, 0 tr, 3 mac; 15..8 rows; 23..16 columns; 31..24 version of these registers, 1
//          04 STATUS     0 busy, 1 done, 2 fault
//          08 CYCLES     of the last run, or of this one so far, modulo 2^32
//   write  0c ENGINE_SETTINGS  0 cfg_row_signed, 1 cfg_col_signed, 2 cfg_tr_en, 3 cfg_encoding, 5..4 cfg_slice_shift,
//                        9..6 cfg_data_terms, 18..10 cfg_group, 29..19 cfg_group_budget
//          10 POST_SETTINGS  0 channels on rows, 1 sums, 2 ReLU, 3 shortcut, 4 shortcut signed, 13..5 low, 22..14 high
//          14 TILES      15..0 row blocks, 31..16 column blocks
//          18 BEATS      15..0 of a tile
//          1c ROWS       address of the row blocks in the lower half, a multiple of 4
//          20 COLUMNS    address of the column blocks in the upper half, likewise
//          24 CONSTANTS  address in the lower half, likewise; so are
//          28 SHORTCUTS
//          2c RESULTS
//          30 RUN        bit 0: 1 starts a run, 0 does not; either drops the one under way
//
// Anything else is answered with status 4, and so is a write to the words of the board (shw_board_words). A run whose
// grid is empty, or whose settings the engine refuses, ends with a fault. Addresses are modulo a half.
//
// Parameters:
//   ENGINE          "tr" | "mac"
//   ROWS, COLS      1, 2 or 4: of the engine
//   MULTIPLIER      as in shw_mac_engine
//   FAMILY          "generic" | "ice40": block RAM, or the large single-port memories of UltraPlus
//   MEMORY_W        6..15: each half of the memory has 2^MEMORY_W words of 32 bits
//   CLOCKS_PER_BIT  4..65535: clocks of a bit of the line
//   TIMEOUT_W       8..31: a frame may stand still for 2^TIMEOUT_W cycles
//   CLOCK_KHZ       clock in kHz, for the host to read
//   BOARD           0..65535: number of the board, for the host to read
// Latency:      that of the line, 10 bits a byte, and that of the run.
// Throughput:   that of the line; a beat of the engine per cycle while results and the host leave the memory alone.
// Backpressure: none on the line: up to 511 bytes wait.
// Reset:        rst ends a run; memory keeps what it holds, and so do the settings.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_board_tile #(
  parameter ENGINE         = "mac",
  parameter ROWS           = 2,
  parameter COLS           = 4,
  parameter MULTIPLIER     = "dsp",
  parameter FAMILY         = "generic",
  parameter MEMORY_W       = 14,
  parameter CLOCKS_PER_BIT = 8,
  parameter TIMEOUT_W      = 22,
  parameter CLOCK_KHZ      = 24000,
  parameter BOARD          = 0
) (
  input  wire clk,
  input  wire rst,
  input  wire uart_rx,       // from the host
  output wire uart_tx,       // to the host
  output wire led_busy,      // a run is under way
  output wire led_done,      // the last one ended as it should
  output wire led_fault,     // the last one ended with a fault
  output wire led_activity   // changes with every frame that is answered
);
  localparam [1:0] MEMORY = 2'd0, REGISTERS = 2'd1;
  localparam [9:0] READABLE = 10'd3, WORDS = 10'd13;   // registers
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  localparam       IS_MAC   = (ENGINE == "mac") ? 1 : 0;
  localparam       IS_TR    = (ENGINE == "tr") ? 1 : 0;
  localparam       IS_ICE40 = (FAMILY == "ice40") ? 1 : 0;
  localparam       STYLE    = (IS_ICE40 != 0) ? "huge" : "block";
  /* verilator lint_on WIDTHEXPAND */
  localparam [7:0]  KIND    = (IS_MAC != 0) ? 8'd3 : 8'd0;
  localparam [31:0] ROWS_32 = ROWS;
  localparam [31:0] COLS_32 = COLS;

  generate
    /* verilator lint_off WIDTHEXPAND */
    if (FAMILY != "generic" && IS_ICE40 == 0) begin : g_illegal_family
      shw_ILLEGAL_FAMILY_must_be_generic_or_ice40 illegal ();
    end
    /* verilator lint_on WIDTHEXPAND */
  endgenerate

  // --- line and frames -----------------------------------------------------------------------------
  wire        bus_valid;
  wire        bus_write;
  wire [1:0]  bus_space;
  wire [31:0] bus_address;
  wire [31:0] bus_wdata;
  reg         bus_done;
  reg         bus_error;
  wire [31:0] bus_rdata;
  wire [15:0] dropped;

  shw_host_line #(
    .CLOCKS_PER_BIT(CLOCKS_PER_BIT), .MEMORY_W(MEMORY_W + 3), .TIMEOUT_W(TIMEOUT_W)
  ) u_line (
    .clk(clk), .rst(rst), .uart_rx(uart_rx), .uart_tx(uart_tx),
    .bus_valid(bus_valid), .bus_write(bus_write), .bus_space(bus_space),
    .bus_address(bus_address), .bus_wdata(bus_wdata),
    .bus_done(bus_done), .bus_error(bus_error), .bus_rdata(bus_rdata),
    .dropped(dropped), .activity(led_activity)
  );

  // --- bus: every access takes a cycle ---------------------------------------------------------------
  wire [9:0]  index      = bus_address[11:2];
  wire        to_memory  = bus_valid & bus_space == MEMORY;
  wire        register_write = bus_valid & bus_space == REGISTERS & bus_write;
  wire [31:0] row_word;
  wire [31:0] col_word;
  wire [31:0] board_word;
  reg  [31:0] register_word;
  wire        upper      = bus_address[MEMORY_W+2];
  wire        unused     = &{1'b0, bus_address};

  assign bus_rdata = bus_space == MEMORY ? (upper ? col_word : row_word)
                   : bus_space == REGISTERS ? register_word : board_word;

  always @(posedge clk) begin
    bus_done  <= bus_valid & ~rst;
    bus_error <= bus_space == REGISTERS ? (bus_write ? index < READABLE || index >= WORDS
                                                     : index >= READABLE)
               : bus_space != MEMORY && bus_write;
  end

  shw_board_words #(
    .BOARD(BOARD), .KIND(1), .CLOCK_KHZ(CLOCK_KHZ), .MEMORY_BYTES(8 << MEMORY_W),
    .CLOCKS_PER_BIT(CLOCKS_PER_BIT)
  ) u_board (
    .clk(clk), .index(bus_address[4:2]), .dropped(dropped), .word(board_word)
  );

  // --- registers -------------------------------------------------------------------------------------
  reg  [29:0]         engine_settings;
  reg  [22:0]         post_settings;
  reg  [15:0]         row_tiles;
  reg  [15:0]         col_tiles;
  reg  [15:0]         beats;
  reg  [MEMORY_W-1:0] row_begin;       // words
  reg  [MEMORY_W-1:0] col_begin;
  reg  [MEMORY_W-1:0] constants;
  reg  [MEMORY_W-1:0] shortcuts;
  reg  [MEMORY_W-1:0] results;
  reg                 begins;          // a run, in the next cycle
  reg                 busy;
  reg                 done;
  reg                 fault;
  reg  [31:0]         cycles;
  wire                finished;
  wire                cfg_error;
  wire                empty = row_tiles == 16'd0 || col_tiles == 16'd0 || beats == 16'd0;

  assign led_busy  = busy;
  assign led_done  = done;
  assign led_fault = fault;

  always @(posedge clk) begin
    case (index[1:0])
      2'd0:    register_word <= {8'd1, COLS_32[7:0], ROWS_32[7:0], KIND};
      2'd1:    register_word <= {29'd0, fault, done, busy};
      default: register_word <= cycles;
    endcase
    if (register_write) begin
      case (index)
        10'd3:   engine_settings        <= bus_wdata[29:0];
        10'd4:   post_settings          <= bus_wdata[22:0];
        10'd5:   {col_tiles, row_tiles} <= bus_wdata;
        10'd6:   beats                  <= bus_wdata[15:0];
        10'd7:   row_begin              <= bus_wdata[MEMORY_W+1:2];
        10'd8:   col_begin              <= bus_wdata[MEMORY_W+1:2];
        10'd9:   constants              <= bus_wdata[MEMORY_W+1:2];
        10'd10:  shortcuts              <= bus_wdata[MEMORY_W+1:2];
        10'd11:  results                <= bus_wdata[MEMORY_W+1:2];
        default: ;
      endcase
    end
    if (begins) cycles <= 32'd0;
    else if (busy) cycles <= cycles + 1'b1;
    if (rst) begin
      begins <= 1'b0;
      busy   <= 1'b0;
      done   <= 1'b0;
      fault  <= 1'b0;
      cycles <= 32'd0;
    end else if (register_write && index == WORDS - 10'd1) begin
      begins <= bus_wdata[0];
      busy   <= 1'b0;
      done   <= 1'b0;
      fault  <= 1'b0;
    end else begin
      begins <= 1'b0;
      busy   <= begins & ~empty | busy & ~finished & ~cfg_error;
      done   <= done | busy & finished;
      fault  <= fault | begins & empty | busy & cfg_error;
    end
  end

  // --- memory ----------------------------------------------------------------------------------------
  wire                row_host = to_memory & ~upper;
  wire                col_host = to_memory & upper;
  wire                results_enable;
  wire [3:0]          results_write;
  wire [MEMORY_W-1:0] results_address;
  wire [31:0]         results_data;
  wire [MEMORY_W-1:0] row_address;
  wire [MEMORY_W-1:0] col_address;

  shw_ram_sp #(.DATA_W(32), .ADDR_W(MEMORY_W), .LANES(4), .STYLE(STYLE)) u_row_memory (
    .clk(clk), .enable(row_host | busy),
    .write(row_host ? {4{bus_write}} : results_write & {4{results_enable}}),
    .address(row_host ? bus_address[MEMORY_W+1:2] : results_enable ? results_address : row_address),
    .write_data(row_host ? bus_wdata : results_data), .read_data(row_word)
  );

  shw_ram_sp #(.DATA_W(32), .ADDR_W(MEMORY_W), .LANES(4), .STYLE(STYLE)) u_col_memory (
    .clk(clk), .enable(col_host | busy), .write({4{col_host & bus_write}}),
    .address(col_host ? bus_address[MEMORY_W+1:2] : col_address),
    .write_data(bus_wdata), .read_data(col_word)
  );

  // --- run: what takes part is reset between runs ----------------------------------------------------
  wire               idle = ~busy;
  wire               beat_valid;
  wire               beat_ready;
  wire               beat_last;
  wire [ROWS*8-1:0]  beat_row;
  wire [COLS*8-1:0]  beat_col;
  wire               acc_valid;
  wire               acc_ready;
  wire               acc_last_unused;
  wire [COLS*32-1:0] acc;

  shw_tile_operands #(.ROWS(ROWS), .COLS(COLS), .ADDR_W(MEMORY_W)) u_operands (
    .clk(clk), .rst(idle), .cfg_row_tiles(row_tiles), .cfg_col_tiles(col_tiles), .cfg_beats(beats),
    .cfg_row_address(row_begin), .cfg_col_address(col_begin),
    .row_free(~row_host & ~results_enable), .row_address(row_address), .row_word(row_word),
    .col_free(~col_host), .col_address(col_address), .col_word(col_word),
    .out_valid(beat_valid), .out_ready(beat_ready), .out_last(beat_last),
    .out_row(beat_row), .out_col(beat_col)
  );

  generate
    if (IS_MAC != 0) begin : g_mac
      shw_mac_engine #(.ROWS(ROWS), .COLS(COLS), .MULTIPLIER(MULTIPLIER)) u_engine (
        .clk(clk), .rst(idle),
        .cfg_row_signed(engine_settings[0]), .cfg_col_signed(engine_settings[1]),
        .cfg_error(cfg_error),
        .in_valid(beat_valid), .in_ready(beat_ready), .in_last(beat_last),
        .in_row(beat_row), .in_col(beat_col),
        .out_valid(acc_valid), .out_ready(acc_ready), .out_last(acc_last_unused), .out_acc(acc)
      );
      wire unused_settings = &{1'b0, engine_settings};
    end else if (IS_TR != 0) begin : g_tr
      shw_tr_engine #(.ROWS(ROWS), .COLS(COLS)) u_engine (
        .clk(clk), .rst(idle),
        .cfg_row_signed(engine_settings[0]), .cfg_col_signed(engine_settings[1]),
        .cfg_tr_en(engine_settings[2]), .cfg_encoding(engine_settings[3]),
        .cfg_slice_shift(engine_settings[5:4]), .cfg_data_terms(engine_settings[9:6]),
        .cfg_group(engine_settings[18:10]), .cfg_group_budget(engine_settings[29:19]),
        .cfg_error(cfg_error),
        .in_valid(beat_valid), .in_ready(beat_ready), .in_last(beat_last),
        .in_row(beat_row), .in_col(beat_col),
        .out_valid(acc_valid), .out_ready(acc_ready), .out_last(acc_last_unused), .out_acc(acc)
      );
    end else begin : g_illegal_engine
      shw_ILLEGAL_ENGINE_must_be_tr_or_mac illegal ();
    end
  endgenerate

  shw_tile_results #(.ROWS(ROWS), .COLS(COLS), .ADDR_W(MEMORY_W)) u_results (
    .clk(clk), .rst(idle), .cfg_row_tiles(row_tiles), .cfg_col_tiles(col_tiles),
    .cfg_channels_on_rows(post_settings[0]), .cfg_sums(post_settings[1]),
    .cfg_relu(post_settings[2]), .cfg_shortcut_enable(post_settings[3]),
    .cfg_shortcut_signed(post_settings[4]), .cfg_low(post_settings[13:5]),
    .cfg_high(post_settings[22:14]),
    .cfg_constant_address(constants), .cfg_shortcut_address(shortcuts),
    .cfg_result_address(results),
    .in_valid(acc_valid), .in_ready(acc_ready), .in_acc(acc),
    .free(~row_host), .enable(results_enable), .write(results_write), .address(results_address),
    .write_data(results_data), .read_data(row_word), .finished(finished)
  );
endmodule

`default_nettype wire

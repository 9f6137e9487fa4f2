// shw_tile_results: results of a grid of tiles, through a post unit of one lane, to memory.
//
// Takes the beats of a tile engine, ROWS a tile, and requantizes their COLS numbers one after the other. A memory of
// 32-bit words holds what belongs to a channel and to a result:
//   constants  two words a channel: the bias; the right shift in bits 5..0, the left shifts of the shortcut in 13..8 and
//              of the bias in 20..16
//   shortcuts  a code a result, one byte each
//   results    a code a result, one byte each; or, with cfg_sums, the sum before rounding, one word each
// Results and shortcuts lie in the order in which results come: row blocks, column blocks, rows, columns, the last one
// fastest. Channels are numbered along the rows of the grid, or along its columns, from its begin on.
//
// Constants are read once a row, where a channel is a row, else once a result. Results are written before
// anything is read.
//
// Parameters:   ROWS, COLS  1, 2 or 4: of a tile
//               ADDR_W      6..15: the memory has 2^ADDR_W words; addresses are modulo that
// Latency:      10 cycles from a beat to its first result in memory, one more with a shortcut.
// Throughput:   a result takes 1 or, where its constants are read, 4 cycles, 3 or 5 with a shortcut; its writing 1.
// Backpressure: full; a memory that is not free delays reads and writes.
// Reset:        rst drops everything; a grid begins when it ends, cfg_* are constant then until `finished`.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tile_results #(
  parameter ROWS   = 2,
  parameter COLS   = 4,
  parameter ADDR_W = 14
) (
  input  wire               clk,
  input  wire               rst,
  input  wire [15:0]        cfg_row_tiles,         // row blocks, >= 1
  input  wire [15:0]        cfg_col_tiles,         // column blocks, >= 1
  input  wire               cfg_channels_on_rows,  // a row is a channel; 0: a column is
  input  wire               cfg_sums,
  input  wire               cfg_relu,
  input  wire               cfg_shortcut_enable,
  input  wire               cfg_shortcut_signed,
  input  wire [8:0]         cfg_low,
  input  wire [8:0]         cfg_high,
  input  wire [ADDR_W-1:0]  cfg_constant_address,  // words
  input  wire [ADDR_W-1:0]  cfg_shortcut_address,
  input  wire [ADDR_W-1:0]  cfg_result_address,
  // beats of the engine
  input  wire               in_valid,
  output wire               in_ready,
  input  wire [COLS*32-1:0] in_acc,
  // memory: takes an access in a cycle in which it is free; a word that is read is there a cycle later
  input  wire               free,
  output wire               enable,
  output wire [3:0]         write,
  output wire [ADDR_W-1:0]  address,
  output wire [31:0]        write_data,
  input  wire [31:0]        read_data,
  output wire               finished               // the last result is written
);
  localparam [1:0] BIAS = 2'd0, SHIFTS = 2'd1, SHORTCUT = 2'd2, GIVE = 2'd3;
  localparam       ROW_W = (ROWS == 1) ? 0 : (ROWS == 2) ? 1 : 2;
  localparam       COL_W = (COLS == 1) ? 0 : (COLS == 2) ? 1 : 2;
  localparam [31:0] ROW_END = ROWS - 1;
  localparam [31:0] COL_END = COLS - 1;

  generate
    if (ROWS != 1 && ROWS != 2 && ROWS != 4) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_2_or_4 illegal ();
    end
    if (COLS != 1 && COLS != 2 && COLS != 4) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_2_or_4 illegal ();
    end
    if (ADDR_W < 6 || ADDR_W > 15) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_6_to_15 illegal ();
    end
  endgenerate

  // --- which result it is ----------------------------------------------------------------------------
  reg  [1:0]  row;
  reg  [1:0]  col;
  reg  [15:0] row_tile;
  reg  [15:0] col_tile;
  wire        give;         // the result and all that belongs to it is offered to the post unit
  wire        post_ready;
  wire        taken         = give & post_ready;
  wire        last_col      = col == COL_END[1:0];
  wire        last_row      = row == ROW_END[1:0];
  wire [15:0] col_after     = col_tile + 1'b1;
  wire [15:0] row_after     = row_tile + 1'b1;
  wire        last_col_tile = col_after == cfg_col_tiles;
  wire        last_row_tile = row_after == cfg_row_tiles;
  wire        tile_ends     = last_col & last_row;
  wire        grid_ends     = tile_ends & last_col_tile & last_row_tile;

  assign in_ready = taken & last_col;

  always @(posedge clk) begin
    if (rst) begin
      row      <= 2'd0;
      col      <= 2'd0;
      row_tile <= 16'd0;
      col_tile <= 16'd0;
    end else if (taken) begin
      col <= last_col ? 2'd0 : col + 1'b1;
      if (last_col) row <= last_row ? 2'd0 : row + 1'b1;
      if (tile_ends) col_tile <= last_col_tile ? 16'd0 : col_after;
      if (tile_ends && last_col_tile) row_tile <= row_after;
    end
  end

  // --- what belongs to it -----------------------------------------------------------------------------
  reg  [1:0]        step;
  reg  [1:0]        coming;         // what the memory shows; GIVE: nothing
  reg  [31:0]       bias;
  reg  [4:0]        bias_shift;
  reg  [5:0]        shortcut_shift;
  reg  [5:0]        shift;
  reg  [7:0]        shortcut;
  reg  [ADDR_W+1:0] shortcut_place; // bytes
  wire              post_valid;
  wire [31:0]       acc     = in_acc[32*col +: 32];
  wire              reads   = in_valid & step != GIVE;
  wire              granted = reads & free & ~post_valid;
  wire [15:0]       channel = cfg_channels_on_rows ? row_tile << ROW_W | {14'd0, row}
                                                   : col_tile << COL_W | {14'd0, col};
  wire [ADDR_W-1:0] constant_place = cfg_constant_address + {channel[ADDR_W-2:0], step == SHIFTS};
  wire              unused  = &{1'b0, channel, read_data};

  assign give = in_valid & step == GIVE & coming == GIVE;

  always @(posedge clk) begin
    if (coming == BIAS) bias <= read_data;
    if (coming == SHIFTS) begin
      shift          <= read_data[5:0];
      shortcut_shift <= read_data[13:8];
      bias_shift     <= read_data[20:16];
    end
    if (coming == SHORTCUT) shortcut <= read_data[8*shortcut_place[1:0] +: 8];
    if (rst) begin
      step           <= BIAS;
      coming         <= GIVE;
      shortcut_place <= {cfg_shortcut_address, 2'd0};
    end else begin
      coming <= granted ? step : GIVE;
      if (taken) begin
        shortcut_place <= shortcut_place + 1'b1;
        step           <= last_col | ~cfg_channels_on_rows ? BIAS
                        : cfg_shortcut_enable ? SHORTCUT : GIVE;
      end else if (granted) begin
        step <= step == BIAS ? SHIFTS : step == SHIFTS & cfg_shortcut_enable ? SHORTCUT : GIVE;
      end
    end
  end

  // --- post unit, results -----------------------------------------------------------------------------
  reg  [ADDR_W+1:0] result_place;   // bytes
  wire              post_last;
  wire [7:0]        code;
  wire [31:0]       sum;
  wire              table_ready_unused;

  shw_post_unit #(.LANES(1), .REQUANT("shift")) u_post (
    .clk(clk), .rst(rst), .cfg_relu(cfg_relu), .cfg_shortcut_enable(cfg_shortcut_enable),
    .cfg_shortcut_signed(cfg_shortcut_signed), .cfg_low(cfg_low), .cfg_high(cfg_high),
    .table_valid(1'b0), .table_ready(table_ready_unused), .table_select(1'b0),
    .table_address(4'd0), .table_data(32'd0),
    .in_valid(give), .in_ready(post_ready), .in_last(grid_ends), .in_source(1'b1), .in_acc(acc),
    .in_bias(bias), .in_bias_shift(bias_shift), .in_shortcut(shortcut),
    .in_shortcut_shift(shortcut_shift), .in_factor(16'd0), .in_shift(shift),
    .out_valid(post_valid), .out_ready(free), .out_last(post_last), .out_code(code), .out_sum(sum)
  );

  assign enable     = post_valid | reads;
  assign write      = {4{post_valid}} & (cfg_sums ? 4'hf : 4'h1 << result_place[1:0]);
  assign write_data = cfg_sums ? sum : {4{code}};
  assign address    = post_valid ? result_place[ADDR_W+1:2]
                    : step == SHORTCUT ? shortcut_place[ADDR_W+1:2] : constant_place;
  assign finished   = post_valid & post_last & free;

  always @(posedge clk) begin
    if (rst) result_place <= {cfg_result_address, 2'd0};
    else if (post_valid & free) begin
      result_place <= result_place + {{ADDR_W-1{1'b0}}, cfg_sums, 1'b0, ~cfg_sums};
    end
  end
endmodule

`default_nettype wire

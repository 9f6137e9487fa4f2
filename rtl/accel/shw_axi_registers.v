// shw_axi_registers: registers of the accelerator behind an AXI4-Lite slave of 32 bits.
//
// Generated from tools/shiftwork/device/registers.py by `python -m shiftwork.device.registers`: change that file.
// Registers stand at multiples of 4, 4 KiB are decoded; what is not a register reads as 0 and ignores writes,
// every answer is OKAY. Byte strobes are obeyed. What the program depends on is not written while status_busy.
// The counters are a shw_counters; a read of one takes up to 20 cycles longer. control_start clears them.
//
// Parameters:   ROWS, COLS, KIND, DEPTH, ACT_W, WEIGHT_W, CONST_W  0..65535 (the last three: 0..255): what software
//               reads about the instance; nothing depends on them
//               TOKEN_W  2..16: width of count_tokens
// Latency:      3 cycles from the write's address and data to its response, 2 from the read's address to its data.
// Throughput:   a write every 3 cycles, a read every 3.
// Backpressure: full; every output is a register, but the readies (a gate behind one).
// Reset:        rst puts every register to its reset value; a transfer under way is dropped.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_axi_registers #(
  parameter ROWS     = 8,
  parameter COLS     = 64,
  parameter KIND     = 0,
  parameter DEPTH    = 256,
  parameter ACT_W    = 11,
  parameter WEIGHT_W = 10,
  parameter CONST_W  = 10,
  parameter TOKEN_W  = 8
) (
  input  wire        clk,
  input  wire        rst,
  output reg         irq,   // an enabled event has happened
  // CONTROL.start: run the program; clears the counters
  output reg         control_start,
  // CONTROL.stop: end the run; bursts in flight are finished
  output reg         control_stop,
  // CONTROL.soft_reset: end the run and forget its state and fault
  output reg         control_soft_reset,
  input  wire        status_busy,                // STATUS.busy: a run is under way
  // STATUS.done: the last run ended at the end of its program
  input  wire        status_done,
  input  wire        status_fault,               // STATUS.fault: the last run ended with a fault
  output reg         interrupt_enable_done,      // INTERRUPT_ENABLE.done: end of a program
  output reg         interrupt_enable_fault,     // INTERRUPT_ENABLE.fault: fault
  input  wire        interrupt_set_done,         // INTERRUPT_STATUS.done: end of a program, now
  input  wire        interrupt_set_fault,        // INTERRUPT_STATUS.fault: fault, now
  input  wire [7:0]  fault_code,                 // FAULT_CODE.code: 0: nothing
  // FAULT_INSTRUCTION.index: index of the instruction
  input  wire [31:0] fault_instruction,
  input  wire [31:0] fault_address,              // FAULT_ADDRESS.address: byte address of the burst
  output wire [31:0] program_address,            // byte address of the program
  output wire [31:0] program_length,             // bytes of the program
  output wire [31:0] read_window_first,          // first 8-byte word that may be read
  output wire [31:0] read_window_last,           // last 8-byte word that may be read
  output wire [31:0] write_window_first,         // first 8-byte word that may be written
  output wire [31:0] write_window_last,          // last 8-byte word that may be written
  // WATCHDOG.cycles: cycles without progress; 0: no limit
  output reg  [31:0] watchdog_limit,
  output reg         override_enable,            // OVERRIDE.enable: 1: these settings count
  output reg         override_tr_en,             // OVERRIDE.tr_en: term revealing on
  // OVERRIDE.data_terms: terms kept per column value; 0: all
  output reg  [3:0]  override_data_terms,
  output reg  [8:0]  override_group,             // OVERRIDE.group: values of a group
  output reg  [10:0] override_group_budget,      // OVERRIDE.budget: terms kept per group
  input  wire        count_cycles,               // counter: cycles of the run
  input  wire        count_busy,                 // counter: cycles in which the engine takes a beat
  // counter: cycles in which a layer waits for weights
  input  wire        count_stall_weights,
  // counter: cycles in which it waits for the engine, or for its results to leave
  input  wire        count_stall_results,
  // counter: cycles of the run without a layer: instructions, loads and stores
  input  wire        count_stall_memory,
  input  wire        count_beats_read,           // counter: words of 8 bytes read
  input  wire        count_beats_written,        // counter: words of 8 bytes written
  input  wire        count_bursts_read,          // counter: bursts read
  input  wire        count_bursts_written,       // counter: bursts written
  // counter: terms and empty planes that the rows worked through; 0 where the engine does not tell
  input  wire [TOKEN_W-1:0] count_tokens,
  // AXI4-Lite
  input  wire [11:0] s_axi_awaddr,
  input  wire [2:0]  s_axi_awprot,
  input  wire        s_axi_awvalid,
  output wire        s_axi_awready,
  input  wire [31:0] s_axi_wdata,
  input  wire [3:0]  s_axi_wstrb,
  input  wire        s_axi_wvalid,
  output wire        s_axi_wready,
  output wire [1:0]  s_axi_bresp,
  output reg         s_axi_bvalid,
  input  wire        s_axi_bready,
  input  wire [11:0] s_axi_araddr,
  input  wire [2:0]  s_axi_arprot,
  input  wire        s_axi_arvalid,
  output wire        s_axi_arready,
  output reg  [31:0] s_axi_rdata,
  output wire [1:0]  s_axi_rresp,
  output reg         s_axi_rvalid,
  input  wire        s_axi_rready
);
  generate
    if (TOKEN_W < 2 || TOKEN_W > 16) begin : g_illegal_token
      shw_ILLEGAL_TOKEN_W_must_be_2_to_16 illegal ();
    end
  endgenerate

  localparam [31:0] ROWS_32     = ROWS;
  localparam [31:0] COLS_32     = COLS;
  localparam [31:0] KIND_32     = KIND;
  localparam [31:0] DEPTH_32    = DEPTH;
  localparam [31:0] ACT_W_32    = ACT_W;
  localparam [31:0] WEIGHT_W_32 = WEIGHT_W;
  localparam [31:0] CONST_W_32  = CONST_W;

  assign s_axi_bresp = 2'b00;
  assign s_axi_rresp = 2'b00;

  // --- write: address and data in any order, then one cycle of `write` ---------------------------------
  reg         aw_held;
  reg         w_held;
  reg  [11:0] write_address;
  reg  [31:0] data;
  reg  [3:0]  strobes;
  wire        write = aw_held & w_held & ~s_axi_bvalid;
  wire [9:0]  word_address = write_address[11:2];
  wire [31:0] mask  = {{8{strobes[3]}}, {8{strobes[2]}}, {8{strobes[1]}}, {8{strobes[0]}}};
  wire [31:0] ones  = data & mask;

  assign s_axi_awready = ~aw_held;
  assign s_axi_wready  = ~w_held;

  always @(posedge clk) begin
    if (s_axi_awvalid & s_axi_awready) write_address <= s_axi_awaddr;
    if (s_axi_wvalid & s_axi_wready) begin
      data    <= s_axi_wdata;
      strobes <= s_axi_wstrb;
    end
    if (rst) begin
      aw_held      <= 1'b0;
      w_held       <= 1'b0;
      s_axi_bvalid <= 1'b0;
    end else begin
      aw_held      <= ~write & (aw_held | s_axi_awvalid);
      w_held       <= ~write & (w_held | s_axi_wvalid);
      s_axi_bvalid <= write | s_axi_bvalid & ~s_axi_bready;
    end
  end

  // --- registers ---------------------------------------------------------------------------------------
  wire hit_control              = write && word_address == 10'h008;
  wire hit_interrupt_enable     = write && word_address == 10'h00a;
  wire hit_interrupt_status     = write && word_address == 10'h00b;
  reg         interrupt_status_done;
  reg         interrupt_status_fault;
  wire hit_program_address      = write && word_address == 10'h010 && !status_busy;
  reg  [28:0] program_address_bits;
  assign program_address = {program_address_bits, 3'd0};
  wire hit_program_length       = write && word_address == 10'h011 && !status_busy;
  reg  [28:0] program_length_bits;
  assign program_length = {program_length_bits, 3'd0};
  wire hit_read_window_first    = write && word_address == 10'h012 && !status_busy;
  reg  [28:0] read_window_first_bits;
  assign read_window_first = {read_window_first_bits, 3'd0};
  wire hit_read_window_last     = write && word_address == 10'h013 && !status_busy;
  reg  [28:0] read_window_last_bits;
  assign read_window_last = {read_window_last_bits, 3'd0};
  wire hit_write_window_first   = write && word_address == 10'h014 && !status_busy;
  reg  [28:0] write_window_first_bits;
  assign write_window_first = {write_window_first_bits, 3'd0};
  wire hit_write_window_last    = write && word_address == 10'h015 && !status_busy;
  reg  [28:0] write_window_last_bits;
  assign write_window_last = {write_window_last_bits, 3'd0};
  wire hit_watchdog             = write && word_address == 10'h016 && !status_busy;
  wire hit_override             = write && word_address == 10'h017 && !status_busy;

  always @(posedge clk) begin
    if (rst) begin
      control_start           <= 1'h0;
      control_stop            <= 1'h0;
      control_soft_reset      <= 1'h0;
      interrupt_enable_done   <= 1'h0;
      interrupt_enable_fault  <= 1'h0;
      interrupt_status_done   <= 1'h0;
      interrupt_status_fault  <= 1'h0;
      program_address_bits    <= 29'h0;
      program_length_bits     <= 29'h0;
      read_window_first_bits  <= 29'h1fffffff;
      read_window_last_bits   <= 29'h0;
      write_window_first_bits <= 29'h1fffffff;
      write_window_last_bits  <= 29'h0;
      watchdog_limit          <= 32'h0;
      override_enable         <= 1'h0;
      override_tr_en          <= 1'h0;
      override_data_terms     <= 4'h0;
      override_group          <= 9'h0;
      override_group_budget   <= 11'h0;
      irq <= 1'b0;
    end else begin
      control_start <= hit_control & ones[0] & ~status_busy;
      control_stop <= hit_control & ones[1];
      control_soft_reset <= hit_control & ones[2];
      if (hit_interrupt_enable) begin
        interrupt_enable_done <= (interrupt_enable_done & ~mask[0]) | ones[0];
        interrupt_enable_fault <= (interrupt_enable_fault & ~mask[1]) | ones[1];
      end
      interrupt_status_done <= interrupt_set_done
        | (interrupt_status_done & ~(hit_interrupt_status & ones[0]));
      interrupt_status_fault <= interrupt_set_fault
        | (interrupt_status_fault & ~(hit_interrupt_status & ones[1]));
      if (hit_program_address) begin
        program_address_bits <= (program_address_bits & ~mask[31:3]) | ones[31:3];
      end
      if (hit_program_length) begin
        program_length_bits <= (program_length_bits & ~mask[31:3]) | ones[31:3];
      end
      if (hit_read_window_first) begin
        read_window_first_bits <= (read_window_first_bits & ~mask[31:3]) | ones[31:3];
      end
      if (hit_read_window_last) begin
        read_window_last_bits <= (read_window_last_bits & ~mask[31:3]) | ones[31:3];
      end
      if (hit_write_window_first) begin
        write_window_first_bits <= (write_window_first_bits & ~mask[31:3]) | ones[31:3];
      end
      if (hit_write_window_last) begin
        write_window_last_bits <= (write_window_last_bits & ~mask[31:3]) | ones[31:3];
      end
      if (hit_watchdog) begin
        watchdog_limit <= (watchdog_limit & ~mask[31:0]) | ones[31:0];
      end
      if (hit_override) begin
        override_enable <= (override_enable & ~mask[0]) | ones[0];
        override_tr_en <= (override_tr_en & ~mask[1]) | ones[1];
        override_data_terms <= (override_data_terms & ~mask[7:4]) | ones[7:4];
        override_group <= (override_group & ~mask[16:8]) | ones[16:8];
        override_group_budget <= (override_group_budget & ~mask[30:20]) | ones[30:20];
      end
      irq <= (interrupt_status_done & interrupt_enable_done)
        | (interrupt_status_fault & interrupt_enable_fault);
    end
  end

  // --- read --------------------------------------------------------------------------------------------
  reg         ar_held;
  reg  [11:0] read_address;
  reg  [31:0] word;
  wire        counted   = read_address[11:7] == 5'd1;
  wire        wait_for  = ar_held & ~s_axi_rvalid & counted & ~read_address[2];
  wire        read_done;
  wire [63:0] counter;
  wire        unused    = &{1'b0, s_axi_awprot, s_axi_arprot, write_address[1:0], read_address[1:0],
                            mask, ones};

  assign s_axi_arready = ~ar_held;

  always @(posedge clk) begin
    if (s_axi_arvalid & s_axi_arready) read_address <= s_axi_araddr;
    if (!s_axi_rvalid) begin
      s_axi_rdata <= !counted ? word : read_address[2] ? counter[63:32] : counter[31:0];
    end
    if (rst) begin
      ar_held      <= 1'b0;
      s_axi_rvalid <= 1'b0;
    end else begin
      ar_held      <= (ar_held | s_axi_arvalid) & ~(s_axi_rvalid & s_axi_rready);
      s_axi_rvalid <= s_axi_rvalid ? ~s_axi_rready : ar_held & (~wait_for | read_done);
    end
  end

  shw_counters #(.PULSES(9), .AMOUNT_W(TOKEN_W)) u_counters (
    .clk(clk), .rst(rst), .clear(control_start),
    .pulse({
      count_bursts_written,
      count_bursts_read,
      count_beats_written,
      count_beats_read,
      count_stall_memory,
      count_stall_results,
      count_stall_weights,
      count_busy,
      count_cycles
    }),
    .amount(count_tokens),
    .read(wait_for & ~read_done), .read_index(read_address[6:3]),
    .read_done(read_done), .read_value(counter)
  );

  always @* begin
    case (read_address[11:2])
      10'h000: word = 32'h53485741;
      10'h001: word = {8'd1, 24'h000100};
      10'h002: word = {COLS_32[15:0], ROWS_32[15:0]};
      10'h003: word = {DEPTH_32[15:0], 8'd0, KIND_32[7:0]};
      10'h004: word = {8'd0, CONST_W_32[7:0], WEIGHT_W_32[7:0], ACT_W_32[7:0]};
      10'h009: word = {29'd0, status_fault, status_done, status_busy};
      10'h00a: word = {30'd0, interrupt_enable_fault, interrupt_enable_done};
      10'h00b: word = {30'd0, interrupt_status_fault, interrupt_status_done};
      10'h00c: word = {24'd0, fault_code};
      10'h00d: word = fault_instruction;
      10'h00e: word = fault_address;
      10'h010: word = {program_address_bits, 3'd0};
      10'h011: word = {program_length_bits, 3'd0};
      10'h012: word = {read_window_first_bits, 3'd0};
      10'h013: word = {read_window_last_bits, 3'd0};
      10'h014: word = {write_window_first_bits, 3'd0};
      10'h015: word = {write_window_last_bits, 3'd0};
      10'h016: word = watchdog_limit;
      10'h017: word = {
        1'd0,
        override_group_budget,
        3'd0,
        override_group,
        override_data_terms,
        2'd0,
        override_tr_en,
        override_enable
      };
      default: word = 32'd0;
    endcase
  end
endmodule

`default_nettype wire

// shw_accel_axi: the accelerator on a bus: shw_accel behind an AXI4 master and AXI4-Lite registers.
//
// Software writes program and data to memory, the program's address and length, windows and limits to
// registers (shw_axi_registers), then CONTROL.start. A run ends in one of three ways:
//   its program has ended   STATUS.done, and the interrupt of that name
//   a fault                 STATUS.fault with code, instruction and address, and the interrupt, at once
//   stop or soft reset      neither
// In each case the core is held in reset while the bursts in flight are finished and their data dropped;
// STATUS.busy falls when the bus is clean, and the next start works as after rst. Start is ignored while
// busy.
//
// Fault codes (docs/accelerator.md): 1..3 and 9..11 of shw_accel, 4 and 5 a read or write outside its window,
// 6 and 7 an error that memory answers to a read or write, 8 watchdog, 9 also a length that is none.
// The watchdog counts cycles in which nothing is transferred on any stream and no layer goes on.
//
// Parameters:
//   ENGINE .. FIXED_ROWS   those of shw_accel
//   READS, WRITES, ID_W    those of shw_axi_master
// Latency:      4 cycles from control_start to the first request; that of the program; 10 cycles from its
//               end until STATUS.busy falls when the bus is clean, 12 to the interrupt.
// Throughput:   a word of 64 bits a cycle in each direction, a beat of the engine a cycle.
// Backpressure: memory may stall every channel.
// Reset:        rst drops everything, also bursts in flight: only together with the reset of the bus.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_axi #(
  parameter ENGINE     = "tr",
  parameter ROWS       = 8,
  parameter COLS       = 64,
  parameter ADDR_W     = 11,
  parameter WEIGHTS    = 1024,
  parameter CONST_W    = 10,
  parameter DEPTH      = 256,
  parameter ACC_W      = 22,
  parameter TRUNCATE   = 1,
  parameter FAMILY     = "generic",
  parameter MULTIPLIER = "lut",
  parameter FIXED_ROWS = 0,
  parameter READS      = 4,
  parameter WRITES     = 4,
  parameter ID_W       = 1
) (
  input  wire            clk,
  input  wire            rst,
  output wire            irq,
  output wire            status_busy,   // STATUS.busy: a run is under way
  output reg             status_done,   // STATUS.done: the last run ended at the end of its program
  output reg             status_fault,  // STATUS.fault: the last run ended with a fault
  // AXI4-Lite
  input  wire [11:0]     s_axi_awaddr,
  input  wire [2:0]      s_axi_awprot,
  input  wire            s_axi_awvalid,
  output wire            s_axi_awready,
  input  wire [31:0]     s_axi_wdata,
  input  wire [3:0]      s_axi_wstrb,
  input  wire            s_axi_wvalid,
  output wire            s_axi_wready,
  output wire [1:0]      s_axi_bresp,
  output wire            s_axi_bvalid,
  input  wire            s_axi_bready,
  input  wire [11:0]     s_axi_araddr,
  input  wire [2:0]      s_axi_arprot,
  input  wire            s_axi_arvalid,
  output wire            s_axi_arready,
  output wire [31:0]     s_axi_rdata,
  output wire [1:0]      s_axi_rresp,
  output wire            s_axi_rvalid,
  input  wire            s_axi_rready,
  // AXI4
  output wire [ID_W-1:0] m_axi_awid,
  output wire [31:0]     m_axi_awaddr,
  output wire [7:0]      m_axi_awlen,
  output wire [2:0]      m_axi_awsize,
  output wire [1:0]      m_axi_awburst,
  output wire [3:0]      m_axi_awcache,
  output wire [2:0]      m_axi_awprot,
  output wire            m_axi_awvalid,
  input  wire            m_axi_awready,
  output wire [63:0]     m_axi_wdata,
  output wire [7:0]      m_axi_wstrb,
  output wire            m_axi_wlast,
  output wire            m_axi_wvalid,
  input  wire            m_axi_wready,
  input  wire [ID_W-1:0] m_axi_bid,
  input  wire [1:0]      m_axi_bresp,
  input  wire            m_axi_bvalid,
  output wire            m_axi_bready,
  output wire [ID_W-1:0] m_axi_arid,
  output wire [31:0]     m_axi_araddr,
  output wire [7:0]      m_axi_arlen,
  output wire [2:0]      m_axi_arsize,
  output wire [1:0]      m_axi_arburst,
  output wire [3:0]      m_axi_arcache,
  output wire [2:0]      m_axi_arprot,
  output wire            m_axi_arvalid,
  input  wire            m_axi_arready,
  input  wire [ID_W-1:0] m_axi_rid,
  input  wire [63:0]     m_axi_rdata,
  input  wire [1:0]      m_axi_rresp,
  input  wire            m_axi_rlast,
  input  wire            m_axi_rvalid,
  output wire            m_axi_rready
);
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  localparam ENGINE_KIND  = (ENGINE == "tr") ? 0 : (ENGINE == "msq") ? 1 : 3;
  localparam ENGINE_DEPTH = (ENGINE == "tr") ? DEPTH : 0;
  /* verilator lint_on WIDTHEXPAND */

  // --- Registers ---------------------------------------------------------------------------------
  wire        control_start;
  wire        control_stop;
  wire        control_soft_reset;
  reg         set_done;
  reg         set_fault;
  reg  [3:0]  fault_code;
  reg  [15:0] fault_instruction;
  reg  [31:0] fault_address;
  wire [31:0] program_address;
  wire [31:0] program_length;
  wire [31:0] read_window_first;
  wire [31:0] read_window_last;
  wire [31:0] write_window_first;
  wire [31:0] write_window_last;
  wire [31:0] watchdog_limit;
  wire        override_enable;
  wire        override_tr_en;
  wire [3:0]  override_data_terms;
  wire [8:0]  override_group;
  wire [10:0] override_group_budget;
  wire [1:0]  enable_unused;
  wire        running;
  wire        event_layer;
  wire        event_start_unused;
  wire        event_end_unused;
  wire        event_beat;
  wire        event_weights;
  wire        event_results;
  wire        event_progress;
  wire        event_read_beat;
  wire        event_write_beat;
  wire        event_read_burst;
  wire        event_write_burst;

  shw_axi_registers #(
    .ROWS(ROWS), .COLS(COLS), .KIND(ENGINE_KIND), .DEPTH(ENGINE_DEPTH), .ACT_W(ADDR_W),
    .WEIGHT_W($clog2(WEIGHTS)),
    .CONST_W(CONST_W), .TOKEN_W(2)
  ) u_registers (
    .clk(clk), .rst(rst), .irq(irq),
    .control_start(control_start), .control_stop(control_stop),
    .control_soft_reset(control_soft_reset),
    .status_busy(status_busy), .status_done(status_done), .status_fault(status_fault),
    .interrupt_enable_done(enable_unused[0]), .interrupt_enable_fault(enable_unused[1]),
    .interrupt_set_done(set_done), .interrupt_set_fault(set_fault),
    .fault_code({4'd0, fault_code}), .fault_instruction({16'd0, fault_instruction}),
    .fault_address(fault_address),
    .program_address(program_address), .program_length(program_length),
    .read_window_first(read_window_first), .read_window_last(read_window_last),
    .write_window_first(write_window_first), .write_window_last(write_window_last),
    .watchdog_limit(watchdog_limit),
    .override_enable(override_enable), .override_tr_en(override_tr_en),
    .override_data_terms(override_data_terms),
    .override_group(override_group), .override_group_budget(override_group_budget),
    .count_cycles(running), .count_busy(running & event_beat),
    .count_stall_weights(running & event_weights),
    .count_stall_results(running & event_results), .count_stall_memory(running & ~event_layer),
    .count_beats_read(event_read_beat), .count_beats_written(event_write_beat),
    .count_bursts_read(event_read_burst), .count_bursts_written(event_write_burst),
    .count_tokens(2'd0),
    .s_axi_awaddr(s_axi_awaddr), .s_axi_awprot(s_axi_awprot), .s_axi_awvalid(s_axi_awvalid),
    .s_axi_awready(s_axi_awready), .s_axi_wdata(s_axi_wdata), .s_axi_wstrb(s_axi_wstrb),
    .s_axi_wvalid(s_axi_wvalid),
    .s_axi_wready(s_axi_wready), .s_axi_bresp(s_axi_bresp), .s_axi_bvalid(s_axi_bvalid),
    .s_axi_bready(s_axi_bready),
    .s_axi_araddr(s_axi_araddr), .s_axi_arprot(s_axi_arprot), .s_axi_arvalid(s_axi_arvalid),
    .s_axi_arready(s_axi_arready), .s_axi_rdata(s_axi_rdata), .s_axi_rresp(s_axi_rresp),
    .s_axi_rvalid(s_axi_rvalid),
    .s_axi_rready(s_axi_rready)
  );

  // --- Core and master ---------------------------------------------------------------------------
  reg         core_reset;
  reg         core_start;
  wire        core_busy;
  wire        core_fault;
  wire [3:0]  core_code;
  wire [15:0] core_index;
  wire [15:0] move_index;
  wire        master_stop;
  wire        master_clear;
  wire        master_idle;
  wire        master_window;
  wire        master_bus;
  wire        master_write;
  wire [31:0] master_address;
  wire        rd_valid;
  wire        rd_ready;
  wire [31:0] rd_address;
  wire [15:0] rd_words;
  wire        rdata_valid;
  wire        rdata_ready;
  wire [63:0] rdata;
  wire        rdata_last;
  wire        wr_valid;
  wire        wr_ready;
  wire [31:0] wr_address;
  wire [15:0] wr_words;
  wire        wdata_valid;
  wire        wdata_ready;
  wire [63:0] wdata;
  wire        wdone;

  shw_accel #(
    .ENGINE(ENGINE), .ROWS(ROWS), .COLS(COLS), .ADDR_W(ADDR_W), .WEIGHTS(WEIGHTS),
    .CONST_W(CONST_W), .DEPTH(DEPTH),
    .ACC_W(ACC_W), .TRUNCATE(TRUNCATE), .FAMILY(FAMILY), .MULTIPLIER(MULTIPLIER),
    .FIXED_ROWS(FIXED_ROWS)
  ) u_core (
    .clk(clk), .rst(core_reset), .start(core_start), .program_address(program_address),
    .program_count(program_length[21:6]),
    .busy(core_busy), .fault(core_fault), .fault_code(core_code), .fault_index(core_index),
    .move_index(move_index),
    .override_enable(override_enable), .override_tr_en(override_tr_en),
    .override_group(override_group),
    .override_group_budget(override_group_budget), .override_data_terms(override_data_terms),
    .event_layer(event_layer), .event_start(event_start_unused), .event_end(event_end_unused),
    .event_beat(event_beat),
    .event_weights(event_weights),
    .event_results(event_results), .event_progress(event_progress),
    .rd_valid(rd_valid), .rd_ready(rd_ready), .rd_address(rd_address), .rd_words(rd_words),
    .rdata_valid(rdata_valid), .rdata_ready(rdata_ready), .rdata(rdata), .rdata_last(rdata_last),
    .wr_valid(wr_valid), .wr_ready(wr_ready), .wr_address(wr_address), .wr_words(wr_words),
    .wdata_valid(wdata_valid), .wdata_ready(wdata_ready), .wdata(wdata), .wdone(wdone)
  );

  shw_axi_master #(.READS(READS), .WRITES(WRITES), .ID_W(ID_W)) u_master (
    .clk(clk), .rst(rst), .stop(master_stop), .clear(master_clear), .idle(master_idle),
    .fault_window(master_window), .fault_bus(master_bus), .fault_write(master_write),
    .fault_address(master_address),
    .read_window_first(read_window_first), .read_window_last(read_window_last),
    .write_window_first(write_window_first), .write_window_last(write_window_last),
    .event_read_beat(event_read_beat), .event_write_beat(event_write_beat),
    .event_read_burst(event_read_burst), .event_write_burst(event_write_burst),
    .rd_valid(rd_valid), .rd_ready(rd_ready), .rd_address(rd_address), .rd_words(rd_words),
    .rdata_valid(rdata_valid), .rdata_ready(rdata_ready), .rdata(rdata), .rdata_last(rdata_last),
    .wr_valid(wr_valid), .wr_ready(wr_ready), .wr_address(wr_address), .wr_words(wr_words),
    .wdata_valid(wdata_valid), .wdata_ready(wdata_ready), .wdata(wdata), .wdone(wdone),
    .m_axi_awid(m_axi_awid), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen),
    .m_axi_awsize(m_axi_awsize),
    .m_axi_awburst(m_axi_awburst), .m_axi_awcache(m_axi_awcache), .m_axi_awprot(m_axi_awprot),
    .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready), .m_axi_wdata(m_axi_wdata),
    .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid),
    .m_axi_wready(m_axi_wready),
    .m_axi_bid(m_axi_bid), .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid),
    .m_axi_bready(m_axi_bready),
    .m_axi_arid(m_axi_arid), .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen),
    .m_axi_arsize(m_axi_arsize),
    .m_axi_arburst(m_axi_arburst), .m_axi_arcache(m_axi_arcache), .m_axi_arprot(m_axi_arprot),
    .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready), .m_axi_rid(m_axi_rid),
    .m_axi_rdata(m_axi_rdata),
    .m_axi_rresp(m_axi_rresp), .m_axi_rlast(m_axi_rlast), .m_axi_rvalid(m_axi_rvalid),
    .m_axi_rready(m_axi_rready)
  );

  // --- Faults of memory, and the watchdog --------------------------------------------------------
  // A cycle later than the master: where in the program the address is, if it is there. What reads or
  // writes stands still meanwhile.
  reg         memory_fault;
  reg  [31:0] offset;
  wire        in_program = ~master_write & offset < program_length;
  reg         progress;
  reg         limited;
  reg  [31:0] quiet;        // cycles that are left without progress
  reg         expired;

  always @(posedge clk) begin
    offset   <= master_address - program_address;
    progress <= (rd_valid & rd_ready) | (rdata_valid & rdata_ready) | (wr_valid & wr_ready)
                | (wdata_valid & wdata_ready) | wdone | event_progress;
    limited  <= watchdog_limit != 32'd0;
    if (!running || progress || !limited) begin
      quiet   <= watchdog_limit;
      expired <= 1'b0;
    end else begin
      quiet   <= quiet - 32'd1;
      expired <= quiet == 32'd1 || expired;
    end
    memory_fault <= !core_reset && (master_window || master_bus);
  end

  // --- Runs --------------------------------------------------------------------------------------
  localparam [2:0] IDLE = 3'd0, RELEASE = 3'd1, START = 3'd2;
  localparam [2:0] RUN = 3'd3, DRAIN = 3'd4, CLEAR = 3'd5;

  reg  [2:0] state;
  reg  [2:0] held;          // cycles of DRAIN, at least 8: the core's reset reaches everything
  reg        complete;      // the program has ended

  wire stop       = control_stop || control_soft_reset;
  wire no_program = program_length[21:6] == 16'd0 || program_length[31:22] != 10'd0
                    || program_length[5:3] != 3'd0 || program_address[5:3] != 3'd0;
  wire faulty     = core_fault || memory_fault || expired;
  wire unused     = &{1'b0, enable_unused, program_length[2:0]};

  assign status_busy  = state != IDLE;
  assign running      = state == START || state == RUN;
  assign master_stop  = state == DRAIN;
  assign master_clear = state == CLEAR;

  always @(posedge clk) begin
    core_start <= state == RELEASE;
    set_done   <= 1'b0;
    set_fault  <= 1'b0;
    case (state)
      IDLE: begin
        held     <= 3'd0;
        complete <= 1'b0;
        if (control_start && !stop) begin
          status_done       <= 1'b0;
          status_fault      <= no_program;
          set_fault         <= no_program;
          fault_code        <= no_program ? 4'd9 : 4'd0;
          fault_instruction <= 16'd0;
          fault_address     <= 32'd0;
          if (!no_program) begin
            core_reset <= 1'b0;
            state      <= RELEASE;
          end
        end
      end
      RELEASE: state <= START;
      START:   state <= RUN;
      RUN: begin
        if (faulty) begin
          status_fault      <= 1'b1;
          set_fault         <= 1'b1;
          fault_code        <= core_fault ? core_code
                               : !memory_fault ? 4'd8
                               : {2'b01, master_bus, master_write};
          fault_instruction <= core_fault || !memory_fault ? core_index
                               : in_program ? offset[21:6] : move_index;
          if (memory_fault && !core_fault) fault_address <= master_address;
        end
        complete <= !faulty && !core_busy;
        if (faulty || !core_busy) state <= DRAIN;
      end
      DRAIN: begin
        core_reset <= 1'b1;
        if (held != 3'd7) held <= held + 3'd1;
        else if (master_idle) state <= CLEAR;
      end
      default: begin
        status_done <= complete;
        set_done    <= complete;
        state       <= IDLE;
      end
    endcase
    if (stop && (state == RELEASE || state == START || state == RUN)) begin
      complete     <= 1'b0;
      status_fault <= 1'b0;
      set_fault    <= 1'b0;
      fault_code   <= 4'd0;
      state        <= DRAIN;
    end
    if (control_soft_reset) begin
      complete     <= 1'b0;
      status_done  <= 1'b0;
      status_fault <= 1'b0;
      fault_code   <= 4'd0;
      set_done     <= 1'b0;
    end
    if (rst) begin
      state             <= IDLE;
      core_reset        <= 1'b1;
      core_start        <= 1'b0;
      status_done       <= 1'b0;
      status_fault      <= 1'b0;
      set_done          <= 1'b0;
      set_fault         <= 1'b0;
      fault_code        <= 4'd0;
      fault_instruction <= 16'd0;
      fault_address     <= 32'd0;
    end
  end
endmodule

`default_nettype wire

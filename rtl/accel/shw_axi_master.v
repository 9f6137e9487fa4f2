// shw_axi_master: plain streams of 64-bit words to and from memory over AXI4.
//
// Read and write requests (byte address, words) become INCR bursts of up to 256 beats, none across a boundary
// of 4 KiB (shw_burst_split). Up to READS read bursts and WRITES write bursts are outstanding, all with ID 0, so
// data come in order. The beats of a write burst are offered from the cycle after its AWVALID rises, whether
// it has been accepted or not. wdone pulses when all bursts of a write request are acknowledged.
//
// Every burst is checked against its window first. One that leaves it is not issued: fault_window rises. A SLVERR
// or DECERR raises fault_bus. fault_address is the address of the burst; the first fault stands. After a
// fault or `stop` no new burst begins (later than the cycle in which the fault is seen), requests are neither
// taken nor remembered, bursts in flight are finished: their read data are dropped, write data that
// are missing are sent with strobes 0. When `idle` is high then, the bus is clean, and `clear` starts anew.
//
// Parameters:   READS   2..64, a power of two: read bursts outstanding
//               WRITES  2..64, a power of two: write bursts outstanding
//               ID_W    1..16: width of the AXI IDs
// Latency:      5 cycles from a read request to ARVALID, 1 cycle from R to rdata; 5 cycles from a write request to
//               AWVALID, 1 cycle from wdata to W.
// Throughput:   1 word per cycle in each direction, across bursts; a burst every 2 cycles, a request every 4.
// Backpressure: full; every output is a function of registers. rdata_valid falls when a fault or stop drops data.
// Reset:        rst drops everything, also bursts in flight: only together with the reset of the bus.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_axi_master #(
  parameter READS  = 4,
  parameter WRITES = 4,
  parameter ID_W   = 1
) (
  input  wire            clk,
  input  wire            rst,
  input  wire            stop,          // no new bursts, finish those in flight
  input  wire            clear,         // go on after a fault or stop; looked at while idle
  output reg             idle,          // no request and no burst is under way
  output reg             fault_window,  // a burst would have left its window
  output reg             fault_bus,     // memory answered SLVERR or DECERR
  output reg             fault_write,   // the fault is one of a write
  output reg  [31:0]     fault_address, // byte address of the burst
  // windows: byte address of the first and of the last 8-byte word that may be accessed
  input  wire [31:0]     read_window_first,
  input  wire [31:0]     read_window_last,
  input  wire [31:0]     write_window_first,
  input  wire [31:0]     write_window_last,
  // pulses for counters
  output reg             event_read_beat,    // a beat came
  output reg             event_write_beat,   // a beat left
  output reg             event_read_burst,   // a burst was issued
  output reg             event_write_burst,  // a burst was issued
  // requests and data
  input  wire            rd_valid,
  output wire            rd_ready,
  input  wire [31:0]     rd_address,    // byte address, a multiple of 8
  input  wire [15:0]     rd_words,      // 64-bit words, at least 1
  output wire            rdata_valid,
  input  wire            rdata_ready,
  output wire [63:0]     rdata,
  output wire            rdata_last,    // last word of a request
  input  wire            wr_valid,
  output wire            wr_ready,
  input  wire [31:0]     wr_address,    // byte address, a multiple of 8
  input  wire [15:0]     wr_words,      // 64-bit words, at least 1
  input  wire            wdata_valid,
  output wire            wdata_ready,
  input  wire [63:0]     wdata,
  output reg             wdone,         // a write request is acknowledged
  // AXI4
  output wire [ID_W-1:0] m_axi_awid,
  output reg  [31:0]     m_axi_awaddr,
  output reg  [7:0]      m_axi_awlen,
  output wire [2:0]      m_axi_awsize,
  output wire [1:0]      m_axi_awburst,
  output wire [3:0]      m_axi_awcache,
  output wire [2:0]      m_axi_awprot,
  output reg             m_axi_awvalid,
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
  output reg  [31:0]     m_axi_araddr,
  output reg  [7:0]      m_axi_arlen,
  output wire [2:0]      m_axi_arsize,
  output wire [1:0]      m_axi_arburst,
  output wire [3:0]      m_axi_arcache,
  output wire [2:0]      m_axi_arprot,
  output reg             m_axi_arvalid,
  input  wire            m_axi_arready,
  input  wire [ID_W-1:0] m_axi_rid,
  input  wire [63:0]     m_axi_rdata,
  input  wire [1:0]      m_axi_rresp,
  input  wire            m_axi_rlast,
  input  wire            m_axi_rvalid,
  output wire            m_axi_rready
);
  generate
    if (READS < 2 || READS > 64 || (1 << $clog2(READS)) != READS) begin : g_illegal_reads
      shw_ILLEGAL_READS_must_be_a_power_of_two_from_2_to_64 illegal ();
    end
    if (WRITES < 2 || WRITES > 64 || (1 << $clog2(WRITES)) != WRITES) begin : g_illegal_writes
      shw_ILLEGAL_WRITES_must_be_a_power_of_two_from_2_to_64 illegal ();
    end
    if (ID_W < 1 || ID_W > 16) begin : g_illegal_id
      shw_ILLEGAL_ID_W_must_be_1_to_16 illegal ();
    end
  endgenerate

  assign m_axi_awid    = {ID_W{1'b0}};
  assign m_axi_awsize  = 3'd3;       // 8 bytes
  assign m_axi_awburst = 2'd1;       // INCR
  assign m_axi_awcache = 4'b0011;    // normal memory, not cached
  assign m_axi_awprot  = 3'd0;
  assign m_axi_arid    = {ID_W{1'b0}};
  assign m_axi_arsize  = 3'd3;
  assign m_axi_arburst = 2'd1;
  assign m_axi_arcache = 4'b0011;
  assign m_axi_arprot  = 3'd0;

  wire [$clog2(READS):0]  reads_level;
  wire [$clog2(WRITES):0] writes_level;
  wire [$clog2(WRITES):0] lengths_level;
  wire unused = &{1'b0, m_axi_bid, m_axi_rid, m_axi_rresp[0], m_axi_bresp[0],
                  reads_level, writes_level, lengths_level};

  reg  halted;                       // a fault or stop: nothing new begins
  wire drop = rst | halted;

  // --- reads ---------------------------------------------------------------------------------------------
  wire        ar_valid;
  wire [31:0] ar_address;
  wire [7:0]  ar_length;
  wire        ar_final;
  wire        ar_outside;
  wire        reads_room;
  wire        read_pending;
  wire [28:0] read_address;          // of the burst whose data come, in words
  wire        read_final;            // it is the last of its request
  wire        r_room;
  wire        ar_go    = ~m_axi_arvalid & reads_room & ~halted & ~stop;
  wire        ar_issue = ar_valid & ar_go & ~ar_outside;
  wire        r_beat   = m_axi_rvalid & m_axi_rready;

  shw_burst_split u_reads (
    .clk(clk), .rst(drop), .window_first(read_window_first), .window_last(read_window_last),
    .in_valid(rd_valid), .in_ready(rd_ready), .in_address(rd_address), .in_words(rd_words),
    .out_valid(ar_valid), .out_ready(ar_go), .out_address(ar_address), .out_length(ar_length),
    .out_final(ar_final), .out_outside(ar_outside)
  );

  shw_fifo #(.DATA_W(30), .DEPTH(READS)) u_reads_pending (
    .clk(clk), .rst(rst),
    .in_valid(ar_issue), .in_ready(reads_room), .in_data({ar_address[31:3], ar_final}),
    .out_valid(read_pending), .out_ready(r_beat & m_axi_rlast),
    .out_data({read_address, read_final}), .level(reads_level)
  );

  assign m_axi_rready = r_room | halted;

  shw_skid_buffer #(.DATA_W(65)) u_rdata (
    .clk(clk), .rst(drop),
    .in_valid(m_axi_rvalid & ~m_axi_rresp[1]), .in_ready(r_room),
    .in_data({m_axi_rlast & read_final, m_axi_rdata}),
    .out_valid(rdata_valid), .out_ready(rdata_ready), .out_data({rdata_last, rdata})
  );

  always @(posedge clk) begin
    if (ar_issue) begin
      m_axi_araddr <= ar_address;
      m_axi_arlen  <= ar_length;
    end
    if (rst) m_axi_arvalid <= 1'b0;
    else if (ar_issue) m_axi_arvalid <= 1'b1;
    else if (m_axi_arready) m_axi_arvalid <= 1'b0;
  end

  // --- writes --------------------------------------------------------------------------------------------
  wire        aw_valid;
  wire [31:0] aw_address;
  wire [7:0]  aw_length;
  wire        aw_final;
  wire        aw_outside;
  wire        writes_room;
  wire        write_pending;
  wire [28:0] write_address;         // of the burst that is acknowledged next, in words
  wire        write_final;           // it is the last of its request
  wire        lengths_room;
  wire        length_valid;
  wire [7:0]  length;
  wire        w_room;
  wire        aw_go    = ~m_axi_awvalid & writes_room & lengths_room & ~halted & ~stop;
  wire        aw_issue = aw_valid & aw_go & ~aw_outside;
  wire        b_beat   = m_axi_bvalid & m_axi_bready;

  reg         burst;                 // beats of a burst are owed
  reg  [7:0]  beats;                 // after the next one
  reg         last_beat;             // the next one is the last
  wire        w_beat   = burst & (wdata_valid | halted) & w_room;
  wire        next     = length_valid & (~burst | w_beat & last_beat);

  shw_burst_split u_writes (
    .clk(clk), .rst(drop), .window_first(write_window_first), .window_last(write_window_last),
    .in_valid(wr_valid), .in_ready(wr_ready), .in_address(wr_address), .in_words(wr_words),
    .out_valid(aw_valid), .out_ready(aw_go), .out_address(aw_address), .out_length(aw_length),
    .out_final(aw_final), .out_outside(aw_outside)
  );

  shw_fifo #(.DATA_W(30), .DEPTH(WRITES)) u_writes_pending (
    .clk(clk), .rst(rst),
    .in_valid(aw_issue), .in_ready(writes_room), .in_data({aw_address[31:3], aw_final}),
    .out_valid(write_pending), .out_ready(b_beat),
    .out_data({write_address, write_final}), .level(writes_level)
  );

  shw_fifo #(.DATA_W(8), .DEPTH(WRITES)) u_lengths (
    .clk(clk), .rst(rst),
    .in_valid(aw_issue), .in_ready(lengths_room), .in_data(aw_length),
    .out_valid(length_valid), .out_ready(next), .out_data(length),
    .level(lengths_level)
  );

  assign wdata_ready  = burst & w_room & ~halted;
  assign m_axi_bready = 1'b1;

  shw_skid_buffer #(.DATA_W(73)) u_wdata (
    .clk(clk), .rst(rst),
    .in_valid(burst & (wdata_valid | halted)), .in_ready(w_room),
    .in_data({last_beat, {8{~halted}}, wdata}),
    .out_valid(m_axi_wvalid), .out_ready(m_axi_wready),
    .out_data({m_axi_wlast, m_axi_wstrb, m_axi_wdata})
  );

  always @(posedge clk) begin
    if (aw_issue) begin
      m_axi_awaddr <= aw_address;
      m_axi_awlen  <= aw_length;
    end
    if (next) begin
      beats     <= length - 1'b1;
      last_beat <= length == 8'd0;
    end else if (w_beat) begin
      beats     <= beats - 1'b1;
      last_beat <= beats == 8'd0;
    end
    if (rst) begin
      m_axi_awvalid <= 1'b0;
      burst         <= 1'b0;
      wdone         <= 1'b0;
    end else begin
      if (aw_issue) m_axi_awvalid <= 1'b1;
      else if (m_axi_awready) m_axi_awvalid <= 1'b0;
      if (next) burst <= 1'b1;
      else if (w_beat & last_beat) burst <= 1'b0;
      wdone <= b_beat & write_final & ~m_axi_bresp[1] & ~halted;
    end
  end

  // --- faults, idle, counters ----------------------------------------------------------------------------
  wire read_error  = r_beat & m_axi_rresp[1];
  wire write_error = b_beat & m_axi_bresp[1];
  wire read_leaves = ar_valid & ar_outside;
  wire bus_error   = read_error | write_error;
  wire leaves      = read_leaves | aw_valid & aw_outside;
  wire by_write    = bus_error ? ~read_error : ~read_leaves;

  always @(posedge clk) begin
    if (~halted & (bus_error | leaves)) begin
      fault_write   <= by_write;
      fault_address <= bus_error ? {by_write ? write_address : read_address, 3'd0}
                                 : by_write ? aw_address : ar_address;
    end
    if (rst) begin
      halted            <= 1'b0;
      fault_window      <= 1'b0;
      fault_bus         <= 1'b0;
      idle              <= 1'b0;
      event_read_beat   <= 1'b0;
      event_write_beat  <= 1'b0;
      event_read_burst  <= 1'b0;
      event_write_burst <= 1'b0;
    end else begin
      if (stop | (~halted & (bus_error | leaves))) halted <= 1'b1;
      else if (clear & idle) halted <= 1'b0;
      if (clear & idle) begin
        fault_window <= 1'b0;
        fault_bus    <= 1'b0;
      end else if (!halted) begin
        fault_window <= leaves & ~bus_error;
        fault_bus    <= bus_error;
      end
      idle <= ~(read_pending | write_pending | ar_issue | aw_issue)
              & (halted | rd_ready & ~rd_valid & ~ar_valid & wr_ready & ~wr_valid & ~aw_valid);
      event_read_beat   <= r_beat;
      event_write_beat  <= m_axi_wvalid & m_axi_wready;
      event_read_burst  <= ar_issue;
      event_write_burst <= aw_issue;
    end
  end
endmodule

`default_nettype wire

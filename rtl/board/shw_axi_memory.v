// shw_axi_memory: memory on the chip for an AXI4 master of 64 bits, and beside it a port for single words of 32 bits.
//
// The AXI side takes INCR bursts of full width, as shw_axi_master makes them; one burst of reads and one of
// writes are under way at a time. A burst that begins beyond the memory, or is of another kind or width, is answered
// with DECERR and changes nothing. One that does not cross 4 KiB cannot leave the memory, of which that is the
// least size.
//
// The word port comes first: a word takes its side of the memory, reads or writes, from AXI for one cycle, whatever AXI
// does or waits for. A word of 64 bits that is read in the cycle in which it is written over AXI is undefined
// (shw_ram_sdp), so a program has to wait for the response of a write before it reads there.
//
// Parameters:   ADDR_W  9..16: 2^ADDR_W words of 64 bits
//               ID_W    1..16: width of the AXI IDs
// Latency:      3 cycles from AR to the first R, 1 cycle from the last W to B; 3 cycles from a word that is read to
//               word_done, 1 from one that is written.
// Throughput:   a beat per cycle, a burst takes 2 cycles more than its beats; a word per cycle.
// Backpressure: full on AXI, none on the word port; readies and valids are functions of registers and word_valid.
// Reset:        rst drops bursts and words under way; what is stored stays.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_axi_memory #(
  parameter ADDR_W = 11,
  parameter ID_W   = 1
) (
  input  wire              clk,
  input  wire              rst,
  // word port
  input  wire              word_valid,
  input  wire              word_write,
  input  wire [ADDR_W:0]   word_address,  // in words of 32 bits
  input  wire [31:0]       word_wdata,
  output reg               word_done,     // the word is written, or word_rdata is it
  output reg  [31:0]       word_rdata,
  // AXI4
  input  wire [ID_W-1:0]   s_axi_awid,
  input  wire [31:0]       s_axi_awaddr,
  input  wire [7:0]        s_axi_awlen,
  input  wire [2:0]        s_axi_awsize,
  input  wire [1:0]        s_axi_awburst,
  input  wire              s_axi_awvalid,
  output wire              s_axi_awready,
  input  wire [63:0]       s_axi_wdata,
  input  wire [7:0]        s_axi_wstrb,
  input  wire              s_axi_wlast,
  input  wire              s_axi_wvalid,
  output wire              s_axi_wready,
  output reg  [ID_W-1:0]   s_axi_bid,
  output wire [1:0]        s_axi_bresp,
  output reg               s_axi_bvalid,
  input  wire              s_axi_bready,
  input  wire [ID_W-1:0]   s_axi_arid,
  input  wire [31:0]       s_axi_araddr,
  input  wire [7:0]        s_axi_arlen,
  input  wire [2:0]        s_axi_arsize,
  input  wire [1:0]        s_axi_arburst,
  input  wire              s_axi_arvalid,
  output wire              s_axi_arready,
  output reg  [ID_W-1:0]   s_axi_rid,
  output reg  [63:0]       s_axi_rdata,
  output wire [1:0]        s_axi_rresp,
  output reg               s_axi_rlast,
  output reg               s_axi_rvalid,
  input  wire              s_axi_rready
);
  generate
    if (ADDR_W < 9 || ADDR_W > 16) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_9_to_16 illegal ();
    end
    if (ID_W < 1 || ID_W > 16) begin : g_illegal_id
      shw_ILLEGAL_ID_W_must_be_1_to_16 illegal ();
    end
  endgenerate

  wire word_reads  = word_valid & ~word_write;
  wire word_writes = word_valid & word_write;
  wire unused      = &{1'b0, s_axi_awaddr[2:0], s_axi_araddr[2:0], s_axi_awlen};

  // --- writes ------------------------------------------------------------------------------------
  reg               writing;        // a burst is under way
  reg  [ADDR_W-1:0] write_address;  // of its next beat
  reg               write_wrong;
  wire              aw_beat = s_axi_awvalid & s_axi_awready;
  wire              w_beat  = s_axi_wvalid & s_axi_wready;

  assign s_axi_awready = ~writing & ~s_axi_bvalid;
  assign s_axi_wready  = writing & ~word_writes;
  assign s_axi_bresp   = {2{write_wrong}};

  always @(posedge clk) begin
    if (aw_beat) begin
      s_axi_bid     <= s_axi_awid;
      write_wrong  <= |s_axi_awaddr[31:ADDR_W+3] || s_axi_awsize != 3'd3 || s_axi_awburst != 2'd1;
      write_address <= s_axi_awaddr[ADDR_W+2:3];
    end else if (w_beat) begin
      write_address <= write_address + 1'b1;
    end
    if (rst) begin
      writing      <= 1'b0;
      s_axi_bvalid <= 1'b0;
    end else begin
      writing      <= aw_beat | writing & ~(w_beat & s_axi_wlast);
      s_axi_bvalid <= w_beat & s_axi_wlast | s_axi_bvalid & ~s_axi_bready;
    end
  end

  // --- reads: the memory gives the word at read_address in every cycle, until it moves to R -------
  reg               reading;        // beats of a burst have not moved to R
  reg               present;        // the memory shows the word at read_address
  reg  [ADDR_W-1:0] read_address;
  reg  [ADDR_W-1:0] read_after;     // the address behind it
  reg  [7:0]        read_left;      // beats after this one
  reg               read_wrong;
  reg  [ID_W-1:0]   read_id;
  reg  [1:0]        response;       // of the beat on R
  wire [63:0]       shown;
  wire              ar_beat = s_axi_arvalid & s_axi_arready;
  wire              move    = present & (~s_axi_rvalid | s_axi_rready);
  wire              last    = read_left == 8'd0;

  assign s_axi_arready = ~reading;
  assign s_axi_rresp   = response;

  always @(posedge clk) begin
    if (ar_beat) begin
      read_address <= s_axi_araddr[ADDR_W+2:3];
      read_after   <= s_axi_araddr[ADDR_W+2:3] + 1'b1;
      read_left    <= s_axi_arlen;
      read_wrong  <= |s_axi_araddr[31:ADDR_W+3] || s_axi_arsize != 3'd3 || s_axi_arburst != 2'd1;
      read_id      <= s_axi_arid;
    end else if (move) begin
      read_address <= read_after;
      read_after   <= read_after + 1'b1;
      read_left    <= read_left - 1'b1;
    end
    if (move) begin
      s_axi_rdata <= shown;
      s_axi_rlast <= last;
      s_axi_rid   <= read_id;
      response    <= {2{read_wrong}};
    end
    if (rst) begin
      reading      <= 1'b0;
      present      <= 1'b0;
      s_axi_rvalid <= 1'b0;
    end else begin
      reading      <= ar_beat | reading & ~(move & last);
      present      <= reading & ~(move & last) & ~word_reads;
      s_axi_rvalid <= move | s_axi_rvalid & ~s_axi_rready;
    end
  end

  // --- memory ------------------------------------------------------------------------------------
  wire [7:0] strobes = word_writes ? {{4{word_address[0]}}, {4{~word_address[0]}}}
                                   : s_axi_wstrb & {8{w_beat & ~write_wrong}};

  shw_ram_sdp #(.DATA_W(64), .ADDR_W(ADDR_W), .LANES(8), .STYLE("block")) u_words (
    .clk(clk),
    .write_enable(strobes),
    .write_address(word_writes ? word_address[ADDR_W:1] : write_address),
    .write_data(word_writes ? {2{word_wdata}} : s_axi_wdata),
    .read_enable(1'b1),
    .read_address(word_reads ? word_address[ADDR_W:1] : move ? read_after : read_address),
    .read_data(shown)
  );

  // --- word port ---------------------------------------------------------------------------------
  reg        word_shown;   // the memory shows the word that was asked for
  reg        word_held;    // held is it
  reg [1:0]  word_upper;
  reg [63:0] held;         // beside the memory, which is far from whoever asks

  always @(posedge clk) begin
    word_upper <= {word_upper[0], word_address[0]};
    held       <= shown;
    word_rdata <= word_upper[1] ? held[63:32] : held[31:0];
    word_shown <= word_reads & ~rst;
    word_held  <= word_shown & ~rst;
    word_done  <= (word_writes | word_held) & ~rst;
  end
endmodule

`default_nettype wire

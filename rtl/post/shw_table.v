// shw_table: an element-wise function: every code is looked up in a table of 256 bytes.
//
// result = cfg_bypass ? code : table[code], with a code read as an unsigned byte. Signed codes, and
// those of less than 8 bits, are a matter of what the table holds. cfg_bypass belongs to the beat
// that it comes with.
//
// A table is loaded word by word, in any order, at least those of codes that occur. A word holds
// for the beats taken after the cycle in which it is; the memories are written in the cycle behind
// that one, in which no beat is taken. No initial content: a byte is defined after its first write.
//
// STYLE "block" has a block RAM for two lanes, or one a lane where a family has none with two ports
// for that; "distributed" has LUT RAM, or with SHW_NO_LUTRAM what synthesis chooses.
//
// Parameters:   LANES  1..256  codes per beat
//               STYLE  "block" | "distributed"
// Latency:      2 cycles, without stalls.
// Throughput:   1 beat per cycle under any stall pattern; 1 word of the table per cycle.
// Backpressure: full; in_ready = no word is written, and out_ready or no beat at the output (one
//               gate in the same cycle). table_ready = no beat inside (from registers).
// Reset:        rst drops the beats in flight and the word offered with it; the table stays.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_table #(
  parameter LANES = 8,
  parameter STYLE = "block"
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               table_valid,    // a word of the table is offered
  output wire               table_ready,    // the word is taken at the next edge
  input  wire [7:0]         table_address,  // code
  input  wire [7:0]         table_data,     // what becomes of it
  input  wire               in_valid,
  output wire               in_ready,
  input  wire               in_last,        // travels with its beat
  input  wire               cfg_bypass,     // 1: the codes of the beat pass as they are
  input  wire [LANES*8-1:0] in_codes,
  output wire               out_valid,
  input  wire               out_ready,
  output wire               out_last,
  output reg  [LANES*8-1:0] out_codes
);
  generate
    if (LANES < 1 || LANES > 256) begin : g_illegal
      shw_ILLEGAL_LANES_must_be_1_to_256 illegal ();
    end
  endgenerate

  reg [2:1] valid;
  reg [2:1] last;
  reg       write;      // the word taken a cycle ago
  reg [7:0] write_address;
  reg [7:0] write_data;

  wire advance = ~valid[2] | out_ready;

  assign table_ready = ~|valid;
  assign in_ready    = advance & ~write;
  assign out_valid   = valid[2];
  assign out_last    = last[2];

  always @(posedge clk) begin
    if (rst) valid <= 2'b00;
    else if (advance) valid <= {valid[1], in_valid & ~write};
  end

  always @(posedge clk) begin
    write         <= table_valid & table_ready & ~rst;
    write_address <= table_address;
    write_data    <= table_data;
  end

  reg                bypass_1;
  reg  [LANES*8-1:0] codes_1;
  wire [LANES*8-1:0] words_1;

  always @(posedge clk) begin
    if (advance) begin
      last      <= {last[1], in_last};
      bypass_1  <= cfg_bypass;
      codes_1   <= in_codes;
      out_codes <= bypass_1 ? codes_1 : words_1;
    end
  end

  genvar lane;
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if (STYLE == "block") begin : g_block
      for (lane = 0; lane < LANES; lane = lane + 2) begin : g_pair
        // The first lane reads at the port that writes, the second one at the other.
        (* ram_style = "block", no_rw_check *)
        reg  [7:0] memory [0:255];
        wire [7:0] address = write ? write_address : in_codes[lane*8 +: 8];
        reg  [7:0] word;

        assign words_1[lane*8 +: 8] = word;

        always @(posedge clk) begin
          if (write) memory[address] <= write_data;
          else if (advance) word <= memory[address];
        end

        if (lane + 1 < LANES) begin : g_second
          reg [7:0] second;

          assign words_1[lane*8+8 +: 8] = second;

          always @(posedge clk) begin
            if (in_ready) second <= memory[in_codes[lane*8+8 +: 8]];
          end
        end
      end
    end else if (STYLE == "distributed") begin : g_distributed
      for (lane = 0; lane < LANES; lane = lane + 1) begin : g_lane
        wire [7:0] address = write ? write_address : in_codes[lane*8 +: 8];

        shw_ram_sdp #(.DATA_W(8), .ADDR_W(8), .STYLE("distributed")) u_memory (
          .clk(clk), .write_enable(write), .write_address(address), .write_data(write_data),
          .read_enable(in_ready), .read_address(address), .read_data(words_1[lane*8 +: 8])
        );
      end
    end else begin : g_illegal_style
      shw_ILLEGAL_STYLE_must_be_block_or_distributed illegal ();
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */
endmodule

`default_nettype wire

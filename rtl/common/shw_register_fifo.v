// shw_register_fifo: a FIFO of a few wide words in registers, without multiplexers.
//
// DEPTH registers stand behind each other. Each takes the word behind it when its own moves on, or
// when it has none. So a word passes all of them, and one that waits stands right behind the one
// before it. What lets a wide register take a word is a register itself: a word that has left goes
// from the first one a cycle later, and for that cycle out_data shows FIRST bits of the one behind
// it. shw_fifo is faster through, and takes LUT RAM.
//
// Parameters:   DATA_W  1..65536   word width
//               DEPTH   2..64      words
//               FIRST   1..DATA_W  low bits of out_data that hold from out_valid on; the others do
//                                  from the cycle after that
// Latency:      DEPTH cycles from a write into the empty FIFO to out_valid.
// Throughput:   DEPTH words in DEPTH + 1 cycles.
// Backpressure: full, until 2 cycles after a word left; in_ready is a register, out_valid a
//               function of some.
// Reset:        rst empties the FIFO.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_register_fifo #(
  parameter DATA_W = 8,
  parameter DEPTH  = 4,
  parameter FIRST  = DATA_W
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              in_valid,
  output wire              in_ready,
  input  wire [DATA_W-1:0] in_data,
  output wire              out_valid,
  input  wire              out_ready,
  output wire [DATA_W-1:0] out_data
);
  generate
    if (DATA_W < 1 || DATA_W > 65536) begin : g_illegal_data
      shw_ILLEGAL_DATA_W_must_be_1_to_65536 illegal ();
    end
    if (DEPTH < 2 || DEPTH > 64) begin : g_illegal_depth
      shw_ILLEGAL_DEPTH_must_be_2_to_64 illegal ();
    end
    if (FIRST < 1 || FIRST > DATA_W) begin : g_illegal_first
      shw_ILLEGAL_FIRST_must_be_1_to_DATA_W illegal ();
    end
  endgenerate

  localparam COUNT_W = $clog2(DEPTH + 1);

  reg  [DEPTH-1:0]            full;       // the word that leaves first in the low bits
  reg  [DEPTH*DATA_W-1:0]     words;
  reg  [DEPTH-2:0]            coming;     // words on their way
  reg  [COUNT_W-1:0]          there;      // words that have had their time to the output
  wire [DEPTH:0]              next_full  = {in_valid, full};
  wire [(DEPTH+1)*DATA_W-1:0] next_words = {in_data, words};
  reg  [DEPTH:0]              ready;      // bit i + 1: register i is empty, or its word moves on
  wire                        left  = ready[0];   // the first register holds a word that has left
  wire                        leave = out_valid & out_ready;
  wire [DEPTH-1:0]            come  = {coming, in_valid & in_ready};
  wire [COUNT_W-1:0]          more  = there + {{(COUNT_W-1){1'b0}}, come[DEPTH-1]};
  wire                        unused = &{1'b0, next_full[0], next_words[DATA_W-1:0]};

  assign in_ready  = ready[DEPTH];
  assign out_valid = there != {COUNT_W{1'b0}};
  assign out_data[FIRST-1:0] = left ? words[DATA_W +: FIRST] : words[FIRST-1:0];

  generate
    if (FIRST < DATA_W) begin : g_rest
      assign out_data[DATA_W-1:FIRST] = words[DATA_W-1:FIRST];
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      coming <= {(DEPTH-1){1'b0}};
      there  <= {COUNT_W{1'b0}};
    end else begin
      coming <= come[DEPTH-2:0];
      there  <= more - {{(COUNT_W-1){1'b0}}, leave};
    end
  end

  wire [DEPTH-1:0] filled;     // full in the next cycle
  genvar           i;
  generate
    for (i = 0; i < DEPTH; i = i + 1) begin : g_word
      assign filled[i] = ready[i+1] ? next_full[i+1] : full[i];

      always @(posedge clk) begin
        full[i]    <= filled[i] & ~rst;
        ready[i+1] <= leave | ~&filled[i:0] | rst;
        if (ready[i+1]) begin
          words[i*DATA_W +: DATA_W] <= next_words[(i+1)*DATA_W +: DATA_W];
        end
      end
    end
  endgenerate

  always @(posedge clk) ready[0] <= leave & ~rst;
endmodule

`default_nettype wire

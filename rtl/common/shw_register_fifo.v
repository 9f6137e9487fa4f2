// shw_register_fifo: a FIFO of a few wide words in registers, without multiplexers.
//
// DEPTH registers stand behind each other. Each takes the word behind it when its own moves on, or
// when it has none. So a word passes all of them, and one that waits stands right behind the one
// before it. shw_fifo is faster through, and takes LUT RAM.
//
// Parameters:   DATA_W  1..65536  word width
//               DEPTH   1..64     words
// Latency:      DEPTH cycles from a write into the empty FIFO to out_valid.
// Throughput:   1 write and 1 read per cycle.
// Backpressure: full; in_ready is high while there is room, and with out_ready. out_valid is a register.
// Reset:        rst empties the FIFO.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_register_fifo #(
  parameter DATA_W = 8,
  parameter DEPTH  = 4
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
    if (DEPTH < 1 || DEPTH > 64) begin : g_illegal_depth
      shw_ILLEGAL_DEPTH_must_be_1_to_64 illegal ();
    end
  endgenerate

  reg  [DEPTH-1:0]            full;       // the word that leaves first in the low bits
  reg  [DEPTH*DATA_W-1:0]     words;
  wire [DEPTH:0]              next_full  = {in_valid, full};
  wire [(DEPTH+1)*DATA_W-1:0] next_words = {in_data, words};
  wire [DEPTH:0]              ready;      // a register is empty, or its word moves on
  wire                        unused = &{1'b0, next_full[0], next_words[DATA_W-1:0]};

  assign ready[0]  = out_ready;
  assign in_ready  = ready[DEPTH];
  assign out_valid = full[0];
  assign out_data  = words[DATA_W-1:0];

  genvar i;
  generate
    for (i = 0; i < DEPTH; i = i + 1) begin : g_word
      assign ready[i+1] = ~full[i] | ready[i];

      always @(posedge clk) begin
        if (rst) full[i] <= 1'b0;
        else if (ready[i+1]) full[i] <= next_full[i+1];
        if (ready[i+1]) begin
          words[i*DATA_W +: DATA_W] <= next_words[(i+1)*DATA_W +: DATA_W];
        end
      end
    end
  endgenerate
endmodule

`default_nettype wire

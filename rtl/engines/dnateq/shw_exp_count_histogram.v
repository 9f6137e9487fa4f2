// shw_exp_count_histogram: signed counters by exponent in LUT RAM; one is counted, or moved, per cycle.
//
// An adder reads the counter of `entry`, adds +1 or -1 and writes it back in the same cycle. While not `counting` the
// counter of the north neighbour takes its place: entry by entry the counters of a column move south.
//
// Parameters: ADDR_W   3..8   width of an entry
//             COUNT_W  4..12  width of a counter; counts are modulo 2^COUNT_W
// Latency:    write 1 cycle, read 0 cycles (combinational). Throughput: 1 counter per cycle.
// Backpressure: none. Reset: none; moving zeros in clears it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_exp_count_histogram #(
  parameter ADDR_W  = 5,
  parameter COUNT_W = 8
) (
  input  wire               clk,
  input  wire               write,
  input  wire               counting,   // 0: move
  input  wire               negative,   // 0 with a move
  input  wire [ADDR_W-1:0]  entry,
  input  wire [COUNT_W-1:0] north,
  output wire [COUNT_W-1:0] count
);
  generate
    if (ADDR_W < 3 || ADDR_W > 8) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_3_to_8 illegal ();
    end
    if (COUNT_W < 4 || COUNT_W > 12) begin : g_illegal_count
      shw_ILLEGAL_COUNT_W_must_be_4_to_12 illegal ();
    end
  endgenerate

`ifndef SHW_NO_LUTRAM
  (* ram_style = "distributed" *)
`endif
  reg [COUNT_W-1:0] counts [0:(1<<ADDR_W)-1];

  assign count = counts[entry];

  // The adder's first operand is the same for all upper bits, which leaves one LUT per bit.
  wire [COUNT_W-1:0] addend     = {{(COUNT_W-1){negative}}, counting};
  wire [COUNT_W-1:0] chain_base = counting ? count : north;

  always @(posedge clk) begin
    if (write) counts[entry] <= addend + chain_base;
  end
endmodule

`default_nettype wire

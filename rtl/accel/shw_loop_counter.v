// shw_loop_counter: one loop of a nest; whether it is at its last turn comes from a register.
//
// `ahead` is the number of the turn, from 0, plus 2: whether the next turn is the last one is then a
// comparison with `count`, and a nest of loops costs one gate a loop.
//
// Parameters:   W  2..16  width of the count; ahead is modulo 2^W
// Latency:      1 cycle from start or advance. Throughput: 1 turn per cycle.
// Backpressure: none. Reset: none; start sets it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_loop_counter #(
  parameter W = 8
) (
  input  wire         clk,
  input  wire         start,    // to the first turn
  input  wire         advance,  // to the next turn, from the last one to the first
  input  wire [W-1:0] count,    // turns, >= 1, stable from start on
  output reg  [W-1:0] ahead,
  output reg          last
);
  localparam [W-1:0] ONE = 1;
  localparam [W-1:0] TWO = 2;

  generate
    if (W < 2 || W > 16) begin : g_illegal
      shw_ILLEGAL_W_must_be_2_to_16 illegal ();
    end
  endgenerate

  always @(posedge clk) begin
    if (start || (advance && last)) begin
      ahead <= TWO;
      last  <= count == ONE;
    end else if (advance) begin
      ahead <= ahead + ONE;
      last  <= ahead == count;
    end
  end
endmodule

`default_nettype wire

// shw_loop_counter: one loop of a nest whose gates do not add up from loop to loop.
//
// `ahead` is the number of the turn, from 0, plus 2: whether the next turn is the last one is then a comparison with
// `count`. `last_after` says whether the loop is at its last turn after a step: the nest keeps the conjunctions of it
// over the loops inside one, its `inner`, in registers of its own.
//
// Parameters:   W  2..16  width of the count; ahead is modulo 2^W
// Latency:      1 cycle from start or step. Throughput: 1 step per cycle.
// Backpressure: none. Reset: none; start sets it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_loop_counter #(
  parameter W = 8
) (
  input  wire         clk,
  input  wire         start,      // to the first turn
  input  wire         step,       // of the innermost loop
  input  wire         inner,      // .. ends a turn of this one: the loops inside are at their last
  input  wire [W-1:0] count,      // turns, >= 1, stable from start on
  output reg  [W-1:0] ahead,
  output reg          last,       // at the last turn
  output wire         last_after  // .. after start or step
);
  localparam [W-1:0] ONE = 1;
  localparam [W-1:0] TWO = 2;

  generate
    if (W < 2 || W > 16) begin : g_illegal
      shw_ILLEGAL_W_must_be_2_to_16 illegal ();
    end
  endgenerate

  wire turns = start | last;

  assign last_after = (start | inner) ? (turns ? count == ONE : ahead == count) : last;

  always @(posedge clk) begin
    if (start | step) begin
      last <= last_after;
      if (start | inner) ahead <= turns ? TWO : ahead + ONE;
    end
  end
endmodule

`default_nettype wire

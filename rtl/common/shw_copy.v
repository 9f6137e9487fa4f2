// shw_copy: a register that synthesis leaves alone, for signals that too many would look at.
//
// Registers of the same input are the same to synthesis, which keeps one of them; keep_hierarchy prevents that. So
// every group of users gets a copy of its own, with few users, next to them.
//
// Parameters: W  1..64  width of a word
// Latency:    1 cycle. Throughput: 1 word per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

(* keep_hierarchy *)
module shw_copy #(
  parameter W = 8
) (
  input  wire         clk,
  input  wire [W-1:0] now,
  output reg  [W-1:0] copy
);
  generate
    if (W < 1 || W > 64) begin : g_illegal
      shw_ILLEGAL_W_must_be_1_to_64 illegal ();
    end
  endgenerate

  always @(posedge clk) copy <= now;
endmodule

`default_nettype wire

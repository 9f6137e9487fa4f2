// shw_mux4: a 4:1 multiplexer that synthesis leaves alone, one LUT6 a bit.
//
// Flattened into wide rotations, such multiplexers are taken apart and put together again as more
// LUTs than they were; keep_hierarchy prevents that.
//
// Parameters: W  1..64  width of a word
// Latency:    0 cycles (combinational). Throughput: 1 per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

(* keep_hierarchy *)
module shw_mux4 #(
  parameter W = 8
) (
  input  wire [4*W-1:0] words,    // word 0 in the low bits
  input  wire [1:0]     select,
  output wire [W-1:0]   word
);
  generate
    if (W < 1 || W > 64) begin : g_illegal
      shw_ILLEGAL_W_must_be_1_to_64 illegal ();
    end
  endgenerate

  assign word = select[1] ? (select[0] ? words[3*W +: W] : words[2*W +: W])
                          : (select[0] ? words[1*W +: W] : words[0*W +: W]);
endmodule

`default_nettype wire

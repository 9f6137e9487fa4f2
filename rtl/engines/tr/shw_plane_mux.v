// shw_plane_mux: the word of one of nine exponent planes.
//
// Two 4:1 multiplexers and a 3:1 on top: three LUT6 per bit.
//
// Parameters: W  1..64  width of a word
// Latency:    0 cycles (combinational). Throughput: 1 per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_plane_mux #(
  parameter W = 9
) (
  input  wire [9*W-1:0] words,    // plane 0 in the low bits
  input  wire [3:0]     plane,    // 0..8
  output wire [W-1:0]   word
);
  generate
    if (W < 1 || W > 64) begin : g_illegal
      shw_ILLEGAL_W_must_be_1_to_64 illegal ();
    end
  endgenerate

  wire [W-1:0] low  = plane[1] ? (plane[0] ? words[3*W +: W] : words[2*W +: W])
                               : (plane[0] ? words[1*W +: W] : words[0*W +: W]);
  wire [W-1:0] high = plane[1] ? (plane[0] ? words[7*W +: W] : words[6*W +: W])
                               : (plane[0] ? words[5*W +: W] : words[4*W +: W]);

  assign word = plane[3] ? words[8*W +: W] : plane[2] ? high : low;
endmodule

`default_nettype wire

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

  // Selected words, zeros for the others; a LUT6 takes four of them.
  wire [9*W-1:0] chosen;

  genvar p;
  generate
    for (p = 0; p < 8; p = p + 1) begin : g_plane
      localparam [1:0] PLACE = p[1:0];
      assign chosen[p*W +: W] = words[p*W +: W] & {W{plane[1:0] == PLACE}};
    end
  endgenerate
  assign chosen[8*W +: W] = words[8*W +: W] & {W{plane[3]}};

  wire [W-1:0] low  = chosen[0*W +: W] | chosen[1*W +: W] | chosen[2*W +: W] | chosen[3*W +: W];
  wire [W-1:0] high = chosen[4*W +: W] | chosen[5*W +: W] | chosen[6*W +: W] | chosen[7*W +: W];

  assign word = (low & {W{plane[3:2] == 2'd0}}) | (high & {W{plane[2]}}) | chosen[8*W +: W];
endmodule

`default_nettype wire

// shw_term_truncate: keep the top s terms of one code.
//
// Let q be the position of the s-th nonzero digit from the top. Under both rules, and for a two's
// complement negative code as well, the kept value is the code with every bit below q cleared and bit q
// set: what is dropped is smaller than 2^q and has the sign that restores exactly bit q. So no
// negation and no carry is needed. The digits come from one recurrence on the sign-extended code:
// m' = majority(c, b[i], m), nonzero = b[i] xor m, with c = b[i+1] (hese) or the sign (binary, where m says
// that a lower bit of a negative code is set). `left` counts the terms still to keep, clipped to the
// number of digits that remain, so that it needs few bits.
//
// Parameters: W  2..8  code width in bits
// Latency:    0 cycles (combinational). Throughput: 1 code per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_term_truncate #(
  parameter W = 8
) (
  input  wire [W-1:0] code,
  input  wire         is_signed,  // code is two's complement
  input  wire         hese,       // 1: hese, 0: binary
  input  wire [3:0]   terms,      // s: 1..9 terms kept, 0: all
  output wire [W+1:0] value       // two's complement, -2^(W-1)..2^W
);
  generate
    if (W < 2 || W > 8) begin : g_illegal
      shw_ILLEGAL_W_must_be_2_to_8 illegal ();
    end
  endgenerate

  wire         sign = is_signed & code[W-1];
  wire [W+1:0] bits = {sign, sign, code};
  reg  [W:0]   nonzero;
  reg  [W:0]   kept;
  reg          c;
  reg          m;
  reg  [3:0]   left;
  integer      i;

  always @* begin
    m = 1'b0;
    for (i = 0; i <= W; i = i + 1) begin
      nonzero[i] = bits[i] ^ m;
      c = hese ? bits[i+1] : sign;
      m = nonzero[i] ? c : bits[i];
    end
  end

  always @* begin
    kept = {(W+1){1'b0}};
    left = terms;
    if (terms == 4'd0) left = 4'd9;
    for (i = W; i >= 0; i = i - 1) begin
      kept[i] = (left != 4'd0) & (bits[i] | (nonzero[i] & (left == 4'd1)));
      if (nonzero[i] & (left != 4'd0)) left = left - 4'd1;
      if (left > i) left = i;
    end
  end

  assign value = {sign, kept};
endmodule

`default_nettype wire

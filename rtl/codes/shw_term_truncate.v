// shw_term_truncate: keep the top s terms of one code.
//
// Let q be the position of the s-th nonzero digit from the top. Under both rules, and for a two's
// complement negative code as well, the kept value is the code with every bit below q cleared and
// bit q set: what is dropped is smaller than 2^q in magnitude, and setting bit q undoes its borrow.
// So no negation and no carry is needed. The digits come from one recurrence on the sign-extended
// code: m' = majority(c, b[i], m), nonzero = b[i] xor m, with c = b[i+1] (hese) or the sign
// (binary, where m says that a lower bit of a negative code is set). `left` counts the terms still
// to keep, saturated at the number of digits that remain, so that three bits are enough.
//
// Parameters: W  2..8  code width in bits
// Latency:    1 cycle (digits and what the top two leave are registered). Throughput: 1 code per cycle.
// Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_term_truncate #(
  parameter W = 8
) (
  input  wire         clk,
  input  wire [W-1:0] code,
  input  wire         is_signed,  // code is two's complement
  input  wire         hese,       // 1: hese, 0: binary
  input  wire [3:0]   terms,      // s: terms kept, 0 and 8..15: all
  output wire [W+1:0] value       // two's complement: -2^(W-1)..2^W
);
  generate
    if (W < 2 || W > 8) begin : g_illegal
      shw_ILLEGAL_W_must_be_2_to_8 illegal ();
    end
  endgenerate

  // one less than left if the digit is present; 0 stays 0
  function [2:0] spend;
    input [2:0] from;
    input       digit;
    begin
      case ({digit, from})
        4'b1001: spend = 3'd0;
        4'b1010: spend = 3'd1;
        4'b1011: spend = 3'd2;
        4'b1100: spend = 3'd3;
        4'b1101: spend = 3'd4;
        4'b1110: spend = 3'd5;
        4'b1111: spend = 3'd6;
        default: spend = from;
      endcase
    end
  endfunction

  wire         sign = is_signed & code[W-1];
  wire [W+1:0] bits = {sign, sign, code};
  wire         all  = terms[3] | (terms == 4'd0);
  wire         one  = terms == 4'd1;

  reg [W:0]   nonzero;
  reg         c;
  reg         m;
  integer     i;

  always @* begin
    m = 1'b0;
    for (i = 0; i <= W; i = i + 1) begin
      c          = hese ? bits[i+1] : sign;
      nonzero[i] = bits[i] ^ m;
      m          = (c & bits[i]) | (c & m) | (bits[i] & m);
    end
  end

  // The top two digits are never both nonzero; after them 7 terms or more are all that can follow.
  reg         sign_1;
  reg [1:0]   top_1;
  reg [2:0]   left_1;
  reg [W-2:0] nonzero_1;
  reg [W-2:0] code_1;

  always @(posedge clk) begin
    sign_1    <= sign;
    top_1[1]  <= sign | (nonzero[W] & one);
    top_1[0]  <= nonzero[W] ? ~one : bits[W-1] | (nonzero[W-1] & one);
    left_1    <= all ? 3'd7 : spend(terms[2:0], nonzero[W] | nonzero[W-1]);
    nonzero_1 <= nonzero[W-2:0];
    code_1    <= code[W-2:0];
  end

  reg [W-2:0] kept;
  reg [2:0]   left;
  integer     j;

  always @* begin
    left = left_1;
    for (j = W - 2; j >= 0; j = j - 1) begin
      kept[j] = (left != 3'd0) & (code_1[j] | (nonzero_1[j] & (left == 3'd1)));
      left    = spend(left, nonzero_1[j]);
      if (j == 3) left = {1'b0, left[1:0] | {2{left[2]}}};
    end
  end

  assign value = {sign_1, top_1, kept};
endmodule

`default_nettype wire

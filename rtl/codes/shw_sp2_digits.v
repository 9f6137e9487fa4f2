// shw_sp2_digits: the two digits of a 4-bit weight, value = d0 + 4 * d1 with d = 0, +-1, +-2.
//
// An SP2 code {s, c1[1:0], c0} counts eighths: +-(q1 + q2), q1 = 0, 1, 2 or 4 by c1, q2 = 4 with c0
// (docs/numerics.md). Its digits are q1 and q2 / 4, where q1 = 4 becomes a one of d1. A fixed code is two's
// complement; its digits are those of radix-4 Booth recoding. Code 4'b1000 is never written by the tools: it
// stands for 0 in SP2 and for -8 in two's complement.
//
// Parameters:   none
// Latency:      0 cycles (combinational). Throughput: 1 code per cycle.
// Backpressure, reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_sp2_digits (
  input  wire [3:0] code,
  input  wire       sp2,      // 1: SP2, 0: two's complement
  output wire [5:0] digits    // {neg1, two1, one1, neg0, two0, one0}; neg only where digit != 0
);
  wire       sign = code[3];
  wire [1:0] c1   = code[2:1];
  wire       c0   = code[0];

  wire sp2_one0 = c1 == 2'd1;
  wire sp2_two0 = c1 == 2'd2;
  wire sp2_one1 = (c1 == 2'd3) ^ c0;
  wire sp2_two1 = (c1 == 2'd3) & c0;

  wire booth_one0 = code[0];
  wire booth_two0 = code[1] & ~code[0];
  wire booth_one1 = code[2] ^ code[1];
  wire booth_two1 = (code[3] ^ code[2]) & ~booth_one1;

  wire one0 = sp2 ? sp2_one0 : booth_one0;
  wire two0 = sp2 ? sp2_two0 : booth_two0;
  wire one1 = sp2 ? sp2_one1 : booth_one1;
  wire two1 = sp2 ? sp2_two1 : booth_two1;

  assign digits[0] = one0;
  assign digits[1] = two0;
  assign digits[2] = sp2 ? sign & (one0 | two0) : code[1];
  assign digits[3] = one1;
  assign digits[4] = two1;
  assign digits[5] = sign & (one1 | two1);
endmodule

`default_nettype wire

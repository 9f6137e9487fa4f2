// shw_sp2_value: a 4-bit weight as a number: eighths of an SP2 code, or a two's complement code as it is.
//
// The SP2 code {s, c1[1:0], c0} is +-(q1 + q2), q1 = 0, 1, 2 or 4 by c1, q2 = 4 with c0 (docs/numerics.md).
// Code 4'b1000 is never written by the tools: it stands for 0 in SP2 and for -8 in two's complement.
//
// Parameters:   none
// Latency:      0 cycles (combinational). Throughput: 1 code per cycle.
// Backpressure, reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_sp2_value (
  input  wire [3:0] code,
  input  wire       sp2,      // 1: SP2, 0: two's complement
  output wire [4:0] value     // two's complement, -8..8
);
  wire [3:0] q1        = {1'b0, code[2:1] == 2'd3, code[2:1] == 2'd2, code[2:1] == 2'd1};
  wire [3:0] q2        = {1'b0, code[0], 2'b00};
  wire [3:0] magnitude = q1 + q2;
  wire [4:0] signed_8  = ({1'b0, magnitude} ^ {5{code[3]}}) + {4'd0, code[3]};

  assign value = sp2 ? signed_8 : {code[3], code};
endmodule

`default_nettype wire

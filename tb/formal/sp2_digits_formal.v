// sp2_digits_formal: the digits of shw_sp2_digits are legal and make up the value of shw_sp2_value, for every code.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module sp2_digits_formal (
  input wire [3:0] code,
  input wire       sp2
);
  wire        [5:0] digits;
  wire signed [4:0] value;

  shw_sp2_digits u_digits (.code(code), .sp2(sp2), .digits(digits));
  shw_sp2_value  u_value  (.code(code), .sp2(sp2), .value(value));

  wire signed [5:0] d0 = digits[2] ? -$signed({4'd0, digits[1:0]}) : $signed({4'd0, digits[1:0]});
  wire signed [5:0] d1 = digits[5] ? -$signed({4'd0, digits[4:3]}) : $signed({4'd0, digits[4:3]});

  always @* begin
    legal_d0: assert (digits[1:0] != 2'd3 && (digits[1:0] != 2'd0 || !digits[2]));
    legal_d1: assert (digits[4:3] != 2'd3 && (digits[4:3] != 2'd0 || !digits[5]));
    equal:    assert (d0 + (d1 <<< 2) == value);
  end
endmodule

`default_nettype wire

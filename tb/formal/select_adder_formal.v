// select_adder_formal: shw_select_adder of every FAMILY gives the sum, for any operands.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module select_adder_formal (
  input wire [16:0] base,
  input wire [16:0] low,
  input wire [16:0] high,
  input wire        choose,
  input wire        carry_in
);
  wire [15:0] even;
  wire [15:0] even_ecp5;
  wire [16:0] odd;
  wire [16:0] odd_ecp5;
  wire [3:0]  carry_out;

  shw_select_adder #(.W(16)) u_even (
    .base(base[15:0]), .low(low[15:0]), .high(high[15:0]), .choose(choose), .carry_in(carry_in),
    .sum(even), .carry_out(carry_out[0])
  );
  shw_select_adder #(.W(16), .FAMILY("ecp5")) u_even_ecp5 (
    .base(base[15:0]), .low(low[15:0]), .high(high[15:0]), .choose(choose), .carry_in(carry_in),
    .sum(even_ecp5), .carry_out(carry_out[1])
  );
  shw_select_adder #(.W(17)) u_odd (
    .base(base), .low(low), .high(high), .choose(choose), .carry_in(carry_in),
    .sum(odd), .carry_out(carry_out[2])
  );
  shw_select_adder #(.W(17), .FAMILY("ecp5")) u_odd_ecp5 (
    .base(base), .low(low), .high(high), .choose(choose), .carry_in(carry_in),
    .sum(odd_ecp5), .carry_out(carry_out[3])
  );

  wire [16:0] even_sum = base[15:0] + (choose ? high[15:0] : low[15:0]) + carry_in;
  wire [17:0] odd_sum  = base + (choose ? high : low) + carry_in;

  always @* begin
    equal_even:      assert ({carry_out[0], even} == even_sum);
    equal_even_ecp5: assert ({carry_out[1], even_ecp5} == even_sum);
    equal_odd:       assert ({carry_out[2], odd} == odd_sum);
    equal_odd_ecp5:  assert ({carry_out[3], odd_ecp5} == odd_sum);
  end
endmodule

`default_nettype wire

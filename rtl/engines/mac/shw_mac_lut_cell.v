// shw_mac_lut_cell: one row value times one column code in LUTs, and the sum of the products.
//
// The column code is four digits of two bits. A digit times the row value is 0, once, twice or three times the value;
// the row edge brings these multiples, so a cell only chooses. The choice and the running sum's bit are one LUT6, whose
// output drives the carry chain: four digits are four short chains, and a fifth is the accumulator.
// The top digit is the code's sign where columns are signed: there its multiples are 0, 1, -2 and -1 times the value
// (shw_mac_multiples). So both signs of either operand are exact, without corrections.
//
// The upper half of the code is needed one cycle after the lower half: the row below holds it then.
//
// Parameters:   ACC_W 20..32  width of the sum, modulo 2^ACC_W
// Latency:      3 cycles from once and thrice to acc. Throughput: 1 product per cycle.
// Backpressure: none: a value of 0 changes nothing. Reset: none; `first` starts a sum anew.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_lut_cell #(
  parameter ACC_W = 32
) (
  input  wire             clk,
  input  wire             first,        // the product that is added now is the first of its sum
  input  wire [8:0]       once,         // the value
  input  wire [10:0]      thrice,
  input  wire [8:0]       once_late,    // the same, one cycle later
  input  wire [10:0]      thrice_late,
  input  wire [9:0]       top_twice,    // multiples of the top digits 2 and 3, with them
  input  wire [10:0]      top_thrice,
  input  wire [3:0]       code_low,     // with once
  input  wire [3:0]       code_high,    // with once_late
  output reg  [ACC_W-1:0] acc
);
  generate
    if (ACC_W < 20 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_20_to_32 illegal ();
    end
  endgenerate

  // Multiple of a digit; all of them fit in eleven bits two's complement, -510..765.
  function [10:0] multiple;
    input [1:0]  digit;
    input [10:0] one;
    input [10:0] two;
    input [10:0] three;
    multiple = digit[1] ? (digit[0] ? three : two) : (digit[0] ? one : {11{1'b0}});
  endfunction

  wire [10:0] early  = {{2{once[8]}}, once};
  wire [10:0] late   = {{2{once_late[8]}}, once_late};
  wire [10:0] digit0 = multiple(code_low[1:0], early, {early[9:0], 1'b0}, thrice);
  wire [10:0] digit1 = multiple(code_low[3:2], early, {early[9:0], 1'b0}, thrice);
  wire [10:0] digit2 = multiple(code_high[1:0], late, {late[9:0], 1'b0}, thrice_late);
  wire [10:0] digit3 = multiple(code_high[3:2], late, {top_twice[9], top_twice}, top_thrice);

  // Two bits of every sum are bits of the product; the rest meets the next digit. A subtraction tells every mapper which
  // operand is the carry data, so that the multiple merges into the carry chain's LUT: 2a - (2 * ~b + 1) is 2 (a + b) + 1.
  reg  [12:0] sum_1;
  reg  [16:0] product;
  wire [10:0] running1 = {{2{digit0[10]}}, digit0[10:2]};
  wire [10:0] running2 = {{2{sum_1[12]}}, sum_1[12:4]};
  wire [11:0] sum1     = {running1, 1'b0} - {~digit1, 1'b1};
  wire [11:0] sum2     = {running2, 1'b0} - {~digit2, 1'b1};
  wire [10:0] running3 = {{2{sum2[11]}}, sum2[11:3]};
  wire [11:0] sum3     = {running3, 1'b0} - {~digit3, 1'b1};
  wire        unused   = &{1'b0, sum1[0], sum2[0], sum3[0]};

  always @(posedge clk) begin
    sum_1   <= {sum1[11:1], digit0[1:0]};
    product <= {sum3[11:1], sum2[2:1], sum_1[3:0]};
    acc     <= {{(ACC_W-17){product[16]}}, product} + (first ? {ACC_W{1'b0}} : acc);
  end
endmodule

`default_nettype wire

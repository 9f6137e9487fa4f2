// MULT18X18D: a model of the multiplier of ECP5 without registers, as Yosys maps products to it.
//
// Pins and parameters that the cell has and this model has not must be 0 (shiftwork.eda.systems).
//
// Latency: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module MULT18X18D (
  input  wire A17, A16, A15, A14, A13, A12, A11, A10, A9,
  input  wire A8, A7, A6, A5, A4, A3, A2, A1, A0,
  input  wire B17, B16, B15, B14, B13, B12, B11, B10, B9,
  input  wire B8, B7, B6, B5, B4, B3, B2, B1, B0,
  input  wire SIGNEDA, SIGNEDB,
  output wire P35, P34, P33, P32, P31, P30, P29, P28, P27,
  output wire P26, P25, P24, P23, P22, P21, P20, P19, P18,
  output wire P17, P16, P15, P14, P13, P12, P11, P10, P9,
  output wire P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  wire signed [18:0] a = {
    SIGNEDA & A17,
    A17, A16, A15, A14, A13, A12, A11, A10, A9,
    A8, A7, A6, A5, A4, A3, A2, A1, A0
  };
  wire signed [18:0] b = {
    SIGNEDB & B17,
    B17, B16, B15, B14, B13, B12, B11, B10, B9,
    B8, B7, B6, B5, B4, B3, B2, B1, B0
  };
  wire signed [37:0] product = a * b;
  wire               unused = &{1'b0, product[37:36]};

  assign {
    P35, P34, P33, P32, P31, P30, P29, P28, P27,
    P26, P25, P24, P23, P22, P21, P20, P19, P18,
    P17, P16, P15, P14, P13, P12, P11, P10, P9,
    P8, P7, P6, P5, P4, P3, P2, P1, P0
  } = product[35:0];
endmodule

`default_nettype wire

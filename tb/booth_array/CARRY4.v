// CARRY4: behaviour of the 7-series carry block, for simulation without a vendor library.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module CARRY4 (
  output wire [3:0] CO,
  output wire [3:0] O,
  input  wire       CI,
  input  wire       CYINIT,
  input  wire [3:0] DI,
  input  wire [3:0] S
);
  wire first = CI | CYINIT;

  assign CO[0] = S[0] ? first : DI[0];
  assign CO[1] = S[1] ? CO[0] : DI[1];
  assign CO[2] = S[2] ? CO[1] : DI[2];
  assign CO[3] = S[3] ? CO[2] : DI[3];
  assign O     = S ^ {CO[2:0], first};
endmodule

`default_nettype wire

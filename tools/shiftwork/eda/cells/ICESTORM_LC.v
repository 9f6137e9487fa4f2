// ICESTORM_LC: a model of the logic cell of iCE40: a LUT, a carry and a flip-flop, as a bitstream configures it.
//
// Yosys's model asks whether pins float, which Verilator does not simulate; here all are connected.
//
// Parameters: the cell's that are in use; an asynchronous reset stops elaboration.
// Latency: of O, a clock where the flip-flop is enabled. Reset: SR, at a clock with CEN. Starts at 0.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module ICESTORM_LC #(
  parameter [15:0] LUT_INIT     = 16'd0,
  parameter        NEG_CLK      = 1'b0,
  parameter        CARRY_ENABLE = 1'b0,
  parameter        DFF_ENABLE   = 1'b0,
  parameter        SET_NORESET  = 1'b0,
  parameter        ASYNC_SR     = 1'b0
) (
  input  wire I0,
  input  wire I1,
  input  wire I2,
  input  wire I3,
  input  wire CIN,
  input  wire CLK,
  input  wire CEN,
  input  wire SR,
  output wire LO,
  output wire O,
  output wire COUT
);
  generate
    if (NEG_CLK || ASYNC_SR) begin : g_mode
      ICESTORM_LC_mode_without_a_model illegal ();
    end
  endgenerate

  assign LO   = LUT_INIT[{I3, I2, I1, I0}];
  assign COUT = CARRY_ENABLE & ((I1 & I2) | ((I1 | I2) & CIN));

  generate
    if (DFF_ENABLE) begin : g_register
      reg q = 1'b0;
      always @(posedge CLK) begin
        if (CEN) q <= SR ? SET_NORESET : LO;
      end
      assign O = q;
    end else begin : g_lut
      wire unused = &{1'b0, CLK, CEN, SR, SET_NORESET};
      assign O = LO;
    end
  endgenerate
endmodule

`default_nettype wire

// rPLL: the PLL of Gowin's small families in simulations where time has no unit: its output is its input, locked after
// 8 clocks.
//
// Parameters: the cell's that are in use. The divisors are not looked at: a clock of the input stands for one of the
//             output.
// Latency: none. Reset: RESET.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module rPLL #(
  parameter FCLKIN    = "27",
  parameter IDIV_SEL  = 0,
  parameter FBDIV_SEL = 0,
  parameter ODIV_SEL  = 8,
  parameter DEVICE    = "GW2AR-18C"
) (
  input  wire       CLKIN,
  input  wire       CLKFB,
  input  wire       RESET,
  input  wire       RESET_P,
  input  wire [5:0] FBDSEL,
  input  wire [5:0] IDSEL,
  input  wire [5:0] ODSEL,
  input  wire [3:0] PSDA,
  input  wire [3:0] DUTYDA,
  input  wire [3:0] FDLY,
  output wire       CLKOUT,
  output wire       LOCK,
  output wire       CLKOUTP,
  output wire       CLKOUTD,
  output wire       CLKOUTD3
);
  reg [3:0] count = 4'd0;
  wire      unused = &{1'b0, CLKFB, RESET_P, FBDSEL, IDSEL, ODSEL, PSDA, DUTYDA, FDLY};

  always @(posedge CLKIN) begin
    if (RESET) count <= 4'd0;
    else if (~LOCK) count <= count + 4'd1;
  end

  assign CLKOUT   = CLKIN;
  assign LOCK     = count[3];
  assign CLKOUTP  = CLKIN;
  assign CLKOUTD  = CLKIN;
  assign CLKOUTD3 = CLKIN;
endmodule

`default_nettype wire

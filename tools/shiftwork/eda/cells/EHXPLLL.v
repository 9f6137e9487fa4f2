// EHXPLLL: the PLL of ECP5 in simulations where time has no unit: its output is its input, locked after 8 clocks.
//
// Parameters: the cell's that are in use; one of another value than here stops elaboration. The divisors are not looked
//             at: a clock of the input stands for one of the output.
// Latency: none. Reset: RST.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module EHXPLLL #(
  parameter CLKI_DIV      = 1,
  parameter CLKFB_DIV     = 1,
  parameter CLKOP_DIV     = 8,
  parameter CLKOP_CPHASE  = 0,
  parameter CLKOP_FPHASE  = 0,
  parameter CLKOP_ENABLE  = "ENABLED",
  parameter FEEDBK_PATH   = "CLKOP",
  parameter STDBY_ENABLE  = "DISABLED",
  parameter INTFB_WAKE    = "DISABLED",
  parameter PLLRST_ENA    = "DISABLED",
  parameter DPHASE_SOURCE = "DISABLED"
) (
  input  wire CLKI,
  input  wire CLKFB,
  input  wire RST,
  input  wire STDBY,
  input  wire PHASESEL0,
  input  wire PHASESEL1,
  input  wire PHASEDIR,
  input  wire PHASESTEP,
  input  wire PHASELOADREG,
  input  wire PLLWAKESYNC,
  input  wire ENCLKOP,
  output wire CLKOP,
  output wire LOCK
);
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if (CLKOP_ENABLE != "ENABLED" || FEEDBK_PATH != "CLKOP" || STDBY_ENABLE != "DISABLED"
        || INTFB_WAKE != "DISABLED" || PLLRST_ENA != "DISABLED" || DPHASE_SOURCE != "DISABLED"
        || CLKOP_FPHASE != 0) begin : g_mode
      EHXPLLL_mode_without_a_model illegal ();
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */

  reg [3:0] count = 4'd0;
  wire      unused = &{1'b0, CLKFB, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
                       PLLWAKESYNC, ENCLKOP};

  always @(posedge CLKI) begin
    if (RST) count <= 4'd0;
    else if (~LOCK) count <= count + 4'd1;
  end

  assign CLKOP = CLKI;
  assign LOCK  = count[3];
endmodule

`default_nettype wire

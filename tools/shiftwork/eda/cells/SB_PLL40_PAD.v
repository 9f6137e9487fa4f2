// SB_PLL40_PAD: the PLL of iCE40 in simulations where time has no unit: its output is its input, locked after 8 clocks.
//
// Parameters: the cell's that are in use; another feedback path stops elaboration. The divisors are not looked at: a
//             clock of the input stands for one of the output.
// Latency: none. Reset: RESETB, low.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module SB_PLL40_PAD #(
  parameter       FEEDBACK_PATH = "SIMPLE",
  parameter [3:0] DIVR          = 4'd0,
  parameter [6:0] DIVF          = 7'd0,
  parameter [2:0] DIVQ          = 3'd0,
  parameter [2:0] FILTER_RANGE  = 3'd0
) (
  input  wire PACKAGEPIN,
  input  wire RESETB,
  input  wire BYPASS,
  output wire PLLOUTGLOBAL,
  output wire LOCK
);
  generate
    if (FEEDBACK_PATH != "SIMPLE") begin : g_mode
      SB_PLL40_PAD_mode_without_a_model illegal ();
    end
  endgenerate

  reg [3:0] count = 4'd0;
  wire      unused = &{1'b0, DIVR, DIVF, DIVQ, FILTER_RANGE, BYPASS};

  always @(posedge PACKAGEPIN) begin
    if (~RESETB) count <= 4'd0;
    else if (~LOCK) count <= count + 4'd1;
  end

  assign PLLOUTGLOBAL = PACKAGEPIN;
  assign LOCK         = count[3];
endmodule

`default_nettype wire

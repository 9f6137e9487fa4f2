// SPDX-License-Identifier: Apache-2.0
// A counter to test the test runner with. STEP: 1 to 3 is added in every cycle with `en`; MODE: "up" or "hold".
// Latency 1 cycle. Synchronous reset to 0.
`default_nettype none

module counter #(
    parameter STEP = 1,
    parameter MODE = "up"
) (
    input  wire       clk,
    input  wire       rst,
    input  wire       en,
    output reg  [7:0] count
);
  generate
    if (STEP < 1 || STEP > 3) begin : g_illegal_step
      shw_ILLEGAL_STEP_must_be_1_to_3 illegal ();
    end
    if (MODE != "up" && MODE != "hold") begin : g_illegal_mode
      shw_ILLEGAL_MODE_must_be_up_or_hold illegal ();
    end
  endgenerate

  reg [7:0] next;
  always @* next = MODE == "up" ? count + STEP : count;

  always @(posedge clk)
    if (rst) count <= 8'd0;
    else if (en) count <= next;
endmodule

`default_nettype wire

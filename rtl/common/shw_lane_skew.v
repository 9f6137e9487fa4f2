// shw_lane_skew: delays lane l by l % 4 cycles, as the chains of four behind it need.
//
// Parameters:   LANES  4, 8, 16, 32  lanes
//               W      1..64         width of a lane in bits
// Latency:      l % 4 enabled cycles for lane l. Throughput: 1 word per enabled cycle.
// Backpressure: enable stalls all stages. Reset: none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_lane_skew #(
  parameter LANES = 8,
  parameter W     = 4
) (
  input  wire               clk,
  input  wire               enable,
  input  wire [LANES*W-1:0] word,
  output wire [LANES*W-1:0] skewed
);
  generate
    if (LANES != 4 && LANES != 8 && LANES != 16 && LANES != 32) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_4_8_16_or_32 illegal ();
    end
    if (W < 1 || W > 64) begin : g_illegal_w
      shw_ILLEGAL_W_must_be_1_to_64 illegal ();
    end
  endgenerate

  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      shw_delay #(.W(W), .CYCLES(l % 4)) u_delay (
        .clk(clk), .enable(enable), .now(word[l*W +: W]), .late(skewed[l*W +: W])
      );
    end
  endgenerate
endmodule

`default_nettype wire

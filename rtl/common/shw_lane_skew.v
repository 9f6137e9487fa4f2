// shw_lane_skew: delays lane l by l % 4 cycles, as the chains of four behind it need.
//
// Parameters:   LANES  1, 4, 8, 16, 32  lanes
//               W      1..64            width of a lane in bits
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
    if (LANES != 1 && LANES != 4 && LANES != 8 && LANES != 16
        && LANES != 32) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_1_4_8_16_or_32 illegal ();
    end
    if (W < 1 || W > 64) begin : g_illegal_w
      shw_ILLEGAL_W_must_be_1_to_64 illegal ();
    end
  endgenerate

  wire unused = &{1'b0, clk, enable};   // by one lane

  genvar l;
  genvar s;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [4*W-1:0] stage;   // after 0 to 3 cycles
      assign stage[0 +: W] = word[l*W +: W];
      for (s = 1; s < 4; s = s + 1) begin : g_stage
        if (s <= l % 4) begin : g_delay
          reg [W-1:0] late;
          always @(posedge clk) if (enable) late <= stage[(s-1)*W +: W];
          assign stage[s*W +: W] = late;
        end else begin : g_pass
          assign stage[s*W +: W] = stage[(s-1)*W +: W];
        end
      end
      assign skewed[l*W +: W] = stage[3*W +: W];
    end
  endgenerate
endmodule

`default_nettype wire

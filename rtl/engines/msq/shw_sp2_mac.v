// shw_sp2_mac: shift-add unit: LANES products of a 4-bit weight and a 4-bit column code, summed, without a multiplier.
//
// A weight is two digits, d0 + 4 * d1 with d = 0, +-1, +-2 (shw_sp2_digits): every SP2 level and every 4-bit two's
// complement integer is such a sum, so the unit serves both kinds of row. A digit times a column code is
// that code, shifted by one where |d| = 2, complemented where d < 0: two shifts, an addition, and the sign by an
// exclusive or. One bit of such a multiple depends on five signals, so choosing it and adding it to a
// running sum is one LUT6 per bit. Multiples are summed as if they were unsigned; what that
// puts on top depends on the weights alone and is taken off once per row (shw_sp2_row_edge):
//
//   out_sum = sum of weight * code + 16 * A - N + 15 a chain
//   N = sum over the lanes of (d0 < 0) + 4 * (d1 < 0)
//   A = 2 * N for codes 0..15; sum of (d0 != 0) + 4 * (d1 != 0) for codes -8..7
//
// Codes 0..15 come with top_once = 0 and top_twice = x[3], codes -8..7 with both = ~x[3].
// Lanes are summed in chains of four: lane l has to arrive l % 4 cycles after lane 0. One lane is no chain.
//
// Parameters:   LANES  1, 4, 8, 16, 32  products summed per cycle
// Latency:      5 + log2(LANES / 4), with one lane 2, enabled cycles from lane 0 to out_sum.
// Throughput:   1 sum per enabled cycle.
// Backpressure: enable stalls all stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_sp2_mac #(
  parameter LANES = 8
) (
  input  wire               clk,
  input  wire               enable,
  input  wire [LANES*6-1:0] digits,     // per lane {neg1, two1, one1, neg0, two0, one0}
  input  wire [LANES*4-1:0] x,          // column codes
  input  wire [LANES-1:0]   top_once,   // bit 4 of the code
  input  wire [LANES-1:0]   top_twice,  // bit 4 of twice the code
  output reg  [10+$clog2((LANES+3)/4)-1:0] out_sum
);
  localparam CHAINS  = (LANES + 3) / 4;
  localparam CHAIN   = LANES / CHAINS;  // lanes
  localparam LEVELS  = $clog2(CHAINS);
  localparam DIGIT_W = 7 + LEVELS;      // a sum of LANES multiples, at most 127 * LANES / 4

  generate
    if (LANES != 1 && LANES != 4 && LANES != 8 && LANES != 16
        && LANES != 32) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_1_4_8_16_or_32 illegal ();
    end
  endgenerate

  wire [2*DIGIT_W-1:0] digit_sum;

  genvar d;
  genvar c;
  genvar v;
  generate
    for (d = 0; d < 2; d = d + 1) begin : g_digit
      wire [CHAINS*7-1:0] chain_sum;

      for (c = 0; c < CHAINS; c = c + 1) begin : g_chain
        wire [CHAIN*5-1:0] multiple;
        for (v = 0; v < CHAIN; v = v + 1) begin : g_lane
          localparam LANE = CHAIN * c + v;
          wire       one   = digits[LANE*6 + 3*d];
          wire       two   = digits[LANE*6 + 3*d + 1];
          wire       neg   = digits[LANE*6 + 3*d + 2];
          wire [4:0] once  = {top_once[LANE], x[LANE*4 +: 4]};
          wire [4:0] twice = {top_twice[LANE], x[LANE*4 +: 3], 1'b0};
          assign multiple[v*5 +: 5] = ((once & {5{one}}) | (twice & {5{two}})) ^ {5{neg}};
        end

        reg [4:0] sum_1;
        always @(posedge clk) if (enable) sum_1 <= multiple[0 +: 5];

        // sum - ~multiple = sum + multiple + 1. A subtraction tells every mapper which operand is
        // the carry data, so that the multiple merges into the carry chain's LUT; the three ones
        // are part of the 15 * LANES / 4.
        if (CHAIN == 1) begin : g_one
          assign chain_sum[c*7 +: 7] = {2'b00, sum_1};
        end else begin : g_four
          reg [5:0] sum_2;
          reg [6:0] sum_3;
          reg [6:0] sum_4;
          always @(posedge clk) begin
            if (enable) begin
              sum_2 <= {1'b0, sum_1} - {1'b1, ~multiple[5 +: 5]};
              sum_3 <= {1'b0, sum_2} - {2'b11, ~multiple[10 +: 5]};
              sum_4 <= sum_3 - {2'b11, ~multiple[15 +: 5]};
            end
          end
          assign chain_sum[c*7 +: 7] = sum_4;
        end
      end

      shw_adder_tree #(.INPUTS(CHAINS), .IN_W(7)) u_tree (
        .clk(clk), .enable(enable), .in(chain_sum), .sum(digit_sum[d*DIGIT_W +: DIGIT_W])
      );
    end
  endgenerate

  wire [DIGIT_W-1:0] sum_d0 = digit_sum[0 +: DIGIT_W];
  wire [DIGIT_W-1:0] sum_d1 = digit_sum[DIGIT_W +: DIGIT_W];

  always @(posedge clk) begin
    if (enable) out_sum <= {3'b0, sum_d0} + {1'b0, sum_d1, 2'b0};
  end
endmodule

`default_nettype wire

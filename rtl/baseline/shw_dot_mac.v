// SPDX-License-Identifier: Apache-2.0
//
// shw_dot_mac: LANES products of a 4-bit weight and a 4-bit column code, summed; a multiplier per lane,
// the rival of shw_sp2_mac and shw_fixed_mac.
//
// Products are registered and summed in a tree. As in the engine's units, sums are unsigned: a product is raised by
// 128, which is taken off elsewhere, once per row. Operands come straight from registers of the user, column
// codes as X_W bits. Cost comparisons charge neither.
//
//   out_sum = sum of weight * x + 128 * LANES
//
// Parameters
//   LANES   1, 2, 4, .. 32           products summed per cycle
//   X_W     4..5                     column values: 4 is 0..15, 5 is two's complement, -8..15
//   KIND    "inferred" | "booth"     the Verilog `*`, or two radix-4 Booth rows (shw_booth_row) with a register
//                                    after each
//   FAMILY  "generic" | "xc7"        how the Booth rows are written
//
// Latency: 1 + log2(LANES) enabled cycles, 2 + log2(LANES) with KIND "booth". Throughput: 1 sum per enabled cycle.
// Backpressure: enable stalls all stages. Reset: none (no state but the pipeline).
`default_nettype none

module shw_dot_mac #(
  parameter LANES  = 8,
  parameter X_W    = 5,
  parameter KIND   = "inferred",
  parameter FAMILY = "generic"
) (
  input  wire                     clk,
  input  wire                     enable,
  input  wire [LANES*4-1:0]       weight,   // two's complement, lane 0 low
  input  wire [LANES*X_W-1:0]     x,
  output wire [7+$clog2(LANES):0] out_sum
);

  generate
    if (LANES < 1 || LANES > 32 || (LANES & (LANES - 1)) != 0) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_a_power_of_two_1_to_32 illegal ();
    end
    if (X_W < 4 || X_W > 5) begin : g_illegal_x_w
      shw_ILLEGAL_X_W_must_be_4_to_5 illegal ();
    end
    /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
    if (KIND != "inferred" && KIND != "booth") begin : g_illegal_kind
      shw_ILLEGAL_KIND_must_be_inferred_or_booth illegal ();
    end
    if (FAMILY != "generic" && FAMILY != "xc7") begin : g_illegal_family
      shw_ILLEGAL_FAMILY_must_be_generic_or_xc7 illegal ();
    end
    /* verilator lint_on WIDTHEXPAND */
  endgenerate

  // 8 bits hold every product: the extremes are 15 * -8 and 15 * 7. Its sign, inverted, is the top bit of
  // the product raised by 128.
  wire [LANES*8-1:0] raised;

  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [3:0] own = weight[l*4 +: 4];
      wire [4:0] value;
      if (X_W == 5) begin : g_signed
        assign value = x[l*5 +: 5];
      end else begin : g_unsigned
        assign value = {1'b0, x[l*X_W +: 4]};
      end

      if (KIND == "booth") begin : g_booth
        wire [6:0] first;
        wire [6:0] second;
        reg  [6:0] first_1;
        reg  [4:0] value_1;
        reg  [2:0] digit_1;
        reg  [7:0] product_2;
        shw_booth_row #(.X_W(5), .FAMILY(FAMILY)) u_first (
          .digit({own[1:0], 1'b0}), .value(value), .previous(5'd0), .result(first)
        );
        shw_booth_row #(.X_W(5), .FAMILY(FAMILY)) u_second (
          .digit(digit_1), .value(value_1), .previous(first_1[6:2]), .result(second)
        );
        always @(posedge clk) begin
          if (enable) begin
            first_1   <= first;
            value_1   <= value;
            digit_1   <= own[3:1];
            product_2 <= {second[5:0], first_1[1:0]};
          end
        end
        assign raised[l*8 +: 8] = {~product_2[7], product_2[6:0]};
        wire unused = &{1'b0, second[6]};
      end else begin : g_inferred
        wire signed [7:0] x_value = $signed({{3{value[4]}}, value});
        wire signed [7:0] w_value = $signed({{4{own[3]}}, own});
        wire signed [7:0] product = x_value * w_value;
        reg         [7:0] raised_1;
        always @(posedge clk) if (enable) raised_1 <= {~product[7], product[6:0]};
        assign raised[l*8 +: 8] = raised_1;
      end
    end
  endgenerate

  shw_adder_tree #(.INPUTS(LANES), .IN_W(8)) u_tree (
    .clk(clk), .enable(enable), .in(raised), .sum(out_sum)
  );

endmodule

`default_nettype wire

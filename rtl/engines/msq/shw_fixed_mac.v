// shw_fixed_mac: LANES products of a 4-bit weight and a 4-bit column code, summed, PRODUCTS at once in one multiplier.
//
// Operands are packed with ten bits between them (shw_fixed_row_edge, shw_msq_column_edge):
//   PRODUCTS = 4   row = w1 * 2^20 + w0, column = x1 * 2^10 + x0: two rows and two columns in one 25 x 18 multiplier
//                  row * column = w1 * x1 * 2^30 + w1 * x0 * 2^20 + w0 * x1 * 2^10 + w0 * x0
//   PRODUCTS = 2   row = w0: one row and two columns in one multiplier of 16 x 16 or more
// A product is at most 8 * 15 = 120 in magnitude, four of them 480: a chain of four multipliers, which is
// a cascade of DSP blocks, keeps every field in ten bits. The chain starts from 512 in every field: all fields
// stay within 32..992 and none borrows from its neighbour, so they separate without any logic.
//
// Field f of out_sum (f = 2 * row + column) is the sum of w_row * x_column over the lanes, plus 512 a chain,
// which is taken off when a tile leaves the engine (shw_msq_drain). With one lane a chain is one multiplier.
// Lane l has to arrive l % 4 cycles after lane 0.
//
// Parameters:   LANES     1, 4, 8, 16, 32  products summed per cycle
//               PRODUCTS  2, 4             products per multiplier
// Latency:      6 + log2(LANES / 4), with one lane 3, enabled cycles from lane 0 to out_sum. Throughput: 1 sum per enabled cycle.
// Backpressure: enable stalls all stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_fixed_mac #(
  parameter LANES    = 8,
  parameter PRODUCTS = 4
) (
  input  wire                                          clk,
  input  wire                                          enable,
  input  wire [LANES*((PRODUCTS == 4) ? 25 : 5)-1:0]   row,
  input  wire [LANES*15-1:0]                           column,
  output wire [PRODUCTS*(10+$clog2((LANES+3)/4))-1:0]      out_sum
);
  localparam CHAINS = (LANES + 3) / 4;
  localparam CHAIN  = LANES / CHAINS;   // lanes
  localparam LEVELS = $clog2(CHAINS);
  localparam ROW_W  = (PRODUCTS == 4) ? 25 : 5;
  localparam CHAIN_W = 10 * PRODUCTS;
  localparam SUM_W  = 10 + LEVELS;

  generate
    if (LANES != 1 && LANES != 4 && LANES != 8 && LANES != 16
        && LANES != 32) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_1_4_8_16_or_32 illegal ();
    end
    if (PRODUCTS != 2 && PRODUCTS != 4) begin : g_illegal_products
      shw_ILLEGAL_PRODUCTS_must_be_2_or_4 illegal ();
    end
  endgenerate

  wire [CHAINS*CHAIN_W-1:0] chain_sum;

  genvar c;
  genvar f;
  genvar v;
  generate
    for (c = 0; c < CHAINS; c = c + 1) begin : g_chain
      wire [(CHAIN+1)*CHAIN_W-1:0] partial;
      assign partial[0 +: CHAIN_W] = {PRODUCTS{10'd512}};
      for (v = 0; v < CHAIN; v = v + 1) begin : g_lane
        localparam LANE = CHAIN * c + v;
        reg signed [ROW_W-1:0]    row_1;
        reg signed [14:0]         column_1;
        reg signed [ROW_W+14:0]   product_2;
        reg signed [CHAIN_W-1:0]  sum_3;
        wire signed [CHAIN_W-1:0] chain = $signed(partial[v*CHAIN_W +: CHAIN_W]);
        always @(posedge clk) begin
          if (enable) begin
            row_1     <= $signed(row[LANE*ROW_W +: ROW_W]);
            column_1  <= $signed(column[LANE*15 +: 15]);
            /* verilator lint_off WIDTHEXPAND */
            product_2 <= row_1 * column_1;
            sum_3     <= chain + product_2;
            /* verilator lint_on WIDTHEXPAND */
          end
        end
        assign partial[(v+1)*CHAIN_W +: CHAIN_W] = $unsigned(sum_3);
      end
      assign chain_sum[c*CHAIN_W +: CHAIN_W] = partial[CHAIN*CHAIN_W +: CHAIN_W];
    end

    for (f = 0; f < PRODUCTS; f = f + 1) begin : g_field
      wire [CHAINS*10-1:0] field;
      for (c = 0; c < CHAINS; c = c + 1) begin : g_field_of_chain
        assign field[c*10 +: 10] = chain_sum[c*CHAIN_W + 10*f +: 10];
      end
      shw_adder_tree #(.INPUTS(CHAINS), .IN_W(10)) u_tree (
        .clk(clk), .enable(enable), .in(field), .sum(out_sum[f*SUM_W +: SUM_W])
      );
    end
  endgenerate
endmodule

`default_nettype wire

// shw_fixed_row_edge: weights of the rows that share multipliers, packed into the multipliers' row operand.
//
// PRODUCTS = 4: row = w1 * 2^20 + w0 (two's complement, 25 bits) of two rows; PRODUCTS = 2: row = w0, 5 bits, one row.
// Lane l leaves 1 + l % 4 cycles after its code came.
//
// Parameters:   LANES     1, 4, 8, 16, 32  codes per row and beat
//               PRODUCTS  2, 4             products per multiplier (shw_fixed_mac)
// Latency:      1 + l % 4 enabled cycles for lane l. Throughput: 1 beat per enabled cycle.
// Backpressure: enable stalls all stages. Reset: none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_fixed_row_edge #(
  parameter LANES    = 8,
  parameter PRODUCTS = 4
) (
  input  wire                                        clk,
  input  wire                                        enable,
  input  wire [(PRODUCTS/2)*LANES*4-1:0]             code,   // lane fastest
  input  wire [PRODUCTS/2-1:0]                       sp2,    // kind of the codes, per row
  output wire [LANES*((PRODUCTS == 4) ? 25 : 5)-1:0] row
);
  localparam ROWS  = PRODUCTS / 2;
  localparam ROW_W = (PRODUCTS == 4) ? 25 : 5;

  generate
    if (PRODUCTS != 2 && PRODUCTS != 4) begin : g_illegal_products
      shw_ILLEGAL_PRODUCTS_must_be_2_or_4 illegal ();
    end
  endgenerate

  wire [ROWS*LANES*5-1:0] value;
  wire [LANES*ROW_W-1:0]  packed_row;
  reg  [LANES*ROW_W-1:0]  row_1;
  wire [ROWS*LANES*5-1:0] late;

  genvar r;
  genvar l;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      for (l = 0; l < LANES; l = l + 1) begin : g_value
        shw_sp2_value u_value (
          .code(code[(r*LANES+l)*4 +: 4]), .sp2(sp2[r]), .value(value[(r*LANES+l)*5 +: 5])
        );
      end
      shw_lane_skew #(.LANES(LANES), .W(5)) u_skew (
        .clk(clk), .enable(enable), .word(value[r*LANES*5 +: LANES*5]),
        .skewed(late[r*LANES*5 +: LANES*5])
      );
    end
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [4:0] w0 = late[l*5 +: 5];
      if (PRODUCTS == 4) begin : g_pair
        wire [4:0] w1 = late[(LANES+l)*5 +: 5];
        assign packed_row[l*25 +: 25] = {w1 - {4'd0, w0[4]}, {15{w0[4]}}, w0};
      end else begin : g_single
        assign packed_row[l*5 +: 5] = w0;
      end
    end
  endgenerate

  always @(posedge clk) begin
    if (enable) row_1 <= packed_row;
  end

  assign row = row_1;
endmodule

`default_nettype wire

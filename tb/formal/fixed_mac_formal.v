// fixed_mac_formal: no field of shw_fixed_mac borrows from its neighbour, each is 512 and the sum of its products.
//
// The products of a chain are free: whatever the four multipliers give, if its fields are within
// -120..120 they add up without touching each other. fixed_mac.sby cuts the multipliers, which both
// modules hold, and lets a solver choose what leaves them. That operands give such fields is
// simulated for all of them (tb/fixed_mac, every_block).
//
// LANES = 4, one chain: with more lanes the fields have been taken apart before they are added.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module fixed_mac_formal #(
  parameter PRODUCTS = 4,
  parameter ROW_W    = (PRODUCTS == 4) ? 25 : 5
) (
  input wire                    clk,
  input wire [4*ROW_W-1:0]      row,
  input wire [4*15-1:0]         column,
  input wire [4*PRODUCTS*8-1:0] part     // fields of the products that are in the multipliers
);
  localparam CHAIN_W = 10 * PRODUCTS;

  wire [CHAIN_W-1:0] out_sum;

  shw_fixed_mac #(.LANES(4), .PRODUCTS(PRODUCTS)) u_mac (
    .clk(clk), .enable(1'b1), .row(row), .column(column), .out_sum(out_sum)
  );

  reg [5:1] known = 0;
  always @(posedge clk) known <= {known[4:1], 1'b1};

  // The product of lane l is in its multiplier 5 - l cycles before it is in out_sum.
  wire [4*PRODUCTS*8-1:0] old_part;
  wire [PRODUCTS-1:0]     right;

  genvar l;
  genvar f;
  generate
    for (l = 0; l < 4; l = l + 1) begin : g_lane
      reg signed [ROW_W-1:0] row_1;
      reg signed [14:0]      column_1;
      always @(posedge clk) begin
        row_1    <= row[l*ROW_W +: ROW_W];
        column_1 <= column[l*15 +: 15];
      end
      wire signed [CHAIN_W-1:0] product = row_1 * column_1;

      wire [PRODUCTS*CHAIN_W-1:0] placed;
      for (f = 0; f < PRODUCTS; f = f + 1) begin : g_field
        wire signed [7:0]         own  = part[(l*PRODUCTS+f)*8 +: 8];
        wire signed [CHAIN_W-1:0] wide = own;
        assign placed[f*CHAIN_W +: CHAIN_W] = wide <<< (10 * f);
        always @* assume (own >= -120 && own <= 120);
      end
      if (PRODUCTS == 4) begin : g_four
        always @* begin
          assume (product == placed[0 +: CHAIN_W] + placed[CHAIN_W +: CHAIN_W]
                             + placed[2*CHAIN_W +: CHAIN_W] + placed[3*CHAIN_W +: CHAIN_W]);
        end
      end else begin : g_two
        always @* assume (product == placed[0 +: CHAIN_W] + placed[CHAIN_W +: CHAIN_W]);
      end

      reg [(5-l)*PRODUCTS*8-1:0] history;
      always @(posedge clk) history <= {history, part[l*PRODUCTS*8 +: PRODUCTS*8]};
      assign old_part[l*PRODUCTS*8 +: PRODUCTS*8] = history[(5-l)*PRODUCTS*8-1 -: PRODUCTS*8];
    end

    for (f = 0; f < PRODUCTS; f = f + 1) begin : g_sum
      wire signed [7:0]  p0    = old_part[f*8 +: 8];
      wire signed [7:0]  p1    = old_part[(PRODUCTS+f)*8 +: 8];
      wire signed [7:0]  p2    = old_part[(2*PRODUCTS+f)*8 +: 8];
      wire signed [7:0]  p3    = old_part[(3*PRODUCTS+f)*8 +: 8];
      wire signed [11:0] sum   = p0 + p1 + p2 + p3 + 12'sd512;
      wire        [9:0]  field = out_sum[10*f +: 10];
      assign right[f] = sum == $signed({2'b00, field});
    end
  endgenerate

  always @* begin
    if (known[5]) begin
      equal: assert (&right);
    end
  end
endmodule

`default_nettype wire

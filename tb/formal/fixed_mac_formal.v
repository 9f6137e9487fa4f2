// fixed_mac_formal: every field of shw_fixed_mac is 512 and the sum of its four products, whatever its neighbours hold.
//
// LANES = 4, one chain: with more lanes the fields are added apart from each other. For all weights
// -8..8 and column values -8..15, multipliers included, PRODUCTS = 4. PRODUCTS = 2 are the fields
// of the first row.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module fixed_mac_formal (
  input wire        clk,
  input wire [19:0] weight_0,   // per lane, 5 bits, lane 0 low
  input wire [19:0] weight_1,
  input wire [19:0] column_0,
  input wire [19:0] column_1
);
  wire [4*25-1:0] row;
  wire [4*15-1:0] column;
  wire [4*5-1:0]  row_of_two;
  wire [4*10-1:0] out_sum;
  wire [2*10-1:0] out_of_two;

  shw_fixed_mac #(.LANES(4), .PRODUCTS(4)) u_four (
    .clk(clk), .enable(1'b1), .row(row), .column(column), .out_sum(out_sum)
  );
  shw_fixed_mac #(.LANES(4), .PRODUCTS(2)) u_two (
    .clk(clk), .enable(1'b1), .row(weight_0), .column(column), .out_sum(out_of_two)
  );

  // Lane l comes l cycles after lane 0: its product reaches out_sum after 6 - l cycles.
  wire signed [10:0] term_00 [0:3];
  wire signed [10:0] term_01 [0:3];
  wire signed [10:0] term_10 [0:3];
  wire signed [10:0] term_11 [0:3];

  reg [5:0] known = 0;
  always @(posedge clk) known <= {known[4:0], 1'b1};

  genvar l;
  generate
    for (l = 0; l < 4; l = l + 1) begin : g_lane
      wire signed [4:0] w0 = weight_0[l*5 +: 5];
      wire signed [4:0] w1 = weight_1[l*5 +: 5];
      wire signed [4:0] x0 = column_0[l*5 +: 5];
      wire signed [4:0] x1 = column_1[l*5 +: 5];

      wire signed [24:0] w0_wide = w0;
      wire signed [24:0] w1_wide = w1;
      wire signed [14:0] x0_wide = x0;
      wire signed [14:0] x1_wide = x1;
      assign row[l*25 +: 25]    = (w1_wide <<< 20) + w0_wide;
      assign column[l*15 +: 15] = (x1_wide <<< 10) + x0_wide;

      reg [20*(6-l)-1:0] history;
      always @(posedge clk) history <= {history, w1, w0, x1, x0};
      wire signed [4:0] old_w1;
      wire signed [4:0] old_w0;
      wire signed [4:0] old_x1;
      wire signed [4:0] old_x0;
      assign {old_w1, old_w0, old_x1, old_x0} = history[20*(6-l)-1 -: 20];
      assign term_00[l] = old_w0 * old_x0;
      assign term_01[l] = old_w0 * old_x1;
      assign term_10[l] = old_w1 * old_x0;
      assign term_11[l] = old_w1 * old_x1;

      always @* begin
        assume (w0 >= -8 && w0 <= 8 && w1 >= -8 && w1 <= 8);
        assume (x0 >= -8 && x1 >= -8);
      end
    end
  endgenerate

  wire [10:0] sum_00 = 11'd512 + term_00[0] + term_00[1] + term_00[2] + term_00[3];
  wire [10:0] sum_01 = 11'd512 + term_01[0] + term_01[1] + term_01[2] + term_01[3];
  wire [10:0] sum_10 = 11'd512 + term_10[0] + term_10[1] + term_10[2] + term_10[3];
  wire [10:0] sum_11 = 11'd512 + term_11[0] + term_11[1] + term_11[2] + term_11[3];

  always @* begin
    if (known[5]) begin
      four: assert ({1'b0, out_sum[9:0]} == sum_00 && {1'b0, out_sum[19:10]} == sum_01
                    && {1'b0, out_sum[29:20]} == sum_10 && {1'b0, out_sum[39:30]} == sum_11);
      two: assert ({1'b0, out_of_two[9:0]} == sum_00 && {1'b0, out_of_two[19:10]} == sum_01);
    end
  end
endmodule

`default_nettype wire

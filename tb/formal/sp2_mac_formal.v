// sp2_mac_formal: what leaves shw_sp2_mac is the dot product of the codes and the excess that shw_sp2_row_edge tells.
//
// LANES = 4, for all codes of either kind and range, through both edges. In three steps, which a
// solver takes in seconds and whose sum over the lanes is the formula in the header of shw_sp2_mac:
//   lanes    the two multiples of a lane make up weight * code and its part of 16 * A - N
//   summed   out_sum is the sum of all multiples and 15
//   counted  excess is 16 * A - N + 15
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module sp2_mac_formal (
  input wire        clk,
  input wire [15:0] row_code,
  input wire        sp2,
  input wire [15:0] col_code,
  input wire        col_signed
);
  localparam LATENCY = 7;
  localparam W       = 34;

  wire [23:0] digits;
  wire [9:0]  excess;
  wire [31:0] x;
  wire [7:0]  top_once;
  wire [7:0]  top_twice;
  wire [59:0] column;
  wire [9:0]  out_sum;

  shw_sp2_row_edge #(.LANES(4)) u_row (
    .clk(clk), .enable(1'b1), .code(row_code), .sp2(sp2), .col_signed(col_signed),
    .digits(digits), .excess(excess)
  );
  shw_msq_column_edge #(.LANES(4)) u_column (
    .clk(clk), .enable(1'b1), .code({16'd0, col_code}), .col_signed(col_signed), .x(x),
    .top_once(top_once), .top_twice(top_twice), .column(column)
  );
  shw_sp2_mac #(.LANES(4)) u_mac (
    .clk(clk), .enable(1'b1), .digits(digits), .x(x[15:0]), .top_once(top_once[3:0]),
    .top_twice(top_twice[3:0]), .out_sum(out_sum)
  );

  reg [LATENCY*W-1:0] history;
  reg [LATENCY:1]     known = 0;

  always @(posedge clk) begin
    history <= {history[(LATENCY-1)*W-1:0], row_code, sp2, col_code, col_signed};
    known   <= {known[LATENCY-1:1], 1'b1};
  end

  // The beat whose sum is at the output.
  wire [15:0] old_row;
  wire        old_sp2;
  wire [15:0] old_col;
  wire        old_signed;
  assign {old_row, old_sp2, old_col, old_signed} = history[LATENCY*W-1 -: W];

  // Per lane: its multiples of the digits d0 and d1, and its part of N and of A.
  wire [4*5-1:0] low;
  wire [4*5-1:0] high;
  wire [4*8-1:0] n;
  wire [4*8-1:0] a;
  wire [3:0]     right;

  genvar l;
  generate
    for (l = 0; l < 4; l = l + 1) begin : g_lane
      wire signed [4:0] weight;
      wire        [5:0] digit;
      shw_sp2_value u_value (.code(old_row[4*l +: 4]), .sp2(old_sp2), .value(weight));
      shw_sp2_digits u_digits (.code(old_row[4*l +: 4]), .sp2(old_sp2), .digits(digit));

      wire signed [4:0] value = {old_signed & old_col[4*l+3], old_col[4*l +: 4]};
      wire        [4:0] once  = {old_signed & ~value[3], value[3:0]};
      wire        [4:0] twice = {old_signed ^ value[3], value[2:0], 1'b0};
      assign low[5*l +: 5]  = (digit[0] ? once : digit[1] ? twice : 5'd0) ^ {5{digit[2]}};
      assign high[5*l +: 5] = (digit[3] ? once : digit[4] ? twice : 5'd0) ^ {5{digit[5]}};
      assign n[8*l +: 8]    = digit[2] + 4 * digit[5];
      assign a[8*l +: 8]    = old_signed ? (|digit[1:0]) + 4 * (|digit[4:3]) : 2 * n[8*l +: 8];

      wire signed [9:0] product = weight * value;
      wire signed [9:0] on_top  = 16 * a[8*l +: 8] - n[8*l +: 8];
      assign right[l] = low[5*l +: 5] + 10'd4 * high[5*l +: 5] == product + on_top;
    end
  endgenerate

  wire [9:0] sum_n = n[7:0] + n[15:8] + n[23:16] + n[31:24];
  wire [9:0] sum_a = a[7:0] + a[15:8] + a[23:16] + a[31:24];

  // In the unit's order, which shortens the proof: low multiples, high multiples, 15 ones.
  wire [9:0] low_1  = low[0 +: 5] + low[5 +: 5] + 10'd1;
  wire [9:0] low_2  = low_1 + low[10 +: 5] + 10'd1;
  wire [9:0] low_3  = low_2 + low[15 +: 5] + 10'd1;
  wire [9:0] high_1 = high[0 +: 5] + high[5 +: 5] + 10'd1;
  wire [9:0] high_2 = high_1 + high[10 +: 5] + 10'd1;
  wire [9:0] high_3 = high_2 + high[15 +: 5] + 10'd1;

  always @* begin
    if (known[LATENCY]) begin
      lanes:   assert (&right);
      counted: assert (excess == 16 * sum_a - sum_n + 15);
      summed:  assert (out_sum == low_3 + 4 * high_3);
    end
  end
endmodule

`default_nettype wire

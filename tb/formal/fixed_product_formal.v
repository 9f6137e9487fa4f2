// fixed_product_formal: one multiplier of shw_fixed_mac gives the four products of its packed operands, field by field.
//
// For all weights -8..8 and column values -8..15, with the multiplier as it is; lane 0 of a chain
// whose other lanes are 0. fixed_mac_formal sums such products.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module fixed_product_formal (
  input wire       clk,
  input wire [4:0] w0,
  input wire [4:0] w1,
  input wire [4:0] x0,
  input wire [4:0] x1
);
  localparam LATENCY = 6;

  // Packed as shw_fixed_row_edge and shw_msq_column_edge do it.
  wire [24:0] row    = {w1 - {4'd0, w0[4]}, {15{w0[4]}}, w0};
  wire [14:0] column = {x1 - {4'd0, x0[4]}, {6{x0[4]}}, x0[3:0]};
  wire [39:0] four;
  wire [19:0] two;

  shw_fixed_mac #(.LANES(4), .PRODUCTS(4)) u_four (
    .clk(clk), .enable(1'b1), .row({75'd0, row}), .column({45'd0, column}), .out_sum(four)
  );
  shw_fixed_mac #(.LANES(4), .PRODUCTS(2)) u_two (
    .clk(clk), .enable(1'b1), .row({15'd0, w0}), .column({45'd0, column}), .out_sum(two)
  );

  reg [20*LATENCY-1:0] history;
  reg [LATENCY:1]      known = 0;

  always @(posedge clk) begin
    history <= {history[20*(LATENCY-1)-1:0], w1, w0, x1, x0};
    known   <= {known[LATENCY-1:1], 1'b1};
  end

  wire signed [4:0] old_w1;
  wire signed [4:0] old_w0;
  wire signed [4:0] old_x1;
  wire signed [4:0] old_x0;
  assign {old_w1, old_w0, old_x1, old_x0} = history[20*LATENCY-1 -: 20];

  // 8 bits hold a product of at most 120.
  wire signed [7:0] p00 = old_w0 * old_x0;
  wire signed [7:0] p01 = old_w0 * old_x1;
  wire signed [7:0] p10 = old_w1 * old_x0;
  wire signed [7:0] p11 = old_w1 * old_x1;

  always @* begin
    assume ($signed(w0) >= -8 && $signed(w0) <= 8 && $signed(w1) >= -8 && $signed(w1) <= 8);
    assume ($signed(x0) >= -8 && $signed(x1) >= -8);
    if (known[LATENCY]) begin
      field_00: assert (four[9:0]   == 10'd512 + {{2{p00[7]}}, p00} && two[9:0]   == four[9:0]);
      field_01: assert (four[19:10] == 10'd512 + {{2{p01[7]}}, p01} && two[19:10] == four[19:10]);
      field_10: assert (four[29:20] == 10'd512 + {{2{p10[7]}}, p10});
      field_11: assert (four[39:30] == 10'd512 + {{2{p11[7]}}, p11});
    end
  end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
//
// shw_table_mac: LANES products of a weight and a 4-bit column code, summed; every product is looked up.
//
// A lane keeps, in LUT RAM, the products of its weight with all 16 column codes, so weight and column code may be of
// any codebook whose products have 8 bits. The price: the weights have to stay, since a new weight is 16 writes
// to its lane. Sums are unsigned: whoever writes raises the products, by 128 say, and takes that off elsewhere,
// once per row. Cost comparisons charge neither that nor the source of the writes.
//
// Parameters
//   LANES   1, 2, 4, .. 32  products summed per cycle
//
// Latency: 1 + log2(LANES) enabled cycles. Throughput: 1 sum per enabled cycle; a write takes a cycle, whatever
// enable is, and lanes that hold the same weight may be written together.
// Backpressure: enable stalls all stages. Reset: none; sums are defined once the tables are written.
`default_nettype none

module shw_table_mac #(
  parameter LANES = 8
) (
  input  wire                     clk,
  input  wire                     enable,
  input  wire [LANES-1:0]         write,           // lanes whose table takes the product
  input  wire [3:0]               write_code,
  input  wire [7:0]               write_product,   // unsigned
  input  wire [LANES*4-1:0]       x,               // column codes, lane 0 low
  output wire [7+$clog2(LANES):0] out_sum
);

  generate
    if (LANES < 1 || LANES > 32 || (LANES & (LANES - 1)) != 0) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_a_power_of_two_1_to_32 illegal ();
    end
  endgenerate

  reg  [LANES*8-1:0] product;
  wire [LANES*8-1:0] found;

  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      shw_lutram #(.DATA_W(8), .ADDR_W(4)) u_products (
        .clk(clk), .write_enable(write[l]), .write_address(write_code), .write_data(write_product),
        .read_address(x[l*4 +: 4]), .read_data(found[l*8 +: 8])
      );
    end
  endgenerate

  always @(posedge clk) if (enable) product <= found;

  shw_adder_tree #(.INPUTS(LANES), .IN_W(8)) u_tree (
    .clk(clk), .enable(enable), .in(product), .sum(out_sum)
  );

endmodule

`default_nettype wire

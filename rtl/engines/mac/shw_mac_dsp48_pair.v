// shw_mac_dsp48_pair: one row value times two column values in one DSP48E1, and the sums of the products.
//
// The pair of columns is one factor, pair = high * 2^16 + low, and the accumulator of the block holds
//   both = 2^16 * (sum of row * high) + (sum of row * low) + start * 2^15     modulo 2^(16+ACC_W).
// The sum of the low products outgrows its sixteen bits, and every time it does, the high field is off by one. `wraps`
// counts that, so both sums are exact (shw_mac_unpack): no block keeps two sums of 32 bits, and none has to.
//
// The accumulator starts from 2^15 (`start`), or from 0 where both operands are unsigned: then the first product never
// wraps. Whether a product wrapped follows from the two top bits of the low field before and after, and from what is
// known of the product:
//   negative  one factor is negative: the product is in -32640..0
//   big       both operands are unsigned, both factors are 192 or more: the product is in 36864..65025
//   neither   the product is in 0..48705
// A product that is not negative wraps if the field's quarter is lower than before; a big one, which moves by two quarters
// at least, also if it is the same. A negative one moves by two quarters at most and wraps if the quarter is higher.
//
// Parameters:   ACC_W 20..32  width of a sum, modulo 2^ACC_W
// Latency:      3 cycles to both, 4 to wraps. Throughput: 2 products per cycle.
// Backpressure: none: a row value of 0 changes nothing. Reset: none; `first` starts the sums anew.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_dsp48_pair #(
  parameter ACC_W = 32
) (
  input  wire                clk,
  input  wire                first,         // the products added now are the first of their sums
  input  wire                first_late,    // the same, one cycle later
  input  wire                start,         // with first: 1: bit 15 of both starts at 1
  input  wire [8:0]          row,           // two's complement
  input  wire [17:0]         pair,          // {high - (low < 0), low}, nine bits each
  input  wire                row_negative,  // of the row value, with its sum on both
  input  wire                row_big,
  input  wire                low_negative,  // of the low column value, with its sum on both
  input  wire                low_big,
  output wire [ACC_W+15:0]   both,
  output reg  [ACC_W-17:0]   wraps
);
  generate
    if (ACC_W < 20 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_20_to_32 illegal ();
    end
  endgenerate

  reg signed [8:0]        row_1;
  reg signed [24:0]       pair_1;
  reg signed [33:0]       product_2;
  reg signed [ACC_W+15:0] sum_3;

  wire signed [ACC_W+15:0] begin_3 = $signed({{ACC_W{1'b0}}, start, 15'd0});
  /* verilator lint_off WIDTHEXPAND */
  always @(posedge clk) begin
    row_1     <= $signed(row);
    pair_1    <= $signed({pair[17:9], {7{pair[8]}}, pair[8:0]});
    product_2 <= row_1 * pair_1;
    sum_3     <= product_2 + (first ? begin_3 : sum_3);
  end
  /* verilator lint_on WIDTHEXPAND */

  assign both = $unsigned(sum_3);

  // Quarters of the low field before and after a product.
  reg  [1:0] was;
  wire [1:0] is       = sum_3[15:14];
  wire       negative = row_negative ^ low_negative;
  wire       big      = row_big & low_big;
  wire       up       = !negative && (is < was || (is == was && big));
  wire       down     = negative && is > was;

  always @(posedge clk) begin
    was <= is;
    if (first_late) wraps <= {(ACC_W-16){1'b0}};
    else wraps <= wraps + {{(ACC_W-17){down}}, up | down};
  end
endmodule

`default_nettype wire

// shw_scale_round: requantizer by a free scale: 16-bit multiplier, shift right, round half up, clamp.
//
// result = clamp((value * factor + addend + (1 << (shift - 1))) >> shift, low, high), arithmetic
// (docs/numerics.md section 5). addend is a shortcut already shifted to the scale of the product,
// or 0. ReLU is low = 0: rounding is monotonic and keeps 0, so a negative sum that is clamped after
// the rounding gives the same 0. The sum is modulo 2^64: exact whenever it fits 64 bits, and always
// if ADDEND_W <= 63. The multiplication stands between registers, for DSP blocks or LUTs.
//
// Parameters:   IN_W      16..47  width of value; 33 holds a 32-bit accumulator plus a bias
//               OUT_W     2..16   width of the result; low and high have one bit more, so that one
//               port serves signed and unsigned codes
//               ADDEND_W  48..64  width of addend
// Latency:      6 enabled cycles. Throughput: 1 value per enabled cycle.
// Backpressure: enable stalls all six stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_scale_round #(
  parameter IN_W     = 33,
  parameter OUT_W    = 8,
  parameter ADDEND_W = 48
) (
  input  wire                clk,
  input  wire                enable,   // the pipeline moves
  input  wire [IN_W-1:0]     value,    // two's complement
  input  wire [15:0]         factor,   // unsigned; taken with value
  input  wire [ADDEND_W-1:0] addend,   // two's complement; taken with value
  input  wire [5:0]          shift,    // 1..47; taken with value
  input  wire [OUT_W:0]      low,      // two's complement, low <= high; taken with value
  input  wire [OUT_W:0]      high,     // two's complement; taken with value
  output wire [OUT_W-1:0]    result    // low bits of the clamped value
);
  generate
    if (IN_W < 16 || IN_W > 47) begin : g_illegal_in
      shw_ILLEGAL_IN_W_must_be_16_to_47 illegal ();
    end
    if (OUT_W < 2 || OUT_W > 16) begin : g_illegal_out
      shw_ILLEGAL_OUT_W_must_be_2_to_16 illegal ();
    end
    if (ADDEND_W < 48 || ADDEND_W > 64) begin : g_illegal_addend
      shw_ILLEGAL_ADDEND_W_must_be_48_to_64 illegal ();
    end
  endgenerate

  localparam PRODUCT_W = IN_W + 16;
  localparam TERM_W    = PRODUCT_W > ADDEND_W ? PRODUCT_W : ADDEND_W;
  localparam SUM_W     = TERM_W < 64 ? TERM_W + 1 : 64;

  // Stages 1 to 3: operands, product, sum. The signed operands extend themselves.
  reg signed [IN_W-1:0]      value_1;
  reg signed [16:0]          factor_1;
  reg signed [ADDEND_W-1:0]  addend_1;
  reg signed [ADDEND_W-1:0]  addend_2;
  reg signed [PRODUCT_W-1:0] product_2;
  reg signed [SUM_W-1:0]     sum_3;

  wire [5:0]     shift_3;
  wire [OUT_W:0] low_3;
  wire [OUT_W:0] high_3;

  shw_delay #(.W(2*OUT_W+8), .CYCLES(3)) u_beside (
    .clk(clk), .enable(enable), .now({shift, low, high}), .late({shift_3, low_3, high_3})
  );

  always @(posedge clk) begin
    if (enable) begin
      value_1   <= $signed(value);
      factor_1  <= $signed({1'b0, factor});
      addend_1  <= $signed(addend);
      addend_2  <= addend_1;
      /* verilator lint_off WIDTHEXPAND */
      product_2 <= value_1 * factor_1;
      sum_3     <= product_2 + addend_2;
      /* verilator lint_on WIDTHEXPAND */
    end
  end

  // Stages 4 to 6. From 32 up, 16 places come off first: they lie below the rounding bit.
  wire [SUM_W-1:0] moved = shift_3[5] ? {{16{sum_3[SUM_W-1]}}, sum_3[SUM_W-1:16]}
                                 : $unsigned(sum_3);

  shw_shift_round #(.IN_W(SUM_W), .OUT_W(OUT_W)) u_round (
    .clk(clk), .enable(enable), .value(moved), .shift({shift_3[5] | shift_3[4], shift_3[3:0]}),
    .low(low_3), .high(high_3), .result(result)
  );
endmodule

`default_nettype wire

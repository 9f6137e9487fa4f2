// shw_multiply_round: requantizer by a 32-bit fixed-point multiplier, as TFLite and gemmlowp do it.
//
// result = clamp(RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(value, factor), shift), low,
// high), both functions as gemmlowp publishes them (docs/numerics.md section 5):
// - The nudge of the high multiply is floor(value * factor / 2^31 + 1/2). Only -2^31 * -2^31
//   saturates; here it stays 2^31, which after a shift gives the same, and without one is clamped.
// - The division rounds halves away from zero: half up, with a negative value one lower unless
//   shift = 0. The same adder brings in the nudge and this one.
// The left shift and the zero point of such runtimes are left out, which makes the unit smaller.
//
// Parameters:   OUT_W  2..16  width of the result; low and high have one bit more, so that one port
//               serves signed and unsigned codes
// Latency:      6 enabled cycles. Throughput: 1 value per enabled cycle.
// Backpressure: enable stalls all six stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_multiply_round #(
  parameter OUT_W = 8
) (
  input  wire             clk,
  input  wire             enable,  // the pipeline moves
  input  wire [31:0]      value,   // two's complement
  input  wire [31:0]      factor,  // two's complement, factor / 2^31; taken with value
  input  wire [4:0]       shift,   // right, 0..31; taken with value
  input  wire [OUT_W:0]   low,     // two's complement, low <= high; taken with value
  input  wire [OUT_W:0]   high,    // two's complement; taken with value
  output wire [OUT_W-1:0] result   // low bits of the clamped value
);
  generate
    if (OUT_W < 2 || OUT_W > 16) begin : g_illegal_out
      shw_ILLEGAL_OUT_W_must_be_2_to_16 illegal ();
    end
  endgenerate

  // Stages 1 to 3: operands, product, high half with the nudge and the one of a negative value.
  reg signed [31:0] value_1;
  reg signed [31:0] factor_1;
  reg signed [63:0] product_2;
  reg        [32:0] scaled_3;

  wire [4:0]     shift_2;
  reg  [4:0]     shift_3;
  wire [OUT_W:0] low_3;
  wire [OUT_W:0] high_3;

  shw_delay #(.W(5), .CYCLES(2)) u_shift (
    .clk(clk), .enable(enable), .now(shift), .late(shift_2)
  );

  shw_delay #(.W(2*OUT_W+2), .CYCLES(3)) u_limits (
    .clk(clk), .enable(enable), .now({low, high}), .late({low_3, high_3})
  );

  // A product of -1/2 counts as negative although it rounds to 0: -1 shifted gives 0 as well.
  wire one_lower = product_2[63] & (shift_2 != 5'd0);
  wire unused    = &{1'b0, product_2[29:0]};

  always @(posedge clk) begin
    if (enable) begin
      value_1   <= $signed(value);
      factor_1  <= $signed(factor);
      /* verilator lint_off WIDTHEXPAND */  // signed operands extend themselves
      product_2 <= value_1 * factor_1;
      /* verilator lint_on WIDTHEXPAND */
      scaled_3  <= product_2[63:31] + {33{one_lower}} + {32'd0, product_2[30]};
      shift_3   <= shift_2;
    end
  end

  // Stages 4 to 6.
  shw_shift_round #(.IN_W(33), .OUT_W(OUT_W)) u_round (
    .clk(clk), .enable(enable), .value(scaled_3), .shift(shift_3), .low(low_3), .high(high_3),
    .result(result)
  );
endmodule

`default_nettype wire

// shw_requantize: the four requantizers behind one port list.
//
//   KIND        unit                result                                     latency
//   "shift"     shw_shift_round     value / 2^shift, shift 0..31               3 enabled cycles
//   "scale"     shw_scale_round     value * factor / 2^shift, shift 1..47,     6
//                                   factor 16 bits, unsigned
//   "multiply"  shw_multiply_round  value * factor / 2^31 / 2^shift, shift     6
//                                   0..31, factor 32 bits, two's complement
//   "codebook"  shw_codebook_round  index of the nearest of 2^OUT_W levels     OUT_W
//
// Rounding, clamping and the thresholds of the levels are described in the units and in
// docs/numerics.md section 5. Inputs that a kind does not name are ignored.
//
// Parameters:   KIND   "shift" | "scale" | "multiply" | "codebook"
//               OUT_W  2..16, for "codebook" 2..8  width of the result
// Latency:      as above. Throughput: 1 value per enabled cycle.
// Backpressure: enable stalls all stages; the user keeps the valid bits. It does not hold up writes.
// Reset:        none (no state but the pipeline and the thresholds).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_requantize #(
  parameter KIND  = "shift",
  parameter OUT_W = 8
) (
  input  wire             clk,
  input  wire             enable,         // the pipeline moves
  input  wire [31:0]      value,          // two's complement
  input  wire [31:0]      factor,         // taken with value
  input  wire [5:0]       shift,          // taken with value
  input  wire [OUT_W:0]   low,            // two's complement, low <= high; taken with value
  input  wire [OUT_W:0]   high,           // two's complement; taken with value
  input  wire             level_write,    // writes threshold level_address
  input  wire [7:0]       level_address,  // 1..2^OUT_W - 1
  input  wire [31:0]      level_value,    // two's complement
  output wire [OUT_W-1:0] result          // low bits of the clamped value, or the index
);
  wire unused = &{1'b0, factor, shift, low, high, level_write, level_address, level_value};

  generate
    /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
    if (KIND == "shift") begin : g_shift
      shw_shift_round #(.IN_W(32), .OUT_W(OUT_W)) u_round (
        .clk(clk), .enable(enable), .value(value), .shift(shift[4:0]), .low(low), .high(high),
        .result(result)
      );
    end else if (KIND == "scale") begin : g_scale
      shw_scale_round #(.IN_W(32), .OUT_W(OUT_W), .ADDEND_W(48)) u_round (
        .clk(clk), .enable(enable), .value(value), .factor(factor[15:0]), .addend(48'd0),
        .shift(shift), .low(low), .high(high), .result(result)
      );
    end else if (KIND == "multiply") begin : g_multiply
      shw_multiply_round #(.OUT_W(OUT_W)) u_round (
        .clk(clk), .enable(enable), .value(value), .factor(factor), .shift(shift[4:0]), .low(low),
        .high(high), .result(result)
      );
    end else if (KIND == "codebook") begin : g_codebook
      shw_codebook_round #(.IN_W(32), .LEVELS(1 << OUT_W)) u_round (
        .clk(clk), .enable(enable), .value(value), .level_write(level_write),
        .level_address(level_address[OUT_W-1:0]), .level_value(level_value), .result(result)
      );
    end else begin : g_illegal_kind
      shw_ILLEGAL_KIND_must_be_shift_scale_multiply_or_codebook illegal ();
    end
    /* verilator lint_on WIDTHEXPAND */
  endgenerate
endmodule

`default_nettype wire

// shw_shift_round: requantizer by a power of two: shift right, round half up, clamp.
//
// result = clamp((value + (1 << (shift - 1))) >> shift, low, high), arithmetic, exact as if the sum had one
// bit more than value; shift = 0 is the identity before the clamp (docs/numerics.md section 2). Rounding is the
// bit below the cut added after the shift. Only the bits that the remaining shift can still bring into
// the result are carried; what lies above them is reduced to one overflow flag and the sign, so the shifter
// narrows from stage to stage.
//
// Parameters:   IN_W   OUT_W+10..64  width of value
//               OUT_W  2..16         width of the result; low and high have one bit more, so that one port
//                                    serves signed and unsigned codes
// Latency:      3 enabled cycles. Throughput: 1 value per enabled cycle.
// Backpressure: enable stalls all three stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_shift_round #(
  parameter IN_W  = 32,
  parameter OUT_W = 8
) (
  input  wire             clk,
  input  wire             enable,
  input  wire [IN_W-1:0]  value,   // two's complement
  input  wire [4:0]       shift,   // 0..31
  input  wire [OUT_W:0]   low,     // two's complement, low <= high; taken with value
  input  wire [OUT_W:0]   high,    // two's complement; taken with value
  output wire [OUT_W-1:0] result   // low bits of the clamped value
);
  generate
    if (OUT_W < 2 || OUT_W > 16) begin : g_illegal_out
      shw_ILLEGAL_OUT_W_must_be_2_to_16 illegal ();
    end
    if (IN_W < OUT_W + 10 || IN_W > 64) begin : g_illegal_in
      shw_ILLEGAL_IN_W_must_be_OUT_W_plus_10_to_64 illegal ();
    end
  endgenerate

  // Widths: the rounding bit is bit 0 everywhere; a window holds one bit more than the result.
  localparam FULL_W   = IN_W + 1;
  localparam COARSE_W = OUT_W + 9;  // 1 rounding bit, OUT_W + 1 result bits, 7 bits for the fine shift
  localparam FINE_W   = OUT_W + 2;  // 1 rounding bit, OUT_W + 1 result bits

  // Stage 1: shift by 0, 8, 16 or 24.
  wire [FULL_W-1:0] full   = {value, 1'b0};
  wire [FULL_W-1:0] moved  = $signed(full) >>> {shift[4:3], 3'b000};
  wire [FULL_W-1:COARSE_W-1] moved_top = moved[FULL_W-1:COARSE_W-1];

  reg [COARSE_W-1:0] coarse;
  reg                coarse_over;
  reg                coarse_sign;
  reg [2:0]          fine_shift;
  reg [OUT_W:0]      low_1;
  reg [OUT_W:0]      high_1;

  always @(posedge clk) begin
    if (enable) begin
      coarse      <= moved[COARSE_W-1:0];
      coarse_over <= (|moved_top) & ~(&moved_top);
      coarse_sign <= value[IN_W-1];
      fine_shift  <= shift[2:0];
      low_1       <= low;
      high_1      <= high;
    end
  end

  // Stage 2: shift by 0 to 7.
  wire [COARSE_W-1:0] shifted = $signed(coarse) >>> fine_shift;
  wire [COARSE_W-1:FINE_W-1] shifted_top = shifted[COARSE_W-1:FINE_W-1];

  reg [FINE_W-1:0] fine;
  reg              fine_over;
  reg              fine_sign;
  reg [OUT_W:0]    low_2;
  reg [OUT_W:0]    high_2;

  always @(posedge clk) begin
    if (enable) begin
      fine      <= shifted[FINE_W-1:0];
      fine_over <= coarse_over | ((|shifted_top) & ~(&shifted_top));
      fine_sign <= coarse_sign;
      low_2     <= low_1;
      high_2    <= high_1;
    end
  end

  // Stage 3: round and clamp. An overflowing value lies beyond both limits even after rounding.
  wire [OUT_W+1:0] rounded = {fine[FINE_W-1], fine[FINE_W-1:1]} + {{(OUT_W+1){1'b0}}, fine[0]};
  wire             below   = $signed(rounded) < $signed({low_2[OUT_W], low_2});
  wire             above   = $signed(rounded) > $signed({high_2[OUT_W], high_2});
  wire             to_low  = fine_over ? fine_sign : below;
  wire             to_high = fine_over ? ~fine_sign : above;

  reg [OUT_W-1:0] clamped;
  assign result = clamped;

  always @(posedge clk) begin
    if (enable) begin
      if (to_low) clamped <= low_2[OUT_W-1:0];
      else if (to_high) clamped <= high_2[OUT_W-1:0];
      else clamped <= rounded[OUT_W-1:0];
    end
  end
endmodule

`default_nettype wire

// shw_shift_round: requantizer by a power of two: shift right, round half up, clamp.
//
// result = clamp((value + (1 << (shift - 1))) >> shift, low, high), arithmetic, exact as if the sum
// had one bit more than value; shift = 0 is the identity before the clamp (docs/numerics.md section
// 2). Rounding is the bit below the cut added after the shift. Only the bits that the remaining
// shift can still bring into the result are carried; what lies above them is reduced to one
// overflow flag and the sign, so the shifter narrows from stage to stage.
//
// Parameters:   IN_W   OUT_W+10..64  width of value
//               OUT_W  2..16         width of the result; low and high have one bit more, so that
//               one port serves signed and unsigned codes
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

  // The rounding bit is bit 0 of every stage.
  localparam COARSE_W = OUT_W + 9;      // rounding bit, OUT_W + 1 result bits, 7 for the fine shift
  localparam FINE_W   = OUT_W + 2;      // rounding bit, OUT_W + 1 result bits
  localparam WIDE_W   = COARSE_W + 56;  // covers value for every legal IN_W

  // Stage 1: shift by 0, 8, 16 or 24. It overflows if a bit above the window differs from the sign.
  wire              sign = value[IN_W-1];
  wire [WIDE_W-1:0] wide = {{(WIDE_W-IN_W-1){sign}}, value, 1'b0};

  // Bits above the window of shift 0 that differ from the sign.
  wire [WIDE_W-1:COARSE_W-1] odd = wide[WIDE_W-1:COARSE_W-1] ^ {(WIDE_W-COARSE_W+1){sign}};

  reg [COARSE_W-1:0] moved;
  reg                moved_over;

  always @* begin
    if (shift[4]) moved = shift[3] ? wide[COARSE_W+23:24] : wide[COARSE_W+15:16];
    else moved = shift[3] ? wide[COARSE_W+7:8] : wide[COARSE_W-1:0];
    moved_over = (|odd[WIDE_W-1:COARSE_W+23])
               | (|odd[COARSE_W+22:COARSE_W+15] & (shift[4:3] != 2'd3))
               | (|odd[COARSE_W+14:COARSE_W+7] & ~shift[4])
               | (|odd[COARSE_W+6:COARSE_W-1] & (shift[4:3] == 2'd0));
  end

  reg [COARSE_W-1:0] coarse;
  reg                coarse_over;
  reg                coarse_sign;
  reg [2:0]          fine_shift;
  reg [OUT_W:0]      low_1;
  reg [OUT_W:0]      high_1;

  always @(posedge clk) begin
    if (enable) begin
      coarse      <= moved;
      coarse_over <= moved_over;
      coarse_sign <= sign;
      fine_shift  <= shift[2:0];
      low_1       <= low;
      high_1      <= high;
    end
  end

  // Stage 2: shift by 0 to 7.
  reg [FINE_W+2:0] by_4;
  reg [FINE_W:0]   by_2;
  reg [FINE_W-1:0] shifted;
  reg              shifted_over;
  integer          n;

  always @* begin
    by_4    = fine_shift[2] ? coarse[COARSE_W-1:4] : coarse[COARSE_W-5:0];
    by_2    = fine_shift[1] ? by_4[FINE_W+2:2] : by_4[FINE_W:0];
    shifted = fine_shift[0] ? by_2[FINE_W:1] : by_2[FINE_W-1:0];
    shifted_over = 1'b0;
    for (n = 0; n < 7; n = n + 1) begin
      if (n >= $signed({29'd0, fine_shift}) && coarse[FINE_W-1+n] != coarse_sign) begin
        shifted_over = 1'b1;
      end
    end
  end

  reg [FINE_W-1:0] fine;
  reg              fine_over;
  reg              fine_sign;
  reg [OUT_W:0]    low_2;
  reg [OUT_W:0]    high_2;

  always @(posedge clk) begin
    if (enable) begin
      fine      <= shifted;
      fine_over <= coarse_over | shifted_over;
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

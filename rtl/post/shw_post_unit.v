// shw_post_unit: what follows the dot products: bias, shortcut, ReLU, requantization, clamp.
//
//   REQUANT   code, per lane                                                      latency
//   "shift"   sum = acc + (bias << bias_shift) + (shortcut << shortcut_shift);    6 cycles
//             ReLU; clamp((sum + (1 << (shift - 1))) >> shift, low, high)
//   "scale"   sum = acc + bias;                                                   7 cycles
//             clamp((sum * factor + (shortcut << shortcut_shift)
//                    + (1 << (shift - 1))) >> shift, low, high); ReLU
//
// (docs/numerics.md sections 2 and 5). out_sum is the sum after ReLU, for modules that feed a network
// output; "scale" leaves the shortcut out of it. Operands, shifts and cfg_* belong to the beat they
// come with: two beats may differ in all of them. A shortcut that is not enabled is ignored, whatever
// its bits are. "shift" does not read in_factor nor the top bit of the two shifts of six bits; "scale"
// does not read in_bias_shift.
//
// out_sum, and the sums of "shift", are modulo 2^32: exact whenever the whole sum stays below 2^31 in
// magnitude, which the compiler guarantees, whatever a partial sum does. Rounding keeps one bit more.
// "scale" is exact for all operands: 33 bits of sum, 57 bits under the shift.
//
// Parameters:   LANES    1..256  results per beat
//               REQUANT  "shift" | "scale"  power-of-two scales, or a multiplier per lane
// Latency:      as above, without stalls. Throughput: 1 beat per cycle under any stall pattern.
// Backpressure: full; in_ready = out_ready or no beat at the output (one gate, in the same cycle).
// Reset:        rst drops the beats in flight.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_post_unit #(
  parameter LANES   = 8,
  parameter REQUANT = "shift"
) (
  input  wire                clk,
  input  wire                rst,
  input  wire                cfg_relu,           // "scale": cfg_high is not negative then
  input  wire                cfg_shortcut_enable,
  input  wire                cfg_shortcut_signed,
  input  wire [8:0]          cfg_low,            // two's complement, cfg_low <= cfg_high
  input  wire [8:0]          cfg_high,
  input  wire                in_valid,
  output wire                in_ready,
  input  wire                in_last,
  input  wire [LANES*32-1:0] in_acc,
  input  wire [LANES*32-1:0] in_bias,
  input  wire [LANES*5-1:0]  in_bias_shift,      // "shift": 0..31
  input  wire [LANES*8-1:0]  in_shortcut,
  input  wire [LANES*6-1:0]  in_shortcut_shift,  // 0..31, "scale" 0..47
  input  wire [LANES*16-1:0] in_factor,          // "scale": unsigned
  input  wire [LANES*6-1:0]  in_shift,           // 0..31, "scale" 1..47
  output wire                out_valid,
  input  wire                out_ready,
  output wire                out_last,
  output wire [LANES*8-1:0]  out_code,
  output wire [LANES*32-1:0] out_sum
);
  localparam STAGES = REQUANT == "scale" ? 7 : 6;

  generate
    if (LANES < 1 || LANES > 256) begin : g_illegal
      shw_ILLEGAL_LANES_must_be_1_to_256 illegal ();
    end
  endgenerate

  reg [STAGES:1] valid;
  reg [STAGES:1] last;

  wire advance = ~valid[STAGES] | out_ready;

  assign in_ready  = advance;
  assign out_valid = valid[STAGES];
  assign out_last  = last[STAGES];

  always @(posedge clk) begin
    if (rst) valid <= {STAGES{1'b0}};
    else if (advance) valid <= {valid[STAGES-1:1], in_valid};
  end

  // What the lanes share travels beside them.
  reg       relu_1;
  reg       relu_2;
  reg [8:0] low_1;
  reg [8:0] low_2;
  reg [8:0] low_3;
  reg [8:0] high_1;
  reg [8:0] high_2;
  reg [8:0] high_3;

  always @(posedge clk) begin
    if (advance) begin
      last   <= {last[STAGES-1:1], in_last};
      relu_1 <= cfg_relu;
      relu_2 <= relu_1;
      low_1  <= cfg_low;
      low_2  <= low_1;
      low_3  <= low_2;
      high_1 <= cfg_high;
      high_2 <= high_1;
      high_3 <= high_2;
    end
  end

  wire unused = &{1'b0, in_bias_shift, in_shortcut_shift, in_factor, in_shift, relu_2, low_3,
                  high_3};

  genvar lane;
  generate
    for (lane = 0; lane < LANES; lane = lane + 1) begin : g_lane
      wire [7:0]  shortcut      = in_shortcut[lane*8 +: 8];
      wire        shortcut_sign = cfg_shortcut_signed & shortcut[7];
      wire [23:0] shortcut_wide = {{16{shortcut_sign}}, shortcut};

      reg [23:0] shortcut_1;       // aligned by 0 to 15, the rest behind
      reg [1:0]  shortcut_16_1;    // 16 more places to shift, 0 to 2 times

      always @(posedge clk) begin
        if (advance) begin
          shortcut_16_1 <= in_shortcut_shift[lane*6+4 +: 2];
          if (!cfg_shortcut_enable) shortcut_1 <= 24'd0;
          else shortcut_1 <= shortcut_wide << in_shortcut_shift[lane*6 +: 4];
        end
      end

      if (REQUANT == "shift") begin : g_shift
        reg [31:0] acc_1;
        reg [31:0] bias_1;
        reg        bias_16_1;      // 16 more places to shift
        reg [4:0]  shift_1;
        reg [31:0] partial_2;
        reg [23:0] shortcut_2;
        reg        shortcut_16_2;
        reg [4:0]  shift_2;
        reg [31:0] sum_3;
        reg [4:0]  shift_3;
        reg [31:0] sum_4;
        reg [31:0] sum_5;
        reg [31:0] sum_6;

        wire [31:0] bias_aligned     = bias_16_1 ? {bias_1[15:0], 16'd0} : bias_1;
        wire [31:0] shortcut_aligned = shortcut_16_2 ? {shortcut_2[15:0], 16'd0}
                                                     : {{8{shortcut_2[23]}}, shortcut_2};
        wire [31:0] sum              = partial_2 + shortcut_aligned;
        wire        unused_bit       = shortcut_16_1[1];

        always @(posedge clk) begin
          if (advance) begin
            // Stage 1: align by 0 to 15; the last place of the shift is merged into the adder behind.
            acc_1         <= in_acc[lane*32 +: 32];
            bias_1        <= in_bias[lane*32 +: 32] << in_bias_shift[lane*5 +: 4];
            bias_16_1     <= in_bias_shift[lane*5 + 4];
            shift_1       <= in_shift[lane*6 +: 5];
            // Stages 2 and 3: add; ReLU.
            partial_2     <= acc_1 + bias_aligned;
            shortcut_2    <= shortcut_1;
            shortcut_16_2 <= shortcut_16_1[0];
            shift_2       <= shift_1;
            shift_3       <= shift_2;
            if (relu_2 && sum[31]) sum_3 <= 32'd0;
            else sum_3 <= sum;
            // Stages 4 to 6: requantize.
            sum_4         <= sum_3;
            sum_5         <= sum_4;
            sum_6         <= sum_5;
          end
        end

        shw_shift_round #(.IN_W(32), .OUT_W(8)) u_requantize (
          .clk(clk), .enable(advance), .value(sum_3), .shift(shift_3), .low(low_3), .high(high_3),
          .result(out_code[lane*8 +: 8])
        );

        assign out_sum[lane*32 +: 32] = sum_6;
      end else if (REQUANT == "scale") begin : g_scale
        wire [31:0] acc  = in_acc[lane*32 +: 32];
        wire [31:0] bias = in_bias[lane*32 +: 32];

        reg [32:0]     sum_1;
        reg [15:0]     factor_1;
        reg [5:0]      scale_1;    // shift right
        reg [6*32-1:0] sums;       // stages 2 to 7, stage 2 in the low bits

        wire [31:0] sum_2   = relu_1 & sum_1[32] ? 32'd0 : sum_1[31:0];
        wire [55:0] once    = shortcut_16_1[0] ? {{16{shortcut_1[23]}}, shortcut_1, 16'd0}
                                               : {{32{shortcut_1[23]}}, shortcut_1};
        wire [55:0] aligned = shortcut_16_1[1] ? {shortcut_1, 32'd0} : once;
        // ReLU of a code is a clamp at 0 from below: rounding is monotonic and keeps 0.
        wire [8:0]  low     = relu_1 & low_1[8] ? 9'd0 : low_1;

        always @(posedge clk) begin
          if (advance) begin
            // Stage 1: add the bias. Stages 2 to 7: requantize.
            sum_1    <= {acc[31], acc} + {bias[31], bias};
            factor_1 <= in_factor[lane*16 +: 16];
            scale_1  <= in_shift[lane*6 +: 6];
            sums     <= {sums[5*32-1:0], sum_2};
          end
        end

        shw_scale_round #(.IN_W(33), .OUT_W(8), .ADDEND_W(56)) u_requantize (
          .clk(clk), .enable(advance), .value(sum_1), .factor(factor_1), .addend(aligned),
          .shift(scale_1), .low(low), .high(high_1), .result(out_code[lane*8 +: 8])
        );

        assign out_sum[lane*32 +: 32] = sums[6*32-1 -: 32];
      end else begin : g_illegal_requant
        shw_ILLEGAL_REQUANT_must_be_shift_or_scale illegal ();
      end
    end
  endgenerate
endmodule

`default_nettype wire

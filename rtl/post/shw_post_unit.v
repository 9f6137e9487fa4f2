// shw_post_unit: what follows the dot products: bias, shortcut, ReLU, requantization, clamp.
//
//   REQUANT   code, per lane                                                      latency
//   "shift"   sum = acc + (bias << bias_shift) + (shortcut << shortcut_shift);    6 cycles
//             ReLU; clamp((sum + (1 << (shift - 1))) >> shift, low, high)
//   "scale"   sum = acc + bias;                                                   7 cycles
//             clamp((sum * factor + (shortcut << shortcut_shift)
//                    + (1 << (shift - 1))) >> shift, low, high); ReLU
//   "encode"  sum = acc + bias + (value of shortcut << shortcut_shift); ReLU;     2 + BITS
//             exponential code of sum, by thresholds (shw_exp_encode)             cycles
//
// (docs/numerics.md sections 2, 5 and 7). out_sum is the sum after ReLU, for modules that feed a
// network output; "scale" leaves the shortcut out of it. Operands, shifts and cfg_* belong to the beat
// they come with: two beats may differ in all of them. A shortcut that is not enabled is ignored,
// whatever its bits are. Not read: "shift" in_factor and the top bit of the two shifts of six bits,
// "scale" in_bias_shift, both table_*; "encode" in_bias_shift, in_factor, in_shift, the top bit of
// in_shortcut_shift, cfg_shortcut_signed, cfg_low and cfg_high.
//
// Sums, except those of "scale" before the clamp, are modulo 2^ACC_W: exact whenever the whole sum
// stays below 2^(ACC_W-1) in magnitude, which the compiler guarantees, whatever a partial sum does.
// Rounding keeps one bit more. "scale" is exact for all operands: 33 bits of sum, 57 under the shift.
//
// "encode" has two tables, the same for all lanes: thresholds as shw_exp_encode takes them, and the
// signed levels by which the exponent of a shortcut is decoded (its sign negates the level; the zero
// code is 0 whatever the table holds). A code is the low BITS + 1 bits of a lane, {sign, exponent}. A
// word holds for the beats taken after the cycle in which it is.
//
// Parameters:   LANES    1..256  results per beat
//               REQUANT  "shift" | "scale" | "encode"  power-of-two scales, a multiplier per lane, or
//                                exponential codes
//               ACC_W    32, with "encode" 32..48  accumulators, biases and sums
//               BITS     3..7    "encode": width of an exponent; the others do not look at it
//               SHARED   0, 1    1: bias, factor and shifts of lane 0 are those of all lanes, and
//                                aligned once
//               EARLY    0, 1    1, "shift" without stalls: out_sum leaves three cycles before its code
//               SOURCES  1, with "shift" 1..4  numbers offered as an acc, one of which counts. To choose takes no
//                                LUTs: the others are 0 behind their registers
// Latency:      as above, without stalls. Throughput: 1 beat per cycle under any stall pattern.
// Backpressure: full; in_ready = out_ready or no beat at the output (one gate, in the same cycle).
//               table_ready = no beat inside (from registers; 0 without "encode").
// Reset:        rst drops the beats in flight; the tables stay.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_post_unit #(
  parameter LANES   = 8,
  parameter REQUANT = "shift",
  parameter ACC_W   = 32,
  parameter BITS    = 4,
  parameter SHARED  = 0,
  parameter EARLY   = 0,
  parameter SOURCES = 1
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   cfg_relu,             // "scale": cfg_high is not negative then
  input  wire                   cfg_shortcut_enable,
  input  wire                   cfg_shortcut_signed,
  input  wire [8:0]             cfg_low,              // two's complement, cfg_low <= cfg_high
  input  wire [8:0]             cfg_high,
  input  wire                   table_valid,          // a word of a table is offered
  output wire                   table_ready,          // the word is taken at the next edge
  input  wire                   table_select,         // 0: thresholds, 1: levels of shortcuts
  input  wire [BITS-1:0]        table_address,        // threshold 1..2^BITS-1, or exponent
  input  wire [ACC_W-1:0]       table_data,           // threshold - 1, or level of 17 bits
  input  wire                   in_valid,
  output wire                   in_ready,
  input  wire                   in_last,
  input  wire [SOURCES-1:0]     in_source,            // one-hot: which acc counts; of one it does
  input  wire [SOURCES*LANES*ACC_W-1:0] in_acc,       // all lanes of source 0 in the low bits
  input  wire [LANES*ACC_W-1:0] in_bias,
  input  wire [LANES*5-1:0]     in_bias_shift,        // "shift": 0..31
  input  wire [LANES*8-1:0]     in_shortcut,          // a code
  input  wire [LANES*6-1:0]     in_shortcut_shift,    // 0..31, "scale" 0..47
  input  wire [LANES*16-1:0]    in_factor,            // "scale": unsigned
  input  wire [LANES*6-1:0]     in_shift,             // 0..31, "scale" 1..47
  output wire                   out_valid,
  input  wire                   out_ready,
  output wire                   out_last,
  output wire [LANES*8-1:0]     out_code,
  output wire [LANES*ACC_W-1:0] out_sum
);
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  localparam ENCODE = REQUANT == "encode" ? 1 : 0;
  localparam FIRST  = REQUANT == "shift" ? 2 : 4;     // bits of a shortcut's shift for stage 1
  /* verilator lint_on WIDTHEXPAND */
  localparam STAGES     = ENCODE ? 2 + BITS : REQUANT == "scale" ? 7 : 6;
  localparam SHORTCUT_W = ENCODE ? 32 : 24;    // a shortcut aligned by 0 to 15

  generate
    if (LANES < 1 || LANES > 256) begin : g_illegal
      shw_ILLEGAL_LANES_must_be_1_to_256 illegal ();
    end
    if (ACC_W < 32 || ACC_W > (ENCODE ? 48 : 32)) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_32_or_with_encode_32_to_48 illegal ();
    end
    if (SHARED != 0 && SHARED != 1) begin : g_illegal_shared
      shw_ILLEGAL_SHARED_must_be_0_or_1 illegal ();
    end
    if (EARLY != 0 && (EARLY != 1 || FIRST != 2)) begin : g_illegal_early
      shw_ILLEGAL_EARLY_must_be_0_or_with_shift_1 illegal ();
    end
  endgenerate

  generate
    if (SOURCES < 1 || SOURCES > (FIRST == 2 ? 4 : 1)) begin : g_illegal_sources
      shw_ILLEGAL_SOURCES_must_be_1_or_with_shift_1_to_4 illegal ();
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

  wire table_write     = table_valid & table_ready;
  wire threshold_write = table_write & ~table_select;
  wire level_write     = table_write & table_select;

  assign table_ready = ENCODE ? ~|valid : 1'b0;

  wire unused = &{1'b0, cfg_shortcut_signed, threshold_write, level_write, table_address,
                  table_data, in_bias, in_bias_shift, in_shortcut_shift, in_factor, in_shift,
                  in_source, relu_2, low_3, high_3};

  genvar lane;
  genvar s;
  generate
    for (lane = 0; lane < LANES; lane = lane + 1) begin : g_lane
      localparam OWN = SHARED ? 0 : lane;     // whose constants are taken
      wire [7:0]            shortcut = in_shortcut[lane*8 +: 8];
      wire [SHORTCUT_W-1:0] shortcut_wide;    // without the sign of an exponential code
      wire                  shortcut_counts;

      if (ENCODE) begin : g_level
        wire [16:0] level;

        shw_lutram #(.DATA_W(17), .ADDR_W(BITS)) u_levels (
          .clk(clk), .write_enable(level_write), .write_address(table_address),
          .write_data(table_data[16:0]), .read_address(shortcut[BITS-1:0]), .read_data(level)
        );

        assign shortcut_wide   = {{15{level[16]}}, level};
        assign shortcut_counts = cfg_shortcut_enable
                                 && shortcut[BITS-1:0] != {1'b1, {(BITS-1){1'b0}}};
      end else begin : g_integer
        wire sign = cfg_shortcut_signed & shortcut[7];

        assign shortcut_wide   = {{16{sign}}, shortcut};
        assign shortcut_counts = cfg_shortcut_enable;
      end

      reg [SHORTCUT_W-1:0] shortcut_1;       // aligned by the low bits of its shift
      reg [5-FIRST:0]      rest_1;           // of the shift

      always @(posedge clk) begin
        if (advance) begin
          rest_1 <= in_shortcut_shift[OWN*6+FIRST +: 6-FIRST];
          if (!shortcut_counts) shortcut_1 <= {SHORTCUT_W{1'b0}};
          else shortcut_1 <= shortcut_wide << in_shortcut_shift[OWN*6 +: FIRST];
        end
      end

      if (REQUANT == "shift") begin : g_shift
        reg [SOURCES*32-1:0] acc_1;    // 0 of a source that does not count
        reg [31:0] bias_1;
        reg        bias_16_1;      // 16 more places to shift
        reg [4:0]  shift_1;
        reg [31:0] partial_2;
        reg [23:0] shortcut_2;
        reg        shortcut_16_2;
        reg [4:0]  shift_2;
        reg [31:0] sum_3;
        reg [4:0]  shift_3;

        wire [31:0] bias_aligned     = bias_16_1 ? {bias_1[15:0], 16'd0} : bias_1;
        wire [31:0] shortcut_aligned = shortcut_16_2 ? {shortcut_2[15:0], 16'd0}
                                                     : {{8{shortcut_2[23]}}, shortcut_2};
        wire [31:0] sum              = partial_2 + shortcut_aligned;
        wire        unused_bit       = rest_1[3];
        reg  [31:0] acc;
        integer     n;

        always @* begin
          acc = acc_1[31:0];
          for (n = 1; n < SOURCES; n = n + 1) acc = acc | acc_1[n*32 +: 32];
        end

        always @(posedge clk) begin
          if (advance) begin
            // Stage 1, shortcut stages 1 and 2: align by 0 to 15; the last place of a shift is
            // merged into the adder behind.
            bias_1        <= in_bias[OWN*32 +: 32] << in_bias_shift[OWN*5 +: 4];
            bias_16_1     <= in_bias_shift[OWN*5 + 4];
            shift_1       <= in_shift[OWN*6 +: 5];
            // Stages 2 and 3: add; ReLU.
            partial_2     <= bias_aligned + acc;
            shortcut_2    <= shortcut_1 << {rest_1[1:0], 2'd0};
            shortcut_16_2 <= rest_1[2];
            shift_2       <= shift_1;
            shift_3       <= shift_2;
            if (relu_2 && sum[31]) sum_3 <= 32'd0;
            else sum_3 <= sum;
          end
        end

        for (s = 0; s < SOURCES; s = s + 1) begin : g_source
          always @(posedge clk) begin
            if (advance) begin
              if (SOURCES > 1 && !in_source[s]) acc_1[s*32 +: 32] <= 32'd0;
              else acc_1[s*32 +: 32] <= in_acc[(s*LANES+lane)*32 +: 32];
            end
          end
        end

        // Stages 4 to 6: requantize.
        shw_shift_round #(.IN_W(32), .OUT_W(8)) u_requantize (
          .clk(clk), .enable(advance), .value(sum_3), .shift(shift_3), .low(low_3), .high(high_3),
          .result(out_code[lane*8 +: 8])
        );

        shw_delay #(.W(32), .CYCLES(EARLY ? 0 : 3)) u_sum (
          .clk(clk), .enable(advance), .now(sum_3), .late(out_sum[lane*32 +: 32])
        );
      end else if (REQUANT == "scale") begin : g_scale
        wire [31:0] acc  = in_acc[lane*32 +: 32];
        wire [31:0] bias = in_bias[OWN*32 +: 32];

        reg [32:0]     sum_1;
        reg [15:0]     factor_1;
        reg [5:0]      scale_1;    // shift right
        reg [6*32-1:0] sums;       // stages 2 to 7, stage 2 in the low bits

        wire [31:0] sum_2   = relu_1 & sum_1[32] ? 32'd0 : sum_1[31:0];
        wire [55:0] once    = rest_1[0] ? {{16{shortcut_1[23]}}, shortcut_1, 16'd0}
                                               : {{32{shortcut_1[23]}}, shortcut_1};
        wire [55:0] aligned = rest_1[1] ? {shortcut_1, 32'd0} : once;
        // ReLU of a code is a clamp at 0 from below: rounding is monotonic and keeps 0.
        wire [8:0]  low     = relu_1 & low_1[8] ? 9'd0 : low_1;

        always @(posedge clk) begin
          if (advance) begin
            // Stage 1: add the bias. Stages 2 to 7: requantize.
            sum_1    <= {acc[31], acc} + {bias[31], bias};
            factor_1 <= in_factor[OWN*16 +: 16];
            scale_1  <= in_shift[OWN*6 +: 6];
            sums     <= {sums[5*32-1:0], sum_2};
          end
        end

        shw_scale_round #(.IN_W(33), .OUT_W(8), .ADDEND_W(56)) u_requantize (
          .clk(clk), .enable(advance), .value(sum_1), .factor(factor_1), .addend(aligned),
          .shift(scale_1), .low(low), .high(high_1), .result(out_code[lane*8 +: 8])
        );

        assign out_sum[lane*32 +: 32] = sums[6*32-1 -: 32];
      end else if (ENCODE) begin : g_encode
        reg [ACC_W-1:0]      partial_1;
        reg                  sign_1;    // of the shortcut; that of 0 has no effect
        reg [ACC_W-1:0]      sum_2;
        reg [BITS*ACC_W-1:0] sums;      // stages 3 to 2 + BITS, stage 3 in the low bits

        wire [47:0]      aligned = rest_1[0] ? {shortcut_1, 16'd0}
                                                    : {{16{shortcut_1[31]}}, shortcut_1};
        wire [ACC_W-1:0] term    = aligned[ACC_W-1:0] ^ {ACC_W{sign_1}};
        wire [ACC_W-1:0] sum     = relu_2 & sum_2[ACC_W-1] ? {ACC_W{1'b0}} : sum_2;
        wire [BITS:0]    code;
        wire             unused_bits = &{1'b0, shortcut, rest_1[1], aligned};

        always @(posedge clk) begin
          if (advance) begin
            // Stages 1 and 2: add. Stages 3 to 2 + BITS: ReLU, encode.
            partial_1 <= in_acc[lane*ACC_W +: ACC_W] + in_bias[OWN*ACC_W +: ACC_W];
            sign_1    <= shortcut[BITS];
            sum_2     <= partial_1 + term + {{(ACC_W-1){1'b0}}, sign_1};
            sums      <= {sums[(BITS-1)*ACC_W-1:0], sum};
          end
        end

        shw_exp_encode #(.BITS(BITS), .IN_W(ACC_W)) u_encode (
          .clk(clk), .enable(advance), .value(sum_2), .relu(relu_2),
          .threshold_write(threshold_write), .threshold_address(table_address),
          .threshold_value(table_data[ACC_W-2:0]), .code(code)
        );

        assign out_code[lane*8 +: BITS+1] = code;
        if (BITS < 7) begin : g_rest
          assign out_code[lane*8+BITS+1 +: 7-BITS] = {(7-BITS){1'b0}};
        end
        assign out_sum[lane*ACC_W +: ACC_W] = sums[BITS*ACC_W-1 -: ACC_W];
      end else begin : g_illegal_requant
        shw_ILLEGAL_REQUANT_must_be_shift_scale_or_encode illegal ();
      end
    end
  endgenerate
endmodule

`default_nettype wire

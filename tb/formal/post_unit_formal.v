// post_unit_formal: shw_post_unit computes the exact sum and its exact clamp, and never overflows.
// REQUANT = "shift"; what it does not read, the factor and the top bit of two shifts, is free.
//
// For every beat whose whole sum is below 2^31 in magnitude, which the compiler guarantees, six
// cycles later. 64 bits hold every sum: bias << 31 needs 63 of them, the rest less.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module post_unit_formal (
  input wire        clk,
  input wire        cfg_relu,
  input wire        cfg_shortcut_enable,
  input wire        cfg_shortcut_signed,
  input wire [8:0]  cfg_low,
  input wire [8:0]  cfg_high,
  input wire        in_valid,
  input wire        in_last,
  input wire [31:0] in_acc,
  input wire [31:0] in_bias,
  input wire [4:0]  in_bias_shift,
  input wire [7:0]  in_shortcut,
  input wire [5:0]  in_shortcut_shift,
  input wire [15:0] in_factor,
  input wire [5:0]  in_shift
);
  localparam LATENCY = 6;
  localparam W       = 3 + 9 + 9 + 2 + 32 + 32 + 5 + 8 + 5 + 5;

  wire        in_ready;
  wire        out_valid;
  wire        out_last;
  wire [7:0]  out_code;
  wire [31:0] out_sum;

  shw_post_unit #(.LANES(1)) u_unit (
    .clk(clk), .rst(1'b0),
    .cfg_relu(cfg_relu), .cfg_shortcut_enable(cfg_shortcut_enable),
    .cfg_shortcut_signed(cfg_shortcut_signed), .cfg_low(cfg_low), .cfg_high(cfg_high),
    .table_valid(1'b0), .table_ready(), .table_select(1'b0), .table_address(4'd0),
    .table_data(32'd0), .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last),
    .in_source(1'b1), .in_acc(in_acc), .in_bias(in_bias), .in_bias_shift(in_bias_shift),
    .in_shortcut(in_shortcut),
    .in_shortcut_shift(in_shortcut_shift), .in_factor(in_factor), .in_shift(in_shift),
    .out_valid(out_valid), .out_ready(1'b1), .out_last(out_last), .out_code(out_code),
    .out_sum(out_sum)
  );

  reg [LATENCY*W-1:0] history;
  reg [LATENCY:1]     known = 0;

  always @(posedge clk) begin
    history <= {history[(LATENCY-1)*W-1:0],
                cfg_relu, cfg_shortcut_enable, cfg_shortcut_signed, cfg_low, cfg_high, in_valid,
                in_last, in_acc, in_bias, in_bias_shift, in_shortcut, in_shortcut_shift[4:0],
                in_shift[4:0]};
    known   <= {known[LATENCY-1:1], 1'b1};
  end

  // The beat at the output.
  wire               relu;
  wire               shortcut_enable;
  wire               shortcut_signed;
  wire signed [8:0]  low;
  wire signed [8:0]  high;
  wire               valid;
  wire               last;
  wire signed [31:0] acc;
  wire signed [31:0] bias;
  wire        [4:0]  bias_shift;
  wire        [7:0]  shortcut;
  wire        [4:0]  shortcut_shift;
  wire        [4:0]  shift;

  assign {relu, shortcut_enable, shortcut_signed, low, high, valid, last, acc, bias, bias_shift,
          shortcut, shortcut_shift, shift} = history[LATENCY*W-1 -: W];

  wire signed [8:0]  shortcut_code    = {shortcut_signed & shortcut[7], shortcut};
  wire signed [63:0] shortcut_wide    = shortcut_enable ? shortcut_code : 9'sd0;
  wire signed [63:0] bias_wide        = bias;
  wire signed [63:0] shortcut_aligned = shortcut_wide <<< shortcut_shift;
  wire signed [63:0] bias_aligned     = bias_wide <<< bias_shift;
  wire signed [63:0] sum              = acc + bias_aligned + shortcut_aligned;
  wire signed [63:0] total            = relu && sum < 0 ? 64'sd0 : sum;
  wire signed [63:0] half             = (64'd1 << shift) >> 1;
  wire signed [63:0] rounded          = (total + half) >>> shift;
  wire signed [63:0] clamped          = rounded < low ? low : rounded > high ? high : rounded;
  wire signed [63:0] bound            = 64'd1 << 31;

  always @* begin
    if (known[LATENCY]) begin
      assume (low <= high);
      assume (-bound < sum && sum < bound);
      every_beat: assert (in_ready && out_valid == valid && (!valid || out_last == last));
      exact_sum: assert ($signed(out_sum) == total);
      exact_code: assert (out_code == clamped[7:0]);
    end
  end
endmodule

`default_nettype wire

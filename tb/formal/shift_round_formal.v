// shift_round_formal: shw_shift_round gives clamp(floor(value / 2^shift + 1/2), low, high).
//
// For every value, every shift and all low <= high, three cycles later. The sum before the shift
// has one bit more than value.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shift_round_formal (
  input wire        clk,
  input wire [31:0] value,
  input wire [4:0]  shift,
  input wire [8:0]  low,
  input wire [8:0]  high
);
  localparam LATENCY = 3;
  localparam W       = 32 + 5 + 9 + 9;

  wire [7:0] result;

  shw_shift_round #(.IN_W(32), .OUT_W(8)) u_unit (
    .clk(clk), .enable(1'b1), .value(value), .shift(shift), .low(low), .high(high), .result(result)
  );

  reg [LATENCY*W-1:0] history;
  reg [LATENCY:1]     known = 0;

  always @(posedge clk) begin
    history <= {history[(LATENCY-1)*W-1:0], value, shift, low, high};
    known   <= {known[LATENCY-1:1], 1'b1};
  end

  // What belongs to the result at the output.
  wire        [W-1:0] oldest = history[LATENCY*W-1 -: W];
  wire signed [31:0]  old_value;
  wire        [4:0]   old_shift;
  wire signed [8:0]   old_low;
  wire signed [8:0]   old_high;

  assign {old_value, old_shift, old_low, old_high} = oldest;

  wire signed [32:0] half    = (33'd1 << old_shift) >> 1;
  wire signed [32:0] sum     = old_value + half;
  wire signed [32:0] rounded = sum >>> old_shift;
  wire signed [32:0] raised  = rounded < old_low ? old_low : rounded;
  wire signed [32:0] clamped = raised > old_high ? old_high : raised;

  always @* begin
    assume ($signed(low) <= $signed(high));
    if (known[LATENCY]) begin
      equal: assert (result == clamped[7:0]);
    end
  end
endmodule

`default_nettype wire

// smoke: drives dot_products through one tile with all terms and one with term revealing, without a reset between.
//
// Channel 0 has the weights 81 -6 11 3, channel 1 the same negated; position p reads the activations 45 27 119 12
// rotated by p. Every sum of the first tile is checked against multiplication; of the second tile, the
// sum of channel 0 at position 0 against the worked example of docs/numerics.md, 4878 (`+expect=N` replaces it).
// The last line is PASS or FAIL.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module smoke;
  reg clk = 1'b0;
  always #5 clk = !clk;

  reg          rst = 1'b1;
  reg          revealed = 1'b0;
  reg          beat_valid = 1'b0;
  wire         beat_ready;
  reg  [2:0]   beat = 3'd0;            // four beats a tile, two tiles
  wire         sums_valid;
  wire         sums_last;
  wire [127:0] sums;
  wire         error;

  function signed [7:0] weight(input [1:0] k);
    weight = (k == 0) ? 81 : (k == 1) ? -6 : (k == 2) ? 11 : 3;
  endfunction
  function [7:0] activation(input [1:0] k);
    activation = (k == 0) ? 45 : (k == 1) ? 27 : (k == 2) ? 119 : 12;
  endfunction

  wire [1:0] k = beat[1:0];
  wire [1:0] k1 = k + 2'd1;
  wire [1:0] k2 = k + 2'd2;
  wire [1:0] k3 = k + 2'd3;
  wire signed [7:0] w = weight(k);
  wire signed [7:0] opposite = -w;

  dot_products dut (
    .clk(clk), .rst(rst), .revealed(revealed),
    .beat_valid(beat_valid), .beat_ready(beat_ready), .beat_last(k == 2'd3),
    .weights({opposite, w}),
    .activations({activation(k3), activation(k2), activation(k1), activation(k)}),
    .sums_valid(sums_valid), .sums_ready(1'b1), .sums_last(sums_last), .sums(sums), .error(error)
  );

  integer errors = 0;
  integer beats_out = 0;
  integer cycles = 0;
  integer expected = 4878;
  integer p;
  integer j;
  integer sum;
  reg [1:0] at;
  reg signed [31:0] got;

  initial if ($value$plusargs("expect=%d", expected)) $display("expecting %0d", expected);

  // Everything changes after the falling edge, so nothing races with the design's rising edge.
  always @(negedge clk) begin
    cycles = cycles + 1;
    rst <= cycles < 4;
    if (cycles == 4) beat_valid <= 1'b1;
  end

  always @(posedge clk) begin
    if (beat_valid && beat_ready) begin
      beat <= #1 beat + 3'd1;
      revealed <= #1 (beat >= 3'd3);
      if (beat == 3'd7) beat_valid <= #1 1'b0;
    end
    if (error) errors = errors + 1;
    if (sums_valid) begin
      for (p = 0; p < 4; p = p + 1) begin
        sum = 0;
        for (j = 0; j < 4; j = j + 1) begin
          at = j + p;
          sum = sum + weight(j) * $signed({1'b0, activation(at)});
        end
        if (beats_out[0]) sum = -sum;
        got = $signed(sums[p*32 +: 32]);
        if (beats_out < 2 && got != sum) begin
          errors = errors + 1;
          $display("channel %0d position %0d: %0d, expected %0d", beats_out % 2, p, got, sum);
        end
      end
      sum = beats_out[0] ? -expected : expected;
      got = $signed(sums[31:0]);
      $display("tile %0d channel %0d position 0: %0d", beats_out / 2, beats_out % 2, got);
      if (beats_out >= 2 && got != sum) begin
        errors = errors + 1;
        $display("expected %0d", sum);
      end
      if (sums_last != beats_out[0]) errors = errors + 1;
      beats_out = beats_out + 1;
    end
    if (beats_out == 4 || cycles == 500) begin
      if (errors == 0 && beats_out == 4) $display("PASS: 4 result beats");
      else $display("FAIL: %0d result beats, %0d errors", beats_out, errors);
      $finish;
    end
  end
endmodule

`default_nettype wire

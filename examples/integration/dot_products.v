// dot_products: the term-revealing engine in a design of one's own, 2 x 4 dot products at a time.
//
// A beat brings one reduction step: a weight for each of two output channels and an activation for each of four
// positions. `revealed` chooses, tile by tile, between all terms (0) and 8 terms per 4 weights, 3 per activation (1).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module dot_products (
  input  wire         clk,
  input  wire         rst,
  input  wire         revealed,
  input  wire         beat_valid,
  output wire         beat_ready,
  input  wire         beat_last,
  input  wire [15:0]  weights,       // int8, channel 0 in the low bits
  input  wire [31:0]  activations,   // uint8, position 0 in the low bits
  output wire         sums_valid,
  input  wire         sums_ready,
  output wire         sums_last,     // channel 1, the second of two beats
  output wire [127:0] sums,          // int32, position 0 in the low bits
  output wire         error
);
  shw_tr_engine #(
    .ROWS(2), .COLS(4), .DEPTH(256), .ACC_W(22), .TRUNCATE(1)
  ) engine (
    .clk(clk), .rst(rst),
    .cfg_tr_en(revealed),
    .cfg_group(9'd4), .cfg_group_budget(11'd8), .cfg_data_terms(4'd3),
    .cfg_slice_shift(2'd0),                         // whole slices
    .cfg_encoding(1'b1),                             // hese
    .cfg_row_signed(1'b1), .cfg_col_signed(1'b0),    // weights are signed, activations are not
    .cfg_error(error),
    .in_valid(beat_valid), .in_ready(beat_ready), .in_last(beat_last),
    .in_row(weights), .in_col(activations),
    .out_valid(sums_valid), .out_ready(sums_ready), .out_last(sums_last), .out_acc(sums)
  );
endmodule

`default_nettype wire

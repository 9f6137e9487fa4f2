// exp_count_cell_formal: any three pairs at n = 3, counted by shw_exp_count_cell, evaluate to their dot product.
//
// Exponents are 3 bits wide, counters 4, b is 2, alpha and beta are free; levels are scaled by 2^3, which makes
// the smallest an integer. The cell is cleared by moving zeros in, takes pairs with gaps, and moves its
// counters out, which are multiplied and summed as they come. In steps whose sum is the identity:
//   counted  every counter is the signed number of pairs at its exponent
//   within   and no counter exceeds the number of pairs
//   summed   S1..S4 from the counters are those of the pairs
//   product  A[ia] W[iw] of any exponents is their powers times the products of alpha and beta, summed
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module exp_count_cell_formal (
  input wire       clk,
  input wire       take,
  input wire [3:0] row_code,
  input wire [3:0] column_code
);
  localparam PAIRS = 3;
  localparam W     = 18;

  // Cycle by cycle: reset, 13 moves, pairs, 13 moves, and two cycles until the last counter is summed.
  localparam [5:0] CLEARED = 6'd14;
  localparam [5:0] COUNTED = CLEARED + PAIRS[5:0];
  localparam [5:0] MOVED   = COUNTED + 6'd13;

  reg  [5:0] now = 0;
  wire       rst    = now == 0;
  wire       clear  = now != 0 && now < CLEARED;
  wire       paired = now >= CLEARED && now < COUNTED;
  wire       move   = now >= COUNTED && now < MOVED;

  // A move from -6 to 6 names the entries of both.
  reg  signed [3:0] place = -4'sd6;
  wire signed [3:0] above = place + 4'sd1;
  wire moving = clear || move;

  wire       pair     = paired && take;
  wire [2:0] row_exponent    = moving ? place[3:1] : row_code[2:0];
  wire [2:0] column_exponent = moving ? above[3:1] : column_code[2:0];
  wire       row_valid       = moving || (pair && row_code[2:0] != 3'd4);
  wire       column_valid    = moving || (pair && column_code[2:0] != 3'd4);
  wire       row_negative    = !moving && row_code[3];
  wire       column_negative = !moving && column_code[3];

  reg  [2:0] row_entry;
  reg  [2:0] column_entry;
  reg        counting;
  reg        moved = 0;
  reg signed [3:0] moved_place;
  wire       [2:0] half = moved_place[3:1];

  wire signed [3:0] both;
  wire signed [3:0] rows;
  wire signed [3:0] columns;

  shw_exp_count_cell #(.BITS(3), .COUNT_W(4)) u_cell (
    .clk(clk), .rst(rst), .single(!(moving && place[0])),
    .row_valid(row_valid), .row_negative(row_negative), .row_exponent(row_exponent),
    .column_valid(column_valid), .column_negative(column_negative),
    .column_exponent(column_exponent), .counting(counting), .row_entry(row_entry),
    .column_entry(column_entry), .north_both(4'd0), .north_rows(4'd0), .north_columns(4'd0),
    .both(both), .rows(rows), .columns(columns)
  );

  // The definition: the pairs themselves, at any exponent.
  wire [3:0] some_sum      = $anyconst;
  wire [2:0] some_exponent = $anyconst;
  wire signed [1:0] alpha_a = $anyconst;
  wire signed [1:0] beta_a  = $anyconst;
  wire signed [1:0] alpha_w = $anyconst;
  wire signed [1:0] beta_w  = $anyconst;

  wire counts = paired && row_valid && column_valid;
  wire signed [1:0] sign = (row_negative ^ column_negative) ? -2'sd1 : 2'sd1;
  wire signed [3:0] ia   = {row_exponent[2], row_exponent};
  wire signed [3:0] iw   = {column_exponent[2], column_exponent};
  wire signed [W-1:0] power_a = 1 <<< (ia + 4'sd3);
  wire signed [W-1:0] power_w = 1 <<< (iw + 4'sd3);
  wire signed [W-1:0] power   = 1 <<< (ia + iw + 4'sd6);
  wire signed [W-1:0] level_a = (alpha_a <<< (ia + 4'sd3)) + 8 * beta_a;
  wire signed [W-1:0] level_w = (alpha_w <<< (iw + 4'sd3)) + 8 * beta_w;
  // Products of alpha and beta, and their multiples by a pair's powers.
  wire signed [W-1:0] alpha_alpha = alpha_a * alpha_w;
  wire signed [W-1:0] alpha_beta  = alpha_a * beta_w;
  wire signed [W-1:0] beta_alpha  = alpha_w * beta_a;
  wire signed [W-1:0] beta_beta   = beta_a * beta_w;
  wire signed [W-1:0] parts = (alpha_alpha <<< (ia + iw + 4'sd6)) + (alpha_beta <<< (ia + 4'sd6))
                              + (beta_alpha <<< (iw + 4'sd6)) + (beta_beta <<< 6);

  reg        [2:0] pairs = 0;
  reg signed [3:0] at_sum = 0;
  reg signed [3:0] at_row = 0;
  reg signed [3:0] at_column = 0;
  // S1..S4, of the pairs and from the counters.
  reg signed [W-1:0] pairs_1 = 0;
  reg signed [W-1:0] pairs_2 = 0;
  reg signed [W-1:0] pairs_3 = 0;
  reg signed [W-1:0] pairs_4 = 0;
  reg signed [W-1:0] counts_1 = 0;
  reg signed [W-1:0] counts_2 = 0;
  reg signed [W-1:0] counts_3 = 0;
  reg signed [W-1:0] counts_4 = 0;

  always @(posedge clk) begin
    now <= now + 6'd1;
    if (moving) place <= (place == 4'sd6) ? -4'sd6 : above;
    row_entry    <= row_exponent;
    column_entry <= column_exponent;
    counting     <= !moving;
    moved        <= move;
    moved_place  <= place;
    if (counts) begin
      pairs  <= pairs + 3'd1;
      pairs_1 <= pairs_1 + sign * power;
      pairs_2 <= pairs_2 + sign * power_a;
      pairs_3 <= pairs_3 + sign * power_w;
      pairs_4 <= pairs_4 + sign;
      if (ia + iw == some_sum) at_sum <= at_sum + sign;
      if (row_exponent == some_exponent) at_row <= at_row + sign;
      if (column_exponent == some_exponent) at_column <= at_column + sign;
    end
    if (moved) begin
      counts_1 <= counts_1 + (both <<< (moved_place + 4'sd6));
      if (!moved_place[0]) begin
        counts_2 <= counts_2 + (rows <<< (half + 3'd3));
        counts_3 <= counts_3 + (columns <<< (half + 3'd3));
        counts_4 <= counts_4 + rows;
      end
    end
  end

  always @* begin
    if (moved) begin
      counted_both: assert (moved_place != some_sum || both == at_sum);
      within_both:  assert (both <= $signed({1'b0, pairs}) && -both <= $signed({1'b0, pairs}));
      if (!moved_place[0]) begin
        counted_rows:    assert (half != some_exponent || rows == at_row);
        counted_columns: assert (half != some_exponent || columns == at_column);
      end
    end
    if (now == MOVED + 6'd1) begin
      summed_1: assert (counts_1 == pairs_1);
      summed_2: assert (counts_2 == pairs_2);
      summed_3: assert (counts_3 == pairs_3);
      summed_4: assert (counts_4 == pairs_4);
      product:  assert (row_exponent == 3'd4 || column_exponent == 3'd4 || level_a * level_w == parts);
    end
  end
endmodule

`default_nettype wire

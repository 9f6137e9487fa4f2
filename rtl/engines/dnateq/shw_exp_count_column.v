// shw_exp_count_column: the edge of a column of pair-counting cells: counters in, dot products out.
//
// The counters of a slice are buffered as they arrive, so the cells count on while they are evaluated: a first
// multiplier sums counter * power over a histogram, a second one sums factor * that over the four sums of a row and
// over the slices of its tile. The engine tells all columns at once what to do; the digit that ends a
// name is the stage of the pipeline that it belongs to, stage 0 reads the buffers.
//
// Parameters: ROWS     1..4   rows of the array
//             BITS     3..7   width of an exponent
//             COUNT_W  4..12  width of a counter; up to 9 the multipliers have at most 25 x 18 bits
// Latency:    6 cycles from the last counter of a row to its total. Throughput: 1 counter per cycle.
// Backpressure: none; a total stays until end_5. Reset: none, but that of the engine's signals.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_exp_count_column #(
  parameter ROWS    = 2,
  parameter BITS    = 4,
  parameter COUNT_W = 8,
  parameter ROW_W   = 1      // >= clog2(ROWS), at least 1
) (
  input  wire                    clk,
  input  wire                    both_write,
  input  wire [ROW_W+BITS:0]     both_entry,     // row, ia + iw
  input  wire [COUNT_W-1:0]      both,
  input  wire                    single_write,
  input  wire [ROW_W+BITS-1:0]   single_entry,   // row, ia or iw
  input  wire [COUNT_W-1:0]      rows,
  input  wire [COUNT_W-1:0]      columns,
  input  wire [1:0]              pass,           // 0 both, 1 rows, 2 columns, 3 rows
  input  wire [ROW_W+BITS:0]     entry,          // row, exponent
  input  wire [15:0]             power_1,        // of the counter, unsigned
  input  wire                    valid_2,
  input  wire                    begin_2,        // first counter of a pass
  input  wire [16:0]             factor_4,       // of the sum, two's complement
  input  wire                    first_4,        // slice is the first of its tile
  input  wire                    end_5,          // the sum of a pass is complete
  input  wire                    row_begin_5,    // that of pass 0
  input  wire                    keep,           // out_acc is a row's total, slices follow
  input  wire [ROW_W-1:0]        keep_row,       // row of the total at stages 4 to 6
  output wire [47:0]             out_acc
);
  generate
    if (ROWS < 1 || ROWS > 4 || (1 << ROW_W) < ROWS) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_4 illegal ();
    end
    if (COUNT_W < 4 || COUNT_W > 12) begin : g_illegal_count
      shw_ILLEGAL_COUNT_W_must_be_4_to_12 illegal ();
    end
  endgenerate

  localparam SUM_W     = COUNT_W + 16;
  localparam PRODUCT_W = SUM_W + 17;

  wire [COUNT_W-1:0] both_count;
  wire [COUNT_W-1:0] row_count;
  wire [COUNT_W-1:0] column_count;

  shw_lutram #(.DATA_W(COUNT_W), .ADDR_W(ROW_W + BITS + 1)) u_both (
    .clk(clk), .write_enable(both_write), .write_address(both_entry), .write_data(both),
    .read_address(entry), .read_data(both_count)
  );
  shw_lutram #(.DATA_W(2 * COUNT_W), .ADDR_W(ROW_W + BITS)) u_single (
    .clk(clk), .write_enable(single_write), .write_address(single_entry),
    .write_data({columns, rows}), .read_address({entry[BITS+1 +: ROW_W], entry[BITS-1:0]}),
    .read_data({column_count, row_count})
  );

  // Totals of the rows of a tile that takes several slices.
  reg  [47:0] totals [0:(1<<ROW_W)-1];
  wire [47:0] total = totals[keep_row];

  reg signed [COUNT_W-1:0]   count_1;
  reg signed [SUM_W:0]       product_2;
  reg signed [SUM_W-1:0]     sum_3;
  reg signed [SUM_W-1:0]     sum_4;
  reg signed [PRODUCT_W-1:0] product_5;
  reg signed [47:0]          before_5;
  reg signed [47:0]          acc_6;

  wire signed [16:0] signed_power  = $signed({1'b0, power_1});
  wire signed [16:0] signed_factor = $signed(factor_4);

  assign out_acc = $unsigned(acc_6);

  always @(posedge clk) begin
    count_1   <= $signed((pass == 2'd0) ? both_count : (pass == 2'd2) ? column_count : row_count);
    /* verilator lint_off WIDTHEXPAND */
    /* verilator lint_off WIDTHTRUNC */
    product_2 <= count_1 * signed_power;
    if (valid_2) sum_3 <= (begin_2 ? 0 : sum_3) + product_2;
    sum_4     <= sum_3;
    product_5 <= sum_4 * signed_factor;
    if (end_5) acc_6 <= (row_begin_5 ? before_5 : acc_6) + product_5;
    /* verilator lint_on WIDTHTRUNC */
    /* verilator lint_on WIDTHEXPAND */
    if (first_4) before_5 <= 48'd0;
    else before_5 <= $signed(total);
    if (keep) totals[keep_row] <= $unsigned(acc_6);
  end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
//
// shw_booth_array: weight-stationary systolic array of hand-mapped, row-pipelined radix-4 Booth multipliers, the
// strongest multiplier rival of the term engines on six-input LUTs.
//
// Cell (r, c) keeps weight w[r][c]. Column c delivers sum over r of x[r] * w[r][c], modulo 2**ACC_W. Only the
// array is built: shw_stationary_array adds the totals of reductions longer than ROWS.
//
// Parameters
//   ROWS         1..256             rows, the length of one reduction
//   COLS         1..256             columns
//   ACC_W        16..32             width of a partial sum
//   SIGNED_ONLY  0..1               1: data values are always two's complement (shorter rows), x_signed is not read
//   FAMILY       "generic" | "xc7"  how the Booth rows are written (shw_booth_row); the results are the same
//
// Loading: ROWS cycles of `load`, the weights of row ROWS-1 first. Values: row r is fed r cycles after row 0;
// x_signed says how they extend and is not changed while values of the other kind are being fed.
// Latency: ROWS + 5 cycles from row 0's value to column 0, one cycle more per column. Throughput: ROWS x COLS
// products a cycle. Backpressure: none. Reset: see shw_booth_cell; outputs are defined once weights and values are in.
`default_nettype none

module shw_booth_array #(
  parameter ROWS        = 8,
  parameter COLS        = 8,
  parameter ACC_W       = 24,
  parameter SIGNED_ONLY = 0,
  parameter FAMILY      = "generic"
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire                  load,
  input  wire [COLS*8-1:0]     in_w,
  input  wire                  x_signed,
  input  wire [ROWS*8-1:0]     in_x,
  output wire [COLS*ACC_W-1:0] out_sum
);

  generate
    if (ROWS < 1 || ROWS > 256) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_256 illegal ();
    end
    if (COLS < 1 || COLS > 256) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_256 illegal ();
    end
    if (ACC_W < 16 || ACC_W > 32) begin : g_illegal_acc_w
      shw_ILLEGAL_ACC_W_must_be_16_to_32 illegal ();
    end
    if (SIGNED_ONLY < 0 || SIGNED_ONLY > 1) begin : g_illegal_signed_only
      shw_ILLEGAL_SIGNED_ONLY_must_be_0_or_1 illegal ();
    end
  endgenerate

  localparam X_W  = (SIGNED_ONLY == 1) ? 8 : 9;
  localparam TAPS = COLS + 3;  // eastbound registers of a row: column c taps c .. c + 3

  wire [COLS*8-1:0]     w_chain [0:ROWS];
  wire [COLS*ACC_W-1:0] sums    [0:ROWS];

  assign w_chain[0] = in_w;
  assign sums[0]    = {(COLS*ACC_W){1'b0}};
  assign out_sum    = sums[ROWS];

  genvar r, c;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      reg  [TAPS*X_W-1:0] x_chain;
      wire [X_W-1:0]      x_west;
      if (SIGNED_ONLY == 1) begin : g_signed
        assign x_west = in_x[r*8 +: 8];
      end else begin : g_mixed
        assign x_west = {x_signed & in_x[r*8+7], in_x[r*8 +: 8]};
      end
      always @(posedge clk) x_chain <= {x_chain[0 +: (TAPS-1)*X_W], x_west};
      for (c = 0; c < COLS; c = c + 1) begin : g_col
        shw_booth_cell #(
          .X_W(X_W),
          .ACC_W(ACC_W),
          .FIRST((r == 0) ? 1 : 0),
          .FAMILY(FAMILY)
        ) cell_i (
          .clk(clk),
          .rst(rst),
          .load(load),
          .w_north(w_chain[r][c*8 +: 8]),
          .w_south(w_chain[r+1][c*8 +: 8]),
          .x_taps(x_chain[c*X_W +: 4*X_W]),
          .sum_north(sums[r][c*ACC_W +: ACC_W]),
          .sum_south(sums[r+1][c*ACC_W +: ACC_W])
        );
      end
    end
    if (SIGNED_ONLY == 1) begin : g_unused
      wire unused_signed = &{1'b0, x_signed};
    end
  endgenerate

  wire unused_w = &{1'b0, w_chain[ROWS]};

endmodule

`default_nettype wire

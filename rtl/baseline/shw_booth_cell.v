// SPDX-License-Identifier: Apache-2.0
//
// shw_booth_cell: one cell of the hand-mapped weight-stationary Booth multiply-accumulate array.
//
// Four radix-4 Booth rows with a register after each; the weight's four digits are stationary. Row j needs the
// value j cycles after row 0: the array's eastbound chain holds it there already, so the cell has no value registers
// of its own, only taps.
//
// Parameters
//   X_W     8..9                width of the data value, two's complement (9 holds both 0..255 and -128..127)
//   ACC_W   16..32              width of the partial sum, modulo 2**ACC_W
//   FIRST   0..1                1: top row, nothing arrives from the north and no adder is built
//   FAMILY  "generic" | "xc7"   how the Booth rows are written (shw_booth_row)
//
// Latency: tap 0 to sum_south 5 cycles, sum_north to sum_south 1 cycle. Throughput: one product a cycle.
// Backpressure: none. Reset: rst clears the pipeline's low product bits (which keeps them out of shift-register
// LUTs); everything else is defined once loaded and fed.
`default_nettype none

module shw_booth_cell #(
  parameter X_W    = 9,
  parameter ACC_W  = 24,
  parameter FIRST  = 0,
  parameter FAMILY = "generic"
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             load,
  input  wire [7:0]       w_north,
  output reg  [7:0]       w_south,
  input  wire [4*X_W-1:0] x_taps,
  input  wire [ACC_W-1:0] sum_north,
  output reg  [ACC_W-1:0] sum_south
);

  generate
    if (X_W < 8 || X_W > 9) begin : g_illegal_x_w
      shw_ILLEGAL_X_W_must_be_8_to_9 illegal ();
    end
    if (ACC_W < 16 || ACC_W > 32) begin : g_illegal_acc_w
      shw_ILLEGAL_ACC_W_must_be_16_to_32 illegal ();
    end
    if (FIRST < 0 || FIRST > 1) begin : g_illegal_first
      shw_ILLEGAL_FIRST_must_be_0_or_1 illegal ();
    end
  endgenerate

  localparam N = X_W + 2;

  wire [8:0]     weight = {w_south, 1'b0};
  wire [4*N-1:0] rows;
  reg  [4*N-1:0] rows_q;
  reg  [1:0]     low_0;   // product bits 1:0 after row 1
  reg  [3:0]     low_1;   // product bits 3:0 after row 2
  reg  [5:0]     low_2;   // product bits 5:0 after row 3

  always @(posedge clk) begin
    if (load) w_south <= w_north;
    rows_q <= rows;
  end

  always @(posedge clk) begin
    if (rst) begin
      low_0 <= 2'd0;
      low_1 <= 4'd0;
      low_2 <= 6'd0;
    end else begin
      low_0 <= rows_q[1:0];
      low_1 <= {rows_q[N +: 2], low_0};
      low_2 <= {rows_q[2*N +: 2], low_1};
    end
  end

  genvar j;
  generate
    for (j = 0; j < 4; j = j + 1) begin : g_row
      wire [X_W-1:0] previous;
      if (j == 0) begin : g_top
        assign previous = {X_W{1'b0}};
      end else begin : g_chain
        assign previous = rows_q[(j-1)*N+2 +: X_W];
      end
      shw_booth_row #(
        .X_W(X_W),
        .FAMILY(FAMILY)
      ) row (
        .digit(weight[2*j +: 3]),
        .value(x_taps[j*X_W +: X_W]),
        .previous(previous),
        .result(rows[j*N +: N])
      );
    end
  endgenerate

  // 16 bits hold every product: the extremes are 255 * -128 and -128 * -128
  wire [15:0]      product = {rows_q[3*N +: 10], low_2};
  wire [ACC_W-1:0] wide;

  generate
    if (ACC_W > 16) begin : g_wide
      assign wide = {{(ACC_W-16){product[15]}}, product};
    end else begin : g_equal
      assign wide = product;
    end
    if (N > 10) begin : g_spare
      wire unused_top = &{1'b0, rows_q[4*N-1 -: N-10]};
    end
    if (FIRST == 1) begin : g_first
      wire unused_north = &{1'b0, sum_north};
      always @(posedge clk) sum_south <= wide;
    end else begin : g_add
      always @(posedge clk) sum_south <= sum_north + wide;
    end
  endgenerate

endmodule

`default_nettype wire

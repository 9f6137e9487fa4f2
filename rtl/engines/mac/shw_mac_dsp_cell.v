// shw_mac_dsp_cell: one row value times one column value in one multiplier, and the sum of the products.
//
// The registers are those of a DSP48E1: operands, product, and an accumulator that may load instead of add. So on
// 7-series a cell is one DSP block and nothing else; on families whose blocks only multiply, the sum is in LUTs. On ECP5
// the cell of terms (shw_tr_cell) adds: its carry cells start a sum anew without LUTs in front of them.
//
// Parameters:   ACC_W  20..32             width of the sum, modulo 2^ACC_W
//               FAMILY "generic", "ecp5"  what adds; the same function
// Latency:      3 cycles. Throughput: 1 product per cycle.
// Backpressure: none: a row value of 0 changes nothing. Reset: none; `first` starts a sum anew.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_dsp_cell #(
  parameter ACC_W  = 32,
  parameter FAMILY = "generic"
) (
  input  wire             clk,
  input  wire             first,  // the product that is added now is the first of its sum
  input  wire [8:0]       row,    // two's complement
  input  wire [8:0]       col,
  output wire [ACC_W-1:0] acc
);
  generate
    if (ACC_W < 20 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_20_to_32 illegal ();
    end
  endgenerate

  reg signed [8:0]  row_1;
  reg signed [8:0]  col_1;
  reg signed [17:0] product_2;

  always @(posedge clk) begin
    row_1     <= $signed(row);
    col_1     <= $signed(col);
    product_2 <= $signed({{9{row_1[8]}}, row_1}) * $signed({{9{col_1[8]}}, col_1});
  end

  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if (FAMILY == "generic") begin : g_generic
      reg  signed [ACC_W-1:0] sum_3;
      wire signed [ACC_W-1:0] zero = {ACC_W{1'b0}};
      wire signed [ACC_W-1:0] wide = $signed({{(ACC_W-18){product_2[17]}}, product_2});
      always @(posedge clk) sum_3 <= wide + (first ? zero : sum_3);
      assign acc = $unsigned(sum_3);
    end else begin : g_carry_cells
      wire [17:0] product = $unsigned(product_2);
      shw_tr_cell #(.ACC_W(ACC_W), .T_W(18), .FAMILY(FAMILY)) u_sum (
        .clk(clk), .rst(1'b0), .keep(~first), .other(first), .fill(1'b0),
        .t(product), .north({ACC_W{1'b0}}), .acc(acc)
      );
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */
endmodule

`default_nettype wire

// shw_tr_cell: one accumulator of the term-revealing array.
//
// Executes one operation per cycle on a value t that the row gathered for it:
//   OP_ADD   (0) acc <= acc + t         OP_SHIFT (1) acc <= {acc, fill} + t (next exponent plane)
//   OP_FLIP  (2) acc <= ~acc + t        OP_NORTH (3) acc <= north + t       (drain and clear chain)
// While the row works complemented (fill = 1) the register holds ~value, so adding t subtracts it:
// ~a + t = ~(a - t). Every sum bit is a function of six signals (t, acc[i], acc[i-1], north, op),
// one LUT6 in front of a carry chain.
//
// Parameters: ACC_W  10..48  accumulator width; sums are modulo 2^ACC_W
// Latency:    1 cycle. Throughput: 1 operation per cycle. Backpressure: none (OP_ADD with t = 0 holds).
// Reset:      rst clears the accumulator.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_cell #(
  parameter ACC_W = 24
) (
  input  wire             clk,
  input  wire             rst,
  input  wire [1:0]       op,
  input  wire             fill,
  input  wire [9:0]       t,      // two's complement
  input  wire [ACC_W-1:0] north,
  output reg  [ACC_W-1:0] acc
);
  generate
    if (ACC_W < 10 || ACC_W > 48) begin : g_illegal
      shw_ILLEGAL_ACC_W illegal ();
    end
  endgenerate

  wire [ACC_W-1:0] addend     = {{(ACC_W-9){t[9]}}, t[8:0]};
  wire [ACC_W-1:0] chain_base = op[1] ? (op[0] ? north : ~acc)
                                      : (op[0] ? {acc[ACC_W-2:0], fill} : acc);

  always @(posedge clk) begin
    if (rst) acc <= {ACC_W{1'b0}};
    else acc <= addend + chain_base;
  end
endmodule

`default_nettype wire

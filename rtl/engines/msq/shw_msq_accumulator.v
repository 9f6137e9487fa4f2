// shw_msq_accumulator: total of a tile for one row and column, and the shadow register it leaves from.
//
// Sums are unsigned. A sum that is `last` completes the total: it moves to `total`, where it stays until
// the next one, and the accumulator starts again from zero, in the same cycle. Totals are modulo 2^ACC_W.
//
// Parameters:   ACC_W  16..32    width of the total
//               SUM_W  2..ACC_W  width of a sum
// Latency:      1 enabled cycle. Throughput: 1 sum per enabled cycle. Backpressure: enable.
// Reset:        rst clears the accumulator, not the shadow register.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_msq_accumulator #(
  parameter ACC_W = 24,
  parameter SUM_W = 11
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             enable,  // a sum is here and the pipeline moves
  input  wire             last,
  input  wire [SUM_W-1:0] sum,
  output reg  [ACC_W-1:0] total
);
  generate
    if (ACC_W < 16 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_16_to_32 illegal ();
    end
    if (SUM_W < 2 || SUM_W > ACC_W) begin : g_illegal_sum
      shw_ILLEGAL_SUM_W_must_be_2_to_ACC_W illegal ();
    end
  endgenerate

  reg  [ACC_W-1:0] acc;
  wire [ACC_W:0]   wide = {{(ACC_W+1-SUM_W){1'b0}}, sum};
  wire [ACC_W-1:0] next = acc + wide[ACC_W-1:0];
  wire             unused = &{1'b0, wide[ACC_W]};

  always @(posedge clk) begin
    if (rst || (enable && last)) acc <= {ACC_W{1'b0}};
    else if (enable) acc <= next;
    if (enable && last) total <= next;
  end
endmodule

`default_nettype wire

// shw_accel_tags: valid bits that travel beside a pipeline that never stalls, cleared by reset.
//
// Parameters:   W       1..64  bits
//               CYCLES  1..64  cycles of the pipeline
// Latency:      CYCLES cycles. Throughput: a word a cycle. Backpressure: none.
// Reset:        rst clears all stages.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_tags #(
  parameter W      = 4,
  parameter CYCLES = 8
) (
  input  wire         clk,
  input  wire         rst,
  input  wire [W-1:0] now,
  output wire [W-1:0] late
);
  generate
    if (W < 1 || W > 64) begin : g_illegal_w
      shw_ILLEGAL_W_must_be_1_to_64 illegal ();
    end
    if (CYCLES < 1 || CYCLES > 64) begin : g_illegal_cycles
      shw_ILLEGAL_CYCLES_must_be_1_to_64 illegal ();
    end
  endgenerate

  reg  [CYCLES*W-1:0]     stages;    // the newest word in the low bits
  wire [(CYCLES+1)*W-1:0] all = {stages, now};

  always @(posedge clk) begin
    if (rst) stages <= {(CYCLES*W){1'b0}};
    else stages <= all[CYCLES*W-1:0];
  end

  assign late = all[CYCLES*W +: W];
endmodule

`default_nettype wire

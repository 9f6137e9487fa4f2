// shw_delay: a word, CYCLES enabled cycles later.
//
// Parameters:   W       1..4096  width of the word in bits
//               CYCLES  0..64    registers in a row; with 0 the word passes through
// Latency:      CYCLES enabled cycles. Throughput: 1 word per enabled cycle.
// Backpressure: enable stalls all stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_delay #(
  parameter W      = 8,
  parameter CYCLES = 3
) (
  input  wire         clk,
  input  wire         enable,  // the pipeline moves
  input  wire [W-1:0] now,
  output wire [W-1:0] late
);
  generate
    if (W < 1 || W > 4096) begin : g_illegal_w
      shw_ILLEGAL_W_must_be_1_to_4096 illegal ();
    end
    if (CYCLES < 0 || CYCLES > 64) begin : g_illegal_cycles
      shw_ILLEGAL_CYCLES_must_be_0_to_64 illegal ();
    end

    if (CYCLES == 0) begin : g_wire
      wire unused = &{1'b0, clk, enable};
      assign late = now;
    end else begin : g_stages
      reg  [CYCLES*W-1:0]     stages;                // the newest word in the low bits
      wire [(CYCLES+1)*W-1:0] all = {stages, now};

      always @(posedge clk) if (enable) stages <= all[CYCLES*W-1:0];
      assign late = all[CYCLES*W +: W];
    end
  endgenerate
endmodule

`default_nettype wire

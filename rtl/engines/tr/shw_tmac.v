// shw_tmac: the published term-pair cell, one pair of powers of two per cycle.
//
// Adds the exponents of a row term and a column term, multiplies their signs and bumps the entry of the
// coefficient vector that stands for the sum: +1 or -1. The vector has 17 entries (exponent sums 0..16) and lives in
// LUT RAM; one adder reads, bumps and writes back in a cycle. While `drain` is set the cell instead stores what its
// north neighbour holds at the same entry: entry by entry the vectors move to the drained edge, where they are
// converted to binary, and zeros follow behind them.
//
// Parameters: COEF_W  2..24  width of a coefficient; counts are modulo 2^COEF_W
// Latency:    2 cycles from a pair to its coefficient. Throughput: 1 pair per cycle.
// Backpressure: none (a pair without row_valid or column_valid changes nothing).
// Reset:      rst drops the pairs that come with it; the vector is cleared by draining zeros through it (17 cycles a row).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac #(
  parameter COEF_W = 12
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              drain,           // row_exponent names the entry to move; no pair
  input  wire              row_valid,
  input  wire              row_negative,    // 0 while draining
  input  wire [4:0]        row_exponent,    // 0..8; 0..16 while draining
  input  wire              column_valid,
  input  wire              column_negative, // 0 while draining
  input  wire [3:0]        column_exponent, // 0..8; 0 while draining
  input  wire [COEF_W-1:0] north,
  output wire [COEF_W-1:0] coefficient      // of the entry named two cycles ago
);
  generate
    if (COEF_W < 2 || COEF_W > 24) begin : g_illegal
      shw_ILLEGAL_COEF_W_must_be_2_to_24 illegal ();
    end
  endgenerate

`ifndef SHW_NO_LUTRAM
  (* ram_style = "distributed" *)
`endif
  reg [COEF_W-1:0] coefficients [0:31];
  reg [4:0]        entry;
  reg              negative;
  reg              moving;
  reg              write;

  assign coefficient = coefficients[entry];

  // the adder's first operand is the same for all upper bits, which leaves one LUT per bit
  wire [COEF_W-1:0] addend     = {{(COEF_W-1){negative}}, ~moving};
  wire [COEF_W-1:0] chain_base = moving ? north : coefficient;

  always @(posedge clk) begin
    if (rst) write <= 1'b0;
    else write <= drain | (row_valid & column_valid);
    moving   <= drain;
    negative <= row_negative ^ column_negative;
    entry    <= row_exponent + {1'b0, column_exponent};
    if (write) coefficients[entry] <= addend + chain_base;
  end
endmodule

`default_nettype wire

// shw_exp_encode: a sum as an exponential code, by comparison of its magnitude with thresholds.
//
// The code is {sign, exponent}. The exponent is the number of thresholds T[1] <= ... <=
// T[2^BITS - 1] with |value| >= T, minus 2^(BITS-1): T[j] is what exponent j - 2^(BITS-1) asks for.
// T[1] = 1, so 0, and with relu every value below 0, is the zero code: exponent -2^(BITS-1), sign 0.
// Its word is T[j] - 1, the largest magnitude that is not enough: a negative value, of which the
// complement is |value| - 1, need not be negated then. threshold_words of
// tools/shiftwork/codes/exponential.py makes the words, also for layers of fewer bits; a threshold
// that must not be reached is 2^(IN_W-1): every |value| has to stay below that.
// Writes do not wait for enable; every threshold has to be written before the first value.
//
// Parameters:   BITS  3..7   width of an exponent
//               IN_W  4..48  width of the value
// Latency:      BITS enabled cycles. Throughput: 1 value per enabled cycle.
// Backpressure: enable stalls all stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline and the thresholds).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_exp_encode #(
  parameter BITS = 4,
  parameter IN_W = 48
) (
  input  wire            clk,
  input  wire            enable,             // the pipeline moves
  input  wire [IN_W-1:0] value,              // two's complement
  input  wire            relu,               // taken with value
  input  wire            threshold_write,    // writes T[threshold_address]
  input  wire [BITS-1:0] threshold_address,  // 1..2^BITS-1
  input  wire [IN_W-2:0] threshold_value,    // T - 1, unsigned
  output wire [BITS:0]   code
);
  generate
    if (BITS < 3 || BITS > 7) begin : g_illegal_bits
      shw_ILLEGAL_BITS_must_be_3_to_7 illegal ();
    end
    if (IN_W < 4 || IN_W > 48) begin : g_illegal_in
      shw_ILLEGAL_IN_W_must_be_4_to_48 illegal ();
    end
  endgenerate

  // doubled is 2 |value|, less 1 if value is negative; both reach 2 T - 1 where |value| reaches T.
  wire            below    = value[IN_W-1];
  wire            negative = below & ~relu;
  wire [IN_W-1:0] doubled  = {(value[IN_W-2:0] ^ {(IN_W-1){below}}) & {(IN_W-1){~below | ~relu}},
                              negative};
  wire [BITS-1:0] count;
  reg  [BITS-1:0] signs;

  always @(posedge clk) begin
    if (enable) signs <= {signs[BITS-2:0], negative};
  end

  // Unsigned numbers compare like two's complement ones whose top bit is inverted.
  shw_codebook_round #(.IN_W(IN_W), .LEVELS(1 << BITS)) u_count (
    .clk(clk), .enable(enable), .value({~doubled[IN_W-1], doubled[IN_W-2:0]}),
    .level_write(threshold_write), .level_address(threshold_address),
    .level_value({~threshold_value[IN_W-2], threshold_value[IN_W-3:0], 1'b1}), .result(count)
  );

  assign code = {signs[BITS-1], ~count[BITS-1], count[BITS-2:0]};
endmodule

`default_nettype wire

// shw_hese_encoder: parallel encoder of a magnitude into signed digits (terms +-2^i).
//
// Rule hese (docs/numerics.md section 3): least significant bit first, one state bit m, two bits
// (b[i+1], b[i]) per step: m' = majority(b[i+1], b[i], m), nonzero = b[i] xor m, negative = nonzero
// and b[i+1]. The result is the non-adjacent form, at most W/2 + 1 terms. Rule binary: the set
// bits. A negative value is its magnitude encoded with every sign flipped (left to the user: one
// XOR). A present digit makes the next state b[i+1], an absent one b[i]: the same recurrence with
// one gate less.
//
// Parameters: W  1..16  magnitude width in bits
// Latency:    0 cycles (combinational). Throughput: 1 value per cycle.
// Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_hese_encoder #(
  parameter W = 8
) (
  input  wire [W-1:0] magnitude,
  input  wire         hese,       // 1: hese, 0: binary
  output wire [W:0]   nonzero,    // digit i is present
  output wire [W:0]   negative    // digit i is -2^i; implies nonzero[i]
);
  generate
    if (W < 1 || W > 16) begin : g_illegal
      shw_ILLEGAL_W_must_be_1_to_16 illegal ();
    end
  endgenerate

  wire [W+1:0] bits = {2'b00, magnitude};
  reg  [W:0]   digit;
  reg          m;
  integer      i;

  always @* begin
    m = 1'b0;
    for (i = 0; i <= W; i = i + 1) begin
      digit[i] = bits[i] ^ m;
      m = hese & (digit[i] ? bits[i+1] : bits[i]);
    end
  end

  assign nonzero  = digit;
  assign negative = digit & bits[W+1:1] & {(W+1){hese}};
endmodule

`default_nettype wire

// shw_hese_serial: signed-digit encoder, one bit in and one digit out per cycle.
//
// The two-bits-and-a-state machine of docs/numerics.md section 3, least significant bit first: it
// looks at b[i+1], b[i] and m and gives m' = majority(b[i+1], b[i], m), nonzero = b[i] xor m,
// negative = nonzero and b[i+1]. A word is framed by in_last at its most significant bit, so any
// word length W >= 1 works without configuration; it leaves as W + 1 digits, framed by out_first
// and out_last.
//
// Latency:      digit i stands at the output one cycle after bit i + 1 was taken (registered
//               output); the digits W - 1 and W follow the last bit after 2 and 3 cycles.
// Throughput:   1 digit per cycle: a word of W bits takes W + 1 cycles, words follow without a gap.
// Backpressure: full on both sides; in_ready depends on out_ready in the same cycle, out_valid and
//               the payload are registers.
// Reset:        rst drops the word in flight.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_hese_serial (
  input  wire clk,
  input  wire rst,
  input  wire in_valid,
  output wire in_ready,
  input  wire in_bit,
  input  wire in_last,       // most significant bit of the word
  output reg  out_valid,
  input  wire out_ready,
  output reg  out_nonzero,
  output reg  out_negative,  // implies out_nonzero
  output reg  out_first,     // digit 0
  output reg  out_last       // digit W
);
  localparam [1:0] IDLE  = 2'd0;  // no bit held
  localparam [1:0] BODY  = 2'd1;  // holds b[i], waits for b[i+1]
  localparam [1:0] TOP   = 2'd2;  // holds the most significant bit; b[i+1] is 0
  localparam [1:0] CARRY = 2'd3;  // past the top: b[i] = b[i+1] = 0, digit W is m

  reg [1:0] phase;
  reg       held;   // b[i]
  reg       m;
  reg       first;  // the held bit is bit 0

  wire advance = ~out_valid | out_ready;
  wire take    = in_valid & in_ready;
  wire next    = (phase == BODY) & in_bit;  // b[i+1]
  wire step    = advance & ((phase == BODY) ? in_valid : (phase != IDLE));
  wire fresh   = take & (phase != BODY);    // bit 0 of a word

  assign in_ready = (phase == IDLE) | (advance & (phase != TOP));

  always @(posedge clk) begin
    if (step) begin
      out_nonzero  <= held ^ m;
      out_negative <= (held ^ m) & next;
      out_first    <= first;
      out_last     <= (phase == CARRY);
      m            <= (next & held) | (next & m) | (held & m);
      first        <= 1'b0;
    end
    if (take) held <= in_bit;
    else if (step) held <= 1'b0;
    if (fresh) begin
      m     <= 1'b0;
      first <= 1'b1;
    end
  end

  always @(posedge clk) begin
    if (rst) begin
      phase     <= IDLE;
      out_valid <= 1'b0;
    end else begin
      if (take) phase <= in_last ? TOP : BODY;
      else if (step) phase <= (phase == TOP) ? CARRY : IDLE;
      if (advance) out_valid <= step;
    end
  end
endmodule

`default_nettype wire

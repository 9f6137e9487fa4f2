// shw_accel_decode: what moves and layers share, and the fields of moves.
//
// Written by `python -m shiftwork.compile.instructions` from the description there.
//
// Parameters: none. Latency: combinational. Throughput: an instruction a cycle. Backpressure: none.
// Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_decode (
  input  wire [511:0] instruction,
  output wire [1:0]  kind,  // 0 load, 1 store, 2 run, 3 header
  output wire        take_token,  // takes a token of the other queue before it starts
  output wire        give_token,  // gives a token to the other queue when it has ended
  output wire [1:0]  ahead,  // of a run: 0 after the one before, 1 beside it, 2 behind its blocks
  output wire [1:0]  target,  // of a load: 0 activations, 1 weights, 2 constants
  output wire [31:0] memory,  // byte address in external memory, a multiple of 8
  output wire [23:0] words,  // words of 64 bits
  output wire [15:0] place,  // first word of the activation memory, or first constant
  output wire [15:0] burst,  // words on the chip until `gap` are skipped; 0: none
  output wire [15:0] gap,  // words of the activation memory that are skipped after every `burst`
  output wire [2:0]  part  // of a word on the chip so many words of 64 bits, the first; 0: all
);
  assign kind = instruction[1:0];
  assign take_token = instruction[2];
  assign give_token = instruction[3];
  assign ahead = instruction[5:4];
  assign target = instruction[9:8];
  assign memory = instruction[41:10];
  assign words = instruction[65:42];
  assign place = instruction[81:66];
  assign burst = instruction[97:82];
  assign gap = instruction[113:98];
  assign part = instruction[116:114];

  wire unused = &{1'b0, instruction};
endmodule

`default_nettype wire

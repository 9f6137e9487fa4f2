// shw_accel_decode_header: the fields of the header of a program.
//
// Written by `python -m shiftwork.compile.instructions` from the description there.
//
// Parameters: none. Latency: combinational. Throughput: an instruction a cycle. Backpressure: none.
// Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_decode_header (
  input  wire [511:0] instruction,
  output wire [7:0]  engine,  // that the program was compiled for: 0 tr, 1 msq, 2 dnateq, 3 mac
  output wire [7:0]  rows,  // of the engine
  output wire [15:0] cols,  // columns of the engine
  output wire [15:0] instructions,  // instructions of the program, with this one
  output wire [31:0] crc,  // CRC-32 (IEEE) of all instructions, with 0 in this field
  output wire [7:0]  activations,  // words of the activation memory, as a logarithm to base 2
  output wire [7:0]  weights,  // words of the weight ring, likewise
  output wire [7:0]  constants  // channels of constants, likewise
);
  assign engine = instruction[23:16];
  assign rows = instruction[31:24];
  assign cols = instruction[79:64];
  assign instructions = instruction[95:80];
  assign crc = instruction[127:96];
  assign activations = instruction[135:128];
  assign weights = instruction[143:136];
  assign constants = instruction[151:144];

  wire unused = &{1'b0, instruction};
endmodule

`default_nettype wire

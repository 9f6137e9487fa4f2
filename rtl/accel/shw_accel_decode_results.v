// shw_accel_decode_results: the fields of an instruction that tell how the results of a layer are written.
//
// Written by `python -m shiftwork.compile.instructions` from the description there.
//
// Parameters: none. Latency: combinational. Throughput: an instruction a cycle. Backpressure: none.
// Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_decode_results (
  input  wire [511:0] instruction,
  output wire [1:0]  unit,  // 0 the engine, 1 maximum, 2 sum
  output wire [9:0]  blocks_y,  // rows of blocks of the output
  output wire [9:0]  blocks_x,  // blocks in a row of the output
  output wire [3:0]  last_slice,  // rows of the map in the last row of blocks, less one
  output wire [15:0] groups,  // groups of channels
  output wire [15:0] tiles,  // row tiles of a group
  output wire [15:0] out_channels,  // output channels of a group
  output wire [15:0] constants,  // constant of the first channel
  output wire        constants_fixed,  // all channels use it
  output wire        shortcut_enable,  // a shortcut is added
  output wire        shortcut_signed,  // its codes are two's complement
  output wire [15:0] shortcut_base,  // of the tensor that is added
  output wire [15:0] shortcut_block_stride,  // words from a block of it to the next
  output wire [15:0] shortcut_row_stride,  // words from a row of blocks to the next
  output wire [15:0] shortcut_first,  // first channel that has a shortcut
  output wire [15:0] shortcut_count,  // channels that have one
  output wire        plain,  // results are written as they are
  output wire        to_split,  // results are written phase-split (as well)
  output wire        raw,  // sums of 32 bits are written, four words a channel
  output wire [15:0] plain_base,  // where to
  output wire [15:0] plain_row_stride,  // words from a row of blocks to the next
  output wire [15:0] out_block_stride,  // words from a block of the output to the next
  output wire [15:0] split_base,  // where the phases go
  output wire [15:0] split_row_stride,  // words from a row of blocks of a phase to the next
  output wire [15:0] split_phase_stride,  // words from a phase to the next
  output wire        relu,  // negative sums become 0
  output wire [8:0]  low,  // smallest code, two's complement
  output wire [8:0]  high  // largest code
);
  assign unit = instruction[9:8];
  assign blocks_y = instruction[139:130];
  assign blocks_x = instruction[149:140];
  assign last_slice = instruction[153:150];
  assign groups = instruction[230:215];
  assign tiles = instruction[246:231];
  assign out_channels = instruction[262:247];
  assign constants = instruction[278:263];
  assign constants_fixed = instruction[279];
  assign shortcut_enable = instruction[280];
  assign shortcut_signed = instruction[281];
  assign shortcut_base = instruction[297:282];
  assign shortcut_block_stride = instruction[313:298];
  assign shortcut_row_stride = instruction[329:314];
  assign shortcut_first = instruction[345:330];
  assign shortcut_count = instruction[361:346];
  assign plain = instruction[362];
  assign to_split = instruction[363];
  assign raw = instruction[364];
  assign plain_base = instruction[380:365];
  assign plain_row_stride = instruction[396:381];
  assign out_block_stride = instruction[412:397];
  assign split_base = instruction[428:413];
  assign split_row_stride = instruction[444:429];
  assign split_phase_stride = instruction[460:445];
  assign relu = instruction[461];
  assign low = instruction[470:462];
  assign high = instruction[479:471];

  wire unused = &{1'b0, instruction};
endmodule

`default_nettype wire

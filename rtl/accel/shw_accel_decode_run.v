// shw_accel_decode_run: the fields of an instruction that computes a layer, to begin with.
//
// Written by `python -m shiftwork.compile.instructions` from the description there.
//
// Parameters: none. Latency: combinational. Throughput: an instruction a cycle. Backpressure: none.
// Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_decode_run (
  input  wire [511:0] instruction,
  output wire [1:0]  unit,  // 0 the engine, 1 maximum, 2 sum
  output wire        reduce,  // sum: all positions of a window's words give one value
  output wire        divide,  // sum: becomes twice the average, floor(2 * sum * 2^`up` / `count`)
  output wire [4:0]  up,  // sum: shifted left by so much before the division
  output wire [15:0] count,  // sum: the divisor
  output wire [15:0] base,  // of the tensor that is read
  output wire [15:0] block_stride,  // words from a block of it to the next one in x
  output wire [15:0] row_stride,  // words from a row of blocks to the next
  output wire [15:0] phase_stride,  // words from a phase to the next
  output wire        split,  // stride 2: the tensor is phase-split
  output wire [7:0]  fill,  // code of positions outside the map
  output wire [11:0] height,  // rows of the map that is read, before it is split
  output wire [11:0] width,  // columns of it
  output wire [9:0]  blocks_y,  // rows of blocks of the output
  output wire [9:0]  blocks_x,  // blocks in a row of the output
  output wire [3:0]  last_slice,  // rows of the map in the last row of blocks, less one
  output wire [7:0]  kernel_y,  // rows of taps
  output wire [7:0]  kernel_x,  // columns of taps
  output wire [5:0]  dilation_y,  // positions from a row of taps to the next
  output wire [5:0]  dilation_x,  // positions from a column of taps to the next
  output wire [8:0]  pad_y,  // rows of padding at the top; negative: rows to skip
  output wire [7:0]  pad_x,  // columns of padding at the left
  output wire [15:0] channels,  // input channels of a group; of a pooling, channels
  output wire [15:0] groups,  // groups of channels
  output wire [15:0] tiles,  // row tiles of a group
  output wire [15:0] out_channels,  // output channels of a group
  output wire [15:0] constants,  // constant of the first channel
  output wire [15:0] shortcut_base,  // of the tensor that is added
  output wire [15:0] shortcut_block_stride,  // words from a block of it to the next
  output wire [15:0] shortcut_row_stride,  // words from a row of blocks to the next
  output wire [15:0] shortcut_first,  // first channel that has a shortcut
  output wire [15:0] shortcut_count,  // channels that have one
  output wire [15:0] plain_base,  // where to
  output wire [15:0] plain_row_stride,  // words from a row of blocks to the next
  output wire [15:0] out_block_stride,  // words from a block of the output to the next
  output wire [15:0] split_base,  // where the phases go
  output wire [15:0] split_row_stride,  // words from a row of blocks of a phase to the next
  output wire [15:0] split_phase_stride,  // words from a phase to the next
  output wire        row_signed,  // weights are two's complement
  output wire        col_signed,  // codes that are read are two's complement
  output wire        tr_en,  // term revealing is on
  output wire [8:0]  group,  // values of a group
  output wire [10:0] group_budget,  // terms that a group keeps
  output wire [3:0]  data_terms,  // terms that a column value keeps; 0: all
  output wire        encoding,  // 0 binary, 1 HESE
  output wire        rows_apart,  // channel c is that of row c alone, up to ROWS of them
  output wire        channel_tiles,  // all taps of ROWS channels come before those of the next ROWS
  output wire [1:0]  slice_shift  // the engine's slices have DEPTH >> slice_shift places
);
  assign unit = instruction[9:8];
  assign reduce = instruction[10];
  assign divide = instruction[11];
  assign up = instruction[16:12];
  assign count = instruction[32:17];
  assign base = instruction[48:33];
  assign block_stride = instruction[64:49];
  assign row_stride = instruction[80:65];
  assign phase_stride = instruction[96:81];
  assign split = instruction[97];
  assign fill = instruction[105:98];
  assign height = instruction[117:106];
  assign width = instruction[129:118];
  assign blocks_y = instruction[139:130];
  assign blocks_x = instruction[149:140];
  assign last_slice = instruction[153:150];
  assign kernel_y = instruction[161:154];
  assign kernel_x = instruction[169:162];
  assign dilation_y = instruction[175:170];
  assign dilation_x = instruction[181:176];
  assign pad_y = instruction[190:182];
  assign pad_x = instruction[198:191];
  assign channels = instruction[214:199];
  assign groups = instruction[230:215];
  assign tiles = instruction[246:231];
  assign out_channels = instruction[262:247];
  assign constants = instruction[278:263];
  assign shortcut_base = instruction[297:282];
  assign shortcut_block_stride = instruction[313:298];
  assign shortcut_row_stride = instruction[329:314];
  assign shortcut_first = instruction[345:330];
  assign shortcut_count = instruction[361:346];
  assign plain_base = instruction[380:365];
  assign plain_row_stride = instruction[396:381];
  assign out_block_stride = instruction[412:397];
  assign split_base = instruction[428:413];
  assign split_row_stride = instruction[444:429];
  assign split_phase_stride = instruction[460:445];
  assign row_signed = instruction[480];
  assign col_signed = instruction[481];
  assign tr_en = instruction[482];
  assign group = instruction[491:483];
  assign group_budget = instruction[502:492];
  assign data_terms = instruction[506:503];
  assign encoding = instruction[507];
  assign rows_apart = instruction[508];
  assign channel_tiles = instruction[509];
  assign slice_shift = instruction[511:510];

  wire unused = &{1'b0, instruction};
endmodule

`default_nettype wire

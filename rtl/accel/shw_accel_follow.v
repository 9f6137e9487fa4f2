// shw_accel_follow: how far a layer may read what the layer before it is still writing.
//
// The layer before completes the blocks of a map in raster order, row tile after row tile of its one group, a
// `write_block` each. The layer behind takes the steps of shw_im2col: blocks in raster order, channel tiles, rows of
// taps. `ready` says that what the next step reads is written, in the row tile of the layer before whose channels are
// those of the channel tile, or without `channel_tiles` in the last one:
//   stride 1  on block (y, x) blocks up to (y, x + 1), for rows of taps that reach below it (y + 1, x + 1)
//   stride 2  blocks of the map as it was written, before it was split, up to (2 * y + 1, 2 * x + 2), for rows of taps
//             that reach below these (2 * y + 2, 2 * x + 2)
// Taps reach no further than that: (kernel - 1) * dilation - pad is at most a block's height or width, for stride 2
// one more. Blocks outside the map are not waited for to the right of it; below it `ready` stays low until the row
// tile is complete.
//
// Parameters:   none.
// Latency:      2 cycles from write_block, or from a step into another row of taps, to `ready`.
// Throughput:   a step a cycle within a row of taps; one cycle between is lost.
// Backpressure: none; step only while ready, or when the layer before is written.
// Reset:        none: write_start and start begin layers.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_follow (
  input  wire       clk,
  // The layer that is written.
  input  wire       write_start,
  input  wire [9:0] write_blocks_y,   // rows of blocks of it
  input  wire [9:0] write_blocks_x,   // blocks in a row
  input  wire [7:0] write_tiles,      // row tiles, 0: 256
  input  wire       write_block,      // the next block of the row tile is complete
  // The layer that reads.
  input  wire       start,
  input  wire       channel_tiles,    // channel tile after channel tile, of ROWS channels
  input  wire       split,            // by stride 2
  input  wire [9:0] blocks_x,         // blocks in a row of its output
  input  wire [5:0] dilation_y,
  input  wire [8:0] pad_y,            // two's complement
  input  wire       step,
  input  wire       step_row,         // the step ends a row of taps
  input  wire       step_tile,        // .. all taps of a channel tile
  input  wire       step_last,        // .. a reduction
  input  wire       step_final,       // in the last block of a row tile
  output reg        ready             // for the next step
);
  // The next block that will be complete, and in which row tile.
  reg [7:0] written_tile;
  reg [9:0] written_y;
  reg [9:0] written_x;
  wire      written_row = written_x + 10'd1 == write_blocks_x;
  wire      written_map = written_row & written_y + 10'd1 == write_blocks_y;

  always @(posedge clk) begin
    if (write_start) begin
      written_tile <= 8'd0;
      written_y    <= 10'd0;
      written_x    <= 10'd0;
    end else if (write_block) begin
      written_x    <= written_row ? 10'd0 : written_x + 10'd1;
      written_y    <= written_map ? 10'd0 : written_y + {9'd0, written_row};
      written_tile <= written_tile + {7'd0, written_map};
    end
  end

  // The row tile and the block of the next step, and how far below its first row its taps begin.
  reg [7:0] tile;
  reg [9:0] y;
  reg [9:0] x;
  reg [9:0] reach;                    // two's complement
  wire      block_end = step & step_last;
  wire      row_end   = x + 10'd1 == blocks_x;

  always @(posedge clk) begin
    if (start | block_end & step_final) begin
      y <= 10'd0;
      x <= 10'd0;
    end else if (block_end) begin
      x <= row_end ? 10'd0 : x + 10'd1;
      y <= y + {9'd0, row_end};
    end
    if (start | step & step_tile) reach <= -{pad_y[8], pad_y};
    else if (step & step_row) reach <= reach + {4'd0, dilation_y};
    if (start | block_end) tile <= channel_tiles ? 8'd0 : write_tiles - 8'd1;
    else if (step & step_tile) tile <= tile + 8'd1;
  end

  wire        below  = ~reach[9] & ((|reach[8:1]) | (reach[0] & ~split));
  wire [10:0] last_y = (split ? {y, 1'b1} : {1'b0, y}) + {10'd0, below};
  wire [9:0]  read_x = x + 10'd1;
  wire [10:0] last_x = split ? {read_x, 1'b0} : {1'b0, read_x};
  wire        above  = {1'b0, written_y} == last_y & {1'b0, written_x} > last_x;
  wire        reached = written_tile == tile & ({1'b0, written_y} > last_y | above);

  always @(posedge clk) begin
    ready <= ~start & ~(step & step_row) & (written_tile > tile | reached);
  end
endmodule

`default_nettype wire

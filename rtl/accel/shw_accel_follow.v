// shw_accel_follow: how far a layer may read what the layer before it is still writing.
//
// The layer before completes the blocks of a map in raster order, a `write_block` each. The layer behind takes the
// steps of shw_im2col: blocks in raster order, rows of taps, last beats of a reduction. `ready` says that what the
// next step reads is written:
//   stride 1  on block (y, x) blocks up to (y, x + 1), for rows of taps that reach below it (y + 1, x + 1)
//   stride 2  the same of the phases: blocks of the map as it was written up to (2 * y + 1, 2 * x + 3), for rows of
//             taps that reach below (2 * y + 3, 2 * x + 3)
// Taps reach no further than that: (kernel - 1) * dilation - pad is at most a block's height or width, for stride 2
// twice that. Blocks outside the map are not waited for to the right of it; below it `ready` stays low: the layer
// before is written soon, and with that nothing has to wait.
//
// Parameters:   none.
// Latency:      2 cycles from write_block, or from a step into another block or row of taps, to `ready`.
// Throughput:   a step a cycle within a block and row of taps; one cycle between is lost.
// Backpressure: none; step only while ready, or when the layer before is written.
// Reset:        none: write_start and start begin layers.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_follow (
  input  wire       clk,
  // The layer that is written.
  input  wire       write_start,
  input  wire [9:0] write_blocks_x,   // blocks in a row of it
  input  wire       write_block,      // the next one is complete
  // The layer that reads.
  input  wire       start,
  input  wire       split,            // by stride 2
  input  wire [9:0] blocks_x,         // blocks in a row of its output
  input  wire [5:0] dilation_y,
  input  wire [8:0] pad_y,            // two's complement
  input  wire       step,
  input  wire       step_row,         // the step ends a row of taps
  input  wire       step_last,        // .. a reduction
  input  wire       step_final,       // in the last block of a row tile
  output reg        ready             // for the next step
);
  // The next block that will be complete.
  reg [9:0] written_y;
  reg [9:0] written_x;
  wire      written_end = written_x + 10'd1 == write_blocks_x;

  always @(posedge clk) begin
    if (write_start) begin
      written_y <= 10'd0;
      written_x <= 10'd0;
    end else if (write_block) begin
      written_x <= written_end ? 10'd0 : written_x + 10'd1;
      written_y <= written_y + {9'd0, written_end};
    end
  end

  // The block of the next step, and how far below its first row its taps begin.
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
    if (start | block_end) reach <= -{pad_y[8], pad_y};
    else if (step & step_row) reach <= reach + {4'd0, dilation_y};
  end

  wire        below  = ~reach[9] & ((|reach[8:1]) | (reach[0] & ~split));
  wire [9:0]  read_y = y + {9'd0, below};
  wire [9:0]  read_x = x + 10'd1;
  wire [10:0] last_y = split ? {read_y, 1'b1} : {1'b0, read_y};
  wire [10:0] last_x = split ? {read_x, 1'b1} : {1'b0, read_x};
  wire        above  = {1'b0, written_y} == last_y & {1'b0, written_x} > last_x;

  always @(posedge clk) begin
    ready <= ~start & ~(step & (step_row | step_last)) & ({1'b0, written_y} > last_y | above);
  end
endmodule

`default_nettype wire

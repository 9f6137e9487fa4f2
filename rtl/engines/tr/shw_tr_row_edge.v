// shw_tr_row_edge: one streamed row, from 8-bit codes to the operations of its cells.
//
// Bitmaps of the planes (shw_plane_bitmaps) -> terms that stay (shw_bitmap_walker) -> operations (shw_term_sequencer).
// Control that all rows share comes from shw_tr_loader.
//
// Parameters: WORD_W  1..5  a slice has up to 2^WORD_W words of 32 values
// Latency:    15 cycles from start to the first operation. Throughput: 1 code per cycle in, 1 operation per cycle out.
// Backpressure: `go`. Reset: rst returns to idle.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_row_edge #(
  parameter WORD_W = 3
) (
  input  wire              clk,
  input  wire              rst,
  // codes
  input  wire [7:0]        code,
  input  wire              code_signed,
  input  wire              code_hese,
  input  wire [7:0]        lane_write,
  input  wire              capture,
  input  wire [3:0]        plane,
  input  wire [3:0]        write,
  input  wire [WORD_W:0]   write_word,
  input  wire [3:0]        write_plane,
  // the slice to walk
  input  wire              start,
  output wire              idle,            // `start` may come in the next cycle
  input  wire [WORD_W:0]   first_word,
  input  wire [WORD_W-1:0] last_word,
  input  wire [3:0]        last_quarters,
  input  wire              top_plane,
  input  wire              unlimited,
  input  wire [10:0]       budget,
  input  wire [WORD_W+1:0] group_mask,
  // operations
  input  wire              go,
  input  wire              drain,
  output wire              finished,
  output wire [1:0]        op,
  output wire              op_term,
  output wire              op_fill,
  output wire [WORD_W+5:0] op_address
);
  wire              read_enable;
  wire [WORD_W:0]   read_word;
  wire [3:0]        read_plane;
  wire [31:0]       nonzero;
  wire [31:0]       negative;
  wire [3:0]        any;
  wire              hold;
  wire              mask_valid;
  wire              mask_plane;
  wire              mask_slice;
  wire [WORD_W+2:0] mask_place;
  wire [7:0]        mask_positive;
  wire [7:0]        mask_negative;

  shw_plane_bitmaps #(.RING_W(WORD_W+1)) u_bitmaps (
    .clk(clk), .rst(rst), .code(code), .code_signed(code_signed), .code_hese(code_hese),
    .lane_write(lane_write), .capture(capture), .plane(plane),
    .write(write), .write_word(write_word), .write_plane(write_plane),
    .read_enable(read_enable), .read_word(read_word), .read_plane(read_plane),
    .nonzero(nonzero), .negative(negative), .any(any)
  );

  shw_bitmap_walker #(.WORD_W(WORD_W)) u_walker (
    .clk(clk), .rst(rst), .start(start), .idle(idle),
    .first_word(first_word), .last_word(last_word), .last_quarters(last_quarters),
    .top_plane(top_plane), .unlimited(unlimited), .budget(budget), .group_mask(group_mask),
    .read_enable(read_enable), .read_word(read_word), .read_plane(read_plane),
    .nonzero(nonzero), .negative(negative), .any(any),
    .hold(hold), .mask_valid(mask_valid), .mask_plane(mask_plane), .mask_slice(mask_slice),
    .mask_place(mask_place), .mask_positive(mask_positive), .mask_negative(mask_negative)
  );

  shw_term_sequencer #(.WORD_W(WORD_W)) u_sequencer (
    .clk(clk), .rst(rst), .go(go), .drain(drain), .finished(finished),
    .hold(hold), .mask_valid(mask_valid), .mask_plane(mask_plane), .mask_slice(mask_slice),
    .mask_place(mask_place), .mask_positive(mask_positive), .mask_negative(mask_negative),
    .op(op), .op_term(op_term), .op_fill(op_fill), .op_address(op_address)
  );
endmodule

`default_nettype wire

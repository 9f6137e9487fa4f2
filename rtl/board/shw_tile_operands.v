// shw_tile_operands: operand beats of a grid of tiles, from two memories to a tile engine.
//
// The row memory holds row blocks, the column memory column blocks: a block is `beats` codes of each of its ROWS rows or
// COLS columns, beat after beat, one byte a code, and blocks follow each other without gaps from a word on. Every row
// block meets every column block, the column blocks first.
//
// A word has four bytes, so one read of either memory serves a beat. A memory that is not free in a cycle does something
// else, and beats wait.
//
// Parameters:   ROWS, COLS  1, 2 or 4: codes of a beat
//               ADDR_W      6..15: a memory has 2^ADDR_W words of 32 bits; addresses are modulo that
// Latency:      3 cycles from the end of rst to the first beat.
// Throughput:   a beat per cycle in which both memories are free.
// Backpressure: full; out_valid is a register.
// Reset:        rst drops everything; a grid begins when it ends, cfg_* are constant then until the grid ends.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tile_operands #(
  parameter ROWS   = 2,
  parameter COLS   = 4,
  parameter ADDR_W = 14
) (
  input  wire              clk,
  input  wire              rst,
  input  wire [15:0]       cfg_row_tiles,    // row blocks, >= 1
  input  wire [15:0]       cfg_col_tiles,    // column blocks, >= 1
  input  wire [15:0]       cfg_beats,        // of a tile, >= 1
  input  wire [ADDR_W-1:0] cfg_row_address,  // word of the first row block
  input  wire [ADDR_W-1:0] cfg_col_address,  // word of the first column block
  // memories: the word at an address is there a cycle later, where the memory was free
  input  wire              row_free,
  output wire [ADDR_W-1:0] row_address,
  input  wire [31:0]       row_word,
  input  wire              col_free,
  output wire [ADDR_W-1:0] col_address,
  input  wire [31:0]       col_word,
  // beats
  output reg               out_valid,
  input  wire              out_ready,
  output reg               out_last,
  output reg  [ROWS*8-1:0] out_row,
  output reg  [COLS*8-1:0] out_col
);
  localparam ROW_W = (ROWS == 1) ? 2 : (ROWS == 2) ? 1 : 0;   // beats of a word, as logarithms
  localparam COL_W = (COLS == 1) ? 2 : (COLS == 2) ? 1 : 0;

  generate
    if (ROWS != 1 && ROWS != 2 && ROWS != 4) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_2_or_4 illegal ();
    end
    if (COLS != 1 && COLS != 2 && COLS != 4) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_2_or_4 illegal ();
    end
    if (ADDR_W < 6 || ADDR_W > 15) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_6_to_15 illegal ();
    end
  endgenerate

  // Places count beats from the begin of a memory.
  reg  [ADDR_W+ROW_W-1:0] row;
  reg  [ADDR_W+ROW_W-1:0] row_block;   // where its block begins
  reg  [ADDR_W+COL_W-1:0] col;
  reg                     reading;     // beats are left
  reg                     present;     // the memories show the words at both places
  wire                    last_beat;
  wire                    last_col;
  wire                    last_row;
  wire                    move       = present & (~out_valid | out_ready);
  wire                    tile_ends  = move & last_beat;
  wire                    turn       = last_beat & last_col;   // to the next row block
  wire                    grid_ends  = tile_ends & last_col & last_row;
  wire [ADDR_W+ROW_W-1:0] row_after  = row + 1'b1;
  wire [ADDR_W+COL_W-1:0] col_after  = col + 1'b1;
  wire [ADDR_W+ROW_W-1:0] row_begin  = {{ROW_W{1'b0}}, cfg_row_address} << ROW_W;
  wire [ADDR_W+COL_W-1:0] col_begin  = {{COL_W{1'b0}}, cfg_col_address} << COL_W;
  wire [ADDR_W+ROW_W-1:0] row_next   = last_beat & ~last_col ? row_block : row_after;
  wire [ADDR_W+COL_W-1:0] col_next   = turn ? col_begin : col_after;
  wire [ADDR_W+ROW_W-1:0] row_looked = move ? row_next : row;
  wire [ADDR_W+COL_W-1:0] col_looked = move ? col_next : col;
  wire [31:0]             row_codes;
  wire [31:0]             col_codes;
  wire                    unused     = &{1'b0, row_codes, col_codes};
  wire [15:0]             beat_unused;
  wire [15:0]             col_unused;
  wire [15:0]             row_unused;
  wire [2:0]              after_unused;

  assign row_address = row_looked[ADDR_W+ROW_W-1:ROW_W];
  assign col_address = col_looked[ADDR_W+COL_W-1:COL_W];

  generate
    if (ROW_W == 0) begin : g_row_word
      assign row_codes = row_word;
    end else begin : g_row_part
      assign row_codes = row_word >> (8 * ROWS * row[ROW_W-1:0]);
    end
    if (COL_W == 0) begin : g_col_word
      assign col_codes = col_word;
    end else begin : g_col_part
      assign col_codes = col_word >> (8 * COLS * col[COL_W-1:0]);
    end
  endgenerate

  shw_loop_counter #(.W(16)) u_beat (
    .clk(clk), .start(rst), .step(move), .inner(1'b1), .count(cfg_beats), .ahead(beat_unused),
    .last(last_beat), .last_after(after_unused[0])
  );

  shw_loop_counter #(.W(16)) u_col (
    .clk(clk), .start(rst), .step(move), .inner(last_beat), .count(cfg_col_tiles),
    .ahead(col_unused), .last(last_col), .last_after(after_unused[1])
  );

  shw_loop_counter #(.W(16)) u_row (
    .clk(clk), .start(rst), .step(move), .inner(last_beat & last_col), .count(cfg_row_tiles),
    .ahead(row_unused), .last(last_row), .last_after(after_unused[2])
  );

  always @(posedge clk) begin
    if (rst) begin
      reading   <= 1'b1;
      present   <= 1'b0;
      out_valid <= 1'b0;
      row       <= row_begin;
      row_block <= row_begin;
      col       <= col_begin;
    end else begin
      reading   <= reading & ~grid_ends;
      present   <= reading & ~grid_ends & row_free & col_free;
      out_valid <= move | out_valid & ~out_ready;
      row       <= row_looked;
      col       <= col_looked;
      if (move & turn) row_block <= row_after;
    end
    if (move) begin
      out_last <= last_beat;
      out_row  <= row_codes[ROWS*8-1:0];
      out_col  <= col_codes[COLS*8-1:0];
    end
  end
endmodule

`default_nettype wire

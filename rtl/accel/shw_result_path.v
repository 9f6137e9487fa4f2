// shw_result_path: from result beats to writes into the activation memory, with bias, shortcut and
// requantization on the way.
//
// A result beat is one channel at the COLS positions of a block, of the engine or of the pooling
// unit. The path walks the loop of the layer ahead of the beats (group, tile, block row, block, row of
// the tile), fetches constants and shortcut words, sends the beat slice by slice (a slice is BW
// neighbouring codes of a block row) through shw_post_unit and writes the codes where the layer wants
// them:
//   plain   one write a slice: that block row, all columns
//   split   one write a slice: phase p = 2 * (y & 1) + (x & 1) of position (y, x) is a tensor of
//           its own, at cfg_split_base + p * cfg_split_phase_stride; words of odd columns are
//           swapped, so that the codes of a slice go to different columns
//   raw     four writes a slice, the bytes of the sum after ReLU: channel c at 4 * c + byte
// Plain and split may both be on, raw is alone; one of the three has to be on. The writes of a
// slice follow each other: plain, split. Every write takes one pass of its slice through the
// post unit; nothing stalls behind a slice.
//
// Blocks of the last row of blocks have cfg_last_slice + 1 rows inside the map; the others are not
// written. Beats of channels >= cfg_channels of a group (the last tile) are dropped in one cycle. Constants
// of a channel are at cfg_const_base + channel, or all at cfg_const_base with cfg_const_fixed.
// A shortcut covers cfg_shortcut_first <= channel < cfg_shortcut_first + cfg_shortcut_count; it is
// 0 elsewhere. The words that the path asks for come back in order, after any time, and are always
// taken: at most SHORTCUT_WORDS are asked for and not yet used. For a beat every BH cycles, with
// cycles from a request to its word: SHORTCUT_WORDS * (BH - 1) >= BH + cycles + 3. The loop is at
// most 16 beats ahead (4 where SHORTCUT_WORDS is 2), so that a longer run of dropped beats shows the
// latency.
//
// cfg_* are stable from start until busy is low. Counts are at least 1; cfg_tiles * cfg_rows is at
// most 2^(ADDR_W+1), cfg_shortcut_first + cfg_shortcut_count at most 2^ADDR_W. Addresses are modulo
// 2^ADDR_W.
//
// Parameters:   COLS            4, 8, 16, .. 128  positions of a block; BH = 2^(log2(COLS) / 2)
//                               rows (rounded down) of BW = COLS / BH columns
//               ADDR_W          6..16  width of an address and of a count
//               CONST_W         4..16  2^CONST_W words of constants: [31:0] bias,
//                               [36:32] bias_shift, [42:37] shortcut_shift, [48:43] shift,
//                               [63:49] factor without its top bit, which is 1
//               SHORTCUT_WORDS  2, 4, 8, 16  shortcut words kept
//               REQUANT         "shift" | "scale" of shw_post_unit, which says what is not read
// Latency:      6 cycles from start to the first slice, 7 from a slice to its write, 8 with "scale".
// Throughput:   1 write a cycle: a plain or a split beat takes BH cycles, a beat that is dropped one,
//               without a bubble between beats.
// Backpressure: src_ready and all outputs are functions of registers; writes are always taken.
//               src_valid reaches the taking of a slice in the same cycle.
// Reset:        rst abandons the instruction; constants stay. Shortcut words asked for before must
//               not come after it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_result_path #(
  parameter COLS           = 64,
  parameter ADDR_W         = 11,
  parameter CONST_W        = 10,
  parameter SHORTCUT_WORDS = 4,
  parameter REQUANT        = "shift"
) (
  input  wire                                clk,
  input  wire                                rst,
  // Instruction.
  input  wire                                start,      // one cycle, while not busy
  output reg                                 busy,       // until every result is written
  input  wire [ADDR_W-1:0]                   cfg_groups,
  input  wire [ADDR_W-1:0]                   cfg_tiles,     // row tiles of a group
  input  wire [9:0]                          cfg_blocks_y,
  input  wire [9:0]                          cfg_blocks_x,
  // last row of the map in its last row of blocks
  input  wire [$clog2(COLS)/2-1:0]           cfg_last_slice,
  input  wire [ADDR_W-1:0]                   cfg_rows,      // result beats of a tile
  input  wire [ADDR_W-1:0]                   cfg_channels,  // of a group
  input  wire [CONST_W-1:0]                  cfg_const_base,
  input  wire                                cfg_const_fixed,
  input  wire                                cfg_pooled,    // beats come from the pooling unit
  input  wire                                cfg_shortcut_enable,
  input  wire [ADDR_W-1:0]                   cfg_shortcut_base,
  input  wire [ADDR_W-1:0]                   cfg_shortcut_row_stride,
  input  wire [ADDR_W-1:0]                   cfg_shortcut_block_stride,
  input  wire [ADDR_W-1:0]                   cfg_shortcut_first,
  input  wire [ADDR_W-1:0]                   cfg_shortcut_count,
  input  wire                                cfg_shortcut_signed,
  input  wire                                cfg_relu,
  input  wire [8:0]                          cfg_low,       // two's complement, as cfg_high
  input  wire [8:0]                          cfg_high,
  input  wire                                cfg_plain,
  input  wire [ADDR_W-1:0]                   cfg_plain_base,
  input  wire [ADDR_W-1:0]                   cfg_plain_row_stride,
  input  wire                                cfg_split,
  input  wire [ADDR_W-1:0]                   cfg_split_base,
  input  wire [ADDR_W-1:0]                   cfg_split_row_stride,
  input  wire [ADDR_W-1:0]                   cfg_split_phase_stride,
  input  wire [ADDR_W-1:0]                   cfg_block_stride,
  input  wire                                cfg_raw,
  // Constants.
  input  wire                                const_write,
  input  wire [CONST_W-1:0]                  const_address,
  input  wire [63:0]                         const_data,
  // Result beats: held until src_ready.
  input  wire                                src_valid,
  output wire                                src_ready,
  output wire [$clog2(COLS)/2-1:0]           src_slice,
  input  wire [COLS*32-1:0]                  src_engine,  // the beat of the engine
  input  wire [(COLS>>($clog2(COLS)/2))*32-1:0] src_pooled, // slice src_slice of a pooled one
  // Shortcut words.
  output reg                                 shortcut_read_valid,
  input  wire                                shortcut_read_ready,
  output reg  [ADDR_W-1:0]                   shortcut_read_address,
  input  wire                                shortcut_valid,
  input  wire [COLS*8-1:0]                   shortcut_word,
  // Writes.
  output reg                                 write_valid,
  output reg  [(1<<($clog2(COLS)/2))-1:0]    write_rows,
  output reg  [2*ADDR_W-1:0]                 write_address,  // {upper, lower half of the columns}
  output reg  [(COLS>>($clog2(COLS)/2))*8-1:0] write_data,
  output reg                                 write_block    // a block is complete in a row tile
);
  localparam BH_W        = $clog2(COLS) / 2;
  localparam BH          = 1 << BH_W;
  localparam BW          = COLS >> BH_W;
  localparam HALF        = BW / 2;
  localparam COUNT_W     = ADDR_W + 1;
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  localparam SCALE       = (REQUANT == "scale") ? 1 : 0;
  /* verilator lint_on WIDTHEXPAND */
  localparam POST_CYCLES = (SCALE != 0) ? 7 : 6;
  localparam SUM_CYCLES  = (SCALE != 0) ? 7 : 3;    // of the post unit, to the sum
  localparam SOURCES     = (SCALE != 0) ? 1 : 3;
  localparam CONST_BITS  = (SCALE != 0) ? 64 : 49;
  localparam AHEAD       = SHORTCUT_WORDS > 2 ? 16 : 4;    // beats, dropped ones among them

  generate
    if (COLS < 4 || COLS > 128 || (COLS & (COLS - 1)) != 0) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_a_power_of_two_from_4_to_128 illegal ();
    end
    if (ADDR_W < 6 || ADDR_W > 16) begin : g_illegal_addr
      shw_ILLEGAL_ADDR_W_must_be_6_to_16 illegal ();
    end
    if (CONST_W < 4 || CONST_W > 16) begin : g_illegal_const
      shw_ILLEGAL_CONST_W_must_be_4_to_16 illegal ();
    end
    if (SHORTCUT_WORDS != 2 && SHORTCUT_WORDS != 4 && SHORTCUT_WORDS != 8
        && SHORTCUT_WORDS != 16) begin : g_illegal_words
      shw_ILLEGAL_SHORTCUT_WORDS_must_be_2_4_8_or_16 illegal ();
    end
    if (REQUANT != "shift" && SCALE == 0) begin : g_illegal_requant
      shw_ILLEGAL_REQUANT_must_be_shift_or_scale illegal ();
    end
  endgenerate

  // ---- Loop: which loops are at their last turn, now and after the next one, and whether all loops inside one are.
  reg  walking;
  wire walk;          // the stages of the loop move
  wire row_last;
  wire block_x_last;
  wire block_y_last;
  wire tile_end;
  wire group_end;
  wire row_after;
  wire block_x_after;
  wire block_y_after;
  wire tile_after;
  wire group_after_unused;
  reg  bx_last;       // .. and row_last
  reg  by_last;       // .. and bx_last
  reg  tile_last;     // .. and by_last
  wire [ADDR_W-1:0] row_ahead_unused;
  wire [9:0]        bx_ahead_unused;
  wire [9:0]        by_ahead_unused;
  wire [ADDR_W-1:0] tile_ahead_unused;
  wire [ADDR_W-1:0] group_ahead_unused;

  shw_loop_counter #(.W(ADDR_W)) u_row (
    .clk(clk), .start(start), .step(walk), .inner(1'b1), .count(cfg_rows),
    .ahead(row_ahead_unused), .last(row_last), .last_after(row_after)
  );
  shw_loop_counter #(.W(10)) u_bx (
    .clk(clk), .start(start), .step(walk), .inner(row_last), .count(cfg_blocks_x),
    .ahead(bx_ahead_unused), .last(block_x_last), .last_after(block_x_after)
  );
  shw_loop_counter #(.W(10)) u_by (
    .clk(clk), .start(start), .step(walk), .inner(bx_last), .count(cfg_blocks_y),
    .ahead(by_ahead_unused), .last(block_y_last), .last_after(block_y_after)
  );
  shw_loop_counter #(.W(ADDR_W)) u_tile (
    .clk(clk), .start(start), .step(walk), .inner(by_last), .count(cfg_tiles),
    .ahead(tile_ahead_unused), .last(tile_end), .last_after(tile_after)
  );
  shw_loop_counter #(.W(ADDR_W)) u_group (
    .clk(clk), .start(start), .step(walk), .inner(tile_last), .count(cfg_groups),
    .ahead(group_ahead_unused), .last(group_end), .last_after(group_after_unused)
  );

  always @(posedge clk) begin
    if (rst) walking <= 1'b0;
    else if (start) walking <= 1'b1;
    else if (walk && tile_last && group_end) walking <= 1'b0;
    if (start | walk) begin
      bx_last   <= row_after & block_x_after;
      by_last   <= row_after & block_x_after & block_y_after;
      tile_last <= row_after & block_x_after & block_y_after & tile_after;
    end
  end

  // Channel of the group, and what the tile starts with.
  reg  [COUNT_W-1:0] member;
  reg  [COUNT_W-1:0] tile_first;
  reg  [ADDR_W-1:0]  group_first;
  wire [COUNT_W-1:0] member_next = member + 1'b1;

  always @(posedge clk) begin
    if (start || walk && tile_last) begin
      member     <= {COUNT_W{1'b0}};
      tile_first <= {COUNT_W{1'b0}};
    end else if (walk) begin
      member <= row_last & ~by_last ? tile_first : member_next;
      if (by_last) tile_first <= member_next;
    end
    if (start) group_first <= {ADDR_W{1'b0}};
    else if (walk && tile_last) group_first <= group_first + cfg_channels;
  end

  // Addresses of the block relative to the bases: of the row, and of the block.
  reg               bx_odd;
  reg               by_odd;
  reg  [ADDR_W-1:0] plain_row;
  reg  [ADDR_W-1:0] plain_block;
  reg  [ADDR_W-1:0] split_row;
  reg  [ADDR_W-1:0] split_block;
  reg  [ADDR_W-1:0] short_row;
  reg  [ADDR_W-1:0] short_block;

  wire [ADDR_W-1:0] plain_next = (bx_last ? plain_row : plain_block)
                               + (bx_last ? cfg_plain_row_stride : cfg_block_stride);
  wire [ADDR_W-1:0] short_next = (bx_last ? short_row : short_block)
                               + (bx_last ? cfg_shortcut_row_stride : cfg_shortcut_block_stride);
  wire [ADDR_W-1:0] split_step = bx_last ? (by_odd ? cfg_split_row_stride : {ADDR_W{1'b0}})
                                         : (bx_odd ? cfg_block_stride : {ADDR_W{1'b0}});
  wire [ADDR_W-1:0] split_next = (bx_last ? split_row : split_block) + split_step;

  always @(posedge clk) begin
    if (start || walk && by_last) begin
      bx_odd      <= 1'b0;
      by_odd      <= 1'b0;
      plain_row   <= {ADDR_W{1'b0}};
      plain_block <= {ADDR_W{1'b0}};
      split_row   <= {ADDR_W{1'b0}};
      split_block <= {ADDR_W{1'b0}};
      short_row   <= {ADDR_W{1'b0}};
      short_block <= {ADDR_W{1'b0}};
    end else if (walk && row_last) begin
      bx_odd      <= ~bx_last & ~bx_odd;
      plain_block <= plain_next;
      split_block <= split_next;
      short_block <= short_next;
      if (bx_last) begin
        by_odd    <= ~by_odd;
        plain_row <= plain_next;
        split_row <= split_next;
        short_row <= short_next;
      end
    end
  end

  // Stage 1: channel, blocks. Stage 2: addresses. Stage 3: is there a shortcut, and where.
  reg                valid_1;
  reg                drop_1;
  reg                bottom_1;     // in the last row of blocks
  reg                final_1;      // the last channel of the row tile
  reg  [1:0]         odd_1;        // {by, bx}
  reg  [ADDR_W-1:0]  channel_1;
  reg  [ADDR_W-1:0]  plain_1;
  reg  [ADDR_W-1:0]  split_1;
  reg  [ADDR_W-1:0]  short_1;
  reg                valid_2;
  reg                drop_2;
  reg                bottom_2;
  reg                final_2;
  reg  [1:0]         odd_2;
  reg  [CONST_W-1:0] const_2;
  reg  [ADDR_W-1:0]  plain_2;
  reg  [ADDR_W-1:0]  split_2;
  reg  [ADDR_W-1:0]  short_2;
  reg  [ADDR_W-1:0]  nth_2;        // channel of the shortcut; very large before its first
  reg                valid_3;
  reg                drop_3;
  reg                bottom_3;
  reg                final_3;
  reg                need_3;
  reg  [1:0]         odd_3;
  reg  [CONST_W-1:0] const_3;
  reg  [ADDR_W-1:0]  plain_3;
  reg  [ADDR_W-1:0]  split_3;
  reg  [ADDR_W-1:0]  short_3;

  wire [ADDR_W+CONST_W-1:0] channel_wide  = {{CONST_W{1'b0}}, channel_1};
  wire [CONST_W-1:0]        const_channel = cfg_const_fixed ? {CONST_W{1'b0}}
                                                            : channel_wide[CONST_W-1:0];

  wire ahead_ready;   // room for a beat's description
  reg  word_room;     // room for a shortcut word
  wire leave_3 = ahead_ready & (~need_3 | word_room & ~shortcut_read_valid);

  assign walk = ~valid_3 | leave_3;

  always @(posedge clk) begin
    if (rst) begin
      valid_1 <= 1'b0;
      valid_2 <= 1'b0;
      valid_3 <= 1'b0;
    end else if (walk) begin
      valid_1 <= walking;
      valid_2 <= valid_1;
      valid_3 <= valid_2;
    end
    if (walk) begin
      drop_1    <= member >= {1'b0, cfg_channels};
      bottom_1  <= block_y_last;
      final_1   <= row_last | member_next == {1'b0, cfg_channels};
      odd_1     <= {by_odd, bx_odd};
      channel_1 <= group_first + member[ADDR_W-1:0];
      plain_1   <= plain_block + cfg_plain_base;
      split_1   <= split_block + cfg_split_base;
      short_1   <= short_block + cfg_shortcut_base;

      drop_2    <= drop_1;
      bottom_2  <= bottom_1;
      final_2   <= final_1;
      odd_2     <= odd_1;
      const_2   <= cfg_const_base + const_channel;
      plain_2   <= plain_1 + (cfg_raw ? {channel_1[ADDR_W-3:0], 2'd0} : channel_1);
      split_2   <= split_1 + channel_1;
      short_2   <= short_1;
      nth_2     <= channel_1 - cfg_shortcut_first;

      drop_3    <= drop_2;
      need_3    <= cfg_shortcut_enable & ~drop_2 & (nth_2 < cfg_shortcut_count);
      bottom_3  <= bottom_2;
      final_3   <= final_2;
      odd_3     <= odd_2;
      const_3   <= const_2;
      plain_3   <= plain_2;
      split_3   <= split_2;
      short_3   <= short_2 + nth_2;
    end
  end

  // ---- Shortcut words: asked for with the description, cut into slices.
  localparam WORDS_W = $clog2(SHORTCUT_WORDS);
  localparam [WORDS_W:0] ONE_WORD = 1;

  reg  [WORDS_W:0]  words_free;
  wire              short_valid;
  wire              short_ready;
  wire [BW*8-1:0]   short_codes;
  reg  [BH_W-1:0]   short_slice;   // slice that is cut next
  wire              word_valid;
  wire [COLS*8-1:0] word;
  wire              word_ready_unused;
  wire              short_take;    // the slice is done with

  wire ask      = valid_3 & need_3 & leave_3;
  wire cut      = word_valid & short_ready;
  wire word_bottom;
  wire word_end = cut & (short_slice == (word_bottom ? cfg_last_slice : {BH_W{1'b1}}));

  shw_register_fifo #(.DATA_W(COLS*8), .DEPTH(SHORTCUT_WORDS), .FIRST(BW*8)) u_words (
    .clk(clk), .rst(rst),
    .in_valid(shortcut_valid), .in_ready(word_ready_unused), .in_data(shortcut_word),
    .out_valid(word_valid), .out_ready(word_end), .out_data(word)
  );

  wire [WORDS_W:0] bottoms_level_unused;
  wire             bottoms_ready_unused;
  wire             bottoms_valid_unused;

  shw_fifo #(.DATA_W(1), .DEPTH(SHORTCUT_WORDS)) u_bottoms (
    .clk(clk), .rst(rst),
    .in_valid(ask), .in_ready(bottoms_ready_unused), .in_data(bottom_3),
    .out_valid(bottoms_valid_unused), .out_ready(word_end), .out_data(word_bottom),
    .level(bottoms_level_unused)
  );

  // What takes a slice reaches no further than its register.
  shw_skid_buffer #(.DATA_W(BW*8)) u_short (
    .clk(clk), .rst(rst),
    .in_valid(word_valid), .in_ready(short_ready), .in_data(word[short_slice*BW*8 +: BW*8]),
    .out_valid(short_valid), .out_ready(short_take), .out_data(short_codes)
  );

  always @(posedge clk) begin
    if (rst) begin
      shortcut_read_valid <= 1'b0;
      words_free          <= SHORTCUT_WORDS[WORDS_W:0];
      word_room           <= 1'b1;
      short_slice         <= {BH_W{1'b0}};
    end else begin
      if (ask) shortcut_read_valid <= 1'b1;
      else if (shortcut_read_ready) shortcut_read_valid <= 1'b0;
      words_free <= words_free - {{WORDS_W{1'b0}}, ask} + {{WORDS_W{1'b0}}, word_end};
      if (word_end) word_room <= 1'b1;
      else if (ask) word_room <= words_free != ONE_WORD;
      if (cut) short_slice <= word_end ? {BH_W{1'b0}} : short_slice + 1'b1;
    end
    if (ask) shortcut_read_address <= short_3;
  end

  // ---- Descriptions of beats ahead, and the beat that is being sent.
  localparam AHEAD_W = 2 * ADDR_W + CONST_W + 6;
  localparam LEVEL_W = $clog2(AHEAD) + 1;

  wire               next_valid;
  wire               next_drop;
  wire               next_need;
  wire               next_bottom;
  wire               next_final;
  wire [1:0]         next_odd;
  wire [CONST_W-1:0] next_const;
  wire [ADDR_W-1:0]  next_plain;
  wire [ADDR_W-1:0]  next_split;
  wire [LEVEL_W-1:0] ahead_level_unused;
  wire               load;

  shw_fifo #(.DATA_W(AHEAD_W), .DEPTH(AHEAD)) u_ahead (
    .clk(clk), .rst(rst),
    .in_valid(valid_3 & leave_3), .in_ready(ahead_ready),
    .in_data({drop_3, need_3, bottom_3, final_3, odd_3, const_3, plain_3, split_3}),
    .out_valid(next_valid), .out_ready(load),
    .out_data({next_drop, next_need, next_bottom, next_final, next_odd, next_const, next_plain,
               next_split}),
    .level(ahead_level_unused)
  );

  // Those of the beat: the memory is read when the beat is loaded.
  wire [CONST_BITS-1:0] constants;

  // A small memory is LUT RAM where there is some: its words come before those of block RAM.
  shw_ram_sdp #(
    .DATA_W(CONST_BITS), .ADDR_W(CONST_W), .STYLE(CONST_W <= 8 ? "distributed" : "auto")
  ) u_constants (
    .clk(clk),
    .write_enable(const_write), .write_address(const_address),
    .write_data(const_data[CONST_BITS-1:0]),
    .read_enable(load), .read_address(next_const), .read_data(constants)
  );

  reg              beat_valid;
  reg              beat_drop;
  reg              beat_need;
  reg              beat_final;
  reg [BH_W-1:0]   beat_last_slice;
  reg [1:0]        beat_odd;
  reg [ADDR_W-1:0] beat_plain;
  reg [ADDR_W-1:0] beat_split;
  reg [BH_W-1:0]   slice;
  reg [1:0]        part;       // raw: byte; else 0 plain, 1 split
  reg [3:0]        underway;   // writes: POST_CYCLES in the post unit, one behind it

  wire [1:0] part_first = {1'b0, ~cfg_raw & ~cfg_plain};
  wire [1:0] part_end   = {cfg_raw, cfg_raw | cfg_split};
  wire       part_last  = part == part_end;
  wire       slice_end  = slice == beat_last_slice;
  wire       beat_end   = beat_drop | part_last & slice_end;
  wire       may_step   = beat_valid & (beat_drop | ~beat_need | short_valid);
  wire       step       = may_step & src_valid;
  wire       send       = step & ~beat_drop;
  wire       finish     = step & beat_end;

  assign src_ready  = may_step & beat_end;
  assign src_slice  = slice;
  assign short_take = send & beat_need & part_last;
  assign load       = next_valid & (~beat_valid | finish);

  always @(posedge clk) begin
    if (rst) begin
      beat_valid <= 1'b0;
      underway   <= 4'd0;
    end else begin
      if (load) beat_valid <= 1'b1;
      else if (finish) beat_valid <= 1'b0;
      underway <= underway + {3'd0, send} - {3'd0, write_valid};
    end
    if (load) begin
      beat_drop  <= next_drop;
      beat_need  <= next_need;
      beat_final <= next_final;
      beat_last_slice <= next_bottom ? cfg_last_slice : {BH_W{1'b1}};
      beat_odd   <= next_odd;
      beat_plain <= next_plain;
      beat_split <= next_split;
    end
    if (rst | start) slice <= {BH_W{1'b0}};
    else if (send & part_last) slice <= slice_end ? {BH_W{1'b0}} : slice + 1'b1;
    if (start) part <= part_first;
    else if (send) part <= part_last ? part_first : part + 2'd1;
  end

  always @(posedge clk) begin
    if (rst) busy <= 1'b0;
    else if (start) busy <= 1'b1;
    else if (!walking && !valid_1 && !valid_2 && !valid_3 && !next_valid && !beat_valid
             && underway == 4'd0) busy <= 1'b0;
  end

  // ---- Post unit, and beside it where its slices go. The slice of the engine's beat is chosen in
  // either half of the beat; the post unit takes that of one half, or the choice stands before it.
  wire [COLS*16-1:0] lower_half = src_engine[COLS*16-1:0];
  wire [COLS*16-1:0] upper_half = src_engine[COLS*32-1:COLS*16];
  wire [BW*32-1:0]   lower_slice;
  wire [BW*32-1:0]   upper_slice;

  generate
    if (BH_W == 1) begin : g_two
      assign lower_slice = lower_half;
      assign upper_slice = upper_half;
    end else begin : g_more
      assign lower_slice = lower_half[slice[BH_W-2:0]*BW*32 +: BW*32];
      assign upper_slice = upper_half[slice[BH_W-2:0]*BW*32 +: BW*32];
    end
  endgenerate

  wire [SOURCES*BW*32-1:0] acc;
  wire [SOURCES-1:0]       source;
  wire [15:0]              factor;

  generate
    if (SCALE != 0) begin : g_scale
      assign acc    = cfg_pooled ? src_pooled : slice[BH_W-1] ? upper_slice : lower_slice;
      assign source = 1'b1;
      assign factor = {1'b1, constants[63:49]};
    end else begin : g_shift
      assign acc    = {src_pooled, upper_slice, lower_slice};
      assign source = {cfg_pooled, ~cfg_pooled & slice[BH_W-1], ~cfg_pooled & ~slice[BH_W-1]};
      assign factor = 16'd0;
    end
  endgenerate

  wire              post_valid;
  wire              post_last_unused;
  wire              post_ready_unused;
  wire              table_ready_unused;
  wire [BW*8-1:0]   code;
  wire [BW*32-1:0]  sum;

  shw_post_unit #(
    .LANES(BW), .REQUANT(REQUANT), .ACC_W(32), .SHARED(1), .EARLY((SCALE != 0) ? 0 : 1),
    .SOURCES(SOURCES)
  ) u_post (
    .clk(clk), .rst(rst),
    .cfg_relu(cfg_relu), .cfg_shortcut_enable(beat_need), .cfg_shortcut_signed(cfg_shortcut_signed),
    .cfg_low(cfg_low), .cfg_high(cfg_high),
    .table_valid(1'b0), .table_ready(table_ready_unused), .table_select(1'b0),
    .table_address(4'd0), .table_data(32'd0),
    .in_valid(send), .in_ready(post_ready_unused), .in_last(1'b0),
    .in_source(source), .in_acc(acc), .in_bias({BW{constants[31:0]}}),
    .in_bias_shift({BW{constants[36:32]}}),
    .in_shortcut(short_codes), .in_shortcut_shift({BW{constants[42:37]}}),
    .in_factor({BW{factor}}), .in_shift({BW{constants[48:43]}}),
    .out_valid(post_valid), .out_ready(1'b1), .out_last(post_last_unused),
    .out_code(code), .out_sum(sum)
  );

  wire             to_split = ~cfg_raw & part[0];
  wire [BH_W-1:0]  half_row;           // where the row lies in a block of its phase
  reg [ADDR_W-1:0] phase_3;            // 3 * cfg_split_phase_stride
  reg [ADDR_W-1:0] base_a;             // a cycle after the step

  generate
    if (BH_W == 1) begin : g_half_row
      assign half_row = beat_odd[1];
    end else begin : g_half_rows
      assign half_row = {beat_odd[1], slice[BH_W-1:1]};
    end
  endgenerate

  always @(posedge clk) begin
    phase_3 <= cfg_split_phase_stride + {cfg_split_phase_stride[ADDR_W-2:0], 1'b0};
    base_a  <= to_split ? beat_split : beat_plain;
  end

  // Each half of the columns has an address: codes of even columns of an even block go to the lower
  // half, of an odd block to the upper one; those of odd columns to the other.
  wire [2*ADDR_W-1:0] out_address;
  genvar h;
  generate
    for (h = 0; h < 2; h = h + 1) begin : g_half
      reg [ADDR_W-1:0] offset;
      reg [ADDR_W-1:0] offset_a;
      reg [ADDR_W-1:0] address_b;

      always @* begin
        case ({slice[0], (h == 0) ? beat_odd[0] : ~beat_odd[0]})    // the phase
          2'd0:    offset = {ADDR_W{1'b0}};
          2'd1:    offset = cfg_split_phase_stride;
          2'd2:    offset = {cfg_split_phase_stride[ADDR_W-2:0], 1'b0};
          default: offset = phase_3;
        endcase
        if (!to_split) offset = {{(ADDR_W-2){1'b0}}, part};
      end

      always @(posedge clk) begin
        offset_a  <= offset;
        address_b <= base_a + offset_a;
      end

      shw_delay #(.W(ADDR_W), .CYCLES(POST_CYCLES-2)) u_address (
        .clk(clk), .enable(1'b1), .now(address_b), .late(out_address[h*ADDR_W +: ADDR_W])
      );
    end
  endgenerate

  wire [BH_W-1:0] out_row;
  wire [1:0]      out_kind;      // 0 codes, 1 bytes of sums, 2 and 3 split: {1, the block is odd}
  wire [1:0]      sum_part;
  wire            out_block;     // ends a block

  shw_delay #(.W(BH_W+3), .CYCLES(POST_CYCLES)) u_place (
    .clk(clk), .enable(1'b1),
    .now({to_split ? half_row : slice, to_split, cfg_raw | to_split & beat_odd[0],
          beat_final & beat_end}),
    .late({out_row, out_kind, out_block})
  );

  shw_delay #(.W(2), .CYCLES(SUM_CYCLES)) u_part (
    .clk(clk), .enable(1'b1), .now(part), .late(sum_part)
  );

  // A byte of a sum waits until its code would be there.
  wire [BW*8-1:0] sum_bytes;
  wire [BW*8-1:0] bytes;
  wire [BW*8-1:0] out_data;

  shw_delay #(.W(BW*8), .CYCLES(POST_CYCLES-SUM_CYCLES)) u_bytes (
    .clk(clk), .enable(1'b1), .now(sum_bytes), .late(bytes)
  );

  genvar j;
  generate
    for (j = 0; j < BW; j = j + 1) begin : g_lane
      wire [7:0] even   = code[(j%HALF)*16 +: 8];
      wire [7:0] odd    = code[(j%HALF)*16+8 +: 8];
      assign sum_bytes[j*8 +: 8] = sum[j*32 + sum_part*8 +: 8];
      assign out_data[j*8 +: 8]  = out_kind[1] ? (out_kind[0] == (j < HALF) ? odd : even)
                                   : out_kind[0] ? bytes[j*8 +: 8] : code[j*8 +: 8];
    end
  endgenerate

  always @(posedge clk) begin
    write_valid   <= post_valid & ~rst;
    write_block   <= post_valid & out_block;
    write_rows    <= {{(BH-1){1'b0}}, 1'b1} << out_row;
    write_address <= out_address;
    write_data    <= out_data;
  end

  wire unused_loop = &{1'b0, block_x_last, tile_end, row_ahead_unused, bx_ahead_unused,
                       by_ahead_unused, tile_ahead_unused, group_ahead_unused, group_after_unused};
  wire unused = &{1'b0, const_data[63:49], word_ready_unused,
                  ahead_level_unused, channel_wide, post_last_unused, post_ready_unused,
                  table_ready_unused};
endmodule

`default_nettype wire

// shw_bitmap_walker: walks the bitmaps of a row's slice as the water recedes, and hands over the terms that stay.
//
// After `start` it reads the words of 32 values of shw_plane_bitmaps, plane by plane from the top, takes the quarters
// (8 values) that have digits one a cycle, and keeps of every group the first `budget` terms: for each group it counts
// what is left, a quarter keeps its first terms up to that. Groups of up to 8 values are one quarter, larger ones
// several, or several words. A quarter whose group has run dry is skipped (where a slice has more than 128 values; else
// it is taken, and keeps nothing).
// What is left of a word's 32 values is a block: which quarters have positive and which negative terms, and the shifts
// (planes begun since the block before, none before the first). The masks of its quarters wait in LUT RAM, 2^SLOT_W
// blocks at most, for the reader, which takes them in any order. A word without terms is no block. The slice's end is a
// block of its own, `block_end`, without terms.
//
// Protocol: `start` in the cycle after `idle` or later; what describes the slice stays from `start` to the next `start`.
// The reader gives a block's slot back with slot_release when it has read its masks.
//
// Parameters: WORD_W  1..5  a slice has up to 2^WORD_W words of 32 values, the memory twice as many
//             SLOT_W  2..5  2^SLOT_W blocks wait for their reader
// Latency:    8 cycles from start to the first block. Throughput: a word in max(1, quarters taken) cycles.
// Backpressure: the walk stops while all slots are taken. Reset: rst returns to idle and drops all blocks.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_bitmap_walker #(
  parameter WORD_W = 3,
  parameter SLOT_W = 3
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              start,
  output wire              idle,
  // the slice
  input  wire [WORD_W:0]   first_word,      // in the memory
  input  wire [WORD_W-1:0] last_word,       // words - 1
  input  wire [3:0]        last_quarters,   // of the last word: 1 has values
  input  wire              top_plane,       // 1: planes from 8 down; 0: from 7
  input  wire              unlimited,       // every term stays
  input  wire [10:0]       budget,
  input  wire [WORD_W+1:0] group_mask,      // quarters of a group - 1
  // bitmaps, two cycles after the address
  output wire              read_enable,
  output wire [WORD_W:0]   read_word,
  output wire [3:0]        read_plane,
  input  wire [31:0]       nonzero,
  input  wire [31:0]       negative,
  input  wire [3:0]        any,
  // the oldest block
  output wire              block_valid,
  input  wire              block_take,
  output wire              block_end,
  output wire [3:0]        block_shifts,
  output wire [WORD_W:0]   block_word,
  output wire [3:0]        block_positive,  // quarters
  output wire [3:0]        block_negative,
  input  wire [SLOT_W+1:0] mask_address,    // slot, counted over blocks with terms; quarter
  output wire [7:0]        mask_positive,
  output wire [7:0]        mask_negative,
  input  wire              slot_release
);
  generate
    if (WORD_W < 1 || WORD_W > 5) begin : g_illegal_word
      shw_ILLEGAL_WORD_W_must_be_1_to_5 illegal ();
    end
    if (SLOT_W < 2 || SLOT_W > 5) begin : g_illegal_slot
      shw_ILLEGAL_SLOT_W_must_be_2_to_5 illegal ();
    end
  endgenerate

  wire [WORD_W-1:0] same_words    = group_mask[WORD_W+1:2];
  wire [1:0]        same_quarters = group_mask[1:0];

  // Address of the next word; after the last one of plane 0 the end of the slice takes its turn.
  wire              advance;
  reg               address_valid;
  reg               address_end;
  reg               address_first;   // first plane
  reg               address_lead;    // first word of a later plane
  reg [3:0]         address_plane;
  reg [WORD_W-1:0]  address_word;
  reg [WORD_W:0]    address_ring;

  wire              plane_end = address_word == last_word;

  assign read_enable = advance;
  assign read_word   = address_ring;
  assign read_plane  = address_plane;

  always @(posedge clk) begin
    if (rst) address_valid <= 1'b0;
    else if (start) address_valid <= 1'b1;
    else if (advance && address_end) address_valid <= 1'b0;
    if (start) begin
      address_end   <= 1'b0;
      address_first <= 1'b1;
      address_lead  <= 1'b0;
      address_plane <= {top_plane, {3{~top_plane}}};
      address_word  <= {WORD_W{1'b0}};
      address_ring  <= first_word;
    end else if (advance) begin
      address_lead <= plane_end && address_plane != 4'd0;
      if (plane_end) begin
        address_end   <= address_plane == 4'd0;
        address_first <= 1'b0;
        address_plane <= address_plane - 4'd1;
        address_word  <= {WORD_W{1'b0}};
        address_ring  <= first_word;
      end else begin
        address_word <= address_word + 1'b1;
        address_ring <= address_ring + 1'b1;
      end
    end
  end

  // The word on its way out of the memory.
  reg              coming_valid;
  reg              coming_end;
  reg              coming_first;
  reg              coming_lead;
  reg              coming_last;    // of its plane
  reg [WORD_W-1:0] coming_word;
  reg [WORD_W:0]   coming_ring;
  wire [3:0]       dry;            // quarters whose group has nothing left

  always @(posedge clk) begin
    if (rst) coming_valid <= 1'b0;
    else if (advance) coming_valid <= address_valid;
    if (advance) begin
      coming_end   <= address_end;
      coming_first <= address_first;
      coming_lead  <= address_lead;
      coming_last  <= plane_end;
      coming_word  <= address_word;
      coming_ring  <= address_ring;
    end
  end

  // The word: its quarters are taken one a cycle; a word without any takes a cycle as well.
  reg              word_valid;
  reg              word_end;
  reg              word_first;
  reg              word_lead;
  reg              word_fresh;     // nothing has been taken of it
  reg [3:0]        word_closed;    // quarters not to be taken
  reg [WORD_W-1:0] word_index;
  reg [WORD_W:0]   word_ring;
  reg [SLOT_W:0]   claimed;        // slots taken, or claimed by a word on its way

  wire [3:0] open   = any & ~word_closed;
  wire       some   = |open;
  wire       more   = (open[0] && |open[3:1]) || (open[1] && |open[3:2]) || (&open[3:2]);
  wire [3:0] take   = {open[3] && !(|open[2:0]), open[2] && !(|open[1:0]),
                       open[1] && !open[0], open[0]};
  wire [1:0] quarter = {take[3] | take[2], take[3] | take[1]};
  wire       token  = word_valid && !(word_fresh && claimed[SLOT_W]);
  wire       claim  = token && word_fresh && some;

  assign advance = !word_valid || (token && !more);

  always @(posedge clk) begin
    if (rst) word_valid <= 1'b0;
    else if (advance) word_valid <= coming_valid;
    if (advance) begin
      word_end    <= coming_end;
      word_first  <= coming_first;
      word_lead   <= coming_lead;
      word_fresh  <= 1'b1;
      word_closed <= {4{coming_end}} | (coming_last ? ~last_quarters : 4'd0)
                     | (coming_first ? 4'd0 : dry);
      word_index  <= coming_word;
      word_ring   <= coming_ring;
    end else if (token) begin
      word_fresh  <= 1'b0;
      word_closed <= word_closed | take;
    end
  end

  // Which groups have been met in this slice; the first plane clears. A group is named by its first quarter.
  wire [WORD_W-1:0] group_word = word_index & ~same_words;
  wire [1:0]        group_quarter = quarter & ~same_quarters;
  wire              clear = word_first && word_fresh && (word_index & same_words) == {WORD_W{1'b0}};
  wire [3:0]        met_before;
  wire [3:0]        met = met_before & {4{!clear}};
  wire [3:0]        meets = {&group_quarter, group_quarter == 2'd2, group_quarter == 2'd1,
                             group_quarter == 2'd0} & {4{some}};

  shw_lutram #(.DATA_W(4), .ADDR_W(WORD_W)) u_met (
    .clk(clk), .write_enable(token), .write_address(group_word), .write_data(met | meets),
    .read_address(group_word), .read_data(met_before)
  );

  // Quarter taken.
  wire [15:0] taken_digits;

  shw_mux4 #(.W(16)) u_quarter (
    .words({negative[31:24], nonzero[31:24], negative[23:16], nonzero[23:16],
            negative[15:8], nonzero[15:8], negative[7:0], nonzero[7:0]}),
    .select(quarter), .word(taken_digits)
  );

  // What follows the quarter through the stages: {the word ends, a later plane begins, the slice ends, it has digits,
  // quarter, place of the word}.
  localparam TAG_W = WORD_W + 7;
  reg              taken_valid;
  reg [TAG_W-1:0]  taken_tag;
  reg [7:0]        taken_nonzero;
  reg [7:0]        taken_negative;
  reg [WORD_W+1:0] taken_group;
  reg              taken_clear;
  reg              taken_opens;    // the group's first quarter

  reg              left_valid;
  reg [TAG_W-1:0]  left_tag;
  reg [7:0]        left_nonzero;
  reg [7:0]        left_negative;
  reg [WORD_W+1:0] left_group;
  reg              left_clear;
  reg [11:0]       left;           // terms that the group may keep; negative: none
  reg [3:0]        left_count;     // terms of the quarter
  reg [20:0]       left_rank;      // terms before each value but the first, 3 bits each

  reg              keep_valid;
  reg [TAG_W-1:0]  keep_tag;
  reg [7:0]        keep_nonzero;
  reg [7:0]        keep_negative;
  reg [WORD_W+1:0] keep_group;
  reg              keep_clear;
  reg              keep_all;
  reg              keep_none;
  reg [2:0]        keep_left;
  reg [20:0]       keep_rank;
  reg [11:0]       keep_rest;      // what the group has left after the quarter

  // Count: full adders one after the other.
  reg [23:0] rank;                 // terms before each value
  reg [3:0]  count;
  integer    i;

  always @* begin
    rank[2:0] = 3'd0;
    for (i = 0; i < 7; i = i + 1) begin
      rank[3*i + 3] = rank[3*i] ^ taken_nonzero[i];
      rank[3*i + 4] = rank[3*i + 1] ^ (rank[3*i] & taken_nonzero[i]);
      rank[3*i + 5] = rank[3*i + 2] ^ (rank[3*i + 1] & rank[3*i] & taken_nonzero[i]);
    end
    count[0] = rank[21] ^ taken_nonzero[7];
    count[1] = rank[22] ^ (rank[21] & taken_nonzero[7]);
    count[2] = rank[23] ^ (rank[22] & rank[21] & taken_nonzero[7]);
    count[3] = rank[23] & rank[22] & rank[21] & taken_nonzero[7];
  end

  // What a group has left.
  localparam SOME = WORD_W + 3;    // bit of a tag
  wire [11:0] stored;
  wire [11:0] rest    = left - {8'd0, left_count};
  wire        forward = left_tag[SOME] && left_group == taken_group;

  shw_lutram #(.DATA_W(12), .ADDR_W(WORD_W+2)) u_left (
    .clk(clk), .write_enable(left_tag[SOME]), .write_address(left_group), .write_data(rest),
    .read_address(taken_group), .read_data(stored)
  );

  always @(posedge clk) begin
    if (rst) begin
      taken_valid <= 1'b0;
      left_valid  <= 1'b0;
      keep_valid  <= 1'b0;
      taken_tag   <= {TAG_W{1'b0}};
      left_tag    <= {TAG_W{1'b0}};
      keep_tag    <= {TAG_W{1'b0}};
    end else begin
      taken_valid <= token;
      left_valid  <= taken_valid;
      keep_valid  <= left_valid;
      taken_tag   <= {!more, word_lead && word_fresh, word_end, token && some, quarter, word_ring};
      left_tag    <= taken_tag;
      keep_tag    <= left_tag;
    end
    taken_nonzero  <= some ? taken_digits[7:0] : 8'd0;
    taken_negative <= taken_digits[15:8];
    taken_group    <= {group_word, group_quarter};
    taken_clear    <= token && clear;
    taken_opens    <= (met & meets) == 4'd0;

    left_nonzero  <= taken_nonzero;
    left_negative <= taken_negative;
    left_group    <= taken_group;
    left_clear    <= taken_clear;
    left          <= taken_opens ? {1'b0, budget} : forward ? rest : stored;
    left_count    <= count;
    left_rank     <= rank[23:3];

    keep_nonzero  <= left_nonzero;
    keep_negative <= left_negative;
    keep_group    <= left_group;
    keep_clear    <= left_clear;
    keep_all      <= unlimited || (!left[11] && |left[10:3]);
    keep_none     <= left[11] && !unlimited;
    keep_left     <= left[2:0];
    keep_rank     <= left_rank;
    keep_rest     <= rest;
  end

  // Groups that have run dry, by the word and the quarter that name them. In less than 5 words a plane would come back
  // before its group is settled.
  generate
    if (WORD_W >= 3) begin : g_dry
      wire       dried = !unlimited && (keep_rest[11] || keep_rest == 12'd0);
      wire [3:0] dry_stored;
      wire       skip = |last_word[WORD_W-1:2];

      genvar q;
      for (q = 0; q < 4; q = q + 1) begin : g_quarter
        localparam [1:0] QUARTER = q[1:0];
        wire here = keep_tag[SOME] && keep_group[1:0] == QUARTER;
        shw_lutram #(.DATA_W(1), .ADDR_W(WORD_W)) u_dry (
          .clk(clk), .write_enable(keep_clear || here), .write_address(keep_group[WORD_W+1:2]),
          .write_data(dried && here),
          .read_address(coming_word & ~same_words), .read_data(dry_stored[q])
        );
        // quarter 1 is named by 0 in groups of two, 3 by 2 in groups of two and by 0 in groups of four
        assign dry[q] = skip && dry_stored[QUARTER & ~same_quarters];
      end
    end else begin : g_never
      wire unused = &{1'b0, keep_group, keep_clear, keep_rest};
      assign dry = 4'd0;
    end
  endgenerate

  // Terms that stay, by sign.
  wire [23:0] ranks = {keep_rank, 3'd0};
  wire [7:0]  keep;
  reg              block_token;
  reg [TAG_W-1:0]  block_tag;
  reg [7:0]        stay_positive;
  reg [7:0]        stay_negative;

  genvar v;
  generate
    for (v = 0; v < 8; v = v + 1) begin : g_keep
      assign keep[v] = keep_nonzero[v] && (keep_all || (!keep_none && ranks[3*v +: 3] < keep_left));
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      block_token <= 1'b0;
      block_tag   <= {TAG_W{1'b0}};
    end else begin
      block_token <= keep_valid;
      block_tag   <= keep_tag;
    end
    stay_positive <= keep & ~keep_negative;
    stay_negative <= keep & keep_negative;
  end

  // Blocks.
  wire              tag_last;
  wire              tag_lead;
  wire              tag_end;
  wire              tag_some;
  wire [1:0]        tag_quarter;
  wire [WORD_W:0]   tag_ring;
  assign {tag_last, tag_lead, tag_end, tag_some, tag_quarter, tag_ring} = block_tag;

  reg [SLOT_W-1:0]  slot;
  reg [3:0]         has_positive;  // quarters so far
  reg [3:0]         has_negative;
  reg [3:0]         shifts;
  reg               begun;         // the slice has had a block
  wire [3:0]        at            = {&tag_quarter, tag_quarter == 2'd2,
                                     tag_quarter == 2'd1, tag_quarter == 2'd0};
  wire [3:0]        now_positive  = has_positive | (at & {4{|stay_positive}});
  wire [3:0]        now_negative  = has_negative | (at & {4{|stay_negative}});
  wire              found         = |{now_positive, now_negative};
  wire [3:0]        now_shifts    = shifts + {3'd0, tag_lead && begun};
  wire              complete      = block_token && tag_last;
  wire              push          = complete && (found || tag_end);

  shw_lutram #(.DATA_W(16), .ADDR_W(SLOT_W+2)) u_masks (
    .clk(clk), .write_enable(tag_some), .write_address({slot, tag_quarter}),
    .write_data({stay_negative, stay_positive}),
    .read_address(mask_address), .read_data({mask_negative, mask_positive})
  );

  always @(posedge clk) begin
    if (rst) begin
      slot         <= {SLOT_W{1'b0}};
      claimed      <= {(SLOT_W+1){1'b0}};
      has_positive <= 4'd0;
      has_negative <= 4'd0;
      shifts       <= 4'd0;
      begun        <= 1'b0;
    end else begin
      claimed <= claimed + {{SLOT_W{1'b0}}, claim} - {{SLOT_W{1'b0}}, slot_release}
                 - {{SLOT_W{1'b0}}, complete && tag_some && !found};
      if (block_token) begin
        has_positive <= now_positive & {4{!tag_last}};
        has_negative <= now_negative & {4{!tag_last}};
        shifts       <= now_shifts & {4{!push}};
      end
      if (complete) begin
        begun <= (begun || found) && !tag_end;
        if (found) slot <= slot + 1'b1;
      end
    end
  end

  // At most 2^SLOT_W blocks with terms and the ends of two slices.
  wire              unused_ready;
  wire [SLOT_W+1:0] unused_level;

  shw_fifo #(.DATA_W(WORD_W+14), .DEPTH(2 << SLOT_W)) u_blocks (
    .clk(clk), .rst(rst),
    .in_valid(push), .in_ready(unused_ready),
    .in_data({tag_end, now_shifts, tag_ring, now_negative, now_positive}),
    .out_valid(block_valid), .out_ready(block_take),
    .out_data({block_end, block_shifts, block_word, block_negative, block_positive}),
    .level(unused_level)
  );

  assign idle = !(address_valid || coming_valid || word_valid || taken_valid);
endmodule

`default_nettype wire

// shw_bitmap_walker: walks the bitmaps of a row's slice as the water recedes, and hands over the terms that stay.
//
// After `start` it reads the words of 32 values of shw_plane_bitmaps, plane by plane from the top, takes the quarters
// (8 values) that have digits one a cycle, and keeps of every group the first `budget` terms: for each group it counts
// what is left, a quarter keeps its first terms up to that. Groups of up to 8 values are one quarter, larger ones
// several, or several words. A quarter whose group has run dry is skipped where a slice has 7 words or more; else it is
// taken, and keeps nothing.
// What stays leaves as masks, one quarter a cycle; masks without terms leave as well. `mask_plane` comes with the last
// one of a plane, `mask_slice` with the last one of the slice.
//
// Protocol: `start` in the cycle after `idle` or later; what describes the slice stays from `start` to the next `start`.
//
// Parameters: WORD_W  1..5  a slice has up to 2^WORD_W words of 32 values, the memory twice as many
// Latency:    8 cycles from start to the first masks. Throughput: a word in max(1, quarters taken) cycles.
// Backpressure: while `hold` nothing is read and no quarter is taken; the masks of the four taken before still leave.
// Reset:      rst returns to idle.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_bitmap_walker #(
  parameter WORD_W = 3
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              start,
  output reg               idle,
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
  // terms that stay
  input  wire              hold,
  output reg               mask_valid,
  output reg               mask_plane,      // the plane ends
  output reg               mask_slice,      // ... and the slice
  output reg  [WORD_W+2:0] mask_place,      // in the memory, in quarters
  output reg  [7:0]        mask_positive,
  output reg  [7:0]        mask_negative
);
  generate
    if (WORD_W < 1 || WORD_W > 5) begin : g_illegal
      shw_ILLEGAL_WORD_W_must_be_1_to_5 illegal ();
    end
  endgenerate

  wire [WORD_W-1:0] same_words    = group_mask[WORD_W+1:2];
  wire [1:0]        same_quarters = group_mask[1:0];

  // Address of the next word.
  wire              advance;
  reg               address_valid;
  reg               address_first;   // first plane
  reg [3:0]         address_plane;
  reg [WORD_W-1:0]  address_word;
  reg [WORD_W:0]    address_ring;

  wire              plane_end = address_word == last_word;
  wire              slice_end = plane_end && address_plane == 4'd0;

  assign read_enable = advance;
  assign read_word   = address_ring;
  assign read_plane  = address_plane;

  always @(posedge clk) begin
    if (rst) address_valid <= 1'b0;
    else if (start) address_valid <= 1'b1;
    else if (advance && slice_end) address_valid <= 1'b0;
    if (start) begin
      address_first <= 1'b1;
      address_plane <= {top_plane, {3{~top_plane}}};
      address_word  <= {WORD_W{1'b0}};
      address_ring  <= first_word;
    end else if (advance) begin
      if (plane_end) begin
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

  // The word on its way out of the memory: coming, then there.
  reg              coming_valid;
  reg              coming_first;
  reg              coming_plane;   // its plane ends
  reg              coming_slice;
  reg [WORD_W-1:0] coming_word;
  reg [WORD_W:0]   coming_ring;
  reg              there_valid;
  reg              there_first;
  reg              there_plane;
  reg              there_slice;
  reg [WORD_W-1:0] there_word;
  reg [WORD_W:0]   there_ring;
  reg [3:0]        there_wet;      // quarters that have values and a group that is not dry
  wire [WORD_W-1:0] coming_group = coming_word & ~same_words;   // the word that names its groups
  wire [WORD_W-1:0] there_group  = there_word & ~same_words;
  wire [3:0]       met_before;
  wire             clear = there_first && (there_word & same_words) == {WORD_W{1'b0}};
  wire [3:0]       dry;            // quarters whose group has nothing left

  // The word: its quarters are taken one a cycle; a word without any takes a cycle as well.
  reg              word_valid;
  reg              word_clear;     // its groups begin here, and nothing has been taken
  reg [3:0]        word_met;       // groups met in this slice, by their first quarter
  reg              word_plane;
  reg              word_slice;
  reg [3:0]        word_open;      // quarters to be taken
  reg              word_more;      // than one
  reg [31:0]       word_nonzero;
  reg [31:0]       word_negative;
  reg [WORD_W-1:0] word_group;
  reg [WORD_W:0]   word_ring;

  wire       token = word_valid && !hold;
  wire [3:0] opens = there_wet & any;
  wire [3:0] others = {word_open[3] && |word_open[2:0], word_open[2] && |word_open[1:0],
                       &word_open[1:0], 1'b0};
  wire       three = (&word_open[1:0] && |word_open[3:2]) || (|word_open[1:0] && &word_open[3:2]);
  wire       two   = &opens[1:0] || &opens[3:2] || (|opens[1:0] && |opens[3:2]);
  wire       some  = |word_open;
  wire [1:0] quarter = {~|word_open[1:0], !word_open[0] && (word_open[1] || !word_open[2])};
  wire [1:0] group_quarter = quarter & ~same_quarters;
  wire [3:0] meets = {&group_quarter, group_quarter == 2'd2, group_quarter == 2'd1,
                      group_quarter == 2'd0} & {4{some}};
  wire [3:0] met   = word_met | meets;

  assign advance = !hold && !word_more;

  always @(posedge clk) begin
    if (rst) begin
      idle         <= 1'b1;
      coming_valid <= 1'b0;
      there_valid  <= 1'b0;
      there_wet    <= 4'd0;
      word_valid   <= 1'b0;
      word_more    <= 1'b0;
    end else begin
      idle <= !(start || address_valid || coming_valid || there_valid || word_valid);
      if (advance) begin
        coming_valid <= address_valid;
        there_valid  <= coming_valid;
        there_wet    <= {4{coming_valid}} & (coming_plane ? last_quarters : 4'd15)
                        & ~(coming_first ? 4'd0 : dry);
        word_valid   <= there_valid;
      end
      if (!hold) word_more <= word_more ? three : two;
    end
    if (advance) begin
      coming_first <= address_first;
      coming_plane <= plane_end;
      coming_slice <= slice_end;
      coming_word  <= address_word;
      coming_ring  <= address_ring;

      there_first  <= coming_first;
      there_plane  <= coming_plane;
      there_slice  <= coming_slice;
      there_word   <= coming_word;
      there_ring   <= coming_ring;

      word_plane    <= there_plane;
      word_slice    <= there_slice;
      word_nonzero  <= nonzero;
      word_negative <= negative;
      word_group    <= there_group;
      word_ring     <= there_ring;
    end
    if (!hold) begin
      word_met   <= word_more ? met : clear ? 4'd0 : there_group == word_group ? met : met_before;
      word_open  <= word_more ? others : opens;
      word_clear <= !word_more && clear;
    end
  end

  shw_lutram #(.DATA_W(4), .ADDR_W(WORD_W)) u_met (
    .clk(clk), .write_enable(token), .write_address(word_group), .write_data(met),
    .read_address(there_group), .read_data(met_before)
  );

  // Quarter taken.
  wire [15:0] taken_digits;

  shw_mux4 #(.W(16)) u_quarter (
    .words({word_negative[31:24], word_nonzero[31:24], word_negative[23:16], word_nonzero[23:16],
            word_negative[15:8], word_nonzero[15:8], word_negative[7:0], word_nonzero[7:0]}),
    .select(quarter), .word(taken_digits)
  );

  // What follows the quarter through the stages: {it is one, the plane ends, the slice ends, its place}.
  localparam TAG_W = WORD_W + 6;
  localparam SOME  = WORD_W + 5;   // bit of a tag
  reg              taken_valid;
  reg [TAG_W-1:0]  taken_tag;
  reg [7:0]        taken_nonzero;
  reg [7:0]        taken_negative;
  reg [WORD_W+1:0] taken_group;    // a group is named by its first quarter
  reg              taken_clear;    // the groups of the word begin
  reg              taken_opens;    // the group's first quarter with digits

  reg              left_valid;
  reg [TAG_W-1:0]  left_tag;
  reg [7:0]        left_nonzero;
  reg [7:0]        left_negative;
  reg [WORD_W+1:0] left_group;
  reg              left_clear;
  reg [11:0]       left;           // terms that the group may keep; negative: none
  reg [3:0]        left_count;     // terms of the quarter
  reg [2:0]        left_low;       // ... of its first four values

  reg              keep_valid;
  reg [TAG_W-1:0]  keep_tag;
  reg [7:0]        keep_nonzero;
  reg [7:0]        keep_negative;
  reg [WORD_W+1:0] keep_group;
  reg              keep_clear;
  reg [2:0]        keep_low;       // terms that the first four values may keep, 4: all
  reg [2:0]        keep_high;      // ... the last four
  reg [11:0]       keep_rest;      // what the group has left after the quarter

  function [2:0] ones(input [3:0] bits);
    ones = {&bits,
            (&bits[1:0] || &bits[3:2] || (|bits[1:0] && |bits[3:2])) && !(&bits),
            ^bits};
  endfunction

  // The sum of two counts of up to four.
  function [3:0] total(input [2:0] low, input [2:0] high);
    reg [1:0] carry;
    begin
      carry[0] = low[0] & high[0];
      carry[1] = (low[1] & high[1]) | (carry[0] & (low[1] | high[1]));
      total = {low[2] & high[2], low[2] ^ high[2] ^ carry[1], low[1] ^ high[1] ^ carry[0],
               low[0] ^ high[0]};
    end
  endfunction

  wire [2:0]  ones_low  = ones(taken_nonzero[3:0]);
  wire [2:0]  ones_high = ones(taken_nonzero[7:4]);

  // What a group has left.
  wire [11:0] stored;
  wire [11:0] rest    = left - {8'd0, left_count};
  wire        forward = left_tag[SOME] && left_group == taken_group;

  shw_lutram #(.DATA_W(12), .ADDR_W(WORD_W+2)) u_left (
    .clk(clk), .write_enable(left_tag[SOME]), .write_address(left_group), .write_data(rest),
    .read_address(taken_group), .read_data(stored)
  );

  wire       many = unlimited || (!left[11] && |left[10:3]);
  wire       none = !left_tag[SOME] || (left[11] && !unlimited);
  wire [3:0] left_high = {1'b0, left[2:0]} - {1'b0, left_low};   // up to 7, or negative

  always @(posedge clk) begin
    if (rst) begin
      taken_valid    <= 1'b0;
      left_valid     <= 1'b0;
      keep_valid     <= 1'b0;
      mask_valid     <= 1'b0;
      left_tag       <= {TAG_W{1'b0}};
      left_negative  <= 8'd0;
      left_clear     <= 1'b0;
      keep_tag       <= {TAG_W{1'b0}};
    end else begin
      taken_valid    <= token;
      left_valid     <= taken_valid;
      keep_valid     <= left_valid;
      mask_valid     <= keep_valid;
      left_tag       <= taken_tag;
      left_negative  <= taken_negative;
      left_clear     <= taken_clear;
      keep_tag       <= left_tag;
    end
    taken_tag      <= {token && some, word_plane && !word_more, word_slice && !word_more, word_ring,
                       quarter};
    taken_nonzero  <= taken_digits[7:0];
    taken_negative <= taken_digits[15:8];
    taken_group    <= {word_group, group_quarter};
    taken_clear    <= token && word_clear;
    taken_opens    <= (word_met & meets) == 4'd0;

    left_nonzero  <= taken_nonzero;
    left_group    <= taken_group;
    left          <= taken_opens ? {1'b0, budget} : forward ? rest : stored;
    left_count    <= total(ones_low, ones_high);
    left_low      <= ones_low;

    keep_nonzero  <= left_nonzero;
    keep_negative <= left_negative;
    keep_group    <= left_group;
    keep_clear    <= left_clear;
    keep_rest     <= rest;
    if (none) keep_low <= 3'd0;
    else if (many || left[2]) keep_low <= 3'd4;
    else keep_low <= {1'b0, left[1:0]};
    if (none || (!many && left_high[3])) keep_high <= 3'd0;
    else if (many || left_high[2]) keep_high <= 3'd4;
    else keep_high <= {1'b0, left_high[1:0]};
  end

  // Groups that have run dry, by the word and the quarter that name them. In less than 7 words a plane would come back
  // before its group is settled.
  generate
    if (WORD_W >= 3) begin : g_dry
      reg [3:0]        dry_write;
      reg [3:0]        dry_value;
      reg [WORD_W-1:0] dry_group;
      wire [3:0]       dry_stored;
      wire             skip = !unlimited && {{(32-WORD_W){1'b0}}, last_word} >= 32'd6;

      wire [3:0]       here  = {3'd0, keep_tag[SOME]} << keep_group[1:0];
      wire             dried = keep_rest[11] || keep_rest == 12'd0;

      always @(posedge clk) begin
        dry_write <= here | {4{keep_clear}};
        dry_value <= here & {4{dried}};
        dry_group <= keep_group[WORD_W+1:2];
      end

      genvar q;
      for (q = 0; q < 4; q = q + 1) begin : g_quarter
        localparam [1:0] QUARTER = q[1:0];
        shw_lutram #(.DATA_W(1), .ADDR_W(WORD_W)) u_dry (
          .clk(clk),
          .write_enable(dry_write[q]), .write_address(dry_group), .write_data(dry_value[q]),
          .read_address(coming_group), .read_data(dry_stored[q])
        );
        // quarter 1 is named by 0 in groups of two, 3 by 2 in groups of two and by 0 in groups of four
        assign dry[q] = skip && dry_stored[QUARTER & ~same_quarters];
      end
    end else begin : g_never
      wire unused = &{1'b0, keep_group, keep_clear, keep_rest, coming_group};
      assign dry = 4'd0;
    end
  endgenerate

  // Terms that stay, by sign: a value keeps its term if less stand before it than may stay.
  wire [7:0] keep = {first_of(keep_nonzero[7:4], keep_high), first_of(keep_nonzero[3:0], keep_low)};

  function [3:0] first_of(input [3:0] bits, input [2:0] count);
    case (count)
      3'd0: first_of = 4'd0;
      3'd1: first_of = bits & {~|bits[2:0], ~|bits[1:0], ~bits[0], 1'b1};
      3'd2: first_of = bits & {~|{&bits[1:0], bits[2] && |bits[1:0]}, ~&bits[1:0], 2'd3};
      3'd3: first_of = bits & {~&bits[2:0], 3'd7};
      default: first_of = bits;
    endcase
  endfunction

  always @(posedge clk) begin
    {mask_plane, mask_slice, mask_place} <= keep_tag[SOME-1:0];
    mask_positive <= keep & ~keep_negative;
    mask_negative <= keep & keep_negative;
  end
endmodule

`default_nettype wire

// shw_tr_loader: accepts the beats of tiles, cuts them into windows and slices, and times the row edges.
//
// A beat's codes are registered beside this module. Their digits are in a lane of the window three cycles after that
// (shw_plane_bitmaps). A window has 8 places; groups of less than 8 values (with term revealing) take a window each,
// with places left empty. When a window is complete it is captured and written plane by plane, 8 cycles, or 9 where
// codes may have a digit 2^8: unsigned under the hese rule. A window is captured when the one before is written.
// A slice has up to DEPTH >> cfg_slice_shift places or what is left of the tile, and begins with a word of 32 places. The
// memories are rings of 2 * DEPTH places (of 128 at least); at most four slices are in flight.
// The configuration is sampled with the first beat of a tile. An illegal one raises cfg_error and the tile is
// consumed without effect.
//
// Parameters: DEPTH    32..1024  a power of two
//             WORD_W   1..5      words of 32 places in half a ring: clog2(DEPTH / 32), at least 1
//             TRUNCATE 0, 1      whether the engine can truncate data (0: cfg_data_terms must be 0)
// Latency:    a slice may be walked 7 cycles after its last beat. Throughput: 1 beat per cycle within a window, a window
//             in 8 or 9 cycles. Backpressure: in_ready is a register.
// Reset:      rst drops everything in flight.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_loader #(
  parameter DEPTH    = 256,
  parameter WORD_W   = 3,
  parameter TRUNCATE = 1
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              cfg_tr_en,
  input  wire [8:0]        cfg_group,
  input  wire [10:0]       cfg_group_budget,
  input  wire [3:0]        cfg_data_terms,
  input  wire [1:0]        cfg_slice_shift,
  input  wire              cfg_encoding,
  input  wire              cfg_row_signed,
  input  wire              cfg_col_signed,
  output reg               cfg_error,
  input  wire              in_valid,
  output reg               in_ready,
  input  wire              in_last,
  // encoders, in the cycle after the beat
  output reg               encode_hese,
  output reg               encode_row_signed,
  output reg [3:0]         encode_terms,
  output wire [1:0]        encode_col_next,         // {hese, signed} of the columns, with the beat
  // column memory, two cycles after the beat
  output reg               column_write,
  output reg [WORD_W+5:0]  column_address,
  // bitmaps of the rows
  output reg [7:0]         lane_write,      // two cycles after the beat
  output reg               capture,
  output reg [3:0]         plane,
  output reg [3:0]         write,
  output reg [WORD_W:0]    write_word,
  output reg [3:0]         write_plane,
  // slices, in order
  output wire              slice_ready,     // the oldest that has not been taken may be walked
  input  wire              slice_take,
  output reg [WORD_W:0]    slice_first_word,
  output reg [WORD_W-1:0]  slice_last_word,
  output reg [3:0]         slice_last_quarters,
  output reg               slice_top_plane,
  output reg               slice_unlimited,
  output reg [10:0]        slice_budget,
  output reg [WORD_W+1:0]  slice_group_mask,
  output reg               slice_first,     // of its tile
  output reg               slice_last,
  output reg               slice_col_signed,
  input  wire              release_valid,   // a slice has been computed
  input  wire [WORD_W:0]   release_words    // its words
);
  localparam [31:0] WINDOWS = DEPTH / 8;
  localparam [WORD_W+1:0] LAST_WINDOW = WINDOWS[WORD_W+1:0] - 1'b1;   // of the longest slice

  generate
    if ((DEPTH & (DEPTH - 1)) != 0 || DEPTH < 32 || DEPTH > 1024) begin : g_illegal_depth
      shw_ILLEGAL_DEPTH_must_be_32_64_128_256_512_or_1024 illegal ();
    end
    if (WORD_W < 1 || (32 << WORD_W) < DEPTH
        || (WORD_W > 1 && (32 << WORD_W) != DEPTH)) begin : g_illegal_word
      shw_ILLEGAL_WORD_W_must_be_clog2_of_DEPTH_by_32_and_at_least_1 illegal ();
    end
    if (TRUNCATE != 0 && TRUNCATE != 1) begin : g_illegal_truncate
      shw_ILLEGAL_TRUNCATE_must_be_0_or_1 illegal ();
    end
  endgenerate

  // Beats.
  reg               tile_open;        // a tile's first beat has passed
  reg               discard;          // the rest of an illegal tile
  reg               tr_en;
  reg [2:0]         short_mask;       // values of a group - 1, where shorter than a window
  reg [WORD_W+1:0]  group_mask;       // windows of a group - 1
  reg [WORD_W+1:0]  last_window;      // of a slice
  reg [10:0]        budget;
  reg               top_plane;
  reg               first_slice;
  reg [2:0]         lane;             // of the next value
  reg               last_lane;        // ... ends its window; not for a tile's first beat
  reg [WORD_W+1:0]  window;           // in the slice
  reg               at_last;          // ... is the last one of a whole slice
  reg               at_word_last;     // ... of a word
  reg [WORD_W:0]    first_word;       // of the slice, in the ring
  reg [WORD_W:0]    current_word;     // of the window, in the ring
  reg               fresh_word;       // the next value begins a word
  reg               begun;            // the value before began one
  reg [WORD_W+1:0]  used;             // words in flight, but for that one
  reg [3:0]         slices;           // in flight, in unary
  reg               released;         // a slice has been computed
  reg [WORD_W:0]    released_words;
  reg               full;             // a window waits for its capture
  reg               full_close;       // ... and ends the slice
  reg               full_last;        // ... and the tile
  reg [WORD_W:0]    full_first_word;  // of its slice
  reg [WORD_W+1:0]  full_window;      // in its slice
  reg [WORD_W:0]    full_word;
  reg [3:0]         pace;             // cycles until the planes of the window before are written
  reg               paced;            // none

  // Exactly one bit of cfg_group, of three times three.
  wire [2:0] some = {|cfg_group[8:6], |cfg_group[5:3], |cfg_group[2:0]};
  wire       several = (cfg_group[8] && |cfg_group[7:6]) || &cfg_group[7:6]
                       || (cfg_group[5] && |cfg_group[4:3]) || &cfg_group[4:3]
                       || (cfg_group[2] && |cfg_group[1:0]) || &cfg_group[1:0];
  wire       power_of_two = !several && (some == 3'd1 || some == 3'd2 || some == 3'd4);
  localparam [31:0] PLACES = DEPTH;
  wire [31:0] slice_words = PLACES >> 5 >> cfg_slice_shift;
  wire [31:0] slice_mask  = (2 * PLACES - 1) >> cfg_slice_shift;   // a group has no bit beyond it
  wire        unused_mask = &{1'b0, slice_mask[31:9]};
  wire        illegal = slice_words == 32'd0
                        || (cfg_tr_en && (!power_of_two || cfg_group_budget == 11'd0
                                          || |(cfg_group & ~slice_mask[8:0])
                                          || cfg_data_terms > 4'd9
                                          || (TRUNCATE == 0 && cfg_data_terms != 4'd0)));

  // The first value of a tile ends its window where it is a group by itself.
  wire [2:0] cfg_mask   = {1'b0, cfg_group[2], |cfg_group[2:1]}
                          | {3{!cfg_tr_en || |cfg_group[8:3]}};
  wire [2:0] mask       = tile_open ? short_mask : cfg_mask;
  wire       beat       = in_valid && in_ready;
  wire       first_beat = beat && !tile_open;
  wire       offered    = beat && !discard;
  wire       value      = offered && (tile_open || !illegal);
  wire window_ends = in_last || (tile_open ? last_lane : mask == 3'd0);
  wire slice_ends  = in_last || (window_ends && at_last);
  wire word_ends   = window_ends && (at_word_last || slice_ends);
  wire window_full = value && window_ends;
  wire slice_full  = value && slice_ends;
  wire begin_word  = value && fresh_word;
  wire capture_now = full && paced;
  wire close_now   = capture_now && full_close;

  wire next_is_last = !window[0] && &({window[WORD_W+1:1], 1'b1} | ~last_window);

  // The next value may come. A word that begins after one or two values waits until they are counted. An illegal first
  // beat counts like a value here: `illegal` is known late, and at most a cycle of a tile without effect is lost.
  wire       paced_next = !capture_now && pace[3:1] == 3'd0;
  wire [3:0] slices_next = slice_full == released ? slices
                           : released ? {1'b0, slices[3:1]} : {slices[2:0], 1'b1};
  wire       slices_full = (offered && slice_ends) == released ? slices[3]
                           : !released && slices[2];
  wire       room = (!used[WORD_W+1] || released) && !begun && !(offered && fresh_word)
                    && !slices_full;
  wire       ready_next = (discard && !(beat && in_last))
                          || ((paced_next || !((offered && window_ends) || (full && !capture_now)))
                              && ((offered ? !word_ends : !fresh_word) || room));

  reg  encode_col_signed;
  assign encode_col_next = first_beat ? {cfg_encoding, cfg_col_signed}
                                      : {encode_hese, encode_col_signed};

  integer i;
  always @(posedge clk) begin
    if (rst) begin
      cfg_error    <= 1'b0;
      tile_open    <= 1'b0;
      discard      <= 1'b0;
      lane         <= 3'd0;
      window       <= {(WORD_W+2){1'b0}};
      at_last      <= 1'b0;
      at_word_last <= 1'b0;
      first_word   <= {(WORD_W+1){1'b0}};
      current_word <= {(WORD_W+1){1'b0}};
      begun        <= 1'b0;
      used         <= {(WORD_W+2){1'b0}};
      slices       <= 4'd0;
      released     <= 1'b0;
      first_slice  <= 1'b1;
      full         <= 1'b0;
      pace         <= 4'd0;
      paced        <= 1'b1;
      fresh_word   <= 1'b1;
      in_ready     <= 1'b0;
    end else begin
      in_ready <= ready_next;
      if (beat) tile_open <= !in_last;
      if (first_beat) cfg_error <= illegal;
      if (beat) discard <= !in_last && (discard || (first_beat && illegal));
      if (value) lane <= window_ends ? 3'd0 : lane + 3'd1;
      if (value) fresh_word <= word_ends;
      if (window_full) window <= slice_ends ? {(WORD_W+2){1'b0}} : window + 1'b1;
      if (window_full) at_last <= !slice_ends && next_is_last;
      if (window_full) at_word_last <= !slice_ends && window[1] && !window[0];
      if (value && word_ends) current_word <= current_word + 1'b1;
      if (slice_full) first_word <= current_word + 1'b1;
      full  <= window_full || (full && !capture_now);
      paced <= paced_next;
      if (capture_now) pace <= top_plane ? 4'd8 : 4'd7;
      else if (pace != 4'd0) pace <= pace - 4'd1;
      if (close_now) first_slice <= full_last;
      begun    <= begin_word;
      released <= release_valid;
      used     <= used + {{(WORD_W+1){1'b0}}, begun}
                  - ({1'b0, released_words} & {(WORD_W+2){released}});
      slices   <= slices_next;
    end
    released_words    <= release_words;
    encode_col_signed <= encode_col_next[0];
    if (value) begin
      last_lane       <= ((window_ends ? 3'd0 : lane + 3'd1) & mask) == mask;
      full_close      <= slice_ends;
      full_last       <= in_last;
      full_first_word <= first_word;
      full_window     <= window;
      full_word       <= current_word;
    end
    if (first_beat) begin
      tr_en             <= cfg_tr_en;
      short_mask        <= cfg_mask;
      for (i = 0; i < WORD_W + 2; i = i + 1) group_mask[i] <= |(cfg_group >> (i + 4));
      last_window       <= LAST_WINDOW >> cfg_slice_shift;
      budget            <= cfg_group_budget;
      top_plane         <= cfg_encoding && !cfg_row_signed;
      encode_hese       <= cfg_encoding;
      encode_row_signed <= cfg_row_signed;
      encode_terms      <= cfg_tr_en ? cfg_data_terms : 4'd0;
    end
  end

  // Two cycles later: lanes, columns, captures.
  reg              value_1;
  reg [2:0]        lane_1;
  reg [WORD_W+5:0] address_1;
  reg              capture_1;
  reg              top_1;
  reg [1:0]        quarter_1;
  reg [WORD_W:0]   word_1;
  reg              top;
  reg [1:0]        quarter;
  reg [WORD_W:0]   word;

  always @(posedge clk) begin
    if (rst) begin
      value_1      <= 1'b0;
      lane_write   <= 8'd0;
      column_write <= 1'b0;
      capture_1    <= 1'b0;
      capture      <= 1'b0;
    end else begin
      value_1      <= value;
      lane_write   <= {7'd0, value_1} << lane_1;
      column_write <= value_1;
      capture_1    <= capture_now;
      capture      <= capture_1;
    end
    lane_1         <= lane;
    address_1      <= {current_word, window[1:0], lane};
    column_address <= address_1;
    top_1          <= top_plane;
    quarter_1      <= full_window[1:0];
    word_1         <= full_word;
    top            <= top_1;
    quarter        <= quarter_1;
    word           <= word_1;
  end

  // Planes of the captured window.
  reg            writing;
  reg [1:0]      writing_quarter;
  reg [WORD_W:0] writing_word;

  always @(posedge clk) begin
    if (rst) begin
      writing <= 1'b0;
      write   <= 4'd0;
    end else begin
      writing <= capture || (writing && plane != 4'd0);
      write   <= {3'd0, writing} << writing_quarter;
    end
    if (capture) begin
      plane           <= {top, {3{~top}}};
      writing_quarter <= quarter;
      writing_word    <= word;
    end else begin
      plane <= plane - 4'd1;
    end
    write_word  <= writing_word;
    write_plane <= plane;
  end

  // Slices that wait to be walked.
  localparam INFO_W = 3*WORD_W + 23;
  reg  [3:0]        closed;           // in the cycles before
  reg  [INFO_W-1:0] closed_info;
  wire [INFO_W-1:0] info;
  wire              unused_ready;
  wire [2:0]        unused_level;
  wire [3:0]        quarters = {&full_window[1:0], full_window[1], |full_window[1:0], 1'b1};

  always @(posedge clk) begin
    closed <= rst ? 4'd0 : {closed[2:0], close_now};
    if (close_now) begin
      closed_info <= {full_first_word, full_window[WORD_W+1:2], quarters, top_plane, !tr_en, budget,
                      group_mask, first_slice, full_last, encode_col_signed};
    end
    if (slice_take) begin
      {slice_first_word, slice_last_word, slice_last_quarters, slice_top_plane, slice_unlimited,
       slice_budget, slice_group_mask, slice_first, slice_last, slice_col_signed} <= info;
    end
  end

  shw_fifo #(.DATA_W(INFO_W), .DEPTH(4)) u_slices (
    .clk(clk), .rst(rst), .in_valid(closed[3]), .in_ready(unused_ready), .in_data(closed_info),
    .out_valid(slice_ready), .out_ready(slice_take), .out_data(info), .level(unused_level)
  );
endmodule

`default_nettype wire

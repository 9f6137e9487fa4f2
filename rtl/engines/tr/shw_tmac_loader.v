// shw_tmac_loader: accepts the beats of tiles, cuts them into groups and slices, and times the row edges.
//
// A beat's codes are registered beside this module; one cycle later (`encode`) they pass the encoders, one more
// and plane 8 has them (plane_valid[8]); plane p follows 8 - p cycles later. After the last value of a group (with
// term revealing) or of a slice one cycle stays free for the visit that applies the budget; visits are at least
// nine cycles apart, so a group costs max(values + 1, 9) cycles.
// A slice is DEPTH values or what is left of the tile. The memories are rings of 2 * DEPTH values, so that slices of
// different length overlap well: at most three slices and 2 * DEPTH values are in flight, in four slots.
// The configuration is sampled with the first beat of a tile. An illegal one raises cfg_error and the tile is
// consumed without effect.
//
// Parameters: INDEX_W  8..10  DEPTH = 2^INDEX_W values per slice (a multiple of every legal group)
//             TRUNCATE 0, 1   whether the engine can truncate data (0: cfg_data_terms must be 0)
// Latency:    see above. Throughput: 1 beat per cycle within a group. Backpressure: in_ready depends on registers only.
// Reset:      rst drops everything in flight; 10 cycles of initialisation follow with in_ready = 0.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac_loader #(
  parameter INDEX_W  = 8,
  parameter TRUNCATE = 1
) (
  input  wire                 clk,
  input  wire                 rst,
  input  wire                 cfg_tr_en,
  input  wire [8:0]           cfg_group,
  input  wire [10:0]          cfg_group_budget,
  input  wire [3:0]           cfg_data_terms,
  input  wire                 cfg_encoding,
  input  wire                 cfg_row_signed,
  input  wire                 cfg_col_signed,
  output reg                  cfg_error,
  input  wire                 in_valid,
  output wire                 in_ready,
  input  wire                 in_last,
  // encoders, in the cycle after the beat
  output reg                  encode_hese,
  output reg                  encode_row_signed,
  output reg                  encode_col_signed,
  output reg [3:0]            encode_terms,
  // column memory, two cycles after the beat
  output wire                 column_write,
  output wire [INDEX_W:0]     column_address,
  // row edges
  output wire [8:0]           plane_valid,
  output wire [9*(INDEX_W+1)-1:0] write_value,
  output wire                 visit,
  output wire [3:0]           visit_plane,
  output wire                 visit_close,
  output wire                 visit_clear,
  output wire [1:0]           visit_slot,
  output wire [10:0]          visit_budget,
  output wire                 visit_unlimited,
  // slices
  input  wire                 release_valid,   // the slice has been computed
  input  wire [1:0]           release_slot,
  output reg  [3:0]           slice_ready,     // per slot; its lists may be read from plane 8 down
  input  wire                 slice_take,
  input  wire [1:0]           slice_take_slot,
  output reg  [3:0]           slice_first,     // of its tile
  output reg  [3:0]           slice_last,
  output reg  [3:0]           slice_col_signed
);
  generate
    if (INDEX_W < 8 || INDEX_W > 10) begin : g_illegal_index
      shw_ILLEGAL_INDEX_W_must_be_8_to_10 illegal ();
    end
    if (TRUNCATE != 0 && TRUNCATE != 1) begin : g_illegal_truncate
      shw_ILLEGAL_TRUNCATE_must_be_0_or_1 illegal ();
    end
  endgenerate

  // Beats.
  reg               tile_open;        // a tile's first beat has passed
  reg               discard;          // the rest of an illegal tile
  reg               tr_en;
  reg [7:0]         group_mask;       // g - 1
  reg [10:0]        budget;
  reg [INDEX_W-1:0] position;
  reg [INDEX_W:0]   address;          // of the next value in the rings
  reg [INDEX_W+1:0] used;             // values in flight
  reg [1:0]         slot;
  reg [3:0]         slot_busy;
  reg [INDEX_W:0]   slot_length [0:3];
  reg               first_slice;
  reg               last_slice;
  reg               visit_due;        // the next cycle that may is a visit
  reg               close_due;        // ... and ends the slice
  reg               starting;         // the visit after reset
  reg [3:0]         pitch;            // cycles until a visit may start

  wire power_of_two = cfg_group != 9'd0 && (cfg_group & (cfg_group - 9'd1)) == 9'd0;
  wire illegal = cfg_tr_en && (!power_of_two || cfg_group_budget == 11'd0 || cfg_data_terms > 4'd9
                               || (TRUNCATE == 0 && cfg_data_terms != 4'd0));

  // A slot's predecessor still holds the beginning of the slice that is being computed.
  assign in_ready = discard || (!visit_due && !used[INDEX_W+1] && !slot_busy[slot]
                                && !slot_busy[slot + 2'd1]);

  wire beat       = in_valid && in_ready;
  wire first_beat = beat && !tile_open;
  wire value      = beat && !discard && !(first_beat && illegal);
  wire group_ends = first_beat ? cfg_tr_en && cfg_group[0]
                               : tr_en && (position[7:0] & group_mask) == group_mask;
  wire slice_ends = in_last || (&position);
  wire visit_now  = visit_due && pitch == 4'd0;

  always @(posedge clk) begin
    if (rst) begin
      cfg_error   <= 1'b0;
      tile_open   <= 1'b0;
      discard     <= 1'b0;
      position    <= {INDEX_W{1'b0}};
      address     <= {(INDEX_W+1){1'b0}};
      used        <= {(INDEX_W+2){1'b0}};
      slot        <= 2'd3;
      slot_busy   <= 4'd0;
      first_slice <= 1'b1;
      visit_due   <= 1'b1;
      close_due   <= 1'b1;
      starting    <= 1'b1;
      pitch       <= 4'd9;
    end else begin
      if (beat) tile_open <= !in_last;
      if (first_beat) cfg_error <= illegal;
      if (beat) discard <= !in_last && (discard || (first_beat && illegal));
      if (value) begin
        address    <= address + 1'b1;
        position   <= slice_ends ? {INDEX_W{1'b0}} : position + 1'b1;
        visit_due  <= group_ends || slice_ends;
        close_due  <= slice_ends;
        last_slice <= in_last;
      end
      if (pitch != 4'd0) pitch <= pitch - 4'd1;
      if (visit_now) begin
        visit_due <= 1'b0;
        pitch     <= 4'd8;
        starting  <= 1'b0;
        if (close_due) slot <= slot + 2'd1;
        if (close_due && !starting) begin
          slot_busy[slot] <= 1'b1;
          first_slice     <= last_slice;
        end
      end
      if (release_valid) slot_busy[release_slot] <= 1'b0;
      used <= used + {{(INDEX_W+1){1'b0}}, value}
                   - (release_valid ? {1'b0, slot_length[release_slot]} : {(INDEX_W+2){1'b0}});
    end
    if (value) slot_length[slot] <= {1'b0, position} + 1'b1;
    if (first_beat) begin
      tr_en             <= cfg_tr_en;
      group_mask        <= cfg_group[7:0] - 8'd1;
      budget            <= cfg_group_budget;
      encode_hese       <= cfg_encoding;
      encode_row_signed <= cfg_row_signed;
      encode_col_signed <= cfg_col_signed;
      encode_terms      <= cfg_tr_en ? cfg_data_terms : 4'd0;
    end
  end

  // Pipeline: _0 is the cycle of the encoders, then one stage per plane from 8 down, then the list write.
  reg                      valid_0;
  reg [1:0]                slot_0;
  reg [INDEX_W:0]          address_0;
  reg                      visit_0;
  reg                      close_0;
  reg                      real_0;            // not the visit after reset
  reg                      tile_first_0;
  reg                      tile_last_0;
  reg [8:0]                valid_chain;       // bit i: plane 8 - i
  reg [10*(INDEX_W+1)-1:0] address_chain;
  reg [3:0]                walk_plane;
  reg                      walk;
  reg                      walk_close;
  reg                      walk_real;
  reg [1:0]                walk_slot;
  reg                      walk_unlimited;
  reg [10:0]               walk_budget;
  reg                      announce;          // plane 8 of a closed slice is settled in this cycle

  always @(posedge clk) begin
    if (rst) begin
      valid_0     <= 1'b0;
      visit_0     <= 1'b0;
      valid_chain <= 9'd0;
      walk        <= 1'b0;
      announce    <= 1'b0;
      slice_ready <= 4'd0;
    end else begin
      valid_0     <= value;
      visit_0     <= visit_now;
      valid_chain <= {valid_chain[7:0], valid_0};
      walk        <= visit_0 || (walk && walk_plane != 4'd0);
      announce    <= walk && walk_plane == 4'd8 && walk_close && walk_real;
      if (slice_take) slice_ready[slice_take_slot] <= 1'b0;
      if (announce) slice_ready[walk_slot] <= 1'b1;
    end
    address_0    <= address;
    slot_0       <= slot;
    close_0      <= close_due;
    real_0       <= !starting;
    tile_first_0 <= first_slice;
    tile_last_0  <= last_slice;
    address_chain <= {address_chain[9*(INDEX_W+1)-1:0], address_0};
    walk_plane   <= visit_0 ? 4'd8 : walk_plane - 4'd1;
    if (visit_0) begin
      walk_close     <= close_0;
      walk_real      <= real_0;
      walk_slot      <= slot_0;
      walk_unlimited <= !tr_en;
      walk_budget    <= budget;
      if (close_0 && real_0) begin
        slice_first[slot_0]      <= tile_first_0;
        slice_last[slot_0]       <= tile_last_0;
        slice_col_signed[slot_0] <= encode_col_signed;
      end
    end
  end

  assign column_write   = valid_chain[0];
  assign column_address = address_chain[INDEX_W:0];
  assign visit           = walk;
  assign visit_plane     = walk_plane;
  assign visit_close     = walk_close;
  assign visit_clear     = !walk_real;
  assign visit_slot      = walk_slot;
  assign visit_budget    = walk_budget;
  assign visit_unlimited = walk_unlimited;

  genvar p;
  generate
    for (p = 0; p < 9; p = p + 1) begin : g_plane
      assign plane_valid[p] = valid_chain[8-p];
      assign write_value[p*(INDEX_W+1) +: INDEX_W+1] =
          address_chain[(9-p)*(INDEX_W+1) +: INDEX_W+1];
    end
  endgenerate
endmodule

`default_nettype wire

// shw_plane_lists: the terms of one row of a slice, sorted by exponent plane.
//
// Digits of one value arrive per cycle and are appended, with their index, to one list per exponent plane
// (a value has at most one digit per plane, so a list takes at most one entry per cycle). Plane p sees a
// value 8 - p cycles after plane 8 does (the caller skews digits and control), so the end of a group or of a
// slice visits the planes from the top, one per cycle. A visit counts the entries of the group, asks
// shw_group_reveal how many may stay and rolls the list's write pointer back behind them: receding water
// without a second pass over the values. A visit with `visit_close` also notes where the slice ends in the list.
// Lists are rings: slices follow each other in them, four slots keep the ends of the slices in flight.
//
// Protocol: after a value's cycle in a plane, `visit` of that plane needs a cycle without a value in it; visits
// start at plane 8 and take nine consecutive cycles; the next may start in the cycle after the ninth.
// After rst visit once with visit_clear and visit_close, slot 3, before the first value (it empties the lists); slices
// then take slots 0, 1, 2, 3, 0, ... The caller keeps at most three slices and 2^(INDEX_W+1) values in flight.
// Read side: `previous` and `last`, the positions of the last entries of the slice before and of the slice in
// bounds_slot (equal: the slice has no entry in this plane), follow bounds_slot and bounds_plane in the same cycle;
// the entry follows read_position and read_plane by two cycles: read_enable moves the first step (the memories),
// entry_enable the second (the words of the other planes become 0, so that the entry is the OR of all); both hold
// while they are 0.
//
// Parameters: INDEX_W  4..10  a slice has up to 2^INDEX_W values, a ring 2^(INDEX_W+1) positions
// Latency:    an appended entry is readable 2 cycles later, a closed plane's bounds 2 cycles after its visit.
// Throughput: 1 value per cycle. Backpressure: none on the write side; read_enable holds the read side.
// Reset:      rst stops appends and visits; memories keep their content.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_plane_lists #(
  parameter INDEX_W = 8
) (
  input  wire                 clk,
  input  wire                 rst,
  // digits, bit p in the cycle of plane p
  input  wire [8:0]           append,
  input  wire [8:0]           negative,
  input  wire [9*(INDEX_W+1)-1:0] write_value,   // plane p: address, 1 cycle after append
  // end of a group or slice
  input  wire                 visit,
  input  wire [3:0]           visit_plane,   // 8 down to 0
  input  wire                 visit_close,   // the slice ends
  input  wire                 visit_clear,   // the lists become empty
  input  wire [1:0]           visit_slot,
  input  wire [10:0]          visit_budget,
  input  wire                 visit_unlimited,
  // read side
  input  wire [1:0]           bounds_slot,
  input  wire [3:0]           bounds_plane,
  output wire [INDEX_W:0]     previous,
  output wire [INDEX_W:0]     last,
  input  wire                 read_enable,
  input  wire [INDEX_W:0]     read_position,
  input  wire [3:0]           read_plane,
  input  wire                 entry_enable,
  output wire [INDEX_W:0]     entry_value,
  output wire                 entry_negative
);
  localparam PTR_W = INDEX_W + 1;
  localparam ENTRY_W = INDEX_W + 2;

  generate
    if (INDEX_W < 4 || INDEX_W > 10) begin : g_illegal
      shw_ILLEGAL_INDEX_W_must_be_4_to_10 illegal ();
    end
  endgenerate

  // Position of the last entry of every list, modulo the ring; all ones (-1) after a clear.
  wire [9*PTR_W-1:0]    tails;
  wire [10*ENTRY_W-1:0] merged;   // words of the planes below

  // Visit, first cycle: count the group's entries.
  reg [PTR_W-1:0] base [0:15];   // last entry before the group, per plane
  wire [PTR_W-1:0] visited;

  shw_plane_mux #(.W(PTR_W)) u_visited (.words(tails), .plane(visit_plane), .word(visited));

  wire [PTR_W-1:0] base_read = base[visit_plane];

  reg             settle;          // second cycle of a visit
  reg [3:0]       settle_plane;
  reg             settle_close;
  reg             settle_clear;
  reg [1:0]       settle_slot;
  reg             settle_unlimited;
  reg [PTR_W-1:0] settle_tail;
  reg [PTR_W-1:0] settle_base;
  reg [PTR_W-1:0] settle_count;

  always @(posedge clk) begin
    if (rst) settle <= 1'b0;
    else settle <= visit;
    settle_plane     <= visit_plane;
    settle_close     <= visit_close;
    settle_clear     <= visit_clear;
    settle_slot      <= visit_slot;
    settle_unlimited <= visit_unlimited;
    settle_tail      <= visited;
    settle_base      <= base_read;
    settle_count     <= visited - base_read;
  end

  // Visit, second cycle: keep what the budget allows, roll the pointer back.
  wire             over;
  wire [PTR_W-1:0] kept_limit;

  shw_group_reveal #(.COUNT_W(PTR_W), .BUDGET_W(11)) u_reveal (
    .clk(clk), .rst(rst),
    .load(visit && visit_plane == 4'd8), .budget(visit_budget), .unlimited(settle_unlimited),
    .count_valid(settle), .count(settle_count), .over(over), .kept_limit(kept_limit)
  );

  wire [PTR_W-1:0] kept_tail = over ? settle_base + kept_limit : settle_tail;
  wire [PTR_W-1:0] next_tail = kept_tail | {PTR_W{settle_clear}};

  reg [PTR_W-1:0] ends  [0:63];   // last entry of a slice, per slot and plane
  reg [PTR_W-1:0] ends_before [0:63];   // the same, read one slot earlier

  always @(posedge clk) begin
    if (settle) base[settle_plane] <= next_tail;
    if (settle && settle_close) begin
      ends[{settle_slot, settle_plane}]        <= next_tail;
      ends_before[{settle_slot, settle_plane}] <= next_tail;
    end
  end

  assign last   = ends[{bounds_slot, bounds_plane}];
  assign previous = ends_before[{bounds_slot - 2'd1, bounds_plane}];

  genvar p;
  generate
    for (p = 0; p < 9; p = p + 1) begin : g_plane
      wire               read = read_plane == p;
      wire [ENTRY_W-1:0] stored;
      reg                chosen;
      reg [ENTRY_W-1:0]  word;

      always @(posedge clk) begin
        if (read_enable) chosen <= read;
        if (entry_enable) begin
          if (!chosen) word <= {ENTRY_W{1'b0}};
          else word <= stored;
        end
      end
      assign merged[(p+1)*ENTRY_W +: ENTRY_W] = merged[p*ENTRY_W +: ENTRY_W] | word;

      reg [PTR_W-1:0] tail;
      reg             load;           // the pointer is settled in this cycle
      reg             write;
      reg             write_negative;

      always @(posedge clk) begin
        tail           <= {{(PTR_W-1){1'b0}}, append[p]} + (load ? next_tail : tail);
        write_negative <= negative[p];
        if (rst) begin
          load  <= 1'b0;
          write <= 1'b0;
        end else begin
          load  <= visit && visit_plane == p;
          write <= append[p];
        end
      end
      assign tails[p*PTR_W +: PTR_W] = tail;

      shw_ram_sdp #(.DATA_W(ENTRY_W), .ADDR_W(INDEX_W+1), .STYLE("block")) u_list (
        .clk(clk),
        .write_enable(write), .write_address(tail),
        .write_data({write_negative, write_value[p*PTR_W +: PTR_W]}),
        .read_enable(read_enable && read), .read_address(read_position), .read_data(stored)
      );
    end
  endgenerate

  assign merged[0 +: ENTRY_W] = {ENTRY_W{1'b0}};
  assign entry_value          = merged[9*ENTRY_W +: PTR_W];
  assign entry_negative       = merged[9*ENTRY_W + PTR_W];
endmodule

`default_nettype wire

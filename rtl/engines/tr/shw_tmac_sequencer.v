// shw_tmac_sequencer: walks a row's plane lists and holds one term at a time for the term-pair cells.
//
// After `start` it reads the lists of a slice from plane 8 down. A term stays at the output until `step`; then the next
// one takes its place. Empty planes are passed over while a term is held, one per cycle.
// A step that finds no term ready yet leaves term_valid at 0 until the next step.
//
// Parameters: INDEX_W  4..10  width of an index
// Latency:    4 cycles from start until a step can bring the first term. Throughput: 1 term per step.
// Backpressure: `step`. Reset: rst returns to idle and finished.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac_sequencer #(
  parameter INDEX_W = 8
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               start,         // one cycle, when finished
  input  wire [1:0]         start_slot,
  input  wire               step,
  output wire               finished,
  // plane lists
  output wire [1:0]         bounds_slot,
  output wire [3:0]         bounds_plane,
  input  wire [INDEX_W:0]   previous,
  input  wire [INDEX_W:0]   last,
  output wire               read_enable,
  output wire [INDEX_W:0]   read_position,
  output wire [3:0]         read_plane,
  output wire               entry_enable,
  input  wire [INDEX_W:0]   entry_value,
  input  wire               entry_negative,
  // cells
  output reg                term_valid,
  output reg                term_negative,
  output reg  [3:0]         term_exponent,
  output reg  [INDEX_W:0]   term_value
);
  generate
    if (INDEX_W < 4 || INDEX_W > 10) begin : g_illegal
      shw_ILLEGAL_INDEX_W_must_be_4_to_10 illegal ();
    end
  endgenerate

  // Walk: the plane and position whose entry is read next.
  reg               active;
  reg [1:0]         slot;
  reg [3:0]         plane;
  reg [3:0]         plane_next;   // 8 while idle
  reg               empty;
  reg [INDEX_W:0]   position;
  reg [INDEX_W:0]   tail;         // position of the plane's last entry

  // Fetch: the entry leaves the list memory, joins its plane, and waits there for its step.
  reg               read_valid;
  reg [3:0]         stored_plane;
  reg               fetch_valid;
  reg [3:0]         fetch_plane;

  wire plane_end = empty || position == tail;
  wire slice_end = plane_end && plane == 4'd0;
  wire take      = !fetch_valid || step;                     // the second stage moves
  wire fetch     = active && !empty && (!read_valid || take);
  wire move      = active && (empty || fetch);
  wire enter     = start || (move && plane_end);   // the next plane

  assign bounds_slot   = active ? slot : start_slot;
  assign bounds_plane  = plane_next;
  assign read_enable   = fetch;
  assign read_position = position;
  assign read_plane    = plane;
  assign entry_enable  = take;
  assign finished      = !active && !read_valid && !fetch_valid && !term_valid;

  always @(posedge clk) begin
    if (rst) begin
      active      <= 1'b0;
      plane_next  <= 4'd8;
      read_valid  <= 1'b0;
      fetch_valid <= 1'b0;
      term_valid  <= 1'b0;
    end else begin
      if (enter) begin
        active     <= !(active && slice_end);
        plane_next <= (active && slice_end) ? 4'd8 : plane_next - 4'd1;
      end
      if (fetch) read_valid <= 1'b1;
      else if (take) read_valid <= 1'b0;
      if (take) fetch_valid <= read_valid;
      if (step) term_valid <= fetch_valid;
    end
    if (start) slot <= start_slot;
    if (start || move) position <= (enter ? previous : position) + 1'b1;
    if (enter) begin
      plane <= plane_next;
      tail  <= last;
      empty <= previous == last;
    end
    if (fetch) stored_plane <= plane;
    if (take) fetch_plane <= stored_plane;
    if (step) begin
      term_negative <= entry_negative;
      term_exponent <= fetch_plane;
      term_value    <= entry_value;
    end
  end
endmodule

`default_nettype wire

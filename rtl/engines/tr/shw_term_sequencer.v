// shw_term_sequencer: turns a row's plane lists into the operations of its cells.
//
// After `start` it walks the lists of a slice from plane 8 down, one term per cycle, and issues one operation
// per term: shift when a plane begins, flip when the sign changes (cells work complemented while `flipped`),
// add otherwise. Exceptions that cost one operation more: an empty plane (shift alone), a plane whose first
// term has the other sign (shift, then flip), and a slice that ends complemented (flip). So a slice takes
//   sum over planes of max(terms, 1) + planes (below 8) that begin with a sign change + (ends complemented).
// `finished` rises in the cycle of the last operation's issue, so that drain operations follow without a gap.
//
// Parameters: INDEX_W  4..10  width of an index
// Latency:    4 cycles from start to the first operation at the output register. Throughput: 1 operation a cycle.
// Backpressure: nothing is issued while `go` is 0; reading ahead stops by itself.
// Reset:      rst returns to idle and finished.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_term_sequencer #(
  parameter INDEX_W = 8
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               start,         // one cycle, when finished
  input  wire [1:0]         start_slot,
  input  wire               go,
  input  wire               drain,         // issue a north operation; go must be 0
  output wire               finished,
  // plane lists
  output wire [1:0]         bounds_slot,
  output wire [3:0]         bounds_plane,
  input  wire [INDEX_W:0]   previous,
  input  wire [INDEX_W:0]   last,
  output wire               read_enable,
  output wire [INDEX_W:0]   read_position,
  output wire [3:0]         read_plane,
  input  wire [INDEX_W:0]   entry_value,
  input  wire               entry_negative,
  // cells
  output reg  [1:0]         op,
  output reg                op_term,
  output reg                op_fill,
  output reg  [INDEX_W:0]   op_address
);
  localparam [1:0] OP_ADD   = 2'd0;
  localparam [1:0] OP_SHIFT = 2'd1;
  localparam [1:0] OP_FLIP  = 2'd2;
  localparam [1:0] OP_NORTH = 2'd3;

  generate
    if (INDEX_W < 4 || INDEX_W > 10) begin : g_illegal
      shw_ILLEGAL_INDEX_W illegal ();
    end
  endgenerate

  // Walk: the plane and position whose entry is read in this cycle.
  reg               active;
  reg [1:0]         slot;
  reg [3:0]         plane;
  reg [3:0]         plane_next;   // 8 while idle
  reg               opening;      // first position of its plane
  reg               empty;
  reg [INDEX_W:0]   position;
  reg [INDEX_W:0]   tail;         // position of the plane's last entry

  wire plane_end = empty || position == tail;
  wire slice_end = plane_end && plane == 4'd0;
  wire advance;
  wire enter     = start || (active && advance && plane_end);   // the next plane

  assign bounds_slot   = active ? slot : start_slot;
  assign bounds_plane  = plane_next;
  assign read_enable   = advance;
  assign read_position = position;

  always @(posedge clk) begin
    if (rst) begin
      active     <= 1'b0;
      plane_next <= 4'd8;
    end else if (enter) begin
      active     <= ~(active && slice_end);
      plane_next <= (active && slice_end) ? 4'd8 : plane_next - 4'd1;
    end
    if (start) slot <= start_slot;
    if (start || (active && advance)) begin
      opening  <= enter;
      position <= (enter ? previous : position) + 1'b1;
    end
    if (enter) begin
      plane <= plane_next;
      tail  <= last;
      empty <= previous == last;
    end
  end

  // Fetch: the entry leaves the list memory; then it waits in `term` for its turn.
  reg               fetch_valid;
  reg               fetch_first;
  reg               fetch_term;
  reg               fetch_last;
  reg [3:0]         fetch_plane;
  reg               valid;
  reg               first;        // first of its plane: the accumulators shift
  reg               term;         // 0: empty plane
  reg               ends;         // last of the slice
  reg               negative;
  reg [INDEX_W:0]   value;

  assign read_plane = fetch_plane;

  always @(posedge clk) begin
    if (rst) begin
      fetch_valid <= 1'b0;
      valid       <= 1'b0;
    end else if (advance) begin
      fetch_valid <= active;
      valid       <= fetch_valid;
    end
    if (advance) begin
      fetch_first <= opening && plane != 4'd8;
      fetch_term  <= ~empty;
      fetch_last  <= slice_end;
      fetch_plane <= plane;
      first       <= fetch_first;
      term        <= fetch_term;
      ends        <= fetch_last;
      negative    <= entry_negative;
      value       <= entry_value;
    end
  end

  // Issue.
  reg flipped;     // cells hold the complement
  reg shifted;     // the plane's shift went ahead of its first term
  reg closing;     // one flip left to restore true values
  reg done;

  wire change = term && negative != flipped;
  wire ahead  = first && change && !shifted;
  wire issue  = valid && go && !closing;
  wire take   = issue && !ahead;
  wire flipped_next = flipped ^ change;

  assign advance  = !valid || take;
  assign finished = done || (go && closing) || (take && ends && !flipped_next);

  always @(posedge clk) begin
    if (rst) begin
      flipped <= 1'b0;
      shifted <= 1'b0;
      closing <= 1'b0;
      done    <= 1'b1;
    end else begin
      if (start) done <= 1'b0;
      else if (finished) done <= 1'b1;
      if (issue) shifted <= ahead;
      if (go && closing) begin
        flipped <= 1'b0;
        closing <= 1'b0;
      end else if (take) begin
        flipped <= flipped_next;
        closing <= ends && flipped_next;
      end
    end
    op_fill    <= flipped;
    op_address <= value;
    op_term    <= take && term;
    if (rst) op <= OP_ADD;
    else if (drain) op <= OP_NORTH;
    else if (go && closing) op <= OP_FLIP;
    else if (issue && !ahead && change) op <= OP_FLIP;
    else if (issue && first && !shifted) op <= OP_SHIFT;
    else op <= OP_ADD;
    if (rst) op_term <= 1'b0;
  end
endmodule

`default_nettype wire

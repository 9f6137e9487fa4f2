// shw_term_sequencer: turns a row's plane lists into the operations of its cells.
//
// After `start` the lists of a slice are read from plane 8 down and sorted by sign in blocks (shw_term_sorter). While
// `go`, one operation per term is issued: shift when a plane begins, flip when the sign changes (cells work
// complemented while `flipped`), add otherwise. Exceptions that cost one operation more: an empty plane (shift
// alone), a plane whose first block has no term of the sign in use (shift, then flip), and a slice that ends
// complemented (flip). So a slice takes
//   sum over planes of max(terms, 1) + planes (below 8) that begin with a sign change + (ends complemented).
// `finished` rises in the cycle of the slice's last issue, so that drain operations follow without a gap, and
// stays while `go` does; the next `go` runs the next slice, which may have been started meanwhile.
//
// Parameters: INDEX_W  4..10         width of an index
//             BLOCK    4, 8, 16, 32  terms sorted by sign together
// Latency:    `go` may rise BLOCK + 6 cycles after `start`; the operation leaves one cycle after its issue.
// Throughput: 1 operation a cycle. Backpressure: nothing is issued while `go` is 0; reading ahead stops by itself.
// Reset:      rst returns to idle.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_term_sequencer #(
  parameter INDEX_W = 8,
  parameter BLOCK   = 16
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               start,         // after idle, when the slice before runs or has run
  input  wire [1:0]         start_slot,
  output wire               idle,
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
  input  wire [INDEX_W:0]   entry_value,   // two cycles after its position
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

  wire             block_valid;
  wire             block_take;
  wire [5:0]       block_positive;
  wire [5:0]       block_negative;
  wire             block_shift;
  wire             block_last;
  wire             term_read;
  wire             term_negative;
  wire [5:0]       term_position;
  wire [INDEX_W:0] term_value;

  shw_term_sorter #(.INDEX_W(INDEX_W), .BLOCK(BLOCK)) u_sorter (
    .clk(clk), .rst(rst), .start(start), .start_slot(start_slot), .idle(idle),
    .bounds_slot(bounds_slot), .bounds_plane(bounds_plane), .previous(previous), .last(last),
    .read_enable(read_enable), .read_position(read_position), .read_plane(read_plane),
    .entry_value(entry_value), .entry_negative(entry_negative),
    .block_valid(block_valid), .block_take(block_take),
    .block_positive(block_positive), .block_negative(block_negative),
    .block_shift(block_shift), .block_last(block_last),
    .term_read(term_read), .term_negative(term_negative), .term_position(term_position),
    .term_value(term_value)
  );

  // Choose: the next term of the oldest block.
  reg [5:0] positives;     // next term of either queue
  reg [5:0] negatives;
  reg       side;          // sign of the term before: 1 negative
  reg       opened;        // a term of this block went ahead

  wire [5:0] positive_next = positives + 6'd1;
  wire [5:0] negative_next = negatives + 6'd1;
  wire       no_positive   = positives == block_positive;
  wire       no_negative   = negatives == block_negative;
  wire       one_positive  = positive_next == block_positive;
  wire       one_negative  = negative_next == block_negative;
  wire       exists        = !no_positive || !no_negative;
  wire       choice        = side ? !no_negative || no_positive : no_positive && !no_negative;
  wire       ending        = choice ? (no_negative || one_negative) && no_positive
                                    : (no_positive || one_positive) && no_negative;
  wire       accept;
  wire       choose        = block_valid && accept;

  assign block_take = choose && ending;

  // Fetch: it leaves its queue.
  reg       fetch_valid;
  reg       fetch_first;
  reg       fetch_term;
  reg       fetch_ends;
  reg       fetch_negative;
  reg [5:0] fetch_position;
  wire      advance;

  assign accept        = !fetch_valid || advance;
  assign term_read     = fetch_valid && fetch_term && advance;
  assign term_negative = fetch_negative;
  assign term_position = fetch_position;

  // It waits for its turn.
  reg valid;
  reg first;        // first of its plane: the accumulators shift
  reg term;         // 0: empty plane
  reg ends;         // last of the slice
  reg negative;

  always @(posedge clk) begin
    if (rst) begin
      positives <= 6'd0;
      negatives <= 6'd0;
      side      <= 1'b0;
      opened    <= 1'b0;
      fetch_valid <= 1'b0;
      valid     <= 1'b0;
    end else begin
      if (choose && exists && choice) negatives <= negative_next;
      if (choose && exists && !choice) positives <= positive_next;
      if (choose) begin
        side   <= exists ? choice && !(ending && block_last) : side && !block_last;
        opened <= !ending;
      end
      if (accept) fetch_valid <= block_valid;
      if (advance) valid <= fetch_valid;
    end
    if (accept) begin
      fetch_first    <= block_shift && !opened;
      fetch_term     <= exists;
      fetch_ends     <= ending && block_last;
      fetch_negative <= choice;
      fetch_position <= choice ? negatives : positives;
    end
    if (advance) begin
      first    <= fetch_first;
      term     <= fetch_term;
      ends     <= fetch_ends;
      negative <= fetch_negative;
    end
  end

  // Issue.
  reg flipped;     // cells hold the complement
  reg shifted;     // the plane's shift went ahead of its first term
  reg closing;     // one flip left to restore true values
  reg done;

  wire change = term && negative != flipped;
  wire ahead  = first && change && !shifted;
  wire issue  = valid && go && !closing && !done;
  wire take   = issue && !ahead;
  wire flipped_next = flipped ^ change;

  assign advance  = !valid || take;
  assign finished = done || (go && closing) || (take && ends && !flipped_next);

  always @(posedge clk) begin
    if (rst) begin
      flipped <= 1'b0;
      shifted <= 1'b0;
      closing <= 1'b0;
      done    <= 1'b0;
    end else begin
      done <= go && finished;
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
    op_address <= term_value;
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

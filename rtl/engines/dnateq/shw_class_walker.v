// shw_class_walker: turns the class lists of the rows that share a row of cells into the operations
// of its cells.
//
// After `start` it looks at the lists of a slice code by code, row by row (FOLD rows share the
// cells), and empties them. Every list becomes one operation per value: the first one loads the
// accumulators (OP_NORTH under a north of 0), the others add; a row without values becomes one
// operation that loads 0. The first two values of a list come with its head, every other one from a
// link that was read two values before. While a list is followed, the next two are looked for. What
// the cells then hold is the sum of a class. It moves to the shadow registers (`capture`) in the cycle in which
// the next list may begin to overwrite it, and stays there until the row's `turn` at the
// multipliers; the list after that cannot end before, the walker waits. `full` and the sum_* tell
// what the shadow registers hold. The cells are 4 cycles behind: turn, full and sum_* belong to the
// time of the walker, capture to that of the cells.
//
// Parameters: BITS     3..7   width of an exponent
//             INDEX_W  4..10  width of an index
//             FOLD     1..16  rows that share the cells
// Latency:    3 cycles from the first list that is not empty to its first operation.
// Throughput: 1 operation per cycle. Backpressure: `turn`. Reset: rst returns to idle.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_class_walker #(
  parameter BITS    = 4,
  parameter INDEX_W = 8,
  parameter FOLD    = 2,
  parameter FOLD_W  = 1        // >= clog2(FOLD), at least 1
) (
  input  wire                    clk,
  input  wire                    rst,
  input  wire                    clear,        // after rst: empty all lists, whatever the codes
  input  wire                    start,        // of a slice, when finished
  input  wire [BITS-1:0]         radius,       // of the exponents; held while it runs
  input  wire                    negatives,    // codes may have a negative sign; held while it runs
  output wire                    finished,
  // class lists
  output wire [BITS:0]           read_code,
  output wire [FOLD-1:0]         head_clear,
  input  wire [2*FOLD-1:0]       head_valid,   // of a row: newest value, second newest
  input  wire [2*FOLD*INDEX_W-1:0] head_index,
  output wire [FOLD-1:0]         link_read,
  output wire [INDEX_W-1:0]      link_from,
  input  wire [FOLD-1:0]         link_end,
  input  wire [FOLD*INDEX_W-1:0] link_index,
  // cells
  output reg                     op_load,
  output reg                     op_term,
  output reg  [INDEX_W-1:0]      op_index,
  output wire                    capture,
  // shadow registers
  input  wire                    turn,         // what is in them leaves
  output reg                     full,
  output reg  [BITS:0]           sum_code,
  output reg  [FOLD_W-1:0]       sum_fold,
  output reg                     sum_first     // the row's first one in this slice
);
  localparam [31:0] LAST = FOLD - 1;
  localparam [FOLD_W-1:0] LAST_FOLD = LAST[FOLD_W-1:0];

  generate
    if (FOLD < 1 || FOLD > 16 || (1 << FOLD_W) < FOLD) begin : g_illegal
      shw_ILLEGAL_FOLD_must_be_1_to_16 illegal ();
    end
  endgenerate

  // Look: exponent and sign of the list whose head is read, sign fastest; exponents from 0 up to
  // radius, then from -radius up to -1.
  reg              looking;
  reg [BITS:0]     place;
  reg [FOLD_W-1:0] fold;

  // The head that was read, in the cycle after.
  reg                 seen_found;
  reg                 seen_row_end;
  reg [BITS:0]        seen_code;
  reg [FOLD_W-1:0]    seen_fold;
  reg                 seen_second;
  reg [2*INDEX_W-1:0] seen_index;
  reg                 met;        // the row had a list before

  // The list to be followed next.
  reg                 next_valid;
  reg                 next_found;
  reg                 next_first;
  reg [BITS:0]        next_code;
  reg [FOLD_W-1:0]    next_fold;
  reg                 next_second;
  reg [2*INDEX_W-1:0] next_index;

  // The list that is followed: an operation left in the cycle before.
  reg               following;
  reg               opening;      // it was the first one, the second value comes from the head
  reg               single;       // there is none
  reg [INDEX_W-1:0] second_index;
  reg               first;
  reg [BITS:0]      code;
  reg [FOLD_W-1:0]  list_fold;

  wire [BITS-1:0] lowest     = ~radius + 1'b1;
  wire            top        = place == {radius, negatives};
  wire            every_sign = negatives || clear;
  wire            row_end    = place == {{BITS{1'b1}}, negatives};
  wire            stored     = seen_found || (seen_row_end && !met);  // something to be followed
  wire            stop       = stored && next_valid && following;
  wire            look       = looking && !stop;
  wire            last_look  = row_end && fold == LAST_FOLD;
  wire            found      = head_valid[2*fold];

  wire               list_end = following && (opening ? single : link_end[list_fold]);
  wire               accept   = list_end && (!full || turn);
  wire               go_on    = following && !list_end;
  wire               next_take = next_valid && (!following || accept);
  wire               next_load = !next_valid || next_take;
  wire [INDEX_W-1:0] linked   = opening ? second_index : link_index[list_fold*INDEX_W +: INDEX_W];

  assign read_code = {place[0], place[BITS:1]};
  assign link_from = next_take ? next_index[INDEX_W-1:0] : linked;
  assign finished  = !looking && !seen_row_end && !next_valid && !following && (!full || turn);

  wire [FOLD_W-1:0] op_fold = next_take ? next_fold : list_fold;

  genvar f;
  generate
    for (f = 0; f < FOLD; f = f + 1) begin : g_fold
      localparam [FOLD_W-1:0] NUMBER = f;
      assign head_clear[f] = clear || (look && fold == NUMBER);
      assign link_read[f]  = (next_take || go_on) && op_fold == NUMBER;
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      looking      <= 1'b0;
      seen_found   <= 1'b0;
      seen_row_end <= 1'b0;
      met          <= 1'b0;
      next_valid   <= 1'b0;
      following    <= 1'b0;
      full         <= 1'b0;
    end else begin
      if (start) looking <= 1'b1;
      else if (look && last_look) looking <= 1'b0;
      if (!stored || next_load) begin
        seen_found   <= look && found;
        seen_row_end <= look && row_end;
        met          <= (met || seen_found) && !seen_row_end;
      end
      if (next_load) next_valid <= stored;
      if (next_take) following <= 1'b1;
      else if (accept) following <= 1'b0;
      if (accept) full <= 1'b1;
      else if (turn) full <= 1'b0;
    end

    if (rst || start || (look && row_end)) place <= {(BITS+1){1'b0}};
    else if (look && top) place <= {lowest, 1'b0};
    else if (look || clear) place <= place + {{(BITS-1){1'b0}}, !every_sign, every_sign};
    if (start) fold <= {FOLD_W{1'b0}};
    else if (look && row_end) fold <= fold + 1'b1;

    if (!stop) begin
      seen_code   <= read_code;
      seen_fold   <= fold;
      seen_second <= head_valid[2*fold + 1];
      seen_index  <= head_index[2*fold*INDEX_W +: 2*INDEX_W];
    end
    if (next_load) begin
      next_found  <= seen_found;
      next_first  <= !met;
      next_code   <= seen_code;
      next_fold   <= seen_fold;
      next_second <= seen_second;
      next_index  <= seen_index;
    end
    if (next_take) begin
      first        <= next_first;
      code         <= next_code;
      list_fold    <= next_fold;
      single       <= !(next_found && next_second);
      second_index <= next_index[INDEX_W +: INDEX_W];
    end
    if (next_take) opening <= 1'b1;
    else if (!single) opening <= 1'b0;
    if (accept) begin
      sum_code  <= code;
      sum_fold  <= list_fold;
      sum_first <= first;
    end

    op_load  <= next_take;
    op_term  <= go_on || (next_take && next_found);
    op_index <= link_from;
    if (rst) begin
      op_load <= 1'b0;
      op_term <= 1'b0;
    end
  end

  // The cells hold the sum 4 cycles later.
  reg [3:0] accepted;

  always @(posedge clk) begin
    if (rst) accepted <= 4'd0;
    else accepted <= {accepted[2:0], accept};
  end
  assign capture = accepted[3];
endmodule

`default_nettype wire

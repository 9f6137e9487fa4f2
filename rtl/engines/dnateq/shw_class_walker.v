// shw_class_walker: turns the class lists of the rows that share a row of cells into the operations
// of its cells.
//
// After `start` it looks at the lists of a slice code by code, row by row (FOLD rows share the
// cells), and empties them. Every list becomes one operation per value: the first one loads the
// accumulators (OP_NORTH under a north of 0), the others add; a row without values becomes one
// operation that loads 0. While a list is followed, the next one is looked for. What the cells then
// hold is the sum of a class. It moves to the shadow registers (`capture`) in the cycle in which
// the next list may begin to overwrite it, and stays there until the row's `turn` at the
// multipliers; the list after that cannot end before, the walker waits. `full` and the sum_* tell
// what the shadow registers hold. The cells are 4 cycles behind: turn, full and sum_* belong to the
// time of the walker, capture to that of the cells.
//
// Parameters: BITS     3..7   width of an exponent
//             INDEX_W  4..10  width of an index
//             FOLD     1..16  rows that share the cells
// Latency:    2 cycles from the first list that is not empty to its first operation.
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
  input  wire [FOLD-1:0]         head_valid,
  input  wire [FOLD*INDEX_W-1:0] head_index,
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
  reg              met;           // the row had a list

  // The list to be followed next.
  reg               next_valid;
  reg               next_first;
  reg               next_empty;
  reg [BITS:0]      next_code;
  reg [FOLD_W-1:0]  next_fold;
  reg [INDEX_W-1:0] next_index;

  // The list that is followed: an operation left in the cycle before, its link is there.
  reg               following;
  reg               first;
  reg               empty;
  reg [BITS:0]      code;
  reg [FOLD_W-1:0]  list_fold;

  wire [BITS-1:0] lowest    = ~radius + 1'b1;
  wire            top       = place == {radius, negatives};
  wire            every_sign = negatives || clear;
  wire            row_end   = place == {{BITS{1'b1}}, negatives};
  wire            found     = head_valid[fold];
  wire            stored    = found || (row_end && !met);   // something for the next list
  wire            next_take;
  wire            look      = looking && (!stored || !next_valid || next_take);
  wire            last_look = row_end && fold == LAST_FOLD;

  wire               list_end = following && (empty || link_end[list_fold]);
  wire               accept   = list_end && (!full || turn);
  wire               go_on    = following && !list_end;
  wire [INDEX_W-1:0] linked   = link_index[list_fold*INDEX_W +: INDEX_W];

  assign next_take = next_valid && (!following || accept);
  assign read_code = {place[0], place[BITS:1]};
  assign link_from = next_take ? next_index : linked;
  assign finished  = !looking && !next_valid && !following && (!full || turn);

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
      looking    <= 1'b0;
      next_valid <= 1'b0;
      following  <= 1'b0;
      full       <= 1'b0;
    end else begin
      if (start) looking <= 1'b1;
      else if (look && last_look) looking <= 1'b0;
      if (look && stored) next_valid <= 1'b1;
      else if (next_take) next_valid <= 1'b0;
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
    if (start || (look && row_end)) met <= 1'b0;
    else if (look && found) met <= 1'b1;

    if (look && stored) begin
      next_first <= !met;
      next_empty <= !found;
      next_code  <= read_code;
      next_fold  <= fold;
      next_index <= head_index[fold*INDEX_W +: INDEX_W];
    end
    if (next_take) begin
      first     <= next_first;
      empty     <= next_empty;
      code      <= next_code;
      list_fold <= next_fold;
    end
    if (accept) begin
      sum_code  <= code;
      sum_fold  <= list_fold;
      sum_first <= first;
    end

    op_load  <= next_take;
    op_term  <= go_on || (next_take && !next_empty);
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

// shw_class_walker: turns the class lists of the rows that share a row of cells into the
// operations of its cells.
//
// After `start` it goes through the lists of a slice, row by row (FOLD rows share the cells),
// and empties them. It takes them a word at a time, a bit a list, and goes from one list that
// has values to the next; the others cost nothing, but for a cycle of a word that has none at
// all. Every list becomes one operation per value: the first one loads the accumulators
// (OP_NORTH under a north of 0), the others add; a row without values becomes one operation that
// loads 0. The first two values of a list come with its head, every other one from a link that
// was read two values before. While a list is followed, the next two are looked for. What the
// cells then hold is the sum of a class. It moves to one of two sets of shadow registers
// (`capture`) in the cycle in which the next list may begin to overwrite it, and stays there
// until the row's `turn` at the multipliers, which takes two sums of one row at a time. A list
// that ends while no set is free, or while a sum of another row waits, waits for that turn, and
// the walker with it. `full` and the sum_* tell what the shadow registers hold. The cells are 4
// cycles behind: turn, full and sum_* belong to the time of the walker, capture to that of the
// cells.
//
// Parameters: BITS     3..7   width of an exponent
//             INDEX_W  4..10  width of an index
//             LOW_W    1..BITS-1  a word has 2^LOW_W lists
//             FOLD     1..16  rows that share the cells
// Latency:    4 cycles from a word that is taken to the first operation of its first list.
// Throughput: 1 operation per cycle; a list every 2 cycles. Backpressure: `turn`.
// Reset:      rst returns to idle.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_class_walker #(
  parameter BITS    = 4,
  parameter INDEX_W = 8,
  parameter LOW_W   = 3,
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
  output wire [BITS-LOW_W:0]     word_place,
  input  wire [2*FOLD*(1<<LOW_W)-1:0] word,    // of a row: its lists with values, with two or more
  output wire [FOLD-1:0]         word_clear,
  output wire [BITS-LOW_W:0]     clear_place,
  output wire [BITS:0]           read_code,
  input  wire [2*FOLD*INDEX_W-1:0] head_index, // of a row: newest value, second newest
  output wire [FOLD-1:0]         link_read,
  output wire [INDEX_W-1:0]      link_from,
  input  wire [FOLD-1:0]         link_end,
  input  wire [FOLD*INDEX_W-1:0] link_index,
  // cells
  output reg                     op_load,
  output reg                     op_term,
  output reg  [INDEX_W-1:0]      op_index,
  output wire [1:0]              capture,
  // shadow registers
  input  wire                    turn,         // what is in them leaves
  output reg  [1:0]              full,         // sets with a sum: the first, the second
  output reg  [2*BITS+1:0]       sum_code,     // of what classes, the first in the low bits
  output reg  [FOLD_W-1:0]       sum_fold,
  output reg                     sum_first     // the row's first ones in this slice
);
  localparam [31:0] LAST = FOLD - 1;
  localparam [FOLD_W-1:0] LAST_FOLD = LAST[FOLD_W-1:0];
  localparam HIGH_W = BITS - LOW_W;
  localparam WORD   = 1 << LOW_W;
  localparam [HIGH_W:0] ONE = {{HIGH_W{1'b0}}, 1'b1};

  generate
    if (FOLD < 1 || FOLD > 16 || (1 << FOLD_W) < FOLD) begin : g_illegal
      shw_ILLEGAL_FOLD_must_be_1_to_16 illegal ();
    end
  endgenerate

  // The word that is taken next: upper bits of the exponent and sign, sign fastest; exponents from
  // 0 up to radius, then from -radius up to -1.
  reg              looking;
  reg [HIGH_W:0]   place;
  reg [FOLD_W-1:0] fold;

  // The word that was taken: lists of it that were not found yet.
  reg              open;          // there may be some
  reg              taken;         // in the cycle before; it is cleared
  reg [WORD-1:0]   lists;
  reg [WORD-1:0]   lists_more;
  reg [HIGH_W:0]   lists_place;
  reg [FOLD_W-1:0] lists_fold;
  reg              lists_end;     // the row's last word
  reg              met;           // the row had a list before

  // The list that was found; its head is read.
  reg              found_valid;
  reg              found_some;    // 0: a list of nothing
  reg              found_first;
  reg              found_second;  // there is a second newest value
  reg [BITS:0]     found_code;
  reg [FOLD_W-1:0] found_fold;

  // The list to be followed next.
  reg                 next_valid;
  reg                 next_some;
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

  // Look: within a word the list of the lowest exponent comes first. Whether one is found depends
  // on registers alone.
  reg  [LOW_W-1:0] lowest;
  reg  [WORD-1:0]  any;           // in the end of all lists, in bit 0: one or more,
  reg  [WORD-1:0]  many;          // two or more
  wire             some      = any[0];
  wire             stored    = some || (lists_end && !met);   // something to be followed
  wire             find      = stored && (!found_valid || !next_valid);
  wire             exhausted = !stored || (find && !many[0]);
  wire             take      = looking && exhausted;

  wire [HIGH_W-1:0] high     = radius[BITS-1:LOW_W];
  wire             top       = place == {high, negatives};
  wire             every_sign = negatives || clear;
  wire             row_end   = place == {{HIGH_W{1'b1}}, negatives};
  wire             unused    = &{1'b0, radius[LOW_W-1:0], any[WORD-1:1], many[WORD-1:1]};
  integer          i;
  integer          w;

  always @* begin
    any  = lists;
    many = {WORD{1'b0}};
    for (w = WORD / 2; w > 0; w = w / 2) begin
      for (i = 0; i < w; i = i + 1) begin
        many[i] = many[2*i] | many[2*i+1] | (any[2*i] & any[2*i+1]);
        any[i]  = any[2*i] | any[2*i+1];
      end
    end
    lowest = {LOW_W{1'b0}};
    for (i = WORD - 1; i >= 0; i = i - 1) begin
      if (lists[i]) lowest = i[LOW_W-1:0];
    end
  end

  wire               list_end = following && (opening ? single : link_end[list_fold]);
  wire               beside   = full[0] && !turn;   // a sum waits
  wire               accept   = list_end && (!beside || (!full[1] && list_fold == sum_fold));
  wire               go_on    = following && !list_end;
  wire               next_take = next_valid && (!following || accept);
  wire               next_load = !next_valid || next_take;
  wire [INDEX_W-1:0] linked   = opening ? second_index : link_index[list_fold*INDEX_W +: INDEX_W];

  assign word_place  = place;
  assign clear_place = lists_place;
  assign read_code   = found_code;
  assign link_from   = next_take ? next_index[INDEX_W-1:0] : linked;
  assign finished    = !looking && !open && !found_valid && !next_valid && !following
                       && (!full[0] || turn);

  wire [FOLD_W-1:0] op_fold = next_take ? next_fold : list_fold;

  genvar f;
  generate
    for (f = 0; f < FOLD; f = f + 1) begin : g_fold
      localparam [FOLD_W-1:0] NUMBER = f;
      assign word_clear[f] = clear || (taken && lists_fold == NUMBER);
      assign link_read[f]  = (next_take || go_on) && op_fold == NUMBER;
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      looking     <= 1'b0;
      open        <= 1'b0;
      taken       <= 1'b0;
      lists       <= {WORD{1'b0}};
      met         <= 1'b1;
      found_valid <= 1'b0;
      next_valid  <= 1'b0;
      following   <= 1'b0;
      full        <= 2'b00;
    end else begin
      if (start) looking <= 1'b1;
      else if (take && row_end && fold == LAST_FOLD) looking <= 1'b0;
      taken <= take;
      if (take) open <= 1'b1;
      else if (exhausted) open <= 1'b0;
      if (take) lists <= word[2*fold*WORD +: WORD];
      else if (find) lists <= lists & (lists - {{(WORD-1){1'b0}}, 1'b1});
      if (take && place == {(HIGH_W+1){1'b0}}) met <= 1'b0;
      else if (find) met <= 1'b1;
      if (find) found_valid <= 1'b1;
      else if (next_load) found_valid <= 1'b0;
      if (next_load) next_valid <= found_valid;
      if (next_take) following <= 1'b1;
      else if (accept) following <= 1'b0;
      full <= {(full[1] && !turn) || (accept && beside), beside || accept};
    end

    // Behind the last word of a row is the first one.
    if (rst || (!looking && !clear)) place <= {(HIGH_W+1){1'b0}};
    else if (take && top) place <= {~high, 1'b0};
    else if (take || clear) place <= place + ONE + {{HIGH_W{1'b0}}, !every_sign};
    if (!looking) fold <= {FOLD_W{1'b0}};
    else if (take && row_end) fold <= fold + 1'b1;

    if (take || clear) lists_place <= place;
    if (take) begin
      lists_more  <= word[(2*fold+1)*WORD +: WORD];
      lists_fold  <= fold;
      lists_end   <= row_end;
    end
    if (find) begin
      found_some   <= some;
      found_first  <= !met;
      found_second <= lists_more[lowest];
      found_code   <= {lists_place[0], lists_place[HIGH_W:1], lowest};
      found_fold   <= lists_fold;
    end
    if (next_load) begin
      next_some   <= found_some;
      next_first  <= found_first;
      next_code   <= found_code;
      next_fold   <= found_fold;
      next_second <= found_second;
      next_index  <= head_index[2*found_fold*INDEX_W +: 2*INDEX_W];
    end
    if (next_take) begin
      first        <= next_first;
      code         <= next_code;
      list_fold    <= next_fold;
      single       <= !next_second;
      second_index <= next_index[INDEX_W +: INDEX_W];
    end
    if (next_take) opening <= 1'b1;
    else if (!single) opening <= 1'b0;
    if (accept && !beside) begin
      sum_code[BITS:0] <= code;
      sum_fold         <= list_fold;
      sum_first        <= first;
    end
    if (accept && beside) sum_code[BITS+1 +: BITS+1] <= code;

    op_load  <= next_take;
    op_term  <= go_on || (next_take && next_some);
    op_index <= link_from;
    if (rst) begin
      op_load <= 1'b0;
      op_term <= 1'b0;
    end
  end

  // The cells hold the sum 4 cycles later.
  reg [3:0] accepted;
  reg [3:0] beside_late;

  always @(posedge clk) begin
    if (rst) accepted <= 4'd0;
    else accepted <= {accepted[2:0], accept};
    beside_late <= {beside_late[2:0], beside};
  end
  assign capture = {accepted[3] && beside_late[3], accepted[3] && !beside_late[3]};
endmodule

`default_nettype wire

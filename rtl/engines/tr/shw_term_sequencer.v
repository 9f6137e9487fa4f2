// shw_term_sequencer: turns the blocks of a row's terms into the operations of its cells.
//
// A block (shw_bitmap_walker) holds what stays of one plane of 32 values. Its terms are issued sign by sign, the sign
// in use first: terms may come in any order inside a plane, and every change of sign that is saved leaves a row of
// accumulators at rest. While `go`, one operation is issued per term: shift when a plane begins, flip when the sign
// changes (cells work complemented while `flipped`), add otherwise. Exceptions that cost an operation more: a plane
// without terms (shift alone), and a plane that begins with the other sign (shift, then flip). The end of a slice takes
// one operation more, which restores true values. So a slice takes
//   terms + planes without terms below its first one with terms + planes below that begin with a change of sign + 1.
// `finished` rises in the cycle after the slice's last issue and stays while `go` does; the next `go` runs the next slice.
//
// Parameters: WORD_W  1..5  width of a word's place in the operands: WORD_W + 1
//             SLOT_W  2..5  slots of masks
// Latency:    4 cycles from a block to the first operation; the operation leaves one cycle after its issue.
// Throughput: 1 operation a cycle while blocks are there. Backpressure: nothing is issued while `go` is 0.
// Reset:      rst drops everything.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_term_sequencer #(
  parameter WORD_W = 3,
  parameter SLOT_W = 3
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              go,
  input  wire              drain,           // issue a north operation; go must be 0
  output reg               finished,
  // blocks
  input  wire              block_valid,
  output wire              block_take,
  input  wire              block_end,
  input  wire [3:0]        block_shifts,
  input  wire [WORD_W:0]   block_word,
  input  wire [3:0]        block_positive,
  input  wire [3:0]        block_negative,
  output wire [SLOT_W+1:0] mask_address,
  input  wire [7:0]        mask_positive,
  input  wire [7:0]        mask_negative,
  output wire              slot_release,
  // cells
  output reg  [1:0]        op,
  output reg               op_term,
  output reg               op_fill,
  output reg  [WORD_W+5:0] op_address
);
  localparam [1:0] OP_ADD   = 2'd0;
  localparam [1:0] OP_SHIFT = 2'd1;
  localparam [1:0] OP_FLIP  = 2'd2;
  localparam [1:0] OP_NORTH = 2'd3;

  generate
    if (WORD_W < 1 || WORD_W > 5) begin : g_illegal_word
      shw_ILLEGAL_WORD_W_must_be_1_to_5 illegal ();
    end
    if (SLOT_W < 2 || SLOT_W > 5) begin : g_illegal_slot
      shw_ILLEGAL_SLOT_W_must_be_2_to_5 illegal ();
    end
  endgenerate

  // The oldest block: its quarters leave one a cycle, those of the sign in use first.
  reg              held_valid;
  reg              held_end;
  reg [3:0]        held_shifts;
  reg [WORD_W:0]   held_word;
  reg [3:0]        held_positive;
  reg [3:0]        held_negative;
  reg [SLOT_W-1:0] slot;
  reg              side;            // sign of the quarter before: 1 negative
  wire             accept;

  wire [3:0] ours    = side ? held_negative : held_positive;
  wire [3:0] theirs  = side ? held_positive : held_negative;
  wire       turn    = ours == 4'd0;
  wire [3:0] list    = turn ? theirs : ours;
  wire [1:0] quarter = list[0] ? 2'd0 : list[1] ? 2'd1 : list[2] ? 2'd2 : 2'd3;
  wire [3:0] others  = {list[3] && |list[2:0], list[2] && |list[1:0], list[1] && list[0], 1'b0};
  wire       last    = others == 4'd0 && (turn || theirs == 4'd0);
  wire       sign    = side ^ turn;
  wire       leave   = held_valid && accept;

  assign block_take = !held_valid || (leave && last);

  // Its masks are read.
  reg              fetch_valid;
  reg              fetch_end;
  reg              fetch_last;
  reg              fetch_negative;
  reg [3:0]        fetch_shifts;
  reg [WORD_W:0]   fetch_word;
  wire             advance;

  reg [SLOT_W+1:0] fetch_mask;

  assign accept       = !fetch_valid || advance;
  assign mask_address = fetch_mask;
  assign slot_release = fetch_valid && fetch_last && !fetch_end && advance;

  always @(posedge clk) begin
    if (rst) begin
      held_valid  <= 1'b0;
      fetch_valid <= 1'b0;
      side        <= 1'b0;
      slot        <= {SLOT_W{1'b0}};
    end else begin
      if (block_take) held_valid <= block_valid;
      if (accept) fetch_valid <= held_valid;
      if (leave) side <= sign && !held_end;
      if (leave && last && !held_end) slot <= slot + 1'b1;
    end
    if (block_take) begin
      held_end      <= block_end;
      held_shifts   <= block_shifts;
      held_word     <= block_word;
      held_positive <= block_positive;
      held_negative <= block_negative;
    end else if (leave) begin
      held_shifts <= 4'd0;
      if (sign) held_negative <= others;
      else held_positive <= others;
    end
    if (accept) begin
      fetch_end      <= held_end;
      fetch_last     <= last;
      fetch_negative <= sign;
      fetch_shifts   <= held_shifts;
      fetch_word     <= held_word;
      fetch_mask     <= {slot, quarter};
    end
  end

  // Terms of one quarter and sign.
  reg              valid;
  reg              ends;            // of the slice: no terms
  reg              negative;
  reg [7:0]        mask;
  reg [3:0]        shifts;
  reg [WORD_W+2:0] place;
  reg              flipped;         // cells hold the complement

  wire [7:0] rest = {mask[7] && |mask[6:0], mask[6] && |mask[5:0], mask[5] && |mask[4:0],
                     mask[4] && |mask[3:0], mask[3] && |mask[2:0], mask[2] && |mask[1:0],
                     mask[1] && mask[0], 1'b0};
  wire [2:0] lane = mask[0] ? 3'd0 : mask[1] ? 3'd1 : mask[2] ? 3'd2 : mask[3] ? 3'd3
                  : mask[4] ? 3'd4 : mask[5] ? 3'd5 : mask[6] ? 3'd6 : 3'd7;
  wire       change = ends ? flipped : negative != flipped;
  wire       shift  = shifts != 4'd0;
  wire       alone  = shift && (ends || change || shifts != 4'd1);   // no term with the shift
  wire       issue  = valid && go && !finished;
  wire       take   = issue && !alone;

  assign advance = !valid || (take && rest == 8'd0);

  always @(posedge clk) begin
    if (rst) begin
      valid    <= 1'b0;
      flipped  <= 1'b0;
      finished <= 1'b0;
    end else begin
      finished <= go && (finished || (take && ends));
      if (advance) valid <= fetch_valid;
      if (take) flipped <= negative && !ends;
    end
    if (advance) begin
      ends     <= fetch_end;
      negative <= fetch_negative;
      mask     <= (fetch_negative ? mask_negative : mask_positive) & {8{!fetch_end}};
      shifts   <= fetch_shifts;
      place    <= {fetch_word, fetch_mask[1:0]};
    end else if (issue) begin
      if (!alone) mask <= rest;
      shifts <= alone ? shifts - 4'd1 : 4'd0;
    end
    op_fill    <= flipped;
    op_address <= {place, lane};
    op_term    <= take && !ends && !rst;
    if (rst) op <= OP_ADD;
    else if (drain) op <= OP_NORTH;
    else if (issue && shift) op <= OP_SHIFT;
    else if (issue && change) op <= OP_FLIP;
    else op <= OP_ADD;
  end
endmodule

`default_nettype wire

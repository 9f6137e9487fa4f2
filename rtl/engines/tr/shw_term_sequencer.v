// shw_term_sequencer: sorts the terms of a row by sign and turns them into the operations of its cells.
//
// Terms may come in any order inside a plane, and every change of sign that is saved leaves a row of accumulators at
// rest. So the masks of quarters (8 values) that shw_bitmap_walker hands over wait in two queues, one a sign; those of the
// sign in use are taken first, until their plane ends, then those of the other sign. A plane with terms in more than 24
// quarters is sorted in parts of 24, which always find room.
// While `go`, one operation is issued per term: shift when a plane begins, flip when the sign changes (cells work
// complemented in between), add otherwise. Exceptions that cost an operation more: a plane without terms (shift alone),
// and a plane that begins with the other sign (shift, then flip). The end of a slice counts as a positive term of the last
// plane: it restores true values. So a slice takes
//   terms + 1 + planes without terms below its first one with terms and above the last plane
//   + planes below the first that begin with a change of sign, the end in a last plane without terms among them.
// `finished` rises in the cycle after the slice's last issue and stays while `go` does; the next `go` runs the next slice.
//
// Parameters: WORD_W  1..5  width of a word's place in the operands: WORD_W + 1
// Latency:    7 cycles from a mask to its first operation: 6 to its issue, one to the output.
// Throughput: 1 operation a cycle while masks are there; a mask a cycle into its queue and out of it, but for one cycle
//             for each sign that a plane does not have and one for the plane; 14 masks wait behind the queues.
// Backpressure: nothing is issued while `go` is 0; while `hold` at most seven masks may come.
// Reset:      rst drops everything.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_term_sequencer #(
  parameter WORD_W = 3
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              go,
  input  wire              drain,           // issue a north operation; go must be 0
  output reg               finished,
  // terms
  output reg               hold,
  input  wire              mask_valid,
  input  wire              mask_plane,      // the plane ends
  input  wire              mask_slice,      // ... and the slice
  input  wire [WORD_W+2:0] mask_place,
  input  wire [7:0]        mask_positive,
  input  wire [7:0]        mask_negative,
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
    if (WORD_W < 1 || WORD_W > 5) begin : g_illegal
      shw_ILLEGAL_WORD_W_must_be_1_to_5 illegal ();
    end
  endgenerate

  // What ends with a mask of a queue; 1: a part of a plane.
  localparam [1:0] NOTHING = 2'd0;
  localparam [1:0] PLANE   = 2'd2;
  localparam [1:0] SLICE   = 2'd3;

  // Parts. The last mask of a part stands in both queues, without terms if it has none of that sign.
  localparam [5:0] NONE = 6'd9;     // 23 before the last one
  reg              in_valid;        // the masks of the cycle before
  reg              in_plane;
  reg              in_slice;
  reg [WORD_W+2:0] in_place;
  reg [7:0]        in_positive;
  reg [7:0]        in_negative;
  reg [1:0]        some;            // have terms
  reg [5:0]        quarters;        // with terms, of the part
  wire             most     = quarters[5];
  wire             part_end = in_plane || (most && |some);

  always @(posedge clk) begin
    in_valid    <= mask_valid && !rst;
    in_plane    <= mask_plane;
    in_slice    <= mask_slice;
    in_place    <= mask_place;
    in_positive <= mask_positive;
    in_negative <= mask_negative;
    some        <= {|mask_negative, |mask_positive};
    if (rst) quarters <= NONE;
    else if (in_valid) begin
      if (part_end) quarters <= NONE;
      else if (|some) quarters <= quarters + 6'd1;
    end
  end

  // Queues of 32 masks: {what ends, place, mask}; 0 positive, 1 negative.
  localparam ENTRY_W = WORD_W + 13;
  reg                  side;        // sign whose turn it is
  reg                  settle;      // a part has been taken
  reg                  room;        // behind the queues
  wire [1:0]           crowded;
  wire [1:0]           head_valid;
  wire [2*ENTRY_W-1:0] heads;

  genvar s;
  generate
    for (s = 0; s < 2; s = s + 1) begin : g_sign
      localparam [0:0] SIGN = s[0:0];
      reg  [5:0]         written;
      reg  [5:0]         read;
      reg                valid;
      reg  [ENTRY_W-1:0] head;
      wire [ENTRY_W-1:0] stored;
      wire [5:0]         level  = written - read;
      wire               free   = !valid || (side == SIGN && room && !settle);
      wire               load   = free && written != read;

      shw_lutram #(.DATA_W(ENTRY_W), .ADDR_W(5)) u_masks (
        .clk(clk), .write_enable(in_valid), .write_address(written[4:0]),
        .write_data({in_plane, in_plane ? in_slice : most, in_place,
                     SIGN ? in_negative : in_positive}),
        .read_address(read[4:0]), .read_data(stored)
      );

      always @(posedge clk) begin
        if (rst) begin
          written <= 6'd0;
          read    <= 6'd0;
          valid   <= 1'b0;
        end else begin
          if (in_valid && (part_end || some[s])) written <= written + 6'd1;
          if (load) read <= read + 6'd1;
          if (free) valid <= load;
        end
        if (load) head <= stored;
      end

      wire unused = &{1'b0, level[2:0]};
      assign crowded[s]                  = level[5] || (&level[4:3]);
      assign head_valid[s]               = valid;
      assign heads[s*ENTRY_W +: ENTRY_W] = head;
    end
  endgenerate

  always @(posedge clk) hold <= |crowded && !rst;

  // One mask is taken a cycle. A part is taken when the other sign has come to its end as well: then `settle` gives the
  // turn to the sign of the last term, and what ends with the part follows its last mask.
  wire [ENTRY_W-1:0] entry = side ? heads[ENTRY_W +: ENTRY_W] : heads[0 +: ENTRY_W];
  wire [1:0]         entry_ends = entry[ENTRY_W-1 -: 2];
  wire               take      = (side ? head_valid[1] : head_valid[0]) && room && !settle;
  wire               turn      = take && entry_ends != NOTHING;
  reg                second;        // the other sign of the part has been taken

  reg                taken;
  reg                taken_end;     // no mask: a part has ended
  reg                taken_sign;
  reg [1:0]          taken_ends;
  reg [WORD_W+2:0]   taken_place;
  reg [7:0]          taken_mask;
  reg                begun;         // the slice has had a term
  reg                used;          // sign of the last one
  reg                pending;       // a plane has begun since
  wire               terms    = taken && |taken_mask;
  wire               now_used = terms ? taken_sign : used;
  wire               next_side = now_used && taken_ends != SLICE;

  always @(posedge clk) begin
    if (rst) begin
      side      <= 1'b0;
      second    <= 1'b0;
      settle    <= 1'b0;
      taken     <= 1'b0;
      taken_end <= 1'b0;
      begun     <= 1'b0;
      used      <= 1'b0;
      pending   <= 1'b0;
    end else begin
      if (settle) side <= next_side;
      else if (turn && !second) side <= !side;
      if (turn) second <= !second;
      settle    <= turn && second;
      taken     <= take;
      taken_end <= settle;
      if (taken_end && taken_ends == SLICE) begin
        begun   <= 1'b0;
        used    <= 1'b0;
        pending <= 1'b0;
      end else begin
        begun   <= begun || terms;
        used    <= now_used;
        pending <= (pending && !terms) || (taken_end && taken_ends == PLANE && begun);
      end
    end
    if (settle) begin
      taken_sign <= next_side;
      taken_mask <= 8'd0;
    end else if (take) begin
      taken_sign <= side;
      {taken_ends, taken_place, taken_mask} <= entry;
    end
  end

  // What the cells shall do: the terms of a mask, a shift alone, the end of the slice.
  localparam ITEM_W = WORD_W + 15;
  reg  [4:0]        item_written;
  reg  [4:0]        item_read;
  reg  [4:0]        item_next;      // item_read + 1
  reg               stocked;        // there is an item
  wire [ITEM_W-1:0] item;
  wire [4:0]        item_level = item_written - item_read;
  wire              unused   = &{1'b0, item_level[1:0]};
  wire              item_end = taken_end && taken_ends == SLICE;
  wire              several  = (&taken_mask[1:0]) || (&taken_mask[3:2])
                               || (|taken_mask[1:0] && |taken_mask[3:2])
                               || (&taken_mask[5:4]) || (&taken_mask[7:6])
                               || (|taken_mask[5:4] && |taken_mask[7:6])
                               || (|taken_mask[3:0] && |taken_mask[7:4]);
  wire              item_write = terms || item_end
                                 || (taken_end && taken_ends == PLANE && pending);
  wire              advance;
  wire              fetch = advance && stocked;

  shw_lutram #(.DATA_W(ITEM_W), .ADDR_W(4)) u_items (
    .clk(clk), .write_enable(1'b1), .write_address(item_written[3:0]),
    .write_data({item_end, pending, taken_sign, several, taken_place, taken_mask}),
    .read_address(item_read[3:0]), .read_data(item)
  );

  always @(posedge clk) begin
    room <= !(item_level[4] || (&item_level[3:2])) && !rst;
    if (rst) begin
      item_written <= 5'd0;
      item_read    <= 5'd0;
      item_next    <= 5'd1;
      stocked      <= 1'b0;
    end else begin
      if (item_write) item_written <= item_written + 5'd1;
      if (fetch) item_read <= item_next;
      if (fetch) item_next <= item_next + 5'd1;
      stocked <= item_write || (fetch ? item_written != item_next : stocked);
    end
  end

  // It is done.
  reg              valid;
  reg              ends;            // of the slice
  reg              shift;
  reg              change;          // of the sign
  reg              sign;
  reg              more;            // than one term
  reg              alone;           // the shift is issued alone, before the flip
  reg              done;            // with the next issue
  reg [WORD_W+2:0] place;
  reg [7:0]        mask;

  wire [7:0] rest = {mask[7] && |mask[6:0], mask[6] && |mask[5:0], mask[5] && |mask[4:0],
                     mask[4] && |mask[3:0], mask[3] && |mask[2:0], mask[2] && |mask[1:0],
                     mask[1] && mask[0], 1'b0};
  wire [2:0] lane = mask[0] ? 3'd0 : mask[1] ? 3'd1 : mask[2] ? 3'd2 : mask[3] ? 3'd3
                  : mask[4] ? 3'd4 : mask[5] ? 3'd5 : mask[6] ? 3'd6 : 3'd7;
  wire       issue = valid && go && !finished;
  wire       term  = issue && !alone;

  wire       turns = item[ITEM_W-3] != sign;      // the next item changes the sign

  assign advance = !valid || (go && !finished && done);

  function three(input [7:0] bits);              // or more of them
    integer   i;
    reg [2:0] found;
    begin
      found = 3'd0;
      for (i = 0; i < 8; i = i + 1) begin
        if (bits[i]) found = {found[1:0], 1'b1};
      end
      three = found[2];
    end
  endfunction

  always @(posedge clk) begin
    if (rst) begin
      valid    <= 1'b0;
      finished <= 1'b0;
      sign     <= 1'b0;
    end else begin
      finished <= go && (finished || (term && ends));
      if (advance) valid <= stocked;
      if (fetch) sign <= item[ITEM_W-3];
    end
    if (advance) begin
      {ends, shift} <= item[ITEM_W-1 -: 2];
      change        <= turns;
      {more, place} <= item[8 +: WORD_W+4];
      alone         <= turns && item[ITEM_W-2];
      done          <= !item[8 + WORD_W+3] && !(turns && item[ITEM_W-2]);
      mask          <= item[7:0];
    end else if (issue) begin
      shift <= 1'b0;
      alone <= 1'b0;
      done  <= alone ? !more : !three(mask);
      if (!alone) begin
        change <= 1'b0;
        more   <= three(mask);
        mask   <= rest;
      end
    end
    op_fill    <= sign != change;
    op_address <= {place, lane};
    op_term    <= term && |mask && !rst;
    if (rst) op <= OP_ADD;
    else if (drain) op <= OP_NORTH;
    else if (issue && shift) op <= OP_SHIFT;
    else if (issue && change) op <= OP_FLIP;
    else op <= OP_ADD;
  end
endmodule

`default_nettype wire

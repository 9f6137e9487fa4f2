// shw_term_sorter: reads the plane lists of a slice and sorts blocks of terms by sign.
//
// After `start` it walks the lists from plane 8 down, one term per cycle, and appends every term to one of two
// queues, positive and negative. A block is up to BLOCK consecutive terms of one plane; when its last term is stored,
// its description (where it ends in either queue) is handed over, so that the reader can take the block's terms sign by
// sign, the sign it works in first: terms may be emitted in any order inside a plane, and every change of
// sign that is saved leaves a row of accumulators at rest. An empty plane is a block without terms.
// The queues share a block RAM; together they hold up to 64 terms, the walk waits while they are full.
//
// Protocol: `start` in the cycle after `idle`, and not before the block with block_last of the slice before the previous one has been
// taken (two slices in the queues at most). The walk takes one entry (or empty plane) per cycle, and a block leaves
// 5 cycles after the walk came to its last: a reader that wants its first term BLOCK + 5 cycles after `start`, and
// then at most one per cycle, never waits.
//
// Parameters: INDEX_W  4..10        width of an index
//             BLOCK    4, 8, 16, 32 terms sorted together
// Latency:    5 cycles from start to the first block of one term. Throughput: 1 term per cycle.
// Backpressure: the walk stops while 64 terms wait. Reset: rst returns to idle and empties the queues.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_term_sorter #(
  parameter INDEX_W = 8,
  parameter BLOCK   = 16
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               start,
  input  wire [1:0]         start_slot,
  output wire               idle,             // `start` may come in the next cycle
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
  // the oldest complete block
  output reg                block_valid,
  input  wire               block_take,
  output reg  [5:0]         block_positive,   // end of its terms in the positive queue
  output reg  [5:0]         block_negative,   // end of its terms in the negative queue
  output reg                block_shift,      // first block of a plane below the top
  output reg                block_last,       // last block of the slice
  // one of its terms
  input  wire               term_read,        // the term leaves its queue
  input  wire               term_negative,    // queue
  input  wire [5:0]         term_position,
  output wire [INDEX_W:0]   term_value        // one cycle after term_read, then held
);
  localparam COUNT_W = (BLOCK == 4) ? 2 : (BLOCK == 8) ? 3 : (BLOCK == 16) ? 4 : 5;

  generate
    if (INDEX_W < 4 || INDEX_W > 10) begin : g_illegal_index
      shw_ILLEGAL_INDEX_W illegal ();
    end
    if (BLOCK != 4 && BLOCK != 8 && BLOCK != 16 && BLOCK != 32) begin : g_illegal_block
      shw_ILLEGAL_BLOCK illegal ();
    end
  endgenerate

  // Walk: the plane and position whose entry is read in this cycle.
  reg               active;
  reg [1:0]         slot;
  reg [3:0]         plane;
  reg [3:0]         plane_next;   // 8 while idle
  reg               opening;      // first block of its plane
  reg               empty;
  reg [INDEX_W:0]   position;
  reg [INDEX_W:0]   tail;         // position of the plane's last entry
  reg [COUNT_W-1:0] place;        // in the block
  reg [6:0]         held;         // terms read from the lists and not yet taken

  wire walk      = active && !held[6];
  wire plane_end = empty || position == tail;
  wire slice_end = plane_end && plane == 4'd0;
  wire block_end = plane_end || &place;
  wire enter     = start || (walk && plane_end);   // the next plane

  assign idle          = !active || (walk && slice_end);
  assign bounds_slot   = active ? slot : start_slot;
  assign bounds_plane  = plane_next;
  assign read_enable   = walk && !empty;
  assign read_position = position;
  assign read_plane    = plane;

  always @(posedge clk) begin
    if (rst) begin
      active     <= 1'b0;
      plane_next <= 4'd8;
      held       <= 7'd0;
    end else begin
      if (enter) begin
        active     <= ~(active && slice_end);
        plane_next <= (active && slice_end) ? 4'd8 : plane_next - 4'd1;
      end
      held <= held + {{6{term_read && !read_enable}}, term_read != read_enable};
    end
    if (start) slot <= start_slot;
    if (start || walk) begin
      position <= (enter ? previous : position) + 1'b1;
      place    <= enter ? {COUNT_W{1'b0}} : place + 1'b1;
      opening  <= enter || (opening && !block_end);
    end
    if (enter) begin
      plane <= plane_next;
      tail  <= last;
      empty <= previous == last;
    end
  end

  // The entry follows by two cycles; then it joins its queue.
  reg [1:0] entry_valid;
  reg [1:0] entry_ends;     // a block
  reg [1:0] entry_shift;
  reg [1:0] entry_last;
  reg [5:0] positives;      // end of either queue
  reg [5:0] negatives;

  wire       store     = entry_valid[1];
  wire [5:0] positive_end = positives + {5'd0, store && !entry_negative};
  wire [5:0] negative_end = negatives + {5'd0, store && entry_negative};

  always @(posedge clk) begin
    if (rst) begin
      entry_valid <= 2'b00;
      entry_ends  <= 2'b00;
      positives   <= 6'd0;
      negatives   <= 6'd0;
    end else begin
      entry_valid <= {entry_valid[0], read_enable};
      entry_ends  <= {entry_ends[0], walk && block_end};
      positives   <= positive_end;
      negatives   <= negative_end;
    end
    entry_shift <= {entry_shift[0], opening && plane != 4'd8};
    entry_last  <= {entry_last[0], slice_end};
  end

  shw_ram_sdp #(.DATA_W(INDEX_W+1), .ADDR_W(7), .STYLE("block")) u_terms (
    .clk(clk),
    .write_enable(store), .write_address({entry_negative, entry_negative ? negatives : positives}),
    .write_data(entry_value),
    .read_enable(term_read), .read_address({term_negative, term_position}), .read_data(term_value)
  );

  // At most 9 blocks of either slice are not full, so 32 descriptions never overflow.
  wire        unused_ready;
  wire [5:0]  unused_level;
  wire        oldest_valid;
  wire [13:0] oldest;
  wire        move = !block_valid || block_take;

  shw_fifo #(.DATA_W(14), .DEPTH(32)) u_blocks (
    .clk(clk), .rst(rst),
    .in_valid(entry_ends[1]), .in_ready(unused_ready),
    .in_data({entry_last[1], entry_shift[1], negative_end, positive_end}),
    .out_valid(oldest_valid), .out_ready(move), .out_data(oldest), .level(unused_level)
  );

  always @(posedge clk) begin
    if (rst) block_valid <= 1'b0;
    else if (move) block_valid <= oldest_valid;
    if (move) {block_last, block_shift, block_negative, block_positive} <= oldest;
  end
endmodule

`default_nettype wire

// class_lists_formal: a list of shw_class_lists holds the values of its code, the newest first, each once.
//
// Slices of up to 6 values with any codes, at any distinct indices, in one half after the other, for any
// one code that is watched. A slice takes 8 cycles: in 0 to 5 it is appended to one half, while in the
// other half the list of the slice before is read in cycle 0 and its word cleared in cycle 1, while it is
// followed, a value a cycle. Other words are cleared at will. Nothing but this empties a list, so its bits
// also show that nothing was left from before. 24 cycles from memories that hold anything are enough for all
// time: they empty a list, append to it and read it, and end where they began.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module class_lists_formal (
  input wire       clk,
  input wire       append,
  input wire [3:0] append_code,
  input wire [3:0] other_code,
  input wire [1:0] other_place,
  input wire       other_clear
);
  (* anyconst *) reg [3:0] watched;
  (* anyconst *) reg [3:0] places;      // where the slots of a slice are: slot ^ places

  reg [2:0] slot  = 0;
  reg       half;
  reg [4:0] known = 0;                  // cycles since the start

  wire [7:0] word;
  wire [7:0] head_index;
  wire       link_end;
  wire [3:0] link_index;

  wire [1:0] watched_place = {watched[2], watched[3]};
  wire       some          = word[watched[1:0]];
  wire       more          = word[3'd4 + watched[1:0]];

  wire head_read = slot == 0;
  wire appends   = append && slot < 6;
  wire mine      = appends && append_code == watched;
  wire now       = known == 16;

  reg [5:0] members;                    // slots of the slice that have the watched code
  reg [5:0] left;                       // those of the slice before that were not met yet
  reg [1:0] first_valid;
  reg [7:0] first_index;
  reg       following;                  // all values before this slot were there

  wire [5:0] expected = head_read ? members : left;
  reg  [2:0] newest;
  reg  [2:0] second;
  integer    i;

  always @* begin
    newest = 0;
    second = 0;
    for (i = 0; i < 6; i = i + 1) begin
      if (expected[i]) begin
        second = newest;
        newest = i;
      end
    end
  end

  wire [5:0] rest         = expected & ~(6'd1 << newest);
  wire [3:0] newest_index = {1'b0, newest} ^ places;
  wire [3:0] second_index = {1'b0, second} ^ places;

  // The value of a slot: from the head in 1 and 2, then from a link.
  wire       there = slot == 1 ? first_valid[0] : slot == 2 ? first_valid[1] : !link_end;
  wire [3:0] place = slot == 1 ? first_index[3:0] : slot == 2 ? first_index[7:4] : link_index;
  wire       visit = following && !head_read && there;

  shw_class_lists #(.BITS(3), .INDEX_W(4), .LOW_W(2)) u_lists (
    .clk(clk), .append(appends), .append_code(append_code), .append_half(half),
    .append_index({1'b0, slot} ^ places), .read_half({!half, half}), .read_select(!half),
    .word_place(head_read ? watched_place : other_place), .word(word),
    .word_clear(slot == 1 || (other_clear && other_place != watched_place)),
    .clear_place(slot == 1 ? watched_place : other_place),
    .read_code(head_read ? watched : other_code), .head_index(head_index), .link_read(visit),
    .link_from(place), .link_end(link_end), .link_index(link_index)
  );

  always @(posedge clk) begin
    slot <= slot + 1'b1;
    if (slot == 7) half <= !half;
    if (!now) known <= known + 1'b1;

    if (head_read) members <= {5'd0, mine};
    else if (mine) members[slot] <= 1'b1;
    if (head_read) left <= members;
    else if (visit) left <= rest;

    if (head_read) begin
      first_valid <= {more, some};
      first_index <= head_index;
    end
    following <= head_read || visit;
  end

  always @* begin
    if (now && head_read) begin
      valid: assert (some == (members != 0));
      head:  assert (!some || head_index[3:0] == newest_index);
      pair:  assert (more == (rest != 0));
      second_newest: assert (!more || head_index[7:4] == second_index);
    end
    if (now && following && slot > 2) begin
      ends:  assert (link_end == (left == 0));
      link:  assert (link_end || link_index == newest_index);
    end
  end
endmodule

`default_nettype wire

// sequencer_with_lists: shw_term_sequencer beside plane lists that the test fills.
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module sequencer_with_lists #(
  parameter INDEX_W = 8
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               start,
  input  wire               start_half,
  input  wire               go,
  input  wire               drain,
  output wire               finished,
  output wire [1:0]         op,
  output wire               op_term,
  output wire               op_fill,
  output wire [INDEX_W:0]   op_address,
  input  wire               fill_length,
  input  wire               fill_entry,
  input  wire               fill_half,
  input  wire [3:0]         fill_plane,
  input  wire [INDEX_W-1:0] fill_position,
  input  wire [INDEX_W:0]   fill_data
);
  reg  [INDEX_W:0]   lengths [0:31];
  reg  [INDEX_W:0]   entries [0:(32<<INDEX_W)-1];
  reg                at_half;
  reg  [INDEX_W-1:0] at_position;

  wire               count_half;
  wire [3:0]         count_plane;
  wire               read_enable;
  wire               read_half;
  wire [INDEX_W-1:0] read_position;
  wire [3:0]         read_plane;
  wire [INDEX_W:0]   entry = entries[{read_plane, at_half, at_position}];

  always @(posedge clk) begin
    if (fill_length) lengths[{fill_half, fill_plane}] <= fill_data;
    if (fill_entry) entries[{fill_plane, fill_half, fill_position}] <= fill_data;
    if (read_enable) begin
      at_half     <= read_half;
      at_position <= read_position;
    end
  end

  shw_term_sequencer #(.INDEX_W(INDEX_W)) u_sequencer (
    .clk(clk), .rst(rst), .start(start), .start_half(start_half), .go(go), .drain(drain),
    .finished(finished), .count_half(count_half), .count_plane(count_plane),
    .last(lengths[{count_half, count_plane}]),
    .read_enable(read_enable), .read_half(read_half), .read_position(read_position),
    .read_plane(read_plane), .entry_index(entry[INDEX_W-1:0]), .entry_negative(entry[INDEX_W]),
    .op(op), .op_term(op_term), .op_fill(op_fill), .op_address(op_address)
  );
endmodule

`default_nettype wire

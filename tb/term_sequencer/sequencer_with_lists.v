// sequencer_with_lists: shw_term_sequencer beside plane lists that the test fills.
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module sequencer_with_lists #(
  parameter INDEX_W = 8,
  parameter BLOCK   = 16
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               start,
  input  wire [1:0]         start_slot,
  output wire               idle,
  input  wire               go,
  input  wire               drain,
  output wire               finished,
  output wire [1:0]         op,
  output wire               op_term,
  output wire               op_fill,
  output wire [INDEX_W:0]   op_address,
  input  wire               fill_bounds,
  input  wire               fill_entry,
  input  wire [1:0]         fill_slot,
  input  wire [3:0]         fill_plane,
  input  wire [INDEX_W:0]   fill_previous,
  input  wire [INDEX_W:0]   fill_position,
  input  wire [INDEX_W+1:0] fill_data
);
  reg  [INDEX_W:0]   lasts     [0:63];
  reg  [INDEX_W:0]   previouses [0:63];
  reg  [INDEX_W+1:0] entries   [0:(32<<INDEX_W)-1];
  reg  [INDEX_W+1:0] stored;
  reg  [INDEX_W+1:0] entry;

  wire [1:0]         bounds_slot;
  wire [3:0]         bounds_plane;
  wire               read_enable;
  wire [INDEX_W:0]   read_position;
  wire [3:0]         read_plane;

  always @(posedge clk) begin
    if (fill_bounds) begin
      lasts[{fill_slot, fill_plane}]      <= fill_position;
      previouses[{fill_slot, fill_plane}] <= fill_previous;
    end
    if (fill_entry) entries[{fill_plane, fill_position}] <= fill_data;
    if (read_enable) stored <= entries[{read_plane, read_position}];
    entry <= stored;
  end

  shw_term_sequencer #(.INDEX_W(INDEX_W), .BLOCK(BLOCK)) u_sequencer (
    .clk(clk), .rst(rst), .start(start), .start_slot(start_slot), .idle(idle), .go(go), .drain(drain),
    .finished(finished), .bounds_slot(bounds_slot), .bounds_plane(bounds_plane),
    .previous(previouses[{bounds_slot, bounds_plane}]), .last(lasts[{bounds_slot, bounds_plane}]),
    .read_enable(read_enable), .read_position(read_position), .read_plane(read_plane),
    .entry_value(entry[INDEX_W:0]), .entry_negative(entry[INDEX_W+1]),
    .op(op), .op_term(op_term), .op_fill(op_fill), .op_address(op_address)
  );
endmodule

`default_nettype wire

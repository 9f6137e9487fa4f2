// shw_tr_row_edge: one streamed row, from 8-bit codes to the operations of its cells.
//
// Front (codes to plane lists, shw_tr_row_front) -> sequencer (shw_term_sequencer). Control that all
// rows share (value, visit, index) comes from shw_tr_loader.
//
// Parameters: INDEX_W  4..10         width of an index in a slice
//             BLOCK    4, 8, 16, 32  terms sorted by sign together
// Latency:    a code is in its lists 10 cycles after it came; `go` follows `start` by BLOCK + 6 cycles or more.
// Throughput: 1 code per cycle in, 1 operation per cycle out. Backpressure: `go`.
// Reset:      rst returns to idle; visit once with close before the first value.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_row_edge #(
  parameter INDEX_W = 8,
  parameter BLOCK   = 16
) (
  input  wire                 clk,
  input  wire                 rst,
  input  wire [7:0]           code,
  input  wire                 code_signed,
  input  wire                 code_hese,
  input  wire [8:0]           plane_valid,   // a value is in plane p; 8: one cycle after its code
  input  wire [9*(INDEX_W+1)-1:0] write_value,
  input  wire                 visit,
  input  wire [3:0]           visit_plane,
  input  wire                 visit_close,
  input  wire                 visit_clear,
  input  wire [1:0]           visit_slot,
  input  wire [10:0]          visit_budget,
  input  wire                 visit_unlimited,
  input  wire                 start,
  input  wire [1:0]           start_slot,
  output wire                 idle,          // `start` may come in the next cycle
  input  wire                 go,
  input  wire                 drain,
  output wire                 finished,
  output wire [1:0]           op,
  output wire                 op_term,
  output wire                 op_fill,
  output wire [INDEX_W:0]     op_address
);
  wire [1:0]       bounds_slot;
  wire [3:0]       bounds_plane;
  wire [INDEX_W:0] previous;
  wire [INDEX_W:0] last;
  wire             read_enable;
  wire [INDEX_W:0] read_position;
  wire [3:0]       read_plane;
  wire [INDEX_W:0] entry_value;
  wire             entry_negative;

  shw_tr_row_front #(.INDEX_W(INDEX_W)) u_front (
    .clk(clk), .rst(rst), .code(code), .code_signed(code_signed), .code_hese(code_hese),
    .plane_valid(plane_valid), .write_value(write_value),
    .visit(visit), .visit_plane(visit_plane), .visit_close(visit_close), .visit_clear(visit_clear),
    .visit_slot(visit_slot), .visit_budget(visit_budget), .visit_unlimited(visit_unlimited),
    .bounds_slot(bounds_slot), .bounds_plane(bounds_plane), .previous(previous), .last(last),
    .read_enable(read_enable), .read_position(read_position), .read_plane(read_plane),
    .entry_enable(1'b1), .entry_value(entry_value), .entry_negative(entry_negative)
  );

  shw_term_sequencer #(.INDEX_W(INDEX_W), .BLOCK(BLOCK)) u_sequencer (
    .clk(clk), .rst(rst), .start(start), .start_slot(start_slot), .idle(idle),
    .go(go), .drain(drain), .finished(finished),
    .bounds_slot(bounds_slot), .bounds_plane(bounds_plane), .previous(previous), .last(last),
    .read_enable(read_enable), .read_position(read_position), .read_plane(read_plane),
    .entry_value(entry_value), .entry_negative(entry_negative),
    .op(op), .op_term(op_term), .op_fill(op_fill), .op_address(op_address)
  );
endmodule

`default_nettype wire

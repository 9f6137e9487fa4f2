// shw_tmac_row_edge: one streamed row, from 8-bit codes to the row terms of its term-pair cells.
//
// Front (codes to plane lists, shw_tmac_row_front) -> sequencer (shw_tmac_sequencer): as in shw_tr_row_edge, but a term
// is held until `step` and carries its exponent.
//
// Parameters: none (256 values a slice)
// Latency:    a code is in its lists 10 cycles after its encoding; see shw_tmac_sequencer for the read side.
// Throughput: 1 code per cycle in, 1 term per step out. Backpressure: `step`.
// Reset:      rst returns to idle; visit once with close before the first value.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac_row_edge (
  input  wire        clk,
  input  wire        rst,
  input  wire [7:0]  code,
  input  wire        code_signed,
  input  wire        code_hese,
  input  wire [8:0]  plane_valid,   // a value is in plane p; plane 8 one cycle after its code
  input  wire [80:0] write_value,
  input  wire        visit,
  input  wire [3:0]  visit_plane,
  input  wire        visit_close,
  input  wire        visit_clear,
  input  wire [1:0]  visit_slot,
  input  wire [10:0] visit_budget,
  input  wire        visit_unlimited,
  input  wire        start,
  input  wire [1:0]  start_slot,
  input  wire        step,
  output wire        finished,
  output wire        term_valid,
  output wire        term_negative,
  output wire [3:0]  term_exponent,
  output wire [8:0]  term_value
);
  wire [1:0] bounds_slot;
  wire [3:0] bounds_plane;
  wire [8:0] previous;
  wire [8:0] last;
  wire       read_enable;
  wire [8:0] read_position;
  wire [3:0] read_plane;
  wire [8:0] entry_value;
  wire       entry_enable;
  wire       entry_negative;

  shw_tmac_row_front #(.INDEX_W(8)) u_front (
    .clk(clk), .rst(rst), .code(code), .code_signed(code_signed), .code_hese(code_hese),
    .plane_valid(plane_valid), .write_value(write_value),
    .visit(visit), .visit_plane(visit_plane), .visit_close(visit_close), .visit_clear(visit_clear),
    .visit_slot(visit_slot), .visit_budget(visit_budget), .visit_unlimited(visit_unlimited),
    .bounds_slot(bounds_slot), .bounds_plane(bounds_plane), .previous(previous), .last(last),
    .read_enable(read_enable), .read_position(read_position), .read_plane(read_plane),
    .entry_enable(entry_enable), .entry_value(entry_value), .entry_negative(entry_negative)
  );

  shw_tmac_sequencer #(.INDEX_W(8)) u_sequencer (
    .clk(clk), .rst(rst), .start(start), .start_slot(start_slot), .step(step),
    .finished(finished),
    .bounds_slot(bounds_slot), .bounds_plane(bounds_plane), .previous(previous), .last(last),
    .read_enable(read_enable), .read_position(read_position), .read_plane(read_plane),
    .entry_enable(entry_enable), .entry_value(entry_value), .entry_negative(entry_negative),
    .term_valid(term_valid), .term_negative(term_negative), .term_exponent(term_exponent),
    .term_value(term_value)
  );
endmodule

`default_nettype wire

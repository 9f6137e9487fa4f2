// shw_accel_turns: whose turn it is when rows get their beats one after the other.
//
// With `apart` every `advance` belongs to one row: to row 0, 1, .. count - 1, then to row 0 again. `last` is an
// advance of the last of them. Without it all rows take every advance, and each is the last.
// `apart` and `count` change only between rounds.
//
// Parameters:   ROWS  2, 4, 8, 16  rows
// Latency:      combinational from apart and advance; the turn is a register. Throughput: an advance a cycle.
// Backpressure: none.
// Reset:        rst gives row 0 the turn.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_turns #(
  parameter ROWS = 8
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire                  apart,
  input  wire [$clog2(ROWS):0] count,     // rows that have turns, 1..ROWS
  input  wire                  advance,
  output wire [ROWS-1:0]       row,       // rows that the next advance belongs to
  output wire                  last       // an advance that ends a round
);
  localparam ROWS_W = $clog2(ROWS);

  generate
    if (ROWS != 2 && ROWS != 4 && ROWS != 8 && ROWS != 16) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_2_4_8_or_16 illegal ();
    end
  endgenerate

  reg [ROWS-1:0] turn;        // one bit set
  reg [ROWS_W:0] ahead;       // number of the turn after it, 1..ROWS

  wire ends = !apart || ahead == count;

  assign row  = turn | {ROWS{!apart}};
  assign last = advance && ends;

  always @(posedge clk) begin
    if (rst || last) begin
      turn  <= {{(ROWS-1){1'b0}}, 1'b1};
      ahead <= {{ROWS_W{1'b0}}, 1'b1};
    end else if (advance) begin
      turn  <= turn << 1;
      ahead <= ahead + 1'b1;
    end
  end
endmodule

`default_nettype wire

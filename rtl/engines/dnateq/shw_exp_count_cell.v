// shw_exp_count_cell: the published pair-counting cell of exponential codes, one pair per cycle.
//
// A pair of codes without a zero code adds the product of its signs, +1 or -1, to three counters: that of ia + iw, that
// of ia (row code) and that of iw (column code), each in a histogram at the exponent in two's complement. The number of
// pairs needs no counter: it is the sum of either single histogram.
//
// Counters leave through the south neighbour, entry by entry, and zeros follow. A move names its
// entries as a pair does: (i, i) and (i, i + 1), i in -R..R, visit every sum once; `single` moves the
// other two histograms as well.
//
// Parameters: BITS     3..7   width of an exponent
//             COUNT_W  4..12  width of a counter; counts are modulo 2^COUNT_W
// Latency:    2 cycles from a pair to its counters. Throughput: 1 pair per cycle.
// Backpressure: none (a pair without row_valid or column_valid changes nothing).
// Reset:      rst drops the pair that comes with it; moving zeros through the cell clears it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_exp_count_cell #(
  parameter BITS    = 4,
  parameter COUNT_W = 8
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               single,           // 1, but 0 with the moves (i, i + 1)
  input  wire               row_valid,        // not the zero code; 1 with a move
  input  wire               row_negative,     // 0 with a move
  input  wire [BITS-1:0]    row_exponent,
  input  wire               column_valid,
  input  wire               column_negative,
  input  wire [BITS-1:0]    column_exponent,
  input  wire               counting,         // a cycle later: it was a pair, not a move
  input  wire [BITS-1:0]    row_entry,        // row_exponent a cycle later
  input  wire [BITS-1:0]    column_entry,     // column_exponent a cycle later
  input  wire [COUNT_W-1:0] north_both,
  input  wire [COUNT_W-1:0] north_rows,
  input  wire [COUNT_W-1:0] north_columns,
  output wire [COUNT_W-1:0] both,             // by ia + iw, of the pair or move a cycle before
  output wire [COUNT_W-1:0] rows,             // by ia
  output wire [COUNT_W-1:0] columns           // by iw
);
  generate
    if (BITS < 3 || BITS > 7) begin : g_illegal_bits
      shw_ILLEGAL_BITS_must_be_3_to_7 illegal ();
    end
  endgenerate

  reg [BITS:0] entry;
  reg          negative;
  reg          write_both;
  reg          write_single;

  always @(posedge clk) begin
    if (rst) begin
      write_both   <= 1'b0;
      write_single <= 1'b0;
    end else begin
      write_both   <= row_valid & column_valid;
      write_single <= row_valid & column_valid & single;
    end
    negative <= row_negative ^ column_negative;
    entry    <= {row_exponent[BITS-1], row_exponent} + {column_exponent[BITS-1], column_exponent};
  end

  shw_exp_count_histogram #(.ADDR_W(BITS + 1), .COUNT_W(COUNT_W)) u_both (
    .clk(clk), .write(write_both), .counting(counting), .negative(negative), .entry(entry),
    .north(north_both), .count(both)
  );
  shw_exp_count_histogram #(.ADDR_W(BITS), .COUNT_W(COUNT_W)) u_rows (
    .clk(clk), .write(write_single), .counting(counting), .negative(negative), .entry(row_entry),
    .north(north_rows), .count(rows)
  );
  shw_exp_count_histogram #(.ADDR_W(BITS), .COUNT_W(COUNT_W)) u_columns (
    .clk(clk), .write(write_single), .counting(counting), .negative(negative), .entry(column_entry),
    .north(north_columns), .count(columns)
  );
endmodule

`default_nettype wire

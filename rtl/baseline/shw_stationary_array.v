// SPDX-License-Identifier: Apache-2.0
//
// shw_stationary_array: a weight-stationary array of multipliers with the totals of long reductions, the rival of the
// term engines.
//
// shw_mac_array or shw_booth_array with sums of exactly the width that ROWS products need, and shw_column_totals.
// Operand memories, the skew registers of rows and columns, control and a stream of results that can wait are left to
// the user, and cost comparisons do not charge them.
//
// Parameters
//   CELLS        "mac" | "booth"  multipliers: inferred, or hand-mapped Booth rows
//   ROWS, COLS   1..256           rows, columns
//   SIGNED_ONLY  0..1             1: data values are always two's complement
//   ADDR_W       3..10            2**ADDR_W positions a column
//
// Loading and values: as in the array. Position, first and last: as in shw_column_totals.
// Latency: ROWS + 4 (mac) or ROWS + 7 (booth) cycles from row 0's value to a total of column 0, one cycle more per
// column. Throughput: ROWS x COLS products a cycle. Backpressure: none. Reset: those of the two.
`default_nettype none

module shw_stationary_array #(
  parameter CELLS       = "booth",
  parameter ROWS        = 8,
  parameter COLS        = 8,
  parameter SIGNED_ONLY = 0,
  parameter ADDR_W      = 9
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               load,
  input  wire [COLS*8-1:0]  in_w,
  input  wire               x_signed,
  input  wire [ROWS*8-1:0]  in_x,
  input  wire               in_valid,
  input  wire [ADDR_W-1:0]  in_position,
  input  wire               in_first,
  input  wire               in_last,
  output wire [COLS-1:0]    out_valid,
  output wire [COLS*32-1:0] out_total
);
  localparam SUM_W = 16 + $clog2(ROWS);   // a product is in -32,640..32,385

  wire [COLS*SUM_W-1:0] sum;

  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if (CELLS == "mac") begin : g_mac
      shw_mac_array #(
        .ROWS(ROWS), .COLS(COLS), .ACC_W(SUM_W), .SIGNED_ONLY(SIGNED_ONLY)
      ) u_array (
        .clk(clk), .load(load), .in_w(in_w), .x_signed(x_signed), .in_x(in_x), .out_sum(sum)
      );
    end else if (CELLS == "booth") begin : g_booth
      shw_booth_array #(
        .ROWS(ROWS), .COLS(COLS), .ACC_W(SUM_W), .SIGNED_ONLY(SIGNED_ONLY)
      ) u_array (
        .clk(clk), .rst(rst), .load(load), .in_w(in_w), .x_signed(x_signed), .in_x(in_x),
        .out_sum(sum)
      );
    end else begin : g_illegal_cells
      shw_ILLEGAL_CELLS_must_be_mac_or_booth illegal ();
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */

  shw_column_totals #(.COLS(COLS), .SUM_W(SUM_W), .ADDR_W(ADDR_W)) u_totals (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_position(in_position), .in_first(in_first),
    .in_last(in_last), .in_sum(sum), .out_valid(out_valid), .out_total(out_total)
  );
endmodule

`default_nettype wire

// shw_slice_totals: the drained edge of the array: joins sums of rows into totals, one beat per row out.
//
// Sums of a row arrive for all columns at once, one cycle after their add_valid, add_row and so on, rows in any
// order; `add_first` starts the row's total of a tile. `add_last` comes with the last sum of the tile, or later on its own.
// Totals of two tiles live side by side in LUT RAM (banks), so one tile leaves while the next one accumulates.
//
// Parameters: ROWS 1..256, COLS 1..1024, SUM_W 10..TOTAL_W width of a sum, TOTAL_W 32..64 width of a total
// Latency:    2 cycles from the last row's sum to its output beat at the earliest. Throughput: 1 row per cycle.
// Backpressure: an output beat waits for out_ready; `done` tells that a bank is free again: the
//   caller does not start adding a tile's first slice to a bank before that.
// Reset:      rst drops all totals.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_slice_totals #(
  parameter ROWS  = 8,
  parameter COLS  = 64,
  parameter SUM_W = 24,
  parameter TOTAL_W = 32,
  parameter ROW_W = 3       // >= clog2(ROWS), at least 1
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire                  add_valid,
  input  wire [ROW_W-1:0]      add_row,
  input  wire                  add_first,
  input  wire                  add_last,
  input  wire                  add_bank,
  input  wire [COLS*SUM_W-1:0] add_sum,     // one cycle after add_valid
  output wire                  done,        // the last row of a bank moved to the output register
  output wire                  done_bank,
  output reg                   out_valid,
  input  wire                  out_ready,
  output reg                   out_last,
  output wire [COLS*TOTAL_W-1:0]    out_acc   // TOTAL_W bits per column; one beat per row
);
  generate
    if (ROWS < 1 || ROWS > 256 || (1 << ROW_W) < ROWS) begin : g_illegal_rows
      shw_ILLEGAL_ROWS illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS illegal ();
    end
    if (TOTAL_W < 32 || TOTAL_W > 64) begin : g_illegal_total
      shw_ILLEGAL_TOTAL_W illegal ();
    end
    if (SUM_W < 10 || SUM_W > TOTAL_W) begin : g_illegal_sum
      shw_ILLEGAL_ACC_W illegal ();
    end
  endgenerate

  localparam [31:0] LAST = ROWS - 1;
  localparam [ROW_W-1:0] LAST_ROW = LAST[ROW_W-1:0];

  reg  [1:0]       full;        // per bank: a complete tile waits
  reg              out_bank;
  reg  [ROW_W-1:0] out_row;

  // The address is chosen one cycle ahead, from add_valid and where the output will stand. The register is
  // inverted: otherwise Yosys takes it for part of the read port, and the memory needs two addresses.
  reg              join_valid;
  reg              join_first;
  reg              join_end;      // the tile is complete
  reg              join_bank;
  reg  [ROW_W:0]   address_inverted;
  wire [ROW_W:0]   address = ~address_inverted;

  wire             move     = full[out_bank] && !join_valid && (!out_valid || out_ready);
  wire             move_end = move && out_row == LAST_ROW;
  wire             bank_next = out_bank ^ move_end;
  wire [ROW_W-1:0] row_next = move_end ? {ROW_W{1'b0}} : out_row + {{(ROW_W-1){1'b0}}, move};

  assign done      = move_end;
  assign done_bank = out_bank;

  always @(posedge clk) begin
    if (rst) begin
      full       <= 2'b00;
      join_valid <= 1'b0;
      join_end   <= 1'b0;
      out_valid  <= 1'b0;
      out_last   <= 1'b0;
      out_bank   <= 1'b0;
      out_row    <= {ROW_W{1'b0}};
    end else begin
      join_valid <= add_valid;
      join_end   <= add_last;
      if (join_end) full[join_bank] <= 1'b1;
      if (move_end) full[out_bank] <= 1'b0;
      out_bank <= bank_next;
      out_row  <= row_next;
      if (move) out_last <= move_end;
      if (move) out_valid <= 1'b1;
      else if (out_ready) out_valid <= 1'b0;
    end
    join_first       <= add_first;
    join_bank        <= add_bank;
    address_inverted <= ~(add_valid ? {add_bank, add_row} : {bank_next, row_next});
  end

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      reg [TOTAL_W-1:0] totals [0:(2 << ROW_W)-1];
      wire [SUM_W-1:0] sum   = add_sum[c*SUM_W +: SUM_W];
      wire [TOTAL_W-1:0] joined = totals[address];
      wire [TOTAL_W-1:0] next   = {{(TOTAL_W-SUM_W+1){sum[SUM_W-1]}}, sum[SUM_W-2:0]}
                                + (join_first ? {TOTAL_W{1'b0}} : joined);
      reg  [TOTAL_W-1:0] beat;
      always @(posedge clk) begin
        if (join_valid) totals[address] <= next;
        if (move) beat <= joined;
      end
      assign out_acc[c*TOTAL_W +: TOTAL_W] = beat;
    end
  endgenerate
endmodule

`default_nettype wire

// shw_msq_drain: the results of a tile, one row per cycle, from the shadow registers to the output.
//
// The shadow registers stand still while `leaving`. What a row has too much, its excess, is taken off here.
//
// Parameters:   ROWS 1..64, COLS 2..256, ACC_W 16..32 as in shw_msq_engine
// Latency:      3 cycles from start to the first result. Throughput: 1 row per cycle.
// Backpressure: an output beat waits for out_ready. Reset: rst drops all results.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_msq_drain #(
  parameter ROWS  = 16,
  parameter COLS  = 16,
  parameter ACC_W = 24
) (
  input  wire                       clk,
  input  wire                       rst,
  input  wire                       start,     // the shadow registers load in this cycle
  output reg                        leaving,
  input  wire [ROWS*COLS*ACC_W-1:0] total,
  input  wire [ROWS*ACC_W-1:0]      excess,
  output reg                        out_valid,
  input  wire                       out_ready,
  output reg                        out_last,
  output wire [COLS*32-1:0]         out_acc
);
  generate
    if (ROWS < 1 || ROWS > 64) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64 illegal ();
    end
    if (COLS < 2 || COLS > 256) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_2_to_256 illegal ();
    end
    if (ACC_W < 16 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_16_to_32 illegal ();
    end
  endgenerate

  localparam ROW_W = (ROWS <= 2) ? 1 : $clog2(ROWS);
  localparam [31:0] LAST = ROWS - 1;
  localparam [ROW_W-1:0] LAST_ROW = LAST[ROW_W-1:0];

  wire advance = !out_valid || out_ready;

  reg  [ROW_W-1:0]      row;
  reg                   read_valid;
  reg                   read_last;
  reg  [COLS*ACC_W-1:0] read_total;
  reg  [ACC_W-1:0]      read_excess;
  reg  [COLS*ACC_W-1:0] out_total;

  // The row's totals and excess: halved by each bit of its number, two bits of which are a LUT6 a bit.
  localparam PLACES = 1 << ROW_W;
  localparam WORD_W = (COLS + 1) * ACC_W;

  reg  [PLACES*WORD_W-1:0] words;
  integer i;
  integer b;
  always @* begin
    for (i = 0; i < PLACES; i = i + 1) begin    // behind the last row any
      words[i*WORD_W +: WORD_W] = {excess[(i%ROWS)*ACC_W +: ACC_W],
                                   total[(i%ROWS)*COLS*ACC_W +: COLS*ACC_W]};
    end
    for (b = 0; b < ROW_W; b = b + 1) begin
      for (i = 0; i < (PLACES >> (b + 1)); i = i + 1) begin
        words[i*WORD_W +: WORD_W] = row[b] ? words[(2*i+1)*WORD_W +: WORD_W]
                                           : words[2*i*WORD_W +: WORD_W];
      end
    end
  end

  always @(posedge clk) begin
    if (rst) begin
      leaving    <= 1'b0;
      read_valid <= 1'b0;
      out_valid  <= 1'b0;
      row        <= {ROW_W{1'b0}};
    end else begin
      if (start) leaving <= 1'b1;
      else if (advance && row == LAST_ROW) leaving <= 1'b0;
      if (advance) begin
        read_valid <= leaving;
        out_valid  <= read_valid;
        if (leaving) row <= (row == LAST_ROW) ? {ROW_W{1'b0}} : row + 1'b1;
      end
    end
    if (advance) begin
      read_last   <= row == LAST_ROW;
      {read_excess, read_total} <= words[0 +: WORD_W];
      out_last    <= read_last;
    end
  end

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      always @(posedge clk) begin
        if (advance) begin
          out_total[c*ACC_W +: ACC_W] <= read_total[c*ACC_W +: ACC_W] - read_excess;
        end
      end
      wire [32:0] wide = {{(33-ACC_W){out_total[(c+1)*ACC_W-1]}}, out_total[c*ACC_W +: ACC_W]};
      assign out_acc[c*32 +: 32] = wide[31:0];
      wire unused = &{1'b0, wide[32]};
    end
  endgenerate
endmodule

`default_nettype wire

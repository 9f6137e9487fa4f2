// shw_slice_totals: the drained edge of the array: joins sums of rows into totals, one beat per row out.
//
// Sums of a row arrive for all columns at once, two cycles after their add_valid, add_row and so on, rows in any
// order; `add_first` starts the row's total of a tile. `add_last` comes with the last sum of the tile, or later on its own.
// Totals of two tiles live side by side in LUT RAM (banks), so one tile leaves while the next one accumulates.
// With STEPS = 2 a total is added in two halves, one after the other: half the adders for half the rate.
//
// Parameters: ROWS 1..256, COLS 1..1024, SUM_W 10..TOTAL_W width of a sum, TOTAL_W 32..64 width of a total,
//             STEPS 1, 2 cycles that a row takes
// Latency:    STEPS + 2 cycles from the last row's sum to the first output beat at the earliest.
// Throughput: 1 row per STEPS cycles; the same row again 3 cycles later at the earliest. Out: 1 row per STEPS + 1 cycles.
// Backpressure: an output beat waits for out_ready; `done` tells that a bank is free again: the
//   caller does not start adding a tile's first slice to a bank before that.
// Reset:      rst drops all totals.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_slice_totals #(
  parameter ROWS    = 8,
  parameter COLS    = 64,
  parameter SUM_W   = 24,
  parameter TOTAL_W = 32,
  parameter ROW_W   = 3,       // >= clog2(ROWS), at least 1
  parameter STEPS   = 2
) (
  input  wire                    clk,
  input  wire                    rst,
  input  wire                    add_valid,   // STEPS = 2: not in the cycle after another
  input  wire [ROW_W-1:0]        add_row,
  input  wire                    add_first,
  input  wire                    add_last,
  input  wire                    add_bank,
  input  wire [COLS*SUM_W-1:0]   add_sum,     // 2 cycles after add_valid; an upper half 3
  output wire                    done,        // the last row of a bank moves to the output
  output wire                    done_bank,
  output reg                     out_valid,
  input  wire                    out_ready,
  output reg                     out_last,
  output wire [COLS*TOTAL_W-1:0] out_acc      // TOTAL_W bits per column; one beat per row
);
  generate
    if (ROWS < 1 || ROWS > 256 || (1 << ROW_W) < ROWS) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_256_and_fit_ROW_W illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
    if (TOTAL_W < 32 || TOTAL_W > 64 || TOTAL_W % STEPS != 0) begin : g_illegal_total
      shw_ILLEGAL_TOTAL_W_must_be_32_to_64_and_a_multiple_of_STEPS illegal ();
    end
    if (SUM_W < 10 || SUM_W > TOTAL_W) begin : g_illegal_sum
      shw_ILLEGAL_SUM_W_must_be_10_to_TOTAL_W illegal ();
    end
    if (STEPS != 1 && STEPS != 2) begin : g_illegal_steps
      shw_ILLEGAL_STEPS_must_be_1_or_2 illegal ();
    end
  endgenerate

  localparam GROUP   = 8;                          // columns that share control registers
  localparam PLACE_W = ROW_W + STEPS - 1;          // a row, and which half
  localparam [31:0] LAST = ROWS * STEPS - 1;
  localparam [PLACE_W-1:0] LAST_PLACE = LAST[PLACE_W-1:0];

  reg  [1:0]         full;        // per bank: a complete tile waits
  reg  [1:0]         end_valid;   // the tile's last sum is on its way to the memory
  reg  [1:0]         end_bank;
  reg                out_bank;
  reg  [PLACE_W-1:0] out_place;
  reg                beat;        // a word that completes a beat is being read
  reg                beat_last;

  wire               add;         // a word of a total is added to
  wire               first;
  wire [PLACE_W:0]   add_address;
  wire               lower;       // the output begins a row
  wire               upper;       // the output ends a row
  wire [STEPS-1:0]   half;        // the output's

  wire room     = !lower || (!beat && (!out_valid || out_ready));
  wire move     = full[out_bank] && !add && room;
  wire move_end = move && out_place == LAST_PLACE;

  assign done      = move_end;
  assign done_bank = out_bank;

  generate
    if (STEPS == 2) begin : g_halves
      reg               second;
      reg [ROW_W+1:0]   row;      // of the half that comes second: first, bank, row
      always @(posedge clk) begin
        second <= add_valid && !rst;
        row    <= {add_first, add_bank, add_row};
      end
      assign add         = (add_valid || second) && !rst;
      assign first       = second ? row[ROW_W+1] : add_first;
      assign add_address = {second ? row[ROW_W:0] : {add_bank, add_row}, second};
      assign lower       = !out_place[0];
      assign upper       = out_place[0];
      assign half        = {upper, lower};
    end else begin : g_whole
      assign add         = add_valid && !rst;
      assign first       = add_first;
      assign add_address = {add_bank, add_row};
      assign lower       = 1'b1;
      assign upper       = 1'b1;
      assign half        = 1'b1;
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      full      <= 2'b00;
      end_valid <= 2'b00;
      out_valid <= 1'b0;
      out_last  <= 1'b0;
      out_bank  <= 1'b0;
      out_place <= {PLACE_W{1'b0}};
      beat      <= 1'b0;
    end else begin
      end_valid <= {end_valid[0], add_last};
      if (end_valid[1]) full[end_bank[1]] <= 1'b1;
      if (move_end) full[out_bank] <= 1'b0;
      out_bank <= out_bank ^ move_end;
      if (move) out_place <= move_end ? {PLACE_W{1'b0}} : out_place + 1'b1;
      beat <= move && upper;
      if (beat) out_last <= beat_last;
      if (beat) out_valid <= 1'b1;
      else if (out_ready) out_valid <= 1'b0;
    end
    end_bank  <= {end_bank[0], add_bank};
    beat_last <= move_end;
  end

  wire [PLACE_W:0]   step_address = add ? add_address : {out_bank, out_place};
  wire [STEPS-1:0]   step_take    = half & {STEPS{move}};

  genvar g;
  generate
    for (g = 0; g < COLS; g = g + GROUP) begin : g_group
      localparam WIDTH = (COLS - g < GROUP) ? COLS - g : GROUP;
      shw_totals_group #(
        .COLS(WIDTH), .SUM_W(SUM_W), .TOTAL_W(TOTAL_W), .STEPS(STEPS), .ADDR_W(PLACE_W+1)
      ) u_group (
        .clk(clk), .step_address(step_address), .step_add(add), .step_first(first),
        .step_take(step_take), .add_sum(add_sum[g*SUM_W +: WIDTH*SUM_W]),
        .out_acc(out_acc[g*TOTAL_W +: WIDTH*TOTAL_W])
      );
    end
  endgenerate
endmodule

`default_nettype wire

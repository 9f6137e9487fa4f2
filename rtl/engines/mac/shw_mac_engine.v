// shw_mac_engine: multiply-accumulate tile engine, ROWS x COLS products of 8-bit codes a cycle.
//
// Computes tiles of ROWS x COLS dot products under the tile-engine contract (docs/architecture.md), with the ports of
// shw_tr_engine without term revealing. The array is output-stationary: cell (r, c) keeps one sum. Both signs may change
// from tile to tile. cfg_error stays low: no configuration is illegal.
//
// How it works: the column codes go down the array, one row per cycle, and the row codes wait as long, so the rows
// finish one after the other. In the cycle in which a row has its sums, one multiplexer per column takes them to LUT RAM,
// from where they leave; the cells begin the next tile in the next cycle. No sum is kept twice.
//
// Parameters:
//   ROWS        1..64   rows
//   COLS        1..256  columns
//   ACC_W       20..32  cell accumulator; results are modulo 2^ACC_W, two's complement
//   MULTIPLIER  "lut"    a cell is LUTs (shw_mac_lut_cell)
//               "dsp"    a cell is one multiplier, on 7-series with its accumulator (shw_mac_dsp_cell)
//               "dsp48"  two columns share one 25 x 18 multiplier and its accumulator (shw_mac_dsp48_pair)
//   FAMILY      "generic", "ecp5"  of the cells of "dsp"
// Latency: 9 cycles from a tile's last beat to its first result, the others follow at once.
// Throughput: 1 beat per cycle; a tile takes max(beats, ROWS) cycles. Results leave while the next tiles are computed:
//   at least two tiles of results are kept, so a sink may take max(beats, ROWS) cycles for the rows of a tile.
// Backpressure: in_ready falls while a tile's last beat waits for room; out_valid waits for out_ready; any stall pattern
//   gives the same bits. Reset: synchronous, drops tiles in flight; in_ready is high in the next cycle.
// Bit order: row 0, column 0 in the low bits; lane count 1.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_engine #(
  parameter ROWS       = 8,
  parameter COLS       = 64,
  parameter ACC_W      = 32,
  parameter MULTIPLIER = "dsp",
  parameter FAMILY     = "generic"
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               cfg_row_signed,
  input  wire               cfg_col_signed,
  output wire               cfg_error,
  input  wire               in_valid,
  output wire               in_ready,
  input  wire               in_last,
  input  wire [ROWS*8-1:0]  in_row,
  input  wire [COLS*8-1:0]  in_col,
  output wire               out_valid,
  input  wire               out_ready,
  output wire               out_last,
  output wire [COLS*32-1:0] out_acc
);
  localparam ROW_W  = (ROWS <= 2) ? 1 : $clog2(ROWS);
  localparam ADDR_W = (ROWS <= 8) ? 4 : ROW_W + 1;
  localparam PAIRS  = (COLS + 1) / 2;
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  localparam PAIRED = MULTIPLIER == "dsp48" ? 1 : 0;
  /* verilator lint_on WIDTHEXPAND */

  generate
    if (ROWS < 1 || ROWS > 64) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64 illegal ();
    end
    if (COLS < 1 || COLS > 256) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_256 illegal ();
    end
    if (ACC_W < 20 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_20_to_32 illegal ();
    end
    if (MULTIPLIER != "lut" && MULTIPLIER != "dsp" && PAIRED == 0) begin : g_illegal_mul
      shw_ILLEGAL_MULTIPLIER_must_be_lut_dsp_or_dsp48 illegal ();
    end
  endgenerate

  assign cfg_error = 1'b0;

  wire              move;
  wire              first;
  wire              first_offered;
  wire              note;
  wire [ROW_W-1:0]  select;
  wire              write;
  wire [ADDR_W-1:0] write_address;
  wire [ROW_W-1:0]  select_late;
  wire              write_late;
  wire [ADDR_W-1:0] write_address_late;
  wire [ADDR_W-1:0] read_address;
  wire              read_note;
  wire              load;

  shw_mac_control #(.ROWS(ROWS), .ROW_W(ROW_W), .ADDR_W(ADDR_W)) u_control (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_last(in_last), .ready(in_ready), .move(move),
    .first(first), .first_offered(first_offered), .note(note),
    .select(select), .write(write), .write_address(write_address),
    .select_late(select_late), .write_late(write_late), .write_address_late(write_address_late),
    .read_address(read_address), .read_note(read_note), .load(load),
    .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last)
  );

  // Operand registers: a beat waits here until it may move on.
  reg [ROWS*8-1:0] row_code;
  reg [COLS*8-1:0] col_code;
  reg              row_signed;
  reg              col_signed;

  always @(posedge clk) begin
    if (in_ready) begin
      row_code <= in_row;
      col_code <= in_col;
    end
    if (in_ready && in_valid && first_offered) begin
      row_signed <= cfg_row_signed;
      col_signed <= cfg_col_signed;
    end
  end

  // Row r works r cycles after row 0. Bit s of these is what the operand registers held s cycles ago.
  reg  [ROWS+3:1] first_past;
  reg  [ROWS+3:1] signed_past;                      // of the columns
  reg  [ROWS+3:1] mixed_past;
  wire [ROWS+3:0] first_stage  = {first_past, first};
  wire [ROWS+3:0] signed_stage = {signed_past, col_signed};
  wire [ROWS+3:0] mixed_stage  = {mixed_past, row_signed | col_signed};   // not both are unsigned

  always @(posedge clk) begin
    first_past  <= first_stage[ROWS+2:0];
    signed_past <= signed_stage[ROWS+2:0];
    mixed_past  <= mixed_stage[ROWS+2:0];
  end

  assign note = mixed_stage[0];

  // Row values; 0 in a cycle without a beat.
  wire [ROWS*9-1:0] row_value;
  genvar r;
  genvar c;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_value
      wire [7:0] code  = row_code[r*8 +: 8];
      wire [8:0] value = {row_signed & code[7], code} & {9{move}};
      shw_delay #(.W(9), .CYCLES((MULTIPLIER == "lut") ? r : r + 1)) u_skew (
        .clk(clk), .enable(1'b1), .now(value), .late(row_value[r*9 +: 9])
      );
    end
  endgenerate

  // The array. Sums column by column, row 0 of column 0 in the low bits; pairs have their own.
  localparam SUM_W = (PAIRED != 0) ? 1 : ROWS * COLS * ACC_W;
  wire [SUM_W-1:0] sum;

  generate
    if (MULTIPLIER == "lut") begin : g_lut
      reg  [(ROWS+1)*COLS*8-1:0] col_past;
      wire [(ROWS+2)*COLS*8-1:0] col_stage = {col_past, col_code};
      always @(posedge clk) col_past <= col_stage[(ROWS+1)*COLS*8-1:0];

      for (r = 0; r < ROWS; r = r + 1) begin : g_row
        wire [8:0]  once;
        wire [10:0] thrice;
        wire [8:0]  once_late;
        wire [10:0] thrice_late;
        wire [9:0]  top_twice;
        wire [10:0] top_thrice;
        shw_mac_multiples u_multiples (
          .clk(clk), .value(row_value[r*9 +: 9]), .col_signed(signed_stage[r+1]),
          .once(once), .thrice(thrice), .once_late(once_late), .thrice_late(thrice_late),
          .top_twice(top_twice), .top_thrice(top_thrice)
        );
        for (c = 0; c < COLS; c = c + 1) begin : g_cell
          shw_mac_lut_cell #(.ACC_W(ACC_W)) u_cell (
            .clk(clk), .first(first_stage[r+3]),
            .once(once), .thrice(thrice), .once_late(once_late), .thrice_late(thrice_late),
            .top_twice(top_twice), .top_thrice(top_thrice),
            .code_low(col_stage[((r+1)*COLS+c)*8 +: 4]),
            .code_high(col_stage[((r+2)*COLS+c)*8+4 +: 4]),
            .acc(sum[(c*ROWS+r)*ACC_W +: ACC_W])
          );
        end
      end
      wire unused = &{1'b0, first_stage, signed_stage, mixed_stage, col_stage};
    end else if (MULTIPLIER == "dsp") begin : g_dsp
      reg  [ROWS*COLS*9-1:0]     col_past;
      wire [(ROWS+1)*COLS*9-1:0] col_stage;
      for (c = 0; c < COLS; c = c + 1) begin : g_value
        wire [7:0] code = col_code[c*8 +: 8];
        assign col_stage[c*9 +: 9] = {col_signed & code[7], code};
      end
      assign col_stage[(ROWS+1)*COLS*9-1:COLS*9] = col_past;
      always @(posedge clk) col_past <= col_stage[ROWS*COLS*9-1:0];

      for (r = 0; r < ROWS; r = r + 1) begin : g_row
        for (c = 0; c < COLS; c = c + 1) begin : g_cell
          shw_mac_dsp_cell #(.ACC_W(ACC_W), .FAMILY(FAMILY)) u_cell (
            .clk(clk), .first(first_stage[r+3]), .row(row_value[r*9 +: 9]),
            .col(col_stage[((r+1)*COLS+c)*9 +: 9]), .acc(sum[(c*ROWS+r)*ACC_W +: ACC_W])
          );
        end
      end
      wire unused = &{1'b0, first_stage, signed_stage, mixed_stage};
    end
  endgenerate

  // The results of a column wait in its store until its output register takes them.
  reg [COLS*ACC_W-1:0] out_sum;

  generate
    if (PAIRED != 0) begin : g_pairs
      localparam BOTH_W = ACC_W + 16;
      localparam WRAP_W = ACC_W - 16;
      reg  [(ROWS+3)*PAIRS*18-1:0] pair_past;
      wire [(ROWS+4)*PAIRS*18-1:0] pair_stage;
      wire [2*PAIRS*8-1:0]         code;
      wire [ROWS*PAIRS*BOTH_W-1:0] both;
      wire [ROWS*PAIRS*WRAP_W-1:0] wraps;
      if (2 * PAIRS > COLS) begin : g_odd
        assign code = {8'd0, col_code};
      end else begin : g_even
        assign code = col_code;
      end
      for (c = 0; c < PAIRS; c = c + 1) begin : g_value
        wire [7:0] low      = code[c*16 +: 8];
        wire [7:0] high     = code[c*16+8 +: 8];
        wire       negative = col_signed & low[7];
        assign pair_stage[c*18 +: 18] =
          {{col_signed & high[7], high} - {8'd0, negative}, negative, low};
      end
      assign pair_stage[(ROWS+4)*PAIRS*18-1:PAIRS*18] = pair_past;
      always @(posedge clk) pair_past <= pair_stage[(ROWS+3)*PAIRS*18-1:0];

      for (r = 0; r < ROWS; r = r + 1) begin : g_row
        wire [8:0] row   = row_value[r*9 +: 9];
        wire       big = row[7] & row[6] & ~mixed_stage[r+1];
        wire [1:0] late;
        shw_delay #(.W(2), .CYCLES(3)) u_late (
          .clk(clk), .enable(1'b1), .now({big, row[8]}), .late(late)
        );
        for (c = 0; c < PAIRS; c = c + 1) begin : g_pair
          wire [8:0] low_late = pair_stage[((r+4)*PAIRS+c)*18 +: 9];
          shw_mac_dsp48_pair #(.ACC_W(ACC_W)) u_pair (
            .clk(clk), .first(first_stage[r+3]), .first_late(first_stage[r+4]),
            .start(mixed_stage[r+3]), .row(row), .pair(pair_stage[((r+1)*PAIRS+c)*18 +: 18]),
            .row_negative(late[0]), .row_big(late[1]),
            .low_negative(low_late[8]), .low_big(low_late[7] & low_late[6]),
            .both(both[(c*ROWS+r)*BOTH_W +: BOTH_W]), .wraps(wraps[(c*ROWS+r)*WRAP_W +: WRAP_W])
          );
          wire unused = &{1'b0, low_late};
        end
      end

      wire [2*PAIRS*ACC_W-1:0] result;
      for (c = 0; c < PAIRS; c = c + 1) begin : g_column
        wire [BOTH_W-1:0] read_both;
        wire [WRAP_W-1:0] read_wraps;
        shw_mac_store #(.ROWS(ROWS), .W(BOTH_W), .ROW_W(ROW_W), .ADDR_W(ADDR_W)) u_both (
          .clk(clk), .words(both[c*ROWS*BOTH_W +: ROWS*BOTH_W]), .select(select), .write(write),
          .write_address(write_address), .read_address(read_address), .read_word(read_both)
        );
        shw_mac_store #(.ROWS(ROWS), .W(WRAP_W), .ROW_W(ROW_W), .ADDR_W(ADDR_W)) u_wraps (
          .clk(clk), .words(wraps[c*ROWS*WRAP_W +: ROWS*WRAP_W]), .select(select_late),
          .write(write_late), .write_address(write_address_late), .read_address(read_address),
          .read_word(read_wraps)
        );
        shw_mac_unpack #(.ACC_W(ACC_W)) u_unpack (
          .both(read_both), .wraps(read_wraps), .start(read_note),
          .low(result[2*c*ACC_W +: ACC_W]), .high(result[(2*c+1)*ACC_W +: ACC_W])
        );
      end
      always @(posedge clk) if (load) out_sum <= result[COLS*ACC_W-1:0];
      assign sum = 1'b0;
      wire unused = &{1'b0, signed_stage, mixed_stage, result, pair_stage, sum};
    end else begin : g_columns
      wire [COLS*ACC_W-1:0] result;
      for (c = 0; c < COLS; c = c + 1) begin : g_column
        shw_mac_store #(.ROWS(ROWS), .W(ACC_W), .ROW_W(ROW_W), .ADDR_W(ADDR_W)) u_store (
          .clk(clk), .words(sum[c*ROWS*ACC_W +: ROWS*ACC_W]), .select(select), .write(write),
          .write_address(write_address), .read_address(read_address),
          .read_word(result[c*ACC_W +: ACC_W])
        );
      end
      always @(posedge clk) if (load) out_sum <= result;
      wire unused = &{1'b0, select_late, write_late, write_address_late, read_note};
    end

    for (c = 0; c < COLS; c = c + 1) begin : g_out
      wire [32:0] wide = {{(33-ACC_W){out_sum[(c+1)*ACC_W-1]}}, out_sum[c*ACC_W +: ACC_W]};
      assign out_acc[c*32 +: 32] = wide[31:0];
      wire unused = &{1'b0, wide[32]};
    end
  endgenerate
endmodule

`default_nettype wire

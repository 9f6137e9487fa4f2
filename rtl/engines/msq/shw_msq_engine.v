// shw_msq_engine: tile engine for 4-bit networks of mixed rows: multipliers and shift-add units side by side.
//
// Computes tiles of ROWS x COLS dot products under the tile-engine contract (docs/architecture.md), LANES reduction
// steps a beat. Rows 0..FIXED_ROWS-1 are multipliers (shw_fixed_mac), the other SP2_ROWS rows are shift-add units
// (shw_sp2_mac). Every row takes fixed codes (two's complement -7..7) and SP2 codes alike: cfg_row_sp2 tells which.
// Column codes are 0..15, or -8..7 with cfg_col_signed. cfg_* are sampled at the first beat of a tile; every
// configuration is legal, cfg_error is constant 0. Code 4'b1000 of a row counts as 0 (SP2) or -8 (fixed).
// A reduction whose length is no multiple of LANES is filled up with zero codes.
//
// Parameters:
//   FIXED_ROWS  0..64    rows of multipliers; even with PRODUCTS = 4; 0 with PRODUCTS = 0
//   SP2_ROWS    0..64    rows of shift-add units; FIXED_ROWS + SP2_ROWS is 1..64
//   COLS        2..256   columns, even
//   LANES       1, 4, 8, 16, 32  reduction steps per beat
//   ACC_W       16..32   accumulators; every |sum| of a tile has to stay below 2^(ACC_W-1)
//   PRODUCTS    0, 2, 4  products per multiplier: 4 needs 25 x 18 bits, 2 needs 16 x 16; 0: no multipliers
// Latency:      11 + log2(LANES / 4), with one lane 8, cycles from a tile's last beat to its first result.
// Throughput:   1 beat per cycle; a tile takes max(beats, ROWS + 1) cycles in steady state.
// Backpressure: full; while a tile waits for the results before it to leave, the whole pipeline stands and
//   in_ready is low. in_ready depends on registers alone. Any stall pattern gives the same bits.
// Reset:        synchronous, drops tiles in flight.
// Bit order:    row 0, column 0, lane 0 in the low bits, lane fastest.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_msq_engine #(
  parameter FIXED_ROWS = 8,
  parameter SP2_ROWS   = 8,
  parameter COLS       = 16,
  parameter LANES      = 8,
  parameter ACC_W      = 24,
  parameter PRODUCTS   = 4
) (
  input  wire                                   clk,
  input  wire                                   rst,
  input  wire [FIXED_ROWS+SP2_ROWS-1:0]         cfg_row_sp2,     // per row: codes are SP2
  input  wire                                   cfg_col_signed,
  output wire                                   cfg_error,
  input  wire                                   in_valid,
  output wire                                   in_ready,
  input  wire                                   in_last,
  input  wire [(FIXED_ROWS+SP2_ROWS)*LANES*4-1:0] in_row,
  input  wire [COLS*LANES*4-1:0]                in_col,
  output wire                                   out_valid,
  input  wire                                   out_ready,
  output wire                                   out_last,
  output wire [COLS*32-1:0]                     out_acc
);
  localparam ROWS    = FIXED_ROWS + SP2_ROWS;
  localparam CHAINS  = (LANES + 3) / 4;
  localparam LEVELS  = $clog2(CHAINS);
  localparam SUM_W   = 10 + LEVELS;
  localparam STAGES  = 4 + LANES / CHAINS + LEVELS;   // registers from the input to the sums
  localparam BLOCK   = (PRODUCTS == 4) ? 2 : 1;  // rows that share multipliers
  localparam BLOCKS  = FIXED_ROWS / BLOCK;
  localparam ROW_W   = (PRODUCTS == 4) ? 25 : 5;

  generate
    if (ROWS < 1 || ROWS > 64 || FIXED_ROWS < 0 || SP2_ROWS < 0) begin : g_illegal_rows
      shw_ILLEGAL_SP2_ROWS_must_be_0_to_64_with_FIXED_ROWS_1_to_64 illegal ();
    end
    if (PRODUCTS != 0 && PRODUCTS != 2 && PRODUCTS != 4) begin : g_illegal_products
      shw_ILLEGAL_PRODUCTS_must_be_0_2_or_4 illegal ();
    end
    if ((PRODUCTS == 4 && FIXED_ROWS % 2 != 0)
        || (PRODUCTS == 0 && FIXED_ROWS != 0)) begin : g_illegal_fixed
      shw_ILLEGAL_FIXED_ROWS_must_be_0_to_64_even_with_PRODUCTS_4_and_0_with_0 illegal ();
    end
    if (COLS < 2 || COLS > 256 || COLS % 2 != 0) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_even_2_to_256 illegal ();
    end
    if (LANES != 1 && LANES != 4 && LANES != 8 && LANES != 16
        && LANES != 32) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_1_4_8_16_or_32 illegal ();
    end
    if (ACC_W < 16 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_16_to_32 illegal ();
    end
  endgenerate

  assign cfg_error = 1'b0;

  // The pipeline moves as a whole, unless a finished tile finds the shadow registers occupied.
  reg  [STAGES:1] valid;
  reg  [STAGES:1] last;
  wire            leaving;     // the shadow registers hold results
  reg             first;       // the next beat is a tile's first

  wire complete = valid[STAGES] && last[STAGES];
  wire move     = !(complete && leaving);
  wire taken    = in_valid && move;

  assign in_ready = move;

  reg [ROWS*LANES*4-1:0] row_code;
  reg [COLS*LANES*4-1:0] col_code;
  reg [ROWS-1:0]         row_sp2;
  reg                    col_signed;

  always @(posedge clk) begin
    if (rst) begin
      valid <= {STAGES{1'b0}};
      first <= 1'b1;
    end else if (move) begin
      valid <= {valid[STAGES-1:1], in_valid};
      if (in_valid) first <= in_last;
    end
    if (move) begin
      last     <= {last[STAGES-1:1], in_last};
      row_code <= in_row;
      col_code <= in_col;
    end
    if (taken && first) begin
      row_sp2    <= cfg_row_sp2;
      col_signed <= cfg_col_signed;
    end
  end

  wire add = move && valid[STAGES];

  // Column edges.
  wire [COLS*LANES*4-1:0]      x;
  wire [COLS*LANES-1:0]        top_once;
  wire [COLS*LANES-1:0]        top_twice;
  wire [(COLS/2)*LANES*15-1:0] column;

  // Totals of all rows: shadow registers, and what each row has too much. In rows of multipliers
  // that is the same constant in every beat (shw_fixed_mac).
  wire [ROWS*COLS*ACC_W-1:0] total;
  wire [ROWS*ACC_W-1:0]      excess;
  wire [ACC_W-1:0]           fixed_excess;

  genvar r;
  genvar c;
  genvar f;
  generate
    for (c = 0; c < COLS / 2; c = c + 1) begin : g_column
      shw_msq_column_edge #(.LANES(LANES)) u_edge (
        .clk(clk), .enable(move), .code(col_code[c*2*LANES*4 +: 2*LANES*4]),
        .col_signed(col_signed), .x(x[c*2*LANES*4 +: 2*LANES*4]),
        .top_once(top_once[c*2*LANES +: 2*LANES]), .top_twice(top_twice[c*2*LANES +: 2*LANES]),
        .column(column[c*LANES*15 +: LANES*15])
      );
    end

    for (r = 0; r < BLOCKS; r = r + 1) begin : g_fixed
      wire [LANES*ROW_W-1:0] row;
      shw_fixed_row_edge #(.LANES(LANES), .PRODUCTS(PRODUCTS)) u_edge (
        .clk(clk), .enable(move), .code(row_code[r*BLOCK*LANES*4 +: BLOCK*LANES*4]),
        .sp2(row_sp2[r*BLOCK +: BLOCK]), .row(row)
      );
      for (c = 0; c < COLS / 2; c = c + 1) begin : g_unit
        wire [PRODUCTS*SUM_W-1:0] sum;
        shw_fixed_mac #(.LANES(LANES), .PRODUCTS(PRODUCTS)) u_mac (
          .clk(clk), .enable(move), .row(row), .column(column[c*LANES*15 +: LANES*15]),
          .out_sum(sum)
        );
        for (f = 0; f < PRODUCTS; f = f + 1) begin : g_total
          shw_msq_accumulator #(.ACC_W(ACC_W), .SUM_W(SUM_W)) u_total (
            .clk(clk), .rst(rst), .enable(add), .last(last[STAGES]), .sum(sum[f*SUM_W +: SUM_W]),
            .total(total[((r*BLOCK+f/2)*COLS+2*c+f%2)*ACC_W +: ACC_W])
          );
        end
      end
      assign excess[r*BLOCK*ACC_W +: BLOCK*ACC_W] = {BLOCK{fixed_excess}};
    end
    if (BLOCKS > 0) begin : g_fixed_excess
      shw_msq_accumulator #(.ACC_W(ACC_W), .SUM_W(SUM_W)) u_excess (
        .clk(clk), .rst(rst), .enable(add), .last(last[STAGES]), .sum({1'b1, {(SUM_W-1){1'b0}}}),
        .total(fixed_excess)
      );
    end else begin : g_no_excess
      assign fixed_excess = {ACC_W{1'b0}};
    end

    for (r = FIXED_ROWS; r < ROWS; r = r + 1) begin : g_sp2
      wire [LANES*6-1:0] digits;
      wire [SUM_W-1:0]   row_excess;
      shw_sp2_row_edge #(.LANES(LANES)) u_edge (
        .clk(clk), .enable(move), .code(row_code[r*LANES*4 +: LANES*4]), .sp2(row_sp2[r]),
        .col_signed(col_signed), .digits(digits), .excess(row_excess)
      );
      shw_msq_accumulator #(.ACC_W(ACC_W), .SUM_W(SUM_W)) u_excess (
        .clk(clk), .rst(rst), .enable(add), .last(last[STAGES]), .sum(row_excess),
        .total(excess[r*ACC_W +: ACC_W])
      );
      for (c = 0; c < COLS; c = c + 1) begin : g_unit
        wire [SUM_W-1:0] sum;
        shw_sp2_mac #(.LANES(LANES)) u_mac (
          .clk(clk), .enable(move), .digits(digits), .x(x[c*LANES*4 +: LANES*4]),
          .top_once(top_once[c*LANES +: LANES]), .top_twice(top_twice[c*LANES +: LANES]),
          .out_sum(sum)
        );
        shw_msq_accumulator #(.ACC_W(ACC_W), .SUM_W(SUM_W)) u_total (
          .clk(clk), .rst(rst), .enable(add), .last(last[STAGES]), .sum(sum),
          .total(total[(r*COLS+c)*ACC_W +: ACC_W])
        );
      end
    end
    // What only the other kind of row reads.
    if (SP2_ROWS == 0) begin : g_no_sp2
      wire unused = &{1'b0, x, top_once, top_twice};
    end
    if (FIXED_ROWS == 0) begin : g_no_fixed
      wire unused = &{1'b0, column, fixed_excess};
    end
  endgenerate

  shw_msq_drain #(.ROWS(ROWS), .COLS(COLS), .ACC_W(ACC_W)) u_drain (
    .clk(clk), .rst(rst), .start(add && last[STAGES]), .leaving(leaving),
    .total(total), .excess(excess),
    .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out_acc(out_acc)
  );
endmodule

`default_nettype wire

// shw_exp_count_engine: tile engine of pair-counting cells, the published form of exponential dot products.
//
// Codes are {sign, exponent in two's complement}; exponent -2^(BITS-1) is zero, whatever its sign. A result is
//   F[0] sum both[e] P[e] + F[1] sum rows[i] P[i] + F[2] sum columns[i] P[i] + F[3] sum rows[i] P[0]
// with the signed counters of ia + iw, ia and iw, P[e] for b^e and F for aA*aW, aA*bW, aW*bA, bA*bW, where A is the
// operand of the rows (exponent ia) and W that of the columns (iw).
//
// A tile is cut into slices of at most L = 2^(COUNT_W-1) - 1 beats, which no counter can overflow. After
// a slice its counters move to the column edges, which evaluate them while the next one is counted.
//
// Parameters: ROWS     1..4     rows
//             COLS     1..1024  columns
//             BITS     3..7     width of an exponent
//             COUNT_W  4..12    width of a counter; up to 9 the multipliers have at most 25 x 18 bits
// Latency:      with R = 2^(BITS-1) - 1: row r leaves 9 + (r + 1) (10 R + 4) cycles after the tile's last beat, if
//   its last slice does not wait.
// Throughput:   1 beat per cycle; moving takes ROWS (4 R + 1) cycles a slice, and slices do not move
//   closer together than ROWS (10 R + 4) + 3 cycles.
// Backpressure: in_ready falls while counters move; a move waits until the slice before is evaluated,
//   which stops before it overwrites a result that has not left. All outputs depend on registers only.
// Reset:        rst drops all tiles and keeps the tables; counters are cleared in the ROWS (4 R + 1)
//   cycles that follow.
// Tables: select 0: P[e], unsigned 16 bits, at e in two's complement, -2 R..2 R; 1: F, two's
//   complement, at 0..3. Every word has to be written before the first beat. table_ready is 1 while no
//   tile is in the engine.
// Bit order:    row 0, column 0 in the low bits; lane count 1. Results are modulo 2^48.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_exp_count_engine #(
  parameter ROWS    = 2,
  parameter COLS    = 8,
  parameter BITS    = 4,
  parameter COUNT_W = 8
) (
  input  wire                     clk,
  input  wire                     rst,
  output wire                     cfg_error,      // 0: there is no configuration
  input  wire                     table_valid,    // a word is offered; stays until taken
  output wire                     table_ready,    // the word is taken at the next edge
  input  wire                     table_select,   // 0: powers, 1: factors
  input  wire [BITS:0]            table_address,  // exponent in two's complement, or 0..3
  input  wire [16:0]              table_data,     // 16 bits, or 17 in two's complement
  input  wire                     in_valid,
  output wire                     in_ready,
  input  wire                     in_last,
  input  wire [ROWS*(BITS+1)-1:0] in_row,
  input  wire [COLS*(BITS+1)-1:0] in_col,
  output reg                      out_valid,
  input  wire                     out_ready,
  output reg                      out_last,
  output wire [COLS*48-1:0]       out_acc         // one 48-bit result per column; one beat per row
);
  generate
    if (ROWS < 1 || ROWS > 4) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_4 illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
    if (BITS < 3 || BITS > 7) begin : g_illegal_bits
      shw_ILLEGAL_BITS_must_be_3_to_7 illegal ();
    end
    if (COUNT_W < 4 || COUNT_W > 12) begin : g_illegal_count
      shw_ILLEGAL_COUNT_W_must_be_4_to_12 illegal ();
    end
  endgenerate

  localparam CODE_W = BITS + 1;
  localparam ROW_W  = (ROWS <= 2) ? 1 : $clog2(ROWS);
  localparam [31:0] LAST = ROWS - 1;
  localparam [ROW_W-1:0] LAST_ROW = LAST[ROW_W-1:0];
  localparam [COUNT_W-2:0] LAST_BEAT = {{(COUNT_W-2){1'b1}}, 1'b0};
  // Exponents: R and 2 R, and their negatives, as entries of the larger histogram; zero as a code.
  localparam [BITS:0] R        = {2'b00, {(BITS-1){1'b1}}};
  localparam [BITS:0] R_TWICE  = {1'b0, {(BITS-1){1'b1}}, 1'b0};
  localparam [BITS:0] R_BELOW  = ~R + 1'b1;
  localparam [BITS:0] BOTTOM   = ~R_TWICE + 1'b1;
  localparam [BITS-1:0] ZERO   = {1'b1, {(BITS-1){1'b0}}};

  assign cfg_error = 1'b0;

  // Counting and moving.
  reg  [COUNT_W-2:0] beats;        // of the slice, so far
  reg                first;        // the slice is the first of its tile
  reg                last;         // and, while it moves, the last
  reg                moving;
  reg                clearing;     // moving after a reset: nothing to evaluate
  reg  [ROW_W-1:0]   move_row;
  reg  [BITS:0]      move_entry;   // ia + iw
  reg                busy;         // buffered counters are not yet evaluated

  wire beat       = in_valid && in_ready;
  wire slice_end  = beat && (in_last || beats == LAST_BEAT);
  wire move_first = move_entry == BOTTOM && move_row == {ROW_W{1'b0}};
  wire move       = moving && !(move_first && busy);
  wire move_end   = move && move_entry == R_TWICE && move_row == LAST_ROW;
  wire evaluate   = move && move_first && !clearing;
  wire evaluated;                  // the last counter of a slice is read

  assign in_ready = !moving;

  always @(posedge clk) begin
    if (rst) begin
      beats      <= {(COUNT_W-1){1'b0}};
      first      <= 1'b1;
      last       <= 1'b1;
      moving     <= 1'b1;
      clearing   <= 1'b1;
      move_row   <= {ROW_W{1'b0}};
      move_entry <= BOTTOM;
      busy       <= 1'b0;
    end else begin
      if (beat) beats <= slice_end ? {(COUNT_W-1){1'b0}} : beats + 1'b1;
      if (slice_end) begin
        moving <= 1'b1;
        last   <= in_last;
      end
      if (move) begin
        move_entry <= (move_entry == R_TWICE) ? BOTTOM : move_entry + 1'b1;
        if (move_entry == R_TWICE) begin
          move_row <= (move_row == LAST_ROW) ? {ROW_W{1'b0}} : move_row + 1'b1;
        end
      end
      if (move_end) begin
        moving   <= 1'b0;
        clearing <= 1'b0;
        first    <= last;
      end
      if (evaluate) busy <= 1'b1;
      else if (evaluated) busy <= 1'b0;
    end
  end

  // Edges of the array. A move names the halves of ia + iw, rounded down for the rows and up for the columns; two
  // stages on the counters are at the foot of the array.
  wire [BITS:0]           move_above = move_entry + 1'b1;
  wire                    unused     = &{1'b0, move_above[0]};
  reg                     single;
  reg                     counting;
  reg                     not_move;
  reg                     both_write;
  reg                     single_write;
  reg  [ROW_W+BITS:0]     move_place_1;
  reg  [ROW_W+BITS:0]     move_place_2;
  reg                     evaluate_1;
  reg                     evaluate_2;
  reg  [ROWS-1:0]         row_valid;
  reg  [ROWS-1:0]         row_negative;
  reg  [ROWS*BITS-1:0]    row_exponent;
  reg  [ROWS*BITS-1:0]    row_entry;
  reg  [COLS-1:0]         column_valid;
  reg  [COLS-1:0]         column_negative;
  reg  [COLS*BITS-1:0]    column_exponent;
  reg  [COLS*BITS-1:0]    column_entry;

  integer n;
  always @(posedge clk) begin
    single       <= !(move && move_entry[0]);
    not_move     <= !move;
    counting     <= not_move;
    both_write   <= !not_move;
    single_write <= !not_move && single;
    move_place_1 <= {move_row, move_entry};
    move_place_2 <= move_place_1;
    evaluate_1   <= evaluate && !rst;
    evaluate_2   <= evaluate_1 && !rst;
    row_entry    <= row_exponent;
    column_entry <= column_exponent;
    for (n = 0; n < ROWS; n = n + 1) begin
      row_valid[n]    <= move || (beat && in_row[n*CODE_W +: BITS] != ZERO);
      row_negative[n] <= !moving && in_row[n*CODE_W+BITS];
      row_exponent[n*BITS +: BITS] <= moving ? move_entry[BITS:1] : in_row[n*CODE_W +: BITS];
    end
    for (n = 0; n < COLS; n = n + 1) begin
      column_valid[n]    <= move || (beat && in_col[n*CODE_W +: BITS] != ZERO);
      column_negative[n] <= !moving && in_col[n*CODE_W+BITS];
      column_exponent[n*BITS +: BITS] <= moving ? move_above[BITS:1] : in_col[n*CODE_W +: BITS];
    end
  end

  // Array: row 0 is at the end of the chain.
  wire [(ROWS+1)*COLS*COUNT_W-1:0] both;
  wire [(ROWS+1)*COLS*COUNT_W-1:0] rows;
  wire [(ROWS+1)*COLS*COUNT_W-1:0] columns;
  assign both[ROWS*COLS*COUNT_W +: COLS*COUNT_W]    = {(COLS*COUNT_W){1'b0}};
  assign rows[ROWS*COLS*COUNT_W +: COLS*COUNT_W]    = {(COLS*COUNT_W){1'b0}};
  assign columns[ROWS*COLS*COUNT_W +: COLS*COUNT_W] = {(COLS*COUNT_W){1'b0}};

  genvar r;
  genvar c;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      for (c = 0; c < COLS; c = c + 1) begin : g_cell
        shw_exp_count_cell #(.BITS(BITS), .COUNT_W(COUNT_W)) u_cell (
          .clk(clk), .rst(rst), .single(single),
          .row_valid(row_valid[r]), .row_negative(row_negative[r]),
          .row_exponent(row_exponent[r*BITS +: BITS]),
          .column_valid(column_valid[c]), .column_negative(column_negative[c]),
          .column_exponent(column_exponent[c*BITS +: BITS]),
          .counting(counting),
          .row_entry(row_entry[r*BITS +: BITS]), .column_entry(column_entry[c*BITS +: BITS]),
          .north_both(both[((r+1)*COLS+c)*COUNT_W +: COUNT_W]),
          .north_rows(rows[((r+1)*COLS+c)*COUNT_W +: COUNT_W]),
          .north_columns(columns[((r+1)*COLS+c)*COUNT_W +: COUNT_W]),
          .both(both[(r*COLS+c)*COUNT_W +: COUNT_W]),
          .rows(rows[(r*COLS+c)*COUNT_W +: COUNT_W]),
          .columns(columns[(r*COLS+c)*COUNT_W +: COUNT_W])
        );
      end
    end
  endgenerate

  // Evaluation: row by row the passes both, rows, columns, rows with P[0]; one counter per cycle.
  reg              active;
  reg              slice_first;
  reg              slice_last;
  reg  [1:0]       pass;
  reg  [ROW_W-1:0] row;
  reg  [BITS:0]    exponent;
  reg  [6:1]       valid;
  reg  [2:1]       begins;
  reg  [5:1]       ends;
  reg  [5*2-1:0]   passes;
  reg  [4:1]       firsts;
  reg  [5:1]       lasts;
  reg              row_done;        // stage 6: a row is complete
  reg              keep;            // and its slice is not the last of its tile
  reg  [ROW_W-1:0] done_row;        // the row that will be complete next

  // Pass 0 ends by overwriting the result before.
  wire pass_begins = exponent == (pass == 2'd0 ? BOTTOM : R_BELOW);
  wire pass_ends   = exponent == (pass == 2'd0 ? R_TWICE : R);
  wire step        = active && !(pass == 2'd0 && pass_ends && out_valid);
  wire row_end     = step && pass_ends && pass == 2'd3;
  wire row_ready   = ends[5] && passes[9:8] == 2'd3;

  assign evaluated = row_end && row == LAST_ROW;

  always @(posedge clk) begin
    if (rst) begin
      active    <= 1'b0;
      valid     <= 6'd0;
      ends      <= 5'd0;
      row_done  <= 1'b0;
      keep      <= 1'b0;
      done_row  <= {ROW_W{1'b0}};
      out_valid <= 1'b0;
    end else begin
      if (evaluate_2) active <= 1'b1;
      else if (evaluated) active <= 1'b0;
      valid    <= {valid[5:1], step};
      ends     <= {ends[4:1], step && pass_ends};
      row_done <= row_ready;
      keep     <= row_ready && !lasts[5];
      if (row_done) done_row <= (done_row == LAST_ROW) ? {ROW_W{1'b0}} : done_row + 1'b1;
      if (row_ready && lasts[5]) out_valid <= 1'b1;
      else if (out_ready) out_valid <= 1'b0;
    end
    if (evaluate_2) begin
      slice_first <= first;
      slice_last  <= last;
      pass        <= 2'd0;
      row         <= {ROW_W{1'b0}};
      exponent    <= BOTTOM;
    end else if (step) begin
      exponent <= !pass_ends ? exponent + 1'b1 : (pass == 2'd3) ? BOTTOM : R_BELOW;
      if (pass_ends) pass <= pass + 2'd1;
      if (row_end) row <= row + 1'b1;
    end
    begins <= {begins[1], pass_begins};
    passes <= {passes[7:0], pass};
    firsts <= {firsts[3:1], slice_first};
    lasts  <= {lasts[4:1], slice_last};
    if (row_ready) out_last <= done_row == LAST_ROW;
  end

  // Tables.
  wire        table_write = table_valid && table_ready;
  wire [15:0] power;
  wire [16:0] factor;
  reg  [15:0] power_1;
  reg  [16:0] factor_4;

  // A slice is moving, or in the pipeline, or waits for a result to leave.
  assign table_ready = first && beats == {(COUNT_W-1){1'b0}}
                       && !moving && valid == 6'd0 && !out_valid;

  shw_lutram #(.DATA_W(16), .ADDR_W(BITS + 1)) u_powers (
    .clk(clk), .write_enable(table_write && !table_select), .write_address(table_address),
    .write_data(table_data[15:0]),
    .read_address((pass == 2'd3) ? {(BITS+1){1'b0}} : exponent), .read_data(power)
  );
  shw_lutram #(.DATA_W(17), .ADDR_W(2)) u_factors (
    .clk(clk), .write_enable(table_write && table_select), .write_address(table_address[1:0]),
    .write_data(table_data), .read_address(passes[5:4]), .read_data(factor)
  );

  always @(posedge clk) begin
    power_1  <= power;
    factor_4 <= factor;
  end

  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      shw_exp_count_column #(
        .ROWS(ROWS), .BITS(BITS), .COUNT_W(COUNT_W), .ROW_W(ROW_W)
      ) u_column (
        .clk(clk),
        .both_write(both_write), .both_entry(move_place_2),
        .both(both[c*COUNT_W +: COUNT_W]),
        .single_write(single_write),
        .single_entry({move_place_2[BITS+1 +: ROW_W], move_place_2[BITS:1]}),
        .rows(rows[c*COUNT_W +: COUNT_W]), .columns(columns[c*COUNT_W +: COUNT_W]),
        .pass(pass), .entry({row, exponent}), .power_1(power_1),
        .valid_2(valid[2]), .begin_2(begins[2]), .factor_4(factor_4), .first_4(firsts[4]),
        .end_5(ends[5]), .row_begin_5(passes[9:8] == 2'd0), .keep(keep), .keep_row(done_row),
        .out_acc(out_acc[c*48 +: 48])
      );
    end
  endgenerate
endmodule

`default_nettype wire

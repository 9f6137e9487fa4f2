// shw_tr_engine: term-revealing tile engine. Rows are streamed as signed powers of two, columns are gathered.
//
// Computes tiles of ROWS x COLS dot products under the tile-engine contract (docs/architecture.md). With
// cfg_tr_en = 0 it is a plain 8-bit engine (conventional quantization); with 1 every row keeps cfg_group_budget
// terms per cfg_group values and every column value cfg_data_terms terms (0: all). The configuration is sampled at
// the first beat of a tile, so the mode may change from tile to tile without reset.
// A tile is cut into slices of DEPTH >> cfg_slice_shift places: shorter ones have smaller sums.
// An illegal configuration (slices of less than 32 places; cfg_group not a power of two in 1..256 or longer than a slice,
// cfg_group_budget 0, cfg_data_terms above 9, or not 0 while TRUNCATE = 0, none of which is looked at while
// cfg_tr_en = 0) raises cfg_error; the tile is consumed, no result leaves.
//
// How it works: each row edge keeps the row's terms as bitmaps, one per exponent plane, and walks them from the top plane
// down; one term per cycle names a column operand (index) and an operation, and all cells of the row do
// acc <= t + {acc, acc << 1, ~acc, north}: Horner's rule in the order in which the water recedes.
//
// Parameters:
//   ROWS     1..64     rows (streamed operands)
//   COLS     1..1024   columns (gathered operands)
//   DEPTH    32..1024  values of the longest slice, a power of two
//   ACC_W    20..32    cell accumulator: the sum of one slice must fit in ACC_W bits two's complement
//   TRUNCATE 0, 1      1: data truncation (cfg_data_terms) is built in
//   FAMILY   "generic": cells in two halves (shw_tr_split_cell); "ecp5": cells of its carry cells (shw_tr_cell)
// Latency: a slice takes max(load, operations of its longest row (shw_term_sequencer) + ROWS + 1) cycles in steady
//   state; load is 8 cycles, 9 with unsigned rows under hese, for 8 values or a smaller group. Its first operation
//   follows its last beat by 23 cycles or more, the first output beat the last operation by 10 or more.
// Throughput: as above; loading, computing and draining of consecutive slices and tiles overlap.
// Backpressure: in_ready falls while four slices or 2 * DEPTH values are in flight; out_valid waits for out_ready;
//   any stall pattern gives the same bits. Reset: synchronous, drops tiles in flight; in_ready rises a cycle later.
// Bit order: row 0, column 0 in the low bits; lane count 1.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_engine #(
  parameter ROWS     = 8,
  parameter COLS     = 64,
  parameter DEPTH    = 256,
  parameter ACC_W    = 22,
  parameter TRUNCATE = 1,
  parameter FAMILY   = "generic"
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               cfg_tr_en,
  input  wire [8:0]         cfg_group,
  input  wire [10:0]        cfg_group_budget,
  input  wire [3:0]         cfg_data_terms,
  input  wire [1:0]         cfg_slice_shift,
  input  wire               cfg_encoding,     // 0 binary, 1 hese
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
  localparam WORD_W  = (DEPTH <= 64) ? 1 : $clog2(DEPTH / 32);   // words of 32 places in a slice
  localparam ROW_W   = (ROWS <= 2) ? 1 : $clog2(ROWS);
  localparam [31:0] BEFORE = ROWS - 2;
  localparam [ROW_W-1:0] ROW_BEFORE = BEFORE[ROW_W-1:0];   // the one before the last
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  localparam SPLIT   = (FAMILY == "ecp5") ? 0 : 1;
  /* verilator lint_on WIDTHEXPAND */
  localparam LOWER   = ACC_W / 2;              // lower half of a split cell

  generate
    if (ROWS < 1 || ROWS > 64) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64 illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
    if (DEPTH < 32 || DEPTH > 1024 || (DEPTH & (DEPTH - 1)) != 0) begin : g_illegal_depth
      shw_ILLEGAL_DEPTH_must_be_32_64_128_256_512_or_1024 illegal ();
    end
    if (ACC_W < 20 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_20_to_32 illegal ();
    end
    if (TRUNCATE != 0 && TRUNCATE != 1) begin : g_illegal_truncate
      shw_ILLEGAL_TRUNCATE_must_be_0_or_1 illegal ();
    end
  endgenerate

  // Load side.
  wire                 encode_hese;
  wire                 encode_row_signed;
  wire [3:0]           encode_terms;
  wire [1:0]           encode_col_next;
  wire                 column_write;
  wire [WORD_W+5:0]    column_address;
  wire [7:0]           lane_write;
  wire                 capture;
  wire [3:0]           plane;
  wire [3:0]           write;
  wire [WORD_W:0]      write_word;
  wire [3:0]           write_plane;
  wire                 slice_ready;
  wire [WORD_W:0]      slice_first_word;
  wire [WORD_W-1:0]    slice_last_word;
  wire [3:0]           slice_last_quarters;
  wire                 slice_top_plane;
  wire                 slice_unlimited;
  wire [10:0]          slice_budget;
  wire [WORD_W+1:0]    slice_group_mask;
  wire                 slice_first;
  wire                 slice_last;
  wire                 slice_col_signed;
  reg                  slice_take;
  reg                  drain_begin;
  reg  [WORD_W:0]      run_words;     // of the slice being computed

  shw_tr_loader #(.DEPTH(DEPTH), .WORD_W(WORD_W), .TRUNCATE(TRUNCATE)) u_loader (
    .clk(clk), .rst(rst),
    .cfg_tr_en(cfg_tr_en), .cfg_group(cfg_group), .cfg_group_budget(cfg_group_budget),
    .cfg_data_terms(cfg_data_terms), .cfg_slice_shift(cfg_slice_shift),
    .cfg_encoding(cfg_encoding), .cfg_row_signed(cfg_row_signed),
    .cfg_col_signed(cfg_col_signed), .cfg_error(cfg_error),
    .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last),
    .encode_hese(encode_hese), .encode_row_signed(encode_row_signed),
    .encode_terms(encode_terms), .encode_col_next(encode_col_next),
    .column_write(column_write), .column_address(column_address),
    .lane_write(lane_write), .capture(capture), .plane(plane),
    .write(write), .write_word(write_word), .write_plane(write_plane),
    .slice_ready(slice_ready), .slice_take(slice_take),
    .slice_first_word(slice_first_word), .slice_last_word(slice_last_word),
    .slice_last_quarters(slice_last_quarters), .slice_top_plane(slice_top_plane),
    .slice_unlimited(slice_unlimited), .slice_budget(slice_budget),
    .slice_group_mask(slice_group_mask),
    .slice_first(slice_first), .slice_last(slice_last), .slice_col_signed(slice_col_signed),
    .release_valid(drain_begin), .release_words(run_words)
  );

  // Column words are there three cycles after the beat.
  reg  [ROWS*8-1:0]    row_code;
  reg  [COLS*8-1:0]    col_code;
  reg  [COLS*9-1:0]    column_word;
  wire [COLS*9-1:0]    column_value;
  reg                  word_write;
  reg  [WORD_W+5:0]    word_address;

  always @(posedge clk) begin
    row_code     <= in_row;
    col_code     <= in_col;
    column_word  <= column_value;
    word_write   <= column_write;
    word_address <= column_address;
  end

  // Every four columns know by themselves what their codes are.
  wire [2*((COLS+3)/4)-1:0] encode_col;

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 4) begin : g_columns
      shw_copy #(.W(2)) u_encode (
        .clk(clk), .now(encode_col_next), .copy(encode_col[c/2 +: 2])
      );
    end
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      wire is_signed = encode_col[c/4*2];
      if (TRUNCATE != 0) begin : g_truncate
        wire sign_unused;   // the sign is bit 8 whenever column values are signed
        shw_term_truncate #(.W(8)) u_truncate (
          .clk(clk), .code(col_code[c*8 +: 8]), .is_signed(is_signed), .hese(encode_col[c/4*2+1]),
          .terms(encode_terms), .value({sign_unused, column_value[c*9 +: 9]})
        );
      end else begin : g_exact
        reg [8:0] value;
        always @(posedge clk) begin   // reset: shift registers in LUTs are slow
          if (rst) value <= 9'd0;
          else value <= {is_signed & col_code[c*8 + 7], col_code[c*8 +: 8]};
        end
        wire unused = &{1'b0, encode_terms, encode_col[c/4*2+1]};
        assign column_value[c*9 +: 9] = value;
      end
    end
  endgenerate

  // Compute side: slices run one after the other; a drain separates them. While one runs, the rows walk
  // the terms of the next. Many look at what is decided here, so decisions are registers.
  reg              go;            // a slice is computed
  reg              drain;         // ... or drained
  reg              drain_end;
  reg              start;         // the rows walk the slice taken
  reg              ahead;         // it waits for its turn
  reg              run_signed;
  reg              run_first;     // of its tile
  reg              run_last;
  reg  [ROW_W-1:0] drain_row;
  reg              drain_bank;    // bank of the tile being totalled
  reg  [1:0]       bank_busy;

  wire [ROWS-1:0]  idle;
  wire [ROWS-1:0]  finished;
  wire             totals_done;
  wire             totals_done_bank;

  wire room      = !(run_first && bank_busy[drain_bank]);
  wire run_start = ahead && (drain_end || !(go || drain));
  wire run_end   = go && (&finished) && room;

  always @(posedge clk) begin
    if (rst) begin
      slice_take  <= 1'b0;
      start       <= 1'b0;
      ahead       <= 1'b0;
      go          <= 1'b0;
      drain       <= 1'b0;
      drain_begin <= 1'b0;
      drain_end   <= 1'b0;
      drain_bank  <= 1'b0;
      bank_busy   <= 2'b00;
    end else begin
      slice_take  <= (&idle) && slice_ready && !slice_take && !ahead;
      start       <= slice_take;
      ahead       <= slice_take || (ahead && !run_start);
      go          <= run_start || (go && !run_end);
      drain       <= run_end || (drain && !drain_end);
      drain_begin <= run_end;
      drain_end   <= (ROWS == 1) ? run_end : drain && drain_row == ROW_BEFORE;
      if (drain_end && run_last) drain_bank <= !drain_bank;
      if (totals_done) bank_busy[totals_done_bank] <= 1'b0;
      if (drain_end && run_last) bank_busy[drain_bank] <= 1'b1;
    end
    if (run_start) begin
      run_words  <= {1'b0, slice_last_word} + 1'b1;
      run_signed <= slice_col_signed;
      run_first  <= slice_first;
      run_last   <= slice_last;
    end
    if (drain) drain_row <= drain_row + 1'b1;
    else drain_row <= {ROW_W{1'b0}};
  end

  // Array: row 0 is at the drained end of the north chain.
  wire [(ROWS+1)*COLS*ACC_W-1:0] chain;
  assign chain[ROWS*COLS*ACC_W +: COLS*ACC_W] = {(COLS*ACC_W){1'b0}};

  genvar r;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      wire [1:0]       op;
      wire             op_term;
      wire             op_fill;
      wire [WORD_W+5:0] op_address;

      shw_tr_row_edge #(.WORD_W(WORD_W)) u_edge (
        .clk(clk), .rst(rst),
        .code(row_code[r*8 +: 8]), .code_signed(encode_row_signed), .code_hese(encode_hese),
        .lane_write(lane_write), .capture(capture), .plane(plane),
        .write(write), .write_word(write_word), .write_plane(write_plane),
        .start(start), .idle(idle[r]),
        .first_word(slice_first_word), .last_word(slice_last_word),
        .last_quarters(slice_last_quarters), .top_plane(slice_top_plane),
        .unlimited(slice_unlimited), .budget(slice_budget), .group_mask(slice_group_mask),
        .go(go), .drain(drain), .finished(finished[r]),
        .op(op), .op_term(op_term), .op_fill(op_fill), .op_address(op_address)
      );

      // Upper halves are a cycle behind; whole cells are as late.
      wire [1:0]        row_op;
      wire              row_term;
      wire              row_fill;
      wire              row_signed;
      wire [WORD_W+5:0] row_address;

      if (SPLIT != 0) begin : g_split
        assign {row_op, row_term, row_fill, row_signed, row_address} =
          {op, op_term, op_fill, run_signed, op_address};
      end else begin : g_whole
        reg [WORD_W+10:0] late;
        always @(posedge clk) begin
          if (rst) late <= {(WORD_W+11){1'b0}};
          else late <= {op, op_term, op_fill, run_signed, op_address};
        end
        assign {row_op, row_term, row_fill, row_signed, row_address} = late;
      end

      shw_tr_row #(
        .COLS(COLS), .ACC_W(ACC_W), .ADDR_W(WORD_W+6), .SPLIT(SPLIT), .FAMILY(FAMILY)
      ) u_row (
        .clk(clk), .rst(rst),
        .write_enable(word_write), .write_address(word_address), .write_data(column_word),
        .op(row_op), .op_term(row_term), .op_fill(row_fill), .op_signed(row_signed),
        .op_address(row_address),
        .north(chain[(r+1)*COLS*ACC_W +: COLS*ACC_W]), .acc(chain[r*COLS*ACC_W +: COLS*ACC_W])
      );
    end
  endgenerate

  // Drained edge: what is drained now has left the array five cycles later.
  reg  [4:0]            leave_valid;
  reg  [3:0]            leave_first;
  reg  [3:0]            leave_last;
  reg  [3:0]            leave_bank;
  reg  [4*ROW_W-1:0]    leave_row;
  reg  [COLS*ACC_W-1:0] leave_sum;

  always @(posedge clk) begin
    if (rst) begin
      leave_valid <= 5'd0;
      leave_first <= 4'd0;
      leave_last  <= 4'd0;
      leave_bank  <= 4'd0;
      leave_row   <= {(4*ROW_W){1'b0}};
    end else begin
      leave_valid <= {leave_valid[3:0], drain};
      leave_first <= {leave_first[2:0], run_first};
      leave_last  <= {leave_last[2:0], drain_end && run_last};
      leave_bank  <= {leave_bank[2:0], drain_bank};
      leave_row   <= {leave_row[3*ROW_W-1:0], drain_row};
    end
  end

  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_leave
      wire [ACC_W-1:0] sum = chain[c*ACC_W +: ACC_W];
      wire [LOWER-1:0] lower;

      if (SPLIT != 0) begin : g_split
        reg [LOWER-1:0] early;
        always @(posedge clk) if (leave_valid[3]) early <= sum[LOWER-1:0];
        assign lower = early;
      end else begin : g_whole
        assign lower = sum[LOWER-1:0];
      end

      always @(posedge clk) begin
        if (leave_valid[4]) leave_sum[c*ACC_W +: ACC_W] <= {sum[ACC_W-1:LOWER], lower};
      end
    end
  endgenerate

  shw_slice_totals #(
    .ROWS(ROWS), .COLS(COLS), .SUM_W(ACC_W), .ROW_W(ROW_W), .STEPS(1)
  ) u_totals (
    .clk(clk), .rst(rst),
    .add_valid(leave_valid[3]), .add_row(leave_row[3*ROW_W +: ROW_W]), .add_first(leave_first[3]),
    .add_last(leave_last[3]), .add_bank(leave_bank[3]), .add_sum(leave_sum),
    .done(totals_done), .done_bank(totals_done_bank),
    .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out_acc(out_acc)
  );
endmodule

`default_nettype wire

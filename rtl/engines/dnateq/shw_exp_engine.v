// shw_exp_engine: tile engine for exponential codes: sums of classes, one multiplication per class.
//
// Computes tiles of ROWS x COLS dot products of exponential codes under the tile-engine contract
// (docs/architecture.md): sum over k of A[row code] * W[column code], exact modulo 2^48. Tables A
// (levels of the row exponents, -65535..65535) and W (values of all column codes, -4096..4095, that
// of the zero code is 0) enter through the table port and stay until written anew. A level has to
// have a negative of 17 bits, which -65536 has not: negative classes take it. The zero code of a
// row, -2^(BITS-1), costs nothing: it never enters a list.
//
// How it works: every row sorts its values by code into linked lists (shw_class_lists); a walker
// follows list after list; one operation per value names a column operand, which all cells of the
// row add: the sum of a class. It is multiplied once, by the level of the class, in the column edge
// (shw_class_drain), together with another one of the row, while the cells sum the next class. FOLD
// rows share one row of cells, one after the other: skipped zeros would leave it idle otherwise,
// since a value a cycle is loaded.
//
// cfg_exponent_bits, n: exponents run from -R to R, R = 2^(n-1) - 1; row codes beyond count as
// zero. cfg_row_signed = 0: the signs of row codes are ignored, and nothing is spent on negative
// classes. cfg_slice_length: values of a slice, 1..DEPTH; a tile is cut into slices that long and
// the rest, and flows best when they are equal. All are sampled at the first beat of a tile. n
// outside 3..BITS and a slice of no legal length raise cfg_error; the tile is consumed, no result
// leaves.
//
// Parameters:
//   ROWS     1..64    rows (streamed operands), a multiple of FOLD
//   FOLD     1..16    rows that share one row of cells
//   COLS     1..1024  columns (gathered operands)
//   BITS     3..7     widest exponent; a code has BITS + 1 bits: sign, exponent in two's complement
//   DEPTH    256, 512  values per slice at most
//   FAMILY   "generic", "ecp5"  of the cells (shw_tr_cell) and the multipliers (shw_class_drain)
// Latency:    a slice of L values takes max(L, longest walk) cycles in steady state; a walk takes
//   one cycle per value that is not zero, and more where two classes have fewer than ROWS / FOLD
//   values, or than 3 (exact: shiftwork.compile.exp_cycles).
// Throughput: as above; loading, walking and multiplying of consecutive slices and tiles overlap.
// Backpressure: in_ready falls while two slices are in flight; out_valid waits for out_ready; any
//   stall pattern gives the same bits. table_ready is 1 while no tile is in flight, its results
//   aside.
// Reset: synchronous, drops tiles in flight, 5 cycles (BITS 6: 9, 7: 17) until in_ready; tables
//   stay.
// Bit order: row 0, column 0 in the low bits; lane count 1.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_exp_engine #(
  parameter ROWS   = 8,
  parameter FOLD   = 2,
  parameter COLS   = 64,
  parameter BITS   = 4,
  parameter DEPTH  = 256,
  parameter FAMILY = "generic"
) (
  input  wire                     clk,
  input  wire                     rst,
  input  wire [2:0]               cfg_exponent_bits,  // n
  input  wire                     cfg_row_signed,     // 0: signs of row codes are ignored
  input  wire [9:0]               cfg_slice_length,   // 1..DEPTH
  output reg                      cfg_error,
  input  wire                     table_valid,        // a word is offered; stays until taken
  output wire                     table_ready,        // the word is taken at the next edge
  input  wire                     table_select,       // 0: A, 1: W
  input  wire [BITS:0]            table_address,      // A: exponent, W: code
  input  wire [16:0]              table_data,         // two's complement; A: not -65536; W: 13 bits
  input  wire                     in_valid,
  output wire                     in_ready,
  input  wire                     in_last,
  input  wire [ROWS*(BITS+1)-1:0] in_row,
  input  wire [COLS*(BITS+1)-1:0] in_col,
  output wire                     out_valid,
  input  wire                     out_ready,
  output wire                     out_last,
  output wire [COLS*48-1:0]       out_acc             // 48 bits per column; a beat per row
);
  localparam CODE_W  = BITS + 1;
  localparam INDEX_W = (DEPTH == 512) ? 9 : 8;
  localparam LOW_W   = (BITS < 5) ? BITS - 1 : 4;  // of a word of class lists
  localparam PLACE_W = CODE_W - LOW_W;
  localparam WORD    = 2 << LOW_W;
  localparam LEVEL_W = 17;                       // A
  localparam VALUE_W = 13;                       // W
  localparam SUM_W   = VALUE_W + INDEX_W;        // of a class in a slice
  localparam LINES   = (FOLD < 1) ? 1 : ROWS / FOLD;  // rows of cells
  localparam LINE_W  = (LINES <= 2) ? 1 : $clog2(LINES);
  localparam FOLD_W  = (FOLD <= 2) ? 1 : $clog2(FOLD);
  localparam ROW_W   = (ROWS <= 2) ? 1 : $clog2(ROWS);
  localparam TURNS   = (LINES < 3) ? 3 : LINES;  // shw_slice_totals: a row every 3 cycles
  localparam TURN_W  = $clog2(TURNS);
  localparam [31:0] LAST = TURNS - 1;
  localparam [TURN_W-1:0] LAST_TURN = LAST[TURN_W-1:0];

  generate
    if (ROWS < 1 || ROWS > 64 || FOLD < 1 || ROWS % FOLD != 0) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64_and_a_multiple_of_FOLD illegal ();
    end
    if (FOLD < 1 || FOLD > 16) begin : g_illegal_fold
      shw_ILLEGAL_FOLD_must_be_1_to_16 illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
    if (BITS < 3 || BITS > 7) begin : g_illegal_bits
      shw_ILLEGAL_BITS_must_be_3_to_7 illegal ();
    end
    if (DEPTH != 256 && DEPTH != 512) begin : g_illegal_depth
      shw_ILLEGAL_DEPTH_must_be_256_or_512 illegal ();
    end
  endgenerate

  // Beats: a slice fills one half of the memories.
  reg               clearing;           // after rst: the lists are emptied
  reg  [PLACE_W:0]  clear_count;
  reg               tile_open;          // a tile's first beat has passed
  reg               discard;            // the rest of an illegal tile
  reg               first_slice;
  reg               load_half;
  reg [INDEX_W-1:0] left;               // values of the slice, modulo DEPTH: the place of the value
  reg [1:0]         half_full;          // loaded or being walked
  reg [1:0]         half_first;         // of its tile
  reg [1:0]         half_last;
  reg [1:0]         half_negatives;
  reg [BITS-1:0]    half_radius_0;
  reg [BITS-1:0]    half_radius_1;
  reg [BITS-1:0]    radius;             // of the tile being loaded
  reg               negatives;
  reg [INDEX_W-1:0] slice_length;       // modulo DEPTH

  localparam [31:0] WIDEST = BITS;
  localparam [31:0] LONGEST = DEPTH;
  wire illegal = cfg_exponent_bits < 3'd3 || cfg_exponent_bits > WIDEST[2:0]
               || cfg_slice_length == 10'd0 || cfg_slice_length > LONGEST[9:0];

  wire [BITS-1:0]    cfg_radius = ~({BITS{1'b1}} << (cfg_exponent_bits - 3'd1));
  wire [INDEX_W-1:0] length     = tile_open ? slice_length : cfg_slice_length[INDEX_W-1:0];
  wire [INDEX_W-1:0] position   = tile_open ? left : length;

  assign in_ready = !clearing && (discard || !half_full[load_half]);

  wire beat       = in_valid && in_ready;
  wire first_beat = beat && !tile_open;
  wire value      = beat && !discard && (tile_open || !illegal);
  wire slice_ends = in_last || position == {{(INDEX_W-1){1'b0}}, 1'b1};
  reg  run_half;                        // half that is walked
  wire done;                            // ... and free from the next cycle on

  always @(posedge clk) begin
    if (rst) begin
      cfg_error   <= 1'b0;
      tile_open   <= 1'b0;
      discard     <= 1'b0;
      first_slice <= 1'b1;
      load_half   <= 1'b0;
      half_full   <= 2'b00;
      clearing    <= 1'b1;
      clear_count <= {(PLACE_W+1){1'b0}};
    end else begin
      clear_count <= clear_count + 1'b1;
      if (clear_count[PLACE_W]) clearing <= 1'b0;
      if (beat) tile_open <= !in_last;
      if (first_beat) cfg_error <= illegal;
      if (beat) discard <= !in_last && (discard || (first_beat && illegal));
      if (value && slice_ends) begin
        load_half   <= !load_half;
        first_slice <= in_last;
      end
      if (done) half_full[run_half] <= 1'b0;
      if (value && slice_ends) half_full[load_half] <= 1'b1;
    end
    if (first_beat) begin
      radius       <= cfg_radius;
      negatives    <= cfg_row_signed;
      slice_length <= length;
    end
    if (value) left <= slice_ends ? length : position - 1'b1;
    if (value && slice_ends) begin
      half_first[load_half]     <= first_slice;
      half_last[load_half]      <= in_last;
      half_negatives[load_half] <= tile_open ? negatives : cfg_row_signed;
      if (load_half) half_radius_1 <= tile_open ? radius : cfg_radius;
      else half_radius_0 <= tile_open ? radius : cfg_radius;
    end
  end

  // One cycle later rows append their codes to the lists and columns decode theirs; the values are
  // stored after one more.
  reg                    append;
  reg                    append_half;
  reg [INDEX_W-1:0]      append_index;
  reg [ROWS*CODE_W-1:0]  row_code;
  reg [COLS*CODE_W-1:0]  col_code;
  reg                    write;
  reg [INDEX_W:0]        write_address;
  reg [COLS*VALUE_W-1:0] write_data;
  wire [COLS*VALUE_W-1:0] col_value;

  always @(posedge clk) begin
    if (rst) begin
      append <= 1'b0;
      write  <= 1'b0;
    end else begin
      append <= value;
      write  <= append;
    end
    append_half   <= load_half;
    append_index  <= position;
    row_code      <= in_row;
    col_code      <= in_col;
    write_address <= {append_half, append_index};
    write_data    <= col_value;
  end

  // Words of the tables are written one cycle after they were taken.
  reg          table_write;
  reg          write_select;
  reg [BITS:0] write_code;
  reg [16:0]   write_word;

  always @(posedge clk) begin
    table_write  <= table_valid && table_ready;
    write_select <= table_select;
    write_code   <= table_address;
    write_word   <= table_data;
  end

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      shw_lutram #(.DATA_W(VALUE_W), .ADDR_W(CODE_W)) u_values (
        .clk(clk), .write_enable(table_write && write_select), .write_address(write_code),
        .write_data(write_word[VALUE_W-1:0]), .read_address(col_code[c*CODE_W +: CODE_W]),
        .read_data(col_value[c*VALUE_W +: VALUE_W])
      );
    end
  endgenerate

  // Walk: the rows of cells walk through a slice together.
  reg               running;
  reg               run_first;
  reg               run_last;
  reg               run_negatives;
  reg  [BITS-1:0]   run_radius;
  reg               next_half;
  reg  [1:0]        read_half;          // halves whose lists the walkers read
  reg               bank;               // totals of the tile
  reg  [1:0]        bank_busy;
  reg  [TURN_W-1:0] turn;               // the row of cells whose sums may leave
  wire [LINES-1:0]  finished;
  wire              totals_done;
  wire              totals_done_bank;

  assign done = running && (&finished);

  wire room  = !(half_first[next_half] && bank_busy[!bank]);
  wire start = (!running || done) && half_full[next_half] && room;

  always @(posedge clk) begin
    if (rst) begin
      running   <= 1'b0;
      next_half <= 1'b0;
      read_half <= 2'b11;
      bank      <= 1'b1;           // the first tile takes the other one
      bank_busy <= 2'b00;
    end else begin
      if (start) running <= 1'b1;
      else if (done) running <= 1'b0;
      if (start) next_half <= !next_half;
      if (start) read_half <= {next_half, !next_half};
      else if (done || (!running && !clearing)) read_half <= 2'b00;
      if (totals_done) bank_busy[totals_done_bank] <= 1'b0;
      if (start && half_first[next_half]) begin
        bank             <= !bank;
        bank_busy[!bank] <= 1'b1;
      end
    end
    if (start) begin
      run_half      <= next_half;
      run_first     <= half_first[next_half];
      run_last      <= half_last[next_half];
      run_negatives <= half_negatives[next_half];
      run_radius    <= next_half ? half_radius_1 : half_radius_0;
    end
    if (start || turn == LAST_TURN) turn <= {TURN_W{1'b0}};
    else turn <= turn + 1'b1;
  end

  // Rows of cells: row of the tile = fold * LINES + line.
  wire [LINES*COLS*SUM_W-1:0] sum;
  wire [2*LINES-1:0]          capture;
  wire [2*TURNS-1:0]          full;
  wire [2*TURNS*CODE_W-1:0]   sum_code;
  wire [TURNS*FOLD_W-1:0]     sum_fold;
  wire [TURNS-1:0]            sum_first;

  genvar l;
  genvar f;
  generate
    for (l = 0; l < LINES; l = l + 1) begin : g_line
      wire [PLACE_W-1:0]      word_place;
      wire [FOLD*WORD-1:0]    word;
      wire [FOLD-1:0]         word_clear;
      wire [PLACE_W-1:0]      clear_place;
      wire [BITS:0]           read_code;
      wire [2*FOLD*INDEX_W-1:0] head_index;
      wire [FOLD-1:0]         link_read;
      wire [INDEX_W-1:0]      link_from;
      wire [FOLD-1:0]         link_end;
      wire [FOLD*INDEX_W-1:0] link_index;
      wire                    op_load;
      wire                    op_term;
      wire [INDEX_W-1:0]      op_index;

      for (f = 0; f < FOLD; f = f + 1) begin : g_fold
        wire [BITS:0]   code     = row_code[(f*LINES+l)*CODE_W +: CODE_W];
        wire [BITS-1:0] exponent = code[BITS-1:0];
        // Within -radius..radius the bits above the radius repeat the sign; alone they would be the
        // zero code.
        wire            below    = exponent[BITS-1];
        wire            in_range = (exponent & ~radius) == (~radius & {BITS{below}});
        wire            lowest   = below && (exponent & radius) == {BITS{1'b0}};

        shw_class_lists #(.BITS(BITS), .INDEX_W(INDEX_W), .LOW_W(LOW_W)) u_lists (
          .clk(clk),
          .append(append && in_range && !lowest), .append_code({code[BITS] & negatives, exponent}),
          .append_half(append_half), .append_index(append_index),
          .read_half(read_half), .read_select(run_half), .word_place(word_place),
          .word(word[f*WORD +: WORD]), .word_clear(word_clear[f]), .clear_place(clear_place),
          .read_code(read_code), .head_index(head_index[2*f*INDEX_W +: 2*INDEX_W]),
          .link_read(link_read[f]), .link_from(link_from),
          .link_end(link_end[f]), .link_index(link_index[f*INDEX_W +: INDEX_W])
        );
      end

      shw_class_walker #(
        .BITS(BITS), .INDEX_W(INDEX_W), .LOW_W(LOW_W), .FOLD(FOLD), .FOLD_W(FOLD_W)
      ) u_walker (
        .clk(clk), .rst(rst), .clear(clearing), .start(start),
        .radius(run_radius), .negatives(run_negatives), .finished(finished[l]),
        .word_place(word_place), .word(word), .word_clear(word_clear), .clear_place(clear_place),
        .read_code(read_code), .head_index(head_index), .link_read(link_read),
        .link_from(link_from), .link_end(link_end), .link_index(link_index),
        .op_load(op_load), .op_term(op_term), .op_index(op_index), .capture(capture[2*l +: 2]),
        .turn(turn == l), .full(full[2*l +: 2]), .sum_code(sum_code[2*l*CODE_W +: 2*CODE_W]),
        .sum_fold(sum_fold[l*FOLD_W +: FOLD_W]), .sum_first(sum_first[l])
      );

      shw_tr_row #(
        .COLS(COLS), .ACC_W(SUM_W), .VALUE_W(VALUE_W), .ADDR_W(INDEX_W+1), .SHIFTS(0),
        .FAMILY(FAMILY)
      ) u_row (
        .clk(clk), .rst(rst),
        .write_enable(write), .write_address(write_address), .write_data(write_data),
        .op({2{op_load}}), .op_term(op_term), .op_fill(1'b0), .op_signed(1'b1),
        .op_address({run_half, op_index}), .north({(COLS*SUM_W){1'b0}}),
        .acc(sum[l*COLS*SUM_W +: COLS*SUM_W])
      );
    end
    for (l = LINES; l < TURNS; l = l + 1) begin : g_idle
      assign full[2*l +: 2] = 2'b00;
      assign sum_first[l] = 1'b0;
      assign sum_code[2*l*CODE_W +: 2*CODE_W] = {(2*CODE_W){1'b0}};
      assign sum_fold[l*FOLD_W +: FOLD_W] = {FOLD_W{1'b0}};
    end
  endgenerate

  // Column edge: the sums of the row whose turn it is, 3 cycles later (shw_class_walker), times
  // their level.
  localparam TAG_W = 2 + ROW_W;         // first, bank, row

  wire [31:0]       leave_fold = {{(32-FOLD_W){1'b0}}, sum_fold[turn*FOLD_W +: FOLD_W]};
  wire [31:0]       leave_row  = leave_fold * LINES + {{(32-TURN_W){1'b0}}, turn};
  wire              leave_first = run_first && sum_first[turn];
  wire              unused     = &{1'b0, leave_row[31:ROW_W]};
  reg  [5:0]        leave_valid;
  reg  [5:0]        leave_last;
  reg  [6*TAG_W-1:0] leave_tag;
  reg  [2*LINE_W-1:0] leave_line;
  reg  [1:0]        leave_both;
  reg  [4*CODE_W-1:0] leave_code;

  wire [COLS*(SUM_W+LEVEL_W)-1:0] product;

  always @(posedge clk) begin
    if (rst) begin
      leave_valid <= 6'd0;
      leave_last  <= 6'd0;
    end else begin
      leave_valid <= {leave_valid[4:0], running && full[2*turn]};
      leave_last  <= {leave_last[4:0], done && run_last};
    end
    leave_tag  <= {leave_tag[5*TAG_W-1:0], leave_first, bank, leave_row[ROW_W-1:0]};
    leave_line <= {leave_line[LINE_W-1:0], turn[LINE_W-1:0]};
    leave_both <= {leave_both[0], full[2*turn+1]};
    leave_code <= {leave_code[2*CODE_W-1:0], sum_code[2*turn*CODE_W +: 2*CODE_W]};
  end

  // The level of the last sum is read two cycles after the last half became free; a word is written
  // in the cycle after it is taken.
  assign table_ready = !tile_open && half_full == 2'b00 && !leave_valid[0];

  shw_class_drain #(
    .ROWS(LINES), .COLS(COLS), .BITS(BITS), .SUM_W(SUM_W), .LEVEL_W(LEVEL_W), .ROW_W(LINE_W),
    .FAMILY(FAMILY)
  ) u_drain (
    .clk(clk),
    .level_write(table_write && !write_select), .level_exponent(write_code[BITS-1:0]),
    .level_value(write_word),
    .sum(sum), .capture(capture), .select_valid(leave_valid[1]),
    .select(leave_line[LINE_W +: LINE_W]), .select_both(leave_both[1]),
    .select_code(leave_code[2*CODE_W +: 2*CODE_W]), .product(product)
  );

  shw_slice_totals #(
    .ROWS(ROWS), .COLS(COLS), .SUM_W(SUM_W+LEVEL_W), .TOTAL_W(48), .ROW_W(ROW_W), .STEPS(1)
  ) u_totals (
    .clk(clk), .rst(rst),
    .add_valid(leave_valid[5]), .add_row(leave_tag[5*TAG_W +: ROW_W]),
    .add_bank(leave_tag[5*TAG_W + ROW_W]), .add_first(leave_tag[5*TAG_W + ROW_W + 1]),
    .add_last(leave_last[5]), .add_sum(product),
    .done(totals_done), .done_bank(totals_done_bank),
    .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out_acc(out_acc)
  );
endmodule

`default_nettype wire

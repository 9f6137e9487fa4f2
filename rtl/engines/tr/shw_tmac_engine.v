// shw_tmac_engine: tile engine of the published term-pair cells (shw_tmac), the baseline of shw_tr_engine.
//
// Same ports, same configuration and same results as shw_tr_engine. Rows are streamed as terms, revealed by
// (cfg_group, cfg_group_budget); columns are cut into their terms at the edge, largest first, and stored in slots;
// every row term meets the `slots` largest terms of its column value one after the other in every cell.
// slots = cfg_data_terms, or 5 (hese) or 8 (binary) when that is 0 or larger: all terms a value can have. With
// cfg_tr_en = 0 both sides keep all their hese terms, whatever cfg_encoding says: the plain dot product.
//
// After a slice the coefficient vectors move through the rows, entry 16 first, and the edge of each column
// converts them by Horner's rule; 32-bit totals join the slices.
//
// Parameters:
//   ROWS  1..64    rows (streamed operands)
//   COLS  1..1024  columns (gathered operands)
// Latency: a slice of L values (at most 256) takes max(L * slots + groups, longest row's terms * slots + 17 * ROWS) cycles
//   plus about ten in steady state; a group never takes more than cfg_group_budget * slots cycles of pairs.
// Throughput: as above; loading, computing and totals of consecutive slices and tiles overlap.
// Backpressure: in_ready falls for slots - 1 cycles after each beat and while both halves are in use; out_valid waits
//   for out_ready; any stall pattern gives the same bits.
// Reset: synchronous, drops tiles in flight; the coefficients are cleared in the 17 * ROWS cycles that follow.
// Bit order: row 0, column 0 in the low bits; lane count 1.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac_engine #(
  parameter ROWS = 8,
  parameter COLS = 64
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               cfg_tr_en,
  input  wire [8:0]         cfg_group,
  input  wire [10:0]        cfg_group_budget,
  input  wire [3:0]         cfg_data_terms,
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
  // A slice holds at most 256 values with at most 8 pairs of equal exponent sum each: a coefficient lies in
  // -1792..2048 (the upper end needs 255 * 255 throughout), so 12 bits with -2048 read as +2048 are enough.
  localparam COEF_W = 12;
  localparam SUM_W  = 26;     // slice sum: below 2^24 in magnitude; in between, the largest
                              // coefficient shifted by 16
  localparam ROW_W  = (ROWS <= 2) ? 1 : $clog2(ROWS);
  localparam [31:0] LAST = ROWS - 1;
  localparam [ROW_W-1:0] LAST_ROW = LAST[ROW_W-1:0];
  localparam [4:0] TOP_ENTRY = 5'd16;

  generate
    if (ROWS < 1 || ROWS > 64) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64 illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
  endgenerate

  // Load side: one beat per `slots` cycles, so that the column terms can be written one slot per cycle.
  wire        encode_hese;
  wire        encode_row_signed;
  wire        encode_col_signed;
  wire [3:0]  encode_terms;
  wire        column_write;
  wire [8:0]  column_address;
  wire [8:0]  plane_valid;
  wire [80:0] write_value;
  wire        visit;
  wire [3:0]  visit_plane;
  wire        visit_close;
  wire        visit_clear;
  wire [1:0]  visit_slot;
  wire [10:0] visit_budget;
  wire        visit_unlimited;
  wire [3:0]  slice_ready;
  wire [3:0]  slice_first;
  wire [3:0]  slice_last;
  wire [3:0]  slice_col_signed;
  wire        slice_release;
  wire        start;
  wire        loader_ready;

  reg  [1:0]  run_slice;      // slot of the slice being computed
  reg  [1:0]  next_slice;     // slot of the slice to be computed next
  reg         fresh;          // a beat came in the cycle before
  reg  [2:0]  gap;            // cycles until the next beat may come

  wire [3:0]  most      = encode_hese ? 4'd5 : 4'd8;
  wire        all       = encode_terms == 4'd0 || encode_terms > most;
  wire [2:0]  last_slot = (all ? most[2:0] : encode_terms[2:0]) - 3'd1;   // slots - 1
  wire        hold  = fresh ? last_slot != 3'd0 : gap != 3'd0;
  wire        beat  = in_valid && in_ready;

  assign in_ready = loader_ready && !hold;

  always @(posedge clk) begin
    if (rst) begin
      fresh <= 1'b0;
      gap   <= 3'd0;
    end else begin
      fresh <= beat;
      if (fresh) gap <= (last_slot == 3'd0) ? 3'd0 : last_slot - 3'd1;
      else if (gap != 3'd0) gap <= gap - 3'd1;
    end
  end

  shw_tmac_loader #(.INDEX_W(8), .TRUNCATE(1)) u_loader (
    .clk(clk), .rst(rst),
    .cfg_tr_en(cfg_tr_en), .cfg_group(cfg_group), .cfg_group_budget(cfg_group_budget),
    .cfg_data_terms(cfg_data_terms), .cfg_encoding(cfg_encoding || !cfg_tr_en),
    .cfg_row_signed(cfg_row_signed), .cfg_col_signed(cfg_col_signed), .cfg_error(cfg_error),
    .in_valid(in_valid && !hold), .in_ready(loader_ready), .in_last(in_last),
    .encode_hese(encode_hese), .encode_row_signed(encode_row_signed),
    .encode_col_signed(encode_col_signed), .encode_terms(encode_terms),
    .column_write(column_write), .column_address(column_address),
    .plane_valid(plane_valid), .write_value(write_value),
    .visit(visit), .visit_plane(visit_plane), .visit_close(visit_close), .visit_clear(visit_clear),
    .visit_slot(visit_slot), .visit_budget(visit_budget), .visit_unlimited(visit_unlimited),
    .release_valid(slice_release), .release_slot(run_slice),
    .slice_ready(slice_ready), .slice_take(start), .slice_take_slot(next_slice),
    .slice_first(slice_first), .slice_last(slice_last), .slice_col_signed(slice_col_signed)
  );

  wire unused = &{1'b0, slice_col_signed};   // the sign is in the column terms

  reg  [ROWS*8-1:0] row_code;
  reg  [COLS*8-1:0] col_code;
  wire [COLS*6-1:0] column_terms;
  reg  [COLS*6-1:0] column_word;

  always @(posedge clk) begin
    row_code    <= in_row;
    col_code    <= in_col;
    column_word <= column_terms;
  end

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      shw_tmac_column u_column (
        .clk(clk), .load(fresh), .code(col_code[c*8 +: 8]), .code_signed(encode_col_signed),
        .code_hese(encode_hese), .term(column_terms[c*6 +: 6])
      );
    end
  endgenerate

  // Slots of a value are written in consecutive cycles, the first one cycle after column_write.
  reg        slot_write;
  reg  [8:0] slot_base;
  reg  [2:0] slot;
  reg  [2:0] slot_end;
  reg  [2:0] slice_last_slot [0:3];

  always @(posedge clk) begin
    if (rst) slot_write <= 1'b0;
    else if (column_write) slot_write <= 1'b1;
    else if (slot == slot_end) slot_write <= 1'b0;
    if (column_write) begin
      slot_base <= column_address;
      slot      <= 3'd0;
      slot_end  <= last_slot;
    end else begin
      slot <= slot + 3'd1;
    end
  end

  // Compute side: slices run one after the other; the coefficients leave in between.
  localparam [1:0] CLEAR = 2'd0;    // after reset: drain zeros through the rows
  localparam [1:0] IDLE  = 2'd1;
  localparam [1:0] RUN   = 2'd2;
  localparam [1:0] DRAIN = 2'd3;

  reg  [1:0]       state;
  reg              started;       // the sequencers hold the next slice
  reg  [2:0]       run_last_step;
  reg  [2:0]       run_step;
  reg  [ROW_W-1:0] drain_row;
  reg  [4:0]       drain_entry;
  reg              drain_first;
  reg              drain_last;
  reg              drain_bank;    // bank of the tile being totalled
  reg  [1:0]       bank_busy;

  wire [ROWS-1:0]  finished;
  wire             totals_done;
  wire             totals_done_bank;

  wire go          = state == RUN;
  wire step        = go && run_step == 3'd0;
  wire drain       = state == DRAIN || state == CLEAR;
  wire drain_end   = drain && drain_row == LAST_ROW && drain_entry == 5'd0;
  wire room        = !(slice_first[run_slice] && bank_busy[drain_bank]);
  wire drain_start = go && (&finished) && room;
  wire slice_end   = drain_end && state == DRAIN && drain_last;

  assign start         = !go && !started && slice_ready[next_slice];
  assign slice_release = drain_start;

  always @(posedge clk) begin
    if (rst) begin
      state       <= CLEAR;
      started     <= 1'b0;
      run_slice   <= 2'd0;
      next_slice  <= 2'd0;
      drain_bank  <= 1'b0;
      bank_busy   <= 2'b00;
      drain_row   <= {ROW_W{1'b0}};
      drain_entry <= TOP_ENTRY;
    end else begin
      if (start) begin
        started   <= 1'b1;
        next_slice <= next_slice + 2'd1;
        run_slice  <= next_slice;
      end
      case (state)
        RUN: if (drain_start) state <= DRAIN;
        IDLE: if (start || started) state <= RUN;
        default: if (drain_end) state <= IDLE;
      endcase
      if (drain_start) started <= 1'b0;
      if (drain) begin
        drain_entry <= (drain_entry == 5'd0) ? TOP_ENTRY : drain_entry - 5'd1;
        if (drain_entry == 5'd0) drain_row <= drain_end ? {ROW_W{1'b0}} : drain_row + 1'b1;
      end
      if (totals_done) bank_busy[totals_done_bank] <= 1'b0;
      if (slice_end) begin
        drain_bank            <= !drain_bank;
        bank_busy[drain_bank] <= 1'b1;
      end
    end
    if (visit && visit_plane == 4'd8) slice_last_slot[visit_slot] <= slot_end;
    if (start) run_last_step <= slice_last_slot[next_slice];
    if (!go) run_step <= 3'd0;
    else run_step <= step ? run_last_step : run_step - 3'd1;
    if (drain_start) begin
      drain_first <= slice_first[run_slice];
      drain_last  <= slice_last[run_slice];
    end
  end

  // Array: row 0 is at the drained end of the north chain.
  wire [(ROWS+1)*COLS*COEF_W-1:0] chain;
  assign chain[ROWS*COLS*COEF_W +: COLS*COEF_W] = {(COLS*COEF_W){1'b0}};

  genvar r;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      wire       term_valid;
      wire       term_negative;
      wire [3:0] term_exponent;
      wire [8:0] term_value;

      shw_tmac_row_edge u_edge (
        .clk(clk), .rst(rst),
        .code(row_code[r*8 +: 8]), .code_signed(encode_row_signed), .code_hese(encode_hese),
        .plane_valid(plane_valid), .write_value(write_value),
        .visit(visit), .visit_plane(visit_plane), .visit_close(visit_close),
        .visit_clear(visit_clear), .visit_slot(visit_slot),
        .visit_budget(visit_budget), .visit_unlimited(visit_unlimited),
        .start(start), .start_slot(next_slice), .step(step), .finished(finished[r]),
        .term_valid(term_valid), .term_negative(term_negative), .term_exponent(term_exponent),
        .term_value(term_value)
      );

      shw_tmac_row #(.COLS(COLS), .COEF_W(COEF_W)) u_row (
        .clk(clk), .rst(rst),
        .write_enable(slot_write), .write_address({slot_base, slot}), .write_data(column_word),
        .drain(drain), .term_valid(go && term_valid), .term_negative(term_negative),
        .term_exponent(drain ? drain_entry : {1'b0, term_exponent}),
        .term_address({term_value, run_step}),
        .north(chain[(r+1)*COLS*COEF_W +: COLS*COEF_W]),
        .coefficient(chain[r*COLS*COEF_W +: COLS*COEF_W])
      );
    end
  endgenerate

  // Drained edge: the entry of a drain operation issued now is at the foot of the array three cycles later.
  localparam DELAY = 4;
  localparam LOWER_W = 16;      // lower half of a total

  reg  [DELAY-2:0]       leave_valid;     // entry 0: the row is complete
  reg  [DELAY-1:0]       leave_top;
  reg  [DELAY-2:0]       leave_first;
  reg  [DELAY-2:0]       leave_last;
  reg  [DELAY-2:0]       leave_bank;
  reg  [(DELAY-1)*ROW_W-1:0] leave_row;
  reg  [COLS*COEF_W-1:0] foot;
  wire [COLS*SUM_W-1:0]  sums;

  wire row_complete = state == DRAIN && drain_entry == 5'd0;

  always @(posedge clk) begin
    if (rst) begin
      leave_valid <= {(DELAY-1){1'b0}};
      leave_last  <= {(DELAY-1){1'b0}};
    end else begin
      leave_valid <= {leave_valid[DELAY-3:0], row_complete};
      leave_last  <= {leave_last[DELAY-3:0], row_complete && drain_last && drain_row == LAST_ROW};
    end
    leave_top   <= {leave_top[DELAY-2:0], drain_entry == TOP_ENTRY};
    leave_first <= {leave_first[DELAY-3:0], drain_first};
    leave_bank  <= {leave_bank[DELAY-3:0], drain_bank};
    leave_row   <= {leave_row[(DELAY-2)*ROW_W-1:0], drain_row};
    foot        <= chain[COLS*COEF_W-1:0];
  end

  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_convert
      wire [COEF_W-1:0] count      = foot[c*COEF_W +: COEF_W];
      wire              below      = count[COEF_W-1] && count[COEF_W-2:0] != {(COEF_W-1){1'b0}};
      wire [SUM_W-1:0]  addend     = {{(SUM_W-COEF_W){below}}, count};
      reg  [SUM_W-1:0]  sum;
      reg  [SUM_W-1:LOWER_W] upper;     // a cycle later, with the next half of the total
      wire [SUM_W-1:0]  chain_base = leave_top[DELAY-1] ? {SUM_W{1'b0}} : {sum[SUM_W-2:0], 1'b0};
      always @(posedge clk) begin
        sum   <= addend + chain_base;
        upper <= sum[SUM_W-1:LOWER_W];
      end
      assign sums[c*SUM_W +: SUM_W] = {upper, sum[LOWER_W-1:0]};
    end
  endgenerate

  shw_slice_totals #(.ROWS(ROWS), .COLS(COLS), .SUM_W(SUM_W), .ROW_W(ROW_W)) u_totals (
    .clk(clk), .rst(rst),
    .add_valid(leave_valid[DELAY-2]), .add_row(leave_row[(DELAY-2)*ROW_W +: ROW_W]),
    .add_first(leave_first[DELAY-2]), .add_last(leave_last[DELAY-2]),
    .add_bank(leave_bank[DELAY-2]), .add_sum(sums),
    .done(totals_done), .done_bank(totals_done_bank),
    .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out_acc(out_acc)
  );
endmodule

`default_nettype wire

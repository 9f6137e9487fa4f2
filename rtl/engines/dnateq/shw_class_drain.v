// shw_class_drain: shadow registers of the cells, two sets, and two multipliers per column that
// the rows of cells take turns at.
//
// `capture[2p]` copies the accumulators of row p into its first set of shadow registers,
// `capture[2p+1]` into its second. A valid `select` says whose shadow registers are multiplied by
// the levels of the classes that come with it: the first set, as it is 2 cycles later, and, with
// select_both, the second, as it is 3 cycles later. Negative classes are multiplied by the negated
// level. Both products are added to `old` of 5 cycles after select, and the sum leaves 7 cycles after
// it; where no select was, 0 leaves. Without a select the factors stay as they are and nothing
// switches. A multiplier block of FAMILY "generic" (25 x 18, DSP48E1) takes a whole sum, has a
// register within and an adder of 48 bits behind. One of "ecp5" (18 x 18) does not: 17 bits of the
// sum and the rest are multiplied apart.
//
// Parameters: ROWS    1..64    rows of cells
//             COLS    1..1024  columns
//             BITS    3..7     width of an exponent
//             SUM_W   10..25   width of a class sum
//             LEVEL_W 2..17    width of a level: -(2^(LEVEL_W-1) - 1)..2^(LEVEL_W-1) - 1, since its
//                              negative has to fit as well
//             FAMILY  "generic", "ecp5"
// Latency:    7 cycles from select to total, 2 from old. Throughput: 1 row per cycle.
// Backpressure: none.
// Reset:      rst drops selects; the levels stay, and are written before the first select.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_class_drain #(
  parameter ROWS    = 4,
  parameter COLS    = 16,
  parameter BITS    = 4,
  parameter SUM_W   = 21,
  parameter LEVEL_W = 17,
  parameter ROW_W   = 2,      // >= clog2(ROWS), at least 1
  parameter FAMILY  = "generic"
) (
  input  wire                            clk,
  input  wire                            rst,
  input  wire                            level_write,     // writes a level
  input  wire [BITS-1:0]                 level_exponent,  // its exponent, in two's complement
  input  wire [LEVEL_W-1:0]              level_value,     // two's complement, not -2^(LEVEL_W-1)
  input  wire [ROWS*COLS*SUM_W-1:0]      sum,             // of all cells, column fastest, row 0 low
  input  wire [2*ROWS-1:0]               capture,         // rows whose sums are kept, and where
  input  wire                            select_valid,    // sums of a row have their turn
  input  wire [ROW_W-1:0]                select,          // whose
  input  wire                            select_both,     // both
  input  wire [2*BITS+1:0]               select_code,     // of what classes, the first low
  input  wire [COLS*48-1:0]              old,             // 5 cycles later: 48 bits per column
  output wire [COLS*48-1:0]              total            // 7 cycles later; 0 without a select
);
  localparam PRODUCT_W = SUM_W + LEVEL_W;

  generate
    if (ROWS < 1 || ROWS > 64 || (1 << ROW_W) < ROWS) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64_and_fit_ROW_W illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
    if (SUM_W < 10 || SUM_W > 25) begin : g_illegal_sum
      shw_ILLEGAL_SUM_W_must_be_10_to_25 illegal ();
    end
    if (LEVEL_W < 2 || LEVEL_W > 17) begin : g_illegal_level
      shw_ILLEGAL_LEVEL_W_must_be_2_to_17 illegal ();
    end
  endgenerate

  // The levels of the classes, with their signs. A second one that is not there is that of
  // exponent 0, with a sum of 0.
  localparam CODE_W = BITS + 1;

  wire [2*LEVEL_W-1:0] level;
  reg  [6:1]           valid;
  reg  [ROW_W-1:0]     select_1;
  reg                  both_1;
  reg  [2*CODE_W-1:0]  code_1;
  reg  [ROW_W-1:0]     select_2;
  reg                  both_2;
  reg  [1:0]           negative_2;
  reg  [2*LEVEL_W-1:0] level_2;
  reg  [ROW_W-1:0]     select_3;
  reg                  both_3;
  reg  [2*LEVEL_W-1:0] level_3;
  reg  [LEVEL_W-1:0]   level_4;     // the second

  genvar n;
  generate
    for (n = 0; n < 2; n = n + 1) begin : g_class
      shw_lutram #(.DATA_W(LEVEL_W), .ADDR_W(BITS)) u_levels (
        .clk(clk), .write_enable(level_write), .write_address(level_exponent),
        .write_data(level_value), .read_address(code_1[n*CODE_W +: BITS]),
        .read_data(level[n*LEVEL_W +: LEVEL_W])
      );

      always @(posedge clk) begin
        if (valid[1]) begin
          negative_2[n]                 <= code_1[n*CODE_W + BITS];
          level_2[n*LEVEL_W +: LEVEL_W] <= level[n*LEVEL_W +: LEVEL_W];
        end
        if (valid[2]) begin
          level_3[n*LEVEL_W +: LEVEL_W] <= (level_2[n*LEVEL_W +: LEVEL_W]
              ^ {LEVEL_W{negative_2[n]}}) + {{(LEVEL_W-1){1'b0}}, negative_2[n]};
        end
      end
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) valid <= 6'd0;
    else valid <= {valid[5:1], select_valid};
    if (select_valid) begin
      select_1 <= select;
      both_1   <= select_both;
      code_1   <= select_code & {{CODE_W{select_both}}, {CODE_W{1'b1}}};
    end
    if (valid[1]) begin
      select_2 <= select_1;
      both_2   <= both_1;
    end
    if (valid[2]) begin
      select_3 <= select_2;
      both_3   <= both_2;
    end
    if (valid[3]) level_4 <= level_3[LEVEL_W +: LEVEL_W];
  end

  genvar r;
  genvar c;
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      reg  [ROWS*SUM_W-1:0] held_first;
      reg  [ROWS*SUM_W-1:0] held_second;
      reg  [SUM_W-1:0]      first;
      reg  [SUM_W-1:0]      second;
      reg  [SUM_W-1:0]      first_3;
      reg  [SUM_W-1:0]      second_4;
      reg  [47:0]           total_7;
      integer               i;

      wire signed [47:0]    old_5  = $signed(old[c*48 +: 48]);

      assign total[c*48 +: 48] = total_7;

      for (r = 0; r < ROWS; r = r + 1) begin : g_row
        wire [SUM_W-1:0] cell_sum = sum[(r*COLS+c)*SUM_W +: SUM_W];
        always @(posedge clk) begin
          if (capture[2*r]) held_first[r*SUM_W +: SUM_W] <= cell_sum;
          if (capture[2*r+1]) held_second[r*SUM_W +: SUM_W] <= cell_sum;
        end
      end

      always @* begin
        first  = held_first[0 +: SUM_W];
        second = held_second[0 +: SUM_W];
        for (i = 1; i < ROWS; i = i + 1) begin
          if (select_2 == i[ROW_W-1:0]) first = held_first[i*SUM_W +: SUM_W];
          if (select_3 == i[ROW_W-1:0]) second = held_second[i*SUM_W +: SUM_W];
        end
      end

      always @(posedge clk) begin
        if (valid[2]) first_3 <= first;
        if (valid[3]) second_4 <= second;
        if (valid[3] && !both_3) second_4 <= {SUM_W{1'b0}};
      end

      if (FAMILY == "ecp5" && SUM_W > 18) begin : g_parts
        localparam LOW_W  = 17;
        localparam HIGH_W = PRODUCT_W - LOW_W;
        reg signed [LOW_W+LEVEL_W-1:0] low_4;
        reg signed [HIGH_W-1:0]        high_4;
        reg signed [PRODUCT_W-1:0]     first_5;
        reg signed [LOW_W+LEVEL_W-1:0] low_5;     // of the second
        reg signed [HIGH_W-1:0]        high_5;
        reg signed [47:0]              upper_6;
        reg signed [PRODUCT_W:0]       lower_6;
        always @(posedge clk) begin
          low_4   <= $signed({1'b0, first_3[LOW_W-1:0]}) * $signed(level_3[0 +: LEVEL_W]);
          high_4  <= $signed(first_3[SUM_W-1:LOW_W]) * $signed(level_3[0 +: LEVEL_W]);
          first_5 <= $signed({high_4, {LOW_W{1'b0}}}) + low_4;
          low_5   <= $signed({1'b0, second_4[LOW_W-1:0]}) * $signed(level_4);
          high_5  <= $signed(second_4[SUM_W-1:LOW_W]) * $signed(level_4);
          upper_6 <= old_5 + $signed({high_5, {LOW_W{1'b0}}});
          lower_6 <= first_5 + low_5;
          total_7 <= $unsigned(upper_6 + lower_6);
          if (!valid[6]) total_7 <= 48'd0;
        end
      end else if (FAMILY == "generic" || FAMILY == "ecp5") begin : g_whole
        // The second class is a cycle behind the first: each block adds its product to what enters.
        reg        [SUM_W-1:0]     first_4;
        reg        [LEVEL_W-1:0]   level_first_4;
        reg signed [PRODUCT_W-1:0] product_5;
        reg        [SUM_W-1:0]     second_5;
        reg        [LEVEL_W-1:0]   level_5;
        reg signed [PRODUCT_W-1:0] product_6;
        reg signed [47:0]          total_6;
        always @(posedge clk) begin
          first_4       <= first_3;
          level_first_4 <= level_3[0 +: LEVEL_W];
          product_5     <= $signed(first_4) * $signed(level_first_4);
          total_6       <= old_5 + product_5;
          second_5      <= second_4;
          level_5       <= level_4;
          product_6     <= $signed(second_5) * $signed(level_5);
          total_7       <= $unsigned(total_6 + product_6);
          if (!valid[6]) total_7 <= 48'd0;
        end
      end else begin : g_illegal_family
        shw_ILLEGAL_FAMILY_must_be_generic_or_ecp5 illegal ();
      end
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */
endmodule

`default_nettype wire

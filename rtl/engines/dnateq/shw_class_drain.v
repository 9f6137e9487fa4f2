// shw_class_drain: shadow registers of the cells, and one multiplier per column that they take
// turns at.
//
// `capture[p]` copies the accumulators of row p into its shadow registers. A valid `select` says
// whose shadow registers, as they are 2 cycles later, are multiplied by the level of the class that
// comes with it; negative classes are multiplied by the negated level. Without one the factors stay
// as they are and nothing switches. Products leave 5 cycles after select. A multiplier block of
// FAMILY "generic" (25 x 18, DSP48E1) takes a whole sum and has a register within; one of "ecp5"
// (18 x 18) does not, so 17 bits of the sum and the rest are multiplied apart and added a cycle
// later.
//
// Parameters: ROWS    1..64    rows of cells
//             COLS    1..1024  columns
//             BITS    3..7     width of an exponent
//             SUM_W   10..25   width of a class sum
//             LEVEL_W 2..17    width of a level: -(2^(LEVEL_W-1) - 1)..2^(LEVEL_W-1) - 1, since its
//                              negative has to fit as well
//             FAMILY  "generic", "ecp5"
// Latency:    5 cycles from select to product. Throughput: 1 row per cycle. Backpressure: none.
// Reset:      none; the levels are written before the first product.
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
  input  wire                            level_write,     // writes a level
  input  wire [BITS-1:0]                 level_exponent,  // its exponent, in two's complement
  input  wire [LEVEL_W-1:0]              level_value,     // two's complement, not -2^(LEVEL_W-1)
  input  wire [ROWS*COLS*SUM_W-1:0]      sum,             // of all cells, column fastest, row 0 low
  input  wire [ROWS-1:0]                 capture,         // rows whose sums are kept
  input  wire                            select_valid,    // sums of a row have their turn
  input  wire [ROW_W-1:0]                select,          // whose
  input  wire [BITS:0]                   select_code,     // of what class
  output wire [COLS*(SUM_W+LEVEL_W)-1:0] product           // SUM_W + LEVEL_W bits per column
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

  // The level of the class, with its sign.
  wire [LEVEL_W-1:0] level;
  reg                valid_1;
  reg  [ROW_W-1:0]   select_1;
  reg  [BITS:0]      code_1;
  reg                valid_2;
  reg  [ROW_W-1:0]   select_2;
  reg                negative_2;
  reg  [LEVEL_W-1:0] level_2;
  reg  [LEVEL_W-1:0] level_3;

  shw_lutram #(.DATA_W(LEVEL_W), .ADDR_W(BITS)) u_levels (
    .clk(clk), .write_enable(level_write), .write_address(level_exponent),
    .write_data(level_value), .read_address(code_1[BITS-1:0]), .read_data(level)
  );

  always @(posedge clk) begin
    valid_1 <= select_valid;
    if (select_valid) begin
      select_1 <= select;
      code_1   <= select_code;
    end
    valid_2 <= valid_1;
    if (valid_1) begin
      select_2   <= select_1;
      negative_2 <= code_1[BITS];
      level_2    <= level;
    end
    if (valid_2) begin
      level_3 <= (level_2 ^ {LEVEL_W{negative_2}}) + {{(LEVEL_W-1){1'b0}}, negative_2};
    end
  end

  genvar r;
  genvar c;
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      reg  [ROWS*SUM_W-1:0] held;
      reg  [SUM_W-1:0]      chosen;
      reg  [SUM_W-1:0]      sum_3;
      reg  [PRODUCT_W-1:0]  product_5;
      integer               i;

      for (r = 0; r < ROWS; r = r + 1) begin : g_row
        always @(posedge clk) begin
          if (capture[r]) held[r*SUM_W +: SUM_W] <= sum[(r*COLS+c)*SUM_W +: SUM_W];
        end
      end

      always @* begin
        chosen = held[0 +: SUM_W];
        for (i = 1; i < ROWS; i = i + 1) begin
          if (select_2 == i[ROW_W-1:0]) chosen = held[i*SUM_W +: SUM_W];
        end
      end

      always @(posedge clk) begin
        if (valid_2) sum_3 <= chosen;
      end

      if (FAMILY == "ecp5" && SUM_W > 18) begin : g_parts
        localparam LOW_W = 17;
        reg [LOW_W+LEVEL_W-1:0]  low_4;
        reg [PRODUCT_W-LOW_W-1:0] high_4;
        always @(posedge clk) begin
          low_4     <= $signed({1'b0, sum_3[LOW_W-1:0]}) * $signed(level_3);
          high_4    <= $signed(sum_3[SUM_W-1:LOW_W]) * $signed(level_3);
          product_5 <= {high_4, {LOW_W{1'b0}}} + {{(SUM_W-LOW_W){low_4[LOW_W+LEVEL_W-1]}}, low_4};
        end
      end else if (FAMILY == "generic" || FAMILY == "ecp5") begin : g_whole
        reg signed [PRODUCT_W-1:0] product_4;
        always @(posedge clk) begin
          product_4 <= $signed(sum_3) * $signed(level_3);
          product_5 <= $unsigned(product_4);
        end
      end else begin : g_illegal_family
        shw_ILLEGAL_FAMILY_must_be_generic_or_ecp5 illegal ();
      end
      assign product[c*PRODUCT_W +: PRODUCT_W] = product_5;
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */
endmodule

`default_nettype wire

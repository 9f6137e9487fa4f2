// shw_class_drain: shadow registers of the cells, two sets, and two multipliers per column that
// the rows of cells take turns at.
//
// `capture[2p]` copies the accumulators of row p into its first set of shadow registers,
// `capture[2p+1]` into its second. A valid `select` says whose shadow registers, as they are 2
// cycles later, are multiplied by the levels of the classes that come with it: the first set
// and, with select_both, the second, whose product is added. Negative classes are multiplied by
// the negated level. Without a select the factors stay as they are and nothing switches. The sum
// of the products leaves 6 cycles after select. A multiplier block of FAMILY "generic" (25 x 18,
// DSP48E1) takes a whole sum, has a register within and an adder behind; one of "ecp5" (18 x 18)
// does not, so 17 bits of the sum and the rest are multiplied apart and added a cycle later.
//
// Parameters: ROWS    1..64    rows of cells
//             COLS    1..1024  columns
//             BITS    3..7     width of an exponent
//             SUM_W   10..25   width of a class sum
//             LEVEL_W 2..17    width of a level: -(2^(LEVEL_W-1) - 1)..2^(LEVEL_W-1) - 1, since its
//                              negative has to fit as well
//             FAMILY  "generic", "ecp5"
// Latency:    6 cycles from select to product. Throughput: 1 row per cycle. Backpressure: none.
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
  input  wire [2*ROWS-1:0]               capture,         // rows whose sums are kept, and where
  input  wire                            select_valid,    // sums of a row have their turn
  input  wire [ROW_W-1:0]                select,          // whose
  input  wire                            select_both,     // both
  input  wire [2*BITS+1:0]               select_code,     // of what classes, the first low
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

  // The levels of the classes, with their signs. A second one that is not there is that of
  // exponent 0, with a sum of 0.
  localparam CODE_W = BITS + 1;

  wire [2*LEVEL_W-1:0] level;
  reg                  valid_1;
  reg  [ROW_W-1:0]     select_1;
  reg                  both_1;
  reg  [2*CODE_W-1:0]  code_1;
  reg                  valid_2;
  reg  [ROW_W-1:0]     select_2;
  reg                  both_2;
  reg  [1:0]           negative_2;
  reg  [2*LEVEL_W-1:0] level_2;
  reg  [2*LEVEL_W-1:0] level_3;

  genvar n;
  generate
    for (n = 0; n < 2; n = n + 1) begin : g_class
      shw_lutram #(.DATA_W(LEVEL_W), .ADDR_W(BITS)) u_levels (
        .clk(clk), .write_enable(level_write), .write_address(level_exponent),
        .write_data(level_value), .read_address(code_1[n*CODE_W +: BITS]),
        .read_data(level[n*LEVEL_W +: LEVEL_W])
      );

      always @(posedge clk) begin
        if (valid_1) begin
          negative_2[n]                 <= code_1[n*CODE_W + BITS];
          level_2[n*LEVEL_W +: LEVEL_W] <= level[n*LEVEL_W +: LEVEL_W];
        end
        if (valid_2) begin
          level_3[n*LEVEL_W +: LEVEL_W] <= (level_2[n*LEVEL_W +: LEVEL_W]
              ^ {LEVEL_W{negative_2[n]}}) + {{(LEVEL_W-1){1'b0}}, negative_2[n]};
        end
      end
    end
  endgenerate

  always @(posedge clk) begin
    valid_1 <= select_valid;
    if (select_valid) begin
      select_1 <= select;
      both_1   <= select_both;
      code_1   <= select_code & {{CODE_W{select_both}}, {CODE_W{1'b1}}};
    end
    valid_2 <= valid_1;
    if (valid_1) begin
      select_2 <= select_1;
      both_2   <= both_1;
    end
  end

  genvar r;
  genvar c;
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      reg  [2*ROWS*SUM_W-1:0] held;
      reg  [2*SUM_W-1:0]    chosen;
      reg  [2*SUM_W-1:0]    sum_3;
      integer               i;

      for (r = 0; r < ROWS; r = r + 1) begin : g_row
        wire [SUM_W-1:0] cell_sum = sum[(r*COLS+c)*SUM_W +: SUM_W];
        always @(posedge clk) begin
          if (capture[2*r]) held[2*r*SUM_W +: SUM_W] <= cell_sum;
          if (capture[2*r+1]) held[(2*r+1)*SUM_W +: SUM_W] <= cell_sum;
        end
      end

      always @* begin
        chosen = held[0 +: 2*SUM_W];
        for (i = 1; i < ROWS; i = i + 1) begin
          if (select_2 == i[ROW_W-1:0]) chosen = held[2*i*SUM_W +: 2*SUM_W];
        end
      end

      always @(posedge clk) begin
        if (valid_2) sum_3 <= chosen;
        if (valid_2 && !both_2) sum_3[SUM_W +: SUM_W] <= {SUM_W{1'b0}};
      end

      wire [SUM_W-1:0]   sum_first    = sum_3[0 +: SUM_W];
      wire [SUM_W-1:0]   sum_second   = sum_3[SUM_W +: SUM_W];
      wire [LEVEL_W-1:0] level_first  = level_3[0 +: LEVEL_W];
      wire [LEVEL_W-1:0] level_second = level_3[LEVEL_W +: LEVEL_W];

      if (FAMILY == "ecp5" && SUM_W > 18) begin : g_parts
        localparam LOW_W = 17;
        reg [LOW_W+LEVEL_W-1:0]   low_4;
        reg [PRODUCT_W-LOW_W-1:0] high_4;
        reg [LOW_W+LEVEL_W-1:0]   second_low_4;
        reg [PRODUCT_W-LOW_W-1:0] second_high_4;
        reg [PRODUCT_W-1:0]       first_5;
        reg [PRODUCT_W-1:0]       second_5;
        reg [PRODUCT_W-1:0]       product_6;
        always @(posedge clk) begin
          low_4         <= $signed({1'b0, sum_first[LOW_W-1:0]}) * $signed(level_first);
          high_4        <= $signed(sum_first[SUM_W-1:LOW_W]) * $signed(level_first);
          second_low_4  <= $signed({1'b0, sum_second[LOW_W-1:0]}) * $signed(level_second);
          second_high_4 <= $signed(sum_second[SUM_W-1:LOW_W]) * $signed(level_second);
          first_5       <= {high_4, {LOW_W{1'b0}}}
                         + {{(SUM_W-LOW_W){low_4[LOW_W+LEVEL_W-1]}}, low_4};
          second_5      <= {second_high_4, {LOW_W{1'b0}}}
                         + {{(SUM_W-LOW_W){second_low_4[LOW_W+LEVEL_W-1]}}, second_low_4};
          product_6     <= first_5 + second_5;
        end
        assign product[c*PRODUCT_W +: PRODUCT_W] = product_6;
      end else if (FAMILY == "generic" || FAMILY == "ecp5") begin : g_whole
        // The first class is a cycle behind the second: the block that multiplies it adds as well.
        reg        [SUM_W-1:0]     sum_4;
        reg        [LEVEL_W-1:0]   level_4;
        reg signed [PRODUCT_W-1:0] second_4;
        reg signed [PRODUCT_W-1:0] second_5;
        reg signed [PRODUCT_W-1:0] first_5;
        reg signed [PRODUCT_W-1:0] product_6;
        always @(posedge clk) begin
          sum_4     <= sum_first;
          level_4   <= level_first;
          second_4  <= $signed(sum_second) * $signed(level_second);
          second_5  <= second_4;
          first_5   <= $signed(sum_4) * $signed(level_4);
          product_6 <= first_5 + second_5;
        end
        assign product[c*PRODUCT_W +: PRODUCT_W] = $unsigned(product_6);
      end else begin : g_illegal_family
        shw_ILLEGAL_FAMILY_must_be_generic_or_ecp5 illegal ();
      end
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */
endmodule

`default_nettype wire

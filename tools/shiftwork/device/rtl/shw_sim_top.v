// shw_sim_top: tile engine, post unit and table in a row: the simulated device without its memories.
//
// The harness (harness.cpp) plays the memories: it offers operand beats, and presents the constants (post_*) of the beat
// that the engine returns next. engine_* show the stream between engine and post unit, so that the harness knows when to
// advance; post_taken and post_sum are a beat between post unit and table. Or it offers codes (codes_*) to the table,
// while the engine is empty: they go before those of the post unit. post_clk, of post unit and table, is clk, or held low
// while both are empty and are offered nothing: their state cannot matter then, and the simulation saves its time.
//
// Tables are written before the first beat: table_select 0 and 1 are those of exponential codes in the engine, 2 and 3
// those in the post unit, 4 is that of shw_table.
//
// Parameters: ENGINE      "tr" | "tmac" | "mac" | "msq" | "exp"  shw_tr_engine, shw_tmac_engine, shw_mac_engine,
//                         shw_msq_engine or shw_exp_engine
//             ROWS, COLS  shape of the engine
//             OPERAND_W   bits of one row or column in a beat: 8, or 4 * LANES of the msq engine; the exp engine
//                         takes the low BITS + 1
//             DEPTH       as in shw_tr_engine and shw_exp_engine; the others do not look at it
//             FIXED_ROWS  as in shw_msq_engine; the others do not look at it
//             MULTIPLIER  as in shw_mac_engine; the others do not look at it
//             FOLD, BITS  as in shw_exp_engine, BITS as in shw_post_unit as well
//             REQUANT     as in shw_post_unit
//             ACC_W       bits of an accumulator: 32, with "exp" 48
// Latency, throughput, backpressure: those of the engine followed by shw_post_unit and shw_table.
// Reset: rst.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_sim_top #(
  parameter ENGINE     = "tr",
  parameter ROWS       = 8,
  parameter COLS       = 64,
  parameter OPERAND_W  = 8,
  parameter DEPTH      = 256,
  parameter FIXED_ROWS = 0,
  parameter MULTIPLIER = "dsp",
  parameter FOLD       = 1,
  parameter BITS       = 4,
  parameter REQUANT    = "shift",
  parameter ACC_W      = 32
) (
  input  wire                      clk,
  input  wire                      post_clk,
  input  wire                      rst,
  // configuration of the engine: terms of tr and tmac, slices of tr, signs of mac, rows of msq, exponents of exp
  input  wire                      cfg_tr_en,
  input  wire [8:0]                cfg_group,
  input  wire [10:0]               cfg_group_budget,
  input  wire [3:0]                cfg_data_terms,
  input  wire [1:0]                cfg_slice_shift,
  input  wire                      cfg_encoding,
  input  wire                      cfg_row_signed,
  input  wire                      cfg_col_signed,
  input  wire [ROWS-1:0]           cfg_row_sp2,
  input  wire [2:0]                cfg_exponent_bits,
  input  wire [9:0]                cfg_slice_length,
  output wire                      cfg_error,
  // tables
  input  wire                      table_valid,
  output wire                      table_ready,
  input  wire [2:0]                table_select,
  input  wire [7:0]                table_address,
  input  wire [ACC_W-1:0]          table_data,
  // operands
  input  wire                      in_valid,
  output wire                      in_ready,
  input  wire                      in_last,
  input  wire [ROWS*OPERAND_W-1:0] in_row,
  input  wire [COLS*OPERAND_W-1:0] in_col,
  // the stream between engine and post unit
  output wire                      engine_valid,
  output wire                      engine_ready,
  output wire                      engine_last,
  output wire [COLS*ACC_W-1:0]     engine_acc,
  // constants of the beat on engine_acc
  input  wire [COLS*ACC_W-1:0]     post_bias,
  input  wire [COLS*5-1:0]         post_bias_shift,
  input  wire [COLS*8-1:0]         post_shortcut,
  input  wire [COLS*6-1:0]         post_shortcut_shift,
  input  wire [COLS*16-1:0]        post_factor,
  input  wire [COLS*6-1:0]         post_shift,
  input  wire                      post_shortcut_enable,
  input  wire                      post_shortcut_signed,
  input  wire                      post_relu,
  input  wire [8:0]                post_low,
  input  wire [8:0]                post_high,
  // the stream between post unit and table
  output wire                      post_taken,
  output wire [COLS*ACC_W-1:0]     post_sum,
  // codes for the table
  input  wire                      cfg_bypass,
  input  wire                      codes_valid,
  output wire                      codes_ready,
  input  wire                      codes_last,
  input  wire [COLS*8-1:0]         codes,
  // results
  output wire                      out_valid,
  input  wire                      out_ready,
  output wire                      out_last,
  output wire [COLS*8-1:0]         out_codes
);
  wire engine_table_ready;
  wire post_table_ready;
  wire codes_table_ready;

  wire engine_table_valid = table_valid && table_select[2:1] == 2'd0;
  wire post_table_valid   = table_valid && table_select[2:1] == 2'd1;
  wire codes_table_valid  = table_valid && table_select[2];

  assign table_ready = table_select[2] ? codes_table_ready
                                       : table_select[1] ? post_table_ready : engine_table_ready;

  genvar i;
  generate
    if (ENGINE == "exp") begin : g_exp
      wire [ROWS*(BITS+1)-1:0] row;
      wire [COLS*(BITS+1)-1:0] col;

      for (i = 0; i < ROWS; i = i + 1) begin : g_row
        assign row[i*(BITS+1) +: BITS+1] = in_row[i*OPERAND_W +: BITS+1];
      end
      for (i = 0; i < COLS; i = i + 1) begin : g_col
        assign col[i*(BITS+1) +: BITS+1] = in_col[i*OPERAND_W +: BITS+1];
      end

      shw_exp_engine #(
        .ROWS(ROWS), .FOLD(FOLD), .COLS(COLS), .BITS(BITS), .DEPTH(DEPTH)
      ) u_engine (
        .clk(clk), .rst(rst),
        .cfg_exponent_bits(cfg_exponent_bits), .cfg_row_signed(cfg_row_signed),
        .cfg_slice_length(cfg_slice_length), .cfg_error(cfg_error),
        .table_valid(engine_table_valid), .table_ready(engine_table_ready),
        .table_select(table_select[0]), .table_address(table_address[BITS:0]),
        .table_data(table_data[16:0]),
        .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last), .in_row(row), .in_col(col),
        .out_valid(engine_valid), .out_ready(engine_ready), .out_last(engine_last),
        .out_acc(engine_acc)
      );
    end else begin : g_no_tables
      assign engine_table_ready = 1'b0;
    end

    if (ENGINE == "msq") begin : g_msq
      shw_msq_engine #(
        .FIXED_ROWS(FIXED_ROWS), .SP2_ROWS(ROWS - FIXED_ROWS), .COLS(COLS), .LANES(OPERAND_W / 4),
        .PRODUCTS(FIXED_ROWS == 0 ? 0 : FIXED_ROWS % 2 == 0 ? 4 : 2)
      ) u_engine (
        .clk(clk), .rst(rst),
        .cfg_row_sp2(cfg_row_sp2), .cfg_col_signed(cfg_col_signed), .cfg_error(cfg_error),
        .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last),
        .in_row(in_row), .in_col(in_col),
        .out_valid(engine_valid), .out_ready(engine_ready), .out_last(engine_last),
        .out_acc(engine_acc)
      );
    end else if (ENGINE == "mac") begin : g_mac
      shw_mac_engine #(.ROWS(ROWS), .COLS(COLS), .MULTIPLIER(MULTIPLIER)) u_engine (
        .clk(clk), .rst(rst),
        .cfg_row_signed(cfg_row_signed), .cfg_col_signed(cfg_col_signed), .cfg_error(cfg_error),
        .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last),
        .in_row(in_row), .in_col(in_col),
        .out_valid(engine_valid), .out_ready(engine_ready), .out_last(engine_last),
        .out_acc(engine_acc)
      );
    end else if (ENGINE == "tmac") begin : g_tmac
      shw_tmac_engine #(.ROWS(ROWS), .COLS(COLS)) u_engine (
        .clk(clk), .rst(rst),
        .cfg_tr_en(cfg_tr_en), .cfg_group(cfg_group), .cfg_group_budget(cfg_group_budget),
        .cfg_data_terms(cfg_data_terms), .cfg_encoding(cfg_encoding),
        .cfg_row_signed(cfg_row_signed), .cfg_col_signed(cfg_col_signed), .cfg_error(cfg_error),
        .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last),
        .in_row(in_row), .in_col(in_col),
        .out_valid(engine_valid), .out_ready(engine_ready), .out_last(engine_last),
        .out_acc(engine_acc)
      );
    end else if (ENGINE == "tr") begin : g_tr
      shw_tr_engine #(.ROWS(ROWS), .COLS(COLS), .DEPTH(DEPTH)) u_engine (
        .clk(clk), .rst(rst),
        .cfg_tr_en(cfg_tr_en), .cfg_group(cfg_group), .cfg_group_budget(cfg_group_budget),
        .cfg_data_terms(cfg_data_terms), .cfg_slice_shift(cfg_slice_shift),
        .cfg_encoding(cfg_encoding),
        .cfg_row_signed(cfg_row_signed), .cfg_col_signed(cfg_col_signed), .cfg_error(cfg_error),
        .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last),
        .in_row(in_row), .in_col(in_col),
        .out_valid(engine_valid), .out_ready(engine_ready), .out_last(engine_last),
        .out_acc(engine_acc)
      );
    end
  endgenerate

  wire              post_valid;
  wire              post_ready;
  wire              post_last;
  wire [COLS*8-1:0] post_code;

  shw_post_unit #(.LANES(COLS), .REQUANT(REQUANT), .ACC_W(ACC_W), .BITS(BITS)) u_post (
    .clk(post_clk), .rst(rst),
    .cfg_relu(post_relu), .cfg_shortcut_enable(post_shortcut_enable),
    .cfg_shortcut_signed(post_shortcut_signed), .cfg_low(post_low), .cfg_high(post_high),
    .table_valid(post_table_valid), .table_ready(post_table_ready),
    .table_select(table_select[0]), .table_address(table_address[BITS-1:0]),
    .table_data(table_data),
    .in_valid(engine_valid), .in_ready(engine_ready), .in_last(engine_last), .in_source(1'b1),
    .in_acc(engine_acc), .in_bias(post_bias), .in_bias_shift(post_bias_shift),
    .in_shortcut(post_shortcut),
    .in_shortcut_shift(post_shortcut_shift), .in_factor(post_factor), .in_shift(post_shift),
    .out_valid(post_valid), .out_ready(post_ready), .out_last(post_last), .out_code(post_code),
    .out_sum(post_sum)
  );

  wire in_table_ready;

  assign codes_ready = in_table_ready;
  assign post_ready  = in_table_ready & ~codes_valid;
  assign post_taken  = post_valid & post_ready;

  shw_table #(.LANES(COLS)) u_table (
    .clk(post_clk), .rst(rst),
    .table_valid(codes_table_valid), .table_ready(codes_table_ready),
    .table_address(table_address), .table_data(table_data[7:0]),
    .in_valid(codes_valid | post_valid), .in_ready(in_table_ready),
    .in_last(codes_valid ? codes_last : post_last), .cfg_bypass(cfg_bypass),
    .in_codes(codes_valid ? codes : post_code),
    .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out_codes(out_codes)
  );
endmodule

`default_nettype wire

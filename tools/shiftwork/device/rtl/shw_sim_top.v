// shw_sim_top: tile engine and post unit in a row: the simulated device without its memories.
//
// The harness (harness.cpp) plays the memories: it offers operand beats, and presents the constants
// (post_*) of the beat that the engine returns next. engine_* show the stream between engine and post
// unit, so that the harness knows when to advance. post_clk is clk, or held low while the post unit is
// empty and is offered nothing: its state cannot matter then, and the simulation saves its time.
//
// Parameters: ENGINE      "tr" | "tmac" | "msq"  shw_tr_engine, shw_tmac_engine or shw_msq_engine
//             ROWS, COLS  shape of the engine
//             OPERAND_W   bits of one row or column in a beat: 8, or 4 * LANES of the msq engine
//             DEPTH       as in shw_tr_engine; the others do not look at it
//             FIXED_ROWS  as in shw_msq_engine; the others do not look at it
//             REQUANT     as in shw_post_unit
// Latency, throughput, backpressure: those of the engine followed by shw_post_unit.
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
  parameter REQUANT    = "shift"
) (
  input  wire                      clk,
  input  wire                      post_clk,
  input  wire                      rst,
  // configuration of the engine: terms of tr and tmac, rows of msq
  input  wire                      cfg_tr_en,
  input  wire [8:0]                cfg_group,
  input  wire [10:0]               cfg_group_budget,
  input  wire [3:0]                cfg_data_terms,
  input  wire                      cfg_encoding,
  input  wire                      cfg_row_signed,
  input  wire                      cfg_col_signed,
  input  wire [ROWS-1:0]           cfg_row_sp2,
  output wire                      cfg_error,
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
  output wire [COLS*32-1:0]        engine_acc,
  // constants of the beat on engine_acc
  input  wire [COLS*32-1:0]        post_bias,
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
  // results
  output wire                      out_valid,
  input  wire                      out_ready,
  output wire                      out_last,
  output wire [COLS*8-1:0]         out_code,
  output wire [COLS*32-1:0]        out_sum
);
  generate
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
    end else begin : g_tr
      shw_tr_engine #(.ROWS(ROWS), .COLS(COLS), .DEPTH(DEPTH)) u_engine (
        .clk(clk), .rst(rst),
        .cfg_tr_en(cfg_tr_en), .cfg_group(cfg_group), .cfg_group_budget(cfg_group_budget),
        .cfg_data_terms(cfg_data_terms), .cfg_encoding(cfg_encoding),
        .cfg_row_signed(cfg_row_signed), .cfg_col_signed(cfg_col_signed), .cfg_error(cfg_error),
        .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last),
        .in_row(in_row), .in_col(in_col),
        .out_valid(engine_valid), .out_ready(engine_ready), .out_last(engine_last),
        .out_acc(engine_acc)
      );
    end
  endgenerate

  shw_post_unit #(.LANES(COLS), .REQUANT(REQUANT)) u_post (
    .clk(post_clk), .rst(rst),
    .cfg_relu(post_relu), .cfg_shortcut_enable(post_shortcut_enable),
    .cfg_shortcut_signed(post_shortcut_signed), .cfg_low(post_low), .cfg_high(post_high),
    .table_valid(1'b0), .table_ready(), .table_select(1'b0), .table_address(4'd0),
    .table_data(32'd0),
    .in_valid(engine_valid), .in_ready(engine_ready), .in_last(engine_last), .in_acc(engine_acc),
    .in_bias(post_bias), .in_bias_shift(post_bias_shift), .in_shortcut(post_shortcut),
    .in_shortcut_shift(post_shortcut_shift), .in_factor(post_factor), .in_shift(post_shift),
    .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out_code(out_code),
    .out_sum(out_sum)
  );
endmodule

`default_nettype wire

// shw_tr_row: one row of accumulating cells (shw_tr_cell) with the column operands beside it.
//
// The column operands of a slice sit in a block RAM as wide as the row (VALUE_W bits a cell, two halves of
// DEPTH words for ping-pong). An operation (op, index) gathers one word and every cell executes op on
// its own value; op_term = 0 executes op with the value 0. Every eight cells have a copy of the control, since a signal
// that all cells look at would be slow.
//
// Parameters: COLS   1..1024       cells
//             ACC_W  10..48        accumulator width
//             VALUE_W 2..ACC_W-1   width of a column value
//             ADDR_W 2..16         address width of the operand memory (2 * DEPTH words)
//             SHIFTS 0, 1          0: OP_ADD and OP_NORTH are the only operations (SPLIT = 0)
//             SPLIT  0, 1          1: cells in two halves (shw_tr_split_cell, ACC_W from 20), FAMILY is not looked at
//             FAMILY "generic", "ecp5"  of the cells (shw_tr_cell)
// Latency:    4 cycles from op to acc (memory, its output register, operand register, cell); with SPLIT = 1 one
//             more to the upper halves of acc, and north comes so as well.
// Throughput: 1 operation per cycle. Backpressure: none.
// Reset:      rst clears what is in flight and, a cycle later, the cells; the memory keeps its content.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_row #(
  parameter COLS   = 64,
  parameter ACC_W  = 24,
  parameter VALUE_W = 9,
  parameter ADDR_W = 9,
  parameter SHIFTS = 1,
  parameter SPLIT  = 0,
  parameter FAMILY = "generic"
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire                  write_enable,
  input  wire [ADDR_W-1:0]     write_address,
  input  wire [COLS*VALUE_W-1:0]     write_data,
  input  wire [1:0]            op,
  input  wire                  op_term,     // 0: the value added is 0
  input  wire                  op_fill,
  input  wire                  op_signed,   // column values are two's complement
  input  wire [ADDR_W-1:0]     op_address,
  input  wire [COLS*ACC_W-1:0] north,
  output wire [COLS*ACC_W-1:0] acc
);
  generate
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
    if (ADDR_W < 2 || ADDR_W > 16) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_2_to_16 illegal ();
    end
    if (SHIFTS != 0 && SHIFTS != 1) begin : g_illegal_shifts
      shw_ILLEGAL_SHIFTS_must_be_0_or_1 illegal ();
    end
    if ((SPLIT != 0 && SPLIT != 1) || (SPLIT == 1 && SHIFTS == 0)) begin : g_illegal_split
      shw_ILLEGAL_SPLIT_must_be_0_or_1_and_needs_SHIFTS illegal ();
    end
  endgenerate

  localparam GROUP  = 8;                           // columns that share copies of the control
  localparam GROUPS = (COLS + GROUP - 1) / GROUP;

  wire [COLS*VALUE_W-1:0] word;

  reg keep_1;
  reg keep_2;
  reg keep_3;
  reg other_1;
  reg other_2;
  reg other_3;
  reg fill_1;
  reg fill_2;
  reg term_1;
  reg extend_1;

  always @(posedge clk) begin
    if (rst) begin
      keep_1   <= 1'b1;
      keep_2   <= 1'b1;
      keep_3   <= 1'b1;
      other_1  <= 1'b0;
      other_2  <= 1'b0;
      other_3  <= 1'b0;
      fill_1   <= 1'b0;
      fill_2   <= 1'b0;
      term_1   <= 1'b0;
      extend_1 <= 1'b0;
    end else begin
      keep_1   <= ~op[0];
      keep_2   <= keep_1;
      keep_3   <= keep_2;
      other_1  <= op[1];
      other_2  <= other_1;
      other_3  <= other_2;
      fill_1   <= op_fill;
      fill_2   <= fill_1;
      term_1   <= op_term;
      extend_1 <= op_term & op_signed;
    end
  end

  shw_ram_sdp #(
    .DATA_W(COLS*VALUE_W), .ADDR_W(ADDR_W), .STYLE("block"), .OUTPUT_REGISTER(1)
  ) u_operands (
    .clk(clk),
    .write_enable(write_enable), .write_address(write_address), .write_data(write_data),
    .read_enable(1'b1), .read_address(op_address), .read_data(word)
  );

  genvar g;
  genvar c;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : g_group
      localparam END = (g == GROUPS - 1) ? COLS : (g + 1) * GROUP;

      wire clear;
      wire no_value;
      wire no_extend;
      wire keep;
      wire other;
      wire fill;

      wire keep_upper;
      wire other_upper;

      if (SPLIT != 0) begin : g_upper
        shw_copy #(.W(2)) u_control (
          .clk(clk), .now({keep_3, other_3}), .copy({keep_upper, other_upper})
        );
      end else begin : g_no_upper
        assign {keep_upper, other_upper} = {keep_3, other_3};
      end

      shw_copy #(.W(6)) u_control (
        .clk(clk), .now({rst, rst | ~term_1, rst | ~extend_1, keep_2, other_2, fill_2}),
        .copy({clear, no_value, no_extend, keep, other, fill})
      );

      for (c = g * GROUP; c < END; c = c + 1) begin : g_cell
        reg [VALUE_W-1:0] value;
        reg               extend;   // sign extension of the value
        always @(posedge clk) begin
          if (no_value) value <= {VALUE_W{1'b0}};
          else value <= word[c*VALUE_W +: VALUE_W];
          if (no_extend) extend <= 1'b0;
          else extend <= word[c*VALUE_W + VALUE_W-1];
        end
        if (SPLIT != 0) begin : g_split
          shw_tr_split_cell #(.ACC_W(ACC_W), .T_W(VALUE_W+1)) u_cell (
            .clk(clk), .rst(clear), .keep(keep), .other(other), .fill(fill),
            .keep_upper(keep_upper), .other_upper(other_upper), .t({extend, value}),
            .north(north[c*ACC_W +: ACC_W]), .acc(acc[c*ACC_W +: ACC_W])
          );
        end else begin : g_whole
          wire unused = &{1'b0, keep_upper, other_upper};
          shw_tr_cell #(.ACC_W(ACC_W), .T_W(VALUE_W+1), .FAMILY(FAMILY)) u_cell (
            .clk(clk), .rst(clear), .keep(keep), .other((SHIFTS != 0) ? other : ~keep),
            .fill(fill), .t({extend, value}),
            .north(north[c*ACC_W +: ACC_W]), .acc(acc[c*ACC_W +: ACC_W])
          );
        end
      end
    end
  endgenerate
endmodule

`default_nettype wire

// shw_tr_row: one row of accumulating cells (shw_tr_cell) with the column operands beside it.
//
// The column operands of a slice sit in a block RAM as wide as the row (VALUE_W bits a cell, two halves of
// DEPTH words for ping-pong). An operation (op, index) gathers one word and every cell executes op on
// its own value; op_term = 0 executes op with the value 0.
//
// Parameters: COLS   1..1024       cells
//             ACC_W  10..48        accumulator width
//             VALUE_W 2..ACC_W-1   width of a column value
//             ADDR_W 2..16         address width of the operand memory (2 * DEPTH words)
//             FAMILY "generic", "ecp5"  of the cells (shw_tr_cell)
// Latency:    3 cycles from op to acc (memory, operand register, cell). Throughput: 1 operation per cycle.
// Backpressure: none. Reset: rst clears the cells and what is in flight; the memory keeps its content.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_row #(
  parameter COLS   = 64,
  parameter ACC_W  = 24,
  parameter VALUE_W = 9,
  parameter ADDR_W = 9,
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
      shw_ILLEGAL_COLS illegal ();
    end
    if (ADDR_W < 2 || ADDR_W > 16) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W illegal ();
    end
  endgenerate

  wire [COLS*VALUE_W-1:0] word;

  reg [1:0] op_1;
  reg [1:0] op_2;
  reg       fill_1;
  reg       fill_2;
  reg       term_1;
  reg       extend_1;

  wire no_value  = rst | ~term_1;
  wire no_extend = rst | ~extend_1;

  always @(posedge clk) begin
    if (rst) begin
      op_1     <= 2'd0;
      op_2     <= 2'd0;
      term_1   <= 1'b0;
      extend_1 <= 1'b0;
    end else begin
      op_1     <= op;
      op_2     <= op_1;
      term_1   <= op_term;
      extend_1 <= op_term & op_signed;
    end
    fill_1 <= op_fill;
    fill_2 <= fill_1;
  end

  shw_ram_sdp #(.DATA_W(COLS*VALUE_W), .ADDR_W(ADDR_W), .STYLE("block")) u_operands (
    .clk(clk),
    .write_enable(write_enable), .write_address(write_address), .write_data(write_data),
    .read_enable(1'b1), .read_address(op_address), .read_data(word)
  );

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_cell
      reg [VALUE_W-1:0] value;
      reg               extend;   // sign extension of the value
      always @(posedge clk) begin
        if (no_value) value <= {VALUE_W{1'b0}};
        else value <= word[c*VALUE_W +: VALUE_W];
        if (no_extend) extend <= 1'b0;
        else extend <= word[c*VALUE_W + VALUE_W-1];
      end
      shw_tr_cell #(.ACC_W(ACC_W), .T_W(VALUE_W+1), .FAMILY(FAMILY)) u_cell (
        .clk(clk), .rst(rst), .op(op_2), .fill(fill_2), .t({extend, value}),
        .north(north[c*ACC_W +: ACC_W]), .acc(acc[c*ACC_W +: ACC_W])
      );
    end
  endgenerate
endmodule

`default_nettype wire

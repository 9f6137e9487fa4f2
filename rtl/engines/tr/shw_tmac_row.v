// shw_tmac_row: one row of term-pair cells with the terms of the column operands beside it.
//
// The column terms of a slice sit in a block RAM as wide as the row: 6 bits a cell (valid, negative, exponent), eight
// slots a value, two halves of 256 values for ping-pong. A row term names a value; the engine steps through
// the slots. While `drain` is set, row_exponent names the coefficient that moves south.
//
// Parameters: COLS    1..1024  cells
//             COEF_W  2..24    width of a coefficient
// Latency:    4 cycles from a row term to the coefficients (memory, operand register, entry register, adder).
// Throughput: 1 row term and slot per cycle. Backpressure: none.
// Reset:      rst drops the pairs in flight; memories keep their content (see shw_tmac).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac_row #(
  parameter COLS   = 64,
  parameter COEF_W = 12
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   write_enable,
  input  wire [11:0]            write_address,
  input  wire [COLS*6-1:0]      write_data,
  input  wire                   drain,
  input  wire                   term_valid,
  input  wire                   term_negative,
  input  wire [4:0]             term_exponent,
  input  wire [11:0]            term_address,    // half, index, slot
  input  wire [COLS*COEF_W-1:0] north,
  output wire [COLS*COEF_W-1:0] coefficient
);
  generate
    if (COLS < 1 || COLS > 1024) begin : g_illegal
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
  endgenerate

  wire [COLS*6-1:0] word;

  reg       drain_1;
  reg       drain_2;
  reg       valid_1;
  reg       valid_2;
  reg       negative_1;
  reg       negative_2;
  reg [4:0] exponent_1;
  reg [4:0] exponent_2;

  always @(posedge clk) begin
    if (rst) begin
      drain_1 <= 1'b0;
      drain_2 <= 1'b0;
      valid_1 <= 1'b0;
      valid_2 <= 1'b0;
    end else begin
      drain_1 <= drain;
      drain_2 <= drain_1;
      valid_1 <= term_valid;
      valid_2 <= valid_1;
    end
    negative_1 <= term_negative & ~drain;
    negative_2 <= negative_1;
    exponent_1 <= term_exponent;
    exponent_2 <= exponent_1;
  end

  shw_ram_sdp #(.DATA_W(COLS*6), .ADDR_W(12), .STYLE("block")) u_operands (
    .clk(clk),
    .write_enable(write_enable), .write_address(write_address), .write_data(write_data),
    .read_enable(1'b1), .read_address(term_address), .read_data(word)
  );

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_cell
      reg [5:0] value;
      always @(posedge clk) begin
        if (!valid_1) value <= 6'd0;
        else value <= word[c*6 +: 6];
      end
      shw_tmac #(.COEF_W(COEF_W)) u_cell (
        .clk(clk), .rst(rst), .drain(drain_2),
        .row_valid(valid_2), .row_negative(negative_2), .row_exponent(exponent_2),
        .column_valid(value[5]), .column_negative(value[4]), .column_exponent(value[3:0]),
        .north(north[c*COEF_W +: COEF_W]), .coefficient(coefficient[c*COEF_W +: COEF_W])
      );
    end
  endgenerate
endmodule

`default_nettype wire

// tr_cell_formal: the cells of every FAMILY of shw_tr_cell hold the same sum, for any operations and operands.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module tr_cell_formal (
  input wire        clk,
  input wire        rst,
  input wire        keep,
  input wire        other,
  input wire        fill,
  input wire [9:0]  t,
  input wire [24:0] north
);
  wire [23:0] even;
  wire [23:0] even_ecp5;
  wire [24:0] odd;
  wire [24:0] odd_ecp5;

  shw_tr_cell #(.ACC_W(24)) u_even (
    .clk(clk), .rst(rst), .keep(keep), .other(other), .fill(fill), .t(t), .north(north[23:0]), .acc(even)
  );
  shw_tr_cell #(.ACC_W(24), .FAMILY("ecp5")) u_even_ecp5 (
    .clk(clk), .rst(rst), .keep(keep), .other(other), .fill(fill), .t(t), .north(north[23:0]), .acc(even_ecp5)
  );
  shw_tr_cell #(.ACC_W(25)) u_odd (
    .clk(clk), .rst(rst), .keep(keep), .other(other), .fill(fill), .t(t), .north(north), .acc(odd)
  );
  shw_tr_cell #(.ACC_W(25), .FAMILY("ecp5")) u_odd_ecp5 (
    .clk(clk), .rst(rst), .keep(keep), .other(other), .fill(fill), .t(t), .north(north), .acc(odd_ecp5)
  );

  reg started = 0;

  always @(posedge clk) begin
    started <= 1'b1;
    if (!started) assume (rst);
  end

  always @* begin
    if (started) begin
      equal_even: assert (even == even_ecp5);
      equal_odd:  assert (odd == odd_ecp5);
    end
  end
endmodule

`default_nettype wire

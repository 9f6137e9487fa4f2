// SPDX-License-Identifier: Apache-2.0
//
// shw_mac_cell: one cell of the inferred weight-stationary multiply-accumulate array.
//
// The multiplication is the Verilog `*`: what the tool makes of it is what the baseline costs. The weight
// is shifted in from the north while `load` is high and then stays; the data value passes east; the partial
// sum passes south.
//
// Parameters
//   X_W    8..9    width of the data value, two's complement (9 holds both 0..255 and -128..127)
//   ACC_W  16..32  width of the partial sum, modulo 2**ACC_W
//   FIRST  0..1    1: top row, nothing arrives from the north and no adder is built
//
// Latency: x_west to sum_south 3 cycles, sum_north to sum_south 1 cycle. Throughput: one product a cycle.
// Backpressure: none. Reset: none; every register is defined once loaded and fed.
`default_nettype none

module shw_mac_cell #(
  parameter X_W   = 9,
  parameter ACC_W = 24,
  parameter FIRST = 0
) (
  input  wire             clk,
  input  wire             load,
  input  wire [7:0]       w_north,
  output reg  [7:0]       w_south,
  input  wire [X_W-1:0]   x_west,
  output reg  [X_W-1:0]   x_east,
  input  wire [ACC_W-1:0] sum_north,
  output reg  [ACC_W-1:0] sum_south
);

  generate
    if (X_W < 8 || X_W > 9) begin : g_illegal_x_w
      shw_ILLEGAL_X_W_must_be_8_to_9 illegal ();
    end
    if (ACC_W < 16 || ACC_W > 32) begin : g_illegal_acc_w
      shw_ILLEGAL_ACC_W_must_be_16_to_32 illegal ();
    end
    if (FIRST < 0 || FIRST > 1) begin : g_illegal_first
      shw_ILLEGAL_FIRST_must_be_0_or_1 illegal ();
    end
  endgenerate

  // 16 bits hold every product: the extremes are 255 * -128 and -128 * -128
  reg  signed [15:0]    product;
  wire signed [15:0]    x_value = $signed({{(16-X_W){x_east[X_W-1]}}, x_east});
  wire signed [15:0]    w_value = $signed({{8{w_south[7]}}, w_south});
  wire [ACC_W-1:0]      wide;

  generate
    if (ACC_W > 16) begin : g_wide
      assign wide = {{(ACC_W-16){product[15]}}, product};
    end else begin : g_equal
      assign wide = product;
    end
  endgenerate

  always @(posedge clk) begin
    if (load) w_south <= w_north;
    x_east  <= x_west;
    product <= x_value * w_value;
  end

  generate
    if (FIRST == 1) begin : g_first
      wire unused = &{1'b0, sum_north};
      always @(posedge clk) sum_south <= wide;
    end else begin : g_add
      always @(posedge clk) sum_south <= sum_north + wide;
    end
  endgenerate

endmodule

`default_nettype wire

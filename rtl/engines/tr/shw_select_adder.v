// shw_select_adder: adds one of two words, one LUT and a carry bit per bit.
//
// {carry_out, sum} = base + (choose ? high : low) + carry_in. The carry enters and leaves at bits of its own.
// Synthesis tools would put the multiplexer in front of the carry chain. A difference keeps them from it:
// base - ~word - 1 + 1, of which only base can be the direct input of the chain.
//
// Parameters: W 2..64
// Latency:    0 (combinational). Throughput: 1 sum per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_select_adder #(
  parameter W = 16
) (
  input  wire [W-1:0] base,
  input  wire [W-1:0] low,
  input  wire [W-1:0] high,
  input  wire         choose,
  input  wire         carry_in,
  output wire [W-1:0] sum,
  output wire         carry_out
);
  wire [W-1:0] chosen = choose ? high : low;
  wire         unused;

  generate
    if (W < 2 || W > 64) begin : g_illegal
      shw_ILLEGAL_W_must_be_2_to_64 illegal ();
    end
  endgenerate

  assign {carry_out, sum, unused} = {1'b0, base, 1'b0} - {1'b1, ~chosen, ~carry_in};
endmodule

`default_nettype wire

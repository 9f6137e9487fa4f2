// shw_select_adder: adds one of two words, one LUT and a carry bit per bit.
//
// {carry_out, sum} = base + (choose ? high : low) + carry_in. The carry enters and leaves at bits of its own.
// Synthesis tools would put the multiplexer in front of the carry chain. For LUT6s a difference keeps them from it:
// base - ~word - 1 + 1, of which only base can be the direct input of the chain. ECP5 has LUT4s: its carry cells are
// instantiated, a ^ (choose ? high : low) is one LUT4.
//
// Parameters: W 2..64, FAMILY "generic", "ecp5"  the same function (tb/formal)
// Latency:    0 (combinational). Throughput: 1 sum per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_select_adder #(
  parameter W      = 16,
  parameter FAMILY = "generic"
) (
  input  wire [W-1:0] base,
  input  wire [W-1:0] low,
  input  wire [W-1:0] high,
  input  wire         choose,
  input  wire         carry_in,
  output wire [W-1:0] sum,
  output wire         carry_out
);
  wire unused;

  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if (W < 2 || W > 64) begin : g_illegal
      shw_ILLEGAL_W_must_be_2_to_64 illegal ();
    end
    if (FAMILY == "generic") begin : g_generic
      wire [W-1:0] chosen = choose ? high : low;
      wire         first;
      assign {carry_out, sum, first} = {1'b0, base, 1'b0} - {1'b1, ~chosen, ~carry_in};
      assign unused = first;
    end else if (FAMILY == "ecp5") begin : g_ecp5
      localparam PAIRS = W / 2 + 1;
      wire [2*PAIRS+1:0] bases = {base, 1'b1};
      wire [2*PAIRS+1:0] lows  = {low, carry_in};
      wire [2*PAIRS+1:0] highs = {high, carry_in};
      wire [2*PAIRS+1:0] sums;
      wire [PAIRS+1:0]   carry;

      assign carry[0]  = 1'b0;
      assign sum       = sums[W:1];
      assign carry_out = sums[W+1];

      genvar i;
      for (i = 0; i < PAIRS + W % 2; i = i + 1) begin : g_pair
        // A ^ (C ? B : D), and A where C = D = 0: the carry of A + (C ? B : D)
        CCU2C #(.INIT0(16'h656A), .INIT1(16'h656A), .INJECT1_0("NO"), .INJECT1_1("NO")) u_carry (
          .CIN(carry[i]), .COUT(carry[i+1]),
          .A0(bases[2*i]), .B0(highs[2*i]), .C0(choose), .D0(lows[2*i]), .S0(sums[2*i]),
          .A1(bases[2*i+1]), .B1(highs[2*i+1]), .C1(choose), .D1(lows[2*i+1]), .S1(sums[2*i+1])
        );
      end
      assign unused = &{1'b0, sums[0]};
    end else begin : g_illegal_family
      shw_ILLEGAL_FAMILY illegal ();
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */
endmodule

`default_nettype wire

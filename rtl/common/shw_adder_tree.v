// shw_adder_tree: sum of INPUTS numbers, a register after every addition.
//
// The tree is built from two trees of half the size, so every adder is just as wide as its sum.
//
// Parameters:   INPUTS  1, 2, 4, .. 64  numbers
//               IN_W    1..64           width of a number in bits
//               SIGNED  0, 1            1: numbers are two's complement
// Latency:      log2(INPUTS) enabled cycles. Throughput: 1 sum per enabled cycle.
// Backpressure: enable stalls all stages. Reset: none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_adder_tree #(
  parameter INPUTS = 4,
  parameter IN_W   = 8,
  parameter SIGNED = 0
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire [INPUTS*IN_W-1:0] in,
  output wire [IN_W-1 + (INPUTS > 1) + (INPUTS > 2) + (INPUTS > 4) + (INPUTS > 8)
               + (INPUTS > 16) + (INPUTS > 32):0] sum
);
  localparam HALF   = INPUTS / 2;
  localparam HALF_W = IN_W + (INPUTS > 2) + (INPUTS > 4) + (INPUTS > 8) + (INPUTS > 16)
                    + (INPUTS > 32);

  generate
    if (INPUTS < 1 || INPUTS > 64 || (INPUTS & (INPUTS - 1)) != 0) begin : g_illegal_inputs
      shw_ILLEGAL_INPUTS_must_be_a_power_of_two_1_to_64 illegal ();
    end
    if (IN_W < 1 || IN_W > 64) begin : g_illegal_in_w
      shw_ILLEGAL_IN_W_must_be_1_to_64 illegal ();
    end
    if (SIGNED != 0 && SIGNED != 1) begin : g_illegal_signed
      shw_ILLEGAL_SIGNED_must_be_0_or_1 illegal ();
    end

    if (INPUTS > 1) begin : g_add
      wire [HALF_W-1:0] low;
      wire [HALF_W-1:0] high;
      shw_adder_tree #(.INPUTS(HALF), .IN_W(IN_W), .SIGNED(SIGNED)) u_low (
        .clk(clk), .enable(enable), .in(in[0 +: HALF*IN_W]), .sum(low)
      );
      shw_adder_tree #(.INPUTS(HALF), .IN_W(IN_W), .SIGNED(SIGNED)) u_high (
        .clk(clk), .enable(enable), .in(in[HALF*IN_W +: HALF*IN_W]), .sum(high)
      );
      wire low_top  = (SIGNED != 0) & low[HALF_W-1];
      wire high_top = (SIGNED != 0) & high[HALF_W-1];
      reg [HALF_W:0] total;
      always @(posedge clk) if (enable) total <= {low_top, low} + {high_top, high};
      assign sum = total;
    end else begin : g_one
      assign sum = in;
      wire unused = &{1'b0, clk, enable};
    end
  endgenerate
endmodule

`default_nettype wire

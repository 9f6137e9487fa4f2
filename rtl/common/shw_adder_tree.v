// shw_adder_tree: sum of INPUTS unsigned numbers, a register after every addition.
//
// Level s of the tree holds INPUTS / 2^s numbers of IN_W + s bits: every adder is as wide as its sum.
//
// Parameters:   INPUTS  1, 2, 4, .. 64  numbers
//               IN_W    1..64           width of a number in bits
// Latency:      log2(INPUTS) enabled cycles. Throughput: 1 sum per enabled cycle.
// Backpressure: enable stalls all stages. Reset: none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_adder_tree #(
  parameter INPUTS = 4,
  parameter IN_W   = 8
) (
  input  wire                           clk,
  input  wire                           enable,
  input  wire [INPUTS*IN_W-1:0]         in,
  output wire [IN_W+$clog2(INPUTS)-1:0] sum
);
  localparam LEVELS = $clog2(INPUTS);

  generate
    if (INPUTS < 1 || INPUTS > 64 || (INPUTS & (INPUTS - 1)) != 0) begin : g_illegal_inputs
      shw_ILLEGAL_INPUTS_must_be_a_power_of_two_1_to_64 illegal ();
    end
    if (IN_W < 1 || IN_W > 64) begin : g_illegal_in_w
      shw_ILLEGAL_IN_W_must_be_1_to_64 illegal ();
    end
  endgenerate

  genvar s;
  genvar i;
  generate
    for (s = 0; s <= LEVELS; s = s + 1) begin : g_level
      wire [(INPUTS>>s)*(IN_W+s)-1:0] number;
      if (s == 0) begin : g_in
        assign number = in;
      end else begin : g_add
        for (i = 0; i < (INPUTS >> s); i = i + 1) begin : g_sum
          reg [IN_W+s-1:0] total;
          always @(posedge clk) begin
            if (enable) begin
              total <= {1'b0, g_level[s-1].number[2*i*(IN_W+s-1) +: IN_W+s-1]}
                     + {1'b0, g_level[s-1].number[(2*i+1)*(IN_W+s-1) +: IN_W+s-1]};
            end
          end
          assign number[i*(IN_W+s) +: IN_W+s] = total;
        end
      end
    end
    if (LEVELS == 0) begin : g_no_register
      wire unused = &{1'b0, clk, enable};
    end
  endgenerate

  assign sum = g_level[LEVELS].number;
endmodule

`default_nettype wire

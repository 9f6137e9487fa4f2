// shw_tr_cell: one accumulator of the term-revealing array.
//
// Executes one operation per cycle on a value t that the row gathered for it:
//                keep other
//   OP_ADD   (0)   1     0    acc <= acc + t
//   OP_SHIFT (1)   0     0    acc <= {acc, fill} + t  (next exponent plane)
//   OP_FLIP  (2)   1     1    acc <= ~acc + t
//   OP_NORTH (3)   0     1    acc <= north + t        (drain and clear chain)
// While the row works complemented (fill = 1) the register holds ~value, so adding t subtracts it:
// ~a + t = ~(a - t). Every sum bit is a function of six signals (t, acc[i], acc[i-1], north, keep, other),
// one LUT6 in front of a carry chain. ECP5 has LUT4s: there the bit is written as y ^ (keep & acc[i]), with
// y = 0, acc[i-1], 1 or north in one LUT4 and the rest in the LUT4 of the carry chain (CCU2C).
//
// Parameters: ACC_W  10..48             accumulator width; sums are modulo 2^ACC_W
//             T_W    2..ACC_W           width of t
//             FAMILY "generic", "ecp5"  "ecp5" instantiates carry cells; the same function (tb/formal).
//                                       On Verilator, on Icarus and where SHW_SIMULATION is defined a
//                                       model stands in the place of CCU2C
// Latency:    1 cycle. Throughput: 1 operation per cycle. Backpressure: none (OP_ADD with t = 0 holds).
// Reset:      rst clears the accumulator.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

`ifdef VERILATOR
  `define SHW_SIMULATION
`elsif __ICARUS__
  `define SHW_SIMULATION
`endif

module shw_tr_cell #(
  parameter ACC_W  = 24,
  parameter T_W    = 10,
  parameter FAMILY = "generic"
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             keep,   // ~op[0]
  input  wire             other,  // op[1]
  input  wire             fill,
  input  wire [T_W-1:0]   t,      // two's complement
  input  wire [ACC_W-1:0] north,
  output reg  [ACC_W-1:0] acc
);
  generate
    if (ACC_W < 10 || ACC_W > 48) begin : g_illegal
      shw_ILLEGAL_ACC_W_must_be_10_to_48 illegal ();
    end
    if (T_W < 2 || T_W > ACC_W) begin : g_illegal_t
      shw_ILLEGAL_T_W_must_be_2_to_ACC_W illegal ();
    end
  endgenerate

  wire [ACC_W-1:0] addend = {{(ACC_W-T_W+1){t[T_W-1]}}, t[T_W-2:0]};
  wire [ACC_W-1:0] below  = {acc[ACC_W-2:0], fill};
  wire [ACC_W-1:0] sum;

  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if (FAMILY == "generic") begin : g_generic
      wire [ACC_W-1:0] chain_base = other ? (keep ? ~acc : north) : (keep ? acc : below);
      assign sum = addend + chain_base;
    end else if (FAMILY == "ecp5") begin : g_ecp5
      localparam PAIRS = (ACC_W + 1) / 2;
      wire [2*PAIRS-1:0] chosen = keep ? {ACC_W{other}} : (other ? north : below);
      wire [2*PAIRS-1:0] terms  = addend;
      wire [2*PAIRS-1:0] held   = acc;
      wire [2*PAIRS-1:0] sums;
      wire               unused = &{1'b0, sums};

      assign sum = sums[ACC_W-1:0];

`ifdef SHW_SIMULATION
      assign sums = terms + (chosen ^ (held & {(2*PAIRS){keep}}));
`else
      wire [PAIRS:0]     carry;

      assign carry[0] = 1'b0;

      genvar i;
      for (i = 0; i < PAIRS; i = i + 1) begin : g_pair
        // A ^ D ^ (B & C), and A where C = D = 0: the carry of A + (D ^ (B & C))
        CCU2C #(.INIT0(16'h956A), .INIT1(16'h956A), .INJECT1_0("NO"), .INJECT1_1("NO")) u_carry (
          .CIN(carry[i]), .COUT(carry[i+1]),
          .A0(terms[2*i]), .B0(held[2*i]), .C0(keep), .D0(chosen[2*i]), .S0(sums[2*i]),
          .A1(terms[2*i+1]), .B1(held[2*i+1]), .C1(keep), .D1(chosen[2*i+1]), .S1(sums[2*i+1])
        );
      end
`endif
    end else begin : g_illegal_family
      shw_ILLEGAL_FAMILY_must_be_generic_or_ecp5 illegal ();
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */

  always @(posedge clk) begin
    if (rst) acc <= {ACC_W{1'b0}};
    else acc <= sum;
  end
endmodule

`default_nettype wire

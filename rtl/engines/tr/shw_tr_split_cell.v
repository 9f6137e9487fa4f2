// shw_tr_split_cell: shw_tr_cell in two halves, the upper one a cycle behind: half the carry chain a cycle.
//
// The operations of shw_tr_cell (keep, other). The lower half of the accumulator executes one as it comes; its carry, the
// bit that a shift moves up, and the sign of t wait in registers for the upper half, which executes it in the next
// cycle. So acc and north are skewed: their upper halves are those of the operation before.
//
// Parameters: ACC_W  20..48        accumulator width; the lower half has ACC_W / 2 bits; sums are modulo 2^ACC_W
//             T_W    2..ACC_W / 2  width of t
// Latency:    1 cycle to the lower half, 2 to the upper one. Throughput: 1 operation per cycle. Backpressure: none.
// Reset:      rst clears the accumulator and what waits between the halves.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tr_split_cell #(
  parameter ACC_W = 22,
  parameter T_W   = 10
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             keep,         // 0: OP_SHIFT, OP_NORTH
  input  wire             other,        // 1: OP_FLIP, OP_NORTH
  input  wire             fill,
  input  wire             keep_upper,   // keep and other of the cycle before
  input  wire             other_upper,
  input  wire [T_W-1:0]   t,            // two's complement
  input  wire [ACC_W-1:0] north,
  output wire [ACC_W-1:0] acc
);
  localparam LOWER = ACC_W / 2;
  localparam UPPER = ACC_W - LOWER;

  generate
    if (ACC_W < 20 || ACC_W > 48) begin : g_illegal
      shw_ILLEGAL_ACC_W_must_be_20_to_48 illegal ();
    end
    if (T_W < 2 || T_W > LOWER) begin : g_illegal_t
      shw_ILLEGAL_T_W_must_be_2_to_half_of_ACC_W illegal ();
    end
  endgenerate

  reg  [LOWER-1:0] lower;
  reg  [UPPER-1:0] upper;
  reg              carry;   // out of the lower half
  reg              rises;   // its highest bit before the operation
  reg              sign;    // of t

  wire [LOWER-1:0] addend      = {{(LOWER-T_W+1){t[T_W-1]}}, t[T_W-2:0]};
  wire [LOWER-1:0] lower_moved = other ? north[LOWER-1:0] : {lower[LOWER-2:0], fill};
  wire [LOWER-1:0] lower_base  = keep ? lower ^ {LOWER{other}} : lower_moved;
  wire [UPPER-1:0] upper_moved = other_upper ? north[ACC_W-1:LOWER] : {upper[UPPER-2:0], rises};
  wire [UPPER-1:0] upper_base  = keep_upper ? upper ^ {UPPER{other_upper}} : upper_moved;
  wire [LOWER:0]   lower_sum   = {1'b0, addend} + {1'b0, lower_base};
  wire [UPPER-1:0] upper_sum   = {UPPER{sign}} + upper_base + {{(UPPER-1){1'b0}}, carry};

  assign acc = {upper, lower};

  always @(posedge clk) begin
    if (rst) begin
      lower <= {LOWER{1'b0}};
      upper <= {UPPER{1'b0}};
      carry <= 1'b0;
      rises <= 1'b0;
      sign  <= 1'b0;
    end else begin
      lower <= lower_sum[LOWER-1:0];
      upper <= upper_sum;
      carry <= lower_sum[LOWER];
      rises <= lower[LOWER-1];
      sign  <= t[T_W-1];
    end
  end
endmodule

`default_nettype wire

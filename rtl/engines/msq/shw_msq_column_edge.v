// shw_msq_column_edge: two columns: their codes as the shift-add units and the multipliers take them.
//
// For shift-add units: the code and the bits above it (shw_sp2_mac), lane l after 2 + l % 4 cycles. For multipliers:
// x1 * 2^10 + x0, two's complement in 15 bits (shw_fixed_mac), lane l after 1 + l % 4 cycles.
//
// Parameters:   LANES  1, 4, 8, 16, 32  codes per column and beat
// Latency:      as above. Throughput: 1 beat per enabled cycle.
// Backpressure: enable stalls all stages. Reset: none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_msq_column_edge #(
  parameter LANES = 8
) (
  input  wire                 clk,
  input  wire                 enable,
  input  wire [2*LANES*4-1:0] code,          // lane fastest
  input  wire                 col_signed,    // 0: 0..15, 1: -8..7
  output reg  [2*LANES*4-1:0] x,
  output reg  [2*LANES-1:0]   top_once,
  output reg  [2*LANES-1:0]   top_twice,
  output reg  [LANES*15-1:0]  column
);
  // A code of five bits, two's complement, serves both ranges.
  wire [2*LANES*5-1:0] wide;
  wire [2*LANES*5-1:0] late;
  wire [LANES*15-1:0]  packed_column;
  reg  [2*LANES*4-1:0] x_1;
  reg  [2*LANES-1:0]   once_1;
  reg  [2*LANES-1:0]   twice_1;

  genvar k;
  genvar l;
  generate
    for (k = 0; k < 2; k = k + 1) begin : g_column
      for (l = 0; l < LANES; l = l + 1) begin : g_wide
        wire [3:0] own = code[(k*LANES+l)*4 +: 4];
        assign wide[(k*LANES+l)*5 +: 5] = {col_signed & own[3], own};
      end
      shw_lane_skew #(.LANES(LANES), .W(5)) u_skew (
        .clk(clk), .enable(enable), .word(wide[k*LANES*5 +: LANES*5]),
        .skewed(late[k*LANES*5 +: LANES*5])
      );
    end
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [4:0] x0 = late[l*5 +: 5];
      wire [4:0] x1 = late[(LANES+l)*5 +: 5];
      assign packed_column[l*15 +: 15] = {x1 - {4'd0, x0[4]}, {6{x0[4]}}, x0[3:0]};
    end
  endgenerate

  // The sign needs its complement on top of x where codes are -8..7, and nothing where they are 0..15.
  reg [2:0] signed_late;
  wire [3:0] signed_now = {signed_late, col_signed};
  wire unused = &{1'b0, signed_now};
  integer i;
  always @(posedge clk) begin
    if (enable) begin
      signed_late <= signed_now[2:0];
      column      <= packed_column;
      for (i = 0; i < 2 * LANES; i = i + 1) begin
        x_1[i*4 +: 4] <= late[i*5 +: 4];
        once_1[i]     <= signed_now[i % LANES % 4] & ~late[i*5+3];
        twice_1[i]    <= signed_now[i % LANES % 4] ^ late[i*5+3];
      end
      x         <= x_1;
      top_once  <= once_1;
      top_twice <= twice_1;
    end
  end
endmodule

`default_nettype wire

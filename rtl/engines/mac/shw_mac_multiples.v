// shw_mac_multiples: the multiples of a row value that the cells of the row choose from (shw_mac_lut_cell).
//
// The lower digits of a code are 0..3. The top digit is 0..3 where columns are unsigned and 0, 1, -2, -1 where they are
// signed, so its multiples of two and three are -2 and -1 times the value there.
//
// Parameters:   none
// Latency:      1 cycle to once and thrice, 2 to the others. Throughput: 1 value per cycle.
// Backpressure: none. Reset: none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_multiples (
  input  wire        clk,
  input  wire [8:0]  value,        // two's complement
  input  wire        col_signed,   // one cycle after the value
  output reg  [8:0]  once,
  output reg  [10:0] thrice,
  output reg  [8:0]  once_late,
  output reg  [10:0] thrice_late,
  output reg  [9:0]  top_twice,
  output reg  [10:0] top_thrice
);
  wire [8:0] minus = 9'd0 - once;   // -255..128

  always @(posedge clk) begin
    once        <= value;
    thrice      <= {{2{value[8]}}, value} + {value[8], value, 1'b0};
    once_late   <= once;
    thrice_late <= thrice;
    top_twice   <= col_signed ? {minus, 1'b0} : {once, 1'b0};
    top_thrice  <= col_signed ? {{2{minus[8]}}, minus} : thrice;
  end
endmodule

`default_nettype wire

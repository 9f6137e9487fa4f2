// shw_code_encoder: encoder of an 8-bit code, signed or not, into signed digits, with an adder and two registers.
//
// The digits are those of shw_hese_encoder. Under the rule hese two's complement needs no magnitude: with v the code
// and h = v / 2, rounded down, the carries of v + h are the states of the rule, so digit i is there where
// sum[i] != h[i], and negative where h[i]. The rule binary takes the magnitude, by the same adder, and the code's sign.
//
// Latency: 2 cycles. Throughput: 1 code per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_code_encoder (
  input  wire       clk,
  input  wire [7:0] code,
  input  wire       is_signed,
  input  wire       hese,       // 1: hese, 0: binary
  output reg  [8:0] nonzero,    // digit i is present
  output reg  [8:0] negative    // digit i is -2^i; without meaning where it is not present
);
  wire       below = is_signed & code[7];
  wire       flip  = below & ~hese;
  wire [8:0] value = {below, code};
  wire [8:0] halved = {below, below, code[7:1]} & {9{hese}};
  reg  [8:0] sum;
  reg  [8:0] half;
  reg        minus;

  always @(posedge clk) begin
    sum      <= (value ^ {9{flip}}) + halved + {8'd0, flip};
    half     <= halved;
    minus    <= flip;
    nonzero  <= sum ^ half;
    negative <= half | {9{minus}};
  end
endmodule

`default_nettype wire

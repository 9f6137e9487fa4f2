// shw_uart_rx: bytes from a serial line, 8 data bits, no parity, 1 stop bit.
//
// The line is sampled in the middle of every bit, counted from the edge of the start bit. A byte whose stop bit is
// low is dropped, and so is a start bit that is no longer low in its middle. The next start bit may come from
// the middle of the stop bit on, so the sender's clock may differ by 2 % from this one.
//
// Parameters:   CLOCKS_PER_BIT  4..65535: clocks of a bit
// Latency:      9.5 bits and 3 cycles from the edge of the start bit to out_valid.
// Throughput:   a byte every 10 bits.
// Backpressure: none; out_valid is high for a cycle.
// Reset:        rst forgets the byte under way.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_uart_rx #(
  parameter CLOCKS_PER_BIT = 16
) (
  input  wire       clk,
  input  wire       rst,
  input  wire       rx,         // the line, of no clock in particular
  output reg        out_valid,  // a byte has come
  output wire [7:0] out_data
);
  generate
    if (CLOCKS_PER_BIT < 4 || CLOCKS_PER_BIT > 65535) begin : g_illegal
      shw_ILLEGAL_CLOCKS_PER_BIT_must_be_4_to_65535 illegal ();
    end
  endgenerate

  localparam COUNT_W = $clog2(CLOCKS_PER_BIT);
  /* verilator lint_off WIDTHTRUNC */
  localparam [COUNT_W-1:0] BIT  = CLOCKS_PER_BIT - 1;
  localparam [COUNT_W-1:0] HALF = CLOCKS_PER_BIT / 2 - 1;
  /* verilator lint_on WIDTHTRUNC */

  (* async_reg = "true" *)
  reg  [1:0]         line;    // the line, in this clock; [1] is safe to look at
  reg                busy;
  reg                first;   // the next sample is that of the start bit
  reg  [COUNT_W-1:0] count;   // clocks to the next sample
  reg  [9:0]         bits;    // samples so far, the newest in front, and a one behind them
  wire               sample = busy & count == {COUNT_W{1'b0}};
  wire               last   = bits[0];

  assign out_data = bits[8:1];

  always @(posedge clk) begin
    line <= {line[0], rx};
    if (!busy) begin
      count <= HALF;
      first <= 1'b1;
      bits  <= 10'b1000000000;
    end else if (sample) begin
      count <= BIT;
      first <= 1'b0;
      bits  <= {line[1], bits[9:1]};
    end else begin
      count <= count - 1'b1;
    end
    if (rst) begin
      line      <= 2'b11;
      busy      <= 1'b0;
      out_valid <= 1'b0;
    end else begin
      busy      <= busy ? ~(sample & (last | first & line[1])) : ~line[1];
      out_valid <= sample & last & line[1];
    end
  end
endmodule

`default_nettype wire

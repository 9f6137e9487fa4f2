// shw_uart_tx: bytes to a serial line, 8 data bits, no parity, 1 stop bit.
//
// Parameters:   CLOCKS_PER_BIT  4..65535: clocks of a bit
// Latency:      1 cycle from a byte to its start bit.
// Throughput:   a byte every 10 bits, without a gap.
// Backpressure: in_ready is high while the line is idle and in the last cycle of a stop bit.
// Reset:        rst drops the byte under way; the line is high.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_uart_tx #(
  parameter CLOCKS_PER_BIT = 16
) (
  input  wire       clk,
  input  wire       rst,
  input  wire       in_valid,
  output reg        in_ready,
  input  wire [7:0] in_data,
  output wire       tx         // the line; a register
);
  generate
    if (CLOCKS_PER_BIT < 4 || CLOCKS_PER_BIT > 65535) begin : g_illegal
      shw_ILLEGAL_CLOCKS_PER_BIT_must_be_4_to_65535 illegal ();
    end
  endgenerate

  localparam COUNT_W = $clog2(CLOCKS_PER_BIT);
  /* verilator lint_off WIDTHTRUNC */
  localparam [COUNT_W-1:0] BIT = CLOCKS_PER_BIT - 1;
  /* verilator lint_on WIDTHTRUNC */

  reg  [COUNT_W-1:0] count;   // clocks of the bit that are left
  reg  [9:0]         bits;    // on the line, and those behind it; the stop bit is the last one set
  wire               take = in_valid & in_ready;
  wire               idle = bits[9:1] == 9'd0;

  assign tx = bits[0];

  always @(posedge clk) begin
    in_ready <= idle && count <= 1 && !take;
    if (take) begin
      count <= BIT;
      bits  <= {1'b1, in_data, 1'b0};
    end else if (count != {COUNT_W{1'b0}}) begin
      count <= count - 1'b1;
    end else if (!idle) begin
      count <= BIT;
      bits  <= {1'b0, bits[9:1]};
    end
    if (rst) begin
      in_ready <= 1'b0;
      count    <= {COUNT_W{1'b0}};
      bits     <= 10'd1;
    end
  end
endmodule

`default_nettype wire

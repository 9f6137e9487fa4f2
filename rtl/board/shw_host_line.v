// shw_host_line: a host at the other end of a serial line reads and writes words on a bus.
//
// Receiver and transmitter of the line around shw_host_bridge, as every system of a board has them. An access of the
// bus is taken at once (bus_valid), answered once (bus_done), and none comes before that.
//
// Parameters:   CLOCKS_PER_BIT  4..65535: clocks of a bit of the line
//               MEMORY_W        6..30: the memory has 2^MEMORY_W bytes
//               TIMEOUT_W       8..31: a frame may stand still for 2^TIMEOUT_W cycles
// Latency:      that of the line, 10 bits a byte, and of shw_host_bridge.
// Throughput:   that of the line. Backpressure: none on the line: up to 511 bytes wait.
// Reset:        rst drops the frame under way and the bytes that wait.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_host_line #(
  parameter CLOCKS_PER_BIT = 16,
  parameter MEMORY_W       = 16,
  parameter TIMEOUT_W      = 22
) (
  input  wire        clk,
  input  wire        rst,
  input  wire        uart_rx,      // from the host
  output wire        uart_tx,      // to the host
  output wire        bus_valid,
  output wire        bus_write,
  output wire [1:0]  bus_space,
  output wire [31:0] bus_address,
  output wire [31:0] bus_wdata,
  input  wire        bus_done,
  input  wire        bus_error,
  input  wire [31:0] bus_rdata,
  output wire [15:0] dropped,      // frames with a wrong CRC since reset
  output wire        activity      // changes with every frame that is answered
);
  wire       in_valid;
  wire [7:0] in_data;
  wire       out_valid;
  wire       out_ready;
  wire [7:0] out_data;

  shw_uart_rx #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) u_rx (
    .clk(clk), .rst(rst), .rx(uart_rx), .out_valid(in_valid), .out_data(in_data)
  );

  shw_uart_tx #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) u_tx (
    .clk(clk), .rst(rst), .in_valid(out_valid), .in_ready(out_ready), .in_data(out_data),
    .tx(uart_tx)
  );

  shw_host_bridge #(.MEMORY_W(MEMORY_W), .TIMEOUT_W(TIMEOUT_W)) u_bridge (
    .clk(clk), .rst(rst),
    .in_valid(in_valid), .in_data(in_data),
    .out_valid(out_valid), .out_ready(out_ready), .out_data(out_data),
    .bus_valid(bus_valid), .bus_ready(1'b1), .bus_write(bus_write), .bus_space(bus_space),
    .bus_address(bus_address), .bus_wdata(bus_wdata),
    .bus_done(bus_done), .bus_error(bus_error), .bus_rdata(bus_rdata),
    .dropped(dropped), .activity(activity)
  );
endmodule

`default_nettype wire

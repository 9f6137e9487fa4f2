// shw_vc707: the accelerator on a VC707 board with an XC7VX485T: clock, reset, pins.
//
// The button CPU_RESET resets. LEDs 0..3: busy, done, fault, traffic on the serial port.
//
// Latency:      see shw_board_accel. Throughput: 100 MHz; 1 Mbit/s on the serial port (100 clocks a bit).
// Backpressure: none.
// Reset:        button, or a clock that is not locked; 3 clocks later. Starts reset.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_vc707 (
  input  wire       clk_200mhz_p,
  input  wire       clk_200mhz_n,
  input  wire       button,
  input  wire       uart_rx,
  output wire       uart_tx,
  output wire [3:0] led
);
  wire clk_200mhz;
  wire clk;
  wire unbuffered;
  wire feedback;
  wire locked;

  // 200 MHz / 1 * 5 / 10 = 100 MHz, oscillator at 1000 MHz
  IBUFDS u_input (.I(clk_200mhz_p), .IB(clk_200mhz_n), .O(clk_200mhz));
  MMCME2_BASE #(
    .CLKIN1_PERIOD(5.0), .CLKFBOUT_MULT_F(5.0), .CLKOUT0_DIVIDE_F(10.0)
  ) u_mmcm (
    .CLKIN1(clk_200mhz), .CLKFBIN(feedback), .CLKFBOUT(feedback), .CLKOUT0(unbuffered),
    .LOCKED(locked), .PWRDWN(1'b0), .RST(1'b0)
  );
  BUFG u_buffer (.I(unbuffered), .O(clk));

  reg [2:0] reset = 3'b111;
  always @(posedge clk) reset <= {reset[1:0], button | ~locked};

  shw_board_accel #(
    .ENGINE("tr"), .ROWS(16), .COLS(64), .ADDR_W(12), .MEMORY_W(16), .CLOCKS_PER_BIT(100),
    .CLOCK_KHZ(100000), .BOARD(4)
  ) u_system (
    .clk(clk), .rst(reset[2]), .uart_rx(uart_rx), .uart_tx(uart_tx),
    .led_busy(led[0]), .led_done(led[1]), .led_fault(led[2]), .led_activity(led[3])
  );
endmodule

`default_nettype wire

// shw_icebreaker: a tile engine on an iCEBreaker board with an iCE40 UP5K: clock, reset, pins.
//
// The user button resets. Red LED: fault; green LED: traffic on the serial port; LED2, LED3 of PMOD 2: busy, done.
//
// Parameters:   CLOCKS_PER_BIT  of the serial port, see shw_board_tile
// Latency:      see shw_board_tile. Throughput: 24 MHz; 3 Mbit/s on the serial port.
// Backpressure: none.
// Reset:        button, or a PLL that is not locked; 3 clocks later. Starts reset.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_icebreaker #(
  parameter CLOCKS_PER_BIT = 8
) (
  input  wire clk_12mhz,
  input  wire button_n,
  input  wire uart_rx,
  output wire uart_tx,
  output wire led_red_n,
  output wire led_green_n,
  output wire led_2,
  output wire led_3
);
  wire clk;
  wire locked;
  wire fault;
  wire activity;

  // 12 MHz * 64 / 32 = 24 MHz, oscillator at 768 MHz
  SB_PLL40_PAD #(
    .FEEDBACK_PATH("SIMPLE"), .DIVR(4'd0), .DIVF(7'd63), .DIVQ(3'd5), .FILTER_RANGE(3'd1)
  ) u_pll (
    .PACKAGEPIN(clk_12mhz), .PLLOUTGLOBAL(clk), .LOCK(locked), .RESETB(1'b1), .BYPASS(1'b0)
  );

  reg [2:0] reset = 3'b111;
  always @(posedge clk) reset <= {reset[1:0], ~button_n | ~locked};

  assign led_red_n   = ~fault;
  assign led_green_n = ~activity;

  shw_board_tile #(
    .ENGINE("mac"), .ROWS(2), .COLS(4), .MULTIPLIER("dsp"), .FAMILY("ice40"), .MEMORY_W(14),
    .CLOCKS_PER_BIT(CLOCKS_PER_BIT), .CLOCK_KHZ(24000), .BOARD(2)
  ) u_system (
    .clk(clk), .rst(reset[2]), .uart_rx(uart_rx), .uart_tx(uart_tx),
    .led_busy(led_2), .led_done(led_3), .led_fault(fault), .led_activity(activity)
  );
endmodule

`default_nettype wire

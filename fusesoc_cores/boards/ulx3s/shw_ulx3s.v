// shw_ulx3s: the accelerator on a ULX3S board with an ECP5-85F: clock, reset, pins.
//
// The button FIRE1 resets. LEDs D0..D3: busy, done, fault, traffic on the serial port.
//
// Parameters:
//   ENGINE      "tr" | "mac"     engine of the accelerator
//   MULTIPLIER  "lut" | "dsp"    of the engine "mac"
//   ROWS        4 | 8            rows of the engine, which has 16 columns
//   MHZ         70 | 80          clock
//   CLOCKS_PER_BIT               of the serial port, see shw_board_accel: 23 of 70 MHz, 27 of 80 MHz
// Latency:      see shw_board_accel. Throughput: 3 Mbit/s on the serial port, less or more 1.4 %.
// Backpressure: none.
// Reset:        button, or a PLL that is not locked; 3 clocks later. Starts reset.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_ulx3s #(
  parameter ENGINE         = "tr",
  parameter MULTIPLIER     = "lut",
  parameter ROWS           = 8,
  parameter MHZ            = 80,
  parameter CLOCKS_PER_BIT = 27
) (
  input  wire       clk_25mhz,
  input  wire       button,
  input  wire       uart_rx,
  output wire       uart_tx,
  output wire       wifi_gpio0,
  output wire [3:0] led
);
  wire clk;
  wire locked;

  // 25 MHz / 5 * (MHZ / 5) = MHZ, oscillator at 560 MHz
  (* FREQUENCY_PIN_CLKI = "25" *)
  (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *)
  EHXPLLL #(
    .CLKI_DIV(5), .CLKFB_DIV(MHZ / 5), .CLKOP_ENABLE("ENABLED"), .CLKOP_DIV(560 / MHZ), .CLKOP_CPHASE(3),
    .CLKOP_FPHASE(0), .FEEDBK_PATH("CLKOP"), .STDBY_ENABLE("DISABLED"), .INTFB_WAKE("DISABLED"),
    .PLLRST_ENA("DISABLED"), .DPHASE_SOURCE("DISABLED")
  ) u_pll (
    .CLKI(clk_25mhz), .CLKFB(clk), .CLKOP(clk), .LOCK(locked), .RST(1'b0), .STDBY(1'b0),
    .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1),
    .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0)
  );

  reg [2:0] reset = 3'b111;
  always @(posedge clk) reset <= {reset[1:0], button | ~locked};

  assign wifi_gpio0 = 1'b1;  // low, it would let the ESP32 reset the board

  shw_board_accel #(
    .ENGINE(ENGINE), .ROWS(ROWS), .COLS(16), .ADDR_W(11), .WEIGHTS(1024), .CONST_W(8),
    .FAMILY("ecp5"), .MULTIPLIER(MULTIPLIER), .MEMORY_W(14), .CLOCKS_PER_BIT(CLOCKS_PER_BIT),
    .CLOCK_KHZ(MHZ * 1000), .BOARD(1)
  ) u_system (
    .clk(clk), .rst(reset[2]), .uart_rx(uart_rx), .uart_tx(uart_tx),
    .led_busy(led[0]), .led_done(led[1]), .led_fault(led[2]), .led_activity(led[3])
  );
endmodule

`default_nettype wire

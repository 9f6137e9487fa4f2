// shw_tangnano20k: a tile engine on a Sipeed Tang Nano 20K board with a GW2AR-18: clock, reset, pins.
//
// The button S1 resets. LEDs 0..3: busy, done, fault, traffic on the serial port.
//
// Parameters:   CLOCKS_PER_BIT  of the serial port, see shw_board_tile
// Latency:      see shw_board_tile. Throughput: 54 MHz; 3 Mbit/s on the serial port.
// Backpressure: none.
// Reset:        button, or a PLL that is not locked; 3 clocks later. Starts reset.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tangnano20k #(
  parameter CLOCKS_PER_BIT = 18
) (
  input  wire       clk_27mhz,
  input  wire       button,
  input  wire       uart_rx,
  output wire       uart_tx,
  output wire [3:0] led_n
);
  wire       clk;
  wire       locked;
  wire [3:0] led;

  // 27 MHz * 2 = 54 MHz, oscillator at 864 MHz
  rPLL #(
    .FCLKIN("27"), .IDIV_SEL(0), .FBDIV_SEL(1), .ODIV_SEL(16), .DEVICE("GW2AR-18C")
  ) u_pll (
    .CLKIN(clk_27mhz), .CLKFB(1'b0), .RESET(1'b0), .RESET_P(1'b0), .FBDSEL(6'd0), .IDSEL(6'd0),
    .ODSEL(6'd0), .PSDA(4'd0), .DUTYDA(4'd0), .FDLY(4'd0),
    .CLKOUT(clk), .LOCK(locked), .CLKOUTP(), .CLKOUTD(), .CLKOUTD3()
  );

  reg [2:0] reset = 3'b111;
  always @(posedge clk) reset <= {reset[1:0], button | ~locked};

  assign led_n = ~led;

  shw_board_tile #(
    .ENGINE("mac"), .ROWS(4), .COLS(4), .MULTIPLIER("dsp"), .MEMORY_W(13),
    .CLOCKS_PER_BIT(CLOCKS_PER_BIT), .CLOCK_KHZ(54000), .BOARD(3)
  ) u_system (
    .clk(clk), .rst(reset[2]), .uart_rx(uart_rx), .uart_tx(uart_tx),
    .led_busy(led[0]), .led_done(led[1]), .led_fault(led[2]), .led_activity(led[3])
  );
endmodule

`default_nettype wire

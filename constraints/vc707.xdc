# VC707; pins as in litex_boards/platforms/xilinx_vc707.py of github.com/litex-hub/litex-boards
set_property -dict {PACKAGE_PIN E19 IOSTANDARD LVDS} [get_ports clk_200mhz_p]
set_property -dict {PACKAGE_PIN E18 IOSTANDARD LVDS} [get_ports clk_200mhz_n]
create_clock -period 5.000 [get_ports clk_200mhz_p]
# button CPU_RESET, high while pressed
set_property -dict {PACKAGE_PIN AV40 IOSTANDARD LVCMOS18} [get_ports button]
# USB serial port (CP2103), named from the side of the FPGA
set_property -dict {PACKAGE_PIN AU33 IOSTANDARD LVCMOS18} [get_ports uart_rx]
set_property -dict {PACKAGE_PIN AU36 IOSTANDARD LVCMOS18} [get_ports uart_tx]
set_property -dict {PACKAGE_PIN AM39 IOSTANDARD LVCMOS18} [get_ports {led[0]}]
set_property -dict {PACKAGE_PIN AN39 IOSTANDARD LVCMOS18} [get_ports {led[1]}]
set_property -dict {PACKAGE_PIN AR37 IOSTANDARD LVCMOS18} [get_ports {led[2]}]
set_property -dict {PACKAGE_PIN AT37 IOSTANDARD LVCMOS18} [get_ports {led[3]}]
set_false_path -from [get_ports {button uart_rx}]
set_false_path -to [get_ports {uart_tx led[*]}]

# SPDX-License-Identifier: Apache-2.0
# Block design of a Zynq-7000 board: processing system, accelerator (shw_zynq7), what connects them.
# Not run here: needs Vivado, 2020.2 or later, and the files of the board.
update_compile_order -fileset sources_1
create_bd_design system

# Processing system, as the board needs it: 100 MHz for the accelerator, HP0 of 64 bits, interrupts from the logic
create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
  -config {make_external "FIXED_IO, DDR" apply_board_preset "1"} [get_bd_cells ps]
set_property -dict {
  CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ 100
  CONFIG.PCW_USE_M_AXI_GP0            1
  CONFIG.PCW_USE_S_AXI_HP0            1
  CONFIG.PCW_S_AXI_HP0_DATA_WIDTH     64
  CONFIG.PCW_USE_FABRIC_INTERRUPT     1
  CONFIG.PCW_IRQ_F2P_INTR             1
} [get_bd_cells ps]

create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
create_bd_cell -type module -reference shw_zynq7 accel
foreach name {registers memory} {
  create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect $name
  set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 1} [get_bd_cells $name]
}

# Clock and reset
connect_bd_net [get_bd_pins ps/FCLK_CLK0] \
  [get_bd_pins ps/M_AXI_GP0_ACLK] [get_bd_pins ps/S_AXI_HP0_ACLK] [get_bd_pins reset/slowest_sync_clk] \
  [get_bd_pins accel/aclk] [get_bd_pins registers/aclk] [get_bd_pins memory/aclk]
connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] \
  [get_bd_pins accel/aresetn] [get_bd_pins registers/aresetn] [get_bd_pins memory/aresetn]

# Registers, memory, interrupt
connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins registers/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins registers/M00_AXI] [get_bd_intf_pins accel/s_axi]
connect_bd_intf_net [get_bd_intf_pins accel/m_axi] [get_bd_intf_pins memory/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI] [get_bd_intf_pins ps/S_AXI_HP0]
connect_bd_net [get_bd_pins accel/irq] [get_bd_pins ps/IRQ_F2P]

# Registers at 0x43C0_0000, 4 KiB; memory as the board has it
assign_bd_address -offset 0x43C00000 -range 4K -target_address_space [get_bd_addr_spaces ps/Data] \
  [get_bd_addr_segs accel/s_axi/reg0]
assign_bd_address

validate_bd_design
save_bd_design
set wrapper [make_wrapper -files [get_files system.bd] -top]
add_files -norecurse $wrapper
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1

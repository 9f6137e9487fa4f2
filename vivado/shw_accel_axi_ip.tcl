# SPDX-License-Identifier: Apache-2.0
# shw_accel_axi: packages it into ip/shw_accel_axi of the folder that Vivado runs in.
# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.

set here [file dirname [file normalize [info script]]]
create_project -force shw_accel_axi_ip [file normalize ip/project]
source [file join $here shw_accel_axi.tcl]
set_property top shw_accel_axi [get_filesets sources_1]
ipx::package_project -root_dir [file normalize ip/shw_accel_axi] -import_files -set_current true \
  -vendor shiftwork -library accel -taxonomy /UserIP
set core [ipx::current_core]
set_property version 0.1 $core
set_property display_name {Shiftwork shw_accel_axi} $core
set_property description {The accelerator on a bus, its core behind an AXI4 master and AXI4-Lite registers} $core
set families {}
foreach family [lsort -unique [get_property FAMILY [get_parts]]] { lappend families $family Production }
set_property supported_families $families $core

# Interfaces as they are told here, not as they were guessed from names
ipx::remove_all_bus_interface $core
foreach map [ipx::get_memory_maps * -of_objects $core] {
  ipx::remove_memory_map [get_property name $map] $core
}
foreach space [ipx::get_address_spaces * -of_objects $core] {
  ipx::remove_address_space [get_property name $space] $core
}

set bus [ipx::add_bus_interface clk $core]
set_property bus_type_vlnv xilinx.com:signal:clock:1.0 $bus
set_property abstraction_type_vlnv xilinx.com:signal:clock_rtl:1.0 $bus
set_property interface_mode slave $bus
set_property physical_name clk [ipx::add_port_map CLK $bus]

set bus [ipx::add_bus_interface rst $core]
set_property bus_type_vlnv xilinx.com:signal:reset:1.0 $bus
set_property abstraction_type_vlnv xilinx.com:signal:reset_rtl:1.0 $bus
set_property interface_mode slave $bus
set_property value ACTIVE_HIGH [ipx::add_bus_parameter POLARITY $bus]
set_property physical_name rst [ipx::add_port_map RST $bus]

set bus [ipx::add_bus_interface irq $core]
set_property bus_type_vlnv xilinx.com:signal:interrupt:1.0 $bus
set_property abstraction_type_vlnv xilinx.com:signal:interrupt_rtl:1.0 $bus
set_property interface_mode master $bus
set_property value LEVEL_HIGH [ipx::add_bus_parameter SENSITIVITY $bus]
set_property physical_name irq [ipx::add_port_map INTERRUPT $bus]

set bus [ipx::add_bus_interface s_axi $core]
set_property bus_type_vlnv xilinx.com:interface:aximm:1.0 $bus
set_property abstraction_type_vlnv xilinx.com:interface:aximm_rtl:1.0 $bus
set_property interface_mode slave $bus
set_property value AXI4LITE [ipx::add_bus_parameter PROTOCOL $bus]
set_property physical_name s_axi_awaddr [ipx::add_port_map AWADDR $bus]
set_property physical_name s_axi_awprot [ipx::add_port_map AWPROT $bus]
set_property physical_name s_axi_awvalid [ipx::add_port_map AWVALID $bus]
set_property physical_name s_axi_awready [ipx::add_port_map AWREADY $bus]
set_property physical_name s_axi_wdata [ipx::add_port_map WDATA $bus]
set_property physical_name s_axi_wstrb [ipx::add_port_map WSTRB $bus]
set_property physical_name s_axi_wvalid [ipx::add_port_map WVALID $bus]
set_property physical_name s_axi_wready [ipx::add_port_map WREADY $bus]
set_property physical_name s_axi_bresp [ipx::add_port_map BRESP $bus]
set_property physical_name s_axi_bvalid [ipx::add_port_map BVALID $bus]
set_property physical_name s_axi_bready [ipx::add_port_map BREADY $bus]
set_property physical_name s_axi_araddr [ipx::add_port_map ARADDR $bus]
set_property physical_name s_axi_arprot [ipx::add_port_map ARPROT $bus]
set_property physical_name s_axi_arvalid [ipx::add_port_map ARVALID $bus]
set_property physical_name s_axi_arready [ipx::add_port_map ARREADY $bus]
set_property physical_name s_axi_rdata [ipx::add_port_map RDATA $bus]
set_property physical_name s_axi_rresp [ipx::add_port_map RRESP $bus]
set_property physical_name s_axi_rvalid [ipx::add_port_map RVALID $bus]
set_property physical_name s_axi_rready [ipx::add_port_map RREADY $bus]
set map [ipx::add_memory_map s_axi $core]
set_property slave_memory_map_ref s_axi $bus
set block [ipx::add_address_block reg0 $map]
set_property base_address 0 $block
set_property range 4096 $block
set_property width 32 $block
set_property usage register $block

set bus [ipx::add_bus_interface m_axi $core]
set_property bus_type_vlnv xilinx.com:interface:aximm:1.0 $bus
set_property abstraction_type_vlnv xilinx.com:interface:aximm_rtl:1.0 $bus
set_property interface_mode master $bus
set_property value AXI4 [ipx::add_bus_parameter PROTOCOL $bus]
set_property physical_name m_axi_awid [ipx::add_port_map AWID $bus]
set_property physical_name m_axi_awaddr [ipx::add_port_map AWADDR $bus]
set_property physical_name m_axi_awlen [ipx::add_port_map AWLEN $bus]
set_property physical_name m_axi_awsize [ipx::add_port_map AWSIZE $bus]
set_property physical_name m_axi_awburst [ipx::add_port_map AWBURST $bus]
set_property physical_name m_axi_awcache [ipx::add_port_map AWCACHE $bus]
set_property physical_name m_axi_awprot [ipx::add_port_map AWPROT $bus]
set_property physical_name m_axi_awvalid [ipx::add_port_map AWVALID $bus]
set_property physical_name m_axi_awready [ipx::add_port_map AWREADY $bus]
set_property physical_name m_axi_wdata [ipx::add_port_map WDATA $bus]
set_property physical_name m_axi_wstrb [ipx::add_port_map WSTRB $bus]
set_property physical_name m_axi_wlast [ipx::add_port_map WLAST $bus]
set_property physical_name m_axi_wvalid [ipx::add_port_map WVALID $bus]
set_property physical_name m_axi_wready [ipx::add_port_map WREADY $bus]
set_property physical_name m_axi_bid [ipx::add_port_map BID $bus]
set_property physical_name m_axi_bresp [ipx::add_port_map BRESP $bus]
set_property physical_name m_axi_bvalid [ipx::add_port_map BVALID $bus]
set_property physical_name m_axi_bready [ipx::add_port_map BREADY $bus]
set_property physical_name m_axi_arid [ipx::add_port_map ARID $bus]
set_property physical_name m_axi_araddr [ipx::add_port_map ARADDR $bus]
set_property physical_name m_axi_arlen [ipx::add_port_map ARLEN $bus]
set_property physical_name m_axi_arsize [ipx::add_port_map ARSIZE $bus]
set_property physical_name m_axi_arburst [ipx::add_port_map ARBURST $bus]
set_property physical_name m_axi_arcache [ipx::add_port_map ARCACHE $bus]
set_property physical_name m_axi_arprot [ipx::add_port_map ARPROT $bus]
set_property physical_name m_axi_arvalid [ipx::add_port_map ARVALID $bus]
set_property physical_name m_axi_arready [ipx::add_port_map ARREADY $bus]
set_property physical_name m_axi_rid [ipx::add_port_map RID $bus]
set_property physical_name m_axi_rdata [ipx::add_port_map RDATA $bus]
set_property physical_name m_axi_rresp [ipx::add_port_map RRESP $bus]
set_property physical_name m_axi_rlast [ipx::add_port_map RLAST $bus]
set_property physical_name m_axi_rvalid [ipx::add_port_map RVALID $bus]
set_property physical_name m_axi_rready [ipx::add_port_map RREADY $bus]
set space [ipx::add_address_space m_axi $core]
set_property range 4294967296 $space
set_property width 32 $space
set_property master_address_space_ref m_axi $bus

# What belongs to the clock
ipx::associate_bus_interfaces -busif s_axi -clock clk $core
ipx::associate_bus_interfaces -busif m_axi -clock clk $core
ipx::associate_bus_interfaces -clock clk -reset rst $core

# Legal values
set parameter [ipx::get_user_parameters ENGINE -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {tr mac msq} $parameter
set parameter [ipx::get_user_parameters ROWS -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {2 4 8 16} $parameter
set parameter [ipx::get_user_parameters COLS -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {8 16 32 64} $parameter
set parameter [ipx::get_user_parameters ADDR_W -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 6 $parameter
set_property value_validation_range_maximum 15 $parameter
set parameter [ipx::get_user_parameters CONST_W -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 4 $parameter
set_property value_validation_range_maximum 16 $parameter
set parameter [ipx::get_user_parameters DEPTH -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {32 64 128 256 512 1024} $parameter
set parameter [ipx::get_user_parameters ACC_W -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 20 $parameter
set_property value_validation_range_maximum 32 $parameter
set parameter [ipx::get_user_parameters TRUNCATE -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 0 $parameter
set_property value_validation_range_maximum 1 $parameter
set parameter [ipx::get_user_parameters FAMILY -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {generic ecp5} $parameter
set parameter [ipx::get_user_parameters MULTIPLIER -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {lut dsp dsp48} $parameter
set parameter [ipx::get_user_parameters ID_W -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 1 $parameter
set_property value_validation_range_maximum 16 $parameter

ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project -delete

# SPDX-License-Identifier: Apache-2.0
# shw_mac_engine: packages it into ip/shw_mac_engine of the folder that Vivado runs in.
# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.

set here [file dirname [file normalize [info script]]]
create_project -force shw_mac_engine_ip [file normalize ip/project]
source [file join $here shw_mac_engine.tcl]
set_property top shw_mac_engine [get_filesets sources_1]
ipx::package_project -root_dir [file normalize ip/shw_mac_engine] -import_files -set_current true \
  -vendor shiftwork -library mac -taxonomy /UserIP
set core [ipx::current_core]
set_property version 0.1 $core
set_property display_name {Shiftwork shw_mac_engine} $core
set_property description {Multiply-accumulate tile engine for 8-bit codes, in LUTs or in multipliers} $core
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

# What belongs to the clock
ipx::associate_bus_interfaces -clock clk -reset rst $core

# Legal values
set parameter [ipx::get_user_parameters ROWS -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 1 $parameter
set_property value_validation_range_maximum 64 $parameter
set parameter [ipx::get_user_parameters COLS -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 1 $parameter
set_property value_validation_range_maximum 256 $parameter
set parameter [ipx::get_user_parameters ACC_W -of_objects $core]
set_property value_validation_type range_long $parameter
set_property value_validation_range_minimum 20 $parameter
set_property value_validation_range_maximum 32 $parameter
set parameter [ipx::get_user_parameters MULTIPLIER -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {lut dsp dsp48} $parameter
set parameter [ipx::get_user_parameters FAMILY -of_objects $core]
set_property value_validation_type list $parameter
set_property value_validation_list {generic ecp5} $parameter

ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project -delete

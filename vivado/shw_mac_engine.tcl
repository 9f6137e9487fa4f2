# SPDX-License-Identifier: Apache-2.0
# shw_mac_engine: adds its files and constraints to the open project.
# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.

set shw_root [file dirname [file dirname [file normalize [info script]]]]
foreach file {
  rtl/common/shw_delay.v
  rtl/common/shw_lutram.v
  rtl/engines/mac/shw_mac_control.v
  rtl/engines/mac/shw_mac_dsp48_pair.v
  rtl/engines/tr/shw_tr_cell.v
  rtl/engines/mac/shw_mac_dsp_cell.v
  rtl/engines/mac/shw_mac_lut_cell.v
  rtl/engines/mac/shw_mac_multiples.v
  rtl/engines/mac/shw_mac_store.v
  rtl/engines/mac/shw_mac_unpack.v
  rtl/engines/mac/shw_mac_engine.v
} { add_files -norecurse -fileset sources_1 [file join $shw_root $file] }

# The clock counts where the block is synthesized by itself; in a design it is the design's.
set shw_constraints [file join $shw_root vivado/shw_ooc.xdc]
add_files -norecurse -fileset constrs_1 $shw_constraints
set_property USED_IN {synthesis implementation out_of_context} [get_files $shw_constraints]

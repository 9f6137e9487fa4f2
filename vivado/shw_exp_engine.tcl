# SPDX-License-Identifier: Apache-2.0
# shw_exp_engine: adds its files and constraints to the open project.
# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.

set shw_root [file dirname [file dirname [file normalize [info script]]]]
foreach file {
  rtl/common/shw_lutram.v
  rtl/common/shw_lutram_sp.v
  rtl/common/shw_ram_sdp.v
  rtl/engines/dnateq/shw_class_lists.v
  rtl/engines/dnateq/shw_class_walker.v
  rtl/engines/dnateq/shw_class_drain.v
  rtl/engines/dnateq/shw_class_totals_group.v
  rtl/engines/dnateq/shw_class_totals.v
  rtl/common/shw_copy.v
  rtl/engines/tr/shw_tr_cell.v
  rtl/engines/tr/shw_tr_split_cell.v
  rtl/engines/tr/shw_tr_row.v
  rtl/engines/dnateq/shw_exp_engine.v
} { add_files -norecurse -fileset sources_1 [file join $shw_root $file] }

# The clock counts where the block is synthesized by itself; in a design it is the design's.
set shw_constraints [file join $shw_root vivado/shw_ooc.xdc]
add_files -norecurse -fileset constrs_1 $shw_constraints
set_property USED_IN {synthesis implementation out_of_context} [get_files $shw_constraints]

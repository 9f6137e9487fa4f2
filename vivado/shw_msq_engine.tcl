# SPDX-License-Identifier: Apache-2.0
# shw_msq_engine: adds its files and constraints to the open project.
# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.

set shw_root [file dirname [file dirname [file normalize [info script]]]]
foreach file {
  rtl/common/shw_adder_tree.v
  rtl/engines/msq/shw_fixed_mac.v
  rtl/common/shw_lane_skew.v
  rtl/codes/shw_sp2_value.v
  rtl/engines/msq/shw_fixed_row_edge.v
  rtl/engines/msq/shw_msq_accumulator.v
  rtl/engines/msq/shw_msq_column_edge.v
  rtl/engines/msq/shw_msq_drain.v
  rtl/engines/msq/shw_sp2_mac.v
  rtl/common/shw_delay.v
  rtl/codes/shw_sp2_digits.v
  rtl/engines/msq/shw_sp2_row_edge.v
  rtl/engines/msq/shw_msq_engine.v
} { add_files -norecurse -fileset sources_1 [file join $shw_root $file] }

# The clock counts where the block is synthesized by itself; in a design it is the design's.
set shw_constraints [file join $shw_root vivado/shw_ooc.xdc]
add_files -norecurse -fileset constrs_1 $shw_constraints
set_property USED_IN {synthesis implementation out_of_context} [get_files $shw_constraints]

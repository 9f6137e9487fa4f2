# SPDX-License-Identifier: Apache-2.0
# shw_tr_engine: adds its files and constraints to the open project.
# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.

set shw_root [file dirname [file dirname [file normalize [info script]]]]
foreach file {
  rtl/common/shw_copy.v
  rtl/common/shw_lutram.v
  rtl/engines/tr/shw_select_adder.v
  rtl/engines/tr/shw_totals_group.v
  rtl/engines/tr/shw_slice_totals.v
  rtl/codes/shw_term_truncate.v
  rtl/common/shw_fifo.v
  rtl/engines/tr/shw_tr_loader.v
  rtl/common/shw_ram_sdp.v
  rtl/engines/tr/shw_tr_cell.v
  rtl/engines/tr/shw_tr_split_cell.v
  rtl/engines/tr/shw_tr_row.v
  rtl/common/shw_mux4.v
  rtl/engines/tr/shw_bitmap_walker.v
  rtl/codes/shw_code_encoder.v
  rtl/engines/tr/shw_plane_mux.v
  rtl/engines/tr/shw_plane_bitmaps.v
  rtl/engines/tr/shw_term_sequencer.v
  rtl/engines/tr/shw_tr_row_edge.v
  rtl/engines/tr/shw_tr_engine.v
} { add_files -norecurse -fileset sources_1 [file join $shw_root $file] }

# The clock counts where the block is synthesized by itself; in a design it is the design's.
set shw_constraints [file join $shw_root vivado/shw_ooc.xdc]
add_files -norecurse -fileset constrs_1 $shw_constraints
set_property USED_IN {synthesis implementation out_of_context} [get_files $shw_constraints]

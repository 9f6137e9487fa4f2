# SPDX-License-Identifier: Apache-2.0
# shw_accel_axi: adds its files and constraints to the open project.
# Not run here: needs Vivado, 2020.2 or later. Generated from rtl/manifest.yml by `shiftwork cores`.

set shw_root [file dirname [file dirname [file normalize [info script]]]]
foreach file {
  rtl/accel/shw_accel_check.v
  rtl/accel/shw_accel_decode.v
  rtl/accel/shw_accel_decode_header.v
  rtl/accel/shw_accel_decode_results.v
  rtl/accel/shw_accel_decode_run.v
  rtl/common/shw_crc32.v
  rtl/accel/shw_accel_fetch.v
  rtl/accel/shw_accel_follow.v
  rtl/common/shw_copy.v
  rtl/common/shw_lutram.v
  rtl/common/shw_fifo.v
  rtl/common/shw_register_fifo.v
  rtl/accel/shw_accel_mover.v
  rtl/accel/shw_accel_tags.v
  rtl/accel/shw_accel_turns.v
  rtl/common/shw_mux4.v
  rtl/common/shw_ram_sdp.v
  rtl/accel/shw_act_memory.v
  rtl/common/shw_delay.v
  rtl/accel/shw_block_address.v
  rtl/accel/shw_im2col_axis.v
  rtl/accel/shw_loop_counter.v
  rtl/accel/shw_im2col.v
  rtl/engines/mac/shw_mac_control.v
  rtl/engines/mac/shw_mac_dsp48_pair.v
  rtl/engines/tr/shw_tr_cell.v
  rtl/engines/mac/shw_mac_dsp_cell.v
  rtl/engines/mac/shw_mac_lut_cell.v
  rtl/engines/mac/shw_mac_multiples.v
  rtl/engines/mac/shw_mac_store.v
  rtl/engines/mac/shw_mac_unpack.v
  rtl/engines/mac/shw_mac_engine.v
  rtl/common/shw_adder_tree.v
  rtl/engines/msq/shw_fixed_mac.v
  rtl/common/shw_lane_skew.v
  rtl/codes/shw_sp2_value.v
  rtl/engines/msq/shw_fixed_row_edge.v
  rtl/engines/msq/shw_msq_accumulator.v
  rtl/engines/msq/shw_msq_column_edge.v
  rtl/engines/msq/shw_msq_drain.v
  rtl/engines/msq/shw_sp2_mac.v
  rtl/codes/shw_sp2_digits.v
  rtl/engines/msq/shw_sp2_row_edge.v
  rtl/engines/msq/shw_msq_engine.v
  rtl/accel/shw_larger.v
  rtl/accel/shw_pool.v
  rtl/post/shw_codebook_round.v
  rtl/post/shw_exp_encode.v
  rtl/post/shw_shift_round.v
  rtl/post/shw_scale_round.v
  rtl/post/shw_post_unit.v
  rtl/common/shw_skid_buffer.v
  rtl/accel/shw_result_path.v
  rtl/engines/tr/shw_select_adder.v
  rtl/engines/tr/shw_totals_group.v
  rtl/engines/tr/shw_slice_totals.v
  rtl/codes/shw_term_truncate.v
  rtl/engines/tr/shw_tr_loader.v
  rtl/engines/tr/shw_tr_split_cell.v
  rtl/engines/tr/shw_tr_row.v
  rtl/engines/tr/shw_bitmap_walker.v
  rtl/codes/shw_code_encoder.v
  rtl/engines/tr/shw_plane_mux.v
  rtl/engines/tr/shw_plane_bitmaps.v
  rtl/engines/tr/shw_term_sequencer.v
  rtl/engines/tr/shw_tr_row_edge.v
  rtl/engines/tr/shw_tr_engine.v
  rtl/accel/shw_weight_ring.v
  rtl/accel/shw_accel.v
  rtl/accel/shw_burst_split.v
  rtl/accel/shw_axi_master.v
  rtl/accel/shw_counters.v
  rtl/accel/shw_axi_registers.v
  rtl/accel/shw_accel_axi.v
} { add_files -norecurse -fileset sources_1 [file join $shw_root $file] }

# The clock counts where the block is synthesized by itself; in a design it is the design's.
set shw_constraints [file join $shw_root vivado/shw_ooc.xdc]
add_files -norecurse -fileset constrs_1 $shw_constraints
set_property USED_IN {synthesis implementation out_of_context} [get_files $shw_constraints]

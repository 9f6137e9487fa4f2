// shw_im2col: the loop nest of a layer; what shw_act_memory has to read for every beat of a reduction.
//
// A beat is one channel of one tap at the positions of one output block. Position (y, x) of the output
// reads position (s * y + ky * cfg_dilation_y - cfg_pad_y, s * x + kx * cfg_dilation_x - cfg_pad_x)
// of the source; s = 1, or 2 with cfg_split. Words of the source lie at
//   cfg_base + block_y * cfg_row_stride + block_x * cfg_block_stride + channel
// With cfg_split the source lies in four phases, of even and odd rows and columns: position (y, x) is
// position (y >> 1, x >> 1) of phase 2 * (y & 1) + (x & 1), cfg_phase_stride words further per phase.
// Words of phases of odd columns are swapped (shw_act_memory).
// Addresses are modulo 2^ADDR_W; those of blocks outside the map are anything and masked.
//
// Order of the beats, the last loop fastest:
//   cfg_taps_inner = 0  group, tile, block y, block x, channel tile, ky, kx, channel: a reduction is all taps
//                       and channels of a group; channel of the source
//                       = (group * cfg_channel_tiles + channel tile) * cfg_channels + channel
//   cfg_taps_inner = 1  block y, block x, channel, ky, kx: a reduction is all taps of a channel
//                       (cfg_groups = cfg_tiles = cfg_channel_tiles = 1)
//
// `start` comes while not `busy`; from the next cycle on, every cycle with `step` takes a beat.
// step_row (the beat ends a row of taps), step_tile (all taps of a channel tile), step_last (a reduction) and step_final
// (the last block of a row tile) belong to the beat that a step would take; `busy` falls after the last one. cfg_* are
// stable from `start` until the last read request.
//
// Parameters:   COLS    4, 8, .. 128  positions of a block, as in shw_act_memory
//               ADDR_W  4..15         width of an address
// Latency:      9 cycles from a step to its read request (ISSUE_LATENCY), always.
// Throughput:   1 beat per cycle with every configuration.
// Backpressure: none behind a step: the user steps when there is room for the word.
// Reset:        rst forgets the layer and the beats on their way.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_im2col #(
  parameter COLS   = 64,
  parameter ADDR_W = 11
) (
  input  wire                                 clk,
  input  wire                                 rst,
  input  wire [ADDR_W-1:0]                    cfg_base,
  input  wire [ADDR_W-1:0]                    cfg_block_stride,
  input  wire [ADDR_W-1:0]                    cfg_row_stride,
  input  wire [ADDR_W-1:0]                    cfg_phase_stride,
  input  wire                                 cfg_split,       // stride 2
  input  wire [11:0]                          cfg_height,      // of the whole source
  input  wire [11:0]                          cfg_width,
  input  wire [9:0]                           cfg_blocks_y,    // of the output, >= 1
  input  wire [9:0]                           cfg_blocks_x,
  input  wire [7:0]                           cfg_kernel_y,    // >= 1
  input  wire [7:0]                           cfg_kernel_x,
  input  wire [5:0]                           cfg_dilation_y,  // >= 1
  input  wire [5:0]                           cfg_dilation_x,
  input  wire [8:0]                           cfg_pad_y,       // above, two's complement
  input  wire [7:0]                           cfg_pad_x,       // left
  input  wire [ADDR_W-1:0]                    cfg_channels,    // of a channel tile, >= 1
  input  wire [ADDR_W-1:0]                    cfg_channel_tiles, // of a group, >= 1
  input  wire [ADDR_W-1:0]                    cfg_groups,      // >= 1
  input  wire [ADDR_W-1:0]                    cfg_tiles,       // of a group, >= 1
  input  wire                                 cfg_taps_inner,
  input  wire                                 start,
  output reg                                  busy,            // beats are left
  input  wire                                 step,
  output wire                                 step_row,        // the step ends a row of taps
  output wire                                 step_tile,       // .. all taps of a channel tile
  output wire                                 step_last,
  output wire                                 step_final,
  output wire                                 read_enable,
  output wire [4*ADDR_W-1:0]                  read_address,    // {below right, below, right, own}
  output wire [$clog2(COLS)/2-1:0]            read_dy,
  output wire [($clog2(COLS)+1)/2-1:0]        read_dx,
  output wire                                 read_swap,
  output wire [(1<<($clog2(COLS)/2))-1:0]     read_row_ok,
  output wire [(1<<(($clog2(COLS)+1)/2))-1:0] read_col_ok
);
  localparam BH_W = $clog2(COLS) / 2;
  localparam BW_W = $clog2(COLS) - BH_W;
  localparam ISSUE_LATENCY = 9;
  localparam [ADDR_W-1:0] TWO = 2;

  generate
    if (COLS < 4 || COLS > 128 || (COLS & (COLS - 1)) != 0) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_a_power_of_two_4_to_128 illegal ();
    end
    if (ADDR_W < 4 || ADDR_W > 15) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_4_to_15 illegal ();
    end
  endgenerate

  // The nest: which loops are at their last turn, now and after a step, and whether all loops inside one are.
  wire       channel_last;
  wire       kx_last;
  wire       ky_last;
  wire       part_last;
  wire       bx_last;
  wire       by_last;
  wire       tile_last_unused;
  wire       group_last;
  wire       channel_after;
  wire       kx_after;
  wire       ky_after;
  wire       part_after;
  wire       bx_after;
  wire       by_after;
  wire       tile_after;
  wire       group_after_unused;
  reg        channel_inner;
  reg        kx_inner;
  reg        ky_inner;
  reg        part_inner;
  reg        bx_inner;
  reg        by_inner;
  reg        tile_inner;
  reg        group_inner;

  wire taps_last  = kx_last && ky_last;
  wire go         = step && busy;
  wire taps_after = channel_after && kx_after && ky_after;

  always @(posedge clk) begin
    if (start | go) begin
      channel_inner <= !cfg_taps_inner || (kx_after && ky_after);
      kx_inner      <= cfg_taps_inner || channel_after;
      ky_inner      <= (cfg_taps_inner || channel_after) && kx_after;
      part_inner    <= taps_after;
      bx_inner      <= taps_after && part_after;
      by_inner      <= taps_after && part_after && bx_after;
      tile_inner    <= taps_after && part_after && bx_after && by_after;
      group_inner   <= taps_after && part_after && bx_after && by_after && tile_after;
    end
  end

  assign step_row   = kx_last && (cfg_taps_inner || channel_last);
  assign step_tile  = taps_last && (cfg_taps_inner || channel_last);
  assign step_last  = step_tile && part_last;
  assign step_final = bx_last && by_last;

  wire [ADDR_W-1:0] channel_ahead;
  wire [10:0]       by_ahead;
  wire [10:0]       bx_ahead;
  wire [7:0]        kx_ahead;
  wire [7:0]        ky_ahead;
  wire [ADDR_W-1:0] part_ahead;
  wire [ADDR_W-1:0] tile_ahead;
  wire [ADDR_W-1:0] group_ahead;
  wire              ahead_unused = &{1'b0, kx_ahead, ky_ahead, part_ahead, tile_ahead, group_ahead};

  shw_loop_counter #(.W(ADDR_W)) u_channel (
    .clk(clk), .start(start), .step(go), .inner(channel_inner), .count(cfg_channels),
    .ahead(channel_ahead), .last(channel_last), .last_after(channel_after)
  );
  shw_loop_counter #(.W(8)) u_kx (
    .clk(clk), .start(start), .step(go), .inner(kx_inner), .count(cfg_kernel_x),
    .ahead(kx_ahead), .last(kx_last), .last_after(kx_after)
  );
  shw_loop_counter #(.W(8)) u_ky (
    .clk(clk), .start(start), .step(go), .inner(ky_inner), .count(cfg_kernel_y),
    .ahead(ky_ahead), .last(ky_last), .last_after(ky_after)
  );
  shw_loop_counter #(.W(ADDR_W)) u_part (
    .clk(clk), .start(start), .step(go), .inner(part_inner), .count(cfg_channel_tiles),
    .ahead(part_ahead), .last(part_last), .last_after(part_after)
  );
  shw_loop_counter #(.W(11)) u_bx (
    .clk(clk), .start(start), .step(go), .inner(bx_inner), .count({1'b0, cfg_blocks_x}),
    .ahead(bx_ahead), .last(bx_last), .last_after(bx_after)
  );
  shw_loop_counter #(.W(11)) u_by (
    .clk(clk), .start(start), .step(go), .inner(by_inner), .count({1'b0, cfg_blocks_y}),
    .ahead(by_ahead), .last(by_last), .last_after(by_after)
  );
  shw_loop_counter #(.W(ADDR_W)) u_tile (
    .clk(clk), .start(start), .step(go), .inner(tile_inner), .count(cfg_tiles),
    .ahead(tile_ahead), .last(tile_last_unused), .last_after(tile_after)
  );
  shw_loop_counter #(.W(ADDR_W)) u_group (
    .clk(clk), .start(start), .step(go), .inner(group_inner), .count(cfg_groups),
    .ahead(group_ahead), .last(group_last), .last_after(group_after_unused)
  );

  reg [ISSUE_LATENCY:1] issue;

  assign read_enable = issue[ISSUE_LATENCY];

  always @(posedge clk) begin
    if (rst) begin
      busy  <= 1'b0;
      issue <= {ISSUE_LATENCY{1'b0}};
    end else begin
      if (start) busy <= 1'b1;
      else if (go && group_inner && group_last) busy <= 1'b0;
      issue <= {issue[ISSUE_LATENCY-1:1], go};
    end
  end

  // Channel and phase: what is added to the address of a block. channel_ahead is two ahead.
  wire              odd_y;
  wire              odd_x;
  reg  [ADDR_W-1:0] group_base;
  reg  [ADDR_W-1:0] part_base;   // of the channel tile
  wire [ADDR_W-1:0] next_base = part_base + cfg_channels;
  reg  [ADDR_W-1:0] channel_1;
  reg  [ADDR_W-1:0] channel_2;
  reg  [ADDR_W-1:0] phase_2;
  reg  [ADDR_W-1:0] offset_3;

  always @(posedge clk) begin
    if (start) group_base <= cfg_base - TWO;
    else if (go && group_inner) group_base <= next_base;
    if (start) part_base <= cfg_base - TWO;
    else if (go && part_inner) part_base <= part_last && !group_inner ? group_base : next_base;
    channel_1 <= part_base + channel_ahead;
    channel_2 <= channel_1;
    phase_2   <= (odd_y ? {cfg_phase_stride[ADDR_W-2:0], 1'b0} : {ADDR_W{1'b0}})
               + (odd_x ? cfg_phase_stride : {ADDR_W{1'b0}});
    offset_3  <= channel_2 + phase_2;
  end

  shw_delay #(.W(1), .CYCLES(ISSUE_LATENCY-1)) u_swap (
    .clk(clk), .enable(1'b1), .now(odd_x), .late(read_swap)
  );

  wire [ADDR_W-1:0] block_y_3;
  wire [ADDR_W-1:0] block_x_3;

  shw_im2col_axis #(.BLOCK_W(BH_W), .ADDR_W(ADDR_W)) u_y (
    .clk(clk), .start(start), .next_tap(go && ky_inner), .last_tap(ky_last), .block_ahead(by_ahead),
    .cfg_split(cfg_split), .cfg_dilation(cfg_dilation_y), .cfg_pad(cfg_pad_y),
    .cfg_size(cfg_height), .odd(odd_y), .block(block_y_3), .offset(read_dy), .ok(read_row_ok)
  );

  shw_im2col_axis #(.BLOCK_W(BW_W), .ADDR_W(ADDR_W)) u_x (
    .clk(clk), .start(start), .next_tap(go && kx_inner), .last_tap(kx_last), .block_ahead(bx_ahead),
    .cfg_split(cfg_split), .cfg_dilation(cfg_dilation_x), .cfg_pad({1'b0, cfg_pad_x}),
    .cfg_size(cfg_width), .odd(odd_x), .block(block_x_3), .offset(read_dx), .ok(read_col_ok)
  );

  shw_block_address #(.ADDR_W(ADDR_W)) u_address (
    .clk(clk), .row_stride(cfg_row_stride), .block_stride(cfg_block_stride),
    .block_y(block_y_3), .block_x(block_x_3), .offset(offset_3), .addresses(read_address)
  );
endmodule

`default_nettype wire

// im2col_with_memory: shw_im2col reads shw_act_memory, which the test fills.
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module im2col_with_memory #(
  parameter COLS   = 64,
  parameter ADDR_W = 11
) (
  input  wire                                 clk,
  input  wire                                 rst,
  input  wire [ADDR_W-1:0]                    cfg_base,
  input  wire [ADDR_W-1:0]                    cfg_block_stride,
  input  wire [ADDR_W-1:0]                    cfg_row_stride,
  input  wire [ADDR_W-1:0]                    cfg_phase_stride,
  input  wire                                 cfg_split,
  input  wire [11:0]                          cfg_height,
  input  wire [11:0]                          cfg_width,
  input  wire [9:0]                           cfg_blocks_y,
  input  wire [9:0]                           cfg_blocks_x,
  input  wire [7:0]                           cfg_kernel_y,
  input  wire [7:0]                           cfg_kernel_x,
  input  wire [5:0]                           cfg_dilation_y,
  input  wire [5:0]                           cfg_dilation_x,
  input  wire [8:0]                           cfg_pad_y,
  input  wire [7:0]                           cfg_pad_x,
  input  wire [ADDR_W-1:0]                    cfg_channels,
  input  wire [ADDR_W-1:0]                    cfg_channel_tiles,
  input  wire [ADDR_W-1:0]                    cfg_groups,
  input  wire [ADDR_W-1:0]                    cfg_tiles,
  input  wire                                 cfg_taps_inner,
  input  wire                                 start,
  output wire                                 busy,
  input  wire                                 step,
  output wire                                 step_row,
  output wire                                 step_tile,
  output wire                                 step_last,
  output wire                                 step_final,
  input  wire [7:0]                           fill,
  output wire [COLS*8-1:0]                    word,
  input  wire [(1<<($clog2(COLS)/2))-1:0]     write_rows,
  input  wire [2*ADDR_W-1:0]                  write_address,
  input  wire [(8<<(($clog2(COLS)+1)/2))-1:0] write_data
);
  localparam BH_W = $clog2(COLS) / 2;
  localparam BW_W = $clog2(COLS) - BH_W;

  wire                   read_enable;
  wire [4*ADDR_W-1:0]    read_address;
  wire [BH_W-1:0]        read_dy;
  wire [BW_W-1:0]        read_dx;
  wire                   read_swap;
  wire [(1<<BH_W)-1:0]   read_row_ok;
  wire [(1<<BW_W)-1:0]   read_col_ok;

  shw_im2col #(.COLS(COLS), .ADDR_W(ADDR_W)) u_im2col (
    .clk(clk), .rst(rst),
    .cfg_base(cfg_base), .cfg_block_stride(cfg_block_stride), .cfg_row_stride(cfg_row_stride),
    .cfg_phase_stride(cfg_phase_stride), .cfg_split(cfg_split), .cfg_height(cfg_height),
    .cfg_width(cfg_width), .cfg_blocks_y(cfg_blocks_y), .cfg_blocks_x(cfg_blocks_x),
    .cfg_kernel_y(cfg_kernel_y), .cfg_kernel_x(cfg_kernel_x), .cfg_dilation_y(cfg_dilation_y),
    .cfg_dilation_x(cfg_dilation_x), .cfg_pad_y(cfg_pad_y), .cfg_pad_x(cfg_pad_x),
    .cfg_channels(cfg_channels), .cfg_channel_tiles(cfg_channel_tiles), .cfg_groups(cfg_groups),
    .cfg_tiles(cfg_tiles), .cfg_taps_inner(cfg_taps_inner),
    .start(start), .busy(busy), .step(step), .step_row(step_row),
    .step_tile(step_tile), .step_last(step_last), .step_final(step_final),
    .read_enable(read_enable), .read_address(read_address), .read_dy(read_dy), .read_dx(read_dx),
    .read_swap(read_swap), .read_row_ok(read_row_ok), .read_col_ok(read_col_ok)
  );

  shw_act_memory #(.COLS(COLS), .ADDR_W(ADDR_W)) u_memory (
    .clk(clk), .read_enable(read_enable), .read_address(read_address), .read_dy(read_dy),
    .read_dx(read_dx), .read_swap(read_swap), .read_row_ok(read_row_ok), .read_col_ok(read_col_ok),
    .read_fill(fill), .read_word(word),
    .write_rows(write_rows), .write_address(write_address), .write_data(write_data)
  );
endmodule

`default_nettype wire

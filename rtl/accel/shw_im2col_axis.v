// shw_im2col_axis: one axis of shw_im2col: from tap and output block to source block, offset and mask.
//
// Along the axis, output position p of a block reads source position q = s * (block * B + p) + t with
// B = 2^BLOCK_W positions a block, stride s = 1, or 2 with cfg_split, and t = tap * cfg_dilation -
// cfg_pad. Inside the map: 0 <= q < cfg_size. With cfg_split the map lies in phases, even and odd
// positions: `odd` is the phase, and what follows holds for position floor(q / 2) of the phase.
//
// Parameters:   BLOCK_W  1..4   B = 2^BLOCK_W
//               ADDR_W   1..15  width of a block's number, which is modulo 2^ADDR_W
// Latency:      from next_tap or block_ahead: odd 1 cycle, block 3 cycles, offset and ok 9 cycles.
// Throughput:   1 tap per cycle. Backpressure: none. Reset: none; start sets the tap to 0.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_im2col_axis #(
  parameter BLOCK_W = 3,
  parameter ADDR_W  = 11
) (
  input  wire                    clk,
  input  wire                    start,         // to tap 0
  input  wire                    next_tap,
  input  wire                    last_tap,      // with next_tap: to tap 0
  input  wire [10:0]             block_ahead,   // output block + 2
  input  wire                    cfg_split,
  input  wire [5:0]              cfg_dilation,
  input  wire [8:0]              cfg_pad,       // two's complement
  input  wire [11:0]             cfg_size,
  output wire                    odd,           // phase of the source
  output reg  [ADDR_W-1:0]       block,         // of the source of position 0
  output reg  [BLOCK_W-1:0]      offset,        // of the source of position 0 in its block
  output reg  [(1<<BLOCK_W)-1:0] ok             // positions whose source is inside the map
);
  localparam B     = 1 << BLOCK_W;
  localparam DELAY = 4;                         // cycles in which the address is summed
  localparam [B-1:0] ALL        = {B{1'b1}};
  localparam [8:0]   TWO_BLOCKS = 2 * B;

  generate
    if (BLOCK_W < 1 || BLOCK_W > 4) begin : g_illegal_block
      shw_ILLEGAL_BLOCK_W_must_be_1_to_4 illegal ();
    end
    if (ADDR_W < 1 || ADDR_W > 15) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_1_to_15 illegal ();
    end
  endgenerate

  // tap * dilation, at most 254 * 63
  reg [13:0] tap;

  always @(posedge clk) begin
    if (start || (next_tap && last_tap)) tap <= 14'd0;
    else if (next_tap) tap <= tap + {8'd0, cfg_dilation};
  end

  // 1: move of the tap, less the two blocks that block_ahead is ahead (-224..319 with the padding)
  wire [9:0]  lead = {cfg_pad[8], cfg_pad} + (cfg_split ? {TWO_BLOCKS, 1'b0} : {1'b0, TWO_BLOCKS});
  reg  [15:0] move_1;
  reg  [10:0] ahead_1;

  assign odd = cfg_split && move_1[0];

  // 2: source of position 0, -255..49001
  wire [16:0] first = cfg_split ? {5'd0, ahead_1, 1'b0} : {6'd0, ahead_1};
  reg  [16:0] source_2;

  // 3: its place in the phase; what is left behind it
  wire [19:0] place = {{3{source_2[16]}},
                       cfg_split ? {source_2[16], source_2[16:1]} : source_2};
  wire        place_unused = &{1'b0, place};
  reg         before_3;                         // position 0 is before the map ..
  reg         edge_3;                           // .. and in the block before it
  reg  [BLOCK_W-1:0] offset_3;
  reg  [16:0] rest_3;                           // size - 1 - source

  // 4: positions that are left, less one
  wire [16:0] left = cfg_split ? {rest_3[16], rest_3[16:1]} : rest_3;
  reg         before_4;
  reg         edge_4;
  reg         none_4;
  reg         all_4;
  reg  [BLOCK_W-1:0] offset_4;
  reg  [BLOCK_W-1:0] left_4;

  always @(posedge clk) begin
    move_1   <= {2'd0, tap} - {{6{lead[9]}}, lead};
    ahead_1  <= block_ahead;
    source_2 <= {move_1[15], move_1} + (first << BLOCK_W);
    block    <= place[BLOCK_W +: ADDR_W];
    before_3 <= place[16];
    edge_3   <= &place[16:BLOCK_W];
    offset_3 <= place[BLOCK_W-1:0];
    rest_3   <= {5'd0, cfg_size} + ~source_2;
    before_4 <= before_3;
    edge_4   <= edge_3;
    offset_4 <= offset_3;
    none_4   <= left[16];
    all_4    <= |left[15:BLOCK_W];
    left_4   <= left[BLOCK_W-1:0];
  end

  // 8, 9: beside the address
  wire               before_8;
  wire               edge_8;
  wire               none_8;
  wire               all_8;
  wire [BLOCK_W-1:0] offset_8;
  wire [BLOCK_W-1:0] left_8;

  shw_delay #(.W(4 + 2 * BLOCK_W), .CYCLES(DELAY)) u_beside (
    .clk(clk), .enable(1'b1),
    .now({before_4, edge_4, none_4, all_4, offset_4, left_4}),
    .late({before_8, edge_8, none_8, all_8, offset_8, left_8})
  );

  wire [B-1:0] not_before = {B{!before_8}} | ({B{edge_8}} & ~(ALL >> offset_8));
  wire [B-1:0] not_behind = {B{!none_8}} & ({B{all_8}} | ~((ALL << 1) << left_8));

  always @(posedge clk) begin
    offset <= offset_8;
    ok     <= not_before & not_behind;
  end
endmodule

`default_nettype wire

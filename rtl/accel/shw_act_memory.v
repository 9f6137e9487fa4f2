// shw_act_memory: the activations, a bank for every position of a block; reads a block moved by a tap.
//
// A block is BH x BW = COLS positions of a map: BH = 2^floor(log2(COLS) / 2), BW = COLS / BH. Position
// (y, x) is byte y * BW + x of a word, byte 0 low, and lies in bank (y, x); of a swapped word it is
// byte y * BW + (x ^ (BW / 2)). A word is the codes of one channel at the positions of one block.
//
// Read: output position (py, px) gets source position (py + read_dy, px + read_dx), which is in the
// own block, or where it is beyond that in the block below, right or below right. So every bank is
// read once: that of position (y, x) of a block below where y < read_dy, of a block to the right
// where x < read_dx. The bytes of the banks are then rotated, by BW / 2 more columns where the words
// are swapped, in levels of 4:1 multiplexers, and positions that are not inside the map (read_row_ok
// and read_col_ok both set) get read_fill. A read of a byte in the cycle of its write is undefined.
// Write: the banks of the rows in write_rows; write_data is one row of a word. Each half of the
// columns has an address.
//
// Parameters:   COLS       4, 8, .. 128  positions of a block
//               ADDR_W     1..16         2^ADDR_W words
//               FILL_BITS  0..255        bits of read_fill that are looked at; the others are 0. A bit
//                                        that is left out saves up to a LUT a column.
// Latency:      read 3 cycles (RAM; its register and the first levels of the rotation; the last two
//               levels and the mask), write 1 cycle.
// Throughput:   1 read and 1 write per cycle.
// Backpressure: none; read_word is defined 3 cycles after read_enable and only then.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_act_memory #(
  parameter COLS      = 64,
  parameter ADDR_W    = 11,
  parameter FILL_BITS = 255
) (
  input  wire                                  clk,
  input  wire                                  read_enable,
  input  wire [4*ADDR_W-1:0]                   read_address,  // {below right, below, right, own}
  input  wire [$clog2(COLS)/2-1:0]             read_dy,
  input  wire [($clog2(COLS)+1)/2-1:0]         read_dx,
  input  wire                                  read_swap,     // the words are swapped
  input  wire [(1<<($clog2(COLS)/2))-1:0]      read_row_ok,   // output rows inside the map
  input  wire [(1<<(($clog2(COLS)+1)/2))-1:0]  read_col_ok,   // output columns inside the map
  input  wire [7:0]                            read_fill,     // what other positions get
  output wire [COLS*8-1:0]                     read_word,
  input  wire [(1<<($clog2(COLS)/2))-1:0]      write_rows,
  input  wire [2*ADDR_W-1:0]                   write_address, // {upper, lower half of the columns}
  input  wire [(8<<(($clog2(COLS)+1)/2))-1:0]  write_data
);
  localparam CL     = $clog2(COLS);
  localparam BH_W   = CL / 2;
  localparam BW_W   = CL - BH_W;
  localparam BH     = 1 << BH_W;
  localparam BW     = 1 << BW_W;
  localparam LEVELS = (CL + 1) / 2;   // of the rotation; two bits of the offset a level
  localparam SPLIT  = (LEVELS > 2) ? LEVELS - 2 : 0;   // levels before the register between
  localparam [31:0] FILL = FILL_BITS;

  generate
    if (COLS < 4 || COLS > 128 || (COLS & (COLS - 1)) != 0) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_a_power_of_two_4_to_128 illegal ();
    end
    if (ADDR_W < 1 || ADDR_W > 16) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_1_to_16 illegal ();
    end
    if (FILL_BITS < 0 || FILL_BITS > 255) begin : g_illegal_fill
      shw_ILLEGAL_FILL_BITS_must_be_0_to_255 illegal ();
    end
  endgenerate

  // Where a byte comes from that bit `place` of {dy, dx} moves to `position`.
  function integer source;
    input integer position;
    input integer place;
    begin
      if (place < BW_W)
        source = (position / BW) * BW + (position % BW + (1 << place)) % BW;
      else
        source = (position + (1 << place)) % COLS;
    end
  endfunction

  // Half a row is the top bit of the columns' move.
  localparam [31:0] HALF = BW / 2;
  wire [BW_W-1:0] bank_dx = read_dx ^ (read_swap ? HALF[BW_W-1:0] : {BW_W{1'b0}});

  reg [CL-1:0] move_1;                // {dy, dx}
  reg [CL-1:0] move_2;
  reg [BH-1:0] row_ok_1;
  reg [BH-1:0] row_ok_2;
  reg [BW-1:0] col_ok_1;
  reg [BW-1:0] col_ok_2;
  reg [7:0]    fill_1;
  reg [7:0]    fill_2;

  always @(posedge clk) begin
    move_1   <= {read_dy, bank_dx};
    move_2   <= move_1;
    row_ok_1 <= read_row_ok;
    row_ok_2 <= row_ok_1;
    col_ok_1 <= read_col_ok;
    col_ok_2 <= col_ok_1;
    fill_1   <= read_fill & FILL[7:0];
    fill_2   <= fill_1;
  end

  wire [COLS*8-1:0] stored;
  wire [BH-1:0]     below = ~({BH{1'b1}} << read_dy);
  wire [BW-1:0]     right = ~({BW{1'b1}} << read_dx);   // of positions
  wire [BW-1:0]     bank_right = read_swap ? {right[BW/2-1:0], right[BW-1:BW/2]} : right;

  genvar y;
  genvar x;
  generate
    for (y = 0; y < BH; y = y + 1) begin : g_row
      for (x = 0; x < BW; x = x + 1) begin : g_bank
        wire [ADDR_W-1:0] address;
        shw_mux4 #(.W(ADDR_W)) u_address (
          .words(read_address), .select({below[y], bank_right[x]}), .word(address)
        );
        shw_ram_sdp #(.DATA_W(8), .ADDR_W(ADDR_W)) u_ram (
          .clk(clk),
          .write_enable(write_rows[y]),
          .write_address(write_address[(2*x/BW)*ADDR_W +: ADDR_W]),
          .write_data(write_data[8*x +: 8]),
          .read_enable(read_enable), .read_address(address), .read_data(stored[8*(y*BW+x) +: 8])
        );
      end
    end
  endgenerate

  // Rotation. Level l moves by bits 2l and 2l + 1 of {dy, dx}; the register between stands before
  // level SPLIT, which has one more after it at most: of few columns it is the output register of
  // the RAM. An odd last level is a 2:1 multiplexer and shares its LUT with the mask.
  reg [COLS*8-1:0] between;

  genvar l;
  genvar p;
  generate
    for (l = 0; l < LEVELS; l = l + 1) begin : g_level
      wire [COLS*8-1:0] unmoved;
      wire [COLS*8-1:0] moved;
      if (l == SPLIT) begin : g_register
        assign unmoved = between;
      end else if (l == 0) begin : g_banks
        assign unmoved = stored;
      end else begin : g_level_before
        assign unmoved = g_level[l-1].moved;
      end
      for (p = 0; p < COLS; p = p + 1) begin : g_position
        localparam NEAR = source(p, 2 * l);
        if (2 * l + 1 < CL) begin : g_two_bits
          localparam FAR  = source(p, 2 * l + 1);
          localparam BOTH = source(NEAR, 2 * l + 1);
          shw_mux4 #(.W(8)) u_move (
            .words({unmoved[8*BOTH +: 8], unmoved[8*FAR +: 8],
                    unmoved[8*NEAR +: 8], unmoved[8*p +: 8]}),
            .select((l < SPLIT) ? move_1[2*l +: 2] : move_2[2*l +: 2]),
            .word(moved[8*p +: 8])
          );
        end else begin : g_one_bit
          assign moved[8*p +: 8] = move_2[2*l] ? unmoved[8*NEAR +: 8] : unmoved[8*p +: 8];
        end
      end
    end
    if (SPLIT == 0) begin : g_early
      always @(posedge clk) between <= stored;
    end else begin : g_rotated
      always @(posedge clk) between <= g_level[SPLIT-1].moved;
    end
    for (p = 0; p < COLS; p = p + 1) begin : g_mask
      reg [7:0] code;
      always @(posedge clk) begin
        code <= (row_ok_2[p / BW] && col_ok_2[p % BW]) ? g_level[LEVELS-1].moved[8*p +: 8] : fill_2;
      end
      assign read_word[8*p +: 8] = code;
    end
  endgenerate
endmodule

`default_nettype wire

// shw_block_address: addresses of a block and of its neighbours to the right, below and below right.
//
//   own = block_y * row_stride + block_x * block_stride + offset, all modulo 2^ADDR_W
//
// Bit i of both numbers together picks 0, one of the strides or their sum, shifted by i: a LUT a bit.
// A pipelined tree adds these terms, low bits that are 0 left out.
//
// Parameters:   ADDR_W  4..15  width of addresses, strides and numbers of blocks
// Latency:      6 cycles. Throughput: 1 block per cycle.
// Backpressure: none. Reset: none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_block_address #(
  parameter ADDR_W = 11
) (
  input  wire                clk,
  input  wire [ADDR_W-1:0]   row_stride,     // the strides are stable
  input  wire [ADDR_W-1:0]   block_stride,
  input  wire [ADDR_W-1:0]   block_y,
  input  wire [ADDR_W-1:0]   block_x,
  input  wire [ADDR_W-1:0]   offset,
  output reg  [4*ADDR_W-1:0] addresses       // {below right, below, right, own}
);
  localparam LEVELS = 4;
  localparam TERMS  = 1 << LEVELS;           // the offset and ADDR_W products

  generate
    if (ADDR_W < 4 || ADDR_W > 15) begin : g_illegal
      shw_ILLEGAL_ADDR_W_must_be_4_to_15 illegal ();
    end
  endgenerate

  reg [ADDR_W-1:0] both_strides;
  always @(posedge clk) both_strides <= row_stride + block_stride;

  genvar s;
  genvar i;
  generate
    for (s = 0; s <= LEVELS; s = s + 1) begin : g_level
      wire [(TERMS>>s)*ADDR_W-1:0] number;
      for (i = 0; i < (TERMS >> s); i = i + 1) begin : g_sum
        if (s == 0 && i > ADDR_W) begin : g_nothing
          assign number[i*ADDR_W +: ADDR_W] = {ADDR_W{1'b0}};
        end else begin : g_register
          wire [ADDR_W-1:0] next;
          reg  [ADDR_W-1:0] total;
          always @(posedge clk) total <= next;
          assign number[i*ADDR_W +: ADDR_W] = total;
          if (s > 0) begin : g_add
            assign next = g_level[s-1].number[2*i*ADDR_W +: ADDR_W]
                        + g_level[s-1].number[(2*i+1)*ADDR_W +: ADDR_W];
          end else if (i == 0) begin : g_offset
            assign next = offset;
          end else begin : g_product
            wire [ADDR_W-1:0] moved_x = block_x[i-1] ? block_stride : {ADDR_W{1'b0}};
            wire [ADDR_W-1:0] moved_y = block_x[i-1] ? both_strides : row_stride;
            wire [ADDR_W-1:0] picked  = block_y[i-1] ? moved_y : moved_x;
            assign next = picked << (i - 1);
          end
        end
      end
    end
  endgenerate

  wire [ADDR_W-1:0] own = g_level[LEVELS].number;

  always @(posedge clk) begin
    addresses <= {own + both_strides, own + row_stride, own + block_stride, own};
  end
endmodule

`default_nettype wire

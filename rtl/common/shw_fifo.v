// shw_fifo: synchronous show-ahead FIFO.
//
// The oldest word stands at the output while out_valid is high. Storage is LUT RAM (shw_lutram); every 64 bits of
// wider words have a copy of the read address.
//
// Parameters:   DATA_W  1..4096  word width
//               DEPTH   2..1024, a power of two
// Latency:      1 cycle from a write into the empty FIFO to out_valid.
// Throughput:   1 write and 1 read per cycle; DEPTH words are held before in_ready falls.
// Backpressure: full; in_ready and out_valid are registers.
// Reset:        rst empties the FIFO.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_fifo #(
  parameter DATA_W = 8,
  parameter DEPTH  = 16
) (
  input  wire                     clk,
  input  wire                     rst,
  input  wire                     in_valid,
  output reg                      in_ready,
  input  wire [DATA_W-1:0]        in_data,
  output reg                      out_valid,
  input  wire                     out_ready,
  output wire [DATA_W-1:0]        out_data,
  output wire [$clog2(DEPTH):0]   level      // words held, 0..DEPTH
);
  localparam ADDR_W = $clog2(DEPTH);

  generate
    if (DEPTH < 2 || DEPTH > 1024 || (1 << ADDR_W) != DEPTH) begin : g_illegal_depth
      shw_ILLEGAL_DEPTH_must_be_a_power_of_two_from_2_to_1024 illegal ();
    end
    if (DATA_W < 1 || DATA_W > 4096) begin : g_illegal_data
      shw_ILLEGAL_DATA_W_must_be_1_to_4096 illegal ();
    end
  endgenerate

  reg [ADDR_W:0] write_count;
  reg [ADDR_W:0] read_count;
  reg [ADDR_W:0] read_after;    // one more

  wire write = in_valid & in_ready;
  wire read  = out_valid & out_ready;

  localparam [ADDR_W:0] ONE = 1, LAST = DEPTH - 1;
  localparam PART = 64;

  wire [ADDR_W:0] read_next = rst ? {(ADDR_W+1){1'b0}} : read ? read_after : read_count;

  assign level = write_count - read_count;

  genvar p;
  generate
    for (p = 0; p < DATA_W; p = p + PART) begin : g_part
      localparam W = (DATA_W - p < PART) ? DATA_W - p : PART;
      wire [ADDR_W-1:0] place;

      if (DATA_W <= PART) begin : g_only
        assign place = read_count[ADDR_W-1:0];
      end else begin : g_copy
        shw_copy #(.W(ADDR_W)) u_place (.clk(clk), .now(read_next[ADDR_W-1:0]), .copy(place));
      end

      shw_lutram #(.DATA_W(W), .ADDR_W(ADDR_W)) u_storage (
        .clk(clk),
        .write_enable(write), .write_address(write_count[ADDR_W-1:0]),
        .write_data(in_data[p +: W]),
        .read_address(place), .read_data(out_data[p +: W])
      );
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      write_count <= {(ADDR_W+1){1'b0}};
      in_ready    <= 1'b1;
      out_valid   <= 1'b0;
    end else begin
      if (write) write_count <= write_count + 1'b1;
      if (read) in_ready <= 1'b1;
      else if (write) in_ready <= level != LAST;
      if (write) out_valid <= 1'b1;
      else if (read) out_valid <= level != ONE;
    end
    read_count <= read_next;
    if (rst | read) read_after <= rst ? ONE : read_after + ONE;
  end
endmodule

`default_nettype wire

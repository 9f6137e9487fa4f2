// shw_board_words: what a host reads about the board, its system and its line.
//
// Parameters:   BOARD           0..65535: number of the board
//               KIND            kind of the system, 0: accelerator, 1: tiles
//               CLOCK_KHZ       1..2^32 - 1: clock
//               MEMORY_BYTES    size of the memory
//               CLOCKS_PER_BIT  4..65535: of the line
// Latency:      1 cycle.
// Throughput:   a word per cycle.
// Backpressure: none.
// Reset:        none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_board_words #(
  parameter BOARD          = 0,
  parameter KIND           = 0,
  parameter CLOCK_KHZ      = 25000,
  parameter MEMORY_BYTES   = 16384,
  parameter CLOCKS_PER_BIT = 16
) (
  input  wire        clk,
  input  wire [2:0]  index,    // of the word
  input  wire [15:0] dropped,  // frames dropped for a wrong CRC
  output reg  [31:0] word
);
  generate
    if (BOARD < 0 || BOARD > 65535) begin : g_illegal_board
      shw_ILLEGAL_BOARD_must_be_0_to_65535 illegal ();
    end
    if (KIND != 0 && KIND != 1) begin : g_illegal_kind
      shw_ILLEGAL_KIND_must_be_0_or_1 illegal ();
    end
  endgenerate

  localparam [31:0] MAGIC    = 32'h53485742;            // SHWB
  localparam [31:0] PROTOCOL = 32'd1;                   // version of the frames
  localparam [31:0] RELEASE  = {8'd0, 8'd0, 8'd1, 8'd0};  // of the package: major, minor, patch
  localparam [31:0] BOARD_32 = BOARD;
  localparam [31:0] KIND_32  = KIND;
  localparam [31:0] CLOCK    = CLOCK_KHZ;
  localparam [31:0] MEMORY   = MEMORY_BYTES;
  localparam [31:0] BIT      = CLOCKS_PER_BIT;

  always @(posedge clk) begin
    case (index)
      3'd0:    word <= MAGIC;
      3'd1:    word <= PROTOCOL;
      3'd2:    word <= {KIND_32[15:0], BOARD_32[15:0]};
      3'd3:    word <= CLOCK;
      3'd4:    word <= MEMORY;
      3'd5:    word <= BIT;
      3'd6:    word <= {16'd0, dropped};
      default: word <= RELEASE;
    endcase
  end
endmodule

`default_nettype wire

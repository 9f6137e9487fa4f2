// shw_crc32: CRC-32 of IEEE 802.3 (as zlib.crc32) of a stream of words, 64 bits a cycle.
//
// Bytes count from bit 0 up, reflected: polynomial 0x04C11DB7, all ones at first, the result inverted. A bit
// of the next state is the parity of about half the bits of the word.
//
// Parameters:   none.
// Latency:      1 cycle from a word to crc.
// Throughput:   a word a cycle.
// Backpressure: none; cycles without valid change nothing.
// Reset:        none; clear begins a new message, whatever valid says.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_crc32 (
  input  wire        clk,
  input  wire        clear,
  input  wire        valid,
  input  wire [63:0] data,
  output wire [31:0] crc     // of the words since clear
);
  localparam [31:0] POLYNOMIAL = 32'hedb88320;  // reflected

  // What bit j of a word adds to the state at the end of the word, for every j.
  function [64*32-1:0] columns;
    input [31:0] polynomial;
    integer j;
    reg [31:0] state;
    begin
      state = polynomial;
      for (j = 63; j >= 0; j = j - 1) begin
        columns[j*32 +: 32] = state;
        state = {1'b0, state[31:1]} ^ (state[0] ? polynomial : 32'd0);
      end
    end
  endfunction

  localparam [64*32-1:0] COLUMNS = columns(POLYNOMIAL);

  reg  [31:0] state;
  wire [31:0] next;
  wire [63:0] mixed = data ^ {32'd0, state};

  assign crc = ~state;

  genvar i, j;
  generate
    for (i = 0; i < 32; i = i + 1) begin : g_bit
      wire [63:0] part;
      for (j = 0; j < 64; j = j + 1) begin : g_part
        assign part[j] = mixed[j] & COLUMNS[j*32 + i];
      end
      assign next[i] = ^part;
    end
  endgenerate

  always @(posedge clk) begin
    if (clear) state <= 32'hffffffff;
    else if (valid) state <= next;
  end
endmodule

`default_nettype wire

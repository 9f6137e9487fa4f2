// shw_lutram_sp: memory with one port that is read asynchronously.
//
// Maps to LUT RAM like shw_lutram. Half as large on 7-series where it is deep.
// No initial content: a word is defined after its first write. A read in the cycle of a write
// gives the old word.
//
// Parameters: DATA_W  1..4096  word width
//             ADDR_W  1..10    address width, 2^ADDR_W words
// Latency:    write 1 cycle, read 0 cycles (combinational).
// Throughput: 1 read and 1 write of the same word per cycle.
// Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_lutram_sp #(
  parameter DATA_W = 8,
  parameter ADDR_W = 8
) (
  input  wire              clk,
  input  wire              write_enable,
  input  wire [ADDR_W-1:0] address,
  input  wire [DATA_W-1:0] write_data,
  output wire [DATA_W-1:0] read_data
);
  generate
    if (DATA_W < 1 || DATA_W > 4096) begin : g_illegal_data
      shw_ILLEGAL_DATA_W_must_be_1_to_4096 illegal ();
    end
    if (ADDR_W < 1 || ADDR_W > 10) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_1_to_10 illegal ();
    end
  endgenerate

`ifndef SHW_NO_LUTRAM
  (* ram_style = "distributed" *)
`endif
  reg [DATA_W-1:0] memory [0:(1<<ADDR_W)-1];

  assign read_data = memory[address];

  always @(posedge clk) begin
    if (write_enable) memory[address] <= write_data;
  end
endmodule

`default_nettype wire

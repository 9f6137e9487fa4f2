// shw_ram_sdp: simple dual-port memory, one write port, one registered read port with enable.
//
// STYLE chooses the memory resource by the ram_style attribute; "distributed" is LUT RAM, or with SHW_NO_LUTRAM, for
// families without it (iCE40, GateMate, Efinix, MAX 10), what "auto" is. No initial content: a word is defined
// after its first write. A read in the cycle of a write to the same address is undefined, which saves the bypass
// logic that ecp5 and ice40 would need. Simulation then gives the complement of the old word, so that a user who depends
// on it fails early: on Verilator and Icarus, and on other simulators where SHW_SIMULATION is defined.
// read_data holds its value while read_enable is low. A word may be written in LANES parts.
// OUTPUT_REGISTER adds a second register to the read port, for block RAM that has one inside: nothing but this register
// sees the first one, and both move while read_enable is high.
//
// Parameters: DATA_W  1..65536  word width
//             ADDR_W  1..16     address width, 2^ADDR_W words
//             LANES   1..64     parts of a word with a write enable each; divides DATA_W
//             STYLE   "block" | "distributed" | "auto"
//             OUTPUT_REGISTER  0, 1
// Latency:    write 1 cycle, read 1 + OUTPUT_REGISTER cycles with read_enable. Throughput: 1 write and 1 read per cycle.
// Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

`ifdef VERILATOR
  `define SHW_SIMULATION
`elsif __ICARUS__
  `define SHW_SIMULATION
`endif

module shw_ram_sdp #(
  parameter DATA_W = 8,
  parameter ADDR_W = 9,
  parameter LANES  = 1,
  parameter STYLE  = "auto",
  parameter OUTPUT_REGISTER = 0
) (
  input  wire              clk,
  input  wire [LANES-1:0]  write_enable,
  input  wire [ADDR_W-1:0] write_address,
  input  wire [DATA_W-1:0] write_data,
  input  wire              read_enable,
  input  wire [ADDR_W-1:0] read_address,
  output wire [DATA_W-1:0] read_data
);
`ifdef SHW_SIMULATION
  wire collision = (|write_enable) && write_address == read_address;
`else
  wire collision = 1'b0;
`endif

  localparam LANE_W = DATA_W / LANES;

  reg [DATA_W-1:0] word;
  integer          l;

  generate
    if (DATA_W < 1 || DATA_W > 65536) begin : g_illegal_data
      shw_ILLEGAL_DATA_W_must_be_1_to_65536 illegal ();
    end
    if (ADDR_W < 1 || ADDR_W > 16) begin : g_illegal_address
      shw_ILLEGAL_ADDR_W_must_be_1_to_16 illegal ();
    end

    if (LANES < 1 || LANES > 64 || LANE_W * LANES != DATA_W) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_1_to_64_and_divide_DATA_W illegal ();
    end

    if (OUTPUT_REGISTER == 0) begin : g_direct
      assign read_data = word;
    end else if (OUTPUT_REGISTER == 1) begin : g_registered
      reg [DATA_W-1:0] held;
      always @(posedge clk) if (read_enable) held <= word;
      assign read_data = held;
    end else begin : g_illegal_output
      shw_ILLEGAL_OUTPUT_REGISTER_must_be_0_or_1 illegal ();
    end

    /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
    if (STYLE == "block") begin : g_block
      (* ram_style = "block", no_rw_check *)
      reg [DATA_W-1:0] memory [0:(1<<ADDR_W)-1];
      always @(posedge clk) begin
        for (l = 0; l < LANES; l = l + 1)
          if (write_enable[l])
            memory[write_address][l*LANE_W +: LANE_W] <= write_data[l*LANE_W +: LANE_W];
        if (read_enable) word <= memory[read_address] ^ {DATA_W{collision}};
      end
    end else if (STYLE == "distributed") begin : g_distributed
`ifdef SHW_NO_LUTRAM
      (* no_rw_check *)
`else
      (* ram_style = "distributed", no_rw_check *)
`endif
      reg [DATA_W-1:0] memory [0:(1<<ADDR_W)-1];
      always @(posedge clk) begin
        for (l = 0; l < LANES; l = l + 1)
          if (write_enable[l])
            memory[write_address][l*LANE_W +: LANE_W] <= write_data[l*LANE_W +: LANE_W];
        if (read_enable) word <= memory[read_address] ^ {DATA_W{collision}};
      end
    end else if (STYLE == "auto") begin : g_auto
      (* no_rw_check *)
      reg [DATA_W-1:0] memory [0:(1<<ADDR_W)-1];
      always @(posedge clk) begin
        for (l = 0; l < LANES; l = l + 1)
          if (write_enable[l])
            memory[write_address][l*LANE_W +: LANE_W] <= write_data[l*LANE_W +: LANE_W];
        if (read_enable) word <= memory[read_address] ^ {DATA_W{collision}};
      end
    end else begin : g_illegal_style
      shw_ILLEGAL_STYLE_must_be_block_distributed_or_auto illegal ();
    end
    /* verilator lint_on WIDTHEXPAND */
  endgenerate
endmodule

`default_nettype wire

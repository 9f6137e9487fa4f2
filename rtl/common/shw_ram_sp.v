// shw_ram_sp: single-port memory: a cycle reads a word or writes it, in parts.
//
// STYLE chooses the memory resource by the ram_style attribute; "huge" is the single-port memory of iCE40 UltraPlus, 16
// bits by 2^14 words each, and for that family alone. No initial content: a word is defined after its first write.
// read_data is defined in the cycle after a read alone; simulation gives its complement after that.
//
// Parameters: DATA_W  1..65536  word width
//             ADDR_W  1..16     address width, 2^ADDR_W words
//             LANES   1..64     parts of a word with a write enable each; divides DATA_W
//             STYLE   "block" | "huge"
// Latency:    1 cycle. Throughput: a read or a write per cycle.
// Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

`ifdef VERILATOR
  `define SHW_SIMULATION
`elsif __ICARUS__
  `define SHW_SIMULATION
`endif

module shw_ram_sp #(
  parameter DATA_W = 32,
  parameter ADDR_W = 9,
  parameter LANES  = 4,
  parameter STYLE  = "block"
) (
  input  wire              clk,
  input  wire              enable,
  input  wire [LANES-1:0]  write,       // parts that are written; 0: a read
  input  wire [ADDR_W-1:0] address,
  input  wire [DATA_W-1:0] write_data,
  output wire [DATA_W-1:0] read_data
);
  localparam LANE_W = DATA_W / LANES;

  reg [DATA_W-1:0] word;
  wire             read = enable & ~|write;
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

    /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
    if (STYLE == "block") begin : g_block
      (* ram_style = "block" *)
      reg [DATA_W-1:0] memory [0:(1<<ADDR_W)-1];
      always @(posedge clk) begin
        for (l = 0; l < LANES; l = l + 1)
          if (enable && write[l])
            memory[address][l*LANE_W +: LANE_W] <= write_data[l*LANE_W +: LANE_W];
        if (read) word <= memory[address];
      end
    end else if (STYLE == "huge") begin : g_huge
      (* ram_style = "huge" *)
      reg [DATA_W-1:0] memory [0:(1<<ADDR_W)-1];
      always @(posedge clk) begin
        for (l = 0; l < LANES; l = l + 1)
          if (enable && write[l])
            memory[address][l*LANE_W +: LANE_W] <= write_data[l*LANE_W +: LANE_W];
        if (read) word <= memory[address];
      end
    end else begin : g_illegal_style
      shw_ILLEGAL_STYLE_must_be_block_or_huge illegal ();
    end
    /* verilator lint_on WIDTHEXPAND */
  endgenerate

`ifdef SHW_SIMULATION
  reg defined;
  always @(posedge clk) defined <= read;
  assign read_data = word ^ {DATA_W{~defined}};
`else
  assign read_data = word;
`endif
endmodule

`default_nettype wire

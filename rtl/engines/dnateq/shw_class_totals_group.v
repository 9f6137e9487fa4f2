// shw_class_totals_group: columns of shw_class_totals that share control registers.
//
// Total memory and output registers of a few columns, with their own copies of the registers that
// reach all of them; the hierarchy keeps synthesis from merging the copies of the groups. A step
// reads a word of the memory, perhaps to the output registers as well, and writes another one in
// its place two cycles later.
//
// Parameters: COLS   1..1024  columns
//             ADDR_W 2..9     address width of the memory
// Latency:    a step given in cycle 0 reads `old` in 1 and writes `total` of 3; a word taken is in
//   out_acc in 2. Throughput: 1 step per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

(* keep_hierarchy *)
module shw_class_totals_group #(
  parameter COLS   = 8,
  parameter ADDR_W = 4
) (
  input  wire               clk,
  input  wire               step,
  input  wire               step_take,     // to the output
  input  wire [ADDR_W-1:0]  step_address,
  output wire [COLS*48-1:0] old,
  input  wire [COLS*48-1:0] total,
  output reg  [COLS*48-1:0] out_acc
);
  reg              read;
  reg              read_take;
  reg [ADDR_W-1:0] read_address;
  reg              add;
  reg [ADDR_W-1:0] add_address;
  reg              write;
  reg [ADDR_W-1:0] write_address;

  always @(posedge clk) begin
    read          <= step;
    read_take     <= step_take;
    read_address  <= step_address;
    add           <= read;
    add_address   <= read_address;
    write         <= add;
    write_address <= add_address;
    if (read_take) out_acc <= old;
  end

  shw_lutram #(.DATA_W(COLS*48), .ADDR_W(ADDR_W)) u_totals (
    .clk(clk), .write_enable(write), .write_address(write_address), .write_data(total),
    .read_address(read_address), .read_data(old)
  );
endmodule

`default_nettype wire

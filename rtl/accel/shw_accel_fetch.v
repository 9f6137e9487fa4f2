// shw_accel_fetch: reads the instructions of a program one after the other.
//
// After start it asks memory for count instructions of 64 bytes from address on, eight words of 64 bits
// at a time, and offers each until it is taken. One instruction is on its way or held, never two: nothing
// that a held instruction waits for can stand behind it in the read channel.
//
// The words run through a checksum as they come. The last instruction is offered with out_damaged where that
// of the program is not the one in bits 127..96 of its first instruction, the header; it waits a cycle for that.
//
// Parameters:   none.
// Latency:      1 cycle from the last word of an instruction to out_valid, 2 of the last instruction.
// Throughput:   an instruction per 9 cycles and the latency of memory.
// Backpressure: out_valid waits for out_ready; data are always taken.
// Reset:        rst ends the program; words of a request in flight must not arrive after it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_fetch (
  input  wire         clk,
  input  wire         rst,
  input  wire         start,
  input  wire [31:0]  address,        // of the first instruction, a multiple of 64
  input  wire [15:0]  count,          // instructions
  output wire         busy,           // instructions are left to be taken
  output wire         read_valid,     // eight words, please
  input  wire         read_ready,
  output wire [31:0]  read_address,
  input  wire         data_valid,
  input  wire [63:0]  data,
  output wire         out_valid,
  input  wire         out_ready,
  output wire [15:0]  out_index,      // of the instruction in the program
  output reg          out_damaged,    // the checksum of all instructions is wrong
  output wire [511:0] out_instruction,
  output wire [511:0] coming          // out_instruction of the next cycle, where data_valid
);
  reg [15:0]  index;       // of the instruction that is on its way or held
  reg [15:0]  left;        // including it
  reg [31:0]  next;
  reg         waiting;     // requested, not complete
  reg         full;
  reg         compared;    // it has been for a cycle, or is not the last one
  reg         last;        // it is the last one
  reg [2:0]   arrived;
  reg [511:0] word;
  reg [31:0]  expected;    // checksum in the header
  wire [31:0] found;       // of what has come
  reg         sum_comes;   // with the next word

  assign busy            = left != 16'd0;
  assign read_valid      = left != 16'd0 && !waiting && !full;
  assign read_address    = next;
  assign out_valid       = full && compared;
  assign out_index       = index;
  assign out_instruction = word;
  assign coming          = {data, word[511:64]};

  shw_crc32 u_crc (
    .clk(clk), .clear(start), .valid(data_valid),
    .data({sum_comes ? 32'd0 : data[63:32], data[31:0]}), .crc(found)
  );

  always @(posedge clk) begin
    if (rst) begin
      left      <= 16'd0;
      waiting   <= 1'b0;
      full      <= 1'b0;
      arrived   <= 3'd0;
      sum_comes <= 1'b0;
    end else begin
      if (start) begin
        left <= count;
      end else if (out_valid && out_ready) begin
        left <= left - 16'd1;
        full <= 1'b0;
      end
      if (read_valid && read_ready) waiting <= 1'b1;
      if (data_valid) begin
        arrived   <= arrived + 3'd1;
        sum_comes <= index == 16'd0 && arrived == 3'd0;
        if (arrived == 3'd7) begin
          waiting <= 1'b0;
          full    <= 1'b1;
        end
      end
    end
    if (start) begin
      next  <= address;
      index <= 16'd0;
    end else begin
      if (read_valid && read_ready) next <= next + 32'd64;
      if (out_valid && out_ready) index <= index + 16'd1;
    end
    last        <= left == 16'd1;
    compared    <= full || !last;
    out_damaged <= last && found != expected;
    if (data_valid) word <= coming;
    if (data_valid && sum_comes) expected <= data[63:32];
  end
endmodule

`default_nettype wire

// shw_skid_buffer: one pipeline stage that registers valid, payload and ready.
//
// Cuts every combinational path between its two sides. A second register (the skid) catches the
// beat that arrives in the cycle in which the output stalls.
//
// Parameters:   DATA_W  1..65536  payload width
// Latency:      1 cycle. Throughput: 1 beat per cycle under any stall pattern.
// Backpressure: full; in_ready, out_valid and out_data are registers.
// Reset:        rst drops the beats held; in_ready is low while rst is high.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_skid_buffer #(
  parameter DATA_W = 8
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              in_valid,
  output reg               in_ready,
  input  wire [DATA_W-1:0] in_data,
  output reg               out_valid,
  input  wire              out_ready,
  output reg  [DATA_W-1:0] out_data
);
  generate
    if (DATA_W < 1 || DATA_W > 65536) begin : g_illegal
      shw_ILLEGAL_DATA_W_must_be_1_to_65536 illegal ();
    end
  endgenerate

  reg              skid_valid;
  reg [DATA_W-1:0] skid_data;

  wire take    = in_valid & in_ready;
  wire advance = ~out_valid | out_ready;

  always @(posedge clk) begin
    if (advance) out_data <= skid_valid ? skid_data : in_data;
    if (take) skid_data <= in_data;
  end

  always @(posedge clk) begin
    if (rst) begin
      in_ready   <= 1'b0;
      out_valid  <= 1'b0;
      skid_valid <= 1'b0;
    end else begin
      in_ready <= advance | ~(skid_valid | take);
      if (advance) begin
        out_valid  <= skid_valid | take;
        skid_valid <= 1'b0;
      end else if (take) begin
        skid_valid <= 1'b1;
      end
    end
  end
endmodule

`default_nettype wire

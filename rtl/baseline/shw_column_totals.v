// SPDX-License-Identifier: Apache-2.0
//
// shw_column_totals: totals of reductions that are longer than a weight-stationary array has rows.
//
// The array computes sums of ROWS products of many positions, then of the next ROWS with other weights. Each
// column keeps a 32-bit total of every position in a block RAM and adds the sums that come, low half first.
// A position's total leaves with its last sum.
//
// Parameters
//   COLS    1..256  columns
//   SUM_W   16..32  width of a sum
//   ADDR_W  3..10   2**ADDR_W positions at most
//
// Position, first and last (of the sums of a position) of column 0 come four cycles before its sum, those of every
// further column a cycle later, as its sum does. The same position comes six cycles later at the earliest.
// Latency: 2 cycles from a sum to its total, one cycle more per column, as the sums. Throughput: a position a
// cycle. Backpressure: none. Reset: rst forgets positions on their way.
`default_nettype none

module shw_column_totals #(
  parameter COLS   = 8,
  parameter SUM_W  = 19,
  parameter ADDR_W = 9
) (
  input  wire                  clk,
  input  wire                  rst,
  input  wire                  in_valid,
  input  wire [ADDR_W-1:0]     in_position,
  input  wire                  in_first,
  input  wire                  in_last,
  input  wire [COLS*SUM_W-1:0] in_sum,
  output wire [COLS-1:0]       out_valid,
  output reg  [COLS*32-1:0]    out_total
);

  generate
    if (COLS < 1 || COLS > 256) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_256 illegal ();
    end
    if (SUM_W < 16 || SUM_W > 32) begin : g_illegal_sum_w
      shw_ILLEGAL_SUM_W_must_be_16_to_32 illegal ();
    end
    if (ADDR_W < 3 || ADDR_W > 10) begin : g_illegal_addr_w
      shw_ILLEGAL_ADDR_W_must_be_3_to_10 illegal ();
    end
  endgenerate

  // Eastbound: column c reads at tap c, adds at tap c + 3, writes at tap c + 5.
  localparam TAPS = COLS + 5;

  reg [TAPS-1:0]        valid;
  reg [TAPS-1:0]        first;
  reg [TAPS-1:0]        last;
  reg [TAPS*ADDR_W-1:0] position;

  always @(posedge clk) begin
    if (rst) begin
      valid <= {TAPS{1'b0}};
      first <= {TAPS{1'b0}};
      last  <= {TAPS{1'b0}};
    end else begin
      valid <= {valid[TAPS-2:0], in_valid};
      first <= {first[TAPS-2:0], in_first};
      last  <= {last[TAPS-2:0], in_last};
    end
    position <= {position[0 +: (TAPS-1)*ADDR_W], in_position};
  end

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      wire [31:0] sum = {{(33-SUM_W){in_sum[(c+1)*SUM_W-1]}}, in_sum[c*SUM_W +: SUM_W-1]};
      wire [31:0] kept;
      reg  [31:0] total;
      reg  [16:0] low;
      reg  [15:0] high;
      reg  [15:0] sum_high;

      shw_ram_sdp #(
        .DATA_W(32), .ADDR_W(ADDR_W), .STYLE("block"), .OUTPUT_REGISTER(1)
      ) u_memory (
        .clk(clk),
        .write_enable(valid[c+5]), .write_address(position[(c+5)*ADDR_W +: ADDR_W]),
        .write_data(out_total[c*32 +: 32]),
        .read_enable(1'b1), .read_address(position[c*ADDR_W +: ADDR_W]), .read_data(kept)
      );

      always @(posedge clk) begin
        total    <= kept;
        low      <= {1'b0, first[c+3] ? 16'd0 : total[15:0]} + {1'b0, sum[15:0]};
        high     <= first[c+3] ? 16'd0 : total[31:16];
        sum_high <= sum[31:16];
        out_total[c*32 +: 32] <= {high + sum_high + {15'd0, low[16]}, low[15:0]};
      end

      assign out_valid[c] = valid[c+5] && last[c+5];
    end
  endgenerate

  wire unused = &{1'b0, valid, first, last, position};

endmodule

`default_nettype wire

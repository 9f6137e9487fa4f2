// shw_sp2_row_edge: one row of shift-add units: its weights as digits, and what the units put on top of their sums.
//
// The digits of lane l leave 2 + l % 4 cycles after its code came. `excess` is, for all lanes of a beat together,
// 16 * A - N + 15 * (LANES / 4, rounded down) as shw_sp2_mac defines it; it depends on the weights alone, so one
// accumulator per row holds what every unit of the row has too much. It leaves with the units' sums of the same beat.
//
// Parameters:   LANES  1, 4, 8, 16, 32  codes per beat
// Latency:      2 + l % 4 enabled cycles to the digits of lane l, 7 + log2(LANES / 4), with one lane 4, to excess.
// Throughput:   1 beat per enabled cycle. Backpressure: enable stalls all stages.
// Reset:        none (no state but the pipeline).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_sp2_row_edge #(
  parameter LANES = 8
) (
  input  wire               clk,
  input  wire               enable,
  input  wire [LANES*4-1:0] code,
  input  wire               sp2,          // kind of the codes
  input  wire               col_signed,   // column codes of this beat are -8..7
  output wire [LANES*6-1:0] digits,       // shw_sp2_mac
  output wire [10+$clog2((LANES+3)/4)-1:0] excess  // of all lanes of a beat
);
  localparam CHAINS  = (LANES + 3) / 4;
  localparam LEVELS  = $clog2(CHAINS);
  localparam COUNT_W = 5 + LEVELS;        // 5 * LANES + LANES / 4 at most
  localparam SUM_W   = 10 + LEVELS;
  localparam WAIT    = LANES / CHAINS + LEVELS;   // stages between the excess and the units' sums
  localparam [31:0] QUARTER = LANES / 4;   // chains of four

  generate
    if (LANES != 1 && LANES != 4 && LANES != 8 && LANES != 16
        && LANES != 32) begin : g_illegal_lanes
      shw_ILLEGAL_LANES_must_be_1_4_8_16_or_32 illegal ();
    end
  endgenerate

  wire [LANES*6-1:0] decoded;
  reg  [LANES*6-1:0] decoded_1;
  reg  [LANES*6-1:0] digits_1;
  reg                signed_1;

  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      shw_sp2_digits u_digits (.code(code[l*4 +: 4]), .sp2(sp2), .digits(decoded[l*6 +: 6]));
    end
  endgenerate

  always @(posedge clk) begin
    if (enable) begin
      decoded_1 <= decoded;
      signed_1  <= col_signed;
      digits_1  <= decoded_1;
    end
  end

  shw_lane_skew #(.LANES(LANES), .W(6)) u_skew (
    .clk(clk), .enable(enable), .word(digits_1), .skewed(digits)
  );

  // N, and A or, for codes 0..15, half of A (a shift below doubles it). QUARTER is added to A and to N:
  // 16 * (A + QUARTER) - (N + QUARTER) is the excess.
  reg [COUNT_W-1:0] negative;
  reg [COUNT_W-1:0] counted;
  integer i;
  always @* begin
    negative = {COUNT_W{1'b0}};
    counted  = {COUNT_W{1'b0}};
    for (i = 0; i < LANES; i = i + 1) begin
      negative = negative + {{(COUNT_W-3){1'b0}}, decoded_1[i*6+5], 1'b0, decoded_1[i*6+2]};
      counted  = counted + {{(COUNT_W-3){1'b0}},
                            signed_1 ? decoded_1[i*6+3] | decoded_1[i*6+4] : decoded_1[i*6+5], 1'b0,
                            signed_1 ? decoded_1[i*6] | decoded_1[i*6+1] : decoded_1[i*6+2]};
    end
  end

  reg [COUNT_W-1:0] negative_2;
  reg [COUNT_W-1:0] counted_2;
  reg               signed_2;
  reg [SUM_W-1:0]   excess_3;

  wire [COUNT_W:0]   doubled = signed_2 ? {1'b0, counted_2} : {counted_2, 1'b0};
  wire [COUNT_W:0]   raised  = doubled + {1'b0, QUARTER[COUNT_W-1:0]};
  wire [COUNT_W:0]   taken   = {1'b0, negative_2} + {1'b0, QUARTER[COUNT_W-1:0]};

  always @(posedge clk) begin
    if (enable) begin
      negative_2 <= negative;
      counted_2  <= counted;
      signed_2   <= signed_1;
      excess_3   <= {raised, 4'd0} - {{(SUM_W-COUNT_W-1){1'b0}}, taken};
    end
  end

  shw_delay #(.W(SUM_W), .CYCLES(WAIT)) u_wait (
    .clk(clk), .enable(enable), .now(excess_3), .late(excess)
  );
endmodule

`default_nettype wire

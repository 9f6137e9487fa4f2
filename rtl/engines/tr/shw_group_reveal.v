// shw_group_reveal: receding water over one group, one exponent plane per cycle.
//
// A group's terms are counted per exponent plane. From the top plane down, a plane keeps
// min(count, what is left of the budget) terms; inside a plane the terms of lowest index are kept, which
// the caller does by keeping the first `kept` entries of an index-ordered list (shw_plane_lists rolls its
// write pointer back). docs/numerics.md section 3.
//
// Protocol: `load` takes the budget; then one `count` per plane with `count_valid`, top plane first. `over` and
// `kept_limit` answer `count` in the same cycle; `load` overrides the bookkeeping of a count in its cycle.
//
// Parameters: COUNT_W  1..12   width of a plane's count; BUDGET_W 1..12 width of the budget, >= COUNT_W
// Latency:    0 cycles from count to over and kept_limit. Throughput: 1 plane per cycle. Backpressure: none.
// Reset:      rst empties the budget; load before use.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_group_reveal #(
  parameter COUNT_W  = 9,
  parameter BUDGET_W = 11
) (
  input  wire                clk,
  input  wire                rst,
  input  wire                load,
  input  wire [BUDGET_W-1:0] budget,       // terms kept per group, >= 1
  input  wire                unlimited,    // keep every term (conventional quantization)
  input  wire                count_valid,
  input  wire [COUNT_W-1:0]  count,
  output wire                over,         // the budget ends in this plane: kept < count
  output wire [COUNT_W-1:0]  kept_limit    // number kept when `over`
);
  generate
    if (COUNT_W < 1 || COUNT_W > 12) begin : g_illegal_count
      shw_ILLEGAL_COUNT_W_must_be_1_to_12 illegal ();
    end
    if (BUDGET_W < 1 || BUDGET_W > 12 || BUDGET_W < COUNT_W) begin : g_illegal_budget
      shw_ILLEGAL_BUDGET_W_must_be_1_to_12_and_at_least_COUNT_W illegal ();
    end
  endgenerate

  localparam SUM_W = (BUDGET_W > COUNT_W ? BUDGET_W : COUNT_W) + 1;

  reg [BUDGET_W-1:0] left;

  wire [SUM_W-1:0] difference = {{(SUM_W-BUDGET_W){1'b0}}, left} - {{(SUM_W-COUNT_W){1'b0}}, count};
  wire             exceeded   = difference[SUM_W-1];

  assign over       = exceeded & ~unlimited;
  assign kept_limit = left[COUNT_W-1:0];   // below count whenever it matters

  always @(posedge clk) begin
    if (rst) left <= {BUDGET_W{1'b0}};
    else if (load) left <= budget;
    else if (count_valid) begin
      if (exceeded) left <= {BUDGET_W{1'b0}};
      else left <= difference[BUDGET_W-1:0];
    end
  end
endmodule

`default_nettype wire

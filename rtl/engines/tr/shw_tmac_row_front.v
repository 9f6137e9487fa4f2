// shw_tmac_row_front: one streamed row, from 8-bit codes to the sorted terms of its slices.
//
// Encoder (HESE or binary) -> skew (plane p waits 8 - p cycles) -> plane lists with group reveal: what the row edges
// of both engines put before their sequencers. Write and read side follow the protocol of shw_plane_lists; plane 8 sees
// a value one cycle after its code.
//
// Parameters: INDEX_W  4..10  a slice has up to 2^INDEX_W values
// Latency:    a code is in its lists 10 cycles after it came; an entry follows its position by two cycles.
// Throughput: 1 code per cycle in, 1 entry per cycle out.
// Backpressure: none on the write side; read_enable and entry_enable hold the read side.
// Reset:      rst stops appends and visits; visit once with close and clear before the first value.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac_row_front #(
  parameter INDEX_W = 8
) (
  input  wire                 clk,
  input  wire                 rst,
  input  wire [7:0]           code,
  input  wire                 code_signed,
  input  wire                 code_hese,
  // write side
  input  wire [8:0]           plane_valid,   // a value is in plane p; 8: one cycle after its code
  input  wire [9*(INDEX_W+1)-1:0] write_value,   // plane p: address, 1 cycle after plane_valid
  input  wire                 visit,
  input  wire [3:0]           visit_plane,
  input  wire                 visit_close,
  input  wire                 visit_clear,
  input  wire [1:0]           visit_slot,
  input  wire [10:0]          visit_budget,
  input  wire                 visit_unlimited,
  // read side
  input  wire [1:0]           bounds_slot,
  input  wire [3:0]           bounds_plane,
  output wire [INDEX_W:0]     previous,
  output wire [INDEX_W:0]     last,
  input  wire                 read_enable,
  input  wire [INDEX_W:0]     read_position,
  input  wire [3:0]           read_plane,
  input  wire                 entry_enable,
  output wire [INDEX_W:0]     entry_value,
  output wire                 entry_negative
);
  wire       below     = code_signed & code[7];
  wire [7:0] magnitude = (code ^ {8{below}}) + {7'd0, below};
  wire [8:0] nonzero;
  wire [8:0] negative;

  shw_hese_encoder #(.W(8)) u_encoder (
    .magnitude(magnitude), .hese(code_hese), .nonzero(nonzero), .negative(negative)
  );

  wire [8:0] plane_nonzero;
  wire [8:0] plane_negative;

  genvar p;
  generate
    for (p = 0; p < 9; p = p + 1) begin : g_skew
      shw_delay #(.W(2), .CYCLES(9 - p)) u_delay (
        .clk(clk), .enable(1'b1), .now({negative[p] ^ below, nonzero[p]}),
        .late({plane_negative[p], plane_nonzero[p]})
      );
    end
  endgenerate

  shw_plane_lists #(.INDEX_W(INDEX_W)) u_lists (
    .clk(clk), .rst(rst),
    .append(plane_valid & plane_nonzero), .negative(plane_negative),
    .write_value(write_value),
    .visit(visit), .visit_plane(visit_plane), .visit_close(visit_close), .visit_clear(visit_clear),
    .visit_slot(visit_slot), .visit_budget(visit_budget), .visit_unlimited(visit_unlimited),
    .bounds_slot(bounds_slot), .bounds_plane(bounds_plane), .previous(previous), .last(last),
    .read_enable(read_enable), .read_position(read_position), .read_plane(read_plane),
    .entry_enable(entry_enable), .entry_value(entry_value), .entry_negative(entry_negative)
  );
endmodule

`default_nettype wire

// shw_tmac_column: turns a column code into its terms, largest first, one per cycle.
//
// `load` takes a code; from the next cycle on `term` shows its largest term that was not shown yet: valid, negative,
// exponent. The s largest terms are the first s cycles, so truncation needs nothing more; after the last term
// `valid` is 0. A zero shows none.
//
// Parameters: none
// Latency:    1 cycle from load to the first term. Throughput: 1 term per cycle. Backpressure: none.
// Reset:      none; the state is defined by `load`.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_tmac_column (
  input  wire       clk,
  input  wire       load,
  input  wire [7:0] code,
  input  wire       code_signed,
  input  wire       code_hese,
  output wire [5:0] term           // valid, negative, exponent (4 bits)
);
  wire       below     = code_signed & code[7];
  wire [7:0] magnitude = (code ^ {8{below}}) + {7'd0, below};
  wire [8:0] nonzero;
  wire [8:0] negative;

  shw_hese_encoder #(.W(8)) u_encoder (
    .magnitude(magnitude), .hese(code_hese), .nonzero(nonzero), .negative(negative)
  );

  reg [8:0] waiting;       // digits not shown yet
  reg [8:0] signs;
  reg [8:0] rest;
  reg [3:0] exponent;
  integer   i;

  always @* begin
    exponent = 4'd0;
    rest     = 9'd0;
    for (i = 0; i <= 8; i = i + 1) begin
      if (waiting[i]) begin
        exponent = i[3:0];
        rest     = waiting & ((9'd1 << i) - 9'd1);
      end
    end
  end

  always @(posedge clk) begin
    waiting <= load ? nonzero : rest;
    if (load) signs <= negative ^ {9{below}};
  end

  assign term = {|waiting, |(waiting & ~rest & signs), exponent};
endmodule

`default_nettype wire

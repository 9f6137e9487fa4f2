// SPDX-License-Identifier: Apache-2.0
//
// shw_booth_row: one radix-4 Booth row, result = previous + digit * value, one LUT6 per bit.
//
// digit = -2*d[2] + d[1] + d[0]: 0, +-1 or +-2. Bit i of the multiple depends on two bits of the value and the
// three of the digit; together with the bit of `previous` that is one LUT6, whose output is the carry chain's
// select, while `previous` itself is the carry data. A negative multiple is its complement, the missing one
// enters as carry. The two top bits see the same sign bits, so they share one LUT.
//
// Parameters
//   X_W     4..16               width of the value, two's complement; the result has X_W + 2 bits
//   FAMILY  "generic" | "xc7"   xc7 places CARRY4 by hand, generic writes the same sum with `+`. On Verilator,
//                               on Icarus and where SHW_SIMULATION is defined a model stands in the place of CARRY4
//
// No overflow: |previous| <= 2**(X_W-1) and |digit * value| <= 2**X_W, the result has X_W + 2 bits.
// Latency: combinational. Throughput: one row a cycle. Backpressure, reset: none.
`default_nettype none

`ifdef VERILATOR
  `define SHW_SIMULATION
`elsif __ICARUS__
  `define SHW_SIMULATION
`endif

module shw_booth_row #(
  parameter X_W    = 9,
  parameter FAMILY = "generic"
) (
  input  wire [2:0]     digit,
  input  wire [X_W-1:0] value,
  input  wire [X_W-1:0] previous,
  output wire [X_W+1:0] result
);

  generate
    if (X_W < 4 || X_W > 16) begin : g_illegal_x_w
      shw_ILLEGAL_X_W_must_be_4_to_16 illegal ();
    end
  endgenerate

  localparam N = X_W + 2;

  // bits 0..X_W of value and of 2*value; bit X_W + 1 repeats bit X_W
  wire [X_W:0] once  = {value[X_W-1], value};
  wire [X_W:0] twice = {value, 1'b0};
  wire [X_W:0] carry_data = {previous[X_W-1], previous};
  wire [X_W:0] multiple =
    ((digit == 3'b001 || digit == 3'b010) ? once :
     (digit == 3'b011) ? twice :
     (digit == 3'b100) ? ~twice :
     (digit == 3'b101 || digit == 3'b110) ? ~once : {(X_W+1){digit[2]}});

  generate
    if (FAMILY == "xc7") begin : g_xc7
      localparam BLOCKS = (N + 3) / 4;
      wire [X_W:0]      half = carry_data ^ multiple;
      wire [4*BLOCKS-1:0] s = {{(4*BLOCKS-N){1'b0}}, half[X_W], half};
      wire [4*BLOCKS-1:0] d = {{(4*BLOCKS-N){1'b0}}, carry_data[X_W], carry_data};
      wire [4*BLOCKS-1:0] o;
`ifdef SHW_SIMULATION
      assign o = d + (s ^ d) + {{(4*BLOCKS-1){1'b0}}, digit[2]};
      wire unused = &{1'b0, o};
`else
      wire [4*BLOCKS-1:0] co;
      genvar i;
      for (i = 0; i < BLOCKS; i = i + 1) begin : g_block
        if (i == 0) begin : g_first
          CARRY4 carry (
            .CO(co[3:0]), .O(o[3:0]), .CI(1'b0), .CYINIT(digit[2]), .DI(d[3:0]), .S(s[3:0]));
        end else begin : g_next
          CARRY4 carry (.CO(co[4*i +: 4]), .O(o[4*i +: 4]), .CI(co[4*i-1]), .CYINIT(1'b0),
                        .DI(d[4*i +: 4]), .S(s[4*i +: 4]));
        end
      end
      wire unused = &{1'b0, o, co};
`endif
      assign result = o[N-1:0];
    end else if (FAMILY == "generic") begin : g_generic
      assign result = {carry_data[X_W], carry_data} + {multiple[X_W], multiple}
                      + {{(N-1){1'b0}}, digit[2]};
    end else begin : g_illegal_family
      shw_ILLEGAL_FAMILY_must_be_generic_or_xc7 illegal ();
    end
  endgenerate

endmodule

`default_nettype wire

// shw_larger: two bits of a comparison that synthesis leaves alone, one LUT6.
//
// Chained, two bits a LUT from the low ones up, it compares wide numbers in about half the LUTs that
// synthesis would take; keep_hierarchy prevents that it takes the chain apart.
//
// Parameters: none.
// Latency:    0 cycles (combinational). Throughput: 1 per cycle. Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

(* keep_hierarchy *)
module shw_larger (
  input  wire [1:0] a,
  input  wire [1:0] b,
  input  wire       below,        // a is larger in the bits below
  input  wire       sign,         // the upper bit is a sign: 0 is larger
  output wire       larger
);
  wire upper = sign ? b[1] & ~a[1] : a[1] & ~b[1];
  wire lower = a[0] & ~b[0] | below & ~(a[0] ^ b[0]);

  assign larger = upper | lower & ~(a[1] ^ b[1]);
endmodule

`default_nettype wire

// shw_mac_unpack: the two sums of a shw_mac_dsp48_pair from its packed sums and its count of wraps.
//
//   high = (both >> 16) - wraps
//   low  = wraps * 2^16 + (both mod 2^16) - start * 2^15
//
// Parameters:   ACC_W 20..32  width of a sum, modulo 2^ACC_W
// Latency:      0 cycles (combinational). Throughput: 2 sums per cycle. Backpressure, reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_unpack #(
  parameter ACC_W = 32
) (
  input  wire [ACC_W+15:0] both,
  input  wire [ACC_W-17:0] wraps,
  input  wire              start,   // bit 15 of both started at 1
  output wire [ACC_W-1:0]  low,
  output wire [ACC_W-1:0]  high
);
  generate
    if (ACC_W < 20 || ACC_W > 32) begin : g_illegal_acc
      shw_ILLEGAL_ACC_W_must_be_20_to_32 illegal ();
    end
  endgenerate

  wire borrow = start & ~both[15];

  assign high = both[ACC_W+15:16] - {{16{wraps[ACC_W-17]}}, wraps};
  assign low  = {wraps + {(ACC_W-16){borrow}}, both[15] ^ start, both[14:0]};
endmodule

`default_nettype wire

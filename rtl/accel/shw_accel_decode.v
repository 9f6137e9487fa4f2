// shw_accel_decode: what moves and layers share, the fields of moves, and a check of all.
//
// Written by `python -m shiftwork.compile.instructions` from the description there.
//
// Parameters: none. Latency: combinational. Throughput: an instruction a cycle. Backpressure: none.
// Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_decode (
  input  wire [511:0] instruction,
  output wire [1:0]  kind,  // 0 load, 1 store, 2 run, 3 header
  output wire        take_token,  // takes a token of the other queue before it starts
  output wire        give_token,  // gives a token to the other queue when it has ended
  output wire [1:0]  ahead,  // of a run: 0 after the one before, 1 beside it, 2 behind its blocks
  output wire [1:0]  target,  // of a load: 0 activations, 1 weights, 2 constants
  output wire [31:0] memory,  // byte address in external memory, a multiple of 8
  output wire [23:0] words,  // words of 64 bits
  output wire [15:0] place,  // first word of the activation memory, or first constant
  output wire [15:0] burst,  // words on the chip until `gap` are skipped; 0: none
  output wire [15:0] gap,  // words of the activation memory that are skipped after every `burst`
  output wire [2:0]  part,  // of a word on the chip so many words of 64 bits, the first; 0: all
  output wire        illegal
);
  assign kind = instruction[1:0];
  assign take_token = instruction[2];
  assign give_token = instruction[3];
  assign ahead = instruction[5:4];
  assign target = instruction[9:8];
  assign memory = instruction[41:10];
  assign words = instruction[65:42];
  assign place = instruction[81:66];
  assign burst = instruction[97:82];
  assign gap = instruction[113:98];
  assign part = instruction[116:114];

  wire unused = &{1'b0, instruction};

  // Illegal fields of moves and layers, of moves, of layers, of the header.
  wire bad_common =
    instruction[5:4] > 2'd2
    || instruction[7:6] != 2'd0;
  wire bad_move =
    instruction[9:8] > 2'd2
    || instruction[12:10] != 3'd0
    || instruction[65:42] == 24'd0;
  wire bad_run =
    instruction[9:8] > 2'd2
    || instruction[117:106] == 12'd0
    || instruction[129:118] == 12'd0
    || instruction[139:130] == 10'd0
    || instruction[149:140] == 10'd0
    || instruction[161:154] == 8'd0
    || instruction[169:162] == 8'd0
    || instruction[175:170] == 6'd0
    || instruction[181:176] == 6'd0
    || instruction[214:199] == 16'd0
    || instruction[230:215] == 16'd0
    || instruction[246:231] == 16'd0
    || instruction[262:247] == 16'd0;
  wire bad_header =
    instruction[7:2] != 6'd0
    || instruction[15:8] != 8'd1
    || instruction[63:32] != 32'd1347897427
    || instruction[95:80] == 16'd0
    || instruction[511:152] != 360'd0;

  assign illegal = kind == 2'd3 ? bad_header : bad_common || (kind == 2'd2 ? bad_run : bad_move);
endmodule

`default_nettype wire

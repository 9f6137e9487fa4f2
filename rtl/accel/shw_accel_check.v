// shw_accel_check: whether an instruction is legal.
//
// Written by `python -m shiftwork.compile.instructions` from the description there.
//
// Parameters: none. Latency: combinational. Throughput: an instruction a cycle. Backpressure: none.
// Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_check (
  input  wire [511:0] instruction,
  output wire        is_header,
  output wire        illegal
);

  wire unused = &{1'b0, instruction};
  wire [1:0] kind = instruction[1:0];

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

  assign is_header = kind == 2'd3;
  assign illegal = is_header ? bad_header : bad_common || (kind == 2'd2 ? bad_run : bad_move);
endmodule

`default_nettype wire

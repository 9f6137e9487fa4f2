// DP16KD: a model of the block RAM of ECP5 in the modes that Yosys maps memories to.
//
// Port A writes, and reads unless it is 36 bits wide; port B reads. A read of a word in the cycle in which it is
// written through the other port is undefined: it gives the complement of the old word, as in shw_ram_sdp.
// Pins and parameters that the cell has and this model has not must be 0 (shiftwork.eda.systems).
//
// Parameters: DATA_WIDTH_A = DATA_WIDTH_B  1, 2, 4, 9, 18, 36  36: DOA and DOB are the halves of port B's word
//             REGMODE_A, REGMODE_B  "NOREG", "OUTREG"  one more register, enabled by OCEA, OCEB
//             WRITEMODE_A  "NORMAL": no read while it writes; "READBEFOREWRITE"
//             others  must be as here, or are not looked at: there is no reset
// Latency:    1 clock, 2 with OUTREG. Reset: none; starts with zeros.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module DP16KD #(
  parameter DATA_WIDTH_A = 18,
  parameter DATA_WIDTH_B = 18,
  parameter REGMODE_A = "NOREG",
  parameter REGMODE_B = "NOREG",
  parameter WRITEMODE_A = "NORMAL",
  parameter WRITEMODE_B = "NORMAL",
  parameter CLKAMUX = "CLKA",
  parameter CLKBMUX = "CLKB",
  parameter CSDECODE_A = "0b000",
  parameter CSDECODE_B = "0b000",
  parameter GSR = "DISABLED",
  parameter RESETMODE = "SYNC",
  parameter ASYNC_RESET_RELEASE = "SYNC"
) (
  input  wire DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
  input  wire DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
  input  wire ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7,
  input  wire ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input  wire CEA, OCEA, CLKA, WEA,
  output wire DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
  output wire DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
  input  wire DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
  input  wire DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
  input  wire ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7,
  input  wire ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input  wire CEB, OCEB, CLKB,
  output wire DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
  output wire DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
  localparam W = DATA_WIDTH_A;
  localparam LOW = W == 36 ? 5 : W == 18 ? 4 : W == 9 ? 3 : W == 4 ? 2 : W == 2 ? 1 : 0;
  localparam LANE = W < 9 ? W : 9;
  localparam LANES = W / LANE;

  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if ((W != 1 && W != 2 && W != 4 && W != 9 && W != 18 && W != 36) || DATA_WIDTH_B != W
        || (W == 36 && REGMODE_A != REGMODE_B)
        || (WRITEMODE_A != "NORMAL" && WRITEMODE_A != "READBEFOREWRITE")
        || CLKAMUX != "CLKA" || CLKBMUX != "CLKB" || GSR != "DISABLED"
        || CSDECODE_A != "0b000" || CSDECODE_B != "0b000") begin : g_mode
      DP16KD_mode_without_a_model illegal ();
    end
  endgenerate

  reg  [W-1:0]   words [0:(16384>>LOW)-1];
  wire [13:0]    address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7,
                              ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0]    address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7,
                              ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [13-LOW:0] at_a = address_a[13:LOW];
  wire [13-LOW:0] at_b = address_b[13:LOW];
  wire [35:0]    data = {
    DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
    DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
    DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
    DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0
  };
  wire [3:0]     lanes = {4{CEA & WEA}} & (W >= 18 ? address_a[3:0] : 4'b0001);
  reg  [W-1:0]   read_a;
  reg  [W-1:0]   read_b;
  reg  [17:0]    out_a;
  reg  [17:0]    out_b;
  integer        l;

  initial begin
    for (l = 0; l < 16384 >> LOW; l = l + 1) words[l] = {W{1'b0}};
    read_a = {W{1'b0}};
    read_b = {W{1'b0}};
    out_a  = 18'd0;
    out_b  = 18'd0;
  end

  always @(posedge CLKA) begin
    for (l = 0; l < LANES; l = l + 1) begin
      if (lanes[l]) words[at_a][l*LANE +: LANE] <= data[l*LANE +: LANE];
    end
    if (CEA && (!WEA || WRITEMODE_A == "READBEFOREWRITE")) read_a <= words[at_a];
  end

  always @(posedge CLKB) begin
    if (CEB) read_b <= words[at_b] ^ {W{|lanes[LANES-1:0] && at_a == at_b}};
  end

  // Behind the memory: a port's own word, or half of that of port B, which has the clock then.
  wire [35:0] wide  = read_b;
  wire [35:0] word  = read_a;
  wire [17:0] low   = W == 36 ? wide[17:0] : word[17:0];
  wire [17:0] high  = W == 36 ? wide[35:18] : wide[17:0];
  wire        clock = W == 36 ? CLKB : CLKA;

  always @(posedge clock) if (OCEA) out_a <= low;
  always @(posedge CLKB) if (OCEB) out_b <= high;

  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
          DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0}
         = REGMODE_A == "OUTREG" ? out_a : low;
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
          DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0}
         = REGMODE_B == "OUTREG" ? out_b : high;
  /* verilator lint_on WIDTHEXPAND */
endmodule

`default_nettype wire

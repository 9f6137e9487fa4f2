// shw_map_booth_rows: map for Yosys's techmap: a multiplication as Booth rows on carry chains.
//
// Row j adds digit j of b, times a, to the sum of the rows before it, whose two low bits leave as
// bits of the result. The shorter operand is recoded. A macro says what a bit of a row is made of:
//   XC7    one LUT6 in front of the carry chain makes the multiple and adds it
//   ECP5   a LUT4 makes 0, a or 2a; the chain inverts it
//   ICE40  digits -1, 0, 1, 2 with a carry from digit to digit: a LUT4 makes the multiple, the
//          chain adds it; the last digit is a Booth digit
//
// SPDX-License-Identifier: Apache-2.0
(* techmap_celltype = "$mul" *)
module shw_map_booth_rows (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH  = 1;
  parameter B_WIDTH  = 1;
  parameter Y_WIDTH  = 1;

  (* force_downto *) input  [A_WIDTH-1:0] A;
  (* force_downto *) input  [B_WIDTH-1:0] B;
  (* force_downto *) output [Y_WIDTH-1:0] Y;

  generate
    if (A_WIDTH < B_WIDTH) begin : g_swap
      \$mul #(
        .A_SIGNED(B_SIGNED), .B_SIGNED(A_SIGNED), .A_WIDTH(B_WIDTH), .B_WIDTH(A_WIDTH),
        .Y_WIDTH(Y_WIDTH)
      ) _TECHMAP_REPLACE_ (.A(B), .B(A), .Y(Y));
    end else begin : g_rows
      localparam AW     = A_SIGNED ? A_WIDTH : A_WIDTH + 1;  // two's complement
      localparam BW     = B_SIGNED ? B_WIDTH : B_WIDTH + 1;
      localparam DIGITS = (BW + 1) / 2;
      localparam N      = AW + 2;                            // bits of a row

      wire [AW-1:0]           a     = A_SIGNED ? A : {1'b0, A};
      wire                    sign  = B_SIGNED ? B[B_WIDTH-1] : 1'b0;
      wire [2*DIGITS:0]       b     = {{(2*DIGITS-B_WIDTH){sign}}, B, 1'b0};
      wire [AW:0]             once  = {a[AW-1], a};
      wire [AW:0]             twice = {a, 1'b0};
      wire [N*(DIGITS+1)-1:0] sums;
      wire [DIGITS:0]         carry;
      wire [2*DIGITS+AW-1:0]  product;

      assign sums[N-1:0] = {N{1'b0}};
      assign carry[0]    = 1'b0;

      genvar j, i;
      for (j = 0; j < DIGITS; j = j + 1) begin : g_row
        wire [AW-1:0] previous = sums[N*j+2 +: AW];
        wire [AW:0]   multiple;
        wire          invert;    // by the chain
        wire          plus_one;
        wire [N-1:0]  unused_x, unused_co;

`ifdef ICE40
        wire [2:0] digit = {b[2*j+2], b[2*j+1], carry[j]};
        assign carry[j+1] = digit[2] & (digit[1] | digit[0]);
        assign invert     = 1'b0;
        if (j < DIGITS - 1) begin : g_digit
          wire low  = digit[1] ^ digit[0];               // {high, low}: 0, 1, 2, and 3 for -1
          wire high = digit[2] ^ (digit[1] & digit[0]);
          assign plus_one = high & low;
          for (i = 0; i <= AW; i = i + 1) begin : g_bit
            SB_LUT4 #(.LUT_INIT(16'h5CA0)) choose (
              .I0(once[i]), .I1(twice[i]), .I2(low), .I3(high), .O(multiple[i])
            );
          end
        end else begin : g_last
          assign plus_one = digit[2];
          assign multiple = (digit == 3'd1 || digit == 3'd2) ? once :
            (digit == 3'd3) ? twice : (digit == 3'd4) ? ~twice :
            (digit == 3'd5 || digit == 3'd6) ? ~once : {(AW+1){digit[2]}};
        end
`else
        wire [2:0] digit = b[2*j +: 3];
        assign carry[j+1] = 1'b0;
        assign plus_one   = digit[2];
`ifdef ECP5
        assign invert   = digit[2];
        assign multiple = (digit[0] ^ digit[1]) ? once :
          (digit == 3'd3 || digit == 3'd4) ? twice : {(AW+1){1'b0}};
`else
        assign invert   = 1'b0;
        assign multiple = (digit == 3'd1 || digit == 3'd2) ? once :
          (digit == 3'd3) ? twice : (digit == 3'd4) ? ~twice :
          (digit == 3'd5 || digit == 3'd6) ? ~once : {(AW+1){digit[2]}};
`endif
`endif

        \$alu #(.A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(N), .B_WIDTH(N), .Y_WIDTH(N)) add (
          .A({{2{previous[AW-1]}}, previous}), .B({multiple[AW], multiple}), .CI(plus_one),
          .BI(invert), .Y(sums[N*(j+1) +: N]), .X(unused_x), .CO(unused_co)
        );
        assign product[2*j +: 2] = sums[N*(j+1) +: 2];
      end

      assign product[2*DIGITS +: AW] = sums[N*DIGITS+2 +: AW];
      assign Y = {{Y_WIDTH{product[2*DIGITS+AW-1]}}, product};
    end
  endgenerate
endmodule

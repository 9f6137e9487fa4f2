// shw_plane_bitmaps: the terms of one row of a slice as bitmaps, one per exponent plane.
//
// Codes become signed digits (HESE or binary), one value a cycle. Eight values make a window: their digits are collected
// value by value, captured when the window is complete, and written plane by plane, from the top, one plane a cycle.
// A word of the memory holds one plane of 32 values, window w in quarter w: 8 bits "there is a digit", 8 bits "it is
// negative", and one bit "any digit here" a quarter. So a reader sees 32 values of a plane at once, in the order in
// which the water recedes.
// Control that all rows share (lanes, planes, addresses) comes from shw_tr_loader, into registers here.
//
// Parameters: RING_W  2..6  the memory holds 2^RING_W words of 32 values, nine planes each
// Latency:    digits are in their lane 3 cycles after the code, in the memory 4 cycles after `plane`;
//             a word follows its address by 2 cycles in which read_enable is 1.
// Throughput: 1 code, 1 plane of a window and 1 word per cycle. Backpressure: read_enable holds the read side.
// Reset:      rst empties the lanes; the memory keeps its content.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_plane_bitmaps #(
  parameter RING_W = 4
) (
  input  wire              clk,
  input  wire              rst,
  input  wire [7:0]        code,
  input  wire              code_signed,
  input  wire              code_hese,
  input  wire [7:0]        lane_write,    // lane of the code of the cycle before; one-hot
  input  wire              capture,       // the window is complete; empties lanes not written now
  input  wire [3:0]        plane,         // of the captured window, read in this cycle
  input  wire [3:0]        write,         // one cycle after `plane`: quarter of the word, one-hot
  input  wire [RING_W-1:0] write_word,
  input  wire [3:0]        write_plane,
  input  wire              read_enable,
  input  wire [RING_W-1:0] read_word,
  input  wire [3:0]        read_plane,
  output wire [31:0]       nonzero,
  output wire [31:0]       negative,
  output wire [3:0]        any            // quarter q has a digit
);
  generate
    if (RING_W < 2 || RING_W > 6) begin : g_illegal
      shw_ILLEGAL_RING_W_must_be_2_to_6 illegal ();
    end
  endgenerate

  // Control, a cycle later.
  reg [7:0]        lane_write_1;
  reg              capture_1;
  reg [3:0]        plane_1;
  reg [3:0]        write_1;
  reg [RING_W-1:0] write_word_1;
  reg [3:0]        write_plane_1;

  always @(posedge clk) begin
    if (rst) begin
      lane_write_1 <= 8'd0;
      capture_1    <= 1'b0;
      write_1      <= 4'd0;
    end else begin
      lane_write_1 <= lane_write;
      capture_1    <= capture;
      write_1      <= write;
    end
    plane_1       <= plane;
    write_word_1  <= write_word;
    write_plane_1 <= write_plane;
  end

  // Digits.
  wire [8:0] digit_nonzero;
  wire [8:0] digit_negative;

  shw_code_encoder u_encoder (
    .clk(clk), .code(code), .is_signed(code_signed), .hese(code_hese),
    .nonzero(digit_nonzero), .negative(digit_negative)
  );

  // Window.
  wire [7:0] plane_nonzero;
  wire [7:0] plane_negative;

  genvar l;
  generate
    for (l = 0; l < 8; l = l + 1) begin : g_lane
      reg [8:0] lane_nonzero;
      reg [8:0] lane_negative;
      reg [8:0] window_nonzero;
      reg [8:0] window_negative;

      always @(posedge clk) begin
        if (rst || (capture_1 && !lane_write_1[l])) lane_nonzero <= 9'd0;
        else if (lane_write_1[l]) lane_nonzero <= digit_nonzero;
        if (lane_write_1[l]) lane_negative <= digit_negative;
        if (capture_1) begin
          window_nonzero  <= lane_nonzero;
          window_negative <= lane_negative;
        end
      end

      shw_plane_mux #(.W(1)) u_nonzero (
        .words(window_nonzero), .plane(plane_1), .word(plane_nonzero[l])
      );
      shw_plane_mux #(.W(1)) u_negative (
        .words(window_negative), .plane(plane_1), .word(plane_negative[l])
      );
    end
  endgenerate

  reg [7:0]        chosen_nonzero;
  reg [7:0]        chosen_negative;
  reg [16:0]       write_bits;
  reg [3:0]        write_2;
  reg [RING_W+3:0] write_address;

  always @(posedge clk) begin
    write_2         <= write_1 & {4{~rst}};
    write_address   <= {write_word_1, write_plane_1};
    chosen_nonzero  <= plane_nonzero;
    chosen_negative <= plane_negative;
    write_bits      <= {|chosen_nonzero, chosen_negative, chosen_nonzero};
  end

  // Memory: quarters of 18 bits, as block RAM has them with their parity bits.
  wire [71:0] stored;
  wire [3:0]  unused;

  shw_ram_sdp #(
    .DATA_W(72), .ADDR_W(RING_W+4), .LANES(4), .STYLE("block"), .OUTPUT_REGISTER(1)
  ) u_memory (
    .clk(clk),
    .write_enable(write_2), .write_address(write_address), .write_data({4{1'b0, write_bits}}),
    .read_enable(read_enable), .read_address({read_word, read_plane}), .read_data(stored)
  );

  genvar q;
  generate
    for (q = 0; q < 4; q = q + 1) begin : g_quarter
      assign {unused[q], any[q], negative[8*q +: 8], nonzero[8*q +: 8]} = stored[18*q +: 18];
    end
  endgenerate
endmodule

`default_nettype wire

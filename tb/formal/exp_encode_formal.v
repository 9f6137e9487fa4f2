// exp_encode_formal: shw_exp_encode counts the thresholds that a magnitude reaches, and is monotone.
//
// For every value of IN_W = 8 bits, with ReLU and without, and all words that do not decrease. They
// are written over and over, so that the memories hold them whatever they held before.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module exp_encode_formal (
  input wire       clk,
  input wire [7:0] value,
  input wire       relu
);
  localparam BITS    = 3;
  localparam LATENCY = BITS;
  localparam WORDS   = (1 << BITS) - 1;

  (* anyconst *) reg [WORDS*7-1:0] words;    // the word of address 1 in the low bits

  reg  [BITS-1:0]        address = 1;
  wire [(WORDS+1)*7-1:0] by_address = {words, 7'd0};
  wire [BITS:0]          code;

  shw_exp_encode #(.BITS(BITS), .IN_W(8)) u_unit (
    .clk(clk), .enable(1'b1), .value(value), .relu(relu), .threshold_write(1'b1),
    .threshold_address(address), .threshold_value(by_address[address*7 +: 7]), .code(code)
  );

  reg [LATENCY*9-1:0]     history;
  reg [WORDS+LATENCY+1:1] known = 0;

  always @(posedge clk) begin
    address <= address + 1'b1;
    history <= {history[(LATENCY-1)*9-1:0], relu, value};
    known   <= {known[WORDS+LATENCY:1], 1'b1};
  end

  // What belongs to the code at the output.
  wire              old_relu;
  wire signed [7:0] old_value;

  assign {old_relu, old_value} = history[LATENCY*9-1 -: 9];

  wire              negative  = old_value < 0 && !old_relu;
  wire        [7:0] magnitude = old_value >= 0 ? old_value : old_relu ? 8'd0 : -old_value;
  reg  [BITS-1:0]   count;
  integer           j;

  always @* begin
    count = 0;
    for (j = 0; j < WORDS; j = j + 1) count = count + (magnitude > {1'b0, words[j*7 +: 7]});
  end

  // The code before.
  reg [7:0]             magnitude_before;
  reg signed [BITS-1:0] exponent_before;

  wire signed [BITS-1:0] exponent = code[BITS-1:0];

  always @(posedge clk) begin
    magnitude_before <= magnitude;
    exponent_before  <= exponent;
  end

  always @* begin
    for (j = 1; j < WORDS; j = j + 1) assume (words[j*7 +: 7] >= words[(j-1)*7 +: 7]);
    if (known[WORDS+LATENCY]) begin
      equal: assert (code == {negative, ~count[BITS-1], count[BITS-2:0]});
      zero: assert (words[6:0] != 0 || (magnitude == 0) == (code == 1 << (BITS - 1)));
    end
    if (known[WORDS+LATENCY+1]) begin
      monotone: assert (magnitude < magnitude_before || exponent >= exponent_before);
    end
  end
endmodule

`default_nettype wire

// shw_mac_store: the results of one column, chosen row by row and kept until they leave.
//
// The rows of the array finish one after the other, one per cycle: `select` names the row whose word is final now. The
// words go into LUT RAM in that order, so the cells begin the next tile at once and need no copies of their sums.
//
// Parameters:   ROWS    1..64   rows
//               W       1..64   width of a word in bits
//               ROW_W   at least clog2(ROWS), 1..6  width of a row number in bits
//               ADDR_W  1..10   2^ADDR_W words
// Latency:      1 cycle from select to write, 0 cycles from read_address to read_word. Throughput: 1 word per cycle.
// Backpressure: none; the user keeps the addresses. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_store #(
  parameter ROWS   = 8,
  parameter W      = 32,
  parameter ROW_W  = 3,
  parameter ADDR_W = 4
) (
  input  wire              clk,
  input  wire [ROWS*W-1:0] words,          // row 0 in the low bits
  input  wire [ROW_W-1:0]  select,
  input  wire              write,          // one cycle after select
  input  wire [ADDR_W-1:0] write_address,
  input  wire [ADDR_W-1:0] read_address,
  output wire [W-1:0]      read_word
);
  generate
    if (ROWS < 1 || ROWS > 64) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64 illegal ();
    end
    if (W < 1 || W > 64) begin : g_illegal_w
      shw_ILLEGAL_W_must_be_1_to_64 illegal ();
    end
    if (ROW_W < 1 || ROW_W > 6 || (1 << ROW_W) < ROWS) begin : g_illegal_row_w
      shw_ILLEGAL_ROW_W_must_be_1_to_6_and_name_every_row illegal ();
    end
  endgenerate

  // Rows in groups, with a register between the choice in a group and the choice of a group. On 7-series four rows are a
  // LUT6 and sixteen are four of them with the multiplexers of a slice; between these, mappers spend more.
  localparam GROUP_W = (ROWS > 4 && ROWS <= 8) ? 2 : 4;
  localparam GROUP   = 1 << GROUP_W;
  localparam GROUPS  = (ROWS + GROUP - 1) / GROUP;
  localparam LOW_W   = (ROW_W < GROUP_W) ? ROW_W : GROUP_W;

  wire [W-1:0]        chosen;
  wire [GROUPS*W-1:0] group_word;
  wire [LOW_W-1:0]    low = select[LOW_W-1:0];

  genvar g;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : g_group
      localparam FIRST   = GROUP * g;
      localparam MEMBERS = (ROWS - FIRST < GROUP) ? ROWS - FIRST : GROUP;
      reg [W-1:0] member;
      reg [W-1:0] member_1;
      integer     i;
      // A choice among constants, which mappers turn into the wide multiplexers of a slice.
      always @* begin
        member = words[FIRST*W +: W];
        for (i = 1; i < MEMBERS; i = i + 1) begin
          if (low == i[LOW_W-1:0]) member = words[(FIRST+i)*W +: W];
        end
      end
      always @(posedge clk) member_1 <= member;
      assign group_word[g*W +: W] = member_1;
    end

    if (GROUPS == 1) begin : g_one
      assign chosen = group_word;
    end else begin : g_many
      localparam HIGH_W = ROW_W - GROUP_W;
      reg [HIGH_W-1:0] high_1;
      reg [W-1:0]      word;
      integer          i;
      always @(posedge clk) high_1 <= select[ROW_W-1:GROUP_W];
      always @* begin
        word = group_word[0 +: W];
        for (i = 1; i < GROUPS; i = i + 1) begin
          if (high_1 == i[HIGH_W-1:0]) word = group_word[i*W +: W];
        end
      end
      assign chosen = word;
    end
  endgenerate

  shw_lutram #(.DATA_W(W), .ADDR_W(ADDR_W)) u_words (
    .clk(clk),
    .write_enable(write), .write_address(write_address), .write_data(chosen),
    .read_address(read_address), .read_data(read_word)
  );
endmodule

`default_nettype wire

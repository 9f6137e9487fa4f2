// shw_class_lists: the values of one row of a slice, sorted by their code: one linked list per
// code.
//
// A value is appended to the list of its code. The head of a list names its two newest values,
// and every value keeps a link: the index of the one that came two before it in its list (or
// that there was none). So a value costs one write, whatever the number of codes, and a list is
// read from its newest value to its oldest, one per cycle, though a link is known only two
// cycles after it was asked for: the links of one value and of the next are on their way at the
// same time. A bit a list says that it has values; those of codes of one sign and of neighbouring
// exponents make a word, so that a reader finds the lists that have some without a look at the
// others. Two slices live here at a time, one in either half of the memories: while one is
// appended to, the other is read, and clearing its words empties its lists for the slice after.
//
// Append side: `append`, in half `append_half`. Read side: while `read_half[h]`, half h belongs
// to the reader. `word`: the lists at `word_place` that have values in the half that is read, in
// the same cycle; `word_clear` empties those at `clear_place`, in all halves of the reader.
// `head_index`: newest value of the list of read_code, in the low bits, and with `head_second` the
// second newest, in the same cycle, also after the word was cleared; they mean something where the
// list has values, from the cycle after read_half rose. `link_read` reads the link of an index, known two cycles later: link_end, or
// link_index; then held until that of the next link_read. After rst the words hold anything: the
// reader owns both halves and clears all of them.
//
// Parameters: BITS     3..7   width of an exponent; a code has BITS + 1 bits
//             INDEX_W  4..10  a slice has up to 2^INDEX_W values
//             LOW_W    1..BITS-1  a word has 2^LOW_W lists; its place: upper bits of the exponent,
//                             sign
// Latency:    the word of an appended value knows of it in the next cycle, its list has it, with a
//   link, after one more; 2 cycles from link_read to the link. Throughput: 1 value and 1 link per
//   cycle.
// Backpressure: none. Reset: none; see above.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_class_lists #(
  parameter BITS    = 4,
  parameter INDEX_W = 8,
  parameter LOW_W   = 3
) (
  input  wire                 clk,
  input  wire                 append,
  input  wire [BITS:0]        append_code,
  input  wire                 append_half,
  input  wire [INDEX_W-1:0]   append_index,
  input  wire [1:0]           read_half,      // halves that belong to the reader
  input  wire                 read_select,    // the half that is read
  input  wire [BITS-LOW_W:0]  word_place,
  output wire [(1<<LOW_W)-1:0] word,          // lists with values, exponents ascending
  input  wire                 word_clear,
  input  wire [BITS-LOW_W:0]  clear_place,
  input  wire [BITS:0]        read_code,
  output wire                 head_second,    // there is a second newest value
  output wire [2*INDEX_W-1:0] head_index,     // newest value in the low bits
  input  wire                 link_read,
  input  wire [INDEX_W-1:0]   link_from,
  output reg                  link_end,
  output reg  [INDEX_W-1:0]   link_index
);
  generate
    if (BITS < 3 || BITS > 7) begin : g_illegal_bits
      shw_ILLEGAL_BITS_must_be_3_to_7 illegal ();
    end
    if (INDEX_W < 4 || INDEX_W > 10) begin : g_illegal_index
      shw_ILLEGAL_INDEX_W_must_be_4_to_10 illegal ();
    end
    if (LOW_W < 1 || LOW_W > BITS - 1) begin : g_illegal_low
      shw_ILLEGAL_LOW_W_must_be_1_to_BITS_minus_1 illegal ();
    end
  endgenerate

  localparam HEAD_W  = 2 * INDEX_W + 1;
  localparam WORD    = 1 << LOW_W;
  localparam PLACE_W = BITS - LOW_W + 1;

  wire [PLACE_W-1:0]  append_place = {append_code[BITS-1:LOW_W], append_code[BITS]};
  wire [WORD-1:0]     append_bit   = {{(WORD-1){1'b0}}, 1'b1} << append_code[LOW_W-1:0];
  wire [2*HEAD_W-1:0] heads;          // by half: there is a second value, it, the newest value
  wire [2*WORD-1:0]   words;          // by half
  wire [1:0]          listed;         // by half: the list that is appended to has values

  // Heads and links are written one cycle later.
  reg                 append_1;
  reg [BITS:0]        code_1;
  reg                 half_1;
  reg [INDEX_W-1:0]   index_1;
  reg [1:0]           listed_1;
  reg [1:0]           read_half_1;

  always @(posedge clk) begin
    append_1    <= append;
    code_1      <= append_code;
    half_1      <= append_half;
    index_1     <= append_index;
    listed_1    <= listed;
    read_half_1 <= read_half;
  end

  genvar h;
  generate
    for (h = 0; h < 2; h = h + 1) begin : g_half
      wire               reader = read_half[h];
      wire               grows  = append && append_half == h;
      wire [WORD-1:0]    some;
      wire [BITS:0]      code   = read_half_1[h] ? read_code : code_1;
      wire [HEAD_W-1:0]  head;

      shw_lutram #(.DATA_W(WORD), .ADDR_W(PLACE_W)) u_words (
        .clk(clk), .write_enable(reader ? word_clear : grows),
        .write_address(reader ? clear_place : append_place),
        .write_data(reader ? {WORD{1'b0}} : (some | append_bit)),
        .read_address(reader ? word_place : append_place), .read_data(some)
      );
      shw_lutram_sp #(.DATA_W(HEAD_W), .ADDR_W(BITS+1)) u_heads (
        .clk(clk), .write_enable(append_1 && half_1 == h), .address(code),
        .write_data({listed_1[h], head[0 +: INDEX_W], index_1}), .read_data(head)
      );
      assign words[h*WORD +: WORD]     = some;
      assign listed[h]                 = some[append_code[LOW_W-1:0]];
      assign heads[h*HEAD_W +: HEAD_W] = head;
    end
  endgenerate

  assign word                      = words[read_select*WORD +: WORD];
  assign {head_second, head_index} = heads[read_select*HEAD_W +: HEAD_W];

  // The list that is appended to: two values or more, the second newest.
  wire               second;
  wire [INDEX_W-1:0] older;
  wire [INDEX_W:0]   link;

  assign {second, older} = heads[half_1*HEAD_W + INDEX_W +: INDEX_W+1];

  always @(posedge clk) {link_end, link_index} <= link;

  shw_ram_sdp #(.DATA_W(INDEX_W+1), .ADDR_W(INDEX_W+1), .STYLE("block")) u_links (
    .clk(clk),
    .write_enable(append_1), .write_address({half_1, index_1}),
    .write_data({!(listed_1[half_1] && second), older}),
    .read_enable(link_read), .read_address({read_select, link_from}), .read_data(link)
  );
endmodule

`default_nettype wire

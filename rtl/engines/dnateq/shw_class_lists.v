// shw_class_lists: the values of one row of a slice, sorted by their code: one linked list per
// code.
//
// A value is appended to the list of its code. The head of a list names its two newest values, and
// every value keeps a link: the index of the one that came two before it in its list (or that there
// was none). So a value costs one write, whatever the number of codes, and a list is read from its
// newest value to its oldest, one per cycle, though a link is known only two cycles after it was
// asked for: the links of one value and of the next are on their way at the same time. Two slices
// live here at a time, one in either half of the memories: while one is appended to, the other is
// read, and reading a head empties its list for the slice after.
//
// Append side: `append`, in half `append_half`. Read side: while `read_half[h]`, half h belongs to
// the reader. `head_valid`, `head_index`: newest value of the list of read_code in the half that is
// read and, if there is one, second newest, in the same cycle; head_clear empties it. `link_read`
// reads the link of an index, known two cycles later: link_end, or link_index; then held until that
// of the next link_read. After rst the heads hold anything: the reader owns both halves and clears all codes.
//
// Parameters: BITS     3..7   width of an exponent; a code has BITS + 1 bits
//             INDEX_W  4..10  a slice has up to 2^INDEX_W values
// Latency:    an appended value is in its list in the next cycle, its link can be read after one
//   more; 2 cycles from link_read to the link. Throughput: 1 value and 1 link per cycle.
// Backpressure: none. Reset: none; see above.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_class_lists #(
  parameter BITS    = 4,
  parameter INDEX_W = 8
) (
  input  wire                 clk,
  input  wire                 append,
  input  wire [BITS:0]        append_code,
  input  wire                 append_half,
  input  wire [INDEX_W-1:0]   append_index,
  input  wire [1:0]           read_half,      // halves that belong to the reader
  input  wire                 read_select,    // the half that is read
  input  wire [BITS:0]        read_code,
  input  wire                 head_clear,
  output wire [1:0]           head_valid,     // 0: newest value, 1: second newest
  output wire [2*INDEX_W-1:0] head_index,
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
  endgenerate

  localparam HEAD_W = 2 * INDEX_W + 2;

  wire [2*HEAD_W-1:0] heads;          // by half: valid and index of both values

  genvar h;
  generate
    for (h = 0; h < 2; h = h + 1) begin : g_half
      wire              reader  = read_half[h];
      wire [BITS:0]     address = reader ? read_code : append_code;
      wire              write   = reader ? head_clear : append && append_half == h;
      wire [HEAD_W-1:0] head;

      shw_lutram #(.DATA_W(HEAD_W), .ADDR_W(BITS+1)) u_heads (
        .clk(clk), .write_enable(write), .write_address(address),
        .write_data({head[2 +: INDEX_W], append_index, head[0], !reader}),
        .read_address(address), .read_data(head)
      );
      assign heads[h*HEAD_W +: HEAD_W] = head;
    end
  endgenerate

  assign {head_index, head_valid} = heads[read_select*HEAD_W +: HEAD_W];

  // Links are written one cycle later.
  reg                link_write;
  reg  [INDEX_W:0]   link_place;
  reg  [INDEX_W:0]   link_data;
  wire [INDEX_W:0]   link;

  wire [1:0]         older_valid = heads[append_half*HEAD_W +: 2];
  wire [INDEX_W-1:0] older_index = heads[append_half*HEAD_W + 2 + INDEX_W +: INDEX_W];

  always @(posedge clk) begin
    link_write <= append;
    link_place <= {append_half, append_index};
    link_data  <= {older_valid != 2'b11, older_index};
    {link_end, link_index} <= link;
  end

  shw_ram_sdp #(.DATA_W(INDEX_W+1), .ADDR_W(INDEX_W+1), .STYLE("block")) u_links (
    .clk(clk),
    .write_enable(link_write), .write_address(link_place), .write_data(link_data),
    .read_enable(link_read), .read_address({read_select, link_from}), .read_data(link)
  );
endmodule

`default_nettype wire

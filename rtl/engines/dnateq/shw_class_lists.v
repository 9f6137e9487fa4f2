// shw_class_lists: the values of one row of a slice, sorted by their code: one linked list per
// code.
//
// A value is appended to the list of its code: the head of the list moves to the value's index, and
// the value keeps the index that was head before (or that there was none). So a value costs one
// write, whatever the number of codes, and a list is read from its newest value to its oldest, one
// per cycle. Two slices live here at a time, one in either half of the memories: while one is
// appended to, the other is read, and reading a head empties its list for the slice after.
//
// Append side: `append`, in half `append_half`. Read side: while `read_half[h]`, half h belongs to
// the reader. `head_valid`, `head_index`: of the list of read_code in the half that is read, in the
// same cycle; head_clear empties it. `link_read` reads what follows an index, known in the next
// cycle: link_end, or link_index; then held until the next link_read. After rst the heads hold
// anything: the reader owns both halves and clears all codes.
//
// Parameters: BITS     3..7   width of an exponent; a code has BITS + 1 bits
//             INDEX_W  4..10  a slice has up to 2^INDEX_W values
// Latency:    an appended value is in its list in the next cycle. Throughput: 1 value and 1 link
// per cycle.
// Backpressure: none. Reset: none; see above.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_class_lists #(
  parameter BITS    = 4,
  parameter INDEX_W = 8
) (
  input  wire               clk,
  input  wire               append,
  input  wire [BITS:0]      append_code,
  input  wire               append_half,
  input  wire [INDEX_W-1:0] append_index,
  input  wire [1:0]         read_half,      // halves that belong to the reader
  input  wire               read_select,    // the half that is read
  input  wire [BITS:0]      read_code,
  input  wire               head_clear,
  output wire               head_valid,
  output wire [INDEX_W-1:0] head_index,
  input  wire               link_read,
  input  wire [INDEX_W-1:0] link_from,
  output wire               link_end,
  output wire [INDEX_W-1:0] link_index
);
  generate
    if (BITS < 3 || BITS > 7) begin : g_illegal_bits
      shw_ILLEGAL_BITS_must_be_3_to_7 illegal ();
    end
    if (INDEX_W < 4 || INDEX_W > 10) begin : g_illegal_index
      shw_ILLEGAL_INDEX_W_must_be_4_to_10 illegal ();
    end
  endgenerate

  wire [2*(INDEX_W+1)-1:0] heads;     // by half: valid, index

  genvar h;
  generate
    for (h = 0; h < 2; h = h + 1) begin : g_half
      wire          reader  = read_half[h];
      wire [BITS:0] address = reader ? read_code : append_code;
      wire          write   = reader ? head_clear : append && append_half == h;

      shw_lutram #(.DATA_W(INDEX_W+1), .ADDR_W(BITS+1)) u_heads (
        .clk(clk), .write_enable(write), .write_address(address),
        .write_data({!reader, append_index}), .read_address(address),
        .read_data(heads[h*(INDEX_W+1) +: INDEX_W+1])
      );
    end
  endgenerate

  wire [INDEX_W:0] newest = heads[append_half*(INDEX_W+1) +: INDEX_W+1];

  assign {head_valid, head_index} = heads[read_select*(INDEX_W+1) +: INDEX_W+1];

  shw_ram_sdp #(.DATA_W(INDEX_W+1), .ADDR_W(INDEX_W+1), .STYLE("block")) u_links (
    .clk(clk),
    .write_enable(append), .write_address({append_half, append_index}),
    .write_data({!newest[INDEX_W], newest[INDEX_W-1:0]}),
    .read_enable(link_read), .read_address({read_select, link_from}),
    .read_data({link_end, link_index})
  );
endmodule

`default_nettype wire

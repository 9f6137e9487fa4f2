// shw_mac_control: when beats move, and how results are stored and leave, for all columns of shw_mac_engine.
//
// A beat waits in the operand registers of the engine; it moves on unless it completes a tile whose results have no
// room or would meet those of the tile before at the multiplexers. So the next tile is computed while results leave, to
// its last beat.
// `select`, `write` and `write_address` belong to the multiplexers and memories of a column (shw_mac_store); *_late are
// the same a cycle later, for words that are final a cycle later.
//
// Parameters:   ROWS    1..64   rows of a tile
//               ROW_W   at least clog2(ROWS), 1..6  width of a row number in bits
//               ADDR_W  4..10   2^ADDR_W words of a store, at least 2 * ROWS
// Latency:      4 cycles from the move of a tile's last beat to select 0, 8 to the first result.
// Throughput:   1 beat per cycle, 1 row per cycle. A tile takes at least ROWS cycles.
// Backpressure: ready falls as said above; an output beat waits for out_ready.
// Reset:        rst drops all tiles.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_mac_control #(
  parameter ROWS   = 8,
  parameter ROW_W  = 3,
  parameter ADDR_W = 4
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              in_valid,
  input  wire              in_last,
  output wire              ready,          // the operand registers take what is offered
  output wire              move,           // the beat that they hold moves on
  output reg               first,          // that beat is the first of its tile
  output reg               first_offered,  // the next one offered is
  input  wire              note,           // about its tile, with the last beat there
  output reg  [ROW_W-1:0]  select,
  output reg               write,
  output wire [ADDR_W-1:0] write_address,
  output reg  [ROW_W-1:0]  select_late,
  output reg               write_late,
  output wire [ADDR_W-1:0] write_address_late,
  output wire [ADDR_W-1:0] read_address,
  output wire              read_note,      // the note of the tile of the row at read_address
  output wire              load,           // the output registers take the row at read_address
  output reg               out_valid,
  input  wire              out_ready,
  output reg               out_last
);
  localparam [31:0] LAST  = ROWS - 1;
  localparam [31:0] ALL   = ROWS;
  localparam [31:0] WORDS = 1 << ADDR_W;
  localparam [ROW_W-1:0]  LAST_ROW = LAST[ROW_W-1:0];
  localparam [ADDR_W:0]   TILE     = ALL[ADDR_W:0];

  generate
    if (ROWS < 1 || ROWS > 64) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_64 illegal ();
    end
    if (ROW_W < 1 || ROW_W > 6 || (1 << ROW_W) < ROWS) begin : g_illegal_row_w
      shw_ILLEGAL_ROW_W_must_be_1_to_6_and_name_every_row illegal ();
    end
    if (ADDR_W < 4 || ADDR_W > 10 || (1 << ADDR_W) < 2 * ROWS) begin : g_illegal_addr_w
      shw_ILLEGAL_ADDR_W_must_be_4_to_10_and_hold_2_tiles illegal ();
    end
  endgenerate

  // The beat in the operand registers.
  reg              valid;
  reg              last;
  reg [ADDR_W:0]   room;     // words that no tile has claimed
  reg [ROW_W-1:0]  gap;      // cycles until the next tile may complete
  wire             clear    = gap == {ROW_W{1'b0}} && room >= TILE;
  wire             complete = move && last;

  assign ready = !valid || !last || clear;
  assign move  = valid && (!last || clear);

  always @(posedge clk) begin
    if (rst) begin
      valid         <= 1'b0;
      first_offered <= 1'b1;
      room          <= WORDS[ADDR_W:0];
      gap           <= {ROW_W{1'b0}};
    end else begin
      if (ready) valid <= in_valid;
      if (ready && in_valid) first_offered <= in_last;
      room <= room - (complete ? TILE : {(ADDR_W+1){1'b0}}) + {{ADDR_W{1'b0}}, load};
      if (complete) gap <= LAST_ROW;
      else if (gap != {ROW_W{1'b0}}) gap <= gap - 1'b1;
    end
    if (ready) begin
      last  <= in_last;
      first <= first_offered;
    end
  end

  // From the cells to the stores.
  reg  [3:1]      token;
  reg  [3:1]      token_note;
  reg             active;
  reg             tile_note;
  reg             note_write;
  reg             note_late;
  reg  [ADDR_W:0] write_count;
  reg  [ADDR_W:0] late_count;   // words that may be read
  reg  [ADDR_W:0] read_count;

  always @(posedge clk) begin
    if (rst) begin
      token       <= 3'd0;
      active      <= 1'b0;
      write       <= 1'b0;
      write_late  <= 1'b0;
      write_count <= {(ADDR_W+1){1'b0}};
      late_count  <= {(ADDR_W+1){1'b0}};
    end else begin
      token      <= {token[2:1], complete};
      active     <= token[3] || (active && select != LAST_ROW);
      write      <= active;
      write_late <= write;
      if (write) write_count <= write_count + 1'b1;
      late_count <= write_count;
    end
    token_note <= {token_note[2:1], note};
    if (token[3]) tile_note <= token_note[3];
    note_write    <= tile_note;
    note_late     <= note_write;
    select        <= token[3] ? {ROW_W{1'b0}} : select + 1'b1;
    select_late   <= select;
  end

  assign write_address      = write_count[ADDR_W-1:0];
  assign write_address_late = late_count[ADDR_W-1:0];
  assign read_address       = read_count[ADDR_W-1:0];


  shw_lutram #(.DATA_W(1), .ADDR_W(ADDR_W)) u_notes (
    .clk(clk),
    .write_enable(write_late), .write_address(write_address_late), .write_data(note_late),
    .read_address(read_address), .read_data(read_note)
  );

  // To the output.
  reg [ROW_W-1:0] row;

  assign load = read_count != late_count && (!out_valid || out_ready);

  always @(posedge clk) begin
    if (rst) begin
      read_count <= {(ADDR_W+1){1'b0}};
      row        <= {ROW_W{1'b0}};
      out_valid  <= 1'b0;
    end else begin
      if (load) begin
        read_count <= read_count + 1'b1;
        row        <= (row == LAST_ROW) ? {ROW_W{1'b0}} : row + 1'b1;
      end
      if (load || out_ready) out_valid <= load;
    end
    if (load) out_last <= row == LAST_ROW;
  end
endmodule

`default_nettype wire

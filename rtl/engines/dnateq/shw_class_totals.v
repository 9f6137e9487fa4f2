// shw_class_totals: totals of the rows of two tiles, without an adder: what is added to a total is
// added outside.
//
// A row that is added to (`add_valid`) has its total in `old` a cycle later; what is in `total` two
// cycles after that takes its place. `add_last` comes with the last row of the tile, or later on its
// own. Then its rows leave, one after the other. A row that leaves is read and written in the same
// way, and the caller has 0 in `total` in all cycles that belong to no add: so the tile after next,
// which has the same bank, begins with zeros. After rst all rows of both banks leave once, without
// a beat.
//
// Parameters: ROWS  1..256   rows of a tile
//             COLS  1..1024  columns
//             ROW_W 1..8     width of a row number, 2^ROW_W >= ROWS
// Latency:    1 cycle from add_valid to old, 3 to total, 5 to the first output beat at the earliest.
// Throughput: 1 row per cycle; the same row again 3 cycles later at the earliest. Out: 1 row per 2
//   cycles, none while a row is added to.
// Backpressure: an output beat waits for out_ready; `done` tells that a bank is free: the caller
//   adds to it 3 cycles later at the earliest, also after rst.
// Reset:      rst drops all totals; ROWS cycles later bank 0 is free, ROWS more and bank 1 is.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_class_totals #(
  parameter ROWS  = 8,
  parameter COLS  = 16,
  parameter ROW_W = 3
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               add_valid,
  input  wire [ROW_W-1:0]   add_row,
  input  wire               add_bank,
  input  wire               add_last,    // the tile in add_bank is complete
  output wire [COLS*48-1:0] old,         // a cycle after add_valid; 48 bits per column
  input  wire [COLS*48-1:0] total,       // 3 cycles after add_valid; 0 in the cycles of no add
  output wire               done,        // the last row of a bank moves to the output
  output wire               done_bank,
  output reg                out_valid,
  input  wire               out_ready,
  output reg                out_last,
  output wire [COLS*48-1:0] out_acc      // 48 bits per column; one beat per row
);
  generate
    if (ROWS < 1 || ROWS > 256 || (1 << ROW_W) < ROWS) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_1_to_256_and_fit_ROW_W illegal ();
    end
    if (COLS < 1 || COLS > 1024) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_1_to_1024 illegal ();
    end
  endgenerate

  localparam GROUP  = 8;                 // columns that share control registers
  localparam [31:0] LAST = ROWS - 1;
  localparam [ROW_W-1:0] LAST_ROW = LAST[ROW_W-1:0];

  reg              dropping;             // after rst: what leaves is no tile
  reg  [1:0]       full;                 // per bank: its rows leave
  reg  [1:0]       end_valid;            // the tile's last total is on its way to the memory
  reg  [1:0]       end_bank;
  reg              out_bank;
  reg  [ROW_W-1:0] out_row;
  reg              beat;                 // a row is being read for the output
  reg              beat_last;

  wire             add      = add_valid && !rst;
  wire             room     = dropping || (!beat && (!out_valid || out_ready));
  wire             move     = full[out_bank] && !add && room;
  wire             move_end = move && out_row == LAST_ROW;
  wire [ROW_W:0]   address  = add ? {add_bank, add_row} : {out_bank, out_row};

  assign done      = move_end;
  assign done_bank = out_bank;

  always @(posedge clk) begin
    if (rst) begin
      dropping  <= 1'b1;
      full      <= 2'b11;
      end_valid <= 2'b00;
      out_valid <= 1'b0;
      out_last  <= 1'b0;
      out_bank  <= 1'b0;
      out_row   <= {ROW_W{1'b0}};
      beat      <= 1'b0;
    end else begin
      if (move_end && out_bank) dropping <= 1'b0;
      end_valid <= {end_valid[0], add_last};
      if (end_valid[1]) full[end_bank[1]] <= 1'b1;
      if (move_end) full[out_bank] <= 1'b0;
      out_bank <= out_bank ^ move_end;
      if (move) out_row <= move_end ? {ROW_W{1'b0}} : out_row + 1'b1;
      beat <= move && !dropping;
      if (beat) out_last <= beat_last;
      if (beat) out_valid <= 1'b1;
      else if (out_ready) out_valid <= 1'b0;
    end
    end_bank  <= {end_bank[0], add_bank};
    beat_last <= move_end;
  end

  genvar g;
  generate
    for (g = 0; g < COLS; g = g + GROUP) begin : g_group
      localparam WIDTH = (COLS - g < GROUP) ? COLS - g : GROUP;
      shw_class_totals_group #(.COLS(WIDTH), .ADDR_W(ROW_W+1)) u_group (
        .clk(clk), .step(add || move), .step_take(move), .step_address(address),
        .old(old[g*48 +: WIDTH*48]), .total(total[g*48 +: WIDTH*48]),
        .out_acc(out_acc[g*48 +: WIDTH*48])
      );
    end
  endgenerate
endmodule

`default_nettype wire

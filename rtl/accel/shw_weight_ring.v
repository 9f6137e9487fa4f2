// shw_weight_ring: ring buffer of weight vectors, row tile after row tile, each read as often as needed.
//
// The stream fills a ring of DEPTH RAM words in the order in which the vectors are used. A RAM word has
// max(64, ROWS * 8) bits: with ROWS 2 and 4 it holds 8 / ROWS vectors, the first in the low bits, and every
// row tile starts at a new RAM word; with ROWS 16, 32, 64 it is made of ROWS / 8 stream words, the first low.
// A step takes the next vector. A pass ends with step_last: without step_final the next pass begins
// again at the first vector of the row tile, with step_final the next row tile begins (the rest of a
// RAM word is skipped). step_final is the same in all steps of a pass. In a final pass the RAM words are
// released as they are taken, so a row tile that is longer than the ring streams if its only pass is
// final; other passes release nothing, and their row tile has to fit.
//
// Parameters:   ROWS   2, 4, 8, 16, 32, 64: codes of 8 bits in a vector
//               DEPTH  2..65536 RAM words, a power of two
// Latency:      2 cycles from step to out_valid; 2 cycles from the stream word that completes a RAM word to
//               `available`.
// Throughput:   1 stream word and 1 vector per cycle (DEPTH 2 does not cover the latency of what streams).
// Backpressure: in_ready, room and available are registers; in_ready is low when room is 0 (and in the cycle
//               after rst or flush). step only while available; out_valid knows no waiting.
// Reset:        rst or flush forgets all vectors, half a RAM word, and the steps under way; a stream word offered
//               in that cycle is lost.
// Bit order:    row 0 in the low bits of out_vector.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_weight_ring #(
  parameter ROWS  = 8,
  parameter DEPTH = 1024
) (
  input  wire              clk,
  input  wire              rst,
  input  wire              flush,       // forget everything
  input  wire              in_valid,
  output reg               in_ready,
  input  wire [63:0]       in_data,     // the next 64 bits of the stream
  output reg  [$clog2(DEPTH * ((ROWS > 8) ? ROWS / 8 : 1)):0] room, // free stream words
  output reg               available,   // the next vector may be taken
  input  wire              step,        // take it
  input  wire              step_last,   // it is the last one of a pass
  input  wire              step_final,  // this pass is the last one over its row tile
  output reg               out_valid,
  output reg  [ROWS*8-1:0] out_vector
);
  localparam WORD_W  = (ROWS > 8) ? ROWS * 8 : 64;
  localparam PARTS   = WORD_W / 64;                    // stream words in a RAM word
  localparam PART_W  = (PARTS > 1) ? $clog2(PARTS) : 1;
  localparam LANES   = WORD_W / (ROWS * 8);            // vectors in a RAM word
  localparam LANE_W  = (LANES > 1) ? $clog2(LANES) : 1;
  localparam ADDR_W  = (DEPTH > 2) ? $clog2(DEPTH) : 1;
  localparam ROOM_W  = $clog2(DEPTH * PARTS) + 1;
  localparam [31:0] LAST_PART_32 = PARTS - 1;
  localparam [31:0] LAST_LANE_32 = LANES - 1;
  localparam [31:0] PARTS_32     = PARTS;
  localparam [PART_W-1:0] LAST_PART = LAST_PART_32[PART_W-1:0];
  localparam [LANE_W-1:0] LAST_LANE = LAST_LANE_32[LANE_W-1:0];
  localparam [ROOM_W-1:0] RELEASED  = PARTS_32[ROOM_W-1:0];

  generate
    if (ROWS < 2 || ROWS > 64 || (1 << $clog2(ROWS)) != ROWS) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_2_4_8_16_32_or_64 illegal ();
    end
    if (DEPTH < 2 || DEPTH > 65536 || (1 << ADDR_W) != DEPTH) begin : g_illegal_depth
      shw_ILLEGAL_DEPTH_must_be_a_power_of_two_from_2_to_65536 illegal ();
    end
  endgenerate

  wire forget = rst | flush;

  // fill: stream words are shifted into a RAM word, which is written one cycle later
  reg  [WORD_W-1:0]    word;
  reg  [PART_W-1:0]    part;
  reg                  write;
  reg  [ADDR_W-1:0]    write_address;
  wire                 take   = in_valid & in_ready;

  generate
    if (PARTS == 1) begin : g_replace
      always @(posedge clk) if (take) word <= in_data;
    end else begin : g_shift
      always @(posedge clk) if (take) word <= {in_data, word[WORD_W-1:64]};
    end
  endgenerate

  always @(posedge clk) begin
    if (forget) begin
      part          <= {PART_W{1'b0}};
      write         <= 1'b0;
      write_address <= {ADDR_W{1'b0}};
    end else begin
      if (take) part <= (part == LAST_PART) ? {PART_W{1'b0}} : part + 1'b1;
      write <= take && part == LAST_PART;
      if (write) write_address <= write_address + 1'b1;
    end
  end

  // take: `ahead` RAM words are written from read_address on, `behind` lie between the row tile's
  // first one and it; `leave`: on to the next RAM word
  reg  [ADDR_W-1:0] read_address;
  reg  [ADDR_W-1:0] tile_address;
  reg  [LANE_W-1:0] lane;
  reg  [ADDR_W:0]   ahead;
  reg  [ADDR_W:0]   behind;
  wire              leave   = step && (step_last ? step_final : lane == LAST_LANE);
  wire              back    = step & step_last & ~step_final;
  wire              release_word = leave & step_final;
  wire              few     = ahead[ADDR_W:1] == {ADDR_W{1'b0}};

  always @(posedge clk) begin
    if (forget) begin
      read_address <= {ADDR_W{1'b0}};
      tile_address <= {ADDR_W{1'b0}};
      lane         <= {LANE_W{1'b0}};
      ahead        <= {(ADDR_W+1){1'b0}};
      behind       <= {(ADDR_W+1){1'b0}};
      available    <= 1'b0;
    end else begin
      if (step) lane <= (step_last || lane == LAST_LANE) ? {LANE_W{1'b0}} : lane + 1'b1;
      if (back) read_address <= tile_address;
      else if (leave) read_address <= read_address + 1'b1;
      if (step & step_last & step_final) tile_address <= read_address + 1'b1;
      if (step & step_last) behind <= {(ADDR_W+1){1'b0}};
      else if (leave) behind <= behind + 1'b1;
      ahead     <= ahead + (back ? behind : {(ADDR_W+1){leave}}) + {{ADDR_W{1'b0}}, write};
      available <= write | back | ~(few & (~ahead[0] | leave));
    end
  end

  // room, in stream words
  wire [ROOM_W-1:0] taken    = {ROOM_W{take}};         // -1
  wire              room_few = room[ROOM_W-1:1] == {(ROOM_W-1){1'b0}};

  always @(posedge clk) begin
    if (forget) begin
      room     <= {1'b1, {(ROOM_W-1){1'b0}}};
      in_ready <= 1'b0;
    end else begin
      room     <= room + taken + (release_word ? RELEASED : {ROOM_W{1'b0}});
      in_ready <= release_word | ~(room_few & (~room[0] | take));
    end
  end

  // out: RAM, then the vector of the RAM word
  wire [WORD_W-1:0] read_word;
  reg  [LANE_W-1:0] read_lane;
  reg               read_valid;

  shw_ram_sdp #(.DATA_W(WORD_W), .ADDR_W(ADDR_W)) u_ring (
    .clk(clk),
    .write_enable(write), .write_address(write_address), .write_data(word),
    .read_enable(step), .read_address(read_address), .read_data(read_word)
  );

  generate
    if (LANES == 1) begin : g_whole
      wire unused_lane = &{1'b0, read_lane};
      always @(posedge clk) if (read_valid) out_vector <= read_word;
    end else begin : g_lanes
      always @(posedge clk) if (read_valid) out_vector <= read_word[read_lane*ROWS*8 +: ROWS*8];
    end
  endgenerate

  always @(posedge clk) begin
    read_lane <= lane;
    if (forget) begin
      read_valid <= 1'b0;
      out_valid  <= 1'b0;
    end else begin
      read_valid <= step;
      out_valid  <= read_valid;
    end
  end
endmodule

`default_nettype wire

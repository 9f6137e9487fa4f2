// shw_accel_mover: the queue of instructions that move data: loads and stores.
//
// A load brings words of 64 bits from memory into the activation memory (slice after slice, word after
// word), into the weight ring or into the constants. Weights are asked for only where the ring has room,
// so they never stand in the read channel. A store sends words of the activation memory to memory.
// Words in memory follow each other; those of the activation memory may leave a gap after every burst, and
// only the first rows of each may be moved.
// Instructions are executed in order; each may take a token first and give one at its end. A word beyond
// the activation memory, or a constant beyond theirs, is told as it is read or written: only a reset helps.
//
// Parameters:   COLS     8, 16, 32, 64   codes of a word of the activation memory
//               ADDR_W   6..15           address width of the activation memory
//               CONST_W  4..16           address width of the constants
//               ROOM_W   7..20           width of the free room of the weight ring, which is 2^(ROOM_W-1)
//                                        stream words: best 4 * CHUNK or more
//               CHUNK    8..64           words of a read request
// Latency:      a load ends with the cycle in which its last word is written, a store when memory has
//               acknowledged it.
// Throughput:   a load: a word a cycle; into an activation memory of 8 or 16 columns one per 2 cycles.
//               A store that sends n words of every word of the activation memory: a word a cycle where
//               at most 7 * n - 8 cycles pass from a fetch to its word, else eight words of the
//               activation memory in these and n + 8 more cycles.
// Backpressure: all sides.
// Reset:        rst empties the queue; nothing of a request in flight may arrive after it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel_mover #(
  parameter COLS    = 64,
  parameter ADDR_W  = 11,
  parameter CONST_W = 10,
  parameter ROOM_W  = 11,
  parameter CHUNK   = 64
) (
  input  wire                              clk,
  input  wire                              rst,
  // Instructions.
  input  wire                              in_valid,
  output wire                              in_ready,
  input  wire                              in_store,
  input  wire                              in_wait,
  input  wire                              in_signal,
  input  wire [1:0]                        in_target,       // 0 activations, 1 weights, 2 constants
  input  wire [31:0]                       in_memory,
  input  wire [23:0]                       in_words,
  input  wire [15:0]                       in_place,
  // after so many words of the activation memory ..
  input  wire [15:0]                       in_burst,
  input  wire [15:0]                       in_gap,          // .. so many are skipped; both 0: none
  // words of 64 bits that are moved of each, its first ones; 0: all
  input  wire [2:0]                        in_part,
  output wire                              busy,
  output wire                              done,            // an instruction ends
  output wire                              outside,         // of the on-chip memory, in this cycle
  input  wire                              token,           // there is one
  output wire                              token_take,
  output wire                              token_give,
  // Reads of memory.
  output wire                              read_valid,
  input  wire                              read_ready,
  output wire [31:0]                       read_address,
  output wire [15:0]                       read_words,
  input  wire                              data_valid,
  output wire                              data_ready,
  input  wire [63:0]                       data,
  // Where loads go.
  input  wire [ROOM_W-1:0]                 weight_room,     // grows, and falls by the words taken
  output wire                              weight_valid,
  input  wire                              weight_ready,
  output wire                              const_write,
  output wire [CONST_W-1:0]                const_address,
  output wire                              write_valid,
  input  wire                              write_ready,
  output wire [(1<<($clog2(COLS)/2))-1:0]  write_rows,
  output wire [ADDR_W-1:0]                 write_address,
  output wire [(COLS>>($clog2(COLS)/2))*8-1:0] write_data,
  // Where stores come from.
  output wire                              fetch_valid,
  input  wire                              fetch_ready,
  output wire [ADDR_W-1:0]                 fetch_address,
  input  wire                              fetched_valid,   // at least a cycle later
  input  wire [COLS*8-1:0]                 fetched_word,
  // Writes of memory.
  output wire                              wr_valid,
  input  wire                              wr_ready,
  output wire [31:0]                       wr_address,
  output wire [15:0]                       wr_words,
  output wire                              wdata_valid,
  input  wire                              wdata_ready,
  output wire [63:0]                       wdata,
  input  wire                              wdone
);
  localparam BH_W  = $clog2(COLS) / 2;
  localparam BW    = COLS >> BH_W;
  localparam BH    = 1 << BH_W;
  localparam BEATS = COLS / 8;                        // words of 64 bits in a word of the memory
  localparam BEAT_W = (BEATS == 1) ? 1 : $clog2(BEATS);
  localparam [31:0] CHUNK_WORDS = CHUNK;

  generate
    if (COLS != 8 && COLS != 16 && COLS != 32 && COLS != 64) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_8_16_32_or_64 illegal ();
    end
    if (ADDR_W < 6 || ADDR_W > 15) begin : g_illegal_addr
      shw_ILLEGAL_ADDR_W_must_be_6_to_15 illegal ();
    end
    if (CONST_W < 4 || CONST_W > 16) begin : g_illegal_const
      shw_ILLEGAL_CONST_W_must_be_4_to_16 illegal ();
    end
    if (ROOM_W < 7 || ROOM_W > 20) begin : g_illegal_room
      shw_ILLEGAL_ROOM_W_must_be_7_to_20 illegal ();
    end
    if (CHUNK < 8 || CHUNK > 64) begin : g_illegal_chunk
      shw_ILLEGAL_CHUNK_must_be_8_to_64 illegal ();
    end
  endgenerate

  // The queue.
  wire        head_valid;
  wire        head_store;
  wire        head_wait;
  wire        head_signal;
  wire [1:0]  head_target;
  wire [31:0] head_memory;
  wire [23:0] head_words;
  wire [15:0] head_place;
  wire [15:0] head_burst;
  wire [15:0] head_gap;
  wire [2:0]  head_part;
  wire        take;
  wire [3:0]  level_unused;
  wire        unused = &{1'b0, head_part}; // short words need fewer of its bits

  shw_fifo #(.DATA_W(112), .DEPTH(8)) u_queue (
    .clk(clk), .rst(rst),
    .in_valid(in_valid), .in_ready(in_ready),
    .in_data({in_store, in_wait, in_signal, in_target, in_memory, in_words, in_place, in_burst,
      in_gap, in_part}),
    .out_valid(head_valid), .out_ready(take),
    .out_data({head_store, head_wait, head_signal, head_target, head_memory, head_words, head_place,
                head_burst, head_gap, head_part}),
    .level(level_unused)
  );

  // The instruction in execution.
  reg         active;
  reg         store;
  reg         signals;
  reg [1:0]   target;
  reg [31:0]  memory;
  reg [23:0]  to_request;     // words not asked for
  reg [23:0]  to_move;        // words not moved
  reg [23:0]  underway;       // words asked for and not moved
  reg         some_underway;
  reg [16:0]  place;          // the top bit: beyond every memory
  reg [15:0]  burst;
  reg [15:0]  gap;
  reg [15:0]  burst_left;     // words until the gap
  reg [BEAT_W-1:0] part;      // words of 64 bits of a word of the activation memory; 0: all
  reg [BEAT_W-1:0] beat;      // within them
  reg [7:0]   unacknowledged; // write requests

  wire moved;
  wire last_beat = BEATS == 1 || beat + 1'b1 == part;
  wire advance;               // to the next word of the activation memory, or constant
  wire ended = active && to_move == 24'd0 && (!store || unacknowledged == 8'd0);

  assign take       = head_valid && !active && (!head_wait || token);
  assign token_take = take && head_wait;
  assign token_give = ended && signals;
  assign busy       = active || head_valid;
  assign done       = ended;

  // Requests. One is prepared in a cycle, and offered from the next one on until it is taken. `free`:
  // room of the ring that nothing underway will fill; it only grows until the next request.
  reg                offer;
  reg  [12:0]        offer_words;
  wire               to_weights = target == 2'd1;
  wire [12:0]        most       = store ? 13'd4096 : CHUNK_WORDS[12:0];
  wire               more       = to_request[23:12] != 12'd0
                                  || (!store && to_request[11:0] > CHUNK_WORDS[11:0]);
  wire [12:0]        chunk      = more ? most : to_request[12:0];
  wire [ROOM_W-1:0]  free       = weight_room - underway[ROOM_W-1:0];
  wire               whole      = !to_weights || {13'd0, free} >= {{ROOM_W{1'b0}}, chunk};
  wire               may        = store ? !unacknowledged[7]
                                  : whole || (!some_underway && free != {ROOM_W{1'b0}});
  wire               asked      = offer && (store ? wr_ready : read_ready);

  assign read_valid   = offer && !store;
  assign read_address = memory;
  assign read_words   = {3'd0, offer_words};
  assign wr_valid     = offer && store;
  assign wr_address   = memory;
  assign wr_words     = {3'd0, offer_words};

  always @(posedge clk) begin
    if (rst) begin
      active         <= 1'b0;
      unacknowledged <= 8'd0;
      offer          <= 1'b0;
    end else begin
      if (take) active <= 1'b1;
      else if (ended) active <= 1'b0;
      unacknowledged <= unacknowledged + {7'd0, asked && store} - {7'd0, wdone};
      if (take) some_underway <= 1'b0;
      else if (asked) some_underway <= 1'b1;
      else if (moved) some_underway <= underway != 24'd1;
      offer          <= offer ? !asked : active && may && to_request != 24'd0;
    end
    if (!offer) offer_words <= whole ? chunk : {7'd0, free[5:0]};
    if (take) begin
      store      <= head_store;
      signals    <= head_signal;
      target     <= head_store ? 2'd0 : head_target;
      memory     <= head_memory;
      to_request <= head_words;
      to_move    <= head_words;
      underway   <= 24'd0;
      place      <= {1'b0, head_place};
      burst      <= head_burst;
      gap        <= head_gap;
      burst_left <= head_burst;
      part       <= head_part[BEAT_W-1:0];
      beat       <= {BEAT_W{1'b0}};
    end else begin
      underway <= underway + {11'd0, asked ? offer_words : 13'd0} - {23'd0, moved};
      if (asked) begin
        to_request <= to_request - {11'd0, offer_words};
        memory     <= memory + {16'd0, offer_words, 3'd0};
      end
      if (moved) begin
        to_move <= to_move - 24'd1;
        beat    <= last_beat ? {BEAT_W{1'b0}} : beat + 1'b1;
      end
      if (advance) begin
        place      <= {1'b0, place[15:0]} + 17'd1 + {1'b0, burst_left == 16'd1 ? gap : 16'd0};
        burst_left <= burst_left == 16'd1 ? burst : burst_left - 16'd1;
      end
    end
  end

  // Loads.
  wire to_activations = target == 2'd0;
  wire slice_end;   // the slice that is written is the last of the word of 64 bits

  assign weight_valid  = data_valid && to_weights;
  assign const_write   = data_valid && target == 2'd2;
  assign const_address = place[CONST_W-1:0];
  assign write_valid   = data_valid && to_activations;
  assign write_address = place[ADDR_W-1:0];
  assign outside       = ((write_valid || fetch_valid) && place[16:ADDR_W] != {(17-ADDR_W){1'b0}})
                         || (const_write && place[16:CONST_W] != {(17-CONST_W){1'b0}});
  assign data_ready    = to_weights ? weight_ready
                         : target == 2'd2 ? 1'b1 : write_ready && slice_end;

  generate
    if (BW == 8) begin : g_slice
      assign slice_end  = 1'b1;
      assign write_data = data;
      assign write_rows = {{(BH-1){1'b0}}, 1'b1} << beat;
    end else begin : g_half_slices
      reg high;

      always @(posedge clk) begin
        if (take) high <= 1'b0;
        else if (write_valid && write_ready) high <= !high;
      end

      assign slice_end  = high;
      assign write_data = high ? data[63:32] : data[31:0];
      if (BEATS == 1) begin : g_one
        assign write_rows = high ? 2'b10 : 2'b01;
      end else begin : g_two
        assign write_rows = {{(BH-1){1'b0}}, 1'b1} << {beat, high};
      end
    end
  endgenerate

  // Stores: words are fetched, eight at most, then sent beat by beat. Data follow their request.
  reg  [3:0]          fetched;     // words that are asked for and not yet sent
  reg  [23:0]         to_fetch;    // words of 64 bits
  reg                 unfetched;   // of a store: there are some
  wire                held;        // .. are left in `word`
  wire [COLS*8-1:0]   word;
  wire                sent  = wdata_valid && wdata_ready;
  wire                spent = sent && last_beat;
  // words of 64 bits of a word
  wire [23:0]         word_beats =
    BEATS == 1 ? 24'd1 : {{(23-BEAT_W){1'b0}}, part == {BEAT_W{1'b0}}, part};
  wire                fetch = fetch_valid && fetch_ready;
  wire                words_room_unused;

  assign fetch_valid   = unfetched && !fetched[3];
  assign fetch_address = place[ADDR_W-1:0];
  assign wdata_valid   = held && some_underway;
  assign wdata         = word[beat*64 +: 64];
  assign moved         = store ? sent : data_valid && data_ready;
  assign advance       = store ? fetch : moved && (target == 2'd2 || last_beat);

  always @(posedge clk) begin
    if (rst) unfetched <= 1'b0;
    else if (take) begin
      fetched   <= 4'd0;
      to_fetch  <= head_words;
      unfetched <= head_store && head_words != 24'd0;
    end else begin
      fetched <= fetched + {3'd0, fetch} - {3'd0, spent};
      if (fetch) begin
        to_fetch  <= to_fetch - word_beats;
        unfetched <= to_fetch > word_beats;
      end
    end
  end

  // The last word of a store may be sent in part.
  reg begun;   // words of this one come later

  always @(posedge clk) begun <= take;

  shw_register_fifo #(.DATA_W(COLS*8), .DEPTH(8), .FIRST(64)) u_words (
    .clk(clk), .rst(rst || begun),
    .in_valid(fetched_valid), .in_ready(words_room_unused), .in_data(fetched_word),
    .out_valid(held), .out_ready(spent), .out_data(word)
  );
endmodule

`default_nettype wire

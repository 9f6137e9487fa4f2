// shw_accel: the accelerator: reads a program and runs a whole network, from input to result.
//
// Activations stay in an on-chip memory of COLS banks; the beats of a convolution are gathered from it (im2col in
// hardware), weights stream from external memory through a ring, results pass a narrow post unit and return to
// the activation memory. Pooling takes the same reads and the same way back. docs/accelerator.md describes
// program, layouts and registers. External memory is seen as streams of words of 64 bits.
//
// Two queues of instructions run beside each other: loads and stores (shw_accel_mover), and layers. They
// meet by tokens: an instruction may wait for a token of the other queue and give one when it has ended.
// A layer may start while the results of the one before are still written (`ahead` of its instruction).
//
// Parameters:
//   ENGINE     "tr" | "mac" | "msq"  tile engine
//   ROWS       2, 4, 8, 16    rows of the engine
//   COLS       8, 16, 32, 64  columns; codes of a word of the activation memory
//   ADDR_W     6..15          2^ADDR_W words of activation memory
//   WEIGHTS    64..65536      words of the weight ring, a power of two (max(64, 8 * ROWS) bits each)
//   CONST_W    4..16          2^CONST_W channels of constants
//   DEPTH, ACC_W, TRUNCATE, FAMILY   of shw_tr_engine;  MULTIPLIER, FAMILY   of shw_mac_engine
//   ACC_W, FIXED_ROWS   of shw_msq_engine, which has ROWS - FIXED_ROWS rows of shift-add units
// Latency:      that of the program. Throughput: a beat of the engine a cycle.
// Backpressure: memory may stall every stream.
// Reset:        rst ends everything; no words of a read request may arrive after it.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_accel #(
  parameter ENGINE     = "tr",
  parameter ROWS       = 8,
  parameter COLS       = 64,
  parameter ADDR_W     = 11,
  parameter WEIGHTS    = 1024,
  parameter CONST_W    = 10,
  parameter DEPTH      = 256,
  parameter ACC_W      = 22,
  parameter TRUNCATE   = 1,
  parameter FAMILY     = "generic",
  parameter MULTIPLIER = "lut",
  parameter FIXED_ROWS = 0
) (
  input  wire        clk,
  input  wire        rst,
  input  wire        start,            // run the program
  input  wire [31:0] program_address,  // of its first instruction, a multiple of 64
  input  wire [15:0] program_count,    // instructions
  output wire        busy,
  output reg         fault,            // stays until rst
  // 1 malformed instruction, 2 the engine refuses its configuration, 3 an address outside the
  // activation memory or the constants, channels that rows_apart or channel_tiles do not take, 9 the
  // header tells another length, 10 the program is for another shape, 11 its checksum is wrong
  output reg  [3:0]  fault_code,
  // instruction; without a fault the oldest one that is not ended
  output reg  [15:0] fault_index,
  output wire [15:0] move_index,       // the oldest load or store that is not ended
  // Term revealing, in place of what the program says of layers without rows_apart; stable from start on.
  input  wire        override_enable,
  input  wire        override_tr_en,
  input  wire [8:0]  override_group,
  input  wire [10:0] override_group_budget,
  input  wire [3:0]  override_data_terms,
  // What happens in this cycle, for counters.
  output wire        event_layer,      // there is a layer in execution
  output wire        event_start,      // a layer starts
  output wire        event_end,        // the results of a layer are written
  output wire        event_beat,       // the engine takes a beat
  output wire        event_weights,    // a beat waits for weights
  output wire        event_results,    // a beat waits for the engine
  output wire        event_progress,   // a layer goes on: a step, a beat or a result
  // Reads of memory.
  output wire        rd_valid,
  input  wire        rd_ready,
  output wire [31:0] rd_address,
  output wire [15:0] rd_words,
  input  wire        rdata_valid,
  output wire        rdata_ready,
  input  wire [63:0] rdata,
  input  wire        rdata_last,
  // Writes of memory.
  output wire        wr_valid,
  input  wire        wr_ready,
  output wire [31:0] wr_address,
  output wire [15:0] wr_words,
  output wire        wdata_valid,
  input  wire        wdata_ready,
  output wire [63:0] wdata,
  input  wire        wdone
);
  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  localparam MSQ         = (ENGINE == "msq") ? 1 : 0;
  localparam [31:0] KIND = (ENGINE == "tr") ? 0 : (MSQ != 0) ? 1 : 3;
  /* verilator lint_on WIDTHEXPAND */
  localparam [31:0] ROWS_WIDE    = ROWS;
  localparam [31:0] COLS_WIDE    = COLS;
  localparam [31:0] ADDR_W_WIDE  = ADDR_W;
  localparam [31:0] WEIGHTS_W    = $clog2(WEIGHTS);
  localparam [31:0] CONST_W_WIDE = CONST_W;
  localparam ROWS_W = $clog2(ROWS);
  localparam BH_W  = $clog2(COLS) / 2;
  localparam BW_W  = $clog2(COLS) - BH_W;
  localparam BH    = 1 << BH_W;
  localparam BW    = 1 << BW_W;
  localparam ISSUE = 9;     // of shw_im2col: cycles from a step to its read
  localparam READ  = 3;     // of shw_act_memory: cycles from a read to its word
  localparam [31:0] ISSUE_READ = ISSUE + READ;
  localparam ROOM_W = $clog2(WEIGHTS) + ((ROWS > 8) ? $clog2(ROWS / 8) : 0) + 1;
  localparam [ADDR_W-1:0] ONE = 1;
  localparam [31:0] BEATS = 32;   // most beats between a step and the engine
  localparam [31:0] LAST_BEAT = BEATS - 1;

  generate
    if (ROWS != 2 && ROWS != 4 && ROWS != 8 && ROWS != 16) begin : g_illegal_rows
      shw_ILLEGAL_ROWS_must_be_2_4_8_or_16 illegal ();
    end
    if (COLS != 8 && COLS != 16 && COLS != 32 && COLS != 64) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_8_16_32_or_64 illegal ();
    end
    if (WEIGHTS < 64 || WEIGHTS > 65536 || (WEIGHTS & (WEIGHTS - 1)) != 0) begin : g_illegal_weights
      shw_ILLEGAL_WEIGHTS_must_be_a_power_of_two_64_to_65536 illegal ();
    end
  endgenerate

  // --- Reads of memory: instructions first, then loads ---------------------------------------------------------------
  wire        fetch_read;
  wire [31:0] fetch_read_address;
  wire        mover_read;
  wire [31:0] mover_read_address;
  wire [15:0] mover_read_words;
  reg         request_valid;
  reg         request_fetch;
  reg  [31:0] request_address;
  reg  [15:0] request_words;
  wire        request_free = !request_valid || (rd_valid && rd_ready);
  wire        order_ready;
  wire        order_valid;
  wire        order_fetch;
  wire [3:0]  order_level_unused;
  wire        mover_data_ready;

  assign rd_valid    = request_valid && order_ready;
  assign rd_address  = request_address;
  assign rd_words    = request_words;
  assign rdata_ready = order_valid && (order_fetch || mover_data_ready);

  always @(posedge clk) begin
    if (rst) request_valid <= 1'b0;
    else if (request_free) request_valid <= fetch_read || mover_read;
    if (request_free) begin
      request_fetch   <= fetch_read;
      request_address <= fetch_read ? fetch_read_address : mover_read_address;
      request_words   <= fetch_read ? 16'd8 : mover_read_words;
    end
  end

  shw_fifo #(.DATA_W(1), .DEPTH(8)) u_order (
    .clk(clk), .rst(rst),
    .in_valid(rd_valid && rd_ready), .in_ready(order_ready), .in_data(request_fetch),
    .out_valid(order_valid), .out_ready(rdata_valid && rdata_ready && rdata_last),
    .out_data(order_fetch),
    .level(order_level_unused)
  );

  // --- Instructions --------------------------------------------------------------------------------------------------
  wire         fetch_busy;
  wire         fetched_valid;
  wire         fetched_take;
  wire [15:0]  fetched_index;
  wire [511:0] fetched;
  wire [1:0]   kind;
  wire         take_token;
  wire         give_token;
  wire [1:0]   ahead;
  wire [1:0]   target;
  wire [31:0]  memory;
  wire [23:0]  words;
  wire [15:0]  place;
  wire [15:0]  burst;
  wire [15:0]  gap;
  wire [2:0]   part;
  wire         mover_ready;
  wire         is_run    = kind == 2'd2;
  wire         is_header = kind == 2'd3;
  wire         is_move   = !kind[1];
  wire         damaged;
  // Checked as the last of its words comes; while no instruction is held they mean nothing.
  reg          malformed;
  reg          other_length;
  reg          other_shape;
  wire         refused   = malformed || damaged || (is_header && (other_length || other_shape));
  wire         legal     = fetched_valid && !refused && !fault;
  wire         run_take;

  wire         fetch_data_valid = rdata_valid && order_valid && order_fetch;
  wire [511:0] coming;
  wire         coming_header;
  wire         coming_illegal;

  assign fetched_take = legal && (is_header || (is_run ? run_take : mover_ready));

  shw_accel_fetch u_fetch (
    .clk(clk), .rst(rst), .start(start), .address(program_address), .count(program_count),
    .busy(fetch_busy),
    .read_valid(fetch_read), .read_ready(request_free), .read_address(fetch_read_address),
    .data_valid(fetch_data_valid), .data(rdata),
    .out_valid(fetched_valid), .out_ready(fetched_take), .out_index(fetched_index),
    .out_damaged(damaged), .out_instruction(fetched), .coming(coming)
  );

  shw_accel_check u_check (
    .instruction(coming), .is_header(coming_header), .illegal(coming_illegal)
  );

  shw_accel_decode u_decode (
    .instruction(fetched), .kind(kind), .take_token(take_token), .give_token(give_token),
    .ahead(ahead), .target(target), .memory(memory), .words(words), .place(place), .burst(burst),
    .gap(gap), .part(part)
  );

  // What the program was compiled for.
  wire [7:0]  program_engine;
  wire [7:0]  program_rows;
  wire [15:0] program_cols;
  wire [15:0] program_instructions;
  wire [31:0] program_crc_unused;
  wire [7:0]  program_activations;
  wire [7:0]  program_weights;
  wire [7:0]  program_constants;

  always @(posedge clk) begin
    if (fetch_data_valid) begin
      malformed    <= coming_illegal || coming_header != (fetched_index == 16'd0);
      other_length <= program_instructions != program_count;
      other_shape  <= program_engine != KIND[7:0] || program_rows != ROWS_WIDE[7:0]
                      || program_cols != COLS_WIDE[15:0]
                      || program_activations > ADDR_W_WIDE[7:0]
                      || program_weights > WEIGHTS_W[7:0]
                      || program_constants > CONST_W_WIDE[7:0];
    end
  end

  shw_accel_decode_header u_header (
    .instruction(coming), .engine(program_engine), .rows(program_rows), .cols(program_cols),
    .instructions(program_instructions), .crc(program_crc_unused),
    .activations(program_activations), .weights(program_weights), .constants(program_constants)
  );

  // Tokens that the two queues give each other.
  reg  [7:0] moved_tokens;    // given by the mover
  reg        some_moved;      // .. are not 0
  reg  [7:0] layer_tokens;    // given by layers
  reg        some_layer;      // .. are not 0
  wire       mover_takes;
  wire       mover_gives;
  wire       layer_takes;
  wire       layer_gives;

  always @(posedge clk) begin
    if (rst) begin
      moved_tokens <= 8'd0;
      some_moved   <= 1'b0;
      layer_tokens <= 8'd0;
      some_layer   <= 1'b0;
    end else begin
      moved_tokens <= moved_tokens + {7'd0, mover_gives} - {7'd0, layer_takes};
      layer_tokens <= layer_tokens + {7'd0, layer_gives} - {7'd0, mover_takes};
      if (mover_gives) some_moved <= 1'b1;
      else if (layer_takes) some_moved <= moved_tokens != 8'd1;
      if (layer_gives) some_layer <= 1'b1;
      else if (mover_takes) some_layer <= layer_tokens != 8'd1;
    end
  end

  // --- Loads and stores ----------------------------------------------------------------------------------------------
  wire              mover_busy;
  wire              mover_done;
  wire              move_outside;
  wire              moves;        // loads or stores are not ended
  wire              moves_room_unused;
  wire [4:0]        moves_level_unused;
  wire [ROOM_W-1:0] weight_room;
  wire              weight_valid;
  wire              weight_ready;
  wire              const_write;
  wire [CONST_W-1:0] const_address;
  wire              load_valid;
  wire              load_ready;
  wire [BH-1:0]     load_rows;
  wire [ADDR_W-1:0] load_address;
  wire [BW*8-1:0]   load_data;
  wire              store_valid;
  wire              store_ready;
  wire [ADDR_W-1:0] store_address;
  wire              store_word_valid;
  wire [COLS*8-1:0] read_word;

  shw_accel_mover #(.COLS(COLS), .ADDR_W(ADDR_W), .CONST_W(CONST_W), .ROOM_W(ROOM_W)) u_mover (
    .clk(clk), .rst(rst),
    .in_valid(legal && is_move), .in_ready(mover_ready), .in_store(kind == 2'd1),
    .in_wait(take_token), .in_signal(give_token), .in_target(target), .in_memory(memory),
    .in_words(words), .in_place(place), .in_burst(burst), .in_gap(gap),
    .in_part(part),
    .busy(mover_busy), .done(mover_done), .outside(move_outside), .token(some_layer),
    .token_take(mover_takes), .token_give(mover_gives),
    .read_valid(mover_read), .read_ready(request_free && !fetch_read),
    .read_address(mover_read_address),
    .read_words(mover_read_words),
    .data_valid(rdata_valid && order_valid && !order_fetch), .data_ready(mover_data_ready),
    .data(rdata),
    .weight_room(weight_room), .weight_valid(weight_valid), .weight_ready(weight_ready),
    .const_write(const_write), .const_address(const_address),
    .write_valid(load_valid), .write_ready(load_ready), .write_rows(load_rows),
    .write_address(load_address),
    .write_data(load_data),
    .fetch_valid(store_valid), .fetch_ready(store_ready), .fetch_address(store_address),
    .fetched_valid(store_word_valid), .fetched_word(read_word),
    .wr_valid(wr_valid), .wr_ready(wr_ready), .wr_address(wr_address), .wr_words(wr_words),
    .wdata_valid(wdata_valid), .wdata_ready(wdata_ready), .wdata(wdata), .wdone(wdone)
  );

  // Which instructions the mover has.
  shw_fifo #(.DATA_W(16), .DEPTH(16)) u_moves (
    .clk(clk), .rst(rst),
    .in_valid(legal && is_move && mover_ready), .in_ready(moves_room_unused),
    .in_data(fetched_index),
    .out_valid(moves), .out_ready(mover_done), .out_data(move_index), .level(moves_level_unused)
  );

  // --- Layers in execution: one takes steps, it or the one before writes results ---------------------------------
  reg  [511:0] layer;         // takes steps
  reg  [15:0]  layer_index;
  // from the instruction until its results are about to be written and no read is under way
  reg          layer_active;
  reg          layer_start;
  reg          layer_waits;   // for the results of the layer before
  reg          layer_gives_token;
  reg          layer_free;    // .. and reads nothing that it writes
  reg  [3:0]   reading;       // cycles until the last step has been read
  reg  [511:0] writing;       // writes results
  reg  [15:0]  writing_index;
  reg          writing_active;
  reg          writing_start;
  reg          writing_gives_token;
  reg          from_engine;   // it has them from the engine, not the pooling unit
  wire         beats_busy;
  wire         results_busy;
  reg  [5:0]   underway;      // beats between a step and the engine
  reg          some_underway; // .. are not 0

  wire [1:0]  unit;
  wire        uses_engine = unit == 2'd0;
  wire        reduce;
  wire        divide;
  wire [4:0]  up;
  wire [15:0] count;
  wire [15:0] base;
  wire [15:0] block_stride;
  wire [15:0] row_stride;
  wire [15:0] phase_stride;
  wire        split;
  wire [7:0]  fill;
  wire [11:0] height;
  wire [11:0] width;
  wire [9:0]  blocks_y;
  wire [9:0]  blocks_x;
  wire [3:0]  last_slice;
  wire [7:0]  kernel_y;
  wire [7:0]  kernel_x;
  wire [5:0]  dilation_y;
  wire [5:0]  dilation_x;
  wire [8:0]  pad_y;
  wire [7:0]  pad_x;
  wire [15:0] channels;
  wire [15:0] groups;
  wire [15:0] tiles;
  wire [15:0] out_channels;
  wire [15:0] constants;
  wire [15:0] shortcut_base;
  wire [15:0] shortcut_block_stride;
  wire [15:0] shortcut_row_stride;
  wire [15:0] shortcut_first;
  wire [15:0] shortcut_count;
  wire [15:0] plain_base;
  wire [15:0] plain_row_stride;
  wire [15:0] out_block_stride;
  wire [15:0] split_base;
  wire [15:0] split_row_stride;
  wire [15:0] split_phase_stride;
  wire        row_signed;
  wire        col_signed;
  wire        tr_en;
  wire [8:0]  group;
  wire [10:0] group_budget;
  wire [3:0]  data_terms;
  wire [1:0]  slice_shift;
  wire        encoding;
  wire        rows_apart;
  wire        channel_tiles;

  shw_accel_decode_run u_layer (
    .instruction(layer), .unit(unit), .reduce(reduce), .divide(divide), .up(up), .count(count),
    .base(base), .block_stride(block_stride), .row_stride(row_stride), .phase_stride(phase_stride),
    .split(split), .fill(fill), .height(height), .width(width), .blocks_y(blocks_y),
    .blocks_x(blocks_x),
    .last_slice(last_slice), .kernel_y(kernel_y), .kernel_x(kernel_x), .dilation_y(dilation_y),
    .dilation_x(dilation_x),
    .pad_y(pad_y), .pad_x(pad_x), .channels(channels), .groups(groups), .tiles(tiles),
    .out_channels(out_channels), .constants(constants), .shortcut_base(shortcut_base),
    .shortcut_block_stride(shortcut_block_stride),
    .shortcut_row_stride(shortcut_row_stride), .shortcut_first(shortcut_first),
    .shortcut_count(shortcut_count),
    .plain_base(plain_base), .plain_row_stride(plain_row_stride),
    .out_block_stride(out_block_stride),
    .split_base(split_base), .split_row_stride(split_row_stride),
    .split_phase_stride(split_phase_stride),
    .row_signed(row_signed), .col_signed(col_signed),
    .tr_en(tr_en), .group(group), .group_budget(group_budget), .data_terms(data_terms),
    .slice_shift(slice_shift),
    .encoding(encoding),
    .rows_apart(rows_apart), .channel_tiles(channel_tiles)
  );

  wire [1:0]  results_unit;
  wire [9:0]  results_blocks_y;
  wire [9:0]  results_blocks_x;
  wire [3:0]  results_last_slice;
  wire [15:0] results_groups;
  wire [15:0] results_tiles;
  wire [15:0] results_channels;
  wire [15:0] results_constants;
  wire        results_constants_fixed;
  wire        results_shortcut_enable;
  wire        results_shortcut_signed;
  wire [15:0] results_shortcut_base;
  wire [15:0] results_shortcut_block_stride;
  wire [15:0] results_shortcut_row_stride;
  wire [15:0] results_shortcut_first;
  wire [15:0] results_shortcut_count;
  wire        results_plain;
  wire        results_split;
  wire        results_raw;
  wire [15:0] results_plain_base;
  wire [15:0] results_plain_row_stride;
  wire [15:0] results_block_stride;
  wire [15:0] results_split_base;
  wire [15:0] results_split_row_stride;
  wire [15:0] results_split_phase_stride;
  wire        results_relu;
  wire [8:0]  results_low;
  wire [8:0]  results_high;

  shw_accel_decode_results u_writing (
    .instruction(writing), .unit(results_unit), .blocks_y(results_blocks_y),
    .blocks_x(results_blocks_x),
    .last_slice(results_last_slice), .groups(results_groups), .tiles(results_tiles),
    .out_channels(results_channels), .constants(results_constants),
    .constants_fixed(results_constants_fixed), .shortcut_enable(results_shortcut_enable),
    .shortcut_signed(results_shortcut_signed), .shortcut_base(results_shortcut_base),
    .shortcut_block_stride(results_shortcut_block_stride),
    .shortcut_row_stride(results_shortcut_row_stride),
    .shortcut_first(results_shortcut_first), .shortcut_count(results_shortcut_count),
    .plain(results_plain), .to_split(results_split), .raw(results_raw),
    .plain_base(results_plain_base), .plain_row_stride(results_plain_row_stride),
    .out_block_stride(results_block_stride), .split_base(results_split_base),
    .split_row_stride(results_split_row_stride), .split_phase_stride(results_split_phase_stride),
    .relu(results_relu), .low(results_low), .high(results_high)
  );

  // Upper bits were checked when the layer began.
  wire unused_results = &{1'b0, results_unit, results_last_slice, results_groups, results_tiles,
    results_channels, results_constants, results_shortcut_base, results_shortcut_block_stride,
    results_shortcut_row_stride, results_shortcut_first, results_shortcut_count,
    results_plain_base, results_plain_row_stride, results_block_stride, results_split_base,
    results_split_row_stride, results_split_phase_stride};

  // Fields of 16 bits that this memory, or these rows, do not reach.
  wire [15:0] beyond =
    (base >> ADDR_W) | (block_stride >> ADDR_W) | (row_stride >> ADDR_W) | (phase_stride >> ADDR_W)
    | (channels >> ADDR_W) | (groups >> ADDR_W) | (tiles >> ADDR_W) | (out_channels >> ADDR_W)
    | (shortcut_base >> ADDR_W) | (shortcut_block_stride >> ADDR_W)
      | (shortcut_row_stride >> ADDR_W) | (shortcut_first >> ADDR_W)
    | (shortcut_count >> ADDR_W) | (plain_base >> ADDR_W) | (plain_row_stride >> ADDR_W)
      | (out_block_stride >> ADDR_W)
    | (split_base >> ADDR_W) | (split_row_stride >> ADDR_W) | (split_phase_stride >> ADDR_W)
    | (constants >> CONST_W) | ({12'd0, last_slice} >> BH_W)
    | (rows_apart ? (channels - 16'd1) >> ROWS_W : 16'd0)
    | (channel_tiles ? {{(16-ROWS_W){1'b0}}, channels[ROWS_W-1:0]} : 16'd0);
  wire outside = layer_active && beyond != 16'd0;

  // The next layer is taken when this one has no steps left and its results are about to be written, without
  // `ahead` when they are written. Settings of engine and pooling do not change with a layer ahead.
  wire writing_ended = writing_active && !writing_start && !results_busy;
  wire hand_over     = layer_waits && (!writing_active || writing_ended);
  wire beside        = ahead != 2'd0;
  wire run_free      = !layer_active && (beside || (!writing_active && !some_underway));

  assign run_take    = run_free && (!take_token || some_moved);
  wire   run         = legal && is_run && run_take;

  assign layer_takes = run && take_token;
  assign event_layer = layer_active || writing_active;
  assign event_start = layer_start;
  assign event_end   = writing_ended;
  assign layer_gives = writing_ended && writing_gives_token;
  assign busy        = fetch_busy || mover_busy || layer_active || writing_active;

  always @(posedge clk) begin
    if (rst) begin
      layer_active   <= 1'b0;
      layer_start    <= 1'b0;
      layer_waits    <= 1'b0;
      writing_active <= 1'b0;
      writing_start  <= 1'b0;
    end else begin
      layer_start <= run;
      if (run) layer_active <= 1'b1;
      else if (!layer_start && !beats_busy && reading == 4'd0 && !layer_waits) layer_active <= 1'b0;
      if (run) layer_waits <= 1'b1;
      else if (hand_over) layer_waits <= 1'b0;
      writing_start <= hand_over;
      if (hand_over) writing_active <= 1'b1;
      else if (writing_ended) writing_active <= 1'b0;
    end
    if (run) begin
      layer             <= fetched;
      layer_index       <= fetched_index;
      layer_gives_token <= give_token;
      layer_free        <= ahead[0];
    end
    if (hand_over) begin
      writing             <= layer;
      writing_index       <= layer_index;
      writing_gives_token <= layer_gives_token;
      from_engine         <= uses_engine;
    end
    if (beats_busy) reading <= ISSUE_READ[3:0];
    else if (reading != 4'd0) reading <= reading - 4'd1;
  end

  // --- Beats: a step of the loops is a read of the activation memory and a vector of weights -------------------------
  wire weights_available;
  wire follow_ready;
  wire shortcut_valid;
  wire shortcut_ready;
  wire [ADDR_W-1:0] shortcut_address;
  // a read of one whole word takes the turn of a step
  wire direct   = shortcut_valid || store_valid;
  reg  credit;          // underway is below BEATS
  wire may_read = !layer_waits || layer_free || follow_ready;
  wire wants    = beats_busy && credit && !direct && may_read;
  wire step     = wants && (!uses_engine || weights_available);
  wire step_row;
  wire step_tile;
  wire step_last;
  wire step_final;
  wire write_block;

  shw_accel_follow u_follow (
    .clk(clk),
    .write_start(writing_start), .write_blocks_y(results_blocks_y),
    .write_blocks_x(results_blocks_x), .write_tiles(results_tiles[7:0]), .write_block(write_block),
    .start(layer_start), .channel_tiles(channel_tiles), .split(split), .blocks_x(blocks_x),
    .dilation_y(dilation_y), .pad_y(pad_y), .step(step), .step_row(step_row),
    .step_tile(step_tile), .step_last(step_last), .step_final(step_final), .ready(follow_ready)
  );

  assign shortcut_ready = 1'b1;
  assign store_ready    = !shortcut_valid;
  assign event_weights  = wants && !step;
  assign event_results  = beats_busy && !credit;

  wire                gather_enable;
  wire [4*ADDR_W-1:0] gather_address;
  wire [BH_W-1:0]     gather_dy;
  wire [BW_W-1:0]     gather_dx;
  wire                gather_swap;
  wire [BH-1:0]       gather_row_ok;
  wire [BW-1:0]       gather_col_ok;

  shw_im2col #(.COLS(COLS), .ADDR_W(ADDR_W)) u_im2col (
    .clk(clk), .rst(rst), .start(layer_start), .busy(beats_busy), .step(step),
    .step_row(step_row), .step_tile(step_tile), .step_last(step_last), .step_final(step_final),
    .cfg_base(base[ADDR_W-1:0]), .cfg_block_stride(block_stride[ADDR_W-1:0]),
    .cfg_row_stride(row_stride[ADDR_W-1:0]), .cfg_phase_stride(phase_stride[ADDR_W-1:0]),
    .cfg_split(split), .cfg_height(height), .cfg_width(width), .cfg_blocks_y(blocks_y),
    .cfg_blocks_x(blocks_x), .cfg_kernel_y(kernel_y), .cfg_kernel_x(kernel_x),
    .cfg_dilation_y(dilation_y), .cfg_dilation_x(dilation_x), .cfg_pad_y(pad_y), .cfg_pad_x(pad_x),
    .cfg_channels(channel_tiles ? ROWS_WIDE[ADDR_W-1:0] : channels[ADDR_W-1:0]),
    .cfg_channel_tiles(channel_tiles ? channels[ADDR_W-1:0] >> ROWS_W : ONE),
    .cfg_groups(groups[ADDR_W-1:0]), .cfg_tiles(tiles[ADDR_W-1:0]),
    .cfg_taps_inner(!uses_engine),
    .read_enable(gather_enable), .read_address(gather_address), .read_dy(gather_dy),
    .read_dx(gather_dx), .read_swap(gather_swap),
    .read_row_ok(gather_row_ok), .read_col_ok(gather_col_ok)
  );

  // Reads of whole words travel beside the steps.
  wire              direct_enable;
  wire [ADDR_W-1:0] direct_address;
  wire [3:0]        tag;         // at the word: valid beat, its last, shortcut, store

  shw_delay #(.W(ADDR_W), .CYCLES(ISSUE)) u_direct (
    .clk(clk), .enable(1'b1), .now(shortcut_valid ? shortcut_address : store_address),
    .late(direct_address)
  );
  shw_accel_tags #(.W(1), .CYCLES(ISSUE)) u_direct_tag (
    .clk(clk), .rst(rst), .now(direct), .late(direct_enable)
  );
  shw_accel_tags #(.W(4), .CYCLES(ISSUE + READ)) u_tag (
    .clk(clk), .rst(rst),
    .now({store_valid && store_ready, shortcut_valid, step && step_last, step}), .late(tag)
  );

  assign store_word_valid = tag[3];

  // The last slice of the word that has a position of the map.
  reg  [BH_W-1:0] gather_slice;
  wire [BH_W-1:0] read_slice;
  integer         y;

  always @* begin
    gather_slice = {BH_W{1'b0}};
    for (y = 1; y < BH; y = y + 1) begin
      if (gather_row_ok[y]) gather_slice = y[BH_W-1:0];
    end
  end

  shw_delay #(.W(BH_W), .CYCLES(READ)) u_slice (
    .clk(clk), .enable(1'b1), .now(gather_slice), .late(read_slice)
  );

  wire                write_valid;
  wire [BH-1:0]       write_rows;
  wire [2*ADDR_W-1:0] write_address;
  wire [BW*8-1:0]     write_data;

  assign load_ready = !write_valid;

  shw_act_memory #(.COLS(COLS), .ADDR_W(ADDR_W), .FILL_BITS(128)) u_activations (
    .clk(clk),
    .read_enable(gather_enable || direct_enable),
    .read_address(direct_enable ? {4{direct_address}} : gather_address),
    .read_dy(direct_enable ? {BH_W{1'b0}} : gather_dy),
    .read_dx(direct_enable ? {BW_W{1'b0}} : gather_dx), .read_swap(gather_swap && !direct_enable),
    .read_row_ok(direct_enable ? {BH{1'b1}} : gather_row_ok),
    .read_col_ok(direct_enable ? {BW{1'b1}} : gather_col_ok),
    .read_fill(fill), .read_word(read_word),
    .write_rows(write_valid ? write_rows : load_valid ? load_rows : {BH{1'b0}}),
    .write_address(write_valid ? write_address : {2{load_address}}),
    .write_data(write_valid ? write_data : load_data)
  );

  // With rows_apart a vector of weights serves as many beats as the group has channels: the ring steps, and the
  // vector leaves, with the last of them.
  wire              vector_valid;
  wire [ROWS*8-1:0] vector;
  wire [ROWS-1:0]   step_row_unused;
  wire              step_vector;
  wire              take_vector;
  wire [ROWS-1:0]   beat_row;

  shw_accel_turns #(.ROWS(ROWS)) u_step_turns (
    .clk(clk), .rst(rst), .apart(rows_apart), .count(channels[ROWS_W:0]),
    .advance(step && uses_engine), .row(step_row_unused), .last(step_vector)
  );
  shw_accel_turns #(.ROWS(ROWS)) u_beat_turns (
    .clk(clk), .rst(rst), .apart(rows_apart), .count(channels[ROWS_W:0]),
    .advance(event_beat), .row(beat_row), .last(take_vector)
  );

  shw_weight_ring #(.ROWS(ROWS), .DEPTH(WEIGHTS)) u_weights (
    .clk(clk), .rst(rst), .flush(1'b0),
    .in_valid(weight_valid), .in_ready(weight_ready), .in_data(rdata), .room(weight_room),
    .available(weights_available), .step(step_vector), .step_last(step_last),
    .step_final(step_final),
    .out_valid(vector_valid), .out_vector(vector)
  );

  // Beats wait here; a step is taken only when there is room for its beat.
  wire              beat_valid;
  wire              beat_ready;
  wire              beat_last;
  wire [COLS*8-1:0] beat_word;
  wire [BH_W-1:0]   beat_slice;
  wire              beat_vector_valid;
  wire [ROWS*8-1:0] beat_vector;
  wire [5:0]        beat_level_unused;
  wire [5:0]        vector_level_unused;
  wire [1:0]        full_unused;
  wire              engine_ready;
  wire              pool_ready;
  wire              engine_valid = uses_engine && beat_valid && beat_vector_valid;
  wire              pool_valid   = !uses_engine && beat_valid;
  wire              taken        = beat_valid && beat_ready;

  assign beat_ready = uses_engine ? beat_vector_valid && engine_ready : pool_ready;
  assign event_beat = engine_valid && engine_ready;
  assign event_progress = step || taken || write_valid;

  shw_fifo #(.DATA_W(BH_W+COLS*8+1), .DEPTH(BEATS)) u_beats (
    .clk(clk), .rst(rst),
    .in_valid(tag[0]), .in_ready(full_unused[0]), .in_data({read_slice, tag[1], read_word}),
    .out_valid(beat_valid), .out_ready(beat_ready), .out_data({beat_slice, beat_last, beat_word}),
    .level(beat_level_unused)
  );
  shw_fifo #(.DATA_W(ROWS*8), .DEPTH(BEATS)) u_vectors (
    .clk(clk), .rst(rst),
    .in_valid(vector_valid), .in_ready(full_unused[1]), .in_data(vector),
    .out_valid(beat_vector_valid), .out_ready(take_vector), .out_data(beat_vector),
    .level(vector_level_unused)
  );

  wire [ROWS*8-1:0] beat_weights;

  genvar r;
  genvar c;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      assign beat_weights[r*8 +: 8] = beat_vector[r*8 +: 8] & {8{beat_row[r]}};
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      underway      <= 6'd0;
      some_underway <= 1'b0;
      credit        <= 1'b1;
    end else begin
      underway <= underway + {5'd0, step} - {5'd0, taken};
      if (step) some_underway <= 1'b1;
      else if (taken) some_underway <= underway != 6'd1;
      if (taken) credit <= 1'b1;
      else if (step) credit <= underway != LAST_BEAT[5:0];
    end
  end

  // --- Engine and pooling --------------------------------------------------------------------------------------------
  wire               engine_out_valid;
  wire               engine_out_ready;
  wire               engine_out_last_unused;
  wire [COLS*32-1:0] engine_acc;
  wire               engine_error;
  wire               pool_out_valid;
  wire               pool_out_ready;
  wire [BH_W-1:0]    slice;
  wire [BW*32-1:0]   pool_acc;
  wire               source_ready;

  // Settings of the engine, a cycle behind the layer: its first beat comes later.
  wire       overrides = override_enable && !rows_apart;
  reg        engine_tr_en;
  reg [8:0]  engine_group;
  reg [10:0] engine_group_budget;
  reg [3:0]  engine_data_terms;

  always @(posedge clk) begin
    engine_tr_en        <= overrides ? override_tr_en : tr_en;
    engine_group        <= overrides ? override_group : group;
    engine_group_budget <= overrides ? override_group_budget : group_budget;
    engine_data_terms   <= overrides ? override_data_terms : data_terms;
  end

  /* verilator lint_off WIDTHEXPAND */  // strings of different lengths
  generate
    if (ENGINE == "tr") begin : g_tr
      shw_tr_engine #(
        .ROWS(ROWS), .COLS(COLS), .DEPTH(DEPTH), .ACC_W(ACC_W), .TRUNCATE(TRUNCATE),
        .FAMILY(FAMILY)
      ) u_engine (
        .clk(clk), .rst(rst),
        .cfg_tr_en(engine_tr_en),
        .cfg_group(engine_group),
        .cfg_group_budget(engine_group_budget),
        .cfg_data_terms(engine_data_terms),
        .cfg_slice_shift(slice_shift),
        .cfg_encoding(encoding), .cfg_row_signed(row_signed), .cfg_col_signed(col_signed),
        .cfg_error(engine_error),
        .in_valid(engine_valid), .in_ready(engine_ready), .in_last(beat_last),
        .in_row(beat_weights),
        .in_col(beat_word),
        .out_valid(engine_out_valid), .out_ready(engine_out_ready),
        .out_last(engine_out_last_unused),
        .out_acc(engine_acc)
      );
    end else if (ENGINE == "mac") begin : g_mac
      wire unused_cfg = &{1'b0, engine_tr_en, engine_group, engine_group_budget, engine_data_terms,
                          slice_shift, encoding};

      shw_mac_engine #(
        .ROWS(ROWS), .COLS(COLS), .MULTIPLIER(MULTIPLIER), .FAMILY(FAMILY)
      ) u_engine (
        .clk(clk), .rst(rst), .cfg_row_signed(row_signed), .cfg_col_signed(col_signed),
        .cfg_error(engine_error),
        .in_valid(engine_valid), .in_ready(engine_ready), .in_last(beat_last),
        .in_row(beat_weights),
        .in_col(beat_word),
        .out_valid(engine_out_valid), .out_ready(engine_out_ready),
        .out_last(engine_out_last_unused),
        .out_acc(engine_acc)
      );
    end else if (ENGINE == "msq") begin : g_msq
      // A byte of a row is {the codes of the row are SP2, code}: the kind stands in bit 4.
      wire [ROWS*4-1:0] row_code;
      wire [ROWS-1:0]   row_sp2;
      wire [COLS*4-1:0] col_code;
      for (r = 0; r < ROWS; r = r + 1) begin : g_row_code
        assign row_code[r*4 +: 4] = beat_weights[r*8 +: 4];
        assign row_sp2[r]         = beat_vector[r*8+4];
      end
      for (c = 0; c < COLS; c = c + 1) begin : g_col_code
        assign col_code[c*4 +: 4] = beat_word[c*8 +: 4];
      end
      wire unused_cfg = &{1'b0, engine_tr_en, engine_group, engine_group_budget, engine_data_terms,
                          slice_shift, encoding, row_signed, beat_weights};

      shw_msq_engine #(
        .FIXED_ROWS(FIXED_ROWS), .SP2_ROWS(ROWS - FIXED_ROWS), .COLS(COLS), .LANES(1),
        .ACC_W(ACC_W), .PRODUCTS(FIXED_ROWS == 0 ? 0 : FIXED_ROWS % 2 == 0 ? 4 : 2)
      ) u_engine (
        .clk(clk), .rst(rst), .cfg_row_sp2(row_sp2), .cfg_col_signed(col_signed),
        .cfg_error(engine_error),
        .in_valid(engine_valid), .in_ready(engine_ready), .in_last(beat_last),
        .in_row(row_code),
        .in_col(col_code),
        .out_valid(engine_out_valid), .out_ready(engine_out_ready),
        .out_last(engine_out_last_unused),
        .out_acc(engine_acc)
      );
    end else begin : g_illegal_engine
      shw_ILLEGAL_ENGINE_must_be_tr_mac_or_msq illegal ();
    end
  endgenerate
  /* verilator lint_on WIDTHEXPAND */

  shw_pool #(.COLS(COLS)) u_pool (
    .clk(clk), .rst(rst), .cfg_sum(unit == 2'd2), .cfg_reduce(reduce), .cfg_signed(col_signed),
    .cfg_divide(divide), .cfg_up(up), .cfg_count(count),
    .in_valid(pool_valid), .in_ready(pool_ready), .in_last(beat_last), .in_word(beat_word),
    .in_slice(beat_slice),
    .out_valid(pool_out_valid), .out_ready(pool_out_ready), .slice(slice), .out_acc(pool_acc)
  );

  assign engine_out_ready = from_engine && source_ready;
  assign pool_out_ready   = !from_engine && source_ready;

  // --- Results -------------------------------------------------------------------------------------------------------
  shw_result_path #(
    .COLS(COLS), .ADDR_W(ADDR_W), .CONST_W(CONST_W),
    .SHORTCUT_WORDS(BH >= 8 ? 4 : BH >= 4 ? 8 : 16), .REQUANT((MSQ != 0) ? "scale" : "shift")
  ) u_results (
    .clk(clk), .rst(rst), .start(writing_start), .busy(results_busy),
    .const_write(const_write), .const_address(const_address), .const_data(rdata),
    .src_valid(from_engine ? engine_out_valid : pool_out_valid), .src_ready(source_ready),
    .src_slice(slice),
    .src_engine(engine_acc), .src_pooled(pool_acc),
    .cfg_groups(results_groups[ADDR_W-1:0]), .cfg_tiles(results_tiles[ADDR_W-1:0]),
    .cfg_blocks_y(results_blocks_y), .cfg_blocks_x(results_blocks_x),
    .cfg_last_slice(results_last_slice[BH_W-1:0]),
    .cfg_rows(from_engine ? ROWS_WIDE[ADDR_W-1:0] : results_channels[ADDR_W-1:0]),
    .cfg_channels(results_channels[ADDR_W-1:0]), .cfg_const_base(results_constants[CONST_W-1:0]),
    .cfg_const_fixed(results_constants_fixed), .cfg_pooled(!from_engine),
    .cfg_shortcut_enable(results_shortcut_enable), .cfg_shortcut_signed(results_shortcut_signed),
    .cfg_shortcut_base(results_shortcut_base[ADDR_W-1:0]),
    .cfg_shortcut_block_stride(results_shortcut_block_stride[ADDR_W-1:0]),
    .cfg_shortcut_row_stride(results_shortcut_row_stride[ADDR_W-1:0]),
    .cfg_shortcut_first(results_shortcut_first[ADDR_W-1:0]),
    .cfg_shortcut_count(results_shortcut_count[ADDR_W-1:0]),
    .shortcut_read_valid(shortcut_valid), .shortcut_read_ready(shortcut_ready),
    .shortcut_read_address(shortcut_address), .shortcut_valid(tag[2]), .shortcut_word(read_word),
    .cfg_relu(results_relu), .cfg_low(results_low), .cfg_high(results_high),
    .cfg_plain(results_plain), .cfg_split(results_split), .cfg_raw(results_raw),
    .cfg_plain_base(results_plain_base[ADDR_W-1:0]),
    .cfg_plain_row_stride(results_plain_row_stride[ADDR_W-1:0]),
    .cfg_block_stride(results_block_stride[ADDR_W-1:0]),
    .cfg_split_base(results_split_base[ADDR_W-1:0]),
    .cfg_split_row_stride(results_split_row_stride[ADDR_W-1:0]),
    .cfg_split_phase_stride(results_split_phase_stride[ADDR_W-1:0]),
    .write_valid(write_valid), .write_rows(write_rows),
    .write_address(write_address), .write_data(write_data), .write_block(write_block)
  );

  // --- Faults --------------------------------------------------------------------------------------------------------
  wire [15:0] oldest_layer = writing_active ? writing_index : layer_index;
  wire [15:0] oldest = event_layer && (!moves || oldest_layer < move_index) ? oldest_layer
                       : moves ? move_index : fetched_index;

  always @(posedge clk) begin
    if (!fault) begin
      fault_index <= oldest;
      if (fetched_valid && malformed) begin
        {fault, fault_code} <= {1'b1, 4'd1};
        fault_index         <= fetched_index;
      end else if (fetched_valid && refused) begin
        {fault, fault_code} <= {1'b1, !is_header || !(other_length || other_shape) ? 4'd11
                                      : other_length ? 4'd9 : 4'd10};
        fault_index         <= 16'd0;
      end else if (engine_error || outside) begin
        {fault, fault_code} <= {1'b1, engine_error ? 4'd2 : 4'd3};
        fault_index         <= layer_index;
      end else if (move_outside) begin
        {fault, fault_code} <= {1'b1, 4'd3};
        fault_index         <= move_index;
      end
    end
    if (rst) fault <= 1'b0;
  end
endmodule

`default_nettype wire

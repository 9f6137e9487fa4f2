// shw_pool: maxima and sums over windows of words, with a division for averages.
//
// Words come as the activation memory reads them, a window (in_last on its final word) after the
// other. Positions that must not count carry the fill code: 0 for sums, the smallest code for maxima.
//   cfg_sum = 0                 maxima, by position
//   cfg_sum = 1                 sums, by position, of 24 bits
//   cfg_sum = 1, cfg_reduce     the sum of all positions of all words, of each the slices 0 to
//                               in_slice, at position 0 (the others are anything)
//   cfg_sum = 1, cfg_divide     floor(sum * 2^(cfg_up+1) / cfg_count), twice the average; what is
//                               not within -512..511 stays beyond that on its side
// A result leaves slice by slice: out_acc is slice `slice` (BW neighbours of a block row, 32 bits
// two's complement each), until out_ready.
//
// How it works: a maximum is kept a position (a register that loads when the word is larger). What
// is complete (a maximum; with cfg_sum every word) moves on and is cut into slices, which are added
// into a LUT RAM, where the results lie: two banks, so that maxima go on while a result is read.
// With cfg_reduce an adder tree goes into one total instead. The division is a non-restoring one in
// BW lanes, one slice after the other. Who takes the results halves and clamps them.
//
// cfg_* change only while nothing is inside, a cycle before the next word or earlier. Sums are exact
// below 2^23 in magnitude; the division where |sum| * 2^cfg_up < 2^30 as well.
//
// Parameters:   COLS  4, 8, 16, .. 128  positions of a word; BH = 2^(log2(COLS) / 2) rows (rounded
//                     down) of BW = COLS / BH columns
// Latency:      from the only word of a window to out_valid (with the words before it up to BH - 1
//               more where they are being cut): BH + 3 cycles (with cfg_reduce slices + 3). By position with cfg_divide:
//               BH * (12 + cfg_up) + 1 more. With cfg_reduce: log2(BW) more, and 12 + cfg_up with
//               cfg_divide.
// Throughput:   a window of n words, results taken in BH cycles. Maxima: n cycles, at least BH + 2
//               (a word a cycle). Sums by position: n * BH + BH + 1, and BH * (12 + cfg_up) + 1 with
//               cfg_divide. cfg_reduce: its slices, at least log2(BW) + 2 or, with cfg_divide,
//               11 + cfg_up, and the cycles in which the result is taken.
// Backpressure: in_ready is a register, out_valid a function of registers; a result waits for out_ready,
//               words wait behind it.
// Reset:        rst drops words and results; the next word begins a window.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_pool #(
  parameter COLS = 64
) (
  input  wire                                  clk,
  input  wire                                  rst,
  input  wire                                  cfg_sum,     // 0 maxima, 1 sums
  input  wire                                  cfg_reduce,
  input  wire                                  cfg_signed,  // codes are two's complement
  input  wire                                  cfg_divide,
  input  wire [4:0]                            cfg_up,      // 0..15
  input  wire [15:0]                           cfg_count,   // 1..32767
  input  wire                                  in_valid,
  output reg                                   in_ready,
  input  wire                                  in_last,     // last word of a window
  input  wire [COLS*8-1:0]                     in_word,
  input  wire [$clog2(COLS)/2-1:0]             in_slice,    // last one that counts with cfg_reduce
  output wire                                  out_valid,
  input  wire                                  out_ready,
  input  wire [$clog2(COLS)/2-1:0]             slice,       // wanted
  output wire [(COLS>>($clog2(COLS)/2))*32-1:0] out_acc
);
  localparam BH_W  = $clog2(COLS) / 2;
  localparam BW    = COLS >> BH_W;
  localparam BW_W  = $clog2(COLS) - BH_W;
  localparam SUM_W = 24;

  generate
    if (COLS < 4 || COLS > 128 || (COLS & (COLS - 1)) != 0) begin : g_illegal_cols
      shw_ILLEGAL_COLS_must_be_a_power_of_two_from_4_to_128 illegal ();
    end
  endgenerate

  reg  reduce;
  always @(posedge clk) reduce <= cfg_sum & cfg_reduce;

  // ---- Maxima; with cfg_sum the word itself.
  reg               begins;        // the next word begins a window
  reg               top_full;      // top moves on
  reg               top_first;     // of a window of words that move on
  reg               top_last;
  reg  [BH_W-1:0]   top_slice;
  reg  [COLS*8-1:0] top;
  reg               hold_full;
  reg               hold_free;     // hold is empty, or its last slice is cut
  reg               hold_first;
  reg               hold_last;
  reg  [BH_W-1:0]   hold_slice;
  reg  [COLS*8-1:0] hold;

  wire move = top_full & hold_free;
  wire take = in_valid & in_ready;
  wire top_full_next  = (take & (in_last | cfg_sum)) | (top_full & ~move);
  wire hold_full_next = move | (hold_full & ~hold_free);

  always @(posedge clk) begin
    if (rst) begin
      begins    <= 1'b1;
      top_full  <= 1'b0;
      hold_full <= 1'b0;
    end else begin
      if (take) begins <= in_last;
      top_full  <= top_full_next;
      hold_full <= hold_full_next;
    end
    if (take) begin
      top_first <= begins | ~cfg_sum;
      top_last  <= in_last;
      top_slice <= reduce ? in_slice : {BH_W{1'b1}};
    end
    if (move) begin
      hold_first <= top_first;
      hold_last  <= top_last;
      hold_slice <= top_slice;
      hold       <= top;
    end
  end

  genvar c;
  genvar k;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_position
      wire [7:0] code = in_word[c*8 +: 8];
      wire [7:0] best = top[c*8 +: 8];
      wire [4:0] larger;               // in the lower bits, two and two
      assign larger[0] = 1'b0;
      for (k = 0; k < 4; k = k + 1) begin : g_bits
        shw_larger u_larger (
          .a(code[2*k +: 2]), .b(best[2*k +: 2]), .below(larger[k]), .sign((k == 3) && cfg_signed),
          .larger(larger[k+1])
        );
      end
      always @(posedge clk) begin
        if (take && (begins || cfg_sum || larger[4])) top[c*8 +: 8] <= code;
      end
    end
  endgenerate

  // ---- Slices.
  reg              closed;         // sums: a window is complete and not yet taken
  reg  [1:0]       bank_full;      // results; read in turn
  reg              write_bank;
  reg              read_bank;
  reg  [BH_W-1:0]  cut;            // slice that is cut next
  wire             reopen;

  // What follows a window waits; with cfg_reduce the last slice of the next one does.
  reg  last_cut;         // cut is hold_slice
  wire waits         = closed & (~reduce | hold_last & last_cut);
  wire go            = hold_full & ~waits & ~bank_full[write_bank];
  wire end_of_word   = hold_full & hold_free;
  wire end_of_window = end_of_word & hold_last;

  wire closed_next     = (end_of_window & cfg_sum) | (closed & ~reopen);
  wire write_bank_next = write_bank ^ (end_of_window & ~reduce);
  wire last_cut_next   = move ? top_slice == {BH_W{1'b0}}
                         : go ? cut + 1'b1 == hold_slice : last_cut;

  always @(posedge clk) begin
    if (rst) begin
      closed     <= 1'b0;
      cut        <= {BH_W{1'b0}};
      write_bank <= 1'b0;
    end else begin
      closed     <= closed_next;
      write_bank <= write_bank_next;
      if (go) cut <= last_cut ? {BH_W{1'b0}} : cut + 1'b1;
    end
    last_cut <= last_cut_next;
  end

  // The slice, of 9 bits a code; 0 beside a slice of quotients on its way back.
  reg              add_valid;      // goes into the LUT RAM
  reg              add_first;
  reg              add_last;       // the result is complete
  reg              add_divide;     // the sums are complete and are divided now
  reg              add_bank;
  reg  [BH_W-1:0]  add_slice;
  reg  [BW*9-1:0]  add_codes;
  reg              tree_valid;
  reg              tree_first;
  reg              tree_last;

  wire             store;          // of quotients, in the next cycle
  reg              add_quotients;
  wire [BW*11-1:0] quotients;
  reg  [BH_W-1:0]  divided;        // slice that is divided

  wire [BW*8-1:0] cut_codes = hold[cut*BW*8 +: BW*8];

  always @(posedge clk) begin
    if (rst) begin
      add_valid  <= 1'b0;
      tree_valid <= 1'b0;
    end else begin
      add_valid  <= go & ~reduce | store;
      tree_valid <= go & reduce;
    end
    add_quotients <= store;
    add_first  <= hold_first;
    add_last   <= store ? &divided : end_of_window & ~(cfg_sum & cfg_divide);
    add_divide <= end_of_window & cfg_divide & cfg_sum;
    add_bank   <= store ? read_bank : write_bank;
    add_slice  <= store ? divided : cut;
    tree_first <= hold_first & (cut == {BH_W{1'b0}});
    tree_last  <= end_of_window;
  end

  genvar j;
  generate
    for (j = 0; j < BW; j = j + 1) begin : g_slice
      wire [7:0] code = cut_codes[j*8 +: 8];
      always @(posedge clk) begin
        if (store) add_codes[j*9 +: 9] <= 9'd0;
        else add_codes[j*9 +: 9] <= {cfg_signed & code[7], code};
      end
    end
  endgenerate

  // ---- Sums by position, and results.
  reg                 result_valid;    // bank_full[read_bank]
  wire                dividing;    // by position
  wire [BW*SUM_W-1:0] read_sums;
  wire [BW*SUM_W-1:0] new_sums;
  wire [BH_W:0]       read_place = result_valid ? {read_bank, slice}
                                 : dividing ? {read_bank, divided} : {add_bank, add_slice};

  shw_lutram #(.DATA_W(BW*SUM_W), .ADDR_W(BH_W+1)) u_sums (
    .clk(clk),
    .write_enable(add_valid), .write_address({add_bank, add_slice}), .write_data(new_sums),
    .read_address(read_place), .read_data(read_sums)
  );

  generate
    for (j = 0; j < BW; j = j + 1) begin : g_sum
      wire [SUM_W-1:0] quotient = {{(SUM_W-11){quotients[j*11+10]}}, quotients[j*11 +: 11]};
      wire [SUM_W-1:0] sum      = add_first ? {SUM_W{1'b0}} : read_sums[j*SUM_W +: SUM_W];
      wire [SUM_W-1:0] old      = add_quotients ? quotient : sum;
      assign new_sums[j*SUM_W +: SUM_W] =
          {{(SUM_W-9){add_codes[j*9+8]}}, add_codes[j*9 +: 9]} + old;
    end
  endgenerate

  // ---- The sum of everything. Signed codes are offset by 128: the tree is unsigned, and the top
  // bit of its sum, complemented, is the sign.
  localparam TREE_W = 8 + BW_W;

  wire [BW*8-1:0]   tree_codes;
  wire [TREE_W-1:0] tree_sum;
  reg  [BW_W-1:0]   late_valid;
  reg  [BW_W-1:0]   late_first;
  reg  [BW_W-1:0]   late_last;
  reg               total_full;
  reg  [SUM_W-1:0]  total;         // of a complete window
  reg  [SUM_W-1:0]  partial;       // of the one that is being added
  wire              total_take;
  wire [BW_W:0]     tree_valids = {late_valid, tree_valid};
  wire [BW_W:0]     tree_firsts = {late_first, tree_first};
  wire [BW_W:0]     tree_lasts  = {late_last, tree_last};
  wire              sum_valid   = late_valid[BW_W-1];
  wire              sum_first   = late_first[BW_W-1];
  wire              sum_last    = late_last[BW_W-1];
  wire              tree_sign   = cfg_signed & ~tree_sum[TREE_W-1];
  wire [SUM_W-1:0]  tree_wide   = {{(SUM_W-TREE_W){tree_sign}},
                                   tree_sum[TREE_W-1] ^ cfg_signed, tree_sum[TREE_W-2:0]};
  wire [SUM_W-1:0]  partial_next = (sum_first ? {SUM_W{1'b0}} : partial) + tree_wide;

  generate
    for (j = 0; j < BW; j = j + 1) begin : g_tree
      assign tree_codes[j*8 +: 8] = {add_codes[j*9+7] ^ cfg_signed, add_codes[j*9 +: 7]};
    end
  endgenerate

  shw_adder_tree #(.INPUTS(BW), .IN_W(8)) u_tree (
    .clk(clk), .enable(1'b1), .in(tree_codes), .sum(tree_sum)
  );

  always @(posedge clk) begin
    if (rst) begin
      late_valid <= {BW_W{1'b0}};
      total_full <= 1'b0;
    end else begin
      late_valid <= tree_valids[BW_W-1:0];
      if (sum_valid && sum_last) total_full <= 1'b1;
      else if (total_take) total_full <= 1'b0;
    end
    late_first <= tree_firsts[BW_W-1:0];
    late_last  <= tree_lasts[BW_W-1:0];
    if (sum_valid) partial <= partial_next;
    if (sum_valid && sum_last) total <= partial_next;
  end

  // ---- Division: load, cfg_up doublings, ten steps, store.
  localparam [2:0] IDLE   = 3'd0;
  localparam [2:0] LOAD   = 3'd1;
  localparam [2:0] DOUBLE = 3'd2;
  localparam [2:0] DIVIDE = 3'd3;
  localparam [2:0] STORE  = 3'd4;

  reg  [2:0] state;
  reg  [3:0] left;           // cycles left of this state, less one
  reg        sums_full;      // sums by position wait for their division

  wire done   = out_valid & out_ready;
  wire loads  = state == LOAD;
  wire steps  = state == DIVIDE;
  wire stored = state == STORE && (!reduce || out_ready);
  wire more   = ~reduce & ~&divided;

  assign store      = steps && left == 4'd0 && !reduce;
  assign dividing   = sums_full;
  assign total_take = cfg_divide ? loads : reduce & done;

  always @(posedge clk) begin
    if (rst) begin
      state     <= IDLE;
      sums_full <= 1'b0;
      divided   <= {BH_W{1'b0}};
    end else begin
      case (state)
        IDLE: if (total_full && cfg_divide || sums_full) state <= LOAD;
        LOAD: state <= cfg_up == 5'd0 ? DIVIDE : DOUBLE;
        DOUBLE: if (left == 4'd0) state <= DIVIDE;
        DIVIDE: if (left == 4'd0) state <= STORE;
        default: if (stored) state <= more || total_full ? LOAD : IDLE;
      endcase
      if (add_valid && add_divide) sums_full <= 1'b1;
      else if (stored && !more) sums_full <= 1'b0;
      if (stored && !reduce) divided <= divided + 1'b1;
    end
    if (loads) left <= cfg_up == 5'd0 ? 4'd9 : cfg_up[3:0] - 4'd1;
    else left <= left == 4'd0 ? 4'd9 : left - 4'd1;
  end

  // A lane: a remainder of 23 bits, which grows by one at the top when it has got the count or minus
  // the count, and below it the bits of the sum that have not come to it and those of the quotient. A
  // step takes the count off a remainder that is not negative and adds it to one that is. So the first
  // step, for the bit of the sign, moves a sum of either sign towards 0; the others divide.
  // Sums are loaded through the adder, into 0.
  wire [15:0] count = cfg_count & {16{steps}};

  generate
    for (j = 0; j < BW; j = j + 1) begin : g_lane
      wire [SUM_W-1:0] stored_sum = read_sums[j*SUM_W +: SUM_W];
      wire [SUM_W-1:0] loaded;
      reg  [32:0]      work;       // the remainder in its upper 23 bits
      reg              sign;       // of the sum

      if (j == 0) begin : g_total
        assign loaded = reduce ? total : stored_sum;
      end else begin : g_position
        assign loaded = stored_sum;
      end

      wire        minus = steps & ~work[32];
      wire [22:0] upper = {{8{loaded[SUM_W-1]}}, loaded[SUM_W-1:9]};
      wire [22:0] added = loads ? upper : {7'd0, count} ^ {23{minus}};
      wire [23:0] rest  = {work[32:10], 1'b1} + {added, minus};   // below it the carry into it
      wire        unused_bit = rest[0];

      always @(posedge clk) begin
        if (state == IDLE || stored) work <= 33'd0;
        else if (state != STORE) begin
          work <= {rest[22:1], work[9:0] | {loaded[8:0], 1'b0} & {10{loads}}, steps & ~rest[23]};
        end
        if (loads) sign <= loaded[SUM_W-1];
      end

      assign quotients[j*11 +: 11] = {sign, work[9:0]};
    end
  endgenerate

  // ---- Results.
  assign out_valid = !reduce ? result_valid : cfg_divide ? state == STORE : total_full;
  assign reopen    = reduce ? total_take : done;

  wire       taken          = done & ~reduce;
  wire [1:0] bank_full_next = (bank_full & ~({1'b0, taken} << read_bank))
                              | ({1'b0, add_valid & add_last} << add_bank);

  always @(posedge clk) begin
    if (rst) begin
      bank_full    <= 2'd0;
      read_bank    <= 1'b0;
      result_valid <= 1'b0;
    end else begin
      bank_full    <= bank_full_next;
      read_bank    <= read_bank ^ taken;
      result_valid <= bank_full_next[read_bank ^ taken];
    end
  end

  // ---- The next word: top is free or moves on.
  wire waits_next     = closed_next & (~reduce | (move ? top_last : hold_last));
  wire hold_free_next = ~hold_full_next
                        | (last_cut_next & ~waits_next & ~bank_full_next[write_bank_next]);

  always @(posedge clk) begin
    hold_free <= rst | hold_free_next;
    in_ready  <= rst | ~top_full_next | hold_free_next;
  end

  generate
    for (j = 0; j < BW; j = j + 1) begin : g_out
      wire [SUM_W-1:0] sum;
      if (j == 0) begin : g_value
        wire [SUM_W-1:0] quotient = {{(SUM_W-11){quotients[10]}}, quotients[10:0]};
        assign sum = !reduce ? read_sums[SUM_W-1:0] : cfg_divide ? quotient : total;
      end else begin : g_result
        assign sum = read_sums[j*SUM_W +: SUM_W];
      end
      assign out_acc[j*32 +: 32] = {{(32-SUM_W){sum[SUM_W-1]}}, sum};
    end
  endgenerate

  wire unused = &{1'b0, tree_valids[BW_W], tree_firsts[BW_W], tree_lasts[BW_W], cfg_up[4]};
endmodule

`default_nettype wire

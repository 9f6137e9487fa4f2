// shw_counters: up to 16 counters of 64 bits that share one adder and one LUT RAM.
//
// Every counter gathers its events in a few flip-flops; one counter a cycle adds them to its word, so that each
// is served every 16 cycles. Counters 0..PULSES-1 count cycles with their pulse, counter PULSES adds `amount`. A read
// waits for the turn of its counter, so that nothing is missing from the value.
//
// Parameters:   PULSES    1..15: counters of pulses
//               AMOUNT_W  2..16: width of the amount
// Latency:      a read takes 1 to 20 cycles; its value holds all events but those of the 3 cycles before it
//               began, and of a later cycle.
// Throughput:   any events in every cycle.
// Backpressure: none; read stays high until read_done, read_value stands until the next read_done.
// Reset:        rst or clear sets all counters to 0; the events of that cycle are not counted.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_counters #(
  parameter PULSES   = 9,
  parameter AMOUNT_W = 8
) (
  input  wire                clk,
  input  wire                rst,
  input  wire                clear,       // all counters to 0
  input  wire [PULSES-1:0]   pulse,       // counter i counts the cycles with bit i
  input  wire [AMOUNT_W-1:0] amount,      // counter PULSES adds it in every cycle
  input  wire                read,        // stays until read_done
  input  wire [3:0]          read_index,
  output reg                 read_done,   // one cycle
  output reg  [63:0]         read_value
);
  generate
    if (PULSES < 1 || PULSES > 15) begin : g_illegal_pulses
      shw_ILLEGAL_PULSES_must_be_1_to_15 illegal ();
    end
    if (AMOUNT_W < 2 || AMOUNT_W > 16) begin : g_illegal_amount
      shw_ILLEGAL_AMOUNT_W_must_be_2_to_16 illegal ();
    end
  endgenerate

  localparam PART_W = AMOUNT_W + 4;       // the events of 16 cycles
  localparam [31:0] PULSES_WIDE = PULSES;

  wire forget = rst | clear;

  reg  [3:0]             turn;            // whose events are taken
  wire [PULSES*5-1:0]    pulses_all;
  wire [16*PART_W-1:0]   parts;
  reg  [PART_W-1:0]      amounts;

  genvar i;
  generate
    for (i = 0; i < PULSES; i = i + 1) begin : g_pulse
      reg [4:0] gathered;
      always @(posedge clk) begin
        if (forget) gathered <= 5'd0;
        else gathered <= (turn == i ? 5'd0 : gathered) + {4'd0, pulse[i]};
      end
      assign pulses_all[i*5 +: 5] = gathered;
    end
    for (i = 0; i < 16; i = i + 1) begin : g_part
      if (i < PULSES) begin : g_count
        assign parts[i*PART_W +: PART_W] = {{(PART_W-5){1'b0}}, pulses_all[i*5 +: 5]};
      end else begin : g_other
        assign parts[i*PART_W +: PART_W] = (i == PULSES) ? amounts : {PART_W{1'b0}};
      end
    end
  endgenerate

  always @(posedge clk) begin
    if (forget) amounts <= {PART_W{1'b0}};
    else amounts <= (turn == PULSES_WIDE[3:0] ? {PART_W{1'b0}} : amounts) + {4'd0, amount};
  end

  // turn -> part -> old word -> sum -> LUT RAM; a word comes back after 16 cycles
  reg  [2:0]        live;                 // of the stages part, old, sum
  reg  [PART_W-1:0] part;
  reg  [PART_W-1:0] part_late;
  reg  [3:0]        index_part;
  reg  [3:0]        index_old;
  reg  [3:0]        index_sum;
  reg  [63:0]       old;
  reg  [63:0]       sum;
  reg  [15:0]       written;
  wire [63:0]       stored;

  shw_lutram #(.DATA_W(64), .ADDR_W(4)) u_words (
    .clk(clk),
    .write_enable(live[2]), .write_address(index_sum), .write_data(sum),
    .read_address(index_part), .read_data(stored)
  );

  always @(posedge clk) begin
    part       <= parts[turn*PART_W +: PART_W];
    index_part <= turn;
    old        <= written[index_part] ? stored : 64'd0;
    part_late  <= part;
    index_old  <= index_part;
    sum        <= old + {{(64-PART_W){1'b0}}, part_late};
    index_sum  <= index_old;
    if (live[2] && read && index_sum == read_index) read_value <= sum;
    if (forget) begin
      turn      <= 4'd0;
      live      <= 3'd0;
      written   <= 16'd0;
      read_done <= 1'b0;
    end else begin
      turn <= turn + 1'b1;
      live <= {live[1:0], 1'b1};
      if (live[2]) written[index_sum] <= 1'b1;
      read_done <= live[2] && read && !read_done && index_sum == read_index;
    end
  end
endmodule

`default_nettype wire

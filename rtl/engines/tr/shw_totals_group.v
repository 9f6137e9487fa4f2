// shw_totals_group: columns of shw_slice_totals that share control registers.
//
// Total memory, adders and output registers of a few columns, with their own copies of the registers that reach all
// of them; the hierarchy keeps synthesis from merging the copies of the groups. A step reads a word of the memory and
// either adds to it and writes it back, or takes it to the output registers.
//
// Parameters: COLS    1..1024        columns
//             SUM_W   10..TOTAL_W    width of a sum
//             TOTAL_W 32..64         width of a total; even where STEPS = 2
//             STEPS   1, 2           words of a total; 2: it is added in halves, the lower one first
//             ADDR_W  2..10          address width of the memory; bit 0 tells the half where STEPS = 2
// Latency:    a step given in cycle 0 reads in 1, adds add_sum of cycle 2 and writes in 3; a word taken is in out_acc in 2.
// Throughput: 1 step per cycle; a word may be read again 3 cycles after it was read to be added to.
// Backpressure: none. Reset: none.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

(* keep_hierarchy *)
module shw_totals_group #(
  parameter COLS    = 8,
  parameter SUM_W   = 24,
  parameter TOTAL_W = 32,
  parameter STEPS   = 2,
  parameter ADDR_W  = 5
) (
  input  wire                    clk,
  input  wire [ADDR_W-1:0]       step_address,
  input  wire                    step_add,
  input  wire                    step_first,   // add to 0
  input  wire [STEPS-1:0]        step_take,    // to the output: which half
  input  wire [COLS*SUM_W-1:0]   add_sum,
  output wire [COLS*TOTAL_W-1:0] out_acc
);
  localparam WORD_W = TOTAL_W / STEPS;

  reg  [ADDR_W-1:0]      read_address;
  reg                    read_add;
  reg                    read_first;
  reg  [STEPS-1:0]       read_take;
  reg  [ADDR_W-1:0]      add_address;
  reg                    add;
  reg  [ADDR_W-1:0]      write_address;
  reg                    write;
  wire [COLS*WORD_W-1:0] word;
  reg  [COLS*WORD_W-1:0] total;
  wire [COLS*WORD_W-1:0] total_next;

  always @(posedge clk) begin
    read_address  <= step_address;
    read_add      <= step_add;
    read_first    <= step_first;
    read_take     <= step_take;
    add_address   <= read_address;
    add           <= read_add;
    write_address <= add_address;
    write         <= add;
    if (add) total <= total_next;
  end

  shw_lutram #(.DATA_W(COLS*WORD_W), .ADDR_W(ADDR_W)) u_totals (
    .clk(clk), .write_enable(write), .write_address(write_address), .write_data(total),
    .read_address(read_address), .read_data(word)
  );

  reg  no_carry;          // no upper half follows
  wire unused = &{1'b0, no_carry};   // STEPS = 1

  always @(posedge clk) no_carry <= !read_add || read_address[0];

  genvar c;
  generate
    for (c = 0; c < COLS; c = c + 1) begin : g_column
      wire [SUM_W-1:0]   sum    = add_sum[c*SUM_W +: SUM_W];
      wire [TOTAL_W-1:0] addend = {{(TOTAL_W-SUM_W+1){sum[SUM_W-1]}}, sum[SUM_W-2:0]};
      reg  [WORD_W-1:0]  old;
      reg  [TOTAL_W-1:0] beat;

      always @(posedge clk) begin
        if (read_first) old <= {WORD_W{1'b0}};
        else old <= word[c*WORD_W +: WORD_W];
      end

      assign out_acc[c*TOTAL_W +: TOTAL_W] = beat;

      if (STEPS == 1) begin : g_whole
        assign total_next[c*WORD_W +: WORD_W] = old + addend;
        always @(posedge clk) begin
          if (read_take[0]) beat <= word[c*WORD_W +: WORD_W];
        end
      end else begin : g_halves
        reg  carry;         // of the lower half
        wire carry_next;

        shw_select_adder #(.W(WORD_W)) u_adder (
          .base(old), .low(addend[0 +: WORD_W]), .high(addend[WORD_W +: WORD_W]),
          .choose(add_address[0]), .carry_in(carry),
          .sum(total_next[c*WORD_W +: WORD_W]), .carry_out(carry_next)
        );

        always @(posedge clk) begin
          if (no_carry) carry <= 1'b0;
          else carry <= carry_next;
          if (read_take[0]) beat[0 +: WORD_W] <= word[c*WORD_W +: WORD_W];
          if (read_take[1]) beat[WORD_W +: WORD_W] <= word[c*WORD_W +: WORD_W];
        end
      end
    end
  endgenerate
endmodule

`default_nettype wire

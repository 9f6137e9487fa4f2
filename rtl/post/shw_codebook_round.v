// shw_codebook_round: requantizer to the nearest of LEVELS levels: binary search over thresholds.
//
// result = the number of thresholds T[1] <= ... <= T[LEVELS-1] with value >= T. The thresholds that
// make this the index of the nearest level, the lower one on a tie, come from codebook_thresholds
// of tools/shiftwork/tensors/arithmetic.py (docs/numerics.md section 5). Stage k compares with one
// of the 2^k thresholds that the k index bits found so far leave over, which its memory holds.
// Writes do not wait for enable; every threshold has to be written before the first value.
//
// Parameters:   IN_W    2..64                    width of value and thresholds
//               LEVELS  a power of two, 4..256   levels
// Latency:      log2(LEVELS) enabled cycles. Throughput: 1 value per enabled cycle.
// Backpressure: enable stalls all stages; the user keeps the valid bits.
// Reset:        none (no state but the pipeline and the thresholds).
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_codebook_round #(
  parameter IN_W   = 32,
  parameter LEVELS = 16
) (
  input  wire                      clk,
  input  wire                      enable,         // the pipeline moves
  input  wire [IN_W-1:0]           value,          // two's complement
  input  wire                      level_write,    // writes T[level_address]
  input  wire [$clog2(LEVELS)-1:0] level_address,  // 1..LEVELS-1
  input  wire [IN_W-1:0]           level_value,    // two's complement
  output wire [$clog2(LEVELS)-1:0] result          // unsigned
);
  localparam BITS = $clog2(LEVELS);

  generate
    if (IN_W < 2 || IN_W > 64) begin : g_illegal_in
      shw_ILLEGAL_IN_W_must_be_2_to_64 illegal ();
    end
    if (LEVELS < 4 || LEVELS > 256 || (LEVELS & (LEVELS - 1)) != 0) begin : g_illegal_levels
      shw_ILLEGAL_LEVELS_must_be_a_power_of_two_4_to_256 illegal ();
    end
  endgenerate

  // Word k of a chain is what stage k sees; the index grows from the low end.
  wire [BITS*IN_W-1:0]     value_chain;
  wire [(BITS+1)*BITS-1:0] index_chain;

  assign value_chain[0 +: IN_W] = value;
  assign index_chain[0 +: BITS] = {BITS{1'b0}};
  assign result                 = index_chain[BITS*BITS +: BITS];

  genvar k;
  generate
    for (k = 0; k < BITS; k = k + 1) begin : g_stage
      // T[j] belongs to the stage if BITS - 1 - k zeros follow the last one of j; what stands before
      // that one is the index found so far.
      wire [BITS-1:0] ending = level_address << k;
      wire            write  = level_write && ending == {1'b1, {(BITS-1){1'b0}}};
      wire [IN_W-1:0] here   = value_chain[k*IN_W +: IN_W];
      wire [BITS-1:0] index  = index_chain[k*BITS +: BITS];
      wire [IN_W-1:0] threshold;
      wire            reached = $signed(here) >= $signed(threshold);
      reg  [BITS-1:0] found;

      assign index_chain[(k+1)*BITS +: BITS] = found;

      always @(posedge clk) begin
        if (enable) found <= (index << 1) | {{(BITS-1){1'b0}}, reached};
      end

      if (k == 0) begin : g_one
        reg [IN_W-1:0] word;
        assign threshold = word;
        always @(posedge clk) begin
          if (write) word <= level_value;
        end
      end else begin : g_memory
        shw_lutram #(.DATA_W(IN_W), .ADDR_W(k)) u_thresholds (
          .clk(clk), .write_enable(write), .write_address(level_address[BITS-1 -: k]),
          .write_data(level_value), .read_address(index[k-1:0]), .read_data(threshold)
        );
      end

      if (k < BITS - 1) begin : g_value
        reg [IN_W-1:0] passed;
        assign value_chain[(k+1)*IN_W +: IN_W] = passed;
        always @(posedge clk) begin
          if (enable) passed <= here;
        end
      end
    end
  endgenerate
endmodule

`default_nettype wire

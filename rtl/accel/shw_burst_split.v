// shw_burst_split: cuts requests for runs of 64-bit words into AXI bursts and checks each against a window.
//
// A burst ends at the end of its request or at the next multiple of 2 KiB: so it has at most 256 beats and
// crosses no boundary of 4 KiB, and all bursts inside a long request are of full length. `outside` marks a
// burst of which some word is not in the window first..last; it is the user's to refuse it. An address
// beyond 32 bits is outside of every window.
//
// Parameters:   none
// Latency:      4 cycles from a request to its first burst.
// Throughput:   a burst every 2 cycles; 4 cycles a request at least.
// Backpressure: full; in_ready and out_valid are registers. The window is stable while requests are under way.
// Reset:        rst drops requests and bursts.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_burst_split (
  input  wire        clk,
  input  wire        rst,
  input  wire [31:0] window_first,  // byte address of the first 8-byte word that may be accessed
  input  wire [31:0] window_last,   // and of the last one
  input  wire        in_valid,
  output reg         in_ready,
  input  wire [31:0] in_address,    // byte address, a multiple of 8
  input  wire [15:0] in_words,      // 64-bit words, 1..65535
  output reg         out_valid,
  input  wire        out_ready,
  output reg  [31:0] out_address,   // byte address of the burst
  output reg  [7:0]  out_length,    // beats - 1
  output reg         out_final,     // last burst of its request
  output reg         out_outside    // the burst leaves the window
);
  localparam [1:0] IDLE = 2'd0, ADD = 2'd1, CUT = 2'd2, CHECK = 2'd3;

  reg [1:0]  state;
  reg [29:0] word;        // address of the burst in words; bit 29: beyond 32 bits
  reg [15:0] more;        // words of the request after the first
  reg [29:0] request_end; // its last word
  reg [7:0]  burst_end;   // low bits of the burst's last word
  reg        final_burst;

  wire       put        = state == CHECK && (!out_valid || out_ready);
  wire       beyond     = word[29] || word[28:0] < window_first[31:3]
                        || {word[28:8], burst_end} > window_last[31:3];
  wire       last_page  = request_end[29:8] == word[29:8];
  wire       unused     = &{1'b0, window_first[2:0], window_last[2:0], in_address[2:0]};

  always @(posedge clk) begin
    case (state)
      IDLE: begin
        word <= {1'b0, in_address[31:3]};
        more <= in_words - 1'b1;
      end
      ADD: request_end <= word + {14'd0, more};
      CUT: begin
        final_burst <= last_page;
        burst_end   <= last_page ? request_end[7:0] : 8'hff;
      end
      default: if (put) word <= {word[29:8] + 1'b1, 8'd0};
    endcase
    if (put) begin
      out_address <= {word[28:0], 3'd0};
      out_length  <= burst_end - word[7:0];
      out_final   <= final_burst;
      out_outside <= beyond;
    end
    if (rst) begin
      state     <= IDLE;
      in_ready  <= 1'b0;
      out_valid <= 1'b0;
    end else begin
      if (put) out_valid <= 1'b1;
      else if (out_ready) out_valid <= 1'b0;
      case (state)
        IDLE: begin
          in_ready <= ~(in_valid & in_ready);
          if (in_valid & in_ready) state <= ADD;
        end
        ADD:  state <= CUT;
        CUT:  state <= CHECK;
        default: if (put) begin
          state    <= final_burst ? IDLE : CUT;
          in_ready <= final_burst;
        end
      endcase
    end
  end
endmodule

`default_nettype wire

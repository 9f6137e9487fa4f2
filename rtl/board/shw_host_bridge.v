// shw_host_bridge: a host's frames of bytes become reads and writes of 32-bit words on a bus, and answers.
//
//   request   A5, command, tag, count - 1, address[4], payload of a write, crc[4]
//   answer    5A, status, tag, count - 1, payload of a read, crc[4]
//
// Numbers are little endian, counts are words, addresses bytes, the CRC is that of IEEE 802.3 over all bytes before
// it. Command: bit 0 writes, bits 2..1 choose the space: 0 memory, 1 registers (4 KiB), 2 board (32 bytes).
// Status: 0 done, 1 unknown command, 2 address not aligned or outside of its space, 3 more than 64 words, 4 the bus
// answered with an error. Nothing is executed before the CRC has been found right, and nothing is written under
// another status than 0 and 4, which stops at the word with the error.
//
// A frame with a wrong CRC is not answered. The next one begins with the next A5. A frame that lacks bytes and gets
// none for 2^TIMEOUT_W cycles is dropped. Bytes that come while a request is executed and answered wait, up to 511,
// so the host may send requests before it has the answers to those before; more are lost.
//
// The payload of a frame waits in LUT RAM: nextpnr places a block RAM on Gowin parts so near to the register of its
// address that it misses its hold time.
//
// All of a frame are words of 4 bytes. It moves bit by bit, as on the line: so the CRC is a shift register, and a
// word takes its place as it arrives. One frame is under way at a time, in or out.
//
// Parameters:   MEMORY_W   6..30: the memory has 2^MEMORY_W bytes
//               TIMEOUT_W  8..31: a frame may stand still for 2^TIMEOUT_W cycles
// Latency:      19 cycles from the last byte of a request to the first access of the bus.
// Throughput:   13 cycles a byte that comes, 12 one that goes, 3 cycles an access besides those of the bus.
// Backpressure: none for bytes that come; full for answers and on the bus.
// Reset:        rst drops the frame under way and the bytes that wait.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_host_bridge #(
  parameter MEMORY_W  = 16,
  parameter TIMEOUT_W = 22
) (
  input  wire        clk,
  input  wire        rst,
  // bytes from the host and to it
  input  wire        in_valid,
  input  wire [7:0]  in_data,
  output reg         out_valid,
  input  wire        out_ready,
  output wire [7:0]  out_data,
  // bus: one access at a time; bus_done comes after the cycle in which bus_ready took it
  output reg         bus_valid,
  input  wire        bus_ready,
  output wire        bus_write,
  output wire [1:0]  bus_space,
  output reg  [31:0] bus_address,  // in bytes
  output wire [31:0] bus_wdata,
  input  wire        bus_done,
  input  wire        bus_error,
  input  wire [31:0] bus_rdata,
  // what the board shows
  output reg  [15:0] dropped,      // frames dropped for a wrong CRC, at most 65535
  output reg         activity      // changes with every answer
);
  generate
    if (MEMORY_W < 6 || MEMORY_W > 30) begin : g_illegal_memory
      shw_ILLEGAL_MEMORY_W_must_be_6_to_30 illegal ();
    end
    if (TIMEOUT_W < 8 || TIMEOUT_W > 31) begin : g_illegal_timeout
      shw_ILLEGAL_TIMEOUT_W_must_be_8_to_31 illegal ();
    end
  endgenerate

  localparam [7:0]  REQUEST = 8'ha5, RESPONSE = 8'h5a;
  localparam [31:0] POLYNOMIAL = 32'hedb88320;  // reflected
  localparam [2:0]  DONE = 3'd0, COMMAND = 3'd1, ADDRESS = 3'd2, COUNT = 3'd3, BUS = 3'd4;

  // --- bytes that wait -----------------------------------------------------------------------------
  reg  [8:0] newest;               // place of the next byte that comes
  reg  [8:0] oldest;               // of the next one that is looked at
  reg        full;
  reg        waiting;              // there is one to look at
  wire       look;
  wire [8:0] after = newest + 1'b1;
  wire       put   = in_valid & ~full;
  wire [7:0] waited;

  shw_ram_sdp #(.DATA_W(8), .ADDR_W(9), .STYLE("block"), .OUTPUT_REGISTER(1)) u_bytes (
    .clk(clk),
    .write_enable(put), .write_address(newest), .write_data(in_data),
    .read_enable(1'b1), .read_address(oldest), .read_data(waited)
  );

  always @(posedge clk) begin
    if (put) newest <= after;
    if (look) oldest <= oldest + 1'b1;
    full    <= after == oldest;    // bytes come with many cycles between
    waiting <= newest != oldest && !look;
    if (rst) begin
      newest  <= 9'd0;
      oldest  <= 9'd0;
      waiting <= 1'b0;
    end
  end

  // --- the frame -----------------------------------------------------------------------------------
  localparam [2:0] WAIT = 3'd0, TAKE = 3'd1, SHIFT = 3'd2, JUDGE = 3'd3;
  localparam [2:0] CHECK = 3'd4, FETCH = 3'd5, ACCESS = 3'd6, SEND = 3'd7;
  localparam [1:0] HEAD = 2'd0, PLACE = 2'd1, PAYLOAD = 2'd2, SUM = 2'd3;

  reg  [2:0]  state;
  reg         answering;           // the frame is the answer
  reg  [1:0]  part;                // of the frame
  reg  [1:0]  lane;                // byte of a word
  reg  [7:0]  index;               // word of the payload
  reg  [2:0]  bits;                // of a byte that have moved; cycles of other states
  reg  [7:0]  current;             // byte, goes round once
  reg  [31:0] word;                // the last 32 bits that came
  reg  [31:0] crc;
  reg         wrong;               // the CRC that came is another
  reg  [7:0]  command;
  reg  [7:0]  tag;
  reg  [7:0]  count;               // words - 1
  reg  [2:0]  status;
  reg  [TIMEOUT_W:0] quiet;        // cycles without a byte
  wire [31:0] payload;             // word `index`, two cycles later
  wire        begun = part != HEAD || lane != 2'd0;
  wire        whole = lane == 2'd3;
  wire        is_last = index == count;
  wire        flip  = part != SUM & (crc[0] ^ current[0]);
  wire        got   = state == ACCESS & bus_done;

  shw_ram_sdp #(.DATA_W(32), .ADDR_W(6), .STYLE("distributed"), .OUTPUT_REGISTER(1)) u_payload (
    .clk(clk),
    .write_enable(got & ~command[0] | state == JUDGE & whole & part == PAYLOAD),
    .write_address(index[5:0]), .write_data(state == ACCESS ? bus_rdata : word),
    .read_enable(1'b1), .read_address(index[5:0]), .read_data(payload)
  );

  assign out_data  = current;
  assign look      = state == WAIT & waiting;
  assign bus_write = command[0];
  assign bus_space = command[2:1];
  assign bus_wdata = payload;

  // The address behind this word, or while it is checked that of the last word.
  wire [32:0] reached = {1'b0, bus_address} + {23'd0, state == CHECK ? count : 8'd1, 2'b00};
  reg         outside;             // of its space, a cycle later

  always @(posedge clk) begin
    case (command[2:1])
      2'd0:    outside <= |reached[32:MEMORY_W];
      2'd1:    outside <= |reached[32:12];
      default: outside <= |reached[32:5];
    endcase
  end

  wire unknown   = |command[7:3] | (&command[2:1]);
  wire many      = |count[7:6];
  wire misplaced = |bus_address[1:0] | outside;

  reg [7:0] answer;                // the next byte of the answer

  always @* begin
    case (part)
      HEAD:    answer = !lane[1] ? (lane[0] ? {5'd0, status} : RESPONSE) : lane[0] ? count : tag;
      PAYLOAD: answer = payload[8*lane +: 8];
      default: answer = ~crc[7:0];
    endcase
  end

  always @(posedge clk) begin
    if (state == TAKE || state == SHIFT || state == CHECK || state == FETCH) bits <= bits + 1'b1;
    else bits <= 3'd0;
    if (state != WAIT || !begun) quiet <= {TIMEOUT_W+1{1'b0}};
    else quiet <= quiet + 1'b1;

    if (state == TAKE) current <= waited;
    else if (state == FETCH) current <= answer;
    else if (state == SHIFT) current <= {current[0], current[7:1]};

    if (!begun && (state == TAKE || state == FETCH)) begin
      crc   <= 32'hffffffff;
      wrong <= 1'b0;
    end else if (state == SHIFT) begin
      crc   <= {1'b0, crc[31:1]} ^ (flip ? POLYNOMIAL : 32'd0);
      wrong <= wrong | part == SUM & (crc[0] == current[0]);
    end
    if (state == SHIFT) word <= {current[0], word[31:1]};

    case (state)
      WAIT: begin
        if (waiting) state <= TAKE;
        else if (quiet[TIMEOUT_W]) begin
          part <= HEAD;
          lane <= 2'd0;
        end
      end
      TAKE: begin                  // two cycles, until the byte is there
        if (bits[0]) begin
          state <= SHIFT;
          bits  <= 3'd0;
        end
      end
      SHIFT: begin
        if (bits == 3'd7) state <= answering ? SEND : JUDGE;
        out_valid <= bits == 3'd7 & answering;
      end
      JUDGE: begin                 // a byte has come
        state <= WAIT;
        if (begun || current == REQUEST) lane <= lane + 1'b1;
        if (whole) begin
          case (part)
            HEAD: begin
              {count, tag, command} <= word[31:8];
              part                  <= PLACE;
            end
            PLACE: begin
              bus_address <= word;
              index       <= 8'd0;
              part        <= command[0] ? PAYLOAD : SUM;
            end
            PAYLOAD: begin
              index <= index + 1'b1;
              if (is_last) part <= SUM;
            end
            default: begin
              part  <= HEAD;
              index <= 8'd0;
              if (!wrong) state <= CHECK;
              else if (!(&dropped)) dropped <= dropped + 1'b1;
            end
          endcase
        end
      end
      CHECK: begin                 // two cycles, until `outside` is known
        status    <= unknown ? COMMAND : many ? COUNT : misplaced ? ADDRESS : DONE;
        answering <= bits[0] & (unknown | many | misplaced);
        if (bits[0]) begin
          state <= FETCH;
          bits  <= 3'd0;
        end
      end
      FETCH: begin                 // three cycles, until the word of the payload is there
        if (bits == 3'd2) begin
          state     <= answering ? SHIFT : ACCESS;
          bus_valid <= ~answering;
          bits      <= 3'd0;
        end
      end
      ACCESS: begin
        if (bus_ready) bus_valid <= 1'b0;
        if (bus_done) begin
          state       <= FETCH;
          bus_address <= reached[31:0];
          index       <= index + 1'b1;
          if (bus_error) status <= BUS;
          if (bus_error || is_last) begin
            answering <= 1'b1;
            index     <= 8'd0;
          end
        end
      end
      default: begin               // SEND
        if (out_ready) begin
          state     <= FETCH;
          out_valid <= 1'b0;
          lane      <= lane + 1'b1;
          if (whole) begin
            case (part)
              HEAD: part <= status != DONE || command[0] ? SUM : PAYLOAD;
              PAYLOAD: begin
                index <= index + 1'b1;
                if (is_last) part <= SUM;
              end
              default: begin
                part      <= HEAD;
                index     <= 8'd0;
                state     <= WAIT;
                answering <= 1'b0;
                activity  <= ~activity;
              end
            endcase
          end
        end
      end
    endcase
    if (rst) begin
      state     <= WAIT;
      answering <= 1'b0;
      part      <= HEAD;
      lane      <= 2'd0;
      index     <= 8'd0;
      out_valid <= 1'b0;
      bus_valid <= 1'b0;
      dropped   <= 16'd0;
      activity  <= 1'b0;
    end
  end
endmodule

`default_nettype wire

// shw_board_accel: the system of a board with the accelerator: shw_accel_axi, memory on the chip, a serial line.
//
// A host writes programs, weights and inputs to the memory, starts the accelerator by its registers, and reads
// results, all by frames over the line (shw_host_bridge). The words of the board (shw_board_words) are read only: a
// write is answered with status 4. The interrupt is not used: the host reads STATUS.
//
// Parameters:
//   ENGINE .. FIXED_ROWS   those of shw_accel_axi
//   MEMORY_W               9..16: 2^MEMORY_W words of 64 bits, ADDR_W of shw_axi_memory
//   CLOCKS_PER_BIT         4..65535: clocks of a bit of the line
//   TIMEOUT_W              8..31: a frame may stand still for 2^TIMEOUT_W cycles
//   CLOCK_KHZ, BOARD       those of shw_board_words
// Latency:      that of the line, 10 bits a byte, and that of the program.
// Throughput:   that of the line; the accelerator's reads and writes wait a cycle for every word of the host.
// Backpressure: none on the line: up to 511 bytes wait.
// Reset:        rst resets all but what the memory holds.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_board_accel #(
  parameter ENGINE         = "tr",
  parameter ROWS           = 8,
  parameter COLS           = 64,
  parameter ADDR_W         = 11,
  parameter WEIGHTS        = 1024,
  parameter CONST_W        = 10,
  parameter DEPTH          = 256,
  parameter ACC_W          = 22,
  parameter TRUNCATE       = 1,
  parameter FAMILY         = "generic",
  parameter MULTIPLIER     = "lut",
  parameter FIXED_ROWS     = 0,
  parameter MEMORY_W       = 13,
  parameter CLOCKS_PER_BIT = 16,
  parameter TIMEOUT_W      = 22,
  parameter CLOCK_KHZ      = 25000,
  parameter BOARD          = 0
) (
  input  wire clk,
  input  wire rst,
  input  wire uart_rx,       // from the host
  output wire uart_tx,       // to the host
  output wire led_busy,      // the accelerator runs
  output wire led_done,      // its last run ended as it should
  output wire led_fault,     // its last run ended with a fault
  output wire led_activity   // changes with every frame that is answered
);
  localparam [1:0] MEMORY = 2'd0, REGISTERS = 2'd1;

  // --- line and frames -----------------------------------------------------------------------------
  wire        bus_valid;
  wire        bus_write;
  wire [1:0]  bus_space;
  wire [31:0] bus_address;
  wire [31:0] bus_wdata;
  wire        bus_done;
  wire        bus_error;
  wire [31:0] bus_rdata;
  wire [15:0] dropped;

  shw_host_line #(
    .CLOCKS_PER_BIT(CLOCKS_PER_BIT), .MEMORY_W(MEMORY_W + 3), .TIMEOUT_W(TIMEOUT_W)
  ) u_line (
    .clk(clk), .rst(rst), .uart_rx(uart_rx), .uart_tx(uart_tx),
    .bus_valid(bus_valid), .bus_write(bus_write), .bus_space(bus_space),
    .bus_address(bus_address), .bus_wdata(bus_wdata),
    .bus_done(bus_done), .bus_error(bus_error), .bus_rdata(bus_rdata),
    .dropped(dropped), .activity(led_activity)
  );

  // --- bus: one access is under way at most --------------------------------------------------------
  wire        word_valid = bus_valid & bus_space == MEMORY;
  wire        word_done;
  wire [31:0] word_rdata;
  reg         board_done;
  wire [31:0] board_word;
  reg         awvalid;
  wire        awready;
  reg         wvalid;
  wire        wready;
  wire [1:0]  bresp;
  wire        bvalid;
  reg         arvalid;
  wire        arready;
  wire [31:0] rdata;
  wire [1:0]  rresp;
  wire        rvalid;

  assign bus_done  = word_done | board_done | bvalid | rvalid;
  assign bus_error = board_done & bus_write | bvalid & bresp[1] | rvalid & rresp[1];
  assign bus_rdata = bus_space == MEMORY ? word_rdata : bus_space == REGISTERS ? rdata : board_word;

  always @(posedge clk) begin
    if (rst) begin
      board_done <= 1'b0;
      awvalid    <= 1'b0;
      wvalid     <= 1'b0;
      arvalid    <= 1'b0;
    end else begin
      board_done <= bus_valid & bus_space != MEMORY & bus_space != REGISTERS;
      awvalid    <= bus_valid & bus_space == REGISTERS & bus_write | awvalid & ~awready;
      wvalid     <= bus_valid & bus_space == REGISTERS & bus_write | wvalid & ~wready;
      arvalid    <= bus_valid & bus_space == REGISTERS & ~bus_write | arvalid & ~arready;
    end
  end

  shw_board_words #(
    .BOARD(BOARD), .KIND(0), .CLOCK_KHZ(CLOCK_KHZ), .MEMORY_BYTES(8 << MEMORY_W),
    .CLOCKS_PER_BIT(CLOCKS_PER_BIT)
  ) u_board (
    .clk(clk), .index(bus_address[4:2]), .dropped(dropped), .word(board_word)
  );

  // --- accelerator and memory ----------------------------------------------------------------------
  wire        irq_unused;
  wire        m_awid;
  wire [31:0] m_awaddr;
  wire [7:0]  m_awlen;
  wire [2:0]  m_awsize;
  wire [1:0]  m_awburst;
  wire [3:0]  m_awcache_unused;
  wire [2:0]  m_awprot_unused;
  wire        m_awvalid;
  wire        m_awready;
  wire [63:0] m_wdata;
  wire [7:0]  m_wstrb;
  wire        m_wlast;
  wire        m_wvalid;
  wire        m_wready;
  wire        m_bid;
  wire [1:0]  m_bresp;
  wire        m_bvalid;
  wire        m_bready;
  wire        m_arid;
  wire [31:0] m_araddr;
  wire [7:0]  m_arlen;
  wire [2:0]  m_arsize;
  wire [1:0]  m_arburst;
  wire [3:0]  m_arcache_unused;
  wire [2:0]  m_arprot_unused;
  wire        m_arvalid;
  wire        m_arready;
  wire        m_rid;
  wire [63:0] m_rdata;
  wire [1:0]  m_rresp;
  wire        m_rlast;
  wire        m_rvalid;
  wire        m_rready;
  wire        unused = &{1'b0, irq_unused, m_awcache_unused, m_awprot_unused, m_arcache_unused,
                         m_arprot_unused, bresp[0], rresp[0], bus_address};

  shw_accel_axi #(
    .ENGINE(ENGINE), .ROWS(ROWS), .COLS(COLS), .ADDR_W(ADDR_W), .WEIGHTS(WEIGHTS),
    .CONST_W(CONST_W), .DEPTH(DEPTH),
    .ACC_W(ACC_W), .TRUNCATE(TRUNCATE), .FAMILY(FAMILY), .MULTIPLIER(MULTIPLIER),
    .FIXED_ROWS(FIXED_ROWS), .READS(2), .WRITES(2), .ID_W(1)
  ) u_accel (
    .clk(clk), .rst(rst), .irq(irq_unused),
    .status_busy(led_busy), .status_done(led_done), .status_fault(led_fault),
    .s_axi_awaddr(bus_address[11:0]), .s_axi_awprot(3'd0), .s_axi_awvalid(awvalid),
    .s_axi_awready(awready), .s_axi_wdata(bus_wdata), .s_axi_wstrb(4'hf), .s_axi_wvalid(wvalid),
    .s_axi_wready(wready), .s_axi_bresp(bresp), .s_axi_bvalid(bvalid), .s_axi_bready(1'b1),
    .s_axi_araddr(bus_address[11:0]), .s_axi_arprot(3'd0), .s_axi_arvalid(arvalid),
    .s_axi_arready(arready), .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid),
    .s_axi_rready(1'b1),
    .m_axi_awid(m_awid), .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awsize(m_awsize),
    .m_axi_awburst(m_awburst), .m_axi_awcache(m_awcache_unused), .m_axi_awprot(m_awprot_unused),
    .m_axi_awvalid(m_awvalid), .m_axi_awready(m_awready),
    .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast), .m_axi_wvalid(m_wvalid),
    .m_axi_wready(m_wready), .m_axi_bid(m_bid), .m_axi_bresp(m_bresp), .m_axi_bvalid(m_bvalid),
    .m_axi_bready(m_bready),
    .m_axi_arid(m_arid), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arsize(m_arsize),
    .m_axi_arburst(m_arburst), .m_axi_arcache(m_arcache_unused), .m_axi_arprot(m_arprot_unused),
    .m_axi_arvalid(m_arvalid), .m_axi_arready(m_arready),
    .m_axi_rid(m_rid), .m_axi_rdata(m_rdata), .m_axi_rresp(m_rresp), .m_axi_rlast(m_rlast),
    .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready)
  );

  shw_axi_memory #(.ADDR_W(MEMORY_W), .ID_W(1)) u_memory (
    .clk(clk), .rst(rst),
    .word_valid(word_valid), .word_write(bus_write), .word_address(bus_address[MEMORY_W+2:2]),
    .word_wdata(bus_wdata), .word_done(word_done), .word_rdata(word_rdata),
    .s_axi_awid(m_awid), .s_axi_awaddr(m_awaddr), .s_axi_awlen(m_awlen), .s_axi_awsize(m_awsize),
    .s_axi_awburst(m_awburst), .s_axi_awvalid(m_awvalid), .s_axi_awready(m_awready),
    .s_axi_wdata(m_wdata), .s_axi_wstrb(m_wstrb), .s_axi_wlast(m_wlast), .s_axi_wvalid(m_wvalid),
    .s_axi_wready(m_wready), .s_axi_bid(m_bid), .s_axi_bresp(m_bresp), .s_axi_bvalid(m_bvalid),
    .s_axi_bready(m_bready),
    .s_axi_arid(m_arid), .s_axi_araddr(m_araddr), .s_axi_arlen(m_arlen), .s_axi_arsize(m_arsize),
    .s_axi_arburst(m_arburst), .s_axi_arvalid(m_arvalid), .s_axi_arready(m_arready),
    .s_axi_rid(m_rid), .s_axi_rdata(m_rdata), .s_axi_rresp(m_rresp), .s_axi_rlast(m_rlast),
    .s_axi_rvalid(m_rvalid), .s_axi_rready(m_rready)
  );
endmodule

`default_nettype wire

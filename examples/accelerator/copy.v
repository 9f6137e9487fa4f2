// copy: the accelerator in a design of one's own, without software. It runs a program of two instructions that copies
// four words of memory through the accelerator, over AXI4 and AXI4-Lite; a network's program is started the same way.
//
// The memory answers one burst at a time. The last line is PASS or FAIL; +expect=N replaces the word that has to arrive.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module copy;
  reg clk = 1'b0;
  always #5 clk = !clk;

  // --- memory of 128 words: the program at 0, what is copied at 0x200, the copy at 0x300 --------------
  reg [63:0] memory [0:127];
  integer    i;

  initial begin
    for (i = 0; i < 128; i = i + 1) memory[i] = 64'd0;
    // header, load and store (docs/accelerator.md)
    memory[0] = 64'h5057_4853_0200_0103;
    memory[1] = 64'h6814_a3d2_0003_0008;
    memory[2] = 64'h0000_0000_0004_0608;
    memory[8] = 64'h0000_1000_0008_0000;
    memory[9] = 64'h0000_0000_0000_000c;
    memory[16] = 64'h0000_1000_000c_0001;
    memory[17] = 64'h0000_0000_0000_000c;
    for (i = 0; i < 4; i = i + 1) memory[64+i] = 64'h0706_0504_0302_0100 + i;
  end

  // --- the accelerator --------------------------------------------------------------------------------
  reg         rst     = 1'b1;
  wire        irq;
  reg  [11:0] address = 12'd0;
  reg  [31:0] word    = 32'd0;
  reg         write   = 1'b0;
  wire        aw_ready, w_ready, b_valid, ar_ready, r_valid;
  reg         read    = 1'b0;
  wire [31:0] r_word;
  wire [31:0] m_araddr, m_awaddr;
  wire [7:0]  m_arlen;
  wire        m_arvalid, m_awvalid, m_wvalid, m_wlast, m_rready, m_bready;
  wire [63:0] m_wdata;
  wire [7:0]  m_wstrb;
  reg         reading = 1'b0;
  reg         writing = 1'b0;
  reg         written = 1'b0;
  reg  [31:0] read_at, write_at;
  reg  [7:0]  left;

  shw_accel_axi #(
    .ENGINE("tr"), .ROWS(2), .COLS(8), .ADDR_W(8), .WEIGHTS(64), .CONST_W(4)
  ) accelerator (
    .clk(clk), .rst(rst), .irq(irq),
    .s_axi_awaddr(address), .s_axi_awprot(3'd0), .s_axi_awvalid(write), .s_axi_awready(aw_ready),
    .s_axi_wdata(word), .s_axi_wstrb(4'hf), .s_axi_wvalid(write), .s_axi_wready(w_ready),
    .s_axi_bresp(), .s_axi_bvalid(b_valid), .s_axi_bready(1'b1),
    .s_axi_araddr(address), .s_axi_arprot(3'd0), .s_axi_arvalid(read), .s_axi_arready(ar_ready),
    .s_axi_rdata(r_word), .s_axi_rresp(), .s_axi_rvalid(r_valid), .s_axi_rready(1'b1),
    .m_axi_awid(), .m_axi_awaddr(m_awaddr), .m_axi_awlen(), .m_axi_awsize(), .m_axi_awburst(),
    .m_axi_awcache(), .m_axi_awprot(), .m_axi_awvalid(m_awvalid),
    .m_axi_awready(!writing && !written),
    .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast), .m_axi_wvalid(m_wvalid),
    .m_axi_wready(writing),
    .m_axi_bid(1'b0), .m_axi_bresp(2'b00), .m_axi_bvalid(written),
    .m_axi_bready(m_bready),
    .m_axi_arid(), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arsize(),
    .m_axi_arburst(),
    .m_axi_arcache(), .m_axi_arprot(), .m_axi_arvalid(m_arvalid), .m_axi_arready(!reading),
    .m_axi_rid(1'b0), .m_axi_rdata(memory[read_at[9:3]]), .m_axi_rresp(2'b00),
    .m_axi_rlast(left == 8'd0),
    .m_axi_rvalid(reading), .m_axi_rready(m_rready)
  );

  always @(posedge clk) begin
    if (!reading && m_arvalid) begin
      reading <= 1'b1;
      read_at <= m_araddr;
      left    <= m_arlen;
    end else if (reading && m_rready) begin
      reading <= left != 8'd0;
      read_at <= read_at + 32'd8;
      left    <= left - 8'd1;
    end
    if (!writing && !written && m_awvalid) begin
      writing  <= 1'b1;
      write_at <= m_awaddr;
    end else if (writing && m_wvalid) begin
      if (&m_wstrb) memory[write_at[9:3]] <= m_wdata;
      write_at <= write_at + 32'd8;
      writing  <= !m_wlast;
      written  <= m_wlast;
    end else if (written && m_bready) written <= 1'b0;
    if (rst) begin
      reading <= 1'b0;
      writing <= 1'b0;
      written <= 1'b0;
    end
  end

  // --- what software does -----------------------------------------------------------------------------
  task set(input [11:0] at, input [31:0] value);
    begin
      @(negedge clk);
      address = at;
      word    = value;
      write   = 1'b1;
      @(negedge clk);
      write   = 1'b0;
      while (!b_valid) @(negedge clk);
    end
  endtask

  task get(input [11:0] at);
    begin
      @(negedge clk);
      address = at;
      read    = 1'b1;
      @(negedge clk);
      read    = 1'b0;
      while (!r_valid) @(negedge clk);
      word    = r_word;
    end
  endtask

  integer errors = 0;
  integer cycles = 0;
  reg [63:0] expected = 64'h0706_0504_0302_0100;

  task check(input good);
    if (!good) errors = errors + 1;
  endtask

  always @(posedge clk) cycles = cycles + 1;

  initial begin
    if ($value$plusargs("expect=%d", expected)) $display("expecting %0d", expected);
    repeat (4) @(negedge clk);
    rst = 1'b0;
    get(12'h000);                       // ID
    check(word == 32'h5348_5741);
    set(12'h040, 32'h0);                // PROGRAM_ADDRESS
    set(12'h044, 32'd192);              // PROGRAM_LENGTH
    set(12'h048, 32'h000);              // READ_WINDOW_FIRST and _LAST
    set(12'h04c, 32'h2f8);
    set(12'h050, 32'h300);              // WRITE_WINDOW_FIRST and _LAST
    set(12'h054, 32'h318);
    set(12'h058, 32'd1000);             // WATCHDOG
    set(12'h028, 32'd3);                // INTERRUPT_ENABLE: done, fault
    set(12'h020, 32'd1);                // CONTROL: start
    while (!irq && cycles < 10000) @(negedge clk);
    get(12'h024);                       // STATUS: done
    check(word == 32'd2);
    for (i = 0; i < 4; i = i + 1) check(memory[96+i] == expected + i);
    if (errors == 0) $display("PASS: a program in %0d cycles, 0 errors", cycles);
    else $display("FAIL: a program in %0d cycles, %0d errors", cycles, errors);
    $finish;
  end
endmodule

`default_nettype wire

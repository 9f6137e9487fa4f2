# SPDX-License-Identifier: Apache-2.0
"""Registers of the accelerator: one description, from which Verilog, a C header and a table are made.

``python -m shiftwork.device.registers`` writes ``rtl/accel/shw_axi_registers.v``, with ``--check`` it only says whether
the file is current; ``--c`` prints the C header, ``--markdown`` the table.

Registers have 32 bits and stand at multiples of 4. Access of a field:
    ro     a port of the hardware, or a constant of the instance
    rw     a register; port to the hardware
    pulse  writing 1 makes one cycle of 1; reads 0
    w1c    set by a port of the hardware, cleared by writing 1
Counters have 64 bits, low word first; reading the low word keeps the high word for the read after it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shiftwork import __version__
from shiftwork.blocks import manifest
from shiftwork.errors import ShiftworkError

FILE = Path("rtl/accel/shw_axi_registers.v")
IDENTITY = 0x5348_5741
"""What the register ID holds: SHWA."""
MAP_VERSION = 1
"""Raised when registers move or change their meaning."""
ACCESSES = ("ro", "rw", "pulse", "w1c")


@dataclass(frozen=True)
class Field:
    """Bits ``low`` to ``low + width - 1`` of a register.

    Attributes:
        port: name of the Verilog port (rw, pulse, ro) or of the port that sets it (w1c).
        reset: value after reset (rw, w1c).
        constant: of ro: a Verilog expression in place of a port.
        idle_only: a write while the accelerator is busy changes nothing.
        padded: the port has the bits below the field, too, as 0.
    """

    name: str
    low: int
    width: int
    access: str
    meaning: str
    port: str = ""
    reset: int = 0
    constant: str = ""
    idle_only: bool = False
    padded: bool = False

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return ((1 << self.width) - 1) << self.low

    @property
    def span(self) -> str:
        """As a Verilog part select."""
        return f"[{self.low + self.width - 1}:{self.low}]" if self.width > 1 else f"[{self.low}]"


@dataclass(frozen=True)
class Register:
    """32 bits at a byte offset."""

    name: str
    offset: int
    meaning: str
    fields: tuple[Field, ...]

    def encode(self, **values: int) -> int:
        """The register's value with these fields, the others 0.

        Raises:
            ShiftworkError: no such field, or a value that does not fit.
        """
        word = 0
        for name, value in values.items():
            field = next((field for field in self.fields if field.name == name), None)
            if field is None:
                raise ShiftworkError(f"register {self.name}: no field {name!r}")
            if not 0 <= value < 1 << field.width:
                raise ShiftworkError(f"register {self.name}: {value} does not fit {name}, {field.width} bits")
            word |= value << field.low
        return word

    def decode(self, word: int) -> dict[str, int]:
        """The fields of a value."""
        return {field.name: (word & field.mask) >> field.low for field in self.fields}


@dataclass(frozen=True)
class Counter:
    """64 bits, counted by a port: the cycles in which it is 1, or (the last counter) its sum."""

    name: str
    meaning: str

    @property
    def port(self) -> str:
        """The Verilog port."""
        return f"count_{self.name.lower()}"


def _constant(name: str, low: int, width: int, constant: str, meaning: str) -> Field:
    return Field(name, low, width, "ro", meaning, constant=constant)


def _address(name: str, offset: int, meaning: str, port: str, reset: int = 0) -> Register:
    """A byte address, a multiple of 8."""
    field = Field("words", 3, 29, "rw", "bits 31:3; the low bits are 0", port, reset, idle_only=True, padded=True)
    return Register(name, offset, meaning, (field,))


def release() -> int:
    """The version of the project as VERSION holds it."""
    major, minor, patch = (int(part) for part in __version__.split("."))
    return major << 16 | minor << 8 | patch


REGISTERS: tuple[Register, ...] = (
    Register(
        "ID", 0x00, "what this is", (_constant("id", 0, 32, f"32'h{IDENTITY:08x}", "0x53485741, the letters SHWA"),)
    ),
    Register(
        "VERSION",
        0x04,
        "versions",
        (
            _constant("release", 0, 24, f"24'h{release():06x}", "major, minor and patch, 8 bits each"),
            _constant("map", 24, 8, f"8'd{MAP_VERSION}", "of these registers"),
        ),
    ),
    Register(
        "SHAPE",
        0x08,
        "shape of the array",
        (_constant("rows", 0, 16, "ROWS_32[15:0]", "rows"), _constant("cols", 16, 16, "COLS_32[15:0]", "columns")),
    ),
    Register(
        "ENGINE",
        0x0C,
        "the engine",
        (
            _constant("kind", 0, 8, "KIND_32[7:0]", "0 tr, 1 msq, 2 dnateq, 3 mac"),
            _constant("depth", 16, 16, "DEPTH_32[15:0]", "values of a slice; 0: the engine has none"),
        ),
    ),
    Register(
        "MEMORIES",
        0x10,
        "sizes of the memories, logarithms to base 2 of words",
        (
            _constant("activations", 0, 8, "ACT_W_32[7:0]", "activation memory"),
            _constant("weights", 8, 8, "WEIGHT_W_32[7:0]", "weight ring"),
            _constant("constants", 16, 8, "CONST_W_32[7:0]", "constants of channels"),
        ),
    ),
    Register(
        "CONTROL",
        0x20,
        "commands",
        (
            Field("start", 0, 1, "pulse", "run the program; clears the counters", "control_start", idle_only=True),
            Field("stop", 1, 1, "pulse", "end the run; bursts in flight are finished", "control_stop"),
            Field("soft_reset", 2, 1, "pulse", "end the run and forget its state and fault", "control_soft_reset"),
        ),
    ),
    Register(
        "STATUS",
        0x24,
        "state",
        (
            Field("busy", 0, 1, "ro", "a run is under way", "status_busy"),
            Field("done", 1, 1, "ro", "the last run ended at the end of its program", "status_done"),
            Field("fault", 2, 1, "ro", "the last run ended with a fault", "status_fault"),
        ),
    ),
    Register(
        "INTERRUPT_ENABLE",
        0x28,
        "which events raise the interrupt",
        (
            Field("done", 0, 1, "rw", "end of a program", "interrupt_enable_done"),
            Field("fault", 1, 1, "rw", "fault", "interrupt_enable_fault"),
        ),
    ),
    Register(
        "INTERRUPT_STATUS",
        0x2C,
        "events since they were cleared",
        (
            Field("done", 0, 1, "w1c", "end of a program", "interrupt_set_done"),
            Field("fault", 1, 1, "w1c", "fault", "interrupt_set_fault"),
        ),
    ),
    Register("FAULT_CODE", 0x30, "what went wrong", (Field("code", 0, 8, "ro", "0: nothing", "fault_code"),)),
    Register(
        "FAULT_INSTRUCTION",
        0x34,
        "where in the program",
        (Field("index", 0, 32, "ro", "index of the instruction", "fault_instruction"),),
    ),
    Register(
        "FAULT_ADDRESS",
        0x38,
        "where in memory",
        (Field("address", 0, 32, "ro", "byte address of the burst", "fault_address"),),
    ),
    _address("PROGRAM_ADDRESS", 0x40, "byte address of the program", "program_address"),
    _address("PROGRAM_LENGTH", 0x44, "bytes of the program", "program_length"),
    _address("READ_WINDOW_FIRST", 0x48, "first 8-byte word that may be read", "read_window_first", reset=(1 << 29) - 1),
    _address("READ_WINDOW_LAST", 0x4C, "last 8-byte word that may be read", "read_window_last"),
    _address(
        "WRITE_WINDOW_FIRST", 0x50, "first 8-byte word that may be written", "write_window_first", reset=(1 << 29) - 1
    ),
    _address("WRITE_WINDOW_LAST", 0x54, "last 8-byte word that may be written", "write_window_last"),
    Register(
        "WATCHDOG",
        0x58,
        "limit of a run",
        (Field("cycles", 0, 32, "rw", "cycles without progress; 0: no limit", "watchdog_limit", idle_only=True),),
    ),
    Register(
        "OVERRIDE",
        0x5C,
        "term revealing, in place of what the program says",
        (
            Field("enable", 0, 1, "rw", "1: these settings count", "override_enable", idle_only=True),
            Field("tr_en", 1, 1, "rw", "term revealing on", "override_tr_en", idle_only=True),
            Field(
                "data_terms", 4, 4, "rw", "terms kept per column value; 0: all", "override_data_terms", idle_only=True
            ),
            Field("group", 8, 9, "rw", "values of a group", "override_group", idle_only=True),
            Field("budget", 20, 11, "rw", "terms kept per group", "override_group_budget", idle_only=True),
        ),
    ),
)

COUNTERS: tuple[Counter, ...] = (
    Counter("CYCLES", "cycles of the run"),
    Counter("BUSY", "cycles in which the engine takes a beat"),
    Counter("STALL_WEIGHTS", "cycles in which a layer waits for weights"),
    Counter("STALL_RESULTS", "cycles in which it waits for the engine, or for its results to leave"),
    Counter("STALL_MEMORY", "cycles of the run without a layer: instructions, loads and stores"),
    Counter("BEATS_READ", "words of 8 bytes read"),
    Counter("BEATS_WRITTEN", "words of 8 bytes written"),
    Counter("BURSTS_READ", "bursts read"),
    Counter("BURSTS_WRITTEN", "bursts written"),
    Counter("TOKENS", "terms and empty planes that the rows worked through; 0 where the engine does not tell"),
)
FAULTS: Mapping[int, str] = {
    1: "malformed instruction",
    2: "the engine refuses its configuration",
    3: "an address outside the on-chip memories",
    4: "a read outside the read window",
    5: "a write outside the write window",
    6: "memory answers a read with an error",
    7: "memory answers a write with an error",
    8: "nothing happens for as long as the watchdog allows",
    9: "the length or the address of the program is illegal",
    10: "the program is for another shape",
    11: "the checksum of the program is wrong",
}
"""Words for FAULT_CODE; 1 to 3 and 9 to 11 are those of ``shw_accel``."""
COUNTERS_BASE = 0x80
"""Offset of the first counter; each has 8 bytes, low word first. The 128 bytes from here are counters."""

BY_NAME: Mapping[str, Register] = {register.name: register for register in REGISTERS}


def foreign(identity: int, version: int) -> str:
    """What is wrong with ``ID.id`` and ``VERSION.map`` of an accelerator; empty where it is one of this version."""
    if (identity, version) == (IDENTITY, MAP_VERSION):
        return ""
    return f"no accelerator of this version: identity {identity:#x}, registers {version}"


def check() -> None:
    """Raise ShiftworkError where the description contradicts itself."""
    offsets = [register.offset for register in REGISTERS]
    ports = [field.port for register in REGISTERS for field in register.fields if field.port]
    if len(set(offsets)) != len(offsets) or any(offset % 4 or offset >= COUNTERS_BASE for offset in offsets):
        raise ShiftworkError("registers: offsets have to be different multiples of 4 before the counters")
    if len(set(ports)) != len(ports) or len(BY_NAME) != len(REGISTERS):
        raise ShiftworkError("registers: a name is used twice")
    if not 2 <= len(COUNTERS) <= 16:
        raise ShiftworkError("registers: 2 to 16 counters")
    for register in REGISTERS:
        used = 0
        for field in register.fields:
            if field.access not in ACCESSES or bool(field.port) == bool(field.constant):
                raise ShiftworkError(f"register {register.name}.{field.name}: access, port or constant")
            if used & field.mask or field.mask >> 32:
                raise ShiftworkError(f"register {register.name}.{field.name}: bits overlap or are beyond 31")
            used |= field.mask


def counter_offset(name: str) -> int:
    """Byte offset of a counter's low word."""
    return COUNTERS_BASE + 8 * [counter.name for counter in COUNTERS].index(name)


# --- Verilog ----------------------------------------------------------------------------------------------------------
HEAD = """\
// shw_axi_registers: registers of the accelerator behind an AXI4-Lite slave of 32 bits.
//
// Generated from tools/shiftwork/device/registers.py by `python -m shiftwork.device.registers`: change that file.
// Registers stand at multiples of 4, 4 KiB are decoded; what is not a register reads as 0 and ignores writes,
// every answer is OKAY. Byte strobes are obeyed. What the program depends on is not written while status_busy.
// The counters are a shw_counters; a read of one takes up to 20 cycles longer. control_start clears them.
//
// Parameters:   ROWS, COLS, KIND, DEPTH, ACT_W, WEIGHT_W, CONST_W  0..65535 (the last three: 0..255): what software
//               reads about the instance; nothing depends on them
//               TOKEN_W  2..16: width of count_tokens
// Latency:      3 cycles from the write's address and data to its response, 2 from the read's address to its data.
// Throughput:   a write every 3 cycles, a read every 3.
// Backpressure: full; every output is a register, but the readies (a gate behind one).
// Reset:        rst puts every register to its reset value; a transfer under way is dropped.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module shw_axi_registers #(
  parameter ROWS     = 8,
  parameter COLS     = 64,
  parameter KIND     = 0,
  parameter DEPTH    = 256,
  parameter ACT_W    = 11,
  parameter WEIGHT_W = 10,
  parameter CONST_W  = 10,
  parameter TOKEN_W  = 8
) (
  input  wire        clk,
  input  wire        rst,
  output reg         irq,   // an enabled event has happened
"""

AXI = """\
  // AXI4-Lite
  input  wire [11:0] s_axi_awaddr,
  input  wire [2:0]  s_axi_awprot,
  input  wire        s_axi_awvalid,
  output wire        s_axi_awready,
  input  wire [31:0] s_axi_wdata,
  input  wire [3:0]  s_axi_wstrb,
  input  wire        s_axi_wvalid,
  output wire        s_axi_wready,
  output wire [1:0]  s_axi_bresp,
  output reg         s_axi_bvalid,
  input  wire        s_axi_bready,
  input  wire [11:0] s_axi_araddr,
  input  wire [2:0]  s_axi_arprot,
  input  wire        s_axi_arvalid,
  output wire        s_axi_arready,
  output reg  [31:0] s_axi_rdata,
  output wire [1:0]  s_axi_rresp,
  output reg         s_axi_rvalid,
  input  wire        s_axi_rready
);
  generate
    if (TOKEN_W < 2 || TOKEN_W > 16) begin : g_illegal_token
      shw_ILLEGAL_TOKEN_W_must_be_2_to_16 illegal ();
    end
  endgenerate

  localparam [31:0] ROWS_32     = ROWS;
  localparam [31:0] COLS_32     = COLS;
  localparam [31:0] KIND_32     = KIND;
  localparam [31:0] DEPTH_32    = DEPTH;
  localparam [31:0] ACT_W_32    = ACT_W;
  localparam [31:0] WEIGHT_W_32 = WEIGHT_W;
  localparam [31:0] CONST_W_32  = CONST_W;

  assign s_axi_bresp = 2'b00;
  assign s_axi_rresp = 2'b00;

  // --- write: address and data in any order, then one cycle of `write` ---------------------------------
  reg         aw_held;
  reg         w_held;
  reg  [11:0] write_address;
  reg  [31:0] data;
  reg  [3:0]  strobes;
  wire        write = aw_held & w_held & ~s_axi_bvalid;
  wire [9:0]  word_address = write_address[11:2];
  wire [31:0] mask  = {{8{strobes[3]}}, {8{strobes[2]}}, {8{strobes[1]}}, {8{strobes[0]}}};
  wire [31:0] ones  = data & mask;

  assign s_axi_awready = ~aw_held;
  assign s_axi_wready  = ~w_held;

  always @(posedge clk) begin
    if (s_axi_awvalid & s_axi_awready) write_address <= s_axi_awaddr;
    if (s_axi_wvalid & s_axi_wready) begin
      data    <= s_axi_wdata;
      strobes <= s_axi_wstrb;
    end
    if (rst) begin
      aw_held      <= 1'b0;
      w_held       <= 1'b0;
      s_axi_bvalid <= 1'b0;
    end else begin
      aw_held      <= ~write & (aw_held | s_axi_awvalid);
      w_held       <= ~write & (w_held | s_axi_wvalid);
      s_axi_bvalid <= write | s_axi_bvalid & ~s_axi_bready;
    end
  end
"""

READ = """\
  // --- read --------------------------------------------------------------------------------------------
  reg         ar_held;
  reg  [11:0] read_address;
  reg  [31:0] word;
  wire        counted   = read_address[11:7] == 5'd1;
  wire        wait_for  = ar_held & ~s_axi_rvalid & counted & ~read_address[2];
  wire        read_done;
  wire [63:0] counter;
  wire        unused    = &{{1'b0, s_axi_awprot, s_axi_arprot, write_address[1:0], read_address[1:0],
                            mask, ones}};

  assign s_axi_arready = ~ar_held;

  always @(posedge clk) begin
    if (s_axi_arvalid & s_axi_arready) read_address <= s_axi_araddr;
    if (!s_axi_rvalid) begin
      s_axi_rdata <= !counted ? word : read_address[2] ? counter[63:32] : counter[31:0];
    end
    if (rst) begin
      ar_held      <= 1'b0;
      s_axi_rvalid <= 1'b0;
    end else begin
      ar_held      <= (ar_held | s_axi_arvalid) & ~(s_axi_rvalid & s_axi_rready);
      s_axi_rvalid <= s_axi_rvalid ? ~s_axi_rready : ar_held & (~wait_for | read_done);
    end
  end

  shw_counters #(.PULSES({pulses}), .AMOUNT_W(TOKEN_W)) u_counters (
    .clk(clk), .rst(rst), .clear(control_start),
    .pulse({{
{inputs}
    }}),
    .amount({amount}),
    .read(wait_for & ~read_done), .read_index(read_address[6:3]),
    .read_done(read_done), .read_value(counter)
  );
"""

END = """\
endmodule

`default_nettype wire
"""


def _port(kind: str, width: int | str, name: str, meaning: str) -> str:
    """One line; the meaning beside it, or above where it is too long."""
    span = f"[{width - 1}:0]" if isinstance(width, int) and width > 1 else f"[{width}-1:0]" if width != 1 else ""
    line = f"  {kind:<11} {span:<6} {name},"
    full = f"{line:<48} // {meaning}"
    return full if len(full) <= 100 else f"  // {meaning}\n{line}"


def _ports() -> list[str]:
    lines = []
    for register in REGISTERS:
        for field in register.fields:
            meaning = f"{register.name}.{field.name}: {field.meaning}{', now' if field.access == 'w1c' else ''}"
            if field.padded:
                lines.append(_port("output wire", field.low + field.width, field.port, register.meaning))
            elif field.port:
                kind = "output reg" if field.access in ("rw", "pulse") else "input  wire"
                lines.append(_port(kind, field.width, field.port, meaning))
    for counter in COUNTERS:
        width: int | str = "TOKEN_W" if counter is COUNTERS[-1] else 1
        lines.append(_port("input  wire", width, counter.port, f"counter: {counter.meaning}"))
    return lines


def _state(register: Register, field: Field) -> str:
    """The Verilog register that keeps a field."""
    if field.padded:
        return f"{field.port}_bits"
    return f"{register.name.lower()}_{field.name}" if field.access == "w1c" else field.port


def _written() -> tuple[list[str], list[str], list[str]]:
    """Declarations, what reset does, what happens otherwise."""
    declared, reset, then = [], [], []
    for register in REGISTERS:
        writable = [field for field in register.fields if field.access != "ro"]
        if not writable:
            continue
        hit = f"hit_{register.name.lower()}"
        locked = all(field.idle_only for field in writable)
        busy = " && !status_busy" if locked else ""
        declared.append(f"  wire {hit:<24} = write && word_address == 10'h{register.offset // 4:03x}{busy};")
        for field in writable:
            state = _state(register, field)
            span = f"[{field.width - 1}:0]" if field.width > 1 else ""
            if field.padded:
                declared.append(f"  reg  {span:<6} {state};")
                declared.append(f"  assign {field.port} = {{{state}, {field.low}'d0}};")
            elif field.access == "w1c":
                declared.append(f"  reg  {span:<6} {state};")
            reset.append(f"      {state:<23} <= {field.width}'h{field.reset:x};")
            if field.access == "pulse":
                free = " & ~status_busy" if field.idle_only and not locked else ""
                then.append(f"      {state} <= {hit} & ones{field.span}{free};")
            elif field.access == "w1c":
                then.append(f"      {state} <= {field.port}")
                then.append(f"        | ({state} & ~({hit} & ones{field.span}));")
        kept = [field for field in writable if field.access == "rw"]
        if kept:
            then.append(f"      if ({hit}) begin")
            for field in kept:
                state = _state(register, field)
                then.append(f"        {state} <= ({state} & ~mask{field.span}) | ones{field.span};")
            then.append("      end")
    return declared, reset, then


def _words() -> list[str]:
    """The cases of the read multiplexer."""
    lines = []
    for register in REGISTERS:
        parts, at = [], 32
        for field in sorted(register.fields, key=lambda field: -field.low):
            if field.access == "pulse":
                continue
            gap = at - field.low - field.width
            parts += [f"{gap}'d0"] if gap else []
            parts.append(field.constant or (field.port if field.access == "ro" else _state(register, field)))
            at = field.low
        if parts:
            parts += [f"{at}'d0"] if at else []
            value = parts[0] if len(parts) == 1 else f"{{{', '.join(parts)}}}"
            line = f"      10'h{register.offset // 4:03x}: word = {value};"
            if len(line) > 100:
                line = line.replace("{", "{\n        ", 1).replace("};", "\n      };").replace(", ", ",\n        ")
            lines.append(line)
    return lines


def verilog() -> str:
    """The text of shw_axi_registers.v."""
    check()
    declared, reset, then = _written()
    events = BY_NAME["INTERRUPT_STATUS"].fields
    interrupt = "\n        | ".join(
        f"(interrupt_status_{field.name} & interrupt_enable_{field.name})" for field in events
    )
    pulses = [counter.port for counter in COUNTERS[:-1]]
    lines = [
        HEAD + "\n".join(_ports()),
        AXI,
        "  // --- registers " + "-" * 87,
        *declared,
        "",
        "  always @(posedge clk) begin",
        "    if (rst) begin",
        *reset,
        "      irq <= 1'b0;",
        "    end else begin",
        *then,
        f"      irq <= {interrupt};",
        "    end",
        "  end",
        "",
        READ.format(
            pulses=len(pulses),
            inputs=",\n".join(f"      {port}" for port in reversed(pulses)),
            amount=COUNTERS[-1].port,
        ),
        "  always @* begin",
        "    case (read_address[11:2])",
        *_words(),
        "      default: word = 32'd0;",
        "    endcase",
        "  end",
        END,
    ]
    return "\n".join(lines)


# --- C and Markdown ---------------------------------------------------------------------------------------------------
def c_header() -> str:
    """Offsets, shift and mask of every field, and words for faults."""
    check()
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Registers of the accelerator. Generated by `shiftwork headers`. */",
        "#ifndef SHW_REGISTERS_H",
        "#define SHW_REGISTERS_H",
        "",
        f"#define SHW_IDENTITY 0x{IDENTITY:08x}u",
        f"#define SHW_MAP_VERSION {MAP_VERSION}u",
    ]
    for register in REGISTERS:
        lines += ["", f"#define SHW_{register.name} 0x{register.offset:02x}u /* {register.meaning} */"]
        for field in register.fields:
            name = f"SHW_{register.name}_{field.name.upper()}"
            lines.append(f"#define {name}_SHIFT {field.low}u /* {field.access}: {field.meaning} */")
            lines.append(f"#define {name}_MASK 0x{field.mask:08x}u")
    lines += ["", "/* counters: 64 bits, read the low word first, then the word behind it */"]
    for counter in COUNTERS:
        lines.append(f"#define SHW_COUNT_{counter.name} 0x{counter_offset(counter.name):02x}u /* {counter.meaning} */")
    lines += ["", "/* codes of FAULT_CODE, by code */", "#define SHW_FAULTS { \\", '    "nothing", \\']
    lines += [f'    "{FAULTS[code]}", \\' for code in range(1, len(FAULTS) + 1)]
    return "\n".join([*lines, "}", "", "#endif", ""])


def markdown() -> str:
    """The table of all fields and counters."""
    check()
    lines = ["| offset | register | bits | field | access | reset | meaning |", "|---|---|---|---|---|---|---|"]
    for register in REGISTERS:
        for index, field in enumerate(register.fields):
            bits = f"{field.low + field.width - 1}:{field.low}" if field.width > 1 else f"{field.low}"
            at = f"0x{register.offset:02x} | {register.name}" if index == 0 else " | "
            access = f"{field.access}, while idle" if field.idle_only else field.access
            reset = f"0x{field.reset:x}" if field.access == "rw" else ""
            meaning = f"{register.meaning}: {field.meaning}" if index == 0 else field.meaning
            lines.append(f"| {at} | {bits} | {field.name} | {access} | {reset} | {meaning} |")
    for counter in COUNTERS:
        lines.append(
            f"| 0x{counter_offset(counter.name):02x} | {counter.name} | 63:0 | | counter | 0 | {counter.meaning} |"
        )
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str]) -> int:
    """Command line: nothing, `--check` or `--markdown`; returns the exit code."""
    if len(arguments) > 1 or not set(arguments) <= {"--check", "--markdown"}:
        print("usage: python -m shiftwork.device.registers [--check | --markdown]", file=sys.stderr)
        return 2
    path = manifest.ROOT / FILE
    if arguments == ["--markdown"]:
        print(markdown(), end="")
    elif not arguments:
        path.write_text(verilog())
    elif not path.is_file() or path.read_text() != verilog():
        print(f"{FILE}: not what the description says; run `python -m shiftwork.device.registers`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""The instructions of the accelerator: one description for the compiler and for the Verilog decoder.

An instruction is 64 bytes, little endian: the fields below from bit 0 up, the rest zero (of a load or a store the
hardware does not look at the rest). The first one of a program, and no other, is of the kind ``header``: it says what
the program was compiled for and holds a checksum of all instructions. Those of the kinds ``load`` and ``store`` go to
the queue that moves data, ``run`` computes one layer. Addresses and strides in fields of 16 bits count words of the
activation memory (COLS codes each); ``docs/accelerator.md`` says what they mean. Values outside the limits below are
refused by :func:`encode` and by the decoder alike.

:func:`verilog` gives the decoders in ``rtl/accel``: ``python -m shiftwork.compile.instructions`` writes them, with
``--check`` it only says whether they are current.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shiftwork.blocks import manifest
from shiftwork.errors import ShiftworkError

FOLDER = Path("rtl/accel")
"""Where the decoders are."""

BYTES = 64
"""Of an instruction."""
BITS = 8 * BYTES


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        name: of it. width: in bits. meaning: what it holds.
        low, high: smallest (0, 1, or the same as high) and largest legal value, None where all that fit are.
        multiple: of a power of two. signed: two's complement.
    """

    name: str
    width: int
    meaning: str
    low: int = 0
    high: int | None = None
    multiple: int = 1
    signed: bool = False

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest legal value."""
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return self.low, (1 << self.width) - 1 if self.high is None else self.high

    @property
    def is_fixed(self) -> bool:
        """True where one value alone is legal."""
        return self.low == self.high

    @property
    def default(self) -> int:
        """What it holds where no value is given: the only legal one, or 0."""
        return self.low if self.is_fixed else 0

    def check(self, value: int) -> str:
        """Why a value is not legal; empty if it is."""
        low, high = self.limits
        if not low <= value <= high:
            return f"{self.name} = {value} is not within {low}..{high}"
        return f"{self.name} = {value} is not a multiple of {self.multiple}" if value % self.multiple else ""

    def faults(self, offset: int) -> list[str]:
        """Verilog, true where the bits from ``offset`` on of `instruction` are not legal."""
        bits, found = f"instruction[{offset + self.width - 1}:{offset}]", []
        if self.is_fixed:
            return [f"{bits} != {self.width}'d{self.high}"]
        if self.low:
            found.append(f"{bits} == {self.width}'d0")
        if self.high is not None:
            found.append(f"{bits} > {self.width}'d{self.high}")
        if self.multiple > 1:
            low_bits = self.multiple.bit_length() - 1
            found.append(f"instruction[{offset + low_bits - 1}:{offset}] != {low_bits}'d0")
        return found


KINDS = {"load": 0, "store": 1, "run": 2, "header": 3}
"""Codes of the field ``kind``."""
TARGETS = {"activations": 0, "weights": 1, "constants": 2}
"""What a ``load`` fills: codes of the field ``target``."""
UNITS = {"engine": 0, "maximum": 1, "sum": 2}
"""What a ``run`` computes with: codes of the field ``unit``."""
AHEAD = {"after": 0, "beside": 1, "behind": 2}
"""When a ``run`` begins: codes of the field ``ahead``."""

ENGINE_KINDS = {"tr": 0, "msq": 1, "dnateq": 2, "mac": 3}
"""Codes of the engines, in the field ``engine`` and in the register ENGINE."""
MAGIC = 0x5057_4853
"""In a header: the letters SHWP."""
VERSION = 1
"""Raised when instructions change their layout or their meaning."""

KIND = Field("kind", 2, "0 load, 1 store, 2 run, 3 header")
HEADER = (
    KIND,
    Field("reserved", 6, "0", high=0),
    Field("version", 8, "of the instructions", VERSION, VERSION),
    Field("engine", 8, "that the program was compiled for: 0 tr, 1 msq, 2 dnateq, 3 mac"),
    Field("rows", 8, "of the engine"),
    Field("magic", 32, "0x50574853, the letters SHWP", MAGIC, MAGIC),
    Field("cols", 16, "columns of the engine"),
    Field("instructions", 16, "instructions of the program, with this one", 1),
    Field("crc", 32, "CRC-32 (IEEE) of all instructions, with 0 in this field"),
    Field("activations", 8, "words of the activation memory, as a logarithm to base 2"),
    Field("weights", 8, "words of the weight ring, likewise"),
    Field("constants", 8, "channels of constants, likewise"),
)
CRC_BYTE = 12
"""Where the field ``crc`` begins."""
COMMON = (
    KIND,
    Field("take_token", 1, "takes a token of the other queue before it starts"),
    Field("give_token", 1, "gives a token to the other queue when it has ended"),
    Field("ahead", 2, "of a run: 0 after the one before, 1 beside it, 2 behind its blocks", high=2),
    Field("reserved", 2, "0", high=0),
)
MOVE = (
    *COMMON,
    Field("target", 2, "of a load: 0 activations, 1 weights, 2 constants", high=2),
    Field("memory", 32, "byte address in external memory, a multiple of 8", multiple=8),
    Field("words", 24, "words of 64 bits", 1),
    Field("place", 16, "first word of the activation memory, or first constant"),
    Field("burst", 16, "words on the chip until `gap` are skipped; 0: none"),
    Field("gap", 16, "words of the activation memory that are skipped after every `burst`"),
    Field("part", 3, "of a word on the chip so many words of 64 bits, the first; 0: all"),
)
RUN = (
    *COMMON,
    Field("unit", 2, "0 the engine, 1 maximum, 2 sum", high=2),
    Field("reduce", 1, "sum: all positions of a window's words give one value"),
    Field("divide", 1, "sum: becomes twice the average, floor(2 * sum * 2^`up` / `count`)"),
    Field("up", 5, "sum: shifted left by so much before the division"),
    Field("count", 16, "sum: the divisor"),
    Field("base", 16, "of the tensor that is read"),
    Field("block_stride", 16, "words from a block of it to the next one in x"),
    Field("row_stride", 16, "words from a row of blocks to the next"),
    Field("phase_stride", 16, "words from a phase to the next"),
    Field("split", 1, "stride 2: the tensor is phase-split"),
    Field("fill", 8, "code of positions outside the map"),
    Field("height", 12, "rows of the map that is read, before it is split", 1),
    Field("width", 12, "columns of it", 1),
    Field("blocks_y", 10, "rows of blocks of the output", 1),
    Field("blocks_x", 10, "blocks in a row of the output", 1),
    Field("last_slice", 4, "rows of the map in the last row of blocks, less one"),
    Field("kernel_y", 8, "rows of taps", 1),
    Field("kernel_x", 8, "columns of taps", 1),
    Field("dilation_y", 6, "positions from a row of taps to the next", 1),
    Field("dilation_x", 6, "positions from a column of taps to the next", 1),
    Field("pad_y", 9, "rows of padding at the top; negative: rows to skip", signed=True),
    Field("pad_x", 8, "columns of padding at the left"),
    Field("channels", 16, "input channels of a group; of a pooling, channels", 1),
    Field("groups", 16, "groups of channels", 1),
    Field("tiles", 16, "row tiles of a group", 1),
    Field("out_channels", 16, "output channels of a group", 1),
    Field("constants", 16, "constant of the first channel"),
    Field("constants_fixed", 1, "all channels use it"),
    Field("shortcut_enable", 1, "a shortcut is added"),
    Field("shortcut_signed", 1, "its codes are two's complement"),
    Field("shortcut_base", 16, "of the tensor that is added"),
    Field("shortcut_block_stride", 16, "words from a block of it to the next"),
    Field("shortcut_row_stride", 16, "words from a row of blocks to the next"),
    Field("shortcut_first", 16, "first channel that has a shortcut"),
    Field("shortcut_count", 16, "channels that have one"),
    Field("plain", 1, "results are written as they are"),
    Field("to_split", 1, "results are written phase-split (as well)"),
    Field("raw", 1, "sums of 32 bits are written, four words a channel"),
    Field("plain_base", 16, "where to"),
    Field("plain_row_stride", 16, "words from a row of blocks to the next"),
    Field("out_block_stride", 16, "words from a block of the output to the next"),
    Field("split_base", 16, "where the phases go"),
    Field("split_row_stride", 16, "words from a row of blocks of a phase to the next"),
    Field("split_phase_stride", 16, "words from a phase to the next"),
    Field("relu", 1, "negative sums become 0"),
    Field("low", 9, "smallest code, two's complement"),
    Field("high", 9, "largest code"),
    Field("row_signed", 1, "weights are two's complement"),
    Field("col_signed", 1, "codes that are read are two's complement"),
    Field("tr_en", 1, "term revealing is on"),
    Field("group", 9, "values of a group"),
    Field("group_budget", 11, "terms that a group keeps"),
    Field("data_terms", 4, "terms that a column value keeps; 0: all"),
    Field("encoding", 1, "0 binary, 1 HESE"),
    Field("rows_apart", 1, "channel c is that of row c alone, up to ROWS of them"),
    Field("channel_tiles", 1, "all taps of ROWS channels come before those of the next ROWS"),
    Field("slice_shift", 2, "the engine's slices have DEPTH >> slice_shift places"),
)

_ONLY_RESULTS = (
    "constants_fixed", "shortcut_enable", "shortcut_signed", "plain", "to_split", "raw", "relu", "low", "high",
)  # fmt: skip
RESULTS = (
    "unit", "blocks_y", "blocks_x", "last_slice", "groups", "tiles", "out_channels", "constants", "shortcut_base",
    "shortcut_block_stride", "shortcut_row_stride", "shortcut_first", "shortcut_count", "plain_base",
    "plain_row_stride", "out_block_stride", "split_base", "split_row_stride", "split_phase_stride", *_ONLY_RESULTS,
)  # fmt: skip
"""Fields of a ``run`` that say how its results are written; most are checked before, so the decoder of a layer has
them as well."""


def fields(kind: str) -> tuple[Field, ...]:
    """Fields of the instructions of a kind of :data:`KINDS`."""
    return {"run": RUN, "header": HEADER}.get(kind, MOVE)


def placed(layout: Iterable[Field], first: int = 0) -> Iterator[tuple[Field, int]]:
    """Every field with its lowest bit; ``first`` is that of the first one."""
    for field in layout:
        yield field, first
        first += field.width


def encode(kind: str, values: Mapping[str, int]) -> bytes:
    """One instruction; fields that are not given are 0, or their only legal value.

    Raises:
        ShiftworkError: an unknown kind; a field that there is not, or whose value is not legal, by its name.
    """
    if kind not in KINDS:
        raise ShiftworkError(f"an instruction is of the kind {', '.join(KINDS)}, not {kind}")
    word, layout = 0, fields(kind)
    unknown = set(values) - {field.name for field in layout}
    if unknown:
        raise ShiftworkError(f"instruction {kind}: no field {', '.join(sorted(unknown))}")
    for field, offset in placed(layout):
        value = KINDS[kind] if field.name == "kind" else int(values.get(field.name, field.default))
        if problem := field.check(value):
            raise ShiftworkError(f"instruction {kind}: {problem}")
        word |= (value & ((1 << field.width) - 1)) << offset
    return word.to_bytes(BYTES, "little")


def decode(data: bytes) -> tuple[str, dict[str, int]]:
    """Kind and fields of one instruction.

    Raises:
        ShiftworkError: the wrong number of bytes.
    """
    if len(data) != BYTES:
        raise ShiftworkError(f"an instruction has {BYTES} bytes, not {len(data)}")
    word, values = int.from_bytes(data, "little"), {}
    kind = next(name for name, code in KINDS.items() if code == word & 3)
    for field, offset in placed(fields(kind)):
        value = word >> offset & ((1 << field.width) - 1)
        values[field.name] = value - (1 << field.width) if value > field.limits[1] else value
    return kind, values


def is_legal(data: bytes) -> bool:
    """True for an instruction that the hardware executes; of a load or a store the rest does not count."""
    kind, values = decode(data)
    used = sum(field.width for field in fields(kind)) if kind in ("load", "store") else BITS
    try:
        return (int.from_bytes(encode(kind, values), "little") ^ int.from_bytes(data, "little")) % (1 << used) == 0
    except ShiftworkError:
        return False


def checksum(program: bytes) -> int:
    """What the field ``crc`` of a program's header has to hold."""
    return zlib.crc32(program[CRC_BYTE + 4 :], zlib.crc32(bytes(4), zlib.crc32(program[:CRC_BYTE])))


def sealed(program: bytes) -> bytes:
    """A program, header first, with its checksum."""
    return program[:CRC_BYTE] + checksum(program).to_bytes(4, "little") + program[CRC_BYTE + 4 :]


def decoded(program: bytes) -> list[tuple[str, dict[str, int]]]:
    """Kind and fields of every instruction of a program.

    Raises:
        ShiftworkError: as :func:`decode`.
    """
    return [decode(program[at : at + BYTES]) for at in range(0, len(program), BYTES)]


def listing(program: bytes) -> list[str]:
    """A program as text, one line an instruction; fields that are 0, or of one legal value, are left out."""
    lines = []
    for index, (kind, values) in enumerate(decoded(program)):
        layout = [field.name for field in fields(kind) if field is not KIND and not field.is_fixed]
        shown = [f"{name}={values[name]}" for name in layout if values[name]]
        lines.append(f"{index:4d}  {kind:6s}  {' '.join(shown)}")
    return lines


def _decoder(
    name: str, purpose: str, shown: Iterable[tuple[Field, int]], extra: Iterable[str] = (), body: Iterable[str] = ()
) -> str:
    """A module with fields, each with its lowest bit, as ports."""
    ports, assigns = [], []
    for field, offset in shown:
        width = "      " if field.width == 1 else f"[{field.width - 1}:0]".ljust(6)
        ports.append((f"  output wire {width} {field.name}", f"  // {field.meaning}"))
        low = f"{offset}" if field.width == 1 else f"{offset + field.width - 1}:{offset}"
        assigns.append(f"  assign {field.name} = instruction[{low}];")
    ports += [(port, "") for port in extra]
    lines = [
        f"// {name}: {purpose}",
        "//",
        "// Written by `python -m shiftwork.compile.instructions` from the description there.",
        "//",
        "// Parameters: none. Latency: combinational. Throughput: an instruction a cycle. Backpressure: none.",
        "// Reset: none.",
        "//",
        "// SPDX-License-Identifier: Apache-2.0",
        "`default_nettype none",
        "",
        f"module {name} (",
        f"  input  wire [{BITS - 1}:0] instruction,",
        *(f"{port}{',' if index < len(ports) - 1 else ''}{comment}" for index, (port, comment) in enumerate(ports)),
        ");",
        *assigns,
        "",
        "  wire unused = &{1'b0, instruction};",
        *body,
        "endmodule",
        "",
        "`default_nettype wire",
        "",
    ]
    return "\n".join(lines)


def _faults(layout: tuple[Field, ...], offset: int = 0) -> list[str]:
    """Verilog conditions: some field of the layout, whose first bit is ``offset``, is not legal."""
    return [condition for field, at in placed(layout, offset) for condition in field.faults(at)]


def verilog() -> dict[str, str]:
    """The decoders by their file names: of moves with what all kinds share, of layers, of the header; and the check."""
    common, used, short = (sum(field.width for field in layout) for layout in (COMMON, RUN, HEADER))
    checks = [
        f"  wire [1:0] kind = instruction[{KIND.width - 1}:0];",
        "",
        "  // Illegal fields of moves and layers, of moves, of layers, of the header.",
    ]
    for name, found in (
        ("bad_common", _faults(COMMON)),
        ("bad_move", _faults(MOVE[len(COMMON) :], common)),
        ("bad_run", [*_faults(RUN[len(COMMON) :], common), *_rest(used)]),
        ("bad_header", [*_faults(HEADER), *_rest(short)]),
    ):
        checks += [f"  wire {name} =", "    " + "\n    || ".join(found) + ";"]
    bad = f"bad_header : bad_common || (kind == 2'd{KINDS['run']} ? bad_run : bad_move)"
    checks += ["", f"  assign is_header = kind == 2'd{KINDS['header']};", f"  assign illegal = is_header ? {bad};"]
    move, run, head = ([(field, at) for field, at in placed(layout) if not field.is_fixed]
                       for layout in (MOVE, RUN, HEADER))  # fmt: skip
    begin = [(field, at) for field, at in run if at >= common and field.name not in _ONLY_RESULTS]
    end = [(field, at) for field, at in run if field.name in RESULTS]
    purposes = {
        "decode": "what moves and layers share, and the fields of moves.",
        "decode_run": "the fields of an instruction that computes a layer, to begin with.",
        "decode_results": "the fields of an instruction that tell how the results of a layer are written.",
        "decode_header": "the fields of the header of a program.",
        "check": "whether an instruction is legal.",
    }
    shown = {
        "decode": move, "decode_run": begin, "decode_results": end,
        "decode_header": [one for one in head if one[0] is not KIND], "check": [],
    }  # fmt: skip
    extra = ("  output wire        is_header", "  output wire        illegal")
    return {
        f"shw_accel_{name}.v": _decoder(
            f"shw_accel_{name}", purpose, shown[name], *((extra, checks) if name == "check" else ())
        )
        for name, purpose in purposes.items()
    }


def _rest(used: int) -> list[str]:
    """Verilog conditions: bits behind the fields are not 0."""
    return [f"instruction[{BITS - 1}:{used}] != {BITS - used}'d0"] if used < BITS else []


def main(arguments: Sequence[str]) -> int:
    """Command line: nothing or `--check`; returns the exit code."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m shiftwork.compile.instructions [--check]", file=sys.stderr)
        return 2
    code = 0
    for name, text in verilog().items():
        path = manifest.ROOT / FOLDER / name
        if not arguments:
            path.write_text(text)
        elif not path.is_file() or path.read_text() != text:
            told = "not what the description says; run `python -m shiftwork.compile.instructions`"
            print(f"{FOLDER / name}: {told}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

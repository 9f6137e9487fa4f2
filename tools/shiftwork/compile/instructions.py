# SPDX-License-Identifier: Apache-2.0
"""The instructions of the accelerator: one description for the compiler and for the Verilog decoder.

An instruction is 64 bytes, little endian: the fields below from bit 0 up, the rest zero (of a load or a store the
hardware does not look at the rest). Instructions of the kinds ``load`` and ``store`` go to the queue that moves data,
``run`` computes one layer. Addresses and strides in fields of 16 bits count words of the activation memory (COLS codes
each); ``docs/accelerator.md`` says what they mean. Values outside the limits below are refused by :func:`encode` and
by the decoder alike.

:func:`verilog` gives the decoders in ``rtl/accel``; ``python -m shiftwork.compile.instructions`` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shiftwork.errors import ShiftworkError

BYTES = 64
"""Of an instruction."""
BITS = 8 * BYTES


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        name: of it. width: in bits. meaning: what it holds.
        low, high: smallest (0 or 1) and largest legal value, None where all that fit are. multiple: of a power of two.
        signed: two's complement.
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

    def check(self, value: int) -> str:
        """Why a value is not legal; empty if it is."""
        low, high = self.limits
        if not low <= value <= high:
            return f"{self.name} = {value} is not within {low}..{high}"
        return f"{self.name} = {value} is not a multiple of {self.multiple}" if value % self.multiple else ""

    def faults(self, offset: int) -> list[str]:
        """Verilog, true where the bits from ``offset`` on of `instruction` are not legal."""
        bits, found = f"instruction[{offset + self.width - 1}:{offset}]", []
        if self.low:
            found.append(f"{bits} == {self.width}'d0")
        if self.high is not None:
            found.append(f"{bits} {'>' if self.high else '!='} {self.width}'d{self.high}")
        if self.multiple > 1:
            low_bits = self.multiple.bit_length() - 1
            found.append(f"instruction[{offset + low_bits - 1}:{offset}] != {low_bits}'d0")
        return found


KINDS = {"load": 0, "store": 1, "run": 2}
"""Codes of the field ``kind``."""
TARGETS = {"activations": 0, "weights": 1, "constants": 2}
"""What a ``load`` fills: codes of the field ``target``."""
UNITS = {"engine": 0, "maximum": 1, "sum": 2}
"""What a ``run`` computes with: codes of the field ``unit``."""
AHEAD = {"after": 0, "beside": 1, "behind": 2}
"""When a ``run`` begins: codes of the field ``ahead``."""

HEADER = (
    Field("kind", 2, "0 load, 1 store, 2 run", high=2),
    Field("take_token", 1, "takes a token of the other queue before it starts"),
    Field("give_token", 1, "gives a token to the other queue when it has ended"),
    Field("ahead", 2, "of a run: 0 after the one before, 1 beside it, 2 behind its blocks", high=2),
    Field("reserved", 2, "0", high=0),
)
MOVE = (
    *HEADER,
    Field("target", 2, "of a load: 0 activations, 1 weights, 2 constants", high=2),
    Field("memory", 32, "byte address in external memory, a multiple of 8", multiple=8),
    Field("words", 24, "words of 64 bits", 1),
    Field("place", 16, "first word of the activation memory, or first constant"),
    Field("burst", 16, "words on the chip until `gap` are skipped; 0: none"),
    Field("gap", 16, "words of the activation memory that are skipped after every `burst`"),
)
RUN = (
    *HEADER,
    Field("unit", 2, "0 the engine, 1 maximum, 2 sum", high=2),
    Field("reduce", 1, "sum: all positions of a window's words give one value"),
    Field("divide", 1, "sum: divided by `count`, rounded half up"),
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
    return RUN if kind == "run" else MOVE


def placed(layout: Iterable[Field], first: int = 0) -> Iterator[tuple[Field, int]]:
    """Every field with its lowest bit; ``first`` is that of the first one."""
    for field in layout:
        yield field, first
        first += field.width


def encode(kind: str, values: Mapping[str, int]) -> bytes:
    """One instruction; fields that are not given are 0.

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
        value = KINDS[kind] if field.name == "kind" else int(values.get(field.name, 0))
        if problem := field.check(value):
            raise ShiftworkError(f"instruction {kind}: {problem}")
        word |= (value & ((1 << field.width) - 1)) << offset
    return word.to_bytes(BYTES, "little")


def decode(data: bytes) -> tuple[str, dict[str, int]]:
    """Kind and fields of one instruction.

    Raises:
        ShiftworkError: the wrong number of bytes, or an unknown kind.
    """
    if len(data) != BYTES:
        raise ShiftworkError(f"an instruction has {BYTES} bytes, not {len(data)}")
    word = int.from_bytes(data, "little")
    names = {code: name for name, code in KINDS.items()}
    kind = names.get(word & 3)
    if kind is None:
        raise ShiftworkError(f"instruction of the unknown kind {word & 3}")
    values = {}
    for field, offset in placed(fields(kind)):
        value = word >> offset & ((1 << field.width) - 1)
        values[field.name] = value - (1 << field.width) if value > field.limits[1] else value
    return kind, values


def listing(program: bytes) -> list[str]:
    """A program as text, one line an instruction; fields that are 0 are left out."""
    lines = []
    for index in range(0, len(program), BYTES):
        kind, values = decode(program[index : index + BYTES])
        shown = [f"{name}={value}" for name, value in values.items() if value and name != "kind"]
        lines.append(f"{index // BYTES:4d}  {kind:5s}  {' '.join(shown)}")
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
    """The decoders by their file names: of moves with what all kinds share, and of layers."""
    header, used = (sum(field.width for field in layout) for layout in (HEADER, RUN))
    checks = ["", "  // Illegal fields of every kind, of moves and of layers."]
    for name, found in (
        ("bad_kind", _faults(HEADER)),
        ("bad_move", _faults(MOVE[len(HEADER) :], header)),
        ("bad_run", [*_faults(RUN[len(HEADER) :], header), f"instruction[{BITS - 1}:{used}] != {BITS - used}'d0"]),
    ):
        checks += [f"  wire {name} =", "    " + "\n    || ".join(found) + ";"]
    checks += ["", f"  assign illegal = bad_kind || (kind == 2'd{KINDS['run']} ? bad_run : bad_move);"]
    move, run = ([(field, at) for field, at in placed(layout) if field.name != "reserved"] for layout in (MOVE, RUN))
    written = {
        "shw_accel_decode": (
            "what all instructions share, the fields of those that move data, and a check of all.",
            move,
            ["  output wire        illegal"],
            checks,
        ),
        "shw_accel_decode_run": (
            "the fields of an instruction that computes a layer, to begin with.",
            [(field, at) for field, at in run if at >= header and field.name not in _ONLY_RESULTS],
        ),
        "shw_accel_decode_results": (
            "the fields of an instruction that tell how the results of a layer are written.",
            [(field, at) for field, at in run if field.name in RESULTS],
        ),
    }
    return {f"{name}.v": _decoder(name, *what) for name, what in written.items()}


def main() -> None:
    """Write the Verilog decoders of this clone."""
    folder = Path(__file__).resolve().parents[3] / "rtl" / "accel"
    for name, text in verilog().items():
        (folder / name).write_text(text)
        print(f"written: {folder / name}")


if __name__ == "__main__":
    main()

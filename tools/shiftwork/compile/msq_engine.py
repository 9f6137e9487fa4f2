# SPDX-License-Identifier: Apache-2.0
"""The engine of mixed rows: multipliers and shift-add units side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import sp2
from shiftwork.compile.engine import MAX_COLS, MAX_ROWS, Engine, Schedule, check_sums, requant_of
from shiftwork.compile.msq_cycles import predict_msq_cycles
from shiftwork.compile.packing import nibbles, spread
from shiftwork.compile.program import Operands
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.network.format import Format, Requant
from shiftwork.network.format_rows import MixedRows
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.settings import setting, within
from shiftwork.tensors.im2col import weight_matrix

LANES = (1, 4, 8, 16, 32)
ACC_BITS = 24
"""Width of the accumulator of a tile."""
ACCELERATOR_BITS = 20
"""The same inside the accelerator."""
_SP2 = 16
"""Bit of a weight's byte inside the accelerator that says that its row is SP2."""


@dataclass(frozen=True)
class MsqEngine(Engine):
    """``shw_msq_engine``: ``lanes`` reduction steps and four bits per operand in a beat, weights on the rows.

    Attributes:
        fixed_rows, sp2_rows: rows of multipliers, and of shift-add units behind them; 1..64 together.
        cols: even, 2..256. lanes: 4, 8, 16 or 32, or 1 inside the accelerator, where codes stand in bytes: those of
            weights with the kind of their row, so channels need not be sorted by kind.
    """

    fixed_rows: int = setting(8, "Rows of multipliers of the msq engine.")
    sp2_rows: int = setting(8, "Rows of shift-add units of the msq engine.")
    cols: int = setting(16, "Columns of the engine.")
    lanes: int = setting(8, "Reduction steps a beat of the msq engine.")

    form: ClassVar[type[Format]] = MixedRows
    code_bits: ClassVar[int] = 4
    bound_name: ClassVar[str] = "lanes"
    inside: ClassVar[Mapping[str, int]] = MappingProxyType({"lanes": 1})
    path: ClassVar[Requant] = "scale"

    def __post_init__(self) -> None:
        within("fixed_rows", self.fixed_rows, 0, MAX_ROWS)
        within("sp2_rows", self.sp2_rows, 0, MAX_ROWS)
        if not 1 <= self.rows <= MAX_ROWS:
            raise SettingError(f"`fixed_rows` and `sp2_rows` together, {self.rows} is outside 1..{MAX_ROWS}")
        within("cols", self.cols, 2, MAX_COLS)
        if self.cols % 2:
            raise SettingError(f"`cols` {self.cols} is odd: multipliers share two columns")
        if self.lanes not in LANES:
            raise SettingError(f"`lanes` {self.lanes} is none of {', '.join(map(str, LANES))}")

    @classmethod
    def inside_of(cls, rows: int, cols: int) -> MsqEngine:
        """The engine inside an accelerator, half of its rows multipliers."""
        return cls(rows // 2, rows - rows // 2, cols, lanes=1)

    def __str__(self) -> str:
        return f"({self.fixed_rows} fixed + {self.sp2_rows} SP2) x {self.cols} x {self.lanes}"

    @property
    def kind(self) -> str:
        return "msq"

    @property
    def rows(self) -> int:
        """Rows of either kind."""
        return self.fixed_rows + self.sp2_rows

    @property
    def operand_bytes(self) -> int:
        return max(self.lanes // 2, 1)

    @property
    def beat_macs(self) -> int:
        """Multiply-accumulates of a beat."""
        return self.rows * self.cols * self.lanes

    @property
    def array(self) -> str:
        return f"{super().array} of {self.lanes} lane{'s' * (self.lanes > 1)}"

    def parameters(self) -> dict[str, int | str]:
        if self.lanes == 1:
            raise SettingError("`lanes` 1: the engine alone takes 4 lanes at least")
        return super().parameters() | {"FIXED_ROWS": self.fixed_rows}

    def accelerated(self) -> dict[str, int | str]:
        return super().accelerated() | {"FIXED_ROWS": self.fixed_rows, "ACC_W": ACCELERATOR_BITS}

    def check(self, network: IntegerNetwork, module: IntegerModule) -> None:
        super().check(network, module)
        form = cast(MixedRows, module.format)
        if form.row_sp2 is None:
            raise ShiftworkError(f"node {module.name!r}: it has no 4-bit codes for the msq engine")
        if requant_of(network) == "scale":
            if module.requantize != (form.factor is not None) or np.any(module.bias_shift):
                raise ShiftworkError(f"node {module.name!r}: it is requantized by shift, other modules by scale")
            if module.shortcut is not None and not module.requantize:
                raise ShiftworkError(
                    f"node {module.name!r}: a network output by scale cannot have a shortcut: it can with --alpha pot"
                )
        check_sums(network, module, module.depth, ACCELERATOR_BITS if self.lanes == 1 else ACC_BITS)

    def slots(self, module: IntegerModule) -> NDArray[np.int64]:
        if self.lanes == 1:
            return super().slots(module)
        return np.stack([assign_rows(kinds, self.fixed_rows, self.sp2_rows) for kinds in _kinds(module)])

    def row_kinds(self, module: IntegerModule, slots: NDArray[np.int64]) -> NDArray[np.uint64]:
        bits = spread(_kinds(module), slots, self.rows).reshape(-1, self.rows).astype(np.uint64)
        return np.asarray((bits << np.arange(self.rows, dtype=np.uint64)).sum(axis=1, dtype=np.uint64))

    def weight_bytes(self, module: IntegerModule) -> NDArray[np.uint8]:
        weights = np.stack([weight_matrix(module, part) for part in range(module.groups)]).astype(np.int8)
        row_sp2, codes = _kinds(module), weights.view(np.uint8).copy()
        try:
            codes[row_sp2] = sp2.encode(weights[row_sp2])
        except ShiftworkError as error:
            raise ShiftworkError(f"node {module.name!r}: {error}") from None
        largest = int(np.abs(weights[~row_sp2].astype(np.int64)).max(initial=0))
        if largest > 7:
            raise ShiftworkError(f"node {module.name!r}: a weight of {largest} is outside the fixed codes -7..7")
        if self.lanes == 1:
            return np.asarray(codes & 15 | np.where(row_sp2[..., None], _SP2, 0), np.uint8)[..., None]
        return nibbles(codes, self.lanes)

    def activation_bytes(self, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return super().activation_bytes(table) if self.lanes == 1 else nibbles(table, self.lanes)

    def schedule(self, operands: Operands) -> Schedule:
        """The bound is the multiply-accumulates over those of a beat."""
        cycles = predict_msq_cycles(len(operands.tiles), operands.beats, self.rows, self.lanes)
        return Schedule(cycles, -(-operands.macs // self.beat_macs))


def weight_values(codes: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Values of the bytes of weights inside the accelerator, same shape."""
    nibble = codes & 15
    fixed = ((nibble ^ 8).astype(np.int8) - 8).astype(np.int8)
    return np.where(codes & _SP2, sp2.decode(np.where(codes & _SP2, nibble, 0)), fixed).astype(np.int8)


def _kinds(module: IntegerModule) -> NDArray[np.bool_]:
    """bool ``(groups, channels)``: True for SP2 channels."""
    row_sp2 = cast(MixedRows, module.format).row_sp2
    assert row_sp2 is not None
    return row_sp2.reshape(module.groups, -1)


def assign_rows(row_sp2: NDArray[np.bool_], fixed_rows: int, sp2_rows: int) -> NDArray[np.int64]:
    """Rows of the tiles for the output channels of one group, so that each kind meets its unit as far as it goes.

    Fixed channels fill the fixed rows of the ``ceil(channels / ROWS)`` tiles in order, SP2 channels the SP2 rows; what
    is left of one kind takes the free rows of the other, in order.

    Args:
        row_sp2: ``(channels,)``, True for an SP2 channel.
        fixed_rows, sp2_rows: rows 0 .. fixed_rows-1 of a tile are fixed units, the others SP2 units.

    Returns:
        ``(channels,)`` ``tile * ROWS + row`` of every channel.
    """
    rows = fixed_rows + sp2_rows
    places = np.arange(-(-len(row_sp2) // rows) * rows)
    is_sp2 = places % rows >= fixed_rows
    slots = np.empty(len(row_sp2), np.int64)
    own = {kind: (np.flatnonzero(row_sp2 == kind), places[is_sp2 == kind]) for kind in (False, True)}
    for kind, (channels, units) in own.items():
        others, theirs = own[not kind]
        slots[channels] = np.concatenate([units, theirs[len(others) :]])[: len(channels)]
    return slots

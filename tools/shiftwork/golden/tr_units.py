# SPDX-License-Identifier: Apache-2.0
"""Bit-true models of the units of the term-revealing engine, one class or function per Verilog block.

Each model holds the state its block documents and nothing of its timing; the testbenches under ``tb/``
compare every bit. Method: Term Revealing (arXiv 2007.06389); numbers: ``docs/numerics.md`` section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms
from shiftwork.errors import ShiftworkError

PLANES = 9
"""Exponent planes of a streamed 8-bit code, 8 down to 0."""


class Op(IntEnum):
    """Operations of a cell."""

    ADD = 0
    SHIFT = 1
    FLIP = 2
    NORTH = 3


@dataclass
class Cell:
    """``shw_tr_cell``: one accumulator of ``width`` bits (10..48), kept as an unsigned integer."""

    width: int
    acc: int = 0

    def step(self, op: int, fill: int, t: int, north: int = 0) -> int:
        """Execute one operation on the signed value ``t``; returns the accumulator, modulo 2**width."""
        base = {
            Op.ADD: self.acc,
            Op.SHIFT: (self.acc << 1) | fill,
            Op.FLIP: ~self.acc,
            Op.NORTH: north,
        }[Op(op)]
        self.acc = (base + t) & ((1 << self.width) - 1)
        return self.acc

    @property
    def value(self) -> int:
        """The accumulator as a two's complement number."""
        return wrap(self.acc, self.width)


def wrap(value: int, width: int) -> int:
    """``value`` modulo 2**width as a two's complement number."""
    half = 1 << (width - 1)
    return ((value + half) & ((1 << width) - 1)) - half


@dataclass
class GroupReveal:
    """``shw_group_reveal``: the budget of one group, spent plane by plane from the top."""

    left: int = 0

    def load(self, budget: int) -> None:
        """Start a group that may keep ``budget`` terms (>= 1)."""
        self.left = budget

    def keep(self, count: int, unlimited: bool = False) -> int:
        """Terms that a plane with ``count`` terms keeps."""
        kept = min(count, self.left)
        self.left -= kept
        return count if unlimited else kept


@dataclass
class PlaneLists:
    """``shw_plane_lists``: per exponent plane the (index, negative) of its terms, in order of arrival."""

    lists: list[list[tuple[int, bool]]] = field(default_factory=lambda: [[] for _ in range(PLANES)])
    base: list[int] = field(default_factory=lambda: [0] * PLANES)

    def append(self, index: int, digits: Sequence[int]) -> None:
        """Append one value: its digits -1, 0, 1, plane 0 first."""
        for plane, digit in enumerate(digits):
            if digit:
                self.lists[plane].append((index, digit < 0))

    def end_group(self, budget: int, unlimited: bool = False) -> None:
        """Apply the budget to what came since the last group: planes from the top, first come first kept."""
        water = GroupReveal(budget)
        for plane in range(PLANES - 1, -1, -1):
            kept = water.keep(len(self.lists[plane]) - self.base[plane], unlimited)
            del self.lists[plane][self.base[plane] + kept :]
            self.base[plane] = len(self.lists[plane])

    def close(self) -> list[list[tuple[int, bool]]]:
        """End the slice (after ``end_group``); returns its lists, plane 0 first, and empties them."""
        lists = self.lists
        self.lists = [[] for _ in range(PLANES)]
        self.base = [0] * PLANES
        return lists


PART = 24
"""Quarters with terms that the sequencer sorts at once."""


@dataclass(frozen=True)
class Mask:
    """Terms of one plane of a quarter (8 places) that stay; bit i: place i of the quarter.

    Attributes:
        quarter: of the slice. positive, negative: its terms of each sign, one at least.
    """

    quarter: int
    positive: int = 0
    negative: int = 0

    @property
    def signs(self) -> tuple[int, int]:
        """Positive and negative terms."""
        return self.positive, self.negative


Planes = list[list[Mask]]
"""What stays of a slice: for every plane, from the top, the quarters with terms."""


def masks(digits: NDArray[np.int8], group: int = 0, budget: int = 0, top: int = PLANES - 1) -> Planes:
    """``shw_bitmap_walker``: what stays of a slice.

    Args:
        digits: ``(planes, places)``, -1, 0 or 1, plane 0 first. group: places of a group, a multiple of 8; 0: every
            term stays. budget: terms that a group keeps, from the top plane down, first come first kept.
        top: plane from which it walks.
    """
    result: Planes = []
    spent: dict[int, int] = {}
    for plane in digits[top::-1]:
        found = []
        for begin in range(0, len(plane), 8):
            signs = [0, 0]
            for place, digit in enumerate(plane[begin : begin + 8].tolist()):
                if not digit:
                    continue
                if group:
                    number = (begin + place) // group
                    spent[number] = spent.get(number, 0) + 1
                if not group or spent[number] <= budget:
                    signs[digit < 0] |= 1 << place
            if any(signs):
                found.append(Mask(begin // 8, *signs))
        result.append(found)
    return result


@dataclass(frozen=True)
class Operation:
    """One operation of a row: what all its cells do in one cycle."""

    op: Op
    index: int | None
    """Place of the column operand to add; None adds 0."""
    fill: bool
    """The cells hold complements before this operation."""


def operations(planes: Planes) -> list[Operation]:
    """``shw_term_sequencer``: the operations of a slice from what stays of it.

    Horner's rule from the top plane down: a plane's first operation shifts, a change of sign complements, and the end
    restores true values, as a positive term of the last plane would. The terms of a plane are taken sign by sign, the
    sign in use first, :data:`PART` quarters at once.
    """
    result: list[Operation] = []
    flipped = begun = False
    shifts = 0

    def term(negative: bool, index: int | None) -> None:
        nonlocal flipped, shifts
        change = negative != flipped
        while shifts > (not change):
            result.append(Operation(Op.SHIFT, None, flipped))
            shifts -= 1
        op = Op.FLIP if change else Op.SHIFT if shifts else Op.ADD
        result.append(Operation(op, index, flipped))
        flipped, shifts = negative, 0

    for number, plane in enumerate(planes):
        shifts += number > 0 and begun
        for begin in range(0, len(plane), PART):
            for negative in (flipped, not flipped):
                for one in plane[begin : begin + PART]:
                    for place in range(8):
                        if one.signs[negative] >> place & 1:
                            term(negative, 8 * one.quarter + place)
                            begun = True
    term(False, None)
    return result


@dataclass
class Row:
    """``shw_tr_row``: cells beside a memory of column operands.

    Args of the constructor: number of cells, accumulator width, words of the memory, width of a column value.
    """

    columns: int
    width: int
    words: int
    value_width: int = 9

    def __post_init__(self) -> None:
        self.memory = np.zeros((self.words, self.columns), np.int64)
        self.cells = [Cell(self.width) for _ in range(self.columns)]

    def write(self, address: int, values: Sequence[int]) -> None:
        """Store one operand per column (value_width bits, unsigned)."""
        self.memory[address] = values

    def read(self, address: int) -> list[int]:
        """The operands of one index."""
        return [int(value) for value in self.memory[address]]

    def step(self, op: int, fill: int, word: Sequence[int] | None, signed: bool, north: Sequence[int]) -> list[int]:
        """Execute one operation on the operands ``word`` (None: zeros); returns the accumulators."""
        word = [0] * self.columns if word is None else word
        values = [wrap(v, self.value_width) if signed else v for v in word]
        return [cell.step(op, fill, t, n) for cell, t, n in zip(self.cells, values, north, strict=True)]


@dataclass
class SliceTotals:
    """``shw_slice_totals``, ``shw_class_totals``: slice sums joined into totals of two tiles; one beat per row."""

    rows: int
    columns: int
    width: int = 32

    def __post_init__(self) -> None:
        self.totals = np.zeros((2, self.rows, self.columns), np.int64)

    def add(self, bank: int, row: int, sums: Sequence[int], first: bool) -> None:
        """Add the signed slice sums of one row; ``first`` starts the total of a tile."""
        before = 0 if first else self.totals[bank, row]
        self.totals[bank, row] = before + np.asarray(sums, np.int64)

    def beats(self, bank: int) -> list[list[int]]:
        """The result beats of a complete tile, row 0 first, modulo 2**width (two's complement)."""
        return [[wrap(int(v), self.width) for v in row] for row in self.totals[bank]]


@dataclass(frozen=True)
class TileConfig:
    """Run-time configuration of a tile: the ``cfg_*`` ports of the engine."""

    tr_en: bool = False
    group: int = 8
    budget: int = 12
    data_terms: int = 0
    hese: bool = True
    row_signed: bool = True
    col_signed: bool = True
    slice_shift: int = 0

    @property
    def rule(self) -> str:
        """Encoding rule by its name."""
        return "hese" if self.hese else "binary"

    @property
    def window(self) -> int:
        """Values of 8 places: a group of less takes 8."""
        return min(self.group, 8) if self.tr_en else 8

    def legal(self, truncate: bool = True, depth: int = 256) -> bool:
        """Whether an engine, with or without column truncation, accepts the configuration.

        depth: places of its longest slice.
        """
        if depth >> self.slice_shift < 32:
            return False
        if not self.tr_en:
            return True
        try:
            terms.check_group(self.group)
            terms.check_budget(self.budget)
            terms.check_data_terms(self.data_terms)
        except ShiftworkError:
            return False
        return self.group <= depth >> self.slice_shift and (truncate or self.data_terms == 0)


def tile(
    config: TileConfig,
    rows: NDArray[np.integer],
    cols: NDArray[np.integer],
    *,
    width: int = 22,
    depth: int = 256,
) -> NDArray[np.int64]:
    """``shw_tr_engine``: the results of one tile with a legal configuration.

    Args:
        config: the tile's configuration.
        rows: streamed values (ROWS, K), in -128..127 or 0..255 as the configuration says.
        cols: gathered values (COLS, K), likewise.
        width: cell accumulator in bits: the sum of one slice is taken modulo 2**width.
        depth: places of the engine's longest slice.

    Returns:
        int64 (ROWS, COLS) in the range of 32-bit two's complement.
    """
    streamed, gathered = rows.astype(np.int64), cols.astype(np.int64)
    if config.tr_en:
        streamed = terms.reveal(rows, config.group, config.budget, config.rule).astype(np.int64)
        gathered = terms.truncate(cols, config.data_terms, config.rule).astype(np.int64)
    total = np.zeros((rows.shape[0], cols.shape[0]), np.int64)
    step = (depth >> config.slice_shift) // 8 * config.window
    for start in range(0, rows.shape[1], step):
        part = slice(start, start + step)
        sums = streamed[:, part] @ gathered[:, part].T
        half = 1 << (width - 1)
        total += ((sums + half) & ((1 << width) - 1)) - half
    return ((total + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def slice_bitmaps(config: TileConfig, values: Sequence[int]) -> NDArray[np.int8]:
    """``shw_tr_loader`` and ``shw_plane_bitmaps``: the digits of a slice of a row, ``(planes, places)``, plane 0 first.

    Groups of less than 8 values take 8 places each. The places end with a word of 32.
    """
    window = config.window
    windows = -(-len(values) // window)
    digits = np.zeros((windows * window, PLANES), np.int8)
    digits[: len(values)] = terms.encode(np.asarray(values), config.rule)
    places = np.zeros((-(-windows // 4) * 4, 8, PLANES), np.int8)
    places[:windows, :window] = digits.reshape(windows, window, PLANES)
    return places.reshape(-1, PLANES).T

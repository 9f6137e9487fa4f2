# SPDX-License-Identifier: Apache-2.0
"""Pooling, cycle by cycle."""

from __future__ import annotations

from enum import Enum, auto

from shiftwork.compile.accel_cycles.layer import Layer
from shiftwork.compile.instructions import UNITS

_DIVISION = 10
"""Steps of a division."""


class _State(Enum):
    IDLE = auto()
    LOAD = auto()
    DOUBLE = auto()
    DIVIDE = auto()
    STORE = auto()


class Pool:
    """``shw_pool``.

    Args:
        height, width: of a block.
    """

    def __init__(self, height: int, width: int) -> None:
        self.last_slice = height - 1
        self.levels = width.bit_length() - 1  # of the adder tree
        self.sums = self.reduce = self.divide = False
        self.up = 0
        # words
        self.top: tuple[int, bool] | None = None  # last slice, last of its window
        self.hold: tuple[int, bool] | None = None
        self.closed = False
        self.bank_full = [False, False]
        self.write_bank = self.read_bank = 0
        self.cut = 0
        # sums
        self.add: tuple[bool, bool, int] | None = None  # complete, to be divided, bank
        self.tree = 0  # bit i: the last slice of a window i cycles ago
        self.total_full = False
        # division
        self.state = _State.IDLE
        self.left = 0
        self.sums_full = False
        self.divided = 0

    def begin(self, layer: Layer) -> None:
        """A layer comes."""
        self.sums = layer.fields["unit"] == UNITS["sum"]
        self.reduce = self.sums and bool(layer.fields["reduce"])
        self.divide, self.up = bool(layer.fields["divide"]), layer.fields["up"]

    @property
    def go(self) -> bool:
        """A slice is cut."""
        if self.hold is None or self.bank_full[self.write_bank]:
            return False
        waits = self.closed and (not self.reduce or (self.hold[1] and self.cut == self.hold[0]))
        return not waits

    @property
    def hold_done(self) -> bool:
        """The word that is cut is done with."""
        return self.hold is not None and self.cut == self.hold[0] and self.go

    @property
    def in_ready(self) -> bool:
        """It takes a word."""
        return self.top is None or self.hold is None or self.hold_done

    @property
    def out_valid(self) -> bool:
        """A result is offered."""
        if not self.reduce:
            return self.bank_full[self.read_bank]
        return self.state is _State.STORE if self.divide else self.total_full

    def clock(self, word: bool, last: bool, last_slice: int, out_ready: bool) -> None:
        """The edge. word, last, last_slice: a word is taken, the last of its window, its last slice that counts."""
        done = self.out_valid and out_ready
        go, hold_done, hold = self.go, self.hold_done, self.hold
        window = hold_done and hold is not None and hold[1]
        stored = self.state is _State.STORE and (not self.reduce or out_ready)
        store = self.state is _State.DIVIDE and not self.left and not self.reduce
        whole = self.divided == self.last_slice
        total_take = self.state is _State.LOAD if self.divide else self.reduce and done

        # words
        move = self.top is not None and (hold is None or hold_done)
        if move:
            self.hold = self.top
        elif hold_done:
            self.hold = None
        if word and (last or self.sums):
            self.top = (last_slice if self.reduce else self.last_slice, last)
        elif move:
            self.top = None

        # slices and sums
        add, self.add = self.add, None
        if store:
            self.add = (whole, False, self.read_bank)
        elif go and not self.reduce:
            divides = self.sums and self.divide
            self.add = (window and not divides, window and divides, self.write_bank)
        if window and self.sums:
            self.closed = True
        elif total_take if self.reduce else done:
            self.closed = False
        if go:
            self.cut = 0 if hold_done else self.cut + 1
        if window and not self.reduce:
            self.write_bank ^= 1

        # division
        tree_end = bool(self.tree >> self.levels & 1)
        self._divide(stored, not self.reduce and not whole)
        if tree_end:
            self.total_full = True
        elif total_take:
            self.total_full = False
        if add is not None and add[1]:
            self.sums_full = True
        elif stored and (self.reduce or whole):
            self.sums_full = False
        if stored and not self.reduce:
            self.divided = 0 if whole else self.divided + 1
        self.tree = (self.tree << 1 | (window and self.reduce)) & ((2 << self.levels) - 1)

        # results
        if done and not self.reduce:
            self.bank_full[self.read_bank] = False
            self.read_bank ^= 1
        if add is not None and add[0]:
            self.bank_full[add[2]] = True

    def _divide(self, stored: bool, more: bool) -> None:
        state, left = self.state, self.left
        if state is _State.IDLE:
            if (self.total_full and self.divide) or self.sums_full:
                self.state = _State.LOAD
        elif state is _State.LOAD:
            self.state = _State.DOUBLE if self.up else _State.DIVIDE
        elif state is _State.STORE:
            if stored:
                self.state = _State.LOAD if more or self.total_full else _State.IDLE
        elif not left:
            self.state = _State.DIVIDE if state is _State.DOUBLE else _State.STORE
        if state is _State.LOAD and self.up:
            self.left = self.up - 1
        elif state is _State.LOAD or not left:
            self.left = _DIVISION - 1
        else:
            self.left = left - 1

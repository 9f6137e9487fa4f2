# SPDX-License-Identifier: Apache-2.0
"""``shw_mac_engine`` and ``shw_msq_engine``, cycle by cycle: when they take beats and when results leave."""

from __future__ import annotations

from collections.abc import Iterable

from shiftwork.compile.msq_cycles import stages
from shiftwork.compile.tr_cycles import Tile


class MacControl:
    """``shw_mac_control``."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.room = max(16, 2 * rows)  # words that no tile has claimed
        self.valid = self.last = False
        self.gap = 0
        self.token = 0  # bit i: a tile was complete i + 1 cycles ago
        self.select = -1  # row that is selected
        self.write = False
        self.written = self.late = 0  # words that are not read
        self.out_valid = False

    def begin(self, tiles: Iterable[Tile]) -> None:
        """A layer comes; its time does not depend on its values."""

    @property
    def in_ready(self) -> bool:
        """It takes a beat."""
        return not self.valid or not self.last or (not self.gap and self.room >= self.rows)

    def clock(self, beat: bool, last: bool, last_slice: int, out_ready: bool) -> None:
        """The edge. beat, last: one is taken, the last one of its tile."""
        ready = self.in_ready
        complete = self.valid and self.last and ready
        load = self.late > 0 and (out_ready or not self.out_valid)
        if ready:
            self.valid, self.last = beat, last
        self.room += load - (self.rows if complete else 0)
        self.gap = self.rows - 1 if complete else max(self.gap - 1, 0)
        self.late = self.written - load
        self.written += self.write - load
        self.write = self.select >= 0
        if self.token & 4:
            self.select = 0
        elif self.select >= 0:
            self.select = self.select + 1 if self.select < self.rows - 1 else -1
        self.token = (self.token << 1 | complete) & 7
        self.out_valid = load or (self.out_valid and not out_ready)


class MsqControl:
    """``shw_msq_engine`` with one lane."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.stages = stages(1)
        self.valid = self.last = 0  # bit i: a beat, the last one of its tile, in stage i + 1
        self.leaving = False  # the shadow registers hold results
        self.row = 0
        self.read_valid = self.out_valid = False

    def begin(self, tiles: Iterable[Tile]) -> None:
        """A layer comes; its time does not depend on its values."""

    @property
    def _complete(self) -> bool:
        return bool(self.valid & self.last & 1 << (self.stages - 1))

    @property
    def in_ready(self) -> bool:
        """It takes a beat."""
        return not (self._complete and self.leaving)

    def clock(self, beat: bool, last: bool, last_slice: int, out_ready: bool) -> None:
        """The edge. beat, last: one is taken, the last one of its tile."""
        move, start = self.in_ready, self._complete and not self.leaving
        leaving, end = self.leaving, self.row == self.rows - 1
        if out_ready or not self.out_valid:
            self.out_valid, self.read_valid = self.read_valid, leaving
            if leaving:
                self.row = 0 if end else self.row + 1
            if end:
                self.leaving = False
        if start:
            self.leaving = True
        if move:
            mask = (1 << self.stages) - 1
            self.valid = (self.valid << 1 | beat) & mask
            self.last = (self.last << 1 | last) & mask

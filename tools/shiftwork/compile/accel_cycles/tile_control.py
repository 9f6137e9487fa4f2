# SPDX-License-Identifier: Apache-2.0
"""Tile engines, cycle by cycle: when they take beats and when results leave."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from shiftwork.compile.accel_cycles.layer import Layer, Operations
from shiftwork.compile.cycles import BLOCK, DEPTH

_PITCH = 8
"""Cycles that pass between two visits at least."""
_SLICES = 3
"""In flight at most."""


@dataclass
class _Slice:
    length: int
    operations: int
    first: bool
    last: bool


class TrControl:
    """``shw_tr_engine``: loader, rows, drain and totals.

    A row that still sorts a slice never keeps the next one waiting: it has sorted it before the slice is drained.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.closed: deque[_Slice] = deque()  # slices that are not released
        self.waiting: deque[_Slice] = deque()  # slices that are not sorted
        # loader
        self.tile: Operations = ()
        self.tiles: deque[Operations] = deque()  # of tiles that are not begun
        self.group = 0
        self.number = 0  # of the slice in its tile
        self.position = self.used = 0
        self.last_slice = True
        self.visit_due = self.close_due = False
        self.pitch = 0  # cycles until a visit
        self.announced = 0  # bit i: a slice is ready in i cycles
        self.ready = 0  # slices that may be sorted
        # rows
        self.start = False
        self.ahead: _Slice | None = None  # is sorted
        self.lead = 0
        self.run: _Slice | None = None
        self.left = 0  # operations
        self.draining: _Slice | None = None
        self.drain_left = 0
        self.busy_banks = 0
        # totals; bit i: a drain, the last one of a tile, i + 1 cycles ago
        self.drains = self.ends = 0
        self.full = 0  # tiles that may leave
        self.out_row = 0
        self.out_valid = False

    def begin(self, layer: Layer) -> None:
        """A layer comes."""
        self.group = layer.group
        for tile in layer.tiles:
            self.tiles.extend([tile] * layer.blocks)

    @property
    def in_ready(self) -> bool:
        """It takes a beat."""
        return not self.visit_due and self.used < 2 * DEPTH and len(self.closed) < _SLICES

    def clock(self, beat: bool, last: bool, last_slice: int, out_ready: bool) -> None:
        """The edge. beat, last: one is taken, the last one of its tile."""
        draining, drain_end = self.draining, self._drain_end
        released = self._rows()
        self._totals(out_ready, draining is not None, drain_end and draining is not None and draining.last)
        self._loader(beat, last, released)

    @property
    def _drain_end(self) -> bool:
        return self.draining is not None and self.drain_left == 1

    def _loader(self, beat: bool, last: bool, released: int) -> None:
        """``shw_tr_loader``: beats, visits that end groups and slices. released: values of a slice that is done."""
        if self.announced:
            self.ready += self.announced & 1
            self.announced >>= 1
        if self.visit_due and not self.pitch:
            self.visit_due = False
            self.pitch = _PITCH
            if self.close_due:
                number, tile = self.number, self.tile
                done = _Slice(self.position, tile[number], number == 0, self.last_slice)
                self.closed.append(done)
                self.waiting.append(done)
                self.announced |= 1 << 2
                self.number = 0 if self.last_slice else number + 1
                self.position = 0
                self.close_due = False
        elif self.pitch:
            self.pitch -= 1
        if beat:
            if not self.position and not self.number:
                self.tile = self.tiles.popleft()
            self.position += 1
            self.used += 1
            self.close_due = last or self.position == DEPTH
            self.visit_due = self.close_due or (self.group > 0 and self.position % self.group == 0)
            self.last_slice = last
        self.used -= released

    def _rows(self) -> int:
        """Slices are sorted, computed, drained, one after the other; values that are released."""
        released = 0
        run, ahead, draining = self.run, self.ahead, self.draining
        drain_end = self._drain_end
        begins = ahead is not None and not self.lead and (drain_end or (run is None and draining is None))
        ends = run is not None and self.left <= 1 and not (run.first and self.busy_banks == 2)
        start = not self.start and ahead is None and self.ready > 0
        if run is not None and self.left > 1:
            self.left -= 1
        if draining is not None:
            self.drain_left -= 1
            if drain_end:
                self.draining = None
                self.busy_banks += draining.last
        if ends:
            assert run is not None
            self.run, self.draining, self.drain_left = None, run, self.rows
            self.closed.popleft()
            released = run.length
        if self.lead:
            self.lead -= 1
        if begins:
            assert ahead is not None
            self.run, self.left, self.ahead = ahead, ahead.operations, None
        if self.start:
            self.ahead = self.waiting.popleft()
            self.ready -= 1
            self.lead = BLOCK + 4
        self.start = start
        return released

    def _totals(self, out_ready: bool, drain: bool, end: bool) -> None:
        """``shw_slice_totals``. drain, end: a row is drained, the last one of a tile."""
        drains, ends = self.drains, self.ends
        move = self.full > 0 and not drains & 8 and (out_ready or not self.out_valid)
        if ends & 8:
            self.full += 1
        if move:
            self.out_valid = True
            self.out_row += 1
            if self.out_row == self.rows:
                self.out_row = 0
                self.full -= 1
                self.busy_banks -= 1
        elif out_ready:
            self.out_valid = False
        self.drains, self.ends = (drains << 1 | drain) & 15, (ends << 1 | end) & 15


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

    def begin(self, layer: Layer) -> None:
        """A layer comes."""

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

# SPDX-License-Identifier: Apache-2.0
"""Exact cycle prediction for ``shw_tr_engine`` (``docs/blocks/tr_engine.md``, section Timing).

The engine's time depends on the streamed operand alone: which quarters of its bitmaps have terms, and how many stay.
:func:`walks` counts them, :class:`Row` gives the times of a row edge, :class:`TrControl` those of the engine around it,
cycle by cycle. :func:`predict_cycles` runs it by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms
from shiftwork.golden.tr_units import PART

DEPTH = 256
"""Values per slice of the engine's default configuration."""

WORD = 32
"""Places of a word of the bitmaps."""

WINDOW = 8
"""Places of a window, a quarter of a word."""

_QUARTERS = 4
_PLANES = 9
_SLICES = 4  # in flight at most
_DRY_WORDS = 7  # a slice of so many words skips the quarters of groups that have run dry
_FIRST_WORDS = 3  # steps of the memory from the first address, in the cycle after start, to its word
_QUEUED = 6  # cycles from a quarter to its masks in their queues
_DRY_LATENCY = 5  # cycles from the quarter that takes the last term until its group is known to be dry
_CROWDED = 24  # masks in a queue: no more quarters are taken
_ROOM = 12  # masks behind the queues: no more are taken out of them
_PART, _PLANE, _SLICE = 1, 2, 3  # what ends with a mask
_EMPTY = ((0, 0),)  # a word of which no quarter is taken


@dataclass(frozen=True)
class Reveal:
    """What the rows stream.

    Attributes:
        rule: ``hese`` or ``binary``. group: g of term revealing; 0: conventional quantization, every term stays.
        budget: k. signed: rows are two's complement.
    """

    rule: str = "hese"
    group: int = 0
    budget: int = 0
    signed: bool = True

    @property
    def top_plane(self) -> int:
        """Of the bitmaps: 8 where a code may have a digit 2^8."""
        return _PLANES - 1 if self.rule == "hese" and not self.signed else _PLANES - 2

    @property
    def window(self) -> int:
        """Values of a window of 8 places."""
        return min(self.group or WINDOW, WINDOW)

    def slice_values(self, depth: int) -> int:
        """Values of a slice of ``depth`` places."""
        return depth // WINDOW * self.window


def row_tokens(values: NDArray[np.integer], rule: str = "hese", depth: int = DEPTH) -> NDArray[np.int64]:
    """Terms and planes without terms below the first one with terms, ``(rows, slices)``: no row takes fewer operations.

    Args:
        values: ``(rows, K)`` streamed values after term revealing, in -256..256.
        rule: ``hese`` or ``binary``. depth: values per slice.
    """
    slices = range(0, values.shape[1], depth)
    tokens = np.zeros((len(values), len(slices)), np.int64)
    for number, begin in enumerate(slices):
        count = (terms.encode(values[:, begin : begin + depth], rule=rule, width=9)[..., :_PLANES] != 0).sum(axis=1)
        begun = np.cumsum(count[:, ::-1], axis=1)[:, ::-1] > 0
        tokens[:, number] = (count + (begun & (count == 0))).sum(axis=1)
    return tokens


Quarter = tuple[int, int]
"""Terms of a quarter that stay: positive, negative."""


@dataclass(frozen=True)
class Walk:
    """A slice of a row, as ``shw_bitmap_walker`` finds it.

    Attributes:
        planes: from the top; of each plane, of each of its words, the quarters that are taken.
        digits: where a group has several words and may run dry: of each of these quarters the digits and the group; it
            is taken unless its group is known to be dry.
        budget: of a group.
    """

    planes: tuple[tuple[tuple[Quarter, ...], ...], ...]
    digits: tuple[tuple[tuple[tuple[int, int], ...], ...], ...] = ()
    budget: int = 0


Slices = tuple[tuple[Walk, ...], ...]
"""Of a tile: for every slice the walks of its rows."""


def walks(values: NDArray[np.integer], reveal: Reveal, depth: int = DEPTH) -> Slices:
    """Count what the rows find.

    Args:
        values: ``(rows, K)`` codes of the rows before term revealing.
        reveal: what the rows make of them. depth: places of a slice.

    Returns:
        For every slice of the reduction the walks of its rows.
    """
    found = []
    step = reveal.slice_values(depth)
    for begin in range(0, values.shape[1], step):
        part = values[:, begin : begin + step]
        raw = kept = _bitmaps(part, reveal)
        if reveal.group:
            kept = _bitmaps(terms.reveal(part, reveal.group, reveal.budget, reveal.rule), reveal)
        found.append(_slice_walks(raw != 0, kept, reveal))
    return tuple(found)


def _bitmaps(values: NDArray[np.integer], reveal: Reveal) -> NDArray[np.int8]:
    """Digits of values ``(rows, values)``: ``(rows, planes from the top, words, quarters, places)``."""
    digits = terms.encode(values, rule=reveal.rule, width=9)[..., : reveal.top_plane + 1]
    rows, length, planes = digits.shape
    window = reveal.window
    windows = -(-length // window)
    words = -(-windows // _QUARTERS)
    places = np.zeros((rows, words * _QUARTERS, WINDOW, planes), np.int8)
    padded = np.zeros((rows, windows * window, planes), np.int8)
    padded[:, :length] = digits
    places[:, :windows, :window] = padded.reshape(rows, windows, window, planes)
    return places.reshape(rows, words, _QUARTERS, WINDOW, planes)[..., ::-1].transpose(0, 4, 1, 2, 3)


def _slice_walks(raw: NDArray[np.bool_], kept: NDArray[np.int8], reveal: Reveal) -> tuple[Walk, ...]:
    rows, planes, words, _, _ = raw.shape
    count = raw.sum(axis=-1)  # rows, planes, words, quarters
    taken = count > 0
    in_group = max(1, reveal.group // WINDOW)  # quarters
    skips = bool(reveal.group) and words >= _DRY_WORDS
    timed = skips and in_group > _QUARTERS
    if skips and not timed:
        groups = words * _QUARTERS // in_group
        grouped = count.reshape(rows, planes, groups, in_group).sum(axis=-1)
        dry = np.cumsum(grouped, axis=1) - grouped >= reveal.budget  # when the word of this plane comes
        taken &= ~np.repeat(dry, in_group, axis=2).reshape(count.shape)
    signs = np.stack([(kept > 0).sum(axis=-1), (kept < 0).sum(axis=-1)], axis=-1)
    quarters = [(positive, negative) for positive, negative in signs[taken].tolist()]
    digits: list[tuple[int, int]] = []
    if timed:
        group = np.broadcast_to(np.arange(words * _QUARTERS).reshape(words, _QUARTERS) // in_group, count.shape)
        digits = list(zip(count[taken].tolist(), group[taken].tolist(), strict=True))
    ends = iter(np.cumsum(taken.sum(axis=-1).ravel()).tolist())
    found, begin = [], 0
    for _ in range(rows):
        of_planes, of_digits = [], []
        for _ in range(planes):
            cuts = list(pairwise([begin, *islice(ends, words)]))
            of_planes.append(tuple(tuple(quarters[a:b]) for a, b in cuts))
            of_digits.append(tuple(tuple(digits[a:b]) for a, b in cuts))
            begin = cuts[-1][1]
        found.append(Walk(tuple(of_planes), tuple(of_digits) if timed else (), reveal.budget))
    return tuple(found)


class Row:
    """Times of a row edge: ``shw_bitmap_walker`` and ``shw_term_sequencer``. Cycles of the registers are counted on."""

    def __init__(self) -> None:
        self.sequencer = Sequencer()

    def run(self, walk: Walk, start: int, go: int) -> tuple[int, int]:
        """A slice.

        Args:
            walk: its terms. start: cycle of ``start``. go: first cycle in which ``go`` is 1.

        Returns:
            First cycle of ``idle`` after it, first cycle of ``finished``.
        """
        known: dict[int, int] = {}  # cycle from which a group is known to be dry
        rest: dict[int, int] = {}
        sequencer, timed = self.sequencer, bool(walk.digits)
        sequencer.go = go
        cycle = start + 1
        for _ in range(_FIRST_WORDS):
            cycle = sequencer.free(cycle) + 1
        before = cycle  # of the word before
        last_plane = len(walk.planes) - 1
        for number, plane in enumerate(walk.planes):
            last_word = len(plane) - 1
            for index, quarters in enumerate(plane):
                digits = walk.digits[number][index] if timed else ()
                if timed and number:
                    wet = [known.get(group, before) >= before for _, group in digits]
                    digits, quarters = (tuple(compress(those, wet)) for those in (digits, quarters))
                before, last = cycle, len(quarters) - 1
                for place, terms_ in enumerate(quarters or _EMPTY):
                    cycle = sequencer.free(cycle)
                    ends = 0
                    if place >= last and index == last_word:
                        ends = _SLICE if number == last_plane else _PLANE
                    sequencer.put(cycle + _QUEUED, terms_, ends)
                    if digits:
                        count, group = digits[place]
                        rest[group] = rest.get(group, walk.budget) - count
                        if rest[group] <= 0:
                            known.setdefault(group, cycle + _DRY_LATENCY)
                    cycle += 1
        return cycle + 1, sequencer.issued + 1


class _Queue:
    """Masks of one sign."""

    def __init__(self) -> None:
        self.inside: deque[list[int]] = deque()  # cycles from which a mask is there, in which it leaves for the head
        self.waiting: deque[tuple[list[int], int, int]] = deque()  # not taken yet: these cycles, terms, what ends
        self.taken = 0  # cycle in which the mask before was taken

    def put(self, cycle: int, count: int, ends: int) -> None:
        """A mask is there from this cycle on."""
        times = [cycle, 0 if self.waiting else max(cycle, self.taken)]
        self.inside.append(times)
        self.waiting.append((times, count, ends))

    def take(self, cycle: int) -> None:
        """The head is taken."""
        self.waiting.popleft()
        self.taken = cycle
        if self.waiting:
            times = self.waiting[0][0]
            times[1] = max(times[0], cycle)


class Sequencer:
    """``shw_term_sequencer``: when masks leave their queues, and when their operations are issued."""

    def __init__(self) -> None:
        self.go = 0
        self.queues = _Queue(), _Queue()
        self.quarters = 0  # with terms, of the part
        self.side = self.used = 0
        self.second = self.begun = self.pending = False
        self.next = 0  # first cycle in which a mask may be taken
        self.items: deque[tuple[int, int]] = deque()  # behind the queues: cycles in which one comes, and leaves
        self.issued = -1  # cycle of the operation before
        self.sign = 0  # of the term before

    def free(self, cycle: int) -> int:
        """First cycle from this one on in which a quarter may be taken."""
        before = -1
        while cycle > before:  # while one queue is crowded, masks may still come into the other one
            before = cycle
            for queue in self.queues:
                inside = queue.inside
                while len(inside) >= _CROWDED:
                    if 0 < inside[0][1] <= cycle - 2:
                        inside.popleft()
                        continue
                    there = sum(times[0] < cycle for times in inside)
                    if there < _CROWDED:
                        break
                    cycle = inside[there - _CROWDED][1] + 2
        return cycle

    def put(self, cycle: int, terms_: Quarter, ends: int) -> None:
        """Masks of a quarter; ends: what ends with them. cycle: from which they are in their queues."""
        some = any(terms_)
        if not some and not ends:
            return
        if not ends and self.quarters == PART - 1:
            ends = _PART
        self.quarters = 0 if ends else self.quarters + 1
        for queue, count in zip(self.queues, terms_, strict=True):
            if count or ends:
                queue.put(cycle, count, ends)
        self._take()

    def _take(self) -> None:
        """Take masks out of the queues as long as the next one is known."""
        while (queue := self.queues[self.side]).waiting:
            times, count, ends = queue.waiting[0]
            cycle = self._room(max(times[1] + 1, self.next))
            queue.take(cycle)
            self.next = cycle + 1
            if count:
                self._issue(cycle + 2, count, self.side)
                self.used, self.begun, self.pending = self.side, True, False
            if not ends:
                continue
            self.second = not self.second
            if self.second:
                self.side = 1 - self.side
                continue
            self.next = cycle + 2
            if ends == _SLICE:
                self._issue(cycle + 3, 0, 0)
                self.used, self.begun = 0, False
            elif ends == _PLANE and self.pending:
                self._issue(cycle + 3, 0, self.used)
            if ends != _PART:
                self.pending = self.begun
            self.side = self.used

    def _room(self, cycle: int) -> int:
        """First cycle from this one on in which there is room behind the queues."""
        items = self.items
        while len(items) >= _ROOM:
            if items[0][1] <= cycle - 2:
                items.popleft()
                continue
            there = sum(comes < cycle for comes, _ in items)
            if there < _ROOM:
                break
            cycle = items[there - _ROOM][1] + 2
        return cycle

    def _issue(self, cycle: int, count: int, sign: int) -> None:
        """A mask (no terms: a shift, or the end) behind the queues, from this cycle on."""
        leaves = max(cycle, self.issued)
        operations = max(count, 1) + (self.pending and sign != self.sign)
        self.items.append((cycle, leaves))
        self.issued = max(leaves + 1, self.go) + operations - 1
        self.sign = sign


@dataclass(frozen=True)
class Tile:
    """One tile as the engine's schedule sees it.

    Attributes:
        slices: what its rows find. length: K. reveal: what the rows make of it.
        shift: a slice has the engine's depth ``>> shift`` places.
    """

    slices: Slices
    length: int
    reveal: Reveal
    shift: int = 0


@dataclass(frozen=True)
class _Slice:
    walks: tuple[Walk, ...]
    words: int
    first: bool
    last: bool


class TrControl:
    """``shw_tr_engine``: loader, rows, drain and totals, register by register."""

    def __init__(self, rows: int, depth: int = DEPTH) -> None:
        self.rows = rows
        self.cycle = 0
        # loader
        self.windows = depth // WINDOW  # of the longest slice
        self.ring = 2 * max(depth, 2 * WORD) // WORD  # words
        self.tiles: deque[Tile] = deque()  # of tiles that are not begun
        self.tile = Tile((), 0, Reveal())
        self.open = False
        self.number = 0  # of the slice in its tile
        self.lane = self.window = 0
        self.used = self.slices = 0  # counted a cycle later, but for slices that come
        self.begun = False  # a word, in the cycle before
        self.released = 0  # words of a slice that was done in the cycle before, 0: none was
        self.fresh = True
        self.in_ready = True
        self.full: bool | _Slice = False  # a window waits for its capture; a slice that it ends
        self.pace = 0
        self.closed: deque[tuple[int, _Slice]] = deque()  # cycle from which it may be walked
        # rows
        self.edges = [Row() for _ in range(rows)]
        self.idle = 0  # cycle from which the rows may start a slice
        self.taken: _Slice | None = None
        self.ahead: _Slice | None = None
        self.start = 0
        self.run: _Slice | None = None
        self.finished = 0
        self.draining: _Slice | None = None
        self.drain_left = 0
        self.busy_banks = 0
        # totals; bit i: a row was drained, the last one of a tile, i + 1 cycles ago
        self.drains = self.ends = 0
        self.complete = 0  # tiles that may leave
        self.out_row = 0
        self.beat = False  # a row is being read
        self.out_valid = False

    def begin(self, tiles: Iterable[Tile]) -> None:
        """Tiles come."""
        self.tiles.extend(tiles)

    def clock(self, beat: bool, last: bool, last_slice: int, out_ready: bool) -> None:
        """The edge. beat, last: one is taken, the last one of its tile."""
        draining, left = self.draining, self.drain_left
        end = draining is not None and left == 1
        released = draining.words if draining is not None and left == self.rows else 0
        self._rows(end)
        self._totals(out_ready, draining is not None, end and draining is not None and draining.last)
        self._loader(beat, last, released)
        self.cycle += 1

    def _loader(self, beat: bool, last: bool, released: int) -> None:
        """``shw_tr_loader``. released: words of a slice that is done, 0: none is."""
        room = (self.used < self.ring or self.released > 0) and not self.begun
        self.used += self.begun - self.released
        self.slices -= self.released > 0
        self.released, self.begun = released, beat and self.fresh
        if self.full and not self.pace:
            self.pace = self.tile.reveal.top_plane
            if isinstance(self.full, _Slice):
                self.closed.append((self.cycle + 5, self.full))
            self.full = False
        elif self.pace:
            self.pace -= 1
        if beat:
            if not self.open:
                self.tile = self.tiles.popleft()
            self.open = not last
            self.lane += 1
            self.fresh = False
            if last or self.lane == self.tile.reveal.window:
                self._window_ends(last)
        room = room and not self.begun and self.slices < _SLICES
        self.in_ready = not (self.full and self.pace) and (not self.fresh or room)

    def _window_ends(self, last: bool) -> None:
        self.lane, self.full, self.window = 0, True, self.window + 1
        self.fresh = self.window % _QUARTERS == 0
        if last or self.window == self.windows >> self.tile.shift:
            words = -(-self.window // _QUARTERS)
            self.full = _Slice(self.tile.slices[self.number], words, self.number == 0, last)
            self.number = 0 if last else self.number + 1
            self.window, self.fresh = 0, True
            self.slices += 1

    def _rows(self, drain_end: bool) -> None:
        """Slices are walked, computed, drained, one after the other."""
        cycle, run, ahead = self.cycle, self.run, self.ahead
        begins = ahead is not None and (drain_end or (run is None and self.draining is None))
        ends = run is not None and cycle >= self.finished and not (run.first and self.busy_banks == 2)
        waits = bool(self.closed) and self.closed[0][0] <= cycle
        takes = waits and ahead is None and self.taken is None and cycle >= self.idle
        if self.draining is not None:
            self.drain_left -= 1
            if drain_end:
                self.busy_banks += self.draining.last
                self.draining = None
        if ends:
            self.run, self.draining, self.drain_left = None, run, self.rows
        if begins:
            assert ahead is not None
            times = [row.run(walk, self.start, cycle + 1) for row, walk in zip(self.edges, ahead.walks, strict=True)]
            self.idle, self.finished = (max(found) for found in zip(*times, strict=True))
            self.run, self.ahead = ahead, None
        if self.taken is not None:
            self.ahead, self.start, self.taken = self.taken, cycle + 1, None
        if takes:
            self.taken = self.closed.popleft()[1]

    def _totals(self, out_ready: bool, drain: bool, end: bool) -> None:
        """``shw_slice_totals``. drain, end: a row is drained, the last one of a tile."""
        drains, ends = self.drains, self.ends
        move = self.complete > 0 and not drains & 8 and not self.beat and (out_ready or not self.out_valid)
        if ends & 32:
            self.complete += 1
        if self.beat:
            self.out_valid = True
        elif out_ready:
            self.out_valid = False
        self.beat = move
        self.out_row += move
        if self.out_row == self.rows:
            self.out_row = 0
            self.complete -= 1
            self.busy_banks -= 1
        self.drains, self.ends = (drains << 1 | drain) & 63, (ends << 1 | end) & 63


def predict_cycles(tiles: Iterable[Tile], rows: int, depth: int = DEPTH) -> int:
    """Cycles from the first beat accepted to the last output beat taken, both included.

    Exact for an idle engine, a source that always has a beat and a sink that is always ready.
    """
    engine = TrControl(rows, depth)
    source, expected = deque(tiles), 0
    left = taken = 0
    while True:
        if not left and source:
            engine.begin([source[0]])
            left, expected = source.popleft().length, expected + rows
        taken += engine.out_valid
        if not left and taken == expected:
            return engine.cycle + 1 if expected else 0
        beat = left > 0 and engine.in_ready
        engine.clock(beat, beat and left == 1, 0, True)
        left -= beat

# SPDX-License-Identifier: Apache-2.0
"""Exact cycle prediction for ``shw_tr_engine`` (``docs/blocks/tr_engine.md``, section Timing).

The engine's time depends on the streamed operand alone: which quarters of its bitmaps have terms, and how many stay.
:func:`walks` counts them, :class:`Row` gives the times of a row edge, :class:`TrControl` those of the engine around it,
cycle by cycle. :func:`predict_cycles` runs it by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms

DEPTH = 256
"""Values per slice of the engine's default configuration."""

SLOTS = 8
"""Blocks of terms of a row that wait for their turn, in the engine's default configuration."""

WORD = 32
"""Places of a word of the bitmaps."""

_QUARTERS = 4
_WINDOW = 8  # places of a quarter
_PLANES = 9
_SLICES = 4  # in flight at most
_DRY_WORDS = 5  # a slice of so many words skips the quarters of groups that have run dry
_FIRST_WORD = 3  # cycles from start to the first word
_BLOCK = 5  # cycles from the last quarter of a word to its block
_HALVED_ROWS = 8  # up to so many rows drain in two cycles each
_DRY_LATENCY = 4  # cycles from the quarter that takes the last term until its group is known to be dry


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
        return min(self.group or _WINDOW, _WINDOW)

    def slice_values(self, depth: int) -> int:
        """Values of a slice of ``depth`` places."""
        return depth // _WINDOW * self.window


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


@dataclass(frozen=True)
class Walk:
    """A slice of a row, as ``shw_bitmap_walker`` finds it.

    Attributes:
        words: of every word of every plane, from the top: quarters taken (None: see ``digits``), and the operations
            of each mask that its block hands over; none: no block.
        end: operations of the slice's end.
        digits: where a group has several words: for every word its quarters with digits, how many and of which group.
        budget: of a group. plane_words: words of a plane.
    """

    words: tuple[tuple[int | None, tuple[int, ...]], ...]
    end: int
    digits: tuple[tuple[tuple[int, int], ...], ...] = ()
    budget: int = 0
    plane_words: int = 0


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
    places = np.zeros((rows, words * _QUARTERS, _WINDOW, planes), np.int8)
    padded = np.zeros((rows, windows * window, planes), np.int8)
    padded[:, :length] = digits
    places[:, :windows, :window] = padded.reshape(rows, windows, window, planes)
    return places.reshape(rows, words, _QUARTERS, _WINDOW, planes)[..., ::-1].transpose(0, 4, 1, 2, 3)


def _slice_walks(raw: NDArray[np.bool_], kept: NDArray[np.int8], reveal: Reveal) -> tuple[Walk, ...]:
    rows, planes, words, _, _ = raw.shape
    count = raw.sum(axis=-1)  # rows, planes, words, quarters
    open_ = count > 0
    in_group = max(1, reveal.group // _WINDOW)  # quarters
    skips = bool(reveal.group) and words >= _DRY_WORDS
    timed = skips and in_group > _QUARTERS
    if skips and not timed:
        groups = words * _QUARTERS // in_group
        grouped = count.reshape(rows, planes, groups, in_group).sum(axis=-1)
        dry = np.cumsum(grouped, axis=1) - grouped >= reveal.budget  # when the word of this plane comes
        open_ &= ~np.repeat(dry, in_group, axis=2).reshape(count.shape)
    taken = open_.sum(axis=-1).reshape(rows, -1).tolist()
    signs = np.stack([(kept > 0).sum(axis=-1), (kept < 0).sum(axis=-1)], axis=-2)  # rows, planes, words, 2, quarters
    blocks = signs.reshape(rows, planes * words, 2, _QUARTERS).tolist()
    stays = (kept != 0).any(axis=(-1, -2)).reshape(rows, -1).tolist()
    found = []
    for row in range(rows):
        operations, end = _operations(blocks[row], stays[row], words)
        if not timed:
            found.append(Walk(tuple(zip(taken[row], operations, strict=True)), end))
            continue
        digits = tuple(
            tuple((int(n), (word * _QUARTERS + quarter) // in_group) for quarter, n in enumerate(counts) if n)
            for plane in count[row]
            for word, counts in enumerate(plane)
        )
        found.append(Walk(tuple((None, one) for one in operations), end, digits, reveal.budget, words))
    return tuple(found)


def _operations(
    blocks: Sequence[Sequence[Sequence[int]]], stays: Sequence[bool], plane_words: int
) -> tuple[list[tuple[int, ...]], int]:
    """``shw_term_sequencer``: operations of the masks of every word, and of the slice's end.

    A mask takes one operation a term. The shifts before a block go with its first term, but for the last of them
    where its sign changes, and for those before the last.
    """
    found: list[tuple[int, ...]] = []
    side = shifts = 0
    begun = False
    for number, (block, stay) in enumerate(zip(blocks, stays, strict=True)):
        shifts += begun and number % plane_words == 0
        if not stay:
            found.append(())
            continue
        masks = []
        for sign in (side, 1 - side):
            ours = [terms_ for terms_ in block[sign] if terms_]
            if ours and shifts:
                ours[0] += shifts - (sign == side)
                shifts = 0
            masks += ours
            if ours:
                last = sign
        side, begun = last, True
        found.append(tuple(masks))
    return found, shifts + 1


class Row:
    """Times of a row edge: ``shw_bitmap_walker`` and ``shw_term_sequencer``. Cycles of the registers are counted on."""

    def __init__(self, slots: int = SLOTS) -> None:
        self.slots = slots
        self.claims: list[int] = []  # cycles in which the slots that are taken come back
        self.left = self.fetched = self.issued = -1  # the mask before left its block, its fetch, was issued

    def run(self, walk: Walk, start: int, go: int) -> tuple[int, int]:
        """A slice.

        Args:
            walk: its terms. start: cycle of ``start``. go: first cycle in which ``go`` is 1.

        Returns:
            First cycle of ``idle`` after it, first cycle of ``finished``.
        """
        enters = start + _FIRST_WORD  # the word is there
        known: dict[int, int] = {}  # cycle from which a group is known to be dry
        rest: dict[int, int] = {}
        for number, (quarters, masks) in enumerate(walk.words):
            taken = quarters
            if taken is None:
                first = number < walk.plane_words
                digits = [one for one in walk.digits[number] if first or known.get(one[1], enters) >= enters]
                taken = len(digits)
            begins = self._slot(enters)
            if quarters is None:
                for cycle, (count, group) in enumerate(digits, begins):
                    rest[group] = rest.get(group, walk.budget) - count
                    if rest[group] <= 0:
                        known.setdefault(group, cycle + _DRY_LATENCY)
            ends = begins + (taken - 1 if taken > 1 else 0)
            enters = ends + 1
            if masks:
                self._issue(masks, ends, go)
                self.claims.append(self.fetched)
            elif taken:
                self.claims.append(ends + _BLOCK - 1)
        ends = self._slot(enters)
        self._issue((walk.end,), ends, go)
        return ends + 2, self.issued + 1

    def _slot(self, cycle: int) -> int:
        """First cycle from this one on in which a slot is free."""
        self.claims = [back for back in self.claims if back >= cycle]
        return cycle if len(self.claims) < self.slots else min(self.claims) + 1

    def _issue(self, masks: tuple[int, ...], complete: int, go: int) -> None:
        """A block. complete: cycle of its last quarter."""
        left = max(complete + _BLOCK, self.left) + 1
        for operations in masks:
            left = max(left, self.fetched)
            self.fetched = max(left + 1, self.issued)
            self.issued = max(self.fetched + 1, go) + operations - 1
            self.left = left
            left += 1


@dataclass(frozen=True)
class Tile:
    """One tile as the engine's schedule sees it: what its rows find, its length K, what they make of it."""

    slices: Slices
    length: int
    reveal: Reveal


@dataclass(frozen=True)
class _Slice:
    walks: tuple[Walk, ...]
    words: int
    first: bool
    last: bool


class TrControl:
    """``shw_tr_engine``: loader, rows, drain and totals, register by register."""

    def __init__(self, rows: int, depth: int = DEPTH, slots: int = SLOTS) -> None:
        self.rows = rows
        self.steps = 2 if rows <= _HALVED_ROWS else 1  # cycles in which a row drains
        self.cycle = 0
        # loader
        self.windows = depth // _WINDOW  # of a slice
        self.ring = 2 * max(depth, 2 * WORD) // WORD  # words
        self.tiles: deque[Tile] = deque()  # of tiles that are not begun
        self.tile = Tile((), 0, Reveal())
        self.open = False
        self.number = 0  # of the slice in its tile
        self.lane = self.window = 0
        self.used = self.slices = 0
        self.fresh = True
        self.full: bool | _Slice = False  # a window waits for its capture; a slice that it ends
        self.pace = 0
        self.closed: deque[tuple[int, _Slice]] = deque()  # cycle from which it may be walked
        # rows
        self.edges = [Row(slots) for _ in range(rows)]
        self.idle = 0  # cycle from which the rows may start a slice
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
        self.out_place = 0
        self.beat = False  # a word that completes a beat is being read
        self.out_valid = False

    def begin(self, tiles: Iterable[Tile]) -> None:
        """Tiles come."""
        self.tiles.extend(tiles)

    @property
    def in_ready(self) -> bool:
        """It takes a beat."""
        if self.full and self.pace:
            return False
        return not self.fresh or (self.used < self.ring and self.slices < _SLICES)

    def clock(self, beat: bool, last: bool, last_slice: int, out_ready: bool) -> None:
        """The edge. beat, last: one is taken, the last one of its tile."""
        draining, left = self.draining, self.drain_left
        north = draining is not None and left % self.steps == 0
        released = self._rows(draining is not None and left == 1)
        self._totals(out_ready, north, draining is not None and left == self.steps and draining.last)
        self._loader(beat, last, released)
        self.cycle += 1

    def _loader(self, beat: bool, last: bool, released: int) -> None:
        """``shw_tr_loader``. released: words of a slice that is done, 0: none is."""
        if self.full and not self.pace:
            self.pace = self.tile.reveal.top_plane
            if isinstance(self.full, _Slice):
                self.closed.append((self.cycle + 3, self.full))
            self.full = False
        elif self.pace:
            self.pace -= 1
        if beat:
            if not self.open:
                self.tile = self.tiles.popleft()
            self.open = not last
            self.used += self.fresh
            self.lane += 1
            self.fresh = False
            if last or self.lane == self.tile.reveal.window:
                self._window_ends(last)
        self.used -= released
        self.slices -= released > 0

    def _window_ends(self, last: bool) -> None:
        self.lane, self.full, self.window = 0, True, self.window + 1
        self.fresh = self.window % _QUARTERS == 0
        if last or self.window == self.windows:
            words = -(-self.window // _QUARTERS)
            self.full = _Slice(self.tile.slices[self.number], words, self.number == 0, last)
            self.number = 0 if last else self.number + 1
            self.window, self.fresh = 0, True
            self.slices += 1

    def _rows(self, drain_end: bool) -> int:
        """Slices are walked, computed, drained, one after the other; words that are released."""
        cycle, run, ahead = self.cycle, self.run, self.ahead
        begins = ahead is not None and (drain_end or (run is None and self.draining is None))
        ends = run is not None and cycle >= self.finished and not (run.first and self.busy_banks == 2)
        takes = ahead is None and cycle >= self.idle and bool(self.closed) and self.closed[0][0] <= cycle
        if self.draining is not None:
            self.drain_left -= 1
            if drain_end:
                self.busy_banks += self.draining.last
                self.draining = None
        if ends:
            self.run, self.draining, self.drain_left = None, run, self.rows * self.steps
        if begins:
            assert ahead is not None
            times = [row.run(walk, self.start, cycle + 1) for row, walk in zip(self.edges, ahead.walks, strict=True)]
            self.idle, self.finished = (max(found) for found in zip(*times, strict=True))
            self.run, self.ahead = ahead, None
        if takes:
            self.ahead, self.start = self.closed.popleft()[1], cycle + 1
        return run.words if ends and run is not None else 0

    def _totals(self, out_ready: bool, drain: bool, end: bool) -> None:
        """``shw_slice_totals``. drain, end: a row is drained, the last one of a tile."""
        drains, ends = self.drains, self.ends
        add = drains & (6 if self.steps == 2 else 2)
        room = bool(self.out_place % self.steps) or (not self.beat and (out_ready or not self.out_valid))
        move = self.complete > 0 and not add and room
        if ends & 8:
            self.complete += 1
        if self.beat:
            self.out_valid = True
        elif out_ready:
            self.out_valid = False
        self.out_place += move
        self.beat = move and self.out_place % self.steps == 0
        if self.out_place == self.rows * self.steps:
            self.out_place = 0
            self.complete -= 1
            self.busy_banks -= 1
        self.drains, self.ends = (drains << 1 | drain) & 15, (ends << 1 | end) & 15


def predict_cycles(tiles: Iterable[Tile], rows: int, depth: int = DEPTH, slots: int = SLOTS) -> int:
    """Cycles from the first beat accepted to the last output beat taken, both included.

    Exact for an idle engine, a source that always has a beat and a sink that is always ready.
    """
    engine = TrControl(rows, depth, slots)
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

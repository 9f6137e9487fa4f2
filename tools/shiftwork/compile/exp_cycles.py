# SPDX-License-Identifier: Apache-2.0
"""Exact cycle prediction for ``shw_exp_engine`` (``docs/blocks/exp_engine.md``, section Timing).

The engine's time depends on the row operand alone: how its values fall into classes. :func:`walks` replays how the
rows of cells walk through the lists of a slice, :func:`predict_exp_cycles` the halves, banks and results around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes.exponential import radius
from shiftwork.golden.class_sums import ExpConfig

_LOOK = 1  # cycles from the start of a walk to the first list that is looked at
_TURNS = 3  # at least, of the lines
_JOIN = 5  # cycles from the turn of a sum to the cycle in which its total is called for and no result can move
_WRITE = 3  # cycles from there until the last total of a tile may move
_MOVE = 2  # cycles between moves

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Walk:
    """What the rows of a slice cost.

    Attributes:
        cycles: from the start of the walk to the cycle in which the next one may start.
        sums: cycles after the start in which sums leave, increasing, (sums,).
        values: of the line with the most of them.
    """

    cycles: int
    sums: Integers
    values: int


def class_order(config: ExpConfig) -> list[tuple[int, int]]:
    """Exponent and sign (1 negative) of the lists in the order in which they are looked at."""
    r = radius(config.exponent_bits)
    signs = (0, 1) if config.row_signed else (0,)
    return [(exponent, sign) for exponent in (*range(r + 1), *range(-r, 0)) for sign in signs]


def class_counts(signs: Integers, exponents: Integers, config: ExpConfig) -> Integers:
    """Values per slice and list, the lists in the order of :func:`class_order`.

    Args:
        signs, exponents: of row codes (..., rows, K), of :func:`shiftwork.golden.class_sums.row_classes`.

    Returns:
        int64 (..., slices, rows, classes).
    """
    order = class_order(config)
    r = radius(config.exponent_bits)
    rank = np.empty((2, 2 * r + 1), np.int64)
    for place, (exponent, sign) in enumerate(order):
        rank[sign, exponent + r] = place
    if not config.row_signed:
        rank[1] = rank[0]
    lists = np.where(signs == 0, len(order), rank[(signs < 0).astype(np.int64), np.clip(exponents, -r, r) + r])
    slices = -(-lists.shape[-1] // config.slice_length)
    counts = np.zeros((*lists.shape[:-2], slices, lists.shape[-2], len(order)), np.int64)
    for number in range(slices):
        part = lists[..., number * config.slice_length : (number + 1) * config.slice_length]
        for place in range(len(order)):
            counts[..., number, :, place] = np.count_nonzero(part == place, axis=-1)
    return counts


def walks(counts: Integers, fold: int) -> list[Walk]:
    """Walks of slices.

    Args:
        counts: values per list (slices, ROWS, classes). fold: rows that share a row of cells, a line; row
            ``f * LINES + l`` is the f-th of line l.

    A line looks at one list a cycle, the next two while one is followed; a row without values has one list of nothing,
    found at its last place. A list takes a cycle per value; its sum waits until the one before it left, and leaves
    in a turn of its line, every LINES cycles, three at least.
    """
    slices, rows, classes = counts.shape
    lines = rows // fold
    grid = counts.reshape(slices, fold, lines, classes).transpose(0, 2, 1, 3)
    line = np.arange(lines)[None, :]
    shape = (slices, lines)
    look = np.full(shape, _LOOK, np.int64)  # cycle in which the next list is looked at
    popped = np.zeros(shape, np.int64)  # cycle in which the list found last begins to be followed
    free = np.zeros(shape, np.int64)  # cycle in which looking goes on behind the list after it
    accepted = np.zeros(shape, np.int64)  # cycle in which the sum before was accepted
    taken = np.zeros(shape, np.int64)  # cycle in which it left
    left = np.full((slices, lines, fold * classes), -1, np.int64)
    for f in range(fold):
        met = np.zeros(shape, bool)
        for c in range(classes):
            size = grid[:, :, f, c]
            stored = (size > 0) | (~met & (c == classes - 1))
            begin = np.maximum(np.maximum(look + 1, popped) + 1, accepted)
            accept = np.maximum(begin + np.maximum(size, 1), taken)
            turn = accept + 1 + (line - accept) % max(lines, _TURNS)
            left[:, :, f * classes + c] = np.where(stored, turn, -1)
            look = np.where(stored, np.maximum(look + 1, free), look + 1)
            free = np.where(stored, begin + (begin == accepted), free)
            popped = np.where(stored, begin, popped)
            accepted = np.where(stored, accept, accepted)
            taken = np.where(stored, turn, taken)
            met |= size > 0
    values = grid.sum(axis=(2, 3)).max(axis=1)
    ends = np.maximum(taken, look + 1).max(axis=1)
    result = []
    for cycles, when, most in zip(ends, left.reshape(slices, -1), values, strict=True):
        result.append(Walk(int(cycles), np.sort(when[when >= 0]), int(most)))
    return result


@dataclass(frozen=True)
class ExpTile:
    """One tile as the engine's schedule sees it: the walks of its slices and their lengths."""

    walks: tuple[Walk, ...]
    lengths: tuple[int, ...]

    @staticmethod
    def of(walks: Sequence[Walk], length: int, config: ExpConfig) -> ExpTile:
        """The tile of walks and a reduction length."""
        cuts = range(0, length, config.slice_length)
        return ExpTile(tuple(walks), tuple(min(config.slice_length, length - cut) for cut in cuts))

    @property
    def bound(self) -> int:
        """Cycles below which no engine of the same rows of cells can go: values of a line, or beats, slice by slice."""
        return sum(max(walk.values, beats) for walk, beats in zip(self.walks, self.lengths, strict=True))


def predict_exp_cycles(tiles: Iterable[ExpTile], rows: int) -> int:
    """Cycles from the first beat accepted to the last output beat taken, both included.

    Exact for an idle engine, a source that always has a beat and a sink that is always ready.

    Args:
        tiles: in order. rows: ROWS.
    """
    accept = 0  # cycle of the next beat
    free = [0, 0]  # cycle from which on a half takes beats
    ready = 0  # cycle from which on the next walk may start
    half = 0
    complete: list[int] = []  # cycle from which on the results of a tile may move to the output
    joins: list[Integers] = []  # cycles in which the sums of a tile join its totals
    moved = -_MOVE  # cycle in which the last result of the tile before the previous one moved
    for tile in tiles:
        joined = []
        for number, (walk, beats) in enumerate(zip(tile.walks, tile.lengths, strict=True)):
            accept = max(accept, free[half]) + beats
            start = max(ready, accept)
            if number == 0 and len(complete) > 1:  # totals have two banks
                moved = _last_move(max(complete[-2], moved + _MOVE), rows, joins[-1])
                start = max(start, moved + 1)
            ready = start + walk.cycles
            free[half] = ready + 1
            half ^= 1
            joined.append(start + walk.sums + _JOIN)
        complete.append(ready + _JOIN + _WRITE)
        joins.append(np.concatenate(joined))
    if not complete:
        return 0
    if len(complete) > 1:
        moved = _last_move(max(complete[-2], moved + _MOVE), rows, joins[-1])
    return _last_move(max(complete[-1], moved + _MOVE), rows, np.zeros(0, np.int64)) + 3


def _last_move(begin: int, rows: int, blocked: Integers) -> int:
    """The cycle of the last of ``rows`` moves from ``begin`` on, each in a cycle that is not one of ``blocked``."""
    taken = set(blocked.tolist())
    cycle = begin - _MOVE
    for _ in range(rows):
        cycle += _MOVE
        while cycle in taken:
            cycle += 1
    return cycle

# SPDX-License-Identifier: Apache-2.0
"""Exact cycle prediction for ``shw_exp_engine`` (``docs/blocks/exp_engine.md``, section Timing).

The engine's time depends on the row operand alone: how its values fall into classes. :func:`walks` replays how the
rows of cells walk through the lists of a slice, :func:`predict_exp_cycles` the halves, banks and results around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes.exponential import radius
from shiftwork.golden.class_sums import ExpConfig

_TAKE = 1  # cycles from the start of a walk until its first word of lists is taken
_WORD = 4  # lists of a word: exponents that agree above so many bits
_TURNS = 3  # at least, of the lines
_JOIN = 6  # cycles from the turn of a sum to the cycle in which its total is called for and no result can move
_WRITE = 3  # cycles from there until the last total of a tile may move
_MOVE = 2  # cycles between moves

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Walk:
    """What the rows of a slice cost.

    Attributes:
        cycles: from the start of the walk to the cycle in which the next one may start.
        sums: cycles after the start in which sums leave, one or two of a row, increasing, (turns,).
        values: of the line with the most of them.
    """

    cycles: int
    sums: Integers
    values: int


def class_order(config: ExpConfig) -> list[tuple[int, int]]:
    """Exponent and sign (1 negative) of the lists in the order in which they are followed, where they have values."""
    r = radius(config.exponent_bits)
    signs = (0, 1) if config.row_signed else (0,)
    lists = [(exponent, sign) for exponent in range(-r, r + 1) for sign in signs]
    return sorted(lists, key=lambda one: (one[0] < 0, one[0] >> _WORD, one[1], one[0]))


def class_words(config: ExpConfig) -> Integers:
    """Number of the word, counted from 0, that every list of :func:`class_order` is in."""
    keys = [(exponent >> _WORD, sign) for exponent, sign in class_order(config)]
    return np.cumsum([0, *(one != other for one, other in pairwise(keys))])


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


def walks(counts: Integers, words: Integers, fold: int) -> list[Walk]:
    """Walks of slices.

    Args:
        counts: values per list (slices, ROWS, classes). words: of the lists, :func:`class_words`. fold: rows that share
            a row of cells, a line; row ``f * LINES + l`` is the f-th of line l.

    A line takes one word a cycle and finds one of its lists that have values a cycle, the next two while one is
    followed; a row without values has one list of nothing, found in its last word. A list takes a cycle per value. Its
    sum joins the one before it, where this is of the same row, alone, and has not left yet, else it waits until that
    has left. They leave in a turn of their line, every LINES cycles, three at least.
    """
    slices, rows, _ = counts.shape
    lines = rows // fold
    count = int(words[-1]) + 1
    # Lists that have values in front, up to the longest row.
    order = np.argsort(counts == 0, axis=2, kind="stable")[:, :, : max(1, int((counts > 0).sum(axis=2).max(initial=0)))]
    sizes = np.take_along_axis(counts, order, axis=2)
    places = np.where(sizes > 0, words[order], count - 1)
    lists = sizes.shape[2]
    sizes, places = (x.reshape(slices, fold, lines, lists).transpose(1, 3, 0, 2) for x in (sizes, places))
    line = np.arange(lines)[None, :]
    shape = (slices, lines)
    found = np.full(shape, _TAKE, np.int64)  # cycle in which the list before was found
    word = np.full(shape, -1, np.int64)  # its word
    begun = np.zeros((2, *shape), np.int64)  # cycles in which the two lists before, the last first, began
    accepted = np.zeros(shape, np.int64)  # cycle in which the sum before was accepted
    taken = np.zeros(shape, np.int64)  # cycle in which it leaves
    alone = np.zeros(shape, bool)  # no other one leaves with it
    left = np.full((fold, lists, *shape), -1, np.int64)
    for f in range(fold):
        for n in range(lists):
            size, place = sizes[f, n], f * count + places[f, n]
            stored = (size > 0) | (n == 0)
            find = np.maximum(found + np.maximum(place - word, 1), begun[1] + 1)
            begin = np.maximum(np.maximum(find + 1, begun[0]) + 1, accepted)
            end = begin + np.maximum(size, 1)
            joins = alone & (end < taken) & (n > 0)
            accept = np.where(joins, end, np.maximum(end, taken))
            turn = np.where(joins, taken, accept + 1 + (line - accept) % max(lines, _TURNS))
            left[f, n] = np.where(stored & ~joins, turn, -1)
            alone = np.where(stored, ~joins, alone)
            found, word = np.where(stored, find, found), np.where(stored, place, word)
            begun = np.where(stored, [begin, begun[0]], begun)
            accepted, taken = np.where(stored, accept, accepted), np.where(stored, turn, taken)
    values = sizes.sum(axis=(0, 1)).max(axis=1)
    ends = np.maximum(taken, found + fold * count - word).max(axis=1)
    result = []
    for cycles, when, most in zip(ends, left.transpose(2, 0, 1, 3).reshape(slices, -1), values, strict=True):
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

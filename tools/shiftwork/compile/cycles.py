# SPDX-License-Identifier: Apache-2.0
"""Exact cycle prediction for ``shw_tr_engine`` (``docs/blocks/tr_engine.md``, section Timing).

The engine's time depends on the streamed operand alone: how many operations the longest row of every slice takes.
:func:`row_operations` counts them, :func:`predict_cycles` replays the engine's schedule: load, compute, drain, output.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms

DEPTH = 256
"""Values per slice of the engine's default configuration."""

BLOCK = 16
"""Terms sorted by sign together in the engine's default configuration."""

_PLANES = 9
_VISIT_PITCH = 9  # cycles between visits: one per plane
_CHUNK_VALUES = 1 << 21


@dataclass(frozen=True)
class RowCost:
    """What the rows of a streamed operand cost, per slice.

    Attributes:
        operations: ``(rows, slices)`` cycles that the row's sequencer issues operations.
        tokens: ``(rows, slices)`` terms plus empty planes, the lower bound of ``operations``.
        terms: ``(rows, slices)`` terms present.
    """

    operations: NDArray[np.int64]
    tokens: NDArray[np.int64]
    terms: NDArray[np.int64]


def row_operations(values: NDArray[np.integer], rule: str = "hese", depth: int = DEPTH, block: int = BLOCK) -> RowCost:
    """Count the operations of every row and slice.

    Args:
        values: ``(rows, K)`` streamed values after term revealing, in -256..256.
        rule: ``hese`` or ``binary``.
        depth: values per slice. block: terms that the engine sorts by sign together.

    A plane takes one operation per term, at least one; one more when it begins with a sign change (below the top
    plane), and the slice one more when it ends complemented. A block of terms begins with the sign in use, if it has
    a term of it, and ends with the other, if it has one of that.
    """
    rows, length = values.shape
    slices = -(-length // depth)
    cost = RowCost(*(np.zeros((rows, slices), np.int64) for _ in range(3)))
    step = max(1, _CHUNK_VALUES // (depth * _PLANES))
    for begin in range(0, rows, step):
        chunk = slice(begin, min(rows, begin + step))
        for s in range(slices):
            part = values[chunk, s * depth : (s + 1) * depth]
            digits = terms.encode(part, rule=rule, width=9)[..., :_PLANES]
            count, changes = _slice_cost(digits, block)
            tokens = np.maximum(count, 1).sum(axis=1)
            cost.terms[chunk, s] = count.sum(axis=1)
            cost.tokens[chunk, s] = tokens
            cost.operations[chunk, s] = tokens + changes
    return cost


def _slice_cost(digits: NDArray[np.int8], block: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Terms per plane ``(rows, 9)`` and operations beyond one a token ``(rows,)`` of ``(rows, values, 9)`` digits."""
    rows, length, _ = digits.shape
    present = digits != 0
    count = present.sum(axis=1)
    blocks = -(-length // block)
    flipped = np.zeros(rows, bool)
    extra = np.zeros(rows, np.int64)
    for plane in range(_PLANES - 1, -1, -1):
        row, value = np.nonzero(present[:, :, plane])
        place = np.arange(len(row)) - np.searchsorted(row, row)  # among the terms of its plane
        found = np.zeros((rows, blocks, 2), bool)
        found[row, place // block, (digits[row, value, plane] < 0).astype(np.int64)] = True
        for number in range(blocks):
            positive, negative = found[:, number, 0], found[:, number, 1]
            if number == 0 and plane < _PLANES - 1:
                extra += np.where(flipped, positive & ~negative, negative & ~positive)
            flipped = np.where(flipped, ~positive, negative)
    return count, extra + flipped


@dataclass(frozen=True)
class Tile:
    """One tile as the engine's schedule sees it.

    Attributes:
        operations: operations of the longest row, one entry per slice.
        length: reduction length K.
        group: g when term revealing is on, 0 for conventional quantization.
    """

    operations: tuple[int, ...]
    length: int
    group: int


def predict_cycles(tiles: Iterable[Tile], rows: int, depth: int = DEPTH) -> int:
    """Cycles from the first beat accepted to the last output beat taken, both included.

    Exact for an idle engine, a source that always has a beat and a sink that is always ready.
    The names follow the RTL: a visit applies a group's budget, a drain empties the array in ``rows`` cycles.
    """
    last_visit = -_VISIT_PITCH  # cycle of the latest visit
    accept = 0  # earliest cycle of the next beat
    lengths: list[int] = []  # values of every slice
    drains: list[int] = []  # cycle in which each slice's drain was started
    issue = 0  # cycle of the latest slice's first operation
    pending: list[int] = []  # cycle at which a finished tile's totals may begin to leave
    leaves: list[int] = []  # cycle in which each tile's last row moved to the output register
    for tile in tiles:
        begin = 0
        for number, operations in enumerate(tile.operations):
            length = min(depth, tile.length - begin)
            begin += length
            if len(drains) >= 3:  # three slices in flight
                accept = max(accept, drains[-3] + 1)
            room = 2 * depth - sum(lengths[-2:])
            wait = drains[-2] + 1 - accept if len(drains) >= 2 and room < length else 0
            load, close = _load(length, tile.group, max(last_visit - accept, -_VISIT_PITCH), room, max(wait, 0))
            accept, last_visit = accept + load, accept + close
            lengths.append(length)
            issue = max(max(last_visit + 4, issue) + BLOCK + 7, drains[-1] + rows + 1 if drains else 0)
            drain = issue + operations - 1
            if number == 0 and len(pending) >= 2:
                _leave(pending, leaves, drains, rows, len(pending) - 1)
                drain = max(drain, leaves[len(pending) - 2] + 1)
            drains.append(drain)
        pending.append(drains[-1] + rows + 5)
    _leave(pending, leaves, drains, rows, len(pending))
    return leaves[-1] + 2 if leaves else 0


@lru_cache(maxsize=1 << 16)
def _load(length: int, group: int, last_visit: int, room: int, wait: int) -> tuple[int, int]:
    """Load a slice from cycle 0 on: (earliest cycle of the next beat, cycle of the closing visit).

    ``last_visit`` is the cycle of the visit before. Value number ``room`` does not fit into the rings before cycle
    ``wait``.
    """
    cycle = done = 0
    while done < length:
        values = min(group or length, length - done)
        if done <= room < done + values:
            cycle = max(cycle, wait - (room - done))
        last_visit = max(cycle + values, last_visit + _VISIT_PITCH)
        cycle, done = last_visit + 1, done + values
    return cycle, last_visit


def _leave(pending: list[int], leaves: list[int], drains: list[int], rows: int, tiles: int) -> None:
    """Extend ``leaves`` to the first ``tiles`` tiles: a row leaves per cycle in which no slice sum is being added."""
    for tile in range(len(leaves), tiles):
        cycle = max(pending[tile], leaves[-1] + 1 if leaves else 0)
        left = rows
        index = bisect_left(drains, cycle - 4 - rows)
        while left:
            begin = drains[index] + 5 if index < len(drains) else cycle + left
            free = min(left, max(0, begin - cycle))
            cycle, left = cycle + free, left - free
            if left:
                cycle = max(cycle, drains[index] + 5 + rows)
                index += 1
        leaves.append(cycle - 1)

# SPDX-License-Identifier: Apache-2.0
"""Pair counters of an array: what they hold, slices of a tile, constants of a wider engine, the schedule of results."""

from __future__ import annotations

import numpy as np
import pytest

from shiftwork.codes import exponential
from shiftwork.codes.exponential import Exponential
from shiftwork.golden import exp_units

ROW, COLUMN = Exponential(3, 1.4, 0.7, -0.1), Exponential(3, 1.4, 2.3, 0.2)


def codes(rng: np.random.Generator, shape: tuple[int, int]) -> exponential.Codes:
    return exponential.pack(rng.random(shape) < 0.5, rng.integers(-4, 4, shape), 3)


@pytest.mark.parametrize("count_bits", range(4, 13))
def test_counters_hold_a_slice(count_bits: int) -> None:
    """The longest slice of one pair reaches the largest count of either sign, and no more."""
    (longest,) = set(exp_units.slices(10 * (2 ** (count_bits - 1) - 1), count_bits))
    for negative in (False, True):
        rows = exponential.pack([negative] * longest, 3, 3)
        counts = exp_units.count_pairs(rows, exponential.pack([False] * longest, -3, 3), 3)
        assert abs(counts.both[6]) == abs(counts.rows[6]) == abs(counts.columns[0]) == abs(counts.pairs) == longest
    assert longest < 1 << (count_bits - 1) <= longest + 1


def test_slices_add_up(rng: np.random.Generator) -> None:
    """The results of a tile are the sums of those of its slices; no counter of a slice is beyond its bits."""
    rows, columns = codes(rng, (2, 300)), codes(rng, (3, 300))
    lengths = exp_units.slices(300, 6)
    assert sum(lengths) == 300 and set(lengths[:-1]) == {31} and 0 < lengths[-1] <= 31
    ends = np.cumsum(lengths)[:-1]
    parts = zip(np.split(rows, ends, axis=1), np.split(columns, ends, axis=1), strict=True)
    total = np.sum([exp_units.tile(row, column, ROW, COLUMN) for row, column in parts], axis=0)
    assert (total == exp_units.tile(rows, columns, ROW, COLUMN)).all()


@pytest.mark.parametrize("bits", [3, 4, 7])
def test_a_layer_on_a_wider_engine(bits: int, rng: np.random.Generator) -> None:
    rows, columns = codes(rng, (2, 50)), codes(rng, (3, 50))
    wide = exp_units.widened(exp_units.pair_tables(ROW, COLUMN), bits)
    moved = exponential.resize(rows, 3, bits)[:, None], exponential.resize(columns, 3, bits)[None]
    result = exp_units.evaluate_counts(exp_units.count_pairs(*moved, bits), wide)
    assert (result == exp_units.tile(rows, columns, ROW, COLUMN)).all()


def test_table_words() -> None:
    tables = exp_units.PairTables(3, np.arange(100, 113), np.array([1, -1, -65536, 65535]), 0)
    words = exp_units.table_words(tables)
    assert [word for select, word in ((w[0], w[1:]) for w in words) if select] == [
        (0, 1),
        (1, 0x1FFFF),
        (2, 0x10000),
        (3, 0xFFFF),
    ]
    assert {address: data for select, address, data in words if not select} == {e % 16: 106 + e for e in range(-6, 7)}


def test_schedule() -> None:
    """A first tile, tiles that follow at the rate of the array, and tiles that wait for the evaluation."""
    assert exp_units.leaving([20], 2, 3, 8) == [20 + 8 + 34, 20 + 8 + 68]
    firsts = exp_units.leaving([100, 100, 100], 2, 3, 8)[::2]
    assert np.diff(firsts).tolist() == [100 + 26] * 2
    assert np.diff(exp_units.leaving([1, 1, 1], 2, 3, 8)[::2]).tolist() == [2 * 34 + 3] * 2
    assert np.diff(exp_units.leaving([254, 254], 2, 3, 8)[::2]).tolist() == [2 * (127 + 26)]

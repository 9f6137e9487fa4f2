# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic of the post unit against the vectors of docs/numerics.md."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftwork.golden.arithmetic import divide_round, module_output, shift_round


@pytest.mark.parametrize(
    ("acc", "shift", "expected"),
    [(7, 1, 4), (-7, 1, -3), (5, 2, 1), (6, 2, 2), (-6, 2, -1), (-5, 2, -1), (1023, 7, 8), (-1, 3, 0), (-5, 0, -5)],
)
def test_shift_round_vectors(acc: int, shift: int, expected: int) -> None:
    assert shift_round(acc, shift) == expected


@pytest.mark.parametrize(("shortcut", "acc", "expected"), [(None, 4280, 33), (-13, 2616, 20)])
def test_module_vectors(shortcut: int | None, acc: int, expected: int) -> None:
    dot = int(np.dot([16, -40, 24, 64], [38, -14, 79, 6]))
    assert module_output(dot, 26, 5, shortcut, 7, 0, False, -(1 << 31), (1 << 31) - 1) == acc
    assert module_output(dot, 26, 5, shortcut, 7, 7, False, -128, 127) == expected


@given(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, 31))
def test_shift_round_is_half_up(acc: int, shift: int) -> None:
    assert int(shift_round(acc, shift)) == (2 * acc + (1 << shift)) // (1 << (shift + 1))


@given(st.integers(-(1 << 40), 1 << 40), st.integers(1, 1 << 16))
def test_divide_round_is_half_up(numerator: int, denominator: int) -> None:
    assert int(divide_round(numerator, denominator)) == (2 * numerator + denominator) // (2 * denominator)


def test_vectors_of_shifts_follow_the_channels() -> None:
    acc = np.array([[100, 100, -100], [7, 8, 300000]])
    got = module_output(acc, [1, -1, 0], [0, 1, 0], acc * 0 + 3, [2, 0, 0], [3, 0, 4], True, 0, 255)
    expected = [[(100 + 1 + 12 + 4) >> 3, 101, 0], [(7 + 1 + 12 + 4) >> 3, 9, 255]]
    assert got.tolist() == expected

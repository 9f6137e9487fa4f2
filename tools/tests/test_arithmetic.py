# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic behind the dot products against the vectors of docs/numerics.md and plain Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftwork.errors import ShiftworkError
from shiftwork.tensors.arithmetic import (
    codebook_round,
    codebook_thresholds,
    divide_round,
    module_output,
    multiply_round,
    scale_round,
    scaled_output,
    shift_round,
)

EXTREMES = (-(1 << 31), 1 - (1 << 31), -(1 << 30), -1, 0, 1, 1 << 30, (1 << 31) - 1)
INT32 = st.integers(-(1 << 31), (1 << 31) - 1)


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


@pytest.mark.parametrize(
    ("value", "factor", "addend", "shift", "expected"),
    [
        (3, 1 << 15, 0, 16, 2),
        (-3, 1 << 15, 0, 16, -1),
        (-3, 1 << 15, -1, 16, -2),
        (1000, 50000, 7 << 20, 23, 7),
        (-(1 << 46), 65535, 0, 47, -32767),
        ((1 << 46) - 1, 65535, (1 << 62) - 1, 47, 65535),
    ],
)
def test_scale_round_vectors(value: int, factor: int, addend: int, shift: int, expected: int) -> None:
    assert scale_round(value, factor, addend, shift) == expected


@given(
    st.integers(-(1 << 46), (1 << 46) - 1),
    st.integers(0, 65535),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(1, 47),
)
def test_scale_round_is_half_up(value: int, factor: int, addend: int, shift: int) -> None:
    total = min(max(value * factor + addend, -(1 << 63)), (1 << 63) - 1)
    addend = total - value * factor
    if -(1 << 63) <= addend < 1 << 63:
        assert int(scale_round(value, factor, addend, shift)) == (2 * total + (1 << shift)) // (1 << (shift + 1))


def test_scaled_output_is_a_module() -> None:
    value = np.array([[[10, -7], [1 << 32, -(1 << 32)]]])
    shortcut, factor, ss, sh = np.array([[[-3, 15], [0, 1]]]), np.array([40000, 65535]), [17, 20], [16, 47]
    expected = [
        [
            [
                (int(value[0, x, c]) * int(factor[c]) + (int(shortcut[0, x, c]) << ss[c]) + (1 << (sh[c] - 1))) >> sh[c]
                for c in range(2)
            ]
            for x in range(2)
        ]
    ]
    assert scaled_output(value, factor, shortcut, ss, sh, -(1 << 40), 1 << 40).tolist() == expected
    assert scaled_output(value, factor, shortcut, ss, sh, 0, 15).tolist() == np.clip(expected, 0, 15).tolist()
    assert scaled_output([1000], 50000, None, 0, 23, -8, 7).tolist() == [6]


@given(INT32, st.integers(0, 65535), st.integers(-(1 << 47), (1 << 47) - 1), st.integers(1, 47), st.integers(0, 300))
def test_relu_is_a_lower_clamp_of_zero(value: int, factor: int, addend: int, shift: int, top: int) -> None:
    before = shift_round(max(value * factor + addend, 0) >> (shift - 1), 1)
    assert min(int(before), top) == np.clip(scale_round(value, factor, addend, shift), 0, top)


def truncated_quotient(numerator: int, denominator: int) -> int:
    """Division of C: towards zero."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def gemmlowp_requantize(value: int, factor: int, exponent: int) -> int:
    """The two functions of gemmlowp's fixedpoint.h, step by step as its text defines them."""
    if value == factor == -(1 << 31):
        scaled = (1 << 31) - 1
    else:
        product = value * factor
        nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
        scaled = truncated_quotient(product + nudge, 1 << 31)
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if scaled < 0 else 0)
    return (scaled >> exponent) + (1 if scaled & mask > threshold else 0)


@pytest.mark.parametrize(
    ("value", "factor", "shift", "expected"),
    [
        (5, 1 << 30, 0, 3),
        (-5, 1 << 30, 0, -2),
        (10, 1 << 30, 1, 3),
        (-10, 1 << 30, 1, -3),
        (-(1 << 31), -(1 << 31), 0, (1 << 31) - 1),
        (-(1 << 31), -(1 << 31), 31, 1),
        (-1, 1 << 30, 5, 0),
        ((1 << 31) - 1, (1 << 31) - 1, 0, (1 << 31) - 2),
    ],
)
def test_multiply_round_vectors(value: int, factor: int, shift: int, expected: int) -> None:
    assert gemmlowp_requantize(value, factor, shift) == expected
    assert multiply_round(value, factor, shift) == expected


@given(INT32, INT32, st.integers(0, 31))
def test_multiply_round_is_gemmlowp(value: int, factor: int, shift: int) -> None:
    assert int(multiply_round(value, factor, shift)) == gemmlowp_requantize(value, factor, shift)


def test_multiply_round_at_every_tie() -> None:
    """Around every tie of both roundings; a factor of -2^31 gives the division any number."""
    cases = []
    for shift in range(32):
        for code in (-129, -2, -1, 0, 1, 2, 127):
            for step in (-2, -1, 0, 1, 2):
                high = (code << shift) + ((1 << shift) >> 1) + step
                cases += [(-high, -(1 << 31), shift), (2 * high, 1 << 30, shift), (2 * high - 1, 1 << 30, shift)]
    cases += [(a, b, s) for s in range(32) for a in EXTREMES for b in EXTREMES]
    cases = [case for case in cases if -(1 << 31) <= case[0] < 1 << 31]
    assert len(cases) > 2000
    value, factor, shift = (np.array(column) for column in zip(*cases, strict=True))
    assert multiply_round(value, factor, shift).tolist() == [gemmlowp_requantize(*case) for case in cases]


def nearest(levels: list[int], value: int) -> int:
    """Index of the nearest level; ``min`` keeps the first of several."""
    return min(range(len(levels)), key=lambda index: abs(levels[index] - value))


@given(st.sets(INT32, min_size=2, max_size=256).map(sorted), st.lists(INT32, max_size=20))
def test_codebook_is_the_nearest_level(levels: list[int], values: list[int]) -> None:
    thresholds = codebook_thresholds(levels)
    assert np.all((thresholds >= -(1 << 31)) & (thresholds < 1 << 31))
    values += [int(t) + step for t in thresholds[:40] for step in (-2, -1, 0, 1)] + levels[:40]
    assert codebook_round(values, thresholds).tolist() == [nearest(levels, value) for value in values]


def test_codebook_ties_go_to_the_lower_index() -> None:
    thresholds = codebook_thresholds([-5, -3, 0, 4])
    assert thresholds.tolist() == [-3, -1, 3]
    assert codebook_round([-9, -4, -3, -2, -1, 2, 3], thresholds).tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_codebook_of_extreme_levels() -> None:
    low, high, quarter = -(1 << 63), (1 << 63) - 1, 1 << 62
    thresholds = codebook_thresholds([low, low + 1, -1, high - 1, high])
    assert thresholds.tolist() == [low + 1, 1 - quarter, quarter - 1, high]


@pytest.mark.parametrize("levels", [[0, 0], [1, 0], [0, 1, 1]])
def test_codebook_levels_have_to_increase(levels: list[int]) -> None:
    with pytest.raises(ShiftworkError, match="increase strictly"):
        codebook_thresholds(levels)

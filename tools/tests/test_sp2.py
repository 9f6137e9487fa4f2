# SPDX-License-Identifier: Apache-2.0
"""SP2 codes and levels against the definition in exact fractions, and the projection onto them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftwork.codes import sp2
from shiftwork.errors import ShiftworkError

WIDTHS = [(3, 1, 1), (4, 2, 1), (5, 2, 2), (5, 3, 1), (6, 3, 2), (7, 3, 3), (8, 4, 3)]
Widths = tuple[int, int, int]


def defined(widths: Widths) -> set[Fraction]:
    """The real levels of alpha = 1, from their definition."""
    first, second = (
        {Fraction(0)} | {Fraction(1, 1 << e) for e in range(1, 1 << bits)} for bits in (widths[1], widths[2])
    )
    return {a + b for a in first for b in second}


@pytest.mark.parametrize("widths", WIDTHS)
def test_levels_are_those_of_the_definition(widths: Widths) -> None:
    one = sp2.denominator(widths[1])
    assert [Fraction(int(v), one) for v in sp2.levels(*widths)] == sorted(defined(widths))
    assert sp2.levels(*widths)[-1] == one


@pytest.mark.parametrize(
    ("widths", "levels", "one"),
    [((4, 2, 1), 7, 8), ((5, 2, 2), 8, 8), ((6, 3, 2), 24, 128), ((7, 3, 3), 30, 128), ((8, 4, 3), 94, 32768)],
)
def test_number_of_levels(widths: Widths, levels: int, one: int) -> None:
    assert len(sp2.levels(*widths)) == levels
    assert sp2.denominator(widths[1]) == one


def test_the_sets_of_four_bits() -> None:
    assert sp2.levels().tolist() == [0, 1, 2, 4, 5, 6, 8]
    assert sp2.fixed_levels().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert sp2.pot_levels().tolist() == [0, 1, 2, 4, 8, 16, 32, 64]
    assert [sp2.pot_levels(m)[-1] for m in (2, 3, 5, 6)] == [1, 4, 2**14, 2**30]


def test_every_code_of_four_bits() -> None:
    codes = np.array([0b000, 0b001, 0b010, 0b011, 0b100, 0b101, 0b110, 0b111])
    eighths = [0, 4, 1, 5, 2, 6, 4, 8]
    assert sp2.decode(codes).tolist() == eighths
    assert sp2.decode(codes[1:] + 8).tolist() == [-value for value in eighths[1:]]
    assert sp2.encode([4, -4, 8, -8, 0]).tolist() == [0b0001, 0b1001, 0b0111, 0b1111, 0]
    assert sp2.encode([4]).dtype == np.uint8


def test_products_are_two_shifts_and_an_addition() -> None:
    for code in range(8):
        c1, c0 = code >> 1, code & 1
        value = int(sp2.decode(code))
        for x in (-37, -8, 0, 1, 15, 127):
            assert value * x == (0 if c1 == 0 else x << (c1 - 1)) + (x << 2 if c0 else 0)
    assert int(sp2.decode(0b011)) * -37 == -185
    assert int(sp2.decode(0b101)) * -37 == -222


@pytest.mark.parametrize("widths", WIDTHS)
def test_codes_return(widths: Widths) -> None:
    m, _, _ = widths
    legal = np.array([code for code in range(1 << m) if code != 1 << (m - 1)])
    values = sp2.decode(legal, *widths)
    assert set(np.abs(values)) == set(sp2.levels(*widths))
    canonical = sp2.encode(values, *widths)
    assert (sp2.decode(canonical, *widths) == values).all()
    assert (canonical <= legal).all()
    assert len(set(canonical.tolist())) == len(set(values.tolist())) == 2 * len(sp2.levels(*widths)) - 1


def test_shapes_are_kept() -> None:
    values = np.array([[1, -2, 4], [5, 6, -8]], np.int8)
    assert sp2.encode(values).shape == (2, 3)
    assert (sp2.decode(sp2.encode(values)) == values).all()
    assert sp2.encode([]).shape == (0,)


@pytest.mark.parametrize("value", [3, 7, -3, 9, -16, 1 << 40])
def test_what_is_no_value(value: int) -> None:
    with pytest.raises(ShiftworkError, match=f"{value} is no 4-bit SP2 value"):
        sp2.encode([0, value])


@pytest.mark.parametrize("code", [8, 16, -1, 255])
def test_what_is_no_code(code: int) -> None:
    with pytest.raises(ShiftworkError, match=f"{code} is no 4-bit SP2 code"):
        sp2.decode([0, code])


def test_integers_only() -> None:
    with pytest.raises(ShiftworkError, match="float64"):
        sp2.encode([0.5])
    with pytest.raises(ShiftworkError, match="float64"):
        sp2.decode([1.0])


@pytest.mark.parametrize("widths", [(4, 1, 2), (4, 3, 0), (5, 2, 1), (9, 4, 4), (2, 1, 0)])
def test_wrong_widths(widths: Widths) -> None:
    for call in (lambda: sp2.levels(*widths), lambda: sp2.encode([0], *widths), lambda: sp2.decode([0], *widths)):
        with pytest.raises(ShiftworkError, match="SP2 widths"):
            call()
    for m in (1, 7):
        with pytest.raises(ShiftworkError, match=r"outside 2\.\.6"):
            sp2.pot_levels(m)


# -- projection


@pytest.mark.parametrize(
    ("real", "eighths"),
    [(0.05, 0), (0.07, 1), (0.3, 2), (-0.44, -4), (0.5625, 4), (0.6875, 5), (0.9, 8), (-1.3, -8), (0.0, 0), (7.0, 8)],
)
def test_projection(real: float, eighths: int) -> None:
    assert sp2.project(real, 1.0, sp2.levels(), 8) == eighths
    assert sp2.project(3 * real, 3.0, sp2.levels()) == eighths


def test_midpoints_go_to_the_smaller_magnitude() -> None:
    levels = sp2.levels()
    middles = np.array([1 / 16, 3 / 16, 3 / 8, 9 / 16, 11 / 16, 7 / 8])
    assert (middles == (levels[1:] + levels[:-1]) / 16).all()
    for alpha in (1.0, 0.25, 3.0, 2.0**-30):
        assert (sp2.project(middles * alpha, alpha, levels) == levels[:-1]).all()
        assert (sp2.project(-middles * alpha, alpha, levels) == -levels[:-1]).all()
        assert (sp2.project(np.nextafter(middles, 1) * alpha, alpha, levels) == levels[1:]).all()


def test_midpoints_of_the_other_sets() -> None:
    for levels in (sp2.fixed_levels(), sp2.pot_levels()):
        middles = (levels[1:] + levels[:-1]) / 2
        assert (sp2.project(middles, float(levels[-1]), levels) == levels[:-1]).all()
        assert (sp2.project(-np.nextafter(middles, 99), float(levels[-1]), levels) == -levels[1:]).all()


def test_alpha_broadcasts() -> None:
    values = sp2.project(np.ones((2, 3)), np.array([[1.0], [2.0]]), sp2.levels())
    assert values.tolist() == [[8, 8, 8], [4, 4, 4]]


@given(
    st.fractions(-3, 3, max_denominator=1 << 12),
    st.integers(1, 64),
    st.sampled_from([sp2.levels(), sp2.levels(5, 2, 2), sp2.levels(6, 3, 2), sp2.pot_levels()]),
)
def test_no_level_is_nearer(real: Fraction, eighth: int, levels: np.ndarray) -> None:
    alpha, one = Fraction(eighth, 8), int(levels[-1])
    value = int(sp2.project(float(real) * 4, float(alpha) * 4, levels))
    exact = Fraction(float(real))
    target = min(abs(exact) / alpha, Fraction(1)) * one
    distances = {int(level): abs(int(level) - target) for level in levels}
    nearest = min(distances.values())
    assert abs(distances[abs(value)] - nearest) < Fraction(1, 1 << 30)
    assert value == 0 or (value > 0) == (real > 0)

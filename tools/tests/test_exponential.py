# SPDX-License-Identifier: Apache-2.0
"""Exponential codes against their definition, dot products by tables and by counted pairs, codes of least error."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from shiftwork.codes import exponential
from shiftwork.codes.exponential import Exponential
from shiftwork.errors import ShiftworkError
from shiftwork.golden import exp_units
from shiftwork.quantize.expfit import Magnitudes, fit_code, search_base, uniform_levels, uniform_steps

CODES = [
    Exponential(3, 2.0, 1.0, 0.0),
    Exponential(4, 1.37, 0.02, 0.013),
    Exponential(5, 1.09, 170.0, -30.0),
    Exponential(6, 1.04, 3e-7, -8e-8),
    Exponential(7, 1.02, 2.5, -0.6),
]
EVERY_CODE = pytest.mark.parametrize("code", CODES, ids=lambda code: f"n{code.bits}")

SIGNS_A, EXPONENTS_A = np.array([1, 1, 1, -1]), np.array([0, 1, 2, 1])
SIGNS_W, EXPONENTS_W = np.array([1, -1, 1, 1]), np.array([1, 0, -1, 2])


def exponent(x: float, code: Exponential) -> int | None:
    """Exponent of a real number as the definition has it; None for exact zero."""
    if x == 0:
        return None
    if abs(x) <= code.beta:
        return -code.radius
    ratio = (abs(x) - code.beta) / code.alpha
    return max(-code.radius, min(code.radius, math.floor(math.log(ratio) / math.log(code.base) + 0.5)))


# -- codes


@pytest.mark.parametrize("bits", range(3, 8))
def test_every_code_goes_there_and_back(bits: int) -> None:
    codes = np.delete(np.arange(2 << bits), 3 << (bits - 1))
    signs, exponents = exponential.unpack(codes, bits)
    assert (exponential.pack(signs < 0, exponents, bits) == codes).all()
    assert exponential.radius(bits) == 2 ** (bits - 1) - 1
    assert exponents[signs == 0].tolist() == [-(2 ** (bits - 1))]
    assert sorted(exponents[signs < 0]) == list(range(-exponential.radius(bits), exponential.radius(bits) + 1))
    with pytest.raises(ShiftworkError, match=f"{3 << (bits - 1)} is no code of {bits} exponent bits"):
        exponential.unpack([3 << (bits - 1)], bits)


def test_zero_has_one_sign() -> None:
    assert exponential.pack([True, False], [-4, -4], 3).tolist() == [4, 4]
    assert exponential.pack([True, False], [-1, 3], 3).tolist() == [15, 3]


@EVERY_CODE
def test_encode_is_its_definition(code: Exponential, rng: np.random.Generator) -> None:
    x = np.concatenate([rng.laplace(0, code.levels[-1] / 3, 500), [0.0, code.beta, -code.beta, 1e30, -1e-30]])
    signs, exponents = exponential.unpack(exponential.encode(x, code), code.bits)
    expected = [exponent(float(value), code) for value in x]
    assert [None if s == 0 else int(i) for s, i in zip(signs, exponents, strict=True)] == expected
    assert (signs == np.sign(x)).all()
    levels = [0.0 if i is None else code.alpha * code.base**i + code.beta for i in expected]
    assert exponential.decode(exponential.encode(x, code), code) == pytest.approx(np.sign(x) * levels)


@EVERY_CODE
@pytest.mark.parametrize("width", [12, 16])
def test_tables_take_the_largest_fraction(code: Exponential, width: int) -> None:
    levels, fraction = exponential.table(code, width)
    real = [code.alpha * code.base**i + code.beta for i in range(-code.radius, code.radius + 1)]
    assert levels.tolist() == [math.floor(x * 2.0**fraction + 0.5) for x in real]
    assert np.abs(levels).max() < 1 << width <= max(math.floor(abs(x) * 2.0 ** (fraction + 1) + 0.5) for x in real)


def test_a_level_that_would_round_up_to_the_limit_takes_a_fraction_less() -> None:
    code = Exponential(3, 2.0, 4095.75 / 8, 0.0)
    levels, fraction = exponential.table(code, 12)
    assert (levels[-1], fraction) == (2048, -1)
    levels, fraction = exponential.table(Exponential(3, 2.0, 4095.25 / 8, 0.0), 12)
    assert (levels[-1], fraction) == (4095, 0)


@EVERY_CODE
@pytest.mark.parametrize("fraction", [-3, 4, 19, 30])
def test_thresholds_encode(code: Exponential, fraction: int, rng: np.random.Generator) -> None:
    limits = exponential.thresholds(code, fraction)
    exact = [
        math.ceil((code.alpha * code.base ** (i - 0.5) + code.beta) * 2.0**fraction)
        for i in range(-code.radius + 1, code.radius + 1)
    ]
    assert limits.tolist() == [max(exact[: i + 1]) for i in range(len(exact))]
    acc = np.concatenate([limits, limits - 1, -limits, rng.integers(-(1 << 40), 1 << 40, 50), [0, 1, -1]])
    for relu in (False, True):
        signs, exponents = exponential.unpack(exponential.encode_thresholds(acc, limits, code.bits, relu), code.bits)
        for value, sign, found in zip(acc.tolist(), signs, exponents, strict=True):
            if value == 0 or (relu and value < 0):
                assert sign == 0
            else:
                reached = [
                    i for i in range(-code.radius + 1, code.radius + 1) if abs(value) >= limits[i + code.radius - 1]
                ]
                assert (sign, found) == (1 if value > 0 else -1, max(reached, default=-code.radius))


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.float64])
@pytest.mark.parametrize(
    "limits",
    [
        [],
        [0],
        [-5, -5, 0, 0, 3, 3, 3, 900],
        range(1_000_000, 1_000_200),  # all of them between two cut float32 numbers
        [7 * 2**i // 4 for i in range(45)],
        [1 << 47] * 3,
    ],
    ids=lambda limits: f"{len(limits)} limits",
)
def test_limits_reached_are_counted(kind: type[np.generic], limits: Sequence[int], rng: np.random.Generator) -> None:
    known = np.array(limits, kind)
    magnitudes = np.abs(np.concatenate([known, known - 1, known + 1, rng.integers(0, 1 << 48, 50).astype(kind), [0]]))
    magnitudes = magnitudes.astype(kind).reshape(1, -1)
    found = exponential.reached(magnitudes, known)
    assert found.tolist() == np.searchsorted(known, magnitudes, side="right").tolist()


def test_thresholds_out_of_reach_are_held() -> None:
    limits = exponential.thresholds(Exponential(3, 30.0, 1.0, -1e9), 60)
    assert limits.dtype == np.int64
    assert limits[0] == -(1 << 47)
    assert exponential.thresholds(Exponential(3, 30.0, 1.0, 0.0), 60)[-1] == 1 << 47


@EVERY_CODE
@pytest.mark.parametrize("unit_bits", [5, 7])
def test_words_of_a_unit_count_to_the_same_code(code: Exponential, unit_bits: int, rng: np.random.Generator) -> None:
    """Also of fewer bits than the unit has, and with a limit of the exponent."""
    if code.bits > unit_bits:
        code = Exponential(unit_bits, code.base, code.alpha, code.beta)
    for fraction, high in ((19, None), (40, code.radius), (4, 1), (-3, 1 - code.radius), (19, -code.radius)):
        limits = exponential.thresholds(code, fraction)
        words = exponential.threshold_words(limits, code.bits, unit_bits, high)
        assert (len(words), words.min(), words.max() < 1 << 47) == ((1 << unit_bits) - 1, 0, True)
        inside = limits[np.abs(limits) < (1 << 47) - 1]
        acc = np.concatenate([inside, inside - 1, -inside, rng.integers(-(1 << 47) + 1, 1 << 47, 50), [0, 1, -1]])
        count = np.searchsorted(words, np.abs(acc), side="left")  # words below the magnitude
        found = exponential.pack(acc < 0, count - (1 << (unit_bits - 1)), unit_bits)
        reachable = limits if high is None else limits[: high + code.radius]
        wanted = exponential.encode_thresholds(acc, reachable, code.bits)
        assert (exponential.resize(found, unit_bits, code.bits) == wanted).all()
        assert (exponential.resize(wanted, code.bits, unit_bits) == found).all()


@EVERY_CODE
def test_levels_by_exponent_field(code: Exponential) -> None:
    levels = exponential.table(code, 16)[0]
    words = exponential.level_words(levels, 7)
    codes = np.delete(np.arange(2 << code.bits), 3 << (code.bits - 1))
    wide = exponential.resize(codes, code.bits, 7)
    values = np.where(wide >> 7, -words[wide & 127], words[wide & 127])
    assert values.tolist() == exponential.code_values(tuple(levels.tolist()))[codes].tolist()
    assert (words != 0).sum() == (levels != 0).sum()


@EVERY_CODE
def test_codes_of_levels_come_back(code: Exponential) -> None:
    levels, fraction = exponential.table(code, 16)
    codes = np.delete(np.arange(2 << code.bits), 3 << (code.bits - 1)).astype(np.uint8)
    values = exponential.code_values(tuple(levels.tolist()))[codes]
    again = exponential.encode_thresholds(values, exponential.thresholds(code, fraction), code.bits)
    assert (exponential.code_values(tuple(levels.tolist()))[again] == values).all()


@pytest.mark.parametrize("levels", [(1, 2, 5, 7, 9, 11, 20), (-3, -1, 0, 0, 2, 2, 9)])
def test_order_is_that_of_the_values(levels: tuple[int, ...]) -> None:
    places, codes = exponential.code_order(levels)
    values = exponential.code_values(levels)
    legal = np.delete(np.arange(16), 12)
    assert values[4] == 0
    assert places[4] == 0
    assert (codes[places[legal]] == legal).all()
    ordered = legal[np.argsort(places[legal])]
    assert (np.diff(values[ordered]) >= 0).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Exponential(2, 2.0, 1.0, 0.0), "exponents of 2 bits are outside 3..7"),
        (lambda: Exponential(3, 1.0, 1.0, 0.0), "base > 1 and alpha > 0"),
        (lambda: Exponential(3, 2.0, 0.0, 0.0), "base > 1 and alpha > 0"),
        (lambda: Exponential(3, 2.0, 1.0, math.nan), "base > 1 and alpha > 0"),
        (lambda: exponential.pack(False, [4], 3), "exponent 4 does not fit 3 bits"),
        (lambda: exponential.unpack([16], 3), "16 is no code of 3 exponent bits"),
        (lambda: exponential.resize([4], 4, 3), "exponent 4 does not fit 3 bits"),
    ],
)
def test_wrong_codes(call, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ShiftworkError, match=text):
        call()


# -- dot products


def vector(code_a: Exponential, code_w: Exponential) -> float:
    """The dot product of the test vector by the tables A and W, as a real number."""
    a, w = (
        exponential.pack(signs < 0, exponents, 3)
        for signs, exponents in ((SIGNS_A, EXPONENTS_A), (SIGNS_W, EXPONENTS_W))
    )
    (levels_a, qa), (levels_w, qw) = exponential.table(code_a, 16), exponential.table(code_w, 12)
    products = exponential.code_values(tuple(levels_a.tolist()))[a].astype(np.int64)
    products *= exponential.code_values(tuple(levels_w.tolist()))[w]
    return float(products.sum()) * 2.0 ** -(qa + qw)


def test_vectors_of_the_dot_product() -> None:
    one = Exponential(3, 2.0, 1.0, 0.0)
    a, w = Exponential(3, 2.0, 0.5, 0.25), Exponential(3, 2.0, 2.0, 1.0)
    assert vector(one, one) == -6
    assert vector(a, w) == -6.75
    codes_a, codes_w = (exponential.pack(s < 0, i, 3) for s, i in ((SIGNS_A, EXPONENTS_A), (SIGNS_W, EXPONENTS_W)))
    counts = exp_units.count_pairs(codes_a, codes_w, 3)
    assert {e - 6: int(c) for e, c in enumerate(counts.both) if c} == {1: 1, 3: -1}
    tables = exp_units.pair_tables(a, w)
    unit = 2.0**-tables.fraction
    terms = [int(f) * int(s) * unit for f, s in zip(tables.factors, exp_units.four_sums(counts, tables), strict=True)]
    assert terms == [-6.0, 0.5, -1.25, 0.0]
    assert exp_units.evaluate_counts(counts, tables) * unit == -6.75
    assert (
        exp_units.tile(codes_a[None], codes_w[None], one, one) * 2.0 ** -exp_units.pair_tables(one, one).fraction == -6
    )


def test_counters() -> None:
    assert [exp_units.counters(bits) for bits in range(3, 8)] == [28, 60, 124, 252, 508]
    counts = exp_units.count_pairs([4], [4], 3)
    assert counts.both.size + counts.rows.size + counts.columns.size + counts.pairs.size == 28
    assert not counts.both.any()


@pytest.mark.parametrize("bits", range(3, 8))
def test_counting_is_the_dot_product(bits: int, rng: np.random.Generator) -> None:
    base = 1 + 2.0 ** (1 - bits)
    row, column = Exponential(bits, base, 0.7, -0.2), Exponential(bits, base, 0.04, 0.01)
    legal = np.delete(np.arange(2 << bits), 3 << (bits - 1))
    rows, columns = rng.choice(legal, (3, 256)), rng.choice(legal, (5, 256))
    counts = exp_units.count_pairs(rows[:, None], columns[None], bits)
    exact = exponential.decode(rows, row) @ exponential.decode(columns, column).T
    r = row.radius
    powers, single = base ** np.arange(-2.0 * r, 2 * r + 1), base ** np.arange(-float(r), r + 1)
    sums = (counts.both @ powers, counts.rows @ single, counts.columns @ single, counts.pairs)
    factors = (0.7 * 0.04, 0.7 * 0.01, 0.04 * -0.2, -0.2 * 0.01)
    assert sum(f * s for f, s in zip(factors, sums, strict=True)) == pytest.approx(exact, abs=1e-12)
    found = exp_units.tile(rows, columns, row, column) * 2.0 ** -exp_units.pair_tables(row, column).fraction
    assert np.abs(found - exact).max() < 0.01 * np.abs(exact).max()
    assert np.abs(exp_units.pair_tables(row, column).powers).max() < 1 << 16


def test_pairs_of_different_bases_are_refused() -> None:
    with pytest.raises(ShiftworkError, match="cannot be counted"):
        exp_units.pair_tables(Exponential(3, 2.0, 1.0, 0.0), Exponential(3, 2.01, 1.0, 0.0))


# -- fits


@EVERY_CODE
def test_rmae_is_that_of_coded_values(code: Exponential, rng: np.random.Generator) -> None:
    x = np.append(rng.laplace(0, code.levels[-1] / 4, 700), 0)
    magnitudes = Magnitudes.of(x)
    error = np.abs(x - exponential.decode(exponential.encode(x, code), code)).sum() / np.abs(x).sum()
    assert float(magnitudes.rmae(code.levels, code.bounds)) == pytest.approx(error)
    squared = np.square(x - exponential.decode(exponential.encode(x, code), code)).sum()
    assert float(magnitudes.squared_error(code.levels, code.bounds)) == pytest.approx(squared)


@pytest.mark.parametrize(
    ("draw", "limits"),
    [("laplace", (0.0552, 0.0151, 0.0039, 0.00098, 0.00026)), ("normal", (0.031, 0.0087, 0.0023, 0.0006, 0.00015))],
)
def test_codes_fit_heavy_tails(draw: str, limits: tuple[float, ...], rng: np.random.Generator) -> None:
    x = getattr(rng, draw)(0, 1, 50_000)
    magnitudes = Magnitudes.of(x)
    for bits, limit in zip(range(3, 8), limits, strict=True):
        place, (fit,) = search_base([magnitudes], bits)
        assert fit.noise < limit
        coded = exponential.decode(exponential.encode(x, fit.code), fit.code)
        assert np.square(x - coded).sum() / np.square(x).sum() == pytest.approx(fit.noise, rel=0.1)
        assert fit.code.levels[0] >= 0
        assert (place, [fit]) == search_base([magnitudes], bits)
        uniform = magnitudes.squared_error(*uniform_levels(bits, uniform_steps(magnitudes, bits)[1]))
        assert fit.noise < 0.99 * uniform / magnitudes.squares[-1]


def test_a_base_near_1_makes_uniform_codes(rng: np.random.Generator) -> None:
    """Where 0 is no value they are 15 cells of one width for n = 4, each with its level in the middle."""
    magnitudes = Magnitudes.of(rng.uniform(0, 1, 20_000))
    fit = fit_code(magnitudes, 1.001, 4)
    step = 1 / 15
    assert fit.code.levels == pytest.approx(step * np.arange(0.5, 15), abs=0.15 * step)
    assert fit.noise == pytest.approx(step**2 / 12 / (1 / 3), rel=0.05)


def test_a_climb_ends_where_neighbours_are_no_better(rng: np.random.Generator) -> None:
    """The base is the one of least noise of an input and its readers together, wherever the climb begins."""
    members = [Magnitudes.of(rng.laplace(0, 0.01, 5000)), *(Magnitudes.of(rng.normal(0, s, 900)) for s in (1, 3))]
    place, fits = search_base(members, 4)
    assert search_base(members, 4, place + 2)[0] == place
    base = fits[0].code.base
    assert {fit.code.base for fit in fits} == {base}

    def noise(other: float) -> float:
        found = [fit_code(member, other, 4).noise for member in members]
        return found[0] + (found[1] + found[2]) / 2

    assert fits == [fit_code(member, base, 4) for member in members]
    assert noise(base) <= min(noise(base ** (2**0.5)), noise(base ** (0.5**0.5)))


def test_values_on_levels_stay_exact() -> None:
    code = Exponential(3, 1.5, 0.3, 0.05)
    fit = fit_code(Magnitudes.of(np.concatenate([code.levels, -code.levels])), 1.5, 3)
    assert fit.noise < 0.0004


def test_nothing_but_zeros() -> None:
    magnitudes = Magnitudes.of(np.zeros(5))
    _, (fit,) = search_base([magnitudes], 3)
    assert fit.noise == 0
    assert exponential.encode(np.zeros(2), fit.code).tolist() == [4, 4]
    assert magnitudes.rmae(*uniform_levels(3, uniform_steps(magnitudes, 3)[1])) == 0

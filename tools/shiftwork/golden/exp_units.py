# SPDX-License-Identifier: Apache-2.0
"""Dot products of exponential codes by counting pairs, the published form (``docs/numerics.md`` section 7).

With s the product of the signs and ia, iw the exponents of a pair, the dot product is
``aA*aW*S1 + aA*bW*S2 + aW*bA*S3 + bA*bW*S4`` with S1 = sum s b^(ia + iw), S2 = sum s b^ia, S3 = sum s b^iw, S4 = sum s
over the pairs without a zero code. A unit counts signed occurrences of ia + iw, ia, iw and of pairs, 8R + 4 counters,
and multiplies once per counter with a table of b^e and once per sum with a factor. Both are rounded, so its integers
are not those of the tables A and W that networks run with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.codes.exponential import Exponential, radius, unpack
from shiftwork.errors import ShiftworkError

TABLE_BITS = 16
"""Powers of the base and factors stay below 2 to this power."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PairTables:
    """Constants of a layer.

    Attributes:
        bits: n. powers: ``floor(b**e * 2**Q + 1/2)`` for e in -2R..2R, (4R + 1,).
        factors: ``floor(x * 2**Q' + 1/2)`` of aA*aW, aA*bW, aW*bA and bA*bW, (4,).
        fraction: Q + Q', that of a dot product. Each Q is the largest integer that keeps its table below 2**16.
    """

    bits: int
    powers: Integers
    factors: Integers
    fraction: int


@dataclass(frozen=True)
class PairCounts:
    """Signed counters of dot products, in front the shape of the dot products.

    Attributes:
        both: by ia + iw, (..., 4R + 1). rows: by the exponent of the row code, columns: by that of the column code,
            (..., 2R + 1). pairs: (...).
    """

    both: Integers
    rows: Integers
    columns: Integers
    pairs: Integers


def counters(bits: int) -> int:
    """Counters of one dot product, 8R + 4."""
    return 8 * radius(bits) + 4


def pair_tables(row: Exponential, column: Exponential) -> PairTables:
    """Constants for row codes and column codes of the same base and width.

    Raises:
        ShiftworkError: different bases or widths.
    """
    if (row.base, row.bits) != (column.base, column.bits):
        raise ShiftworkError(
            f"pairs of base {row.base}, {row.bits} bits and base {column.base}, {column.bits} bits cannot be counted"
        )
    r = row.radius
    powers, first = _integers(row.base ** np.arange(-2 * r, 2 * r + 1, dtype=np.float64))
    real = (row.alpha * column.alpha, row.alpha * column.beta, column.alpha * row.beta, row.beta * column.beta)
    factors, second = _integers(np.array(real))
    return PairTables(row.bits, powers, factors, first + second)


def _integers(real: NDArray[np.float64]) -> tuple[Integers, int]:
    """Half-up integers below 2**16 in magnitude, and their largest Q."""
    fraction = TABLE_BITS - math.frexp(float(np.abs(real).max()))[1]
    result = np.floor(real * 2.0**fraction + 0.5)
    if np.abs(result).max() >= 1 << TABLE_BITS:
        fraction -= 1
        result = np.floor(real * 2.0**fraction + 0.5)
    return result.astype(np.int64), fraction


def count_pairs(rows: ArrayLike, columns: ArrayLike, bits: int) -> PairCounts:
    """Counters of stored codes along the last axis: pairs of ``rows`` and ``columns``, broadcast against each other.

    Raises:
        ShiftworkError: an illegal code or width.
    """
    (row_signs, row_exponents), (column_signs, column_exponents) = unpack(rows, bits), unpack(columns, bits)
    signs, ia, iw = np.broadcast_arrays(row_signs * column_signs, row_exponents, column_exponents)
    r = radius(bits)

    def histogram(exponents: Integers, largest: int) -> Integers:
        shape = (*signs.shape[:-1], 2 * largest + 1)
        result = np.zeros((math.prod(shape[:-1]), shape[-1]), np.int64)
        place = np.where(signs == 0, 0, exponents + largest).reshape(len(result), -1)
        np.add.at(result, (np.arange(len(result))[:, None], place), signs.reshape(len(result), -1))
        return result.reshape(shape)

    return PairCounts(histogram(ia + iw, 2 * r), histogram(ia, r), histogram(iw, r), signs.sum(axis=-1))


def four_sums(counts: PairCounts, tables: PairTables) -> tuple[Integers, Integers, Integers, Integers]:
    """S1, S2, S3 and S4 at the fraction of the table of powers."""
    r = radius(tables.bits)
    single = tables.powers[r : 3 * r + 1]
    one = tables.powers[2 * r]
    return counts.both @ tables.powers, counts.rows @ single, counts.columns @ single, counts.pairs * one


def evaluate_counts(counts: PairCounts, tables: PairTables) -> Integers:
    """Dot products at ``tables.fraction`` from their counters: the four sums times their factors."""
    total = sum(int(factor) * found for factor, found in zip(tables.factors, four_sums(counts, tables), strict=True))
    return np.asarray(total, np.int64)


def slices(length: int, count_bits: int) -> list[int]:
    """Pairs of the slices that a tile of ``length`` pairs is counted in.

    A counter of ``count_bits`` bits holds the signed occurrences of any ``2**(count_bits - 1) - 1`` pairs.
    """
    whole, rest = divmod(length, (1 << (count_bits - 1)) - 1)
    return [(1 << (count_bits - 1)) - 1] * whole + [rest] * (rest > 0)


def widened(tables: PairTables, bits: int) -> PairTables:
    """The constants of a layer for an engine of ``bits``, as many or more; codes keep their exponents on it."""
    more = 2 * (radius(bits) - radius(tables.bits))
    return replace(tables, bits=bits, powers=np.pad(tables.powers, more))


def table_words(tables: PairTables) -> list[tuple[int, int, int]]:
    """Writes (select, address, data) that give an engine of ``tables.bits`` exponent bits its constants."""
    first, last = -2 * radius(tables.bits), 2 * radius(tables.bits)
    powers = [(0, e % (2 << tables.bits), int(tables.powers[e - first])) for e in range(first, last + 1)]
    return powers + [(1, n, int(factor) % (1 << 17)) for n, factor in enumerate(tables.factors)]


def leaving(lengths: Sequence[int], rows: int, bits: int, count_bits: int) -> list[int]:
    """Cycles from the first beat that an engine takes to every row of results that leaves it, when neither side stalls.

    Args:
        lengths: beats of consecutive tiles. rows: of the array. bits: exponent bits of the array.
        count_bits: width of a counter.
    """
    r = radius(bits)
    move, evaluation = 4 * r + 1, 10 * r + 4
    counted, moved, left = 0, -(rows * evaluation + 3), []
    for length in lengths:
        for part in slices(length, count_bits):
            moved = max(counted + part, moved + rows * evaluation + 3)
            counted = moved + rows * move
        left += [moved + 8 + (row + 1) * evaluation for row in range(rows)]
    return left


def tile(rows: ArrayLike, columns: ArrayLike, row: Exponential, column: Exponential) -> Integers:
    """Results (rows, cols) of stored codes (rows, K) and (cols, K), at the fraction of :func:`pair_tables`."""
    counts = count_pairs(np.asarray(rows)[:, None], np.asarray(columns)[None], row.bits)
    return evaluate_counts(counts, pair_tables(row, column))

# SPDX-License-Identifier: Apache-2.0
"""Sums of two powers of two (SP2) and powers of two as weights: levels, projection, codes.

An m-bit SP2 weight is ``+-alpha * (q1 + q2)`` with ``q1`` in {0, 1/2, 1/4, .., 2**-(2**m1 - 1)}, ``q2`` likewise with
m2, and ``m1 + m2 + 1 = m``, ``m1 >= m2`` (``docs/numerics.md`` section 6; method: Mix and Match, arXiv 2012.04240). The
tools compute with its *value*, the integer ``(q1 + q2) * denominator(m1)``: eighths for m = 4.

A code is ``{sign, c1, c2}`` of 1, m1 and m2 bits. A field c of n bits stands for 0 if it is 0, for ``2**(c - 2**n)``
otherwise: the 4-bit code {s, c1[1:0], c0} has magnitude ``(0 if c1 == 0 else 1 << (c1 - 1)) + (4 if c0 else 0)``. Of
several codes of a value the smallest is canonical (4 is 001, not 110). Negative zero is illegal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.errors import ShiftworkError

MAX_BITS = 8


def check_widths(m: int = 4, m1: int = 2, m2: int = 1) -> None:
    """Refuse widths that do not obey ``m1 + m2 + 1 = m``, ``m1 >= m2 >= 1`` and ``m <= 8``."""
    if m1 + m2 + 1 != m or not m1 >= m2 >= 1 or m > MAX_BITS:
        raise ShiftworkError(f"SP2 widths m = {m}, m1 = {m1}, m2 = {m2}: m1 + m2 + 1 = m <= {MAX_BITS}, m1 >= m2 >= 1")


def denominator(m1: int = 2) -> int:
    """Value of the real level 1, ``2**(2**m1 - 1)``."""
    return 1 << ((1 << m1) - 1)


def _parts(bits: int, one: int) -> NDArray[np.int64]:
    """Values of a field's codes 0, 1, ..: 0 and the powers of two that end at half of ``one``."""
    codes = np.arange(1 << bits)
    return np.where(codes == 0, 0, one >> ((1 << bits) - codes))


def _magnitudes(m: int, m1: int, m2: int) -> NDArray[np.int64]:
    """Values of the codes without sign, in the order of the codes."""
    check_widths(m, m1, m2)
    one = denominator(m1)
    return np.add.outer(_parts(m1, one), _parts(m2, one)).reshape(-1)


def levels(m: int = 4, m1: int = 2, m2: int = 1) -> NDArray[np.int64]:
    """Non-negative values of the m-bit SP2 set, increasing: 0, 1, 2, 4, 5, 6, 8 for m = 4.

    Raises:
        ShiftworkError: widths that do not belong together (:func:`check_widths`).
    """
    return np.unique(_magnitudes(m, m1, m2))


def pot_levels(m: int = 4) -> NDArray[np.int64]:
    """Non-negative values of the m-bit set of powers of two: 0, 1, 2, .., ``2**(2**(m - 1) - 2)`` = 64 for m = 4.

    Raises:
        ShiftworkError: m outside 2..6.
    """
    if not 2 <= m <= 6:
        raise ShiftworkError(f"powers of two in {m} bits are outside 2..6")
    return np.append(0, 1 << np.arange((1 << (m - 1)) - 1))


def fixed_levels(m: int = 4) -> NDArray[np.int64]:
    """Non-negative values of the m-bit symmetric fixed-point set: 0, 1, .., ``2**(m - 1) - 1``."""
    return np.arange(1 << (m - 1))


def project(
    real: ArrayLike, alpha: ArrayLike, levels: NDArray[np.integer], denominator: int | None = None
) -> NDArray[np.int64]:
    """The nearest level of every real number: ``|real| / alpha`` clipped to 1, ties to the smaller magnitude.

    Args:
        real: numbers of any shape.
        alpha: positive real values of the largest level; broadcasts against ``real``.
        levels: non-negative integer magnitudes, increasing.
        denominator: the value that stands for alpha; None is the largest level.

    Returns:
        int64 values of the broadcast shape, with the signs of ``real``.
    """
    values = np.asarray(real, np.float64)
    one = int(levels[-1]) if denominator is None else denominator
    scaled = np.minimum(np.abs(values) / (np.asarray(alpha, np.float64) / one), one)
    middles = (levels[1:] + levels[:-1]) / 2
    nearest = levels[np.searchsorted(middles, scaled, side="left")].astype(np.int64)
    return np.asarray(np.where(values < 0, -nearest, nearest))


def _integers(values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size:
        raise ShiftworkError(f"SP2 codes and values are integers, got {array.dtype}")
    return array.astype(np.int64)


def encode(values: ArrayLike, m: int = 4, m1: int = 2, m2: int = 1) -> NDArray[np.uint8]:
    """Canonical codes of SP2 values (same shape).

    Raises:
        ShiftworkError: a value that is no level or no integer, or illegal widths.
    """
    magnitudes = _magnitudes(m, m1, m2)
    known, first = np.unique(magnitudes, return_index=True)
    array = _integers(values)
    magnitude = np.abs(array)
    place = np.minimum(np.searchsorted(known, magnitude), len(known) - 1)
    wrong = known[place] != magnitude
    if wrong.any():
        raise ShiftworkError(f"{array[wrong].flat[0]} is no {m}-bit SP2 value")
    return np.asarray(first[place] + np.where(array < 0, len(magnitudes), 0), np.uint8)


def decode(codes: ArrayLike, m: int = 4, m1: int = 2, m2: int = 1) -> NDArray[np.int64]:
    """Values of SP2 codes (same shape); codes that are not canonical are legal, negative zero is not.

    Raises:
        ShiftworkError: negative zero, a code of more than m bits, no integer, or illegal widths.
    """
    magnitudes = _magnitudes(m, m1, m2)
    array = _integers(codes)
    wrong = (array < 0) | (array >= 2 * len(magnitudes)) | (array == len(magnitudes))
    if wrong.any():
        raise ShiftworkError(f"{array[wrong].flat[0]} is no {m}-bit SP2 code")
    magnitude = magnitudes[array % len(magnitudes)]
    return np.asarray(np.where(array >= len(magnitudes), -magnitude, magnitude))

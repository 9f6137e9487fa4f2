# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic behind the dot products: requantizers, module output, average pooling.

Everything is two's complement and exact in 64 bits (``docs/numerics.md`` sections 2 and 5). Shifts are scalars or
arrays that broadcast against the last axis, one entry per output channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.errors import ShiftworkError

INT32_MAX = (1 << 31) - 1


def shift_round(acc: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """Round half up to a multiple of ``2**shift``: ``(acc + (1 << (shift - 1))) >> shift``; identity for shift 0.

    Args:
        acc: integers of any shape.
        shift: 0..31, broadcast against ``acc``.

    Returns:
        int64 array of the broadcast shape.
    """
    value = np.asarray(acc, dtype=np.int64)
    amount = np.asarray(shift, dtype=np.int64)
    half = (np.int64(1) << amount) >> 1
    return (value + half) >> amount


def scale_round(value: ArrayLike, factor: ArrayLike, addend: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """Multiply by ``factor / 2**shift`` and round half up: ``(value * factor + addend + (1 << (shift - 1))) >> shift``.

    Args:
        value: integers below 2^46 in magnitude, or -2^46: the product then stays within 2^62.
        factor: 0..65535, broadcast against ``value``.
        addend: at the scale of the product; the sum ``value * factor + addend`` has to fit 64 bits. The half is added
            after the shift, as the bit below the cut, so it cannot overflow.
        shift: 1..47.

    Returns:
        int64 array of the broadcast shape.
    """
    product = np.asarray(value, dtype=np.int64) * np.asarray(factor, dtype=np.int64)
    total = product + np.asarray(addend, dtype=np.int64)
    amount = np.asarray(shift, dtype=np.int64)
    return (total >> amount) + ((total >> (amount - 1)) & 1)


def multiply_round(value: ArrayLike, factor: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """gemmlowp's ``RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(value, factor), shift)``.

    The high multiply is ``floor(value * factor / 2^31 + 1/2)`` with -2^31 * -2^31 saturated; the division rounds halves
    away from zero. The largest intermediate is 2^62 + 2^30.

    Args:
        value, factor: 32-bit integers, broadcast against each other.
        shift: 0..31.

    Returns:
        int64 array of the broadcast shape, values of 32 bits.
    """
    product = np.asarray(value, dtype=np.int64) * np.asarray(factor, dtype=np.int64)
    high = np.minimum((product + (1 << 30)) >> 31, INT32_MAX)
    amount = np.asarray(shift, dtype=np.int64)
    one_lower = (high < 0) & (amount > 0)
    return shift_round(high - one_lower, amount)


def codebook_thresholds(levels: ArrayLike) -> NDArray[np.int64]:
    """Thresholds for :func:`codebook_round`: entry i is the smallest integer nearer to level i + 1 than to level i.

    Args:
        levels: strictly increasing integers, shape (levels,), on the scale of the value.

    Returns:
        ``floor((levels[i] + levels[i + 1]) / 2) + 1``, shape (levels - 1,): increasing, above levels[i] and up to
        levels[i + 1], so they fit the width of the levels.

    Raises:
        ShiftworkError: the levels do not increase strictly.
    """
    level = np.asarray(levels, dtype=np.int64)
    if not np.all(level[1:] > level[:-1]):
        raise ShiftworkError("the levels of a codebook have to increase strictly")
    lower, upper = level[:-1], level[1:]
    return (lower & upper) + ((lower ^ upper) >> 1) + 1  # the mean, rounded down, without the sum, which may overflow


def codebook_round(value: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """Index of the nearest level, the lower one on a tie: the number of thresholds that ``value`` reaches.

    Args:
        value: integers of any shape.
        thresholds: from :func:`codebook_thresholds`, or any that do not decrease.

    Returns:
        int64 array of the shape of ``value``, 0..len(thresholds).
    """
    found = np.searchsorted(np.asarray(thresholds, dtype=np.int64), np.asarray(value, dtype=np.int64), side="right")
    return np.asarray(found, dtype=np.int64)


def check_look_up(codes: NDArray[np.integer], table: NDArray[np.integer]) -> None:
    """Refuse what :func:`look_up` does not take.

    Raises:
        ShiftworkError: no codes, another type, or a table of another shape.
    """
    for name, array in (("codes", codes), ("a table", table)):
        if array.dtype not in (np.int8, np.uint8):
            raise ShiftworkError(f"{name} of type {array.dtype}: int8 or uint8 wanted")
    if table.shape != (256,):
        raise ShiftworkError(f"a table of shape {table.shape}: (256,) wanted")
    if not codes.size:
        raise ShiftworkError("no codes to look up")


def look_up(codes: NDArray[np.integer], table: NDArray[np.integer]) -> NDArray[np.integer]:
    """An element-wise function of codes: what the table holds for each, read as an unsigned byte (-1 is 255).

    Args:
        codes: int8 or uint8, of any shape, at least one. table: int8 or uint8, shape (256,).

    Returns:
        Array of the codes' shape and the table's type.

    Raises:
        ShiftworkError: as :func:`check_look_up` says.
    """
    check_look_up(codes, table)
    return table[codes.astype(np.uint8)]


def module_sum(
    acc: ArrayLike, bias: ArrayLike | None, sb: ArrayLike, shortcut: ArrayLike | None, ss: ArrayLike
) -> NDArray[np.int64]:
    """``acc + (bias << sb) + (shortcut << ss)``, the arguments as in :func:`module_output`."""
    total = np.asarray(acc, dtype=np.int64)
    if bias is not None:
        total = total + (np.asarray(bias, dtype=np.int64) << np.asarray(sb, dtype=np.int64))
    if shortcut is not None:
        total = total + (np.asarray(shortcut, dtype=np.int64) << np.asarray(ss, dtype=np.int64))
    return total


def module_output(
    acc: ArrayLike,
    bias: ArrayLike | None,
    sb: ArrayLike,
    shortcut: ArrayLike | None,
    ss: ArrayLike,
    sh: ArrayLike,
    relu: bool,
    low: int,
    high: int,
) -> NDArray[np.int64]:
    """One unified module after its dot products: ``clamp(round((acc + (bias << sb) + (shortcut << ss)) / 2**sh))``.

    Args:
        acc: dot products, shape (..., channels).
        bias: per channel, or None. sb: its left shift, 0..31.
        shortcut: codes of the shape of ``acc``, or None. ss: their left shift, 0..31.
        sh: right shift with half-up rounding, 0..31.
        relu: negative sums become 0 before the shift.
        low, high: clamp after the shift (ReLU6 is a smaller ``high``).

    Returns:
        int64 codes of the shape of ``acc``.
    """
    total = module_sum(acc, bias, sb, shortcut, ss)
    if relu:
        total = np.maximum(total, 0)
    return np.clip(shift_round(total, sh), low, high)


def scaled_output(
    value: ArrayLike,
    factor: ArrayLike,
    shortcut: ArrayLike | None,
    ss: ArrayLike,
    sh: ArrayLike,
    low: int,
    high: int,
) -> NDArray[np.int64]:
    """One unified module whose accumulators have free scales: scale-round with a shortcut, clamp.

    Args:
        value: dot products plus bias, shape (..., channels), 33 bits.
        factor: mantissas per channel, 16 bits.
        shortcut: codes of the shape of ``value``, or None. ss: their left shift to the scale of the product, 0..47.
        sh: right shift with half-up rounding, 1..47.
        low, high: clamp at the end; 0 as ``low`` is a ReLU.

    Returns:
        int64 codes of the shape of ``value``.
    """
    addend = 0 if shortcut is None else np.asarray(shortcut, np.int64) << np.asarray(ss, np.int64)
    return np.clip(scale_round(value, factor, addend, sh), low, high)


def truncate_mean(total: ArrayLike, count: ArrayLike) -> NDArray[np.int64]:
    """``total / count`` towards zero as an exact rational; counts are positive."""
    n = np.asarray(total, dtype=np.int64)
    return np.asarray(np.sign(n) * (np.abs(n) // np.asarray(count, dtype=np.int64)))


def divide_round(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.int64]:
    """``floor(numerator / denominator + 1/2)`` as an exact rational; denominators are positive."""
    n = np.asarray(numerator, dtype=np.int64)
    d = np.asarray(denominator, dtype=np.int64)
    return (2 * n + d) // (2 * d)

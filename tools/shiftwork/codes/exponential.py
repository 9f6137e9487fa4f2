# SPDX-License-Identifier: Apache-2.0
"""Exponential codes: a sign and an n-bit exponent i of a base b (``docs/numerics.md`` section 7).

A code stands for ``sign * (alpha * base**i + beta)``, i in -R..R, R = 2**(n - 1) - 1, or for exact zero. Stored it is
the n + 1 bit field ``{sign, i}`` with i in two's complement; i = -2**(n - 1) is zero, and its sign is 0. Integers enter
by a *table*, the levels ``alpha * base**i + beta`` times a power of two, rounded; they leave by comparison with
*thresholds*. Method: DNA-TEQ, arXiv 2306.16430.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.errors import ShiftworkError

MIN_BITS, MAX_BITS = 3, 7
ACTIVATION_BITS, WEIGHT_BITS = 16, 12
"""Magnitudes of the integer levels of activations and of weights stay below 2 to these powers."""
ACC_BITS = 48

Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Exponential:
    """What the codes of one tensor stand for.

    Attributes:
        bits: n, width of the exponent, 3..7; a code has one bit more.
        base: b, above 1. alpha: above 0. beta: any real number.
    """

    bits: int
    base: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        check_bits(self.bits)
        if not (1 < self.base < math.inf and 0 < self.alpha < math.inf and math.isfinite(self.beta)):
            raise ShiftworkError(
                f"exponential code of base {self.base}, alpha {self.alpha}, beta {self.beta}: base > 1 and alpha > 0"
            )

    @property
    def radius(self) -> int:
        """R, the largest exponent."""
        return radius(self.bits)

    @property
    def zero(self) -> np.uint8:
        """Stored code of zero."""
        return np.uint8(1 << (self.bits - 1))

    @property
    def levels(self) -> NDArray[np.float64]:
        """Real magnitudes ``alpha * base**i + beta`` of the exponents -R..R, increasing, (2R + 1,)."""
        return self._at(np.arange(-self.radius, self.radius + 1))

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Magnitudes ``alpha * base**(i - 1/2) + beta`` from which on i is the exponent, i in -R + 1..R, (2R,)."""
        return self._at(np.arange(-self.radius + 1, self.radius + 1) - 0.5)

    def _at(self, exponents: NDArray[np.floating | np.integer]) -> NDArray[np.float64]:
        return np.asarray(self.alpha * self.base ** exponents.astype(np.float64) + self.beta)


def check_bits(bits: int) -> None:
    """Refuse an exponent width outside 3..7."""
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ShiftworkError(f"exponents of {bits} bits are outside {MIN_BITS}..{MAX_BITS}")


def radius(bits: int) -> int:
    """R = 2**(bits - 1) - 1, the largest exponent of n bits."""
    return (1 << (bits - 1)) - 1


def zero_exponent(bits: int) -> int:
    """The exponent that stands for exact zero, -2**(bits - 1)."""
    return -(1 << (bits - 1))


def pack(negative: ArrayLike, exponents: ArrayLike, bits: int) -> Codes:
    """Stored codes ``{sign, exponent}`` of n + 1 bits; a zero loses its sign.

    Args:
        negative: True for negative values. exponents: -R..R, or :func:`zero_exponent`; broadcast against each other.
        bits: n, 3..7.

    Raises:
        ShiftworkError: an exponent that n bits do not hold, or an illegal n.
    """
    check_bits(bits)
    exponent = np.asarray(exponents, np.int64)
    zero = zero_exponent(bits)
    wrong = (exponent < zero) | (exponent > radius(bits))
    if wrong.any():
        raise ShiftworkError(f"exponent {exponent[wrong].flat[0]} does not fit {bits} bits")
    sign = np.asarray(negative, np.bool_) & (exponent != zero)
    return np.asarray((exponent & ((1 << bits) - 1)) | (sign.astype(np.int64) << bits), np.uint8)


def unpack(codes: ArrayLike, bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Signs and exponents of stored codes.

    Returns:
        int64 arrays of the shape of ``codes``: +1, -1, or 0 for the zero code, and the exponents.

    Raises:
        ShiftworkError: a code of more than n + 1 bits, a negative zero, or an illegal n.
    """
    check_bits(bits)
    array = np.asarray(codes, np.int64)
    wrong = (array < 0) | (array >= 2 << bits) | (array == 3 << (bits - 1))
    if wrong.any():
        raise ShiftworkError(f"{array[wrong].flat[0]} is no code of {bits} exponent bits")
    half = 1 << (bits - 1)
    exponents = ((array & ((1 << bits) - 1)) ^ half) - half
    signs = np.where(exponents == zero_exponent(bits), 0, 1 - 2 * (array >> bits))
    return signs, exponents


def encode(values: ArrayLike, code: Exponential) -> Codes:
    """Codes of real numbers: ``clamp(floor(log_b((|x| - beta) / alpha) + 1/2), -R, R)``; ``|x| <= beta`` is -R.

    Args:
        values: finite numbers of any shape; 0 is the zero code. code: of the tensor.
    """
    x = np.asarray(values, np.float64)
    ratio = (np.abs(x) - code.beta) / code.alpha
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log(ratio) / math.log(code.base) + 0.5)
    exponent = np.clip(np.where(ratio > 0, exponent, -code.radius), -code.radius, code.radius)
    return pack(x < 0, np.where(x == 0, zero_exponent(code.bits), exponent), code.bits)


def decode(codes: ArrayLike, code: Exponential) -> NDArray[np.float64]:
    """Real numbers that codes stand for.

    Raises:
        ShiftworkError: an illegal code (:func:`unpack`).
    """
    signs, exponents = unpack(codes, code.bits)
    return np.asarray(signs * code.levels[np.where(signs == 0, 0, exponents + code.radius)])


def table(code: Exponential, bits: int) -> tuple[NDArray[np.int32], int]:
    """Integer levels ``floor((alpha * b**i + beta) * 2**Q + 1/2)`` of the exponents -R..R, and Q.

    Args:
        code: of the tensor. bits: every magnitude stays below ``2**bits``; Q is the largest integer that allows it.

    Returns:
        int32 (2R + 1,), which never decrease, and Q, which may be negative.
    """
    levels = code.levels
    fraction = bits - math.frexp(float(np.abs(levels).max()))[1]
    while True:
        result = np.floor(levels * 2.0**fraction + 0.5)
        if np.abs(result).max() < 1 << bits:
            return result.astype(np.int32), fraction
        fraction -= 1


def thresholds(code: Exponential, fraction: int) -> NDArray[np.int64]:
    """Integers from which on an exponent is reached: ``ceil((alpha * b**(i - 1/2) + beta) * 2**fraction)``.

    They are made non-decreasing. What lies beyond a 48-bit accumulator is held at 2**47, which none reaches, and at
    -2**47.

    Returns:
        int64 (2R,) for the exponents -R + 1..R.
    """
    limit = 2.0 ** (ACC_BITS - 1)
    whole = np.ceil(np.clip(code.bounds * 2.0**fraction, -limit, limit))
    return np.maximum.accumulate(whole.astype(np.int64))


def reached(magnitudes: NDArray[Any], limits: NDArray[Any]) -> NDArray[np.uint8]:
    """How many limits each magnitude reaches: ``np.searchsorted(limits, magnitudes, "right")``, several times faster.

    A float32 that is cut after 7 bits of its fraction, read as an integer, grows with the magnitude. A table by that
    integer holds the limits that lie below for certain; few are left to compare with.

    Args:
        magnitudes: 0 or more, of any shape.
        limits: of their type, up to 255, never decreasing; what is below 0 is reached.
    """
    known, below = np.unique(np.maximum(limits, 0), return_index=True)
    if not len(known):
        return np.zeros(magnitudes.shape, np.uint8)
    places = _cut(known)
    first, last = int(places[0]), int(places[-1]) + 1
    certain = np.searchsorted(places, np.arange(first, last + 1)).astype(np.uint8)
    count = certain[np.minimum(np.maximum(_cut(magnitudes), first), last) - first]
    following = np.append(known, known[-1:])
    for _ in range(int(np.diff(certain).max())):
        count += (magnitudes >= following[count]) & (count < len(known))
    return np.asarray(np.append(below, len(limits)).astype(np.uint8)[count])


def _cut(magnitudes: NDArray[Any]) -> NDArray[np.int32]:
    """Exponent and first 7 bits of the fraction of float32 numbers that are not negative."""
    return np.asarray(magnitudes, np.float32).view(np.int32) >> 16


def encode_thresholds(acc: ArrayLike, limits: ArrayLike, bits: int, relu: bool = False) -> Codes:
    """Codes of accumulators: the largest exponent whose threshold ``|acc|`` reaches, else -R.

    Args:
        acc: integers of any shape. limits: of :func:`thresholds`, (2R,). bits: n.
        relu: negative accumulators become the zero code, which 0 always is.
    """
    value = np.asarray(acc, np.int64)
    r = radius(bits)
    by_count = pack(False, np.arange(-r, r + 1), bits)
    codes = by_count[reached(np.abs(value), np.asarray(limits, np.int64))]
    codes |= (value < 0).astype(np.uint8) << bits
    return np.asarray(np.where(value <= 0 if relu else value == 0, np.uint8(1 << (bits - 1)), codes))


def resize(codes: ArrayLike, bits: int, to: int) -> Codes:
    """Codes of n = ``bits`` as codes of ``to`` exponent bits: the same exponents, and zero stays zero.

    Raises:
        ShiftworkError: an illegal code (:func:`unpack`), or an exponent that ``to`` bits do not hold.
    """
    signs, exponents = unpack(codes, bits)
    return pack(signs < 0, np.where(signs == 0, zero_exponent(to), exponents), to)


def threshold_words(limits: ArrayLike, bits: int, unit_bits: int, high: int | None = None) -> NDArray[np.int64]:
    """What ``shw_exp_encode`` of BITS = ``unit_bits`` stores, so that its codes are those of :func:`encode_thresholds`.

    The word of an exponent is its threshold less 1. The lowest exponent of n bits, like every one below it, is reached
    by all values but 0; what lies above ``high`` is reached by none below 2**47.

    Args:
        limits: of :func:`thresholds`, (2R,). bits: n. unit_bits: n or more, up to 7.
        high: the largest exponent that may occur, R where it is None.

    Returns:
        int64 (2**unit_bits - 1,), 0..2**47 - 1, never decreasing: the words of the addresses 1, 2, ...
    """
    r, below = radius(bits), radius(unit_bits) - radius(bits)
    limit = 1 << (ACC_BITS - 1)
    reached = np.clip(np.asarray(limits, np.int64)[: r + (r if high is None else high)], 1, limit)
    words = np.full(2 * radius(unit_bits) + 1, limit - 1)
    words[: below + 1] = 0
    words[below + 1 : below + 1 + len(reached)] = reached - 1
    return words


def level_words(levels: ArrayLike, unit_bits: int) -> NDArray[np.int64]:
    """A table by the exponent field of the codes of a unit: (2**unit_bits,); fields without a level hold 0.

    Args:
        levels: of :func:`table`, (2R + 1,). unit_bits: n or more, up to 7.
    """
    level = np.asarray(levels, np.int64)
    words = np.zeros(1 << unit_bits, np.int64)
    words[np.arange(len(level)) - len(level) // 2] = level
    return words


@lru_cache(maxsize=1024)
def code_values(levels: tuple[int, ...]) -> NDArray[np.int32]:
    """Signed integer values of all codes of a table, by code: (2**(n + 1),), read-only; zero codes hold 0."""
    half = len(levels) // 2 + 1
    positive = np.array([*levels[half - 1 :], 0, *levels[: half - 1]], np.int32)
    result = np.concatenate([positive, -positive])
    result.setflags(write=False)
    return result


@lru_cache(maxsize=1024)
def code_order(levels: tuple[int, ...]) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Places of all codes in the order of their values, and the codes by place.

    Zero has place 0, what is below it a negative place. Codes of one value stand in the order of their exponents.

    Returns:
        Places (2**(n + 1),) by code, and codes such that ``codes[place]`` is the code of a place, negative places
        counted from the end; both are read-only.
    """
    bits = len(levels).bit_length()
    codes = np.delete(np.arange(2 << bits), 3 << (bits - 1))
    signs, exponents = unpack(codes, bits)
    values = code_values(levels)[codes]
    order = codes[np.lexsort((signs * (exponents + radius(bits) + 1), values))].astype(np.uint8)
    middle = int(np.flatnonzero(order == 1 << (bits - 1))[0])
    places = np.zeros(2 << bits, np.int16)
    places[order] = np.arange(len(order)) - middle
    by_place = np.roll(order, -middle)
    for array in (places, by_place):
        array.setflags(write=False)
    return places, by_place

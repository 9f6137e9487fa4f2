# SPDX-License-Identifier: Apache-2.0
"""Exponential codes of least error for a distribution of values (``docs/numerics.md`` section 7).

The error is the RMAE, ``sum |x - code of x| / sum |x|``. It is computed exactly from sorted magnitudes and their
running sums, without coding a single value, so that thousands of candidates can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.codes.exponential import Exponential, radius

BASE_STEP = 0.01
_KEPT = 1 << 15  # magnitudes that a search looks at
_TOPS = np.linspace(0, 3, 13)  # octaves by which the largest level lies below the largest magnitude
_BOTTOMS = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, np.inf])  # octaves of the smallest level below the largest
_ROUNDS = 4
_WIDEST = 4.0  # a climb begins with steps of at most the base's distance from 1 over this

Real = NDArray[np.float64]


@dataclass
class Magnitudes:
    """Sorted magnitudes of a tensor's values other than zero, evenly thinned out by rank, and their running sums.

    Attributes:
        values: float64 (M,), increasing, above 0. sums: sum of the first m of them, (M + 1,).
    """

    values: Real
    sums: Real = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.concatenate([[0.0], np.cumsum(self.values)])

    @staticmethod
    def of(values: ArrayLike) -> Magnitudes:
        """Magnitudes of values of any shape; the smallest and the largest are kept."""
        found = np.abs(np.asarray(values, np.float64)).reshape(-1)
        found = np.sort(found[found > 0])
        if len(found) > _KEPT:
            found = found[np.linspace(0, len(found) - 1, _KEPT).round().astype(np.intp)]
        return Magnitudes(found)

    def rmae(self, levels: Real, bounds: Real) -> Real:
        """RMAE of sets of levels.

        Args:
            levels: magnitudes (..., L), from 0 on, increasing. bounds: magnitudes (..., L - 1) from which on a level
                is taken.

        Returns:
            (...,); 0 where there are no values.
        """
        total = self.sums[-1]
        if total == 0:
            return np.zeros(levels.shape[:-1])
        found = np.searchsorted(self.values, bounds)
        ends = np.zeros((*levels.shape[:-1], 1), np.intp)
        low = np.concatenate([ends, found], axis=-1)
        high = np.concatenate([found, ends + len(self.values)], axis=-1)
        middle = np.clip(np.searchsorted(self.values, levels), low, high)
        error = levels * (2 * middle - low - high) + self.sums[low] + self.sums[high] - 2 * self.sums[middle]
        return np.asarray(error.sum(axis=-1) / total)


@dataclass(frozen=True)
class Fit:
    """A code and its RMAE on the values that it was chosen for."""

    code: Exponential
    rmae: float


def fit_code(magnitudes: Magnitudes, base: float, bits: int) -> Fit:
    """alpha and beta of least RMAE for a base: a search over the largest and the smallest level, coarse to fine.

    No level is negative. A tensor without values gets levels around 1.
    """
    if not len(magnitudes.values):
        return Fit(Exponential(bits, base, 1.0, 0.0), 0.0)
    r = radius(bits)
    exponents = np.arange(-r, r + 1, dtype=np.float64)
    shape = (base**exponents - base**-r) / (base**r - base**-r)
    cuts = (base ** (exponents[1:] - 0.5) - base**-r) / (base**r - base**-r)
    largest = float(magnitudes.values[-1])

    def errors(tops: Real, bottoms: Real) -> Real:
        low, span = tops * bottoms, tops * (1 - bottoms)
        return magnitudes.rmae(low[:, None] + span[:, None] * shape, low[:, None] + span[:, None] * cuts)

    tops, bottoms = (grid.reshape(-1) for grid in np.meshgrid(largest * 2.0**-_TOPS, 2.0**-_BOTTOMS, indexing="ij"))
    step = 0.5 * (_TOPS[1] - _TOPS[0])
    for _ in range(_ROUNDS):
        found = errors(tops, bottoms)
        best = int(found.argmin())
        top, bottom, error = tops[best], bottoms[best], float(found[best])
        around = np.arange(-2, 3) * step
        tops, bottoms = (
            grid.reshape(-1) for grid in np.meshgrid(top * 2.0**around, np.minimum(bottom * 2.0 ** (2 * around), 0.9))
        )
        step /= 2
    alpha = top * (1 - bottom) / (base**r - base**-r)
    beta = top * bottom - alpha * base**-r
    code = Exponential(bits, base, float(alpha), float(beta))
    if code.levels[0] < 0:  # 0 but for the rounding of beta
        code = Exponential(bits, base, float(alpha), float(beta - 2 * code.levels[0]))
    return Fit(code, error)


def start_base(magnitudes: Magnitudes, bits: int) -> float:
    """The base at which beta = 0 covers the full scale, ``(largest / smallest)**(1 / 2R)``, on the grid of 0.01."""
    if not len(magnitudes.values):
        return 2.0
    ratio = float(magnitudes.values[-1]) / float(magnitudes.values[0])
    return max(1 + BASE_STEP, math.floor(math.pow(ratio, 1 / (2 * radius(bits))) / BASE_STEP + 0.5) * BASE_STEP)


def search_base(magnitudes: Magnitudes, bits: int) -> Fit:
    """Climb from the base of the full scale while the RMAE falls, in steps that halve down to 0.01."""
    known: dict[int, Fit] = {}

    def at(place: int) -> Fit:
        if place not in known:
            known[place] = fit_code(magnitudes, round(place * BASE_STEP, 2), bits)
        return known[place]

    place = round(start_base(magnitudes, bits) / BASE_STEP)
    first = round(1 / BASE_STEP) + 1
    stride = 1 << max(0, int((place - first) / _WIDEST).bit_length())
    while stride:
        for direction in (-stride, stride):
            while place + direction >= first and at(place + direction).rmae < at(place).rmae:
                place += direction
        stride //= 2
    return at(place)

# SPDX-License-Identifier: Apache-2.0
"""Exponential codes of least error for a distribution of values (``docs/numerics.md`` section 7).

Bases are compared by the RMAE, ``sum |x - code of x| / sum |x|``; alpha and beta have the least squared error, which
keeps the few large values that decide a dot product. Both errors are computed exactly from sorted magnitudes and their
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
_BINS = 64  # of the histogram in a report
_CLIPS = 96  # steps of uniform codes tried, sixteen an octave

Real = NDArray[np.float64]


@dataclass
class Magnitudes:
    """Sorted magnitudes of a tensor's values other than zero, evenly thinned out by rank, and their running sums.

    Attributes:
        values: float64 (M,), increasing, above 0. sums, squares: sum of the first m of them and of their squares,
            (M + 1,).
    """

    values: Real
    sums: Real = field(init=False)
    squares: Real = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.concatenate([[0.0], np.cumsum(self.values)])
        self.squares = np.concatenate([[0.0], np.cumsum(self.values**2)])

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
        low, high = self._cells(bounds)
        middle = np.clip(np.searchsorted(self.values, levels), low, high)
        error = levels * (2 * middle - low - high) + self.sums[low] + self.sums[high] - 2 * self.sums[middle]
        return np.asarray(error.sum(axis=-1) / total)

    def squared_error(self, levels: Real, bounds: Real) -> Real:
        """Sum of squared errors, the arguments as in :meth:`rmae`."""
        low, high = self._cells(bounds)
        error = levels * (levels * (high - low) - 2 * (self.sums[high] - self.sums[low]))
        return np.asarray(error.sum(axis=-1) + self.squares[-1])

    def _cells(self, bounds: Real) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Indices of the first value of every level, and behind its last, (..., L)."""
        found = np.searchsorted(self.values, bounds)
        ends = np.zeros((*bounds.shape[:-1], 1), np.intp)
        low = np.concatenate([ends, found], axis=-1)
        return low, np.concatenate([found, ends + len(self.values)], axis=-1)


@dataclass(frozen=True)
class Fit:
    """A code and its RMAE on the values that it was chosen for."""

    code: Exponential
    rmae: float


def fit_code(magnitudes: Magnitudes, base: float, bits: int) -> Fit:
    """alpha and beta of least squared error for a base: a search over the largest and smallest level, coarse to fine.

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
        return magnitudes.squared_error(low[:, None] + span[:, None] * shape, low[:, None] + span[:, None] * cuts)

    tops, bottoms = (grid.reshape(-1) for grid in np.meshgrid(largest * 2.0**-_TOPS, 2.0**-_BOTTOMS, indexing="ij"))
    step = 0.5 * (_TOPS[1] - _TOPS[0])
    for _ in range(_ROUNDS):
        found = errors(tops, bottoms)
        best = int(found.argmin())
        top, bottom = tops[best], bottoms[best]
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
    return Fit(code, float(magnitudes.rmae(np.maximum(code.levels, 0), code.bounds)))


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


# -- report


@dataclass(frozen=True)
class TensorFit:
    """How well a code fits a tensor, beside uniform codes of as many bits, sign included.

    Attributes:
        name: of the tensor, or of the module whose weights they are. kind: ``activation`` or ``weight``.
        code: of the tensor. rmae: of its integer levels. uniform: RMAE of uniform levels with the step of least error;
            full_range: with the step that just holds the largest value. step: that of least error.
        zeros: how many values are 0. edges, counts: histogram of the magnitudes of the others; bin i is edges[i] to
            edges[i + 1].
    """

    name: str
    kind: str
    code: Exponential
    rmae: float
    uniform: float
    full_range: float
    step: float
    zeros: int
    edges: list[float]
    counts: list[int]


def describe(name: str, kind: str, values: ArrayLike, code: Exponential, levels: Real) -> TensorFit:
    """The fit of a tensor: ``values`` of any shape, ``levels`` the real values of its integer table (2R + 1,)."""
    array = np.abs(np.asarray(values, np.float64)).reshape(-1)
    magnitudes = Magnitudes.of(array)
    full_range, uniform, step = uniform_errors(magnitudes, code.bits)
    used = array[array > 0]
    counts, edges = np.histogram(used, _BINS, (0, used.max(initial=0)))
    rmae = float(magnitudes.rmae(np.maximum(levels, 0), code.bounds))
    zeros = len(array) - len(used)
    return TensorFit(name, kind, code, rmae, uniform, full_range, step, zeros, edges.tolist(), counts.tolist())


def uniform_errors(magnitudes: Magnitudes, bits: int) -> tuple[float, float, float]:
    """RMAE of uniform levels 0, +-step, .., +-(2**bits - 1) step: at the full range, and at the step of least RMAE.

    Returns:
        Both errors, and that step.
    """
    places = np.arange(1 << bits, dtype=np.float64)
    largest = float(magnitudes.values[-1]) if len(magnitudes.values) else 1.0
    steps = largest / places[-1] * 2.0 ** -np.linspace(0, _CLIPS / 16, _CLIPS + 1)[:, None]
    errors = magnitudes.rmae(steps * places, steps * (places[1:] - 0.5))
    return float(errors[0]), float(errors.min()), float(steps[errors.argmin(), 0])

# SPDX-License-Identifier: Apache-2.0
"""Exponential codes of least error for a distribution of values (``docs/numerics.md`` section 7).

Codes are compared by their *noise*, ``sum (x - code of x)**2 / sum x**2``: what a dot product sees of it. It is
computed exactly from sorted magnitudes and their running sums, without coding a single value, so that thousands of
candidates can be compared. The published measure, the RMAE ``sum |x - code of x| / sum |x|``, is reported beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.codes.exponential import Exponential, radius

_KEPT = 1 << 13  # magnitudes that a search looks at
_SPANS = 2.0 ** np.arange(-3, 4.5, 0.5)  # octaves from the smallest to the largest exponent that are tried
MIDDLE = 9
"""Place of the first of them, about three octaves."""
_TOPS = np.linspace(0, 3, 13)  # octaves by which the largest level lies below the largest magnitude
_BOTTOMS = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, np.inf])  # octaves of the smallest level below the largest
_ROUNDS = 4
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
            levels: magnitudes (..., L), increasing. bounds: magnitudes (..., L - 1) from which on each but the first
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
    """A code and its noise on the values that it was chosen for."""

    code: Exponential
    noise: float


def fit_code(magnitudes: Magnitudes, base: float, bits: int) -> Fit:
    """alpha and beta of least noise for a base: a search over the largest and smallest level, coarse to fine.

    No level is negative; the smallest one, which all small values but 0 have, may be 0. A tensor without values gets
    levels around 1.
    """
    if not len(magnitudes.values):
        return Fit(Exponential(bits, base, 1.0, 0.0), 0.0)
    r = radius(bits)
    exponents = np.arange(-r, r + 1, dtype=np.float64)
    shape = (base**exponents - base**-r) / (base**r - base**-r)
    cuts = (base ** (exponents[1:] - 0.5) - base**-r) / (base**r - base**-r)
    largest = float(magnitudes.values[-1])

    def errors(tops: Real, bottoms: Real) -> Real:
        low, span = (tops * bottoms)[:, None], (tops * (1 - bottoms))[:, None]
        return magnitudes.squared_error(low + span * shape, low + span * cuts)

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
    return Fit(code, max(0.0, float(found[best] / magnitudes.squares[-1])))


def search_base(members: Sequence[Magnitudes], bits: int, place: int = MIDDLE) -> tuple[int, list[Fit]]:
    """The base of least noise of tensors that share it: a climb over the ratio of the largest to the smallest exponent.

    The noise of a layer's output is about that of its input and that of its weights together.

    Args:
        members: of a tensor, then of the weights of every layer that reads it. bits: n.
        place: where in the list of ratios the climb begins; what it ended at for other widths is a good guess.

    Returns:
        Where it ended, and the codes of the members.
    """
    known: dict[int, tuple[float, list[Fit]]] = {}

    def at(place: int) -> float:
        if place not in known:
            base = float(2.0 ** (_SPANS[place] / (2 * radius(bits))))
            fits = [fit_code(member, base, bits) for member in members]
            readers = [fit.noise for fit in fits[1:]]
            known[place] = fits[0].noise + (float(np.mean(readers)) if readers else 0.0), fits
        return known[place][0]

    for direction in (-1, 1):
        while 0 <= place + direction < len(_SPANS) and at(place + direction) < at(place):
            place += direction
    at(place)
    return place, known[place][1]


# -- report


@dataclass(frozen=True)
class TensorFit:
    """How well a code fits a tensor, beside uniform codes of as many bits, sign included.

    Where no value is negative uniform codes need no sign and have twice the levels.

    Attributes:
        name: of the tensor, or of the module whose weights they are. kind: ``activation`` or ``weight``.
        code: of the tensor. rmae: of its integer levels. uniform: RMAE of uniform levels with the step of least noise;
            full_range: with the step that just holds the largest value. step: that of least noise.
        signed: there are negative values.
        noise: power of the error of the network's output, in percent of the output's own, when this tensor alone has
            the code; uniform_noise: when it has the uniform levels of least noise; signed_noise: when these have a sign
            in any case.
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
    signed: bool
    noise: float
    uniform_noise: float
    signed_noise: float
    zeros: int
    edges: list[float]
    counts: list[int]

    @property
    def wins(self) -> bool:
        """The exponential code disturbs the output no more than the uniform one."""
        return self.noise <= self.uniform_noise

    @property
    def wins_signed(self) -> bool:
        """It disturbs the output no more than a uniform one with a sign."""
        return self.noise <= self.signed_noise

    @property
    def uniform_levels(self) -> Real:
        """The uniform levels of least noise above 0."""
        return np.asarray(self.step * np.arange(1, 1 << (self.code.bits + (not self.signed))), np.float64)


Levels = tuple[Real, Real]
"""Magnitudes, increasing (L,), and the magnitudes from which on each but the first is taken (L - 1,); 0 stays 0."""


def describe(
    name: str, kind: str, values: ArrayLike, code: Exponential, known: Levels, noise: Callable[[Levels], float]
) -> TensorFit:
    """The fit of a tensor.

    Args:
        name, kind: of the tensor. values: of any shape. code: its own. known: the real values of its integer table.
        noise: of the network's output, in percent, where the tensor has such levels.
    """
    array = np.asarray(values, np.float64).reshape(-1)
    magnitudes, signed = Magnitudes.of(array), bool((array < 0).any())
    bits = code.bits + (not signed)
    full, best = uniform_steps(magnitudes, bits)
    uniform = uniform_levels(bits, best)
    used = np.abs(array[array != 0])
    counts, edges = np.histogram(used, _BINS, (0, used.max(initial=0)))
    rmae, least, most = (
        float(magnitudes.rmae(*levels))
        for levels in ((np.maximum(known[0], 0), known[1]), uniform, uniform_levels(bits, full))
    )
    own, other = noise(known), noise(uniform)
    with_sign = other if signed else noise(uniform_levels(code.bits, uniform_steps(magnitudes, code.bits)[1]))
    zeros = len(array) - len(used)
    return TensorFit(
        name, kind, code, rmae, least, most, best, signed, own, other, with_sign, zeros, edges.tolist(), counts.tolist()
    )


def uniform_levels(bits: int, step: float) -> Levels:
    """Uniform levels 0, step, .., (2**bits - 1) step; an exponential code of n = ``bits`` has as many and a sign."""
    places = np.arange(1 << bits, dtype=np.float64)
    return step * places, step * (places[1:] - 0.5)


def uniform_steps(magnitudes: Magnitudes, bits: int) -> tuple[float, float]:
    """Steps of uniform levels: that of the full range, and that of least noise."""
    largest = float(magnitudes.values[-1]) if len(magnitudes.values) else 1.0
    steps = largest / ((1 << bits) - 1) * 2.0 ** -np.linspace(0, _CLIPS / 16, _CLIPS + 1)
    errors = [float(magnitudes.squared_error(*uniform_levels(bits, step))) for step in steps]
    return float(steps[0]), float(steps[int(np.argmin(errors))])

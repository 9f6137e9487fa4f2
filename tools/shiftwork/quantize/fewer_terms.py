# SPDX-License-Identifier: Apache-2.0
"""Weights at nearby values of fewer terms, so that term revealing leaves them alone (``docs/numerics.md`` section 3).

Term revealing keeps the largest terms of a group, whatever they multiply. Here the weights of a layer are chosen so
that no group has more terms than its limit and the sums of the layer come close to those of the float network, on the
inputs that the quantized modules before it write. The squared error is a quadratic form of the weights; a constant
error is left to the bias. It falls by coordinate descent: in turn every weight takes the value that is best beside all
others as they are. A term is worth the error that it takes away; a group keeps the terms that are worth most, and its
limit falls to the one wanted in a few passes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms
from shiftwork.quantize.dataflow import Map, Real

DAMPING = 0.1
"""Added to the diagonal of the inputs' inner products, relative to its mean: trust in the samples ends there."""
_PASSES = 6
_STEPS = 16  # of a code, in which the tables tell real values apart
_AT_ONCE = 16  # weights for which a group weighs its terms anew
_TIE = 1e-6  # of a gain, which it is less than one of the same size before it
_LONGEST = 2048  # longer reductions are chosen part by part


@cache
def _tables(rule: str, largest: int) -> tuple[NDArray[np.int64], Real, NDArray[np.int64]]:
    """Of magnitudes in steps of 1 / 16: the nearest code of at most n terms, and the squared error that the n-th term
    takes away, never more than the one before, (n, magnitudes); terms of every code.
    """
    grid = np.arange(largest * _STEPS + 1) / _STEPS
    codes = np.arange(largest + 1)
    counts = terms.count(codes, rule).astype(np.int64)
    most = int(counts.max())
    near = np.empty((most + 1, len(grid)), np.int64)
    for count in range(most + 1):
        legal = codes[counts <= count]
        near[count] = legal[np.searchsorted((legal[1:] + legal[:-1]) / 2, grid)]
    errors = np.square(near - grid)
    worth = np.zeros((most, len(grid)))
    for place in range(len(grid)):
        known = 0
        while known < most:  # along the lower convex hull of the errors
            slopes = (errors[known, place] - errors[known + 1 :, place]) / np.arange(1, most - known + 1)
            step = int(slopes.argmax()) + 1
            worth[known : known + step, place] = max(slopes[step - 1], 0.0)
            known += step
    return near, worth, counts


def fewer_terms(
    weights: Real,
    inputs: Map,
    sums: Map,
    group: int,
    limits: NDArray[np.int64],
    rule: str = "hese",
    largest: int = 127,
) -> Real:
    """Codes of which no group has more terms than its limit.

    Args:
        weights: real weights in steps of the codes, (channels, K).
        inputs: what they multiply, (positions, K). sums: wanted dot products in steps, (positions, channels); their
            means are of no account.
        group: g. limits: terms of every group of a row, (ceil(K / g),), each at least 1.
        rule: encoding of the terms. largest: magnitude of a code.

    Returns:
        Whole numbers (channels, K) in -largest..largest.
    """
    left = sums - sums.mean(axis=0)
    parts = []
    for at in range(0, weights.shape[1], _LONGEST):
        some = slice(at, at + _LONGEST)
        table = inputs[:, some] - inputs[:, some].mean(axis=0)
        ends = at + _LONGEST >= weights.shape[1]  # the last part makes up for the others
        wanted = left if ends else table @ weights[:, some].T.astype(np.float32)
        found = _Descent(weights[:, some], table, wanted, rule, largest)
        parts.append(found.run(group, limits[at // group : (at + _LONGEST) // group]))
        left = left - table @ parts[-1].T.astype(np.float32)
    return np.concatenate(parts, axis=1)


def nearest(
    weights: Real, group: int, limits: NDArray[np.int64], rule: str = "hese", largest: int = 127
) -> NDArray[np.int64]:
    """Codes near the weights themselves of which no group has more terms than its limit: it keeps the terms that take
    away the most squared error. Weights that are such codes stay as they are.

    Args:
        weights: real weights in steps of the codes, (channels, K). group: g. limits: terms of every group of a row,
            (ceil(K / g),). rule: encoding of the terms. largest: magnitude of a code.

    Returns:
        Whole numbers (channels, K) in -largest..largest.
    """
    near, worth, _ = _tables(rule, largest)
    (rows, count), groups = weights.shape, len(limits)
    places = np.zeros((rows, groups * group), np.intp)
    places[:, :count] = _places(weights, largest)
    table = worth.astype(np.float32)[:, places].reshape(-1, rows, groups, group)
    gains = np.moveaxis(table, 0, 2).reshape(rows, groups, -1)  # all first terms, all second terms, ..
    size = gains.shape[2]
    gains *= 1 - _TIE * np.arange(size, dtype=np.float32)  # ties take the lower index, the larger term of a value
    bars = np.maximum(size - 1 - limits, 0)
    least = np.partition(gains, np.unique(bars), axis=2)[:, np.arange(groups), bars]
    kept = (gains > least[:, :, None]) | (limits >= size)[:, None]
    terms_kept = kept.reshape(rows, groups, -1, group).sum(axis=2).reshape(rows, -1)
    codes: NDArray[np.int64] = near[terms_kept, places][:, :count]
    return np.where(weights < 0, -codes, codes)


def _places(values: Real, largest: int) -> NDArray[np.intp]:
    """Where the tables know magnitudes."""
    return np.minimum(np.abs(values) * _STEPS + 0.5, largest * _STEPS).astype(np.intp)


class _Descent:
    """The weights of a layer; ``rest`` are the inner products of what is left of their error with the inputs."""

    def __init__(self, weights: Real, table: Map, wanted: Map, rule: str, largest: int) -> None:
        self.near, self.worth, self.terms = _tables(rule, largest)
        self.largest = largest
        products = (table.T @ table).astype(np.float64)
        mean = float(np.trace(products)) / len(products) or 1.0
        self.products = products / mean + DAMPING * np.eye(len(products))
        self.strength = np.diag(self.products).copy()
        self.codes = np.clip(np.floor(weights + 0.5), -largest, largest)
        self.rest = (wanted.T @ table) / mean + DAMPING * weights - self.codes @ self.products
        self.counts = self.terms[np.abs(self.codes).astype(np.intp)]

    def run(self, group: int, limits: NDArray[np.int64]) -> Real:
        starts = np.arange(0, self.codes.shape[1], group)
        before = np.add.reduceat(self.counts, starts, axis=1)
        for number in range(_PASSES):
            left = max(0.0, 1 - (number + 1) / (_PASSES - 1))
            wanted = np.floor(limits * np.maximum(before / limits, 1) ** left + 0.5).astype(np.int64)
            for place, start in enumerate(starts):
                self._group(int(start), int(start) + group, wanted[:, place], number == _PASSES - 1)
        return self.codes

    def _group(self, start: int, stop: int, limit: NDArray[np.int64], strict: bool) -> None:
        """Visit the weights start..stop - 1. limit: terms of each channel's; strict: not one more."""
        stop = min(stop, self.codes.shape[1])
        rows = np.arange(len(self.codes))
        for first in range(start, stop, _AT_ONCE):
            worth = self._worth(rows, np.arange(start, stop)).transpose(1, 0, 2).reshape(len(rows), -1)
            falling = -np.sort(-worth, axis=1)
            price = np.where(limit < worth.shape[1], falling[rows, np.minimum(limit, worth.shape[1] - 1)], 0.0)
            used = self.counts[:, start:stop].sum(axis=1)
            for place in range(first, min(first + _AT_ONCE, stop)):
                kept = (self._worth(rows, np.array([place]))[:, :, 0] > price).sum(axis=0)
                if strict:
                    kept = np.minimum(kept, np.maximum(limit - used, 0) + self.counts[:, place])
                used += self._set(rows, np.full(len(rows), place), kept)
        while strict and (over := np.flatnonzero(self.counts[:, start:stop].sum(axis=1) > limit)).size:
            counts = self.counts[over, start:stop]
            worth = np.concatenate([np.full((1, *counts.shape), np.inf), self._worth(over, np.arange(start, stop))])
            last = np.take_along_axis(worth, counts[None], axis=0)[0]  # of every weight the term worth least
            places = start + last.argmin(axis=1)
            self._set(over, places, self.counts[over, places] - 1)

    def _worth(self, rows: NDArray[np.intp], places: NDArray[np.intp]) -> Real:
        """Error that every term takes away at the values of least error beside all others, (terms, rows, places)."""
        some = np.ix_(rows, places)
        best = self.codes[some] + self.rest[some] / self.strength[places]
        return np.asarray(self.worth[:, _places(best, self.largest)] * self.strength[places])

    def _set(self, rows: NDArray[np.intp], places: NDArray[np.intp], kept: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give one weight of every row so many terms at most; how many more it has than before."""
        before, counts = self.codes[rows, places], self.counts[rows, places]
        best = before + self.rest[rows, places] / self.strength[places]
        magnitude = self.near[kept, _places(best, self.largest)]
        moved = magnitude * np.sign(best) - before
        changed = np.flatnonzero(moved)
        self.rest[rows[changed]] -= moved[changed, None] * self.products[places[changed]]
        self.codes[rows, places] = before + moved
        self.counts[rows, places] = self.terms[magnitude]
        return np.asarray(self.terms[magnitude] - counts)

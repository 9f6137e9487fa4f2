# SPDX-License-Identifier: Apache-2.0
"""Signed-digit terms: encodings of an integer, term counts, term revealing and truncation.

A term is ``+-2**e``. Rules (``docs/numerics.md`` section 3; method: Term Revealing, arXiv 2007.06389):

* ``binary``: the set bits of the magnitude.
* ``hese``: one pass over two bits with one state bit, least significant first; minimal (the non-adjacent form).
* ``hese_run``: an isolated 1 stays, a run of ones from bit hi to bit lo becomes ``2**(hi+1) - 2**lo``; not minimal.

A negative value is its magnitude encoded with all signs flipped. Magnitudes have up to 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shiftwork.errors import ShiftworkError

RULES = ("binary", "hese", "hese_run")
MAX_WIDTH = 16
MAX_GROUP = 256
_CHUNK = 1 << 19  # values handled at once: the working set stays in tens of megabytes
_PLANES_PER_WORD = 5  # plane counters of 12 bits in one 64-bit word
_FIELD = 12


def _check_rule(rule: str) -> None:
    if rule not in RULES:
        raise ShiftworkError(f"unknown encoding rule {rule!r}: choose one of {', '.join(RULES)}")


def _integers(values: ArrayLike) -> NDArray[np.integer]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        if array.size:
            raise ShiftworkError(f"terms need integers, got {array.dtype}")
        array = array.astype(np.int32)
    return array


def _masks(magnitude: NDArray[np.int64], rule: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bit masks of the positive and of the negative digits of non-negative magnitudes."""
    m = magnitude
    if rule == "binary":
        return m, np.zeros_like(m)
    if rule == "hese":
        triple = 3 * m
        return (triple & ~m) >> 1, (m & ~triple) >> 1
    isolated = m & ~(m << 1) & ~(m >> 1)
    above = ~m & (m << 1) & (m << 2)
    lowest = m & ~(m << 1) & (m >> 1)
    return isolated | above, lowest


@dataclass(frozen=True)
class _Tables:
    """Look-up tables over every value of a width; row = value + offset.

    plus, minus: bit masks of the planes with a positive and with a negative digit (int16, int32 for 16-bit values).
    terms: number of digits. counters: [word, value] = one 12-bit counter per plane, 5 planes a word, plane 0 lowest.
    leading: [value, s] = sum of the s largest terms.
    """

    offset: int
    planes: int
    plus: NDArray[Any]
    minus: NDArray[Any]
    terms: NDArray[np.uint8]
    counters: NDArray[np.uint64]
    leading: NDArray[np.int32]


@lru_cache(maxsize=6)
def _tables(rule: str, width: int) -> _Tables:
    limit = (1 << width) - 1
    values = np.arange(-limit, limit + 1, dtype=np.int64)
    sign = np.sign(values)
    plus, minus = _masks(np.abs(values), rule)
    planes = width + 1
    digits = ((plus[:, None] >> np.arange(planes)) & 1) - ((minus[:, None] >> np.arange(planes)) & 1)
    digits = digits * sign[:, None]
    parts = digits << np.arange(planes)
    present = (digits != 0).astype(np.uint64)
    words = -(-planes // _PLANES_PER_WORD)
    counters = np.zeros((words, len(values)), np.uint64)
    for plane in range(planes):
        word, place = divmod(plane, _PLANES_PER_WORD)
        counters[word] |= present[:, plane] << np.uint64(_FIELD * place)
    # The s largest terms: walk the planes from the top and keep a digit while fewer than s were kept.
    rank = np.cumsum((digits != 0)[:, ::-1], axis=1)[:, ::-1]
    leading = np.stack([np.where(rank <= s, parts, 0).sum(axis=1) for s in range(planes + 1)], axis=1)
    kind = np.int16 if width <= 8 else np.int32
    positive = np.where(sign < 0, minus, plus).astype(kind)
    negative = np.where(sign < 0, plus, minus).astype(kind)
    terms = present.sum(axis=1).astype(np.uint8)
    return _Tables(limit, planes, positive, negative, terms, counters, leading.astype(np.int32))


def _tables_for(array: NDArray[np.integer], rule: str) -> _Tables:
    """Tables of the smallest prepared width (8 or 16 bits) that holds every value."""
    if array.dtype.itemsize == 1 or not array.size:
        return _tables(rule, 8)
    largest = max(int(array.max()), -int(array.min()))
    if largest >= 1 << MAX_WIDTH:
        raise ShiftworkError(f"value {largest} has a magnitude of more than {MAX_WIDTH} bits")
    return _tables(rule, 8 if largest < 256 else MAX_WIDTH)


def _rows(array: NDArray[np.integer], tables: _Tables) -> NDArray[np.intp]:
    return array.astype(np.intp) + tables.offset


def _chunks(total: int, row: int) -> Iterator[slice]:
    step = max(1, _CHUNK // max(row, 1))
    for start in range(0, total, step):
        yield slice(start, min(start + step, total))


def encode(values: ArrayLike, rule: str = "hese", width: int = 8) -> NDArray[np.int8]:
    """Signed digits of every value.

    Args:
        values: integers of any shape with magnitudes below ``2**width``.
        rule: ``binary``, ``hese`` or ``hese_run``.
        width: bits of the magnitude, 1..16.

    Returns:
        int8 digits -1, 0, 1 of shape ``values.shape + (width + 1,)``, least significant first.

    Raises:
        ShiftworkError: unknown rule, illegal width, a value that is no integer or beyond the width.
    """
    _check_rule(rule)
    if not 1 <= width <= MAX_WIDTH:
        raise ShiftworkError(f"width {width} is outside 1..{MAX_WIDTH}")
    array = _integers(values).astype(np.int64)
    magnitude = np.abs(array)
    if array.size and int(magnitude.max()) >= 1 << width:
        raise ShiftworkError(f"value {int(magnitude.max())} has a magnitude of more than {width} bits")
    plus, minus = _masks(magnitude, rule)
    place = np.arange(width + 1)
    digits = ((plus[..., None] >> place) & 1) - ((minus[..., None] >> place) & 1)
    return (digits * np.sign(array)[..., None]).astype(np.int8)


def decode(digits: ArrayLike) -> NDArray[np.int32]:
    """Values of signed digits (..., planes), least significant first; the inverse of :func:`encode`."""
    array = np.asarray(digits, dtype=np.int64)
    return np.asarray((array << np.arange(array.shape[-1])).sum(axis=-1), dtype=np.int32)


def count(values: ArrayLike, rule: str = "hese") -> NDArray[np.int32]:
    """Number of terms of every value (same shape, int32)."""
    _check_rule(rule)
    array = _integers(values)
    tables = _tables_for(array, rule)
    flat = array.reshape(-1)
    result = np.empty(flat.shape, np.int32)
    for part in _chunks(flat.size, 1):
        result[part] = tables.terms[_rows(flat[part], tables)]
    return result.reshape(array.shape)


def check_group(group: int) -> None:
    """Refuse a group size that is not a power of two in 1..256."""
    if not 1 <= group <= MAX_GROUP or group & (group - 1):
        raise ShiftworkError(f"group {group} is not a power of two in 1..{MAX_GROUP}")


def check_budget(budget: int) -> None:
    """Refuse a group budget below 1."""
    if budget < 1:
        raise ShiftworkError(f"budget {budget} is below 1 term per group")


def check_data_terms(terms: int) -> None:
    """Refuse a number of data terms outside 0 (all) .. 9."""
    if not 0 <= terms <= 9:
        raise ShiftworkError(f"data terms {terms} are outside 0 (all) .. 9")


def truncate(values: ArrayLike, terms: int, rule: str = "hese") -> NDArray[np.int32]:
    """Keep the ``terms`` largest terms of every value.

    Args:
        values: integers of any shape, magnitudes up to 16 bits.
        terms: s, 1..9, or 0 to keep all.
        rule: encoding rule.

    Returns:
        int32 values of the same shape; not saturated (255 with one term is 256).
    """
    _check_rule(rule)
    check_data_terms(terms)
    array = _integers(values)
    if terms == 0:
        return array.astype(np.int32)
    tables = _tables_for(array, rule)
    leading = np.ascontiguousarray(tables.leading[:, min(terms, tables.planes)])
    flat = array.reshape(-1)
    result = np.empty(flat.shape, np.int32)
    for part in _chunks(flat.size, 1):
        result[part] = leading[_rows(flat[part], tables)]
    return result.reshape(array.shape)


def reveal(values: ArrayLike, group: int, budget: int, rule: str = "hese") -> NDArray[np.int32]:
    """Term revealing along the last axis: each group keeps its ``budget`` largest terms.

    The exponent falls from the top; inside one exponent the values are taken in index order, lowest first.

    Args:
        values: integers (..., K), magnitudes up to 16 bits.
        group: g, a power of two in 1..256. The last group of a row may be shorter and keeps the full budget.
        budget: k >= 1, terms kept per group.
        rule: encoding rule.

    Returns:
        int32 values of the same shape; not saturated.

    Raises:
        ShiftworkError: an illegal group, budget or rule, or a value that is no integer or beyond 16 bits.
    """
    _check_rule(rule)
    check_group(group)
    check_budget(budget)
    array = _integers(values)
    if array.ndim == 0:
        raise ShiftworkError("term revealing needs at least one axis")
    tables = _tables_for(array, rule)
    length = array.shape[-1]
    if array.size == 0:
        return array.astype(np.int32)
    result = np.empty(array.shape, np.int32)
    whole = length - length % group
    for source, target, size in (
        (array[..., :whole], result[..., :whole], group),
        (array[..., whole:], result[..., whole:], length - whole),
    ):
        if size and source.size:
            target[...] = _reveal_groups(source.reshape(-1, size), budget, tables).reshape(source.shape)
    return result


def _reveal_groups(groups: NDArray[np.integer], budget: int, tables: _Tables) -> NDArray[np.int32]:
    """Reveal an array of whole groups (groups, g)."""
    result = np.empty(groups.shape, np.int32)
    for part in _chunks(*groups.shape):
        block = groups[part]
        rows = _rows(block, tables)
        over = tables.terms[rows].sum(axis=1, dtype=np.int32) > budget
        kept = result[part]
        kept[...] = block
        if over.any():
            kept[over] = _reveal_over(rows[over], budget, tables)
    return result


def _reveal_over(rows: NDArray[np.intp], budget: int, tables: _Tables) -> NDArray[np.integer]:
    """Reveal groups that hold more terms than the budget; ``rows`` are table rows (groups, g)."""
    groups = rows.shape[0]
    last = np.zeros(groups, np.intp)  # the plane in which the budget ends
    room = np.zeros(groups, np.int32)  # terms that plane may still keep
    kept = np.zeros(groups, np.int32)
    open_ = np.ones(groups, bool)
    totals = [counter[rows].sum(axis=1, dtype=np.uint64) for counter in tables.counters]
    for plane in range(tables.planes - 1, -1, -1):
        word, place = divmod(plane, _PLANES_PER_WORD)
        here = ((totals[word] >> np.uint64(_FIELD * place)) & np.uint64((1 << _FIELD) - 1)).astype(np.int32)
        ends = open_ & (kept + here > budget)
        last[ends] = plane
        room[ends] = (budget - kept)[ends]
        open_ &= ~ends
        kept += here
    # Keep every digit above the last plane, and there the first ``room`` digits in index order.
    lowest = last.astype(tables.plus.dtype)[:, None]
    plus, minus = tables.plus[rows], tables.minus[rows]
    partial = ((plus | minus) >> lowest) & 1
    partial &= np.cumsum(partial, axis=1, dtype=partial.dtype) <= room.astype(partial.dtype)[:, None]
    mask = (-2 << lowest) | (partial << lowest)
    return np.asarray((plus & mask) - (minus & mask))

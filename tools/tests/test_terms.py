# SPDX-License-Identifier: Apache-2.0
"""Encodings, counts, term revealing and truncation against the vectors of docs/numerics.md and a greedy reference."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftwork.codes import terms
from shiftwork.errors import ShiftworkError

RULE = st.sampled_from(terms.RULES)


def digits_of(text: str) -> list[int]:
    """'32-8-1' as the list of its terms."""
    return [int(t) for t in text.replace("-", " -").replace("+", " ").split()]


def terms_of(value: int, rule: str, width: int = 8) -> list[int]:
    return [int(d) << e for e, d in reversed(list(enumerate(terms.encode(value, rule, width)))) if d]


def greedy(values: list[int], budget: int, rule: str) -> list[int]:
    """The authors' pick: among the heads the largest magnitude, strict comparison from index 0 on."""
    queues = [terms_of(v, rule, 16) for v in values]
    kept = [0] * len(values)
    for _ in range(budget):
        best = -1
        for index, queue in enumerate(queues):
            if queue and (best < 0 or abs(queue[0]) > abs(queues[best][0])):
                best = index
        if best < 0:
            break
        kept[best] += queues[best].pop(0)
    return kept


@pytest.mark.parametrize(
    ("value", "hese", "run"),
    [
        (23, "32-8-1", "16+8-1"),
        (27, "32-4-1", "32-8+4-1"),
        (31, "32-1", "32-1"),
        (119, "128-8-1", "128-16+8-1"),
    ],
)
def test_encoding_vectors(value: int, hese: str, run: str) -> None:
    assert terms_of(value, "hese") == digits_of(hese)
    assert terms_of(value, "hese_run") == digits_of(run)
    assert terms_of(-value, "hese") == [-t for t in digits_of(hese)]


@pytest.mark.parametrize(("rule", "expected"), [("binary", [64, 2, 12]), ("hese", [64, 4, 14])])
def test_reveal_vector_of_three(rule: str, expected: list[int]) -> None:
    assert terms.reveal([64, 3, 14], 4, 4, rule).tolist() == expected


@pytest.mark.parametrize(("rule", "expected"), [("hese", [32, 32, 120, 24]), ("hese_run", [24, 32, 112, 16])])
def test_reveal_vector_of_four(rule: str, expected: list[int]) -> None:
    assert terms.reveal([27, 31, 119, 23], 4, 6, rule).tolist() == expected


@pytest.mark.parametrize(("rule", "k", "s", "dot", "pairs"), [("hese", 8, 3, 4878, 23), ("hese_run", 4, 2, 4544, 8)])
def test_dot_product_vectors(rule: str, k: int, s: int, dot: int, pairs: int) -> None:
    w = terms.reveal([81, -6, 11, 3], 4, k, rule)
    a = terms.truncate([45, 27, 119, 12], s, rule)
    assert int(w @ a) == dot
    assert int(terms.count(w, rule) @ terms.count(a, rule)) == pairs


@pytest.mark.parametrize(("rule", "mean", "most"), [("binary", 4.0, 8), ("hese_run", 3.25, 6), ("hese", 3.109375, 5)])
def test_mean_terms_of_bytes(rule: str, mean: float, most: int) -> None:
    counts = terms.count(np.arange(256), rule)
    assert counts.mean() == mean
    assert counts.max() == most


@pytest.mark.parametrize("rule", terms.RULES)
def test_every_8_bit_value(rule: str) -> None:
    values = np.arange(-255, 256)
    digits = terms.encode(values, rule)
    assert digits.shape == (511, 9)
    assert digits.dtype == np.int8
    assert (terms.decode(digits) == values).all()
    assert ((digits != 0).sum(axis=1) == terms.count(values, rule)).all()
    assert (digits[::-1] == -digits).all()
    if rule == "hese":
        assert not ((digits[:, 1:] != 0) & (digits[:, :-1] != 0)).any()


def test_hese_is_the_state_machine_on_16_bits() -> None:
    values = np.arange(1 << 16)
    digits = terms.encode(values, "hese", 16)
    state = np.zeros_like(values)
    for i in range(17):
        low, high = (values >> i) & 1, (values >> (i + 1)) & 1
        nonzero = low ^ state
        assert (digits[:, i] == nonzero * np.where(high == 1, -1, 1)).all()
        state = ((low + high + state) >= 2).astype(values.dtype)
    assert not state.any()
    assert (terms.decode(digits) == values).all()
    assert (terms.count(values, "hese") <= terms.count(values, "hese_run")).all()
    assert (terms.count(values, "hese_run") <= terms.count(values, "binary")).all()


@pytest.mark.parametrize("rule", terms.RULES)
@pytest.mark.parametrize("s", range(1, 10))
def test_truncate_keeps_the_largest_terms(rule: str, s: int) -> None:
    values = np.arange(-128, 256)
    expected = [sum(terms_of(int(v), rule)[:s]) for v in values]
    assert terms.truncate(values, s, rule).tolist() == expected
    assert terms.reveal(values[:, None], 1, s, rule)[:, 0].tolist() == expected


def test_truncate_does_not_saturate() -> None:
    assert terms.truncate([255, 127, -128, 0], 1).tolist() == [256, 128, -128, 0]
    assert terms.truncate(np.array([255, 7], np.uint8), 0).tolist() == [255, 7]


@given(
    values=st.lists(st.integers(-255, 255), min_size=1, max_size=40),
    log_group=st.integers(0, 5),
    budget=st.integers(1, 40),
    rule=RULE,
)
@settings(max_examples=150, deadline=None)
def test_reveal_is_the_greedy_pick(values: list[int], log_group: int, budget: int, rule: str) -> None:
    group = 1 << log_group
    expected: list[int] = []
    for start in range(0, len(values), group):
        expected += greedy(values[start : start + group], budget, rule)
    assert terms.reveal(values, group, budget, rule).tolist() == expected


@given(values=st.lists(st.integers(-65535, 65535), min_size=1, max_size=16), budget=st.integers(1, 40), rule=RULE)
@settings(max_examples=50, deadline=None)
def test_reveal_of_16_bit_values(values: list[int], budget: int, rule: str) -> None:
    assert terms.reveal(values, 16, budget, rule).tolist() == greedy(values, budget, rule)


@given(budget=st.integers(1, 700), seed=st.integers(0, 1000), length=st.integers(250, 600))
@settings(max_examples=10, deadline=None)
def test_reveal_of_the_largest_group(budget: int, seed: int, length: int) -> None:
    values = np.random.default_rng(seed).integers(-127, 128, length)
    got = terms.reveal(values.astype(np.int8), 256, budget)
    expected: list[int] = []
    for start in range(0, length, 256):
        expected += greedy(values[start : start + 256].tolist(), budget, "hese")
    assert got.tolist() == expected


def test_reveal_works_along_the_last_axis_of_any_type() -> None:
    values = np.arange(-60, 60).reshape(2, 3, 20)
    got = terms.reveal(values, 8, 9)
    assert got.dtype == np.int32
    for index in np.ndindex(2, 3):
        assert (got[index] == terms.reveal(values[index].astype(np.int8), 8, 9)).all()
    assert (terms.reveal(values, 8, 100) == values).all()
    assert terms.reveal(np.empty((0, 8), np.int8), 8, 1).shape == (0, 8)
    assert terms.count(256).item() == 1


@pytest.mark.parametrize("group", [0, -8, 3, 12, 512])
def test_illegal_group(group: int) -> None:
    with pytest.raises(ShiftworkError, match=f"group {group}"):
        terms.reveal([1, 2], group, 1)


def test_illegal_arguments() -> None:
    with pytest.raises(ShiftworkError, match="budget 0"):
        terms.reveal([1], 8, 0)
    with pytest.raises(ShiftworkError, match="data terms 10"):
        terms.truncate([1], 10)
    with pytest.raises(ShiftworkError, match="rule 'naf'"):
        terms.count([1], "naf")
    with pytest.raises(ShiftworkError, match="more than 8 bits"):
        terms.encode([256])
    with pytest.raises(ShiftworkError, match="width 17"):
        terms.encode([1], width=17)
    with pytest.raises(ShiftworkError, match="more than 16 bits"):
        terms.reveal([65536], 8, 1)
    with pytest.raises(ShiftworkError, match="integers"):
        terms.reveal([1.5], 8, 1)
    with pytest.raises(ShiftworkError, match="axis"):
        terms.reveal(3, 8, 1)
    assert terms.encode(255).sum() == 0
    assert terms.encode(65535, width=16).shape == (17,)


def test_ten_million_weights_in_ten_seconds(rng: np.random.Generator) -> None:
    weights = rng.integers(-127, 128, (1250, 8000)).astype(np.int8)
    start = time.process_time()
    terms.reveal(weights, 8, 12)
    assert time.process_time() - start < 10

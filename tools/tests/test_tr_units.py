# SPDX-License-Identifier: Apache-2.0
"""The models of a row edge against term revealing itself, and the cycle model's count of operations against them."""

from __future__ import annotations

import numpy as np
import pytest

from shiftwork.codes import terms
from shiftwork.compile.tr_cycles import Reveal, Row, walks
from shiftwork.golden.tr_units import PLANES, Planes, TileConfig, masks, operations, slice_bitmaps


def random_slice(seed: int) -> tuple[TileConfig, np.ndarray, Planes]:
    choose = np.random.default_rng(seed)
    group = int(choose.choice([1, 2, 4, 8, 16, 64, 256]))
    tr_en, hese, signed = (bool(choose.integers(4)) for _ in range(3))
    config = TileConfig(tr_en, group, int(choose.integers(1, 3 * group + 1)), 0, hese, signed)
    values = choose.integers(-128 if signed else 0, 128 if signed else 256, choose.integers(1, 32 * min(group, 8) + 1))
    values[choose.random(len(values)) < choose.choice([0.0, 0.5, 0.98])] = 0
    top = PLANES - 1 if hese and not signed else PLANES - 2
    found = masks(slice_bitmaps(config, values.tolist()), max(group, 8) if tr_en else 0, config.budget, top)
    return config, values, found


@pytest.mark.parametrize("seed", range(100))
def test_masks_hold_what_term_revealing_keeps(seed: int) -> None:
    config, values, found = random_slice(seed)
    window = min(config.group, 8) if config.tr_en else 8
    windows = -(-len(values) // window)
    places = np.zeros((windows, 8), np.int64)
    padded = np.zeros(windows * window, np.int64)
    padded[: len(values)] = terms.reveal(values, config.group, config.budget, config.rule) if config.tr_en else values
    places[:, :window] = padded.reshape(windows, window)
    kept = np.zeros(-(-windows // 4) * 32, np.int64)
    for plane, there in enumerate(reversed(found)):
        for mask in there:
            for place in range(8):
                digit = (mask.positive >> place & 1) - (mask.negative >> place & 1)
                kept[8 * mask.quarter + place] += digit << plane
    assert np.array_equal(kept[: places.size], places.ravel())
    assert not kept[places.size :].any()


@pytest.mark.parametrize("seed", range(100))
def test_operations_are_counted(seed: int) -> None:
    config, values, found = random_slice(seed)
    reveal = Reveal(config.rule, config.group if config.tr_en else 0, config.budget, config.row_signed)
    (walk,) = walks(values[None], reveal)[0]
    kept = [[quarter for word in plane for quarter in word if any(quarter)] for plane in walk.planes]
    assert kept == [[tuple(part.bit_count() for part in mask.signs) for mask in plane] for plane in found]
    go = 10_000  # everything waits by then, but for what finds no room
    _, finished = Row().run(walk, 0, go)
    assert finished - go >= len(operations(found))
    if sum(map(len, found)) < 10:
        assert finished - go == len(operations(found))


def test_bitmaps_of_short_groups() -> None:
    """Groups of 4: value n is place n + 4 * (n // 4)."""
    digits = slice_bitmaps(TileConfig(True, 4, 1, 0, False), list(range(1, 7)))
    assert digits.shape == (PLANES, 32)
    assert terms.decode(digits.T).tolist() == [1, 2, 3, 4, 0, 0, 0, 0, 5, 6] + 22 * [0]

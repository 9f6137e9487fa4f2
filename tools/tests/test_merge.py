# SPDX-License-Identifier: Apache-2.0
"""Channels of a depthwise convolution that share a tile."""

from __future__ import annotations

import numpy as np
import pytest

from shiftwork.compile.merge import merged, one_to_one, together
from shiftwork.golden.model import evaluate
from shiftwork.network.ends import Ends
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo, Terms


def depthwise(channels: int, kernel: tuple[int, int], terms: Terms) -> tuple[IntegerNetwork, np.ndarray]:
    rng = np.random.default_rng(channels)
    module = IntegerModule("d", "conv", ["x"], "y", groups=channels, pads=(1, 1, 1, 1), format=terms)
    module.weight = rng.integers(-128, 128, (channels, *kernel, 1)).astype(np.int8)
    module.bias = rng.integers(-900, 900, channels).astype(np.int32)
    module.shift = np.full(channels, 7, np.int32)
    shape = (6 + 3 - kernel[0], 5 + 3 - kernel[1], channels)
    tensors = {"x": TensorInfo((6, 5, channels), 0, True), "y": TensorInfo(shape, 0, True)}
    network = IntegerNetwork("tr", Ends.of_maps("x", (6, 5, channels), "y", shape), tensors, [module])
    return network, rng.integers(-128, 128, (2, 6, 5, channels)).astype(np.int8)


@pytest.mark.parametrize(
    "terms", [Terms(), Terms(True, group=4, budget=5), Terms(True, group=16, budget=9, data_terms=2)]
)
@pytest.mark.parametrize("channels", [8, 24, 32])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_the_results_stay(terms: Terms, channels: int, count: int) -> None:
    network, x = depthwise(channels, (3, 3), terms)
    module = network.modules[0]
    one = merged(module, count)
    assert (one.groups, one.depth) == (channels // count, 9 * count)
    expected = evaluate(network, module, {"x": x})
    assert np.array_equal(evaluate(network, one, {"x": x}), expected)
    assert len(np.unique(expected)) > 9


@pytest.mark.parametrize(
    ("channels", "rows", "terms", "count"),
    [
        (64, 8, Terms(), 8),
        (24, 16, Terms(), 12),
        (7, 16, Terms(), 7),
        (19, 16, Terms(), 1),
        (19, 32, Terms(), 19),
        (24, 16, Terms(True, group=8, budget=12), 8),
        (24, 16, Terms(True, group=64, budget=12), 4),
        (24, 16, Terms(True, group=256, budget=12), 1),
        (6, 16, Terms(True, group=8, budget=12), 2),
    ],
)
def test_how_many_channels_share_a_tile(channels: int, rows: int, terms: Terms, count: int) -> None:
    assert together(depthwise(channels, (3, 3), terms)[0].modules[0], rows) == count


def test_other_convolutions_are_not_one_to_one() -> None:
    module = depthwise(8, (3, 3), Terms())[0].modules[0]
    assert one_to_one(module)
    for groups, shape in ((4, (8, 3, 3, 2)), (4, (8, 3, 3, 1)), (1, (8, 3, 3, 8))):
        assert not one_to_one(IntegerModule("d", "conv", ["x"], "y", weight=np.zeros(shape, np.int8), groups=groups))

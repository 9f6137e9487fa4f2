# SPDX-License-Identifier: Apache-2.0
"""What calibration samples say about every tensor of the float graph."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.floating import activations
from shiftwork.network.graph import FloatNetwork

_VALUES = 1 << 19  # values kept per tensor


@dataclass
class Statistics:
    """Range of one tensor over the calibration samples, and an evenly spaced subset of its values.

    Attributes:
        low, high: smallest and largest value seen. values: float32 subset for error measures.
    """

    low: float = np.inf
    high: float = -np.inf
    values: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def largest(self) -> float:
        """Largest magnitude seen."""
        return max(abs(self.low), abs(self.high))


def calibrate(network: FloatNetwork, x: NDArray[np.float32]) -> dict[str, Statistics]:
    """Run the float graph over calibration samples.

    Args:
        network: the float graph.
        x: samples as the ONNX input expects them.

    Returns:
        Statistics of every tensor.
    """
    result = {name: Statistics() for name in network.shapes}
    kept: dict[str, list[NDArray[np.float32]]] = {name: [] for name in network.shapes}
    steps = {
        name: max(1, int(np.prod(shape)) * len(x) // _VALUES) | 1 for name, shape in network.shapes.items()
    }  # odd, so that no channel of an even count is left out
    for tensors in activations(network, x):
        for name, values in tensors.items():
            statistics = result[name]
            statistics.low = min(statistics.low, float(values.min()))
            statistics.high = max(statistics.high, float(values.max()))
            kept[name].append(values.reshape(-1)[:: steps[name]].copy())
    for name, statistics in result.items():
        statistics.values = np.concatenate(kept[name])
    return result

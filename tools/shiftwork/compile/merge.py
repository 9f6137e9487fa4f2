# SPDX-License-Identifier: Apache-2.0
"""Channels of a depthwise convolution that share a tile: a channel by itself would leave all rows but one idle.

Several channels are one group with a diagonal matrix of weights for every tap: every row has the weights of its own
channel and zeros at those of the others. Zeros change no sum. Term revealing counts terms, so a group of values that
spans the zeros as well keeps the same terms.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.integer import IntegerModule


def one_to_one(module: IntegerModule) -> bool:
    """True for a depthwise convolution in which every channel gives one."""
    return module.depthwise and module.weight is not None and len(module.weight) == module.groups


def together(module: IntegerModule, rows: int) -> int:
    """How many channels of a one-to-one convolution an engine of ``rows`` rows computes in a tile."""
    for count in range(min(rows, module.groups), 1, -1):
        if module.groups % count == 0 and module.format.spread(count) is not None:
            return count
    return 1


def merged(module: IntegerModule, count: int) -> IntegerModule:
    """A one-to-one convolution with ``count`` channels a group; its results are the same."""
    assert module.weight is not None
    form = module.format.spread(count)
    assert form is not None
    return replace(module, weight=_diagonal(module.weight, count), groups=module.groups // count, format=form)


def _diagonal(weight: NDArray[np.int8 | np.uint8], count: int) -> NDArray[np.int8 | np.uint8]:
    """Weights ``(channels, ky, kx, 1)`` as ``(channels, ky, kx, count)``."""
    channels = len(weight)
    full = np.zeros((*weight.shape[:3], count), weight.dtype)
    full[np.arange(channels), :, :, np.arange(channels) % count] = weight[..., 0]
    return full

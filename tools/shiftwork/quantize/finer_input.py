# SPDX-License-Identifier: Apache-2.0
"""The network input in few bits: its scale, and as many copies as it takes.

Rounded to 4 bits, the input alone may cost more accuracy than all that follows. It has few channels of unlike ranges
and no scale but powers of two. But the layers that read it can read it several times: a copy is the input, rounded at
places of its own between two codes (:class:`~shiftwork.network.ends.Entry`), and S copies with weights divided by S
together are S times finer. Their codes are codes like all others; only the reductions of these layers become longer.

Method: quantization-aware splitting of Outlier Channel Splitting, arXiv 1901.09504, section 3.3, for every channel of
the input and without regard to outliers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.quantize.dataflow import Map, rounded
from shiftwork.quantize.judge import (
    class_losses,
    divergences,
    names_classes,
    outputs_of,
    power_losses,
    with_mixtures,
)
from shiftwork.quantize.quantization import COPIES
from shiftwork.quantize.scales import Bits, Scales, mse_fraction, tied

_LOST = 0.5  # points, or percent of the output's power, that the input alone may lose
_STEPS = range(-1, 7)  # N tried, relative to that of least squared error of the input itself
_COARSER = (0, -1)  # N of several copies, relative to that of one
_SAMPLES = 32


class _Input:
    """The float network on samples with an input in codes."""

    def __init__(self, network: FloatNetwork, samples: NDArray[np.float32], bits: Bits) -> None:
        self.network = network
        some = samples[:: max(1, len(samples) // _SAMPLES)][:_SAMPLES]
        self.samples = with_mixtures(network, some, 1)
        self.exact = outputs_of(network, self.samples)
        signed = bool(samples.min() < 0)
        self.low, self.high = bits.activation_range(signed)
        largest = float(np.abs(self.samples).max())
        self.base = mse_fraction(self.samples.reshape(-1), largest, signed, self.low, self.high)
        self._known: dict[tuple[int, int], Map] = {}

    def outputs(self, fraction: int, copies: int) -> Map:
        """Outputs where the input has so many copies of N fractional bits."""
        if (fraction, copies) not in self._known:
            (entry,) = self.network.ends.entries
            parts = [
                rounded(self.samples + np.float32(offset), fraction, self.low, self.high)
                for offset in replace(entry, copies=copies, fraction=fraction).offsets
            ]
            self._known[fraction, copies] = outputs_of(self.network, np.mean(parts, axis=0, dtype=np.float32))
        return self._known[fraction, copies]

    def single(self) -> int:
        """N of an input that enters once."""
        return self.best([self.base + more for more in _STEPS], 1)

    def best(self, fractions: list[int], copies: int) -> int:
        """N of least error of the network output."""

        def error(fraction: int) -> float:
            return float(divergences(self.network, self.exact, self.outputs(fraction, copies)).mean())

        return min(fractions, key=error)

    def lost(self, fraction: int, copies: int) -> float:
        """Points, or percent of the output's power."""
        losses = class_losses if names_classes(self.network) else power_losses
        return float(losses(self.exact, self.outputs(fraction, copies)).mean())


def fit_input(network: FloatNetwork, samples: NDArray[np.float32], scales: Scales) -> None:
    """Choose N of the only network input: of its copies, or of least error of the network output.

    The squared error of its own values says little of what is lost with it.
    """
    if len(network.inputs) > 1:
        return
    (entry,) = network.ends.entries
    (group,) = (group for group in tied(network) if network.input in group)
    fraction = entry.fraction
    if entry.copies == 1:
        fraction = _Input(network, samples, scales.bits).single()
    scales.tensors.update(dict.fromkeys(group, fraction))


def in_copies(
    network: FloatNetwork, samples: NDArray[np.float32], bits: Bits, wanted: int | None = None
) -> FloatNetwork:
    """The network with as few copies of its input as keep what the input alone loses within half a point, or the most.

    Nothing changes where another module than a convolution over all channels reads the input.

    Args:
        network: the float graph; it is not changed. samples: as the ONNX input expects them. bits: of the activations.
        wanted: of :data:`~shiftwork.quantize.quantization.COPIES`, where a user has chosen.

    Raises:
        ShiftworkError: several copies are wanted of an input that another module reads.
    """
    if not _divisible(network):
        if (wanted or 1) > 1:
            raise ShiftworkError(
                f"input {network.inputs[0]!r} cannot enter in {wanted} copies: not only convolutions over all its "
                "channels read it"
            )
        return network
    found = _Input(network, samples, bits)
    first = found.single()
    fraction, copies = first, 1
    for copies in COPIES if wanted is None else (wanted,):
        fraction = first if copies == 1 else found.best([first + more for more in _COARSER], copies)
        if found.lost(fraction, copies) <= _LOST:
            break
    return network if copies == 1 else with_copies(network, fraction, copies)


def _divisible(network: FloatNetwork) -> bool:
    """Whether the input is one of numbers, and only convolutions over all its channels read it."""
    if len(network.inputs) > 1 or network.input in network.outputs:
        return False
    (entry,) = network.ends.entries
    if entry.rows is not None or entry.copies > 1:
        return False
    readers = [module for module in network.modules if network.input in module.reads()]
    return all(module.kind == "conv" and module.groups == 1 and module.shortcut != network.input for module in readers)


def with_copies(network: FloatNetwork, fraction: int, copies: int) -> FloatNetwork:
    """The same function of the input, which comes in so many copies of N fractional bits.

    Args:
        network: the float graph, of whose input only convolutions over all channels read; it is not changed.
        fraction: N of the input. copies: 1 or more.
    """
    (entry,) = network.ends.entries
    height, width, channels = network.shapes[network.input]

    def repeated(module: FloatModule) -> FloatModule:
        if network.input not in module.inputs:
            return module
        assert module.weight is not None
        return replace(module, weight=np.tile(module.weight / copies, copies))

    return replace(
        network,
        ends=replace(network.ends, entries=(replace(entry, copies=copies, fraction=fraction),)),
        shapes={**network.shapes, network.input: (height, width, channels * copies)},
        modules=[repeated(module) for module in network.modules],
    )

# SPDX-License-Identifier: Apache-2.0
"""The network input in few bits: its scale, and as many slices as it takes.

Rounded to 4 bits, the input alone may cost more accuracy than all that follows. It has few channels of unlike ranges
and no scale but powers of two. But the layers that read it can read it several times: a slice is the input, rounded at
places of its own between two codes (:class:`~shiftwork.network.ends.Entry`), and S slices with weights divided by S
together are S times finer. Their codes are codes like all others; only the reductions of these layers become longer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.quantize.dataflow import Map, rounded
from shiftwork.quantize.judge import MIXED, class_losses, divergences, names_classes, outputs_of, power_losses
from shiftwork.quantize.scales import Bits, Scales, mse_fraction, tied

SLICES = (1, 2, 4)
"""Numbers of slices that are tried."""
_LOST = 0.5  # points, or percent of the output's power, that the input alone may lose
_STEPS = range(-1, 7)  # N tried, relative to that of least squared error of the input itself
_COARSER = (0, -1)  # N of several slices, relative to that of one
_SAMPLES = 32


class _Input:
    """The float network on samples with an input in codes."""

    def __init__(self, network: FloatNetwork, samples: NDArray[np.float32], bits: Bits) -> None:
        self.network = network
        some = samples[:: max(1, len(samples) // _SAMPLES)][:_SAMPLES]
        mixed = [(1 - MIXED) * some + MIXED * np.roll(some, 1, axis=0)] if network.ends.mixable else []
        self.samples = np.concatenate([some, *mixed], dtype=np.float32)
        self.exact = outputs_of(network, self.samples)
        signed = bool(samples.min() < 0)
        self.low, self.high = bits.activation_range(signed)
        largest = float(np.abs(self.samples).max())
        self.base = mse_fraction(self.samples.reshape(-1), largest, signed, self.low, self.high)
        self._known: dict[tuple[int, int], Map] = {}

    def outputs(self, fraction: int, slices: int) -> Map:
        """Outputs where the input has so many slices of N fractional bits."""
        if (fraction, slices) not in self._known:
            (entry,) = self.network.ends.entries
            parts = [
                rounded(self.samples + np.float32(offset), fraction, self.low, self.high)
                for offset in replace(entry, slices=slices, fraction=fraction).offsets
            ]
            self._known[fraction, slices] = outputs_of(self.network, np.mean(parts, axis=0, dtype=np.float32))
        return self._known[fraction, slices]

    def best(self, fractions: list[int], slices: int) -> int:
        """N of least error of the network output."""

        def error(fraction: int) -> float:
            return float(divergences(self.network, self.exact, self.outputs(fraction, slices)).mean())

        return min(fractions, key=error)

    def lost(self, fraction: int, slices: int) -> float:
        """Points, or percent of the output's power."""
        losses = class_losses if names_classes(self.network) else power_losses
        return float(losses(self.exact, self.outputs(fraction, slices)).mean())


def fit_input(network: FloatNetwork, samples: NDArray[np.float32], scales: Scales) -> None:
    """Choose N of the only network input: of its slices, or of least error of the network output.

    The squared error of its own values says little of what is lost with it.
    """
    if len(network.inputs) > 1:
        return
    (entry,) = network.ends.entries
    (group,) = (group for group in tied(network) if network.input in group)
    fraction = entry.fraction
    if entry.slices == 1:
        found = _Input(network, samples, scales.bits)
        fraction = found.best([found.base + more for more in _STEPS], 1)
    scales.tensors.update(dict.fromkeys(group, fraction))


def sliced(network: FloatNetwork, samples: NDArray[np.float32], bits: Bits) -> FloatNetwork:
    """The network with as few slices of its input as keep what the input alone loses within half a point, or the most.

    Nothing changes where another module than a convolution over all channels reads the input.

    Args:
        network: the float graph; it is not changed. samples: as the ONNX input expects them. bits: of the activations.
    """
    if not _divisible(network):
        return network
    found = _Input(network, samples, bits)
    first = found.best([found.base + more for more in _STEPS], 1)
    fraction, slices = first, 1
    for slices in SLICES:
        fraction = first if slices == 1 else found.best([first + more for more in _COARSER], slices)
        if found.lost(fraction, slices) <= _LOST:
            break
    return network if slices == 1 else _with_slices(network, fraction, slices)


def _divisible(network: FloatNetwork) -> bool:
    if len(network.inputs) > 1 or network.ends.entries[0].rows is not None or network.input in network.outputs:
        return False
    readers = [module for module in network.modules if network.input in module.reads()]
    return all(
        module.kind == "conv" and module.groups == 1 and network.input not in (module.shortcut,) for module in readers
    )


def _with_slices(network: FloatNetwork, fraction: int, slices: int) -> FloatNetwork:
    (entry,) = network.ends.entries
    height, width, channels = network.shapes[network.input]

    def repeated(module: FloatModule) -> FloatModule:
        if network.input not in module.inputs:
            return module
        assert module.weight is not None
        return replace(module, weight=np.tile(module.weight / slices, slices))

    return replace(
        network,
        ends=replace(network.ends, entries=(replace(entry, slices=slices, fraction=fraction),)),
        shapes={**network.shapes, network.input: (height, width, channels * slices)},
        modules=[repeated(module) for module in network.modules],
    )

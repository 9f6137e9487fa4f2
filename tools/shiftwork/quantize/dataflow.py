# SPDX-License-Identifier: Apache-2.0
"""The float network and its quantized form side by side on calibration samples, module after module.

A quantizer that looks at a module's output error reads the float network's tensors as the target and what the quantized
modules before it really write as the input. Everything is float32; the integer network is built from what is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.floating import chunk_size, evaluate
from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork
from shiftwork.quantize.scales import Scales, is_raw, upper_code
from shiftwork.tensors.im2col import windows

_MAP_VALUES = 1 << 26  # values of the largest map held at once: bounds the images
_PROBE_VALUES = 1 << 22  # values of a module's output, or of its input windows, that errors are measured on

Map = NDArray[np.float32]
Real = NDArray[np.float64]
Progress = Callable[[int, int, str], None]
"""Called before each module with its index from 1, the number of modules, and its name."""
Rounding = Callable[[Map, str, float | None], Map]
"""Real values of the codes of a tensor, as a new array, from the real numbers, its name, and its clip or None."""


@dataclass
class Probe:
    """Sampled output positions of one convolution.

    Attributes:
        tables: input windows (groups, positions, K), real values of the quantized network's codes.
        shortcut: the same of the shortcut, (positions, out), or None.
        target: outputs of the float network (positions, out), after the activation.
        sums: what the dot products of the quantized network would have to be for the sums of the float network, before
            bias and activation (positions, out).
    """

    tables: Map
    shortcut: Map | None
    target: Map
    sums: Map


class Dataflow:
    """Tensors of both networks as far as the modules were visited; those that no module reads any more are dropped.

    Attributes:
        exact: tensors of the float network (images, height, width, channels). quantized: real values of the codes.
    """

    def __init__(self, network: FloatNetwork, samples: NDArray[np.float32], rounding: Rounding) -> None:
        """
        Args:
            network: the float graph.
            samples: as the ONNX input expects them; the first that fit some hundred megabytes are used.
            rounding: how a tensor is rounded to its codes when its module is left.
        """
        largest = max(math.prod(shape) for shape in network.shapes.values())
        given = network.entering(samples[: max(1, _MAP_VALUES // largest)])
        self._network, self._rounding, self._step = network, rounding, chunk_size(network)
        self._last_use = {name: module.name for module in network.modules for name in module.reads()}
        self.exact = dict(given)
        self.quantized = {name: rounding(x, name, None) for name, x in given.items()}

    def enter(self, module: FloatModule) -> None:
        """Compute the output of the next module of the float network."""
        self.exact[module.output] = self._run(module, self.exact)

    def result(self, module: FloatModule) -> Map:
        """Output of a module, with real values of its integer weights, on the quantized tensors; not rounded yet."""
        return self._run(module, self.quantized)

    def leave(self, module: FloatModule, result: Map) -> None:
        """Round the output of a module unless it moves codes or stays raw."""
        keeps = module.kind in MOVES or is_raw(self._network, module)
        self.quantized[module.output] = result if keeps else self._rounding(result, module.output, module.clip)
        for name in module.reads():
            if self._last_use[name] == module.name:
                self.exact.pop(name, None)
                self.quantized.pop(name, None)

    def probe(self, module: FloatModule) -> Probe:
        """Evenly spaced output positions of a convolution over all samples."""
        assert module.weight is not None
        out, ky, kx, depth = module.weight.shape
        target = self.exact[module.output]
        images, rows, columns, _ = target.shape
        values = module.groups * ky * kx * depth  # of one window, all groups
        total = images * rows * columns
        chosen = np.linspace(0, total - 1, min(total, max(1, _PROBE_VALUES // max(out, values)))).astype(np.intp)
        step = max(1, _PROBE_VALUES // (rows * columns * values))

        def tables(source: Map) -> Map:
            found = []
            for start in range(0, images, step):
                first = start * rows * columns
                inside = chosen[(chosen >= first) & (chosen < first + step * rows * columns)] - first
                seen = windows(source[start : start + step], module)
                found.append(seen.reshape(-1, ky * kx, module.groups, depth)[inside])
            table = np.concatenate(found).transpose(2, 0, 1, 3).reshape(module.groups, len(chosen), -1)
            return np.ascontiguousarray(table)

        wanted = products(module, tables(self.exact[module.inputs[0]]), module.weight)
        shortcut = None
        if module.shortcut is not None:
            shortcut, known = (maps[module.shortcut].reshape(-1, out)[chosen] for maps in (self.quantized, self.exact))
            wanted += known - shortcut
        inputs = tables(self.quantized[module.inputs[0]])
        return Probe(inputs, shortcut, target.reshape(-1, out)[chosen], wanted)

    def _run(self, module: FloatModule, maps: Mapping[str, Map]) -> Map:
        """A module on whole maps, some images at once."""
        count, names = len(maps[module.inputs[0]]), set(module.reads())
        starts = range(0, count, self._step)
        parts = [evaluate(module, {name: maps[name][i : i + self._step] for name in names}) for i in starts]
        return np.concatenate(parts)


def scale_rounding(scales: Scales) -> Rounding:
    """Rounding by the signs, N and widths of the activations; N may change until the tensor's module is left."""

    def rounding(x: Map, name: str, clip: float | None) -> Map:
        n = scales.tensors[name]
        low, high = scales.bits.activation_range(scales.signs[name])
        return rounded(x, n, low, upper_code(clip, n, high))

    return rounding


def rounded(x: Map, n: int, low: int, high: int) -> Map:
    """Real values of the codes of ``x`` at n fractional bits, as a new array."""
    result = x * np.float32(2.0**n)
    result += np.float32(0.5)
    np.floor(result, out=result)
    np.clip(result, low, high, out=result)
    result *= np.float32(2.0**-n)
    return result


def products(module: FloatModule, tables: Map, weight: Real) -> Map:
    """Dot products (positions, out) of a convolution with such weights on input windows (groups, positions, K)."""
    matrix = weight.reshape(module.groups, len(weight) // module.groups, -1).transpose(0, 2, 1).astype(np.float32)
    found = np.matmul(tables, matrix).transpose(1, 0, 2)
    return np.ascontiguousarray(found).reshape(tables.shape[1], -1)


def sums(module: FloatModule, probe: Probe, weight: Real) -> Map:
    """What a convolution with other weights would add its bias to (positions, out): dot products and shortcut."""
    result = products(module, probe.tables, weight)
    if probe.shortcut is not None:
        result += probe.shortcut
    return result


def mean_error(module: FloatModule, total: Map, target: Map) -> Real:
    """Mean of (target - total) per channel over the positions at which the activation lets ``total`` through."""
    through = np.ones(total.shape, bool)
    if module.relu:
        through &= total > 0
    if module.clip is not None:
        through &= total < module.clip
    missed = np.where(through, target - total, 0).sum(axis=0, dtype=np.float64)
    return np.asarray(missed / np.maximum(through.sum(axis=0), 1))

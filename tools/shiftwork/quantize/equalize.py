# SPDX-License-Identifier: Apache-2.0
"""Cross-layer equalization: channels of the float graph scaled so that few bits serve all of them alike.

Method: Data-Free Quantization, arXiv 1906.04721, section 4.1. A channel may be multiplied by a positive factor where it
is written and divided by it where it is read: ReLU, sums, pooling and moves let the factor through, so the network
computes what it did. A row of weights has a scale of its own and takes the factor for nothing, and so does the
depthwise layer that reads it.

Beyond the paper the aim is the activations, which share one power of two over all channels. A channel's *range* is
the one at which its codes have the least squared error, and channels that only depthwise layers read get equal ranges.
Those that a layer with sums over channels reads stay, as their factors would spread the weights of its rows. Last,
every tensor is multiplied by the real number at which its power of two fits best: no scale but that of the network
input is bound to powers of two.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.floating import activations
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.quantize.scales import Bits, signs_of, tied
from shiftwork.tensors.maps import move

_LARGEST = 64.0  # factor
_VALUES = 1 << 18  # of a tensor that are looked at
_RANGES = 0.85 ** np.arange(12)  # tried, relative to the largest magnitude
_FITS = 2.0 ** (np.arange(8) / 8)  # factors of a tensor that are tried
FIXED = 0  # the channel of network input and output

Real = NDArray[np.float64]
Ids = NDArray[np.intp]


def equalized(network: FloatNetwork, samples: NDArray[np.float32], bits: Bits) -> FloatNetwork:
    """The same function of the input with channels scaled for activations of few bits.

    Args:
        network: the float graph; it is not changed. samples: as the ONNX input expects them. bits: of the activations.
    """
    ids, roots = channels(network)
    values = _values(network, samples)
    signs = signs_of(network, {name: values[name].min() for name in (*network.inputs, *network.constants)})
    factors = _factors(network, ids, roots, values, signs, bits)
    scaled = scale(network, {name: factors[found] for name, found in ids.items()})
    values = {name: found * factors[ids[name]].astype(np.float32) for name, found in values.items()}
    factors = _fits(network, ids, roots, values, signs, bits)
    return scale(scaled, {name: factors[found] for name, found in ids.items()}, clips=True)


def channels(network: FloatNetwork) -> tuple[dict[str, Ids], int]:
    """A number for every channel (channels,) by tensor name, equal where factors have to be; how many there are.

    Number 0 is of what keeps its scale: network input and output.
    """
    parent = [FIXED]

    def find(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    def unite(first: Ids, second: Ids) -> None:
        for pair in zip(first.tolist(), second.tolist(), strict=True):
            low, high = sorted(map(find, pair))
            parent[high] = low

    known = (*network.inputs, *network.constants)
    ids: dict[str, Ids] = {name: np.zeros(network.shapes[name][2], np.intp) for name in known}
    for module in network.modules:
        inputs = [ids[name] for name in module.inputs]
        if module.kind == "conv":
            found = len(parent) + np.arange(network.shapes[module.output][2])
            parent += found.tolist()
            if module.shortcut is not None:
                unite(found, ids[module.shortcut])
        elif module.kind == "concat":
            found = np.concatenate(inputs)
        elif module.kind == "slice":
            found = inputs[0][slice(*(module.attributes[key][2] for key in ("starts", "stops", "steps")))]
        elif module.kind == "pad":
            found = np.pad(inputs[0], module.attributes["pads"][2])
        elif module.kind == "reshape":
            whole = np.broadcast_to(inputs[0], (1, *network.shapes[module.inputs[0]]))
            moved = move(module.kind, [whole], module.attributes)[0].reshape(-1, network.shapes[module.output][2])
            found = moved[0]
            for other in moved[1:]:
                unite(found, other)
        elif module.kind in ("table", "mul", "matmul", "host"):  # their channels keep their scales
            found = np.zeros(network.shapes[module.output][2], np.intp)
            for other in inputs:
                unite(other, np.zeros_like(other))
        else:
            found = inputs[0]
            for other in inputs[1:]:
                unite(found, other)
        ids[module.output] = found
    for name in network.outputs:
        unite(ids[name], np.zeros_like(ids[name]))
    _, numbers = np.unique([find(place) for place in range(len(parent))], return_inverse=True)
    return {name: numbers[found] for name, found in ids.items()}, int(numbers.max()) + 1


def components(network: FloatNetwork, ids: dict[str, Ids]) -> list[tuple[list[set[str]], set[int]]]:
    """Tensors that can only be multiplied together: their sets that share one N, and the numbers of their channels.

    Args:
        ids: of :func:`channels`.
    """
    merged: list[tuple[list[set[str]], set[int]]] = []
    for group in tied(network):
        groups, found = [group], set(np.concatenate([ids[name] for name in group]).tolist())
        for other in [entry for entry in merged if entry[1] & found]:
            merged.remove(other)
            groups, found = groups + other[0], found | other[1]
        merged.append((groups, found))
    return merged


def scale(network: FloatNetwork, factors: dict[str, Real], clips: bool = False) -> FloatNetwork:
    """The graph with every channel of every tensor multiplied by its factor, (channels,) by tensor name.

    Args:
        clips: multiply the clip of a module too; its channels have the same factor.
    """
    modules = []
    for module in network.modules:
        if module.weight is not None:
            assert module.bias is not None
            out = factors[module.output]
            read = factors[module.inputs[0]].reshape(module.groups, 1, -1)
            read = np.broadcast_to(read, (module.groups, len(out) // module.groups, read.shape[2]))
            weight = module.weight * out.reshape(-1, 1, 1, 1) / read.reshape(len(out), 1, 1, -1)
            module = replace(module, weight=weight, bias=module.bias * out)
        if clips and module.clip is not None:
            module = replace(module, clip=module.clip * float(factors[module.output][0]))
        modules.append(module)
    return replace(network, modules=modules)


def _values(network: FloatNetwork, samples: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Evenly spaced positions of every tensor, (positions, channels)."""
    kept: dict[str, list[NDArray[np.float32]]] = {name: [] for name in network.shapes}
    for tensors in activations(network, samples):
        for name, found in tensors.items():
            step = max(1, len(samples) * int(np.prod(found.shape[1:])) // _VALUES) | 1
            kept[name].append(found.reshape(-1, found.shape[-1])[::step].copy())
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def _errors(values: NDArray[np.float32], steps: Real, low: int, high: int) -> Real:
    """Mean squared error of every column (positions, channels) in codes of such steps (channels,)."""
    unit = steps.astype(np.float32)
    rounded = np.clip(np.floor(values / unit + np.float32(0.5)), low, high) * unit
    return np.asarray(np.square(rounded - values).mean(axis=0, dtype=np.float64))


def _ranges(values: NDArray[np.float32], low: int, high: int) -> Real:
    """Step of least squared error of every channel; 0 where there are no values."""
    largest = np.abs(values).max(axis=0).astype(np.float64) / max(high, -low)
    tried = np.array([largest * share for share in _RANGES])
    found = np.array([_errors(values, np.where(step > 0, step, 1.0), low, high) for step in tried])
    return np.asarray(tried[found.argmin(axis=0), np.arange(len(largest))])


def _factors(
    network: FloatNetwork,
    ids: dict[str, Ids],
    roots: int,
    values: dict[str, NDArray[np.float32]],
    signs: dict[str, bool],
    bits: Bits,
) -> Real:
    """Factors (roots,) that bring the ranges of the channels of a tensor together."""
    largest, limit = np.full(roots, np.inf), np.full(roots, _LARGEST)
    free = np.ones(roots, bool)
    producers: dict[str, FloatModule] = {module.output: module for module in network.modules}
    for group in tied(network):
        ranges = {name: _ranges(values[name], *bits.activation_range(signs[name])) for name in group}
        most = max(float(found.max()) for found in ranges.values())
        for name, found in ranges.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                room = np.where(found > 0, most / found, 1.0)
                np.minimum.at(largest, ids[name], room)
                module = producers.get(name)
                if module is not None and module.clip is not None:
                    top = values[name].max(axis=0)
                    np.minimum.at(limit, ids[name], np.where(top > 0, module.clip / top, 1.0))
    for module in network.modules:
        if module.kind == "conv" and not module.depthwise:
            free[ids[module.inputs[0]]] = False
    free[FIXED] = False
    return np.where(free & np.isfinite(largest), np.clip(largest, 1.0, np.maximum(limit, 1.0)), 1.0)


def _fits(
    network: FloatNetwork,
    ids: dict[str, Ids],
    roots: int,
    values: dict[str, NDArray[np.float32]],
    signs: dict[str, bool],
    bits: Bits,
) -> Real:
    """Factors (roots,), the same for all channels of a tensor, at which powers of two fit the tensors best."""
    factors = np.ones(roots)
    for groups, found in components(network, ids):
        if FIXED in found:
            continue
        errors = np.array([sum(_fit_error(values, signs, bits, group, factor) for group in groups) for factor in _FITS])
        factors[list(found)] = _FITS[errors.argmin()]
    return factors


def _fit_error(
    values: dict[str, NDArray[np.float32]], signs: dict[str, bool], bits: Bits, group: set[str], factor: float
) -> float:
    """Error of tensors that share one power of two, relative to their power, multiplied by a factor."""
    power = sum(float(np.square(values[name]).mean()) for name in group) or 1.0
    largest = max(float(np.abs(values[name]).max()) for name in group) or 1.0
    base = np.ceil(np.log2(largest * factor / (1 << bits.activations - 1)))
    tried = []
    for more in range(-4, 2):
        step = np.array(2.0 ** (base + more) / factor)
        ranges = [bits.activation_range(signs[name]) for name in group]
        errors = [_errors(values[name].reshape(-1, 1), step, *r)[0] for name, r in zip(group, ranges, strict=True)]
        tried.append(float(sum(errors)))
    return min(tried) / power

# SPDX-License-Identifier: Apache-2.0
"""Proofs that accumulators cannot overflow, from the weights that are really multiplied and the ranges of the codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import multiplied_weights
from shiftwork.network.format import or_zero
from shiftwork.network.integer import IntegerModule, IntegerNetwork


def largest_activation(network: IntegerNetwork, module: IntegerModule) -> int:
    """Largest magnitude that a convolution can multiply: that of its input's type, after truncation or reveal."""
    return module.format.widest(network.tensors[module.inputs[0]], network.rule)


def slice_ranges(network: IntegerNetwork, module: IntegerModule, depth: int) -> NDArray[np.int64]:
    """Least and greatest ``sum of w * a`` of every slice of ``depth`` reduction steps, over all output channels.

    A sum is least where every positive weight meets the least activation and every negative one the greatest.

    Args:
        network: the network the module belongs to.
        module: a convolution or fully connected module.
        depth: steps of a slice.

    Returns:
        int64 (2, slices); an engine's slice accumulators need to hold every entry.
    """
    low, high = module.format.limits(network.tensors[module.inputs[0]], network.rule)
    found = []
    for part in range(module.groups):
        matrix = multiplied_weights(module, network.rule, part).astype(np.int64)
        begins = np.arange(0, matrix.shape[1], depth)
        above, below = (np.add.reduceat(half, begins, axis=1) for half in (matrix.clip(0), matrix.clip(max=0)))
        found.append([(above * low + below * high).min(axis=0), (above * high + below * low).max(axis=0)])
    least, greatest = np.moveaxis(np.array(found), 1, 0)
    return np.stack([least.min(axis=0), greatest.max(axis=0)])


def accumulator_bound(network: IntegerNetwork, module: IntegerModule) -> int:
    """Bound of ``|acc|`` of a ``conv``, ``add`` or ``avgpool`` module, with bias and shortcut; 0 for other kinds.

    A ``concat`` that shifts its inputs decodes and encodes, so it has one as well. What is added to a scaled product is
    not in the accumulator.
    """
    if "shifts" in module.attributes:
        shifts = module.attributes["shifts"]
        bounds = [network.tensors[name].widest << int(up) for name, up in zip(module.inputs, shifts, strict=True)]
        return sum(bounds) if module.kind == "add" else max(bounds)
    if module.kind == "avgpool":
        height, width = module.attributes["kernel"]
        return int(height * width) * network.tensors[module.inputs[0]].widest
    if module.kind in ("mul", "matmul"):
        first, second = (network.tensors[name].widest for name in module.inputs)
        return first * second * (network.tensors[module.inputs[0]].shape[2] if module.kind == "matmul" else 1)
    if module.kind != "conv":
        return 0
    total = _sum_bounds(network, module)
    if module.format.shortcut_in_sum:
        if module.bias is not None:
            total += np.abs(module.bias.astype(np.int64)) << or_zero(module.bias_shift).astype(np.int64)
        total += _shortcut(network, module) << or_zero(module.shortcut_shift).astype(np.int64)
    return int(total.max())


def requantizer_bounds(network: IntegerNetwork, module: IntegerModule) -> list[tuple[str, int, int]]:
    """Bounds of a convolution's requantizer beyond its accumulator: what, the largest magnitude, the bits it has."""
    return module.format.requantizer_bounds(module, _sum_bounds(network, module), _shortcut(network, module))


def _shortcut(network: IntegerNetwork, module: IntegerModule) -> int:
    return 0 if module.shortcut is None else network.tensors[module.shortcut].widest


def _sum_bounds(network: IntegerNetwork, module: IntegerModule) -> NDArray[np.int64]:
    """Bound of ``|sum of w * a|`` of every output channel."""
    sums = [np.abs(multiplied_weights(module, network.rule, part)).sum(axis=1) for part in range(module.groups)]
    return np.concatenate(sums).astype(np.int64) * largest_activation(network, module)


def check_accumulators(network: IntegerNetwork) -> None:
    """Refuse a network in which an accumulator, or a sum of a requantizer, could leave its bits.

    Raises:
        ShiftworkError: names the module and its bound.
    """
    for module in network.modules:
        found = [("accumulator", accumulator_bound(network, module), module.format.accumulator_bits)]
        if module.kind == "conv":
            found += requantizer_bounds(network, module)
        for what, bound, bits in found:
            if bound >= 1 << (bits - 1):
                raise ShiftworkError(f"node {module.name!r}: its {what} can reach {bound}, beyond {bits} bits")

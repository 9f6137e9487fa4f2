# SPDX-License-Identifier: Apache-2.0
"""Proofs that accumulators cannot overflow, from the weights that are really multiplied and the ranges of the codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms as term_codes
from shiftwork.codes.exponential import ACC_BITS
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import code_range, revealed_weights
from shiftwork.network.integer import EXPONENTIAL, IntegerModule, IntegerNetwork

SLICE_LIMIT = 1 << 23
SLICE_DEPTH = 256


def largest_activation(network: IntegerNetwork, module: IntegerModule) -> int:
    """Largest magnitude that a convolution can multiply: that of its input's type, after truncation or reveal."""
    config = module.terms
    if not config.enabled:
        return _widest(network, module.inputs[0])
    low, high = code_range(network.tensors[module.inputs[0]])
    if config.stream == "activations":  # a kept head of a value may round it up to the next power of two
        return 1 << max(-low, high).bit_length() if high > -low else max(-low, high + 1)
    return int(np.abs(term_codes.truncate(np.arange(low, high + 1), config.data_terms, network.rule)).max())


def slice_bounds(network: IntegerNetwork, module: IntegerModule, depth: int = SLICE_DEPTH) -> NDArray[np.int64]:
    """Bound of ``|sum of w * a|`` of every slice of ``depth`` reduction steps: the largest over the output channels.

    Args:
        network: the network the module belongs to.
        module: a convolution or fully connected module.
        depth: steps of a slice.

    Returns:
        int64 (slices,); an engine with 24-bit slice accumulators needs every entry below ``SLICE_LIMIT``.
    """
    largest = largest_activation(network, module)
    result: NDArray[np.int64] | None = None
    for part in range(module.groups):
        matrix = np.abs(revealed_weights(module, network.rule, part)).astype(np.int64)
        sums = np.add.reduceat(matrix, np.arange(0, matrix.shape[1], depth), axis=1).max(axis=0) * largest
        result = sums if result is None else np.maximum(result, sums)
    assert result is not None
    return result


def accumulator_bound(network: IntegerNetwork, module: IntegerModule) -> int:
    """Bound of ``|acc|`` of a ``conv``, ``add`` or ``avgpool`` module, with bias and shortcut; 0 for other kinds.

    A ``concat`` of exponential codes decodes and encodes, so it has one as well.

    With ``factor`` bias and shortcut are added outside of the accumulator (:func:`scaled_bound`).
    """

    if module.kind == "add" or (module.kind == "concat" and module.thresholds is not None):
        shifts = module.attributes["shifts"]
        bounds = [_widest(network, name) << int(shift) for name, shift in zip(module.inputs, shifts, strict=True)]
        return sum(bounds) if module.kind == "add" else max(bounds)
    if module.kind == "avgpool":
        height, width = module.attributes["kernel"]
        return int(height * width) * _widest(network, module.inputs[0])
    if module.kind != "conv":
        return 0
    total = _sum_bounds(network, module)
    if module.factor is not None:
        return int(total.max())
    if module.bias is not None:
        shift = 0 if module.bias_shift is None else module.bias_shift.astype(np.int64)
        total += np.abs(module.bias.astype(np.int64)) << shift
    if module.shortcut is not None:
        assert module.shortcut_shift is not None
        total += np.int64(_widest(network, module.shortcut)) << module.shortcut_shift.astype(np.int64)
    return int(total.max())


def scaled_bound(network: IntegerNetwork, module: IntegerModule) -> tuple[int, int]:
    """Bounds of scale-round in a module with ``factor``: of ``|acc + bias|``, and of the sum that is shifted.

    The second is ``|(acc + bias) * factor + (shortcut << shortcut_shift)|`` with the half of the rounding.
    """
    assert module.factor is not None
    assert module.bias is not None
    assert module.shift is not None
    value = _sum_bounds(network, module) + np.abs(module.bias.astype(np.int64))
    sums = [int(v) * int(m) + (1 << int(s) >> 1) for v, m, s in zip(value, module.factor, module.shift, strict=True)]
    if module.shortcut is not None:
        assert module.shortcut_shift is not None
        addend = _widest(network, module.shortcut)
        sums = [total + (addend << int(shift)) for total, shift in zip(sums, module.shortcut_shift, strict=True)]
    return int(value.max()), max(sums)


def _widest(network: IntegerNetwork, name: str) -> int:
    """Largest magnitude of a tensor's codes, or of the levels that they stand for."""
    info = network.tensors[name]
    if info.levels is not None:
        return max(map(abs, info.levels))
    low, high = code_range(info)
    return max(-low, high)


def _sum_bounds(network: IntegerNetwork, module: IntegerModule) -> NDArray[np.int64]:
    """Bound of ``|sum of w * a|`` of every output channel."""
    sums = [np.abs(revealed_weights(module, network.rule, part)).sum(axis=1) for part in range(module.groups)]
    return np.concatenate(sums).astype(np.int64) * largest_activation(network, module)


def check_accumulators(network: IntegerNetwork) -> None:
    """Refuse a network in which an accumulator could leave 32 bits, or a value of scale-round 33 or its sum 64.

    With exponential codes the accumulators have 48 bits.

    Raises:
        ShiftworkError: names the module and its bound.
    """
    width = ACC_BITS if network.scheme == EXPONENTIAL else 32
    for module in network.modules:
        found = [("accumulator", accumulator_bound(network, module), width)]
        if module.factor is not None:
            value, total = scaled_bound(network, module)
            found += [("accumulator with its bias", value, 33), ("scaled sum", total, 64)]
        for what, bound, bits in found:
            if bound >= 1 << (bits - 1):
                raise ShiftworkError(f"node {module.name!r}: its {what} can reach {bound}, beyond {bits} bits")

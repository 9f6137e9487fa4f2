# SPDX-License-Identifier: Apache-2.0
"""Proofs that accumulators cannot overflow, from the weights that are really multiplied and the ranges of the codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms as term_codes
from shiftwork.errors import ShiftworkError
from shiftwork.golden.executor import code_range, revealed_weights
from shiftwork.network.integer import IntegerModule, IntegerNetwork

ACCUMULATOR_LIMIT = 1 << 31
SLICE_LIMIT = 1 << 23
SLICE_DEPTH = 256


def largest_activation(network: IntegerNetwork, module: IntegerModule) -> int:
    """Largest magnitude that a convolution can multiply: that of its input's type, after truncation or reveal."""
    low, high = code_range(network.tensors[module.inputs[0]])
    config = module.terms
    if not config.enabled:
        return max(-low, high)
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
    """Bound of ``|acc|`` of a ``conv``, ``add`` or ``avgpool`` module, with bias and shortcut; 0 for other kinds."""

    def widest(name: str) -> int:
        low, high = code_range(network.tensors[name])
        return max(-low, high)

    if module.kind == "add":
        shifts = module.attributes["shifts"]
        return sum(widest(name) << int(shift) for name, shift in zip(module.inputs, shifts, strict=True))
    if module.kind == "avgpool":
        height, width = module.attributes["kernel"]
        return int(height * width) * widest(module.inputs[0])
    if module.kind != "conv":
        return 0
    largest = largest_activation(network, module)
    sums = [np.abs(revealed_weights(module, network.rule, part)).sum(axis=1) for part in range(module.groups)]
    total = np.concatenate(sums).astype(np.int64) * largest
    if module.bias is not None:
        shift = 0 if module.bias_shift is None else module.bias_shift.astype(np.int64)
        total += np.abs(module.bias.astype(np.int64)) << shift
    if module.shortcut is not None:
        assert module.shortcut_shift is not None
        total += np.int64(widest(module.shortcut)) << module.shortcut_shift.astype(np.int64)
    return int(total.max())


def check_accumulators(network: IntegerNetwork) -> None:
    """Refuse a network in which an accumulator could leave 32 bits.

    Raises:
        ShiftworkError: names the module and its bound.
    """
    for module in network.modules:
        bound = accumulator_bound(network, module)
        if bound >= ACCUMULATOR_LIMIT:
            raise ShiftworkError(f"node {module.name!r}: its accumulator can reach {bound}, beyond 32 bits")

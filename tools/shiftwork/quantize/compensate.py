# SPDX-License-Identifier: Apache-2.0
"""Weights rounded one after the other, each making up for the errors of those before it.

Method: Optimal Brain Quantization in a fixed order, as in GPTQ (arXiv 2210.17323, algorithm 1). The squared error of a
layer's output is ``(w - q) H (w - q)`` for every output channel, H the inner products of its inputs over the
calibration samples. When a weight is rounded, those behind it in the reduction move so that this error grows least.
What rounds them is a scheme's own: levels of 4-bit rows, exponential codes, or groups of which the largest terms stay.

The inputs are those that the quantized modules before really write, so their errors are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.progress import OnItem
from shiftwork.quantize.dataflow import Dataflow, Map, Real, Rounding, mean_error, sums

DAMPING = 0.1
"""Added to the diagonal of H, relative to its mean: trust in the samples ends there."""
_LONGEST = 4096  # reductions beyond that are rounded without regard for each other

Rounder = Callable[[Real, int], Real]
"""Rounded weights (channels of the group, block) from such real ones and the place of the first of them in the
reduction, [ky][kx][in]."""


def compensated(
    network: FloatNetwork,
    samples: Map,
    rounding: Rounding,
    rounder: Callable[[FloatModule, int], Rounder],
    block: int = 1,
    progress: OnItem | None = None,
) -> FloatNetwork:
    """The float network with weights that rounding does not change, and biases that take the mean error out.

    Args:
        network: the float graph; it is not changed. samples: as the ONNX input expects them.
        rounding: how tensors are rounded to codes. rounder: what rounds the weights of a module's group of channels.
        block: weights that are rounded together. progress: told about every module.
    """
    flow = Dataflow(network, samples, rounding)
    modules = []
    for index, module in enumerate(network.modules):
        if progress is not None:
            progress(index + 1, len(network.modules), module.name)
        flow.enter(module)
        current = module
        if module.weight is not None:
            assert module.bias is not None
            probe = flow.probe(module)
            parts = np.split(module.weight.reshape(len(module.weight), -1), module.groups)
            found = [
                round_weights(part, table.T.astype(np.float64) @ table, rounder(module, place), block)
                for place, (part, table) in enumerate(zip(parts, probe.tables, strict=True))
            ]
            weight = np.concatenate(found).reshape(module.weight.shape)
            total = sums(module, probe, weight) + module.bias.astype(np.float32)
            bias = module.bias + mean_error(module, total, probe.target)
            current = replace(module, weight=weight, bias=bias)
        modules.append(current)
        flow.leave(module, flow.result(current))
    return replace(network, modules=modules)


def round_weights(weight: Real, products: Real, rounder: Rounder, block: int = 1) -> Real:
    """Rounded weights (channels, K) of least error of their sums, as far as a fixed order goes.

    Args:
        weight: float64 (channels, K). products: inner products of the inputs, (K, K).
        rounder: rounds ``block`` weights of all channels.
    """
    count = weight.shape[1]
    rest = weight.astype(np.float64)
    if count > _LONGEST:
        return np.concatenate([rounder(rest[:, at : at + block], at) for at in range(0, count, block)], axis=1)
    mean = float(np.trace(products)) / count or 1.0
    factor = np.linalg.cholesky(np.linalg.inv(products / mean + DAMPING * np.eye(count))).T
    for at in range(0, count, block):
        end = min(at + block, count)
        rounded = rounder(rest[:, at:end], at)
        error = np.linalg.solve(factor[at:end, at:end].T, (rest[:, at:end] - rounded).T).T
        rest[:, at:end] = rounded
        rest[:, end:] -= error @ factor[at:end, end:]
    return rest

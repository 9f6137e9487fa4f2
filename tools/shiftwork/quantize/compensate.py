# SPDX-License-Identifier: Apache-2.0
"""Weights rounded one after the other, each making up for the errors of those before it.

Method: Optimal Brain Quantization in a fixed order, as in GPTQ (arXiv 2210.17323, algorithm 1). The squared error of a
layer's output is ``(w - q) H (w - q)`` for every output channel, H the inner products of its inputs over the
calibration samples. When a weight is rounded, those behind it in the reduction move so that this error grows least.
What rounds them is a scheme's own: levels of 4-bit rows, exponential codes, or groups of which the largest terms stay.

The inputs are those that the quantized modules before really write, so their errors are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.progress import OnItem
from shiftwork.quantize.dataflow import Dataflow, Map, Probe, Real, Rounding, mean_error, sums

DAMPING = 0.1
"""Added to the diagonal of H, relative to its mean: trust in the samples ends there."""
_LONGEST = 4096  # reductions beyond that are rounded without regard for each other

Rounder = Callable[[Real, int], Real]
"""Rounded weights (channels of the group, block) from such real ones and the place of the first of them in the
reduction, [ky][kx][in]."""
Choose = Callable[[FloatModule, int, Real, Probe], Sequence[Real]]
"""Weights (channels, K) to choose from: of a module, the number of its group of channels, the real ones and the sampled
positions of the module."""


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

    def chosen(module: FloatModule, place: int, part: Real, probe: Probe) -> list[Real]:
        table = probe.tables[place]
        products = table.T.astype(np.float64) @ table if part.shape[1] <= _LONGEST else np.zeros((0, 0))
        return [round_weights(part, products, rounder(module, place), block)]

    return layerwise(network, samples, rounding, chosen, progress)[0]


def layerwise(
    network: FloatNetwork, samples: Map, rounding: Rounding, choose: Choose, progress: OnItem | None = None
) -> list[FloatNetwork]:
    """Float networks with other weights, and biases that take the mean error out.

    Args:
        network: the float graph; it is not changed. samples: as the ONNX input expects them.
        rounding: how tensors are rounded to codes. progress: told about every module.
        choose: what chooses the weights of a module's group of channels.

    Returns:
        As many as there are choices. Inputs are those that the modules before with the first choice write.
    """
    flow = Dataflow(network, samples, rounding)
    modules: list[list[FloatModule]] = []
    for index, module in enumerate(network.modules):
        if progress is not None:
            progress(index + 1, len(network.modules), module.name)
        flow.enter(module)
        choices = [module]
        if module.weight is not None:
            assert module.bias is not None
            probe = flow.probe(module)
            parts = np.split(module.weight.reshape(len(module.weight), -1), module.groups)
            found = [choose(module, place, part, probe) for place, part in enumerate(parts)]
            choices = []
            for some in zip(*found, strict=True):
                weight = np.concatenate(some).reshape(module.weight.shape)
                total = sums(module, probe, weight) + module.bias.astype(np.float32)
                choices.append(
                    replace(module, weight=weight, bias=module.bias + mean_error(module, total, probe.target))
                )
        modules.append(choices)
        flow.leave(module, flow.result(choices[0]))
    count = max(map(len, modules))
    return [replace(network, modules=[some[min(at, len(some) - 1)] for some in modules]) for at in range(count)]


def round_weights(weight: Real, products: Real, rounder: Rounder, block: int = 1) -> Real:
    """Rounded weights (channels, K) of least error of their sums, as far as a fixed order goes.

    Args:
        weight: float64 (channels, K). products: inner products of the inputs, (K, K), not used
            beyond 4096 weights.
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

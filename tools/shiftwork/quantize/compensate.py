# SPDX-License-Identifier: Apache-2.0
"""Weights rounded one after the other, each making up for the errors of those before it.

Method: Optimal Brain Quantization in a fixed order, as in GPTQ (arXiv 2210.17323, algorithm 1). The squared error of a
layer's output is ``(w - q) H (w - q)`` for every output channel, H the inner products of its inputs over the
calibration samples. When a weight is rounded, those behind it in the reduction move so that this error grows least.
What rounds them is a scheme's own: levels of 4-bit rows, or exponential codes.

The inputs are those that the quantized modules before really write, so their errors are seen. What they take away from
the sums is made up for first, as far as it can be, by weights of least squared error on these inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.progress import OnItem
from shiftwork.quantize.dataflow import Dataflow, Map, Probe, Real, Rounding, mean_error, products, sums

DAMPING = 0.1
"""Added to the diagonal of H, relative to its mean: trust in the samples ends there."""
_LONGEST = 4096  # reductions beyond that are rounded without regard for each other

Rounder = Callable[[Real], Real]
"""Rounded weights (channels of the group, some of the reduction) from such real ones, each by itself."""
Choose = Callable[[FloatModule, Probe], Sequence[FloatModule]]
"""Convolutions with other weights to choose from, from one of the float graph and its sampled positions."""


def compensated(
    network: FloatNetwork,
    samples: Map,
    rounding: Rounding,
    rounder: Callable[[FloatModule, int], Rounder],
    progress: OnItem | None = None,
) -> FloatNetwork:
    """The float network with weights that rounding does not change, and biases that take the mean error out.

    Args:
        network: the float graph; it is not changed. samples: as the ONNX input expects them.
        rounding: how tensors are rounded to codes. rounder: what rounds the weights of a module's group of channels.
        progress: told about every module.
    """

    def choose(module: FloatModule, probe: Probe) -> list[FloatModule]:
        return [round_module(refitted(module, probe), probe, rounder)]

    return layerwise(network, samples, rounding, choose, progress)[0]


def layerwise(
    network: FloatNetwork, samples: Map, rounding: Rounding, choose: Choose, progress: OnItem | None = None
) -> list[FloatNetwork]:
    """Float networks with other weights, module after module.

    Args:
        network: the float graph; it is not changed. samples: as the ONNX input expects them.
        rounding: how tensors are rounded to codes. choose: makes other convolutions of one.
        progress: told about every module.

    Returns:
        As many as there are choices. Inputs are those that the modules before with the first choice write.
    """
    flow = Dataflow(network, samples, rounding)
    modules: list[Sequence[FloatModule]] = []
    for index, module in enumerate(network.modules):
        if progress is not None:
            progress(index + 1, len(network.modules), module.name)
        flow.enter(module)
        choices = [module] if module.weight is None else choose(module, flow.probe(module))
        modules.append(choices)
        flow.leave(module, flow.result(choices[0]))
    count = max(map(len, modules))
    return [replace(network, modules=[some[min(at, len(some) - 1)] for some in modules]) for at in range(count)]


def groups_of(module: FloatModule) -> list[Real]:
    """Weights (channels, K) of every group of a convolution."""
    assert module.weight is not None
    return np.split(module.weight.reshape(len(module.weight), -1), module.groups)


def with_weights(module: FloatModule, probe: Probe, groups: Sequence[Real]) -> FloatModule:
    """A convolution with other weights, (channels, K) of every group, and biases that take the mean error out."""
    assert module.weight is not None
    assert module.bias is not None
    weight = np.concatenate(groups).reshape(module.weight.shape)
    total = sums(module, probe, weight) + module.bias.astype(np.float32)
    return replace(module, weight=weight, bias=module.bias + mean_error(module, total, probe.target))


def round_module(module: FloatModule, probe: Probe, rounder: Callable[[FloatModule, int], Rounder]) -> FloatModule:
    """A convolution with weights that rounding does not change, and biases that take the mean error out.

    Args:
        module: of the float graph. probe: what it reads and should give. rounder: as in :func:`compensated`.
    """
    parts = zip(groups_of(module), probe.tables, strict=True)
    found = [round_weights(part, inner(table), rounder(module, place)) for place, (part, table) in enumerate(parts)]
    return with_weights(module, probe, found)


def refitted(module: FloatModule, probe: Probe) -> FloatModule:
    """A convolution with weights that make up for the errors of its inputs as far as they can, by ridge regression.

    Args:
        module: of the float graph. probe: what it reads and should give.
    """
    assert module.weight is not None
    if module.weight[0].size > _LONGEST:
        return module
    moves = []
    missed = probe.sums - products(module, probe.tables, module.weight)
    missed -= missed.mean(axis=0)
    for table, part in zip(probe.tables, np.split(missed, module.groups, axis=1), strict=True):
        table = table - table.mean(axis=0)
        moves.append(np.linalg.solve(damped(inner(table)), (table.T @ part).astype(np.float64)).T)
    return replace(module, weight=module.weight + np.concatenate(moves).reshape(module.weight.shape))


def damped(products: Real) -> Real:
    """Inner products that can be inverted."""
    mean = float(np.trace(products)) / len(products) or 1.0
    return np.asarray(products + DAMPING * mean * np.eye(len(products)))


def inner(table: Map) -> Real:
    """Inner products of inputs (positions, K), (K, K); none of so many that each is rounded by itself."""
    return np.zeros((0, 0)) if table.shape[1] > _LONGEST else np.asarray(table.T @ table, np.float64)


def round_weights(weight: Real, products: Real, rounder: Rounder) -> Real:
    """Rounded weights (channels, K) of least error of their sums, as far as a fixed order goes.

    Args:
        weight: float64 (channels, K). products: inner products of the inputs, (K, K), not used
            beyond 4096 weights.
        rounder: rounds weights of all channels.
    """
    count = weight.shape[1]
    rest = weight.astype(np.float64)
    if count > _LONGEST:
        return rounder(rest)
    factor = np.linalg.cholesky(np.linalg.inv(damped(products))).T
    for at in range(count):
        column, behind = slice(at, at + 1), slice(at + 1, count)
        rounded = rounder(rest[:, column])
        error = (rest[:, column] - rounded) / factor[at, at]
        rest[:, column] = rounded
        rest[:, behind] -= error @ factor[column, behind]
    return rest

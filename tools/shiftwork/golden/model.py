# SPDX-License-Identifier: Apache-2.0
"""Bit-true execution of an integer network, and the work it takes.

Matrix products run in floating point only where every partial sum is exactly representable, so the results are the
exact integers of ``docs/numerics.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.format import Codes, Work, or_zero
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.progress import OnItem
from shiftwork.tensors.arithmetic import module_sum
from shiftwork.tensors.im2col import depthwise, im2col, output_shape, weight_matrix

_CHUNK_VALUES = 1 << 23


def quantize_input(network: IntegerNetwork, x: NDArray[Any]) -> Codes:
    """Codes (N, height, width, channels) of the only input, of real samples laid out as the ONNX input."""
    return entering(network, x)[network.input]


def entering(network: IntegerNetwork, x: NDArray[Any]) -> dict[str, Codes]:
    """Tensors (N, height, width, channels) that are there before any module: of samples, and constants.

    Args:
        network: the integer network.
        x: real samples (N, ...) laid out as the model expects them, or codes (N, height, width, channels) of its only
            input.
    """
    x = np.asarray(x)
    if x.dtype.kind in "iu":
        given = {network.input: _checked(network, x)}
    else:
        shapes = {name: network.tensors[name].shape for name in network.inputs}
        maps = network.ends.maps(x.astype(np.float64), shapes)
        given = {name: network.tensors[name].encode(real) for name, real in maps.items()}
    return given | {name: np.broadcast_to(codes, (len(x), *codes.shape)) for name, codes in network.constants.items()}


def real_outputs(network: IntegerNetwork, tensors: Mapping[str, Codes]) -> NDArray[np.float64]:
    """What leaves the network, as real numbers (:meth:`shiftwork.network.ends.Ends.packed`)."""
    return network.ends.packed(network.leaving(tensors))


def finished(network: IntegerNetwork, tensors: Mapping[str, Codes]) -> dict[str, NDArray[Any]]:
    """Outputs of the model by name, in its own layout (:meth:`shiftwork.network.ends.Ends.finish`)."""
    return network.ends.finish(network.leaving(tensors))


def multiplied_weights(module: IntegerModule, rule: str, part: int = 0) -> NDArray[np.int32]:
    """Weights (outputs of the group, K) as the engine multiplies them: decoded, revealed where they are streamed."""
    matrix = weight_matrix(module, part)
    return module.format.multiplied(module.format.weight_values(matrix), rule)


def dot_products(
    network: IntegerNetwork, module: IntegerModule, codes: Codes, work: Work | None = None
) -> NDArray[np.int64]:
    """Exact dot products of one convolution after term revealing.

    Args:
        network: gives the encoding rule.
        module: a ``conv`` module.
        codes: its input (N, height, width, channels).
        work: where to add the work (of ``module.format``), or None.

    Returns:
        int64 (N, out_height, out_width, out).
    """
    assert module.weight is not None
    rows, columns = output_shape(codes.shape, module)
    out = module.weight.shape[0]
    positions = len(codes) * rows * columns
    source, form, rule = network.tensors[module.inputs[0]], module.format, network.rule
    seen = form.gathered(source.values(codes), rule)
    largest = form.widest(source, rule)
    if module.depthwise and form.untouched:
        kind = np.int32 if source.widest < 1 << 8 else np.int64
        values = replace(module, weight=form.weight_values(module.weight))
        result = depthwise(seen.astype(kind), values).astype(np.int64).reshape(positions, out)
    else:
        result = np.empty((positions, out), np.int64)
        per_group = out // module.groups
        for part in range(module.groups):
            matrix = multiplied_weights(module, rule, part)
            exact = np.float32 if int(np.abs(matrix).sum(axis=1).max()) * largest < 1 << 24 else np.float64
            table = form.streamed(im2col(seen if form.streams_rows else seen.astype(exact), module, part), rule)
            if work is not None:
                form.count_table(work, table, matrix, rule)
            product = table.astype(exact, copy=False) @ matrix.T.astype(exact)
            result[:, part * per_group : (part + 1) * per_group] = product
    if work is not None:
        form.count(work, module, positions * module.depth * out)
        form.count_maps(work, module, seen, rule)
    return result.reshape(len(codes), rows, columns, out)


def module_sums(
    network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, Codes], work: Work | None = None
) -> NDArray[np.int64]:
    """Dot products of one convolution with bias and shortcut, before ReLU: int64 (N, out_height, out_width, out).

    A shortcut that is added to a scaled product is not in them.

    Args:
        network, module, work: of :func:`dot_products`. tensors: codes of every tensor that the module reads.
    """
    acc = dot_products(network, module, tensors[module.inputs[0]], work)
    shortcut = None
    if module.shortcut is not None and module.format.shortcut_in_sum:
        shortcut = network.tensors[module.shortcut].values(tensors[module.shortcut])
    return module_sum(acc, module.bias, or_zero(module.bias_shift), shortcut, or_zero(module.shortcut_shift))


def evaluate(
    network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, Codes], work: Work | None = None
) -> Codes:
    """Output codes of one module.

    Args:
        network: the network it belongs to.
        module: any kind.
        tensors: codes (N, height, width, channels) of every tensor it reads.
        work: where a convolution or a product of two activations adds its work, or None.

    Returns:
        (N, height, width, channels) in the type of the tensor.
    """
    info = network.tensors[module.output]
    if module.kind == "conv":
        total = module_sums(network, module, tensors, work)
        apart = module.shortcut is not None and not module.format.shortcut_in_sum
        result = module.format.output(module, total, tensors[str(module.shortcut)] if apart else None)
    else:
        sources = [network.tensors[name] for name in module.inputs]
        if work is not None:
            first, second = (network.tensors[name].values(tensors[name]) for name in module.inputs)
            module.format.count_product(work, first, second, network.rule)
        result = module.format.combine(module, [tensors[name] for name in module.inputs], sources, info)
    return result.astype(info.dtype, copy=False)


def chunk_size(network: IntegerNetwork) -> int:
    """Images executed at once so that the largest im2col matrix stays below some tens of megabytes."""
    largest = 1
    for module in network.modules:
        height, width, channels = network.tensors[module.output].shape
        depth = 1 if module.weight is None else module.depth
        largest = max(largest, height * width * max(depth, channels))
    return max(1, min(512, _CHUNK_VALUES // largest))


def run(
    network: IntegerNetwork,
    x: NDArray[Any],
    collect: bool = True,
    counts: dict[str, Work] | None = None,
    progress: OnItem | None = None,
) -> dict[str, Codes]:
    """Execute a network.

    Args:
        network: the integer network.
        x: real samples as the ONNX input expects them, or codes (N, height, width, channels) of the network input.
        collect: return every tensor; otherwise the network outputs only.
        counts: a dict to which the work of every convolution and product is added under its module's name.
        progress: told about every part of the samples.

    Returns:
        dict from tensor name to codes (N, height, width, channels) in the type of the tensor; the network input
        is in it when ``collect`` is set.
    """
    step = chunk_size(network)
    last_use = {name: index for index, module in enumerate(network.modules) for name in module.reads}
    results: dict[str, Codes] = {}
    starts = range(0, len(x), step)
    for number, start in enumerate(starts):
        if progress is not None:
            progress(number + 1, len(starts), f"golden model from sample {start + 1} on")
        part = x[start : start + step]
        tensors = entering(network, part)
        for index, module in enumerate(network.modules):
            work = None
            if counts is not None and module.multiplies:
                work = counts.setdefault(module.name, module.format.work())
            tensors[module.output] = evaluate(network, module, tensors, work)
            if not collect:
                for name in module.reads:
                    if last_use[name] == index and name not in network.outputs:
                        tensors.pop(name, None)
        for name in tensors if collect else network.outputs:
            if name not in results:
                results[name] = np.empty((len(x), *tensors[name].shape[1:]), tensors[name].dtype)
            results[name][start : start + step] = tensors[name]
    return results


def _checked(network: IntegerNetwork, codes: NDArray[Any]) -> Codes:
    info = network.tensors[network.input]
    low, high = info.limits
    if codes.dtype.kind not in "iu" or codes.shape[1:] != info.shape:
        raise ShiftworkError(f"input codes {codes.dtype} {codes.shape[1:]} do not fit the network input {info.shape}")
    if codes.size and (int(codes.min()) < low or int(codes.max()) > high):
        raise ShiftworkError(f"input codes are outside {low}..{high}")
    return codes.astype(info.dtype)


def predictions(outputs: NDArray[np.generic]) -> NDArray[np.int64]:
    """Class of every sample: the index of its largest output (N, height, width, channels), the lowest on ties.

    What is compared with it, as :func:`shiftwork.network.floating.reference`, has the same layout.
    """
    return np.asarray(outputs.reshape(len(outputs), -1).argmax(axis=1), dtype=np.int64)


def accuracy(outputs: NDArray[np.generic], labels: NDArray[np.int64]) -> float:
    """Share of samples, in percent, whose largest output is their label."""
    return 100.0 * float((predictions(outputs) == labels).mean())

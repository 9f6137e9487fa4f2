# SPDX-License-Identifier: Apache-2.0
"""Bit-true execution of an integer network, and the work it takes.

Matrix products run in floating point only where every partial sum is exactly representable, so the results are the
exact integers of ``docs/numerics.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import exponential
from shiftwork.codes import terms as term_codes
from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import to_nhwc
from shiftwork.network.integer import EXPONENTIAL, IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.tensors.arithmetic import divide_round, module_output, module_sum, scaled_output, truncate_mean
from shiftwork.tensors.im2col import depthwise, im2col, output_shape, weight_matrix
from shiftwork.tensors.maps import move, window_count, window_sum

Codes = NDArray[np.integer]

QT_PAIRS = 49  # term pairs per MAC of conventional 8-bit quantization: 7 magnitude bits on either side
WHOLE_TERMS = 7  # terms counted for a value that is not truncated
MAX_TERMS = 5  # most terms of an 8-bit magnitude
_CHUNK_VALUES = 1 << 23


@dataclass
class ModuleCounts:
    """Work of one convolution or fully connected module over all images seen.

    Attributes:
        macs: multiply-accumulates; padded image positions count.
        revealed: True when term revealing is on.
        bound: term pairs by the bound (:func:`pairs_bound`).
        pairs: term pairs really present (both operands encoded by the network's rule, after reveal and truncation).
        streamed: terms of the streamed operand, counted in every MAC: ``streamed / macs`` is terms per MAC.
        sp2_macs: multiply-accumulates in SP2 rows.
        live_macs: multiply-accumulates of exponential codes of which neither is zero.

    Terms are not counted (0) under the schemes that have none (``IntegerNetwork.has_terms``).
    """

    macs: int = 0
    revealed: bool = False
    bound: float = 0.0
    pairs: int = 0
    streamed: int = 0
    sp2_macs: int = 0
    live_macs: int = 0


def pairs_bound(module: IntegerModule) -> float:
    """Term pairs per MAC that a module is charged by its configuration.

    ``s * k/g`` with weights streamed (s = 7 when data is whole), ``7 * min(k/g, 5)`` with activations streamed, 49
    without term revealing; a reduction shorter than g counts as the group.
    """
    if not module.terms.enabled:
        return float(QT_PAIRS)
    per_value = module.terms.budget / min(module.terms.group, reduction_length(module))
    if module.terms.stream == "activations":
        return WHOLE_TERMS * min(per_value, MAX_TERMS)
    return (module.terms.data_terms or WHOLE_TERMS) * per_value


def reduction_length(module: IntegerModule) -> int:
    """K, the length of the reduction of a convolution."""
    assert module.weight is not None
    return int(np.prod(module.weight.shape[1:]))


def code_type(info: TensorInfo) -> type[np.integer]:
    """numpy type that holds the codes of a tensor: int8, uint8, or int32 or int64 for raw accumulators."""
    if info.bits > 8:
        return np.int32 if info.bits <= 32 else np.int64
    return np.int8 if info.signed else np.uint8


def code_range(info: TensorInfo) -> tuple[int, int]:
    """Smallest and largest code of a tensor's type."""
    low = -(1 << (info.bits - 1)) if info.signed else 0
    return low, low + (1 << info.bits) - 1


def quantize_input(network: IntegerNetwork, x: NDArray[Any]) -> Codes:
    """Codes (N, height, width, channels) of real samples laid out as the ONNX input: (N, C, H, W) or (N, features)."""
    info = network.tensors[network.input]
    low, high = code_range(info)
    real = to_nhwc(np.asarray(x)).astype(np.float64)
    if real.shape[1:] != info.shape:
        raise ShiftworkError(f"samples of shape {real.shape[1:]} do not fit the network input {info.shape} (h, w, c)")
    if info.code is not None:
        return exponential.encode(real, info.code)
    return np.clip(np.floor(real * 2.0**info.fraction + 0.5), low, high).astype(code_type(info))


def code_values(network: IntegerNetwork, name: str, codes: Codes) -> Codes:
    """Integers that the codes of a tensor stand for: the codes themselves, or exponential ones decoded by its table."""
    levels = network.tensors[name].levels
    return codes if levels is None else exponential.code_values(levels)[codes]


def multiplied_weights(module: IntegerModule) -> IntegerModule:
    """The module with the integers that its weights stand for in place of exponential codes; else the module itself."""
    if module.weight_levels is None:
        return module
    values = exponential.code_values(tuple(module.weight_levels.tolist()))
    return replace(module, weight=values[module.weight])  # type: ignore[arg-type]


def revealed_weights(module: IntegerModule, rule: str, part: int = 0) -> NDArray[np.int32]:
    """Weights (outputs of the group, K) as the engine multiplies them: revealed when they are the streamed operand.

    Exponential codes are decoded by the table W.
    """
    matrix = weight_matrix(multiplied_weights(module), part)
    if module.terms.enabled and module.terms.stream == "weights":
        return term_codes.reveal(matrix, module.terms.group, module.terms.budget, rule)
    return matrix.astype(np.int32)


def dot_products(
    network: IntegerNetwork, module: IntegerModule, codes: Codes, counts: ModuleCounts | None = None
) -> NDArray[np.int64]:
    """Exact dot products of one convolution after term revealing.

    Args:
        network: gives the encoding rule.
        module: a ``conv`` module.
        codes: its input (N, height, width, channels).
        counts: where to add the work, or None.

    Returns:
        int64 (N, out_height, out_width, out).
    """
    assert module.weight is not None
    rows, columns = output_shape(codes.shape, module)
    out = module.weight.shape[0]
    positions = len(codes) * rows * columns
    config = module.terms
    stream_rows = config.enabled and config.stream == "activations"
    seen = code_values(network, module.inputs[0], codes)
    levels = network.tensors[module.inputs[0]].levels
    if config.enabled and not stream_rows and config.data_terms:
        seen = term_codes.truncate(codes, config.data_terms, network.rule)
    largest = (256 if config.enabled else 255) if levels is None else int(np.abs(levels).max())
    if module.depthwise and not config.enabled:
        kind = np.int32 if levels is None else np.int64
        product = depthwise(seen.astype(kind), multiplied_weights(module))
        result = product.astype(np.int64).reshape(positions, out)
    else:
        result = np.empty((positions, out), np.int64)
        per_group = out // module.groups
        for part in range(module.groups):
            matrix = revealed_weights(module, network.rule, part)
            exact = np.float32 if int(np.abs(matrix).sum(axis=1).max()) * largest < 1 << 24 else np.float64
            if stream_rows:
                table = term_codes.reveal(im2col(codes, module, part), config.group, config.budget, network.rule)
                if counts is not None:
                    _count_rows(counts, table, matrix, network.rule)
            else:
                table = im2col(seen.astype(exact), module, part)
            product = table.astype(exact, copy=False) @ matrix.T.astype(exact)
            result[:, part * per_group : (part + 1) * per_group] = product
    if counts is not None:
        steps = positions * reduction_length(module)
        counts.macs += steps * out
        if module.row_sp2 is not None:
            counts.sp2_macs += steps * int(module.row_sp2.sum())
        if network.scheme == EXPONENTIAL:
            _count_live(counts, module, seen)
        if network.has_terms:
            counts.revealed = config.enabled
            counts.bound += steps * out * pairs_bound(module)
        if network.has_terms and not stream_rows:
            _count_maps(counts, module, seen, positions, network.rule)
    return result.reshape(len(codes), rows, columns, out)


def module_sums(
    network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, Codes], counts: ModuleCounts | None = None
) -> NDArray[np.int64]:
    """Dot products of one convolution with bias and shortcut, before ReLU: int64 (N, out_height, out_width, out).

    A shortcut that is added to the scaled product (``module.factor``) is not in them.

    Args:
        network, module, counts: of :func:`dot_products`. tensors: codes of every tensor that the module reads.
    """
    acc = dot_products(network, module, tensors[module.inputs[0]], counts)
    shortcut = None
    if module.shortcut is not None and module.factor is None:
        shortcut = code_values(network, module.shortcut, tensors[module.shortcut])
    return module_sum(acc, module.bias, _or_zero(module.bias_shift), shortcut, _or_zero(module.shortcut_shift))


def _count_rows(counts: ModuleCounts, table: NDArray[np.int32], matrix: NDArray[np.int32], rule: str) -> None:
    """Add the term pairs of revealed activation rows (positions, K) and weights (out, K)."""
    per_k = term_codes.count(table, rule).sum(axis=0, dtype=np.int64)
    counts.pairs += int(per_k @ term_codes.count(matrix, rule).sum(axis=0, dtype=np.int64))
    counts.streamed += int(per_k.sum()) * len(matrix)


def _count_live(counts: ModuleCounts, module: IntegerModule, values: Codes) -> None:
    """Add the multiply-accumulates of which neither operand is zero; ``values`` are decoded codes."""
    filled = (values != 0).sum(axis=0, keepdims=True, dtype=np.int64)
    for part in range(module.groups):
        per_k = im2col(filled, module, part).sum(axis=0)
        counts.live_macs += int(per_k @ (weight_matrix(multiplied_weights(module), part) != 0).sum(axis=0))


def _count_maps(counts: ModuleCounts, module: IntegerModule, codes: Codes, positions: int, rule: str) -> None:
    """Add the term pairs of whole or truncated maps: the terms of all images are summed before windows are taken."""
    terms = term_codes.count(codes, rule).sum(axis=0, keepdims=True, dtype=np.int64)
    for part in range(module.groups):
        matrix = revealed_weights(module, rule, part)
        per_k = im2col(terms, module, part).sum(axis=0)
        weight_terms = term_codes.count(matrix, rule).sum(axis=0, dtype=np.int64)
        counts.pairs += int(per_k @ weight_terms)
        if module.terms.stream == "activations":
            counts.streamed += int(per_k.sum()) * len(matrix)
        else:
            counts.streamed += int(weight_terms.sum()) * positions


def evaluate(
    network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, Codes], counts: ModuleCounts | None = None
) -> Codes:
    """Output codes of one module.

    Args:
        network: the network it belongs to.
        module: any kind.
        tensors: codes (N, height, width, channels) of every tensor it reads.
        counts: where a convolution adds its work, or None.

    Returns:
        (N, height, width, channels) in the type of :func:`code_type`.
    """
    info = network.tensors[module.output]
    inputs = [tensors[name] for name in module.inputs]
    if network.scheme == EXPONENTIAL and module.kind != "conv":
        return _evaluate_exponential(network, module, inputs)
    if module.kind == "conv":
        total, shift = module_sums(network, module, tensors, counts), _or_zero(module.shift)
        if module.thresholds is not None:
            result = _encoded(module, total)
        elif module.factor is None:
            result = module_output(total, None, 0, None, 0, shift, module.relu, module.low, module.high)
        else:
            shortcut = None if module.shortcut is None else tensors[module.shortcut]
            ss = _or_zero(module.shortcut_shift)
            result = scaled_output(total, module.factor, shortcut, ss, shift, module.low, module.high)
    elif module.kind == "add":
        first, second = module.attributes["shifts"]
        acc = inputs[0].astype(np.int64) << first
        shift = _or_zero(module.shift)
        result = module_output(acc, None, 0, inputs[1], second, shift, module.relu, module.low, module.high)
    elif module.kind == "avgpool":
        total = window_sum(inputs[0], module.attributes)
        if module.attributes.get("raw_sum"):
            result = np.maximum(total, 0) if module.relu else total
        else:
            size = (inputs[0].shape[1], inputs[0].shape[2])
            up = info.fraction - network.tensors[module.inputs[0]].fraction
            count = window_count(size, module.attributes)
            result = np.clip(divide_round(total << max(up, 0), count << max(-up, 0)), module.low, module.high)
    else:
        if module.kind == "concat":  # an unsigned input of a signed concatenation saturates
            low, high = code_range(info)
            inputs = [np.clip(x, low, high) if x.dtype != code_type(info) else x for x in inputs]
        result = move(module.kind, [x.astype(code_type(info), copy=False) for x in inputs], module.attributes)
    return result.astype(code_type(info), copy=False)


def _encoded(module: IntegerModule, acc: NDArray[np.int64]) -> Codes:
    """Exponential codes of what a module computed; ReLU6 has an upper limit for the exponent."""
    assert module.thresholds is not None
    bits = (len(module.thresholds) + 1).bit_length()
    limits = module.thresholds[: module.high + exponential.radius(bits)]
    return exponential.encode_thresholds(acc, limits, bits, module.relu)


def _evaluate_exponential(network: IntegerNetwork, module: IntegerModule, inputs: list[Codes]) -> Codes:
    """Output codes of a module of exponential codes that is no convolution.

    Sums, means and concatenations are computed with decoded values; a mean is truncated to an integer. Whatever only
    moves codes moves them in the order of their values, in which zero is 0.
    """
    if module.kind in ("add", "avgpool", "concat"):
        values = [code_values(network, name, x).astype(np.int64) for name, x in zip(module.inputs, inputs, strict=True)]
        if module.kind == "avgpool":
            total = window_sum(values[0], module.attributes)
            if not module.attributes.get("raw_sum"):
                size = (values[0].shape[1], values[0].shape[2])
                total = truncate_mean(total, window_count(size, module.attributes))
        else:
            shifted = [x << shift for x, shift in zip(values, module.attributes["shifts"], strict=True)]
            total = shifted[0] + shifted[1] if module.kind == "add" else np.concatenate(shifted, axis=3)
        if module.thresholds is not None:
            return _encoded(module, total)
        return np.asarray(np.clip(total, module.low, module.high))
    levels = network.tensors[module.output].levels
    if levels is None:
        return move(module.kind, inputs, module.attributes)
    places, codes = exponential.code_order(levels)
    moved = move(module.kind, [places[x] for x in inputs], module.attributes)
    return np.asarray(codes[moved])


def _or_zero(shift: NDArray[np.int32] | None) -> NDArray[np.int32]:
    return np.zeros(1, np.int32) if shift is None else shift


def chunk_size(network: IntegerNetwork) -> int:
    """Images executed at once so that the largest im2col matrix stays below some tens of megabytes."""
    largest = 1
    for module in network.modules:
        height, width, channels = network.tensors[module.output].shape
        depth = 1 if module.weight is None else reduction_length(module)
        largest = max(largest, height * width * max(depth, channels))
    return max(1, min(512, _CHUNK_VALUES // largest))


def run(
    network: IntegerNetwork,
    x: NDArray[Any],
    collect: bool = True,
    counts: dict[str, ModuleCounts] | None = None,
) -> dict[str, Codes]:
    """Execute a network.

    Args:
        network: the integer network.
        x: real samples as the ONNX input expects them, or codes (N, height, width, channels) of the network input.
        collect: return every tensor; otherwise the network output only.
        counts: a dict to which the work of every convolution is added under its module's name.

    Returns:
        dict from tensor name to codes (N, height, width, channels) in the type of :func:`code_type`; the network input
        is in it when ``collect`` is set.
    """
    step = chunk_size(network)
    last_use = {name: index for index, module in enumerate(network.modules) for name in _reads(module)}
    results: dict[str, Codes] = {}
    for start in range(0, len(x), step):
        part = x[start : start + step]
        codes = quantize_input(network, part) if part.dtype.kind == "f" else _checked(network, part)
        tensors: dict[str, Codes] = {network.input: codes}
        for index, module in enumerate(network.modules):
            work = None if counts is None or module.kind != "conv" else counts.setdefault(module.name, ModuleCounts())
            tensors[module.output] = evaluate(network, module, tensors, work)
            if not collect:
                for name in _reads(module):
                    if last_use[name] == index:
                        tensors.pop(name, None)
        for name in tensors if collect else (network.output,):
            if name not in results:
                results[name] = np.empty((len(x), *tensors[name].shape[1:]), tensors[name].dtype)
            results[name][start : start + step] = tensors[name]
    return results


def _reads(module: IntegerModule) -> list[str]:
    return module.inputs if module.shortcut is None else [*module.inputs, module.shortcut]


def _checked(network: IntegerNetwork, codes: NDArray[Any]) -> Codes:
    info = network.tensors[network.input]
    low, high = code_range(info)
    if codes.dtype.kind not in "iu" or codes.shape[1:] != info.shape:
        raise ShiftworkError(f"input codes {codes.dtype} {codes.shape[1:]} do not fit the network input {info.shape}")
    if codes.size and (int(codes.min()) < low or int(codes.max()) > high):
        raise ShiftworkError(f"input codes are outside {low}..{high}")
    return codes.astype(code_type(info))


def predictions(outputs: NDArray[np.generic]) -> NDArray[np.int64]:
    """Class of every sample: the index of its largest output (N, height, width, channels), the lowest on ties.

    What is compared with it, as :func:`shiftwork.network.floating.reference`, has the same layout.
    """
    return np.asarray(outputs.reshape(len(outputs), -1).argmax(axis=1), dtype=np.int64)


def accuracy(outputs: NDArray[np.generic], labels: NDArray[np.int64]) -> float:
    """Share of samples, in percent, whose largest output is their label."""
    return 100.0 * float((predictions(outputs) == labels).mean())

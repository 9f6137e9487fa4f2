# SPDX-License-Identifier: Apache-2.0
"""8-bit integers with power-of-two scales (``docs/numerics.md`` section 2).

Every activation tensor has one number N of fractional bits; weights have one N per output channel (default) or per
tensor. The module that feeds the network output keeps its 32-bit accumulator and one N for its weights.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.quantize.bounds import check_accumulators
from shiftwork.quantize.calibrate import Statistics, calibrate

ScaleMethod = Literal["maxabs", "mse"]
SCALE_METHODS: tuple[str, ...] = get_args(ScaleMethod)

BITS = 8
_MAX_SHIFT = 31
_BIAS_LIMIT = (1 << 30) - 1  # a bias takes at most half of the accumulator's range
_SHORTCUT_SHIFT = 22  # a shortcut of 8 bits takes at most half of it too
_FINER = 4  # the mse method tries this many bits more than maxabs, and one less
_SHORTCUT_LOSS = 3  # bits of precision that a shortcut may lose to the accumulator it is added to


def round_half_up(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """``floor(x + 1/2)``, the only rounding there is."""
    return np.asarray(np.floor(x + 0.5))


def full_range_fraction(largest: float, signed: bool, bits: int = BITS) -> int:
    """Largest N at which ``largest`` still fits the type, up to saturation at its very top; 0 for ``largest`` = 0."""
    if largest == 0:
        return 0
    return bits - int(signed) - math.ceil(math.log2(largest))


def mse_fraction(values: NDArray[Any], largest: float, signed: bool, low: int, high: int) -> int:
    """N of least squared error among the full-range N, one coarser and a few finer ones; ties take the largest N.

    Args:
        values: samples of the tensor. largest: its largest magnitude.
        signed: of the type. low, high: codes are clamped to these.
    """
    base = full_range_fraction(largest, signed)
    best, best_error = base, math.inf
    exact = np.asarray(values, dtype=np.float64)
    for fraction in range(base - 1, base + _FINER + 1):
        scale = 2.0**fraction
        error = float(np.square(np.clip(np.floor(exact * scale + 0.5), low, high) / scale - exact).sum())
        if error <= best_error:
            best, best_error = fraction, error
    return best


def _signs(network: FloatNetwork, statistics: dict[str, Statistics]) -> dict[str, bool]:
    """True for every tensor that is two's complement."""
    signs = {network.input: statistics[network.input].low < 0}
    for module in network.modules:
        if module.relu:
            signs[module.output] = False
        elif module.kind in MOVES or module.kind == "avgpool":
            signs[module.output] = any(signs[name] for name in module.inputs)
        else:
            signs[module.output] = True
    return signs


def _tied(network: FloatNetwork) -> list[set[str]]:
    """Sets of tensors that share one N: whatever only moves codes, and the producers of a concatenation."""
    groups: dict[str, set[str]] = {name: {name} for name in network.shapes}
    for module in network.modules:
        if module.kind in MOVES:
            merged = set().union(*(groups[name] for name in (*module.inputs, module.output)))
            for name in merged:
                groups[name] = merged
    unique: list[set[str]] = []
    for group in groups.values():
        if group not in unique:
            unique.append(group)
    return unique


def _raw(network: FloatNetwork, module: FloatModule) -> bool:
    """True for a module whose accumulator is the network output."""
    if module.output != network.output:
        return False
    if module.kind == "avgpool":
        height, width, _ = network.shapes[module.inputs[0]]
        return tuple(module.attributes["kernel"]) == (height, width) and not any(module.attributes["pads"])
    return module.kind in ("conv", "add")


def _activation_fractions(
    network: FloatNetwork, statistics: dict[str, Statistics], signs: dict[str, bool], method: str
) -> dict[str, int]:
    """N of every activation tensor; tied tensors share the smallest."""
    own: dict[str, int] = {}
    for name, found in statistics.items():
        low = -(1 << (BITS - 1)) if signs[name] else 0
        high = low + (1 << BITS) - 1
        if method == "maxabs":
            own[name] = full_range_fraction(found.largest, signs[name])
        else:
            own[name] = mse_fraction(found.values, found.largest, signs[name], low, high)
    result: dict[str, int] = {}
    for group in _tied(network):
        smallest = min(own[name] for name in group)
        result.update(dict.fromkeys(group, smallest))
    return result


def _weight_fractions(weight: NDArray[np.float64], method: str, per_channel: bool) -> NDArray[np.int64]:
    """N of the weights of every output channel."""
    rows = weight.reshape(len(weight), -1)

    def choose(values: NDArray[np.float64]) -> int:
        largest = float(np.abs(values).max())
        if method == "maxabs":
            return full_range_fraction(largest, True)
        return mse_fraction(values, largest, True, -127, 127)

    tensor = choose(rows)
    if not per_channel:
        return np.full(len(rows), tensor, np.int64)
    return np.array([choose(row) if row.any() else tensor for row in rows], np.int64)


def _limit_weight_fractions(
    module: FloatModule, fractions: NDArray[np.int64], n_in: int, n_out: int | None, n_shortcut: int | None
) -> NDArray[np.int64]:
    """Lower N where a shift would leave 0..31 or the bias its half of the accumulator."""
    assert module.bias is not None
    result = fractions.copy()
    with np.errstate(divide="ignore"):
        room = np.floor(np.log2(_BIAS_LIMIT / np.abs(module.bias)))
    result = np.where(np.isfinite(room), np.minimum(result, room - n_in), result).astype(np.int64)
    if n_out is not None:
        result = np.minimum(result, _MAX_SHIFT + n_out - n_in)
    if n_shortcut is not None:
        result = np.minimum(result, _SHORTCUT_SHIFT + n_shortcut - n_in)
    return result


def _quantize(values: NDArray[np.float64], fraction: NDArray[np.int64], low: int, high: int) -> NDArray[np.float64]:
    return np.clip(round_half_up(values * 2.0 ** fraction.astype(np.float64)), low, high)


def quantize(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    method: str = "mse",
    per_channel: bool = True,
) -> IntegerNetwork:
    """Choose power-of-two scales from calibration samples and build the integer network.

    Args:
        network: the float graph.
        samples: calibration samples as the ONNX input expects them.
        method: ``maxabs`` (the full range of every tensor) or ``mse`` (least squared error on the calibration samples
            and the weights; may saturate outliers).
        per_channel: one N of weights per output channel; False is one per tensor. The last layer always has one.

    Returns:
        An integer network of scheme ``fixed8``; term revealing is off everywhere.

    Raises:
        ShiftworkError: unknown method, or a module whose accumulator could exceed 32 bits.
    """
    if method not in SCALE_METHODS:
        raise ShiftworkError(f"unknown scale method {method!r}: choose one of {', '.join(SCALE_METHODS)}")
    statistics = calibrate(network, samples)
    signs = _signs(network, statistics)
    fractions = _activation_fractions(network, statistics, signs, method)
    weight_fractions = {
        module.name: _weight_fractions(module.weight, method, per_channel and not _raw(network, module))
        for module in network.modules
        if module.weight is not None
    }
    _make_shifts_legal(network, fractions, weight_fractions)

    tensors = {name: TensorInfo(shape, fractions[name], signs[name], BITS) for name, shape in network.shapes.items()}
    modules = []
    for module in network.modules:
        raw = _raw(network, module)
        built, fraction = _build(network, module, tensors, weight_fractions.get(module.name), raw)
        if raw:
            signed = signs[module.output]
            tensors[module.output] = TensorInfo(network.shapes[module.output], fraction, signed, 32)
        modules.append(built)
    for module in network.modules:  # a reshape of the raw output stays raw
        if module.kind in MOVES and any(tensors[name].bits == 32 for name in module.inputs):
            source = tensors[module.inputs[0]]
            tensors[module.output] = TensorInfo(network.shapes[module.output], source.fraction, source.signed, 32)
    result = IntegerNetwork("fixed8", network.input, network.output, tensors, modules)
    check_accumulators(result)
    return result


def _make_shifts_legal(
    network: FloatNetwork, fractions: dict[str, int], weight_fractions: dict[str, NDArray[np.int64]]
) -> None:
    """Lower fractions until every shift is in range: N_in + N_w - N_out and N_in + N_w - N_shortcut in 0..31.

    Raises:
        ShiftworkError: a shortcut or addend would lose most of its precision to the sum it is added to.
    """
    groups = _tied(network)
    wanted = dict(fractions)

    def lower(name: str, limit: int) -> bool:
        if fractions[name] <= limit:
            return False
        for group in groups:
            if name in group:
                fractions.update(dict.fromkeys(group, limit))
        return True

    def lower_addend(module: FloatModule, name: str, limit: int) -> bool:
        if limit < wanted[name] - _SHORTCUT_LOSS:
            raise ShiftworkError(
                f"node {module.name!r}: the values of {name!r} are too small beside what they are added to"
            )
        return lower(name, limit)

    changed = True
    while changed:
        changed = False
        for module in network.modules:
            raw = _raw(network, module)
            n_out = None if raw else fractions[module.output]
            if module.kind == "conv":
                n_in = fractions[module.inputs[0]]
                n_shortcut = None if module.shortcut is None else fractions[module.shortcut]
                limited = _limit_weight_fractions(module, weight_fractions[module.name], n_in, n_out, n_shortcut)
                if raw:
                    limited[:] = limited.min()
                weight_fractions[module.name] = limited
                finest = n_in + int(limited.min())
                changed |= n_out is not None and lower(module.output, finest)
                changed |= module.shortcut is not None and lower_addend(module, module.shortcut, finest)
            elif module.kind == "add":
                first, second = (fractions[name] for name in module.inputs)
                changed |= n_out is not None and lower(module.output, max(first, second))
                for name in module.inputs:
                    changed |= lower_addend(module, name, min(first, second) + _SHORTCUT_SHIFT)


def _build(
    network: FloatNetwork,
    module: FloatModule,
    tensors: dict[str, TensorInfo],
    weight_fraction: NDArray[np.int64] | None,
    raw: bool,
) -> tuple[IntegerModule, int]:
    """The integer module, and the fraction of its accumulator."""
    info = tensors[module.output]
    low, high = (-(1 << (BITS - 1)), (1 << (BITS - 1)) - 1) if info.signed else (0, (1 << BITS) - 1)
    if raw:
        low, high = -(1 << 31), (1 << 31) - 1
        if module.relu:
            low = 0
    built = IntegerModule(module.name, module.kind, list(module.inputs), module.output, relu=module.relu)
    built.requantize = not raw
    built.attributes = dict(module.attributes)
    accumulator = tensors[module.inputs[0]].fraction
    if module.kind == "conv":
        assert module.weight is not None
        assert module.bias is not None
        assert weight_fraction is not None
        n_in = tensors[module.inputs[0]].fraction
        channels = len(module.weight)
        exponents = weight_fraction.reshape(-1, 1, 1, 1)
        built.weight = _quantize(module.weight, exponents, -127, 127).astype(np.int8)
        built.bias = _quantize(module.bias, weight_fraction + n_in, -_BIAS_LIMIT, _BIAS_LIMIT).astype(np.int32)
        built.stride, built.pads, built.dilation, built.groups = (
            module.stride, module.pads, module.dilation, module.groups,
        )  # fmt: skip
        built.bias_shift = np.zeros(channels, np.int32)
        accumulator = n_in + int(weight_fraction.min())
        built.shift = (np.zeros(channels) if raw else n_in + weight_fraction - info.fraction).astype(np.int32)
        built.shortcut = module.shortcut
        if module.shortcut is not None:
            aligned = n_in + weight_fraction - tensors[module.shortcut].fraction
            built.shortcut_shift = aligned.astype(np.int32)
    elif module.kind == "add":
        first, second = (tensors[name].fraction for name in module.inputs)
        accumulator = max(first, second)
        built.attributes["shifts"] = (accumulator - first, accumulator - second)
        shift = 0 if raw else accumulator - info.fraction
        built.shift = np.full(info.shape[2], shift, np.int32)
    elif module.kind == "avgpool" and raw:
        built.attributes["raw_sum"] = True
    if module.clip is not None:
        fraction = accumulator if raw else info.fraction
        high = min(high, math.floor(module.clip * 2.0**fraction + 0.5))
    built.low, built.high = low, high
    return built, accumulator

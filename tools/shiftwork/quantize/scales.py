# SPDX-License-Identifier: Apache-2.0
"""Power-of-two scales of a network, and the integer network that they make (``docs/numerics.md`` section 2).

Every activation tensor has one number N of fractional bits, the weights of a module one per output channel (or one
per tensor: then all channels hold the same). How the numbers are chosen is the business of
:mod:`~shiftwork.quantize.fixed8` and :mod:`~shiftwork.quantize.joint`; what makes them legal and builds the integers is
here, once. :mod:`~shiftwork.quantize.msq` shares the activations and whatever is no convolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.floating import activate
from shiftwork.network.graph import MOVES, FloatModule, FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.quantize.bounds import check_accumulators
from shiftwork.quantize.calibrate import Statistics

_MAX_SHIFT = 31
_BIAS_LIMIT = (1 << 30) - 1  # a bias takes at most half of the accumulator's range
_SHORTCUT_SHIFT = 22  # a shortcut of 8 bits takes at most half of it too
_FINER = 4  # the mse method tries this many bits more than maxabs, and one less
_WISHED = 8  # bits of the activations at which scales that a model names are kept
_LOWEST = 64  # bits below the N that a tensor would have by itself: no scale comes there
_SHORTCUT_LOSS = 3  # bits of precision that a shortcut may lose to the accumulator it is added to


@dataclass(frozen=True)
class Bits:
    """Widths of the stored integers.

    Attributes:
        weights: 4..8; codes are symmetric, -127..127 in 8 bits.
        activations: 4..8; of every tensor but the raw network output.
        biases: 8..32.
    """

    weights: int = 8
    activations: int = 8
    biases: int = 32

    def check(self) -> None:
        """Refuse a width that is not supported.

        Raises:
            ShiftworkError: names the width.
        """
        for name, low, high in (("weights", 4, 8), ("activations", 4, 8), ("biases", 8, 32)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ShiftworkError(f"{name} of {value} bits: {low} to {high} are supported")

    @property
    def largest_weight(self) -> int:
        """Weights are clamped to this magnitude."""
        return (1 << (self.weights - 1)) - 1

    @property
    def largest_bias(self) -> int:
        """Biases are clamped to this magnitude."""
        return min((1 << (self.biases - 1)) - 1, _BIAS_LIMIT)

    def activation_range(self, signed: bool) -> tuple[int, int]:
        """Smallest and largest code of an activation."""
        low = -(1 << (self.activations - 1)) if signed else 0
        return low, low + (1 << self.activations) - 1


@dataclass
class Scales:
    """Numbers of fractional bits of a whole network.

    Attributes:
        bits: widths. signs: True for every tensor that is two's complement.
        tensors: N of every activation tensor. weights: N_w per output channel, int64 (out,), by module name; a
            convolution without entry has weights at free scales.
        biases: N_b per output channel by module name; a module without entry has N_b = N_x + N_w.
        values: bias values to store in place of those of the float module, float64 (out,) by module name.
        method: that chose the numbers; None: none that has a name.
    """

    bits: Bits
    signs: dict[str, bool]
    tensors: dict[str, int]
    weights: dict[str, NDArray[np.int64]]
    biases: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    values: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    method: str | None = None


# -- choosing N from a range or a distribution


def round_half_up(x: NDArray[Any]) -> NDArray[Any]:
    """``floor(x + 1/2)``, the only rounding there is."""
    return np.asarray(np.floor(x + 0.5))


def full_range_fraction(largest: float, signed: bool, bits: int = 8) -> int:
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
    base = full_range_fraction(largest, signed, (high - low).bit_length())
    best, best_error = base, math.inf
    exact = np.asarray(values, dtype=np.float64)
    for fraction in range(base - 1, base + _FINER + 1):
        error = float(np.square(codes(exact, fraction, low, high) / 2.0**fraction - exact).sum())
        if error <= best_error:
            best, best_error = fraction, error
    return best


def separate_scales(
    network: FloatNetwork, statistics: dict[str, Statistics], bits: Bits, method: str, per_channel: bool
) -> Scales:
    """Scales of every tensor on its own, made legal: ``maxabs`` (full range) or ``mse`` (least squared error).

    Raises:
        ShiftworkError: see :func:`make_legal`.
    """
    scales = activation_scales(network, statistics, bits, method)
    scales.weights = {
        module.name: _weight_fractions(module.weight, bits, method, per_channel and not is_raw(network, module))
        for module in network.modules
        if module.weight is not None
    }
    make_legal(network, scales)
    return scales


def activation_scales(network: FloatNetwork, statistics: dict[str, Statistics], bits: Bits, method: str) -> Scales:
    """Signs and N of the activation tensors, each on its own but for those that are :func:`tied`; no weights yet."""
    signs = signs_of(network, {name: statistics[name].low for name in (*network.inputs, *network.constants)})
    own: dict[str, int] = {}
    for name, found in statistics.items():
        if method == "maxabs":
            own[name] = full_range_fraction(found.largest, signs[name], bits.activations)
        else:
            own[name] = mse_fraction(found.values, found.largest, signs[name], *bits.activation_range(signs[name]))
        if bits.activations == _WISHED:
            own[name] = network.wishes.get(name, own[name])
    tensors: dict[str, int] = {}
    for group in tied(network):
        tensors.update(dict.fromkeys(group, min(own[name] for name in group)))
    return Scales(bits, signs, tensors, {})


def _weight_fractions(weight: NDArray[np.float64], bits: Bits, method: str, per_channel: bool) -> NDArray[np.int64]:
    """N of the weights of every output channel; a channel without weights takes that of the tensor."""
    rows = weight.reshape(len(weight), -1)

    def choose(values: NDArray[np.float64]) -> int:
        largest = float(np.abs(values).max())
        if method == "maxabs":
            return full_range_fraction(largest, True, bits.weights)
        return mse_fraction(values, largest, True, -bits.largest_weight, bits.largest_weight)

    tensor = choose(rows)
    if not per_channel:
        return np.full(len(rows), tensor, np.int64)
    return np.array([choose(row) if row.any() else tensor for row in rows], np.int64)


# -- what the graph demands


def signs_of(network: FloatNetwork, lowest: Mapping[str, float]) -> dict[str, bool]:
    """True for every tensor that is two's complement; ``lowest``: value of inputs and constants."""
    # An input that is never negative has copies that are: by as much as rounding takes back.
    least = {entry.name: float(entry.offsets[0]) for entry in network.ends.entries}
    signs = {name: bool(value < least.get(name, 0.0)) for name, value in lowest.items()}
    for module in network.modules:
        if module.relu:
            signs[module.output] = False
        elif module.kind in MOVES or module.kind in ("avgpool", "mul", "matmul"):
            signs[module.output] = any(signs[name] for name in module.inputs)
        elif module.kind in ("table", "host"):
            signs[module.output] = module.signed
        else:
            signs[module.output] = True
    return signs


def tied(network: FloatNetwork) -> list[set[str]]:
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


def is_raw(network: FloatNetwork, module: FloatModule) -> bool:
    """True for a module whose accumulator leaves the network and is read by nothing else."""
    if module.output not in network.outputs or any(module.output in other.reads() for other in network.modules):
        return False
    if module.kind == "avgpool":
        height, width, _ = network.shapes[module.inputs[0]]
        whole = tuple(module.attributes["kernel"]) == (height, width) and not any(module.attributes["pads"])
        return whole and module.clip is None
    return module.kind in ("conv", "add", "mul", "matmul")


def limit_weight_fractions(
    bias: NDArray[np.float64], fractions: NDArray[np.int64], n_in: int, n_out: int | None, n_shortcut: int | None
) -> NDArray[np.int64]:
    """Lower N_w where a shift would leave 0..31 or the bias its half of the accumulator.

    Args:
        bias: float64 (out,). fractions: N_w (..., out).
        n_in, n_out, n_shortcut: N of the input, of the output (None: raw) and of the shortcut (None: there is none).
    """
    with np.errstate(divide="ignore"):
        room = np.floor(np.log2(_BIAS_LIMIT / np.abs(bias)))
    result = np.where(np.isfinite(room), np.minimum(fractions, room - n_in), fractions).astype(np.int64)
    if n_out is not None:
        result = np.minimum(result, _MAX_SHIFT + n_out - n_in)
    if n_shortcut is not None:
        result = np.minimum(result, _SHORTCUT_SHIFT + n_shortcut - n_in)
    return result


def make_legal(network: FloatNetwork, scales: Scales) -> None:
    """Lower fractions until every shift is in range: N_in + N_w - N_out and N_in + N_w - N_shortcut in 0..31.

    Convolutions at free scales (without entry in ``scales.weights``) demand nothing.

    Raises:
        ShiftworkError: a shortcut or addend that others read too would lose most of its precision to the sum it is
            added to; a product of coarse values has to share its scale with them.
    """
    groups = tied(network)
    fractions = scales.tensors
    wanted = dict(fractions)

    def lower(name: str, limit: int) -> bool:
        if fractions[name] <= limit:
            return False
        if limit < wanted[name] - _LOWEST:
            raise ShiftworkError(f"no scale fits {name!r}: a product of coarse values shares it with them")
        for group in groups:
            if name in group:
                fractions.update(dict.fromkeys(group, limit))
        return True

    def read_elsewhere(module: FloatModule, name: str) -> bool:
        """Whether what is added is more than an addend: then it may not lose its precision to the sum."""
        group = next((group for group in groups if name in group), {name})
        readers = [other for other in network.modules if not group.isdisjoint(other.reads())]
        return any(other is not module and other.output not in group for other in readers) or not group.isdisjoint(
            network.outputs
        )

    def lower_addend(module: FloatModule, name: str, limit: int) -> bool:
        if limit < wanted[name] - _SHORTCUT_LOSS and read_elsewhere(module, name):
            raise ShiftworkError(
                f"node {module.name!r}: the values of {name!r} are too small beside what they are added to"
            )
        return lower(name, limit)

    changed = True
    while changed:
        changed = False
        for module in network.modules:
            raw = is_raw(network, module)
            n_out = None if raw else fractions[module.output]
            if module.name in scales.weights:
                assert module.bias is not None
                n_in = fractions[module.inputs[0]]
                n_shortcut = None if module.shortcut is None else fractions[module.shortcut]
                limited = limit_weight_fractions(module.bias, scales.weights[module.name], n_in, n_out, n_shortcut)
                if raw:
                    limited[:] = limited.min()
                scales.weights[module.name] = limited
                finest = n_in + int(limited.min())
                changed |= n_out is not None and lower(module.output, finest)
                changed |= module.shortcut is not None and lower_addend(module, module.shortcut, finest)
            elif module.kind in ("mul", "matmul"):
                finest = sum(fractions[name] for name in module.inputs)
                changed |= n_out is not None and lower(module.output, finest)
                if n_out is not None and finest - fractions[module.output] > _MAX_SHIFT:
                    changed |= lower(module.inputs[0], fractions[module.inputs[0]] - 1)
            elif module.kind == "add":
                first, second = (fractions[name] for name in module.inputs)
                changed |= n_out is not None and lower(module.output, max(first, second))
                for name in module.inputs:
                    changed |= lower_addend(module, name, min(first, second) + _SHORTCUT_SHIFT)


# -- building the integers


def codes(values: NDArray[Any], fraction: NDArray[np.int64] | int, low: int, high: int) -> NDArray[Any]:
    """``clamp(floor(r * 2^N + 1/2))`` as real numbers; N broadcasts against ``values``."""
    return np.asarray(np.clip(round_half_up(values * 2.0 ** np.asarray(fraction, np.float64)), low, high))


def weight_codes(weight: NDArray[np.float64], fractions: NDArray[np.int64], bits: Bits) -> NDArray[np.float64]:
    """Codes of the weights ``[out][ky][kx][in]`` at N_w per output channel."""
    return codes(weight, fractions.reshape(-1, 1, 1, 1), -bits.largest_weight, bits.largest_weight)


def upper_code(clip: float | None, fraction: int, high: int) -> int:
    """Upper clamp of a module's output: the type's, or the bound of a ReLU6 where that is smaller."""
    return high if clip is None else min(high, math.floor(clip * 2.0**fraction + 0.5))


def build(network: FloatNetwork, scales: Scales) -> IntegerNetwork:
    """The integer network of scheme ``fixed8`` that the scales make; term revealing is off everywhere.

    Raises:
        ShiftworkError: a module whose accumulator could exceed 32 bits.
    """

    def fill(module: FloatModule, built: IntegerModule) -> int:
        assert module.weight is not None
        return fill_shifts(module, built, weight_codes(module.weight, scales.weights[module.name], scales.bits), scales)

    return assemble(network, scales, "fixed8", fill)


Fill = Callable[[FloatModule, IntegerModule], int]
"""Writes the weights, biases and shifts of a convolution into its integer module; the fraction of its accumulator."""


def assemble(network: FloatNetwork, scales: Scales, scheme: str, fill: Fill) -> IntegerNetwork:
    """The integer network of the scales of the activations; ``fill`` writes the numbers of the convolutions.

    Raises:
        ShiftworkError: a module whose accumulator could exceed 32 bits.
    """
    tensors = {
        name: TensorInfo(shape, scales.tensors[name], scales.signs[name], scales.bits.activations)
        for name, shape in network.shapes.items()
    }
    modules = []
    for module in network.modules:
        raw = is_raw(network, module)
        built, fraction = _module(network, module, scales, raw, fill)
        if raw:
            signed = scales.signs[module.output]
            tensors[module.output] = TensorInfo(network.shapes[module.output], fraction, signed, 32)
        modules.append(built)
    for module in network.modules:  # a reshape of the raw output stays raw
        if module.kind in MOVES and any(tensors[name].bits == 32 for name in module.inputs):
            source = tensors[module.inputs[0]]
            tensors[module.output] = TensorInfo(network.shapes[module.output], source.fraction, source.signed, 32)
    constants = {name: tensors[name].encode(array.astype(np.float64)) for name, array in network.constants.items()}
    result = IntegerNetwork(scheme, network.ends, tensors, modules, scales=scales.method, constants=constants)
    fill_tables(network, result)
    check_accumulators(result)
    return result


def _module(
    network: FloatNetwork, module: FloatModule, scales: Scales, raw: bool, fill: Fill
) -> tuple[IntegerModule, int]:
    """The integer module, and the fraction of its accumulator."""
    fractions, bits = scales.tensors, scales.bits
    n_out = fractions[module.output]
    low, high = bits.activation_range(scales.signs[module.output])
    if raw:
        low, high = -(1 << 31), (1 << 31) - 1
        if module.relu:
            low = 0
    built = frame(module, raw)
    accumulator = fractions[module.inputs[0]]
    if module.kind == "conv":
        built.weight_bits, built.bias_bits = bits.weights, bits.biases
        accumulator = fill(module, built)
    elif module.kind == "add":
        first, second = (fractions[name] for name in module.inputs)
        accumulator = max(first, second)
        built.attributes["shifts"] = (accumulator - first, accumulator - second)
        shift = 0 if raw else accumulator - n_out
        built.shift = np.full(network.shapes[module.output][2], shift, np.int32)
    elif module.kind in ("mul", "matmul"):
        accumulator = sum(fractions[name] for name in module.inputs)
        built.shift = np.full(network.shapes[module.output][2], 0 if raw else accumulator - n_out, np.int32)
    elif module.kind == "avgpool" and raw:
        built.attributes["raw_sum"] = True
    built.low, built.high = low, upper_code(module.clip, accumulator if raw else n_out, high)
    return built, accumulator


def frame(module: FloatModule, raw: bool) -> IntegerModule:
    """The integer module of a float module without any numbers; ``raw``: it keeps its accumulator."""
    built = IntegerModule(module.name, module.kind, list(module.inputs), module.output, shortcut=module.shortcut)
    built.relu, built.requantize = module.relu, not raw
    built.attributes, built.operators = dict(module.attributes), module.operators
    if module.kind == "host":
        assert module.function is not None
        assert module.view is not None
        built.function = np.frombuffer(module.function.content, np.uint8)
        built.attributes |= {"views": tuple(view.axes for view in module.views), "view": module.view.axes}
    built.stride, built.pads, built.dilation, built.groups = (
        module.stride, module.pads, module.dilation, module.groups,
    )  # fmt: skip
    return built


def fill_tables(network: FloatNetwork, integer: IntegerNetwork) -> None:
    """Write the tables of functions, of every code that their inputs can have."""
    for module, built in zip(network.modules, integer.modules, strict=True):
        if module.kind == "table":
            assert module.function is not None
            source, target = integer.tensors[module.inputs[0]], integer.tensors[module.output]
            codes = source.codes()
            with np.errstate(all="ignore"):
                found = activate(module.function.apply(source.values(codes) * 2.0**-source.fraction), module)
            real = np.clip(np.nan_to_num(found.astype(np.float64)), -1e30, 1e30)
            built.table = np.zeros(256, np.uint8)
            built.table[codes.view(np.uint8)] = target.encode(real).view(np.uint8)


def fill_shifts(module: FloatModule, built: IntegerModule, weight: NDArray[Any], scales: Scales) -> int:
    """Fill in a convolution at power-of-two scales; its weights are given as codes at N_w.

    Returns:
        The smallest fraction of its accumulators.
    """
    assert module.bias is not None
    n_w = scales.weights[module.name]
    n_acc = scales.tensors[module.inputs[0]] + n_w
    n_bias = np.minimum(scales.biases.get(module.name, n_acc), n_acc)
    built.weight = weight.astype(np.int8)
    bias = scales.values.get(module.name, module.bias)
    built.bias = codes(bias, n_bias, -scales.bits.largest_bias, scales.bits.largest_bias).astype(np.int32)
    built.bias_shift = (n_acc - n_bias).astype(np.int32)
    built.shift = (n_acc - scales.tensors[module.output] if built.requantize else np.zeros(len(n_w))).astype(np.int32)
    if module.shortcut is not None:
        built.shortcut_shift = (n_acc - scales.tensors[module.shortcut]).astype(np.int32)
    return int(n_acc.min())

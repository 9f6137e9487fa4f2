# SPDX-License-Identifier: Apache-2.0
"""Networks for the system tests: the digits example, and a random one with every kind of module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import sp2
from shiftwork.codes.exponential import ACC_BITS, ACTIVATION_BITS, WEIGHT_BITS, Exponential
from shiftwork.example import CALIBRATION, MODEL, TEST
from shiftwork.golden.model import evaluate, module_sums
from shiftwork.network.data import load_data
from shiftwork.network.ends import Ends
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import (
    ExponentialCodes,
    IntegerModule,
    IntegerNetwork,
    Kind,
    MixedRows,
    Stream,
    TensorInfo,
    Terms,
)
from shiftwork.quantize import dnateq, msq
from shiftwork.quantize.finer_input import with_copies
from shiftwork.quantize.fixed8 import quantize
from shiftwork.quantize.tr import TrOptions, configure
from shiftwork.tensors.im2col import output_size

MODES: dict[str, Terms] = {
    "fixed8-weights": Terms(False, "weights"),
    "fixed8-activations": Terms(False, "activations"),
    "tr-weights": Terms(True, "weights", 8, 12, 3),
    "tr-activations": Terms(True, "activations", 16, 18, 0),
}
"""Modes of 8-bit codes and their terms."""

MSQ_MODES: dict[str, tuple[str, str]] = {
    "msq-free": ("msq", "free"),
    "msq-pot": ("msq", "pot"),
    "fixed4-free": ("fixed4", "free"),
    "sp2-pot": ("sp2", "pot"),
}
"""Modes of 4-bit codes: scheme, and steps that are requantized by scale (free) or by shift (pot)."""


EXP_MODE = "dnateq"
"""The mode of exponential codes."""


def least_longer(network: IntegerNetwork, predicted: int) -> int:
    """Cycles that stalls cost a layer at least, beside its predicted ones.

    None; but rows of exponential codes take turns at the multipliers, and a stall can fall so that sums wait less for
    theirs: up to one cycle in a hundred.
    """
    return -(predicted // 100 + 1) if network.scheme == "dnateq" else 0


def in_copies(mode: str, images: int) -> tuple[IntegerNetwork, NDArray[np.float32]]:
    """The example in 4-bit rows with its input in four copies, and its first test images."""
    network = with_copies(import_onnx(MODEL), 2, 4)
    scheme, alpha = MSQ_MODES[mode]
    samples = load_data(CALIBRATION, network).x
    return msq.quantize(network, samples, scheme, alpha=alpha), load_data(TEST, network, images).x


def ends_of(tensors: Mapping[str, TensorInfo], result: str, source: str = "x") -> Ends:
    """Ends of a network of one input and one output."""
    return Ends.of_maps(source, tensors[source].shape, result, tensors[result].shape)


def digits(mode: str, images: int) -> tuple[IntegerNetwork, NDArray[np.float32]]:
    """The example under a mode, and its first test images."""
    network = import_onnx(MODEL)
    samples, x = load_data(CALIBRATION, network).x, load_data(TEST, network, images).x
    if mode in MSQ_MODES:
        scheme, alpha = MSQ_MODES[mode]
        return msq.quantize(network, samples, scheme, alpha=alpha), x
    if mode == EXP_MODE:
        return dnateq.quantize(network, samples[:64], 4), x
    fixed8 = quantize(network, samples)
    config = MODES[mode]
    if config.enabled:
        return configure(fixed8, TrOptions(stream=config.stream)), x
    return _streaming(fixed8, config.stream), x


def _streaming(network: IntegerNetwork, stream: Stream) -> IntegerNetwork:
    result = network.copy()
    for module in result.modules:
        module.format = replace(module.format, stream=stream)
    return result


class Parameters:
    """Random parameters of 8-bit convolutions."""

    bits = 8

    def __init__(self, terms: Terms, rng: np.random.Generator) -> None:
        self.terms = terms
        self.scheme = "tr" if terms.enabled else "fixed8"
        self.rng = rng

    def weights(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Weights (out, ky, kx, in), and what belongs to them."""
        weight = np.clip(self.rng.normal(0, 45, shape), -127, 127).astype(np.int8)
        return {"weight": weight, "format": self.terms}

    def scales(self, shape: tuple[int, ...], raw: bool, shortcut: bool) -> dict[str, Any]:
        """Bias and shifts."""
        rng, out, taps = self.rng, shape[0], int(np.prod(shape[1:]))
        return {
            "bias": rng.integers(-900, 900, out).astype(np.int32),
            "bias_shift": rng.integers(0, 4, out).astype(np.int32),
            "shift": np.zeros(out, np.int32) if raw else rng.integers(6, 9, out).astype(np.int32) + (taps > 99),
            "shortcut_shift": rng.integers(0, 9, out).astype(np.int32) if shortcut else None,
        }

    def of(self, shape: tuple[int, ...], raw: bool, shortcut: bool) -> dict[str, Any]:
        """All of a convolution."""
        return self.weights(shape) | self.scales(shape, raw, shortcut)


class MsqParameters(Parameters):
    """Random parameters of 4-bit convolutions: rows of both kinds, and under ``msq`` of one kind in every third layer,
    free scales or shifts."""

    bits = 4

    def __init__(self, scheme: str, alpha: str, rng: np.random.Generator) -> None:
        super().__init__(Terms(), rng)
        self.scheme, self.alpha = scheme, alpha
        self.layers = 0

    def weights(self, shape: tuple[int, ...]) -> dict[str, Any]:
        share = {"fixed4": 0.0, "sp2": 1.0, "msq": (0.6, 0.1, 1.0)[self.layers % 3]}[self.scheme]
        self.layers += 1
        row_sp2 = self.rng.random(shape[0]) < share
        real = self.rng.normal(0, 0.5, shape)
        weight = sp2.project(real, 1.0, sp2.fixed_levels())
        weight[row_sp2] = sp2.project(real[row_sp2], 1.0, sp2.levels())
        return {"weight": weight.astype(np.int8), "format": MixedRows(row_sp2)}

    def scales(self, shape: tuple[int, ...], raw: bool, shortcut: bool) -> dict[str, Any]:
        rng, out = self.rng, shape[0]
        bias = rng.integers(-90, 90, out).astype(np.int32)
        if self.alpha == "pot":
            shift = np.zeros(out, np.int32) if raw else rng.integers(3, 6, out).astype(np.int32)
            return {"bias": bias, "shift": shift, "shortcut_shift": np.maximum(shift - 1, 0) if shortcut else None}
        if raw:
            return {"bias": bias, "attributes": {"step": 0.1}}
        shift = rng.integers(18, 22, out).astype(np.int32)
        factor = rng.integers(1 << 15, 1 << 16, out).astype(np.int32)
        places = shift - rng.integers(0, 3, out).astype(np.int32) if shortcut else None
        return {"bias": bias, "factor": factor, "shift": shift, "shortcut_shift": places}

    def of(self, shape: tuple[int, ...], raw: bool, shortcut: bool) -> dict[str, Any]:
        found = super().of(shape, raw, shortcut)
        if "factor" in found:
            found["format"] = replace(found["format"], factor=found.pop("factor"))
        return found


def parameters_of(mode: Terms | str, rng: np.random.Generator) -> Parameters:
    """Random parameters of convolutions of 8-bit codes with some terms, or of a mode."""
    if isinstance(mode, str) and mode in MSQ_MODES:
        return MsqParameters(*MSQ_MODES[mode], rng)
    return Parameters(MODES[mode] if isinstance(mode, str) else mode, rng)


def every_kind(mode: str, seed: int) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network with random parameters in which every kind of module occurs, and codes of two images.

    Signed input, odd map sizes, strides, one-sided padding, groups, depthwise, shortcuts of both signs, reductions of
    less than one slice, of more than one and of a partial group, channel counts that are no multiple of the shape.
    """
    if mode == EXP_MODE:
        return _exponential(*every_kind("fixed8-activations", seed), seed)
    rng = np.random.default_rng(seed)
    parameters = parameters_of(mode, rng)
    bits = parameters.bits
    lowest, highest = -(1 << (bits - 1)), (1 << bits) - 1
    tensors: dict[str, TensorInfo] = {"x": TensorInfo((9, 7, 5), 5, True, bits)}
    modules: list[IntegerModule] = []

    def conv(
        name: str, source: str, shape: tuple[int, int, int], kernel: tuple[int, int], relu: bool, **more: Any
    ) -> None:
        depth = tensors[source].shape[2] // more.get("groups", 1)
        raw = name == "out"
        tensors[name] = TensorInfo(shape, 5, not relu, 32 if raw else bits)
        weights = (shape[2], *kernel, depth)
        more |= parameters.of(weights, raw, "shortcut" in more)
        modules.append(
            IntegerModule(
                name,
                "conv",
                [source],
                name,
                relu=relu,
                low=-(1 << 31) if raw else 0 if relu else lowest,
                high=(1 << 31) - 1 if raw else highest if relu else highest >> 1,
                requantize=not raw,
                **more,
            )
        )

    def other(
        name: str, kind: str, sources: list[str], size: tuple[int, int, int], signed: bool, **attributes: object
    ) -> None:
        tensors[name] = TensorInfo(size, 5, signed, bits)
        low, high = (lowest, highest >> 1) if signed else (0, highest)
        module = IntegerModule(name, kind, sources, name, low=low, high=high, attributes=dict(attributes))  # type: ignore[arg-type]
        if kind == "add":
            module.shift = np.full(size[2], 2, np.int32)
        modules.append(module)

    pool = {"kernel": (2, 2), "stride": (2, 2), "pads": (0, 0, 0, 0), "ceil_mode": False}
    conv("c1", "x", (9, 7, 10), (3, 3), True, pads=(1, 1, 1, 1))
    conv("c2", "c1", (9, 7, 10), (3, 3), False, pads=(1, 1, 1, 1), shortcut="c1")
    conv("c3", "c2", (9, 7, 10), (1, 1), True, shortcut="c2")
    conv("grouped", "c3", (5, 4, 6), (3, 3), True, pads=(1, 1, 1, 1), stride=(2, 2), groups=2)
    conv("depthwise", "grouped", (5, 4, 6), (3, 3), False, pads=(1, 1, 1, 1), groups=6)
    conv("onesided", "depthwise", (5, 4, 6), (2, 3), True, pads=(1, 0, 0, 2))
    other("added", "add", ["grouped", "onesided"], (5, 4, 6), False, shifts=(1, 2))
    other("joined", "concat", ["added", "grouped"], (5, 4, 12), False)
    other("averaged", "avgpool", ["joined"], (3, 2, 12), False, count_include_pad=False, **{**pool, "ceil_mode": True})
    other("pooled", "maxpool", ["joined"], (2, 2, 12), False, **pool)
    other("cut", "slice", ["averaged"], (2, 2, 12), False, starts=(0, 0, 0), stops=(2, 2, 12), steps=(1, 1, 1))
    other("both", "concat", ["pooled", "cut"], (2, 2, 24), False)
    other("padded", "pad", ["both"], (3, 4, 24), False, pads=((0, 1), (1, 1), (0, 0)))
    other("flat", "reshape", ["padded"], (1, 1, 288), False, steps=((24, 1), (3, 96), (4, 24)), shape=(1, 1, 288))
    conv("dense", "flat", (1, 1, 33), (1, 1), True)
    conv("out", "dense", (1, 1, 7), (1, 1), False)
    network = IntegerNetwork(parameters.scheme, ends_of(tensors, "out"), tensors, modules)
    return network, rng.integers(lowest, -lowest, (2, 9, 7, 5)).astype(np.int8)


def depthwise(terms: Terms | str, seed: int) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network of depthwise convolutions with random parameters, and codes of two images.

    Kernels of one to many taps, stride 2, channels that are and that are no multiple of the rows, prime numbers among
    them, a multiplier of two, and convolutions of all channels in between.
    """
    return _chain(terms, seed, (11, 9, 24), [
        _Layer("d24", (11, 9, 24), 3, groups=24),
        _Layer("p7", (11, 9, 7), 1),
        _Layer("d7", (11, 9, 7), 5, groups=7),
        _Layer("p19", (11, 9, 19), 1),
        _Layer("d19", (11, 9, 19), 3, groups=19),
        _Layer("p16", (11, 9, 16), 1),
        _Layer("d16", (6, 5, 16), 7, 2, groups=16),
        _Layer("doubled", (6, 5, 32), 3, groups=16),
        _Layer("d32", (6, 5, 32), 1, groups=32),
        _Layer("out", (1, 1, 7), 0),
    ])  # fmt: skip


def long_sums(terms: Terms, seed: int) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network whose first layer needs shorter slices for its largest sums, and codes of two images."""
    network, codes = _chain(terms, seed, (5, 6, 40), [_Layer("c1", (5, 6, 9), 3), _Layer("out", (1, 1, 7), 0)])
    weight = network.modules[0].weight
    assert weight is not None
    weight[:2] = np.reshape([127, -127], (2, 1, 1, 1))
    codes[0] = np.where(codes[0] < 0, -128, 127)
    return network, codes


def followed(terms: Terms | str, seed: int) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network whose layers read what the one before them writes, and codes of two images.

    Taps within a block, to the right and below, groups, stride 2, shortcuts, a layer that reads an older tensor, maps
    of many blocks and of one, more and fewer channels than rows, several times as many.
    """
    return _chain(terms, seed, (19, 26, 3), [
        _Layer("c1", (19, 26, 9), 3),
        _Layer("c2", (19, 26, 4), 1),
        _Layer("c3", (19, 26, 8), 5),
        _Layer("grouped", (19, 26, 10), 3, groups=2),
        _Layer("halved", (10, 13, 16), 3, 2),
        _Layer("c4", (10, 13, 24), 3),
        _Layer("c5", (10, 13, 24), 3, shortcut="c4"),
        _Layer("older", (10, 13, 6), 1, source="c4"),
        _Layer("wide", (10, 13, 20), 3, source="c5"),
        _Layer("again", (5, 7, 32), 1, 2),
        _Layer("c6", (5, 7, 32), 3, shortcut="again"),
        _Layer("last", (3, 4, 27), 3, 2),
        _Layer("dense", (1, 1, 12), 0),
        _Layer("out", (1, 1, 7), 1),
    ])  # fmt: skip


def pooled(terms: Terms | str, seed: int) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network whose poolings take what they read part by part where the memory is small; codes of two images."""
    return _chain(terms, seed, (8, 12, 3), [
        _Layer("c1", (8, 12, 28), 3),
        _Layer("p1", (4, 6, 28), 2, 2, pool=True),
        _Layer("c2", (4, 6, 60), 3),
        _Layer("p2", (2, 3, 60), 2, 2, pool=True),
        _Layer("dense", (1, 1, 7), 0),
    ])  # fmt: skip


@dataclass(frozen=True)
class First:
    """What a first layer reads: rows and columns; pads: top, left, bottom, right."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)


FIRST = {
    "11x11, 4x4": First((11, 11), (4, 4), (2, 2, 2, 2)),
    "3x3, 3x3": First((3, 3), (3, 3), (1, 0, 0, 2)),
    "7x5, 4x2": First((7, 5), (4, 2), (3, 2, 3, 2)),
    "3x3, 1x2": First((3, 3), (1, 2), (1, 1, 1, 1)),
    "3x4, 2x1": First((3, 4), (2, 1), (1, 2, 1, 1)),
    "patches": First((8, 8), (8, 8)),
    "dilated": First((3, 2), (3, 4), (2, 0, 2, 1), (2, 3)),
}
"""First layers of large and unequal strides: kernels that are and that are no multiple of them."""


def strided(
    terms: Terms | str, seed: int, first: First, shape: tuple[int, int, int] = (25, 31, 3)
) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network with such a first layer and random parameters, and codes of two images."""
    rng = np.random.default_rng(seed)
    height, width = (
        output_size(shape[axis], first.kernel[axis], first.stride[axis], *first.pads[axis::2], first.dilation[axis])
        for axis in (0, 1)
    )
    network, _ = _chain(terms, seed, (height, width, 10), [
        _Layer("second", (height, width, 12), 3),
        _Layer("out", (1, 1, 7), 0),
    ])  # fmt: skip
    weights, parameters = (10, *first.kernel, shape[2]), parameters_of(terms, rng)
    bits = parameters.bits
    module = IntegerModule("first", "conv", ["image"], "x", stride=first.stride, pads=first.pads,
                           dilation=first.dilation, **parameters.of(weights, False, False))  # fmt: skip
    tensors = {"image": TensorInfo(shape, 5, True, bits), **network.tensors}
    network = replace(network, ends=ends_of(tensors, "out", "image"), modules=[module, *network.modules],
                      tensors=tensors)  # fmt: skip
    return network, rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (2, *shape)).astype(np.int8)


@dataclass(frozen=True)
class _Layer:
    """A convolution or maximum: its output's name and shape, its kernel (0: the whole map); what it reads, else the one
    before it.
    """

    name: str
    shape: tuple[int, int, int]
    kernel: int
    stride: int = 1
    groups: int = 1
    source: str | None = None
    shortcut: str | None = None
    pool: bool = False


def _chain(
    terms: Terms | str, seed: int, shape: tuple[int, int, int], layers: Sequence[_Layer]
) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """Convolutions with random parameters, the last one raw, and codes of two images."""
    rng = np.random.default_rng(seed)
    parameters = parameters_of(terms, rng)
    bits = parameters.bits
    highest = (1 << bits) - 1
    tensors, source = {"x": TensorInfo(shape, 5, True, bits)}, "x"
    modules: list[IntegerModule] = []
    for layer in layers:
        name, raw, source = layer.name, layer is layers[-1], layer.source or source
        before = tensors[source].shape
        if layer.pool:
            tensors[name] = TensorInfo(layer.shape, 5, False, bits)
            window = {"kernel": (layer.kernel,) * 2, "stride": (layer.stride,) * 2, "pads": (0,) * 4, "ceil_mode": 0}
            modules.append(IntegerModule(name, "maxpool", [source], name, low=0, high=highest, attributes=window))
            source = name
            continue
        size = (layer.kernel, layer.kernel) if layer.kernel else before[:2]
        weights = (layer.shape[2], *size, before[2] // layer.groups)
        more = parameters.of(weights, raw, layer.shortcut is not None)
        limits = {"low": -(1 << 31), "high": (1 << 31) - 1} if raw else {"low": 0, "high": highest}
        tensors[name] = TensorInfo(layer.shape, 5, raw, 32 if raw else bits)
        modules.append(
            IntegerModule(
                name,
                "conv",
                [source],
                name,
                relu=not raw,
                requantize=not raw,
                stride=(layer.stride, layer.stride),
                pads=(layer.kernel // 2,) * 4,
                groups=layer.groups,
                shortcut=layer.shortcut,
                **limits,
                **more,
            )
        )
        source = name
    network = IntegerNetwork(parameters.scheme, ends_of(tensors, source), tensors, modules)
    return network, rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (2, *shape)).astype(np.int8)


def addresses(seed: int) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network with what the accelerator only addresses, with random parameters, and codes of two images.

    A concatenation of three parts, one of them a concatenation, and a shortcut that is sliced and padded by channels.
    """
    rng = np.random.default_rng(seed)
    parameters = Parameters(Terms(), rng)
    tensors = {"x": TensorInfo((11, 9, 5), 5, True)}
    modules: list[IntegerModule] = []

    def conv(name: str, source: str, shape: tuple[int, int, int], kernel: tuple[int, int], **more: Any) -> None:
        raw = name == "out"
        weights = (shape[2], *kernel, tensors[source].shape[2])
        tensors[name] = TensorInfo(shape, 5, raw, 32 if raw else 8)
        more |= {"low": -(1 << 31), "high": (1 << 31) - 1} if raw else {"low": 0, "high": 255}
        more |= parameters.of(weights, raw, "shortcut" in more)
        modules.append(IntegerModule(name, "conv", [source], name, relu=not raw, requantize=not raw, **more))

    def move(name: str, kind: Kind, sources: list[str], shape: tuple[int, int, int], **attributes: object) -> None:
        tensors[name] = TensorInfo(shape, 5, False)
        modules.append(IntegerModule(name, kind, sources, name, low=0, high=255, attributes=attributes))

    conv("first", "x", (11, 9, 8), (3, 3), pads=(1, 1, 1, 1))
    conv("left", "first", (11, 9, 4), (1, 1))
    conv("middle", "first", (11, 9, 3), (1, 1))
    conv("right", "first", (11, 9, 5), (3, 3), pads=(1, 1, 1, 1))
    move("some", "concat", ["middle", "right"], (11, 9, 8))
    move("all", "concat", ["left", "some"], (11, 9, 12))
    move("cut", "slice", ["first"], (6, 5, 8), starts=(0, 0, 0), stops=(11, 9, 8), steps=(2, 2, 1))
    move("padded", "pad", ["cut"], (6, 5, 16), pads=((0, 0), (0, 0), (3, 5)))
    conv("down", "all", (6, 5, 16), (3, 3), pads=(1, 1, 1, 1), stride=(2, 2), shortcut="padded")
    conv("out", "down", (1, 1, 7), (6, 5))
    network = IntegerNetwork(parameters.scheme, ends_of(tensors, "out"), tensors, modules)
    return network, rng.integers(-128, 128, (2, 11, 9, 5)).astype(np.int8)


def _exponential(
    template: IntegerNetwork, codes: NDArray[np.integer], seed: int
) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """The same modules with random exponential codes: every tensor has a width and levels of its own, thresholds are
    quantiles of the sums that two random images give."""
    rng = np.random.default_rng(seed)

    def random_code(magnitude: int) -> tuple[Exponential, NDArray[np.int64]]:
        code = Exponential(int(rng.integers(3, 8)), 2.0, 1.0, 0.0)
        return code, np.sort(rng.integers(0, 1 << magnitude, 2 * code.radius + 1))

    network = template.copy()
    network.scheme = "dnateq"
    code, levels = random_code(ACTIVATION_BITS)
    legal = np.delete(np.arange(2 << code.bits), 3 << (code.bits - 1)).astype(np.uint8)
    x = rng.choice(legal, codes.shape)
    shape = network.tensors["x"].shape
    network.tensors["x"] = TensorInfo(shape, 5, False, code.bits + 1, code, tuple(levels.tolist()))
    tensors: dict[str, NDArray[np.integer]] = {"x": x}
    for module in network.modules:
        source, shape = network.tensors[module.inputs[0]], network.tensors[module.output].shape
        assert source.code is not None
        module.format, module.low, module.high = ExponentialCodes(), -(1 << (ACC_BITS - 1)), (1 << (ACC_BITS - 1)) - 1
        if module.kind == "conv":
            assert module.weight is not None
            width = source.code.bits
            weight_levels = np.sort(rng.integers(0, 1 << WEIGHT_BITS, len(source.levels or ()))).astype(np.int32)
            module.format = ExponentialCodes(Exponential(width, 2.0, 1.0, 0.0), weight_levels)
            module.weight = rng.choice(np.delete(np.arange(2 << width), 3 << (width - 1)), module.weight.shape)
            module.weight = module.weight.astype(np.uint8)
            module.weight_bits, module.bias_bits, module.bias_shift, module.shift = width + 1, ACC_BITS, None, None
            module.bias = rng.integers(-(1 << 28), 1 << 28, len(module.weight))
            if module.shortcut is not None:
                module.shortcut_shift = rng.integers(0, 16, len(module.weight)).astype(np.int32)
            total = module_sums(network, module, tensors)
        elif module.kind in ("add", "avgpool", "concat"):
            if module.kind != "avgpool":
                module.attributes["shifts"] = tuple(int(shift) for shift in rng.integers(0, 9, len(module.inputs)))
            total = evaluate(network, module, tensors).astype(np.int64)
        else:
            network.tensors[module.output] = replace(source, shape=shape)
            tensors[module.output] = evaluate(network, module, tensors)
            continue
        if module.requantize:
            code, levels = random_code(ACTIVATION_BITS)
            quantiles = np.quantile(np.abs(total), np.sort(rng.random(2 * code.radius)))
            module.format = replace(module.format, thresholds=quantiles.astype(np.int64))  # type: ignore[call-arg]
            module.low, module.high = -code.radius, code.radius
            network.tensors[module.output] = TensorInfo(
                shape, 5, False, code.bits + 1, code, tuple(int(level) for level in levels)
            )
        else:
            network.tensors[module.output] = TensorInfo(shape, 5, True, ACC_BITS)
        tensors[module.output] = evaluate(network, module, tensors)
    return network, x

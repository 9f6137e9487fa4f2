# SPDX-License-Identifier: Apache-2.0
"""Networks for the system tests: the digits example, and a random one with every kind of module."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerModule, IntegerNetwork, Stream, TensorInfo, TermConfig
from shiftwork.quantize.fixed8 import quantize
from shiftwork.quantize.tr import TrOptions, configure
from shiftwork.report.demo import CALIBRATION, MODEL, TEST

MODES: dict[str, TermConfig] = {
    "fixed8-weights": TermConfig(False, "weights"),
    "fixed8-activations": TermConfig(False, "activations"),
    "tr-weights": TermConfig(True, "weights", 8, 12, 3),
    "tr-activations": TermConfig(True, "activations", 16, 18, 0),
}


def digits(mode: str, images: int) -> tuple[IntegerNetwork, NDArray[np.float32]]:
    """The example under a mode, and its first test images."""
    network = import_onnx(MODEL)
    fixed8 = quantize(network, load_data(CALIBRATION, network).x)
    x = load_data(TEST, network, images).x
    config = MODES[mode]
    if config.enabled:
        return configure(fixed8, TrOptions(stream=config.stream)), x
    return _streaming(fixed8, config.stream), x


def _streaming(network: IntegerNetwork, stream: Stream) -> IntegerNetwork:
    result = network.copy()
    for module in result.modules:
        module.terms = replace(module.terms, stream=stream)
    return result


def every_kind(mode: str, seed: int) -> tuple[IntegerNetwork, NDArray[np.int8]]:
    """A network with random parameters in which every kind of module occurs, and codes of two images.

    Signed input, odd map sizes, strides, one-sided padding, groups, depthwise, shortcuts of both signs, reductions of
    less than one slice, of more than one and of a partial group, channel counts that are no multiple of the shape.
    """
    rng = np.random.default_rng(seed)
    terms = MODES[mode]
    tensors: dict[str, TensorInfo] = {"x": TensorInfo((9, 7, 5), 5, True)}
    modules: list[IntegerModule] = []

    def conv(
        name: str, source: str, shape: tuple[int, int, int], kernel: tuple[int, int], relu: bool, **more: object
    ) -> None:
        groups = int(more.get("groups", 1))  # type: ignore[call-overload]
        depth = tensors[source].shape[2] // groups
        out = shape[2]
        taps = kernel[0] * kernel[1] * depth
        raw = name == "out"
        tensors[name] = TensorInfo(shape, 5, not relu, 32 if raw else 8)
        modules.append(
            IntegerModule(
                name,
                "conv",
                [source],
                name,
                weight=np.clip(rng.normal(0, 45, (out, *kernel, depth)), -127, 127).astype(np.int8),
                bias=rng.integers(-900, 900, out).astype(np.int32),
                bias_shift=rng.integers(0, 4, out).astype(np.int32),
                shift=np.zeros(out, np.int32) if raw else rng.integers(6, 9, out).astype(np.int32) + (taps > 99),
                shortcut_shift=rng.integers(0, 9, out).astype(np.int32) if "shortcut" in more else None,
                relu=relu,
                low=-(1 << 31) if raw else 0 if relu else -128,
                high=(1 << 31) - 1 if raw else 255 if relu else 127,
                requantize=not raw,
                terms=terms,
                **more,  # type: ignore[arg-type]
            )
        )

    def other(
        name: str, kind: str, sources: list[str], size: tuple[int, int, int], signed: bool, **attributes: object
    ) -> None:
        tensors[name] = TensorInfo(size, 5, signed)
        low, high = (-128, 127) if signed else (0, 255)
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
    other("flat", "reshape", ["padded"], (1, 1, 288), False, shape=(1, 1, 288))
    conv("dense", "flat", (1, 1, 33), (1, 1), True)
    conv("out", "dense", (1, 1, 7), (1, 1), False)
    network = IntegerNetwork("tr" if terms.enabled else "fixed8", "x", "out", tensors, modules)
    return network, rng.integers(-128, 128, (2, 9, 7, 5)).astype(np.int8)

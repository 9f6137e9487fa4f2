# SPDX-License-Identifier: Apache-2.0
"""Random networks of everything that the accelerator computes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo, Terms
from system.networks import ends_of, parameters_of

FRACTION = 5
"""Of all tensors but the results of averages that are more precise."""


class _Maker:
    def __init__(self, terms: Terms | str, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.parameters = parameters_of(terms, self.rng)
        self.tensors: dict[str, TensorInfo] = {}
        self.modules: list[IntegerModule] = []

    def pick(self, *values: Any) -> Any:
        return values[self.rng.integers(len(values))]

    def module(self, name: str, kind: Any, sources: list[str], shape: tuple[int, int, int], **more: Any) -> str:
        """Add a module whose output is unsigned, of the codes' bits unless ``bits`` says more."""
        bits = more.pop("bits", self.parameters.bits)
        fraction = more.pop("fraction", FRACTION)
        self.tensors[name] = TensorInfo(shape, fraction, bits > 8, bits)
        limits = {"low": -(1 << 31), "high": (1 << 31) - 1} if bits > 8 else {"low": 0, "high": (1 << bits) - 1}
        self.modules.append(IntegerModule(name, kind, sources, name, **limits, **more))
        return name

    def conv(self, name: str, source: str, last: bool = False) -> str:
        rng, pick = self.rng, self.pick
        height, width, channels = self.tensors[source].shape
        kernel = (height, width) if last else (int(pick(1, 1, 2, 3, 3, 5)), int(pick(1, 1, 2, 3, 3, 5)))
        stride, dilation = (1, 1) if last else (int(pick(1, 1, 2)), int(pick(1, 1, 1, 2)))
        kernel = kernel if last or name != "m0" or stride == 1 else (3, 3)
        pads = (0, 0, 0, 0) if last else tuple(int(rng.integers(dilation * (k - 1) + 1)) for k in (*kernel, *kernel))
        groups = 1 if last else int(pick(1, 1, 1, *(g for g in (2, 3, channels) if channels % g == 0)))
        size = [
            (whole + before + after - dilation * (k - 1) - 1) // stride + 1
            for whole, k, before, after in zip((height, width), kernel, pads[:2], pads[2:], strict=True)
        ]
        if min(size) < 1:
            return source
        out = groups * int(rng.integers(1, 1 + max(1, 24 // groups))) if groups < channels or groups == 1 else channels
        shape = (size[0], size[1], out)
        same = [tensor for tensor, info in self.tensors.items()
                if tensor not in ("x", source) and info.shape == shape and info.fraction == FRACTION]  # fmt: skip
        shortcut = None if last or not same or rng.random() < 0.3 else str(pick(*same))
        weights = (out, *kernel, channels // groups)
        more = self.parameters.of(weights, last, shortcut is not None)
        return self.module(name, "conv", [source], shape, relu=not last, requantize=not last, stride=(stride, stride),
                           dilation=(dilation, dilation), pads=pads, groups=groups, shortcut=shortcut,
                           bits=32 if last else self.parameters.bits, **more)  # fmt: skip

    def pool(self, name: str, source: str) -> str:
        height, width, channels = self.tensors[source].shape
        kind = str(self.pick("maxpool", "avgpool"))
        kernel, stride = int(self.pick(2, 3)), int(self.pick(1, 2))
        if min(height, width) < kernel:
            return source
        shape = ((height - kernel) // stride + 1, (width - kernel) // stride + 1, channels)
        attributes = {"kernel": (kernel, kernel), "stride": (stride, stride), "pads": (0, 0, 0, 0), "ceil_mode": False}
        if kind == "maxpool":
            return self.module(name, kind, [source], shape, attributes=attributes)
        return self.module(name, kind, [source], shape, fraction=FRACTION + int(self.pick(0, 2)),
                           attributes=attributes | {"count_include_pad": False})  # fmt: skip

    def average(self, name: str, source: str) -> str:
        height, width, channels = self.tensors[source].shape
        attributes = {"kernel": (height, width), "stride": (1, 1), "pads": (0, 0, 0, 0), "ceil_mode": False,
                      "count_include_pad": False}  # fmt: skip
        return self.module(name, "avgpool", [source], (1, 1, channels), attributes=attributes)

    def add(self, name: str, source: str) -> str:
        info = self.tensors[source]
        other = [tensor for tensor, known in self.tensors.items() if known.shape == info.shape and tensor != "x"]
        shifts = (0, 1) if self.rng.random() < 0.5 else (2, 0)
        second = str(self.pick(*other))
        return self.module(name, "add", [source, second], info.shape, relu=True, attributes={"shifts": shifts},
                           shift=np.full(info.shape[2], 2, np.int32))  # fmt: skip


def random_network(terms: Terms | str, seed: int, modules: int = 7) -> tuple[IntegerNetwork, NDArray[np.integer]]:
    """A network with random parameters, of 8-bit codes with some terms or of a mode, and codes of an image.

    Convolutions of all sorts with and without shortcuts, pooling, additions, at the end a fully connected layer, often
    behind an average over the map.
    """
    make = _Maker(terms, seed)
    rng = make.rng
    shape = (int(rng.integers(3, 30)), int(rng.integers(3, 30)), int(rng.integers(1, 12)))
    bits = make.parameters.bits
    make.tensors["x"] = TensorInfo(shape, FRACTION, True, bits)
    source = make.conv("m0", "x")
    while source == "x":
        source = make.conv("m0", "x")
    for index in range(1, modules):
        what = make.pick(make.conv, make.conv, make.conv, make.pool, make.add)
        source = what(f"m{index}", source)
    if rng.random() < 0.6:
        source = make.average("average", source)
    make.conv("out", source, last=True)
    network = IntegerNetwork(make.parameters.scheme, ends_of(make.tensors, "out"), make.tensors, make.modules)
    return network, rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (1, *shape)).astype(np.int8)

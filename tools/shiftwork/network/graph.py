# SPDX-License-Identifier: Apache-2.0
"""The float graph: a trained network as modules in NHWC, before any quantization.

The importer makes one module an ONNX node, :mod:`~shiftwork.network.unified` fuses them into unified modules. Tensors
carry the name of the ONNX value they hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.integer import Kind

Shape = tuple[int, int, int]

# Kinds whose output holds codes of their inputs: they share scale and signedness with them.
MOVES = frozenset({"maxpool", "concat", "slice", "pad", "reshape"})


@dataclass
class FloatModule:
    """One module of the float graph; the fields mean what they mean in :class:`IntegerModule`.

    Attributes:
        weight: float64 ``[out][ky][kx][in]`` with batch normalization folded, for ``conv`` only. bias: float64 (out,).
        relu: negative outputs become 0. clip: upper bound of the output (6.0 for ReLU6), or None.
        nodes, operators: names and types of the ONNX nodes this module covers, in dataflow order.
    """

    name: str
    kind: Kind
    inputs: list[str]
    output: str
    weight: NDArray[np.float64] | None = None
    bias: NDArray[np.float64] | None = None
    shortcut: str | None = None
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    relu: bool = False
    clip: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()

    @property
    def depthwise(self) -> bool:
        """True for a convolution in which every group has one input channel and there is more than one group."""
        return self.weight is not None and self.groups > 1 and self.weight.shape[3] == 1

    def reads(self) -> Iterator[str]:
        """Names of every tensor the module reads."""
        yield from self.inputs
        if self.shortcut is not None:
            yield self.shortcut


@dataclass
class FloatNetwork:
    """A trained network as modules in dataflow order.

    Attributes:
        path: the ONNX file. input, output: names of its input and output values, which name the tensors too.
        onnx_input: shape of the ONNX input without the batch axis, as (channels, height, width) or (features,).
        batch: the batch size when the model fixes one, else None.
        shapes: ``(height, width, channels)`` of every tensor.
    """

    path: Path
    input: str
    output: str
    onnx_input: tuple[int, ...]
    batch: int | None
    shapes: dict[str, Shape]
    modules: list[FloatModule]

    @property
    def classes(self) -> int | None:
        """Number of classes when the output is one vector per sample, else None."""
        height, width, channels = self.shapes[self.output]
        return channels if height == width == 1 else None


def live(modules: list[FloatModule], output: str) -> list[FloatModule]:
    """Modules that a tensor depends on in dataflow order: stable, but none comes before a producer of what it reads."""
    waiting = {module.output for module in modules}
    pending, done = list(modules), list[FloatModule]()
    while pending:
        for module in pending:
            if not any(name in waiting for name in module.reads()):
                break
        else:
            raise ShiftworkError("the graph has a cycle")
        pending.remove(module)
        waiting.discard(module.output)
        done.append(module)
    needed, kept = {output}, []
    for module in reversed(done):
        if module.output in needed:
            kept.append(module)
            needed.update(module.reads())
    return kept[::-1]


def to_nhwc(x: NDArray[Any]) -> NDArray[Any]:
    """(N, C, H, W) or (N, features) to (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x.reshape(len(x), 1, 1, -1)

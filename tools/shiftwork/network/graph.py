# SPDX-License-Identifier: Apache-2.0
"""The float graph: a trained network as modules in NHWC, before any quantization.

The importer makes one module an ONNX node, :mod:`~shiftwork.network.unified` fuses them into unified modules. Tensors
carry the name of the ONNX value they hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.ends import Ends, HasEnds
from shiftwork.network.integer import Kind
from shiftwork.network.submodel import SubModel
from shiftwork.tensors.layout import Shape, View

# Kinds whose output holds codes of their inputs: they share scale and signedness with them.
MOVES = frozenset({"maxpool", "concat", "slice", "pad", "reshape"})


@dataclass
class FloatModule:
    """One module of the float graph; the fields mean what they mean in :class:`IntegerModule`.

    Attributes:
        weight: float64 ``[out][ky][kx][in]`` with batch normalization folded, for ``conv`` only. bias: float64 (out,).
        relu: negative outputs become 0. clip: upper bound of the output (6.0 for ReLU6), or None.
        function: of a ``table``, element by element, and of what the ``host`` computes. signed: whether what they give
            may be negative. views: ONNX values that the ``host`` reads, in its inputs. view: the one that it writes.
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
    function: SubModel | None = None
    signed: bool = True
    views: tuple[View, ...] = ()
    view: View | None = None
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
class FloatNetwork(HasEnds):
    """A trained network as modules in dataflow order.

    Attributes:
        path: the ONNX file. ends: its inputs and outputs; the ONNX values at them name the tensors too.
        shapes: ``(height, width, channels)`` of every tensor. constants: tensors that no module computes.
        wishes: numbers of fractional bits that the model names for tensors. notes: on nodes, for reports.
        content: the model as onnxruntime reads it, where that is not the file.
    """

    path: Path
    ends: Ends
    shapes: dict[str, Shape]
    modules: list[FloatModule]
    constants: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    wishes: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None

    @property
    def batch(self) -> int | None:
        """The batch size when the model fixes one, else None."""
        return self.ends.batch if self.ends.fixed else None

    @property
    def classes(self) -> int | None:
        """Number of classes when the output is one vector per sample, else None."""
        if len(self.outputs) != 1:
            return None
        height, width, channels = self.shapes[self.output]
        return channels if height == width == 1 else None

    def macs(self, module: FloatModule) -> int:
        """Multiply-accumulates of a module for a sample; padded positions count."""
        depth = 0 if module.weight is None else math.prod(module.weight.shape[1:])
        if module.kind == "matmul":
            depth = self.shapes[module.inputs[0]][2]
        return math.prod(self.shapes[module.output]) * depth

    def entering(self, x: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Tensors (N, height, width, channels) that are there before any module: of samples, and constants."""
        maps = self.ends.maps(x, self.shapes)
        given = {name: np.ascontiguousarray(values, np.float32) for name, values in maps.items()}
        return given | {name: np.broadcast_to(value, (len(x), *value.shape)) for name, value in self.constants.items()}


def live(modules: list[FloatModule], outputs: Iterable[str]) -> list[FloatModule]:
    """Modules that tensors depend on in dataflow order: stable, but none comes before a producer of what it reads."""
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
    needed, kept = set(outputs), []
    for module in reversed(done):
        if module.output in needed:
            kept.append(module)
            needed.update(module.reads())
    return kept[::-1]

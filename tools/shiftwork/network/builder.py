# SPDX-License-Identifier: Apache-2.0
"""What the importer knows while it reads a graph: values, constants, modules so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatModule
from shiftwork.network.submodel import SubModel
from shiftwork.tensors.layout import Shape, View, in_place

Groups = Sequence[Sequence[int]]
"""Axes of an ONNX value that become height, width and channels."""


@dataclass(frozen=True)
class Value:
    """What an ONNX value is here: a tensor, and how the value lies in it."""

    tensor: str
    view: View


@dataclass(frozen=True)
class Chain:
    """A tensor that is an element-wise function of another one: the nodes that compute it, in order.

    The root is ``x`` in them, the tensor ``t:`` with its name. linear: the function is ``a * x + b``.
    """

    root: str
    nodes: tuple[Any, ...] = ()
    linear: bool = True


class Node:
    """An ONNX node with its attributes decoded and a name that can be shown."""

    def __init__(self, proto: Any) -> None:
        self.proto = proto
        self.operator: str = proto.op_type
        self.domain: str = proto.domain
        self.inputs: list[str] = list(proto.input)
        self.outputs: list[str] = list(proto.output)
        self.name: str = proto.name or next((name for name in self.outputs if name), "")
        self.attributes: dict[str, Any] = {}
        for attribute in proto.attribute:
            try:
                self.attributes[attribute.name] = onnx.helper.get_attribute_value(attribute)
            except ValueError as error:
                raise self.error(f"unreadable attribute {attribute.name!r}") from error

    def error(self, message: str) -> ShiftworkError:
        """What is wrong with the node."""
        return ShiftworkError(f"node {self.name!r} ({self.operator}): {message}")

    def has(self, index: int) -> bool:
        """Whether input ``index`` is there."""
        return index < len(self.inputs) and bool(self.inputs[index])

    def integer(self, name: str, default: int) -> int:
        """A whole number."""
        return int(self.attributes.get(name, default))

    def integers(self, name: str, default: list[int]) -> list[int]:
        """Whole numbers."""
        return [int(v) for v in self.attributes.get(name, default)]

    def real(self, name: str, default: float) -> float:
        """A number."""
        return float(self.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        """A word."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)


def renamed(proto: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """A copy of an ONNX node that reads and computes values of other names."""
    copy = onnx.NodeProto()
    copy.CopyFrom(proto)
    del copy.input[:], copy.output[:]
    copy.input.extend(inputs)
    copy.output.extend(outputs)
    return copy


@dataclass
class Builder:
    """The float graph as far as it is read.

    Attributes:
        path: of the model. batch: samples that axes have here. opsets: of the model.
        constants: arrays by the name of the ONNX value. values: of those that samples reach. shapes: of tensors.
        modules: so far. fixed: tensors (height, width, channels) that no module computes.
        chains: tensors that are functions of others, element by element. notes: what users should know of a node.
        wishes: numbers of fractional bits that the model names for tensors. coded: ONNX values that are codes of a
            QuantizeLinear in the model, and real numbers here.
        deferred: nodes by their output, which stands for their only input that samples reach until its reader is read.
    """

    path: Path
    batch: int
    opsets: list[Any]
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    modules: list[FloatModule] = field(default_factory=list)
    fixed: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    wishes: dict[str, int] = field(default_factory=dict)
    deferred: dict[str, Node] = field(default_factory=dict)
    coded: set[str] = field(default_factory=set)
    moved: dict[tuple[str, Any], str] = field(default_factory=dict)

    # -- constants

    def constant(self, node: Node, index: int, what: str) -> NDArray[Any] | None:
        """Constant input ``index`` of a node, or None when it is absent."""
        if not node.has(index):
            return None
        if node.inputs[index] not in self.constants:
            raise node.error(f"{what} {node.inputs[index]!r} must be a constant")
        return self.constants[node.inputs[index]]

    def weight(self, node: Node, index: int, what: str) -> NDArray[np.float64] | None:
        """Constant input ``index`` as finite real numbers, or None when it is absent."""
        array = self.constant(node, index, what)
        if array is None:
            return None
        name = node.inputs[index]
        if array.dtype.kind not in "fiu" and str(array.dtype) != "bfloat16":
            raise node.error(f"{what} {name!r} is not numeric ({array.dtype})")
        result = array.astype(np.float64)
        if not np.isfinite(result).all():
            raise node.error(f"{what} {name!r} holds NaN or Inf")
        return result

    def whole(self, node: Node, index: int, what: str, attribute: str = "") -> list[int] | None:
        """Whole numbers of an attribute, or of constant input ``index``; None where neither is there."""
        if attribute in node.attributes:
            return node.integers(attribute, [])
        array = self.constant(node, index, what)
        return None if array is None else [int(v) for v in np.asarray(array).reshape(-1)]

    # -- values

    def value(self, node: Node, index: int = 0) -> Value:
        """Input ``index`` of a node, which samples reach."""
        if not node.has(index) or node.inputs[index] not in self.values:
            raise node.error(f"input {index} must be computed from the network input")
        return self.values[node.inputs[index]]

    def sizes(self, value: Value) -> tuple[int, ...]:
        """Sizes of the axes of a value, the batch among them."""
        return value.view.shape(self.batch)

    def leading(self, node: Node, value: Value) -> int:
        """Number of axes behind the batch, which is the first one.

        Raises:
            ShiftworkError: another axis counts samples.
        """
        if value.view.batch_axis != 0:
            raise node.error("the first axis has to count samples, and nothing else")
        return len(value.view.axes) - 1

    def axis(self, node: Node, name: str, default: int, rank: int) -> int:
        """An attribute that names an axis, counted from the front."""
        return self.place(node, node.integer(name, default), rank)

    def place(self, node: Node, axis: int, rank: int) -> int:
        """An axis counted from the front."""
        if not -rank <= axis < rank:
            raise node.error(f"axis {axis} of {rank} axes")
        return axis + rank if axis < 0 else axis

    def map_groups(self, node: Node, value: Value) -> Groups:
        """Height, width and channels of a map (N, C, H, W) or a row of values (N, C, L)."""
        count = self.leading(node, value)
        if count not in (2, 3):
            raise node.error("a (N, C, H, W) or (N, C, L) input is expected")
        return ((2,), (3,), (1,)) if count == 3 else ((), (2,), (1,))

    def arranged(self, value: Value, groups: Groups) -> Value:
        """The same value in a tensor whose height, width and channels are those axes; moved where it has to be."""
        view, shape, steps = value.view.laid(groups)
        if in_place(steps) and self.shapes[value.tensor] == shape:
            return Value(value.tensor, view)
        key = (value.tensor, (tuple(steps), shape))
        if key not in self.moved:
            name = self.fresh(f"{value.tensor} (order)")
            module = FloatModule(name, "reshape", [value.tensor], name)
            module.attributes = {"steps": tuple(tuple(step) for step in steps), "shape": shape}
            self.append(module, shape)
            self.moved[key] = name
        return Value(self.moved[key], view)

    def map(self, node: Node, index: int = 0) -> tuple[Value, Shape]:
        """Input ``index`` as a map, and its shape."""
        value = self.value(node, index)
        found = self.arranged(value, self.map_groups(node, value))
        return found, self.shapes[found.tensor]

    def fresh(self, name: str) -> str:
        """A name that no tensor has."""
        found, number = name, 2
        while found in self.shapes:
            found, number = f"{name} {number}", number + 1
        return found

    def fix(self, name: str, array: NDArray[Any]) -> Value:
        """A constant, without a batch axis, as a tensor: (channels,), (length, channels) and so on."""
        name = self.fresh(name)
        sizes = (1,) * (3 - array.ndim) + array.shape
        shape = (int(np.prod(sizes[:-2])), sizes[-2], sizes[-1])
        self.fixed[name], self.shapes[name] = array.reshape(shape).astype(np.float32), shape
        view = View.of(shape, "n hwc").reshaped((self.batch, *array.shape), self.batch)
        assert view is not None
        return Value(name, view)

    # -- modules

    def append(self, module: FloatModule, shape: Shape, node: Node | None = None) -> None:
        """Add a module whose output has a shape."""
        if node is not None:
            if min(shape) < 1:
                raise node.error("the output is empty: the window does not fit the input")
            module.nodes, module.operators = (node.name,), (node.operator,)
        self.modules.append(module)
        self.shapes[module.output] = shape

    def emit(self, node: Node, module: FloatModule, shape: Shape, view: View) -> Value:
        """Add the module of a node; its output is the node's."""
        self.append(module, shape, node)
        return self.set(node, Value(module.output, view))

    def set(self, node: Node, value: Value, output: int = 0) -> Value:
        """Say what an output of a node is."""
        self.values[node.outputs[output]] = value
        return value

    def set_constant(self, node: Node, array: NDArray[Any], output: int = 0) -> None:
        """Say that an output of a node is a constant."""
        self.constants[node.outputs[output]] = array

    def fold(self, node: Node) -> None:
        """Compute a node that reads constants alone."""
        outputs = [name for name in node.outputs if name]
        for name, array in zip(
            outputs, SubModel.of([node.proto], self.constants, [], outputs, self.opsets).run([]), strict=True
        ):
            self.constants[name] = array

    def part(self, node: Node, nodes: Sequence[Any], inputs: Sequence[str], output: str) -> SubModel:
        """An ONNX model of a node and of those that it needs, with the constants that they read."""
        try:
            return SubModel.of(nodes, self.constants, inputs, [output], self.opsets)
        except ShiftworkError as error:
            raise node.error(str(error)) from error

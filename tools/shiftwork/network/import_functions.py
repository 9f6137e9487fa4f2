# SPDX-License-Identifier: Apache-2.0
"""Operators on every value by itself, arithmetic on two values, and what the host computes in float."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from shiftwork.network.builder import Builder, Chain, Groups, Node, Value, renamed
from shiftwork.network.graph import FloatModule
from shiftwork.network.import_layers import activation, affine
from shiftwork.network.import_moves import grouped, groups_of, restored, usual
from shiftwork.network.import_moves import resize as nearest
from shiftwork.tensors.layout import View

#: Functions of one value that become a table.
FUNCTIONS = (
    "Abs", "Atan", "Celu", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
    "Log", "Mish", "Reciprocal", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt",
    "Tan", "Tanh", "ThresholdedRelu",
)  # fmt: skip
#: What runs on the host, in float between quantizations.
HOST = (
    "CumSum", "GroupNormalization", "Hardmax", "InstanceNormalization", "LRN", "LayerNormalization", "LogSoftmax",
    "LpNormalization", "MeanVarianceNormalization", "RMSNormalization", "ReduceL1", "ReduceL2", "ReduceLogSumExp",
    "ReduceMin", "ReduceProd", "Softmax",
)  # fmt: skip
#: Of them those that look along one axis, the last one unless they say otherwise.
_ALONG = ("Hardmax", "LayerNormalization", "LogSoftmax", "RMSNormalization", "Softmax")
_PROBED = np.concatenate([np.linspace(-64, 64, 8193), [-1e4, -1e3, 1e3, 1e4]])


def _number(array: NDArray[Any]) -> float | None:
    """The number that an array holds everywhere, or None."""
    flat = np.asarray(array, np.float64).reshape(-1)
    return float(flat[0]) if flat.size and (flat == flat[0]).all() else None


def chain_of(graph: Builder, tensor: str) -> Chain:
    """What a tensor is a function of: itself, where it is none."""
    return graph.chains.get(tensor, Chain(tensor))


def table(graph: Builder, node: Node, values: list[Value]) -> Value:
    """A function, element by element, of values that are functions of one tensor.

    Args:
        values: of the node's inputs that samples reach, in their order.
    """
    chain, output = _extended(graph, node, values), node.outputs[0]
    function = graph.part(node, chain.nodes, ["x"], f"t:{output}")
    with np.errstate(all="ignore"):
        probed = function.apply(_PROBED)
    module = FloatModule(node.name, "table", [chain.root], output, function=function)
    module.signed = bool(np.nanmin(probed) < 0)
    graph.chains[output] = replace(chain, linear=False)
    found = graph.emit(node, module, graph.shapes[chain.root], values[0].view)
    _covers(module, chain.nodes)
    return found


def _covers(module: FloatModule, nodes: Sequence[Any]) -> None:
    """Say which nodes a module computes."""
    module.nodes, module.operators = tuple(node.name for node in nodes), tuple(node.op_type for node in nodes)


def _linear(graph: Builder, node: Node, value: Value, factor: float, offset: float) -> Value:
    """``factor * value + offset`` as a layer; functions of it will be functions of what it is computed from."""
    graph.chains[node.outputs[0]] = _extended(graph, node, [value])
    return affine(graph, node, value, None, np.array([factor]), np.array([offset]))


def _extended(graph: Builder, node: Node, values: list[Value]) -> Chain:
    """The nodes that compute an element-wise function of values that are functions of one tensor."""
    chains = [chain_of(graph, value.tensor) for value in values]
    root = chains[0].root
    known = {step.output[0]: step for chain in chains for step in chain.nodes}
    output = node.outputs[0]
    names = iter(values)
    reads = []
    for index, name in enumerate(node.inputs):
        if name in graph.values:
            tensor = next(names).tensor
            reads.append("x" if tensor == root else f"t:{tensor}")
        elif name:
            single = _number(np.asarray(graph.constants[name]))
            if single is None:
                raise node.error(f"constant {name!r} holds more than one number")
            kept = f"c:{output}:{index}"
            graph.constants[kept] = np.array(single, np.float32)
            reads.append(kept)
        else:
            reads.append("")
    return Chain(root, (*known.values(), renamed(node.proto, reads, [f"t:{output}"])))


def function(graph: Builder, node: Node) -> None:
    """Functions of one value."""
    table(graph, node, [graph.value(node)])


def is_function(graph: Builder, value: Value) -> bool:
    """Whether a value is a table of another one already, so that more of it costs nothing."""
    return not chain_of(graph, value.tensor).linear


def relu(graph: Builder, node: Node) -> None:
    """Relu."""
    value = graph.value(node)
    if is_function(graph, value):
        table(graph, node, [value])
    else:
        activation(graph, node, value, None)


def clip(graph: Builder, node: Node) -> None:
    """Clip."""
    value = graph.value(node)
    bounds: list[float | None] = []
    for index, name in ((1, "min"), (2, "max")):
        if name in node.attributes:
            bounds.append(node.real(name, 0.0))
        else:
            array = graph.constant(node, index, name)
            bounds.append(None if array is None else float(np.asarray(array).reshape(-1)[0]))
    low, high = bounds
    if low is None or low < -3e38:
        low = None
    if low == 0.0 and (high is None or high > 0) and not is_function(graph, value):
        activation(graph, node, value, None if high is None or high > 3e38 else high)
    else:
        table(graph, node, [value])


def prelu(graph: Builder, node: Node) -> None:
    """PRelu: a table, or with a slope a channel max(x, 0) - slope * max(-x, 0) as three layers."""
    value = graph.value(node)
    slope = graph.weight(node, 1, "slope")
    assert slope is not None
    if _number(slope) is not None:
        table(graph, node, [value])
        return
    axis = _axis_of(graph, node, value, slope)
    source = graph.arranged(value, _channels(graph, value, axis))
    shape = graph.shapes[source.tensor]
    zero = np.zeros(shape[2])

    def layer(name: str, tensor: str, factor: NDArray[np.float64], is_relu: bool, shortcut: str | None = None) -> str:
        module = FloatModule(
            name, "conv", [tensor], name, factor.reshape(-1, 1, 1, 1), zero.copy(), shortcut, groups=shape[2]
        )
        module.relu = is_relu
        graph.append(module, shape, node)
        return name

    output = node.outputs[0]
    above = layer(graph.fresh(f"{output} (positive)"), source.tensor, np.ones(shape[2]), True)
    below = layer(graph.fresh(f"{output} (negative)"), source.tensor, -np.ones(shape[2]), True)
    layer(output, below, -slope.reshape(-1), False, above)
    graph.set(node, Value(output, source.view))


def _channels(graph: Builder, value: Value, axis: int) -> Groups:
    """Groups with an axis as channels, those in which the value is stored where that is so."""
    groups = groups_of(graph, value)
    if groups is not None and tuple(groups[2]) == (axis,):
        return groups
    rank = len(value.view.axes)
    return usual(rank) if axis == 1 and rank == 4 else grouped(rank, axis)


def _axis_of(graph: Builder, node: Node, value: Value, array: NDArray[Any]) -> int:
    """The only axis of a value along which a constant has more than one number."""
    rank = len(value.view.axes)
    aligned = (1,) * (rank - array.ndim) + array.shape
    places = [place for place, size in enumerate(aligned) if size > 1]
    if len(aligned) != rank or len(places) != 1 or aligned[places[0]] != graph.sizes(value)[places[0]]:
        raise node.error(f"a constant of shape {array.shape} is not one value per channel")
    return places[0]


def arithmetic(graph: Builder, node: Node) -> None:
    """Add, Sub, Mul, Div and Pow: with constants, of functions of one tensor, or of two values."""
    constant = [index for index in (0, 1) if node.inputs[index] in graph.constants]
    if constant:
        _with_constant(graph, node, constant[0])
        return
    first, second = graph.value(node, 0), graph.value(node, 1)
    chains = [chain_of(graph, value.tensor) for value in (first, second)]
    alike = chains[0].root == chains[1].root and first.view == second.view
    if alike and (is_function(graph, first) or is_function(graph, second) or node.operator in ("Mul", "Div", "Pow")):
        table(graph, node, [first, second])
        return
    if node.operator == "Pow":
        raise node.error("the exponent must be a constant")
    if node.operator == "Sub":
        second = _scaled(graph, node, second, -1.0)
    if node.operator == "Div":
        second = _inverse(graph, node, second)
    _of_two(graph, node, first, second)


def _of_two(graph: Builder, node: Node, first: Value, second: Value) -> None:
    """The product of two values where the node multiplies or divides, else their sum."""
    left, right, view = _aligned(graph, node, first, second)
    module = FloatModule(node.name, "mul" if node.operator in ("Mul", "Div") else "add", [left, right], node.outputs[0])
    graph.emit(node, module, graph.shapes[left], view)


def total(graph: Builder, node: Node) -> None:
    """Sum: additions one behind the other."""
    names = list(node.inputs)
    if len(names) == 1:
        graph.set(node, graph.value(node))
        return
    so_far = names[0]
    for number, name in enumerate(names[1:], 1):
        last = number == len(names) - 1
        output = node.outputs[0] if last else graph.fresh(f"{node.outputs[0]} (sum {number})")
        label = node.name if last else f"{node.name} {number}"
        proto = onnx.helper.make_node("Add", [so_far, name], [output], name=label)
        arithmetic(graph, Node(proto))
        so_far = output


def _scaled(graph: Builder, node: Node, value: Value, factor: float) -> Value:
    """A value times a number, as a tensor of its own."""
    name = graph.fresh(f"{node.outputs[0]} ({factor:g})")
    proto = onnx.helper.make_node("Neg", [], [name], name=name)
    return affine(graph, Node(proto), value, None, np.array([factor]), np.zeros(1))


def _inverse(graph: Builder, node: Node, value: Value) -> Value:
    name = graph.fresh(f"{node.outputs[0]} (inverse)")
    read = graph.fresh(f"{node.outputs[0]} (divisor)")
    graph.values[read] = value
    return table(graph, Node(onnx.helper.make_node("Reciprocal", [read], [name], name=name)), [value])


def _with_constant(graph: Builder, node: Node, place: int) -> None:
    """One of the two inputs is a constant."""
    array = graph.weight(node, place, "constant")
    value = graph.value(node, 1 - place)
    assert array is not None
    operator, single = node.operator, _number(array)
    if single is not None and (is_function(graph, value) or operator == "Pow" or (operator == "Div" and place == 0)):
        table(graph, node, [value])
        return
    if operator == "Pow":
        raise node.error("the exponent must be one number")
    if operator == "Div":
        if place == 0:
            value, array = _inverse(graph, node, value), np.asarray(array)
        elif (array == 0).any():
            raise node.error("division by zero")
        else:
            array = 1.0 / array
            single = None if single is None else 1.0 / single
    rank, sizes = max(len(value.view.axes), array.ndim), graph.sizes(value)
    aligned = (1,) * (rank - array.ndim) + array.shape
    wanted = [max(pair) for pair in zip((1,) * (rank - len(sizes)) + sizes, aligned, strict=True)]
    value = Value(value.tensor, value.view.expanded(wanted))
    many = [axis for axis, size in enumerate(aligned) if size > 1]
    if any(aligned[axis] != graph.sizes(value)[axis] for axis in many):
        raise node.error(f"a constant of shape {array.shape} does not fit {list(sizes[1:])} (batch aside)")
    flat = array.reshape(aligned)
    if single is not None or (len(many) == 1 and many[0] != value.view.batch_axis):
        axis = None if single is not None else many[0]
        factor, offset = np.ones(1), np.zeros(1)
        numbers = flat.reshape(-1) if single is None else np.array([single])
        if operator in ("Mul", "Div"):
            factor = numbers
        elif operator == "Add":
            offset = numbers
        else:
            factor, offset = (np.ones(1), -numbers) if place == 1 else (-np.ones(1), numbers)
        if single is None:
            affine(graph, node, value, axis, factor, offset)
        else:
            _linear(graph, node, value, float(factor[0]), float(offset[0]))
        return
    if value.view.batch_axis in many:
        if not np.array_equal(flat, np.broadcast_to(flat[:1], flat.shape)):
            raise node.error("the constant differs between samples")
        flat = flat[:1]
    if operator == "Sub":
        if place == 1:
            flat = -flat
        else:
            value = _scaled(graph, node, value, -1.0)
    graph.leading(node, value)
    _of_two(graph, node, value, graph.fix(f"{node.outputs[0]} (constant)", flat[0]))


def _aligned(graph: Builder, node: Node, first: Value, second: Value) -> tuple[str, str, View]:
    """Two values as tensors of one shape and order, repeated where they have to be, and the view of what they give."""
    rank = max(len(first.view.axes), len(second.view.axes))
    sizes = [(1,) * (rank - len(value.view.axes)) + graph.sizes(value) for value in (first, second)]
    wanted = [max(pair) for pair in zip(*sizes, strict=True)]
    for size in sizes:
        if any(own not in (1, new) for own, new in zip(size, wanted, strict=True)):
            raise node.error(f"{list(sizes[0][1:])} and {list(sizes[1][1:])} do not fit together")
    values = [Value(value.tensor, value.view.expanded(wanted)) for value in (first, second)]
    if values[0].view == values[1].view and graph.shapes[first.tensor] == graph.shapes[second.tensor]:
        return first.tensor, second.tensor, values[0].view
    for value in values:
        graph.leading(node, value)
    groups = groups_of(graph, values[0]) or groups_of(graph, values[1]) or usual(rank)
    left, right = (graph.arranged(value, groups) for value in values)
    return left.tensor, right.tensor, left.view


def extreme(graph: Builder, node: Node) -> None:
    """Max and Min with a number."""
    constant = [index for index, name in enumerate(node.inputs) if name in graph.constants]
    if len(node.inputs) != 2 or len(constant) != 1 or _number(graph.constants[node.inputs[constant[0]]]) is None:
        raise node.error("one value and one number are expected")
    value = graph.value(node, 1 - constant[0])
    if (
        node.operator == "Max"
        and _number(graph.constants[node.inputs[constant[0]]]) == 0
        and not is_function(graph, value)
    ):
        activation(graph, node, value, None)
    else:
        table(graph, node, [value])


def negative(graph: Builder, node: Node) -> None:
    """Neg."""
    value = graph.value(node)
    if is_function(graph, value):
        table(graph, node, [value])
    else:
        _linear(graph, node, value, -1.0, 0.0)


def host(graph: Builder, node: Node) -> None:
    """What the host computes in float, from ONNX values of the codes to codes of an ONNX value.

    What is linear before it becomes a part of it: factors, offsets, masks.
    """
    reached = [name for name in node.inputs if name in graph.values]
    found_before = [_before(graph, name, f"x{index}") for index, name in enumerate(reached)]
    names = iter(name for _, name, _ in found_before)
    reads = [next(names) if name in graph.values else name for name in node.inputs]
    proto = renamed(node.proto, reads, ["y"])
    protos = [*(step for steps, _, _ in found_before for step in steps), proto]
    values = [value for _, _, value in found_before]
    rank = len(values[0].view.axes)
    last = graph.axis(node, "axis", -1, rank) == rank - 1
    both = last and node.operator in _ALONG and all(value.view.batch_axis is None for value in values)
    if both:  # one axis counts samples and heads
        values = [Value(value.tensor, value.view.apart()) for value in values]
        attributes = [attribute for attribute in proto.attribute if attribute.name != "axis"]
        del proto.attribute[:]
        proto.attribute.extend([*attributes, onnx.helper.make_attribute("axis", rank)])
    for value in values:
        graph.leading(node, value)
    axis = node.attributes.get("axis")
    if axis is not None and graph.place(node, int(axis), rank) == 0:
        raise node.error("samples are computed one by one: axis 0")
    part = graph.part(node, protos, [f"x{index}" for index in range(len(values))], "y")
    draw = np.random.default_rng(0)
    tried = [draw.uniform(0, 1, graph.sizes(value)).astype(np.float32) for value in values]
    found = part.run(tried)[0]
    if found.ndim < 2 or found.shape[0] != graph.batch:
        raise node.error(f"gives {list(found.shape)}: the first axis has to count samples")
    others = part.run([np.concatenate([1 - x[:1], x[1:]]) for x in tried])[0]
    if not np.array_equal(found[1:], others[1:]):
        raise node.error("samples are computed one by one: a result depends on several of them")
    rank = found.ndim
    groups = usual(rank)
    if found.shape == graph.sizes(values[0]):
        groups = groups_of(graph, values[0]) or groups
    shapes = tuple(math.prod(found.shape[place] for place in group if place) for group in groups)
    shape = (shapes[0], shapes[1], shapes[2])
    view = restored(groups, shape, found.shape, graph.batch)
    module = FloatModule(node.name, "host", [value.tensor for value in values], node.outputs[0], function=part)
    module.signed = node.operator not in ("Softmax", "Hardmax", "ReduceL1", "ReduceL2")
    module.views, module.view = tuple(value.view for value in values), view
    module.attributes["shape"] = shape
    graph.emit(node, module, shape, view.together() if both else view)
    _covers(module, protos)


def _before(graph: Builder, read: str, name: str) -> tuple[list[Any], str, Value]:
    """An ONNX value as a linear function of another one: its nodes, what it is called in them, and that one, which is
    called ``name``."""
    value = graph.values[read]
    if read in graph.deferred:
        proto = graph.deferred[read].proto
        (inner,) = (found for found in proto.input if found in graph.values)
        steps, known, value = _before(graph, inner, name)
        reads = [known if found == inner else found for found in proto.input]
        return [*steps, renamed(proto, reads, [f"{name}:{read}"])], f"{name}:{read}", value
    chain = chain_of(graph, value.tensor)
    if not chain.linear:
        return [], name, value
    steps = [
        renamed(step, [_own(read, name) for read in step.input], [_own(made, name) for made in step.output])
        for step in chain.nodes
    ]
    return steps, steps[-1].output[0] if steps else name, Value(chain.root, value.view)


def _own(read: str, name: str) -> str:
    """Names of a chain with the root called ``name``."""
    return name if read == "x" else f"{name}:{read}" if read.startswith("t:") else read


def resize(graph: Builder, node: Node) -> None:
    """Resize and Upsample: by whole factors to the nearest position, else on the host."""
    if nearest(graph, node):
        return
    value = graph.value(node)
    if node.has(3) and node.inputs[3] in graph.constants:
        sizes, new = graph.sizes(value), np.asarray(graph.constants[node.inputs[3]], np.float64)
        kept = graph.fresh(f"{node.outputs[0]} (scales)")
        graph.constants[kept] = (new / np.array(sizes)).astype(np.float32)
        node = Node(renamed(node.proto, [node.inputs[0], node.inputs[1], kept], node.outputs))
    host(graph, node)


def quantized(graph: Builder, node: Node) -> None:
    """QuantizeLinear and DequantizeLinear: folded on constants; on values the scale that the model wishes.

    Behind a QuantizeLinear values stay real numbers here; inputs of the network may be codes of the model.
    """
    scale = graph.weight(node, 1, "scale")
    offset = graph.weight(node, 2, "zero point")
    assert scale is not None
    zero = np.zeros(1) if offset is None else offset
    if scale.ndim > 1:
        raise node.error("a scale per block is not supported")
    if node.inputs[0] in graph.constants:
        array = np.asarray(graph.constants[node.inputs[0]], np.float64)
        if scale.size > 1:
            axis = node.integer("axis", 1)
            shape = [1] * array.ndim
            shape[axis] = -1
            scale = scale.reshape(shape)
            zero = zero.reshape(shape) if zero.size > 1 else zero
        if node.operator == "DequantizeLinear":
            graph.set_constant(node, ((array - zero) * scale).astype(np.float32))
        else:
            codes = np.round(array / scale) + zero
            low, high = (-128, 127) if _is_signed(graph, node) else (0, 255)
            graph.set_constant(node, np.clip(codes, low, high))
        return
    value = graph.value(node)
    if node.operator == "DequantizeLinear" and node.inputs[0] not in graph.coded:
        along = None if scale.size == 1 else graph.axis(node, "axis", 1, len(value.view.axes))
        affine(graph, node, value, along, scale, -zero * scale)
        return
    if node.operator == "QuantizeLinear":
        number, signed = _number(scale), _is_signed(graph, node)
        power = None if number is None else math.log2(number)
        if power is not None and power == round(power) and _number(zero) == 0:
            graph.wishes[value.tensor] = -round(power)
            graph.notes[node.name] = f"scale 2^{round(power)} of the model is kept where the scheme can"
        else:
            kind = "int8" if signed else "uint8"
            graph.notes[node.name] = (
                f"{kind} scale {np.ravel(scale)[0]:.4g} of the model is no power of two: chosen anew"
            )
    graph.set(node, value)


def _is_signed(graph: Builder, node: Node) -> bool:
    return not node.has(2) or np.asarray(graph.constants[node.inputs[2]]).dtype != np.uint8

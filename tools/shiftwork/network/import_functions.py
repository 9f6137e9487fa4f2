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
from shiftwork.network.coded import range_of
from shiftwork.network.graph import MOVES, FloatModule
from shiftwork.network.import_layers import activation, affine, pool_of_maps, reduced
from shiftwork.network.import_moves import FINITE, concatenated, grouped, groups_of, restored, usual
from shiftwork.network.import_moves import resize as nearest
from shiftwork.tensors.layout import View

#: Functions of one value that become a table.
FUNCTIONS = (
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Ceil", "Cos", "Cosh", "Elu", "Erf", "Exp",
    "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Reciprocal", "Round", "Selu", "Shrink",
    "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu",
)  # fmt: skip
#: Comparisons: 1 where they hold, 0 elsewhere.
COMPARISONS = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
#: What runs on the host, in float between quantizations.
HOST = (
    "CumSum", "GlobalLpPool", "GridSample", "GroupNormalization", "Hardmax", "InstanceNormalization", "LRN",
    "LayerNormalization", "LogSoftmax", "LpNormalization", "LpPool", "MeanVarianceNormalization", "RMSNormalization",
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMin", "ReduceProd", "ReduceSumSquare", "Softmax",
    "Trilu",
)  # fmt: skip
_LARGE = 1e9  # in place of infinity
_LOGICAL = ("And", "Not", "Or")
_BOOL, _FLOAT = onnx.TensorProto.BOOL, onnx.TensorProto.FLOAT
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
    named = [node for node in nodes if node.name]
    module.nodes, module.operators = tuple(node.name for node in named), tuple(node.op_type for node in named)


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
    reads, steps = [], []
    for index, name in enumerate(node.inputs):
        if name in graph.values:
            tensor = next(names).tensor
            read = "x" if tensor == root else f"t:{tensor}"
        elif name:
            single = _number(np.asarray(graph.constants[name]))
            if single is None:
                raise node.error(f"constant {name!r} holds more than one number")
            single = float(_with_ends(np.array(single)))
            read = f"c:{output}:{index}"
            graph.constants[read] = np.array(single, np.float32)
        else:
            read = ""
        if node.operator in _LOGICAL or (node.operator == "Where" and index == 0):
            steps.append(_cast(read, f"b:{output}:{index}", _BOOL))
            read = steps[-1].output[0]
        reads.append(read)
    if node.operator in (*_LOGICAL, *COMPARISONS, "Cast"):
        steps += [renamed(node.proto, reads, [f"w:{output}"]), _cast(f"w:{output}", f"t:{output}", _FLOAT)]
    else:
        steps.append(renamed(node.proto, reads, [f"t:{output}"]))
    return Chain(root, (*known.values(), *steps))


def _with_ends(array: NDArray[Any]) -> NDArray[Any]:
    """Numbers of masks, infinite or the largest that there are, as ones that a scale can have."""
    return np.where(np.abs(array) > FINITE, np.copysign(_LARGE, array), array)


def _cast(source: str, output: str, kind: int) -> Any:
    """A node that makes numbers of logical values, or the other way round; it has no name, as the model has none."""
    return onnx.helper.make_node("Cast", [source], [output], to=kind)


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
    return usual(rank) if axis == 1 and rank == 4 and value.view.batch_axis == 0 else grouped(rank, axis)


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
    if _alike(graph, [first, second]) and (
        is_function(graph, first) or is_function(graph, second) or node.operator in ("Mul", "Div", "Pow")
    ):
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
    """Sum and Mean: additions one behind the other, and a factor."""
    names = list(node.inputs)
    so_far = names[0]
    for number, name in enumerate(names[1:], 1):
        so_far = _step(graph, node, "Add", [so_far, name], f"sum {number}")
    if node.operator == "Mean":
        so_far = _step(graph, node, "Mul", [so_far, _single(graph, node, 1 / len(names))], "mean")
    graph.set(node, graph.values[so_far])


def _step(graph: Builder, node: Node, operator: str, inputs: list[str], what: str) -> str:
    """Arithmetic as a part of what a node computes: the name of its result. what: tells it from the others."""
    output = graph.fresh(f"{node.outputs[0]} ({what})")
    arithmetic(graph, Node(onnx.helper.make_node(operator, inputs, [output], name=node.name)))
    return output


def _single(graph: Builder, node: Node, number: float) -> str:
    """A number as a constant of a node: its name."""
    name = f"{node.outputs[0]} ({number:g})"
    graph.constants[name] = np.array(number, np.float32)
    return name


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
    array = _with_ends(array)
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
    batch = value.view.batch_axis
    if batch is None:
        raise node.error("an axis counts samples and more: no constant of several axes fits")
    rows = np.moveaxis(flat, batch, 0)
    if not np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape)):
        raise node.error("the constant differs between samples")
    if operator == "Sub":
        if place == 1:
            rows = -rows
        else:
            value = _scaled(graph, node, value, -1.0)
    _of_two(graph, node, value, graph.fix(f"{node.outputs[0]} (constant)", rows[0], batch))


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
    own = usual(rank) if values[0].view.batch_axis == 0 else grouped(rank, rank - 1)
    groups = groups_of(graph, values[0]) or groups_of(graph, values[1]) or own
    left, right = (graph.arranged(value, groups) for value in values)
    if left.view != right.view:
        raise node.error("samples are counted by different axes")
    return left.tensor, right.tensor, left.view


def extreme(graph: Builder, node: Node) -> None:
    """Max and Min: a table of functions of one tensor, else a maximum over values one beside the other."""
    reached = [graph.values[name] for name in node.inputs if name in graph.values]
    numbers = [_number(graph.constants[name]) for name in node.inputs if name in graph.constants]
    if node.operator == "Max" and len(reached) == 1 and numbers == [0] and not is_function(graph, reached[0]):
        activation(graph, node, reached[0], None)
        return
    if None not in numbers and _alike(graph, reached):
        table(graph, node, reached)
        return
    sizes = np.broadcast_shapes(*(graph.sizes(graph.values[name]) if name in graph.values
                                  else graph.constants[name].shape for name in node.inputs))  # fmt: skip
    values = [_laid(graph, node, name, sizes) for name in node.inputs]
    if node.operator == "Min":
        values = [_scaled(graph, node, value, -1.0) for value in values]
    rank, output = len(sizes), graph.fresh(f"{node.outputs[0]} (beside)")
    beside = [Value(value.tensor, value.view.unsqueezed([rank])) for value in values]
    joined = concatenated(graph, node, beside, rank, output)
    found = reduced(graph, node, joined, [rank], False)
    if node.operator == "Min":
        graph.set(node, _scaled(graph, node, found, -1.0))


def _alike(graph: Builder, values: list[Value]) -> bool:
    """Whether values are functions of one tensor, each element of one element."""
    return len({(chain_of(graph, value.tensor).root, value.view) for value in values}) == 1


def _laid(graph: Builder, node: Node, name: str, sizes: tuple[int, ...]) -> Value:
    """A value, or a constant as a tensor, repeated to some sizes."""
    if name in graph.values:
        return Value(graph.values[name].tensor, graph.values[name].view.expanded(sizes))
    whole = np.broadcast_to(np.asarray(graph.constants[name]), sizes)
    if not np.array_equal(whole, np.broadcast_to(whole[:1], whole.shape)):
        raise node.error(f"constant {name!r} differs between samples")
    return graph.fix(f"{node.outputs[0]} (constant)", whole[0])


def comparison(graph: Builder, node: Node) -> None:
    """Comparisons of functions of one tensor with numbers, or of a difference with zero."""
    reached = [graph.values[name] for name in node.inputs if name in graph.values]
    numbers = [_number(graph.constants[name]) for name in node.inputs if name in graph.constants]
    if None in numbers or not _alike(graph, reached):
        difference = _step(graph, node, "Sub", list(node.inputs), "difference")
        node = Node(renamed(node.proto, [difference, _single(graph, node, 0)], node.outputs))
        reached = [graph.values[difference]]
    table(graph, node, reached)


def logic(graph: Builder, node: Node) -> None:
    """And, Or and Not of what is 1 or 0: a table, a product, a maximum."""
    reached = [graph.values[name] for name in node.inputs if name in graph.values]
    if _alike(graph, reached):
        table(graph, node, reached)
    elif node.operator == "And":
        graph.set(node, graph.values[_step(graph, node, "Mul", list(node.inputs), "and")])
    else:
        extreme(graph, Node(onnx.helper.make_node("Max", node.inputs, node.outputs, name=node.name)))


def cast(graph: Builder, node: Node) -> None:
    """Cast: nothing but to whole numbers and logical values, where they are none yet."""
    value = graph.value(node)
    kind = node.integer("to", _FLOAT)
    real = kind == _FLOAT or onnx.helper.tensor_dtype_to_np_dtype(kind).kind not in "iub"
    if real or node.inputs[0] in graph.coded or is_whole(graph, value.tensor, kind == _BOOL):
        graph.set(node, value)
    else:
        table(graph, node, [value])


def is_whole(graph: Builder, tensor: str, logical: bool) -> bool:
    """Whether a tensor is known to hold whole numbers, or none but 0 and 1."""
    module = next((module for module in reversed(graph.modules) if module.output == tensor), None)
    if module is None:
        return tensor in graph.integers and not logical
    if module.kind in MOVES:
        return all(is_whole(graph, name, logical) for name in module.inputs)
    last = module.operators[-1] if module.kind == "table" else ""
    return last in (*_LOGICAL, *COMPARISONS) or (not logical and last in ("Cast", "Ceil", "Floor", "Round", "Sign"))


def where(graph: Builder, node: Node) -> None:
    """Where: a table of functions of one tensor, else condition * first + (1 - condition) * second."""
    reached = [graph.values[name] for name in node.inputs if name in graph.values]
    condition, *choices = node.inputs
    known = graph.constants.get(condition)
    if known is not None and known.any() == known.all():
        chosen = choices[0 if known.all() else 1]
        if chosen in graph.values:
            graph.set(node, graph.values[chosen])
        else:
            graph.set_constant(node, graph.constants[chosen])
        return
    numbers = [_number(graph.constants[name]) for name in node.inputs if name in graph.constants]
    if known is None and None not in numbers and _alike(graph, reached):
        table(graph, node, reached)
        return
    if any(number is not None and not abs(number) < FINITE for number in numbers):
        raise node.error("a choice of infinity is expected in front of a Softmax alone")
    if known is not None:
        names = [f"{node.outputs[0]} ({what})" for what in ("condition", "contrary")]
        graph.constants |= dict(zip(names, (known.astype(np.float32), (~known).astype(np.float32)), strict=True))
    else:
        contrary = graph.fresh(f"{node.outputs[0]} (contrary)")
        proto = onnx.helper.make_node("Not", [condition], [contrary], name=node.name)
        table(graph, Node(proto), [graph.values[condition]])
        names = [condition, contrary]
    terms = []
    for name, choice in zip(names, choices, strict=True):
        if choice in graph.constants and not graph.constants[choice].any():
            continue
        if name in graph.constants and choice in graph.constants:
            terms.append(f"{name} times {choice}")
            graph.constants[terms[-1]] = graph.constants[name] * graph.constants[choice]
        else:
            terms.append(_step(graph, node, "Mul", [name, choice], f"choice {len(terms)}"))
    so_far = terms[0] if len(terms) == 1 else _step(graph, node, "Add", terms, "both")
    graph.set(node, graph.values[so_far])


def negative(graph: Builder, node: Node) -> None:
    """Neg."""
    value = graph.value(node)
    if is_function(graph, value):
        table(graph, node, [value])
    else:
        _linear(graph, node, value, -1.0, 0.0)


def host(graph: Builder, node: Node) -> None:
    """What the host computes in float, from ONNX values of the codes to codes of an ONNX value.

    What is linear before it becomes a part of it: factors, offsets, masks. Values enter and leave with the samples in
    front; where the model has them elsewhere, nodes of the function put them there and back.
    """
    values: list[Value] = []
    steps, reads = _before(graph, node.inputs, values)
    own = max((value.view for value in values), key=lambda view: len(view.axes))
    fronts = [Value(value.tensor, _samples_first(value.view)) for value in values]
    for front in fronts:
        graph.leading(node, front)
    inputs = [f"x{index}" if front == value else f"v{index}"
              for index, (front, value) in enumerate(zip(fronts, values, strict=True))]  # fmt: skip
    entering = [_turned(graph, value.view, name, f"x{index}", graph.sizes(value)[1:])
                for index, (name, value) in enumerate(zip(inputs, values, strict=True))
                if name[0] == "v"]  # fmt: skip
    draw = np.random.default_rng(0)
    tried = [draw.uniform(0, 1, graph.sizes(front)).astype(np.float32) for front in fronts]
    protos = [*entering, *steps, renamed(node.proto, reads, ["y"])]
    if own.batch_axis != 0:
        protos[-1].output[0] = "w"
        sizes = graph.part(node, protos, inputs, "w").run(tried)[0].shape
        if own.batch_axis is None:
            sizes = (math.prod(step.size for step in own.steps([0])), *sizes[1:])
        elif len(sizes) != len(own.axes):
            raise node.error("the first axis has to count samples, and nothing else")
        protos.append(_turned(graph, own, "w", "y", sizes, back=True))
    part = graph.part(node, protos, inputs, "y")
    found = part.run(tried)[0]
    if found.ndim < 2 or found.shape[0] != graph.batch:
        raise node.error(f"gives {list(found.shape)}: the first axis has to count samples")
    others = part.run([np.concatenate([1 - x[:1], x[1:]]) for x in tried])[0]
    if not np.array_equal(found[1:], others[1:]):
        raise node.error("samples are computed one by one: a result depends on several of them")
    groups = usual(found.ndim)
    largest = max(fronts, key=lambda front: len(front.view.axes))
    if found.shape == graph.sizes(largest):
        groups = groups_of(graph, largest) or groups
    shapes = tuple(math.prod(found.shape[place] for place in group if place) for group in groups)
    shape = (shapes[0], shapes[1], shapes[2])
    view = restored(groups, shape, found.shape, graph.batch)
    module = FloatModule(node.name, "host", [front.tensor for front in fronts], node.outputs[0], function=part)
    module.signed = node.operator not in ("Softmax", "Hardmax", "ReduceL1", "ReduceL2")
    module.views, module.view = tuple(front.view for front in fronts), view
    module.attributes["shape"] = shape
    if own.batch_axis is None:
        view = view.together()
    elif own.batch_axis:
        view = view.transposed(np.argsort(_order(own)).tolist())
    graph.emit(node, module, shape, view)
    _covers(module, protos)


def _order(view: View) -> list[int]:
    """Its axes with that of the samples in front."""
    batch = view.batch_axis or 0
    return [batch, *(place for place in range(len(view.axes)) if place != batch)]


def _samples_first(view: View) -> View:
    """The same value with an axis in front that counts samples and nothing else, where that can be."""
    return view.apart() if view.batch_axis is None else view.transposed(_order(view))


def _turned(graph: Builder, view: View, source: str, target: str, sizes: Sequence[int], back: bool = False) -> Any:
    """A node that puts the samples of a value where the view has them, or back in front.

    Args:
        sizes: of the axes behind that of the samples where that counts more than samples: in the view, or in front.
    """
    if view.batch_axis is None:
        kept = f"s:{source}:{target}:{len(graph.constants)}"
        graph.constants[kept] = np.array([-1, *sizes], np.int64)
        return onnx.helper.make_node("Reshape", [source, kept], [target])
    order = _order(view)
    return onnx.helper.make_node("Transpose", [source], [target], perm=order if back else np.argsort(order).tolist())


def _before(graph: Builder, names: Sequence[str], values: list[Value]) -> tuple[list[Any], list[str]]:
    """ONNX values as linear functions of others: the nodes of these functions, and what the values are called in them.

    Args:
        values: gets the others; they are called ``x0``, ``x1`` and so on.
    """
    steps: list[Any] = []
    reads = []
    for read in names:
        if read not in graph.values:
            reads.append(read)
        elif read in graph.deferred:
            proto = graph.deferred[read].proto
            more, inner = _before(graph, proto.input, values)
            for place, name in enumerate(proto.input):
                array = graph.constants.get(name, np.zeros(()))
                if array.ndim == len(graph.values[read].view.axes) and len(array) > 1:  # alike for all samples
                    inner[place] = f"{name} (one)"
                    graph.constants[inner[place]] = array[:1]
            if proto.op_type == "Where" and proto.input[0] in graph.values:
                more.append(_cast(inner[0], f"b:{read}", _BOOL))
                inner[0] = f"b:{read}"
            steps += [*more, renamed(proto, inner, [f"m:{read}"])]
            reads.append(f"m:{read}")
        else:
            value, name = graph.values[read], f"x{len(values)}"
            chain = chain_of(graph, value.tensor)
            linear = chain.nodes if chain.linear else ()
            steps += [renamed(step, [_own(old, name) for old in step.input], [_own(old, name) for old in step.output])
                      for step in linear]  # fmt: skip
            reads.append(steps[-1].output[0] if linear else name)
            values.append(Value(chain.root, value.view) if chain.linear else value)
    return steps, reads


def _own(read: str, name: str) -> str:
    """Names of a chain with the root called ``name``."""
    return name if read == "x" else f"{name}:{read}" if read.startswith("t:") else read


def pool(graph: Builder, node: Node) -> None:
    """AveragePool and MaxPool: of maps and rows as codes, of values with more axes on the host."""
    if len(graph.value(node).view.axes) > 4:
        host(graph, node)
    else:
        pool_of_maps(graph, node)


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

    Behind a QuantizeLinear values stay real numbers here; inputs of the network may be codes of the model. Codes that
    begin at zero are a ReLU: tools that quantize leave out the one in front of them.
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
            largest = float(np.finfo(np.float32).max)
            graph.set_constant(node, np.clip((array - zero) * scale, -largest, largest).astype(np.float32))
        else:
            graph.set_constant(node, np.clip(np.round(array / scale) + zero, *_code_type(graph, node)[1:]))
        return
    value = graph.value(node)
    if node.operator == "DequantizeLinear" and node.inputs[0] not in graph.coded:
        along = None if scale.size == 1 else graph.axis(node, "axis", 1, len(value.view.axes))
        affine(graph, node, value, along, scale, -zero * scale)
        return
    if node.operator == "QuantizeLinear":
        number, first = _number(scale), _number(zero)
        kind, low, high = _code_type(graph, node)
        note = ""
        if number is not None and first == low and not _above_zero(graph, value.tensor):
            value = activation(graph, node, value, (high - low) * number)
            note = "; no code is below zero: a ReLU"
        power = None if number is None else math.log2(number)
        if power is not None and power == round(power) and first == 0:
            graph.wishes[value.tensor] = -round(power)
            note = f"scale 2^{round(power)} of the model is kept where the scheme can{note}"
        else:
            note = f"{kind} scale {np.ravel(scale)[0]:.4g} of the model is no power of two: chosen anew{note}"
        graph.notes[node.name] = note
    graph.set(node, value)


def _code_type(graph: Builder, node: Node) -> tuple[str, int, int]:
    """Name, smallest and largest number of the codes of a quantizer: uint8 where it does not say."""
    kind = node.integer("output_dtype", 0) or onnx.TensorProto.UINT8
    if node.has(2):
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.asarray(graph.constants[node.inputs[2]]).dtype)
    name = onnx.TensorProto.DataType.Name(kind).lower()
    try:
        return name, *range_of(kind)
    except KeyError as error:
        raise node.error(f"codes of type {name} are not supported") from error


def _above_zero(graph: Builder, tensor: str) -> bool:
    """Whether a tensor is known to hold nothing below zero; inputs end where their samples do."""
    module = next((module for module in reversed(graph.modules) if module.output == tensor), None)
    if module is None or module.relu:
        return True
    if module.kind in ("table", "host"):
        return not module.signed
    return module.kind not in ("conv", "matmul") and all(_above_zero(graph, name) for name in module.inputs)

# SPDX-License-Identifier: Apache-2.0
"""ONNX to the float graph: one module a node; :mod:`~shiftwork.network.unified` fuses them.

:mod:`~shiftwork.network.simplify` removes what exporters put around the arithmetic. What is left is read operator by
operator; what follows the last layer and is no arithmetic of the network (a softmax, an argmax, the order of the
outputs) becomes the *tail*, which the host computes in float from the network's exact results. Whatever is not
understood is refused with the node's name and operator; nothing is skipped silently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from shiftwork.errors import ShiftworkError
from shiftwork.network import import_functions as functions
from shiftwork.network import import_layers as layers
from shiftwork.network import import_moves as moves
from shiftwork.network.builder import Builder, Node, Value
from shiftwork.network.ends import Ends, Entry, Exit
from shiftwork.network.graph import FloatModule, FloatNetwork, live
from shiftwork.network.import_recurrent import recurrent
from shiftwork.network.model_file import load_model
from shiftwork.network.qonnx import DOMAINS, without_quant
from shiftwork.network.simplify import RefusalError, Simple, Source, first_output, simplify
from shiftwork.network.submodel import SubModel
from shiftwork.network.unified import unify
from shiftwork.progress import OnItem
from shiftwork.tensors.layout import BATCH, Shape, Step, View

_DOMAINS = ("", "ai.onnx")

_VIEWS = frozenset({"Cast", "Dropout", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_OF_CODES = frozenset({"DequantizeLinear", "QuantizeLinear"})
_FINAL = frozenset({
    "ArgMax", "ArgMin", "Exp", "Hardmax", "Log", "LogSoftmax", "NonMaxSuppression", "QuantizeLinear", "Sigmoid",
    "Softmax", "Tanh", "TopK",
})  # fmt: skip
_BEHIND = frozenset({
    "Add", "Clip", "Concat", "Div", "Gather", "GatherElements", "GatherND", "Greater", "Less", "Max", "Min", "Mul",
    "Neg", "Pow", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Slice", "Split", "Sqrt", "Sub", "Where",
})  # fmt: skip


def import_onnx(path: str | Path, sizes: Mapping[str, Sequence[int]] | None = None) -> FloatNetwork:
    """Read an ONNX file into the float graph.

    Args:
        path: model of float (or, cast first, integer) inputs and any number of outputs.
        sizes: of the axes of arrays that will enter, by the name of the input, where the model leaves axes open.

    Returns:
        The network with batch normalization, bias, ReLU and residual additions fused into modules.

    Raises:
        ShiftworkError: unreadable file, unknown operator or option (all of them are named), NaN, Inf or non-numeric
            weights, sizes that are not known.
    """
    importer = read(Path(path), load_model(path), sizes)
    if importer.refusal is not None:
        raise importer.refusal
    return importer.network()


def read(
    path: Path, model: Any, sizes: Mapping[str, Sequence[int]] | None = None, progress: OnItem | None = None
) -> Importer:
    """The importer of a model that has read as much of it as it can; what it refuses is in it.

    Args:
        path: for messages. model: protobuf; it is changed. sizes: as :func:`import_onnx` takes them.
        progress: told about every node.
    """
    strange = any(node.domain in DOMAINS for node in model.graph.node)
    model = without_quant(path, model)
    content = model.SerializeToString() if strange else None
    importer = Importer(path, simplify(path, model, sizes), content)
    importer.run(progress)
    return importer


class Importer:
    """One model while it is read.

    Attributes:
        simple: what is read. nodes: of it. tail: those that the host computes behind the network.
        content: the model in operators of ONNX where the file has others.
        graph: what is understood. read: values that nodes read or that leave. entries: inputs.
        refused: nodes with what is wrong with them. lost: values that they and their readers compute.
        made: modules that came with a node, by its identity.
    """

    def __init__(self, path: Path, simple: Simple, content: bytes | None = None) -> None:
        self.path, self.simple, self.content = path, simple, content
        self.nodes = [Node(proto) for proto in simple.model.graph.node]
        self.graph = Builder(path, simple.batch, list(simple.model.opset_import))
        self.outputs = [str(output.name) for output in simple.model.graph.output]
        self.read = {name for node in self.nodes for name in node.inputs if name} | set(self.outputs)
        self.tail = self._find_tail()
        self.refused: list[tuple[Node, ShiftworkError]] = []
        self.lost: set[str] = set()
        self.made: dict[int, list[FloatModule]] = {}
        self.entries: list[Entry] = []

    def run(self, progress: OnItem | None = None) -> None:
        """Read all nodes in front of the tail."""
        for initializer in self.simple.model.graph.initializer:
            self.graph.constants[initializer.name] = np.asarray(onnx.numpy_helper.to_array(initializer))
        for source in self.simple.sources:
            self._enter(source)
        tail = set(map(id, self.tail))
        for number, node in enumerate(self.nodes, 1):
            if progress is not None:
                progress(number, len(self.nodes), node.name)
            if id(node) in tail:
                continue
            if node.operator == "Gather" and self._looks_up(node):
                continue
            try:
                if self._is_constant(node):
                    self.graph.fold(node)
                    continue
                known, before = operator_of(node), len(self.graph.modules)
                if known is None:
                    raise not_supported(node)
                if self.lost.isdisjoint(node.inputs):
                    self._visit(node, known)
                    self.made[id(node)] = self.graph.modules[before:]
                else:
                    self.lost.update(node.outputs)
            except ShiftworkError as error:
                self.refused.append((node, error))
                self.lost.update(node.outputs)

    @property
    def refusal(self) -> RefusalError | None:
        """All that is refused, as one error."""
        reasons = {first_output(node.proto): str(error) for node, error in self.refused}
        return RefusalError(reasons) if reasons else None

    def network(self) -> FloatNetwork:
        """The float graph: up to the nodes that are refused, where there are any.

        Raises:
            ShiftworkError: an output that no sample reaches.
        """
        graph = self.graph
        apart = [*self.tail, *(node for node in self.nodes if not self.lost.isdisjoint(node.outputs))]
        read = {name for node in apart for name in node.inputs if name}
        made = {name for node in apart for name in node.outputs}
        wanted = [name for name in graph.values if name in read] if apart else []
        wanted += [name for name in self.outputs if name not in made and name not in wanted]
        missing = [name for name in wanted if name not in graph.values]
        if missing:
            raise ShiftworkError(f"model {self.path}: output {missing[0]!r} is not computed from the input")
        exits = tuple(Exit(graph.values[name].tensor, name, graph.values[name].view) for name in wanted)
        tail = None
        if self.tail and not self.refused:
            protos = [node.proto for node in self.tail]
            tail = SubModel.of(protos, graph.constants, wanted, self.outputs, graph.opsets)
            self._check_tail(tail, [graph.values[name] for name in wanted])
        ends = Ends(tuple(self.entries), exits, tuple(self.outputs), tail, self.simple.batch, self.simple.fixed)
        modules = live(graph.modules, ends.tensors)
        if not modules and not self.refused:
            raise ShiftworkError(f"model {self.path}: no layer between input and output")
        shapes = self._named(ends, modules)
        ends = replace(
            ends, exits=tuple(replace(exit, tensor=self._alias.get(exit.tensor, exit.tensor)) for exit in exits)
        )
        reads = {name for module in modules for name in module.reads()}
        fixed = {name: array for name, array in graph.fixed.items() if name in reads}
        return unify(FloatNetwork(self.path, ends, shapes, modules, fixed, graph.wishes, graph.notes, self.content))

    def _check_tail(self, tail: SubModel, reads: list[Value]) -> None:
        """Refuse a tail in which a sample changes what it gives for others, as the host computes them in parts."""
        batch, draw = self.simple.batch, np.random.default_rng(0)
        axes = [value.view.batch_axis for value in reads]
        if batch == 1 or None in axes:
            return
        first = [draw.uniform(0, 1, self.graph.sizes(value)).astype(np.float32) for value in reads]
        others = [x.copy() for x in first]
        for x, axis in zip(others, axes, strict=True):
            np.moveaxis(x, axis or 0, 0)[0] *= -1
        for name, x, y in zip(self.outputs, tail.run(first), tail.run(others), strict=True):
            if x.shape == y.shape and x.shape[:1] == (batch,) and not np.array_equal(x[1:], y[1:]):
                node = next(node for node in self.nodes if name in node.outputs)
                raise node.error("samples are computed one by one: a result depends on several of them")

    def _named(self, ends: Ends, modules: list[Any]) -> dict[str, Any]:
        """Shapes by name, where the only output is a view of its tensor: the tensor takes the output's name."""
        self._alias: dict[str, str] = {}
        shapes = self.graph.shapes
        if len(ends.exits) != 1 or ends.exits[0].tensor in ends.inputs:
            return shapes
        tensor, name = ends.exits[0].tensor, ends.exits[0].name
        if tensor == name or name in shapes:
            return shapes
        self._alias[tensor] = name
        shapes[name] = shapes.pop(tensor)
        for module in modules:
            module.inputs = [name if source == tensor else source for source in module.inputs]
            module.shortcut = name if module.shortcut == tensor else module.shortcut
            module.output = name if module.output == tensor else module.output
        return shapes

    def _enter(self, source: Source) -> None:
        """An input as a tensor: (N, C, H, W) unless all that reads it moves its channels elsewhere."""
        place, sizes = source.batch_axis, source.shape
        inner = [axis for axis in range(len(sizes)) if axis != place]
        readers = [node for node in self.nodes if source.name in node.inputs]
        channel = inner[0] if inner else None
        reads = {node.operator for node in readers}
        padded = {name for node in readers if node.operator == "Pad" for name in node.outputs}
        behind = {node.operator for node in self.nodes if not padded.isdisjoint(node.inputs)}
        if len(inner) == 2 and (reads | behind).isdisjoint(("Conv", "ConvTranspose", "MaxPool", "AveragePool")):
            channel = inner[-1]
        if reads and reads <= {"MatMul", "LayerNormalization", "RMSNormalization"}:
            channel = inner[-1]
        if readers and all(node.operator == "Transpose" for node in readers):
            orders = {tuple(node.integers("perm", list(range(len(sizes)))[::-1])) for node in readers}
            order = orders.pop()
            if not orders and order[0] == place and len(order) > 2:
                channel = order[1]
        groups = [axis for axis in inner if axis != channel]
        if channel is not None:
            groups.append(channel)
        shape, view = self._stored(sizes, [place, *groups])
        self.graph.shapes[source.name] = shape
        self.graph.values[source.name] = Value(source.name, view)
        self.entries.append(Entry(source.name, tuple(sizes[axis] for axis in inner), view, source.whole))

    def _stored(self, sizes: Sequence[int], order: Sequence[int]) -> tuple[Shape, View]:
        """A map for a value with these sizes, and the value in it. order: of its axes, the batch first."""
        batch, whole = self.simple.batch, [sizes[axis] for axis in order[1:]]
        shape = (math.prod(whole[:-2]), whole[-2] if len(whole) > 1 else 1, whole[-1] if whole else 1)
        view = View.of(shape, "n hwc").reshaped([batch, *whole], batch)
        assert view is not None
        return shape, View(((Step(0, BATCH),), *view.axes[1:])).transposed(np.argsort(order).tolist())

    def _looks_up(self, node: Node) -> bool:
        """Whether a node takes rows of a constant that an input names: then the rows are what enters."""
        graph, name = self.graph, node.inputs[1]
        place = next((place for place, entry in enumerate(self.entries) if entry.name == name), None)
        rows = graph.constants.get(node.inputs[0])
        readers = sum(name in other.inputs for other in self.nodes)
        if place is None or rows is None or rows.ndim != 2 or node.integer("axis", 0) or readers > 1:
            return False
        entry, value = self.entries[place], graph.values[name]
        sizes = (*graph.sizes(value), rows.shape[1])
        batch = entry.batch_axis
        shape, view = self._stored(sizes, [batch, *(axis for axis in range(len(sizes)) if axis != batch)])
        graph.shapes[name] = shape
        self.entries[place] = replace(entry, view=view, rows=rows.astype(np.float32))
        graph.set(node, Value(name, view))
        return True

    def _is_constant(self, node: Node) -> bool:
        """Whether a node has constants to compute with and nothing else."""
        read = set(filter(None, node.inputs))
        return node.operator not in _OF_CODES and bool(read) and self.graph.constants.keys() >= read

    def _visit(self, node: Node, known: Operator) -> None:
        for index, name in enumerate(node.inputs):
            if name and name not in self.graph.values and name not in self.graph.constants:
                raise node.error(f"input {index} ({name!r}) is computed by no node")
        if self._masks(node):
            self.graph.deferred[node.outputs[0]] = node
            self.graph.set(node, next(self.graph.values[name] for name in node.inputs if name in self.graph.values))
            return
        if not known.many and any(name in self.read for name in node.outputs[1:]):
            raise node.error("only the first output is supported")
        known.handler(self.graph, node)
        follows = node.operator != "DequantizeLinear" and not self.graph.coded.isdisjoint(node.inputs)
        if node.operator == "QuantizeLinear" or follows:
            self.graph.coded.update(node.outputs)

    def _masks(self, node: Node) -> bool:
        """Whether a node only gives one value and constants to what the host computes, as a mask does."""
        values = [name for name in node.inputs if name in self.graph.values]
        readers = [other for other in self.nodes if node.outputs[0] in other.inputs]
        if node.operator not in ("Add", "Sub", "Mul", "Where") or len(values) != 1 or len(readers) != 1:
            return False
        (reader,) = readers
        if reader.operator not in functions.HOST or reader in self.tail or node.outputs[0] in self.outputs:
            return False
        sizes = self.graph.sizes(self.graph.values[values[0]])
        for name in node.inputs:
            if name in self.graph.constants:
                shape = self.graph.constants[name].shape
                grown = [own for own, size in zip(shape[::-1], sizes[::-1], strict=False) if own not in (1, size)]
                if len(shape) > len(sizes) or grown or (len(shape) == len(sizes) and shape[0] > 1):
                    return False
        return True

    def _find_tail(self) -> list[Node]:
        """Nodes behind the network: so is all that follows them, and some compute what is no arithmetic of it."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                readers.setdefault(name, []).append(node)
        makers = {name: node for node in self.nodes for name in node.outputs if name}
        allowed = _VIEWS | _FINAL | _BEHIND
        left = {id(node) for node in self.nodes if node.operator in allowed and node.domain in _DOMAINS}
        changed = True
        while changed:
            changed = False
            for node in self.nodes:
                if id(node) not in left:
                    continue
                follows = all(id(reader) in left for name in node.outputs for reader in readers.get(name, ()))
                after = [makers[name] for name in node.inputs if name in makers]
                own = node.operator in _FINAL | _VIEWS | {"Concat"} or any(
                    id(maker) in left and maker.operator in _FINAL | _BEHIND for maker in after
                )
                if not follows or not own:
                    left.discard(id(node))
                    changed = True
        tail = [node for node in self.nodes if id(node) in left]
        final = any(node.operator in _FINAL for node in tail)
        return tail if final and len(tail) < len(self.nodes) else []


@dataclass(frozen=True)
class Operator:
    """What the importer does with an ONNX operator.

    Attributes:
        handler: reads a node of it. runs: where it is computed. note: what is supported. many: it has several outputs.
    """

    handler: Callable[[Builder, Node], None]
    runs: str
    note: str = ""
    many: bool = False


def _same(
    names: Iterable[str], handler: Callable[[Builder, Node], None], runs: str, note: str = ""
) -> dict[str, Operator]:
    return {name: Operator(handler, runs, note) for name in names}


def operator_of(node: Node) -> Operator | None:
    """What the importer does with a node; None where it knows nothing of its operator."""
    return OPERATORS.get(node.operator) if node.domain in _DOMAINS else None


def may_follow(node: Node) -> bool:
    """Whether there are networks behind which the host computes a node like that."""
    return node.domain in _DOMAINS and node.operator in _VIEWS | _FINAL | _BEHIND


def not_supported(node: Node) -> ShiftworkError:
    """Nothing is known of the operator of a node."""
    return node.error("operator is not supported")


_SINGLE = "a number or one per channel is folded; functions of one tensor become a table; of two values"

#: ONNX operators that the importer understands.
OPERATORS: dict[str, Operator] = {
    "Add": Operator(
        functions.arithmetic,
        "RTL or host",
        "a constant per channel is folded; a residual is fused into the convolution before it, else host",
    ),
    "AveragePool": Operator(layers.pool, "host"),
    "BatchNormalization": Operator(
        layers.batch_normalization, "folded", "into the convolution before it, else a depthwise 1 x 1 convolution"
    ),
    "Cast": Operator(moves.identity, "removed", "to numbers"),
    "Clip": Operator(functions.clip, "fused", "from 0 to a positive bound (ReLU6); other bounds are a table"),
    "Concat": Operator(moves.concat, "host", "any axis but the batch"),
    "Constant": Operator(moves.constant, "folded"),
    "Conv": Operator(
        layers.conv, "RTL", "one or two dimensions; any kernel, stride, padding, dilation and groups; constant weights"
    ),
    "ConvTranspose": Operator(
        layers.conv_transpose,
        "RTL",
        "one or two dimensions, no dilation: a convolution, whose results are put in place",
    ),
    "DepthToSpace": Operator(moves.depth_to_space, "host"),
    "DequantizeLinear": Operator(functions.quantized, "removed", "of constants it is folded"),
    "Div": Operator(functions.arithmetic, "folded or host", f"{_SINGLE}: times a table of inverses"),
    "Dropout": Operator(moves.identity, "removed", "inference"),
    "Einsum": Operator(layers.einsum, "RTL or host", "of two operands, of which one may be constant: as MatMul"),
    "Expand": Operator(moves.expand, "host"),
    "Flatten": Operator(moves.flatten, "removed", "keeps the batch axis"),
    "Gather": Operator(moves.gather, "host", "constant positions of an axis; each run of evenly spaced ones is a cut"),
    "Gemm": Operator(layers.gemm, "RTL", "constant weights; no transA"),
    "GRU": Operator(recurrent, "RTL and host", "step by step; its states are codes", many=True),
    "GlobalAveragePool": Operator(layers.global_pool, "host"),
    "GlobalMaxPool": Operator(layers.global_pool, "host"),
    "Identity": Operator(moves.identity, "removed"),
    "LSTM": Operator(recurrent, "RTL and host", "step by step; its states are codes", many=True),
    "IsInf": Operator(moves.never, "folded"),
    "IsNaN": Operator(moves.never, "folded"),
    "MatMul": Operator(
        layers.matmul, "RTL or host", "constant weights on either side; of two activations in 4-bit rows on the host"
    ),
    "Max": Operator(functions.extreme, "table", "with a number"),
    "MaxPool": Operator(layers.pool, "host"),
    "Min": Operator(functions.extreme, "table", "with a number"),
    "Mul": Operator(functions.arithmetic, "folded or host", f"{_SINGLE} exactly"),
    "Neg": Operator(functions.negative, "folded"),
    "PRelu": Operator(functions.prelu, "table", "with a slope a channel: three layers on the RTL"),
    "Pad": Operator(
        moves.pad, "fused or host", "zeros; fused into the convolution after it where only height and width grow"
    ),
    "Pow": Operator(functions.arithmetic, "table", "a constant exponent"),
    "QuantizeLinear": Operator(functions.quantized, "removed", "a scale that is a power of two is kept where possible"),
    "RNN": Operator(recurrent, "RTL and host", "step by step; its states are codes", many=True),
    "ReduceMax": Operator(layers.reduce, "host", "not over samples"),
    "ReduceMean": Operator(layers.reduce, "host", "not over samples"),
    "ReduceSum": Operator(layers.reduce, "host", "not over samples"),
    "Relu": Operator(functions.relu, "fused", "into the module before it"),
    "Reshape": Operator(moves.reshape, "removed or host", "keeps the batch axis"),
    "Resize": Operator(functions.resize, "host", "whole factors and nearest positions move codes; others in float"),
    "Slice": Operator(moves.slice_, "host", "constant bounds, not along the batch"),
    "Shape": Operator(moves.shape_of, "folded"),
    "SpaceToDepth": Operator(moves.space_to_depth, "host"),
    "Split": Operator(moves.split, "host", many=True),
    "Squeeze": Operator(moves.squeeze, "removed"),
    "Sub": Operator(functions.arithmetic, "folded or host", f"{_SINGLE}: an addition"),
    "Sum": Operator(functions.total, "RTL or host", "additions"),
    "Tile": Operator(moves.tile, "host"),
    "Transpose": Operator(
        moves.transpose, "removed or host", "by layout; values move where a layer needs another order"
    ),
    "Unsqueeze": Operator(moves.unsqueeze, "removed"),
    "Upsample": Operator(functions.resize, "host", "as Resize"),
    "Where": Operator(
        moves.where, "removed", "a condition that is the same everywhere, or before what the host computes"
    ),
    **_same(functions.FUNCTIONS, functions.function, "table"),
    **_same(functions.HOST, functions.host, "host", "in float between quantizations"),
}

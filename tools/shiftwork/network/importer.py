# SPDX-License-Identifier: Apache-2.0
"""ONNX to the float graph: one module a node; :mod:`~shiftwork.network.unified` fuses them.

:mod:`~shiftwork.network.simplify` removes what exporters put around the arithmetic. What is left is read operator by
operator; what follows the last layer and is no arithmetic of the network (a softmax, an argmax, the order of the
outputs) becomes the *tail*, which the host computes in float from the network's exact results. Whatever is not
understood is refused with the node's name and operator; nothing is skipped silently.
"""

from __future__ import annotations

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
from shiftwork.network.graph import FloatNetwork, live
from shiftwork.network.model_file import load_model
from shiftwork.network.simplify import Simple, Source, simplify
from shiftwork.network.submodel import SubModel
from shiftwork.network.unified import unify
from shiftwork.tensors.layout import BATCH, Step, View

_DOMAINS = ("", "ai.onnx")

_VIEWS = frozenset({"Cast", "Dropout", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_FINAL = frozenset({
    "ArgMax", "ArgMin", "Exp", "Hardmax", "Log", "LogSoftmax", "NonMaxSuppression", "Sigmoid", "Softmax", "Tanh",
    "TopK",
})  # fmt: skip
_BEHIND = frozenset({
    "Add", "Clip", "Concat", "Div", "Gather", "GatherElements", "GatherND", "Greater", "Less", "Max", "Min", "Mul",
    "Neg", "Pow", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Slice", "Split", "Sqrt", "Sub", "Where",
})  # fmt: skip


def import_onnx(path: str | Path, sizes: Mapping[str, Sequence[int]] | None = None) -> FloatNetwork:
    """Read an ONNX file into the float graph.

    Args:
        path: model of float (or, cast first, integer) inputs and any number of outputs.
        sizes: axes of inputs, the batch aside, where the model leaves them open, by the name of the input.

    Returns:
        The network with batch normalization, bias, ReLU and residual additions fused into modules.

    Raises:
        ShiftworkError: unreadable file, unknown operator or option (all of them are named), NaN, Inf or non-numeric
            weights, sizes that are not known.
    """
    return read(Path(path), sizes).network()


def read(path: Path, sizes: Mapping[str, Sequence[int]] | None = None) -> Importer:
    """The importer of a file that has read as much of it as it can; what it refuses is in it."""
    importer = Importer(path, simplify(path, load_model(path), sizes))
    importer.run()
    return importer


def _all(refused: Sequence[ShiftworkError]) -> ShiftworkError:
    """One error that says all that is refused."""
    if len(refused) == 1:
        return refused[0]
    return ShiftworkError("\n  ".join([f"{len(refused)} refusals:", *map(str, refused)]))


class Importer:
    """One model while it is read.

    Attributes:
        simple: what is read. nodes: of it. tail: those that the host computes behind the network.
        graph: what is understood. refused: errors by the name of a node.
    """

    def __init__(self, path: Path, simple: Simple) -> None:
        self.path, self.simple = path, simple
        self.nodes = [Node(proto) for proto in simple.model.graph.node]
        self.graph = Builder(path, simple.batch, list(simple.model.opset_import))
        self.outputs = [str(output.name) for output in simple.model.graph.output]
        self.tail = self._find_tail()
        self.refused: list[tuple[Node, ShiftworkError]] = []
        self.entries: list[Entry] = []

    def run(self) -> None:
        """Read all nodes in front of the tail."""
        for initializer in self.simple.model.graph.initializer:
            try:
                self.graph.constants[initializer.name] = np.asarray(onnx.numpy_helper.to_array(initializer))
            except Exception as error:
                raise ShiftworkError(
                    f"model {self.path}: weight {initializer.name!r} cannot be read (truncated or damaged)"
                ) from error
        for source in self.simple.sources:
            self._enter(source)
        tail, lost = set(map(id, self.tail)), set[str]()
        for node in self.nodes:
            if id(node) in tail:
                continue
            if not lost.isdisjoint(node.inputs):
                lost.update(node.outputs)
                continue
            try:
                self._visit(node)
            except ShiftworkError as error:
                self.refused.append((node, error))
                lost.update(node.outputs)

    def network(self) -> FloatNetwork:
        """The float graph.

        Raises:
            ShiftworkError: all that was refused; an output that no sample reaches.
        """
        if self.refused:
            raise _all([error for _, error in self.refused])
        graph = self.graph
        read = {name for node in self.tail for name in node.inputs if name}
        made = {name for node in self.tail for name in node.outputs}
        wanted = [name for name in graph.values if name in read] if self.tail else []
        wanted += [name for name in self.outputs if name not in made and name not in wanted]
        missing = [name for name in wanted if name not in graph.values]
        if missing:
            raise ShiftworkError(f"model {self.path}: output {missing[0]!r} is not computed from the input")
        exits = tuple(Exit(graph.values[name].tensor, name, graph.values[name].view) for name in wanted)
        tail = None
        if self.tail:
            protos = [node.proto for node in self.tail]
            tail = SubModel.of(protos, graph.constants, wanted, self.outputs, graph.opsets)
        ends = Ends(tuple(self.entries), exits, tuple(self.outputs), tail, self.simple.batch, self.simple.fixed)
        modules = live(graph.modules, ends.tensors)
        if not modules:
            raise ShiftworkError(f"model {self.path}: no layer between input and output")
        shapes = self._named(ends, modules)
        ends = replace(
            ends, exits=tuple(replace(exit, tensor=self._alias.get(exit.tensor, exit.tensor)) for exit in exits)
        )
        reads = {name for module in modules for name in module.reads()}
        fixed = {name: array for name, array in graph.fixed.items() if name in reads}
        return unify(FloatNetwork(self.path, ends, shapes, modules, fixed, graph.wishes, graph.notes))

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
        if len(inner) == 2 and not any(
            node.operator in ("Conv", "ConvTranspose", "MaxPool", "AveragePool") for node in readers
        ):
            channel = inner[-1]
        if readers and all(node.operator == "Transpose" for node in readers):
            orders = {tuple(node.integers("perm", list(range(len(sizes)))[::-1])) for node in readers}
            order = orders.pop()
            if not orders and order[0] == place and len(order) > 2:
                channel = order[1]
        groups = [axis for axis in inner if axis != channel]
        if channel is not None:
            groups.append(channel)
        stored = [place, *groups]
        whole = [sizes[axis] for axis in groups]
        shape = (
            int(np.prod(whole[:-2], dtype=int)), whole[-2] if len(whole) > 1 else 1, whole[-1] if whole else 1,
        )  # fmt: skip
        view = View.of(shape, "n hwc").reshaped([self.simple.batch, *whole], self.simple.batch)
        assert view is not None
        view = View(((Step(0, BATCH),), *view.axes[1:])).transposed(np.argsort(stored).tolist())
        self.graph.shapes[source.name] = shape
        self.graph.values[source.name] = Value(source.name, view)
        self.entries.append(Entry(source.name, tuple(sizes[axis] for axis in inner), view, source.whole))

    def _visit(self, node: Node) -> None:
        known = OPERATORS.get(node.operator) if node.domain in _DOMAINS else None
        if node.operator != "Constant" and self._folded(node):
            return
        if known is None:
            raise node.error("operator is not supported")
        for index, name in enumerate(node.inputs):
            if name and name not in self.graph.values and name not in self.graph.constants:
                raise node.error(f"input {index} ({name!r}) is computed by no node")
        read = {name for other in self.nodes for name in other.inputs} | set(self.outputs)
        if not known.many and any(o and o in read for o in node.outputs[1:]):
            raise node.error("only the first output is supported")
        known.handler(self.graph, node)

    def _folded(self, node: Node) -> bool:
        """Compute a node of constants, or the shape of a value, which onnxruntime has left."""
        graph = self.graph
        if node.operator == "Shape" and node.inputs[0] in graph.values:
            sizes = np.array(graph.sizes(graph.values[node.inputs[0]]), np.int64)
            graph.set_constant(node, sizes[node.integer("start", 0) : node.attributes.get("end")])
            return True
        if not node.inputs or not all(name in graph.constants for name in node.inputs if name):
            return False
        names = [name for name in node.outputs if name]
        try:
            graph.constants.update(zip(names, graph.part([node.proto], [], names).run([]), strict=True))
        except ShiftworkError as error:
            raise node.error(str(error)) from error
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
        return tail if any(node.operator in _FINAL for node in tail) else []


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
    "Expand": Operator(moves.expand, "host"),
    "Flatten": Operator(moves.flatten, "removed", "keeps the batch axis"),
    "Gather": Operator(moves.gather, "host", "constant positions of an axis; each run of evenly spaced ones is a cut"),
    "Gemm": Operator(layers.gemm, "RTL", "constant weights; no transA"),
    "GlobalAveragePool": Operator(layers.global_pool, "host"),
    "GlobalMaxPool": Operator(layers.global_pool, "host"),
    "Identity": Operator(moves.identity, "removed"),
    "MatMul": Operator(layers.matmul, "RTL or host", "constant weights on either side; of two activations on the host"),
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
    "ReduceMax": Operator(layers.reduce, "host", "not over samples"),
    "ReduceMean": Operator(layers.reduce, "host", "not over samples"),
    "ReduceSum": Operator(layers.reduce, "host", "not over samples"),
    "Relu": Operator(functions.relu, "fused", "into the module before it"),
    "Reshape": Operator(moves.reshape, "removed or host", "keeps the batch axis"),
    "Resize": Operator(functions.resize, "host", "whole factors and nearest positions move codes; others in float"),
    "Slice": Operator(moves.slice_, "host", "constant bounds, not along the batch"),
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
    **_same(functions.FUNCTIONS, functions.function, "table"),
    **_same(functions.HOST, functions.host, "host", "in float between quantizations"),
}

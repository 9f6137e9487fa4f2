# SPDX-License-Identifier: Apache-2.0
"""A model before any work: what becomes of every node of its file, and whether the accelerator takes it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from shiftwork.compile import Engine, TrEngine, compile_network
from shiftwork.compile.accelerator import Accelerator, compile_accelerator
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import run
from shiftwork.network.builder import Node
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.importer import Importer, may_follow, not_supported, operator_of, read
from shiftwork.network.integer import IntegerNetwork
from shiftwork.network.model_file import load_model
from shiftwork.network.simplify import RefusalError, captured, first_output
from shiftwork.progress import OnItem
from shiftwork.quantize import fixed8
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize, scheme_of
from shiftwork.table import Table
from shiftwork.tensors.layout import BATCH

Becomes = Literal["RTL", "table", "host", "fused", "folded", "removed", "tail", "unused", "refused", "unjudged"]
_WORDS: dict[Becomes, str] = {
    "RTL": "RTL (engine)",
    "fused": "fused into {module}",
    "removed": "removed (a view)",
    "tail": "host, behind the network",
    "unused": "unused: no output needs it",
    "unjudged": "not judged",
}
_COMPUTED: tuple[Becomes, ...] = ("host", "table", "RTL")
#: The closest thing that works, for operators that the importer does not know.
CLOSEST = {
    "Attention": "MatMul, Softmax and MatMul",
    "ConvInteger": "Conv between QuantizeLinear and DequantizeLinear",
    "DynamicQuantizeLinear": "QuantizeLinear with a constant scale",
    "GridSample": "Resize",
    "If": "an export of one of its branches",
    "Loop": "an export of its steps, one behind the other",
    "LpPool": "AveragePool of a square, and Sqrt",
    "MatMulInteger": "MatMul between QuantizeLinear and DequantizeLinear",
    "MaxUnpool": "Resize to nearest positions",
    "Mean": "Sum, and Mul by a number",
    "MultiHeadAttention": "MatMul, Softmax and MatMul",
    "QLinearConv": "Conv between QuantizeLinear and DequantizeLinear",
    "QLinearMatMul": "MatMul between QuantizeLinear and DequantizeLinear",
    "ReduceLogSum": "ReduceSum and Log",
    "ReduceSumSquare": "Mul and ReduceSum",
    "Scan": "an export of its steps, one behind the other",
}
TRIED = 2_000_000_000
"""Multiply-accumulates up to which a network is quantized and compiled without samples of the user's."""
_SAMPLES = 4
_SMALL = 64  # values of a constant that may be the shape of another tensor


@dataclass(frozen=True)
class Fate:
    """What becomes of a node.

    Attributes:
        name, operator: of the ONNX node. becomes: the kind of its fate. module: that computes it, where one does.
        shape: of its first output; axes that samples decide have names. macs: multiply-accumulates of a sample.
        weights: numbers that the engine multiplies by. remark: why it is refused, or what users should know.
        closest: what works in the place of a node that is refused.
    """

    name: str
    operator: str
    becomes: Becomes
    module: str = ""
    shape: tuple[int | str, ...] | None = None
    macs: int = 0
    weights: int = 0
    remark: str = ""
    closest: str = ""

    def row(self) -> list[object]:
        """Cells of the table."""
        fate = _WORDS.get(self.becomes, self.becomes).format(module=self.module)
        shape = None if self.shape is None else "x".join(map(str, self.shape)) or "number"
        remark = "; closest: ".join(filter(None, (self.remark, self.closest)))
        return [self.name, self.operator, fate, shape, self.macs or None, self.weights or None, remark]


@dataclass
class Inspection:
    """A model as a user has it, and what is understood of it.

    Attributes:
        model: name of the file. nodes: in its order. network: up to what is refused; None where nothing was read.
        refusal: all that is refused.
    """

    model: str
    nodes: list[Fate]
    network: FloatNetwork | None
    refusal: RefusalError | None = None

    def accepted(self) -> FloatNetwork:
        """The float graph.

        Raises:
            RefusalError: all that is refused.
        """
        if self.refusal is not None:
            raise self.refusal
        assert self.network is not None
        return self.network

    def table(self, becomes: Iterable[str] | None = None) -> Table:
        """The nodes, or those of some fates."""
        chosen = [fate for fate in self.nodes if becomes is None or fate.becomes in becomes]
        return Table(
            ["node", "operator", "becomes", "output", "MACs", "weights", "remark"], [fate.row() for fate in chosen]
        )

    def refusals(self) -> str:
        """The table of the nodes that are refused, and how many others there are."""
        others = len(self.nodes) - sum(fate.becomes == "refused" for fate in self.nodes)
        return f"{self.table(['refused']).text()}\n\nand {others} other nodes: `shiftwork inspect` shows them"

    def totals(self) -> dict[str, Any]:
        """Nodes by fate, work, weights and the largest map, as plain JSON values."""
        found: dict[str, Any] = {"nodes": dict(Counter(fate.becomes for fate in self.nodes))}
        if self.network is not None and self.network.modules:
            modules, shapes = self.network.modules, self.network.shapes
            largest = max(shapes, key=lambda name: math.prod(shapes[name]))
            found["macs"] = sum(map(self.network.macs, modules))
            found["weights"] = sum(module.weight.size for module in modules if module.weight is not None)
            found["largest_map"] = {"name": largest, "shape": list(shapes[largest])}
            found["moves"] = sum(not module.nodes for module in modules)
        return found


def inspect(path: Path, sizes: Mapping[str, Sequence[int]] | None = None, progress: OnItem | None = None) -> Inspection:
    """What becomes of every node of a model.

    Args:
        path: ONNX file. sizes: as :func:`shiftwork.network.importer.import_onnx` takes them.
        progress: told about every node that is read.

    Raises:
        ShiftworkError: unreadable file, sizes that are not known, a graph that is none.
    """
    model = load_model(path)
    protos = list(model.graph.node)
    constant, needed, shapes = _constant(model.graph), _needed(model.graph), _inferred(model)
    left: dict[str, Fate] = {}
    network, refusal = None, None
    try:
        importer = read(path, model, sizes, progress)
    except RefusalError as error:
        refusal = _with_strangers(protos, constant, error)
    else:
        network, refusal = importer.network(), importer.refusal
        known = _fates(importer, network, shapes)
        left = {key: known[id(node)] for key, node in _counterparts(protos, importer.nodes).items()}
    fates = []
    for proto in protos:
        key = first_output(proto)
        if refusal is not None and key in refusal.reasons:
            fate = _refused(proto, refusal.reasons[key], network is not None)
        elif key in left:
            fate = left[key]
        else:
            same = not constant.isdisjoint(proto.output)
            away: Becomes = "folded" if same else "unjudged" if network is None else "removed"
            fate = Fate("", "", away if needed.intersection(proto.output) else "unused")
        fates.append(replace(fate, name=proto.name or key, operator=proto.op_type, shape=fate.shape or shapes.get(key)))
    return Inspection(path.name, fates, network, refusal)


def _refused(proto: Any, reason: str, by_importer: bool) -> Fate:
    """A node that is refused, with what works in its place. by_importer: the graph is sound."""
    known = operator_of(Node(proto))
    closest = CLOSEST.get(proto.op_type, "operators of ONNX" if proto.domain.removeprefix("ai.onnx") else "none")
    if known is not None:
        closest = f"{proto.op_type}: {known.note}" if known.note and by_importer else ""
    remark = reason.removeprefix(f"node {proto.name or first_output(proto)!r} ({proto.op_type}): ")
    return Fate("", "", "refused", remark=remark, closest=closest)


def _constant(graph: Any) -> set[str]:
    """Values that are the same for all samples: a size is, whatever it is the size of."""
    found = {tensor.name for tensor in graph.initializer}
    waiting = list(graph.node)
    while waiting:
        left = []
        for node in waiting:
            reads = {*node.input, *captured(node)} - {""}
            if node.op_type in ("Shape", "Size") or reads <= found:
                found.update(node.output)
            else:
                left.append(node)
        if len(left) == len(waiting):
            break
        waiting = left
    return found - {""}


def _needed(graph: Any) -> set[str]:
    """Values that outputs need."""
    makers = {name: node for node in graph.node for name in node.output}
    found, waiting = set[str](), [output.name for output in graph.output]
    while waiting:
        name = waiting.pop()
        if name not in found and name in makers:
            waiting += {*makers[name].input, *captured(makers[name])} - {""}
        found.add(name)
    return found


def _inferred(model: Any) -> dict[str, tuple[int | str, ...]]:
    """Shapes of values as the file alone tells them; axes without a size by their name."""
    graph, helper = model.graph, onnx.helper
    known = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in known]
    large = [tensor for tensor in graph.initializer if math.prod(tensor.dims) > _SMALL]
    inputs += [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in large]
    small = [tensor for tensor in graph.initializer if math.prod(tensor.dims) <= _SMALL]
    alone = helper.make_model(
        helper.make_graph(graph.node, "shapes", inputs, [], small), opset_imports=model.opset_import
    )
    try:
        values = onnx.shape_inference.infer_shapes(alone, data_prop=True).graph.value_info
    except Exception:  # shapes are a convenience: what is wrong with the graph is said by those who read it
        values = []
    shapes: dict[str, tuple[int | str, ...]] = {}
    for value in (*inputs, *values):
        if value.type.tensor_type.HasField("shape"):
            axes = value.type.tensor_type.shape.dim
            shapes[value.name] = tuple(
                axis.dim_value if axis.HasField("dim_value") else axis.dim_param.partition("unk__")[0] or "?"
                for axis in axes
            )
    return shapes


def _counterparts(protos: Sequence[Any], nodes: Sequence[Node]) -> dict[str, Node]:
    """What is left of nodes of the file, by the first value that each computes there."""
    count = Counter(proto.name for proto in protos)
    named = {proto.name: proto for proto in protos if count[proto.name] == 1}
    makers = {name: proto for proto in protos for name in proto.output if name}
    found: dict[str, Node] = {}
    renamed = []
    for node in nodes:
        proto = named.get(node.name)
        if proto is not None and proto.op_type == node.operator:
            found[first_output(proto)] = node
        else:
            renamed.append(node)
    for node in renamed:
        proto = makers.get(first_output(node.proto))
        if proto is not None:
            found.setdefault(first_output(proto), node)
    return found


def _with_strangers(protos: Sequence[Any], constant: set[str], error: RefusalError) -> RefusalError:
    """A refusal of a graph that could not be read, with the nodes that are refused in any graph."""
    moving = [Node(proto) for proto in protos if constant.isdisjoint(proto.output)]
    others = {first_output(node.proto): str(not_supported(node))
              for node in moving if operator_of(node) is None and not may_follow(node)}  # fmt: skip
    return RefusalError(others | error.reasons)


def _fates(importer: Importer, network: FloatNetwork, shapes: Mapping[str, tuple[int | str, ...]]) -> dict[int, Fate]:
    """Fates of the nodes that the importer has read, by the identity of each."""
    owners = {name: module for module in network.modules for name in module.nodes}
    alive, tail = set(map(id, network.modules)), set(map(id, importer.tail))
    rows = {entry.name for entry in network.ends.entries if entry.rows is not None}
    taken: dict[str, str] = {}  # modules that read a value, seen through views
    found = {}
    for node in reversed(importer.nodes):
        made = [module for module in importer.made.get(id(node), ()) if module.nodes]
        own = [module for module in made if id(module) in alive]
        behind = next((taken[name] for name in node.outputs if name in taken), "")
        becomes: Becomes = "removed"
        module, remark = "", network.notes.get(node.name, "")
        if id(node) in tail:
            becomes = "tail"
        elif not importer.lost.isdisjoint(node.outputs):
            becomes = "unjudged"
        elif not importer.graph.constants.keys().isdisjoint(node.outputs):
            becomes = "folded"
        elif own:
            places = Counter(map(_place, own))
            becomes, module = max(places, key=_COMPUTED.index), own[-1].name
            if len(own) > 1:
                remark = f"{', '.join(f'{places[p]} {p}' for p in reversed(_COMPUTED) if p in places)} modules"
        elif made:
            names = [owners[name].name for one in made for name in one.nodes if name in owners]
            becomes, module = "fused", next(iter(names), behind)
        elif not rows.isdisjoint(node.inputs):
            becomes, remark = "host", "rows of a constant, looked up in front of the network"
        found[id(node)] = Fate(
            node.name, node.operator, becomes, module, _shape(importer, first_output(node.proto), shapes),
            sum(map(network.macs, own)), sum(one.weight.size for one in own if one.weight is not None), remark,
        )  # fmt: skip
        if module or behind:
            taken.update((source, module or behind) for source in node.inputs if source not in taken)
    return found


def _place(module: FloatModule) -> Becomes:
    """Where a module is computed under ``--executor rtl``, by all engines but that of 4-bit rows."""
    return "RTL" if module.kind in ("conv", "matmul") else "table" if module.kind == "table" else "host"


def _shape(importer: Importer, name: str, shapes: Mapping[str, tuple[int | str, ...]]) -> tuple[int | str, ...] | None:
    """Sizes of the axes of a value that samples reach."""
    value = importer.graph.values.get(name)
    if value is None:
        return None
    if importer.simple.fixed:
        return value.view.shape(importer.simple.batch)
    symbols = [shapes[source.name][source.batch_axis] for source in importer.simple.sources]
    symbol = next((found for found in symbols if found != "?" and isinstance(found, str)), "N")
    return tuple(
        size if all(step.stride != BATCH for step in axis) else symbol if size == 1 else f"{size}{symbol}"
        for axis, size in zip(value.view.axes, value.view.shape(1), strict=True)
    )


@dataclass(frozen=True)
class Trial:
    """Whether a network runs.

    Attributes:
        samples: what chose its scales. golden, rtl, accelerator: why not; empty: it does; None: nobody has tried.
        target: the accelerator.
    """

    samples: str
    target: str
    golden: str | None = None
    rtl: str | None = None
    accelerator: str | None = None

    def lines(self) -> list[str]:
        """For users, a line each."""
        executors = {"golden": self.golden, "rtl": self.rtl, "accel": self.accelerator}
        runs = [name for name, reason in executors.items() if reason == ""]
        lines = [f"runs            --executor {', '.join(runs)}; scales from {self.samples}"] if runs else []
        lines += [f"{name:<15} does not run: {executors[name]}" for name in ("golden", "rtl") if executors[name]]
        fits = "not tried" if self.accelerator is None else "does not fit" if self.accelerator else "fits"
        return [*lines, f"accelerator     {self.target}: {': '.join(filter(None, (fits, self.accelerator)))}"]


def tried(network: FloatNetwork, scheme: str, engine: Engine, target: Accelerator, data: Path | None = None) -> Trial:
    """Quantize a network with plain scales from a few samples, run one of them, and compile it.

    Args:
        scheme: of the integers. engine: that runs it alone. target: the accelerator. data: samples; else random ones.

    Raises:
        ShiftworkError: the data are not usable.
    """
    what = f"{target.engine.kind} engine, {target.engine}, {target.activation_memory} KiB of activations"
    work = sum(map(network.macs, network.modules))
    if data is None and work > TRIED:
        return Trial("", f"{what}, {work:,} MACs, without --data")
    samples = _random(network) if data is None else load_data(data, network, _SAMPLES, labels=False).x
    words = f"{len(samples)} {'random ' if data is None else ''}samples"
    try:
        integer = _integers(network, samples, scheme)
        run(integer, samples[:1], collect=False)
    except ShiftworkError as error:
        return Trial(words, what, golden=str(error))
    reasons = []
    for compiled in (lambda: compile_network(integer, engine), lambda: compile_accelerator(integer, target)):
        try:
            compiled()
            reasons.append("")
        except ShiftworkError as error:
            reasons.append(str(error))
    return Trial(words, what, "", *reasons)


def _random(network: FloatNetwork) -> NDArray[np.float32]:
    """Samples as the inputs expect them, with values that mean nothing."""
    rng = np.random.default_rng(1)
    parts = []
    for entry in network.ends.entries:
        size, most = (_SAMPLES, math.prod(entry.shape)), 256 if entry.rows is None else len(entry.rows)
        parts.append(rng.integers(0, most, size) if entry.whole else rng.normal(0, 1, size))
    return np.concatenate(parts, axis=1, dtype=np.float32).reshape(_SAMPLES, *network.ends.sample_shape)


def _integers(network: FloatNetwork, samples: NDArray[np.float32], scheme: str) -> IntegerNetwork:
    """The network under a scheme, or under one of the same format that takes no search."""
    if TrEngine in scheme_of(scheme).engines:
        return fixed8.quantize(network, samples, "maxabs")
    return quantize(Quantization(scheme=scheme), network, Data(samples, None))


def total_lines(inspection: Inspection) -> list[str]:
    """The totals of a model, a line each."""
    totals = inspection.totals()
    counts = ", ".join(f"{count} {becomes}" for becomes, count in totals["nodes"].items())
    lines = [f"nodes           {len(inspection.nodes)}: {counts}"]
    if "macs" in totals:
        largest = totals["largest_map"]
        lines += [
            f"MACs            {totals['macs']:,}{'' if inspection.refusal is None else ', as far as it is read'}",
            f"weights         {totals['weights']:,}, as many bytes at 8 bits",
            f"largest map     {'x'.join(map(str, largest['shape']))} (height, width, channels), {largest['name']!r}",
        ]
        assert inspection.network is not None
        notes, told = inspection.network.notes, {fate.name for fate in inspection.nodes}
        lines += [f"note            {name!r}: {text}" for name, text in notes.items() if name not in told]
        if totals["moves"]:
            lines.append(f"moves           {totals['moves']} between modules, into another order, on the host")
    return lines


def to_json(inspection: Inspection, trial: Trial | None) -> dict[str, Any]:
    """Plain JSON values."""
    nodes = [asdict(fate) for fate in inspection.nodes]
    content = {"model": inspection.model, "nodes": nodes, "totals": inspection.totals()}
    return content if trial is None else content | {"trial": asdict(trial)}

# SPDX-License-Identifier: Apache-2.0
"""An ONNX graph without what exporters put around the arithmetic, before the importer reads it.

Constants, chains of Shape and Gather, branches on constants and weights behind other nodes are folded by onnxruntime's
basic graph optimization, which every user of a model has anyway. Here: one size of the batch, one type of numbers,
sizes of dynamic axes, nodes in order, and none that no output needs. Fusions of layers are left to
:mod:`~shiftwork.network.unified`.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from shiftwork.errors import ShiftworkError
from shiftwork.network.submodel import reason

_BATCH = 7  # samples that a dynamic batch has during import: a size that is not mistaken for another one
_OLDEST = 7  # opset that onnxruntime reads
_IR = 8
_REALS = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)
_NO_NUMBERS = (onnx.TensorProto.STRING, onnx.TensorProto.COMPLEX64, onnx.TensorProto.COMPLEX128)
_STAND_INS = {"GroupNormalization": "InstanceNormalization"}
_KEPT_APART = [
    "ConvAddFusion", "ConvBNFusion", "ConvMulFusion", "FuseReluClip", "GeluFusionL1", "GemmSumFusion",
    "GemmTransposeFusion", "LayerNormFusionL1", "MatMulAddFusion", "MatMul_BatchNormalization_Fusion",
    "MatmulTransposeFusion", "Pad_Fusion", "TransposeOptimizer",
]  # fmt: skip


class RefusalError(ShiftworkError):
    """Nodes of a model are refused, all of them told at once.

    Attributes:
        reasons: what is wrong with each, by the first value that it computes.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        lines = list(reasons.values())
        super().__init__(lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} refusals:", *lines]))
        self.reasons = dict(reasons)


@dataclass(frozen=True)
class Source:
    """An input of a model.

    Attributes:
        name: of it. shape: sizes of its axes, the batch among them. batch_axis: which one that is.
        whole: it takes whole numbers.
    """

    name: str
    shape: tuple[int, ...]
    batch_axis: int
    whole: bool


@dataclass(frozen=True)
class Simple:
    """A simplified model.

    Attributes:
        model: the protobuf; its nodes are in order, and every one is needed. sources: its inputs.
        batch: samples that it was simplified for. fixed: whether the model allows no other number.
    """

    model: Any
    sources: tuple[Source, ...]
    batch: int
    fixed: bool


def simplify(path: Path, model: Any, sizes: Mapping[str, Sequence[int]] | None = None) -> Simple:
    """The graph that is left of a model.

    Args:
        path: for messages. model: protobuf; it is changed.
        sizes: of the axes of arrays that will enter, by the name of the input, for axes that are dynamic; that of ``x``
            is of the only input too.

    Raises:
        RefusalError: operators that do not exist, a node that onnxruntime refuses or that reads what no node computes.
        ShiftworkError: a graph that has a cycle or that onnxruntime refuses as a whole, an input without sizes, or of
            something else than real numbers.
    """
    known = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in known]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, _IR)
    if not inputs:
        raise ShiftworkError(f"model {path}: one input expected, found none")
    names = {node.name for node in model.graph.node}
    for node in model.graph.node:
        if not node.name and first_output(node) not in names:
            node.name = first_output(node)
    _single_precision(model)
    sources, batch, fixed = _sources(path, inputs, sizes or {})
    for value, source in zip(model.graph.input, sources, strict=True):
        axes = value.type.tensor_type.shape.dim
        for axis, size in zip(axes, source.shape, strict=True):
            axis.dim_value = size
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    _in_order(path, model.graph)
    ranks = {name: rank for rank, node in enumerate(model.graph.node) for name in node.output}
    hidden = _hidden(model)
    folded = _folded(path, _modern(path, model))
    for node in folded.graph.node:
        if node.output[0] in hidden:
            inputs = list(node.input)  # some may have other names now
            node.CopyFrom(hidden[node.output[0]])
            del node.input[:]
            node.input.extend(inputs)
    _in_order(path, folded.graph, ranks)
    return Simple(folded, tuple(sources), batch, fixed)


def _sources(path: Path, inputs: Sequence[Any], given: Mapping[str, Sequence[int]]) -> tuple[list[Source], int, bool]:
    """The inputs with whole sizes, the batch, and whether it is fixed."""
    shapes: dict[str, list[int | str]] = {}
    for value in inputs:
        axes = value.type.tensor_type.shape.dim
        shapes[value.name] = [
            axis.dim_value if axis.dim_value > 0 else axis.dim_param or f"{value.name}.{place}"
            for place, axis in enumerate(axes)
        ]
        if value.type.tensor_type.elem_type in _NO_NUMBERS:
            raise ShiftworkError(f"model {path}: input {value.name!r} does not take real numbers")
        if not axes:
            raise ShiftworkError(f"model {path}: input {value.name!r} has no axes, so none for samples")
    symbol = _batch_symbol(list(shapes.values()))
    result = []
    counts = set()
    for name, shape in shapes.items():
        place = shape.index(symbol) if symbol in shape else 0
        if symbol is None or symbol not in shape:
            size = shape[0]
            counts.add(_BATCH if isinstance(size, str) else size)
        rest = [size for axis, size in enumerate(shape) if axis != place]
        if any(isinstance(size, str) for size in rest):
            wanted = list(given.get(name, given.get("x", ()) if len(shapes) == 1 else ()))
            if len(wanted) != len(shape):
                raise ShiftworkError(
                    f"model {path}: input {name!r} has a dynamic axis other than the batch: its sizes are taken "
                    "from the data"
                )
            del wanted[place]
            rest = [own if isinstance(own, int) else int(new) for own, new in zip(rest, wanted, strict=True)]
        result.append((name, place, rest))
    fixed = symbol is None and not any(isinstance(shape[0], str) for shape in shapes.values())
    batch = int(counts.pop()) if fixed and len(counts) == 1 else _BATCH
    if fixed and counts:
        raise ShiftworkError(f"model {path}: its inputs have batches of different sizes")
    types = {value.name: value.type.tensor_type.elem_type for value in inputs}
    sources = [
        Source(
            name, tuple(map(int, (*rest[:place], batch, *rest[place:]))), place, types[name] != onnx.TensorProto.FLOAT
        )
        for name, place, rest in result
    ]
    return sources, batch, fixed


def _batch_symbol(shapes: list[list[int | str]]) -> str | None:
    """Name of the dynamic axis that counts samples, or None where the first axis of every input has a size."""
    first = shapes[0][0]
    common = [axis for axis in shapes[0] if isinstance(axis, str) and all(axis in shape for shape in shapes[1:])]
    if isinstance(first, str) and (first in common or not common):
        return first
    if len(common) == 1 and (first != 1 or len(shapes) > 1):
        return common[0]
    return None


def _single_precision(model: Any) -> None:
    """Numbers of half and double precision as float32."""

    def real(tensor: Any) -> None:
        if tensor.data_type in _REALS:
            array = onnx.numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))

    for tensor in model.graph.initializer:
        real(tensor)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type in _REALS:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                real(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in _REALS:
                attribute.i = onnx.TensorProto.FLOAT


def _hidden(model: Any) -> dict[str, Any]:
    """Nodes by output that onnxruntime would take apart, as it knows them as functions alone; others stand for them."""
    result = {}
    for node in model.graph.node:
        if node.op_type in _STAND_INS:
            kept = onnx.NodeProto()
            kept.CopyFrom(node)
            result[node.output[0]] = kept
            node.op_type = _STAND_INS[node.op_type]
            del node.attribute[:]
    return result


def _modern(path: Path, model: Any) -> Any:
    """The model at an opset that onnxruntime reads."""
    old = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not old or old[0] >= _OLDEST:
        return model
    try:
        return onnx.version_converter.convert_version(model, _OLDEST)
    except Exception as error:
        raise ShiftworkError(f"model {path}: opset {old[0]} cannot be brought to {_OLDEST}: {error}") from error


def _folded(path: Path, model: Any) -> Any:
    """The model after onnxruntime's basic optimization."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.onnx"
        error = _optimized(model, target)
        if error is not None:
            raise _refusal(path, model, error) from error
        return onnx.load(target)


def _optimized(model: Any, target: Path) -> Exception | None:
    """Write what onnxruntime's basic optimization leaves of a model; what is wrong where it refuses that."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    try:
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"], disabled_optimizers=_KEPT_APART
        )
    except Exception as error:
        return error
    return None


def _refusal(path: Path, model: Any, error: Exception) -> ShiftworkError:
    """A refusal by onnxruntime that names the nodes it is about, or the model."""
    strangers = [node for node in model.graph.node if not _exists(node)]
    if strangers:
        return RefusalError({first_output(node): f"{_place(node)}: operator is not supported" for node in strangers})
    nodes = list(model.graph.node)
    part = onnx.ModelProto()
    part.CopyFrom(model)

    def cut(count: int) -> Exception | None:
        """What is wrong with the model of the first nodes."""
        last = model.graph.input[0].name if not count else next(name for name in nodes[count - 1].output if name)
        del part.graph.node[:], part.graph.output[:]
        part.graph.node.extend(nodes[:count])
        part.graph.output.append(onnx.helper.make_empty_tensor_value_info(last))
        with tempfile.TemporaryDirectory() as folder:
            return _optimized(part, Path(folder) / "part.onnx")

    good, bad = -1, len(nodes) + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        found = cut(middle)
        good, bad, error = (middle, bad, error) if found is None else (good, middle, found)
    if bad in (0, len(nodes) + 1):
        return ShiftworkError(f"model {path}: onnxruntime: {reason(error)}")
    node = nodes[bad - 1]
    return RefusalError({first_output(node): f"{_place(node)}: {reason(error)}"})


def _place(node: Any) -> str:
    return f"node {node.name or first_output(node)!r} ({node.op_type})"


def first_output(node: Any) -> str:
    """The first value that a node computes, which no other node does."""
    return next(filter(None, node.output), "")


def _exists(node: Any) -> bool:
    return bool(onnx.defs.has(node.op_type, "" if node.domain == "ai.onnx" else node.domain))


def _in_order(path: Path, graph: Any, ranks: Mapping[str, int] | None = None) -> None:
    """Nodes that the outputs need, none before what it reads, else in the order that they have.

    Args:
        ranks: the order of the values that nodes compute; one that is not in it comes with what it reads.

    Raises:
        RefusalError: a node that reads what no node computes.
        ShiftworkError: a cycle.
    """
    nodes = list(graph.node)
    makers = {name: place for place, node in enumerate(nodes) for name in node.output if name}
    known = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    needed, waiting = set[int](), [makers[output.name] for output in graph.output if output.name in makers]
    reads: dict[int, set[int]] = {}
    while waiting:
        place = waiting.pop()
        if place in needed:
            continue
        needed.add(place)
        node = nodes[place]
        names = {name for name in (*node.input, *captured(node)) if name}
        for number, name in enumerate(node.input):
            if name and name not in makers and name not in known:
                why = f"{_place(node)}: input {number} ({name!r}) is computed by no node"
                raise RefusalError({first_output(node): why})
        reads[place] = {makers[name] for name in names if name in makers}
        waiting += reads[place]
    readers: dict[int, list[int]] = {}
    for place, sources in reads.items():
        for source in sources:
            readers.setdefault(source, []).append(place)
    left = {place: len(sources) for place, sources in reads.items()}
    rank = {place: min((ranks[name] for name in nodes[place].output if name in ranks), default=-1)
            if ranks is not None else place for place in needed}  # fmt: skip
    ready = [(rank[place], place) for place, count in left.items() if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        _, place = heapq.heappop(ready)
        order.append(place)
        for reader in readers.get(place, ()):
            left[reader] -= 1
            if not left[reader]:
                heapq.heappush(ready, (rank[reader], reader))
    if len(order) < len(needed):
        raise ShiftworkError(f"model {path}: the graph has a cycle")
    kept = [nodes[place] for place in order]
    del graph.node[:]
    graph.node.extend(kept)


def captured(node: Any) -> set[str]:
    """Values of the graph around it that the branches of a node read."""
    names = set[str]()
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                names.update(inner.input, captured(inner))
    return names

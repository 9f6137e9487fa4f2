# SPDX-License-Identifier: Apache-2.0
"""ONNX to the float graph: one module a node; :mod:`~shiftwork.network.unified` fuses them.

Whatever is not understood is refused with the node's name and operator; nothing is skipped silently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatModule, FloatNetwork, Shape, live
from shiftwork.network.integer import Kind
from shiftwork.network.unified import unify
from shiftwork.tensors.maps import pooled_size

_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class _Value:
    """What an ONNX value is here: an NHWC tensor, seen as NCHW or (flat) as its channel-first flattening."""

    tensor: str
    flat: bool = False


class _Node:
    """An ONNX node with its attributes decoded and a name that can be shown."""

    def __init__(self, proto: Any) -> None:
        self.operator: str = proto.op_type
        self.domain: str = proto.domain
        self.inputs: list[str] = list(proto.input)
        self.outputs: list[str] = list(proto.output)
        self.name: str = proto.name or (self.outputs[0] if self.outputs else "")
        self.attributes: dict[str, Any] = {}
        for attribute in proto.attribute:
            try:
                self.attributes[attribute.name] = onnx.helper.get_attribute_value(attribute)
            except ValueError as error:
                raise self.error(f"unreadable attribute {attribute.name!r}") from error

    def error(self, message: str) -> ShiftworkError:
        return ShiftworkError(f"node {self.name!r} ({self.operator}): {message}")

    def integers(self, name: str, default: list[int]) -> list[int]:
        return [int(v) for v in self.attributes.get(name, default)]

    def text(self, name: str, default: str) -> str:
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)


def load_model(path: str | Path) -> Any:
    """The ONNX protobuf of a file, with the external data that it names.

    Raises:
        ShiftworkError: the file is missing, empty, truncated or no ONNX model, or a file of external data is missing,
            too short, or outside the folder of the model.
    """
    path = Path(path)
    if path.is_dir():
        raise ShiftworkError(f"model {path}: is a folder")
    if not path.exists():
        raise ShiftworkError(f"model {path}: no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ShiftworkError(f"model {path}: {error.strerror}") from error
    if not content:
        raise ShiftworkError(f"model {path}: the file is empty")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise ShiftworkError(f"model {path}: not a readable ONNX file (truncated or damaged)") from error
    if not model.graph.node or not model.graph.output:
        raise ShiftworkError(f"model {path}: the file holds no ONNX graph")
    _load_external(path, model)
    return model


def _load_external(path: Path, model: Any) -> None:
    """Read the tensors that a model keeps in other files, in its folder or below.

    Raises:
        ShiftworkError: names the model, the tensor and the file.
    """
    values = [attribute.t for node in model.graph.node for attribute in node.attribute if attribute.HasField("t")]
    for tensor in (*model.graph.initializer, *values):
        if not onnx.external_data_helper.uses_external_data(tensor):
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        where = f"model {path}: weight {tensor.name!r}: external data {location}"
        folder = path.absolute().parent.resolve()
        file = folder / location
        if not location or not file.resolve().is_relative_to(folder):
            raise ShiftworkError(f"{where}: outside the folder of the model")
        if not file.exists():
            raise ShiftworkError(f"{where}: no such file")
        try:
            offset = int(entries.get("offset", 0))
            itemsize = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize
            length = int(entries.get("length", itemsize * int(np.prod(tensor.dims))))
        except (KeyError, ValueError) as error:
            raise ShiftworkError(f"{where}: type, offset or length cannot be read") from error
        try:
            with file.open("rb") as data:
                data.seek(offset)
                tensor.raw_data = data.read(length)
                size = file.stat().st_size
        except (OSError, ValueError) as error:
            raise ShiftworkError(f"{where}: {getattr(error, 'strerror', None) or error}") from error
        if len(tensor.raw_data) < length:
            raise ShiftworkError(f"{where}: {size} bytes, {offset + length} are needed (truncated)")
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def import_onnx(path: str | Path) -> FloatNetwork:
    """Read an ONNX file into the float graph.

    Args:
        path: model with one float input (N, C, H, W) or (N, features) and one output.

    Returns:
        The network with batch normalization, bias, ReLU and residual additions fused into modules.

    Raises:
        ShiftworkError: unreadable file, unknown operator or option, NaN, Inf or non-numeric weights, dynamic shapes
            other than the batch, more than one input or output.
    """
    return _Importer(Path(path), load_model(path).graph).run()


def _all(refused: list[ShiftworkError]) -> ShiftworkError:
    """One error that says all that is refused."""
    if len(refused) == 1:
        return refused[0]
    return ShiftworkError("\n  ".join([f"{len(refused)} refusals:", *map(str, refused)]))


@dataclass
class _Importer:
    path: Path
    graph: Any
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    values: dict[str, _Value] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    modules: list[FloatModule] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # ONNX values with a reader, the network output included
    writers: dict[str, str] = field(default_factory=dict)  # ONNX values and the nodes that compute them
    batch: int | None = None

    def run(self) -> FloatNetwork:
        nodes = [_Node(proto) for proto in self.graph.node]
        unknown = [node for node in nodes if node.domain not in _DOMAINS or node.operator not in OPERATORS]
        refused = [node.error("operator is not supported") for node in unknown]
        try:
            onnx_input, input_name, output = self._ends(nodes)
        except ShiftworkError as error:
            raise _all([*refused, error]) from None
        lost = {name for node in unknown for name in node.outputs}  # what is refused gives no value to judge others by
        for node in nodes:
            if node in unknown or not lost.isdisjoint(node.inputs):
                lost.update(node.outputs)
                continue
            try:
                self._visit(node)
            except ShiftworkError as error:
                refused.append(error)
                lost.update(node.outputs)
        if refused:
            raise _all(refused)
        if output not in self.values:
            raise ShiftworkError(f"model {self.path}: output {output!r} is not computed from the input")
        final = self.values[output]
        height, width, _ = self.shapes[final.tensor]
        if final.flat and height * width > 1:
            shape = (1, 1, int(np.prod(self.shapes[final.tensor])))
            name = f"{output} (flatten)"
            self.modules.append(FloatModule(name, "reshape", [final.tensor], output, attributes={"shape": shape}))
            self.shapes[output] = shape
            final = _Value(output, True)
        modules = live(self.modules, final.tensor)
        if not modules:
            raise ShiftworkError(f"model {self.path}: no layer between input and output")
        for module in modules:
            if final.tensor in module.reads() and final.tensor != input_name:
                raise ShiftworkError(
                    f"model {self.path}: network output {output!r} is also read by node {module.name!r}"
                )
        if final.tensor != output:  # an alias (Identity, Flatten): the tensor takes the output's name
            self.shapes[output] = self.shapes.pop(final.tensor)
            for module in modules:
                if module.output == final.tensor:
                    module.output = output
        return unify(FloatNetwork(self.path, input_name, output, onnx_input, self.batch, self.shapes, modules))

    # -- inputs and constants

    def _ends(self, nodes: list[_Node]) -> tuple[tuple[int, ...], str, str]:
        """Shape and name of the ONNX input, name of the output; constants and names of values are known then."""
        if len(self.graph.output) != 1:
            names = ", ".join(o.name for o in self.graph.output)
            raise ShiftworkError(f"model {self.path}: one output expected, found {len(self.graph.output)} ({names})")
        output = str(self.graph.output[0].name)
        for initializer in self.graph.initializer:
            self.constants[initializer.name] = self._array(initializer, f"weight {initializer.name!r}")
        self.writers = {name: node.name for node in nodes for name in node.outputs if name}
        self.used = {output, *(name for node in nodes for name in node.inputs)}
        return (*self._input(), output)

    def _array(self, tensor: Any, what: str) -> NDArray[Any]:
        try:
            array = onnx.numpy_helper.to_array(tensor)
        except Exception as error:
            raise ShiftworkError(f"model {self.path}: {what} cannot be read (truncated or damaged)") from error
        return np.asarray(array)

    def _input(self) -> tuple[tuple[int, ...], str]:
        inputs = [i for i in self.graph.input if i.name not in self.constants]
        if len(inputs) != 1:
            names = ", ".join(i.name for i in inputs) or "none"
            raise ShiftworkError(f"model {self.path}: one input expected, found {len(inputs)} ({names})")
        entry = inputs[0]
        kind = entry.type.tensor_type
        if kind.elem_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16):
            raise ShiftworkError(f"model {self.path}: input {entry.name!r} is not a float tensor")
        sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim]
        if len(sizes) not in (2, 4):
            raise ShiftworkError(
                f"model {self.path}: input {entry.name!r} has {len(sizes)} axes, expected (N, C, H, W) or (N, features)"
            )
        if any(size <= 0 for size in sizes[1:]):
            raise ShiftworkError(f"model {self.path}: input {entry.name!r} has a dynamic axis other than the batch")
        self.batch = sizes[0] or None
        onnx_shape = tuple(sizes[1:])
        shape = (onnx_shape[1], onnx_shape[2], onnx_shape[0]) if len(onnx_shape) == 3 else (1, 1, onnx_shape[0])
        self.shapes[entry.name] = shape
        self.values[entry.name] = _Value(entry.name, len(onnx_shape) == 1)
        return onnx_shape, str(entry.name)

    def _constant(self, node: _Node, index: int, what: str) -> NDArray[Any] | None:
        """Constant input ``index`` of a node, or None when it is absent."""
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        if node.inputs[index] not in self.constants:
            raise node.error(f"{what} {node.inputs[index]!r} must be a constant")
        return self.constants[node.inputs[index]]

    def _weight(self, node: _Node, index: int, what: str) -> NDArray[np.float64] | None:
        array = self._constant(node, index, what)
        if array is None:
            return None
        name = node.inputs[index]
        if array.dtype.kind not in "fiu" and str(array.dtype) != "bfloat16":
            raise node.error(f"{what} {name!r} is not numeric ({array.dtype})")
        result = array.astype(np.float64)
        if not np.isfinite(result).all():
            raise node.error(f"{what} {name!r} holds NaN or Inf")
        return result

    def _whole(self, node: _Node, index: int, what: str) -> list[int] | None:
        array = self._constant(node, index, what)
        return None if array is None else [int(v) for v in np.asarray(array).reshape(-1)]

    # -- bookkeeping

    def _visit(self, node: _Node) -> None:
        if node.operator != "Constant":
            for index, name in enumerate(node.inputs):
                if name and name not in self.values and name not in self.constants:
                    if name in self.writers:
                        raise node.error(
                            f"the nodes are not in order: input {index} ({name!r}) is computed by node "
                            f"{self.writers[name]!r}, which does not come before it"
                        )
                    raise node.error(f"input {index} ({name!r}) is computed by no node")
        if any(o and o in self.used for o in node.outputs[1:]):
            raise node.error("only the first output is supported")
        OPERATORS[node.operator].handler(self, node)

    def _value(self, node: _Node, index: int = 0) -> _Value:
        if index >= len(node.inputs) or node.inputs[index] not in self.values:
            raise node.error(f"input {index} must be computed from the network input")
        return self.values[node.inputs[index]]

    def _map(self, node: _Node) -> tuple[str, Shape]:
        """The input as a map; a flat vector counts as a 1 x 1 map only for fully connected layers."""
        value = self._value(node)
        if value.flat:
            raise node.error("a (N, C, H, W) input is expected")
        return value.tensor, self.shapes[value.tensor]

    def _emit(self, node: _Node, module: FloatModule, shape: Shape, flat: bool = False) -> None:
        if min(shape) < 1:
            raise node.error("the output is empty: the window does not fit the input")
        module.nodes, module.operators = (node.name,), (node.operator,)
        self.modules.append(module)
        self.shapes[module.output] = shape
        self.values[module.output] = _Value(module.output, flat)

    # -- operators

    def constant(self, node: _Node) -> None:
        for key in ("value", "value_float", "value_floats", "value_int", "value_ints"):
            if key in node.attributes:
                value = node.attributes[key]
                array = self._array(value, f"node {node.name!r}") if key == "value" else np.asarray(value)
                self.constants[node.outputs[0]] = array
                return
        raise node.error("no numeric value")

    def identity(self, node: _Node) -> None:
        if node.inputs[0] in self.constants:
            self.constants[node.outputs[0]] = self.constants[node.inputs[0]]
            return
        training = self._constant(node, 2, "training_mode") if node.operator == "Dropout" else None
        if training is not None and bool(np.asarray(training).any()):
            raise node.error("training mode is not supported")
        self.values[node.outputs[0]] = self._value(node)

    def conv(self, node: _Node) -> None:
        tensor, (height, width, channels) = self._map(node)
        weight = self._weight(node, 1, "weight")
        if weight is None or weight.ndim != 4:
            raise node.error("a two-dimensional kernel (out, in, ky, kx) is expected")
        bias = self._weight(node, 2, "bias")
        groups = int(node.attributes.get("group", 1))
        out, depth, ky, kx = weight.shape
        if groups < 1 or depth * groups != channels or out % groups:
            raise node.error(f"{channels} input channels do not fit weights {weight.shape} in {groups} groups")
        if node.integers("kernel_shape", [ky, kx]) != [ky, kx]:
            raise node.error("kernel_shape disagrees with the weights")
        stride = _pair(node, "strides")
        dilation = _pair(node, "dilations")
        pads = _pads(node, (height, width), (ky, kx), stride, dilation)
        module = FloatModule(
            node.name, "conv", [tensor], node.outputs[0], np.ascontiguousarray(weight.transpose(0, 2, 3, 1)),
            np.zeros(out) if bias is None else bias.reshape(-1), None, stride, pads, dilation, groups,
        )  # fmt: skip
        if module.bias is not None and module.bias.shape != (out,):
            raise node.error(f"bias has {module.bias.size} values for {out} outputs")
        rows = (height + pads[0] + pads[2] - dilation[0] * (ky - 1) - 1) // stride[0] + 1
        columns = (width + pads[1] + pads[3] - dilation[1] * (kx - 1) - 1) // stride[1] + 1
        self._emit(node, module, (rows, columns, out))

    def gemm(self, node: _Node) -> None:
        weight = self._weight(node, 1, "weight")
        if weight is None or weight.ndim != 2:
            raise node.error("a two-dimensional weight matrix is expected")
        bias = None
        if node.operator == "Gemm":
            if node.attributes.get("transA", 0):
                raise node.error("transA is not supported")
            if not node.attributes.get("transB", 0):
                weight = weight.T
            weight = weight * float(node.attributes.get("alpha", 1.0))
            bias = self._weight(node, 2, "bias")
            if bias is not None:
                bias = bias * float(node.attributes.get("beta", 1.0))
        else:
            weight = weight.T
        self._dense(node, weight, bias)

    def _dense(self, node: _Node, weight: NDArray[np.float64], bias: NDArray[np.float64] | None) -> None:
        value = self._value(node)
        height, width, channels = self.shapes[value.tensor]
        if not value.flat:
            raise node.error("a (N, features) input is expected")
        out, features = weight.shape
        if features != height * width * channels:
            raise node.error(f"{height * width * channels} features do not fit weights of {features} columns")
        if bias is None:
            bias = np.zeros(out)
        if bias.size not in (1, out):
            raise node.error(f"bias has {bias.size} values for {out} outputs")
        kernel = np.ascontiguousarray(weight.reshape(out, channels, height, width).transpose(0, 2, 3, 1))
        full = np.broadcast_to(bias.reshape(-1), (out,)).copy()
        module = FloatModule(node.name, "conv", [value.tensor], node.outputs[0], kernel, full)
        self._emit(node, module, (1, 1, out), flat=True)

    def batch_normalization(self, node: _Node) -> None:
        value = self._value(node)
        channels = self.shapes[value.tensor][2]
        if value.flat and self.shapes[value.tensor][:2] != (1, 1):
            raise node.error("only one value per channel is supported after Flatten")
        names = ("scale", "bias", "mean", "variance")
        arrays = [self._weight(node, i + 1, name) for i, name in enumerate(names)]
        if any(a is None or a.shape != (channels,) for a in arrays):
            raise node.error(f"scale, bias, mean and variance need {channels} values each")
        if node.attributes.get("training_mode", 0):
            raise node.error("training mode is not supported")
        scale, offset, mean, variance = (a for a in arrays if a is not None)
        if (variance < 0).any():
            raise node.error("variance is negative")
        factor = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
        self._pointwise(node, value, factor, offset - mean * factor)

    def _pointwise(
        self, node: _Node, value: _Value, scale: NDArray[np.float64], offset: NDArray[np.float64], relu: bool = False,
        clip: float | None = None,
    ) -> None:  # fmt: skip
        """A per-channel map as a depthwise 1 x 1 convolution."""
        module = FloatModule(
            node.name, "conv", [value.tensor], node.outputs[0], scale.reshape(-1, 1, 1, 1), offset, groups=len(scale),
            relu=relu, clip=clip,
        )  # fmt: skip
        self._emit(node, module, self.shapes[value.tensor], value.flat)

    def relu(self, node: _Node) -> None:
        self._activation(node, None)

    def clip(self, node: _Node) -> None:
        bounds: list[float | None] = []
        for index, name in ((1, "min"), (2, "max")):
            if name in node.attributes:
                bounds.append(float(node.attributes[name]))
            else:
                array = self._constant(node, index, name)
                bounds.append(None if array is None else float(np.asarray(array).reshape(-1)[0]))
        low, high = bounds
        if low != 0.0 or (high is not None and not high > 0):
            raise node.error(f"only a clip from 0 to a positive bound (ReLU6) is supported, not {low} to {high}")
        self._activation(node, None if high is None or high > 3e38 else high)

    def _activation(self, node: _Node, bound: float | None) -> None:
        value = self._value(node)
        channels = self.shapes[value.tensor][2]
        self._pointwise(node, value, np.ones(channels), np.zeros(channels), relu=True, clip=bound)

    def add(self, node: _Node) -> None:
        constant = [i for i in (0, 1) if node.inputs[i] in self.constants]
        if constant:
            offset = self._weight(node, constant[0], "constant")
            value = self._value(node, 1 - constant[0])
            height, width, channels = self.shapes[value.tensor]
            assert offset is not None
            expected = (1, channels) if value.flat else (1, channels, 1, 1)
            aligned = (1,) * (len(expected) - offset.ndim) + offset.shape
            if offset.size != 1 and (aligned != expected or (value.flat and (height, width) != (1, 1))):
                raise node.error(f"a constant of shape {offset.shape} is not one value per channel")
            full = np.broadcast_to(offset.reshape(-1), (channels,)).astype(np.float64)
            self._pointwise(node, value, np.ones(channels), full)
            return
        values = [self._value(node, 0), self._value(node, 1)]
        shape = self.shapes[values[0].tensor]
        if shape != self.shapes[values[1].tensor] or values[0].flat != values[1].flat:
            raise node.error("both inputs must have the same shape (no broadcasting)")
        module = FloatModule(node.name, "add", [v.tensor for v in values], node.outputs[0])
        self._emit(node, module, shape, values[0].flat)

    def pool(self, node: _Node) -> None:
        tensor, (height, width, channels) = self._map(node)
        average = node.operator == "AveragePool"
        kernel = node.integers("kernel_shape", [])
        if len(kernel) != 2:
            raise node.error("a two-dimensional kernel_shape is expected")
        if _pair(node, "dilations") != (1, 1):
            raise node.error("dilation is not supported in pooling")
        if node.attributes.get("storage_order", 0):
            raise node.error("storage_order is not supported")
        stride = _pair(node, "strides")
        pads = _pads(node, (height, width), (kernel[0], kernel[1]), stride, (1, 1))
        if any(p >= k for p, k in zip(pads, kernel + kernel, strict=True)):
            raise node.error("padding must be smaller than the kernel")
        attributes: dict[str, Any] = {
            "kernel": (kernel[0], kernel[1]),
            "stride": stride,
            "pads": pads,
            "ceil_mode": int(node.attributes.get("ceil_mode", 0)),
        }
        if average:
            attributes["count_include_pad"] = int(node.attributes.get("count_include_pad", 0))
        shape = (*pooled_size((height, width), attributes), channels)
        kind: Kind = "avgpool" if average else "maxpool"
        module = FloatModule(node.name, kind, [tensor], node.outputs[0], attributes=attributes)
        self._emit(node, module, shape)

    def global_average_pool(self, node: _Node) -> None:
        tensor, (height, width, channels) = self._map(node)
        attributes = {
            "kernel": (height, width), "stride": (1, 1), "pads": (0, 0, 0, 0), "ceil_mode": 0, "count_include_pad": 0,
        }  # fmt: skip
        module = FloatModule(node.name, "avgpool", [tensor], node.outputs[0], attributes=attributes)
        self._emit(node, module, (1, 1, channels))

    def flatten(self, node: _Node) -> None:
        value = self._value(node)
        axes = 2 if value.flat else 4
        axis = int(node.attributes.get("axis", 1))
        if axis not in (1, 1 - axes):
            raise node.error(f"axis {axis} is not supported, only the batch axis is kept")
        self.values[node.outputs[0]] = _Value(value.tensor, True)

    def reshape(self, node: _Node) -> None:
        value = self._value(node)
        target = self._whole(node, 1, "shape")
        height, width, channels = self.shapes[value.tensor]
        features = height * width * channels
        if target is None or len(target) not in (2, 4):
            raise node.error("the target must be a constant (N, features) or (N, C, H, W)")
        old = [channels * height * width] if value.flat else [channels, height, width]
        if any(v == 0 for v in target[1:]):
            if node.attributes.get("allowzero", 0):
                raise node.error("a target axis of size 0")
            target = [target[0], *(old[i] if v == 0 and i < len(old) else v for i, v in enumerate(target[1:]))]
        rest = target[1:]
        if -1 in rest:
            known = int(np.prod([v for v in rest if v != -1]))
            if known < 1 or features % known or rest.count(-1) > 1:
                raise node.error(f"target {target} does not fit {features} values per sample")
            rest = [features // known if v == -1 else v for v in rest]
        keeps_batch = target[0] == 0 or (target[0] == -1 and -1 not in target[1:]) or target[0] == self.batch
        if int(np.prod(rest)) != features or not keeps_batch:
            raise node.error(f"target {target} does not keep the batch axis of {features} values per sample")
        if len(rest) == 1:
            self.values[node.outputs[0]] = _Value(value.tensor, True)
            return
        shape = (rest[1], rest[2], rest[0])
        if shape == (height, width, channels):
            self.values[node.outputs[0]] = _Value(value.tensor, False)
            return
        module = FloatModule(node.name, "reshape", [value.tensor], node.outputs[0], attributes={"shape": shape})
        self._emit(node, module, shape)

    def concat(self, node: _Node) -> None:
        values = [self._value(node, i) for i in range(len(node.inputs))]
        flat = values[0].flat
        axes = 2 if flat else 4
        if int(node.attributes.get("axis", 1)) not in (1, 1 - axes):
            raise node.error("only the channel axis is supported")
        shapes = [self.shapes[v.tensor] for v in values]
        if any(v.flat != flat for v in values) or len({s[:2] for s in shapes}) != 1:
            raise node.error("the inputs differ in height or width")
        if flat and shapes[0][:2] != (1, 1):
            raise node.error("flattened maps cannot be concatenated")
        module = FloatModule(node.name, "concat", [v.tensor for v in values], node.outputs[0])
        self._emit(node, module, (*shapes[0][:2], sum(s[2] for s in shapes)), flat)

    def slice(self, node: _Node) -> None:
        value = self._value(node)
        shape = self.shapes[value.tensor]
        if value.flat and shape[:2] != (1, 1):
            raise node.error("a flattened map cannot be sliced")
        if "starts" in node.attributes:
            starts, stops = node.integers("starts", []), node.integers("ends", [])
            axes, steps = node.attributes.get("axes"), None
        else:
            starts, stops = self._whole(node, 1, "starts") or [], self._whole(node, 2, "ends") or []
            axes, steps = self._whole(node, 3, "axes"), self._whole(node, 4, "steps")
        axes = [int(a) for a in axes] if axes is not None else list(range(len(starts)))
        steps = steps if steps is not None else [1] * len(starts)
        if not len(starts) == len(stops) == len(axes) == len(steps):
            raise node.error("starts, ends, axes and steps differ in length")
        rank = 2 if value.flat else 4
        where = {1: 2, 2: 0, 3: 1}  # ONNX axis -> index in (h, w, c)
        spans = [range(0, size, 1) for size in shape]
        for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
            axis += rank if axis < 0 else 0
            if not 1 <= axis < rank:
                raise node.error(f"axis {axis} cannot be sliced")
            if step < 1:
                raise node.error("a step must be positive")
            place = where[axis]
            spans[place] = range(*slice(start, stop, step).indices(shape[place]))
        attributes = {
            "starts": tuple(s.start for s in spans),
            "stops": tuple(s.stop for s in spans),
            "steps": tuple(s.step for s in spans),
        }
        new = (len(spans[0]), len(spans[1]), len(spans[2]))
        if new == shape:
            self.values[node.outputs[0]] = value
            return
        module = FloatModule(node.name, "slice", [value.tensor], node.outputs[0], attributes=attributes)
        self._emit(node, module, new, value.flat)

    def pad(self, node: _Node) -> None:
        value = self._value(node)
        shape = self.shapes[value.tensor]
        if node.text("mode", "constant") != "constant":
            raise node.error(f"mode {node.text('mode', '')!r} is not supported")
        pads = node.integers("pads", []) or self._whole(node, 1, "pads") or []
        constant = self._constant(node, 2, "value")
        filling = float(node.attributes.get("value", 0.0) if constant is None else np.asarray(constant).reshape(-1)[0])
        if filling != 0:
            raise node.error(f"only zero padding is supported, not {filling}")
        rank = 2 if value.flat else 4
        axes = self._whole(node, 3, "axes")
        axes = [a + rank if a < 0 else a for a in axes] if axes is not None else list(range(rank))
        if len(pads) != 2 * len(axes):
            raise node.error(f"{len(pads)} pads for {len(axes)} axes")
        full = {axis: (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
        if any(full.get(0, (0, 0))) or any(p < 0 for p in pads) or not set(full) <= set(range(rank)):
            raise node.error("batch padding and negative padding are not supported")
        if value.flat and shape[:2] != (1, 1) and any(pads):
            raise node.error("a flattened map cannot be padded")
        if not any(pads):
            self.values[node.outputs[0]] = value
            return
        order = [full.get(axis, (0, 0)) for axis in (2, 3, 1)]
        new = (
            shape[0] + sum(order[0]),
            shape[1] + sum(order[1]),
            shape[2] + sum(order[2]),
        )
        attributes = {"pads": tuple(order)}
        module = FloatModule(node.name, "pad", [value.tensor], node.outputs[0], attributes=attributes)
        self._emit(node, module, new, value.flat)


@dataclass(frozen=True)
class Operator:
    """What the importer does with an ONNX operator.

    Attributes:
        handler: reads a node of it. runs: where it is computed. note: what is supported.
    """

    handler: Callable[[_Importer, _Node], None]
    runs: str
    note: str = ""


#: ONNX operators that the importer understands.
OPERATORS = {
    "Add": Operator(
        _Importer.add,
        "RTL or host",
        "a constant per channel is folded; a residual is fused into the convolution before it, else host",
    ),
    "AveragePool": Operator(_Importer.pool, "host", "no dilation"),
    "BatchNormalization": Operator(
        _Importer.batch_normalization, "folded", "into the convolution before it, else a depthwise 1 x 1 convolution"
    ),
    "Clip": Operator(_Importer.clip, "fused", "from 0 to a positive bound (ReLU6)"),
    "Concat": Operator(_Importer.concat, "host", "channel axis"),
    "Constant": Operator(_Importer.constant, "folded"),
    "Conv": Operator(
        _Importer.conv, "RTL", "two dimensions; any kernel, stride, padding, dilation and groups; constant weights"
    ),
    "Dropout": Operator(_Importer.identity, "removed", "inference"),
    "Flatten": Operator(_Importer.flatten, "removed", "keeps the batch axis"),
    "Gemm": Operator(_Importer.gemm, "RTL", "constant weights; no transA"),
    "GlobalAveragePool": Operator(_Importer.global_average_pool, "host"),
    "Identity": Operator(_Importer.identity, "removed"),
    "MatMul": Operator(_Importer.gemm, "RTL", "constant weights"),
    "MaxPool": Operator(_Importer.pool, "host", "no dilation"),
    "Pad": Operator(
        _Importer.pad, "fused or host", "zeros; fused into the convolution after it where only height and width grow"
    ),
    "Relu": Operator(_Importer.relu, "fused", "into the module before it"),
    "Reshape": Operator(_Importer.reshape, "removed or host", "keeps the batch axis"),
    "Slice": Operator(_Importer.slice, "host", "constant bounds, positive steps, not along the batch"),
}


def _pair(node: _Node, name: str) -> tuple[int, int]:
    values = node.integers(name, [1, 1])
    if len(values) != 2 or min(values) < 1:
        raise node.error(f"{name} {values} are not two positive integers")
    return values[0], values[1]


def _pads(
    node: _Node, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) from ``pads`` or ``auto_pad``."""
    mode = node.text("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        pads = node.integers("pads", [0, 0, 0, 0])
        if len(pads) != 4 or min(pads) < 0:
            raise node.error(f"pads {pads} are not four non-negative integers")
        return pads[0], pads[1], pads[2], pads[3]
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise node.error(f"auto_pad {mode!r} is not supported")
    before, after = [], []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        small, large = total // 2, total - total // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return before[0], before[1], after[0], after[1]

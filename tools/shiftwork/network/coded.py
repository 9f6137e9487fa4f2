# SPDX-License-Identifier: Apache-2.0
"""Operators on codes as operators of ONNX on real numbers, which is what the codes stand for.

Models in the QOperator format (``QLinearConv``, ``QLinearMatMul`` and the others of onnxruntime) compute with codes,
scales and zero points. Here such a node becomes the operator on real numbers between DequantizeLinear and
QuantizeLinear, and its constants the numbers that they stand for. Models that are quantized while they run
(``DynamicQuantizeLinear`` in front of ``MatMulInteger`` or ``ConvInteger``) have no scales of activations to keep: what
is left of them are weights of eight bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError

REAL = ":real"
"""Behind the name of codes: what they stand for, before they are rounded."""
_MICROSOFT = "com.microsoft"


class _Coded(NamedTuple):
    """An operator on codes: the one on real numbers, the places of its operands, each followed by scale and zero point,
    that of its scale and zero point, and that of a bias, whose scale is the product of those of the operands."""

    operator: str
    operands: tuple[int, ...]
    scale: int
    bias: int | None = None


CODED = {
    "QGemm": _Coded("Gemm", (0, 3), 7, 6),
    "QLinearAdd": _Coded("Add", (0, 3), 6),
    "QLinearAveragePool": _Coded("AveragePool", (0,), 3),
    "QLinearConcat": _Coded("Concat", (), 0),  # any number of operands, behind the scale
    "QLinearConv": _Coded("Conv", (0, 3), 6, 8),
    "QLinearGlobalAveragePool": _Coded("GlobalAveragePool", (0,), 3),
    "QLinearLeakyRelu": _Coded("LeakyRelu", (0,), 3),
    "QLinearMatMul": _Coded("MatMul", (0, 3), 6),
    "QLinearMul": _Coded("Mul", (0, 3), 6),
    "QLinearSigmoid": _Coded("Sigmoid", (0,), 3),
    "QLinearSoftmax": _Coded("Softmax", (0,), 3),
}
"""Of these, those that are no operators of ONNX are onnxruntime's own."""
INTEGER = {"ConvInteger": "Conv", "DynamicQuantizeLSTM": "LSTM", "MatMulInteger": "MatMul"}
"""Operators on codes without scales, behind a DynamicQuantizeLinear."""
_FOREIGN = ("channels_last", "opset")  # attributes of onnxruntime's operators


def real_operator(name: str) -> str | None:
    """The operator on real numbers that an operator on codes becomes; None where it is none."""
    return CODED[name].operator if name in CODED else INTEGER.get(name)


def without_codes(model: Any) -> Any:
    """The model without operators on codes; itself where it has none. Nodes keep their names.

    Raises:
        ShiftworkError: a scale, a zero point or a bias that is no constant (names the node).
    """
    pairs = ("QuantizeLinear", "DequantizeLinear")
    strange = {*CODED, *INTEGER, "DynamicQuantizeLinear"}
    if not any(node.op_type in strange or (node.domain == _MICROSOFT and node.op_type in pairs)
               for node in model.graph.node):  # fmt: skip
        return model
    rewriter = _Rewriter(model)
    nodes = [made for node in model.graph.node for made in rewriter.rewritten(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(rewriter.added)
    return model


def range_of(kind: int) -> tuple[int, int]:
    """Smallest and largest number of a type of codes, by its number in ONNX.

    Raises:
        KeyError: a type that is none of whole numbers.
    """
    name = onnx.TensorProto.DataType.Name(kind)
    bits = {"INT2": 2, "INT4": 4, "INT8": 8, "INT16": 16, "INT32": 32}[name.removeprefix("U")]
    return (0, (1 << bits) - 1) if name.startswith("U") else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


class _Rewriter:
    """The nodes of a model, one after the other.

    Attributes:
        known: constants by name. added: new ones. codes: values of the model that are codes with a scale, and the name
            of what they stand for. moved: values that nodes in between made of those, here real numbers. dynamic:
            values behind a DynamicQuantizeLinear. decoded: operands that became a DequantizeLinear.
    """

    def __init__(self, model: Any) -> None:
        self.known = {tensor.name: tensor for tensor in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                self.known[node.output[0]] = node.attribute[0].t
        self.added: list[Any] = []
        self.decoded = 0
        self.codes: dict[str, str] = {}
        self.moved, self.dynamic = set[str](), set[str]()

    def rewritten(self, node: Any) -> list[Any]:
        """What takes the place of a node."""
        try:
            return self._rewritten(node)
        except KeyError as error:
            where = f"node {node.name or node.output[0]!r} ({node.op_type})"
            raise ShiftworkError(f"{where}: {error.args[0]!r} must be a constant") from error

    def _rewritten(self, node: Any) -> list[Any]:
        last = any(a.name == "channels_last" and a.i for a in node.attribute)
        if node.op_type in CODED and not last:
            return self._coded(node, CODED[node.op_type])
        if node.op_type == "QuantizeLinear":
            return self._quantizer(node)
        if node.op_type == "DequantizeLinear":
            return self._decoder(node)
        if node.op_type == "DynamicQuantizeLinear":
            self.dynamic.add(node.output[0])
            for name, value in zip(node.output[1:], (np.float32(1), np.uint8(0)), strict=False):
                self._constant(name, np.asarray(value))
            return [onnx.helper.make_node("Identity", node.input[:1], node.output[:1], name=node.name)]
        weights = node.input[1] if node.op_type in INTEGER else ""
        if weights in self.known and (node.op_type == "DynamicQuantizeLSTM" or node.input[0] in self.dynamic):
            return [self._integer(node)]
        for found in (self.dynamic, self.moved):
            if not found.isdisjoint(node.input):
                found.update(node.output)
        if not self.codes.keys().isdisjoint(node.input):
            self.moved.update(node.output)
            for place, name in enumerate(node.input):
                node.input[place] = self.codes.get(name, name)
        return [node]

    def _coded(self, node: Any, form: _Coded) -> list[Any]:
        places = form.operands or range(2, len(node.input), 3)
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        by_row = form.operator == "Conv" or (form.operator == "Gemm" and transposed)
        before: list[Any] = []
        reads = [self._operand(list(node.input[place : place + 3]), by_row, before) for place in places]
        if form.bias is not None and len(node.input) > form.bias and node.input[form.bias]:
            scales = [self._array(node.input[place + 1]) for place in places]
            reads.append(self._constant(f"{node.output[0]}:bias", self._array(node.input[form.bias])
                                        * scales[0].reshape(-1) * scales[1].reshape(-1)))  # fmt: skip
        result = list(node.input[form.scale : form.scale + 2])
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute if a.name not in _FOREIGN}
        output = f"{node.output[0]}{REAL}" if result else node.output[0]
        made = onnx.helper.make_node(form.operator, reads, [output], name=node.name, **attributes)
        return [*before, made, *(self._pair(node.output[0], output, result) if result else [])]

    def _operand(self, names: list[str], by_row: bool, before: list[Any]) -> str:
        """An operand as real numbers.

        Args:
            by_row: its scales are along the first axis, else along the last one. before: gets a node for codes that no
                quantizer made, such as rows of a constant.
        """
        name, scale, zero = names
        if name in self.codes or name in self.moved:
            return self.codes.get(name, name)
        if name not in self.known:
            self.decoded += 1
            real = f"{name}{REAL}{self.decoded}"
            before.append(onnx.helper.make_node("DequantizeLinear", names, [real], name=real))
            return real
        array = self._array(name)
        axis = 0 if by_row else array.ndim - 1
        return self._constant(
            f"{name}{REAL}", (array - self._along(zero, array, axis)) * self._along(scale, array, axis)
        )

    def _pair(self, output: str, source: str, names: list[str]) -> list[Any]:
        """Codes of a value, under the name that they have in the model, and what they stand for.

        Those that operator sets before 21 do not have are its range where that begins at zero, else nothing.
        """
        zero = self.known[names[1]] if len(names) > 1 and names[1] else None
        kind = onnx.TensorProto.UINT8 if zero is None else zero.data_type
        real = f"{output}:codes"
        self.codes[output] = real
        if kind not in (onnx.TensorProto.UINT8, onnx.TensorProto.INT8):
            low, high = range_of(kind)
            first, scale = self._array(names[1]), self._array(names[0])
            if first.size == scale.size == 1 and first == low:
                bounds = [self._constant(f"{output}:{bound:g}", np.asarray(bound)) for bound in
                          (0.0, float(scale.reshape(())) * (high - low))]  # fmt: skip
                return [onnx.helper.make_node("Clip", [source, *bounds], [real], name=output)]
            self.codes[output] = source
            return []
        return [
            onnx.helper.make_node("QuantizeLinear", [source, *names], [output], name=output),
            onnx.helper.make_node("DequantizeLinear", [output, *names], [real], name=real),
        ]

    def _quantizer(self, node: Any) -> list[Any]:
        nodes = self._pair(node.output[0], node.input[0], list(node.input[1:]))
        if nodes:
            nodes[0].name = node.name
        return nodes

    def _decoder(self, node: Any) -> list[Any]:
        source, output = node.input[0], node.output[0]
        if source in self.known:
            array = self._array(source)
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            zero = self._along(node.input[2], array, axis) if len(node.input) > 2 else np.zeros(1)
            self._constant(output, (array - zero) * self._along(node.input[1], array, axis))
            return []
        if source in self.codes or source in self.moved:
            source = self.codes.get(source, source)
            return [onnx.helper.make_node("Identity", [source], [output], name=node.name)]
        return [node]

    def _integer(self, node: Any) -> Any:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        reads, name = list(node.input), node.op_type
        if name == "DynamicQuantizeLSTM":  # its matrices are (directions, features, gates)
            for place, first in ((1, 8), (2, 10)):
                array, scale = self._array(reads[place]), self._array(reads[first])
                zero = self._array(reads[first + 1])
                lead = (len(array), 1, -1)
                real = (array - zero.reshape(lead if zero.size > 1 else ())) * scale.reshape(
                    lead if scale.size > 1 else ()
                )
                reads[place] = self._constant(f"{reads[place]}:{node.output[0]}", real.transpose(0, 2, 1))
            reads = reads[:8]
        else:
            array = self._array(reads[1])
            zero = self._along(reads[3], array, array.ndim - 1) if len(reads) > 3 else np.zeros(1)
            reads = [reads[0], self._constant(f"{reads[1]}{REAL}", array - zero)]
            self.dynamic.update(node.output)
        return onnx.helper.make_node(INTEGER[name], reads, list(node.output), name=node.name, **attributes)

    def _array(self, name: str) -> NDArray[np.float64]:
        return np.asarray(onnx.numpy_helper.to_array(self.known[name]), np.float64)

    def _along(self, name: str, array: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        """Scales or zero points, laid along an axis of an array."""
        if not name:
            return np.zeros(1)
        found = self._array(name)
        return (
            found.reshape([-1 if place == axis % array.ndim else 1 for place in range(array.ndim)])
            if found.size > 1
            else found.reshape(())
        )

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        if name not in self.known:
            kind = np.float32 if array.dtype.kind == "f" else array.dtype
            self.known[name] = onnx.numpy_helper.from_array(np.asarray(array, kind), name)
            self.added.append(self.known[name])
        return name

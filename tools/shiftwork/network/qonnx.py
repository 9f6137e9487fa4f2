# SPDX-License-Identifier: Apache-2.0
"""Quantizers of QONNX (``Quant``, ``BipolarQuant``) as operators of ONNX, which onnxruntime knows.

``Quant(x, scale, zero point, bits)`` rounds x / scale + zero point to a whole number of so many bits and stands for
what that is worth. On constants it is computed; on values it becomes QuantizeLinear and DequantizeLinear where it has
eight bits, else the range of its numbers (Clip): their scales are chosen anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError

DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
_ROUNDINGS = {"ROUND": np.round, "FLOOR": np.floor, "CEIL": np.ceil, "ROUND_TO_ZERO": np.trunc}
_BYTE = 8


def without_quant(path: Path, model: Any) -> Any:
    """The model without quantizers of QONNX; itself where it has none.

    Raises:
        ShiftworkError: a quantizer whose parameters are no constants, or with a rounding that is not known (names the
            node).
    """
    if not any(node.domain in DOMAINS for node in model.graph.node):
        return model
    known = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes: list[Any] = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if "value" in values:
                known[node.output[0]] = onnx.numpy_helper.to_array(values["value"])
        if node.domain not in DOMAINS or node.op_type not in ("Quant", "BipolarQuant"):
            nodes.append(node)
            continue
        where = f"node {node.name or node.output[0]!r} ({node.op_type})"
        missing = [name for name in node.input[1:] if name not in known]
        if missing:
            raise ShiftworkError(f"{where}: {missing[0]!r} must be a constant")
        quantizer = _Quantizer(where, node, [np.asarray(known[name], np.float64) for name in node.input[1:]])
        output = node.output[0]
        if node.input[0] in known:
            known[output] = quantizer.rounded(np.asarray(known[node.input[0]], np.float64)).astype(np.float32)
            model.graph.initializer.append(onnx.numpy_helper.from_array(known[output], output))
        else:
            added, constants = quantizer.nodes(node.input[0], output)
            nodes += added
            model.graph.initializer.extend(constants)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    kept = [entry for entry in model.opset_import if entry.domain not in DOMAINS]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


class _Quantizer:
    """One quantizer: scale, zero point, smallest and largest whole number."""

    def __init__(self, where: str, node: Any, inputs: list[NDArray[np.float64]]) -> None:
        values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        self.bipolar = node.op_type == "BipolarQuant"
        self.scale, self.zero = inputs[0], np.zeros(()) if self.bipolar else inputs[1]
        bits = 1.0 if self.bipolar else float(inputs[2].reshape(-1)[0])
        self.bits, self.signed = bits, bool(values.get("signed", 1))
        narrow = int(values.get("narrow", 0))
        mode = values.get("rounding_mode", b"ROUND").decode().upper()
        if mode not in _ROUNDINGS:
            raise ShiftworkError(f"{where}: rounding {mode!r} is not one of {', '.join(_ROUNDINGS)}")
        self.round: Any = _ROUNDINGS[mode]
        self.low = -(2.0 ** (bits - 1)) + narrow if self.signed else 0.0
        self.high = 2.0 ** (bits - 1) - 1 if self.signed else 2.0**bits - 1 - narrow

    def rounded(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """What numbers stand for."""
        if self.bipolar:
            return np.where(x >= 0, self.scale, -self.scale)
        whole = np.clip(self.round(x / self.scale + self.zero), self.low, self.high)
        return np.asarray((whole - self.zero) * self.scale)

    def nodes(self, source: str, output: str) -> tuple[list[Any], list[Any]]:
        """Nodes of ONNX in place of the quantizer of a value, and their constants."""
        if self.bipolar:
            return self._made(
                [("Sign", [source], f"{output}.sign"), ("Mul", [f"{output}.sign", f"{output}.scale"], output)]
            )
        if self.scale.size > 1 or self.zero.size > 1:
            return [onnx.helper.make_node("Identity", [source], [output], name=output)], []
        single = onnx.numpy_helper.from_array
        if self.bits == _BYTE and not self.zero.any():
            pair = [f"{output}.scale", f"{output}.zero"]
            kind = np.int8 if self.signed else np.uint8
            constants = [
                single(self.scale.reshape(()).astype(np.float32), pair[0]),
                single(np.zeros((), kind), pair[1]),
            ]
            nodes = [
                ("QuantizeLinear", [source, *pair], f"{output}.code"),
                ("DequantizeLinear", [f"{output}.code", *pair], output),
            ]
        else:
            span = [
                (bound - float(self.zero.reshape(()))) * float(self.scale.reshape(()))
                for bound in (self.low, self.high)
            ]
            names = [f"{output}.low", f"{output}.high"]
            constants = [single(np.array(bound, np.float32), name) for bound, name in zip(span, names, strict=True)]
            nodes = [("Clip", [source, *names], output)]
        return [onnx.helper.make_node(op, read, [made], name=made) for op, read, made in nodes], constants

    def _made(self, nodes: list[tuple[str, list[str], str]]) -> tuple[list[Any], list[Any]]:
        scale = onnx.numpy_helper.from_array(self.scale.astype(np.float32), nodes[-1][1][1])
        return [onnx.helper.make_node(op, read, [made], name=made) for op, read, made in nodes], [scale]

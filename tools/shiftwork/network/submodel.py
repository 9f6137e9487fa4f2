# SPDX-License-Identifier: Apache-2.0
"""Parts of an ONNX graph that onnxruntime computes in float: functions behind tables, and what the host does.

A part is a small ONNX model of its own. It runs in one thread, so that its result does not depend on the number of
cores. onnx and onnxruntime are imported when a part is made or run: programs on files of their own need neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError

_IR = 8


@dataclass(frozen=True)
class SubModel:
    """An ONNX model of float32 inputs.

    Attributes:
        content: the serialized model. inputs, outputs: names. operators: types of its nodes.
    """

    content: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: tuple[str, ...]

    @staticmethod
    def of(
        nodes: Sequence[Any],
        constants: Mapping[str, NDArray[Any]],
        inputs: Sequence[str],
        outputs: Sequence[str],
        opsets: Iterable[Any],
    ) -> SubModel:
        """The model of some nodes.

        Args:
            nodes: protobufs in order. constants: arrays by name; those that no node reads are left out.
            inputs, outputs: names of values. opsets: of the model that the nodes are from.

        Raises:
            ShiftworkError: onnxruntime refuses it; its message is the reason.
        """
        import onnx

        read = dict.fromkeys(name for node in nodes for name in node.input if name in constants)
        known = [onnx.numpy_helper.from_array(np.asarray(constants[name]), name) for name in read]
        sources = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inputs]
        targets = [onnx.helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = onnx.helper.make_graph(list(nodes), "part", sources, targets, known)
        model = onnx.helper.make_model(graph, opset_imports=list(opsets), ir_version=_IR)
        kinds = tuple(node.op_type for node in nodes)
        found = SubModel(model.SerializeToString(deterministic=True), tuple(inputs), tuple(outputs), kinds)
        _session(found.content)
        return found

    @staticmethod
    def load(content: bytes) -> SubModel:
        """The model that :attr:`content` describes."""
        import onnx

        graph = onnx.load_model_from_string(content).graph
        inputs, outputs = (tuple(value.name for value in values) for values in (graph.input, graph.output))
        return SubModel(content, inputs, outputs, tuple(node.op_type for node in graph.node))

    def run(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Outputs from values of the inputs, in their order.

        Raises:
            ShiftworkError: onnxruntime cannot compute them.
        """
        feed = {name: np.asarray(value, np.float32) for name, value in zip(self.inputs, values, strict=True)}
        try:
            return list(_session(self.content).run(list(self.outputs), feed))
        except Exception as error:
            raise ShiftworkError(f"{', '.join(self.operators)}: onnxruntime: {reason(error)}") from error

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """An element-wise function of one input, for numbers of any shape."""
        flat = np.ascontiguousarray(values, np.float32).reshape(-1)
        return np.asarray(self.run([flat])[0], np.float32).reshape(np.shape(values))


@lru_cache(maxsize=256)
def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ShiftworkError(f"onnxruntime: {reason(error)}") from error


_AROUND = re.compile(
    r".*(Inference(Error)?\] |was false\. |invalid model\. |, Error |ONNXRuntimeError\] : \d+ : \w+ : )"
)


def reason(error: Exception) -> str:
    """What an error of onnxruntime says, in one line, without its codes, its source file and its names of the place."""
    return _AROUND.sub("", (str(error).strip().splitlines() or [type(error).__name__])[0])

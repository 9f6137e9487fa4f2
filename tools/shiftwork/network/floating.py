# SPDX-License-Identifier: Apache-2.0
"""Float references: onnxruntime on the model as shipped, and the float graph in numpy for calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.ends import filled, host_result, joined
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.submodel import reason
from shiftwork.progress import OnItem
from shiftwork.tensors.im2col import depthwise, im2col, output_shape, weight_matrix
from shiftwork.tensors.maps import move, window_count, window_sum

_CHUNK_VALUES = 1 << 23  # im2col values held at once
_TYPES = {
    "tensor(double)": np.float64, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8,
    "tensor(int32)": np.int32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_, "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
}  # fmt: skip


def reference(network: FloatNetwork, x: NDArray[np.float32], progress: OnItem | None = None) -> dict[str, NDArray[Any]]:
    """Outputs of the unmodified model by onnxruntime.

    Args:
        network: names the file, its inputs and outputs.
        x: samples (N, ...), as :func:`~shiftwork.network.data.load_data` gives them.
        progress: told about every part of the samples.

    Returns:
        The outputs by name, in the model's own layout.

    Raises:
        ShiftworkError: onnxruntime refuses the model or the data.
    """
    path, ends = network.path, network.ends
    try:
        session = _session(path, path.stat().st_mtime_ns, network.content)
        types = {source.name: _TYPES.get(source.type, np.float32) for source in session.get_inputs()}
        size = ends.batch if ends.fixed else 64
        parts = ends.split(x)
        results: dict[str, list[NDArray[Any]]] = {name: [] for name in ends.outputs}
        starts = range(0, len(x), size)
        for number, start in enumerate(starts):
            if progress is not None:
                progress(number + 1, len(starts), f"float model from sample {start + 1} on")
            feed: dict[str, NDArray[Any]] = {}
            for entry in ends.entries:
                part = filled(parts[entry.name][start : start + size], size)
                feed[entry.name] = np.moveaxis(part, 0, entry.batch_axis).astype(types[entry.name])
            for name, value in zip(ends.outputs, session.run(list(ends.outputs), feed), strict=True):
                results[name].append(np.asarray(value))
    except ShiftworkError:
        raise
    except Exception as error:
        raise ShiftworkError(f"model {path}: onnxruntime: {reason(error)}") from error
    return {name: joined(values, size, len(x), ends.sample_axis(name)) for name, values in results.items()}


@lru_cache(maxsize=2)
def _session(path: Path, changed: int, content: bytes | None) -> Any:
    """The session of a file. changed: when it was. content: in place of it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content or str(path), options, providers=["CPUExecutionProvider"])


def logits(network: FloatNetwork, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The only output of the unmodified model, (N, classes) or in another layout of its own."""
    (outputs,) = reference(network, x).values()
    return np.asarray(outputs, np.float32)


def convolve(x: NDArray[np.float32], module: FloatModule) -> NDArray[np.float32]:
    """Convolution of the float graph, (N, height, width, channels) to (N, out_height, out_width, out), with bias."""
    assert module.weight is not None
    assert module.bias is not None
    bias = module.bias.astype(np.float32)
    if module.depthwise:
        return depthwise(x, module) + bias
    rows, columns = output_shape(x.shape, module)
    per_group = len(module.weight) // module.groups
    result = np.empty((len(x) * rows * columns, len(module.weight)), np.float32)
    for part in range(module.groups):
        matrix = weight_matrix(module, part).astype(np.float32)
        result[:, part * per_group : (part + 1) * per_group] = im2col(x, module, part) @ matrix.T
    result += bias
    return result.reshape(len(x), rows, columns, -1)


def evaluate(module: FloatModule, tensors: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Output (n, height, width, channels) of one module of the float graph from the tensors that it reads."""
    inputs = [tensors[name] for name in module.inputs]
    if module.kind == "conv":
        result = convolve(inputs[0], module)
    elif module.kind == "add":
        result = inputs[0] + inputs[1]
    elif module.kind == "mul":
        result = inputs[0] * inputs[1]
    elif module.kind == "matmul":
        result = np.matmul(inputs[0], inputs[1].swapaxes(2, 3))
    elif module.kind == "table":
        assert module.function is not None
        result = module.function.apply(inputs[0])
    elif module.kind == "host":
        result = on_host(module, inputs)
    elif module.kind == "avgpool":
        size = (inputs[0].shape[1], inputs[0].shape[2])
        counts = window_count(size, module.attributes)
        result = (window_sum(inputs[0], module.attributes) / counts).astype(np.float32)
    else:
        result = move(module.kind, inputs, module.attributes)
    if module.shortcut is not None:
        result = result + tensors[module.shortcut]
    return activate(result, module)


def on_host(module: FloatModule, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Output (n, height, width, channels) of what the host computes."""
    assert module.function is not None
    assert module.view is not None
    return host_result(module.function, module.views, module.view, module.attributes["shape"], inputs)


def activate(x: NDArray[np.float32], module: FloatModule) -> NDArray[np.float32]:
    """The module's ReLU and clip; ``x`` itself where it has neither."""
    if module.relu:
        x = np.maximum(x, 0)
    return x if module.clip is None else np.minimum(x, np.float32(module.clip))


def chunk_size(network: FloatNetwork) -> int:
    """Images evaluated at once so that the largest im2col matrix stays below some tens of megabytes."""
    largest = 1
    for module in network.modules:
        height, width, channels = network.shapes[module.output]
        depth = 1 if module.weight is None else int(np.prod(module.weight.shape[1:]))
        largest = max(largest, height * width * max(depth, channels))
    return max(1, min(256, _CHUNK_VALUES // largest))


def activations(network: FloatNetwork, x: NDArray[np.float32]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Every tensor of the float graph, chunk by chunk of the samples.

    Args:
        network: the float graph.
        x: samples as the ONNX input expects them.

    Yields:
        dict from tensor name to (n, height, width, channels) float32.
    """
    step = chunk_size(network)
    for start in range(0, len(x), step):
        tensors = network.entering(x[start : start + step])
        for module in network.modules:
            tensors[module.output] = evaluate(module, tensors)
        yield tensors

# SPDX-License-Identifier: Apache-2.0
"""Float references: onnxruntime on the model as shipped, and the float graph in numpy for calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatModule, FloatNetwork, to_nhwc
from shiftwork.progress import OnItem
from shiftwork.tensors.im2col import depthwise, im2col, output_shape, weight_matrix
from shiftwork.tensors.maps import move, window_count, window_sum

_CHUNK_VALUES = 1 << 23  # im2col values held at once


def reference(
    path: str | Path, x: NDArray[np.float32], batch: int | None = None, progress: OnItem | None = None
) -> NDArray[np.float32]:
    """Output of the unmodified model by onnxruntime.

    Args:
        path: ONNX file.
        x: samples as the ONNX input expects them, (N, ...).
        batch: the batch size that the model fixes, or None for any.
        progress: told about every part of the samples.

    Returns:
        The model's output in the layout of the network's tensors, (N, height, width, channels).

    Raises:
        ShiftworkError: onnxruntime refuses the model or the data.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        source = session.get_inputs()[0]
        x = x.astype({"tensor(double)": np.float64, "tensor(float16)": np.float16}.get(source.type, np.float32))
        size = batch or 64
        results = []
        starts = range(0, len(x), size)
        for number, start in enumerate(starts):
            if progress is not None:
                progress(number + 1, len(starts), f"float model from sample {start + 1} on")
            part = x[start : start + size]
            missing = size - len(part) if batch else 0
            if missing:
                part = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            result = session.run(None, {source.name: part})[0]
            results.append(result[: len(result) - missing])
    except Exception as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ShiftworkError(f"model {path}: onnxruntime: {line}") from error
    return np.ascontiguousarray(to_nhwc(np.concatenate(results)), np.float32)


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
    elif module.kind == "avgpool":
        size = (inputs[0].shape[1], inputs[0].shape[2])
        counts = window_count(size, module.attributes)
        result = (window_sum(inputs[0], module.attributes) / counts).astype(np.float32)
    else:
        result = move(module.kind, inputs, module.attributes)
    if module.shortcut is not None:
        result = result + tensors[module.shortcut]
    return activate(result, module)


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
        tensors = {network.input: np.ascontiguousarray(to_nhwc(x[start : start + step]), dtype=np.float32)}
        for module in network.modules:
            tensors[module.output] = evaluate(module, tensors)
        yield tensors

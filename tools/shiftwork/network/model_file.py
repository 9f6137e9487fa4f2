# SPDX-License-Identifier: Apache-2.0
"""ONNX files as they lie on a disk: the protobuf, with the external data that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from shiftwork.errors import ShiftworkError


def load_model(path: str | Path) -> Any:
    """The ONNX protobuf of a file, with the external data that it names.

    Raises:
        ShiftworkError: the file is missing, empty, truncated or no ONNX model, a weight has less or more data than its
            shape says, or a file of external data is missing, too short, or outside the folder of the model.
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
    for tensor in model.graph.initializer:
        try:
            onnx.numpy_helper.to_array(tensor)
        except Exception as error:
            raise ShiftworkError(
                f"model {path}: weight {tensor.name!r} cannot be read (truncated or damaged)"
            ) from error
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

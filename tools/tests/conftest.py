# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tooling tests: small ONNX files made on the fly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

SaveModel = Callable[..., Path]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The quick regression leaves out test_train.py: it imports PyTorch, which only `make sim` installs."""
    return True if collection_path.name == "test_train.py" and config.option.markexpr == "not full" else None


@pytest.fixture
def save_model(tmp_path: Path) -> SaveModel:
    """Write an ONNX file from nodes and weights; returns its path.

    Nodes are ``(operator, inputs, output or outputs[, attributes])``; a node takes its first output's name. Inputs are
    ``in`` of a shape, or those of a dict from name to shape; all are of one type.
    """

    def save(
        nodes: Sequence[tuple[Any, ...]],
        weights: Mapping[str, np.ndarray] | None = None,
        shape: Sequence[Any] | Mapping[str, Sequence[Any]] = ("N", 3, 8, 8),
        outputs: Sequence[str] = ("out",),
        name: str = "model.onnx",
        opset: int = 17,
        kind: int = TensorProto.FLOAT,
        results: int = TensorProto.FLOAT,
    ) -> Path:
        protos = []
        for operator, reads, made, *rest in nodes:
            names = [made] if isinstance(made, str) else list(made)
            protos.append(helper.make_node(operator, reads, names, names[0], **(rest[0] if rest else {})))
        inputs = shape if isinstance(shape, Mapping) else {"in": shape}
        graph = helper.make_graph(
            protos,
            "test",
            [helper.make_tensor_value_info(known, kind, list(sizes)) for known, sizes in inputs.items()],
            [helper.make_tensor_value_info(o, results, None) for o in outputs],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in (weights or {}).items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 10
        path = tmp_path / name
        onnx.save(model, str(path))
        return path

    return save


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(11)

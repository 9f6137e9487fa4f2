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

    Nodes are ``(operator, inputs, output[, attributes])``; a node takes its output's name.
    """

    def save(
        nodes: Sequence[tuple[Any, ...]],
        weights: Mapping[str, np.ndarray] | None = None,
        shape: Sequence[Any] = ("N", 3, 8, 8),
        outputs: Sequence[str] = ("out",),
        name: str = "model.onnx",
    ) -> Path:
        protos = [helper.make_node(n[0], n[1], [n[2]], n[2], **(n[3] if len(n) > 3 else {})) for n in nodes]
        graph = helper.make_graph(
            protos,
            "test",
            [helper.make_tensor_value_info("in", TensorProto.FLOAT, list(shape))],
            [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in (weights or {}).items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 10
        path = tmp_path / name
        onnx.save(model, str(path))
        return path

    return save


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(11)

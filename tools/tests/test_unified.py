# SPDX-License-Identifier: Apache-2.0
"""Unified modules: one quantization each, counted against a quantizer that rounds after every operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import run
from shiftwork.network.graph import FloatModule, live
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.fixed8 import quantize


def batch_norm(name: str) -> tuple[str, list[str], str]:
    return "BatchNormalization", [name, "one", "zero", "zero", "one"], f"{name}n"


@pytest.fixture
def network(save_model: Callable[..., Path], rng: np.random.Generator) -> IntegerNetwork:
    """A residual block, a fire module with its concatenation, pooling and a classifier."""
    nodes = [
        ("Conv", ["in", "a"], "a1"), batch_norm("a1"), ("Relu", ["a1n"], "a2"),
        ("Conv", ["a2", "b"], "b1", {"pads": [1, 1, 1, 1]}), batch_norm("b1"), ("Add", ["b1n", "a2"], "s"),
        ("Relu", ["s"], "r"), ("MaxPool", ["r"], "p", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Conv", ["p", "a4"], "e1"), ("Conv", ["p", "a5"], "e2"), ("Concat", ["e1", "e2"], "m", {"axis": 1}),
        ("Clip", ["m", "zero0", "six"], "q"), ("GlobalAveragePool", ["q"], "g"), ("Flatten", ["g"], "f"),
        ("Gemm", ["f", "d"], "out", {"transB": 1}),
    ]  # fmt: skip
    weights = {
        "a": rng.normal(0, 1, (4, 3, 1, 1)), "b": rng.normal(0, 0.3, (4, 4, 3, 3)), "d": rng.normal(0, 1, (5, 8)),
        "a4": rng.normal(0, 1, (4, 4, 1, 1)), "a5": rng.normal(0, 1, (4, 4, 1, 1)),
        "one": np.ones(4), "zero": np.zeros(4), "zero0": np.float32(0),
        "six": np.float32(6),
    }  # fmt: skip
    path = save_model(nodes, {k: np.asarray(v, np.float32) for k, v in weights.items()}, ("N", 3, 8, 8))
    return quantize(import_onnx(path), rng.normal(0, 1, (16, 3, 8, 8)).astype(np.float32), "joint")


def test_every_operator_is_in_one_module(network: IntegerNetwork) -> None:
    assert [(module.kind, module.operators) for module in network.modules] == [
        ("conv", ("Conv", "BatchNormalization", "Relu")),
        ("conv", ("Conv", "BatchNormalization", "Add", "Relu")),
        ("maxpool", ("MaxPool",)),
        ("conv", ("Conv",)),
        ("conv", ("Conv",)),
        ("concat", ("Concat", "Clip")),
        ("avgpool", ("GlobalAveragePool",)),
        ("conv", ("Gemm",)),
    ]
    assert [module.relu for module in network.modules] == [True, True, False, True, True, False, False, False]


def test_one_quantization_a_module(network: IntegerNetwork) -> None:
    # a1 a1n a2, b1 b1n s r, p, e1, e2, m q, g: 13 operators; the raw output counts in neither
    assert network.quantizations == (13, 5)
    assert sum(module.shift is not None and module.requantize for module in network.modules) == 4  # and the average


def test_whatever_moves_codes_keeps_the_scale(network: IntegerNetwork) -> None:
    tensors = network.tensors
    by_kind = {module.kind: module for module in network.modules}
    for kind in ("maxpool", "concat"):
        module = by_kind[kind]
        assert {tensors[name].fraction for name in module.inputs} == {tensors[module.output].fraction}


def test_first_modules_alone(network: IntegerNetwork, rng: np.random.Generator) -> None:
    x = rng.normal(0, 1, (2, 3, 8, 8))
    whole = run(network, x)
    for count in (1, 3, len(network.modules)):
        part = network.first(count)
        assert len(part.modules) == count
        assert np.array_equal(run(part, x, collect=False)[part.output], whole[part.output])
    assert len(network.modules) == 8
    for count in (0, 9):
        with pytest.raises(ShiftworkError, match="1 to 8"):
            network.first(count)


def test_a_shared_tensor_is_not_fused_into(save_model: Callable[..., Path], rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "w"], "c"), ("Relu", ["c"], "r"), ("Add", ["c", "r"], "out")]
    found = import_onnx(save_model(nodes, {"w": rng.normal(0, 1, (3, 3, 1, 1)).astype(np.float32)}))
    assert [module.operators for module in found.modules] == [("Conv",), ("Relu",), ("Add",)]


def test_a_cycle_is_refused() -> None:
    modules = [FloatModule("a", "add", ["y", "y"], "x"), FloatModule("b", "add", ["x", "x"], "y")]
    with pytest.raises(ShiftworkError, match="cycle"):
        live(modules, ["y"])

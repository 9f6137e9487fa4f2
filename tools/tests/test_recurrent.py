# SPDX-License-Identifier: Apache-2.0
"""LSTM, GRU and RNN: the float graph against onnxruntime, the integers against it, what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data, array_sizes, load_data
from shiftwork.network.floating import activations, reference
from shiftwork.network.importer import import_onnx
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
HIDDEN, FEATURES, STEPS = 4, 3, 5


def save(
    path: Path, operator: str, direction: str = "forward", bias: bool = True, start: bool = False,
    reset: int = 0, outputs: tuple[str, ...] = ("Y",), **more: object,
) -> Path:  # fmt: skip
    """A model of one recurrent node."""
    rng = np.random.default_rng(1)
    ways, rows = 2 if direction == "bidirectional" else 1, GATES[operator] * HIDDEN
    arrays = {"W": rng.normal(0, 0.5, (ways, rows, FEATURES)), "R": rng.normal(0, 0.5, (ways, rows, HIDDEN))}
    inputs = [
        "x",
        "W",
        "R",
        "B" if bias else "",
        "",
        *(("h0", "c0")[: 2 if operator == "LSTM" else 1] if start else ()),
    ]
    if bias:
        arrays["B"] = rng.normal(0, 0.5, (ways, 2 * rows))
    names = ["Y", "Yh", "Yc"][: 3 if operator == "LSTM" else 2]
    attributes = {"hidden_size": HIDDEN, "direction": direction, **more}
    if operator == "GRU":
        attributes["linear_before_reset"] = reset
    node = helper.make_node(operator, inputs, [n if n in outputs else "" for n in names], name="cell", **attributes)

    def value(name: str, shape: tuple[object, ...] | None) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    sources = [value("x", (STEPS, "N", FEATURES)), *(value(n, (ways, "N", HIDDEN)) for n in inputs[5:])]
    known = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]
    graph = helper.make_graph([node], "g", sources, [value(n, None) for n in names if n in outputs], known)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


CASES = [
    (operator, direction, bias, start, reset, outputs)
    for operator in GATES
    for direction, bias, start, reset, outputs in itertools.product(
        ("forward", "reverse", "bidirectional"), (False, True), (False, True), (0, 1) if operator == "GRU" else (0,),
        (("Y",), ("Yh",), ("Y", "Yh", "Yc")),
    )
]  # fmt: skip


@pytest.mark.parametrize("operator", list(GATES))
def test_the_float_graph_is_onnxruntimes(tmp_path: Path, operator: str) -> None:
    compared = 0
    for case in (case for case in CASES if case[0] == operator):
        network = import_onnx(save(tmp_path / "cell.onnx", *case))
        x = np.random.default_rng(3).normal(0, 1, (6, *network.ends.sample_shape)).astype(np.float32)
        tensors = next(iter(activations(network, x)))
        found = network.ends.finish({name: tensors[name] for name in network.outputs})
        for name, value in reference(network, x).items():
            np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5, err_msg=str(case))
            compared += value.size
    assert compared


@pytest.mark.parametrize("scheme", ["fixed8", "joint", "tr", "dnateq"])
def test_states_are_codes(tmp_path: Path, scheme: str) -> None:
    network = import_onnx(save(tmp_path / "cell.onnx", "LSTM", start=True, outputs=("Y", "Yh", "Yc")))
    x = np.random.default_rng(3).normal(0, 0.5, (64, *network.ends.sample_shape)).astype(np.float32)
    integer = quantize(Quantization(scheme), network, Data(x, None))
    found = golden.finished(integer, golden.run(integer, x))
    for name, value in reference(network, x).items():
        error = np.linalg.norm(found[name] - value) / np.linalg.norm(value)
        assert error < (0.3 if scheme == "dnateq" else 0.1), (name, error)


def test_data_have_the_samples_where_the_model_has_them(tmp_path: Path) -> None:
    path = save(tmp_path / "cell.onnx", "GRU")
    x = np.random.default_rng(3).normal(0, 1, (STEPS, 7, FEATURES)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x)
    network = import_onnx(path, array_sizes(tmp_path / "d.npz"))
    data = load_data(tmp_path / "d.npz", network)
    assert np.array_equal(data.x, x.swapaxes(0, 1))
    assert reference(network, data.x)["Y"].shape == (STEPS, 1, 7, HIDDEN)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"activations": ["Relu", "Tanh", "Tanh"]}, "activations Relu, Tanh, Tanh are not supported"),
        ({"clip": 3.0}, "clip, input_forget and peepholes are not supported"),
        ({"input_forget": 1}, "clip, input_forget and peepholes are not supported"),
    ],
)
def test_what_is_refused(tmp_path: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises(ShiftworkError, match=rf"node 'cell' \(LSTM\): {message}"):
        import_onnx(save(tmp_path / "cell.onnx", "LSTM", **more))


def test_rows_that_an_input_names(tmp_path: Path) -> None:
    """An embedding: the rows enter, by numbers; numbers of rows that there are not are refused."""
    rows = np.random.default_rng(2).normal(0, 1, (11, 4)).astype(np.float32)
    weight = np.random.default_rng(4).normal(0, 1, (4, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["rows", "ids"], ["e"], name="look"),
        helper.make_node("MatMul", ["e", "w"], ["y"], name="dense"),
    ]
    source = helper.make_tensor_value_info("ids", TensorProto.INT64, ("N", 6))
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    known = [numpy_helper.from_array(rows, "rows"), numpy_helper.from_array(weight, "w")]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [source], [target], known),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, tmp_path / "look.onnx")
    network = import_onnx(tmp_path / "look.onnx")
    ids = np.random.default_rng(5).integers(0, 11, (40, 6))
    np.savez(tmp_path / "d.npz", x=ids)
    data = load_data(tmp_path / "d.npz", network)
    integer = quantize(Quantization("fixed8"), network, data)
    integer.save(tmp_path / "net")
    loaded = type(integer).load(tmp_path / "net.npz")
    found = golden.finished(loaded, golden.run(loaded, data.x))["y"]
    np.testing.assert_allclose(found, rows[ids] @ weight, atol=0.15)
    with pytest.raises(ShiftworkError, match=r"input 'ids': 0\.\.11 are no rows of 11"):
        golden.run(integer, np.array([[0, 1, 2, 3, 4, 11]], np.float32))

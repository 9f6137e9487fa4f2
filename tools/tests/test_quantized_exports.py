# SPDX-License-Identifier: Apache-2.0
"""Models that were quantized before: QuantizeLinear and DequantizeLinear, operators on codes, quantizers of QONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.coded import CODED
from shiftwork.network.data import Data
from shiftwork.network.floating import reference
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.qonnx import DOMAINS
from shiftwork.quantize.quantization import Quantization
from shiftwork.report.inspection import inspect
from shiftwork.schemes import quantize

RNG = np.random.default_rng(0)


def save(path: Path, nodes: list[onnx.NodeProto], arrays: dict[str, NDArray[np.generic]]) -> Path:
    """A model of an input x (N, 3, 8, 8) and an output y."""
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    known = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", [source], [target], known)
    wide = any(array.dtype in (np.int16, np.uint16) for array in arrays.values())
    opsets = [helper.make_opsetid("", 21 if wide else 17), helper.make_opsetid(DOMAINS[0], 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def qdq(tmp_path: Path, scale: float) -> Path:
    """A convolution of int8 weights on an input with a scale."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], name="dequantize"),
        helper.make_node("DequantizeLinear", ["wq", "ws", "wz"], ["wd"], name="weights", axis=0),
        helper.make_node("Conv", ["d", "wd"], ["y"], name="conv", pads=[1] * 4),
    ]
    arrays = {
        "s": np.float32(scale), "z": np.int8(0), "wq": RNG.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8),
        "ws": np.full(4, 2.0**-8, np.float32), "wz": np.zeros(4, np.int8),
    }  # fmt: skip
    return save(tmp_path / "qdq.onnx", nodes, {name: np.asarray(array) for name, array in arrays.items()})


@pytest.mark.parametrize(("power", "kept"), [(-5, True), (-4, True)])
def test_a_power_of_two_is_kept(tmp_path: Path, power: int, kept: bool) -> None:
    network = import_onnx(qdq(tmp_path, 2.0**power))
    x = RNG.normal(0, 1, (32, 3, 8, 8)).astype(np.float32)
    integer = quantize(Quantization("fixed8"), network, Data(x, None))
    assert (integer.tensors["x"].fraction == -power) is kept
    assert network.notes == {"quantize": f"scale 2^{power} of the model is kept where the scheme can"}
    found = golden.finished(integer, golden.run(integer, x))["y"]
    np.testing.assert_allclose(found, reference(network, x)["y"], atol=1e-4)  # codes of the model itself


def test_another_scale_is_chosen_anew(tmp_path: Path) -> None:
    network = import_onnx(qdq(tmp_path, 0.03))
    assert network.notes == {"quantize": "int8 scale 0.03 of the model is no power of two: chosen anew"}
    assert not network.wishes


@pytest.mark.parametrize(
    ("zero", "relu"),
    [
        (np.uint8(0), True),
        (np.int8(-128), True),
        (None, True),
        (np.uint16(0), True),
        (np.uint8(3), False),
        (np.int8(0), False),
        (np.int16(0), False),
    ],
)
def test_codes_that_begin_at_zero_are_a_relu(tmp_path: Path, zero: np.generic | None, relu: bool) -> None:
    """What quantizes leaves out a ReLU, or a ReLU6, in front of codes that are not below zero."""
    pair = ["s", "z"] if zero is not None else ["s"]
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], name="conv"),
        helper.make_node("QuantizeLinear", ["c", *pair], ["q"], name="quantize"),
        helper.make_node("DequantizeLinear", ["q", *pair], ["d"], name="dequantize"),
        helper.make_node("MaxPool", ["d"], ["m"], kernel_shape=[2, 2]),
        helper.make_node("QuantizeLinear", ["m", *pair], ["again"], name="again"),
        helper.make_node("DequantizeLinear", ["again", *pair], ["e"]),
        helper.make_node("Conv", ["e", "last"], ["y"]),
    ]
    arrays = {"k": RNG.normal(0, 0.3, (4, 3, 1, 1)).astype(np.float32), "s": np.asarray(np.float32(0.004)),
              "last": RNG.normal(0, 0.3, (2, 4, 1, 1)).astype(np.float32)}  # fmt: skip
    if zero is not None:
        arrays["z"] = np.asarray(zero)
    network = import_onnx(save(tmp_path / "relu.onnx", nodes, arrays))
    assert [module.kind for module in network.modules] == ["conv", "maxpool", "conv"]
    assert network.modules[0].relu is relu
    steps = 65535 if isinstance(zero, np.uint16) else 255
    assert network.modules[0].clip == (pytest.approx(steps * 0.004) if relu else None)
    assert ("a ReLU" in network.notes["quantize"]) is relu
    assert "a ReLU" not in network.notes["again"]
    if relu:
        follows_the_model(network, 0.03)


def follows_the_model(network: FloatNetwork, error: float) -> None:
    """Eight bits give what onnxruntime makes of the model, but for a part of its 2-norm."""
    x = np.random.default_rng(2).normal(0, 1, (64, *network.ends.sample_shape)).astype(np.float32)
    integer = quantize(Quantization("fixed8"), network, Data(x, None))
    found, expected = golden.finished(integer, golden.run(integer, x)), reference(network, x)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        known = value.astype(np.float64)
        assert np.linalg.norm(found[name] - known) <= error * np.linalg.norm(known)


def trained(folder: Path) -> tuple[Path, NDArray[np.float32]]:
    """A small network as onnxruntime quantizes it, and samples."""
    rng = np.random.default_rng(1)

    def random(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)

    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("Conv", ["x", "k1", "b1"], ["c1"], pads=[1] * 4),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("MaxPool", ["r1"], ["p1"], **pool),
        helper.make_node("Conv", ["p1", "k2"], ["c2"], pads=[1] * 4),
        helper.make_node("Add", ["c2", "p1"], ["a"]),
        helper.make_node("Relu", ["a"], ["r2"]),
        helper.make_node("Sigmoid", ["r2"], ["s"]),
        helper.make_node("Mul", ["r2", "s"], ["m"]),
        helper.make_node("Concat", ["m", "r2"], ["j"], axis=1),
        helper.make_node("AveragePool", ["j"], ["p2"], **pool),
        helper.make_node("GlobalAveragePool", ["p2"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "w1", "b2"], ["l"], transB=1),
        helper.make_node("LeakyRelu", ["l"], ["v"]),
        helper.make_node("MatMul", ["v", "w2"], ["h"]),
        helper.make_node("Softmax", ["h"], ["o"]),
        helper.make_node("MatMul", ["o", "w3"], ["y"]),
    ]
    arrays = {"k1": random(4, 3, 3, 3), "b1": random(4, 9), "k2": random(4, 4, 3, 3), "w1": random(6, 8),
              "b2": random(6, 9), "w2": random(6, 5) * 3, "w3": random(5, 4)}  # fmt: skip
    arrays["b1"], arrays["b2"] = arrays["b1"][:, 0], arrays["b2"][:, 0]
    x = rng.normal(0, 1, (32, 3, 8, 8)).astype(np.float32)
    return save(folder / "float.onnx", nodes, dict(arrays)), x


class Samples(CalibrationDataReader):
    """Of an input, one after the other."""

    def __init__(self, x: NDArray[Any], name: str = "x") -> None:
        self.parts, self.name = iter(np.split(x, len(x))), name

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        part = next(self.parts, None)
        return None if part is None else {self.name: part}


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
@pytest.mark.parametrize("kind", [QuantType.QUInt8, QuantType.QInt8])
@pytest.mark.parametrize("per_channel", [False, True])
def test_what_onnxruntime_quantizes(tmp_path: Path, form: QuantFormat, kind: QuantType, per_channel: bool) -> None:
    path, x = trained(tmp_path)
    target = tmp_path / "quantized.onnx"
    quantize_static(path, target, Samples(x), quant_format=form, per_channel=per_channel, activation_type=kind,
                    weight_type=QuantType.QInt8)  # fmt: skip
    network = import_onnx(target)
    assert sum(module.relu for module in network.modules) >= 2
    follows_the_model(network, 0.05)
    if form == QuantFormat.QOperator:
        coded = {node.op_type for node in onnx.load(target).graph.node} & CODED.keys()
        assert len(coded) > 8
        becomes = {fate.operator: fate.becomes for fate in inspect(target).nodes}
        assert becomes["QLinearConv"] == becomes["QLinearMatMul"] == "RTL"
        assert becomes["QLinearAdd"] == "fused"


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_rows_that_are_codes(tmp_path: Path, form: QuantFormat) -> None:
    rng = np.random.default_rng(4)
    arrays = {"rows": (11, 6), "more": (11, 6), "w": (6, 3)}
    known = [numpy_helper.from_array(rng.normal(0, 1, shape).astype(np.float32), name)
             for name, shape in arrays.items()]  # fmt: skip
    nodes = [
        helper.make_node("Gather", ["rows", "ids"], ["a"], name="look"),
        helper.make_node("Gather", ["more", "ids"], ["b"], name="more"),
        helper.make_node("Add", ["a", "b"], ["s"], name="add"),
        helper.make_node("MatMul", ["s", "w"], ["y"], name="dense"),
    ]
    source = helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 5])
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [source], [target], known)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "float.onnx")
    ids = rng.integers(0, 11, (64, 5))
    quantize_static(tmp_path / "float.onnx", tmp_path / "q.onnx", Samples(ids, "ids"), quant_format=form)
    network = import_onnx(tmp_path / "q.onnx")
    x = ids.astype(np.float32)
    integer = quantize(Quantization("fixed8"), network, Data(x, None))
    found, expected = golden.finished(integer, golden.run(integer, x))["y"], reference(network, x)["y"]
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)


def test_four_bits_of_onnxruntime(tmp_path: Path) -> None:
    path, x = trained(tmp_path)
    quantize_static(path, tmp_path / "q.onnx", Samples(x), weight_type=QuantType.QInt4)
    follows_the_model(import_onnx(tmp_path / "q.onnx"), 0.1)


def test_models_that_quantize_while_they_run(tmp_path: Path) -> None:
    path, _ = trained(tmp_path)
    quantize_dynamic(path, tmp_path / "q.onnx", weight_type=QuantType.QUInt8)
    assert {node.op_type for node in onnx.load(tmp_path / "q.onnx").graph.node} >= {"ConvInteger", "MatMulInteger"}
    follows_the_model(import_onnx(tmp_path / "q.onnx"), 0.1)


def test_a_recurrent_layer_that_quantizes_while_it_runs(tmp_path: Path) -> None:
    arrays = {name: RNG.normal(0, 0.5, shape).astype(np.float32)
              for name, shape in {"W": (2, 16, 3), "R": (2, 16, 4), "m": (8, 2)}.items()}  # fmt: skip
    known = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    known.append(numpy_helper.from_array(np.array([0, 0, -1]), "joined"))
    nodes = [
        helper.make_node("LSTM", ["x", "W", "R"], ["h"], hidden_size=4, direction="bidirectional", name="lstm"),
        helper.make_node("Transpose", ["h"], ["t"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["t", "joined"], ["r"]),
        helper.make_node("MatMul", ["r", "m"], ["y"]),
    ]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, "N", 3])
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [source], [target], known)
    path = tmp_path / "float.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    quantize_dynamic(path, tmp_path / "q.onnx", per_channel=True)
    assert "DynamicQuantizeLSTM" in {node.op_type for node in onnx.load(tmp_path / "q.onnx").graph.node}
    follows_the_model(import_onnx(tmp_path / "q.onnx"), 0.1)


def quant(name: str, source: str, bits: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(
        "Quant",
        [source, f"{name}.s", "zero", bits],
        [name],
        name=name,
        domain=DOMAINS[0],
        rounding_mode="ROUND",
        **attributes,
    )


def test_quantizers_of_qonnx(tmp_path: Path) -> None:
    """Constants have the numbers of the quantizer, values its range."""
    kernel = RNG.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32)
    arrays: dict[str, NDArray[np.generic]] = {
        "k": kernel, "kq.s": np.asarray(np.float32(0.0625)), "xq.s": np.asarray(np.float32(2.0**-5)),
        "y.s": np.asarray(np.float32(0.1)), "zero": np.asarray(np.float32(0)), "four": np.asarray(np.float32(4)),
        "eight": np.asarray(np.float32(8)),
    }  # fmt: skip
    nodes = [
        quant("xq", "x", "eight", signed=1, narrow=0),
        quant("kq", "k", "four", signed=1, narrow=1),
        helper.make_node("Conv", ["xq", "kq"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        quant("y", "r", "four", signed=0, narrow=0),
    ]
    network = import_onnx(save(tmp_path / "quant.onnx", nodes, arrays))
    (module,) = network.modules
    assert module.relu
    assert module.clip == pytest.approx(1.5)
    assert module.weight is not None
    wanted = np.clip(np.round(kernel / 0.0625), -7, 7) * 0.0625
    np.testing.assert_allclose(module.weight.transpose(0, 3, 1, 2), wanted, atol=1e-7)
    assert network.wishes == {"x": 5}
    x = RNG.normal(0, 1, (8, 3, 8, 8)).astype(np.float32)
    integer = quantize(Quantization("fixed8"), network, Data(x, None))
    found = golden.finished(integer, golden.run(integer, x))["y"]
    np.testing.assert_allclose(found, reference(network, x)["y"], atol=0.02)


def test_codes_without_a_constant_scale_are_refused(tmp_path: Path) -> None:
    arrays: dict[str, NDArray[np.generic]] = {"one": np.asarray(np.float32(1)), "zero": np.asarray(np.uint8(0))}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "zero"], ["q"]),
        helper.make_node("QLinearMatMul", ["q", "one", "zero", "q", "one", "zero", "one", "none"], ["y"]),
    ]
    with pytest.raises(ShiftworkError, match=r"node 'y' \(QLinearMatMul\): 'none' must be a constant"):
        import_onnx(save(tmp_path / "q.onnx", nodes, arrays))


def test_what_is_refused_names_the_node(tmp_path: Path) -> None:
    arrays: dict[str, NDArray[np.generic]] = {"y.s": np.asarray(np.float32(1)), "zero": np.asarray(np.float32(0))}
    with pytest.raises(ShiftworkError, match=r"node 'y' \(Quant\): 'x' must be a constant"):
        import_onnx(save(tmp_path / "quant.onnx", [quant("y", "x", "x", signed=1, narrow=0)], arrays))

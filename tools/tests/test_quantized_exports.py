# SPDX-License-Identifier: Apache-2.0
"""Models that were quantized before: QuantizeLinear and DequantizeLinear, weights as int8, quantizers of QONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data
from shiftwork.network.floating import reference
from shiftwork.network.importer import import_onnx
from shiftwork.network.qonnx import DOMAINS
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize

RNG = np.random.default_rng(0)


def save(path: Path, nodes: list[onnx.NodeProto], arrays: dict[str, NDArray[np.generic]]) -> Path:
    """A model of an input x (N, 3, 8, 8) and an output y."""
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    known = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", [source], [target], known)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAINS[0], 1)]
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


def test_what_is_refused_names_the_node(tmp_path: Path) -> None:
    arrays: dict[str, NDArray[np.generic]] = {"y.s": np.asarray(np.float32(1)), "zero": np.asarray(np.float32(0))}
    with pytest.raises(ShiftworkError, match=r"node 'y' \(Quant\): 'x' must be a constant"):
        import_onnx(save(tmp_path / "quant.onnx", [quant("y", "x", "x", signed=1, narrow=0)], arrays))

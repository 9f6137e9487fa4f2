# SPDX-License-Identifier: Apache-2.0
"""Every ONNX operator beside the layers: the float graph and the integer network compute what onnxruntime computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from imported import check, check_integers, only, samples_of, weights
from onnx import TensorProto, numpy_helper

from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import finished, run
from shiftwork.network.data import Data, array_sizes, load_data
from shiftwork.network.floating import reference
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.import_functions import FUNCTIONS, HOST
from shiftwork.network.importer import OPERATORS, import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.quantize import fixed8
from shiftwork.quantize.quantization import Quantization
from shiftwork.run.networks import run_integer
from shiftwork.schemes import quantize

SaveModel = Callable[..., Path]
Nodes = list[tuple[Any, ...]]

CONV = ("Conv", ["in", "first"], "x")
"""In front of what is tested: (N, 3, 8, 8) to (N, 4, 8, 8)."""
LAST = ("Conv", ["y", "last"], "out")
"""Behind it, so that it is no tail: (N, 4, H, W) to (N, 2, H, W)."""


def between(*nodes: tuple[Any, ...], last: tuple[Any, ...] = LAST) -> Nodes:
    return [CONV, *nodes, last]


def known(**more: Any) -> dict[str, np.ndarray]:
    return weights(first=(4, 3, 1, 1), last=(2, 4, 1, 1)) | more


def kinds(network: FloatNetwork) -> list[str]:
    return [module.kind for module in network.modules]


# -- functions

_NEWER = {"Gelu": 20, "Mish": 18}
_POSITIVE = {"Log", "Sqrt", "Reciprocal"}


@pytest.mark.parametrize("operator", FUNCTIONS)
def test_functions_are_tables(operator: str, save_model: SaveModel) -> None:
    """Where the function is not continuous, or has a pole, a code of the input decides."""
    before = [("Abs", ["x"], "a"), ("Add", ["a", "one"], "b")] if operator in _POSITIVE else [("Identity", ["x"], "b")]
    if operator == "Tan":
        before = [("Tanh", ["x"], "b")]
    nodes = between(*before, (operator, ["b"], "y"))
    network = check(save_model(nodes, known(one=np.float32(0.5)), opset=_NEWER.get(operator, 17)))
    assert kinds(network) == ["conv", "table", "conv"]
    error = {"Round": 0.3, "Ceil": 0.3, "Floor": 0.3, "Sign": 0.3, "Shrink": 0.3, "ThresholdedRelu": 0.3}
    check_integers(network, samples_of(network, 20), error.get(operator, 0.05))


@pytest.mark.parametrize(
    "nodes",
    [
        [("Sigmoid", ["x"], "s"), ("Mul", ["x", "s"], "y")],
        [("Softplus", ["x"], "s"), ("Tanh", ["s"], "t"), ("Mul", ["x", "t"], "y")],
        [("Pow", ["x", "two"], "p"), ("Add", ["p", "x"], "y")],
        [("Mul", ["x", "x"], "m"), ("Neg", ["m"], "n"), ("Exp", ["n"], "y")],
        [("Sub", ["one", "x"], "s"), ("Tanh", ["s"], "t"), ("Sub", ["one", "t"], "y")],
        [("Tanh", ["x"], "t"), ("Relu", ["t"], "y")],
        [("Tanh", ["x"], "t"), ("Max", ["t", "zero"], "y")],
        [("Abs", ["x"], "a"), ("Add", ["a", "one"], "b"), ("Div", ["six", "b"], "y")],
        [("Min", ["x", "half"], "n"), ("Max", ["n", "low"], "y")],
        [("Clip", ["x", "low", "half"], "y")],
        [("Clip", ["x", "", "half"], "y")],
        [("PRelu", ["x", "half"], "y")],
    ],
    ids=["silu", "mish", "square", "gauss", "sub", "relu", "max", "inverse", "minmax",
         "clip", "upper", "prelu"],
)  # fmt: skip
def test_functions_of_functions_are_one_table(nodes: Nodes, save_model: SaveModel) -> None:
    numbers = {"half": 0.5, "three": 3, "six": 6, "root": 2**0.5, "one": 1, "two": 2, "zero": 0, "low": -0.25}
    constants = known(**{name: np.float32(value) for name, value in numbers.items()})
    network = check(save_model(between(*nodes), constants))
    assert [kind for kind in kinds(network) if kind != "conv"].count("table") in (1, 2)
    assert set(kinds(network)) == {"conv", "table"}
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize(
    "nodes",
    [
        [("Mul", ["x", "half"], "s"), ("Sigmoid", ["s"], "t"), ("Mul", ["t", "x"], "y")],
        [("Add", ["x", "three"], "a"), ("Clip", ["a", "zero", "six"], "c"), ("Div", ["c", "six"], "d"),
         ("Mul", ["x", "d"], "y")],
        [("Div", ["x", "root"], "d"), ("Erf", ["d"], "e"), ("Add", ["e", "one"], "p"), ("Mul", ["x", "p"], "m"),
         ("Mul", ["m", "half"], "y")],
    ],
    ids=["silu", "hardswish", "gelu"],
)  # fmt: skip
def test_functions_of_scaled_values(nodes: Nodes, save_model: SaveModel) -> None:
    numbers = {"half": 0.5, "three": 3, "six": 6, "root": 2**0.5, "one": 1, "zero": 0}
    constants = known(**{name: np.float32(value) for name, value in numbers.items()})
    network = check(save_model(between(*nodes), constants))
    check_integers(network, samples_of(network, 20))


def test_relu_stays_behind_what_is_not_monotone(save_model: SaveModel) -> None:
    nodes = between(("Tanh", ["x"], "t"), ("Concat", ["t", "x"], "j", {"axis": 1}), ("Relu", ["j"], "y"),
                    last=("Conv", ["y", "w"], "out"))  # fmt: skip
    network = check(save_model(nodes, known(w=np.ones((2, 8, 1, 1), np.float32))))
    check_integers(network, samples_of(network, 20))
    nodes = [("Conv", ["in", "first"], "x"), ("Conv", ["in", "second"], "z"), ("Mul", ["x", "z"], "m"),
             ("MaxPool", ["m"], "p", {"kernel_shape": [2, 2]}), ("Relu", ["p"], "y"), LAST]  # fmt: skip
    network = check(save_model(nodes, known(second=-weights(s=(4, 3, 1, 1))["s"])))
    assert [module.relu for module in network.modules] == [False, False, True, False, False]
    check_integers(network, samples_of(network, 20))


# -- arithmetic


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (4, 1, 1), (1, 4, 1, 1), (8,), (8, 1), (4, 8, 8), (1, 1, 8, 8)])
@pytest.mark.parametrize("swapped", [False, True])
def test_arithmetic_with_constants(operator: str, shape: tuple[int, ...], swapped: bool, save_model: SaveModel) -> None:
    constant = np.random.default_rng(3).uniform(0.5, 2, shape).astype(np.float32)
    inputs = ["b", "k"]
    node = (operator, inputs[::-1] if swapped else inputs, "y")
    nodes = between(("Abs", ["x"], "a"), ("Add", ["a", "one"], "b"), node)
    network = check(save_model(nodes, known(k=constant, one=np.float32(1))))
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize(
    "shapes", [((4, 8, 8), (4, 8, 8)), ((4, 8, 8), (4, 1, 1)), ((1, 8, 8), (4, 1, 1)), ((4, 8, 8), (1, 8, 8))]
)
def test_arithmetic_of_two_values(operator: str, shapes: tuple[Any, Any], save_model: SaveModel) -> None:
    nodes = [("Abs", ["b"], "c"), ("Add", ["c", "one"], "d"), (operator, ["a", "d"], "y"), LAST]
    network = check(
        save_model(nodes, known(one=np.float32(1)), {"a": ("N", *shapes[0]), "b": ("N", *shapes[1])}), samples=7
    )
    check_integers(network, samples_of(network, 20), 0.1)


def test_a_constant_with_more_axes_grows_a_value(save_model: SaveModel) -> None:
    grown = between(("Abs", ["x"], "a"), ("ReduceMean", ["a"], "m", {"axes": [1]}), ("Mul", ["m", "k"], "y"))
    check(save_model(grown, known(k=weights(k=(1, 4, 1, 1))["k"])))


def test_sums_of_several_values(save_model: SaveModel) -> None:
    nodes = between(("Tanh", ["x"], "t"), ("Conv", ["x", "w"], "v"), ("Sum", ["x", "t", "v"], "s"), ("Sum", ["s"], "y"))
    network = check(save_model(nodes, known(w=weights(w=(4, 4, 1, 1))["w"])))
    check_integers(network, samples_of(network, 20))


def test_prelu_with_a_slope_a_channel(save_model: SaveModel) -> None:
    slope = np.array([0.1, -0.5, 1, 2], np.float32).reshape(4, 1, 1)
    network = check(save_model(between(("PRelu", ["x", "slope"], "y")), known(slope=slope)))
    assert set(kinds(network)) == {"conv"}
    check_integers(network, samples_of(network, 20))


# -- on the host

_SHAPE = {"LayerNormalization": (8,), "InstanceNormalization": (4,), "GroupNormalization": (4,),
          "RMSNormalization": (8,)}  # fmt: skip
_OPSETS = {"GroupNormalization": 21, "RMSNormalization": 23}
_OPTIONS: dict[str, dict[str, Any]] = {
    "GroupNormalization": {"num_groups": 2},
    "LRN": {"size": 3},
    "MeanVarianceNormalization": {"axes": [1, 2, 3]},
    "Softmax": {"axis": 1},
    "ReduceL1": {"axes": [2]},
    "ReduceL2": {"axes": [3], "keepdims": 1},
    "ReduceLogSumExp": {"axes": [2, 3]},
    "ReduceMin": {"axes": [2, 3]},
    "ReduceProd": {"axes": [-1]},
}


@pytest.mark.parametrize("operator", HOST)
def test_what_the_host_computes(operator: str, save_model: SaveModel) -> None:
    constants = known()
    reads = ["x"]
    if operator in _SHAPE:
        constants |= {"scale": np.full(_SHAPE[operator], 1.5, np.float32), "b": np.ones(_SHAPE[operator], np.float32)}
        reads += ["scale"] if operator == "RMSNormalization" else ["scale", "b"]
    if operator == "CumSum":
        constants["axis"], reads = np.array(2), ["x", "axis"]
    nodes = between((operator, reads, "y", _OPTIONS.get(operator, {})))
    network = check(save_model(nodes, constants, opset=_OPSETS.get(operator, 17)))
    assert kinds(network).count("host") == 1
    check_integers(network, samples_of(network, 20), 0.3 if operator in ("Hardmax", "ReduceProd") else 0.1)


@pytest.mark.parametrize(
    "node", [("MeanVarianceNormalization", ["x"], "y"), ("CumSum", ["x", "axis"], "y"), ("ReduceMin", ["x"], "y")]
)
def test_what_mixes_samples_is_refused(node: tuple[Any, ...], save_model: SaveModel) -> None:
    with pytest.raises(ShiftworkError, match=r"node 'y' \(.*sample"):
        import_onnx(save_model(between(node), known(axis=np.array(0))))


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax", "ReduceSum"])
@pytest.mark.parametrize("axes", [[1], [2], [3], [2, 3], [-1, 1], [1, 2, 3]])
def test_reductions(operator: str, axes: list[int], keep: int, save_model: SaveModel) -> None:
    given = {"keepdims": keep} | ({} if operator == "ReduceSum" else {"axes": axes})
    reads = ["x", "axes"] if operator == "ReduceSum" else ["x"]
    constants = known(axes=np.array(axes))
    network = check(save_model([CONV, (operator, reads, "y", given), ("Tanh", ["y"], "out")], constants))
    check_integers(network, samples_of(network, 20), 0.2)
    behind = [CONV, (operator, reads, "y", given), ("Flatten", ["y"], "f"), ("Gemm", ["f", "w"], "out")]
    features = 256 // int(np.prod([{1: 4, 2: 8, 3: 8}[axis % 4] for axis in axes]))
    network = check(save_model(behind, constants | weights(w=(features, 3))))
    check_integers(network, samples_of(network, 20), 0.2)


@pytest.mark.parametrize("operator", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("shape", [("N", 3, 8), ("N", 3, 5, 6)])
def test_global_pools(operator: str, shape: tuple[Any, ...], save_model: SaveModel) -> None:
    network = check(save_model([(operator, ["in"], "g"), ("Flatten", ["g"], "f"), ("Gemm", ["f", "w"], "out")],
                               weights(w=(3, 5)), shape))  # fmt: skip
    check_integers(network, samples_of(network, 20))


# -- moves


@pytest.mark.parametrize(
    ("nodes", "channels"),
    [
        ([("Transpose", ["x"], "y", {"perm": [0, 1, 3, 2]})], 4),
        ([("Transpose", ["x"], "y", {"perm": [0, 3, 1, 2]})], 8),
        ([("Transpose", ["x"], "t", {"perm": [0, 2, 3, 1]}), ("Relu", ["t"], "r"),
          ("Transpose", ["r"], "y", {"perm": [0, 3, 1, 2]})], 4),
        ([("Reshape", ["x", "shuffle"], "r"), ("Transpose", ["r"], "t", {"perm": [0, 2, 1, 3, 4]}),
          ("Reshape", ["t", "back"], "y")], 4),
        ([("Reshape", ["x", "flat"], "r"), ("Transpose", ["r"], "t", {"perm": [0, 2, 1]}),
          ("Reshape", ["t", "other"], "y")], 8),
        ([("Unsqueeze", ["x", "at"], "u"), ("Squeeze", ["u", "at"], "y")], 4),
        ([("Split", ["x"], ["a", "b"], {"axis": 1, "num_outputs": 2}), ("Concat", ["b", "a"], "y", {"axis": 1})], 4),
        ([("Split", ["x", "parts"], ["a", "b", "c"], {"axis": 2}), ("Concat", ["c", "b", "a"], "y", {"axis": 2})], 4),
        ([("Split", ["x", "halves"], ["a", "b"], {"axis": -1}), ("Add", ["a", "b"], "s"),
          ("Concat", ["a", "s", "x"], "y", {"axis": 3})], 4),
        ([("DepthToSpace", ["x"], "y", {"blocksize": 2, "mode": "DCR"})], 1),
        ([("DepthToSpace", ["x"], "y", {"blocksize": 2, "mode": "CRD"})], 1),
        ([("SpaceToDepth", ["x"], "y", {"blocksize": 2})], 16),
        ([("DepthToSpace", ["x"], "d", {"blocksize": 2}), ("SpaceToDepth", ["d"], "s", {"blocksize": 4}),
          ("Relu", ["s"], "y")], 16),
        ([("Tile", ["x", "repeats"], "y")], 8),
        ([("Expand", ["m", "wide"], "y")], 4),
        ([("Gather", ["x", "odd"], "y", {"axis": 1})], 2),
        ([("Gather", ["x", "one"], "g", {"axis": 2}), ("Unsqueeze", ["g", "at"], "y")], 4),
        ([("Gather", ["x", "last_one"], "y", {"axis": 3})], 4),
        ([("Slice", ["x", "from", "to", "on", "by"], "y")], 4),
        ([("Pad", ["x", "around"], "y")], 6),
        ([("Pad", ["x", "less"], "y")], 4),
        ([("Pad", ["x", "some", "", "on"], "y")], 4),
        ([("Flatten", ["x"], "f", {"axis": 2}), ("Reshape", ["f", "again"], "y")], 4),
        ([("Cast", ["x"], "c", {"to": TensorProto.DOUBLE}), ("Cast", ["c"], "y", {"to": TensorProto.FLOAT})], 4),
    ],
    ids=["hw", "channels", "twice", "shuffle", "tokens", "unsqueeze", "split", "split rows", "split columns", "dcr",
         "crd", "s2d", "both", "tile", "expand", "gather", "gather one", "gather negative", "slice", "pad", "cut",
         "pad axes", "flatten", "cast"],
)  # fmt: skip
def test_moves(nodes: Nodes, channels: int, save_model: SaveModel) -> None:
    constants = known(
        shuffle=np.array([0, 2, 2, 8, 8]), back=np.array([-1, 4, 8, 8]), flat=np.array([0, 4, 64]),
        other=np.array([0, 8, 8, 4]), at=np.array([2]), parts=np.array([1, 3, 4]), repeats=np.array([1, 2, 1, 3]),
        wide=np.array([1, 4, 5, 6]), odd=np.array([1, 3]), one=np.array(3), last_one=np.array([-1]),
        again=np.array([-1, 4, 8, 8]),
        around=np.array([0, 1, 2, 0, 0, 1, 0, 3]), less=np.array([0, 0, -1, 2, 0, 0, 0, -3]),
        some=np.array([1, 2, 3, 0]), on=np.array([2, 3]), by=np.array([2, 3]), to=np.array([7, -1]),
        halves=np.array([4, 4]),
    )  # fmt: skip
    constants |= {"from": np.array([1, -8]), **weights(w=(2, channels, 1, 1))}
    first = [CONV]
    if nodes[0][1][0] == "m":
        first.append(("GlobalAveragePool", ["x"], "m"))
    network = check(save_model([*first, *nodes, ("Conv", ["y", "w"], "out")], constants, opset=18))
    check_integers(network, samples_of(network, 20))
    check(save_model([*first, *nodes, ("Identity", ["y"], "out")], constants, opset=18))
    if nodes[0][0] != "Flatten":  # it does not keep the batch of one sample
        check(save_model([*first, *nodes, ("Conv", ["y", "w"], "out")], constants, (1, 3, 8, 8), opset=18))


@pytest.mark.parametrize(
    "attributes",
    [
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor"},
        {"coordinate_transformation_mode": "half_pixel"},
        {"coordinate_transformation_mode": "align_corners"},
        {"mode": "linear"},
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        {"mode": "cubic"},
    ],
)
@pytest.mark.parametrize("scale", [2.0, 3.0, 1.5, 0.5])
@pytest.mark.parametrize("by", ["scales", "sizes"])
def test_resize(attributes: dict[str, Any], scale: float, by: str, save_model: SaveModel) -> None:
    sizes = [1, 4, int(8 * scale), int(8 * scale)]
    constants = known(scales=np.array([1, 1, scale, scale], np.float32), sizes=np.array(sizes))
    reads = ["x", "", "scales"] if by == "scales" else ["x", "", "", "sizes"]
    shape = ("N", 3, 8, 8) if by == "scales" else (1, 3, 8, 8)
    network = check(save_model(between(("Resize", reads, "y", attributes)), constants, shape))
    check_integers(network, samples_of(network, 20))


def test_upsample(save_model: SaveModel) -> None:
    scales = np.array([1, 1, 2, 3], np.float32)
    for mode in ("nearest", "linear"):
        network = check(save_model(between(("Upsample", ["x", "s"], "y", {"mode": mode})), known(s=scales), opset=9))
        assert ("host" in kinds(network)) == (mode == "linear")


# -- layers of one dimension, and upwards


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 2]},
        {"strides": [2, 3], "pads": [1, 0, 2, 1]},
        {"strides": [3, 2], "output_padding": [1, 1]},
        {"strides": [2, 2], "group": 2},
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "group": 4},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [3, 2], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "output_shape": [12, 11]},
        {"strides": [2, 2], "output_shape": [9, 12], "auto_pad": "SAME_UPPER"},
        {"strides": [4, 4], "auto_pad": "SAME_UPPER"},
        {"strides": [5, 4], "auto_pad": "SAME_LOWER", "output_padding": [1, 0]},
        {"strides": [4, 4]},
        {"strides": [2, 2], "auto_pad": "VALID"},
    ],
)
def test_transposed_convolutions(attributes: dict[str, Any], flat: bool, save_model: SaveModel) -> None:
    groups = attributes.get("group", 1)
    shape, w = (4, 6 // (1 if groups == 1 else groups) if groups != 4 else 2, 3, 3), {}
    out = shape[1] * groups
    if flat:
        attributes = {
            k: [v[1]] if k in ("strides", "output_padding", "output_shape") else [v[1], v[3]] if k == "pads" else v
            for k, v in attributes.items()
        }
    w = weights(w=shape[: 3 if flat else 4], b=(out,), z=(2, out, *(1,) * (1 if flat else 2)))
    nodes = [("ConvTranspose", ["in", "w", "b"], "y", attributes), ("Relu", ["y"], "r"), ("Conv", ["r", "z"], "out")]
    network = check(save_model(nodes, w, ("N", 4, 6) if flat else ("N", 4, 5, 6)))
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize(
    ("attributes", "shape"),
    [
        ({}, (4, 3, 3)),
        ({"pads": [1, 2], "strides": [2]}, (4, 3, 3)),
        ({"dilations": [2], "pads": [2, 2]}, (4, 3, 3)),
        ({"group": 3}, (6, 1, 5)),
        ({"auto_pad": "SAME_UPPER", "strides": [3]}, (4, 3, 4)),
    ],
)
def test_convolutions_of_one_dimension(
    attributes: dict[str, Any], shape: tuple[int, ...], save_model: SaveModel
) -> None:
    nodes = [("Conv", ["in", "w", "b"], "c", attributes), ("Relu", ["c"], "r"), ("Conv", ["r", "v"], "out")]
    network = check(save_model(nodes, weights(w=shape, b=(shape[0],), v=(2, shape[0], 1)), ("N", 3, 11)))
    assert kinds(network) == ["conv", "conv"]
    check_integers(network, samples_of(network, 20))


def test_normalization_and_pad_of_one_dimension(save_model: SaveModel) -> None:
    w = weights(w=(4, 3, 3), s=(4,), b=(4,), m=(4,)) | {"v": np.ones(4, np.float32), "p": np.array([0, 0, 2, 0, 0, 1])}
    nodes = [("Pad", ["in", "p"], "q"), ("Conv", ["q", "w"], "c"),
             ("BatchNormalization", ["c", "s", "b", "m", "v"], "n"), ("Relu", ["n"], "out")]  # fmt: skip
    assert only(check(save_model(nodes, w, ("N", 3, 11)))).pads == (0, 2, 0, 1)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2], "strides": [2]},
        {"kernel_shape": [3], "strides": [2], "pads": [1, 1]},
        {"kernel_shape": [3], "strides": [2], "ceil_mode": 1},
        {"kernel_shape": [3], "dilations": [2]},
        {"kernel_shape": [3], "dilations": [3], "strides": [2], "ceil_mode": 1, "pads": [1, 2]},
    ],
)
def test_pools_of_one_dimension(attributes: dict[str, Any], average: bool, save_model: SaveModel) -> None:
    nodes = [("AveragePool" if average else "MaxPool", ["in"], "p", attributes), ("Relu", ["p"], "out")]
    for size in (8, 9, 10):
        network = check(save_model(nodes, {}, ("N", 3, size), opset=19 if average else 17))
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize("average", [False, True])
def test_dilated_pools(average: bool, save_model: SaveModel) -> None:
    for more in ({}, {"pads": [1, 1, 2, 1]}, {"ceil_mode": 1, "strides": [2, 3]}):
        attributes = {"kernel_shape": [3, 2], "dilations": [2, 3], **more}
        nodes = [("AveragePool" if average else "MaxPool", ["in"], "out", attributes)]
        check(save_model(nodes, {}, ("N", 3, 9, 11), opset=19 if average else 17))


# -- products


@pytest.mark.parametrize("shape", [("N", 6), ("N", 5, 6), ("N", 3, 5, 6), ("N", 2, 3, 5, 6), ("N", 1, 6)])
def test_weights_on_the_right(shape: tuple[Any, ...], save_model: SaveModel) -> None:
    nodes = [
        ("MatMul", ["in", "w"], "m"),
        ("Add", ["m", "b"], "a"),
        ("Relu", ["a"], "r"),
        ("MatMul", ["r", "v"], "out"),
    ]
    network = check(save_model(nodes, weights(w=(6, 4), b=(4,), v=(4, 3)), shape))
    assert kinds(network) == ["conv", "conv"]
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize("shape", [("N", 5, 6), ("N", 3, 5, 6)])
def test_weights_on_the_left(shape: tuple[Any, ...], save_model: SaveModel) -> None:
    nodes = [("MatMul", ["w", "in"], "m"), ("Relu", ["m"], "r"), ("MatMul", ["r", "v"], "out")]
    network = check(save_model(nodes, weights(w=(4, 5), v=(6, 3)), shape))
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize(
    ("first", "second"),
    [((5, 6), (6, 4)), ((3, 5, 6), (3, 6, 4)), ((1, 5, 6), (3, 6, 4)), ((2, 3, 5, 6), (1, 3, 6, 4))],
)
def test_products_of_two_activations(first: tuple[int, ...], second: tuple[int, ...], save_model: SaveModel) -> None:
    nodes = [("Relu", ["a"], "r"), ("MatMul", ["r", "b"], "m"), ("Relu", ["m"], "out")]
    network = check(save_model(nodes, {}, {"a": ("N", *first), "b": ("N", *second)}), samples=7)
    assert "matmul" in kinds(network)
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize("batch", ["N", 1, 2])
def test_attention(batch: Any, save_model: SaveModel) -> None:
    """Two heads over five tokens, as exporters write them, with normalization and a residual."""
    w = weights(q=(8, 8), k=(8, 8), v=(8, 8), o=(8, 8), bo=(8,)) | {
        "heads": np.array([0, 5, 2, 4]), "joined": np.array([0, 5, 8]), "root": np.float32(2),
        "scale": np.ones(8, np.float32), "offset": np.zeros(8, np.float32),
    }  # fmt: skip
    nodes: Nodes = [("LayerNormalization", ["in", "scale", "offset"], "n")]
    for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [("MatMul", ["n", name], f"{name}0"), ("Reshape", [f"{name}0", "heads"], f"{name}1"),
                  ("Transpose", [f"{name}1"], f"{name}2", {"perm": order})]  # fmt: skip
    nodes += [
        ("MatMul", ["q2", "k2"], "qk"), ("Div", ["qk", "root"], "s"), ("Softmax", ["s"], "p", {"axis": -1}),
        ("MatMul", ["p", "v2"], "pv"), ("Transpose", ["pv"], "t", {"perm": [0, 2, 1, 3]}),
        ("Reshape", ["t", "joined"], "j"), ("MatMul", ["j", "o"], "mo"), ("Add", ["mo", "bo"], "ao"),
        ("Add", ["in", "ao"], "out"),
    ]  # fmt: skip
    network = check(save_model(nodes, w, (batch, 5, 8)))
    assert kinds(network).count("matmul") == 2
    check_integers(network, samples_of(network, 20), 0.1)


# -- ends


def test_several_inputs_and_outputs(save_model: SaveModel, tmp_path: Path) -> None:
    nodes = [
        ("Conv", ["image", "w"], "c"), ("Relu", ["c"], "r"), ("GlobalAveragePool", ["r"], "g"),
        ("Flatten", ["g"], "f"), ("Concat", ["f", "facts"], "j", {"axis": 1}), ("Gemm", ["j", "v"], "score"),
        ("Transpose", ["r"], "map", {"perm": [0, 2, 3, 1]}),
    ]  # fmt: skip
    path = save_model(nodes, weights(w=(4, 3, 1, 1), v=(9, 2)), {"image": ("N", 3, 6, 7), "facts": ("N", 5)},
                      ("map", "score"))  # fmt: skip
    network = check(path)
    assert network.inputs == ("image", "facts")
    assert network.ends.outputs == ("map", "score")
    assert network.ends.sample_shape == (3 * 6 * 7 + 5,)
    integer = check_integers(network, samples_of(network, 20))
    rng = np.random.default_rng(0)
    image, facts = (rng.normal(0, 1, (9, *shape)).astype(np.float32) for shape in ((3, 6, 7), (5,)))
    np.savez(tmp_path / "data.npz", image=image, facts=facts)
    data = load_data(tmp_path / "data.npz", network)
    parts = network.ends.split(data.x)
    assert np.array_equal(parts["image"], image)
    assert np.array_equal(parts["facts"], facts)
    assert finished(integer, run(integer, data.x))["map"].shape == (9, 6, 7, 4)
    np.savez(tmp_path / "short.npz", image=image, facts=facts[:4])
    with pytest.raises(ShiftworkError, match="9, 4 samples"):
        load_data(tmp_path / "short.npz", network)
    np.savez(tmp_path / "one.npz", image=image)
    with pytest.raises(ShiftworkError, match="no array 'facts'"):
        load_data(tmp_path / "one.npz", network)
    with pytest.raises(ShiftworkError, match="2 inputs"):
        assert network.input


def test_an_output_that_is_read_inside(save_model: SaveModel) -> None:
    nodes = [CONV, ("Relu", ["x"], "y"), LAST]
    network = check(save_model(nodes, known(), outputs=("y", "out")))
    check_integers(network, samples_of(network, 20))
    network = check(save_model(nodes, known(), outputs=("out", "x")))
    check_integers(network, samples_of(network, 20))


@pytest.mark.parametrize(
    ("tail", "outputs", "results"),
    [
        ([("Softmax", ["x"], "out", {"axis": 1})], ("out",), TensorProto.FLOAT),
        ([("LogSoftmax", ["x"], "out", {"axis": -1})], ("out",), TensorProto.FLOAT),
        ([("Sigmoid", ["x"], "out")], ("out",), TensorProto.FLOAT),
        ([("Sigmoid", ["x"], "s"), ("Mul", ["s", "x"], "out")], ("out",), TensorProto.FLOAT),
        ([("Softmax", ["x"], "s", {"axis": 1}), ("Transpose", ["s"], "out", {"perm": [0, 2, 3, 1]})], ("out",),
         TensorProto.FLOAT),
        ([("Softmax", ["x"], "out", {"axis": 1}), ("Identity", ["x"], "raw")], ("out", "raw"), TensorProto.FLOAT),
        ([("ArgMax", ["x"], "out", {"axis": 1})], ("out",), TensorProto.INT64),
        ([("TopK", ["x", "two"], ["v", "i"], {"axis": 1}), ("Cast", ["i"], "f", {"to": TensorProto.FLOAT})], ("v", "f"),
         TensorProto.FLOAT),
        ([("Tanh", ["x"], "t"), ("Slice", ["t", "zero", "two", "two"], "a"), ("Exp", ["a"], "e"),
          ("Concat", ["e", "a"], "out", {"axis": 1})], ("out",), TensorProto.FLOAT),
    ],
    ids=["softmax", "log", "sigmoid", "silu", "transposed", "both", "argmax", "topk", "boxes"],
)  # fmt: skip
def test_tails(tail: Nodes, outputs: tuple[str, ...], results: int, save_model: SaveModel) -> None:
    constants = known(zero=np.array([0]), two=np.array([2]))
    path = save_model([CONV, *tail], constants, outputs=outputs, results=results)
    network = check(path, samples=17)
    assert network.ends.tail is not None
    assert kinds(network) == ["conv"]
    if results == TensorProto.FLOAT and "TopK" not in str(tail):
        check_integers(network, samples_of(network, 20))
    else:
        integer = fixed8.quantize(network, samples_of(network, 20))
        x = samples_of(network, 17)
        (got, *_), (expected, *_) = (
            list(found.values()) for found in (finished(integer, run(integer, x)), reference(network, x))
        )
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype
        assert np.isclose(got, expected, atol=0.2).mean() > 0.9


def test_a_model_without_a_layer_has_no_tail(save_model: SaveModel) -> None:
    for operator, kind in (("Softmax", "host"), ("Sigmoid", "table")):
        network = check(save_model([("Flatten", ["in"], "f"), (operator, ["f"], "out")]))
        assert kinds(network) == [kind]
        check_integers(network, samples_of(network, 20))


def test_a_tail_that_mixes_samples_is_refused(save_model: SaveModel) -> None:
    with pytest.raises(ShiftworkError, match=r"node 'out' \(Softmax\): samples are computed one by one"):
        import_onnx(save_model([CONV, ("Softmax", ["x"], "out", {"axis": 0})], known()))


def test_outputs_in_which_an_axis_counts_more_than_samples(save_model: SaveModel) -> None:
    nodes = [CONV, ("Flatten", ["x"], "rows", {"axis": 2}), ("Transpose", ["x"], "second", {"perm": [1, 0, 2, 3]})]
    check(save_model(nodes, known(), outputs=("rows", "second")), samples=9)
    check(save_model(nodes[::2], known(), (1, 3, 8, 8), outputs=("second",)))


def test_as_many_boxes_as_the_model_finds(save_model: SaveModel) -> None:
    nodes = [
        CONV, ("Flatten", ["x"], "f"), ("Gemm", ["f", "w"], "b"), ("Reshape", ["b", "boxes"], "xyxy"),
        ("Gemm", ["f", "v"], "s"), ("Reshape", ["s", "scores"], "class"), ("Sigmoid", ["class"], "p"),
        ("NonMaxSuppression", ["xyxy", "p", "most", "iou", "least"], "found"),
        ("Cast", ["found"], "out", {"to": TensorProto.FLOAT}),
    ]  # fmt: skip
    constants = known(boxes=np.array([1, 5, 4]), scores=np.array([1, 1, 5]), most=np.array([3]))
    constants |= {"iou": np.array([0.5], np.float32), "least": np.array([0.5], np.float32)}
    path = save_model(nodes, constants | weights(w=(256, 20), v=(256, 5)), (1, 3, 8, 8))
    network = check(path, samples=1)
    x = samples_of(network, 12)
    (found,) = reference(network, x).values()
    assert len(found) == sum(len(next(iter(reference(network, x[n : n + 1]).values()))) for n in range(12))


def test_heads_that_are_joined_behind_a_softmax(save_model: SaveModel) -> None:
    """Classes and boxes of two maps: what is behind the last layers is a tail."""
    nodes: Nodes = [CONV, ("MaxPool", ["x"], "p", {"kernel_shape": [2, 2], "strides": [2, 2]})]
    for head in ("class", "box"):
        for number, source in enumerate(("x", "p")):
            name = f"{head}{number}"
            nodes += [
                ("Conv", [source, f"{head}_w"], f"{name}_c"),
                ("Transpose", [f"{name}_c"], f"{name}_t", {"perm": [0, 2, 3, 1]}),
                ("Reshape", [f"{name}_t", f"{head}_shape"], name),
            ]
        nodes.append(("Concat", [f"{head}0", f"{head}1"], head, {"axis": 1}))
    nodes.append(("Softmax", ["class"], "scores", {"axis": 2}))
    w = known(class_shape=np.array([0, -1, 3]), box_shape=np.array([0, -1, 4]))
    w |= weights(class_w=(6, 4, 1, 1), box_w=(8, 4, 1, 1))
    network = check(save_model(nodes, w, outputs=("scores", "box")), samples=9)
    assert network.ends.tail is not None
    assert set(kinds(network)) <= {"conv", "maxpool"}
    check_integers(network, samples_of(network, 20))


def test_constants_in_front_of_samples(save_model: SaveModel) -> None:
    """A token that is the same for all samples, and positions, as vision transformers have them."""
    nodes = [
        ("Conv", ["in", "first"], "x", {"strides": [4, 4]}), ("Reshape", ["x", "flat"], "f"),
        ("Transpose", ["f"], "t", {"perm": [0, 2, 1]}), ("Concat", ["token", "t"], "j", {"axis": 1}),
        ("Add", ["j", "positions"], "p"), ("MatMul", ["p", "w"], "m"), ("Gather", ["m", "zero"], "out", {"axis": 1}),
    ]  # fmt: skip
    more = weights(w=(4, 3), positions=(1, 5, 4), token=(1, 1, 4)) | {"flat": np.array([0, 4, 4]), "zero": np.array(0)}
    network = check(save_model(nodes, known(**more), (1, 3, 8, 8)))
    assert network.constants
    check_integers(network, samples_of(network, 20))


def test_channels_last(save_model: SaveModel) -> None:
    nodes = [("Transpose", ["in"], "t", {"perm": [0, 3, 1, 2]}), ("Conv", ["t", "first"], "x"), ("Relu", ["x"], "r"),
             ("Transpose", ["r"], "out", {"perm": [0, 2, 3, 1]})]  # fmt: skip
    network = check(save_model(nodes, known(), ("N", 6, 5, 3)))
    assert only(network).kind == "conv"
    assert network.shapes[network.input] == (6, 5, 3)
    check_integers(network, samples_of(network, 20))


def test_batch_in_the_second_axis(save_model: SaveModel) -> None:
    nodes = [("MatMul", ["in", "w"], "m"), ("Relu", ["m"], "r"), ("MatMul", ["r", "v"], "out")]
    network = check(save_model(nodes, weights(w=(6, 4), v=(4, 3)), (5, "N", 6)), samples=9)
    assert network.ends.sample_shape == (5, 6)
    check_integers(network, samples_of(network, 20))


def test_sizes_that_the_graph_computes(save_model: SaveModel) -> None:
    nodes = [
        CONV, ("Shape", ["x"], "s"), ("Gather", ["s", "zero"], "n", {"axis": 0}), ("Unsqueeze", ["n", "zeros"], "u"),
        ("Concat", ["u", "minus"], "target", {"axis": 0}), ("Reshape", ["x", "target"], "f"),
        ("Gemm", ["f", "w"], "out"),
    ]  # fmt: skip
    constants = known(zero=np.array(0), zeros=np.array([0]), minus=np.array([-1]), **weights(w=(256, 3)))
    network = check(save_model(nodes, constants), samples=9)
    assert kinds(network) == ["conv", "conv"]


def test_sizes_of_the_data(save_model: SaveModel, tmp_path: Path) -> None:
    """Axes that the model leaves open have the sizes of the data, whatever the array is called."""
    path = save_model(between(("Sigmoid", ["x"], "y")), known(), ("N", 3, "H", "W"))
    for name in ("x", "in"):
        np.savez(tmp_path / "data.npz", **{name: np.random.default_rng(2).normal(0, 1, (20, 3, 5, 9))})
        network = import_onnx(path, array_sizes(tmp_path / "data.npz"))
        data = load_data(tmp_path / "data.npz", network)
        assert network.ends.sample_shape == data.x.shape[1:] == (3, 5, 9)
        check_integers(network, data.x)


def half(path: Path) -> Path:
    """A model in half precision."""
    model = onnx.load(str(path))
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, str(path))
    return path


def test_half_precision(save_model: SaveModel) -> None:
    nodes = [CONV, ("Cast", ["x"], "c", {"to": TensorProto.FLOAT}), ("Sigmoid", ["c"], "s"),
             ("Cast", ["s"], "y", {"to": TensorProto.FLOAT16}), LAST]  # fmt: skip
    network = import_onnx(half(save_model(nodes, known())))
    check_integers(network, samples_of(network, 20))


def test_whole_numbers(save_model: SaveModel, tmp_path: Path) -> None:
    nodes = [
        ("Cast", ["in"], "f", {"to": TensorProto.FLOAT}),
        ("Mul", ["f", "k"], "m"),
        ("Conv", ["m", "first"], "out"),
    ]
    path = save_model(nodes, known(k=np.float32(1 / 255)), kind=TensorProto.UINT8)
    x = np.random.default_rng(1).integers(0, 256, (9, 3, 8, 8)).astype(np.uint8)
    network = check(path, x.astype(np.float32))
    np.savez(tmp_path / "data.npz", x=x)
    data = load_data(tmp_path / "data.npz", network)
    integer = check_integers(network, data.x)
    assert not integer.tensors[integer.input].signed


# -- schemes


def parts(save_model: SaveModel) -> Path:
    """A function, a product of two values, a transposed convolution, a residual, two inputs, two outputs and a tail."""
    nodes = [
        ("Conv", ["image", "first"], "x"), ("Sigmoid", ["x"], "s"), ("Mul", ["x", "s"], "silu"),
        ("GlobalAveragePool", ["silu"], "g"), ("Conv", ["g", "gate"], "h"), ("HardSigmoid", ["h"], "hs"),
        ("Mul", ["silu", "hs"], "m"), ("ConvTranspose", ["m", "up"], "u", {"strides": [2, 2]}), ("Relu", ["u"], "r"),
        ("Conv", ["r", "last"], "map"), ("GlobalMaxPool", ["r"], "p"), ("Flatten", ["p"], "f"),
        ("Concat", ["f", "facts"], "j", {"axis": 1}), ("Gemm", ["j", "w"], "l"), ("Softmax", ["l"], "classes"),
    ]  # fmt: skip
    constants = known(**weights(gate=(4, 4, 1, 1), up=(4, 4, 2, 2), w=(9, 3)))
    return save_model(nodes, constants, {"image": ("N", 3, 6, 6), "facts": ("N", 5)}, ("map", "classes"))


@pytest.mark.parametrize(
    ("scheme", "error"),
    [("fixed8", 0.1), ("joint", 0.1), ("tr", 0.2), ("msq", 0.7), ("fixed4", 0.7), ("pot", 0.7), ("dnateq", 0.2)],
)
def test_every_scheme_takes_every_kind(scheme: str, error: float, save_model: SaveModel, tmp_path: Path) -> None:
    network = import_onnx(parts(save_model))
    assert {"conv", "table", "mul", "avgpool", "maxpool", "reshape", "concat"} <= set(kinds(network))
    x = samples_of(network, 80)
    integer = quantize(Quantization(scheme), network, Data(x, None))
    codes = run(integer, x, collect=False)
    expected = reference(network, x)
    for name, value in finished(integer, codes).items():
        assert np.linalg.norm(value - expected[name]) < error * np.linalg.norm(expected[name]), name
    loaded = IntegerNetwork.load(integer.save(tmp_path / "network")[0])
    for name, value in run(loaded, x, collect=False).items():
        assert np.array_equal(value, codes[name])
    report = run_integer("parts", integer, Data(x, None), "golden", Progress(quiet=True), reference=expected)
    assert report.errors.keys() == expected.keys()


# -- quantized models


def quantized_model(save_model: SaveModel, scale: float, whole: bool = False) -> tuple[Path, Nodes]:
    """A model with a pair of nodes around every layer; whole: input and output are codes."""
    rng = np.random.default_rng(4)
    constants = {
        "s_in": np.float32(scale), "z_in": np.uint8(128), "s_w": rng.uniform(0.01, 0.03, 4).astype(np.float32),
        "z_w": np.zeros(4, np.int8), "w": rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8),
        "b": rng.normal(0, 1, 4).astype(np.float32), "s_x": np.float32(0.5), "z_x": np.int8(0),
        "v": rng.integers(-127, 128, (256, 5)).astype(np.int8), "s_v": np.float32(0.01), "s_y": np.float32(2.5),
        "z_y": np.uint8(128),
    }  # fmt: skip
    nodes: Nodes = [] if whole else [("QuantizeLinear", ["in", "s_in", "z_in"], "q_in")]
    nodes += [
        ("DequantizeLinear", ["in" if whole else "q_in", "s_in", "z_in"], "d_in"),
        ("DequantizeLinear", ["w", "s_w", "z_w"], "d_w", {"axis": 0}),
        ("Conv", ["d_in", "d_w", "b"], "c", {"pads": [1, 1, 1, 1]}), ("Relu", ["c"], "r"),
        ("QuantizeLinear", ["r", "s_x", "z_x"], "q_x"), ("DequantizeLinear", ["q_x", "s_x", "z_x"], "d_x"),
        ("Flatten", ["d_x"], "f"), ("DequantizeLinear", ["v", "s_v"], "d_v"), ("MatMul", ["f", "d_v"], "m"),
        ("QuantizeLinear", ["m", "s_y", "z_y"], "out" if whole else "q_y"),
    ]  # fmt: skip
    if not whole:
        nodes.append(("DequantizeLinear", ["q_y", "s_y", "z_y"], "out"))
    kind = TensorProto.UINT8 if whole else TensorProto.FLOAT
    return save_model(nodes, constants, kind=kind, results=kind), nodes


def test_quantized_exports(save_model: SaveModel) -> None:
    path, _ = quantized_model(save_model, 1 / 40)
    network = import_onnx(path)
    assert kinds(network) == ["conv", "conv"]
    assert "no power of two" in network.notes["q_in"]
    assert "kept" in network.notes["q_x"]
    check_integers(network, samples_of(network, 20), 0.1)


def test_quantized_exports_of_codes(save_model: SaveModel) -> None:
    path, _ = quantized_model(save_model, 1 / 40, whole=True)
    network = import_onnx(path)
    x = np.random.default_rng(1).integers(0, 256, (20, 3, 8, 8)).astype(np.float32)
    integer = fixed8.quantize(network, x)
    ((name, got),) = finished(integer, run(integer, x)).items()
    expected = reference(network, x)[name]
    assert got.dtype == expected.dtype == np.uint8
    assert np.abs(got.astype(int) - expected).mean() < 1.5


def test_scales_by_block_are_refused(save_model: SaveModel) -> None:
    nodes = [("DequantizeLinear", ["w", "s"], "d", {"block_size": 2, "axis": 0}), ("MatMul", ["in", "d"], "out")]
    constants = {"w": np.ones((4, 3), np.int8), "s": np.ones((2, 3), np.float32)}
    with pytest.raises(ShiftworkError, match=r"node 'd' \(DequantizeLinear\): .*block"):
        import_onnx(save_model(nodes, constants, ("N", 4), opset=21))


def test_every_operator_is_tried() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in OPERATORS if name not in (*FUNCTIONS, *HOST) and f'"{name}"' not in text] == []

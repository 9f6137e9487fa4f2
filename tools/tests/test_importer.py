# SPDX-License-Identifier: Apache-2.0
"""ONNX import: the float graph computes what onnxruntime computes, and everything else is refused by name."""

from __future__ import annotations

import io
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest
from imported import check, only, weights
from onnx import TensorProto, helper, numpy_helper

from shiftwork.errors import ShiftworkError
from shiftwork.network.data import Known, load_data
from shiftwork.network.ends import Ends, Entry
from shiftwork.network.floating import reference
from shiftwork.network.importer import OPERATORS, import_onnx
from shiftwork.quantize.quantization import Calibration
from shiftwork.tensors.layout import View

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"


@pytest.mark.parametrize(
    ("attributes", "shape"),
    [
        ({}, (4, 3, 3, 3)),
        ({"pads": [1, 0, 2, 1], "strides": [2, 1]}, (4, 3, 3, 2)),
        ({"dilations": [2, 2], "pads": [2, 2, 2, 2]}, (4, 3, 3, 3)),
        ({"group": 3, "kernel_shape": [3, 3]}, (6, 1, 3, 3)),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 3]}, (4, 3, 4, 3)),
        ({"auto_pad": "SAME_LOWER", "strides": [3, 2]}, (4, 3, 4, 3)),
        ({"auto_pad": "VALID"}, (4, 3, 2, 2)),
    ],
)
def test_convolution(save_model: Any, attributes: dict[str, Any], shape: tuple[int, ...]) -> None:
    path = save_model([("Conv", ["in", "w", "b"], "out", attributes)], weights(w=shape, b=(shape[0],)))
    module = only(check(path))
    assert module.weight is not None
    assert module.weight.shape == (shape[0], shape[2], shape[3], shape[1])


def test_batch_normalization_bias_and_relu_fold(save_model: Any) -> None:
    w = weights(w=(4, 3, 3, 3), scale=(4,), offset=(4,), mean=(4,), extra=(4, 1, 1))
    w["variance"] = np.array([0.5, 1.5, 2.0, 1e-3], np.float32)
    nodes = [
        ("Conv", ["in", "w"], "c"),
        ("BatchNormalization", ["c", "scale", "offset", "mean", "variance"], "n", {"epsilon": 1e-3}),
        ("Add", ["extra", "n"], "e"),
        ("Identity", ["e"], "i"),
        ("Relu", ["i"], "out"),
    ]
    module = only(check(save_model(nodes, w)))
    assert module.relu
    assert module.nodes == ("c", "n", "e", "out")


def test_batch_normalization_without_convolution_is_depthwise(save_model: Any) -> None:
    w = weights(scale=(3,), offset=(3,), mean=(3,))
    w["variance"] = np.ones(3, np.float32)
    nodes = [("BatchNormalization", ["in", "scale", "offset", "mean", "variance"], "n"), ("Relu", ["n"], "out")]
    assert only(check(save_model(nodes, w))).depthwise


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0], "count_include_pad": 1},
        {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1, "count_include_pad": 1},
    ],
)
def test_pooling(save_model: Any, attributes: dict[str, Any], average: bool) -> None:
    if not average:
        attributes = {k: v for k, v in attributes.items() if k != "count_include_pad"}
    for size in (7, 8, 9, 10):
        shape = ("N", 3, size, size)
        check(save_model([("AveragePool" if average else "MaxPool", ["in"], "out", attributes)], shape=shape))


def test_global_average_flatten_and_classifier(save_model: Any) -> None:
    nodes = [
        ("GlobalAveragePool", ["in"], "g"),
        ("Flatten", ["g"], "f"),
        ("MatMul", ["f", "w"], "m"),
        ("Add", ["m", "b"], "out"),
    ]
    network = check(save_model(nodes, weights(w=(3, 5), b=(5,))))
    assert [m.kind for m in network.modules] == ["avgpool", "conv"]
    assert network.classes == 5


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (("Gemm", ["f", "w", "b"], "out", {"alpha": 0.5, "beta": 2.0}), (192, 5)),
        (("Gemm", ["f", "w"], "out", {"transB": 1}), (5, 192)),
    ],
)
def test_fully_connected_after_flatten_is_a_whole_map_convolution(
    save_model: Any, node: tuple[Any, ...], shape: tuple[int, int]
) -> None:
    module = only(check(save_model([("Flatten", ["in"], "f"), node], weights(w=shape, b=(5,)))))
    assert module.weight is not None
    assert module.weight.shape == (5, 8, 8, 3)


def test_vector_input(save_model: Any) -> None:
    nodes = [
        ("Gemm", ["in", "w", "b"], "g"),
        ("Relu", ["g"], "r"),
        ("Dropout", ["r"], "d"),
        ("Gemm", ["d", "v"], "h"),
        ("Concat", ["h", "r"], "j", {"axis": 1}),
        ("Slice", ["j", "from", "to", "axes"], "out"),
    ]
    w = weights(w=(12, 6), b=(6,), v=(6, 4))
    w |= {"from": np.array([-7]), "to": np.array([9]), "axes": np.array([-1])}
    assert check(save_model(nodes, w, shape=("N", 12))).classes == 6


def test_residual_is_fused_into_the_last_convolution(save_model: Any) -> None:
    nodes = [
        ("Conv", ["in", "a"], "first"),
        ("Relu", ["first"], "r"),
        ("Conv", ["r", "b"], "left", {"pads": [1, 1, 1, 1]}),
        ("Conv", ["r", "c"], "right"),
        ("Add", ["right", "left"], "sum"),
        ("Relu", ["sum"], "out"),
    ]
    network = check(save_model(nodes, weights(a=(4, 3, 1, 1), b=(4, 4, 3, 3), c=(4, 4, 1, 1))))
    assert [m.name for m in network.modules] == ["first", "left", "right"]
    assert network.modules[2].shortcut == "left"
    assert network.modules[2].relu
    assert not network.modules[1].relu


def test_strided_shortcut_by_slice_and_channel_pad(save_model: Any) -> None:
    nodes = [
        ("Conv", ["in", "a"], "c", {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("Slice", ["in", "from", "to", "axes", "steps"], "s"),
        ("Pad", ["s", "pads"], "p"),
        ("Add", ["c", "p"], "out"),
    ]
    w = weights(a=(5, 3, 3, 3))
    w |= {"from": np.array([0, 0]), "to": np.array([2**62, 2**62]), "axes": np.array([2, 3]), "steps": np.array([2, 2])}
    w |= {"pads": np.array([0, 1, 0, 0, 0, 1, 0, 0])}
    network = check(save_model(nodes, w))
    assert [m.kind for m in network.modules] == ["slice", "pad", "conv"]
    assert network.modules[2].shortcut == "p"


def test_addition_of_its_own(save_model: Any) -> None:
    nodes = [
        ("Conv", ["in", "a"], "c"),
        ("Relu", ["c"], "r"),
        ("Add", ["r", "in"], "s"),
        ("Clip", ["s", "low", "high"], "out"),
    ]
    w = weights(a=(3, 3, 1, 1)) | {"low": np.float32(0), "high": np.float32(6)}
    network = check(save_model(nodes, w))
    assert [m.kind for m in network.modules] == ["conv", "add"]
    assert network.modules[1].clip == 6.0


def test_relu_moves_in_front_of_pooling_and_concat(save_model: Any) -> None:
    nodes = [
        ("Conv", ["in", "a"], "c"),
        ("Conv", ["in", "b"], "d"),
        ("MaxPool", ["d"], "p", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("Concat", ["c", "p"], "j", {"axis": 1}),
        ("Relu", ["j"], "out"),
    ]
    network = check(save_model(nodes, weights(a=(2, 3, 1, 1), b=(4, 3, 1, 1))))
    assert [(m.kind, m.relu) for m in network.modules] == [
        ("conv", True),
        ("conv", True),
        ("maxpool", False),
        ("concat", False),
    ]


def test_relu_of_a_shared_tensor_is_a_module_of_its_own(save_model: Any) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("Relu", ["c"], "r"), ("Concat", ["c", "r"], "out", {"axis": 1})]
    network = check(save_model(nodes, weights(a=(2, 3, 1, 1))))
    assert [m.relu for m in network.modules] == [False, True, False]


def test_zero_pad_in_front_of_a_convolution_is_absorbed(save_model: Any) -> None:
    nodes = [("Pad", ["in", "pads"], "p"), ("Conv", ["p", "a"], "out", {"pads": [0, 1, 0, 1]})]
    w = weights(a=(2, 3, 3, 3)) | {"pads": np.array([0, 0, 1, 2, 0, 0, 0, 1])}
    assert only(check(save_model(nodes, w))).pads == (1, 3, 0, 2)


def test_reshape(save_model: Any) -> None:
    nodes = [
        ("Constant", [], "map", {"value_ints": [0, 2, 6, 4]}),
        ("Constant", [], "vector", {"value": numpy_helper.from_array(np.array([-1, 48]))}),
        ("Reshape", ["in", "map"], "m"),
        ("Conv", ["m", "a"], "c"),
        ("Reshape", ["c", "vector"], "f"),
        ("Gemm", ["f", "b"], "out"),
    ]
    network = check(save_model(nodes, weights(a=(2, 2, 1, 1), b=(48, 3)), shape=("N", 3, 4, 4)))
    assert [m.kind for m in network.modules] == ["reshape", "reshape", "conv", "conv"]


def test_flattened_map_as_output(save_model: Any) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("Flatten", ["c"], "out")]
    assert only(check(save_model(nodes, weights(a=(2, 3, 1, 1))))).output == "out"


def test_fixed_batch(save_model: Any) -> None:
    nodes = [("Conv", ["in", "a"], "out")]
    assert check(save_model(nodes, weights(a=(2, 3, 1, 1)), shape=(2, 3, 8, 8)), samples=5).batch == 2


# -- refusals


def refused(path: Path, *texts: str) -> None:
    with pytest.raises(ShiftworkError) as caught:
        import_onnx(path)
    message = str(caught.value)
    assert "\n" not in message
    for text in texts:
        assert text in message


def test_unknown_operator(save_model: Any) -> None:
    refused(save_model([("Relu", ["in"], "r"), ("Det", ["r"], "out")]), "'out'", "Det", "not supported")
    refused(save_model([("Relu", ["in"], "r"), ("Nonsense", ["r"], "out")]), "'out'", "Nonsense", "not supported")
    assert "Conv" in OPERATORS


def test_all_that_is_refused_is_told_at_once(save_model: Any) -> None:
    nodes = [
        ("Relu", ["in"], "r"),
        ("RandomNormalLike", ["r"], "s"),
        ("Relu", ["s"], "behind"),
        ("Det", ["behind"], "t"),
    ]
    nodes += [("Pad", ["r", "pads", "inf"], "u"), ("Conv", ["r", "w"], "v"), ("Add", ["u", "v"], "out")]
    w = weights(w=(3, 4, 1, 1)) | {"pads": np.zeros(8, np.int64), "inf": np.float32(np.inf)}
    path = save_model(nodes, w, outputs=("out", "t"))
    with pytest.raises(ShiftworkError) as caught:
        import_onnx(path)
    first, *others = str(caught.value).splitlines()
    assert first == "4 refusals:"  # of what follows a refusal the operator alone is judged
    assert [line.split("'")[1] for line in others] == ["s", "t", "u", "v"]
    with pytest.raises(ShiftworkError) as caught:
        import_onnx(save_model([("Foo", ["in"], "f"), ("Bar", ["f"], "out")]))
    assert [line.split("'")[1::2] for line in str(caught.value).splitlines()] == [[], ["f"], ["out"]]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weight_that_is_no_number(save_model: Any, bad: float) -> None:
    w = weights(w=(2, 3, 1, 1))
    w["w"][1, 2] = bad
    refused(save_model([("Conv", ["in", "w"], "out")], w), "'out'", "'w'", "NaN or Inf")


def test_weight_that_is_not_numeric(save_model: Any) -> None:
    w = {"w": np.array([["a", "b"]], dtype=object)}
    refused(save_model([("Flatten", ["in"], "f"), ("Gemm", ["f", "w"], "out")], w), "'out'", "Type 'tensor(string)'")


def test_what_drops_values_at_random_is_refused(save_model: Any) -> None:
    nodes = [("Constant", [], "yes", {"value": numpy_helper.from_array(np.array(True))}),
             ("Dropout", ["in", "", "yes"], "d"), ("Dropout", ["d", "", "no"], "e"),
             ("Relu", ["e"], "out")]  # fmt: skip
    refused(save_model(nodes, {"no": np.array(False)}), "'d'", "Dropout", "training mode")


def test_damaged_files(save_model: Any, tmp_path: Path) -> None:
    path = save_model([("Conv", ["in", "w"], "out")], weights(w=(2, 3, 1, 1)))
    content = path.read_bytes()
    for name, data in (("half", content[: len(content) // 2]), ("empty", b""), ("garbage", b"\x00\xff" * 99)):
        damaged = tmp_path / f"{name}.onnx"
        damaged.write_bytes(data)
        refused(damaged, str(damaged))
    refused(tmp_path / "missing.onnx", "no such file")
    model = onnx.load(str(path))
    model.graph.initializer[0].raw_data = b"\x00" * 5
    onnx.save(model, str(path))
    refused(path, "'w'", "cannot be read")


def test_shapes_inputs_and_outputs(save_model: Any) -> None:
    conv = [("Conv", ["in", "w"], "out")]
    w = weights(w=(2, 3, 1, 1))
    refused(save_model(conv, w, shape=("N", 3, "H", 8)), "'in'", "dynamic")
    refused(save_model(conv, w, shape=("N", 3, 8)), "'out'", "spatial dimensions")
    refused(save_model(conv, w, shape=("N", 4, 8, 8)), "'out'", "4 input channels")
    refused(save_model([("Conv", ["other", "w"], "out")], w), "'other'", "'out'")
    refused(save_model([("Conv", ["in", "in"], "out")], w), "'out'", "constant")
    refused(save_model(conv, w, outputs=("elsewhere",)), "elsewhere", "model.onnx")
    refused(save_model([("Identity", ["in"], "out")]), "no layer")
    both = [("Conv", ["in", "w"], "out"), ("Relu", ["out"], "r"), ("Conv", ["in", "w"], "z")]
    assert len(import_onnx(save_model(both, w)).modules) == 1


def test_sizes_that_the_caller_knows(save_model: Any) -> None:
    path = save_model([("Conv", ["in", "w"], "out")], weights(w=(2, 3, 1, 1)), shape=("N", 3, "H", "W"))
    for sizes in ({"in": (9, 3, 5, 7)}, {"x": (9, 3, 5, 7)}):
        assert import_onnx(path, sizes).ends.sample_shape == (3, 5, 7)
    refused(path, "'in'", "dynamic")
    with pytest.raises(ShiftworkError, match="'in'"):
        import_onnx(path, {"in": (3, 5)})


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (("MaxPool", ["in"], "out", {"kernel_shape": [9, 9]}), "does not fit"),
        (("MaxPool", ["in"], "out", {"kernel_shape": [2, 2], "storage_order": 1}), "storage_order"),
        (("MaxPool", ["in"], "out", {"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}), "smaller than kernel"),
        (("Pad", ["in", "pads", "low"], "out"), "padding by -inf"),
        (("Pad", ["in", "batch"], "out"), "samples cannot be padded"),
        (("Concat", ["in", "in"], "out", {"axis": 0}), "axis 0"),
        (("Reshape", ["in", "seven"], "out"), "does not"),
        (("Slice", ["in", "zero", "one_i", "zero"], "out"), "axis 0"),
        (("Add", ["in", "batches"], "out"), "differs between samples"),
        (("Gemm", ["in", "grid"], "out"), "rank 2"),
        (("Max", ["in", "batches"], "out"), "differs between samples"),
        (("Where", ["mask", "in", "low"], "out"), "infinity"),
        (("Pow", ["in", "grid"], "out"), "exponent"),
        (("Div", ["in", "grid"], "out"), "zero"),
        (("ReduceMean", ["in"], "out", {"axes": [0, 2]}), "samples cannot be reduced"),
        (("Softmax", ["in"], "out", {"axis": 0}), "one by one"),
        (("Tile", ["in", "two"], "out"), "samples cannot be repeated"),
        (("Gather", ["in", "one_i"], "out", {"axis": 0}), "positions of an axis of a sample"),
        (("Relu", ["in", "in"], "out"), "input size 2"),
    ],
)
def test_options_that_are_not_supported(save_model: Any, node: tuple[Any, ...], text: str) -> None:
    constants = {
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "batch": np.array([1, 0, 0, 0, 0, 0, 0, 0]),
        "low": np.float32(-np.inf),
        "mask": np.arange(8) > 3,
        "zero": np.array([0]),
        "one_i": np.array([1]),
        "two": np.array([2, 1, 1, 1]),
        "uneven": np.array([0, 2, 1]),
        "seven": np.array([-1, 7]),
        "grid": np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8),
        "batches": np.arange(7, dtype=np.float32).reshape(7, 1, 1, 1),
        "w": np.ones((192, 5), np.float32),
    }
    nodes = [node, ("Relu", ["out"], "last")]  # so that it is no part of a tail
    refused(save_model(nodes, constants, outputs=("last",)), "'out'", node[0], text)


def typed(path: Path, kind: int, nodes: list[Any], constants: dict[str, np.ndarray] | None = None) -> Path:
    """A model of an input (N, 4) of a type."""
    graph = helper.make_graph(
        nodes,
        "typed",
        [helper.make_tensor_value_info("in", kind, ["N", 4])],
        [helper.make_empty_tensor_value_info("out")],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), str(path))
    return path


def test_input_that_is_no_number_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["in"], ["out"])
    refused(typed(tmp_path / "text.onnx", TensorProto.STRING, [node]), "'in'", "number")


# -- data files


def test_data(tmp_path: Path) -> None:
    network = import_onnx(EXAMPLE / "digits.onnx")
    data = load_data(EXAMPLE / "digits_test.npz", network, 20)
    assert data.x.shape == (20, 1, 8, 8)
    assert data.y is not None
    assert data.first(7).x.shape == (7, 1, 8, 8)
    x, y = data.x, data.y
    nan = x.copy()
    nan[3, 0, 1, 1] = np.nan
    cases: list[tuple[dict[str, Any], str]] = [
        ({"y": y}, "no array 'x'"),
        ({"x": x[:0]}, "no samples"),
        ({"x": x[:, :, :4]}, "shape"),
        ({"x": x[0]}, "shape"),
        ({"x": x.astype(np.int64)}, "float32"),
        ({"x": nan}, "NaN"),
        ({"x": x, "y": y + 1}, "outside 0..9"),
        ({"x": x, "y": y - 1}, "outside 0..9"),
        ({"x": x, "y": y[:5]}, "5 labels for 20"),
        ({"x": x, "y": y.astype(np.float32)}, "integers"),
        ({"x": np.array([None])}, "readable"),
    ]
    for arrays, text in cases:
        path = tmp_path / "case.npz"
        np.savez(path, **arrays)
        with pytest.raises(ShiftworkError, match=text) as caught:
            load_data(path, network)
        assert str(path) in str(caught.value)
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "plain.npy", x)
    for name, text in (("empty.npz", "readable"), ("plain.npy", "npz"), ("missing.npz", "no such file")):
        with pytest.raises(ShiftworkError, match=text):
            load_data(tmp_path / name, network)
    with pytest.raises(ShiftworkError, match="limit 0"):
        load_data(EXAMPLE / "digits_test.npz", network, 0)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axes", ["n c h w", "c n h w", "c h w n"])
def test_the_first_samples_of_a_file_are_read(
    tmp_path: Path, axes: str, order: Literal["C", "F"], rng: np.random.Generator
) -> None:
    whole = rng.normal(size=(20, 4, 3, 2)).astype(np.float32)
    entry = Entry("x", (4, 3, 2), View.of((3, 2, 4), axes))
    np.savez(tmp_path / "data.npz", x=np.asarray(np.moveaxis(whole, 0, entry.batch_axis), order=order))
    for limit in (1, 7, 20, 21, None):
        found = load_data(tmp_path / "data.npz", Known(Ends((entry,), (), ()), None), limit)
        np.testing.assert_array_equal(found.x, whole[:limit])


def test_a_file_larger_than_memory_gives_its_first_samples(tmp_path: Path) -> None:
    network, count, sample = import_onnx(EXAMPLE / "digits.onnx"), 1 << 20, np.zeros((1, 1, 8, 8), np.float32)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (count, *sample.shape[1:])}
    )
    path = tmp_path / "large.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("x.npy", "w") as x:
        x.write(header.getvalue())
        for _ in range(count // 4096):
            x.write(sample.tobytes() * 4096)

    def peak(limit: int) -> int:
        tracemalloc.start()
        assert len(Calibration(limit, None).load(network, path).x) == limit
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(256) < 1 << 20 < sample.nbytes * 65536 < peak(65536)  # of 256 MiB in the file


def test_more_samples_than_fit_into_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 50, 1, 8, 8)})
    with zipfile.ZipFile(tmp_path / "vast.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(ShiftworkError, match=r"vast.npz: more samples than fit into memory: take fewer"):
        load_data(tmp_path / "vast.npz", import_onnx(EXAMPLE / "digits.onnx"))


def test_onnxruntime_errors_are_one_line(save_model: Any) -> None:
    path = save_model([("Conv", ["in", "w"], "out")], weights(w=(2, 3, 1, 1)))
    network = import_onnx(path)
    with pytest.raises(ShiftworkError, match="samples of shape"):
        reference(network, np.zeros((1, 5), np.float32))
    path.write_bytes(b"no model")
    with pytest.raises(ShiftworkError, match=r"onnxruntime: [^\n]*$"):
        reference(network, np.zeros((1, 3, 8, 8), np.float32))


# -- files


def external(folder: Path, location: str = "weights.bin", length: int | None = 12 * 4, offset: int = 0) -> Path:
    """A model (N, 4) -> (N, 3) that keeps its weights in another file."""
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=(4, 3))
    weight.data_location = onnx.TensorProto.EXTERNAL
    entries = {"location": location, "offset": str(offset)} | ({} if length is None else {"length": str(length)})
    for key, value in entries.items():
        weight.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["in", "w"], ["out"], name="gemm")],
        "external",
        [helper.make_tensor_value_info("in", onnx.TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["N", 3])],
        [weight],
    )
    path = folder / "external.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10).SerializeToString()
    )
    return path


@pytest.mark.parametrize(("offset", "length"), [(0, 48), (16, 48), (16, None)])
def test_external_data(offset: int, length: int | None, tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "weights.bin").write_bytes(bytes(offset) + values.tobytes())
    network = import_onnx(external(tmp_path, "data/weights.bin", length, offset))
    assert only(network).weight is not None
    assert np.array_equal(np.sort(only(network).weight.reshape(-1)), values)
    check(network.path)


@pytest.mark.parametrize(
    ("location", "size", "message"),
    [
        ("absent.bin", 48, "weight 'w': external data absent.bin: no such file"),
        ("weights.bin", 47, "external data weights.bin: 47 bytes, 48 are needed (truncated)"),
        ("weights.bin", 0, "external data weights.bin: 0 bytes, 48 are needed (truncated)"),
        ("", 48, "external data : outside the folder"),
        ("../weights.bin", 48, "external data ../weights.bin: outside the folder of the model"),
        ("/etc/hostname", 48, "external data /etc/hostname: outside the folder of the model"),
        ("link.bin", 48, "external data link.bin: outside the folder of the model"),
        ("folder", 48, "external data folder: Is a directory"),
    ],
)
def test_external_data_that_is_not_there(location: str, size: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(48))
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(bytes(size))
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    with pytest.raises(ShiftworkError, match=re.escape(message)) as caught:
        import_onnx(external(folder, location))
    assert str(folder / "external.onnx") in str(caught.value)


def test_external_data_without_a_length_that_is_too_short(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(40))
    with pytest.raises(ShiftworkError, match=r"weights\.bin: 40 bytes, 48 are needed \(truncated\)"):
        import_onnx(external(tmp_path, length=None))


def test_files_that_are_no_model(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.onnx", tmp_path / "text.onnx"
    empty.write_bytes(b"")
    text.write_text("no model at all")
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "absent.onnx", "no such file"),
        (empty, "the file is empty"),
        (text, "not a readable ONNX file"),
        (Path("/proc/self/mem"), "Input/output error"),
    ):
        with pytest.raises(ShiftworkError, match=f"model {path}: {message}"):
            import_onnx(path)


# -- order


def test_order_of_nodes(save_model: Callable[..., Path]) -> None:
    nodes = [("Relu", ["a"], "out"), ("Gemm", ["in", "w"], "a")]
    assert only(check(save_model(nodes, weights(w=(4, 3)), ("N", 4)))).relu
    circle = [("Add", ["in", "c"], "b"), ("Relu", ["b"], "c"), ("Gemm", ["c", "w"], "out")]
    with pytest.raises(ShiftworkError, match="cycle"):
        import_onnx(save_model(circle, weights(w=(4, 3)), ("N", 4)))
    with pytest.raises(ShiftworkError, match=r"'out' .*input 0 \('nothing'\) is computed by no node"):
        import_onnx(save_model([("Gemm", ["nothing", "w"], "out")], weights(w=(4, 3)), ("N", 4)))
    unused = [("Relu", ["nothing"], "a"), ("Gemm", ["in", "w"], "out")]
    only(import_onnx(save_model(unused, weights(w=(4, 3)), ("N", 4))))

# SPDX-License-Identifier: Apache-2.0
"""The golden model against loops over plain Python integers, on small random networks of every kind of module."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shiftwork.codes import terms
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import (
    accuracy,
    finished,
    predictions,
    quantize_input,
    run,
)
from shiftwork.network.ends import Ends
from shiftwork.network.floating import logits
from shiftwork.network.format_rows import RowWork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerModule, IntegerNetwork, MixedRows, TensorInfo, Terms
from shiftwork.quantize import fixed8, msq
from shiftwork.quantize.bounds import accumulator_bound, largest_activation, slice_ranges
from shiftwork.tensors.im2col import im2col, output_shape, weight_matrix

Codes = dict[str, np.ndarray]


def rows_of(codes: np.ndarray, module: IntegerModule, part: int, y: int, x: int) -> list[int]:
    """Activations of one output position in reduction order, by loops."""
    assert module.weight is not None
    _, ky, kx, depth = module.weight.shape
    row = []
    for i in range(ky):
        for j in range(kx):
            for c in range(depth):
                v = y * module.stride[0] + i * module.dilation[0] - module.pads[0]
                h = x * module.stride[1] + j * module.dilation[1] - module.pads[1]
                inside = 0 <= v < codes.shape[0] and 0 <= h < codes.shape[1]
                row.append(int(codes[v, h, part * depth + c]) if inside else 0)
    return row


def clamp(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def shifted(acc: int, shift: int) -> int:
    return acc if shift == 0 else (acc + (1 << (shift - 1))) >> shift


def scaled(module: IntegerModule, o: int, acc: int, skip: int) -> int:
    """Code of channel o by scale-round, from its dot product and its shortcut."""
    factor = module.format.factors()
    assert factor is not None
    assert module.bias is not None
    assert module.shift is not None
    total = (acc + int(module.bias[o])) * int(factor[o])
    if module.shortcut_shift is not None:
        total += skip << int(module.shortcut_shift[o])
    return clamp(shifted(total, int(module.shift[o])), module.low, module.high)


def convolution(network: IntegerNetwork, module: IntegerModule, codes: Codes, n: int) -> tuple[np.ndarray, int, int]:
    """Output of one convolution for image n, its largest |acc|, and the term pairs present."""
    source = codes[module.inputs[0]][n]
    assert module.weight is not None
    assert module.bias is not None
    rows, columns = output_shape((1, *source.shape), module)
    out, t = module.weight.shape[0], module.format if isinstance(module.format, Terms) else Terms()
    result = np.zeros((rows, columns, out), np.int64)
    most, pairs = 0, 0
    per_group = out // module.groups
    for o in range(out):
        w = [int(v) for v in module.weight[o].reshape(-1)]
        if t.enabled and t.stream == "weights":
            w = terms.reveal(w, t.group, t.budget, network.rule).tolist()
        for y in range(rows):
            for x in range(columns):
                a = rows_of(source, module, o // per_group, y, x)
                if t.enabled and t.stream == "activations":
                    a = terms.reveal(a, t.group, t.budget, network.rule).tolist()
                elif t.enabled:
                    a = terms.truncate(a, t.data_terms, network.rule).tolist()
                pairs += int(terms.count(a, network.rule) @ terms.count(w, network.rule))
                acc = sum(p * q for p, q in zip(w, a, strict=True))
                if module.format.factors() is not None:
                    most = max(most, abs(acc))
                    skip = 0 if module.shortcut is None else int(codes[module.shortcut][n, y, x, o])
                    result[y, x, o] = scaled(module, o, acc, skip)
                    continue
                acc += int(module.bias[o]) << (0 if module.bias_shift is None else int(module.bias_shift[o]))
                if module.shortcut is not None:
                    assert module.shortcut_shift is not None
                    acc += int(codes[module.shortcut][n, y, x, o]) << int(module.shortcut_shift[o])
                most = max(most, abs(acc))
                acc = max(acc, 0) if module.relu else acc
                shift = 0 if module.shift is None else int(module.shift[o])
                result[y, x, o] = clamp(shifted(acc, shift), module.low, module.high)
    return result, most, pairs


def pooling(network: IntegerNetwork, module: IntegerModule, source: np.ndarray) -> np.ndarray:
    """Average or max pooling of one image by loops."""
    info = network.tensors[module.output]
    (kh, kw), (sy, sx) = module.attributes["kernel"], module.attributes["stride"]
    top, left, bottom, right = module.attributes["pads"]
    height, width, _ = source.shape
    result = np.zeros(info.shape, np.int64)
    for y, x, c in np.ndindex(*info.shape):
        inside, count = [], 0
        for i in range(y * sy - top, y * sy - top + kh):
            for j in range(x * sx - left, x * sx - left + kw):
                if 0 <= i < height and 0 <= j < width:
                    inside.append(int(source[i, j, c]))
                    count += 1
                elif module.attributes.get("count_include_pad") and i < height + bottom and j < width + right:
                    count += 1
        if module.kind == "maxpool":
            result[y, x, c] = max(inside)
        elif module.attributes.get("raw_sum"):
            result[y, x, c] = sum(inside)
        else:
            scale = Fraction(2) ** (info.fraction - network.tensors[module.inputs[0]].fraction)
            mean = floor(sum(inside) * scale / count + Fraction(1, 2))
            result[y, x, c] = clamp(mean, module.low, module.high)
    return result


def check(network: IntegerNetwork, x: np.ndarray) -> Codes:
    """Every module of the golden model against loops, on what the golden model fed it."""
    counts: dict[str, Any] = {}
    codes = run(network, x, counts=counts)
    for module in network.modules:
        got = codes[module.output]
        info = network.tensors[module.output]
        low, high = info.limits
        assert got.shape == (len(x), *info.shape)
        if module.kind == "conv":
            images = [convolution(network, module, codes, n) for n in range(len(x))]
            expected = np.stack([image for image, _, _ in images])
            assert max(most for _, most, _ in images) <= accumulator_bound(network, module)
            work = counts[module.name]
            assert work.macs == expected.size * module.depth
            if isinstance(module.format, MixedRows):
                share = 0.0 if module.format.row_sp2 is None else module.format.row_sp2.mean()
                assert work == RowWork(work.macs, sp2_macs=round(share * work.macs))
            else:
                assert work.pairs == sum(pairs for _, _, pairs in images)
                assert work.bound == pytest.approx(work.macs * module.format.pairs_bound(module.depth))
        elif module.kind in ("maxpool", "avgpool"):
            images_in = codes[module.inputs[0]]
            expected = np.stack([pooling(network, module, image) for image in images_in])
        elif module.kind == "add":
            first, second = (codes[name].astype(np.int64) for name in module.inputs)
            acc = (first << module.attributes["shifts"][0]) + (second << module.attributes["shifts"][1])
            assert module.shift is not None
            acc = np.maximum(acc, 0) if module.relu else acc
            expected = np.vectorize(lambda v, s=int(module.shift[0]): shifted(int(v), s))(acc)
            expected = np.clip(expected, module.low, module.high)
        elif module.kind == "concat":
            expected = np.concatenate([np.clip(codes[name].astype(int), low, high) for name in module.inputs], axis=3)
        else:
            assert network.tensors[module.inputs[0]].fraction == info.fraction
            continue
        assert (got == expected).all(), module.name
        assert got.min() >= low
        assert got.max() <= high
    return codes


def random_weights(rng: np.random.Generator, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


NETWORKS: dict[str, tuple[list[tuple[Any, ...]], dict[str, tuple[int, ...]], tuple[Any, ...]]] = {
    "residual": (
        [
            ("Conv", ["in", "a", "ba"], "c", {"pads": [1, 1, 1, 1]}),
            ("Relu", ["c"], "r"),
            ("Conv", ["r", "b"], "d", {"pads": [1, 1, 1, 1]}),
            ("Add", ["d", "r"], "s"),
            ("Relu", ["s"], "t"),
            ("GlobalAveragePool", ["t"], "g"),
            ("Flatten", ["g"], "f"),
            ("Gemm", ["f", "w"], "out"),
        ],
        {"a": (4, 2, 3, 3), "ba": (4,), "b": (4, 4, 3, 3), "w": (4, 3)},
        ("N", 2, 5, 5),
    ),
    "grouped": (
        [
            ("Conv", ["in", "a"], "c", {"group": 2, "strides": [2, 1], "pads": [0, 1, 1, 0]}),
            ("Clip", ["c", "zero", "six"], "r"),
            ("Conv", ["r", "b"], "d", {"group": 4, "dilations": [2, 2], "pads": [2, 2, 2, 2]}),
            ("AveragePool", ["d"], "p", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
            ("Conv", ["p", "w"], "out"),
        ],
        {"a": (4, 2, 3, 2), "b": (8, 1, 3, 3), "w": (3, 8, 1, 1)},
        ("N", 4, 6, 5),
    ),
    "moves": (
        [
            ("Conv", ["in", "a"], "c"),
            ("Relu", ["c"], "r"),
            ("Conv", ["in", "b"], "d"),
            ("Concat", ["r", "d"], "j", {"axis": 1}),
            ("MaxPool", ["j"], "m", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0]}),
            ("Slice", ["m", "from", "to", "axes", "steps"], "s"),
            ("Pad", ["s", "pads"], "p"),
            ("Add", ["p", "m"], "e"),
            ("Flatten", ["e"], "f"),
            ("Gemm", ["f", "w"], "out"),
        ],
        {"a": (2, 2, 1, 1), "b": (3, 2, 1, 1), "w": (45, 4)},
        ("N", 2, 6, 6),
    ),
    "raw_pool": (
        [
            ("Conv", ["in", "a", "ba"], "c"),
            ("AveragePool", ["c"], "p", {"kernel_shape": [2, 2], "count_include_pad": 1, "pads": [1, 1, 1, 1]}),
            ("Relu", ["p"], "r"),
            ("GlobalAveragePool", ["r"], "out"),
        ],
        {"a": (3, 2, 2, 2), "ba": (3,)},
        ("N", 2, 5, 5),
    ),
}
CONSTANTS = {
    "zero": np.float32(0),
    "six": np.float32(1.5),
    "from": np.array([1, 0]),
    "to": np.array([3, 4]),
    "axes": np.array([2, 1]),
    "steps": np.array([1, 1]),
    "pads": np.array([0, 1, 0, 0, 0, 0, 1, 0]),
}
TERMS = {
    "qt": Terms(),
    "weights": Terms(True, "weights", 8, 9, 2),
    "weights_whole_data": Terms(True, "weights", 16, 5, 0),
    "activations": Terms(True, "activations", 32, 13, 0),
}


def build(
    save_model: Any, name: str, method: str = "mse", per_channel: bool = True
) -> tuple[IntegerNetwork, Any, Path]:
    rng = np.random.default_rng(len(name))
    nodes, shapes, inputs = NETWORKS[name]
    path = save_model(nodes, random_weights(rng, **shapes) | CONSTANTS, inputs)
    network = import_onnx(path)
    x = rng.normal(0.3, 1, (12, *network.ends.sample_shape)).astype(np.float32)
    return fixed8.quantize(network, x, method, per_channel), x, path


@pytest.mark.parametrize("config", TERMS)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rule", ["hese", "binary"])
def test_every_module_equals_loops(save_model: Any, name: str, config: str, rule: str) -> None:
    network, x, _ = build(save_model, name)
    network.rule = rule
    for module in network.modules:
        module.format = TERMS[config]
    check(network, x[:2])


@pytest.mark.parametrize("alpha", msq.ALPHAS)
@pytest.mark.parametrize("scheme", msq.SCHEMES)
@pytest.mark.parametrize("name", NETWORKS)
def test_four_bit_rows_equal_loops(save_model: Any, name: str, scheme: str, alpha: str) -> None:
    _, x, path = build(save_model, name)
    network = msq.quantize(import_onnx(path), x, scheme, 0.5, alpha)
    check(network, x[:2])
    convolutions = [module for module in network.modules if module.kind == "conv"]
    assert all((module.format.row_sp2 is None) == (scheme == "pot") for module in convolutions)
    assert all((module.format.factor is None) == (alpha == "pot" or not module.requantize) for module in convolutions)


@pytest.mark.parametrize("method", fixed8.SCALE_METHODS)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_quantized_networks_follow_onnxruntime(save_model: Any, name: str, method: str, per_channel: bool) -> None:
    network, x, path = build(save_model, name, method, per_channel)
    expected = logits(import_onnx(path), x)
    codes = run(network, x, collect=False)
    assert list(codes) == [network.output]
    (got,) = finished(network, codes).values()
    assert got.shape == expected.shape
    assert np.linalg.norm(got - expected) / np.linalg.norm(expected) < 0.05


def test_chunks_and_codes_give_the_same(save_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network, x, _ = build(save_model, "residual")
    whole = run(network, x)
    monkeypatch.setattr("shiftwork.golden.model._CHUNK_VALUES", 2000)
    parts = run(network, x)
    codes = run(network, quantize_input(network, x))
    for name, expected in whole.items():
        assert (parts[name] == expected).all()
        assert (codes[name] == expected).all()
    assert set(whole) == set(network.tensors)


def test_input_that_does_not_fit_is_refused(save_model: Any) -> None:
    network, x, _ = build(save_model, "residual")
    with pytest.raises(ShiftworkError, match="do not fit"):
        run(network, x[:, :1])
    with pytest.raises(ShiftworkError, match="do not fit"):
        run(network, np.zeros((2, 5, 5, 3), np.int8))
    with pytest.raises(ShiftworkError, match="outside"):
        run(network, np.full((2, 5, 5, 2), 300))


def test_im2col_order() -> None:
    codes = np.arange(2 * 3 * 4 * 4, dtype=np.int32).reshape(2, 3, 4, 4) + 1
    weight = np.zeros((4, 2, 3, 2), np.int8)
    module = IntegerModule("m", "conv", ["x"], "y", weight=weight, stride=(1, 2), pads=(1, 0, 0, 1), groups=2)
    for part in (0, 1):
        table = im2col(codes, module, part)
        rows, columns = output_shape(codes.shape, module)
        assert table.shape == (2 * rows * columns, 12)
        for index, (n, y, x) in enumerate(np.ndindex(2, rows, columns)):
            assert table[index].tolist() == rows_of(codes[n], module, part, y, x)
        assert weight_matrix(module, part).shape == (2, 12)


def one_layer(weight: np.ndarray, config: Terms, signed: bool, **more: Any) -> IntegerNetwork:
    """A network of one fully connected layer."""
    out, k = weight.shape
    module = IntegerModule(
        "fc", "conv", ["x"], "y", weight=weight.reshape(out, 1, 1, k).astype(np.int8), format=config,
        bias=np.zeros(out, np.int32), low=-(1 << 31), high=(1 << 31) - 1, requantize=False, **more,
    )  # fmt: skip
    tensors = {"x": TensorInfo((1, 1, k), 0, signed), "y": TensorInfo((1, 1, out), 0, True, 32)}
    return IntegerNetwork("tr", Ends.of_maps("x", (1, 1, k), "y", (1, 1, out)), tensors, [module])


def test_vector_of_the_numerics_page() -> None:
    weight = np.array([[81, -6, 11, 3]])
    x = np.array([45, 27, 119, 12]).reshape(1, 1, 1, 4)
    network = one_layer(weight, Terms(True, "weights", 4, 8, 3), signed=True)
    counts: dict[str, Any] = {}
    assert run(network, x, counts=counts)["y"].item() == 4878
    assert counts["fc"].pairs == 23
    assert counts["fc"].streamed == 8
    assert counts["fc"].bound == 4 * 3 * 8 / 4
    network = one_layer(weight, Terms(True, "weights", 4, 4, 2), signed=True)
    network.rule = "hese_run"
    assert run(network, x)["y"].item() == 4544


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "config",
    [
        Terms(),
        Terms(True, "weights", 1, 1, 1),
        Terms(True, "weights", 8, 12, 3),
        Terms(True, "activations", 1, 1, 0),
        Terms(True, "activations", 256, 300, 0),
    ],
)
def test_extreme_values_are_exact_and_within_the_bounds(signed: bool, config: Terms) -> None:
    k = 700
    weight = np.tile(np.array([[127], [-127], [1], [0]]), (1, k))
    low, high = TensorInfo((1, 1, k), 0, signed).limits
    network = one_layer(weight, config, signed)
    x = np.stack([np.full(k, low), np.full(k, high)]).reshape(2, 1, 1, k)
    got = check(network, x)["y"]
    module = network.modules[0]
    assert np.abs(got).max() <= accumulator_bound(network, module)
    ranges = slice_ranges(network, module, 256)
    assert ranges.shape == (2, 3)
    assert np.abs(ranges).max(axis=0).sum() == accumulator_bound(network, module)
    (least,), (greatest,) = slice_ranges(network, module, k)
    assert least <= got.min() <= got.max() <= greatest
    if not config.enabled:
        assert (least, greatest) == (got.min(), got.max())
    values = np.arange(low, high + 1)
    if config.enabled and config.stream == "weights":
        seen = terms.truncate(values, config.data_terms)
    elif config.enabled:
        seen = np.concatenate([terms.truncate(values, s) for s in range(1, 6)])
    else:
        seen = values
    assert np.abs(seen).max() == largest_activation(network, module)


def test_pairs_bound() -> None:
    module = one_layer(np.ones((1, 100)), Terms(), True).modules[0]
    for config, expected in (
        (Terms(), 49.0),
        (Terms(True, "weights", 8, 12, 3), 4.5),
        (Terms(True, "weights", 8, 12, 0), 10.5),
        (Terms(True, "activations", 256, 125, 0), 8.75),
        (Terms(True, "activations", 256, 900, 0), 35.0),
    ):
        assert config.pairs_bound(module.depth) == expected


def test_ties_take_the_lowest_class() -> None:
    outputs = np.array([[3, 5, 5], [1, 1, 1]]).reshape(2, 1, 1, 3)
    assert predictions(outputs).tolist() == [1, 0]
    assert accuracy(outputs, np.array([1, 1])) == 50.0


def test_save_and_load(save_model: Any, tmp_path: Path) -> None:
    network, x, _ = build(save_model, "moves")
    network.modules[0].format = TERMS["activations"]
    archive, readable = network.save(tmp_path / "network.npz")
    assert readable.read_text().startswith("{")
    loaded = IntegerNetwork.load(archive)
    assert loaded.tensors == network.tensors
    for mine, theirs in zip(network.modules, loaded.modules, strict=True):
        assert mine.format == theirs.format or mine.format.to_json({}, "") == theirs.format.to_json({}, "")
        assert mine.attributes == theirs.attributes
        assert mine.weight is None or (mine.weight == theirs.weight).all()
    expected, got = run(network, x), run(loaded, x)
    assert all((expected[name] == got[name]).all() for name in expected)
    assert loaded.model_bits == network.model_bits == 8 * (4 + 6 + 180) + 32 * (2 + 3 + 4)
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    np.savez(tmp_path / "other.npz", x=x)
    for name, text in (("bad.npz", "not an integer network"), ("other.npz", "not an"), ("none.npz", "no such file")):
        with pytest.raises(ShiftworkError, match=text):
            IntegerNetwork.load(tmp_path / name)
    with pytest.raises(ShiftworkError, match="no module 'zzz'"):
        network.module("zzz")

# SPDX-License-Identifier: Apache-2.0
"""Power-of-two scales, term-revealing options and the search for budgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import accuracy, finished, real_outputs, run
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import logits
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork, TensorInfo, Terms
from shiftwork.quantize import fixed8, scales
from shiftwork.quantize.bounds import check_accumulators, slice_ranges
from shiftwork.quantize.quantization import parse_budget
from shiftwork.quantize.tr import TrOptions, configure, group_budget, read_overrides

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def digits() -> tuple[IntegerNetwork, Data, Data]:
    """The example network in fixed8, its test and its calibration data."""
    network = import_onnx(EXAMPLE / "digits.onnx")
    calibration = load_data(EXAMPLE / "digits_calib.npz", network)
    return fixed8.quantize(network, calibration.x), load_data(EXAMPLE / "digits_test.npz", network), calibration


Digits = tuple[IntegerNetwork, Data, Data]


def accuracy_of(network: IntegerNetwork, data: Data) -> float:
    assert data.y is not None
    return accuracy(real_outputs(network, run(network, data.x, collect=False)), data.y)


# -- fixed8


def test_example_network_is_accurate(digits: Digits) -> None:
    network, test, _ = digits
    assert test.y is not None
    floating = accuracy(logits(import_onnx(EXAMPLE / "digits.onnx"), test.x), test.y)
    assert floating >= 96
    assert abs(accuracy_of(network, test) - floating) <= 0.5
    assert [m.shortcut is not None for m in network.modules if m.kind == "conv"] == [False, True, False, False]


@pytest.mark.parametrize(
    ("largest", "signed", "expected"),
    [
        (0.0, True, 0),
        (1.0, True, 7),
        (1.0, False, 8),
        (1.01, True, 6),
        (0.5, True, 8),
        (255.0, False, 0),
        (3e4, True, -8),
    ],
)
def test_full_range_fraction(largest: float, signed: bool, expected: int) -> None:
    assert scales.full_range_fraction(largest, signed) == expected


def test_mse_saturates_rare_outliers_only() -> None:
    values = np.random.default_rng(1).normal(0, 0.1, 20000)
    assert scales.mse_fraction(values, float(np.abs(values).max()), True, -128, 127) in (8, 9)
    values[7] = 1.5
    assert scales.full_range_fraction(1.5, True) == 6
    assert scales.mse_fraction(values, 1.5, True, -128, 127) > 6
    assert scales.mse_fraction(np.array([1.0, 1.0]), 1.0, True, -128, 127) == 6


def quantized(path: Path, x: np.ndarray, method: str = "maxabs", per_channel: bool = True) -> IntegerNetwork:
    return fixed8.quantize(import_onnx(path), x.astype(np.float32), method, per_channel)


def test_signs_scales_and_the_raw_output(save_model: Callable[..., Path], rng: np.random.Generator) -> None:
    nodes = [
        ("Conv", ["in", "a"], "plain"),
        ("Relu", ["plain"], "positive"),
        ("Conv", ["in", "b"], "both"),
        ("Concat", ["positive", "both"], "mixed", {"axis": 1}),
        ("MaxPool", ["mixed"], "pooled", {"kernel_shape": [2, 2]}),
        ("Conv", ["pooled", "c"], "out"),
    ]
    w = {"a": rng.normal(0, 1, (2, 1, 1, 1)), "b": rng.normal(0, 9, (2, 1, 1, 1)), "c": rng.normal(0, 1, (3, 4, 1, 1))}
    path = save_model(nodes, {k: v.astype(np.float32) for k, v in w.items()}, ("N", 1, 4, 4))
    network = quantized(path, rng.uniform(0, 1, (9, 1, 4, 4)))
    tensors = network.tensors
    assert {name: info.signed for name, info in tensors.items()} == {
        "in": False, "positive": False, "both": True, "mixed": True, "pooled": True, "out": True,
    }  # fmt: skip
    assert len({tensors[name].fraction for name in ("positive", "both", "mixed", "pooled")}) == 1
    assert tensors["out"].bits == 32
    last = network.modules[-1]
    assert not last.requantize
    assert last.shift is not None
    assert not last.shift.any()
    assert quantized(path, rng.normal(0, 1, (9, 1, 4, 4))).tensors["in"].signed


def test_relu6_clamps_after_the_shift(save_model: Callable[..., Path], rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("Clip", ["c", "zero", "six"], "r"), ("Conv", ["r", "a"], "out")]
    w = {"a": np.full((1, 1, 1, 1), 8, np.float32), "zero": np.float32(0), "six": np.float32(6)}
    network = quantized(save_model(nodes, w, ("N", 1, 4, 4)), rng.normal(0, 1, (4, 1, 4, 4)))
    assert network.tensors["r"] == TensorInfo((4, 4, 1), 5, False)
    assert (network.modules[0].low, network.modules[0].high) == (0, 192)


def test_zero_channels_and_zero_tensors(save_model: Callable[..., Path], rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a", "b"], "c"), ("Relu", ["c"], "r"), ("Conv", ["r", "z"], "out")]
    a = rng.normal(0, 1, (3, 2, 1, 1)).astype(np.float32)
    a[1] = 0
    w = {"a": a, "b": np.array([0.1, 0, 5], np.float32), "z": np.zeros((2, 3, 1, 1), np.float32)}
    network = quantized(save_model(nodes, w, ("N", 2, 4, 4)), rng.normal(0, 1, (4, 2, 4, 4)))
    assert (run(network, rng.normal(0, 1, (2, 2, 4, 4)))["out"] == 0).all()


def wild(save_model: Callable[..., Path], scale: float) -> tuple[Path, np.ndarray]:
    """Two residual additions with ranges that differ by orders of magnitude, and samples."""
    rng = np.random.default_rng(3)
    nodes = [
        ("Conv", ["in", "a", "ba"], "c"),
        ("Conv", ["in", "b", "bb"], "d"),
        ("Add", ["c", "d"], "s"),
        ("Relu", ["s"], "r"),
        ("Conv", ["r", "e"], "t"),
        ("Add", ["t", "in"], "u"),
        ("Conv", ["u", "e"], "out"),
    ]
    w = {
        "a": rng.normal(0, 1, (2, 2, 1, 1)) * scale, "ba": rng.normal(0, 1, 2), "b": rng.normal(0, 1, (2, 2, 1, 1)),
        "bb": rng.normal(0, 1, 2) / scale, "e": rng.normal(0, 1, (2, 2, 1, 1)) * [[[[1e-4]]], [[[10]]]],
    }  # fmt: skip
    path = save_model(nodes, {k: v.astype(np.float32) for k, v in w.items()}, ("N", 2, 4, 4))
    return path, rng.normal(0, 1, (8, 2, 4, 4)).astype(np.float32)


@pytest.mark.parametrize("method", ["mse", "joint"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_shifts_stay_legal_for_wild_ranges(save_model: Callable[..., Path], scale: float, method: str) -> None:
    path, x = wild(save_model, scale)
    network = quantized(path, x, method)
    for module in network.modules:
        for shifts in (module.shift, module.shortcut_shift, module.bias_shift):
            assert shifts is None or (shifts.min() >= 0 and shifts.max() <= 31)
    check_accumulators(network)
    expected = logits(import_onnx(path), x)
    (got,) = finished(network, run(network, x)).values()
    assert np.linalg.norm(got - expected) / np.linalg.norm(expected) < 0.1


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_shortcut_that_would_vanish_is_refused(save_model: Callable[..., Path], scale: float) -> None:
    path, x = wild(save_model, scale)
    with pytest.raises(ShiftworkError, match=r"'t'.*'in'.*too small"):
        quantized(path, x)


def test_unknown_method_is_refused(digits: Digits) -> None:
    network = import_onnx(EXAMPLE / "digits.onnx")
    with pytest.raises(ShiftworkError, match="'best'"):
        fixed8.quantize(network, digits[2].x, "best")


def test_accumulator_beyond_32_bits_is_refused(digits: Digits) -> None:
    network = digits[0].copy()
    module = network.modules[0]
    assert module.bias_shift is not None
    module.bias_shift = module.bias_shift + 31
    with pytest.raises(ShiftworkError, match=module.name):
        check_accumulators(network)


# -- term revealing


def convolutions(network: IntegerNetwork) -> list[Terms]:
    return [m.format for m in network.modules if m.kind == "conv"]


def test_defaults(digits: Digits) -> None:
    network, test, _ = digits
    weights = configure(network, TrOptions())
    assert weights.scheme == "tr"
    assert set(convolutions(weights)) == {Terms(True, "weights", 8, 12, 3)}
    assert set(convolutions(network)) == {Terms()}
    activations = configure(network, TrOptions(stream="activations"))
    assert [t.budget for t in convolutions(activations)] == [18, 288, 288, 256]
    assert {(t.group, t.data_terms) for t in convolutions(activations)} == {(256, 0)}
    for changed in (weights, activations):
        assert accuracy_of(changed, test) >= accuracy_of(network, test) - 1
        assert all(np.abs(slice_ranges(changed, m, 256)).max() < 1 << 21 for m in changed.modules if m.kind == "conv")


def test_exact_is_conventional_quantization(digits: Digits) -> None:
    network, test, _ = digits
    exact = configure(network, TrOptions(stream="activations", budget="exact"))
    assert all(not t.enabled and t.stream == "activations" for t in convolutions(exact))
    counts: dict[str, Any] = {}
    got = run(exact, test.x[:20], counts=counts)["logits"]
    assert (got == run(network, test.x[:20])["logits"]).all()
    assert all(0 < c.streamed < 3 * c.macs for c in counts.values())


def test_budgets_per_value_and_overrides(digits: Digits) -> None:
    options = TrOptions(
        group=16,
        budget=1.25,
        data_terms=2,
        overrides={
            "conv1": {"enabled": False},
            "conv3": {"stream": "activations", "budget": 1.5},
            "fc": {"group": 32, "budget": 7, "data_terms": 0},
        },
    )
    configs = dict(zip(("conv1", "conv2", "conv3", "fc"), convolutions(configure(digits[0], options)), strict=True))
    assert not configs["conv1"].enabled
    assert configs["conv2"] == Terms(True, "weights", 16, 20, 2)
    assert configs["conv3"] == Terms(True, "activations", 256, 216, 0)
    assert configs["fc"] == Terms(True, "weights", 32, 7, 0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"group": 0}, "group 0"),
        ({"group": 12}, "group 12"),
        ({"group": 512}, "group 512"),
        ({"budget": 0}, "budget 0"),
        ({"budget": -1.0}, "budget -1.0"),
        ({"budget": 0.01}, "outside 1"),
        ({"budget": 5000}, "outside 1"),
        ({"budget": float("nan")}, "budget nan"),
        ({"budget": "some"}, "budget 'some'"),
        ({"data_terms": 10}, "data terms 10"),
        ({"data_terms": -1}, "data terms -1"),
        ({"stream": "activations", "data_terms": 3}, "data terms must be 0"),
        ({"stream": "both"}, "'both'"),
        ({"budget": "auto"}, "calibration samples"),
        ({"overrides": {"conv9": {}}}, "'conv9'"),
        ({"overrides": {"fc": {"size": 3}}}, "'size'"),
        ({"overrides": {"fc": {"budget": "auto"}}}, "auto"),
        ({"overrides": {"fc": {"group": "8"}}}, "whole number"),
    ],
)
def test_illegal_options(digits: Digits, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ShiftworkError, match=text):
        configure(digits[0], TrOptions(**options))


def test_depthwise_layers_stay_conventional(save_model: Callable[..., Path], rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a"], "d", {"group": 2}), ("Conv", ["d", "b"], "out")]
    w = {"a": rng.normal(0, 1, (2, 1, 3, 3)), "b": rng.normal(0, 1, (3, 2, 1, 1))}
    path = save_model(nodes, {k: v.astype(np.float32) for k, v in w.items()}, ("N", 2, 5, 5))
    network = quantized(path, rng.normal(0, 1, (4, 2, 5, 5)))
    assert [t.enabled for t in convolutions(configure(network, TrOptions()))] == [False, True]
    assert [t.enabled for t in convolutions(configure(network, TrOptions(depthwise=True)))] == [True, True]
    override = {"d": {"enabled": True, "budget": 4}}
    assert convolutions(configure(network, TrOptions(overrides=override)))[0].budget == 4


def test_parse_budget() -> None:
    assert [parse_budget(t) for t in ("12", "1.5", "auto", "exact")] == [12, 1.5, "auto", "exact"]
    assert isinstance(parse_budget("1.0"), float)
    with pytest.raises(ShiftworkError, match="'many'"):
        parse_budget("many")


def test_budget_rounds_half_up(digits: Digits) -> None:
    first = digits[0].modules[0]  # K = 9
    assert group_budget(first, 256, 1.25) == 11
    assert group_budget(first, 256, 1.5) == 14
    assert group_budget(first, 8, 1.3125) == 11


def test_read_overrides(tmp_path: Path) -> None:
    path = tmp_path / "layers.yml"
    path.write_text("conv1: {enabled: false}\nfc:\n  budget: 7\n")
    assert read_overrides(path) == {"conv1": {"enabled": False}, "fc": {"budget": 7}}
    for content in ("[1, 2]", "conv1: 3", "{"):
        path.write_text(content)
        with pytest.raises(ShiftworkError, match="overrides"):
            read_overrides(path)
    with pytest.raises(ShiftworkError, match="no such file"):
        read_overrides(tmp_path / "none.yml")

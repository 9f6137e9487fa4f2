# SPDX-License-Identifier: Apache-2.0
"""Kinds and steps of rows against exhaustive searches, and the integer networks that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from shiftwork.codes import sp2
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import accuracy, entering, finished, predictions, real_outputs, run
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import activations, evaluate, logits
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerModule, IntegerNetwork, MixedRows
from shiftwork.quantize import msq
from shiftwork.quantize.bounds import accumulator_bound, check_accumulators, requantizer_bounds, slice_ranges
from shiftwork.quantize.equalize import channels, equalized
from shiftwork.quantize.finer_input import in_copies
from shiftwork.quantize.quantization import COPIES
from shiftwork.quantize.scales import Bits


def rows_of(module: IntegerModule) -> MixedRows:
    """Its format."""
    assert isinstance(module.format, MixedRows)
    return module.format


EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
LEVELS = {"fixed": sp2.fixed_levels(), "sp2": sp2.levels(), "pot": sp2.pot_levels()}
SaveModel = Callable[..., Path]


@pytest.fixture(scope="module")
def digits() -> tuple[FloatNetwork, Data, Data]:
    """The example network, its test and its calibration data."""
    network = import_onnx(EXAMPLE / "digits.onnx")
    return network, load_data(EXAMPLE / "digits_test.npz", network), load_data(EXAMPLE / "digits_calib.npz", network)


Digits = tuple[FloatNetwork, Data, Data]
SOME_SCHEMES = ["msq", "fixed4", *(pytest.param(scheme, marks=pytest.mark.full) for scheme in ("sp2", "pot"))]


def residual(save_model: SaveModel, scale: float = 1.0) -> tuple[FloatNetwork, np.ndarray]:
    """Conv, Relu, Conv with a shortcut, and a fully connected output; samples."""
    rng = np.random.default_rng(5)
    nodes = [
        ("Conv", ["in", "a"], "first", {"pads": [1, 1, 1, 1]}),
        ("Relu", ["first"], "r"),
        ("Conv", ["r", "b"], "second", {"pads": [1, 1, 1, 1]}),
        ("Add", ["second", "r"], "s"),
        ("Relu", ["s"], "t"),
        ("Flatten", ["t"], "f"),
        ("Gemm", ["f", "w", "bw"], "out"),
    ]
    shapes = {"a": (5, 2, 3, 3), "b": (5, 5, 3, 3), "w": (80, 3), "bw": (3,)}
    weights = {name: rng.normal(0, scale, shape).astype(np.float32) for name, shape in shapes.items()}
    path = save_model(nodes, weights, ("N", 2, 4, 4))
    return import_onnx(path), rng.normal(0.3, 1, (20, 2, 4, 4)).astype(np.float32)


def convolutions(network: IntegerNetwork) -> list[IntegerModule]:
    return [module for module in network.modules if module.kind == "conv"]


# -- rows


def test_rows_of_least_variance_are_sp2() -> None:
    weight = np.array([[9.0, 9.1], [-1.0, 1.0], [0.0, 0.0], [5.0, 5.2], [0.0, 4.0]]).reshape(5, 1, 1, 2)
    assert msq.assign_rows(weight, 0.6).tolist() == [True, False, True, True, False]
    assert [int(msq.assign_rows(weight, share).sum()) for share in (0, 0.09, 0.1, 0.5, 0.69, 0.7, 1)] == [
        0, 0, 1, 3, 3, 4, 5,
    ]  # fmt: skip


def test_equal_variances_take_the_lower_index() -> None:
    assert msq.assign_rows(np.tile([0.25, -0.5, 0.75], (4, 1)), 0.5).tolist() == [True, True, False, False]


def test_the_kind_of_a_row_is_that_of_the_scheme(digits: Digits) -> None:
    network, _, calibration = digits
    share = {"msq": 0.6, "fixed4": 0.0, "sp2": 1.0}
    for scheme in msq.SCHEMES:
        for module in convolutions(msq.quantize(network, calibration.x[:20], scheme, 0.6 if scheme == "msq" else None)):
            assert module.weight is not None
            assert module.weight_bits == 4
            rows = len(module.weight)
            if scheme == "pot":
                assert rows_of(module).row_sp2 is None
                kinds = [("pot", np.ones(rows, bool))]
            else:
                assert rows_of(module).row_sp2 is not None
                assert rows_of(module).row_sp2.sum() == np.floor(share[scheme] * rows + 0.5)
                kinds = [("sp2", rows_of(module).row_sp2), ("fixed", ~rows_of(module).row_sp2)]
            for kind, chosen in kinds:
                assert np.isin(np.abs(module.weight[chosen].astype(int)), LEVELS[kind]).all()


# -- steps


def least_error(row: np.ndarray, levels: np.ndarray) -> float:
    """Least squared error over every assignment of levels and every step, by trying all of them."""
    errors = [float(row @ row)]
    for q in product(*[levels.tolist()] * len(row)):
        if any(q):
            fit = float(np.abs(row) @ q)
            errors.append(float(row @ row) - fit**2 / float(np.dot(q, q)))
    return min(errors)


@pytest.mark.parametrize("kind", LEVELS)
def test_steps_are_the_optimum(kind: str, rng: np.random.Generator) -> None:
    levels = LEVELS[kind]
    rows = np.concatenate([rng.normal(0, 0.3, (6, 4)), rng.laplace(0, 5, (3, 4)), rng.uniform(-1, 1, (3, 4))])
    steps = msq.fit_steps(rows, levels)
    assert (msq.fit_alpha(rows, levels) == steps * levels[-1]).all()
    values = sp2.project(rows, (steps * levels[-1])[:, None], levels)
    for row, step, q in zip(rows, steps, values, strict=True):
        assert np.square(row - step * q).sum() == pytest.approx(least_error(row, levels), abs=1e-12)
        assert step == pytest.approx(row @ q / (q @ q))


def test_what_is_on_the_levels_stays_exact(rng: np.random.Generator) -> None:
    for levels in LEVELS.values():
        values = rng.choice(levels, (4, 30)) * rng.choice([-1, 1], (4, 30))
        values[:, :2] = levels[-1], levels[1]
        rows = values * np.array([[0.3], [1e-9], [7.0], [2.0**20]])
        steps = msq.fit_steps(rows, levels)
        assert (sp2.project(rows, (steps * levels[-1])[:, None], levels) == values).all()
        assert rows / steps[:, None] == pytest.approx(values)


def test_a_row_of_zeros_has_alpha_one() -> None:
    for levels in LEVELS.values():
        assert msq.fit_alpha(np.zeros((2, 9)), levels).tolist() == [1.0, 1.0]


def test_many_rows_are_fitted_in_blocks(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rng.normal(0, 1, (50, 9))
    whole = msq.fit_steps(rows, LEVELS["sp2"])
    monkeypatch.setattr(msq, "_EVENTS", 200)
    assert (msq.fit_steps(rows, LEVELS["sp2"]) == whole).all()


def errors_of(scales: msq.MsqScales, weight: np.ndarray, name: str, steps: np.ndarray) -> np.ndarray:
    """Squared error of every row."""
    values = msq.project_rows(scales.scheme, weight, steps, scales.row_sp2.get(name))
    return np.square(values * steps.reshape(-1, 1, 1, 1) - weight).reshape(len(weight), -1).sum(axis=1)


@pytest.mark.parametrize("scheme", msq.SCHEMES)
def test_powers_of_two_are_the_best_powers_of_two(save_model: SaveModel, scheme: str) -> None:
    network, x = residual(save_model)
    scales = msq.choose(network, x, scheme, 0.5, "pot")
    for module in network.modules:
        if module.weight is not None:
            steps = msq.module_steps(network, scales, module, module.weight)
            error = errors_of(scales, module.weight, module.name, steps)
            tried = [errors_of(scales, module.weight, module.name, np.full(len(steps), 2.0**n)) for n in range(-12, 5)]
            if module.output == network.output:
                assert len(set(steps)) == 1
                error, tried = error.sum(), [entry.sum() for entry in tried]
            assert (error == np.min(tried, axis=0)).all()


@pytest.mark.parametrize("alpha", msq.ALPHAS)
def test_the_network_output_has_one_step(save_model: SaveModel, alpha: str) -> None:
    network, x = residual(save_model)
    last = network.modules[-1]
    assert last.weight is not None
    scales = msq.choose(network, x, "msq", 0.5, alpha)
    assert 0 < scales.row_sp2[last.name].sum() < len(last.weight)
    step = scales.steps[last.name][0]
    assert (scales.steps[last.name] == step).all()
    best = errors_of(scales, last.weight, last.name, np.full(3, step)).sum()
    if alpha == "free":
        for factor in np.linspace(0.3, 3, 200):
            assert best <= errors_of(scales, last.weight, last.name, np.full(3, step * factor)).sum() + 1e-9
    integer = msq.build(network, scales)
    module = integer.modules[-1]
    assert rows_of(module).factor is None
    assert not module.shift.any()  # type: ignore[union-attr]
    assert module.attributes == ({"step": step} if alpha == "free" else {})
    assert integer.real(integer.output, np.array(1)) == step * 2.0 ** -scales.tensors[last.inputs[0]]


@pytest.mark.parametrize("last", ["Add", "Clip"])
def test_a_network_output_with_a_shortcut_or_a_clip_has_a_power_of_two(
    last: str, save_model: SaveModel, rng: np.random.Generator
) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("Conv", ["c", "b"], "d")]
    nodes.append(("Add", ["d", "c"], "out") if last == "Add" else ("Clip", ["d", "zero", "six"], "out"))
    weights = {name: rng.normal(0, 1, (3, 3, 1, 1)).astype(np.float32) for name in "ab"}
    path = save_model(nodes, weights | {"zero": np.float32(0), "six": np.float32(1)}, ("N", 3, 4, 4))
    x = rng.normal(0, 1, (30, 3, 4, 4)).astype(np.float32)
    integer = msq.quantize(import_onnx(path), x)
    module = integer.modules[-1]
    assert not module.requantize
    assert "step" not in module.attributes
    (got,) = finished(integer, run(integer, x)).values()
    assert np.corrcoef(got.ravel(), logits(import_onnx(path), x).ravel())[0, 1] > 0.9


def test_zeros_take_the_power_of_two_of_their_layer(save_model: SaveModel) -> None:
    network, x = residual(save_model, 0.01)
    first = network.modules[0]
    assert first.weight is not None
    first.weight[1] = 0
    free, power = (msq.choose(network, x, "fixed4", alpha=alpha) for alpha in msq.ALPHAS)
    assert free.steps[first.name][1] == 1 / 7
    assert power.steps[first.name][1] in power.steps[first.name][[0, 2, 3, 4]]
    for scales in (free, power):
        assert not msq.build(network, scales).modules[0].weight[1].any()  # type: ignore[index]


# -- integer networks


@pytest.mark.parametrize("alpha", msq.ALPHAS)
@pytest.mark.parametrize("scheme", msq.SCHEMES)
def test_outputs_are_those_of_the_real_weights(save_model: SaveModel, scheme: str, alpha: str) -> None:
    network, x = residual(save_model)
    network, scales = msq.settled(network, x, scheme, 0.4, alpha)
    integer = msq.build(network, scales)
    codes = run(integer, x)
    real = {name: codes[name] * 2.0**-info.fraction for name, info in integer.tensors.items()}
    for module in network.modules:
        if module.weight is None:
            continue
        np.testing.assert_allclose(msq.quantized_weight(scales, module), module.weight, rtol=1e-12)  # on their levels
        quantized = replace(module, weight=msq.quantized_weight(scales, module))
        exact = evaluate(quantized, {name: real[name] for name in module.reads()})
        info = integer.tensors[module.output]
        if module.output == network.output:
            unit = scales.steps[module.name] * 2.0 ** -scales.tensors[module.inputs[0]]
            assert np.abs(real_outputs(integer, codes) - exact).max() <= unit.max() / 2 * (1 + 1e-6)
        else:
            expected = np.clip(exact * 2.0**info.fraction, 0, 15)
            slack = scales.steps[module.name].max() * 2.0 ** (info.fraction - scales.tensors[module.inputs[0]]) / 2
            assert np.abs(codes[module.output] - expected).max() <= 0.5 + slack + 1e-3


def test_factors_are_half_up_with_sixteen_bits() -> None:
    real = np.array([1.0, 0.5, 0.75, 1 - 2.0**-18, 3.0, 2.0**-31, 2.0**14 * 1.5])
    mantissas, shifts = msq.factors(real)
    assert mantissas.tolist() == [32768, 32768, 49152, 32768, 49152, 32768, 49152]
    assert shifts.tolist() == [15, 16, 16, 15, 14, 46, 1]
    assert mantissas.dtype == shifts.dtype == np.int32
    assert np.abs(mantissas * 2.0**-shifts / real - 1).max() <= 2.0**-16


def test_a_row_far_below_its_bias_gets_a_larger_step(save_model: SaveModel) -> None:
    network, x = residual(save_model)
    first, last = network.modules[0], network.modules[-1]
    for module in (first, last):
        assert module.weight is not None
        assert module.bias is not None
    first.weight[2] *= 1e-14  # type: ignore[index]
    first.bias[2] = 3.0  # type: ignore[index]
    first.weight[3] *= 1e-14  # type: ignore[index]
    first.bias[3] = 0.0  # type: ignore[index]
    last.weight *= 1e-14  # type: ignore[operator]
    last.bias[1] = -2.0  # type: ignore[index]
    for alpha in msq.ALPHAS:
        scaled, scales = msq.settled(network, x, alpha=alpha)
        wanted = scaled.modules[0].bias[2]  # type: ignore[index]
        integer = msq.build(scaled, scales)
        module = integer.modules[0]
        assert module.weight is not None
        assert module.bias is not None
        assert not module.weight[2].any()
        codes = run(integer, x)
        real = codes[first.output][..., 2] * 2.0 ** -integer.tensors[first.output].fraction
        assert np.abs(real - wanted).max() <= 0.5 * 2.0 ** -integer.tensors[first.output].fraction
        output = real_outputs(integer, codes)
        assert np.abs(output[..., 1] + 2).max() < 1e-6
        if alpha == "free":
            assert (module.shift <= 47).all()  # type: ignore[operator]
            assert (np.abs(module.bias) <= 1 << 30).all()


def test_steps_that_do_not_fit_are_refused(save_model: SaveModel) -> None:
    network, _ = residual(save_model)
    first, second, last = (module.name for module in network.modules if module.kind == "conv")

    def refused(text: str, name: str, step: float, bias: float = 0.0, alpha: str = "free", **fractions: int) -> None:
        network, x = residual(save_model)
        scales = msq.choose(network, x, alpha=alpha)
        (module,) = (module for module in network.modules if module.name == name)
        assert module.bias is not None
        scales.steps[name][0], module.bias[0] = step, bias
        scales.tensors.update(fractions)
        with pytest.raises(ShiftworkError, match=f"node '{name}': {text}"):
            msq.build(network, scales)

    refused("a shift of 48 is outside 1", first, 2.0**-33, **{"in": 1, "r": 1})
    refused("a shift of 0 is outside 1", first, 2.0**15, **{"in": 1, "r": 1})
    refused("a shift of the shortcut of -2 is outside 0", second, 2.0**17, r=8, t=1)
    refused("its bias takes more than 32 bits", first, 1e-20, 1.0)
    refused("the network output needs the same step", last, 1e-3)
    refused("its steps have to be powers of two", second, 0.3, alpha="pot")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("msq4", 0.5, "free"), "unknown scheme 'msq4': choose one of msq, fixed4, sp2, pot"),
        (("msq", 0.5, "fixed"), "unknown alpha 'fixed': choose one of free, pot"),
        (("msq", 1.5, "free"), "SP2 share 1.5 is outside"),
        (("msq", float("nan"), "free"), "SP2 share nan is outside"),
    ],
)
def test_wrong_options(options: tuple[str, float, str], text: str, digits: Digits) -> None:
    network, _, calibration = digits
    with pytest.raises(ShiftworkError, match=text):
        msq.quantize(network, calibration.x[:5], *options)


@pytest.mark.parametrize("alpha", msq.ALPHAS)
def test_save_and_load(save_model: SaveModel, tmp_path: Path, alpha: str) -> None:
    network, x = residual(save_model)
    integer = msq.quantize(network, x, "msq", 0.5, alpha)
    loaded = IntegerNetwork.load(integer.save(tmp_path / "network.npz")[0])
    assert loaded.scheme == "msq"
    assert loaded.real("out", np.array(1)) == integer.real("out", np.array(1))
    for mine, theirs in zip(convolutions(integer), convolutions(loaded), strict=True):
        assert (rows_of(mine).row_sp2 == rows_of(theirs).row_sp2).all()
        assert rows_of(theirs).row_sp2.dtype == np.bool_  # type: ignore[union-attr]
        assert (rows_of(mine).factor is None) == (rows_of(theirs).factor is None)
        assert rows_of(mine).factor is None or (rows_of(mine).factor == rows_of(theirs).factor).all()
    assert (run(loaded, x)["out"] == run(integer, x)["out"]).all()
    biases, factors = 5 + 5 + 3, 5 + 5 if alpha == "free" else 0
    copies = loaded.ends.entries[0].copies
    assert copies == integer.ends.entries[0].copies > 1
    assert loaded.model_bits == 4 * (90 * copies + 225 + 240) + 32 * biases + 16 * factors


def test_accumulators_are_bounded_by_four_bit_codes(save_model: SaveModel) -> None:
    network, x = residual(save_model)
    integer = msq.quantize(network, x, "msq", 0.5)
    first, second, _ = convolutions(integer)
    for module, largest in ((first, 8), (second, 15)):
        assert module.weight is not None
        sums = np.abs(module.weight.astype(int)).reshape(5, -1).sum(axis=1) * largest
        assert accumulator_bound(integer, module) == sums.max()
        low, high = (-8, 7) if largest == 8 else (0, 15)
        least, greatest = slice_ranges(integer, module, 256)
        flat = module.weight.astype(int).reshape(5, -1)
        assert least == (flat.clip(0).sum(axis=1) * low + flat.clip(max=0).sum(axis=1) * high).min()
        assert greatest == (flat.clip(0).sum(axis=1) * high + flat.clip(max=0).sum(axis=1) * low).max()
        (_, value, _), (_, total, _) = requantizer_bounds(integer, module)
        assert value == (sums + np.abs(module.bias.astype(int))).max()  # type: ignore[union-attr]
        skip = 0 if module.shortcut is None else 15
        assert total == max(
            (int(s) + abs(int(b))) * int(m) + (1 << (int(sh) - 1)) + (skip << int(ss))
            for s, b, m, sh, ss in zip(
                sums,
                module.bias,
                rows_of(module).factor,
                module.shift,
                np.zeros(5) if module.shortcut_shift is None else module.shortcut_shift,
                strict=True,
            )
        )
    first.bias = np.full(5, (1 << 31) - 1, np.int32)
    check_accumulators(integer)
    assert second.shortcut_shift is not None
    second.shortcut_shift = np.full(5, 60, np.int32)
    with pytest.raises(ShiftworkError, match=f"node '{second.name}': its scaled sum .* beyond 64 bits"):
        check_accumulators(integer)


# -- equalization


def separable(save_model: SaveModel, clip: bool, spread: np.ndarray) -> FloatNetwork:
    """Convolution, depthwise and 1 x 1 convolution, pooling and a fully connected output; channels of unlike ranges."""
    rng = np.random.default_rng(7)
    nodes: list[tuple[object, ...]] = []
    for number, (source, kernel, groups) in enumerate((("in", 3, 1), ("r0", 3, 8), ("r1", 1, 1))):
        attributes = {"pads": [kernel // 2] * 4, "group": groups}
        nodes.append(("Conv", [source, f"w{number}", f"b{number}"], f"c{number}", attributes))
        limit = ("Clip", [f"c{number}", "zero", "six"], f"r{number}")
        nodes.append(limit if clip else ("Relu", [f"c{number}"], f"r{number}"))
    nodes += [("GlobalAveragePool", ["r2"], "p"), ("Flatten", ["p"], "f"), ("Gemm", ["f", "w3"], "out")]
    shapes = {"w0": (8, 2, 3, 3), "w1": (8, 1, 3, 3), "w2": (8, 8, 1, 1), "w3": (8, 4)}
    weights = {name: rng.normal(0, 0.4, shape) for name, shape in shapes.items()}
    weights |= {f"b{number}": rng.normal(0.3, 0.2, 8) for number in range(3)}
    for name in ("w0", "b0"):
        weights[name] *= spread.reshape(-1, *[1] * (weights[name].ndim - 1))
    weights["w1"] /= spread.reshape(-1, 1, 1, 1)
    weights |= {"zero": np.array(0.0), "six": np.array(6.0)}
    return import_onnx(save_model(nodes, {k: v.astype(np.float32) for k, v in weights.items()}, ("N", 2, 6, 6)))


@pytest.mark.parametrize("clip", [False, True])
def test_equalization_keeps_the_function(save_model: SaveModel, clip: bool, rng: np.random.Generator) -> None:
    network = separable(save_model, clip, 2.0 ** rng.uniform(-4, 0, 8))
    x = rng.normal(0, 1, (40, 2, 6, 6)).astype(np.float32)
    scaled = equalized(network, x, Bits(4, 4))
    exact, found = (next(activations(graph, x)) for graph in (network, scaled))
    np.testing.assert_allclose(found[network.output], exact[network.output], rtol=1e-4, atol=1e-5)
    depthwise = next(module for module in network.modules if module.depthwise)
    before, after = (maps[depthwise.inputs[0]].reshape(-1, 8).max(axis=0) for maps in (exact, found))
    assert after.max() / after.min() < 0.5 * before.max() / before.min()
    assert not np.array_equal(scaled.modules[0].weight, network.modules[0].weight)  # type: ignore[arg-type]


def test_unlike_channels_cost_nothing_where_a_depthwise_layer_reads_them(
    save_model: SaveModel, rng: np.random.Generator
) -> None:
    x = rng.normal(0, 1, (80, 2, 6, 6)).astype(np.float32)
    even, uneven = (separable(save_model, False, spread) for spread in (np.ones(8), 2.0 ** -np.arange(8.0)))
    errors = {}
    for name, network in (("even", even), ("uneven", uneven)):
        errors[name] = np.square(missed(network, msq.quantize(network, x, "fixed4"), x)).mean()
    plain = msq.build(*msq.settle(uneven, x, msq.choose(uneven, x, "fixed4")))
    assert errors["uneven"] < 1.5 * errors["even"]
    assert np.square(missed(uneven, plain, x)).mean() > 3 * errors["uneven"]  # without equalization


def test_channels_that_move_or_are_added_keep_one_factor(save_model: SaveModel) -> None:
    network, _ = residual(save_model)
    ids, count = channels(network)
    second = next(module for module in network.modules if module.shortcut is not None)
    assert (ids[second.output] == ids[second.shortcut]).all()  # type: ignore[index]
    assert not ids[network.input].any()
    assert not ids[network.output].any()
    assert count == 1 + 5


# -- accuracy


def missed(network: FloatNetwork, integer: IntegerNetwork, x: np.ndarray) -> np.ndarray:
    """Error of the network output."""
    exact = np.concatenate([tensors[network.output] for tensors in activations(network, x)])
    return np.asarray(real_outputs(integer, run(integer, x, collect=False)) - exact)


@pytest.mark.parametrize("scheme", SOME_SCHEMES)
def test_compensation_beats_the_nearest_levels(digits: Digits, scheme: str) -> None:
    network, test, calibration = digits
    nearest = msq.build(network, msq.choose(network, calibration.x, scheme))
    settled = msq.quantize(network, calibration.x, scheme)
    errors = [missed(network, integer, test.x) for integer in (nearest, settled)]
    assert np.square(errors[1]).mean() < 0.7 * np.square(errors[0]).mean()
    own = [missed(network, integer, calibration.x) for integer in (nearest, settled)]
    assert np.abs(own[1].mean(axis=0)).max() < 0.2 * np.abs(own[0].mean(axis=0)).max()  # biases take the mean out


def test_every_row_takes_the_kind_of_less_error(digits: Digits) -> None:
    network, _, calibration = digits
    first = network.modules[0]
    assert first.weight is not None
    rows = first.weight.copy()
    free = [rows_of(module).row_sp2 for module in convolutions(msq.quantize(network, calibration.x, "msq"))]
    assert all(row is not None for row in free)
    for kind, levels in ((0, LEVELS["fixed"]), (1, LEVELS["sp2"])):  # rows on the levels of one kind keep it
        rng = np.random.default_rng(3)
        first.weight[:] = rng.choice(levels, rows.shape) * rng.choice([-1, 1], rows.shape) * np.abs(rows).max() / 8
        assert msq.assign_rows(first.weight, None).mean() == pytest.approx(kind, abs=0.2)
    first.weight[:] = rows


def test_the_input_has_the_scale_of_least_loss_behind_it(save_model: SaveModel, rng: np.random.Generator) -> None:
    """One place of the input is large and means nothing: the scale of least squared error would be made for it."""
    weight = rng.normal(0, 1, (9, 3)).astype(np.float32)
    weight[0] *= 1e-3
    network = import_onnx(save_model([("Gemm", ["in", "w"], "out")], {"w": weight}, ("N", 9)))
    x = rng.normal(0, 1, (64, 9)).astype(np.float32)
    x[:, 0] *= 100
    near, far = (msq.choose(network, x, "fixed4", method=method) for method in ("mse", "maxabs"))
    assert near.tensors["in"] >= far.tensors["in"] + 4
    errors = [np.square(missed(network, msq.build(network, scales), x)).mean() for scales in (near, far)]
    assert errors[0] < 0.1 * errors[1]


def test_the_input_comes_in_copies(save_model: SaveModel) -> None:
    """They are rounded at evenly spaced places, so that their sum is as many times finer; the function stays."""
    network, x = residual(save_model)
    fine = in_copies(network, x, Bits(4, 4))
    (entry,) = fine.ends.entries
    assert entry.copies == COPIES[-1] and fine.shapes["in"] == (4, 4, 2 * entry.copies)
    exact, same = (np.concatenate([tensors["out"] for tensors in activations(one, x)]) for one in (network, fine))
    np.testing.assert_allclose(same, exact, rtol=1e-4, atol=1e-4)

    integer = msq.quantize(network, x, "fixed4")
    assert [(one.copies, one.fraction) for one in integer.ends.entries] == [(entry.copies, entry.fraction)]
    steps = x.astype(np.float64).transpose(0, 2, 3, 1) * 2.0**entry.fraction
    codes = entering(integer, x)["in"].reshape(20, 4, 4, entry.copies, 2).astype(int)
    for place in range(entry.copies):
        wanted = np.floor(steps + (2 * place + 1) / (2 * entry.copies))
        np.testing.assert_array_equal(codes[..., place, :], np.clip(wanted, -8, 7))
    inside = np.abs(steps) < 7
    np.testing.assert_array_equal(codes.sum(axis=3)[inside], np.floor(entry.copies * steps + 0.5)[inside])

    single = msq.build(*msq.settle(network, x, msq.choose(network, x, "fixed4")))
    errors = [np.square(missed(network, one, x)).mean() for one in (integer, single)]
    assert errors[0] < 0.8 * errors[1]
    assert in_copies(fine, x, Bits(4, 4)) is fine
    assert msq.quantize(network, x, "fixed4", copies=1).ends.copies == 1


def test_an_input_without_need_or_room_for_copies(
    save_model: SaveModel, rng: np.random.Generator, digits: Digits
) -> None:
    """One that 4 bits serve well, and one that a depthwise layer reads."""
    network, _, calibration = digits
    assert in_copies(network, calibration.x, Bits(4, 4)) is network
    assert msq.quantize(network, calibration.x, copies=2).ends.copies == 2
    weight = rng.normal(0, 1, (4, 1, 3, 3)).astype(np.float32)
    nodes = [("Conv", ["in", "w"], "c", {"pads": [1, 1, 1, 1], "group": 4}), ("Relu", ["c"], "out")]
    depthwise = import_onnx(save_model(nodes, {"w": weight}, ("N", 4, 5, 5)))
    x = rng.normal(0, 1, (8, 4, 5, 5)).astype(np.float32)
    assert in_copies(depthwise, x, Bits(4, 4)) is depthwise
    with pytest.raises(ShiftworkError, match="input 'in' cannot enter in 2 copies: not only convolutions over all"):
        in_copies(depthwise, x, Bits(4, 4), 2)


@pytest.mark.parametrize("alpha", ["free", pytest.param("pot", marks=pytest.mark.full)])
@pytest.mark.parametrize("scheme", SOME_SCHEMES)
def test_the_example_network_stays_accurate(digits: Digits, scheme: str, alpha: str) -> None:
    network, test, calibration = digits
    assert test.y is not None
    integer = msq.quantize(network, calibration.x, scheme, alpha=alpha)
    codes = run(integer, test.x, collect=False)[integer.output]
    assert accuracy(codes, test.y) >= 94
    assert (predictions(codes) == predictions(logits(network, test.x))).mean() >= 0.94


def test_the_choice_is_repeatable(digits: Digits) -> None:
    network, _, calibration = digits
    first, second = (msq.choose(network, calibration.x) for _ in range(2))
    assert first.tensors == second.tensors
    for one, other in ((first.steps, second.steps), (first.row_sp2, second.row_sp2)):
        assert one.keys() == other.keys()
        assert all((one[name] == other[name]).all() for name in one)


def test_long_reductions_are_rounded_weight_by_weight(save_model: SaveModel, rng: np.random.Generator) -> None:
    """Weights of more than 4096 inputs do not make up for each other: every one takes its nearest level."""
    weights = {"w": rng.normal(0, 0.02, (8, 4100)), "b": np.zeros(8), "v": rng.normal(0, 1, (3, 8)), "c": np.zeros(3)}
    nodes = [("Gemm", ["in", "w", "b"], "g", {"transB": 1}), ("Relu", ["g"], "r")]
    nodes += [("Gemm", ["r", "v", "c"], "out", {"transB": 1})]
    path = save_model(nodes, {name: array.astype(np.float32) for name, array in weights.items()}, ("N", 4100))
    x = rng.normal(0, 1, (4, 4100)).astype(np.float32)
    network, scales = msq.settled(import_onnx(path), x)
    first = network.modules[0]
    assert first.weight is not None
    assert np.array_equal(first.weight, msq.quantized_weight(scales, first))
    assert msq.build(network, scales).convolutions[0].weight is not None

# SPDX-License-Identifier: Apache-2.0
"""Networks of exponential codes: groups and widths, the integers against plain loops, accuracy, files."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shiftwork.codes import exponential
from shiftwork.codes.exponential import Exponential
from shiftwork.compile import ExpEngine
from shiftwork.compile.program import compile_network
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import accuracy, evaluate, finished, real_outputs, run
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import logits
from shiftwork.network.format_exponential import LiveWork
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import ExponentialCodes, IntegerModule, IntegerNetwork
from shiftwork.progress import OnItem
from shiftwork.quantize import dnateq
from shiftwork.quantize.bounds import accumulator_bound, check_accumulators
from shiftwork.quantize.calibrate import calibrate
from shiftwork.quantize.expfit import Magnitudes, fit_code
from shiftwork.quantize.judge import Judge, split
from shiftwork.quantize.quantization import Quantization
from shiftwork.report.fit_plot import check_plot, draw_fits
from shiftwork.report.text import fit_lines
from shiftwork.schemes import quantize
from shiftwork.tensors.im2col import im2col


def coded(module: IntegerModule) -> ExponentialCodes:
    """Its format."""
    assert isinstance(module.format, ExponentialCodes)
    return module.format


EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
SaveModel = Callable[..., Path]
Digits = tuple[FloatNetwork, Data, Data]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """The example network, its test and its calibration data."""
    network = import_onnx(EXAMPLE / "digits.onnx")
    return network, load_data(EXAMPLE / "digits_test.npz", network), load_data(EXAMPLE / "digits_calib.npz", network)


@pytest.fixture
def every_kind(save_model: SaveModel) -> tuple[FloatNetwork, np.ndarray]:
    """A network with every kind of module: shortcut, depthwise, pooling, concatenation, addition, code moves."""
    rng = np.random.default_rng(5)
    pads = {"pads": [1, 1, 1, 1]}
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [
        ("Conv", ["in", "a", "ba"], "c1", pads),
        ("Relu", ["c1"], "r1"),
        ("Conv", ["r1", "b"], "c2", pads),
        ("Add", ["c2", "r1"], "s"),
        ("Relu", ["s"], "r2"),
        ("Conv", ["r2", "d"], "c3", {"group": 4, **pads}),
        ("MaxPool", ["c3"], "m", pool),
        ("AveragePool", ["r2"], "v", pool),
        ("Conv", ["m", "e"], "c4"),
        ("Conv", ["v", "e2"], "c5"),
        ("Relu", ["c4"], "r4"),
        ("Concat", ["r4", "c5"], "k", {"axis": 1}),
        ("Add", ["m", "v"], "t"),
        ("MaxPool", ["k"], "k2", {"kernel_shape": [2, 2], "strides": [1, 1]}),
        ("Conv", ["k2", "f"], "c6"),
        ("Conv", ["t", "g"], "c7"),
        ("Add", ["c6", "c7"], "z"),
        ("Flatten", ["z"], "flat"),
        ("Gemm", ["flat", "w", "bw"], "out"),
    ]
    shapes = {
        "a": (4, 2, 3, 3), "ba": (4,), "b": (4, 4, 3, 3), "d": (4, 1, 3, 3), "e": (3, 4, 1, 1), "e2": (3, 4, 1, 1),
        "f": (2, 6, 1, 1), "g": (2, 4, 2, 2), "w": (18, 3), "bw": (3,),
    }  # fmt: skip
    weights = {name: rng.laplace(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    network = import_onnx(save_model(nodes, weights, ("N", 2, 8, 8)))
    return network, rng.normal(0.2, 1, (24, 2, 8, 8)).astype(np.float32)


def values(network: IntegerNetwork, name: str, codes: np.ndarray) -> np.ndarray:
    """Integers of a tensor's codes, by the definition of the table."""
    info = network.tensors[name]
    if info.code is None:
        return codes
    assert info.levels is not None
    signs, exponents = exponential.unpack(codes, info.code.bits)
    table = np.array(info.levels)
    return np.where(signs == 0, 0, signs * table[np.where(signs == 0, 0, exponents + info.code.radius)])


def encoded(acc: int, code: Exponential, fraction: int, relu: bool) -> int:
    """The stored code of one accumulator by the definition of the thresholds."""
    zero = 1 << (code.bits - 1)
    if acc == 0 or (relu and acc < 0):
        return zero
    found, highest = -code.radius, -math.inf
    for i in range(-code.radius + 1, code.radius + 1):
        highest = max(highest, math.ceil((code.alpha * code.base ** (i - 0.5) + code.beta) * 2.0**fraction))
        if abs(acc) >= highest:
            found = i
    return int(exponential.pack(acc < 0, found, code.bits))


def searched(
    network: FloatNetwork,
    x: np.ndarray,
    loss: float = 0.5,
    progress: OnItem | None = None,
    cycles: dnateq.Cycles | None = None,
) -> IntegerNetwork:
    """The network of searched widths from calibration samples, some of them held back."""
    seen, held = split(x)
    return dnateq.search(network, seen, Judge(network, held, loss, len(x)), progress, cycles)


# -- groups and widths


def test_groups_share_base_and_width(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    found = dnateq.groups(network)
    kinds = {module.output: module.kind for module in network.modules}
    joined = next(group for group in found if any(kinds.get(name) == "concat" for name in group.tensors))
    assert {kinds[name] for name in joined.tensors} == {"conv", "concat", "maxpool"}
    integer = dnateq.quantize(network, x, 4)
    for module in integer.modules:
        source = integer.tensors[module.inputs[0]].code
        if coded(module).code is not None:
            assert source is not None
            assert (coded(module).code.base, coded(module).code.bits) == (source.base, source.bits)
        if module.kind in ("maxpool", "reshape", "concat") and source is not None:
            assert integer.tensors[module.output].code == source
    assert all(network.output not in group.tensors for group in found)


def test_the_base_is_that_of_least_noise_of_a_group(digits: Digits) -> None:
    network, _, calibration = digits
    statistics = calibrate(network, calibration.x)
    weights = {module.name: module.weight for module in network.modules}
    for group in dnateq.fit_groups(network, statistics, (3, 5)):
        members = [
            Magnitudes.of(statistics[group.tensors[0]].values),
            *(Magnitudes.of(weights[n]) for n in group.readers),
        ]  # type: ignore[arg-type]
        assert group.noise[3] > 4 * group.noise[5] > 0
        for bits, codes in group.codes.items():
            found = [codes.tensors[group.tensors[0]], *(codes.weights[name] for name in group.readers)]
            base = found[0].base
            assert {(code.base, code.bits) for code in found} == {(base, bits)}
            first, *others = (fit_code(member, base, bits).noise for member in members)
            assert group.noise[bits] == pytest.approx(first + np.mean(others))


def test_loss_by_hand(save_model: SaveModel, rng: np.random.Generator) -> None:
    """In percent of the output's power; other widths follow the noise of their codes."""
    path = save_model([("Gemm", ["in", "w"], "out")], {"w": rng.normal(0, 1, (6, 3)).astype(np.float32)}, ("N", 6))
    network, x = import_onnx(path), rng.normal(0, 1, (7, 6)).astype(np.float32)
    (group,) = dnateq.fit_groups(network, calibrate(network, x), (3, 4))
    dnateq.measure(network, x, [group])
    integer = dnateq.build(replace(network, modules=[network.modules[0]]), group.codes[4])
    y = real_outputs(integer, run(integer, x)).reshape(7, 3)
    z = logits(network, x)
    assert group.loss[4] == pytest.approx(100 * np.square(y - z).sum() / np.square(z).sum(), rel=1e-3)
    assert group.loss[3] == pytest.approx(group.loss[4] * group.noise[3] / group.noise[4])


def test_a_price_takes_the_bits_that_are_worth_it() -> None:
    costs = {bits: 10.0 * bits for bits in range(3, 8)}
    group = dnateq.Group(["x"], ["f"], costs=costs, loss={3: 1.0, 4: 0.3, 5: 0.25, 6: 0.01, 7: 0.0})
    assert group.prices() == pytest.approx([0.001, 0.0145, 0.07])
    for price, bits in (
        (0, 7),
        (0.0009, 7),
        (0.0011, 6),
        (0.014, 6),
        (0.015, 4),
        (0.069, 4),
        (0.071, 3),
        (math.inf, 3),
    ):
        assert group.bits_at(price) == bits


def test_costs_are_bits_and_cycles(digits: Digits) -> None:
    network, _, calibration = digits
    found = dnateq.fit_groups(network, calibrate(network, calibration.x), (3, 5))
    seen: list[tuple[str, int, bool, tuple[int, ...], int]] = []

    def cycles(codes: np.ndarray, bits: int, signed: bool, module: FloatModule, positions: int) -> float:
        assert codes.max() < 2 << bits
        seen.append((module.name, bits, signed, codes.shape, positions))
        return 1.0 if bits == 3 else 4.0

    dnateq.add_costs(network, calibration.x[:1], found, cycles)
    shapes = {module.name: network.shapes[module.output] for module in network.modules}
    depths = {m.name: m.weight[0].size for m in network.modules if m.weight is not None}
    assert [name for name, *_ in seen[::2]] == [name for group in found for name in group.readers]
    for name, _, signed, shape, positions in seen:
        assert (shape[1], positions) == (depths[name], math.prod(shapes[name][:2]))
        assert not signed or name == found[0].readers[0]
    assert sum(group.costs[3] for group in found) == pytest.approx(2)
    assert sum(group.costs[5] for group in found) == pytest.approx(6 / 4 + 4)
    dnateq.add_costs(network, calibration.x[:1], found, None)
    assert sum(group.costs[5] for group in found) == pytest.approx(6 / 4)


def test_cycles_from_windows_are_those_of_the_schedule(digits: Digits) -> None:
    """But for the first slice, which is loaded, and the last results, which leave, while nothing is walked through."""
    network, test, calibration = digits
    engine, modules = ExpEngine(), {module.name: module for module in network.modules}
    for bits in (3, 6):
        integer = dnateq.quantize(network, calibration.x, bits)
        tensors = run(integer, test.x[:1])
        for name, layer in compile_network(integer, engine).layers.items():
            codes = im2col(tensors[layer.module.inputs[0]], layer.module, zero=1 << (bits - 1))
            exact = engine.schedule(layer.operands(tensors)).cycles
            signed = bool(layer.configuration["cfg_row_signed"])
            found, free = (
                engine.window_cycles(windows, bits, signed, modules[name], len(codes))
                for windows in (codes, np.full_like(codes, 1 << (bits - 1)))
            )
            assert found == pytest.approx(exact, rel=0.1, abs=codes.shape[1] + 64)
            assert free <= 1.02 * found


def test_cycles_take_bits(digits: Digits) -> None:
    """A layer whose cycles rise with its width gets a smaller one than without them."""
    network, _, calibration = digits
    last = network.modules[-1] if network.modules[-1].weight is not None else network.modules[-2]

    def cycles(codes: np.ndarray, bits: int, signed: bool, module: FloatModule, positions: int) -> float:
        return 16.0**bits if module is last else 1.0

    plain, priced = (searched(network, calibration.x, loss=0.3, cycles=price) for price in (None, cycles))
    assert priced.module(last.name).weight_bits < plain.module(last.name).weight_bits


def test_fewer_points_take_more_bits(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    told: list[str] = []
    wide, narrow = (searched(network, x, loss, lambda _i, _n, text: told.append(text)) for loss in (1.0, 100.0))
    assert narrow.average_bits == (4.0, 4.0)
    assert 4 < wide.average_bits[0] <= 8
    assert wide.model_bits > narrow.model_bits
    assert told[:2] == ["calibrate with 12 samples", f"fit {network.input}"]
    assert {text.split()[0] for text in told} >= {"fit", "measure", "cost"}
    assert f"3.00 exponent bits, {network.modules[-1].name}" in told
    assert told[-1] == "judge 3.00 exponent bits"


def test_the_promise_is_kept_on_samples_held_back(digits: Digits) -> None:
    network, _, calibration = digits
    seen, held = split(calibration.x)
    judge = Judge(network, held, 0.3, len(calibration.x))
    assert judge.promise(dnateq.search(network, seen, judge)).kept
    assert not judge.promise(dnateq.quantize(network, seen, 3)).kept


def test_a_limit_that_nothing_keeps_takes_all_bits(digits: Digits) -> None:
    network, _, calibration = digits
    assert searched(network, calibration.x[:16], loss=0.0).average_bits == (8.0, 8.0)


def test_weights_make_up_for_each_other(digits: Digits) -> None:
    """Less than half of the noise of codes that are rounded one by one."""
    network, test, calibration = digits
    exact = logits(network, test.x)
    found = dnateq.fit_groups(network, calibrate(network, split(calibration.x)[0]), (3,))
    codes = dnateq.ExpCodes({}, {})
    for group in found:
        codes.tensors |= group.codes[3].tensors
        codes.weights |= group.codes[3].weights
    noise = []
    for integer in (dnateq.build(network, codes), dnateq.quantize(network, calibration.x, 3)):
        error = real_outputs(integer, run(integer, test.x, collect=False)).reshape(exact.shape) - exact
        noise.append(np.square(error).sum())
        assert {coded(m).code for m in integer.modules if m.weight is not None} == set(codes.weights.values())
    assert noise[1] < 0.7 * noise[0]


# -- integers


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_modules_against_plain_loops(every_kind: tuple[FloatNetwork, np.ndarray], bits: int) -> None:
    network, x = every_kind
    integer = dnateq.quantize(network, x, bits)
    codes = run(integer, x[:2])
    assert {module.kind for module in integer.modules} >= {"conv", "add", "avgpool", "maxpool", "concat"}
    for module in integer.modules:
        info, inputs = integer.tensors[module.output], [values(integer, n, codes[n]) for n in module.inputs]
        fraction = max(integer.tensors[name].fraction for name in module.inputs)
        if module.kind == "conv":
            assert module.weight is not None
            assert module.bias is not None
            assert coded(module).code is not None
            assert coded(module).levels is not None
            signs, exponents = exponential.unpack(module.weight, bits)
            table = coded(module).levels.astype(np.int64)
            weight = np.where(
                signs == 0, 0, signs * table[np.where(signs == 0, 0, exponents + coded(module).code.radius)]
            )
            fraction += coded(module).fraction
            each = len(weight) // module.groups
            acc = np.concatenate(
                [
                    im2col(inputs[0].astype(np.int64), module, part)
                    @ weight[part * each : (part + 1) * each].reshape(each, -1).T
                    for part in range(module.groups)
                ],
                axis=1,
            ).reshape(codes[module.output].shape)
            acc = acc + module.bias
            if module.shortcut is not None:
                shift = fraction - integer.tensors[module.shortcut].fraction
                acc = acc + (values(integer, module.shortcut, codes[module.shortcut]) << shift)
        elif module.kind == "add":
            acc = sum(
                v.astype(np.int64) << (fraction - integer.tensors[n].fraction)
                for n, v in zip(module.inputs, inputs, strict=True)
            )
        elif module.kind == "avgpool":
            acc = np.empty(codes[module.output].shape, np.int64)
            for n, y, k, c in np.ndindex(acc.shape):
                window = inputs[0][n, max(0, 2 * y - 1) : 2 * y + 2, max(0, 2 * k - 1) : 2 * k + 2, c]
                acc[n, y, k, c] = int(math.copysign(abs(int(window.sum())) // window.size, window.sum()))
        elif module.kind == "concat":
            acc = np.concatenate(inputs, axis=3).astype(np.int64)
        else:
            if module.kind == "maxpool":
                size, step, before = (3, 2, 1) if module.attributes["kernel"] == (3, 3) else (2, 1, 0)
                got = values(integer, module.output, codes[module.output])
                for n, y, k, c in np.ndindex(got.shape):
                    top, left = step * y - before, step * k - before
                    window = inputs[0][n, max(0, top) : top + size, max(0, left) : left + size, c]
                    assert got[n, y, k, c] == window.max()
            continue
        if info.code is None:
            assert info.fraction == fraction
            assert (codes[module.output] == acc).all()
        else:
            flat = [encoded(int(v), info.code, fraction, module.relu) for v in acc.reshape(-1)]
            assert codes[module.output].reshape(-1).tolist() == flat


def test_output_is_close_to_the_float_network(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    integer = dnateq.quantize(network, x, 7)
    (got,) = finished(integer, run(integer, x, collect=False)).values()
    exact = logits(network, x)
    assert np.linalg.norm(got - exact) < 0.1 * np.linalg.norm(exact)


def test_relu6_has_a_largest_exponent(save_model: SaveModel, rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("Clip", ["c", "zero", "six"], "r"), ("Conv", ["r", "b"], "out")]
    weights = {name: rng.normal(0, 1, (3, 3, 1, 1)).astype(np.float32) for name in "ab"}
    path = save_model(nodes, weights | {"zero": np.float32(0), "six": np.float32(0.5)}, ("N", 3, 4, 4))
    network, x = import_onnx(path), rng.normal(0, 1, (30, 3, 4, 4)).astype(np.float32)
    integer = dnateq.quantize(network, x, 4)
    first = integer.modules[0]
    code = integer.tensors[first.output].code
    assert code is not None
    first.high -= 2
    signs, exponents = exponential.unpack(run(integer, x)[first.output], 4)
    assert exponents.max() == first.high
    assert signs.min() == 0


def test_accumulators_are_bounded(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    integer = dnateq.quantize(network, x, 5)
    module = integer.modules[0]
    assert module.weight is not None
    assert coded(module).levels is not None
    assert module.bias is not None
    weights = np.abs(exponential.code_values(tuple(coded(module).levels.tolist()))[module.weight]).astype(np.int64)
    levels = integer.tensors[integer.input].levels
    assert levels is not None
    sums = weights.reshape(len(weights), -1).sum(axis=1) * max(levels) + np.abs(module.bias)
    assert accumulator_bound(integer, module) == sums.max()
    module.bias = module.bias + (1 << 47)
    with pytest.raises(ShiftworkError, match=f"node '{module.name}': its accumulator .* beyond 48 bits"):
        check_accumulators(integer)


def test_work_without_zeros_is_counted(digits: Digits) -> None:
    network, test, calibration = digits
    integer = dnateq.quantize(network, calibration.x, 4)
    codes, counts = run(integer, test.x[:3]), LiveWork()
    module = integer.modules[0]
    evaluate(integer, module, codes, counts)
    assert module.weight is not None
    live = (
        im2col((codes[integer.input] != 8).astype(int), module) @ (module.weight != 8).reshape(len(module.weight), -1).T
    )
    assert counts.live_macs == live.sum()
    assert 0 < counts.live_macs < counts.macs


# -- refusals, files, accuracy


def test_a_network_output_of_codes(save_model: SaveModel, rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("MaxPool", ["c"], "out", {"kernel_shape": [2, 2]})]
    network = import_onnx(save_model(nodes, {"a": rng.normal(0, 1, (3, 3, 1, 1)).astype(np.float32)}, ("N", 3, 4, 4)))
    x = rng.normal(0, 1, (40, 3, 4, 4)).astype(np.float32)
    integer = dnateq.quantize(network, x, 7)
    assert integer.tensors["out"].code is not None
    (got,) = finished(integer, run(integer, x, collect=False)).values()
    exact = logits(network, x)
    assert np.linalg.norm(got - exact) < 0.05 * np.linalg.norm(exact)


def test_integers_that_do_not_fit_are_refused(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    found = dnateq.fit_groups(network, calibrate(network, x), (3,))
    codes = dnateq.ExpCodes({}, {})
    for group in found:
        codes.tensors |= group.codes[3].tensors
        codes.weights |= group.codes[3].weights
    added = next(module for module in network.modules if module.kind == "add")
    first, *others = network.modules
    large = replace(network, modules=[replace(first, bias=np.full(4, 1e9)), *others])
    with pytest.raises(ShiftworkError, match=f"node '{first.name}': its bias takes more than 48 bits"):
        dnateq.build(large, codes)
    codes.tensors[added.inputs[1]] = Exponential(3, 2.0, 1e-12, 0.0)
    with pytest.raises(ShiftworkError, match=rf"node '{added.name}': a shift of \d+ is outside 0..31"):
        dnateq.build(network, codes)


def test_save_and_load(every_kind: tuple[FloatNetwork, np.ndarray], tmp_path: Path) -> None:
    network, x = every_kind
    integer = dnateq.quantize(network, x, 4)
    loaded = IntegerNetwork.load(integer.save(tmp_path / "network.npz")[0])
    assert loaded.tensors == integer.tensors
    assert loaded.model_bits == integer.model_bits
    assert loaded.average_bits == (5.0, 5.0)
    assert [coded(module).code for module in loaded.modules] == [coded(module).code for module in integer.modules]
    again = run(loaded, x)
    assert all((codes == again[name]).all() for name, codes in run(integer, x).items())


def test_model_bits_are_all_that_is_stored(digits: Digits) -> None:
    network, _, calibration = digits
    integer = dnateq.quantize(network, calibration.x, 3)
    layers: list[IntegerModule] = [module for module in integer.modules if module.weight is not None]
    stored = sum(4 * m.weight.size + 48 * m.bias.size + 12 * 7 for m in layers)  # type: ignore[union-attr]
    stored += sum(16 * 7 for info in integer.tensors.values() if info.code is not None)
    stored += sum(48 * 6 for module in integer.modules if coded(module).thresholds is not None)
    assert integer.model_bits == stored


def test_the_example_network_stays_accurate(digits: Digits) -> None:
    network, test, calibration = digits
    assert test.y is not None
    integer = searched(network, calibration.x)
    assert accuracy(run(integer, test.x, collect=False)[integer.output], test.y) >= 95
    assert integer.average_bits[0] < 6


def test_the_choice_is_repeatable(digits: Digits) -> None:
    network, _, calibration = digits
    integer, again = (searched(network, calibration.x[:32]) for _ in range(2))
    assert again.tensors == integer.tensors
    for mine, theirs in zip(integer.modules, again.modules, strict=True):
        assert mine.bias is None or (mine.bias == theirs.bias).all()  # type: ignore[union-attr]


def test_fits_are_reported(digits: Digits) -> None:
    network, _, calibration = digits
    integer = dnateq.quantize(network, calibration.x, 4)
    fits = dnateq.fit_report(network, calibration.x, integer)
    assert [fit.kind for fit in fits] == ["activation", "weight"] * 4
    for fit in fits:
        assert fit.rmae > 0
        assert 0 < fit.uniform <= fit.full_range
        assert fit.wins == (fit.noise <= fit.uniform_noise)
        assert fit.signed == (fit.kind == "weight")
        assert len(fit.uniform_levels) == (15 if fit.signed else 31)
        assert fit.uniform_noise == fit.signed_noise if fit.signed else fit.uniform_noise < fit.signed_noise
        assert len(fit.edges) == len(fit.counts) + 1
    assert sum(fit.wins_signed for fit in fits) > 4
    assert not replace(fits[0], noise=2 * fits[0].uniform_noise).wins
    for kind, line in zip(("activation", "weight"), fit_lines(fits), strict=True):
        some = [fit for fit in fits if fit.kind == kind]
        assert f"{sum(fit.noise for fit in some):.3f} % in sum" in line
        assert f"with a sign {sum(fit.signed_noise for fit in some):.3f} %" in line
        assert line.split()[1:4] == [str(sum(fit.wins for fit in some)), "of", "4"]
    weight = network.modules[0].weight
    assert weight is not None
    assert sum(fits[1].counts) + fits[1].zeros == weight.size
    assert max(fits[1].edges) == np.abs(weight).max()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_fits_are_drawn(digits: Digits, tmp_path: Path, suffix: str) -> None:
    network, _, calibration = digits
    fits = dnateq.fit_report(network, calibration.x, dnateq.quantize(network, calibration.x[:20], 3))
    path = tmp_path / f"fits{suffix}"
    check_plot(path)
    draw_fits(fits[:3], path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    assert len(content) > 10000
    if suffix == ".svg":
        draw_fits(fits[:3], path)
        assert path.read_bytes() == content


def test_plots_that_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ShiftworkError, match=r"fit plot .*fits.jpg: .png or .svg is expected"):
        check_plot(tmp_path / "fits.jpg")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    with pytest.raises(ShiftworkError, match=r"fit plot needs matplotlib: pip install 'shiftwork\[plot\]'"):
        check_plot(tmp_path / "fits.png")


@pytest.mark.parametrize(("operator", "signed"), [("LogSoftmax", 1), ("Tanh", 1), ("Sigmoid", 0)])
def test_signs_of_what_host_and_tables_give_reach_the_engine(
    save_model: SaveModel, rng: np.random.Generator, operator: str, signed: int
) -> None:
    nodes = [(operator, ["in"], "f"), ("MatMul", ["f", "w"], "out")]
    path = save_model(nodes, {"w": rng.normal(0, 1, (6, 3)).astype(np.float32)}, ("N", 6))
    samples = rng.normal(0, 1, (16, 6)).astype(np.float32)
    network = quantize(Quantization("dnateq"), import_onnx(path), Data(samples, None))
    (layer,) = compile_network(network, ExpEngine(4, 8, 2)).layers.values()
    assert layer.configuration["cfg_row_signed"] == signed

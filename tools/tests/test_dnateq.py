# SPDX-License-Identifier: Apache-2.0
"""Networks of exponential codes: groups and widths, the integers against plain loops, accuracy, files."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from shiftwork.codes import exponential
from shiftwork.codes.exponential import Exponential
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import accuracy, evaluate, run
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import reference
from shiftwork.network.format_exponential import LiveWork
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import ExponentialCodes, IntegerModule, IntegerNetwork
from shiftwork.quantize import dnateq
from shiftwork.quantize.bounds import accumulator_bound, check_accumulators
from shiftwork.quantize.calibrate import calibrate
from shiftwork.quantize.expfit import Magnitudes, search_base
from shiftwork.report.fit_plot import check_plot, draw_fits
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


# -- groups and widths


def test_groups_share_base_and_width(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    found = dnateq.groups(network)
    kinds = {module.output: module.kind for module in network.modules}
    joined = next(group for group in found if any(kinds.get(name) == "concat" for name in group.tensors))
    assert {kinds[name] for name in joined.tensors} == {"conv", "concat", "maxpool"}
    integer = dnateq.quantize(network, x, exponent_bits=4)
    for module in integer.modules:
        source = integer.tensors[module.inputs[0]].code
        if coded(module).code is not None:
            assert source is not None
            assert (coded(module).code.base, coded(module).code.bits) == (source.base, source.bits)
        if module.kind in ("maxpool", "reshape", "concat") and source is not None:
            assert integer.tensors[module.output].code == source
    assert all(network.output not in group.tensors for group in found)


def test_candidates_lie_around_the_base_of_larger_error(digits: Digits) -> None:
    network, _, calibration = digits
    statistics = calibrate(network, calibration.x)
    weights = {module.name: module.weight for module in network.modules}
    for group in dnateq.fit_groups(network, statistics, (3, 5)):
        members = [statistics[group.tensors[0]].values, *(weights[name] for name in group.readers)]
        for bits, candidates in group.candidates.items():
            searched = max((search_base(Magnitudes.of(x), bits) for x in members), key=lambda fit: fit.rmae)  # type: ignore[arg-type]
            bases = [codes[""].base for codes in candidates]
            assert len(bases) > 1
            assert searched.code.base in bases
            for codes, base in zip(candidates, bases, strict=True):
                assert set(codes) == {"", *group.readers}
                assert {(code.base, code.bits) for code in codes.values()} == {(base, bits)}


def test_the_candidate_of_least_divergence_is_taken(digits: Digits) -> None:
    network, _, calibration = digits
    found = dnateq.fit_groups(network, calibrate(network, calibration.x), (3, 5))
    for group in found:
        for candidates in group.candidates.values():
            hopeless = {name: replace(code, alpha=100 * code.alpha) for name, code in candidates[0].items()}
            candidates.insert(0, hopeless)
    dnateq.measure(network, calibration.x[:40], found)
    for group in found:
        assert group.divergence[3] > group.divergence[5] > 0
        for bits, codes in group.best.items():
            assert codes.tensors[group.tensors[0]] in [codes[""] for codes in group.candidates[bits][1:]]
            assert set(codes.weights) == set(group.readers)


def test_divergence_by_hand(save_model: SaveModel, rng: np.random.Generator) -> None:
    path = save_model([("Gemm", ["in", "w"], "out")], {"w": rng.normal(0, 1, (6, 3)).astype(np.float32)}, ("N", 6))
    network, x = import_onnx(path), rng.normal(0, 1, (7, 6)).astype(np.float32)
    found = dnateq.fit_groups(network, calibrate(network, x), (3,))
    dnateq.measure(network, x, found)
    integer = dnateq.build(network, found[0].best[3])
    rounded = run(integer, x)[integer.output] * integer.output_scale
    total = 0.0
    for z, y in zip(reference(path, x).reshape(7, 3), rounded.reshape(7, 3), strict=True):
        p, q = np.exp(z) / np.exp(z).sum(), np.exp(y) / np.exp(y).sum()
        total += float(sum(p * np.log(p / q))) / 7
    assert found[0].divergence[3] == pytest.approx(total, rel=1e-3)


def test_a_price_takes_the_bits_that_are_worth_it() -> None:
    group = dnateq.Group(["x"], ["f"], 10, divergence={3: 1.0, 4: 0.3, 5: 0.25, 6: 0.01, 7: 0.0})
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


def test_expected_loss_by_hand() -> None:
    exact = np.array([[0.0, 1.0], [0.0, 30.0]])
    assert dnateq.expected_loss(exact, exact) == 0
    p = 1 / (1 + math.exp(-1))
    changed = sum(NormalDist().inv_cdf((place + 0.5) / 32) > 0.5 for place in range(32))
    loss = dnateq.expected_loss(exact, exact + np.array([[2.0, 0.0], [0.0, 0.0]]))
    assert loss == pytest.approx(100 * (2 * p - 1) * changed / 32 / 2)


def test_fewer_points_take_more_bits(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    told: list[str] = []
    wide, narrow = (
        dnateq.quantize(network, x, None, loss, lambda _i, _n, text: told.append(text)) for loss in (10.0, 100.0)
    )
    assert narrow.average_bits == (4.0, 4.0)
    assert 4 < wide.average_bits[0] <= 8
    assert wide.model_bits > narrow.model_bits
    assert told[0] == f"fit {network.input}"
    assert told[-1].startswith("exponents of 3.00 bits")


def test_a_limit_that_nothing_keeps(digits: Digits) -> None:
    network, _, calibration = digits
    with pytest.raises(ShiftworkError, match=r"no exponents of 3 to 7 bits keep -10.0 points"):
        dnateq.quantize(network, calibration.x[:16], None, -10.0)


# -- integers


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_modules_against_plain_loops(every_kind: tuple[FloatNetwork, np.ndarray], bits: int) -> None:
    network, x = every_kind
    integer = dnateq.quantize(network, x, exponent_bits=bits)
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
    integer = dnateq.quantize(network, x, exponent_bits=7)
    got = run(integer, x, collect=False)[integer.output] * integer.output_scale
    exact = reference(network.path, x)
    assert np.linalg.norm(got - exact) < 0.1 * np.linalg.norm(exact)


def test_relu6_has_a_largest_exponent(save_model: SaveModel, rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("Clip", ["c", "zero", "six"], "r"), ("Conv", ["r", "b"], "out")]
    weights = {name: rng.normal(0, 1, (3, 3, 1, 1)).astype(np.float32) for name in "ab"}
    path = save_model(nodes, weights | {"zero": np.float32(0), "six": np.float32(0.5)}, ("N", 3, 4, 4))
    network, x = import_onnx(path), rng.normal(0, 1, (30, 3, 4, 4)).astype(np.float32)
    integer = dnateq.quantize(network, x, exponent_bits=4)
    first = integer.modules[0]
    code = integer.tensors[first.output].code
    assert code is not None
    first.high -= 2
    signs, exponents = exponential.unpack(run(integer, x)[first.output], 4)
    assert exponents.max() == first.high
    assert signs.min() == 0


def test_accumulators_are_bounded(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    integer = dnateq.quantize(network, x, exponent_bits=5)
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
    integer = dnateq.quantize(network, calibration.x, exponent_bits=4)
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


def test_a_network_output_of_codes_is_refused(save_model: SaveModel, rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a"], "c"), ("MaxPool", ["c"], "out", {"kernel_shape": [2, 2]})]
    network = import_onnx(save_model(nodes, {"a": rng.normal(0, 1, (3, 3, 1, 1)).astype(np.float32)}, ("N", 3, 4, 4)))
    with pytest.raises(ShiftworkError, match="node 'out': a network output in exponential codes"):
        dnateq.quantize(network, rng.normal(0, 1, (4, 3, 4, 4)).astype(np.float32))


def test_integers_that_do_not_fit_are_refused(every_kind: tuple[FloatNetwork, np.ndarray]) -> None:
    network, x = every_kind
    found = dnateq.fit_groups(network, calibrate(network, x), (3,))
    codes = dnateq.ExpCodes({}, {})
    for group in found:
        codes.tensors |= dict.fromkeys(group.tensors, group.candidates[3][0][""])
        codes.weights |= {name: group.candidates[3][0][name] for name in group.readers}
    added = next(module for module in network.modules if module.kind == "add")
    first = network.modules[0]
    codes.biases[first.name] = np.full(4, 1e9)
    with pytest.raises(ShiftworkError, match=f"node '{first.name}': its bias takes more than 48 bits"):
        dnateq.build(network, codes)
    del codes.biases[first.name]
    codes.tensors[added.inputs[1]] = Exponential(3, 2.0, 1e-12, 0.0)
    with pytest.raises(ShiftworkError, match=rf"node '{added.name}': a shift of \d+ is outside 0..31"):
        dnateq.build(network, codes)


def test_save_and_load(every_kind: tuple[FloatNetwork, np.ndarray], tmp_path: Path) -> None:
    network, x = every_kind
    integer = dnateq.quantize(network, x, exponent_bits=4)
    loaded = IntegerNetwork.load(integer.save(tmp_path / "network.npz")[0])
    assert loaded.tensors == integer.tensors
    assert loaded.model_bits == integer.model_bits
    assert loaded.average_bits == (5.0, 5.0)
    assert [coded(module).code for module in loaded.modules] == [coded(module).code for module in integer.modules]
    again = run(loaded, x)
    assert all((codes == again[name]).all() for name, codes in run(integer, x).items())


def test_model_bits_are_all_that_is_stored(digits: Digits) -> None:
    network, _, calibration = digits
    integer = dnateq.quantize(network, calibration.x, exponent_bits=3)
    layers: list[IntegerModule] = [module for module in integer.modules if module.weight is not None]
    stored = sum(4 * m.weight.size + 48 * m.bias.size + 12 * 7 for m in layers)  # type: ignore[union-attr]
    stored += sum(16 * 7 for info in integer.tensors.values() if info.code is not None)
    stored += sum(48 * 6 for module in integer.modules if coded(module).thresholds is not None)
    assert integer.model_bits == stored


def test_the_example_network_stays_accurate(digits: Digits) -> None:
    network, test, calibration = digits
    assert test.y is not None
    integer = dnateq.quantize(network, calibration.x)
    assert accuracy(run(integer, test.x, collect=False)[integer.output], test.y) >= 95
    assert integer.average_bits[0] < 6


def test_the_choice_is_repeatable(digits: Digits) -> None:
    network, _, calibration = digits
    integer, again = (dnateq.quantize(network, calibration.x[:32]) for _ in range(2))
    assert again.tensors == integer.tensors
    for mine, theirs in zip(integer.modules, again.modules, strict=True):
        assert mine.bias is None or (mine.bias == theirs.bias).all()  # type: ignore[union-attr]


def test_fits_are_reported(digits: Digits) -> None:
    network, _, calibration = digits
    integer = dnateq.quantize(network, calibration.x, exponent_bits=4)
    fits = dnateq.fit_report(network, calibration.x, integer)
    assert [fit.kind for fit in fits] == ["activation", "weight"] * 4
    for fit in fits:
        assert 0 < fit.rmae < fit.full_range
        assert fit.uniform <= fit.full_range
        assert len(fit.edges) == len(fit.counts) + 1
    weight = network.modules[0].weight
    assert weight is not None
    assert sum(fits[1].counts) + fits[1].zeros == weight.size
    assert max(fits[1].edges) == np.abs(weight).max()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_fits_are_drawn(digits: Digits, tmp_path: Path, suffix: str) -> None:
    network, _, calibration = digits
    fits = dnateq.fit_report(network, calibration.x, dnateq.quantize(network, calibration.x[:20], exponent_bits=3))
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

# SPDX-License-Identifier: Apache-2.0
"""Weights of fewer terms, and the search for budgets by the cycles of an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from shiftwork.codes import terms
from shiftwork.compile import TrEngine, compile_network
from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import accuracy, run
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import logits
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork, Terms
from shiftwork.network.promise import Promise
from shiftwork.quantize import tr
from shiftwork.quantize.fewer_terms import fewer_terms, nearest
from shiftwork.quantize.judge import Judge, power_losses, split
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import SampleCycles, check, quantize
from shiftwork.tensors.im2col import weight_matrix

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
ENGINE = TrEngine(8, 16)

Digits = tuple[FloatNetwork, Data]


@pytest.fixture(scope="module")
def digits() -> Digits:
    network = import_onnx(EXAMPLE / "digits.onnx")
    return network, load_data(EXAMPLE / "digits_calib.npz", network)


@pytest.fixture(scope="module")
def automatic(digits: Digits) -> IntegerNetwork:
    """The example with default options."""
    return quantize(Quantization("tr"), *digits, engine=ENGINE)


def forms(network: IntegerNetwork) -> list[Terms]:
    return [cast(Terms, module.format) for module in network.convolutions]


def assert_revealed(network: IntegerNetwork) -> None:
    """Term revealing leaves the stored weights alone."""
    for module in network.convolutions:
        form = cast(Terms, module.format)
        for part in range(module.groups):
            matrix = weight_matrix(module, part)
            assert (form.multiplied(matrix, network.rule) == matrix).all(), module.name


class SomeCycles(SampleCycles):
    """Cycles on the engine, but for those that are given; no layer of ``refusing`` may stream activations."""

    def __init__(self, sample: np.ndarray, given: dict[str, int] | None = None, refusing: set[str] | None = None):
        super().__init__(ENGINE, sample)
        vars(self).update(given=given or {}, refusing=refusing or set())

    def __call__(self, network: IntegerNetwork, names: Any = None) -> dict[str, int]:
        found = super().__call__(network, names)
        return found | {name: cycles for name, cycles in self.given.items() if name in found}

    def refused(self, network: IntegerNetwork) -> set[str]:
        streams = {module.name for module in network.convolutions if module.format.stream == "activations"}
        return super().refused(network) | (streams & self.refusing)


def searched(digits: Digits, wish: Quantization, cycles: Any, tolerated: float = 0.5) -> IntegerNetwork:
    seen, held = split(digits[1].x)
    return tr.quantize(digits[0], seen, check(wish), Judge(digits[0], held, tolerated, len(digits[1].x), cycles))


# -- weights of fewer terms


@pytest.mark.parametrize(("group", "limit"), [(8, 8), (8, 3), (32, 32), (16, 1), (256, 50)])
def test_no_group_has_more_terms_than_its_limit(rng: np.random.Generator, group: int, limit: int) -> None:
    weights = rng.normal(0, 40, (5, 75))
    inputs = rng.normal(0, 1, (200, 75)).astype(np.float32)
    found = fewer_terms(weights, inputs, inputs @ weights.T.astype(np.float32), group, np.full(-(-75 // group), limit))
    assert np.abs(found).max() <= 127
    counts = np.add.reduceat(terms.count(found.astype(int)), np.arange(0, 75, group), axis=1)
    assert counts.max() <= limit
    assert (terms.reveal(found.astype(int), group, limit) == found).all()


def test_without_a_limit_that_binds_nothing_is_lost(rng: np.random.Generator) -> None:
    weights = rng.integers(-127, 128, (4, 40)).astype(float)
    inputs = rng.normal(0, 1, (300, 40)).astype(np.float32)
    found = fewer_terms(weights, inputs, inputs @ weights.T.astype(np.float32), 8, np.full(5, 40))
    assert (found == weights).all()


def test_sums_are_closer_than_those_of_receding_water(rng: np.random.Generator) -> None:
    mix = rng.normal(0, 1, (64, 64)) * np.geomspace(4, 0.1, 64)[:, None]
    inputs = np.maximum(rng.normal(0, 1, (2000, 64)) @ mix, 0).astype(np.float32)
    weights = rng.normal(0, 30, (8, 64)).clip(-127, 127)
    sums = inputs @ weights.T.astype(np.float32)
    found = fewer_terms(weights, inputs, sums, 8, np.full(8, 8))
    plain = terms.reveal(np.floor(weights + 0.5).astype(int), 8, 8)

    def error(codes: Any) -> float:
        return float((inputs @ codes.T - sums).var(axis=0).sum())

    assert error(found) < 0.5 * error(plain)


def test_long_reductions_are_chosen_part_by_part(rng: np.random.Generator) -> None:
    weights = rng.normal(0, 40, (2, 2500))
    inputs = rng.normal(0, 1, (50, 2500)).astype(np.float32)
    found = fewer_terms(weights, inputs, inputs @ weights.T.astype(np.float32), 32, np.full(79, 32))
    assert found.shape == weights.shape
    assert (terms.reveal(found.astype(int), 32, 32) == found).all()


@pytest.mark.parametrize(("group", "limit"), [(8, 8), (8, 3), (32, 32), (16, 1), (256, 50)])
def test_the_nearest_codes_keep_the_limit_and_stay(rng: np.random.Generator, group: int, limit: int) -> None:
    weights, limits = rng.normal(0, 40, (5, 75)), np.full(-(-75 // group), limit)
    found = nearest(weights, group, limits)
    assert np.abs(found).max() <= 127
    assert (terms.reveal(found, group, limit) == found).all()
    np.testing.assert_array_equal(nearest(found.astype(float), group, limits), found)
    water = terms.reveal(np.clip(np.floor(weights + 0.5), -127, 127).astype(int), group, limit)
    errors = [np.square(codes - weights.clip(-127, 127)).sum() for codes in (found, water)]
    assert errors[0] <= errors[1]


# -- fixed budgets


def test_fixed_budgets_store_revealed_weights(digits: Digits) -> None:
    wish = Quantization("tr", budget="12", layer=("fc:k=20,g=16", "conv1:off"))
    network = quantize(wish, *digits)
    assert forms(network)[1] == Terms(True, "weights", 8, 12, 3)
    assert forms(network)[3] == Terms(True, "weights", 16, 20, 3)
    assert not forms(network)[0].enabled
    assert_revealed(network)


def test_revealed_weights_take_the_same_cycles_without_term_revealing(automatic: IntegerNetwork) -> None:
    off = automatic.copy()
    for module in off.modules:
        module.format = Terms()
    first, second = (
        {name: ENGINE.sample_cycles(layer) for name, layer in compile_network(network, ENGINE).layers.items()}
        for network in (automatic, off)
    )
    assert first == second


def test_streamed_activations_leave_the_weights_alone(digits: Digits) -> None:
    plain = quantize(Quantization("fixed8", stream="activations"), *digits)
    network = quantize(Quantization("tr", stream="activations"), *digits)
    assert all(form.streams_rows for form in forms(network))
    assert all((a.weight == b.weight).all() for a, b in zip(network.convolutions, plain.convolutions, strict=True))


# -- budget auto


def test_auto_takes_fewer_cycles_and_keeps_its_promise(digits: Digits, automatic: IntegerNetwork) -> None:
    assert_revealed(automatic)
    promise, saving = automatic.promise, automatic.saving
    assert promise is not None and promise.kept
    assert saving is not None and saving.cycles is not None and saving.plain_cycles is not None
    assert saving.cycles < 0.6 * saving.plain_cycles
    assert saving.pairs < 0.6 * saving.plain_pairs
    assert {(form.group, form.data_terms) for form in forms(automatic)} == {(32, 0)}
    test = load_data(EXAMPLE / "digits_test.npz", digits[0])
    assert test.y is not None
    exact, got = logits(digits[0], test.x), run(automatic, test.x, collect=False)["logits"]
    assert accuracy(got, test.y) >= accuracy(exact, test.y) - 1


def test_predicted_cycles_are_those_of_the_schedule(digits: Digits, automatic: IntegerNetwork) -> None:
    sample = digits[1].x[:1]
    tensors = run(automatic, sample)
    cycles = SampleCycles(ENGINE, sample)(automatic)
    for name, layer in compile_network(automatic, ENGINE).layers.items():
        assert cycles[name] == pytest.approx(ENGINE.schedule(layer.operands(tensors)).cycles, rel=0.02), name


def test_never_slower_than_qt(digits: Digits, automatic: IntegerNetwork) -> None:
    cycles = SampleCycles(ENGINE, digits[1].x[:1])
    before = cycles(quantize(Quantization("joint"), *digits, engine=ENGINE))
    found = cycles(automatic)
    for module in automatic.convolutions:
        plain = module.format == Terms()
        assert found[module.name] == before[module.name] if plain else found[module.name] < before[module.name]


def test_an_engine_that_gains_nothing_leaves_all_layers_qt(digits: Digits) -> None:
    names = [module.name for module in quantize(Quantization("joint"), *digits).convolutions]
    found = searched(digits, Quantization("tr"), SomeCycles(digits[1].x[:1], dict.fromkeys(names, 7)))
    plain = quantize(Quantization("joint"), *digits)
    assert found.scheme == "tr"
    assert not any(form.enabled for form in forms(found))
    assert all((a.weight == b.weight).all() for a, b in zip(found.convolutions, plain.convolutions, strict=True))


def test_a_layer_that_gains_nothing_stays_qt(digits: Digits) -> None:
    found = searched(digits, Quantization("tr", stream="weights"), SomeCycles(digits[1].x[:1], {"conv2": 7}))
    assert [form.enabled for form in forms(found)] == [True, False, True, True]


def strict(judge: Judge, network: IntegerNetwork) -> Promise:
    """Whatever is revealed loses a point."""
    lost = 1.0 * any(form.enabled for form in forms(network))
    return Promise(lost, 0.0, lost, judge.tolerated, judge.held, judge.total)


@pytest.mark.parametrize("stream", ["weights", "activations"])
def test_a_judge_that_tolerates_no_term_less_yields_qt(
    digits: Digits, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judge, "promise", strict)
    few = digits[0], digits[1].first(32)
    found = searched(few, Quantization("tr", stream=stream, budget="auto"), SampleCycles(ENGINE, few[1].x[:1]), 0.0)
    assert not any(form.enabled for form in forms(found))
    assert found.saving is not None and found.saving.cycles == found.saving.plain_cycles


def test_where_no_term_may_go_layers_stream_what_takes_fewer_cycles(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, or activations, of which many are zero: it loses nothing."""
    monkeypatch.setattr(Judge, "promise", strict)
    sample = split(digits[1].x)[1][:1]
    plain = quantize(Quantization("joint"), *digits)
    other = quantize(Quantization("joint", stream="activations"), *digits)
    before, after = (SampleCycles(ENGINE, sample)(network) for network in (plain, other))
    found = searched(digits, Quantization("tr"), SampleCycles(ENGINE, sample))
    assert not any(form.enabled for form in forms(found))
    assert all((a.weight == b.weight).all() for a, b in zip(found.convolutions, plain.convolutions, strict=True))
    streams = {module.name: cast(Terms, module.format).stream for module in found.convolutions}
    assert streams == {name: "activations" if after[name] < before[name] else "weights" for name in before}
    assert "activations" in streams.values()
    saving = found.saving
    assert saving is not None
    assert saving.cycles == saving.either_cycles == sum(min(before[name], after[name]) for name in before)


def test_a_mixed_network_streams_both(digits: Digits) -> None:
    """Weights of few terms in some layers, activations in others, where little may be lost."""
    found = quantize(Quantization("tr", max_loss=0.08), *digits, engine=ENGINE)
    assert {form.stream for form in forms(found)} == {"weights", "activations"}
    assert found.promise is not None and found.promise.kept
    assert found.saving is not None and found.saving.cycles < found.saving.either_cycles
    assert_revealed(found)


def test_weights_alone_are_streamed_where_they_have_to_be(digits: Digits) -> None:
    """As on the accelerator, or on an engine that does not take activations."""
    sample = split(digits[1].x)[1][:1]
    names = {module.name for module in digits[0].modules}
    for wish, cycles in (
        (check(Quantization("tr"), inside=True), SomeCycles(sample)),
        (Quantization("tr", stream="weights"), SomeCycles(sample)),
        (Quantization("tr"), SomeCycles(sample, refusing=names)),
    ):
        found = searched(digits, wish, cycles)
        assert {form.stream for form in forms(found)} == {"weights"}
        assert found.saving is not None and found.saving.either_cycles == found.saving.plain_cycles


def test_activations_are_revealed_in_groups_that_the_engine_holds(digits: Digits) -> None:
    """A layer that no longer group fits has the next shorter one, one that fits none streams all terms or weights."""

    limits = dict(zip((m.name for m in digits[0].modules if m.weight is not None), (256, 128, 64, 8), strict=True))

    class Narrow(SampleCycles):
        def refused(self, network: IntegerNetwork) -> set[str]:
            form = {module.name: cast(Terms, module.format) for module in network.convolutions}
            return {name for name in form if form[name].streams_rows and form[name].group > limits[name]}

    seen, held = split(digits[1].x)
    judge = Judge(digits[0], held, 0.5, len(digits[1].x), Narrow(ENGINE, held[:1]))
    search = tr._search(digits[0], seen, check(Quantization("tr")), judge, None)
    groups = {name: {way.group for way in ways} - {None} for name, ways in search._streams.items()}
    assert groups == {name: {limit} if limit >= 64 else set() for name, limit in limits.items()}


def test_training_starts_with_whole_activations(digits: Digits) -> None:
    """What it emulates: weights of few terms, or activations of which nothing is left out."""
    seen, held = split(digits[1].x)
    judge = Judge(digits[0], held, 0.5, len(digits[1].x), SampleCycles(ENGINE, held[:1]))
    plain = tr.with_terms(digits[0], seen, 1.0, judge, "weights")
    found = tr.with_terms(digits[0], seen, 1.0, judge)
    assert not any(form.streams_rows for form in forms(found))
    assert {form.stream for form in forms(found)} == {"weights", "activations"}
    assert {form.stream for form in forms(plain)} == {"weights"}
    assert found.saving is not None and plain.saving is not None
    assert found.saving.cycles <= 1.05 * plain.saving.cycles
    errors = [power_losses(judge.exact, judge.outputs(network)).mean() for network in (found, plain)]
    assert errors[0] < errors[1]


def test_less_tolerance_takes_more_terms(digits: Digits, automatic: IntegerNetwork) -> None:
    assert automatic.promise is not None
    few = 0.5 * automatic.promise.bound
    found = quantize(Quantization("tr", max_loss=few), *digits, engine=ENGINE)
    assert found.saving is not None and automatic.saving is not None
    assert found.saving.cycles > automatic.saving.cycles
    assert found.promise is not None and (found.promise.kept or not any(form.enabled for form in forms(found)))


def test_two_samples_take_no_terms_away(digits: Digits) -> None:
    found = quantize(Quantization("tr"), digits[0], digits[1].first(2), engine=ENGINE)
    assert not any(form.enabled for form in forms(found))


def test_auto_with_activations_streamed(digits: Digits) -> None:
    few = digits[0], digits[1].first(64)
    found = quantize(Quantization("tr", stream="activations", budget="auto"), *few, engine=ENGINE)
    assert found.promise is not None and found.promise.kept
    assert found.saving is not None and found.saving.cycles < found.saving.plain_cycles


def test_auto_without_an_engine_is_refused(digits: Digits) -> None:
    with pytest.raises(ShiftworkError, match="needs an engine"):
        searched(digits, Quantization("tr"), None)


def test_depthwise_layers_stay_as_they_are(save_model: Callable[..., Path], rng: np.random.Generator) -> None:
    nodes = [("Conv", ["in", "a"], "d", {"group": 8}), ("Conv", ["d", "b"], "out")]
    w = {"a": rng.normal(0, 1, (8, 1, 3, 3)), "b": rng.normal(0, 1, (3, 8, 3, 3))}
    path = save_model(nodes, {k: v.astype(np.float32) for k, v in w.items()}, ("N", 8, 9, 9))
    network, samples = import_onnx(path), Data(rng.normal(0, 1, (24, 8, 9, 9)).astype(np.float32), None)
    for depthwise in (False, True):
        wish = Quantization("tr", budget="4", group=8, depthwise=depthwise)
        found = quantize(wish, network, samples)
        assert [form.enabled for form in forms(found)] == [depthwise, True]
        assert_revealed(found)


def test_scales_of_every_kind(digits: Digits) -> None:
    for scale in ("maxabs", "joint"):
        wish = replace(Quantization("tr", budget="1.5"), scale=scale)
        network = quantize(wish, digits[0], digits[1].first(64))
        assert_revealed(network)

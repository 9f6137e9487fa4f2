# SPDX-License-Identifier: Apache-2.0
"""Training of integer networks: agreement with the golden model, repeatability, checkpoints, errors."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from shiftwork.blocks.manifest import ROOT
from shiftwork.cli import main
from shiftwork.codes import sp2, terms
from shiftwork.compile import TrEngine
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import activations
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import OnItem
from shiftwork.quantize import msq, training
from shiftwork.quantize.judge import divergences
from shiftwork.quantize.recipe import Recipe
from shiftwork.quantize.training import Trained, augment, emulate, train
from shiftwork.schemes import SampleCycles
from shiftwork.tensors.im2col import weight_matrix

pytestmark = pytest.mark.full  # PyTorch is large: only `make sim` installs it (conftest.py)

EXAMPLE = ROOT / "examples" / "digits"
MODEL, TRAIN, TEST = EXAMPLE / "digits.onnx", EXAMPLE / "digits_train.npz", EXAMPLE / "digits_test.npz"
SHORT = Recipe(epochs=3, batch=32, shift=1, holdout=40)


@pytest.fixture(scope="module")
def digits() -> tuple[FloatNetwork, Data]:
    network = import_onnx(MODEL)
    return network, load_data(TRAIN, network, 200)


def _same(one: Trained, other: Trained) -> None:
    """Every bit of two results, wall time aside."""
    for name in ("best", "before", "start", "accuracy"):
        assert getattr(one, name) == getattr(other, name)
    assert [replace(e, seconds=0) for e in one.history] == [replace(e, seconds=0) for e in other.history]
    assert one.network.tensors == other.network.tensors
    for module, twin in zip(one.network.modules, other.network.modules, strict=True):
        assert module.attributes == twin.attributes
        for name in ("weight", "bias", "shift"):
            np.testing.assert_array_equal(getattr(module, name), getattr(twin, name))
        np.testing.assert_array_equal(module.format.factors(), twin.format.factors())


# -- the integer network


@pytest.mark.parametrize(
    ("scheme", "alpha"),
    [("msq", "free"), ("msq", "pot"), ("fixed4", "free"), ("sp2", "free"), ("sp2", "pot"), ("pot", "free")],
)
def test_the_emulation_equals_the_golden_model(digits, scheme: str, alpha: str) -> None:
    network, data = digits
    trained = train(network, data, replace(SHORT, scheme=scheme, alpha=alpha, epochs=1))
    samples = load_data(TEST, network, 100)
    codes = golden.run(trained.network, samples.x)
    emulated = emulate(trained.floats, trained.scales, samples.x)
    assert set(emulated) == set(codes)
    for name, values in emulated.items():
        expected = golden.real_outputs(trained.network, codes) if name == network.output else codes[name]
        np.testing.assert_array_equal(values, expected, err_msg=name)


def test_weights_end_on_their_levels(digits) -> None:
    network, data = digits
    trained = train(network, data, replace(SHORT, epochs=1, sp2_share=0.6))
    for module, source in zip(trained.network.modules, network.modules, strict=True):
        if module.weight is None:
            continue
        assert module.format.row_sp2 is not None
        np.testing.assert_array_equal(module.format.row_sp2, msq.assign_rows(source.weight, 0.6))  # fixed at the start
        assert np.isin(np.abs(module.weight[module.format.row_sp2]), sp2.levels()).all()
        assert np.isin(np.abs(module.weight[~module.format.row_sp2]), sp2.fixed_levels()).all()


def test_training_lowers_the_loss_and_moves_weights(digits) -> None:
    network, data = digits
    trained = train(network, data, replace(SHORT, distill=0.0, epochs=6, rate=0.05))
    assert trained.history[-1].loss < 0.7 * trained.history[0].loss
    before = msq.quantize(network, data.x[:160]).modules[0].weight
    assert not np.array_equal(trained.network.modules[0].weight, before)


def test_the_mean_follows_the_last_tenth_of_the_steps(digits) -> None:
    network, data = digits
    found = training._Training(network, data, SHORT.settled(len(data.x)), lambda *_: None, None)
    for step in range(1000):
        with training.torch.no_grad():
            for tensor in found.model.parameters():
                tensor.fill_(float(step))
        found.average(step)
        if step < 10:
            assert all((mean == step).all() for mean in found.mean)
    assert all(((mean > 890) & (mean < 930)).all() for mean in found.mean)
    found.adopt_mean()
    assert all(training.torch.equal(*pair) for pair in zip(found.mean, found.model.parameters(), strict=True))


@pytest.mark.parametrize("scheme", ["msq", "fixed4", "sp2", "pot"])
def test_the_recipe_of_the_example(scheme: str) -> None:
    network = import_onnx(MODEL)
    recipe = Recipe(scheme=scheme, epochs=20, batch=32, shift=1, holdout=119)
    trained = train(network, load_data(TRAIN, network), recipe)
    samples = load_data(TEST, network)
    assert samples.y is not None
    codes = golden.run(trained.network, samples.x, collect=False)[network.output]
    assert golden.accuracy(codes, samples.y) > 97.4  # the float network: 98.83


# -- weights of few terms


def _revealed(network: FloatNetwork, data: Data, **settings: object) -> Trained:
    recipe = Recipe(scheme="tr", unlabelled=True, batch=8, **settings)
    return train(network, data, recipe, cycles=SampleCycles(TrEngine(), data.x[:1]))


def test_the_emulation_of_few_terms_equals_the_golden_model(digits) -> None:
    network, data = digits
    trained = _revealed(network, data, epochs=1)
    samples = load_data(TEST, network, 100)
    codes = golden.run(trained.network, samples.x)
    for name, values in emulate(trained.floats, trained.scales, samples.x).items():
        expected = golden.real_outputs(trained.network, codes) if name == network.output else codes[name]
        np.testing.assert_array_equal(values, expected, err_msg=name)


def test_training_wins_back_what_few_terms_lose(digits) -> None:
    """A quarter of a term per value, so that there is something to win back; a rate of next to nothing does not."""
    network, _ = digits
    data, test = load_data(TRAIN, network), load_data(TEST, network)
    exact = np.concatenate([tensors[network.output] for tensors in activations(network, test.x)])

    def missed(integer: IntegerNetwork) -> float:
        outputs = golden.real_outputs(integer, golden.run(integer, test.x, collect=False))
        return float(divergences(network, exact, outputs).mean())

    trained = _revealed(network, data, terms=0.25, epochs=12)
    start = _revealed(network, data, terms=0.25, epochs=1, rate=1e-9)
    assert missed(trained.network) < 0.85 * missed(start.network)
    assert start.network.promise == start.before == trained.before  # nothing moved it
    assert trained.network.promise.estimate < 0.8 * trained.before.estimate
    for module in trained.network.convolutions:  # a quarter of a term per value is what training leaves
        assert module.format.enabled
        matrix = weight_matrix(module)
        assert (module.format.multiplied(matrix, trained.network.rule) == matrix).all(), module.name
        assert terms.count(matrix).sum() <= 0.26 * matrix.size
    saving = trained.network.saving
    assert saving.cycles == sum(SampleCycles(TrEngine(), data.x[:1])(trained.network).values())
    assert saving.cycles < 0.5 * saving.plain_cycles


def test_fewer_terms_take_fewer_cycles(digits) -> None:
    network, data = digits
    found = [_revealed(network, data, terms=terms, epochs=1).network.saving for terms in (1.5, 1.0, 0.75)]
    assert found[0].plain_cycles > found[0].cycles > found[1].cycles > found[2].cycles
    with pytest.raises(ShiftworkError, match="needs an engine"):
        train(network, data, Recipe(scheme="tr", unlabelled=True))


# -- networks with every kind of module


def test_every_kind_of_module(save_model, rng) -> None:
    weights = {
        "w1": rng.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "w2": rng.normal(0, 0.4, (8, 1, 3, 3)).astype(np.float32),
        "w3": rng.normal(0, 0.3, (4, 16, 2, 2)).astype(np.float32),
        "w4": rng.normal(0, 0.3, (5, 16)).astype(np.float32),
        "shape": np.array([-1, 16, 1, 1]),
        "starts": np.array([0, 0]),
        "ends": np.array([8, 8]),
        "axes": np.array([2, 3]),
        "steps": np.array([2, 2]),
    }
    window = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0]}
    nodes = [
        ("Conv", ["in", "w1"], "c1", {"pads": [1, 1, 1, 1]}),
        ("Relu", ["c1"], "r1"),
        ("Conv", ["r1", "w2"], "c2", {"pads": [1, 0, 1, 2], "group": 8}),
        ("MaxPool", ["c2"], "m", {**window, "ceil_mode": 1}),
        ("AveragePool", ["r1"], "a", window),
        ("Slice", ["r1", "starts", "ends", "axes", "steps"], "s"),
        ("Add", ["a", "s"], "plus"),
        ("Concat", ["m", "plus"], "cat", {"axis": 1}),
        ("Conv", ["cat", "w3"], "c3", {"pads": [1, 0, 0, 1]}),
        ("Relu", ["c3"], "r3"),
        ("MaxPool", ["r3"], "p3", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
        ("Reshape", ["p3", "shape"], "shaped"),
        ("Flatten", ["shaped"], "flat"),
        ("Gemm", ["flat", "w4"], "out", {"transB": 1}),
    ]
    network = import_onnx(save_model(nodes, weights))
    data = Data(rng.normal(size=(48, 3, 8, 8)).astype(np.float32), rng.integers(0, 5, 48))
    trained = train(network, data, Recipe(epochs=1, holdout=8, flip=True, sp2_share=0.5))
    codes = golden.run(trained.network, data.x)
    for name, values in emulate(trained.floats, trained.scales, data.x).items():
        expected = golden.real_outputs(trained.network, codes) if name == network.output else codes[name]
        np.testing.assert_array_equal(values, expected, err_msg=name)
    assert {module.kind for module in network.modules} >= {"conv", "add", "avgpool", "maxpool", "concat", "slice"}


def test_products_moves_and_constants(save_model, rng) -> None:
    weights = {name: rng.normal(0, 0.4, (8, 8)).astype(np.float32) for name in ("wa", "wb")}
    weights |= {"c": rng.normal(0, 0.4, (6, 8)).astype(np.float32), "w": rng.normal(0, 0.4, (36, 4)).astype(np.float32)}
    nodes = [
        ("MatMul", ["in", "wa"], "a"),
        ("MatMul", ["in", "wb"], "b"),
        ("Mul", ["a", "c"], "ac"),
        ("Transpose", ["b"], "bt", {"perm": [0, 2, 1]}),
        ("MatMul", ["ac", "bt"], "scores"),
        ("Transpose", ["scores"], "turned", {"perm": [0, 2, 1]}),
        ("Flatten", ["turned"], "flat"),
        ("MatMul", ["flat", "w"], "out"),
    ]
    network = import_onnx(save_model(nodes, weights, ("N", 6, 8)))
    assert {module.kind for module in network.modules} >= {"conv", "mul", "matmul"}
    assert network.constants
    data = Data(rng.normal(size=(48, 6, 8)).astype(np.float32), rng.integers(0, 4, 48))
    trained = train(network, data, Recipe(epochs=1, holdout=8))
    codes = golden.run(trained.network, data.x)
    for name, values in emulate(trained.floats, trained.scales, data.x).items():
        expected = golden.real_outputs(trained.network, codes) if name == network.output else codes[name]
        np.testing.assert_array_equal(values, expected, err_msg=name)


def test_functions_are_refused(save_model, rng) -> None:
    weight = rng.normal(size=(8, 3)).astype(np.float32)
    network = import_onnx(save_model([("Tanh", ["in"], "t"), ("MatMul", ["t", "w"], "out")], {"w": weight}, ("N", 8)))
    data = Data(rng.normal(size=(48, 8)).astype(np.float32), None)
    with pytest.raises(ShiftworkError, match=r"node 't' \(Tanh\): training takes no functions but ReLU"):
        train(network, data, Recipe(unlabelled=True))


# -- without labels


def test_labels_are_not_read(digits) -> None:
    network, data = digits
    recipe = replace(SHORT, unlabelled=True)
    trained = train(network, data, recipe)
    _same(trained, train(network, replace(data, y=None), recipe))
    assert trained.accuracy is None and trained.start is None
    _same(trained, train(network, replace(data, y=(data.y + 1) % 10), recipe))
    wrong = replace(SHORT, distill=0.0, rate=0.1, epochs=6)  # where labels are read, wrong ones do harm
    misled = train(network, replace(data, y=(data.y + 1) % 10), wrong)
    assert misled.history[-1].expected > trained.history[-1].expected + 10


def test_training_without_labels_keeps_more_of_the_float_network(digits) -> None:
    network, _ = digits
    data, test = load_data(TRAIN, network, 400), load_data(TEST, network)
    trained = train(network, Data(data.x, None), Recipe(unlabelled=True, epochs=8, batch=32, holdout=40))
    exact = np.concatenate([tensors[network.output] for tensors in activations(network, test.x)])

    def missed(integer: IntegerNetwork) -> float:
        outputs = golden.real_outputs(integer, golden.run(integer, test.x, collect=False))
        return float(divergences(network, exact, outputs).mean())

    start = msq.quantize(network, data.x[:256])
    nearest = msq.build(network, msq.choose(network, data.x[:256]))
    assert missed(trained.network) < missed(start) < missed(nearest)
    assert trained.network.promise.estimate <= trained.before.estimate


def test_samples_held_out_that_repeat_each_other_count_once(digits) -> None:
    network, data = digits
    places = [*range(60), *range(60, 80), *range(60, 70)]
    assert data.y is not None
    repeated = Data(data.x[places], data.y[places])
    trained = train(network, repeated, Recipe(epochs=1, batch=32, holdout=30))
    assert trained.before.held == 20
    assert trained.accuracy is not None
    assert trained.accuracy * 20 / 100 == pytest.approx(round(trained.accuracy * 20 / 100))


def test_searched_scales_of_an_activation_with_rare_large_values(save_model, rng) -> None:
    """One value in a hundred is large, and the layer behind saturates for it anyway: squared error makes room for it,
    the search does not."""
    weights = {
        "w1": np.eye(8, dtype=np.float32)[..., None, None],
        "cap": np.array(1.0, np.float32),
        "zero": np.array(0.0, np.float32),
        "w2": np.eye(8, dtype=np.float32)[..., None, None],
        "w3": rng.normal(0, 3, (8, 4)).astype(np.float32),
    }
    nodes = [
        ("Conv", ["in", "w1"], "c1"),
        ("Relu", ["c1"], "r1"),
        ("Conv", ["r1", "w2"], "c2"),
        ("Clip", ["c2", "zero", "cap"], "r2"),
        ("Flatten", ["r2"], "flat"),
        ("MatMul", ["flat", "w3"], "out"),
    ]
    network = import_onnx(save_model(nodes, weights, ("N", 8, 1, 1)))
    x = rng.uniform(0, 1, (128, 8, 1, 1)).astype(np.float32)
    x[::12, 0] = 30.0
    start = msq.prepared(network, x)
    found = training.searched(start[0], x, start[1], lambda *told: None)
    exact = np.concatenate([tensors[network.output] for tensors in activations(network, x)])

    def missed(network: FloatNetwork, scales: msq.MsqScales) -> float:
        integer = msq.build(*msq.settle(network, x, scales))
        outputs = golden.real_outputs(integer, golden.run(integer, x, collect=False))
        return float(divergences(network, exact, outputs).mean())

    assert missed(*found) < 0.5 * missed(*start)
    floats = np.concatenate([tensors[network.output] for tensors in activations(found[0], x)])
    np.testing.assert_allclose(floats, exact, rtol=1e-4, atol=1e-4)  # the same function


# -- repeatability


def test_a_seed_decides_everything(digits) -> None:
    network, data = digits
    first = train(network, data, SHORT)
    _same(first, train(network, data, SHORT))
    other = train(network, data, replace(SHORT, seed=2))
    assert other.history[0].loss != first.history[0].loss


def test_resuming_gives_the_uninterrupted_result(digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, data = digits
    recipe = replace(SHORT, search=True, inner=1.0, epochs=4)
    whole = train(network, data, recipe)
    checkpoint = tmp_path / "training.pt"
    epoch = training._Training.epoch

    def interrupted(self: training._Training, tell: OnItem) -> object:
        if len(self.history) == 2:
            raise KeyboardInterrupt
        return epoch(self, tell)

    monkeypatch.setattr(training._Training, "epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(network, data, recipe, checkpoint=checkpoint)
    monkeypatch.undo()
    _same(train(network, data, recipe, checkpoint=checkpoint, resume=True), whole)
    assert list(tmp_path.iterdir()) == [checkpoint]
    _same(train(network, data, recipe, checkpoint=checkpoint, resume=True), whole)  # nothing is left to do


def test_patience_ends_a_training(digits) -> None:
    network, data = digits
    trained = train(network, data, replace(SHORT, rate=1e-9, rho=0.0, epochs=50, patience=2))
    assert len(trained.history) == trained.best + 2


# -- augmentation


def test_augmentation_moves_and_mirrors(rng) -> None:
    x = rng.normal(size=(40, 5, 6, 2)).astype(np.float32)
    recipe = Recipe()
    assert augment(x, recipe, rng) is x
    mirrored = augment(x, replace(recipe, flip=True), rng)
    flips = [np.array_equal(a, b[:, ::-1]) for a, b in zip(mirrored, x, strict=True)]
    assert all(f or np.array_equal(a, b) for f, a, b in zip(flips, mirrored, x, strict=True))
    assert 0 < sum(flips) < 40
    moved = augment(x, replace(recipe, shift=2), rng)
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    places = set()
    for image, wide in zip(moved, padded, strict=True):
        found = [(i, j) for i in range(5) for j in range(5) if np.array_equal(image, wide[i : i + 5, j : j + 6])]
        assert found
        places.add(found[0])
    assert len(places) > 10


# -- mistakes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"rate": 0.0}, "rate 0.0"),
        ({"distill": 1.5}, "distill 1.5"),
        ({"distill": 0.5, "unlabelled": True}, "distill 0.5 leaves a share to labels, unlabelled none"),
        ({"holdout": 0}, "holdout 0"),
        ({"holdout": 200}, "holdout 200"),
        ({"scheme": "fixed8"}, "scheme fixed8: choose msq"),
        ({"alpha": "log"}, "alpha log: choose free or pot"),
        ({"scheme": "tr", "alpha": "free"}, "alpha belongs to scheme msq, fixed4, sp2, pot, not to scheme tr"),
        ({"terms": 1.0}, "terms belongs to scheme tr, not to scheme msq"),
        ({"scheme": "tr", "terms": 0.0}, "terms 0.0"),
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"inner": -1.0}, "inner -1.0"),
        ({"scheme": "tr", "inner": 1.0}, "inner belongs to scheme msq, fixed4, sp2, pot, not to scheme tr"),
        ({"scheme": "tr", "search": True}, "search belongs to scheme msq, fixed4, sp2, pot, not to scheme tr"),
        ({"sp2_share": 1.1}, "1.1"),
    ],
)
def test_an_illegal_recipe_is_refused(digits, change: dict[str, object], words: str) -> None:
    with pytest.raises(ShiftworkError, match=words):
        train(*digits, replace(SHORT, **change))


def test_labels_are_needed(digits) -> None:
    with pytest.raises(ShiftworkError, match="no labels 'y' beside the samples: unlabelled trains without them"):
        train(digits[0], Data(digits[1].x, None), SHORT)


def test_classes_are_needed(save_model, rng) -> None:
    weight = rng.normal(size=(2, 3, 1, 1)).astype(np.float32)
    network = import_onnx(save_model([("Conv", ["in", "w"], "out")], {"w": weight}, ("N", 3, 4, 4)))
    data = Data(rng.normal(size=(8, 3, 4, 4)).astype(np.float32), None)
    with pytest.raises(ShiftworkError, match="vector of classes; output 'out' is none"):
        train(network, data, Recipe(unlabelled=True))


def test_checkpoints_of_something_else_are_refused(digits, tmp_path: Path) -> None:
    network, data = digits
    checkpoint = tmp_path / "training.pt"
    with pytest.raises(ShiftworkError, match="no such file"):
        train(network, data, SHORT, checkpoint=checkpoint, resume=True)
    train(network, data, replace(SHORT, epochs=1), checkpoint=checkpoint)
    with pytest.raises(ShiftworkError, match="of another training: epochs differs"):
        train(network, data, SHORT, checkpoint=checkpoint, resume=True)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(ShiftworkError, match="not a checkpoint"):
        train(network, data, SHORT, checkpoint=checkpoint, resume=True)


# -- the command


def test_the_command_writes_a_network_that_simulate_reads(tmp_path: Path, capsys) -> None:
    small = tmp_path / "small.npz"
    with np.load(TRAIN) as archive:
        np.savez(small, x=archive["x"][:120], y=archive["y"][:120])
    network, report = tmp_path / "n.npz", tmp_path / "r.json"
    arguments = [
        "train",
        str(MODEL),
        "--data",
        str(small),
        "--scheme",
        "msq",
        "--epochs",
        "2",
        "--output",
        str(network),
    ]
    assert main([*arguments, "--checkpoint", str(tmp_path / "c.pt"), "--json", str(report)]) == 0
    shown = capsys.readouterr()
    assert "[2/2] loss" in shown.err and "held-out accuracy" in shown.out
    assert "starts from weights rounded with compensation: expected loss" in shown.out
    assert "of 2: expected loss" in shown.out and "on 12 of 120 samples, held out" in shown.out
    assert IntegerNetwork.load(network).scheme == "msq"
    assert '"best_epoch"' in report.read_text()
    assert main(["simulate", str(network), "--data", str(TEST), "--executor", "golden"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scheme", "fixed8"], "--scheme fixed8"),
        (["--resume"], "--resume needs --checkpoint"),
        (["--batch", "0"], "--batch 0"),
        (["--checkpoint", "no/such/folder/c.pt"], "--checkpoint"),
    ],
)
def test_bad_options_are_one_line(tmp_path: Path, capsys, words: list[str], message: str) -> None:
    arguments = ["train", str(MODEL), "--data", str(TRAIN), "--output", str(tmp_path / "n.npz")]
    assert main([*arguments, *words]) == 2
    assert message in capsys.readouterr().err


def test_the_recipe_is_plain_data() -> None:
    assert asdict(Recipe())["scheme"] == "msq"

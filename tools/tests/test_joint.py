# SPDX-License-Identifier: Apache-2.0
"""The joint search finds what brute force finds, in every width, and its network is the better one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shiftwork.errors import ShiftworkError
from shiftwork.golden.model import finished, run
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import logits
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize import joint
from shiftwork.quantize.fixed8 import quantize
from shiftwork.quantize.quantization import SCALE_METHODS
from shiftwork.quantize.scales import Bits, Scales
from shiftwork.tensors.arithmetic import module_output

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def digits() -> tuple[FloatNetwork, Data, Data]:
    """The example network, its test and its calibration data."""
    network = import_onnx(EXAMPLE / "digits.onnx")
    return network, load_data(EXAMPLE / "digits_test.npz", network), load_data(EXAMPLE / "digits_calib.npz", network)


Digits = tuple[FloatNetwork, Data, Data]


def output_error(network: IntegerNetwork, x: np.ndarray, path: Path = EXAMPLE / "digits.onnx") -> float:
    """Relative 2-norm of the error of the network output."""
    (got,) = finished(network, run(network, x, collect=False)).values()
    expected = logits(import_onnx(path), x.astype(np.float32))
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))


# -- one module against brute force

N_X, N_S = 5, 3


def module_and_probe(
    rng: np.random.Generator, bits: Bits, shortcut: bool
) -> tuple[FloatModule, Scales, joint.Probe, np.ndarray, np.ndarray]:
    """A 1 x 1 convolution of 3 to 2 channels with random codes at its inputs; the codes themselves come last."""
    weight, bias = rng.normal(0, 0.4, (2, 1, 1, 3)), rng.normal(0, 0.7, 2)
    module = FloatModule("m", "conv", ["x"], "y", weight, bias, "s" if shortcut else None, relu=True, clip=2.5)
    low, high = bits.activation_range(True)
    a, s = rng.integers(low, high + 1, (40, 3)), rng.integers(low, high + 1, (40, 2)) * shortcut
    real_a, real_s = a * 2.0**-N_X, s * 2.0**-N_S
    target = np.clip((real_a + rng.normal(0, 0.02, a.shape)) @ weight.reshape(2, 3).T + bias + real_s, 0, 2.5)
    scales = Scales(bits, {"x": True, "y": False, "s": True}, {"x": N_X, "y": 0, "s": N_S}, {})
    tables = real_a.astype(np.float32)[None]
    probe = joint.Probe(tables, real_s.astype(np.float32) if shortcut else None, *[target.astype(np.float32)] * 2)
    return module, scales, probe, a, s


def brute_force(
    module: FloatModule, tried: joint.Candidates, probe: joint.Probe, a: np.ndarray, s: np.ndarray, bits: Bits
) -> tuple[float, tuple[int, ...], tuple[int, ...], int]:
    """Least error and the largest triple that has it, by the integer arithmetic of the post unit."""
    assert module.weight is not None
    assert module.bias is not None
    top = bits.largest_weight
    best: tuple[float, tuple[int, ...], tuple[int, ...], int] | None = None
    choices = range(len(tried.weights)), range(tried.biases.shape[1])
    pairs = list(itertools.product(*choices))
    for steps in itertools.product(pairs, repeat=1 if tried.shared else 2):
        picked = steps * 2 if tried.shared else steps
        n_w = np.array([tried.weights[w, c] for c, (w, _) in enumerate(picked)])
        n_b = np.array([tried.biases[w, b, c] for c, (w, b) in enumerate(picked)])
        w = np.clip(np.floor(module.weight.reshape(2, 3) * 2.0 ** n_w[:, None] + 0.5), -top, top).astype(np.int64)
        acc = a @ w.T
        before = acc * 2.0 ** -(N_X + n_w) + s * 2.0**-N_S + module.bias
        through = (before > 0) & (before < 2.5)
        mean = np.where(through, probe.target - before, 0).sum(axis=0) / np.maximum(through.sum(axis=0), 1)
        for n_o, fit in itertools.product(tried.outputs, itertools.product((0, 1), repeat=2)):
            assert n_o is not None
            limit = bits.largest_bias
            stored = np.clip(np.floor((module.bias + fit * mean) * 2.0**n_b + 0.5), -limit, limit).astype(np.int64)
            shift = N_X + n_w - n_o
            if (shift < 0).any():
                continue
            high = min((1 << bits.activations) - 1, int(np.floor(2.5 * 2.0**n_o + 0.5)))
            got = module_output(acc, stored, N_X + n_w - n_b, s, N_X + n_w - N_S, shift, True, 0, high)
            error = float(np.square(got * 2.0**-n_o - probe.target).sum())
            key = error, tuple(-n_w), tuple(-n_b), -n_o
            if best is None or (round(key[0], 6), *key[1:]) < (round(best[0], 6), *best[1:]):
                best = key
    assert best is not None
    return best


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("bits", [Bits(8, 8, 16), Bits(4, 5, 8)], ids=["8 bits", "4 bits"])
def test_search_finds_the_optimum(rng: np.random.Generator, bits: Bits, shortcut: bool, shared: bool) -> None:
    module, scales, probe, a, s = module_and_probe(rng, bits, shortcut)
    tried = joint.candidates(module, scales, (6, 5, 4), shared)
    found = joint.choose(module, probe, tried, bits)
    error, n_w, n_b, n_o = brute_force(module, tried, probe, a, s, bits)
    assert found.error == pytest.approx(error, rel=1e-4)
    assert (tuple(-found.weights), -(found.output or 0)) == (n_w, n_o)
    assert bits.biases == 16 or tuple(-found.biases) == n_b
    assert not shared or len(set(found.weights)) == len(set(found.biases)) == 1


def test_candidates_stay_within_the_accumulator(rng: np.random.Generator) -> None:
    module, scales, _, _, _ = module_and_probe(rng, Bits(8, 8, 16), True)
    assert module.weight is not None
    assert module.bias is not None
    module.weight[1], module.bias[0] = 0, 1e-9
    tried = joint.candidates(module, scales, (6, 5), False)
    assert (np.diff(tried.weights[:, 0]) == -1).all()
    assert (tried.weights[:, 1] == tried.weights[:, 1][0]).all()  # no weights: the N_w of the tensor
    assert (tried.biases <= N_X + tried.weights[:, None]).all()
    module.bias[0] = 2.0**20
    assert (joint.candidates(module, scales, (6, 5), False).weights[:, 0] <= 30 - 20 - N_X).all()


def test_ties_take_the_largest_fractions() -> None:
    module = FloatModule("m", "conv", ["x"], "y", np.full((1, 1, 1, 1), 0.25), np.zeros(1))
    scales = Scales(Bits(8, 8, 16), {"x": True, "y": True}, {"x": 0, "y": 0}, {})
    x = np.array([[-8.0], [4.0], [8.0]], np.float32)
    probe = joint.Probe(x[None], None, x / 4, x / 4)
    tried = joint.candidates(module, scales, (8, 6, 5, 4, 0), True)
    found = joint.choose(module, probe, tried, scales.bits)
    assert found.error == 0
    assert found.weights == 9  # 127 for 0.25, which the rounding of the output hides as long as N_o is
    assert found.output == 4
    assert found.biases == 9  # N_x + N_w
    assert found.values == 0


def test_the_bias_takes_the_mean_error_out_of_a_channel(rng: np.random.Generator) -> None:
    module, scales, probe, _, _ = module_and_probe(rng, Bits(8, 8, 16), False)
    assert module.bias is not None
    true = module.bias.copy()
    module.bias += [0.3, -0.2]
    found = joint.choose(module, probe, joint.candidates(module, scales, (7, 6, 5), False), scales.bits)
    assert np.abs(found.values - true).max() < 0.05


# -- whole networks


@pytest.mark.parametrize("per_channel", [True, False])
def test_output_is_closer_than_with_separate_scales(digits: Digits, per_channel: bool) -> None:
    network, test, calibration = digits
    for width in (8, 6, 4):
        errors = {
            method: output_error(quantize(network, calibration.x, method, per_channel, width, width), test.x)
            for method in SCALE_METHODS
        }
        assert errors["joint"] < errors["mse"]
        assert errors["joint"] < errors["maxabs"]


def test_search_is_deterministic_and_told_about(digits: Digits, tmp_path: Path) -> None:
    network, _, calibration = digits
    seen: list[tuple[int, int, str]] = []
    first = quantize(network, calibration.x, "joint", progress=lambda *item: seen.append(item))
    assert [name for _, _, name in seen] == [module.name for module in network.modules]
    assert seen[-1][:2] == (len(network.modules), len(network.modules))
    files = [quantize(network, calibration.x, "joint").save(tmp_path / name)[1] for name in ("a", "b")]
    assert files[0].read_text() == files[1].read_text() == first.save(tmp_path / "c")[1].read_text()
    for module, other in zip(first.modules, IntegerNetwork.load(tmp_path / "a.npz").modules, strict=True):
        assert module.operators == other.operators
        for one, two in ((module.weight, other.weight), (module.bias, other.bias), (module.shift, other.shift)):
            assert (one is None and two is None) or np.array_equal(one, two)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", SCALE_METHODS)
@pytest.mark.parametrize(("weights", "activations"), [(4, 8), (8, 4), (5, 6), (7, 7)])
def test_codes_keep_their_widths(digits: Digits, method: str, weights: int, activations: int) -> None:
    network, test, calibration = digits
    integer = quantize(network, calibration.x, method, True, weights, activations)
    tensors = run(integer, test.x[:50])
    for name, info in integer.tensors.items():
        assert info.bits == (32 if name == integer.output else activations)
        low, high = info.limits
        assert low <= tensors[name].min() and tensors[name].max() <= high
    top = (1 << (weights - 1)) - 1
    largest = [int(np.abs(m.weight.astype(int)).max()) for m in integer.modules if m.weight is not None]
    assert max(largest) <= top
    assert max(largest) > top // 2
    biases = 16 if method == "joint" else 32
    sizes = [(m.weight.size, m.bias.size) for m in integer.modules if m.weight is not None and m.bias is not None]
    assert integer.model_bits == sum(weights * w + biases * b for w, b in sizes)


@pytest.mark.parametrize("width", [8, 12, 16])
def test_biases_are_stored_in_few_bits_and_shifted(digits: Digits, width: int) -> None:
    network, test, calibration = digits
    integer = quantize(network, calibration.x, "joint", bias_bits=width)
    shifted = 0
    for module in integer.modules:
        if module.bias is not None and module.bias_shift is not None:
            assert np.abs(module.bias).max() < 1 << (width - 1)
            assert module.bias_shift.min() >= 0
            shifted += int((module.bias_shift > 0).sum())
    assert shifted or width == 16
    assert output_error(integer, test.x) < 1.5 * output_error(quantize(network, calibration.x, "mse"), test.x)


@pytest.mark.parametrize("bits", [{"weight_bits": 3}, {"activation_bits": 9}, {"bias_bits": 7}])
def test_illegal_widths(digits: Digits, bits: dict[str, int]) -> None:
    with pytest.raises(ShiftworkError, match="bits"):
        quantize(digits[0], digits[2].x[:8], "joint", **bits)  # type: ignore[arg-type]


def test_concatenation_pooling_and_addition(save_model: Callable[..., Path], rng: np.random.Generator) -> None:
    nodes = [
        ("Conv", ["in", "a"], "c"),
        ("Relu", ["c"], "cr"),
        ("MaxPool", ["cr"], "p", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Conv", ["p", "b"], "d"),
        ("Relu", ["d"], "dr"),
        ("Conv", ["p", "b2"], "e", {"group": 4}),
        ("Relu", ["e"], "er"),
        ("Concat", ["dr", "er"], "m", {"axis": 1}),
        ("Add", ["m", "m"], "t"),
        ("AveragePool", ["t"], "v", {"kernel_shape": [2, 2]}),
        ("Conv", ["v", "z"], "out"),
    ]
    shapes = {"a": (4, 2, 3, 3), "b": (3, 4, 1, 1), "b2": (4, 1, 1, 1), "z": (2, 7, 1, 1)}
    path = save_model(nodes, {k: rng.normal(0, 1, v).astype(np.float32) for k, v in shapes.items()}, ("N", 2, 8, 8))
    x = rng.normal(0, 1, (12, 2, 8, 8)).astype(np.float32)
    found, start = (quantize(import_onnx(path), x, method) for method in ("joint", "mse"))
    fractions = {name: info.fraction for name, info in found.tensors.items()}
    assert fractions["cr"] == fractions["p"]
    assert fractions["dr"] == fractions["er"] == fractions["m"] == start.tensors["m"].fraction
    assert output_error(found, x, path) < 1.1 * output_error(start, x, path)

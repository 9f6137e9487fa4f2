# SPDX-License-Identifier: Apache-2.0
"""What a network is expected to lose: by hand, and on networks that are made worse and worse."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from shiftwork.example import CALIBRATION, MODEL
from shiftwork.network.data import Data, load_data
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.network.promise import FEW, Promise
from shiftwork.quantize import fixed8
from shiftwork.quantize.judge import Judge, class_losses, power_losses, split
from shiftwork.quantize.quantization import Quantization
from shiftwork.report.text import promise_lines
from shiftwork.schemes import quantize


@pytest.fixture(scope="module")
def digits() -> tuple[FloatNetwork, Data]:
    network = import_onnx(MODEL)
    return network, load_data(CALIBRATION, network)


def test_class_losses_by_hand() -> None:
    exact = np.array([[0.0, 1.0], [0.0, 30.0]])
    assert class_losses(exact, exact).tolist() == [0, 0]
    p = 1 / (1 + math.exp(-1))
    factors = [NormalDist().inv_cdf((place + 0.5) / 32) for place in range(32)]
    # The second class gains 1 in the mean of both samples; the first sample has 1 more than that, of either sign.
    losses = class_losses(exact, exact + np.array([[2.0, 0.0], [0.0, 0.0]]))
    assert losses == pytest.approx([100 * (2 * p - 1) * sum(factor > 0.5 for factor in factors) / 32, 0])
    # All of it is the mean where all samples have it.
    losses = class_losses(exact, exact + np.array([[2.0, 0.0], [2.0, 0.0]]))
    assert losses == pytest.approx([100 * (2 * p - 1) * sum(abs(factor) > 0.5 for factor in factors) / 32, 0])


def test_power_losses_by_hand() -> None:
    exact = np.array([[[3.0, 4.0]], [[5.0, 0.0]]])
    assert power_losses(exact, exact + np.array([[[0.0, 1.0]], [[0.0, 0.0]]])) == pytest.approx([4, 0])
    assert power_losses(np.zeros((2, 3)), np.zeros((2, 3))).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("count", "held"), [(1, 1), (2, 1), (3, 1), (12, 6), (48, 24), (96, 24), (97, 24), (256, 64), (1000, 250)]
)
def test_samples_are_seen_or_held_back(count: int, held: int) -> None:
    samples = np.arange(count, dtype=np.float32)[:, None]
    seen, kept = split(samples)
    assert len(kept) == held
    assert sorted({*seen[:, 0], *kept[:, 0]}) == list(range(count))
    assert len(seen) == (count - held or 1)
    if held > 1:
        assert np.diff(kept[:, 0]).max() - np.diff(kept[:, 0]).min() <= 1


def test_fewer_bits_lose_more(digits: tuple[FloatNetwork, Data]) -> None:
    network, calibration = digits
    found = []
    for bits in (8, 5, 4):
        wish = Quantization("fixed8", weight_bits=bits, activation_bits=bits)
        promise = quantize(wish, network, calibration).promise
        assert promise is not None
        assert (promise.samples, promise.held, promise.source) == (256, 64, "digits_calib.npz")
        assert promise.classes
        assert promise.bound == promise.estimate + promise.error
        found.append(promise)
    assert found[0].kept
    assert found[0].estimate < found[1].estimate < found[2].estimate


def test_what_the_judge_holds_back_is_not_seen(
    digits: tuple[FloatNetwork, Data], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, calibration = digits
    seen: list[np.ndarray] = []
    original = fixed8.calibrate

    def spy(network: FloatNetwork, x: np.ndarray) -> object:
        seen.append(x)
        return original(network, x)

    monkeypatch.setattr(fixed8, "calibrate", spy)
    quantize(Quantization("fixed8"), network, calibration)
    held = {sample.tobytes() for sample in split(calibration.x)[1]}
    assert len(seen) == 1
    assert not held & {sample.tobytes() for sample in seen[0]}


def test_a_wrong_network_is_found_out(digits: tuple[FloatNetwork, Data]) -> None:
    network, calibration = digits
    integer = fixed8.quantize(network, calibration.x)
    judge = Judge(network, split(calibration.x)[1], 0.5, len(calibration.x))
    assert judge.promise(integer).kept
    module = integer.modules[-1]
    assert module.weight is not None
    module.weight = np.roll(module.weight, 1, axis=0)  # every class is called by the name of another one
    assert judge.promise(integer).estimate > 50


def test_few_samples_are_no_certainty(digits: tuple[FloatNetwork, Data]) -> None:
    network, calibration = digits
    integer = fixed8.quantize(network, calibration.x)
    for count, kept in ((1, False), (5, False), (24, True)):
        promise = Judge(network, calibration.x[:count], 0.5, count).promise(integer)
        assert promise.estimate < 0.1
        assert promise.error >= 3 / count
        assert promise.kept == kept


def test_samples_that_repeat_each_other_count_once(digits: tuple[FloatNetwork, Data]) -> None:
    network, calibration = digits
    repeated = np.repeat(calibration.x[:2], 50, axis=0)
    promise = quantize(Quantization("fixed8"), network, Data(repeated, None)).promise
    assert promise is not None
    assert (promise.samples, promise.held) == (100, 2)
    assert not promise.kept
    assert "repeat each other: 2 held back differ" in promise_lines(promise, "fixed8")[-1]


def test_an_unsure_network_is_told_of(digits: tuple[FloatNetwork, Data]) -> None:
    network, calibration = digits
    last = network.modules[-1]
    assert last.weight is not None
    assert last.bias is not None
    cold = replace(
        network, modules=[*network.modules[:-1], replace(last, weight=last.weight / 50, bias=last.bias / 50)]
    )
    for some, warned in ((network, False), (cold, True)):
        promise = quantize(Quantization("fixed8"), some, calibration).promise
        assert promise is not None
        assert any("no log-probabilities" in line for line in promise_lines(promise, "fixed8")) == warned


def test_joint_takes_the_best_scales(digits: tuple[FloatNetwork, Data], monkeypatch: pytest.MonkeyPatch) -> None:
    network, calibration = digits
    ranks = {"joint": (0.2, 1.0), "maxabs": (0.1, 3.0), "mse": (0.1, 2.0)}

    def rank(judge: Judge, integer: IntegerNetwork) -> tuple[float, float]:
        assert integer.scales is not None
        return ranks[integer.scales]

    monkeypatch.setattr(Judge, "rank", rank)
    assert quantize(Quantization("joint"), network, Data(calibration.x[:8], None)).scales == "mse"


def test_a_report_says_what_to_mind() -> None:
    promise = Promise(0.1, 0.05, 0.15, 0.5, 64, 256, "c.npz")
    assert promise_lines(promise, "msq") == [
        "calibration     256 samples of c.npz, 64 of them held back",
        "expected loss   0.10 +- 0.05 points, at most 0.15; 0.5 tolerated",
    ]
    worse = replace(promise, estimate=8.0, bound=9.0, samples=FEW - 1)
    assert [line.split()[0] for line in promise_lines(worse, "msq")[2:]] == ["warning"] * 3
    assert "shiftwork train --unlabelled --scheme msq" in promise_lines(worse, "msq")[-1]
    assert "train" not in promise_lines(worse, "dnateq")[-1]
    assert "SQNR 30.0 dB" in promise_lines(replace(promise, classes=False), "tr")[1]

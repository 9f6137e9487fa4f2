# SPDX-License-Identifier: Apache-2.0
"""Random small ONNX models: the float graph against onnxruntime, golden against the float graph, RTL against golden.

A failure names its seed; ``python tools/tests/random_graphs.py SEED out.onnx`` writes the model.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from random_graphs import random_graph

from shiftwork.compile import Engine, ExpEngine, MsqEngine, Operands, TrEngine, requant_of
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data, array_sizes, load_data
from shiftwork.network.floating import activations, evaluate, reference
from shiftwork.network.format import Codes
from shiftwork.network.graph import FloatModule, FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.quantize.quantization import Quantization
from shiftwork.run.layers import execute
from shiftwork.schemes import quantize

SEED = int(os.environ.get("SHW_SEED") or "1")
FIRST = 1000 * SEED
QUICK, ALL, PART = 60, 500, 50
TOLERANCE = 1e-3
"""Of the float graph: part of the range of an output; rounding of float32 takes a hundredth of it."""
FLOOR = 10.0
"""Signal to noise of every output of 8 bits, in dB, where no function of the model jumps."""
REFUSALS = ("no scale fits", "too small beside what they are added to", "a network output by scale cannot have")
"""What few bits cannot say, and an engine of 4 bits not add: such a graph is left out under the second scheme."""
MOST_REFUSED = 0.1
OTHERS = ("tr", "joint", "msq", "dnateq")
ENGINES: dict[type, Engine] = {
    engine.form: engine for engine in (TrEngine(4, 8), MsqEngine(2, 3, 4, 4), ExpEngine(4, 8, 2))
}

Outputs = dict[str, NDArray[Any]]


@dataclass
class Case:
    """A model as it was read, its samples, and what onnxruntime makes of them."""

    network: FloatNetwork
    data: Data
    exact: Outputs
    jumps: bool = False

    def integers(self, scheme: str) -> IntegerNetwork:
        """Quantized; every sample is seen and held back, because so few tell too little of each other."""
        twice = replace(self.data, x=np.repeat(self.data.x, 2, axis=0))
        return quantize(Quantization(scheme), self.network, twice)


def read(seed: int, folder: Path) -> Case:
    """The case of a seed."""
    made = random_graph(seed)
    path = folder / f"{seed}.onnx"
    samples = made.save(path)
    network = import_onnx(path, array_sizes(samples))
    data = load_data(samples, network)
    return Case(network, data, reference(network, data.x), made.jumps)


def float_outputs(case: Case) -> Outputs:
    """Outputs of the float graph in the model's layout."""
    parts = [case.network.ends.finish(tensors) for tensors in activations(case.network, case.data.x)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def largest_error(exact: Outputs, found: Outputs) -> float:
    """Largest difference of any output as a part of its range; infinite where the shapes differ."""
    errors = [0.0]
    for name, value in exact.items():
        if found[name].shape != value.shape:
            return np.inf
        span = float(np.abs(value).max())
        errors.append(float(np.abs(found[name].astype(np.float64) - value).max()) / (span or 1.0))
    return max(errors)


def signal_to_noise(exact: Outputs, found: Outputs) -> float:
    """Of the worst output of real numbers, in dB; infinite where there is none, or no noise."""
    ratios = [np.inf]
    for name, value in exact.items():
        noise = np.square(found[name].astype(np.float64) - value).mean()
        if value.dtype.kind == "f" and noise > 0:
            ratios.append(10 * np.log10(np.square(value.astype(np.float64)).mean() / noise))
    return float(min(ratios))


def expected(
    integer: IntegerNetwork, module: FloatModule, built: IntegerModule, tensors: dict[str, Codes]
) -> NDArray[np.float64]:
    """Output of a module of plain integers, computed in float from what the codes that it reads stand for."""
    if built.weight is not None:
        assert built.bias is not None
        assert built.bias_shift is not None
        assert built.shift is not None
        n_sum = integer.tensors[module.output].fraction + built.shift
        n_weight = n_sum - integer.tensors[module.inputs[0]].fraction
        weight = built.weight * 2.0 ** -n_weight.reshape(-1, 1, 1, 1)
        module = replace(module, weight=weight, bias=built.bias * 2.0 ** (built.bias_shift - n_sum))
    real = {name: integer.real(name, tensors[name]).astype(np.float32) for name in module.reads()}
    return evaluate(module, real).astype(np.float64)


def check_modules(case: Case, integer: IntegerNetwork, tensors: dict[str, Codes]) -> None:
    """Every module of plain integers by itself: the float graph's, rounded to codes; a tie may fall to either side."""
    for module, built in zip(case.network.modules, integer.modules, strict=True):
        real, codes = expected(integer, module, built, tensors), tensors[module.output]
        info = integer.tensors[module.output]
        if info.bits > 8:
            known = integer.real(module.output, codes)
            assert np.allclose(known, real, rtol=1e-5, atol=1e-5 * np.abs(known).max()), module.name
        else:
            apart = np.abs(info.encode(real).astype(np.int64) - codes)
            assert apart.max() <= 1 and np.count_nonzero(apart) <= 0.02 * apart.size, module.name


def check(seed: int, folder: Path, schemes: tuple[str, ...]) -> list[tuple[Case, IntegerNetwork, dict[str, Codes]]]:
    """Everything that takes no device."""
    case = read(seed, folder)
    error = largest_error(case.exact, float_outputs(case))
    assert error < TOLERANCE, f"float graph: {error:.2g} of the range"
    done = []
    for scheme in schemes:
        try:
            integer = case.integers(scheme)
        except ShiftworkError as error:
            if not _refused(scheme, error):
                raise
            continue
        tensors = golden.run(integer, case.data.x)
        outputs = golden.finished(integer, tensors)
        assert {name: value.shape for name, value in outputs.items()} == {
            name: value.shape for name, value in case.exact.items()
        }
        if scheme in ("fixed8", "joint"):
            check_modules(case, integer, tensors)
        if scheme == "fixed8":
            ratio = signal_to_noise(case.exact, outputs)
            assert case.jumps or ratio >= FLOOR, f"{ratio:.1f} dB"
        integer.save(folder / "network.npz")
        again = IntegerNetwork.load(folder / "network.npz")
        for name, value in golden.finished(again, golden.run(again, case.data.x)).items():
            assert np.array_equal(value, outputs[name]), f"{scheme}: {name} differs after saving"
        done.append((case, integer, tensors))
    return done


def _refused(scheme: str, error: ShiftworkError) -> bool:
    return scheme != "fixed8" and any(reason in str(error) for reason in REFUSALS)


def named(seed: int, folder: Path, schemes: tuple[str, ...]) -> list[tuple[Case, IntegerNetwork, dict[str, Codes]]]:
    """:func:`check`, whose failures name the seed."""
    try:
        return check(seed, folder, schemes)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error


def _schemes(seed: int) -> tuple[str, ...]:
    return "fixed8", OTHERS[seed % len(OTHERS)]


@pytest.mark.parametrize("start", range(0, QUICK, 10))
def test_random_graphs(start: int, tmp_path: Path) -> None:
    for seed in range(FIRST + start, FIRST + start + 10):
        named(seed, tmp_path, _schemes(seed))


_device = lru_cache(maxsize=None)(SimulatedDevice)


def mismatches(case: Case, integer: IntegerNetwork, tensors: dict[str, Codes], tamper: Any = None) -> int:
    """Values of any module that differ between RTL and golden, for two samples."""
    if not integer.convolutions:
        return 0
    device = _device(ENGINES[type(integer.convolutions[0].format)], requant_of(integer))
    size = case.network.batch or 2
    done = execute(integer, case.data.x[:size], {name: codes[:size] for name, codes in tensors.items()}, device,
                   tamper=tamper, predict=False)  # fmt: skip
    assert all(layer.compared > 0 for layer in done.layers)
    return sum(layer.mismatches for layer in done.layers)


@pytest.mark.full
@pytest.mark.parametrize("start", range(0, ALL, PART))
def test_random_graphs_on_the_rtl(start: int, tmp_path: Path) -> None:
    compared = 0
    for seed in range(FIRST + start, FIRST + start + PART):
        for case, integer, tensors in named(seed, tmp_path, _schemes(seed)):
            try:
                found = mismatches(case, integer, tensors)
            except ShiftworkError as error:
                if not _refused(integer.scheme, error):
                    raise AssertionError(f"seed {seed}, {integer.scheme}: {error}") from error
                continue
            assert found == 0, f"seed {seed}, {integer.scheme}: {found} differ"
            compared += 1
    assert compared >= 2 * PART * (1 - MOST_REFUSED)


# Negative controls: what must be found is found.


def _layered(folder: Path) -> tuple[Case, IntegerNetwork, dict[str, Codes]]:
    """The first random model with a convolution and an output of real numbers."""
    for seed in range(FIRST, FIRST + QUICK):
        found = named(seed, folder, ("fixed8",))[0]
        if found[1].convolutions and not found[0].jumps:
            return found
    raise AssertionError("no random model has a convolution")


def test_a_wrong_float_graph_is_found(tmp_path: Path) -> None:
    """A wrong bias; what normalizes its values may hide one, but not those of all layers."""
    case, _, _ = _layered(tmp_path)
    for module in case.network.modules:
        if module.bias is not None:
            module.bias = module.bias + 0.5 * np.arange(len(module.bias)) + 0.5
    assert largest_error(case.exact, float_outputs(case)) > TOLERANCE


def test_a_wrong_golden_model_is_found(tmp_path: Path) -> None:
    case, integer, tensors = _layered(tmp_path)
    name = integer.convolutions[0].output
    tensors[name] = tensors[name] + np.ones_like(tensors[name]) * 2
    with pytest.raises(AssertionError):
        check_modules(case, integer, tensors)


def _flip_weights(operands: Operands) -> None:
    operands.layer.weights[:, operands.beats // 2] ^= 0x40


@pytest.mark.full
def test_a_wrong_weight_is_found_on_the_rtl(tmp_path: Path) -> None:
    assert mismatches(*_layered(tmp_path), tamper=_flip_weights) > 0

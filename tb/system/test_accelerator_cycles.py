# SPDX-License-Identifier: Apache-2.0
"""Cycles of programs of the accelerator equal their prediction, layer by layer, where memory does not stall."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pytest

from shiftwork.compile import MacEngine, MsqEngine, TrEngine, msq_cycles, tr_cycles
from shiftwork.compile.accel_cycles import machine, moves, predict, result_control
from shiftwork.compile.accelerator import Accelerator, AcceleratorProgram, compile_accelerator
from shiftwork.device.simulated_accelerator import Counters, SimulatedAccelerator
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.integer import IntegerNetwork, Terms
from shiftwork.run.accelerated import execute_accelerator
from system import networks
from system.random_networks import random_network

MEMORIES = {"activation_memory": 64, "weight_words": 512, "constants": 128}
SHAPES = {
    "tr 2x8": Accelerator(TrEngine(2, 8), **MEMORIES | {"activation_memory": 32}),
    "tr 8x16": Accelerator(TrEngine(8, 16), **MEMORIES),
    "tr 4x16": Accelerator(TrEngine(4, 16), **MEMORIES),
    "tr 8x32": Accelerator(TrEngine(8, 32), **MEMORIES),
    "tr 16x64": Accelerator(TrEngine(16, 64), **MEMORIES),
    "tr 8x8, strips": Accelerator(TrEngine(8, 8), **MEMORIES | {"activation_memory": 2}),
    "mac 2x8": Accelerator(MacEngine(2, 8), **MEMORIES | {"activation_memory": 32}),
    "mac 4x16": Accelerator(MacEngine(4, 16), **MEMORIES),
    "mac 8x32": Accelerator(MacEngine(8, 32), **MEMORIES),
    "mac 8x8, strips": Accelerator(MacEngine(8, 8), **MEMORIES | {"activation_memory": 2}),
    "msq 2x8": Accelerator(MsqEngine(1, 1, 8, lanes=1), **MEMORIES | {"activation_memory": 32}),
    "msq 8x16": Accelerator(MsqEngine(4, 4, 16, lanes=1), **MEMORIES),
    "msq 16x8": Accelerator(MsqEngine(8, 8, 8, lanes=1), **MEMORIES),
    "msq 8x32": Accelerator(MsqEngine(8, 0, 32, lanes=1), **MEMORIES),
    "msq 8x8, strips": Accelerator(MsqEngine(0, 8, 8, lanes=1), **MEMORIES | {"activation_memory": 2}),
}
QUICK = ("tr 8x16",)


def shapes(names: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "shape", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.full) for name in names]
    )


LATENCIES = (1, 7, 30)
TERMS = (Terms(), Terms(True, group=8, budget=12, data_terms=3), Terms(True, group=1, budget=2))
MODES: dict[str, tuple[Terms | str, ...]] = {"tr": TERMS, "mac": TERMS[:1], "msq": ("msq-free", "msq-pot")}
"""Numbers of random networks by the engine's kind."""


@lru_cache
def device(shape: str) -> SimulatedAccelerator:
    return SimulatedAccelerator(SHAPES[shape])


def simulated(shape: str, program: AcceleratorProgram, codes: np.ndarray, latency: int) -> Counters:
    memory = program.memory.copy()
    program.put(memory, codes)
    device(shape).latency = latency
    return device(shape).run(program, memory)


def compare(shape: str, network: IntegerNetwork, codes: np.ndarray, latency: int) -> int:
    """Compare a run with its prediction; its cycles."""
    program = compile_accelerator(network, SHAPES[shape])
    predicted, measured = predict(program, latency), simulated(shape, program, codes, latency)
    assert predicted.layers == measured.layers
    assert predicted.cycles == measured.cycles
    return measured.cycles


def networks_for(shape: str, seeds: range) -> list[tuple[IntegerNetwork, np.ndarray]]:
    """Random networks that fit a shape, at least a third of the seeds give one."""
    modes = MODES[SHAPES[shape].engine.kind]
    found = []
    for seed in seeds:
        network, codes = random_network(modes[seed % len(modes)], seed)
        try:
            compile_accelerator(network, SHAPES[shape])
        except ShiftworkError:
            continue
        found.append((network, codes[0]))
    assert 3 * len(found) >= len(seeds)
    return found


@shapes(SHAPES)
def test_cycles_of_random_networks(shape: str) -> None:
    for index, (network, codes) in enumerate(networks_for(shape, range(12))):
        compare(shape, network, codes, LATENCIES[index % len(LATENCIES)])


@shapes(SHAPES)
@pytest.mark.parametrize("latency", [7, *(pytest.param(n, marks=pytest.mark.full) for n in LATENCIES if n != 7)])
def test_cycles_of_depthwise_layers(shape: str, latency: int) -> None:
    network, codes = networks.depthwise(MODES[SHAPES[shape].engine.kind][0], 3)
    compare(shape, network, codes[0], latency)


@shapes(name for name in SHAPES if "strips" not in name)  # one of its layers does not fit
def test_cycles_of_layers_ahead(shape: str) -> None:
    for mode in MODES[SHAPES[shape].engine.kind][:2]:
        network, codes = networks.followed(mode, 4)
        compare(shape, network, codes[0], 7)


@shapes(name for name in SHAPES if "strips" in name)
def test_cycles_of_poolings_that_take_parts(shape: str) -> None:
    network, codes = networks.pooled(MODES[SHAPES[shape].engine.kind][0], 5)
    names = [name for _, name in sorted(compile_accelerator(network, SHAPES[shape]).names.items())]
    assert [name for name in names if name in ("c2", "p2")] == ["c2", "p2"] * 4
    compare(shape, network, codes[0], 7)


def test_cycles_with_memory_that_is_far() -> None:
    """The latency of memory stands in the cycles where weights stream or a layer waits for its constants."""
    network, codes = networks.depthwise(Terms(), 3)
    near, far = (compare("tr 8x16", network, codes[0], latency) for latency in (1, 400))
    assert far > near + 400


@pytest.mark.parametrize("terms", TERMS[:2], ids=str)
def test_cycles_in_a_report(terms: Terms) -> None:
    network, codes = networks.depthwise(terms, 3)
    device("tr 8x16").latency = 30
    done = execute_accelerator(network, codes, golden.run(network, codes), device("tr 8x16"))
    assert done.predicted_cycles == sum(counters.cycles for counters in done.counters)
    for layer in done.layers:
        assert layer.cycles == layer.predicted_cycles, layer.name
        assert layer.cycles


@pytest.mark.parametrize(
    ("part", "constant", "wrong", "shape"),
    [
        (machine, "READ", 11, "tr 8x16"),
        (tr_cycles, "_QUEUED", 4, "tr 8x16"),
        *(
            pytest.param(*values, marks=pytest.mark.full)
            for values in (
                (machine, "BEATS", 8, "tr 8x16"),
                (moves, "_CHUNK", 32, "tr 8x16"),
                (moves, "FETCHED", 2, "tr 8x16"),
                (result_control, "_WRITE", 6, "tr 8x16"),
                (tr_cycles, "_FIRST_WORDS", 2, "tr 8x16"),
                (msq_cycles, "_EDGES", 5, "msq 8x16"),
            )
        ),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)).rpartition(".")[2],
)
def test_a_wrong_constant_of_the_cycle_model_is_found(
    monkeypatch: pytest.MonkeyPatch, part: object, constant: str, wrong: int, shape: str
) -> None:
    found = networks_for(shape, range(6))
    programs = [(compile_accelerator(network, SHAPES[shape]), codes) for network, codes in found]
    measured = [simulated(shape, program, codes, 7) for program, codes in programs]
    monkeypatch.setattr(part, constant, wrong)
    predicted = [predict(program, 7) for program, _ in programs]
    assert [(one.cycles, one.layers) for one in predicted] != [(one.cycles, one.layers) for one in measured]

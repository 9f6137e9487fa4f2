# SPDX-License-Identifier: Apache-2.0
"""Measurements of whole networks: accuracy on the golden model, equality and cycles on the RTL, speed, the demo."""

from __future__ import annotations

import os
import sys
import time
from subprocess import run
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.board.on_board import BoardAccelerator
from shiftwork.board.on_tiles import BoardTiles, connect
from shiftwork.board.simulated_board import CLOCKS_PER_BIT, SimulatedBoard, System
from shiftwork.board.uart import UartTransport
from shiftwork.compile import ExpEngine
from shiftwork.compile.accelerator import ENGINES, Accelerator, compile_accelerator
from shiftwork.device.simulated_accelerator import SimulationWish
from shiftwork.device.toolchain import find_verilator
from shiftwork.eda import yosys
from shiftwork.eda.systems import gates_of_board, of_board
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.measure.bench import Bench
from shiftwork.measure.entries import (
    BOARD_NETWORKS,
    COLS,
    CONSTANTS,
    ON_BOARDS,
    ROWS,
    WIDTHS,
    AnchorRun,
    Entry,
    OnAccelerator,
    Subject,
    entries,
)
from shiftwork.measure.figures import accelerator_figures, compared, golden_figures, on_rtl, rtl_figures
from shiftwork.network.data import Data
from shiftwork.network.floating import logits, reference
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.quantize.dnateq import SCHEME as EXPONENTIAL
from shiftwork.quantize.quantization import CALIBRATION_SAMPLES, Quantization
from shiftwork.run.benchmark import measure as benchmark
from shiftwork.run.networks import run_integer
from shiftwork.schemes import quantize


def measure(bench: Bench, entry: Entry) -> dict[str, Any]:
    """All figures of one entry as plain JSON values."""
    network, samples, model = bench.network(entry)
    outputs = reference(import_onnx(model), samples.x)
    golden = run_integer(entry.network, network, samples, "golden", Progress(quiet=True), reference=outputs)
    rtl = run_integer(entry.network, network, samples.first(entry.rtl), "rtl", Progress(quiet=True), bench.device)
    facts = [layer.facts for layer in golden.layers if layer.facts]
    return {
        "name": entry.name,
        "network": entry.network,
        "command": entry.command,
        "scheme": entry.wish.scheme,
        "stream": entry.wish.stream,
        "group": entry.wish.group,
        "budget": entry.wish.budget,
        "data_terms": max((f["data_terms"] for f in facts if f["revealed"]), default=None),
        "calibration_samples": CALIBRATION_SAMPLES,
        "golden": golden_figures(golden),
        "rtl": rtl_figures(rtl),
    }


def accuracy(bench: Bench, subject: Subject, scale: str) -> dict[str, Any]:
    """Accuracy of a network with scales of one kind: 8, 6 and 4 bits, and 8 bits with one N_w per tensor."""
    network, samples, calibration = bench.subject(subject)
    outputs = logits(network, samples.x)
    results = []
    for bits, per_tensor in [*((bits, False) for bits in WIDTHS), (8, True)]:
        wish = Quantization("fixed8", scale=scale, per_tensor=per_tensor, weight_bits=bits, activation_bits=bits)
        begin = time.perf_counter()
        integer = quantize(wish, network, calibration)
        seconds = time.perf_counter() - begin
        outs = golden.real_outputs(integer, golden.run(integer, samples.x, collect=False))
        figures = compared(outs, outputs, samples)
        results.append({"bits": bits, "per_tensor": per_tensor, "quantize_seconds": round(seconds, 1), **figures})
    assert samples.y is not None
    return {
        "name": f"accuracy.{subject.network}.{scale}",
        "network": subject.network,
        "scale": scale,
        "command": f"{subject.command} --scheme fixed8 --scale {scale} --weight-bits 8 --activation-bits 8",
        "samples": len(samples.x),
        "calibration_samples": len(calibration.x),
        "quantizations": integer.quantizations,
        "float_accuracy": golden.accuracy(outputs, samples.y),
        "results": results,
    }


def equality(bench: Bench, subject: Subject) -> dict[str, Any]:
    """One sample through the RTL under the joint scheme, compared with the golden model module by module."""
    network, samples, calibration = bench.subject(subject)
    integer = quantize(Quantization("joint"), network, calibration)
    part = integer if subject.rtl_modules is None else integer.first(subject.rtl_modules)
    one = Data(samples.x[:1], None)
    report = run_integer(subject.network, part, one, "rtl", Progress(quiet=True), bench.device)
    words = "" if subject.rtl_modules is None else f" --modules {subject.rtl_modules}"
    return {
        "name": f"equality.{subject.network}",
        "network": subject.network,
        "command": f"{subject.command} --scheme joint --executor rtl --limit 1{words} --rows {ROWS} --cols {COLS}",
        "modules": len(part.modules),
        "all_modules": len(integer.modules),
        "rtl": rtl_figures(report),
    }


def anchor(bench: Bench, run: AnchorRun) -> dict[str, Any]:
    """Accuracy of a network on the golden model, and what its first samples did on the accelerator."""
    network, samples, calibration = bench.subject(run.subject)
    integer = quantize(run.wish, network, calibration)
    outputs = golden.real_outputs(integer, golden.run(integer, samples.x, collect=False))
    assert samples.y is not None
    engine = ENGINES[run.engine](run.rows, run.cols)
    device = SimulationWish(activation_memory=run.activation_memory).device(engine)
    name = run.subject.network
    report = run_integer(name, integer, samples.first(run.samples), "accel", Progress(quiet=True), device)
    device.close()
    return {
        "name": run.name,
        "network": name,
        "command": run.command,
        "engine": run.engine,
        "rows": run.rows,
        "cols": run.cols,
        "activation_memory": run.activation_memory,
        "scheme": run.wish.scheme,
        "group": run.wish.group,
        "budget": run.wish.budget,
        "accuracy": golden.accuracy(outputs, samples.y),
        "golden_samples": len(samples.x),
        "latency": device.latency,
        "rtl": accelerator_figures(report),
    }


def exponential(bench: Bench, subject: Subject) -> dict[str, Any]:
    """Bits and accuracy of a network in exponential codes on the golden model; its first samples on the RTL.

    Raises:
        ShiftworkError: cycles differ from the prediction.
    """
    network, samples, calibration = bench.subject(subject)
    outputs = logits(network, samples.x)
    begin = time.perf_counter()
    integer = quantize(Quantization(EXPONENTIAL), network, calibration)
    seconds = time.perf_counter() - begin
    outs = golden.real_outputs(integer, golden.run(integer, samples.x, collect=False))
    assert samples.y is not None
    weight_bits, activation_bits = integer.average_bits
    return {
        "name": f"dnateq.{subject.network}",
        "network": subject.network,
        "command": f"{subject.command} --scheme dnateq --executor rtl --limit {subject.rtl}",
        "samples": len(samples.x),
        "calibration_samples": len(calibration.x),
        "quantize_seconds": round(seconds, 1),
        "float_accuracy": golden.accuracy(outputs, samples.y),
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "smaller_than_int8": 1 - weight_bits / 8,
        "model_bits": integer.model_bits,
        **compared(outs, outputs, samples),
        **on_rtl(subject.network, integer, samples.first(subject.rtl), ExpEngine()),
    }


def accelerated(bench: Bench, entry: OnAccelerator) -> dict[str, Any]:
    """A network on the accelerator: cycles, their bound, memory traffic, and equality with the golden model."""
    network, samples, calibration = bench.subject(entry.subject)
    wish = Quantization(entry.scheme, budget="12") if entry.scheme == "tr" else Quantization(entry.scheme)
    integer = quantize(wish, network, calibration)
    part = integer if entry.modules is None else integer.first(entry.modules)
    engine = ENGINES[entry.engine](ROWS, COLS)
    device = bench.accelerator(Accelerator(engine, entry.activation_memory, constants=CONSTANTS))
    some = samples.first(entry.samples)
    report = run_integer(entry.subject.network, part, some, "accel", Progress(quiet=True), device)
    return {
        "name": entry.name,
        "network": entry.subject.network,
        "command": entry.command,
        "scheme": entry.scheme,
        "modules": len(part.modules),
        "all_modules": len(integer.modules),
        "accelerator": device.shape.parameters(),
        "latency": device.latency,
        "rtl": accelerator_figures(report),
    }


def boards(bench: Bench) -> dict[str, Any]:
    """Networks on the simulated boards through their serial line: cycles at the board's clock, and equality."""
    found: list[dict[str, Any]] = []
    for name, (subjects, schemes) in ON_BOARDS.items():
        with SimulatedBoard(of_board(name, CLOCKS_PER_BIT)) as board, connect(_line(board.port)) as device:
            for subject in subjects:
                found += [_on_board(bench, name, device, subject, scheme) for scheme in schemes]
    mismatches = sum(run["mismatches"] for run in found)
    return {"name": "boards", "rtl": {"simulator": f"Verilator {find_verilator().version}", "mismatches": mismatches},
            "runs": found}  # fmt: skip


def gates(bench: Bench, name: str) -> dict[str, Any]:
    """The digits on the cells of a board, in the shape of its bitstream: the network's results alone.

    Args:
        name: of the board. It has a faster serial line, or a program would take a quarter of an hour to arrive.
    """
    begin, subject = os.times(), BOARD_NETWORKS[0]
    network, samples, calibration = bench.subject(subject)
    integer = quantize(Quantization("fixed8"), network, calibration)
    inputs = samples.first(subject.rtl).x.astype(np.float64)
    differ, compared = on_system(gates_of_board(name, CLOCKS_PER_BIT), integer, inputs)
    return {
        "name": f"gates.{name}",
        "tool": f"Yosys {yosys.version()}, Verilator {find_verilator().version}",
        "network": subject.network,
        "samples": len(inputs),
        "compared": compared,
        "rtl": {"mismatches": differ},
        "cpu_seconds": round(sum(os.times()[:4]) - sum(begin[:4])),
    }


def on_system(system: System, network: IntegerNetwork, inputs: NDArray[np.float64]) -> tuple[int, int]:
    """How many codes of a network's results differ on the accelerator of a simulated system, and how many there are.

    Args:
        system: with an accelerator. network: as integers. inputs: ``(N, height, width, channels)``, real numbers.
    """
    codes = golden.quantize_input(network, inputs)
    expected = golden.run(network, codes)[network.output]
    with SimulatedBoard(system) as board, BoardAccelerator(_line(board.port)) as device:
        driver, found = device.driver, []
        driver.load(compile_accelerator(network, device.shape))
        for sample in codes:
            driver.put(sample)
            driver.run()
            found.append(driver.read())
    results = np.stack(found)
    if results.shape != expected.shape or not expected.any():
        raise ShiftworkError(f"{system.top}: nothing to compare")
    return int(np.count_nonzero(results != expected)), int(expected.size)


def _line(port: str) -> UartTransport:
    """The line to a simulated board, which is slow."""
    return UartTransport(port, timeout=300.0)


def _on_board(
    bench: Bench, board: str, device: BoardAccelerator | BoardTiles, subject: Subject, scheme: str
) -> dict[str, Any]:
    """A network on a board."""
    network, samples, calibration = bench.subject(subject)
    wish = Quantization(scheme, budget="12") if scheme == "tr" else Quantization(scheme)
    integer = quantize(wish, network, calibration)
    some = samples.first(subject.rtl)
    report = run_integer(subject.network, integer, some, "uart", Progress(quiet=True), device)
    assert report.cycles
    clock = device.identity.clock
    return {
        "board": board,
        "network": subject.network,
        "scheme": scheme,
        "command": f"{subject.command} --scheme {scheme}{' --budget 12' if scheme == 'tr' else ''} "
        f"--executor uart --port PORT --limit {subject.rtl}",
        "clock_khz": clock,
        "samples": report.samples,
        "mismatches": report.mismatches,
        "compared": report.compared,
        "modules": sum(layer.compared > 0 for layer in report.layers),
        "all_modules": len(integer.modules),
        "cycles": report.cycles,
        "images_per_second": round(1000 * clock * report.samples / report.cycles, 1),
    }


def speed(bench: Bench) -> dict[str, Any]:
    """Simulation speed of a whole network against the bare engine."""
    entry = next(e for e in entries() if e.name == "cifar10_resnet20.weights.k12")
    network, samples, _ = bench.network(entry)
    result = benchmark(network, samples.first(2), bench.device)
    return {"name": "simulation_speed", "model": entry.network, "samples": 2, **result.to_json()}


def demo() -> dict[str, Any]:
    """What ``make demo`` prints."""
    command = [sys.executable, "-c", "import sys; from shiftwork.cli import main; sys.exit(main())", "demo"]
    result = run(command, capture_output=True, text=True)
    if result.returncode:
        raise ShiftworkError(f"shiftwork demo ended with exit code {result.returncode}: {result.stdout.strip()}")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    return {"name": "demo", "command": "make demo", "output": lines}

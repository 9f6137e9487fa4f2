# SPDX-License-Identifier: Apache-2.0
"""The measurements behind the README: accuracy, work and cycles of whole networks, one JSON file an entry.

``python -m shiftwork.measure.bench --data DIR [--only PATTERN] [--force]`` writes ``docs/measurements/NAME.json`` for
every entry that has none yet. DIR holds ``models/*.onnx``, a script ``prepare.py OUT NAME...`` that writes the data
(images need Pillow, extra ``[measure]``), and for ``train_*`` (extra ``[train]``) a function ``mnist(NAME)`` in that
script and ``data/mnist_train60k.npz``. Trained networks are kept under ``build/measure``.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from runpy import run_path
from subprocess import CalledProcessError, run
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.blocks import manifest
from shiftwork.blocks.manifest import ROOT
from shiftwork.compile import Engine, ExpEngine, MsqEngine, TrEngine, requant_of
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.device.toolchain import find_verilator
from shiftwork.eda import netlist, yosys
from shiftwork.errors import ShiftworkError
from shiftwork.example import EXAMPLE
from shiftwork.golden import model as golden
from shiftwork.network.data import Data, load_data
from shiftwork.network.floating import reference
from shiftwork.network.format_terms import QT_PAIRS
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.outputs import write_json
from shiftwork.progress import Progress
from shiftwork.quantize import dnateq, msq
from shiftwork.quantize.fixed8 import SCALE_METHODS
from shiftwork.quantize.recipe import CALIBRATION_SAMPLES, Quantization, Recipe
from shiftwork.report.synth import synth
from shiftwork.run.benchmark import measure as benchmark
from shiftwork.run.networks import RunReport, run_integer
from shiftwork.schemes import EngineWish, engine_wish, quantize

TARGET = ROOT / "docs" / "measurements"
PREPARED = ROOT / "build" / "measure"
ROWS, COLS = 8, 64
COSTS: dict[str, tuple[int, int, int, str, list[str]]] = {
    "synth_tr": (8, 64, 1, "area", []),
    "synth_tr_wide": (16, 256, 5, "area", ["tr", "mac", "booth"]),
    "synth_tr_ecp5": (4, 32, 1, "ecp5", ["tr", "mac", "booth"]),
    "synth_tr_toggles": (4, 32, 1, "toggles", []),
}
"""Rows, columns, samples on the RTL, kind and designs (empty: all) of every ``shiftwork synth tr``."""
CODES_COSTS = {
    "synth_msq": ("msq", 1, False),
    "synth_dnateq": ("dnateq", 5, False),
    "synth_dnateq_toggles": ("dnateq", 1, True),
}
"""Scheme, samples and whether toggles are counted of every other ``shiftwork synth`` on codes of ResNet-20."""
WIDTHS = (8, 6, 4)
PER_VALUE = ("1.0", "1.25", "1.5", "2.0")


@dataclass(frozen=True)
class Entry:
    """One measurement.

    Attributes:
        network: model file without its ending. data: data set of prepare.py; ``data_calib`` calibrates.
        rtl: samples that run on the RTL; all samples run on the golden model.
        wish: the quantization.
    """

    network: str
    data: str
    rtl: int
    wish: Quantization

    @property
    def name(self) -> str:
        """Name of the file: network, streamed operand and budget."""
        wish = self.wish
        if wish.scheme == "fixed8":
            return f"{self.network}.{wish.stream}.qt"
        whole = str(wish.budget).isdigit()
        return f"{self.network}.{wish.stream}.{'k' if whole else ''}{wish.budget}"

    @property
    def command(self) -> str:
        """What does the RTL part of the entry by hand."""
        wish = self.wish
        words = [
            f"shiftwork run {self.network}.onnx --data {self.data}.npz --calib-data {self.data}_calib.npz",
            f"--scheme {wish.scheme} --stream {wish.stream}",
        ]
        if wish.scheme == "tr":
            words.append(f"--group {wish.group} --budget {wish.budget}")
        if wish.data_terms is not None:
            words.append(f"--data-terms {wish.data_terms}")
        return " ".join([*words, f"--executor rtl --limit {self.rtl} --rows {ROWS} --cols {COLS}"])


def _weights(budget: str) -> Quantization:
    return Quantization("tr", group=8, budget=budget, data_terms=None if budget == "auto" else 3)


def _activations(budget: str) -> Quantization:
    return Quantization("tr", stream="activations", group=256, budget=budget, data_terms=0)


def entries() -> list[Entry]:
    """Every measurement."""
    plain = [Quantization("fixed8"), _weights("12")]
    swept = [*plain, *(_weights(k) for k in ("8", "10", "16")), Quantization("fixed8", stream="activations")]
    swept += [_activations(budget) for budget in (*PER_VALUE, "auto")]
    hard = [*plain, _weights("auto"), Quantization("fixed8", stream="activations"), _activations("auto")]
    networks = [
        ("mnist_mlp512", "mnist", 100, plain),
        ("mnist_lenet5", "mnist", 100, swept),
        ("cifar10_resnet20", "cifar_resnet20", 5, swept),
        ("cifar10_resnet8_mlperftiny", "cifar_resnet8", 5, hard),
    ]
    return [Entry(network, data, rtl, wish) for network, data, rtl, wishes in networks for wish in wishes]


@dataclass(frozen=True)
class Subject:
    """A network whose scales are measured.

    Attributes:
        network: model file without its ending. data: data set of prepare.py.
        calibration: data set whose first samples calibrate; where a network has none, its own samples without labels.
        rtl_modules: leading modules that one sample runs through on the RTL; None is all, 0 is no run.
        calibrate: calibration samples, at most. rtl: samples in exponential codes that run on the RTL.
    """

    network: str
    data: str
    calibration: str
    rtl_modules: int | None = 0
    calibrate: int = 1000
    rtl: int = 0

    @property
    def sets(self) -> tuple[str, str]:
        """The data sets it needs."""
        return self.data, self.calibration


SUBJECTS = (
    Subject("mnist_lenet5", "mnist", "mnist_calib"),
    Subject("cifar10_resnet20", "cifar_resnet20", "cifar_resnet20_calib"),
    Subject("cifar10_resnet8_mlperftiny", "cifar_resnet8", "cifar_resnet8_calib", None),
    Subject("kws_dscnn_mlperftiny", "kws", "kws", None, CALIBRATION_SAMPLES),
    Subject("imagenet_squeezenet1_1", "squeezenet", "squeezenet_calib", 8),
    Subject("mobilenetv2", "mobilenetv2", "mobilenetv2_calib"),
)


EXPONENTIALS = (
    (Subject("mnist_mlp512", "mnist", "mnist_calib", calibrate=2000, rtl=100), dnateq.MAX_LOSS),
    (Subject("mnist_lenet5", "mnist", "mnist_calib", calibrate=2000, rtl=100), dnateq.MAX_LOSS),
    (
        Subject("cifar10_resnet20", "cifar_resnet20", "cifar_resnet20_calib", calibrate=CALIBRATION_SAMPLES, rtl=5),
        dnateq.MAX_LOSS,
    ),
    (Subject("kws_dscnn_mlperftiny", "kws", "kws", calibrate=CALIBRATION_SAMPLES, rtl=5), dnateq.MAX_LOSS),
    (Subject("imagenet_squeezenet1_1", "squeezenet", "squeezenet_calib", calibrate=48, rtl=1), 0.25),
)
"""Networks in exponential codes, and the points that their widths may be expected to cost. No label takes part in their
choice, but SqueezeNet's limit: on 48 images half a point was too much (66.0 % of the test images at 5.41 bits)."""


@dataclass(frozen=True)
class Training:
    """A network that is trained to 4 bits under several schemes.

    Attributes:
        network: model file without its ending. data: training data. test: data set of prepare.py.
        rtl: samples of the trained network that run on the RTL.
        settings: of :class:`shiftwork.quantize.training.Recipe`, the same for all schemes.
    """

    network: str
    data: str
    test: str
    rtl: int
    settings: dict[str, Any]

    def command(self, scheme: str, alpha: str) -> str:
        """What does one of the trainings by hand."""
        words = [f"shiftwork train {self.network}.onnx --data {self.data}.npz --scheme {scheme} --alpha {alpha}"]
        words += [f"--{key}" if value is True else f"--{key} {value}" for key, value in self.settings.items()]
        return " ".join([*words, f"--output {trained_network(self.network, scheme, alpha).name}"])


MNIST_TRAIN = "mnist_train"
"""More images than prepare.py writes by itself."""
TRAININGS = {
    "train_digits": Training(
        "digits", "digits_train", "digits_test", 100, {"epochs": 20, "batch": 32, "shift": 1, "holdout": 119}
    ),
    "train_mnist_lenet5": Training(
        "mnist_lenet5", MNIST_TRAIN, "mnist", 100,
        {"epochs": 3, "batch": 128, "rate": 1e-3, "shift": 2, "holdout": 5000},
    ),
    "train_cifar10_resnet20": Training(
        "cifar10_resnet20", "cifar_resnet20_calib", "cifar_resnet20", 5,
        {"epochs": 8, "batch": 50, "rate": 1e-4, "distill": 1.0, "shift": 4, "flip": True, "holdout": 100},
    ),
}  # fmt: skip
TRAINED = (("msq", "free"), ("fixed4", "free"), ("sp2", "free"), ("pot", "free"), ("msq", "pot"))
"""Schemes and alphas that every network is trained for."""


def data_file(name: str) -> Path:
    """File of a data set: of the example, or what prepare.py writes."""
    example = EXAMPLE / f"{name}.npz"
    return example if example.is_file() else PREPARED / f"{name}.npz"


def trained_network(network: str, scheme: str, alpha: str) -> Path:
    """File of a trained integer network."""
    return PREPARED / f"{network}_{scheme}{'' if alpha == 'free' else f'_{alpha}'}.npz"


@dataclass
class Bench:
    """Data, float references and the device, each loaded once.

    Attributes:
        folder: with models/ and prepare.py.
    """

    folder: Path

    @cached_property
    def device(self) -> SimulatedDevice:
        """The engine with its post unit."""
        return SimulatedDevice(TrEngine(ROWS, COLS))

    def prepare(self, names: Sequence[str]) -> None:
        """Write the data files that are not there yet.

        Raises:
            ShiftworkError: prepare.py is missing or fails.
        """
        missing = [name for name in dict.fromkeys(names) if not data_file(name).is_file()]
        PREPARED.mkdir(parents=True, exist_ok=True)
        script = str(self.folder / "prepare.py")
        if MNIST_TRAIN in missing:
            missing.remove(MNIST_TRAIN)
            images, labels = run_path(script)["mnist"]("mnist_train60k")
            np.savez(PREPARED / f"{MNIST_TRAIN}.npz", x=images.astype(np.float32), y=labels.astype(np.int64))
        if not missing:
            return
        try:
            run([sys.executable, script, str(PREPARED), *missing], check=True)
        except CalledProcessError as error:
            raise ShiftworkError(f"{self.folder / 'prepare.py'} ended with exit code {error.returncode}") from error

    def model(self, network: str) -> Path:
        """The ONNX file of a network; prepare.py unpacks some beside their data, and the example ships with its own."""
        shipped = (folder / f"{network}.onnx" for folder in (PREPARED, EXAMPLE))
        return next((path for path in shipped if path.is_file()), self.folder / "models" / f"{network}.onnx")

    def network(self, entry: Entry) -> tuple[IntegerNetwork, Data, Path]:
        """The integer network of an entry, the samples, and the model file."""
        model = self.model(entry.network)
        network = import_onnx(model)
        samples = load_data(PREPARED / f"{entry.data}.npz", network)
        calibration = load_data(PREPARED / f"{entry.data}_calib.npz", network, CALIBRATION_SAMPLES)
        return quantize(entry.wish, network, calibration.x, calibration.y), samples, model

    def subject(self, subject: Subject) -> tuple[FloatNetwork, Data, Data]:
        """The float graph, the samples and the calibration samples."""
        network = import_onnx(self.model(subject.network))
        calibration = load_data(PREPARED / f"{subject.calibration}.npz", network, subject.calibrate)
        return network, load_data(PREPARED / f"{subject.data}.npz", network), calibration

    def accuracy(self, subject: Subject, scale: str) -> dict[str, Any]:
        """Accuracy of a network with scales of one kind: 8, 6 and 4 bits, and 8 bits with one N_w per tensor."""
        network, samples, calibration = self.subject(subject)
        outputs = reference(self.model(subject.network), samples.x, network.batch)
        results = []
        for bits, per_tensor in [*((bits, False) for bits in WIDTHS), (8, True)]:
            wish = Quantization("fixed8", scale=scale, per_tensor=per_tensor, weight_bits=bits, activation_bits=bits)
            begin = time.perf_counter()
            integer = quantize(wish, network, calibration.x, None)
            seconds = time.perf_counter() - begin
            codes = golden.run(integer, samples.x, collect=False)[integer.output]
            figures = _compared(codes * integer.output_scale, outputs, samples)
            results.append({"bits": bits, "per_tensor": per_tensor, "quantize_seconds": round(seconds, 1), **figures})
        assert samples.y is not None
        return {
            "name": f"accuracy.{subject.network}.{scale}",
            "network": subject.network,
            "scale": scale,
            "command": f"shiftwork run {subject.network}.onnx --data {subject.data}.npz --calib-data "
            f"{subject.calibration}.npz --calibrate {subject.calibrate} --scheme fixed8 --scale {scale} "
            "--weight-bits 8 --activation-bits 8",
            "samples": len(samples.x),
            "calibration_samples": len(calibration.x),
            "quantizations": integer.quantizations,
            "float_accuracy": golden.accuracy(outputs, samples.y),
            "results": results,
        }

    def equality(self, subject: Subject) -> dict[str, Any]:
        """One sample through the RTL under the joint scheme, compared with the golden model module by module."""
        network, samples, calibration = self.subject(subject)
        integer = quantize(Quantization("joint"), network, calibration.x, None)
        part = integer if subject.rtl_modules is None else integer.first(subject.rtl_modules)
        one = Data(samples.x[:1], None)
        report = run_integer(subject.network, part, one, "rtl", Progress(quiet=True), self.device)
        words = "" if subject.rtl_modules is None else f" --modules {subject.rtl_modules}"
        return {
            "name": f"equality.{subject.network}",
            "network": subject.network,
            "command": f"shiftwork run {subject.network}.onnx --data {subject.data}.npz --calib-data "
            f"{subject.calibration}.npz --calibrate {subject.calibrate} --scheme joint "
            f"--executor rtl --limit 1{words} --rows {ROWS} --cols {COLS}",
            "modules": len(part.modules),
            "all_modules": len(integer.modules),
            "rtl": _rtl(report),
        }

    def exponential(self, subject: Subject, max_loss: float) -> dict[str, Any]:
        """Bits and accuracy of a network in exponential codes on the golden model; its first samples on the RTL.

        Raises:
            ShiftworkError: cycles differ from the prediction.
        """
        network, samples, calibration = self.subject(subject)
        outputs = reference(self.model(subject.network), samples.x, network.batch)
        begin = time.perf_counter()
        integer = quantize(Quantization("dnateq", max_loss=max_loss), network, calibration.x, None)
        seconds = time.perf_counter() - begin
        codes = golden.run(integer, samples.x, collect=False)[integer.output]
        assert samples.y is not None
        weight_bits, activation_bits = integer.average_bits
        return {
            "name": f"dnateq.{subject.network}",
            "network": subject.network,
            "command": f"shiftwork run {subject.network}.onnx --data {subject.data}.npz --calib-data "
            f"{subject.calibration}.npz --calibrate {subject.calibrate} --scheme dnateq "
            f"--max-loss {max_loss} --executor rtl --limit {subject.rtl}",
            "samples": len(samples.x),
            "calibration_samples": len(calibration.x),
            "quantize_seconds": round(seconds, 1),
            "float_accuracy": golden.accuracy(outputs, samples.y),
            "weight_bits": weight_bits,
            "activation_bits": activation_bits,
            "smaller_than_int8": 1 - weight_bits / 8,
            "model_bits": integer.model_bits,
            **_compared(codes * integer.output_scale, outputs, samples),
            **_on_rtl(subject.network, integer, samples.first(subject.rtl), ExpEngine()),
        }

    def train(self, name: str) -> dict[str, Any]:
        """Accuracy of a network of 4-bit rows before and after training, on the golden model."""
        from shiftwork.quantize.training import train

        training = TRAININGS[name]
        model = self.model(training.network)
        network = import_onnx(model)
        samples, data = (load_data(data_file(name), network) for name in (training.test, training.data))
        assert samples.y is not None
        results = []
        for scheme, alpha in TRAINED:
            print(f"    {scheme}, alpha {alpha}", file=sys.stderr, flush=True)
            begin = time.perf_counter()
            trained = train(network, data, Recipe(scheme=scheme, alpha=alpha, **training.settings), Progress())
            seconds = time.perf_counter() - begin
            trained.network.save(trained_network(training.network, scheme, alpha))
            untrained = msq.quantize(network, data.x[:CALIBRATION_SAMPLES], scheme, alpha=alpha)
            results.append(
                {
                    "scheme": scheme,
                    "alpha": alpha,
                    "command": training.command(scheme, alpha),
                    "untrained_accuracy": _accuracy(untrained, samples),
                    "accuracy": _accuracy(trained.network, samples),
                    "holdout_accuracy": trained.accuracy,
                    "epochs": len(trained.history),
                    "best_epoch": trained.best,
                    "seconds": round(seconds, 1),
                }
            )
        return {
            "name": name,
            "network": training.network,
            "recipe": {k: v for k, v in asdict(trained.recipe).items() if k not in ("scheme", "alpha")},
            "training_samples": len(data.x) - (trained.recipe.holdout or 0),
            "samples": len(samples.x),
            "float_accuracy": golden.accuracy(reference(model, samples.x, network.batch), samples.y),
            "results": results,
        }

    def trained(self, training: Training, alpha: str) -> dict[str, Any]:
        """A trained network of scheme msq: accuracy on the golden model, its first samples on the RTL.

        Raises:
            ShiftworkError: it has not been trained (entry ``train_*``), or cycles differ from the prediction.
        """
        integer = IntegerNetwork.load(trained_network(training.network, "msq", alpha))
        model = self.model(training.network)
        network = import_onnx(model)
        samples = load_data(data_file(training.test), network)
        assert samples.y is not None
        return {
            "name": f"msq.{training.network}.{alpha}",
            "network": training.network,
            "command": f"shiftwork simulate {trained_network(training.network, 'msq', alpha).name} "
            f"--data {training.test}.npz --limit {training.rtl}",
            "samples": len(samples.x),
            "float_accuracy": golden.accuracy(reference(model, samples.x, network.batch), samples.y),
            "accuracy": _accuracy(integer, samples),
            **_on_rtl(training.network, integer, samples.first(training.rtl), MsqEngine()),
        }

    def measure(self, entry: Entry) -> dict[str, Any]:
        """All figures of one entry as plain JSON values."""
        network, samples, model = self.network(entry)
        outputs = reference(model, samples.x)
        golden = run_integer(entry.network, network, samples, "golden", Progress(quiet=True), reference=outputs)
        rtl = run_integer(entry.network, network, samples.first(entry.rtl), "rtl", Progress(quiet=True), self.device)
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
            "golden": _golden(golden),
            "rtl": _rtl(rtl),
        }


def _on_rtl(name: str, integer: IntegerNetwork, samples: Data, engine: Engine) -> dict[str, Any]:
    """An engine and what a network did on it.

    Raises:
        ShiftworkError: cycles differ from the prediction.
    """
    device = SimulatedDevice(engine, requant_of(integer))
    report = run_integer(name, integer, samples, "rtl", Progress(quiet=True), device)
    if report.cycles != report.predicted_cycles:
        raise ShiftworkError(f"{name}: {report.cycles} cycles, predicted {report.predicted_cycles}")
    return {
        "engine": str(engine),
        "rtl": {
            "simulator": f"Verilator {find_verilator().version}",
            "samples": report.samples,
            "mismatches": report.mismatches,
            "compared": report.compared,
            "macs": report.totals["macs"],
            "cycles": report.cycles,
            "predicted_cycles": report.predicted_cycles,
            "utilisation": report.utilisation,
        },
    }


def _accuracy(network: IntegerNetwork, samples: Data) -> float:
    """Accuracy in percent on the golden model."""
    assert samples.y is not None
    codes = golden.run(network, samples.x, collect=False)[network.output]
    return golden.accuracy(codes, samples.y)


def _compared(got: NDArray[Any], outputs: NDArray[np.float32], samples: Data) -> dict[str, float]:
    """Accuracy, share of samples of the float model's class, and relative 2-norm of the output error."""
    assert samples.y is not None
    return {
        "accuracy": golden.accuracy(got, samples.y),
        "agreement": golden.accuracy(got, golden.predictions(outputs)),
        "output_error": float(np.linalg.norm(got - outputs) / np.linalg.norm(outputs)),
    }


def _golden(report: RunReport) -> dict[str, Any]:
    """Accuracy and work over all samples."""
    assert report.totals["macs"]
    convolutions = [layer for layer in report.layers if layer.macs]
    streamed = sum((layer.facts["terms_per_mac"] or 0.0) * layer.macs for layer in convolutions)
    totals = report.totals
    revealed = totals["revealed_term_pairs"] / totals["revealed_macs"] if totals["revealed_macs"] else None
    return {
        "samples": report.samples,
        "accuracy": report.accuracy,
        "float_accuracy": report.float_accuracy,
        "agreement": report.agreement,
        "macs": report.totals["macs"],
        "term_pairs_per_mac_bound": totals["term_pairs"] / report.totals["macs"],
        "term_pairs_per_mac_present": totals["term_pairs_present"] / report.totals["macs"],
        "revealed_term_pairs_per_mac_bound": revealed,
        "fewer_pairs_than_qt": None if revealed is None else QT_PAIRS / revealed,
        "terms_per_mac": streamed / report.totals["macs"],
    }


def _rtl(report: RunReport) -> dict[str, Any]:
    """Cycles over the samples that ran on the RTL.

    ``cycles_per_step`` is cycles over reduction steps, what a multiply-accumulate costs a cell of a full tile; ``fill``
    is the share of cells that had a row and a column to work on; their quotient is ``cell_cycles_per_mac``.
    """
    assert report.cycles
    layers: list[dict[str, Any]] = []
    for layer in report.layers:
        if layer.executor != "rtl":
            continue
        assert layer.cycles
        layers.append(
            {
                "name": layer.name,
                "kind": layer.kind,
                "output": list(layer.shape),
                "budget": layer.facts["budget"],
                "macs": layer.macs,
                "terms_per_mac": layer.facts["terms_per_mac"],
                "beats": layer.beats,
                "cycles": layer.cycles,
                "predicted_cycles": layer.predicted_cycles,
                "utilisation": (layer.bound or 0) / layer.cycles,
                "mismatches": layer.mismatches,
            }
        )
    steps = sum(layer["beats"] for layer in layers)
    assert report.totals["macs"]
    return {
        "simulator": f"Verilator {find_verilator().version}",
        "rows": ROWS,
        "cols": COLS,
        "samples": report.samples,
        "mismatches": report.mismatches,
        "compared": report.compared,
        "host": report.host,
        "cycles": report.cycles,
        "predicted_cycles": report.predicted_cycles,
        "beats": steps,
        "cycles_per_step": report.cycles / steps,
        "fill": report.totals["macs"] / (steps * ROWS * COLS),
        "cell_cycles_per_mac": report.cycles * ROWS * COLS / report.totals["macs"],
        "utilisation": report.utilisation,
        "layers": layers,
    }


def speed(bench: Bench) -> dict[str, Any]:
    """Simulation speed of a whole network against the bare engine."""
    entry = next(e for e in entries() if e.name == "cifar10_resnet20.weights.k12")
    network, samples, _ = bench.network(entry)
    result = benchmark(network, samples.first(2), bench.device)
    return {"name": "simulation_speed", "model": entry.network, "samples": 2, **result.to_json()}


def area(blocks: Sequence[str] | None = None) -> dict[str, Any]:
    """Cells of every block with its default parameters, hierarchy kept; DSPs where a block is made for them.

    Args:
        blocks: names; None is every block of the manifest.
    """
    folder = ROOT / "build" / "measure" / "area"
    folder.mkdir(parents=True, exist_ok=True)
    book = manifest.load()
    found = []
    for name in blocks or book.blocks:
        commands = [f"read_verilog {path}" for path in book.sources(name)]
        block = book.blocks[name]
        multipliers = "" if "PRODUCTS" in block.parameters or "engines/dnateq" in str(block.file) else " -nodsp"
        commands += [f"synth_xilinx -family xc7 -noiopad -noclkbuf{multipliers} -top {name}", f"write_json {name}.json"]
        yosys.run(commands, folder, name)
        total = netlist.areas(yosys.read_netlist(folder / f"{name}.json"))[name]
        found.append(
            {
                "block": name,
                "parameters": {key: facts["default"] for key, facts in book.blocks[name].parameters.items()},
                "cells": int(total.cells),
                "luts": int(total.packed),
                "flip_flops": int(total.flip_flops),
                "block_rams": total.block_ram,
                "dsp": int(total.dsp),
            }
        )
    return {"name": "area", "tool": f"Yosys {yosys.version()}", "family": "xc7", "blocks": found}


def _written(name: str, command: Callable[[Path], object]) -> dict[str, Any]:
    """The JSON that a command writes into the file that it is given."""
    PREPARED.mkdir(parents=True, exist_ok=True)
    target = PREPARED / f"{name}.json"
    command(target)
    content: dict[str, Any] = json.loads(target.read_text())
    return content


def _resnet20(bench: Bench, **wish: Any) -> CostWish:
    """A study of cost on codes of ResNet-20."""
    model = bench.folder / "models" / "cifar10_resnet20.onnx"
    return CostWish(model=model, data=data_file("cifar_resnet20"), calib_data=data_file("cifar_resnet20_calib"), **wish)


def cost(bench: Bench, name: str) -> dict[str, Any]:
    """``shiftwork synth tr`` on ResNet-20: LUT-cycles, placement or net toggles, as :data:`COSTS` says."""
    rows, cols, samples, kind, keys = COSTS[name]
    wish = _resnet20(bench, samples=samples, design=tuple(keys), ecp5=kind == "ecp5", toggles=kind == "toggles")
    return _written(name, lambda file: synth("tr", wish, engine_wish("tr")(rows=rows, cols=cols), file))


def requantizers() -> dict[str, Any]:
    """``shiftwork synth requant`` on the digits example."""
    content = _written("synth_requant", lambda file: synth("requant", CostWish(), EngineWish(), file))
    return {"name": "synth_requant", "command": "shiftwork synth requant", **content}


def codes_cost(bench: Bench, name: str) -> dict[str, Any]:
    """``shiftwork synth`` on codes of ResNet-20, as :data:`CODES_COSTS` says."""
    scheme, samples, toggles = CODES_COSTS[name]
    wish = _resnet20(bench, samples=samples, toggles=toggles)
    content = _written(name, lambda file: synth(scheme, wish, EngineWish(), file))
    files = {"--model": wish.model, "--data": wish.data, "--calib-data": wish.calib_data}
    words = [f"{option} {file.name}" for option, file in files.items() if file is not None]
    words += [f"--samples {samples}", *(["--toggles"] if toggles else [])]
    return {"name": name, "command": " ".join([f"shiftwork synth {scheme}", *words]), **content}


def demo() -> dict[str, Any]:
    """What ``make demo`` prints."""
    command = [sys.executable, "-c", "import sys; from shiftwork.cli import main; sys.exit(main())", "demo"]
    result = run(command, capture_output=True, text=True)
    if result.returncode:
        raise ShiftworkError(f"shiftwork demo ended with exit code {result.returncode}: {result.stdout.strip()}")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    return {"name": "demo", "command": "make demo", "output": lines}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing; 1 when something differed from the golden model, 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(prog="python -m shiftwork.measure.bench", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with models/ and prepare.py")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="entries to measure, e.g. 'cifar10_resnet20.*'")
    parser.add_argument("--force", action="store_true", help="measure entries again that have a file")
    options = parser.parse_args(arguments)
    bench = Bench(options.data)
    needs: dict[str, tuple[str, ...]] = {e.name: (e.data, f"{e.data}_calib") for e in entries()}
    jobs: dict[str, Callable[[], dict[str, Any]]] = {e.name: lambda e=e: bench.measure(e) for e in entries()}  # type: ignore[misc]
    for subject in SUBJECTS:
        for scale in SCALE_METHODS:
            name = f"accuracy.{subject.network}.{scale}"
            jobs[name], needs[name] = lambda s=subject, k=scale: bench.accuracy(s, k), subject.sets  # type: ignore[misc]
        if subject.rtl_modules != 0:
            name = f"equality.{subject.network}"
            jobs[name], needs[name] = lambda s=subject: bench.equality(s), subject.sets  # type: ignore[misc]
    for subject, loss in EXPONENTIALS:
        name = f"dnateq.{subject.network}"
        jobs[name], needs[name] = lambda s=subject, m=loss: bench.exponential(s, m), subject.sets  # type: ignore[misc]
    jobs["simulation_speed"] = lambda: speed(bench)
    jobs["demo"] = demo
    jobs["area"] = area
    jobs["synth_requant"] = requantizers
    jobs |= {name: lambda name=name: cost(bench, name) for name in COSTS}  # type: ignore[misc]
    jobs |= {name: lambda name=name: bench.train(name) for name in TRAININGS}  # type: ignore[misc]
    needs |= {name: (training.test, training.data) for name, training in TRAININGS.items()}
    for training in TRAININGS.values():
        for alpha in msq.ALPHAS:
            name = f"msq.{training.network}.{alpha}"
            jobs[name], needs[name] = lambda t=training, a=alpha: bench.trained(t, a), (training.test,)  # type: ignore[misc]
    jobs |= {name: lambda name=name: codes_cost(bench, name) for name in CODES_COSTS}  # type: ignore[misc]
    needs |= dict.fromkeys(("simulation_speed", *COSTS, *CODES_COSTS), ("cifar_resnet20", "cifar_resnet20_calib"))
    chosen = [n for n in jobs if fnmatch.fnmatch(n, options.only)]
    chosen = [n for n in chosen if options.force or not (TARGET / f"{n}.json").is_file()]
    progress = Progress(len(chosen))
    TARGET.mkdir(parents=True, exist_ok=True)
    wrong = 0
    try:
        bench.prepare([data for name in chosen for data in needs.get(name, ())])
        for name in chosen:
            progress.step(name)
            result = jobs[name]()
            wrong += result.get("rtl", {}).get("mismatches", 0)
            write_json(TARGET / f"{name}.json", result)
    except ShiftworkError as error:
        print(f"measure: error: {error}", file=sys.stderr)
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

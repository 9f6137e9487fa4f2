# SPDX-License-Identifier: Apache-2.0
"""Execute an integer network and report what it did: accuracy, work, cycles, and equality with the golden model."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shiftwork.board.identity import BoardDevice
from shiftwork.board.on_board import BoardAccelerator
from shiftwork.board.on_tiles import BoardTiles
from shiftwork.compile import Engine
from shiftwork.device.simulated import SimulatedDevice, Stalls
from shiftwork.device.simulated_accelerator import SimulatedAccelerator
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data
from shiftwork.network.format import Columns, Facts, Work
from shiftwork.network.integer import IntegerNetwork
from shiftwork.outputs import write_json
from shiftwork.progress import Progress
from shiftwork.run.accelerated import execute_accelerator
from shiftwork.run.layers import LayerReport, execute, layer_reports

Executor = Literal["float", "golden", "rtl", "accel", "uart"]
EXECUTORS: tuple[Executor, ...] = ("float", "golden", "rtl", "accel", "uart")


@dataclass
class RunReport:
    """One run of one network. A field that does not apply is None.

    Attributes:
        model: name of the file. scheme: ``float`` or that of the network.
        executor: what computed the outputs. samples: executed.
        accuracy, float_accuracy: percent of samples whose class is their label, None without labels.
        agreement: percent of samples whose class is that of the float model.
        mismatches: elements of any module's output that differ from the golden model. compared: elements compared.
        host_modules: names of the modules that the host computed (golden functions on the tensors of this run).
        model_bits: stored bits of the integer network. weight_bits, activation_bits: of a value, on average.
        totals: figures of the work by the format (:meth:`shiftwork.network.format.Columns.totals`). columns: of it.
        cycles, predicted_cycles: of the engine, without its post unit's pipeline, or of the accelerator, and by the
            cycle model (without stalls).
        utilisation: bound of the layers over cycles. clock: of a board, in kHz.
        device_seconds: wall time inside the compiled model, or of runs on a board with their input and results.
        stalls: of the accelerator: cycles in which a beat waited, by cause. bytes_read, bytes_written: of its memory.
        quantizations: roundings of values to a scale for one sample, ``{"op_by_op": .., "unified": ..}``.
        engine: what it ran on. layers: one entry per module.
    """

    model: str
    scheme: str
    executor: Executor
    samples: int
    accuracy: float | None = None
    float_accuracy: float | None = None
    agreement: float | None = None
    mismatches: int | None = None
    compared: int | None = None
    host_modules: list[str] = field(default_factory=list)
    model_bits: int | None = None
    weight_bits: float | None = None
    activation_bits: float | None = None
    totals: Facts = field(default_factory=dict)
    columns: type[Columns] = Columns
    cycles: int | None = None
    predicted_cycles: int | None = None
    utilisation: float | None = None
    device_seconds: float | None = None
    clock: int | None = None
    engine: Engine | None = None
    stalls: dict[str, int] | None = None
    bytes_read: int | None = None
    bytes_written: int | None = None
    quantizations: dict[str, int] | None = None
    layers: list[LayerReport] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """False when anything differs from the golden model or was left uncompared."""
        return self.executor in ("float", "golden") or (self.mismatches == 0 and bool(self.compared))

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values, the totals beside the others."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "columns"}
        engine = None if self.engine is None else self.engine.shape
        values |= {"engine": engine, "layers": [layer.to_json() for layer in self.layers]}
        totals: Facts = values.pop("totals")
        return values | totals

    def write(self, path: Path) -> None:
        """Write the JSON file.

        Raises:
            ShiftworkError: the file cannot be written.
        """
        write_json(path, self.to_json())


def quantizations(network: IntegerNetwork) -> dict[str, int]:
    """Quantizations for one sample, op by op and in unified modules, as JSON values."""
    single, unified = network.quantizations
    return {"op_by_op": single, "unified": unified}


def share(classes: NDArray[np.int64], reference: NDArray[np.int64]) -> float:
    """Percent of equal entries."""
    return 100.0 * float((classes == reference).mean())


def run_float(model: str, outputs: NDArray[np.float32], data: Data) -> RunReport:
    """Report of the float model from its outputs (N, height, width, channels)."""
    accuracy = None if data.y is None else golden.accuracy(outputs, data.y)
    return RunReport(model, "float", "float", len(outputs), accuracy=accuracy, float_accuracy=accuracy, agreement=100.0)


def run_integer(
    model: str,
    network: IntegerNetwork,
    data: Data,
    executor: Executor,
    progress: Progress,
    device: SimulatedDevice | SimulatedAccelerator | BoardAccelerator | BoardTiles | None = None,
    stalls: Stalls | None = None,
    reference: NDArray[np.float32] | None = None,
) -> RunReport:
    """Execute a network on the golden model or, compared with it, on the RTL of an engine or of the accelerator, or on
    a board.

    Args:
        model: name for the report.
        network: the integer network.
        data: samples, and labels where there are any.
        executor: ``golden``, ``rtl``, ``accel`` or ``uart``.
        progress: told about every module on the RTL, about every sample on the accelerator.
        device: the simulated device, for ``rtl``; the simulated accelerator, for ``accel``; a board, for ``uart``.
        stalls: random stalls of the device.
        reference: outputs of the float model for the same samples, (N, height, width, channels), where known.

    Raises:
        ShiftworkError: no samples, nothing compared, or the device refuses or hangs.
    """
    if len(data.x) == 0:
        raise ShiftworkError("no samples to execute")
    counts: dict[str, Work] = {}
    tensors = golden.run(network, data.x, executor != "golden", counts)
    seconds, run = 0.0, None
    if executor == "golden":
        outputs, layers = tensors[network.output], layer_reports(network, "golden", counts)
    elif isinstance(device, SimulatedAccelerator | BoardAccelerator):
        with progress.items():
            run = execute_accelerator(network, data.x, tensors, device, counts, stalls, progress.item)
        outputs, layers = run.outputs, run.layers
        seconds = sum(counters.seconds for counters in run.counters)
    else:
        assert device is not None
        with progress.items():
            done = execute(network, data.x, tensors, device, counts, stalls, progress.item)
        outputs, layers, seconds = done.outputs, done.layers, done.device_seconds

    classes = golden.predictions(outputs)
    report = RunReport(model, network.scheme, executor, len(outputs), layers=layers)
    report.quantizations, report.model_bits = quantizations(network), network.model_bits
    report.weight_bits, report.activation_bits = network.average_bits
    if data.y is not None:
        report.accuracy = share(classes, data.y)
    if reference is not None:
        if reference.shape != outputs.shape:
            raise ShiftworkError(f"the float model returned {reference.shape}, the network {outputs.shape}")
        expected = golden.predictions(reference)
        report.agreement = share(classes, expected)
        report.float_accuracy = None if data.y is None else share(expected, data.y)
    report.host_modules = [layer.name for layer in layers if layer.executor == "host"]
    if network.convolutions:
        report.columns = network.convolutions[0].format.columns
        report.totals = report.columns.totals([layer.facts for layer in layers if layer.facts])
    if device is not None and executor != "golden":
        report.mismatches = sum(layer.mismatches for layer in layers)
        report.compared = sum(layer.compared for layer in layers)
        bound = sum(layer.bound or 0 for layer in layers)
        report.device_seconds = seconds
        if run is None:
            report.cycles = sum(layer.cycles or 0 for layer in layers)
            predicted = [layer.predicted_cycles for layer in layers if layer.predicted_cycles is not None]
            report.predicted_cycles = sum(predicted) if predicted else None
        else:
            report.mismatches += run.mismatches
            report.compared += run.compared
            report.cycles = sum(counters.cycles for counters in run.counters)
            report.predicted_cycles = run.predicted_cycles
            report.stalls = {
                "weights": sum(counters.waits_weights for counters in run.counters),
                "results": sum(counters.waits_results for counters in run.counters),
            }
            report.bytes_read = 8 * sum(counters.words_read for counters in run.counters)
            report.bytes_written = 8 * sum(counters.words_written for counters in run.counters)
        report.clock = device.identity.clock if isinstance(device, BoardDevice) else None
        report.utilisation = bound / report.cycles if report.cycles else None
        report.engine = device.engine
    return report

# SPDX-License-Identifier: Apache-2.0
"""Execute an integer network and report what it did: accuracy, work, cycles, and equality with the golden model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
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
from shiftwork.network.format import Codes, Columns, Facts, Work
from shiftwork.network.integer import IntegerNetwork
from shiftwork.network.promise import Promise
from shiftwork.network.saving import Saving
from shiftwork.outputs import write_arrays, write_json
from shiftwork.progress import Progress
from shiftwork.run.accelerated import execute_accelerator
from shiftwork.run.layers import LayerReport, execute, layer_reports

Executor = Literal["float", "golden", "rtl", "accel", "uart"]
EXECUTORS: tuple[Executor, ...] = ("float", "golden", "rtl", "accel", "uart")


@dataclass(frozen=True)
class Results:
    """What a network gave for its samples.

    Attributes:
        outputs: of the model, by name, in its own layout. labels: of the samples (N,), where there are any.
        tensors: codes (N, height, width, channels) that every module wrote, by its name, where asked for.
    """

    outputs: dict[str, NDArray[Any]]
    labels: NDArray[np.int64] | None
    tensors: dict[str, Codes] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write ``outputs``, or ``output/NAME`` where there are several, in the model's own layout, ``predictions``
        where they are classes, ``labels``, and ``tensor/NAME`` of every module.

        Raises:
            SettingError: the file cannot be written.
        """
        arrays = {f"output/{name}": value for name, value in self.outputs.items()}
        if len(self.outputs) == 1:
            arrays = {"outputs": next(iter(self.outputs.values()))}
        classes = classes_of(self.outputs)
        if classes is not None:
            arrays["predictions"] = classes
        if self.labels is not None:
            arrays["labels"] = self.labels
        write_arrays(path, arrays | {f"tensor/{name}": codes for name, codes in self.tensors.items()}, "outputs")


@dataclass
class RunReport:
    """One run of one network. A field that does not apply is None.

    Attributes:
        model: name of the file. scheme: ``float`` or that of the network.
        executor: what computed the outputs. samples: executed.
        accuracy, float_accuracy: percent of samples whose class is their label, None without labels.
        accuracy_error, loss_error: standard errors of the accuracy, and of its difference to that of the float model.
        agreement: percent of samples whose class is that of the float model. errors: of every output beside the float
            model: the largest, and the ratio of powers (SQNR) in dB.
        promise: what the quantizer expected the network to lose. scales: how its scales were chosen.
        mismatches: elements of any module's output that differ from the golden model.
        compared: elements that the device computed and that were compared. host_compared: those of the host.
        host_modules: names of the modules that the host computed (golden functions on the tensors of this run).
        model_bits: stored bits of the integer network. weight_bits, activation_bits: of a value, on average.
        totals: figures of the work by the format (:meth:`shiftwork.network.format.Columns.totals`). columns: of it.
        cycles, predicted_cycles: of the engine, without its post unit's pipeline, or of the accelerator, and by the
            cycle model (without stalls).
        utilisation: bound of the layers over cycles. clock: of a board, in kHz.
        device_seconds: wall time inside the compiled model, or of runs on a board with their input and results.
        stalls: of the accelerator: cycles in which a beat waited, by cause. bytes_read, bytes_written: of its memory.
        quantizations: roundings of values to a scale for one sample, ``{"op_by_op": .., "unified": ..}``.
        saving: what the quantizer saves beside conventional quantization.
        input_copies: of the network input, 1 where it enters as it is (:class:`shiftwork.network.ends.Entry`).
        notes: on nodes of the model, by their names.
        engine: what it ran on. layers: one entry per module. results: what the network gave.
    """

    model: str
    scheme: str
    executor: Executor
    samples: int
    accuracy: float | None = None
    float_accuracy: float | None = None
    accuracy_error: float | None = None
    loss_error: float | None = None
    agreement: float | None = None
    errors: dict[str, dict[str, float]] = field(default_factory=dict)
    promise: Promise | None = None
    scales: str | None = None
    mismatches: int | None = None
    compared: int | None = None
    host_compared: int | None = None
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
    saving: Saving | None = None
    input_copies: int = 1
    notes: dict[str, str] = field(default_factory=dict)
    layers: list[LayerReport] = field(default_factory=list)
    results: Results | None = None

    @property
    def device_macs(self) -> int:
        """Multiply-accumulates of what the host did not compute."""
        return sum(layer.macs for layer in self.layers if layer.executor != "host")

    @property
    def ok(self) -> bool:
        """False when anything differs from the golden model or was left uncompared."""
        return self.executor in ("float", "golden") or (self.mismatches == 0 and bool(self.compared))

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values, the totals beside the others."""
        names = [item.name for item in fields(self) if item.name not in ("columns", "results")]
        values = {name: getattr(self, name) for name in names}
        engine = None if self.engine is None else self.engine.shape
        saving = None if self.saving is None else asdict(self.saving)
        values |= {"engine": engine, "saving": saving, "layers": [layer.to_json() for layer in self.layers]}
        values["promise"] = None if self.promise is None else {**asdict(self.promise), "kept": self.promise.kept}
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


def share(classes: NDArray[Any], reference: Any) -> float:
    """Percent of equal entries."""
    return 100.0 * float((classes == reference).mean())


def standard_error(values: NDArray[Any]) -> float:
    """Standard error of the mean of values (N,), in percent."""
    return 100.0 * float(values.std() / np.sqrt(len(values)))


def classes_of(outputs: Mapping[str, NDArray[Any]]) -> NDArray[np.int64] | None:
    """Class of every sample: what the only output says, or its largest value; None where it is no vector of classes."""
    if len(outputs) != 1:
        return None
    (values,) = outputs.values()
    rows = values.reshape(len(values), -1)
    if values.dtype.kind in "iu":
        return rows[:, 0].astype(np.int64) if rows.shape[1] == 1 else None
    if rows.shape[1] < 2 or rows.shape[1] not in values.shape[1:]:
        return None
    return golden.predictions(rows)


def errors_of(outputs: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, float]]:
    """Of every output of real numbers the largest error, and its power in dB below that of the float model's."""
    result = {}
    for name, values in expected.items():
        if values.dtype.kind == "f" and values.size:
            exact = values.astype(np.float64)
            missed = outputs[name] - exact
            noise, power = float(np.square(missed).mean()), float(np.square(exact).mean())
            sqnr = 10 * math.log10(power / noise) if noise and power else math.inf
            result[name] = {"largest": float(np.abs(missed).max()), "sqnr": sqnr}
    return result


def run_float(model: str, outputs: dict[str, NDArray[Any]], data: Data) -> RunReport:
    """Report of the float model from its outputs by name."""
    report = RunReport(model, "float", "float", len(data.x), results=Results(outputs, data.y))
    classes = classes_of(outputs)
    if data.y is not None:
        assert classes is not None
        right = classes == data.y
        report.accuracy = report.float_accuracy = share(right, True)
        report.accuracy_error = standard_error(right)
    return report


def run_integer(
    model: str,
    network: IntegerNetwork,
    data: Data,
    executor: Executor,
    progress: Progress,
    device: SimulatedDevice | SimulatedAccelerator | BoardAccelerator | BoardTiles | None = None,
    stalls: Stalls | None = None,
    reference: Mapping[str, NDArray[Any]] | None = None,
    keep: bool = False,
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
        reference: outputs of the float model for the same samples, by name, where known.
        keep: what every module wrote.

    Raises:
        ShiftworkError: no samples, nothing compared, or the device refuses or hangs.
    """
    if len(data.x) == 0:
        raise ShiftworkError("no samples to execute")
    counts: dict[str, Work] = {}
    with progress.items():
        tensors = golden.run(network, data.x, keep or executor != "golden", counts, progress.item)
    seconds, run = 0.0, None
    kept = {module.name: tensors[module.output] for module in network.modules} if keep else {}
    if executor == "golden":
        outputs = {name: tensors[name] for name in network.outputs}
        layers = layer_reports(network, "golden", counts)
    elif isinstance(device, SimulatedAccelerator | BoardAccelerator):
        with progress.items():
            run = execute_accelerator(network, data.x, tensors, device, counts, stalls, progress.item)
        outputs, layers, kept = {network.output: run.outputs}, run.layers, run.tensors if keep else {}
        seconds = sum(counters.seconds for counters in run.counters)
    else:
        assert device is not None
        with progress.items():
            done = execute(network, data.x, tensors, device, counts, stalls, progress.item, keep=keep)
        outputs, layers, seconds, kept = done.outputs, done.layers, done.device_seconds, done.tensors

    final = golden.finished(network, outputs)
    classes = classes_of(final)
    report = RunReport(model, network.scheme, executor, len(data.x), layers=layers)
    report.quantizations, report.model_bits = quantizations(network), network.model_bits
    report.weight_bits, report.activation_bits = network.average_bits
    report.promise, report.scales = network.promise, network.scales
    report.results = Results(final, data.y, kept)
    report.saving, report.input_copies = network.saving, network.ends.copies
    if data.y is not None and classes is not None:
        report.accuracy, report.accuracy_error = share(classes, data.y), standard_error(classes == data.y)
    if reference is not None:
        for name, value in reference.items():
            if value.shape != final[name].shape:
                raise ShiftworkError(
                    f"{name!r}: the float model returned {value.shape}, the network {final[name].shape}"
                )
        report.errors = errors_of(final, reference)
        expected = classes_of(reference)
        if classes is not None and expected is not None:
            report.agreement = share(classes, expected)
        if data.y is not None and classes is not None and expected is not None:
            report.float_accuracy = share(expected, data.y)
            right, other = (found == data.y for found in (expected, classes))
            report.loss_error = standard_error(right.astype(int) - other)
    report.host_modules = [layer.name for layer in layers if layer.executor == "host"]
    formats = [module.format for module in network.modules if module.multiplies]
    if formats:
        report.columns = formats[0].columns
        report.totals = report.columns.totals([layer.facts for layer in layers if layer.facts])
    if device is not None and executor != "golden":
        report.mismatches = sum(layer.mismatches for layer in layers)
        report.compared = sum(layer.compared for layer in layers if layer.executor != "host")
        report.host_compared = sum(layer.compared for layer in layers if layer.executor == "host")
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

# SPDX-License-Identifier: Apache-2.0
"""Execute an integer network and report what it did: accuracy, work, cycles, and equality with the golden model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shiftwork.device.simulated import SimulatedDevice, Stalls
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import Data
from shiftwork.network.integer import EXPONENTIAL, MSQ_SCHEMES, IntegerNetwork
from shiftwork.outputs import write_json
from shiftwork.progress import Progress
from shiftwork.quantize.expfit import TensorFit
from shiftwork.run.layers import LayerReport, execute, layer_reports
from shiftwork.table import Table

Executor = Literal["float", "golden", "rtl"]
EXECUTORS: tuple[Executor, ...] = ("float", "golden", "rtl")


@dataclass
class RunReport:
    """One run of one network. A field that does not apply is None.

    Attributes:
        model: name of the file. scheme: ``float`` or that of the network.
        executor: what computed the outputs. samples: executed.
        accuracy, float_accuracy: percent of samples whose class is their label, None without labels.
        agreement: percent of samples whose class is that of the float model.
        mismatches: elements of any module's output that differ from the golden model. compared: elements compared.
        host: names of the modules that the host computed (golden functions on the tensors of this run).
        model_bits: stored bits of the integer network. weight_bits, activation_bits: of a value, on average.
        macs: multiply-accumulates. sp2_macs: those of SP2 rows, under the schemes of 4-bit rows; live_macs: those
        without a zero, under exponential codes. These have no terms; for all others
        term_pairs: by the bound; term_pairs_present: counted in the operands;
        revealed_macs, revealed_term_pairs: of the layers that term revealing is on for.
        cycles, predicted_cycles: of the engine, without its post unit's pipeline, and by the cycle model.
        utilisation: bound of the layers over cycles. device_seconds: wall time inside the compiled model.
        quantizations: roundings of values to a scale for one sample, ``{"op_by_op": .., "unified": ..}``.
        engine: shape of the engine, ``{"rows": .., "cols": ..}``, and what else it has. layers: one entry per module.
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
    host: list[str] = field(default_factory=list)
    model_bits: int | None = None
    weight_bits: float | None = None
    activation_bits: float | None = None
    macs: int | None = None
    sp2_macs: int | None = None
    live_macs: int | None = None
    term_pairs: int | None = None
    term_pairs_present: int | None = None
    revealed_macs: int | None = None
    revealed_term_pairs: int | None = None
    cycles: int | None = None
    predicted_cycles: int | None = None
    utilisation: float | None = None
    device_seconds: float | None = None
    engine: dict[str, int] | None = None
    quantizations: dict[str, int] | None = None
    layers: list[LayerReport] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """False when anything differs from the golden model or was left uncompared."""
        return self.executor != "rtl" or (self.mismatches == 0 and bool(self.compared))

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return asdict(self)

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


def quantization_line(counts: dict[str, int]) -> str:
    """The same as a line of text."""
    return f"quantizations   {counts['unified']} in unified modules, {counts['op_by_op']} operator by operator"


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
    device: SimulatedDevice | None = None,
    stalls: Stalls | None = None,
    reference: NDArray[np.float32] | None = None,
) -> RunReport:
    """Execute a network on the golden model or, compared with it, on the RTL.

    Args:
        model: name for the report.
        network: the integer network.
        data: samples, and labels where there are any.
        executor: ``golden`` or ``rtl``.
        progress: told about every module on the RTL.
        device: the simulated device, for ``rtl``.
        stalls: random stalls of the device.
        reference: outputs of the float model for the same samples, (N, height, width, channels), where known.

    Raises:
        ShiftworkError: no samples, nothing compared, or the device refuses or hangs.
    """
    if len(data.x) == 0:
        raise ShiftworkError("no samples to execute")
    counts: dict[str, golden.ModuleCounts] = {}
    tensors = golden.run(network, data.x, executor == "rtl", counts)
    if executor == "rtl":
        assert device is not None
        with progress.items():
            done = execute(network, data.x, tensors, device, counts, stalls, progress.item)
        outputs, layers = done.outputs, done.layers
    else:
        outputs, layers = tensors[network.output], layer_reports(network, "golden", counts)

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
    report.host = [layer.name for layer in layers if layer.executor == "host"]
    report.macs = sum(layer.macs for layer in layers)
    if network.scheme in MSQ_SCHEMES:
        report.sp2_macs = sum(layer.sp2_macs or 0 for layer in layers)
    elif network.scheme == EXPONENTIAL:
        report.live_macs = sum(layer.live_macs or 0 for layer in layers)
    else:
        report.term_pairs = sum(layer.term_pairs or 0 for layer in layers)
        report.term_pairs_present = sum(layer.term_pairs_present or 0 for layer in layers)
        report.revealed_macs = sum(layer.macs for layer in layers if layer.revealed)
        report.revealed_term_pairs = sum(layer.term_pairs or 0 for layer in layers if layer.revealed)
    if executor == "rtl":
        assert device is not None
        report.mismatches = sum(layer.mismatches for layer in layers)
        report.compared = sum(layer.compared for layer in layers)
        report.cycles = sum(layer.cycles or 0 for layer in layers)
        report.predicted_cycles = sum(layer.predicted_cycles or 0 for layer in layers)
        bound = sum(layer.bound or 0 for layer in layers)
        report.utilisation = bound / report.cycles if report.cycles else None
        report.device_seconds = done.device_seconds
        report.engine = device.engine.shape
    return report


def layer_table(report: RunReport) -> Table:
    """The layers of a run as a table."""
    rtl = report.executor == "rtl"
    rows, exponential = report.scheme in MSQ_SCHEMES, report.scheme == EXPONENTIAL
    table = Table(["layer", "kind", "on", "output"])
    if exponential:
        table.heads += ["bits", "MACs", "live %"]
    else:
        table.heads += ["MACs", "SP2 %"] if rows else ["stream", "g", "k", "s", "MACs", "pairs/MAC", "terms/MAC"]
    if rtl:
        table.heads += [*([] if rows or exponential else ["tokens"]), "cycles", "predicted", "compared", "mismatches"]
    for layer in report.layers:
        height, width, channels = layer.shape
        row: list[object] = [layer.name, layer.kind, layer.executor, f"{height}x{width}x{channels}"]
        if rows:
            row += [layer.macs or None, 100 * (layer.sp2_macs or 0) / layer.macs if layer.macs else None]
        elif exponential:
            live = 100 * (layer.live_macs or 0) / layer.macs if layer.macs else None
            row += [layer.weight_bits, layer.macs or None, live]
        else:
            row += [
                layer.stream if layer.revealed or layer.stream is None else f"{layer.stream} (QT)",
                layer.group,
                layer.budget,
                ("all" if layer.data_terms == 0 else layer.data_terms) if layer.revealed else None,
                layer.macs or None,
                (layer.term_pairs or 0) / layer.macs if layer.macs else None,
                layer.terms_per_mac,
            ]
        if rtl:
            row += [] if rows or exponential else [layer.tokens]
            row += [layer.cycles, layer.predicted_cycles, layer.compared, layer.mismatches]
        table.add(row)
    return table


def fit_table(fits: Sequence[TensorFit]) -> Table:
    """Codes of the tensors and their errors, in percent, beside those of uniform codes of as many bits."""
    table = Table(["tensor", "kind", "bits", "base", "RMAE %", "uniform %", "full range %"])
    for fit in fits:
        errors = [100 * error for error in (fit.rmae, fit.uniform, fit.full_range)]
        table.add([fit.name, fit.kind, fit.code.bits + 1, fit.code.base, *errors])
    return table


def summary_lines(report: RunReport) -> list[str]:
    """The figures of a whole run, one line each."""
    lines = [f"{report.model}: scheme {report.scheme}, executor {report.executor}, {report.samples} samples"]
    if report.accuracy is not None:
        other = (
            ""
            if report.executor == "float" or report.float_accuracy is None
            else f" (float {report.float_accuracy:.2f} %)"
        )
        lines.append(f"accuracy        {report.accuracy:.2f} %{other}")
    if report.agreement is not None and report.executor != "float":
        lines.append(f"same class      {report.agreement:.2f} % of the samples as the float model")
    if report.quantizations is not None:
        lines.append(quantization_line(report.quantizations))
    if report.model_bits is not None:
        lines.append(
            f"model           {report.model_bits:,} bits, {report.weight_bits:.2f} a weight; "
            f"{report.activation_bits:.2f} an activation"
        )
    if report.macs and report.sp2_macs is not None:
        lines.append(f"MACs            {report.macs:,}, {100 * report.sp2_macs / report.macs:.1f} % in SP2 rows")
    elif report.macs and report.live_macs is not None:
        lines.append(f"MACs            {report.macs:,}, {100 * report.live_macs / report.macs:.1f} % without a zero")
    elif report.macs:
        assert report.term_pairs is not None
        assert report.term_pairs_present is not None
        lines.append(
            f"term pairs      {report.term_pairs / report.macs:.3f} per MAC by the bound "
            f"(8-bit QT: {golden.QT_PAIRS}), {report.term_pairs_present / report.macs:.3f} present, "
            f"{report.macs:,} MACs"
        )
        if report.revealed_macs and report.revealed_macs != report.macs:
            assert report.revealed_term_pairs is not None
            lines.append(
                f"revealed layers {report.revealed_term_pairs / report.revealed_macs:.3f} per MAC by the bound, "
                f"{report.revealed_macs:,} MACs"
            )
    if report.executor == "rtl":
        assert report.engine is not None
        assert report.cycles is not None
        rows, cols, lanes = report.engine["rows"], report.engine["cols"], report.engine.get("lanes")
        fold = report.engine.get("fold", 1)
        shape = f"{rows // fold} x {cols} cells" + (f" of {lanes} lanes" if lanes else "")
        shape += f", {fold} rows a line" if fold > 1 else ""
        per_mac = report.cycles * rows // fold * cols / report.macs if report.macs else 0.0
        speed = report.cycles / report.device_seconds / 1e3 if report.device_seconds else 0.0
        lines.append(
            f"cycles          {report.cycles:,} (predicted {report.predicted_cycles:,}) on {shape}, "
            f"{per_mac:.2f} cell-cycles per MAC, simulated at {speed:.0f} kcycles/s"
        )
        bound = "lanes" if lanes else "bound of values" if report.live_macs is not None else "token bound"
        lines.append(f"utilisation     {100 * (report.utilisation or 0):.1f} % of the {bound}")
        if report.host:
            lines.append(f"host computed   {', '.join(report.host)}")
        lines.append(
            f"mismatches      {report.mismatches} of {report.compared:,} elements compared with the golden model"
        )
    return lines

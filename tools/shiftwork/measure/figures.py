# SPDX-License-Identifier: Apache-2.0
"""Figures of runs as plain JSON values: accuracy, work, cycles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile import Engine, requant_of
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.device.toolchain import find_verilator
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.measure.entries import COLS, ROWS
from shiftwork.network.data import Data
from shiftwork.network.format_terms import QT_PAIRS
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.quantize.judge import class_losses
from shiftwork.run.networks import RunReport, run_integer, standard_error


def on_rtl(name: str, integer: IntegerNetwork, samples: Data, engine: Engine) -> dict[str, Any]:
    """An engine and what a network did on it.

    Raises:
        ShiftworkError: cycles differ from the prediction.
    """
    device = SimulatedDevice(engine, requant_of(integer))
    report = run_integer(name, integer, samples, "rtl", Progress(quiet=True), device)
    check_cycles(report)
    return {
        "engine": str(engine),
        "rtl": {
            "simulator": f"Verilator {find_verilator().version}",
            "samples": report.samples,
            "mismatches": report.mismatches,
            "compared": report.compared,
            "macs": report.device_macs,
            "cycles": report.cycles,
            "predicted_cycles": report.predicted_cycles,
            "utilisation": report.utilisation,
        },
    }


def check_cycles(report: RunReport) -> None:
    """Refuse cycles that differ from their prediction.

    Raises:
        ShiftworkError: naming the model.
    """
    if report.cycles != report.predicted_cycles:
        raise ShiftworkError(f"{report.model}: {report.cycles} cycles, predicted {report.predicted_cycles}")


def losses_of(exact: NDArray[Any], integer: IntegerNetwork, samples: Data) -> dict[str, float]:
    """Accuracy of the float network in percent, and the points that an integer one loses, with standard errors.

    They are counted by labels (``loss``), and estimated by the class probabilities of the float network
    (``tested_estimate``, :func:`~shiftwork.quantize.judge.class_losses`), which scatters less.

    Args:
        exact: outputs of the float network (N, ...). integer: runs on the golden model. samples: with labels.
    """
    assert samples.y is not None
    outputs = golden.real_outputs(integer, golden.run(integer, samples.x, collect=False))
    expected = class_losses(exact, outputs)
    right, other = (golden.predictions(values) == samples.y for values in (exact, outputs))
    losses = right.astype(int) - other
    return {
        "float_accuracy": 100 * float(right.mean()),
        "loss": 100 * float(losses.mean()),
        "loss_error": standard_error(losses),
        "tested_estimate": float(expected.mean()),
        "tested_error": standard_error(expected) / 100,
    }


def accuracy_of(network: IntegerNetwork, samples: Data) -> float:
    """Accuracy in percent on the golden model."""
    assert samples.y is not None
    outputs = golden.real_outputs(network, golden.run(network, samples.x, collect=False))
    return golden.accuracy(outputs, samples.y)


def compared(got: NDArray[Any], outputs: NDArray[np.float32], samples: Data) -> dict[str, float]:
    """Accuracy, share of samples of the float model's class, and relative 2-norm of the output error."""
    assert samples.y is not None
    got = got.reshape(outputs.shape)
    return {
        "accuracy": golden.accuracy(got, samples.y),
        "agreement": golden.accuracy(got, golden.predictions(outputs)),
        "output_error": float(np.linalg.norm(got - outputs) / np.linalg.norm(outputs)),
    }


def golden_figures(report: RunReport) -> dict[str, Any]:
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


def rtl_figures(report: RunReport) -> dict[str, Any]:
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
        "host": report.host_modules,
        "cycles": report.cycles,
        "predicted_cycles": report.predicted_cycles,
        "beats": steps,
        "cycles_per_step": report.cycles / steps,
        "fill": report.totals["macs"] / (steps * ROWS * COLS),
        "cell_cycles_per_mac": report.cycles * ROWS * COLS / report.totals["macs"],
        "utilisation": report.utilisation,
        "layers": layers,
    }


def accelerator_figures(report: RunReport) -> dict[str, Any]:
    """Cycles and memory traffic of the samples that ran on the accelerator.

    ``utilisation`` is the array's bound over cycles: both count from the start of a program to its last result.

    Raises:
        ShiftworkError: cycles differ from the prediction.
    """
    check_cycles(report)
    return {
        "simulator": f"Verilator {find_verilator().version}",
        "samples": report.samples,
        "mismatches": report.mismatches,
        "compared": report.compared,
        "host_modules": report.host_modules,
        "cycles": report.cycles,
        "predicted_cycles": report.predicted_cycles,
        "utilisation": report.utilisation,
        "stalls": report.stalls,
        "bytes_read": report.bytes_read,
        "bytes_written": report.bytes_written,
        "layers": [
            {"name": layer.name, "kind": layer.kind, "cycles": layer.cycles, "bound": layer.bound}
            for layer in report.layers
            if layer.cycles
        ],
    }

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
from shiftwork.golden.model import QT_PAIRS
from shiftwork.measure.entries import COLS, ROWS
from shiftwork.network.data import Data
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.run.networks import RunReport, run_integer


def on_rtl(name: str, integer: IntegerNetwork, samples: Data, engine: Engine) -> dict[str, Any]:
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
            "macs": report.macs,
            "cycles": report.cycles,
            "predicted_cycles": report.predicted_cycles,
            "utilisation": report.utilisation,
        },
    }


def accuracy_of(network: IntegerNetwork, samples: Data) -> float:
    """Accuracy in percent on the golden model."""
    assert samples.y is not None
    codes = golden.run(network, samples.x, collect=False)[network.output]
    return golden.accuracy(codes, samples.y)


def compared(got: NDArray[Any], outputs: NDArray[np.float32], samples: Data) -> dict[str, float]:
    """Accuracy, share of samples of the float model's class, and relative 2-norm of the output error."""
    assert samples.y is not None
    floats = outputs.reshape(len(outputs), -1)
    reals = got.transpose(0, 3, 1, 2).reshape(floats.shape)
    return {
        "accuracy": golden.accuracy(reals, samples.y),
        "agreement": golden.accuracy(reals, golden.predictions(floats)),
        "output_error": float(np.linalg.norm(reals - floats) / np.linalg.norm(floats)),
    }


def golden_figures(report: RunReport) -> dict[str, Any]:
    """Accuracy and work over all samples."""
    assert report.macs
    convolutions = [layer for layer in report.layers if layer.macs]
    streamed = sum((layer.terms_per_mac or 0.0) * layer.macs for layer in convolutions)
    revealed = (report.revealed_term_pairs or 0) / report.revealed_macs if report.revealed_macs else None
    return {
        "samples": report.samples,
        "accuracy": report.accuracy,
        "float_accuracy": report.float_accuracy,
        "agreement": report.agreement,
        "macs": report.macs,
        "term_pairs_per_mac_bound": (report.term_pairs or 0) / report.macs,
        "term_pairs_per_mac_present": (report.term_pairs_present or 0) / report.macs,
        "revealed_term_pairs_per_mac_bound": revealed,
        "fewer_pairs_than_qt": None if revealed is None else QT_PAIRS / revealed,
        "terms_per_mac": streamed / report.macs,
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
                "budget": layer.budget,
                "macs": layer.macs,
                "terms_per_mac": layer.terms_per_mac,
                "beats": layer.beats,
                "cycles": layer.cycles,
                "predicted_cycles": layer.predicted_cycles,
                "utilisation": (layer.bound or 0) / layer.cycles,
                "mismatches": layer.mismatches,
            }
        )
    steps = sum(layer["beats"] for layer in layers)
    assert report.macs
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
        "fill": report.macs / (steps * ROWS * COLS),
        "cell_cycles_per_mac": report.cycles * ROWS * COLS / report.macs,
        "utilisation": report.utilisation,
        "layers": layers,
    }

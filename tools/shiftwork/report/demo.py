# SPDX-License-Identifier: Apache-2.0
"""The shipped digits network from ONNX to RTL: what `make demo` shows."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from shiftwork.compile import TrEngine
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.errors import ShiftworkError
from shiftwork.golden.executor import QT_PAIRS
from shiftwork.hardware.manifest import ROOT
from shiftwork.network.data import load_data
from shiftwork.network.floating import reference
from shiftwork.network.importer import import_onnx
from shiftwork.quantize.fixed8 import quantize
from shiftwork.quantize.tr import TrOptions, configure
from shiftwork.report.progress import Progress
from shiftwork.report.run import RunReport, run_float, run_integer, write_json
from shiftwork.report.table import Table

EXAMPLE = ROOT / "examples" / "digits"
MODEL = EXAMPLE / "digits.onnx"
TEST = EXAMPLE / "digits_test.npz"
CALIBRATION = EXAMPLE / "digits_calib.npz"


def demo(limit: int = 100, rows: int = 8, cols: int = 64, json: Path | None = None) -> int:
    """Run the example under float, fixed8 and tr, and print one table.

    Accuracy is that of all test images on the golden model; the RTL executes the first ``limit`` of them, and every
    layer's output is compared with the golden model.

    Args:
        limit: images on the RTL. rows, cols: shape of the simulated engine. json: file for all reports, or None.

    Returns:
        Exit code: 0 when something was compared and nothing differs.
    """
    if limit < 1:
        raise ShiftworkError(f"--limit {limit} is below 1 image")
    engine = TrEngine(rows, cols)
    begin = time.perf_counter()
    progress = Progress(steps=6)
    progress.step(f"import {MODEL.name}, float model on its test images")
    network = import_onnx(MODEL)
    data, calibration = load_data(TEST, network), load_data(CALIBRATION, network)
    outputs = reference(MODEL, data.x, network.batch)
    progress.step(f"quantize with {len(calibration.x)} calibration images: fixed8 and tr")
    fixed8 = quantize(network, calibration.x)
    tr = configure(fixed8, TrOptions())
    progress.step(f"golden model on {len(data.x)} test images")
    quiet = Progress(quiet=True)
    whole = [run_integer(MODEL.name, net, data, "golden", quiet, reference=outputs) for net in (fixed8, tr)]
    progress.step(
        f"Verilator: build the {rows} x {cols} engine and its post unit (half a minute; kept for the next run)"
    )
    device = SimulatedDevice(engine)
    part = data.first(limit)
    on_rtl: list[RunReport] = []
    for net in (fixed8, tr):
        progress.step(f"RTL: {len(part.x)} test images under {net.scheme}, every layer compared with the golden model")
        on_rtl.append(run_integer(MODEL.name, net, part, "rtl", progress, device, reference=outputs[: len(part.x)]))

    table = Table(["scheme", "accuracy %", "term pairs/MAC", "fewer", "RTL images", "cycles", "compared", "mismatches"])
    floats = run_float(MODEL.name, outputs, data)
    table.add(["float", floats.accuracy, None, None, None, None, None, None])
    for golden, rtl in zip(whole, on_rtl, strict=True):
        assert golden.macs
        assert golden.term_pairs is not None
        pairs = golden.term_pairs / golden.macs
        fewer = f"{QT_PAIRS / pairs:.1f}x"
        table.add([golden.scheme, golden.accuracy, pairs, fewer, rtl.samples, rtl.cycles, rtl.compared, rtl.mismatches])
    sys.stderr.flush()
    print()
    print(table.text())
    print()
    print(f"accuracy of {len(data.x)} test images; term pairs by the bound, {QT_PAIRS} for 8-bit multiplication")
    print(
        f"cycles of a {rows} x {cols} engine as simulated and as predicted, {time.perf_counter() - begin:.0f} s in all"
    )
    if json is not None:
        write_json(
            json,
            {"float": floats.to_json(), "golden": [r.to_json() for r in whole], "rtl": [r.to_json() for r in on_rtl]},
        )
    exact = all(report.ok and report.cycles == report.predicted_cycles for report in on_rtl)
    print("every layer equals the golden model" if exact else "FAILED: the RTL differs from its models")
    return 0 if exact else 1

# SPDX-License-Identifier: Apache-2.0
"""The shipped digits network from ONNX to RTL: what `make demo` shows."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from shiftwork.compile import Engine, TrEngine, requant_of
from shiftwork.compile.accelerator import Accelerator
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.device.simulated_accelerator import SimulatedAccelerator
from shiftwork.errors import SettingError
from shiftwork.example import CALIBRATION, MODEL, TEST
from shiftwork.network.data import load_data
from shiftwork.network.floating import reference
from shiftwork.network.format_terms import QT_PAIRS
from shiftwork.network.importer import import_onnx
from shiftwork.outputs import write_json
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.run.networks import RunReport, run_float, run_integer
from shiftwork.schemes import engine_for, quantize
from shiftwork.table import Table

SHOWN = ("fixed8", "tr", "msq", "dnateq")
ACCELERATOR = Accelerator(TrEngine(8, 16), activation_memory=64, weight_words=512, constants=128)
"""A small one, which is built in seconds."""
ON_ACCELERATOR = "tr"


def demo(limit: int = 100, json: Path | None = None, engines: Mapping[str, Engine] | None = None) -> int:
    """Run the example under float, fixed8, tr, msq and dnateq, and under tr on the accelerator; print one table.

    Accuracy is that of all test images on the golden model; the RTL executes the first ``limit`` of them, and every
    layer's output is compared with the golden model.

    Args:
        limit: images on the RTL. json: file for all reports, or None.
        engines: by scheme, where not the default shape. The accelerator is :data:`ACCELERATOR` in any case.

    Returns:
        Exit code: 0 when something was compared and nothing differs.
    """
    if limit < 1:
        raise SettingError(f"`limit` {limit} is below 1 image")
    begin = time.perf_counter()
    progress = Progress(steps=12)
    progress.step(f"import {MODEL.name}, float model on its test images")
    network = import_onnx(MODEL)
    data, calibration = load_data(TEST, network), load_data(CALIBRATION, network)
    outputs = reference(network, data.x)
    progress.step(f"quantize with {len(calibration.x)} calibration images: {', '.join(SHOWN)}")
    networks = [quantize(Quantization(name), network, calibration) for name in SHOWN]
    inside = quantize(Quantization(ON_ACCELERATOR), network, calibration, inside=True)
    progress.step(f"golden model on {len(data.x)} test images")
    quiet = Progress(quiet=True)
    whole = [run_integer(MODEL.name, net, data, "golden", quiet, reference=outputs) for net in networks]
    part = data.first(limit)
    on_rtl: list[RunReport] = []
    shapes = [(engines or {}).get(name) or engine_for(name) for name in SHOWN]
    device: SimulatedDevice | None = None
    for net, engine in zip(networks, shapes, strict=True):
        if device is None or device.engine != engine:
            progress.step(f"Verilator: build the {engine} engine and its post unit (kept for the next run)")
            device = SimulatedDevice(engine, requant_of(net))
        progress.step(f"RTL: {len(part.x)} test images under {net.scheme}, every layer compared with the golden model")
        on_rtl.append(
            run_integer(
                MODEL.name,
                net,
                part,
                "rtl",
                progress,
                device,
                reference={name: value[: len(part.x)] for name, value in outputs.items()},
            )
        )

    progress.step("Verilator: build the accelerator, which runs the whole network by itself")
    accelerator = SimulatedAccelerator(ACCELERATOR)
    progress.step(f"accelerator: {len(part.x)} test images under {inside.scheme}, every layer compared")
    alone = run_integer(
        MODEL.name,
        inside,
        part,
        "accel",
        progress,
        accelerator,
        reference={name: value[: len(part.x)] for name, value in outputs.items()},
    )

    heads = ["scheme", "accuracy %", "model bits", "term pairs/MAC", "fewer", "engine", "cycles", "compared"]
    table = Table([*heads, "mismatches"])
    floats = run_float(MODEL.name, outputs, data)
    table.add(["float", floats.accuracy, *[None] * 7])
    for golden, rtl, engine in zip(whole, on_rtl, shapes, strict=True):
        totals = golden.totals
        pairs = totals["term_pairs"] / totals["macs"] if "term_pairs" in totals else None
        fewer = None if pairs is None else f"{QT_PAIRS / pairs:.1f}x"
        row = [golden.scheme, golden.accuracy, golden.model_bits, pairs, fewer, str(engine)]
        table.add([*row, rtl.cycles, rtl.compared, rtl.mismatches])
    where = f"accelerator {ACCELERATOR.engine}"
    table.add([ON_ACCELERATOR, *[None] * 4, where, alone.cycles, alone.compared, alone.mismatches])
    sys.stderr.flush()
    print()
    print(table.text())
    print()
    print(f"accuracy of {len(data.x)} test images; term pairs by the bound, {QT_PAIRS} for 8-bit multiplication")
    print("the accelerator's cycles are those from the start of a program to the network's result")
    print(
        f"{len(part.x)} images on the RTL, cycles of the engines as simulated and as predicted; "
        f"{time.perf_counter() - begin:.0f} s in all"
    )
    if json is not None:
        write_json(
            json,
            {
                "float": floats.to_json(),
                "golden": [r.to_json() for r in whole],
                "rtl": [r.to_json() for r in on_rtl],
                "accelerator": alone.to_json(),
            },
        )
    exact = all(report.ok and report.cycles == report.predicted_cycles for report in (*on_rtl, alone))
    print("every layer equals the golden model" if exact else "FAILED: the RTL differs from its models")
    return 0 if exact else 1

# SPDX-License-Identifier: Apache-2.0
"""The command `synth`: area of the engines and their baselines, and LUT-cycles per multiply-accumulate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shiftwork.errors import ShiftworkError
from shiftwork.hardware import yosys
from shiftwork.hardware.synth import check_shape, measure_cycles, read_cycles, synth_tr
from shiftwork.report.progress import Progress
from shiftwork.report.run import write_json
from shiftwork.report.table import Table

SCHEMES = ("tr",)


def synth(
    scheme: str,
    model: Path | None,
    data: Path | None,
    calibration: Path | None,
    cycles: list[Path],
    samples: int,
    rows: int,
    cols: int,
    keep: Path | None,
    json: Path | None,
) -> int:
    """Measure cycles on the RTL (or read them), synthesize, print two tables.

    Args:
        scheme: ``tr``. model, data, calibration: network for the cycles; None is the digits example.
        cycles: reports of ``shiftwork run --executor rtl --json``; then nothing is run.
        samples: samples on the RTL. rows, cols: shape of the arrays.
        keep: folder that keeps scripts, logs and netlists. json: file to write.

    Returns:
        Exit code 0.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or an RTL result is wrong.
    """
    from shiftwork.report import demo

    if scheme not in SCHEMES:
        raise ShiftworkError(f"synth {scheme}: choose {' or '.join(SCHEMES)}")
    if samples < 1:
        raise ShiftworkError(f"--samples {samples} is below 1")
    if cycles and model is not None:
        raise ShiftworkError("--cycles and --model exclude each other")
    if (model is None) != (data is None):
        raise ShiftworkError("--model and --data belong together")
    check_shape(rows, cols)
    yosys.version()
    progress = Progress(steps=2)
    if cycles:
        progress.step(f"read {len(cycles)} reports")
        runs = [read_cycles(path, rows, cols) for path in cycles]
    else:
        network, used = (demo.MODEL, demo.TEST) if model is None or data is None else (model, data)
        known = calibration or (demo.CALIBRATION if model is None else used)
        progress.step(f"cycles of {network.name} on the RTL, {samples} samples")
        runs = measure_cycles(network, used, known, rows, cols, samples)
    progress.step(f"synthesize {rows} x {cols}: engines and baselines")
    with progress.items():
        result = synth_tr(rows, cols, runs, keep, progress=progress)
    print("\n".join(lines(result)))
    if json is not None:
        write_json(json, result)
    return 0


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`~shiftwork.hardware.synth.synth_tr` as text."""
    area = Table(["design", "LUT cells", "packed LUTs", "FF", "RAMB36", "delay ps", "cells/cell", "packed/cell"])
    for design in result["designs"].values():
        part = design["area"]
        numbers = [round(part["cells"]), round(part["packed"]), round(part["flip_flops"]), part["block_ram"]]
        area.add(
            [design["title"], *numbers, design["delay_ps"], float(design["per_cell"]), float(design["packed_per_cell"])]
        )
    shares = ["/inferred", "/Booth"]
    heads = ["engine", "network", "cycles/MAC", "LUT-cycles/MAC", *shares, "packed", *shares, "target"]
    work = Table(heads)
    for entry in result["comparisons"]:
        ratios, packed = entry["ratios"], entry["packed_ratios"]
        met = {True: "met", False: "missed", None: None}[entry["met"]]
        work.add(
            [
                result["designs"][entry["design"]]["title"],
                f"{entry['cycles']['source']}: {entry['label']}",
                entry["cycles_per_mac"],
                entry["lut_cycles"],
                ratios.get("mac"),
                ratios.get("booth"),
                entry["packed_lut_cycles"],
                packed.get("mac"),
                packed.get("booth"),
                met,
            ]
        )
    shape = f"{result['rows']} x {result['cols']}"
    return [f"{result['tool']}, {result['mapping']}, {shape} cells", area.text(), "", work.text()]

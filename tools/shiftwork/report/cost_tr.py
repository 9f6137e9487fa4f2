# SPDX-License-Identifier: Apache-2.0
"""The command `synth`: area of the engines and their baselines, LUT-cycles, placement and toggles.

Schemes ``msq``, ``requant`` and ``dnateq`` have modules of their own.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from shiftwork.compile import ExpEngine, engine_for
from shiftwork.cost.tr_area import TARGETS, Cycles, check_shape, measure_cycles, read_cycles, synth_tr
from shiftwork.eda import ecp5 as placer
from shiftwork.eda import yosys
from shiftwork.eda.designs import cell_row, designs
from shiftwork.errors import ShiftworkError
from shiftwork.network.integer import EXPONENTIAL
from shiftwork.progress import Progress
from shiftwork.report.cost_dnateq import dnateq
from shiftwork.report.cost_msq import msq
from shiftwork.report.cost_requant import requant
from shiftwork.report.table import Table
from shiftwork.run.networks import write_json

SCHEMES = {
    "tr": ("--cycles", "--design", "--ecp5", "--toggles", "--rows", "--cols"),
    "msq": (),
    "requant": ("--design",),
    EXPONENTIAL: ("--toggles", "--rows", "--cols", "--fold"),
}
"""Options that not all of them take."""

ROWS, COLS = 8, 64
TOGGLE_TARGET = 0.5
BLOCKS = (16, 4, 32)
"""Terms sorted together in the engines whose toggles are counted: the default, and what less and more sorting does."""

FREQUENCY_TARGET = 120.0


def synth(
    scheme: str,
    model: Path | None,
    data: Path | None,
    calibration: Path | None,
    cycles: list[Path],
    samples: int,
    rows: int | None,
    cols: int | None,
    fold: int | None,
    keys: list[str],
    ecp5: bool,
    toggles: bool,
    keep: Path | None,
    json: Path | None,
) -> int:
    """Measure cycles on the RTL (or read them), run the tools, print tables.

    Args:
        scheme: ``tr``, ``msq`` (:mod:`shiftwork.report.cost_msq`), ``requant``
            (:mod:`shiftwork.report.cost_requant`) or
            ``dnateq`` (:mod:`shiftwork.report.cost_dnateq`); :data:`SCHEMES` says which options go with it.
        model, data, calibration: network for cycles, codes and sums; None is the digits example.
        cycles: reports of ``shiftwork run --executor rtl --json``; then nothing is run.
        samples: samples on the RTL (``tr``) or on the golden model. rows, cols, fold: shape, None is the default.
        keys: designs to map, empty for all.
        ecp5: place and route instead of mapping to 7-series. toggles: count net toggles instead.
        keep: folder that keeps scripts, logs and netlists. json: file to write.

    Returns:
        Exit code 0.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or an RTL result is wrong.
    """
    from shiftwork.report import demo

    if scheme not in SCHEMES:
        raise ShiftworkError(f"synth {scheme}: choose {', '.join(SCHEMES)}")
    given = {"--cycles": cycles, "--design": keys, "--ecp5": ecp5, "--toggles": toggles}
    given |= {"--rows": rows is not None, "--cols": cols is not None, "--fold": fold is not None}
    for option, value in given.items():
        if value and option not in SCHEMES[scheme]:
            takers = " and ".join(name for name, options in SCHEMES.items() if option in options)
            raise ShiftworkError(f"{option} belongs to synth {takers}, not to synth {scheme}")
    if samples < 1:
        raise ShiftworkError(f"--samples {samples} is below 1")
    if cycles and model is not None:
        raise ShiftworkError("--cycles and --model exclude each other")
    if (model is None) != (data is None):
        raise ShiftworkError("--model and --data belong together")
    network, used = (demo.MODEL, demo.TEST) if model is None or data is None else (model, data)
    known = calibration or (demo.CALIBRATION if model is None else used)
    if scheme == EXPONENTIAL:
        engine = engine_for(scheme, rows, cols, fold=fold)
        assert isinstance(engine, ExpEngine)
        result = dnateq(network, used, known, samples, engine, toggles, keep)
    elif scheme == "msq":
        result = msq(network, used, known, samples, keep)
    elif scheme == "requant":
        result = requant(network, used, known, samples, keys, keep)
    else:
        shape = ROWS if rows is None else rows, COLS if cols is None else cols
        result = _engines(network, used, known, cycles, samples, shape, keys, ecp5, toggles, keep)
    if json is not None:
        write_json(json, result)
    return 0


def _engines(
    model: Path,
    data: Path,
    calibration: Path,
    cycles: list[Path],
    samples: int,
    shape: tuple[int, int],
    keys: list[str],
    ecp5: bool,
    toggles: bool,
    keep: Path | None,
) -> dict[str, Any]:
    """Scheme ``tr`` of :func:`synth`."""
    rows, cols = shape
    if ecp5 and toggles:
        raise ShiftworkError("--ecp5 and --toggles exclude each other")
    unknown = sorted(set(keys) - set(designs(rows, cols)))
    if unknown:
        raise ShiftworkError(f"--design {unknown[0]}: choose among {', '.join(designs(rows, cols))}")
    if keys and toggles:
        raise ShiftworkError("--design does not go with --toggles")
    if toggles and cycles:
        raise ShiftworkError("--toggles needs the codes of a network, not --cycles")
    check_shape(rows, cols)
    yosys.version()
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            result = _work(model, data, calibration, cycles, samples, rows, cols, keys, ecp5, toggles, Path(temporary))
    else:
        result = _work(model, data, calibration, cycles, samples, rows, cols, keys, ecp5, toggles, keep)
    print("\n".join(result.pop("text")))
    return result


def _work(
    model: Path,
    data: Path,
    calibration: Path,
    cycles: list[Path],
    samples: int,
    rows: int,
    cols: int,
    keys: list[str],
    ecp5: bool,
    toggles: bool,
    folder: Path,
) -> dict[str, Any]:
    """JSON values and, under ``text``, the lines to print."""
    progress = Progress(steps=1 if toggles else 2)
    if toggles:
        progress.step(f"net toggles of {rows} x {cols} netlists on codes of {model.name}")
        result = toggle_counts(model, data, calibration, samples, rows, cols, folder, progress)
        return result | {"text": toggle_lines(result)}
    if ecp5:
        placer.version()
    if cycles:
        progress.step(f"read {len(cycles)} reports")
        runs = [read_cycles(path, rows, cols) for path in cycles]
    else:
        progress.step(f"cycles of {model.name} on the RTL, {samples} samples")
        runs = measure_cycles(model, data, calibration, rows, cols, samples, keys)
    progress.step(f"{'place and route' if ecp5 else 'synthesize'} {rows} x {cols}: engines and baselines")
    with progress.items():
        if ecp5:
            result = placements(rows, cols, runs, folder, keys, progress)
            return result | {"text": placement_lines(result)}
        result = synth_tr(rows, cols, runs, folder, keys, progress)
    return result | {"text": lines(result)}


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`~shiftwork.cost.tr_area.synth_tr` as text."""
    area = Table(["design", "LUT cells", "packed LUTs", "FF", "RAMB36", "delay ps", "cells/cell", "packed/cell"])
    names = ["cells", "row edges", "column edges", "truncators", "control"]
    parts = Table(["LUT cells of", *names])
    for design in result["designs"].values():
        whole = design["area"]
        numbers = [round(whole["cells"]), round(whole["packed"]), round(whole["flip_flops"]), whole["block_ram"]]
        area.add(
            [design["title"], *numbers, design["delay_ps"], float(design["per_cell"]), float(design["packed_per_cell"])]
        )
        split = design["parts"]
        parts.add([design["title"], *(round(split[name]["cells"]) if name in split else None for name in names)])
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
                entry["cycles"]["per_mac"],
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
    head = f"{result['tool']}, {result['mapping']}, hierarchy kept, {shape} cells"
    wanted = "; ".join(
        f"{'k = 12 weights' if stream == 'weights' else 'exact activations'} {limits['mac']:.2f} of inferred,"
        f" {limits['booth']:.2f} of Booth"
        for stream, limits in TARGETS.items()
    )
    return [head, area.text(), "", parts.text(), "", work.text(), f"targets (cells): {wanted}"]


def placements(
    rows: int, cols: int, runs: list[Cycles], folder: Path, keys: list[str], progress: Progress
) -> dict[str, Any]:
    """Designs (``keys``, empty for all) and a bare row of cells placed and routed, and COMB-cycles per MAC of the runs
    as shares of the baselines'.

    Raises:
        ShiftworkError: a tool is missing or fails, or a design does not fit.
    """
    chosen = {
        key: design
        for key, design in designs(rows, cols, "ecp5").items()
        if not key.endswith("_signed") and (not keys or key in keys)
    }
    chosen["row"] = cell_row(cols, "ecp5")
    done: dict[str, placer.Placement] = {}
    for index, (key, design) in enumerate(chosen.items()):
        progress.item(index + 1, len(chosen), f"{design.title} {rows} x {cols}")
        done[key] = placer.place(design, folder / f"ecp5_{key}")
    work = []
    for run in runs:
        for key in ["tmac"] if run.engine == "tmac" else ["tr_truncate"] if run.truncated else ["tr"]:
            if key not in done:
                continue
            comb = done[key].per_cell * run.per_mac
            shares = {name: comb / done[name].per_cell for name in ("mac", "booth") if name in done}
            times = {name: share * done[name].fmax_mhz / done[key].fmax_mhz for name, share in shares.items()}
            work.append(
                {"design": key, "label": run.label, "source": run.source, "cycles_per_mac": run.per_mac}
                | {"comb_cycles": comb, "ratios": shares, "time_ratios": times}
            )
    return {
        "tool": f"Yosys {yosys.version()}, nextpnr {placer.version()}",
        "mapping": placer.SYNTHESIS,
        "rows": rows,
        "cols": cols,
        "placements": {key: asdict(value) for key, value in done.items()},
        "comparisons": work,
    }


def placement_lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`placements` as text."""
    area = Table(["design", "COMB", "FF", "DP16KD", "COMB/cell", "Fmax MHz"])
    for design in result["placements"].values():
        numbers = [design["comb"], design["flip_flops"], design["block_ram"]]
        area.add([design["title"], *numbers, float(design["per_cell"]), float(design["fmax_mhz"])])
    shares = ["/inferred", "/Booth"]
    work = Table(["engine", "network", "cycles/MAC", "COMB-cycles/MAC", *shares, "x time", *shares])
    for entry in result["comparisons"]:
        title = result["placements"][entry["design"]]["title"]
        ratios, times = entry["ratios"], entry["time_ratios"]
        row: list[object] = [title, f"{entry['source']}: {entry['label']}", entry["cycles_per_mac"]]
        row += [entry["comb_cycles"], ratios.get("mac"), ratios.get("booth")]
        work.add([*row, None, times.get("mac"), times.get("booth")])
    head = f"{result['tool']}, {result['mapping']}, ECP5-85 speed 6, {result['rows']} x {result['cols']} cells"
    return [head, area.text(), "", work.text(), f"target: {FREQUENCY_TARGET:g} MHz for the array"]


def toggle_counts(
    model: Path, data: Path, calibration: Path, samples: int, rows: int, cols: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Net toggles per MAC of the TR engine and of the multiplier arrays on the codes of the network's largest layer.

    Raises:
        ShiftworkError: a file or a tool is not usable.
    """
    from shiftwork.cli.options import Quantization, load_quantized
    from shiftwork.cost.tr_toggles import Toggles, array_toggles, engine_toggles, layer_operands

    integer, chosen, _ = load_quantized(model, data, calibration, samples, Quantization("fixed8"))
    operands = layer_operands(integer, chosen.x)
    shapes = designs(rows, cols)
    arrays, engine = [shapes["mac"], shapes["booth"]], shapes["tr"]
    sorted_by = {block: f"{engine.title}, terms sorted by {block}" for block in BLOCKS}
    runs = [(block, stream) for block in BLOCKS for stream in TARGETS]
    count = len(arrays) + len(runs)
    done: list[Toggles] = []
    with progress.items():
        for design in arrays:
            progress.item(len(done) + 1, count, design.title)
            done.append(array_toggles(design, operands, folder / f"toggles_{design.key}"))
        for block, stream in runs:
            progress.item(len(done) + 1, count, f"{sorted_by[block]}, {stream}")
            variant = replace(engine, title=sorted_by[block], parameters={**engine.parameters, "BLOCK": block})
            done.append(engine_toggles(variant, operands, stream, folder / f"toggles_{engine.key}_{stream}_{block}"))
    return {
        "tool": f"Yosys {yosys.version()}",
        "network": model.name,
        "layer": operands.layer,
        "rows": rows,
        "cols": cols,
        "toggles": [asdict(entry) | {"of_inferred": entry.per_mac / done[0].per_mac} for entry in done],
    }


def toggle_lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`toggle_counts` as text."""
    table = Table(["design", "work", "nets", "toggles", "cycles", "MACs", "toggles/MAC", "/inferred"])
    for entry in result["toggles"]:
        numbers = [entry[name] for name in ("nets", "toggles", "cycles", "macs", "per_mac", "of_inferred")]
        table.add([entry["title"], entry["work"], *numbers])
    head = f"{result['tool']}, {result['rows']} x {result['cols']} cells, {result['network']} layer {result['layer']}"
    return [head, table.text(), f"target: tr_engine {TOGGLE_TARGET:.2f} of the inferred array"]

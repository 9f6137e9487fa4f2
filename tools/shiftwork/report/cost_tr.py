# SPDX-License-Identifier: Apache-2.0
"""The command `synth tr`: area of the engines and their baselines, LUT-cycles, placement and toggles."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shiftwork.compile import TrEngine
from shiftwork.cost.tr_area import TARGETS, Cycles, Stream, measure_cycles, read_cycles, synth_tr
from shiftwork.cost.tr_toggles import Toggles, array_toggles, engine_toggles, layer_operands
from shiftwork.cost.wish import CostWish
from shiftwork.eda import ecp5 as placer
from shiftwork.eda import yosys
from shiftwork.eda.designs import cell_row, designs
from shiftwork.errors import SettingError
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.table import Table

TOGGLE_TARGET = 0.60
"""Largest share of the inferred array's net toggles."""
ENGINE_TARGETS = {(8, 64): {"LUT cells a cell": 32.0, "ns of logic": 2.3}}
"""Largest figures of the engine that cannot truncate, by shape."""
TIME_TARGETS: dict[tuple[int, int], dict[Stream, float]] = {
    (8, 64): {"weights": 0.95, "activations": 0.78},
    (16, 256): {"weights": 0.80, "activations": 0.66},
}
"""Largest LUT-cycles per MAC times logic delay as a share of the Booth array's, by shape and streamed operand."""
FREQUENCY_TARGET = 150.0
COMB_TARGET = 100.0
PLACED_TARGETS: dict[Stream, float] = {"weights": 0.80, "activations": 0.65}
"""Largest COMB-cycles per MAC times clock period, placed, as a share of the Booth array's."""
_WORK: dict[Stream, str] = {"weights": "k = 12 weights", "activations": "exact activations"}


def tr(wish: CostWish, engine: TrEngine) -> dict[str, Any]:
    """Measure cycles on the RTL (or read them), run the tools, print tables.

    Args:
        wish: the network, its samples, reports of cycles (then nothing is run), the designs (empty for all); ``ecp5``
            places and routes instead of mapping to 7-series, ``toggles`` counts net toggles instead.
        engine: shape of all arrays.

    Returns:
        Plain JSON values.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or an RTL result is wrong.
    """
    if wish.ecp5 and wish.toggles:
        raise SettingError("`ecp5` and `toggles` exclude each other")
    known = designs(engine.rows, engine.cols)
    unknown = sorted(set(wish.design) - set(known))
    if unknown:
        raise SettingError(f"`design` {unknown[0]}: choose among {', '.join(known)}")
    if wish.design and wish.toggles:
        raise SettingError("`design` does not go with `toggles`")
    if wish.toggles and wish.cycles:
        raise SettingError("`toggles` needs the codes of a network, not `cycles`")
    yosys.version()
    if wish.keep is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            result = _work(wish, engine, Path(temporary))
    else:
        result = _work(wish, engine, wish.keep)
    print("\n".join(result.pop("text")))
    return result


def _work(wish: CostWish, engine: TrEngine, folder: Path) -> dict[str, Any]:
    """JSON values and, under ``text``, the lines to print."""
    rows, cols = engine.rows, engine.cols
    progress = Progress(steps=1 if wish.toggles else 2)
    if wish.toggles:
        progress.step(f"net toggles of {rows} x {cols} netlists on codes of {wish.network.name}")
        result = toggle_counts(wish, engine, folder, progress)
        return result | {"text": toggle_lines(result)}
    if wish.ecp5:
        placer.version()
    if wish.cycles:
        progress.step(f"read {len(wish.cycles)} reports")
        runs = [read_cycles(path, rows, cols) for path in wish.cycles]
    else:
        progress.step(f"cycles of {wish.network.name} on the RTL, {wish.samples} samples")
        runs = measure_cycles(wish, rows, cols)
    progress.step(f"{'place and route' if wish.ecp5 else 'synthesize'} {rows} x {cols}: engines and baselines")
    with progress.items():
        if wish.ecp5:
            result = placements(rows, cols, runs, folder, wish.design, progress)
            return result | {"text": placement_lines(result)}
        result = synth_tr(rows, cols, runs, folder, wish.design, progress)
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
    heads = ["engine", "network", "cycles/MAC", "LUT-cycles/MAC", *shares, "packed", *shares, "x time /Booth", "target"]
    work = Table(heads)
    for entry in result["comparisons"]:
        ratios, packed = entry["ratios"], entry["packed_ratios"]
        met = {True: "met", False: "missed", None: None}[entry["met"]]
        own, rival = (result["designs"].get(key, {}).get("delay_ps") for key in (entry["design"], "booth"))
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
                ratios["booth"] * own / rival if rival else None,
                met,
            ]
        )
    shape = f"{result['rows']} x {result['cols']}"
    head = f"{result['tool']}, {result['mapping']}, hierarchy kept, {shape} cells"
    wanted = "; ".join(
        f"{_WORK[stream]} {limits['mac']:.2f} of inferred, {limits['booth']:.2f} of Booth"
        for stream, limits in TARGETS.items()
    )
    targets = [f"targets (cells): {wanted}"]
    key = (result["rows"], result["cols"])
    if key in TIME_TARGETS:
        targets.append(f"targets (cells x time): {_of_booth(TIME_TARGETS[key])}")
    if key in ENGINE_TARGETS:
        targets.append(f"targets (tr_engine): {', '.join(f'{n:g} {of}' for of, n in ENGINE_TARGETS[key].items())}")
    return [head, area.text(), "", parts.text(), "", work.text(), *targets]


def _of_booth(limits: Mapping[Stream, float]) -> str:
    return "; ".join(f"{_WORK[stream]} {limit:.2f} of Booth" for stream, limit in limits.items())


def placements(
    rows: int, cols: int, runs: list[Cycles], folder: Path, keys: Sequence[str], progress: Progress
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
    head += f", clock: median of {len(placer.SEEDS)} placements"
    targets = [
        f"targets: {FREQUENCY_TARGET:g} MHz (median of seeds) and {COMB_TARGET:g} COMB a cell",
        f"targets (COMB x time): {_of_booth(PLACED_TARGETS)}",
    ]
    return [head, area.text(), "", work.text(), *targets]


def toggle_counts(wish: CostWish, engine: TrEngine, folder: Path, progress: Progress) -> dict[str, Any]:
    """Net toggles per MAC of the TR engine and of the multiplier arrays on the codes of the network's largest layer.

    Raises:
        ShiftworkError: a file or a tool is not usable.
    """
    integer, chosen, _ = wish.quantized(Quantization("fixed8"))
    operands = layer_operands(integer, chosen.x)
    shapes = designs(engine.rows, engine.cols)
    arrays, revealing = [shapes["mac"], shapes["booth"]], shapes["tr"]
    count = len(arrays) + len(TARGETS)
    done: list[Toggles] = []
    with progress.items():
        for design in arrays:
            progress.item(len(done) + 1, count, design.title)
            done.append(array_toggles(design, operands, folder / f"toggles_{design.key}"))
        for stream in TARGETS:
            progress.item(len(done) + 1, count, f"{revealing.title}, {stream}")
            done.append(engine_toggles(revealing, operands, stream, folder / f"toggles_{revealing.key}_{stream}"))
    return {
        "tool": f"Yosys {yosys.version()}",
        "network": wish.network.name,
        "layer": operands.layer,
        "rows": engine.rows,
        "cols": engine.cols,
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

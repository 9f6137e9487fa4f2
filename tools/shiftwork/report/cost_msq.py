# SPDX-License-Identifier: Apache-2.0
"""The command `synth msq`: units of the Mix and Match engine beside multipliers and tables, and the engine."""

from __future__ import annotations

from typing import Any

from shiftwork.cost.msq_area import KINDS, place_units, synth_units
from shiftwork.cost.msq_toggles import synth_toggles
from shiftwork.cost.wish import CostWish
from shiftwork.eda import ecp5, yosys
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.table import Table

RIVALS = ("inferred", "booth", "table")
SP2_SHARE = 0.6
"""Of the rows whose codes are studied: units of both kinds need some in every layer."""

NOTES = (
    "An SP2 level is two radix-4 Booth digits: the SP2 unit takes fixed codes as well, at the same cost.",
    "Its gain over Booth rows is that digits come ready and are summed before they are joined, not the code.",
    "The table takes any 4-bit codebook, but its weights have to stay: a new weight is 16 writes.",
    "Cells leave out what a carry chain only passes through, for every design; CARRY4 shows it.",
)


def msq(wish: CostWish) -> dict[str, Any]:
    """Map units and engine, place them, count toggles on a network's codes, print tables.

    Args:
        wish: the network and its samples.

    Returns:
        Plain JSON values: those of :func:`~shiftwork.cost.msq_area.synth_units`, ``ecp5``, ``toggles``.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or a netlist computes something wrong.
    """
    yosys.version()
    ecp5.version()
    progress = Progress(steps=4)
    progress.step(f"quantize {wish.network.name}, scheme msq")
    integer, chosen, _ = wish.quantized(Quantization("msq", sp2_share=SP2_SHARE))
    progress.step("map units, rivals and engine to 7-series")
    with progress.items():
        result = synth_units(folder=wish.keep, progress=progress)
    progress.step("net toggles of the units")
    with progress.items():
        result["toggles"] = synth_toggles(integer, chosen.x, result["lanes"], folder=wish.keep, progress=progress)
    result["toggles"]["network"] = wish.network.name
    progress.step("place and route on ECP5")
    with progress.items():
        result["ecp5"] = place_units(folder=wish.keep, progress=progress)
    print("\n".join(lines(result)))
    return result


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`msq` as text."""
    text = [*unit_lines(result), "", *engine_lines(result["engine"]), ""]
    text += [*toggle_lines(result["toggles"]), "", *placement_lines(result["ecp5"]), "", *NOTES]
    for entry in result["targets"]:
        verdict = "met" if entry["met"] else "missed"
        text.append(f"target: {entry['text']} <= {entry['limit']:g}: {entry['value']:.3f}, {verdict}")
    return text


def unit_lines(result: dict[str, Any]) -> list[str]:
    """Area of the units."""
    heads = ["unit", "MACs", "LUT cells", "packed", "FF", "CARRY4", "DSP", "delay ps", "cells/MAC", "packed/MAC"]
    table = Table([*heads, "DSP/MAC", "SP2/it, cells", "packed"])
    for key, unit in result["units"].items():
        area, per_mac, ratio = unit["area"], unit["per_mac"], result["ratios"].get(key, {})
        counts = [round(area[name]) for name in ("cells", "packed", "flip_flops", "carry4", "dsp")]
        parts = [float(per_mac[name]) for name in ("cells", "packed", "dsp")]
        shared = [ratio.get("cells"), ratio.get("packed")]
        table.add([unit["title"], unit["macs"], *counts, unit["delay_ps"], *parts, *shared])
    head = f"{result['tool']}, {result['mapping']}: units of {result['lanes']} lanes with accumulators, flat, no edges"
    return [head, table.text()]


def engine_lines(engine: dict[str, Any]) -> list[str]:
    """Area of the engine by part, and per lane-MAC of each kind of row, everything divided."""
    names = ("cells", "packed", "flip_flops", "dsp")
    parts = Table(["part", "LUT cells", "packed", "FF", "DSP"])
    for part, area in [*engine["parts"].items(), ("all", engine["area"])]:
        parts.add([part, *(round(area[name]) for name in names)])
    shares = Table(["per lane-MAC", "SP2 rows: cells", "packed", "fixed rows: cells", "packed", "DSP"])
    columns = [_renamed(kind, engine["per_mac"].get(kind, {})) for kind in KINDS]
    for part in columns[0] | columns[1]:
        sp2, fixed = (column.get(part, {}) for column in columns)
        values = [sp2.get("cells"), sp2.get("packed"), fixed.get("cells"), fixed.get("packed"), fixed.get("dsp")]
        shares.add([part, *values])
    bare = ", ".join(f"{key} {engine['ratios'][key]['cells']:.3f}" for key in RIVALS if key in engine["ratios"])
    head = f"{engine['title']}, hierarchy kept, {engine['macs']:,} lane-MACs, {engine['delay_ps']:,} ps"
    note = f"SP2 rows with everything in over the bare units above, cells: {bare}"
    return [head, parts.text(), "", shares.text(), *([note] if bare else [])]


def _renamed(kind: str, split: dict[str, Any]) -> dict[str, Any]:
    """Parts of one kind of row under the names that both kinds share."""
    return {part.removeprefix(f"{kind} "): area for part, area in split.items()}


def toggle_lines(result: dict[str, Any]) -> list[str]:
    """Net toggles of the units."""
    table = Table(["unit", "work", "nets", "toggles", "cycles", "MACs", "toggles/MAC", "/inferred"])
    for entry in result["toggles"]:
        numbers = [entry[name] for name in ("nets", "toggles", "cycles", "macs", "per_mac", "of_inferred")]
        table.add([entry["title"], entry["work"], *numbers])
    head = f"net toggles of single units of {result['lanes']} lanes, {result['network']} layer {result['layer']}"
    note = "glitches are not counted; what switches inside a DSP block is not visible, so the fixed unit has no figure"
    return [head, table.text(), note]


def placement_lines(result: dict[str, Any]) -> list[str]:
    """Units and engine on ECP5."""
    table = Table(["ECP5-85 speed 6", "lane-MACs", "COMB", "FF", "MULT18X18D", "COMB/MAC", "Fmax MHz"])
    for design in result["placements"].values():
        counts = [design[name] for name in ("macs", "comb", "flip_flops", "multipliers")]
        table.add([design["title"], *counts, float(design["per_cell"]), float(design["fmax_mhz"])])
    return [f"{result['tool']}, {result['mapping']}", table.text()]

# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the pages about the cost of exponential codes: area and time, by layer, toggles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shiftwork.blocks.manifest import Manifest
from shiftwork.compile import ExpEngine
from shiftwork.cost.dnateq_area import MIDDLE, RIVALS
from shiftwork.docs.markdown import measurement, table
from shiftwork.report.cost_dnateq import PARTS as AREA_PARTS

_MISSING = "Not measured yet.\n"
_NAMES = {"mac": "inferred int8", "booth": "Booth int8", "table8": "table of 8 lanes", "table1": "table of 1 lane"}


def _figures(area: Mapping[str, float]) -> tuple[str, ...]:
    """LUT cells, packed LUTs, flip-flops, block RAMs and DSPs of a cell or of a MAC per cycle."""
    return (
        *(f"{area[name]:.1f}" for name in ("cells", "packed", "flip_flops")),
        *(f"{area[name]:.3f}" if area[name] else "" for name in ("block_ram", "dsp")),
    )


def _engine(entry: Mapping[str, Any]) -> str:
    count = entry["count"]
    return f"class sums of {ExpEngine(**entry['engine'])} cells, pair counters of {count['rows']} x {count['cols']}"


def _synthesized(entry: Mapping[str, Any]) -> str:
    return f"\nSynthesized ({entry['tool']}, `{entry['mapping']}`, hierarchy kept, not placed).\n"


def _footer(entry: Mapping[str, Any]) -> str:
    return _synthesized(entry).rstrip("\n") + (
        " Cycles are predicted, by the models that the tests hold to the RTL cycle by cycle, "
        f"on codes of {entry['network']}, {entry['samples']} samples.\n"
    )


def _area(book: Manifest) -> str:
    """Every design by cell, and the LUT cells of every part."""
    entry = measurement(book.root, "synth_dnateq")
    if entry is None:
        return _MISSING
    rows, parts = [], []
    for design in entry["designs"].values():
        area = design["area"]
        numbers = (f"{area['cells']:,.0f}", f"{area['block_ram']:g}", f"{area['dsp']:g}")
        rows.append((design["title"], *numbers, *_figures(design["per_cell"])[:3], f"{design['delay_ps'] / 1e3:.2f}"))
        split = design["parts"]
        if len(split) > 2:
            shares = (f"{split[name]['cells']:,.0f}" if name in split else "" for name in AREA_PARTS)
            parts.append((design["title"], *shares))
    head = (
        "design",
        "LUT cells",
        "RAMB36",
        "DSP48E1",
        "LUT cells per cell",
        "packed",
        "flip-flops",
        "logic delay in ns",
    )
    text = table(head, rows, range(1, len(head)))
    text += f"\nLUT cells by part ({_engine(entry)}):\n\n"
    return text + table(("design", *AREA_PARTS), parts, range(1, 7)) + _synthesized(entry)


def _time(book: Manifest) -> str:
    """What a MAC per cycle takes."""
    entry = measurement(book.root, "synth_dnateq")
    if entry is None:
        return _MISSING
    rows: list[tuple[str, ...]] = []
    for key, run in entry["runs"].items():
        cycles = (f"{100 * run['zeros']:.0f}", f"{run['per_mac']:.2f}", f"{run['per_step']:.2f}")
        shares = (f"{run['ratios'][rival]['cells']:.2f}" for rival in RIVALS)
        rows.append((entry["designs"][key]["title"], *cycles, *_figures(run["area"]), *shares))
    for key, design in entry["designs"].items():
        if key not in entry["runs"]:
            rows.append((design["title"], "", "1", "1", *_figures(design["per_cell"]), *[""] * len(RIVALS)))
    sizes = ("LUT cells", "packed", "flip-flops", "RAMB36", "DSP48E1")
    head = ("design", "zeros %", "cycles per MAC", "by step", *sizes, *(f"over {_NAMES[rival]}" for rival in RIVALS))
    text = table(head, rows, range(1, len(head))) + "\n" + _target(entry)
    lut, dsp = (entry["designs"][f"sums{MIDDLE}{end}"]["area"] for end in ("_lut", ""))
    return text + (
        f"Without DSPs the multipliers of the class sums take {lut['cells'] - dsp['cells']:,.0f} LUT cells more, "
        f"{(lut['cells'] - dsp['cells']) / dsp['dsp']:.0f} each, and a MAC per cycle "
        f"{entry['runs'][f'sums{MIDDLE}_lut']['area']['cells']:.1f}.\n"
    ) + _footer(entry)  # fmt: skip


def _target(entry: Mapping[str, Any]) -> str:
    target = entry["target"]
    verdict = "met" if target["met"] else "missed"
    return (
        f"LUT cells times cycles per MAC of the class sums at n = {MIDDLE}, everything included: {target['value']:.1f} "
        f"(target {target['limit']:g}, {verdict}).\n"
    )


def _layers(book: Manifest) -> str:
    """Zeros and cycles of every layer of the class sums."""
    entry = measurement(book.root, "synth_dnateq")
    if entry is None:
        return _MISSING
    rows = [
        (layer["name"], f"{layer['macs']:,}", f"{100 * layer['zeros']:.0f}", f"{layer['cycles'] / layer['steps']:.2f}")
        for layer in entry["layers"]
    ]
    return table(("layer", "MACs", "zeros %", "cycles per step"), rows, range(1, 4))


def _toggles(book: Manifest) -> str:
    """Net toggles, and what that leaves of the paper's claim."""
    entry = measurement(book.root, "synth_dnateq_toggles")
    if entry is None:
        return _MISSING
    rows = [
        (d["title"], f"{d['rows']} x {d['cols']}", d["work"], f"{d['per_mac']:.1f}", f"{d['of_inferred']:.2f}")
        for d in entry["toggles"]
    ]
    head = ("design", "cells", "work", "net toggles per MAC", "share of inferred int8")
    eight, here = (f"{100 * share:.0f} %" for share in entry["zeros"])
    return table(head, rows, (3, 4)) + (
        f"\nThe paper saves {100 * entry['paper']:.0f} % of the energy of int8, a share of {1 - entry['paper']:.2f}. "
        f"Simulated netlists without DSPs ({entry['tool']}), layer {entry['layer']} of {entry['network']}, every "
        f"result of the engines equal to the golden model; {eight} of its activations are zero in 8 bits, {here} in "
        "exponential codes. Glitches are not counted, nor what happens inside block RAM and LUT RAM.\n"
    )


PARTS: dict[str, Callable[[Manifest], str]] = {
    "dnateq_area": _area,
    "dnateq_time": _time,
    "dnateq_layers": _layers,
    "dnateq_toggles": _toggles,
}
"""By the names that pages use."""

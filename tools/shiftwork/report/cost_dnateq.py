# SPDX-License-Identifier: Apache-2.0
"""The command `synth dnateq`: engines of exponential codes beside 8-bit multipliers and 4-bit tables."""

from __future__ import annotations

from typing import Any

from shiftwork.compile import ExpEngine
from shiftwork.cost.dnateq_area import BITS, MIDDLE, RIVALS, place_engines, synth_engines
from shiftwork.cost.dnateq_toggles import synth_toggles
from shiftwork.cost.wish import CostWish
from shiftwork.eda import yosys
from shiftwork.errors import SettingError
from shiftwork.progress import Progress
from shiftwork.quantize.dnateq import SCHEME
from shiftwork.quantize.quantization import Quantization
from shiftwork.table import Table

PARTS = ("cells", "row edges", "tables", "drain", "column edges", "control")
SIZES = {"cells": "LUT cells", "packed": "packed", "flip_flops": "FF", "block_ram": "RAMB36", "dsp": "DSP"}

NOTES = (
    "a cell is a row times a column of the tiles; cycles are those per step, weighted by MACs",
    "multipliers and tables: one step per cycle; not charged for operand memories, edges and new weights",
)


def dnateq(wish: CostWish, engine: ExpEngine) -> dict[str, Any]:
    """Quantize a network to exponential codes of fixed width, map the engines or count their toggles, print tables.

    Args:
        wish: the network and its samples; ``toggles`` counts net toggles, at :data:`MIDDLE` bits, instead of mapping;
            ``ecp5`` places and routes the engines, for which no network is needed.
        engine: shape of the class-sum engine.

    Returns:
        Plain JSON values: those of :func:`~shiftwork.cost.dnateq_area.synth_engines` or of
        :func:`~shiftwork.cost.dnateq_toggles.synth_toggles`, and ``network`` and ``samples``; or those of
        :func:`~shiftwork.cost.dnateq_area.place_engines`.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or a netlist computes something wrong.
    """
    if wish.ecp5 and wish.toggles:
        raise SettingError("`ecp5` and `toggles` exclude each other")
    yosys.version()
    if wish.ecp5:
        progress = Progress(steps=1)
        progress.step(f"place and route engines of exponential codes on ECP5, class sums of {engine}")
        with progress.items():
            result = place_engines(engine, wish.keep, progress)
        print("\n".join(placement_lines(result)))
        return result
    progress = Progress(steps=2)
    widths = (MIDDLE,) if wish.toggles else BITS
    progress.step(f"quantize {wish.network.name}, scheme dnateq, exponents of {', '.join(map(str, widths))} bits")
    networks = {}
    for bits in widths:
        networks[bits], chosen, _ = wish.quantized(Quantization(SCHEME, exponent_bits=bits))
    if wish.toggles:
        fixed8, _, _ = wish.quantized(Quantization("fixed8"))
        progress.step("net toggles of engines and arrays")
        with progress.items():
            result = synth_toggles(fixed8, networks[MIDDLE], chosen.x, engine, wish.keep, progress)
    else:
        progress.step("map engines and rivals to 7-series")
        with progress.items():
            result = synth_engines(networks, chosen.x, engine, wish.keep, progress)
    result |= {"network": wish.network.name, "samples": wish.samples}
    print("\n".join(toggle_lines(result) if wish.toggles else lines(result)))
    return result


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`~shiftwork.cost.dnateq_area.synth_engines` as text."""
    area = Table(["design", *SIZES.values(), "delay ps", "cells/cell", "packed/cell"])
    parts = Table(["LUT cells of", *PARTS])
    for design in result["designs"].values():
        numbers = [round(design["area"][name]) for name in ("cells", "packed", "flip_flops")]
        numbers += [design["area"]["block_ram"], round(design["area"]["dsp"]), design["delay_ps"]]
        area.add([design["title"], *numbers, *(design["per_cell"][name] for name in ("cells", "packed"))])
        split = design["parts"]
        if split:
            parts.add([design["title"], *(round(split[name]["cells"]) if name in split else None for name in PARTS)])
    work = Table(["per MAC and cycle", "zeros %", "cycles/MAC", "by step", *SIZES.values(), *(f"/{r}" for r in RIVALS)])
    for key, run in result["runs"].items():
        ratios = [run["ratios"][rival]["cells"] for rival in RIVALS]
        numbers = [100 * run["zeros"], run["per_mac"], run["per_step"], *(run["area"][name] for name in SIZES)]
        work.add([result["designs"][key]["title"], *numbers, *ratios])
    target = result["target"]
    verdict = f"{target['value']:.1f}, {'met' if target['met'] else 'missed'}"
    shape = ExpEngine(**result["engine"])
    return [
        f"{result['tool']}, {result['mapping']}, hierarchy kept; class sums of {shape}",
        area.text(),
        "",
        parts.text(),
        "",
        f"{result['network']}, {result['samples']} samples",
        work.text(),
        *NOTES,
        f"target: LUT cells times cycles per MAC at n = {MIDDLE} <= {target['limit']:g}: {verdict}",
    ]


def placement_lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`~shiftwork.cost.dnateq_area.place_engines` as text."""
    table = Table(["ECP5-85 speed 6", "COMB", "FF", "DP16KD", "MULT18X18D", "COMB/cell", "Fmax MHz", "from", "to"])
    for design in result["placements"].values():
        counts = [design[name] for name in ("comb", "flip_flops", "block_ram", "multipliers")]
        rates = design["fmax_of_seeds"]
        figures = (design["per_cell"], design["fmax_mhz"], min(rates), max(rates))
        table.add([design["title"], *counts, *map(float, figures)])
    head = f"{result['tool']}, {result['mapping']}; class sums of {ExpEngine(**result['engine'])}"
    return [head, table.text(), "Fmax: median of placements, lowest and highest"]


def toggle_lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`~shiftwork.cost.dnateq_toggles.synth_toggles` as text."""
    table = Table(["design", "work", "nets", "toggles", "cycles", "MACs", "toggles/MAC", "/inferred"])
    for entry in result["toggles"]:
        numbers = [entry[name] for name in ("nets", "toggles", "cycles", "macs", "per_mac", "of_inferred")]
        table.add([entry["title"], entry["work"], *numbers])
    eight, here = (f"{100 * share:.0f} %" for share in result["zeros"])
    return [
        f"{result['tool']}, {result['network']} layer {result['layer']}; zeros {eight} in 8 bits, {here} here",
        table.text(),
        "glitches are not counted, nor what happens inside block RAM and LUT RAM; no DSPs",
        f"the paper saves {100 * result['paper']:.0f} % of the energy of int8",
    ]

# SPDX-License-Identifier: Apache-2.0
"""The command `synth requant`: the four requantizers side by side, area and switching on three families."""

from __future__ import annotations

from typing import Any

from shiftwork.cost.requant_area import MULTIPLIERS, RIVAL, layer_sums, requantizers, synth_requant
from shiftwork.cost.wish import CostWish
from shiftwork.eda import yosys
from shiftwork.errors import SettingError
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.table import Table


def requant(wish: CostWish) -> dict[str, Any]:
    """Quantize a network, take the sums of one of its layers, run the tools, print tables.

    Args:
        wish: the network, its samples, the requantizers (``design``, empty for all).

    Returns:
        Plain JSON values.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or a netlist computes something wrong.
    """
    unknown = sorted(set(wish.design) - set(requantizers()))
    if unknown:
        raise SettingError(f"`design` {unknown[0]}: choose among {', '.join(requantizers())}")
    yosys.version()
    progress = Progress(steps=2)
    progress.step(f"sums of {wish.network.name} on the golden model, {wish.samples} samples")
    integer, chosen, _ = wish.quantized(Quantization("fixed8", per_tensor=True))
    sums = layer_sums(integer, chosen.x)
    progress.step("map, count and simulate the requantizers")
    with progress.items():
        result = synth_requant(sums, keys=wish.design, folder=wish.keep, progress=progress)
    result["network"] = wish.network.name
    print("\n".join(lines(result)))
    return result


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`requant` as text."""
    area = Table(["family", "requantizer", "LUTs", "packed", "FF", "DSP", "carry", "RAM, SRL", "block RAM", "LUT-eq"])
    ratios = Table(["family", "requantizer", "LUT-eq", "packed", "toggles/requantization", "toggles"])
    counts = ("luts", "packed", "flip_flops", "dsp", "carry", "memory")
    for row in result["rows"]:
        cost = row["cost"]
        numbers = [*(cost[name] for name in counts), round(cost["block_ram"]), cost["lut_equivalents"]]
        area.add([row["family"], row["title"], *numbers])
        shares = (row["area_ratio"], row["packed_ratio"])
        ratios.add([row["family"], row["title"], *shares, row["toggles"], row["toggle_ratio"]])
    work = f"{result['values']:,} sums of {result['network']} layer {result['layer']}"
    return [
        f"{result['tool']}: " + "; ".join(result["mappings"].values()),
        area.text(),
        "LUT-eq: LUTs with LUT RAM; ecp5 also two for a CCU2C; ice40 also carries alone in a cell; none with DSP or "
        "block RAM",
        "",
        f"over shift; {work}, shift {result['shift']}, real scale {result['scale']:.6f}; equal to the golden model",
        ratios.text(),
        "glitches are not counted, nor what happens inside LUT RAM and shift registers",
        "",
        *verdict(result),
    ]


def verdict(result: dict[str, Any]) -> list[str]:
    """Which way to build the rival's multiplier reaches the target, and the paper's two figures."""
    text = []
    for how in MULTIPLIERS:
        found = [target for target in result["targets"] if target["key"] == f"{RIVAL}_{how}"]
        if found:
            each = ", ".join(f"{t['family']} {t['ratio']:.1f}{'' if t['met'] else ' (missed)'}" for t in found)
            text.append(f"{RIVAL}, {MULTIPLIERS[how]}: LUT-equivalents over shift: {each}")
    paper = result["paper"]
    head = f"target: {result['target']:g} x in LUT-equivalents over {RIVAL} without DSPs"
    return [*text, f"{head}; the paper claims {paper['area']:g} x in area, {paper['energy']:g} x in energy"]

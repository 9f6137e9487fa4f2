# SPDX-License-Identifier: Apache-2.0
"""The command `plan`: an msq engine for a device, beside designs of multipliers alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shiftwork.cost import planner
from shiftwork.cost.devices import device
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.outputs import write_json
from shiftwork.table import Table

TITLES = {
    "mixed": "mixed",
    "packed": "(b) the same packed multipliers alone",
    "one_mac": "(a) one MAC per multiplier",
}
SHORT = {"one_mac": "(a)", "packed": "(b)"}


def plan(name: str, network: Path | None, clock: float, json: Path | None) -> int:
    """Search, print tables, write JSON; the exit code.

    Args:
        name: of the device. network: an .npz that `quantize` wrote, or an ONNX model. clock: in MHz. json: target.

    Raises:
        ShiftworkError: an unknown device, an illegal clock, an unusable network, or no engine fits.
    """
    target = device(name)
    layers = []
    if network is not None:
        saved = network.suffix == ".npz"
        layers = planner.layers_of(IntegerNetwork.load(network) if saved else import_onnx(network))
    result = planner.plan(target, clock, layers)
    if network is not None:
        result["network"] = network.name
    print("\n".join(lines(result)))
    if json is not None:
        write_json(json, result)
    return 0


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`~shiftwork.cost.planner.plan` as text."""
    has = result["device"]
    designs = {key: result["designs"][key] for key in TITLES}
    limit = planner.USABLE
    shapes = Table(
        ["design", "engines", "FIXED_ROWS", "SP2_ROWS", "COLS", "LANES", "PRODUCTS", "MACs/cycle", "GOPS peak"]
    )
    uses = Table(["design", "LUTs", "packed", "flip-flops", "multipliers", "block RAMs", "bits/cycle read"])
    for key, design in designs.items():
        shape = design.get("engine", {})
        row = [shape.get(word) for word in ("fixed_rows", "sp2_rows", "cols", "lanes", "products")]
        shapes.add([TITLES[key], design.get("instances"), *row, design["macs_per_cycle"], design["peak_gops"]])
        counts = [
            round(design[word]) if word in design else None for word in ("luts", "packed", "flip_flops", "dsp", "rams")
        ]
        uses.add([TITLES[key], *counts, sum(design["bits_per_cycle"].values()) if "bits_per_cycle" in design else None])
    free = [int(limit * has["luts"]), None, int(limit * has["flip_flops"]), has["dsp"], has["rams"]]
    uses.add(["limit", *free, has["rams"] * has["ram_bits"]])
    parts = Table(["part of the mixed design", "LUTs", "packed", "flip-flops", "multipliers"])
    for part, used in result["parts"].items():
        parts.add([part, *(round(used[word]) for word in ("luts", "packed", "flip_flops", "dsp"))])
    text = [
        f"{has['name']} at {result['clock_mhz']:g} MHz; parts synthesized: {result['tool']}, {result['mapping']}",
        *(shapes.text(), "", uses.text(), "", parts.text(), ""),
        *_units(result),
    ]
    if "network" in result:
        text += ["", *_on_network(result)]
    return [*text, "", *_ratios(result), "", *_assumptions(result)]


def _units(result: dict[str, Any]) -> list[str]:
    """What a lane-MAC costs."""
    sp2, fixed = result["units"]["sp2"], result["units"]["fixed"]
    return [
        f"a lane-MAC of 8 lanes, accumulator included: shift-add {sp2['luts']:.1f} LUTs; "
        f"multiplier {fixed['dsp']:.2f} and {fixed['luts']:.1f} LUTs",
        "a shift-add unit takes 4-bit fixed-point codes as well, as two Booth digits: SP2 codes do not make it smaller",
    ]


def _on_network(result: dict[str, Any]) -> list[str]:
    """Speed on the network."""
    table = Table([result["network"], "cycles/image", "images/s", "GOPS", "utilisation %"])
    for key, title in TITLES.items():
        design = result["designs"][key]
        numbers = [design["cycles"], round(design["images_per_s"]), design["gops"], 100 * design["utilisation"]]
        table.add([title, *numbers])
    macs = sum(layer["macs"] for layer in result["layers"])
    note = f"{len(result['layers'])} layers, {macs:,} multiply-accumulates an image, one image at a time"
    return [table.text(), f"{note}; every shape is the fastest for them; engines share the tiles of a layer"]


def _ratios(result: dict[str, Any]) -> list[str]:
    """The mixed design over the others, and the share of SP2 rows that it wants."""
    text = []
    for key, target in result["targets"].items():
        verdict = f"target {target:g}x: {'met' if result['met'][key] else 'missed'}"
        line = f"mixed over {TITLES[key]}: peak {result['ratios']['peak'][key]:.2f}x ({verdict})"
        if "network" in result["ratios"]:
            line += f", on the network {result['ratios']['network'][key]:.2f}x"
        text.append(line)
    mixed = result["designs"]["mixed"]["engine"]
    ratio = f"fixed : SP2 = {mixed['fixed_rows']} : {mixed['sp2_rows']} rows"
    return [*text, f"train with --sp2-share {result['sp2_share']:.2f} ({ratio})"]


def _assumptions(result: dict[str, Any]) -> list[str]:
    """What the figures rest on."""
    mixed, has = result["designs"]["mixed"], result["device"]
    feeds = ", ".join(f"{name} {bits:,}" for name, bits in mixed["bits_per_cycle"].items())
    reach = (
        f"a tile takes max(beats, ROWS + 1) cycles: the mixed peak needs reductions of {mixed['peak_reduction']} steps"
    )
    reach += "" if "network" in result else f" (at most {planner.REDUCTION} were allowed)"
    packed = " A LUT6 can hold two small LUTs: `packed` estimates that, nothing rests on it." * (has["family"] == "xc7")
    return [
        "assumptions:",
        f"- LUTs and flip-flops: {planner.USABLE:.0%} of the device; multipliers and block RAMs: all. Every LUT counts "
        f"as one.{packed}",
        "- All engines are charged with a post unit per column (requantization by shift). Buffer addressing, DMA and "
        "processor interface are not charged.",
        "- (a) is charged with nothing but its multipliers, each busy in every cycle.",
        f"- Block RAM ports, {has['ram_bits']} bits a cycle each, mixed design: {feeds}. Results go in through the "
        "other port. How much fits into the RAMs is not planned.",
        f"- {reach}.",
        "- GOPS count two operations per multiply-accumulate. The clock is the same for all and is not checked: no "
        "design was placed.",
    ]

# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the pages about cost: the term-revealing engine beside multipliers, requantizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.markdown import measurement, table


def _cost(book: Manifest) -> str:
    parts = [_area_and_time(book, "synth_tr"), _area_and_time(book, "synth_tr_wide"), _placed(book), _toggles(book)]
    return "\n".join(part for part in parts if part) or "Not measured yet.\n"


def _area_and_time(book: Manifest, name: str) -> str:
    entry = measurement(book.root, name)
    if entry is None:
        return ""
    rows: list[tuple[object, ...]] = []
    for design in entry["designs"].values():
        area = design["area"]
        delay = "" if design["delay_ps"] is None else f"{design['delay_ps'] / 1e3:.2f}"
        per_cell = (f"{design['per_cell']:.1f}", f"{design['packed_per_cell']:.1f}")
        numbers = (f"{area['flip_flops']:,.0f}", area["block_ram"], delay)
        rows.append((design["title"], f"{area['cells']:,.0f}", *per_cell, *numbers))
    head = ("design", "LUT cells", "per array cell", "packed", "flip-flops", "block RAM", "logic delay in ns")
    text = f"Arrays of {entry['rows']} x {entry['cols']} cells:\n\n" + table(head, rows, range(1, 7))
    per_cell_of = {key: design["per_cell"] for key, design in entry["designs"].items()}
    text += "\n" + _shares(entry, "designs", "lut_cycles", per_cell_of, "LUT-cycles per MAC")
    return text + (
        f"\nSynthesized ({entry['tool']}, xc7, no DSPs, not placed; the delay without routing); "
        "cycles simulated. The arrays of multipliers take one step per cycle. They have totals of long reductions and "
        "are not charged for operand memories, skew and control.\n"
    )


def _shares(entry: Mapping[str, Any], kind: str, figure: str, per_cell: Mapping[str, float], title: str) -> str:
    """Comparisons with the arrays of multipliers."""
    titles = {key: design["title"] for key, design in entry[kind].items()}
    baselines = [key for key in ("mac", "booth") if key in titles]
    rows = []
    for found in entry["comparisons"]:
        limits = found.get("targets", {})
        cycles = found[figure] / per_cell[found["design"]]
        shares = [f"{found['ratios'][key]:.3f}{_target(limits.get(key))}" for key in baselines]
        if "cycles_per_step" in found:
            more = found["cycles_per_step"] / cycles
            shares += [f"{found['ratios'][key] * more:.3f}" for key in baselines]
        rows.append((titles[found["design"]], found["label"], f"{cycles:.3f}", f"{found[figure]:.1f}", *shares))
    head = ["engine", "streamed", "cycles per MAC", title, *(f"share of {titles[key]}" for key in baselines)]
    if any("cycles_per_step" in found for found in entry["comparisons"]):
        head += [f"of {titles[key]}, by step" for key in baselines]
    return table(head, rows, range(2, len(head)))


def _placed(book: Manifest) -> str:
    entry = measurement(book.root, "synth_tr_ecp5")
    if entry is None:
        return ""
    rows = [
        (
            d["title"],
            f"{d['comb']:,}",
            f"{d['per_cell']:.1f}",
            f"{d['flip_flops']:,}",
            d["block_ram"],
            f"{d['fmax_mhz']:.1f}",
        )
        for d in entry["placements"].values()
    ]
    head = ("design", "COMB", "per array cell", "flip-flops", "block RAM", "Fmax in MHz")
    per_cell = {key: design["per_cell"] for key, design in entry["placements"].items()}
    text = f"ECP5, arrays of {entry['rows']} x {entry['cols']} cells:\n\n" + table(head, rows, range(1, 6)) + "\n"
    text += _shares(entry, "placements", "comb_cycles", per_cell, "COMB-cycles per MAC")
    seeds = len(next(iter(entry["placements"].values()))["fmax_of_seeds"])
    return text + f"\nPlaced and routed ({entry['tool']}), Fmax the median of {seeds} placements; cycles simulated.\n"


def _toggles(book: Manifest) -> str:
    entry = measurement(book.root, "synth_tr_toggles")
    if entry is None:
        return ""
    rows = [(d["title"], d["work"], f"{d['per_mac']:.1f}", f"{d['of_inferred']:.2f}") for d in entry["toggles"]]
    head = ("design", "work", "net toggles per MAC", "share of inferred array")
    text = f"Net toggles, arrays of {entry['rows']} x {entry['cols']} cells:\n\n" + table(head, rows, (2, 3))
    return text + f"\nNetlist simulation, glitches not counted ({entry['tool']}), codes of {entry['layer']}.\n"


def _small(book: Manifest) -> str:
    entry = measurement(book.root, "area_small")
    if entry is None:
        return "Not measured yet.\n"
    rows = [(d["family"], f"{d['luts']:,}", f"{d['flip_flops']:,}", d["block_ram"]) for d in entry["families"]]
    text = table(("family", "LUTs", "flip-flops", "block RAM"), rows, range(1, 4))
    parameters = ", ".join(f"{name} {value}" for name, value in entry["parameters"].items())
    return f"{text}\n{parameters}. Synthesized ({entry['tool']}), flattened; LUT RAM and carry cells beside the LUTs.\n"


def _watched(book: Manifest) -> str:
    entry = measurement(book.root, "area_engines")
    if entry is None:
        return "Not measured yet.\n"
    rows = [
        (
            d["design"],
            f"{d['cells']:,}",
            f"{d['luts']:,}",
            f"{d['flip_flops']:,}",
            d["block_rams"],
            d["dsp"],
            f"{d['delay_ps'] / 1e3:.2f}",
        )
        for d in entry["designs"]
    ]
    head = ("design", "LUT cells", "packed", "flip-flops", "block RAM", "DSP", "logic delay in ns")
    text = table(head, rows, range(1, 7))
    return f"{text}\nSynthesized ({entry['tool']}, {entry['family']}), not placed; the delay without routing.\n"


def _time(book: Manifest) -> str:
    """LUTs times time of the engine over the Booth array, each at its own clock."""
    rows = []
    for name in ("synth_tr_wide", "synth_tr"):
        entry = measurement(book.root, name)
        for found in [] if entry is None else entry["comparisons"]:
            if entry is not None and found["design"] == "tr":
                clocks = (f"{entry['designs'][key]['delay_ps'] / 1e3:.2f} ns" for key in ("tr", "booth"))
                share = found["ratios"]["booth"]
                figures = (f"{share:.2f}", *clocks, f"{time_ratio(found, entry['designs']):.2f}")
                rows.append((f"xc7, {entry['rows']} x {entry['cols']}", found["label"], *figures))
    entry = measurement(book.root, "synth_tr_ecp5")
    for found in [] if entry is None else entry["comparisons"]:
        if entry is not None:
            clocks = (f"{entry['placements'][key]['fmax_mhz']:.1f} MHz" for key in ("tr", "booth"))
            figures = (f"{found['ratios']['booth']:.2f}", *clocks, f"{found['time_ratios']['booth']:.2f}")
            rows.append((f"ECP5, {entry['rows']} x {entry['cols']}, placed", found["label"], *figures))
    head = ("array", "streamed", "LUT-cycles over Booth", "engine", "Booth", "over Booth, each at its own clock")
    return table(head, rows, range(2, 6)) if rows else "Not measured yet.\n"


def time_ratio(found: Mapping[str, Any], designs: Mapping[str, Any]) -> float:
    """LUT-cycles over those of the Booth array, times the share of the logic delays."""
    return float(found["ratios"]["booth"] * designs[found["design"]]["delay_ps"] / designs["booth"]["delay_ps"])


def _requant(book: Manifest) -> str:
    entry = measurement(book.root, "synth_requant")
    if entry is None:
        return "Not measured yet.\n"
    area, ratios = [], []
    counts = ("luts", "packed", "flip_flops", "dsp", "carry", "memory", "block_ram", "lut_equivalents")
    for row in entry["rows"]:
        numbers = (row["cost"][name] for name in counts)
        area.append((row["family"], row["title"], *("" if n is None else f"{n:,.0f}" for n in numbers)))
        if row["toggles"] is not None:
            over = (row["area_ratio"], row["packed_ratio"], row["toggle_ratio"])
            figures = ("" if share is None else f"{share:.1f}" for share in over)
            ratios.append((row["family"], row["title"], *figures, f"{row['toggles']:.0f}"))
    head = (
        "family", "requantizer", "LUTs", "packed", "flip-flops", "DSP", "carry cells", "LUT RAM, SRL", "block RAM",
        "LUT-equivalents",
    )  # fmt: skip
    shares = ("LUT-equivalents", "packed", "net toggles", "toggles per requantization")
    reached = [
        f"{_title(entry, found)}: {'met' if found['met'] else 'missed'} on {found['family']} ({found['ratio']:.1f})"
        for found in entry["targets"]
    ]
    paper = entry["paper"]
    return (
        table(head, area, range(2, 10))
        + "\nThe same over `shift`, and net toggles:\n\n"
        + table(("family", "requantizer", *shares), ratios, range(2, 6))
        + f"\nTarget: {entry['target']:g} times the LUT-equivalents of `shift` for `multiply` without DSPs. "
        + "; ".join(reached)
        + f". The paper claims {paper['area']:g} times in area and {paper['energy']:g} times in energy.\n"
        f"\nSynthesized, not placed ({entry['tool']}: {'; '.join(f'`{m}`' for m in entry['mappings'].values())}). "
        f"Simulated: the netlists on {entry['values']:,} sums of layer {entry['layer']} of {entry['network']}, every "
        "result equal to the golden model, glitches not counted, nor what happens inside LUT RAM and shift registers. "
        "LUT-equivalents: LUTs with LUT RAM; on ecp5 two more for every CCU2C, on ice40 one for every carry alone in a "
        "logic cell; none where there are DSPs or block RAM.\n"
    )


def _title(entry: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    return next(str(row["title"]) for row in entry["rows"] if row["key"] == target["key"])


def _target(limit: float | None) -> str:
    return "" if limit is None else f" (target {limit})"


PARTS: dict[str, Callable[[Manifest], str]] = {
    "cost": _cost,
    "time": _time,
    "small": _small,
    "watched": _watched,
    "requant": _requant,
}
"""By the names that pages use."""

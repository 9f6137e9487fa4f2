# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the page about boards: networks on them, and what their netlists take."""

from __future__ import annotations

from collections.abc import Callable

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.markdown import NETWORKS, measurement, table
from shiftwork.eda.bitstream import BOARDS

_MISSING = "Not measured yet.\n"


def _runs(book: Manifest) -> str:
    """Cycles of networks at the clocks of the boards."""
    entry = measurement(book.root, "boards")
    if entry is None:
        return _MISSING
    rows = [
        (
            f"`{run['board']}`",
            NETWORKS[run["network"]],
            f"`{run['scheme']}`",
            f"{run['modules']} of {run['all_modules']}",
            f"{run['mismatches']:,} of {run['compared']:,}",
            f"{run['cycles'] / run['samples']:,.0f}",
            f"{run['clock_khz'] / 1000:g} MHz",
            f"{run['images_per_second']:,.0f}",
        )
        for run in entry["runs"]
    ]
    head = ("board", "network", "scheme", "modules compared", "codes that differ", "cycles an image", "clock",
            "images a second")  # fmt: skip
    return table(head, rows, range(3, 8)) + (
        f"\nMeasured on the simulated boards ({entry['rtl']['simulator']}) through their serial line, "
        "which is faster there. An image takes "
        "the cycles from the start of a program to its end, or those of its layers' tiles, at the clock of the "
        "bitstream; transfers through the line come on top.\n"
    )


def _areas(book: Manifest) -> str:
    """Resources of the netlists."""
    entry = measurement(book.root, "area_boards")
    if entry is None:
        return _MISSING
    figures = {"cells": "LUTs", "flip_flops": "flip-flops", "block_rams": "block RAM", "dsp": "DSP"}
    rows = [(f"`{one['design']}`", *(f"{one[figure]:,g}" for figure in figures)) for one in entry["designs"]]
    return table(("board", *figures.values()), rows, range(1, 5)) + (
        f"\nThe netlists of the bitstreams ({entry['tool']}), not placed; LUTs with those of LUT RAM and carry cells.\n"
    )


def _bitstreams(book: Manifest) -> str:
    """What the placed designs take, their clocks and longest paths."""
    rows, tools = [], set[str]()
    for name in BOARDS:
        entry = measurement(book.root, f"bitstream.{name}")
        if entry is None:
            continue
        tools.add(entry["tool"])
        used = {title: f"{count:,} of {there:,}" for title, (count, there) in entry["used"].items() if count}
        clocks = (f"{entry['wanted_mhz']:g} MHz", f"{entry['fmax_mhz']:.1f} MHz")
        rows.append((f"`{name}`", *(used.get(title, "0") for title in ("LUT", "BRAM", "DSP")), *clocks, entry["path"]))
    if not rows:
        return _MISSING
    return table(("board", "LUT", "block RAM", "DSP", "clock", "could be", "longest path"), rows, range(1, 6)) + (
        f"\nPlaced and routed ({', '.join(sorted(tools))}), one seed, as `make bitstream` prints it.\n"
    )


def _gates(book: Manifest) -> str:
    """Digits on the cells of boards."""
    found = {name: measurement(book.root, f"gates.{name}") for name in BOARDS}
    entries = {name: entry for name, entry in found.items() if entry is not None}
    if not entries:
        return _MISSING
    rows = [
        (
            f"`{name}`",
            NETWORKS[entry["network"]],
            str(entry["samples"]),
            f"{entry['rtl']['mismatches']} of {entry['compared']}",
            f"{entry['cpu_seconds'] / 60:.0f} min",
        )
        for name, entry in entries.items()
    ]
    head = ("board", "network", "images", "codes that differ", "CPU time")
    tools = ", ".join(sorted({entry["tool"] for entry in entries.values()}))
    return table(head, rows, range(2, 5)) + (
        f"\nNetlists of the bitstreams' parameters ({tools}), cell by cell, `fixed8`; synthesis and compilation are in "
        "the time. Their serial line alone is faster than the boards': 4 clocks a bit.\n"
    )


PARTS: dict[str, Callable[[Manifest], str]] = {
    "board-runs": _runs,
    "board-gates": _gates,
    "board-areas": _areas,
    "board-bitstreams": _bitstreams,
}
"""By the names that pages use."""

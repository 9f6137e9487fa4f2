# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the page about boards: networks on them, and what their netlists take."""

from __future__ import annotations

from collections.abc import Callable

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.markdown import NETWORKS, measurement, table

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


PARTS: dict[str, Callable[[Manifest], str]] = {"board-runs": _runs, "board-areas": _areas}
"""By the names that pages use."""

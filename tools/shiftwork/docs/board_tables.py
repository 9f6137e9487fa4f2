# SPDX-License-Identifier: Apache-2.0
"""Generated parts of the page about boards: what their netlists take."""

from __future__ import annotations

from collections.abc import Callable

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.markdown import measurement, table

_MISSING = "Not measured yet.\n"


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


PARTS: dict[str, Callable[[Manifest], str]] = {"board-areas": _areas}
"""By the names that pages use."""

# SPDX-License-Identifier: Apache-2.0
"""What the bitstream of a board is built from, as a system that simulates (:mod:`shiftwork.board.simulated_board`)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import yaml

from shiftwork.blocks import manifest
from shiftwork.blocks.cores import FOLDER
from shiftwork.board.simulated_board import Pins, System
from shiftwork.eda import bitstream
from shiftwork.errors import ShiftworkError

CELLS = Path(__file__).resolve().parent / "cells"
"""Models of cells that Yosys has none of, a file each."""
PINS = {"ulx3s": Pins(clock="clk_25mhz", reset="button", busy="led & 1")}
"""Pins of the top level of a core below fusesoc_cores/boards."""


def models(names: Collection[str]) -> tuple[Path, ...]:
    """Files of the models that there are of some cells."""
    return tuple(sorted(path for path in CELLS.glob("*.v") if path.stem in names))


def of_board(name: str) -> System:
    """The Verilog of a board's bitstream: top level, parameters and all.

    Args:
        name: of :data:`shiftwork.eda.bitstream.BOARDS`.

    Raises:
        ShiftworkError: there is no board of that name.
    """
    core, book = bitstream.board(name).core, manifest.load()
    folder = book.root / FOLDER / "boards" / core
    top, text = folder / f"shw_{core}.v", (folder / f"shw_{core}.v").read_text()
    target = yaml.safe_load((folder / f"{core}.core").read_text().removeprefix("CAPI=2:\n"))["targets"][name]
    words = set(re.findall(r"\w+", text))
    (below,) = (block for block in book.blocks if block in words)
    bit = re.search(r"\.CLOCKS_PER_BIT\((\d+)\)", text)
    if bit is None:
        raise ShiftworkError(f"{top.name} does not say how many clocks a bit takes")
    return System(
        top=top.stem,
        sources=(*book.sources(below), *models(words), top),
        parameters=dict(word.split("=") for word in target.get("parameters", ())),
        clocks_per_bit=int(bit[1]),
        pins=PINS[core],
    )

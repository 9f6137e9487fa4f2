# SPDX-License-Identifier: Apache-2.0
"""Mapping of a design to 7-series cells: netlist, area by part, longest path."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftwork.eda import output_registers, yosys
from shiftwork.eda.designs import SUBCELLS, TOP, Design
from shiftwork.eda.netlist import Area, areas, base_name, instances
from shiftwork.errors import ShiftworkError

MAPPING = "synth_xilinx -family xc7 -noiopad -noclkbuf -nodsp"

_TIMING = (
    "setattr -mod -unset keep_hierarchy *",
    "flatten",
    "delete =A:abc9_*",
    "delete =FDRE =FDSE =FDCE =FDPE",
    "read_verilog -lib -specify -overwrite +/xilinx/cells_sim.v",
    "read_verilog -lib -specify output_registers.v",
    "sta",
)


@dataclass
class Synthesis:
    """One mapped design.

    Attributes:
        title, rows, cols: of the design. area: of all of it.
        parts: area by part (cells, row edges, column edges, truncators, control).
        delay_ps: longest register-to-register path, cell delays without routing.
    """

    title: str
    rows: int
    cols: int
    area: Area
    parts: dict[str, Area]
    delay_ps: int

    @property
    def per_cell(self) -> float:
        """LUT cells of the design per cell of its array."""
        return self.area.cells / (self.rows * self.cols)

    @property
    def packed_per_cell(self) -> float:
        """Packed LUTs of the design per cell of its array."""
        return self.area.packed / (self.rows * self.cols)


def mapping(dsp: bool) -> str:
    """:data:`MAPPING`, with DSP blocks where they are allowed."""
    return MAPPING.replace(" -nodsp", "") if dsp else MAPPING


def read(design: Design, folder: Path) -> list[str]:
    """Write the wrapper of a design into ``folder``; Yosys commands that read and elaborate the design there."""
    (folder / "top.v").write_text(design.wrapper())
    paths = [*design.sources(), Path("top.v")]
    return [*(f"read_verilog {path}" for path in paths), f"hierarchy -top {TOP}"]


def map_design(design: Design, folder: Path, flatten: bool = False) -> tuple[dict[str, Any], int]:
    """Map a design to 7-series cells in ``folder``.

    Args:
        design: what to map. folder: for script, log and netlist.
        flatten: dissolve the hierarchy before mapping instead of keeping it.

    Returns:
        The netlist's modules (:mod:`shiftwork.eda.netlist`), one when flattened; the longest register-to-register
        path in picoseconds, cell delays without routing.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    commands = [
        *read(design, folder),
        f"{mapping(design.dsp)}{' -flatten' if flatten else ''} -top {TOP}",
        "write_json net.json",
    ]
    yosys.run(commands, folder, "map")
    netlist = output_registers.read(folder / "net.json")
    return netlist, longest_path(netlist, folder)


def longest_path(netlist: Mapping[str, Any], folder: Path) -> int:
    """Longest register-to-register path of a mapped 7-series netlist in picoseconds, by Yosys's ``sta``.

    Args:
        netlist: its modules, below :data:`~shiftwork.eda.designs.TOP`. folder: for script and log.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    timed = copy.deepcopy(dict(netlist))
    output_registers.name_for_timing(timed)
    (folder / "timing.json").write_text(json.dumps({"creator": "shiftwork", "modules": timed}))
    (folder / "output_registers.v").write_text(output_registers.timing_models())
    return delay_of(yosys.run(["read_json timing.json", f"hierarchy -top {TOP}", *_TIMING], folder, "timing"))


def delay_of(log: str) -> int:
    """Latest arrival time in picoseconds from the log of Yosys's ``sta``.

    Raises:
        ShiftworkError: the log has none.
    """
    found = re.findall(r"Latest arrival time in '\S+' is (\d+)", log)
    if not found:
        raise ShiftworkError("Yosys reports no arrival time")
    return int(found[-1])


def parts_of(netlist: Mapping[str, Any], names: Mapping[str, str] = SUBCELLS) -> dict[str, Area]:
    """Area by part of a hierarchical netlist below :data:`~shiftwork.eda.designs.TOP`.

    Args:
        netlist: its modules. names: part that a module directly below the design belongs to; the rest is ``control``.
    """
    below = areas(netlist)
    (design,) = (cell["type"] for cell in netlist[TOP]["cells"].values() if cell["type"] in netlist)
    parts: dict[str, Area] = {}
    rest = below[design]
    direct = instances({design: netlist[design], **{name: {"cells": {}} for name in netlist if name != design}}, design)
    for module, count in direct.items():
        part = names.get(base_name(module))
        if part is not None:
            area = below[module] * count
            parts[part] = parts.get(part, Area()) + area
            rest -= area
    parts["control"] = rest
    return parts


def synthesize(design: Design, folder: Path, names: Mapping[str, str] = SUBCELLS) -> Synthesis:
    """Map one design with its hierarchy and count it.

    Args:
        design: what to map. folder: for script, log and netlist. names: of its parts (:func:`parts_of`).

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    netlist, delay = map_design(design, folder)
    return Synthesis(design.title, design.rows, design.cols, areas(netlist)[TOP], parts_of(netlist, names), delay)

# SPDX-License-Identifier: Apache-2.0
"""What the parts of ``shw_msq_engine`` take of a device: synthesized one by one, and summed for any shape.

``python -m shiftwork.cost.unit_costs [xc7] [ecp5] [ice40]`` maps every part flat with Yosys and writes the record,
``unit_costs.json`` beside this file. :func:`load` reads it, :meth:`UnitCosts.engine` sums it.

LUTs are counted as :mod:`shiftwork.cost.requant_area` counts them. On xc7 that is LUT1..6 one by one ("cells"),
although a LUT6 can hold two small ones: ``packed`` estimates how many LUT6 that leaves. Elsewhere both are the same.

What grows with the engine is measured at two sizes and continued as a straight line: the drain and the post unit with
the columns, what the engine has around its parts with its rows and columns. Rows of the drain lie between the powers of
two that are measured.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.blocks import manifest
from shiftwork.cost import requant_area as requant
from shiftwork.cost.msq_area import ACC_W
from shiftwork.eda import ecp5, mapping, yosys
from shiftwork.eda.designs import TOP
from shiftwork.errors import ShiftworkError
from shiftwork.progress import Progress

RECORD = Path(__file__).with_name("unit_costs.json")
COMMAND = "python -m shiftwork.cost.unit_costs"

MAPPINGS = {
    "xc7": f"{mapping.mapping(dsp=True)} -flatten",
    "ecp5": ecp5.synthesis(dsp=True),
    "ice40": "synth_ice40 -dsp",
}
"""Yosys script of each family; all of them may use multipliers."""

MULTIPLIERS = {"xc7": "DSP48E1", "ecp5": "MULT18X18D", "ice40": "SB_MAC16"}

PRODUCTS = {"xc7": 4, "ecp5": 2, "ice40": 2}
"""Products per multiplier: 25 x 18 bits hold four, 16 x 16 and 18 x 18 two."""

LANES = (4, 8, 16)
"""Reduction steps per beat of the engines that are planned."""

DRAIN_ROWS = (1, 2, 4, 8, 16, 32, 64)
DRAIN_COLS = (4, 6)

_PARTS = (
    "shw_sp2_mac", "shw_fixed_mac", "shw_msq_accumulator", "shw_sp2_row_edge", "shw_fixed_row_edge",
    "shw_msq_column_edge", "shw_msq_drain",
)  # fmt: skip


@dataclass(frozen=True)
class Resources:
    """What a part takes, or a number of parts; the values may also be arrays, one entry per shape.

    Attributes:
        luts: what the planner charges (see the module). packed: estimate of physical LUTs.
        flip_flops, dsp: registers, multiplier blocks.
    """

    luts: Any = 0
    packed: Any = 0
    flip_flops: Any = 0
    dsp: Any = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Resources)))

    def __sub__(self, other: Resources) -> Resources:
        return self + other * -1

    def __mul__(self, factor: Any) -> Resources:
        return Resources(*(getattr(self, f.name) * factor for f in fields(Resources)))


@dataclass(frozen=True)
class Unit:
    """One part to map.

    Attributes:
        module: in the manifest. parameters: of it.
        alone: leave what it instantiates out: the parts of the engine are units of their own.
    """

    module: str
    parameters: Mapping[str, int | str]
    alone: bool = False

    @property
    def key(self) -> str:
        """Name in the record."""
        return " ".join([self.module, *(f"{name}={value}" for name, value in self.parameters.items())])


def _sp2_mac(lanes: int) -> Unit:
    return Unit("shw_sp2_mac", {"LANES": lanes})


def _fixed_mac(lanes: int, products: int) -> Unit:
    return Unit("shw_fixed_mac", {"LANES": lanes, "PRODUCTS": products})


def _accumulator(lanes: int) -> Unit:
    sum_w = 8 + lanes.bit_length() - 1
    return Unit("shw_msq_accumulator", {"ACC_W": ACC_W, "SUM_W": sum_w})


def _sp2_row_edge(lanes: int) -> Unit:
    return Unit("shw_sp2_row_edge", {"LANES": lanes})


def _fixed_row_edge(lanes: int, products: int) -> Unit:
    return Unit("shw_fixed_row_edge", {"LANES": lanes, "PRODUCTS": products})


def _column_edge(lanes: int) -> Unit:
    return Unit("shw_msq_column_edge", {"LANES": lanes})


def _drain(rows: int, cols: int) -> Unit:
    return Unit("shw_msq_drain", {"ROWS": rows, "COLS": cols, "ACC_W": ACC_W})


def _controls(lanes: int, products: int) -> list[Unit]:
    """2 + 2 rows and 2 columns; 2 rows more; 2 columns more."""
    return [engine_unit(2, sp2_rows, cols, lanes, products, alone=True) for sp2_rows, cols in ((2, 2), (4, 2), (2, 4))]


def _post(lanes: int) -> Unit:
    return Unit("shw_post_unit", {"LANES": lanes, "REQUANT": "shift"})


def engine_unit(fixed_rows: int, sp2_rows: int, cols: int, lanes: int, products: int, alone: bool = False) -> Unit:
    """The whole engine of a shape, or with ``alone`` what is around its parts."""
    rows = {"FIXED_ROWS": fixed_rows, "SP2_ROWS": sp2_rows}
    rest = {"COLS": cols, "LANES": lanes, "ACC_W": ACC_W, "PRODUCTS": products}
    return Unit("shw_msq_engine", rows | rest, alone)


def units(family: str) -> list[Unit]:
    """Every unit that is in the record of a family."""
    products = PRODUCTS[family]
    found = []
    for lanes in LANES:
        found += [_sp2_mac(lanes), _fixed_mac(lanes, products), _accumulator(lanes)]
        found += [_sp2_row_edge(lanes), _fixed_row_edge(lanes, products), _column_edge(lanes)]
        found += _controls(lanes, products)
    found += [_drain(rows, cols) for rows in DRAIN_ROWS for cols in DRAIN_COLS]
    return [*found, _post(1), _post(2)]


def wrapper(unit: Unit, name: str) -> str:
    """Verilog of a module with the ports of the unit, its parameters set."""
    block = manifest.load().blocks[unit.module]
    source = (manifest.ROOT / "rtl" / block.file).read_text()
    header = re.search(r"^module \w+ #\(.*?^\) \((.*?)^\);", source, re.DOTALL | re.MULTILINE)
    assert header is not None, unit.module
    ports = re.sub(r"//[^\n]*", "", header.group(1)).replace(" reg ", " wire ")
    pins = ", ".join(f".{port}({port})" for port in re.findall(r"(\w+)\s*(?:,\s*\n|\s*\Z)", ports))
    chosen = {name: facts["default"] for name, facts in block.parameters.items()} | dict(unit.parameters)
    words = {key: f'"{value}"' if isinstance(value, str) else value for key, value in chosen.items()}
    declared = ", ".join(f"parameter {key} = {word}" for key, word in words.items())
    values = ", ".join(f".{key}({key})" for key in words)
    head = f"(* keep_hierarchy *)\nmodule {name} #({declared}) ({ports});"
    return f"{head}\n  {unit.module} #({values}) u_design ({pins});\nendmodule\n"


def measure(family: str, chosen: Sequence[Unit], folder: Path) -> dict[str, Resources]:
    """Map units, each flat and apart from the others, and count their cells.

    Args:
        family: of :data:`MAPPINGS`. chosen: what to map, all of them ``alone`` or none. folder: for script and netlist.

    Returns:
        By :attr:`Unit.key`.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {unit.key: f"shw_unit_{index}" for index, unit in enumerate(chosen)}
    instances = "".join(f"  (* keep *) {name} u_{name} ();\n" for name in names.values())
    modules = [wrapper(unit, names[unit.key]) for unit in chosen]
    (folder / "top.v").write_text("\n".join([*modules, f"module {TOP};\n{instances}endmodule\n"]))
    paths = dict.fromkeys(path for unit in chosen for path in manifest.load().sources(unit.module))
    commands = [*(f"read_verilog {path}" for path in [*paths, "top.v"]), f"hierarchy -top {TOP}"]
    if any(unit.alone for unit in chosen):
        commands.append("blackbox " + " ".join(f"*{part}*" for part in _PARTS))
    yosys.run([*commands, f"{MAPPINGS[family]} -top {TOP}", "write_json net.json"], folder, "map")
    netlist = yosys.read_netlist(folder / "net.json")
    return {unit.key: _count(family, unit, netlist[names[unit.key]]["cells"]) for unit in chosen}


def _count(family: str, unit: Unit, cells: Mapping[str, Any]) -> Resources:
    multipliers = {name for name, cell in cells.items() if str(cell["type"]).startswith(MULTIPLIERS[family])}
    logic = requant.cost(family, {"cells": {name: cell for name, cell in cells.items() if name not in multipliers}})
    if logic.lut_equivalents is None:
        raise ShiftworkError(f"{unit.key} takes block RAM or other multipliers on {family}")
    packed = logic.lut_equivalents if logic.packed is None else logic.packed
    return Resources(logic.lut_equivalents, packed, logic.flip_flops, len(multipliers))


Count = int | NDArray[np.int64]
"""A number, or one for each of many shapes."""


@dataclass(frozen=True)
class UnitCosts:
    """The recorded units of one family.

    Attributes:
        family: of :data:`MAPPINGS`. tool, mapping: what mapped them, and how. units: by :attr:`Unit.key`.
    """

    family: str
    tool: str
    mapping: str
    units: Mapping[str, Resources]

    @property
    def products(self) -> int:
        """Products per multiplier."""
        return PRODUCTS[self.family]

    def of(self, unit: Unit) -> Resources:
        """A recorded unit.

        Raises:
            ShiftworkError: it is not in the record.
        """
        if unit.key not in self.units:
            raise ShiftworkError(f"{RECORD.name} has no {unit.key} for {self.family}; run: {COMMAND} {self.family}")
        return self.units[unit.key]

    def sp2_unit(self, lanes: int) -> Resources:
        """A shift-add unit with its accumulator: ``lanes`` lane-MACs."""
        return self.of(_sp2_mac(lanes)) + self.of(_accumulator(lanes))

    def fixed_unit(self, lanes: int) -> Resources:
        """Multipliers with their accumulators: ``lanes * products`` lane-MACs."""
        return self.of(_fixed_mac(lanes, self.products)) + self.of(_accumulator(lanes)) * self.products

    def drain(self, rows: Count, cols: Count) -> Resources:
        """The drain of 1..64 rows; between the measured ones, which are powers of two, in proportion."""
        low, high = DRAIN_COLS
        narrow, wide = (
            _between(rows, DRAIN_ROWS, [self.of(_drain(count, width)) for count in DRAIN_ROWS]) for width in DRAIN_COLS
        )
        return narrow + (wide - narrow) * ((cols - low) / (high - low))

    def control(self, rows: Count, cols: Count, lanes: int) -> Resources:
        """What the engine has around its parts."""
        base, taller, wider = (self.of(unit) for unit in _controls(lanes, self.products))
        return base + (taller - base) * ((rows - 4) / 2) + (wider - base) * ((cols - 2) / 2)

    def post(self, cols: Count) -> Resources:
        """The post unit, a lane per column."""
        one, two = self.of(_post(1)), self.of(_post(2))
        return one + (two - one) * (cols - 1)

    def parts(self, fixed_rows: Count, sp2_rows: Count, cols: Count, lanes: int) -> dict[str, Resources]:
        """The parts of ``shw_msq_engine`` of a shape, or of many: arrays of one shape give arrays.

        Args:
            fixed_rows, sp2_rows, cols: parameters; ``fixed_rows`` even where four products share a multiplier.
            lanes: of :data:`LANES`.
        """
        rows = fixed_rows + sp2_rows
        blocks, pairs = fixed_rows // (self.products // 2), cols // 2
        excess = self.of(_accumulator(lanes))
        return {
            "multiplier units": self.fixed_unit(lanes) * (blocks * pairs),
            "shift-add units": self.sp2_unit(lanes) * (sp2_rows * cols),
            "edges of multiplier rows": self.of(_fixed_row_edge(lanes, self.products)) * blocks + excess * (blocks > 0),
            "edges of shift-add rows": (self.of(_sp2_row_edge(lanes)) + excess) * sp2_rows,
            "edges of columns": self.of(_column_edge(lanes)) * pairs,
            "drain": self.drain(rows, cols),
            "control": self.control(rows, cols, lanes),
        }

    def engine(self, fixed_rows: Count, sp2_rows: Count, cols: Count, lanes: int) -> Resources:
        """All of :meth:`parts`."""
        return sum(self.parts(fixed_rows, sp2_rows, cols, lanes).values(), Resources())


def _between(count: Any, measured: Sequence[int], entries: Sequence[Resources]) -> Resources:
    """What ``count``, or each of an array of them, takes in proportion between the counts that are measured.

    Raises:
        IndexError: it is more than any of them.
    """
    if np.max(count) > measured[-1]:
        raise IndexError(f"{np.max(count)} is more than {measured[-1]}, the most that is measured")
    figures = ([getattr(entry, figure.name) for entry in entries] for figure in fields(Resources))
    return Resources(*(np.interp(count, measured, values) for values in figures))


@cache
def load(family: str) -> UnitCosts:
    """The record of a family.

    Raises:
        ShiftworkError: there is none.
    """
    record = json.loads(RECORD.read_text())
    if family not in record["families"]:
        raise ShiftworkError(f"{RECORD.name} has no units for {family}; run: {COMMAND} {family}")
    entry = record["families"][family]
    units_of = {key: Resources(**cost) for key, cost in entry["units"].items()}
    return UnitCosts(family, entry["tool"], entry["mapping"], units_of)


def record(family: str, folder: Path) -> dict[str, Any]:
    """Measure every unit of a family.

    Args:
        family: of :data:`MAPPINGS`. folder: for scripts, logs and netlists.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    found: dict[str, Resources] = {}
    for alone in (False, True):
        chosen = [unit for unit in units(family) if unit.alone == alone]
        found |= measure(family, chosen, folder / ("control" if alone else "parts"))
    costs = {key: asdict(cost) for key, cost in found.items()}
    return {"tool": f"Yosys {yosys.version()}", "mapping": MAPPINGS[family], "units": costs}


def main(arguments: list[str]) -> int:
    """Command line: families, all of them when none is given."""
    if set(arguments) - set(MAPPINGS):
        print(f"usage: {COMMAND} {' '.join(f'[{family}]' for family in MAPPINGS)}", file=sys.stderr)
        return 2
    content: dict[str, Any] = {"command": COMMAND, "families": {}}
    if RECORD.is_file():
        content = json.loads(RECORD.read_text())
    chosen = [family for family in MAPPINGS if not arguments or family in arguments]
    progress = Progress(steps=len(chosen))
    try:
        for family in chosen:
            progress.step(f"units of shw_msq_engine on {family}")
            with tempfile.TemporaryDirectory(prefix="shiftwork-units-") as folder:
                content["families"][family] = record(family, Path(folder))
            RECORD.write_text(json.dumps(content, indent=1) + "\n")
    except ShiftworkError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

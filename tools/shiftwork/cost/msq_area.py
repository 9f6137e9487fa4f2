# SPDX-License-Identifier: Apache-2.0
"""What the units of the Mix and Match engine cost beside multipliers and tables (``shiftwork synth msq``).

A unit is a block that sums LANES products a cycle, with one accumulator (``shw_msq_accumulator``) per row and column
that it serves, mapped flat; its operands come from registers. A lane-MAC is one of its products. No unit is charged for
what forms its operands, nor for taking off the constant that keeps its sums unsigned. The engine is charged for all of
it: there the rows of either kind carry their units, their edges, and of what serves both kinds the share that their
lane-MACs are of all lane-MACs.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.compile.msq_engine import MsqEngine
from shiftwork.eda import ecp5, yosys
from shiftwork.eda.designs import TOP, Design
from shiftwork.eda.mapping import map_design, mapping
from shiftwork.eda.netlist import Area, areas
from shiftwork.errors import ShiftworkError
from shiftwork.progress import Progress

ACCUMULATOR = "shw_msq_accumulator"
ACC_W = 24
"""Width of the accumulators of every unit."""

TARGETS = {"sp2_of_inferred": 0.60, "fixed_dsp": 0.5, "fixed_cells": 8.0}
"""At most: LUT cells per lane-MAC of the SP2 unit over those of the inferred one; DSP blocks and LUT cells per lane-MAC
of the fixed unit."""

OWN = ("sp2", "fixed4", "fixed2")
"""Units of the engine; the others are their rivals."""

ECP5_UNITS = ("sp2", "fixed2", "inferred", "booth", "table")
ECP5_ENGINE = MsqEngine(2, 2, 4, 8)
"""Placed on ECP5, with two products per multiplier."""

PARTS = {
    "g_sp2.u_mac": "SP2 units",
    "g_sp2.u_total": "SP2 units",
    "g_sp2.u_edge": "SP2 row edges",
    "g_sp2.u_excess": "SP2 row edges",
    "g_fixed.u_mac": "fixed units",
    "g_fixed.u_total": "fixed units",
    "g_fixed.u_edge": "fixed row edges",
    "g_fixed_excess.u_excess": "fixed row edges",
    "g_column.u_edge": "column edges",
    "u_drain": "drain",
}
"""Part of the engine by outermost generate block and instance; everything else is ``control``."""

KINDS = {"SP2": ("SP2 units", "SP2 row edges"), "fixed": ("fixed units", "fixed row edges")}
"""Parts that serve the rows of one kind."""


@dataclass(frozen=True)
class LaneDesign(Design):
    """A design that takes several reduction steps a cycle: its cells are lane-MACs.

    Attributes:
        shape: rows, columns and lanes served.
    """

    shape: tuple[int, int, int] = (1, 1, 1)

    @property
    def rows(self) -> int:
        """Rows served."""
        return self.shape[0]

    @property
    def cols(self) -> int:
        """Columns served."""
        return self.shape[1]

    @property
    def cells(self) -> int:
        """Lane-MACs per cycle."""
        return self.shape[0] * self.shape[1] * self.shape[2]


@dataclass(frozen=True)
class UnitDesign(LaneDesign):
    """A unit between operand registers and accumulators.

    Attributes:
        sum_w: width of a sum. latency: enabled cycles from the operands of lane 0 to the sum.
    """

    sum_w: int = 11
    latency: int = 1

    @property
    def operands(self) -> tuple[tuple[str, int], ...]:
        """Ports that bring operands (name, width)."""
        controls = ("clk", "rst", "enable", "add", "last")
        return tuple((name, width) for way, name, width in self.ports if way == "input" and name not in controls)

    def wrapper(self) -> str:
        """Verilog of :data:`~shiftwork.eda.designs.TOP`: the unit, registers before and accumulators behind."""
        inputs = [(name, width) for way, name, width in self.ports if way == "input" and name != "clk"]
        text = "".join(f"  reg [{width - 1}:0] {name}_q;\n" for name, width in inputs)
        text += "  always @(posedge clk) begin\n"
        text += "".join(f"    {name}_q <= {name};\n" for name, _ in inputs) + "  end\n"
        sums = self.rows * self.cols
        text += f"  wire [{sums * self.sum_w - 1}:0] sum;\n"
        pins = "".join(f", .{name}({name}_q)" for name, _ in self.operands)
        text += f"  {self.module} #({self.values()}) u_unit (.clk(clk), .enable(enable_q){pins}, .out_sum(sum));\n"
        for i in range(sums):
            text += (
                f"  {ACCUMULATOR} #(.ACC_W({ACC_W}), .SUM_W({self.sum_w})) u_total_{i} (.clk(clk), .rst(rst_q),"
                f" .enable(add_q), .last(last_q), .sum(sum[{i * self.sum_w} +: {self.sum_w}]),"
                f" .total(total[{i * ACC_W} +: {ACC_W}]));\n"
            )
        return self.top(text)

    def sources(self) -> list[Path]:
        """Verilog files below the wrapper."""
        known = manifest.load()
        return [*super().sources(), *known.sources(ACCUMULATOR)]


def _unit(
    key: str,
    title: str,
    module: str,
    parameters: Mapping[str, int | str],
    operands: Mapping[str, int],
    shape: tuple[int, int, int],
    sum_w: int,
    latency: int,
) -> UnitDesign:
    ports = [("input", name, 1) for name in ("clk", "rst", "enable", "add", "last")]
    ports += [("input", name, width) for name, width in operands.items()]
    ports.append(("output", "total", shape[0] * shape[1] * ACC_W))
    dsp = module == "shw_fixed_mac"
    return UnitDesign(key, title, module, parameters, tuple(ports), dsp, shape, sum_w, latency)


def _levels(lanes: int) -> int:
    """Levels of the tree that adds the chains of four lanes."""
    return (lanes // 4).bit_length() - 1


def _sp2(lanes: int) -> UnitDesign:
    level = _levels(lanes)
    operands = {"digits": 6 * lanes, "x": 4 * lanes, "top_once": lanes, "top_twice": lanes}
    shape = (1, 1, lanes)
    return _unit("sp2", "SP2 unit", "shw_sp2_mac", {"LANES": lanes}, operands, shape, 10 + level, 5 + level)


def _fixed(lanes: int, products: int) -> UnitDesign:
    level, rows = _levels(lanes), products // 2
    operands = {"row": (25 if rows == 2 else 5) * lanes, "column": 15 * lanes}
    parameters = {"LANES": lanes, "PRODUCTS": products}
    title = f"fixed unit, {products} products per multiplier"
    shape = (rows, 2, lanes)
    return _unit(f"fixed{products}", title, "shw_fixed_mac", parameters, operands, shape, 10 + level, 6 + level)


def _dot(key: str, lanes: int, x_w: int, family: str) -> UnitDesign:
    level = lanes.bit_length() - 1
    kind = "booth" if key.startswith("booth") else "inferred"
    parameters: dict[str, int | str] = {"LANES": lanes, "X_W": x_w, "KIND": kind, "FAMILY": family}
    title = {"inferred": "inferred *", "booth": "Booth rows"}[kind] + ", 1 lane" * (lanes == 1)
    title += ", codes 0..15 only" * (x_w == 4)
    operands = {"weight": 4 * lanes, "x": x_w * lanes}
    latency = {"inferred": 1, "booth": 2}[kind] + level
    return _unit(key, title, "shw_dot_mac", parameters, operands, (1, 1, lanes), 8 + level, latency)


def table_unit(lanes: int) -> UnitDesign:
    """A 4-bit table per lane in LUT RAM, 1, 2, 4, .. 32 lanes summed."""
    level = lanes.bit_length() - 1
    operands = {"write": lanes, "write_code": 4, "write_product": 8, "x": 4 * lanes}
    title = "LUT RAM table, weights stay"
    return _unit("table", title, "shw_table_mac", {"LANES": lanes}, operands, (1, 1, lanes), 8 + level, 1 + level)


def units(lanes: int = 8, family: str = "xc7") -> dict[str, UnitDesign]:
    """Every unit by key: those of the engine, then their rivals.

    Args:
        lanes: 4, 8, 16 or 32. family: ``xc7`` places the carry chains of Booth rows by hand, ``generic`` does not.
    """
    found = [_sp2(lanes), _fixed(lanes, 4), _fixed(lanes, 2)]
    for kind in ("inferred", "booth"):
        found += [_dot(kind, lanes, 5, family), _dot(f"{kind}_unsigned", lanes, 4, family)]
        found += [_dot(f"{kind}_single", 1, 5, family), _dot(f"{kind}_single_unsigned", 1, 4, family)]
    found.append(table_unit(lanes))
    return {unit.key: unit for unit in found}


def engine_design(engine: MsqEngine, products: int) -> LaneDesign:
    """``shw_msq_engine`` in a shape, with ``products`` per multiplier (4, 2, or 0 without multipliers)."""
    rows, cols, lanes = engine.rows, engine.cols, engine.lanes
    kinds: dict[str, int | str] = {"FIXED_ROWS": engine.fixed_rows, "SP2_ROWS": engine.sp2_rows}
    parameters = kinds | {"COLS": cols, "LANES": lanes, "ACC_W": ACC_W, "PRODUCTS": products}
    ports = [("input", name, 1) for name in ("clk", "rst", "cfg_col_signed", "in_valid", "in_last", "out_ready")]
    ports += [("input", "cfg_row_sp2", rows), ("input", "in_row", rows * lanes * 4)]
    ports += [("input", "in_col", cols * lanes * 4), ("output", "out_acc", cols * 32)]
    ports += [("output", name, 1) for name in ("cfg_error", "in_ready", "out_valid", "out_last")]
    title = f"engine {engine}, {products} products per multiplier"
    return LaneDesign("engine", title, "shw_msq_engine", parameters, tuple(ports), products > 0, (rows, cols, lanes))


@dataclass(frozen=True)
class Cost:
    """A mapped unit.

    Attributes:
        title: for tables. macs: lane-MACs per cycle. area: of unit, operand registers and accumulators.
        delay_ps: longest register-to-register path, cell delays without routing.
    """

    title: str
    macs: int
    area: Area
    delay_ps: int

    @property
    def per_mac(self) -> Area:
        """Area per lane-MAC."""
        return self.area * (1 / self.macs)


def measure(unit: UnitDesign, folder: Path) -> Cost:
    """Map a unit flat and count it.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    netlist, delay = map_design(unit, folder, flatten=True)
    return Cost(unit.title, unit.cells, areas(netlist)[TOP], delay)


def engine_parts(netlist: Mapping[str, Any]) -> dict[str, Area]:
    """Area by part (:data:`PARTS`, and ``control``) of a hierarchical netlist of the engine."""
    below = areas(netlist)
    (module,) = (cell["type"] for cell in netlist[TOP]["cells"].values() if cell["type"] in netlist)
    parts = {part: Area() for part in PARTS.values()}
    rest = below[module]
    for name, cell in netlist[module]["cells"].items():
        if cell["type"] not in netlist:
            continue
        scopes = [re.sub(r"\[\d+\]", "", scope) for scope in name.split(".")]
        part = PARTS.get(".".join([*scopes[:-1][:1], scopes[-1]]))
        if part is None:
            raise ShiftworkError(f"shw_msq_engine: no part is known for its instance {name}")
        parts[part] += below[cell["type"]]
        rest -= below[cell["type"]]
    return parts | {"control": rest}


def all_in(parts: Mapping[str, Area], engine: MsqEngine) -> dict[str, dict[str, Area]]:
    """Area per lane-MAC of the rows of each kind that the engine has: of their own parts, of their share of what
    serves all rows, and ``all``."""
    own = {part for names in KINDS.values() for part in names}
    shared = {part: area * (1 / engine.beat_macs) for part, area in parts.items() if part not in own}
    found = {}
    for kind, rows in {"SP2": engine.sp2_rows, "fixed": engine.fixed_rows}.items():
        if rows:
            each = 1 / (rows * engine.cols * engine.lanes)
            split = {part: parts[part] * each for part in KINDS[kind]} | shared
            found[kind] = split | {"all": sum(split.values(), Area())}
    return found


def targets(costs: Mapping[str, Cost]) -> list[dict[str, Any]]:
    """Figures of this run beside :data:`TARGETS`: ``key``, ``text``, ``value``, ``limit``, ``met``."""
    fixed = costs["fixed4"].per_mac
    values = {
        "sp2_of_inferred": costs["sp2"].per_mac.cells / costs["inferred"].per_mac.cells,
        "fixed_dsp": fixed.dsp,
        "fixed_cells": fixed.cells,
    }
    texts = {
        "sp2_of_inferred": "SP2 unit over inferred *, LUT cells",
        "fixed_dsp": "fixed unit, DSP per lane-MAC",
        "fixed_cells": "fixed unit, LUT cells per lane-MAC",
    }
    return [
        {"key": key, "text": texts[key], "value": value, "limit": TARGETS[key], "met": value <= TARGETS[key]}
        for key, value in values.items()
    ]


def ratios(per_mac: Area, costs: Mapping[str, Cost]) -> dict[str, dict[str, float]]:
    """An area per lane-MAC over that of every rival, ``cells`` and ``packed``."""
    rivals = {key: cost.per_mac for key, cost in costs.items() if key not in OWN}
    return {
        key: {"cells": per_mac.cells / each.cells, "packed": per_mac.packed / each.packed}
        for key, each in rivals.items()
    }


def synth_units(
    engine: MsqEngine | None = None, folder: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Map the units, their rivals and the engine to 7-series.

    Args:
        engine: shape; None is the default one. folder: keeps scripts, logs and netlists; None: a temporary folder.
        progress: told about every design.

    Returns:
        Plain JSON values: ``tool``, ``mapping``, ``lanes``, ``units`` by key, ``ratios`` of the SP2 unit, ``engine``
        (its ``ratios`` are those of an SP2 row with everything in), ``targets``.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    version = yosys.version()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return synth_units(engine, Path(temporary), progress)
    shape = engine or MsqEngine()
    chosen = units(shape.lanes)
    whole = engine_design(shape, 4)
    count = len(chosen) + 1
    costs = {}
    for index, (key, unit) in enumerate(chosen.items()):
        if progress is not None:
            progress.item(index + 1, count, unit.title)
        costs[key] = measure(unit, folder / key)
    if progress is not None:
        progress.item(count, count, whole.title)
    (folder / "engine").mkdir(parents=True, exist_ok=True)
    netlist, delay = map_design(whole, folder / "engine")
    parts = engine_parts(netlist)
    shares = all_in(parts, shape)
    return {
        "tool": f"Yosys {version}",
        "mapping": mapping(dsp=True),
        "lanes": shape.lanes,
        "units": {key: asdict(cost) | {"per_mac": asdict(cost.per_mac)} for key, cost in costs.items()},
        "ratios": ratios(costs["sp2"].per_mac, costs),
        "engine": {
            "title": whole.title,
            "shape": shape.shape,
            "macs": whole.cells,
            "delay_ps": delay,
            "area": asdict(areas(netlist)[TOP]),
            "parts": {part: asdict(area) for part, area in parts.items()},
            "per_mac": {kind: {part: asdict(area) for part, area in split.items()} for kind, split in shares.items()},
            "ratios": ratios(shares["SP2"]["all"], costs) if "SP2" in shares else {},
        },
        "targets": targets(costs),
    }


def place_units(
    engine: MsqEngine = ECP5_ENGINE,
    keys: Sequence[str] = ECP5_UNITS,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Place and route units and a small engine on an ECP5.

    Args:
        engine: shape. keys: of :func:`units`. folder, progress: as in :func:`synth_units`.

    Returns:
        Plain JSON values: ``tool``, ``mapping``, ``placements`` by key, with ``macs``; their cells are lane-MACs.

    Raises:
        ShiftworkError: a tool is missing or fails.
    """
    version = ecp5.version()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return place_units(engine, keys, Path(temporary), progress)
    known = units(engine.lanes, "generic")
    chosen: list[LaneDesign] = [*(known[key] for key in keys), engine_design(engine, 2)]
    done = {}
    for index, design in enumerate(chosen):
        if progress is not None:
            progress.item(index + 1, len(chosen), f"ECP5: {design.title}")
        done[design.key] = asdict(ecp5.place(design, folder / f"ecp5_{design.key}")) | {"macs": design.cells}
    return {
        "tool": f"Yosys {yosys.version()}, nextpnr {version}",
        "mapping": ecp5.synthesis(dsp=True),
        "placements": done,
    }

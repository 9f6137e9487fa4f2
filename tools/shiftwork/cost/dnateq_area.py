# SPDX-License-Identifier: Apache-2.0
"""What the engines of exponential codes cost beside multipliers and tables (``shiftwork synth dnateq``).

Area and time in one run: every design passes through one Yosys with one script, hierarchy kept; cycles are those of the
engines' exact models on the codes of a network's activations. A *cell* of a design is a row times a column of its
tiles, whatever stands behind it. Cell-cycles per MAC = LUT cells of the whole design per cell x cycles per reduction
step; the same factor turns flip-flops, block RAMs and DSPs into what a MAC per cycle takes. Multipliers and tables are
credited with one step per cycle, and are not charged for operand memories, skew registers, the writing of weights and
control.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes.exponential import MAX_BITS
from shiftwork.compile import ExpEngine, compile_network
from shiftwork.compile.engine import MAX_ROWS
from shiftwork.compile.exp_engine import EXP_DEPTH
from shiftwork.cost import msq_area as msq
from shiftwork.eda import ecp5, yosys
from shiftwork.eda.designs import TOP, Design, designs
from shiftwork.eda.mapping import Synthesis, map_design, mapping, synthesize
from shiftwork.eda.netlist import areas
from shiftwork.golden import exp_units
from shiftwork.golden import model as golden
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.tensors.im2col import im2col

BITS = (3, 4, 5)
"""Exponent widths of engines and networks."""

MIDDLE = 4
"""Width of the variants and of the target; of the network that an engine wider than :data:`BITS` runs."""

FOLDS = (1, 2, 4)
"""Rows that share a row of cells, on as many rows of cells as the engine has."""

COUNT_ROWS, COUNT_W = 2, 9
"""Pair-counting engine: the rows and the width of a counter that cost least cell-cycles on ResNet-20."""

TABLE_LANES = (8, 1)
TARGET = 45.0
"""LUT cells times cycles per MAC, at most, at :data:`MIDDLE`."""

RIVALS = ("mac", "booth", "table8", "table1")

Tensors = Mapping[str, NDArray[np.integer]]
"""Codes (N, height, width, channels) by the name of their tensor."""


@dataclass(frozen=True)
class Work:
    """What an engine does for one layer.

    Attributes:
        name: of the layer. macs: its multiply-accumulates. zeros: share of zero row codes.
        steps: reduction steps of all tiles. cycles: from the first beat to the last result.
    """

    name: str
    macs: int
    zeros: float
    steps: int
    cycles: int


def row_codes(network: IntegerNetwork, module: IntegerModule, tensors: Tensors) -> tuple[NDArray[np.uint8], float]:
    """Stored codes of a convolution's input at every output position and group, and the share of zeros among them.

    Args:
        network: of exponential codes. module: a ``conv`` module. tensors: codes of what it reads.

    Returns:
        uint8 (positions * groups, K), and 0..1.
    """
    codes, zero = tensors[module.inputs[0]].astype(np.uint8), network.tensors[module.inputs[0]].zero
    rows = np.concatenate([im2col(codes, module, part, zero) for part in range(module.groups)])
    return rows, float((rows == zero).mean())


def work(design: Design, network: IntegerNetwork, tensors: Tensors) -> list[Work]:
    """What an engine of exponential codes does for the convolutions of a network, in order.

    Args:
        design: of :func:`engines`. network: of exponential codes. tensors: codes of all its tensors.
    """
    shape = ExpEngine(design.rows, design.cols, int(design.parameters.get("FOLD", 1)))
    found = []
    program = compile_network(network, shape)
    for module in network.convolutions:
        operands = program.layers[module.name].operands(tensors)
        _, zeros = row_codes(network, module, tensors)
        if design.module == "shw_exp_engine":
            cycles = shape.schedule(operands).cycles
        else:
            lengths = [module.depth] * len(operands.tiles)
            bits, width = (int(design.parameters[name]) for name in ("BITS", "COUNT_W"))
            cycles = exp_units.leaving(lengths, design.rows, bits, width)[-1] + 1
        found.append(Work(module.name, operands.macs, zeros, module.depth * len(operands.tiles), cycles))
    return found


def _ports(rows: int, cols: int, bits: int, configuration: Mapping[str, int]) -> tuple[tuple[str, str, int], ...]:
    narrow = ("clk", "rst", "table_valid", "table_select", "in_valid", "in_last", "out_ready")
    wide = {"table_address": bits + 1, "table_data": 17, "in_row": rows * (bits + 1), "in_col": cols * (bits + 1)}
    outputs = ("cfg_error", "table_ready", "in_ready", "out_valid", "out_last")
    return (
        *(("input", name, width) for name, width in (dict.fromkeys(narrow, 1) | wide | dict(configuration)).items()),
        *(("output", name, 1) for name in outputs),
        ("output", "out_acc", cols * 48),
    )


def sums_design(engine: ExpEngine, bits: int, family: str = "generic") -> Design:
    """``shw_exp_engine`` for exponents of up to ``bits``, with DSPs."""
    shape: dict[str, int | str] = {"ROWS": engine.rows, "FOLD": engine.fold, "COLS": engine.cols}
    ports = _ports(
        engine.rows, engine.cols, bits, {"cfg_exponent_bits": 3, "cfg_row_signed": 1, "cfg_slice_length": 10}
    )
    parameters = shape | {"BITS": bits, "DEPTH": EXP_DEPTH, "FAMILY": family}
    return Design(f"sums{bits}", f"class sums, n = {bits}", "shw_exp_engine", parameters, ports, dsp=True)


def count_design(cols: int, bits: int) -> Design:
    """``shw_exp_count_engine`` for exponents of up to ``bits``, with DSPs."""
    parameters: dict[str, int | str] = {"ROWS": COUNT_ROWS, "COLS": cols, "BITS": bits, "COUNT_W": COUNT_W}
    ports = _ports(COUNT_ROWS, cols, bits, {})
    return Design(f"counts{bits}", f"pair counters, n = {bits}", "shw_exp_count_engine", parameters, ports, dsp=True)


def engines(engine: ExpEngine) -> dict[str, Design]:
    """Engines of exponential codes by key: of every width, then variants of :data:`MIDDLE` bits."""
    found = [sums_design(engine, bits) for bits in BITS] + [count_design(engine.cols, bits) for bits in BITS]
    base, lines = sums_design(engine, MIDDLE), engine.rows // engine.fold
    for fold in FOLDS:
        if fold != engine.fold and lines * fold <= MAX_ROWS:
            other = sums_design(ExpEngine(lines * fold, engine.cols, fold), MIDDLE)
            title = f"{base.title}, {lines * fold} rows on {lines}"
            found.append(replace(other, key=f"{base.key}_fold{fold}", title=title))
    wide = sums_design(engine, MAX_BITS)
    found.append(replace(wide, key=f"{base.key}_wide", title=f"{base.title}, engine of BITS = {MAX_BITS}"))
    for design in (base, count_design(engine.cols, MIDDLE)):
        found.append(replace(design, key=f"{design.key}_lut", title=f"{design.title}, no DSPs", dsp=False))
    return {design.key: design for design in found}


def rivals(engine: ExpEngine) -> dict[str, Design]:
    """What they are compared with: arrays of 8-bit multipliers of the same rows and columns, 4-bit tables."""
    arrays = designs(engine.rows, engine.cols)
    titles = {"mac": "int8, inferred", "booth": "int8, Booth rows"}
    found = [replace(arrays[key], title=title) for key, title in titles.items()]
    found.append(replace(found[0], key="mac_dsp", title="int8, DSPs", dsp=True))
    for lanes in TABLE_LANES:
        title = f"4-bit table in LUT RAM, {lanes} lane{'s' * (lanes > 1)} an accumulator"
        found.append(replace(msq.table_unit(lanes), key=f"table{lanes}", title=title))
    return {design.key: design for design in found}


def map_one(design: Design, folder: Path) -> Synthesis:
    """Map a design; units, whose cells are their lanes, are mapped flat."""
    if not isinstance(design, msq.UnitDesign):
        return synthesize(design, folder)
    folder.mkdir(parents=True, exist_ok=True)
    netlist, delay = map_design(design, folder, flatten=True)
    return Synthesis(design.title, 1, design.cells, areas(netlist)[TOP], {}, delay)


def run_of(design: Design, done: Mapping[str, Synthesis], found: Sequence[Work]) -> dict[str, Any]:
    """Cycles of an engine on a network, and what a MAC per cycle takes.

    Args:
        design: the engine. done: mapped designs by key, :data:`RIVALS` among them. found: its work, layer by layer.

    Returns:
        Plain JSON values: ``macs``, ``steps``, ``cycles``; ``zeros`` and ``per_mac`` (cycles per step), averages of the
        layers weighted by MACs; ``per_step`` of all; ``fill``, the share of cells with a row and a column to work on;
        ``area``, that of the design per MAC per cycle of ``per_mac``; ``ratios`` of its ``cells`` and ``packed`` to
        those of every rival.
    """
    macs, steps, cycles = (sum(getattr(entry, name) for entry in found) for name in ("macs", "steps", "cycles"))
    per_mac = sum(entry.macs * entry.cycles / entry.steps for entry in found) / macs
    engine = done[design.key]
    area = engine.area * (per_mac / (engine.rows * engine.cols))
    return {
        "macs": macs,
        "steps": steps,
        "cycles": cycles,
        "zeros": sum(entry.macs * entry.zeros for entry in found) / macs,
        "per_mac": per_mac,
        "per_step": cycles / steps,
        "fill": macs / (steps * engine.rows * engine.cols),
        "area": asdict(area),
        "ratios": {
            key: {"cells": area.cells / done[key].per_cell, "packed": area.packed / done[key].packed_per_cell}
            for key in RIVALS
        },
    }


def synth_engines(
    networks: Mapping[int, IntegerNetwork],
    x: NDArray[np.float32],
    engine: ExpEngine | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Map engines and rivals to 7-series, and put the time of the engines beside.

    Args:
        networks: a network in exponential codes of n bits, by n of :data:`BITS`. x: samples.
        engine: shape of the class-sum engine; None is the default one.
        folder: keeps scripts, logs and netlists; None: a temporary folder. progress: told about every design.

    Returns:
        Plain JSON values: ``tool``, ``mapping``, ``engine``, ``count`` (shapes), ``designs`` by key, ``runs`` of the
        engines by key (:func:`run_of`), ``layers`` of the class sums at :data:`MIDDLE` bits, ``target``.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    version = yosys.version()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return synth_engines(networks, x, engine, Path(temporary), progress)
    shape = engine or ExpEngine()
    own = engines(shape)
    chosen = own | rivals(shape)
    done: dict[str, Synthesis] = {}
    for index, (key, design) in enumerate(chosen.items()):
        if progress is not None:
            progress.item(index + 1, len(chosen), design.title)
        done[key] = map_one(design, folder / key)
    tensors = {bits: golden.run(network, x) for bits, network in networks.items()}
    found = {}
    for key, design in own.items():
        bits = int(design.parameters["BITS"])
        bits = bits if bits in BITS else MIDDLE
        found[key] = work(design, networks[bits], tensors[bits])
    runs = {key: run_of(own[key], done, entries) for key, entries in found.items()}
    value = runs[f"sums{MIDDLE}"]["area"]["cells"]
    return {
        "tool": f"Yosys {version}",
        "mapping": mapping(dsp=True),
        "engine": shape.shape,
        "count": {"rows": COUNT_ROWS, "cols": shape.cols, "count_w": COUNT_W},
        "designs": {
            key: asdict(result) | {"per_cell": asdict(result.area * (1 / (result.rows * result.cols)))}
            for key, result in done.items()
        },
        "runs": runs,
        "layers": [asdict(entry) for entry in found[f"sums{MIDDLE}"]],
        "target": {"value": value, "limit": TARGET, "met": value <= TARGET},
    }


def place_engines(
    engine: ExpEngine | None = None, folder: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Place and route both engines at :data:`MIDDLE` bits on an ECP5.

    Args:
        engine, folder, progress: as in :func:`synth_engines`.

    Returns:
        Plain JSON values: ``tool``, ``mapping``, ``engine``, and ``placements`` by key.

    Raises:
        ShiftworkError: a tool is missing or fails.
    """
    version = ecp5.version()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return place_engines(engine, Path(temporary), progress)
    shape = engine or ExpEngine()
    done = {}
    chosen = (sums_design(shape, MIDDLE, "ecp5"), count_design(shape.cols, MIDDLE))
    for index, design in enumerate(chosen):
        if progress is not None:
            progress.item(index + 1, len(chosen), design.title)
        done[design.key] = asdict(ecp5.place(design, folder / f"ecp5_{design.key}"))
    return {
        "tool": f"Yosys {yosys.version()}, nextpnr {version}",
        "mapping": ecp5.synthesis(dsp=True),
        "engine": shape.shape,
        "placements": done,
    }

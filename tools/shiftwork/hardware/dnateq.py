# SPDX-License-Identifier: Apache-2.0
"""What the engines of exponential codes cost beside multipliers and tables (``shiftwork synth dnateq``).

Area and time in one run: every design passes through one Yosys with one script, hierarchy kept; cycles are those of the
engines' exact models on the codes of a network's activations. A *cell* of a design is a row times a column of its
tiles, whatever stands behind it. Cell-cycles per MAC = LUT cells of the whole design per cell x cycles per reduction
step; the same factor turns flip-flops, block RAMs and DSPs into what a MAC per cycle takes. Multipliers and tables are
credited with one step per cycle, and are not charged for operand memories, skew registers, the writing of weights and
accumulators beyond their rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes.exponential import resize
from shiftwork.compile.engine import ExpEngine
from shiftwork.compile.exp_cycles import ExpTile, class_counts, predict_exp_cycles, walks
from shiftwork.golden import executor as golden
from shiftwork.golden import exp_units
from shiftwork.golden.class_sums import ExpConfig, row_classes
from shiftwork.golden.im2col import im2col, weight_matrix
from shiftwork.hardware import msq, yosys
from shiftwork.hardware.designs import TOP, Design, designs
from shiftwork.hardware.netlist import areas
from shiftwork.hardware.synth import Synthesis, map_design, mapping, synthesize
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.report.progress import Progress

BITS = (3, 4, 5)
"""Exponent widths of engines and networks."""

MIDDLE = 4
"""Width of the variants, and of the target."""

FOLDS = (1, 2, 4)
DEPTH = 256
COUNT_ROWS, COUNT_W = 2, 10
"""Pair-counting engine: the rows and the width of a counter that cost least on ResNet-20."""

TABLE_LANES = (8, 1)
TARGET = 45.0
"""LUT cells times cycles per MAC, at most, at :data:`MIDDLE`."""

RIVALS = ("mac", "booth", "table8", "table1")

Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Layer:
    """One product of a network: what its rows stream.

    Attributes:
        name: of the module. bits: n of the row codes. codes: stored codes (positions, K). channels: output channels.
    """

    name: str
    bits: int
    codes: Codes
    channels: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates; padded image positions count."""
        return self.codes.size * self.channels

    @property
    def zeros(self) -> float:
        """Share of the row codes that are zero, padded image positions among them."""
        return float((self.codes == 1 << (self.bits - 1)).mean())

    @property
    def signed(self) -> bool:
        """Whether a row code is negative."""
        return bool((self.codes >> self.bits).any())

    def tiles(self, rows: int, cols: int) -> int:
        """Tiles of a shape."""
        return -(-len(self.codes) // rows) * -(-self.channels // cols)


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


def row_codes(network: IntegerNetwork, module: IntegerModule, codes: Codes, part: int = 0) -> Codes:
    """Stored codes (positions, K) of a convolution's input as its rows stream them: padded positions are the zero code.

    Args:
        network: of exponential codes. module: a ``conv`` module. codes: its input (N, height, width, channels).
        part: index of the convolution group.
    """
    info = network.tensors[module.inputs[0]]
    assert info.code is not None
    zero = np.uint8(1 << (info.code.bits - 1))
    return im2col(codes ^ zero, module, part) ^ zero


def layers(network: IntegerNetwork, x: NDArray[np.float32]) -> list[Layer]:
    """The products of a network of exponential codes on samples, one per convolution group, in order."""
    tensors = golden.run(network, x)
    found = []
    for module in network.modules:
        code = network.tensors[module.inputs[0]].code
        if module.kind == "conv" and code is not None:
            for part in range(module.groups):
                rows = row_codes(network, module, tensors[module.inputs[0]].astype(np.uint8), part)
                found.append(Layer(module.name, code.bits, rows, len(weight_matrix(module, part))))
    return found


def class_sum_cycles(layer: Layer, engine: ExpEngine, bits: int) -> int:
    """Cycles of ``shw_exp_engine``, activations on the rows, every row tile for all its column tiles in a row.

    Args:
        layer: what to compute. engine: shape. bits: BITS, at least those of the layer.
    """
    config = ExpConfig(layer.bits, layer.signed)
    positions, depth = layer.codes.shape
    blocks, parts = -(-positions // engine.rows), -(-depth // DEPTH)
    codes = np.full((blocks * engine.rows, parts * DEPTH), 1 << (bits - 1), np.int64)
    codes[:positions, :depth] = resize(layer.codes, layer.bits, bits)
    counts = class_counts(*row_classes(codes.reshape(blocks, engine.rows, parts, DEPTH), config, bits), config)
    found = walks(counts.transpose(0, 2, 1, 3).reshape(blocks * parts, engine.rows, -1), engine.fold)
    tiles = [ExpTile(tuple(found[n * parts : (n + 1) * parts]), depth) for n in range(blocks)]
    repeated = -(-layer.channels // engine.cols)
    return predict_exp_cycles((tile for tile in tiles for _ in range(repeated)), engine.rows, DEPTH)


def work(design: Design, layer: Layer) -> Work:
    """What a design does for a layer; multipliers and tables take one step per cycle."""
    tiles = layer.tiles(design.rows, design.cols)
    steps = cycles = tiles * layer.codes.shape[1]
    if design.module == "shw_exp_engine":
        shape = ExpEngine(design.rows, design.cols, int(design.parameters["FOLD"]))
        cycles = class_sum_cycles(layer, shape, int(design.parameters["BITS"]))
    elif design.module == "shw_exp_count_engine":
        lengths = [layer.codes.shape[1]] * tiles
        bits, width = (int(design.parameters[name]) for name in ("BITS", "COUNT_W"))
        cycles = exp_units.leaving(lengths, design.rows, bits, width)[-1] + 1
    return Work(layer.name, layer.macs, layer.zeros, steps, cycles)


def _ports(rows: int, cols: int, bits: int, configuration: Mapping[str, int]) -> tuple[tuple[str, str, int], ...]:
    narrow = ("clk", "rst", "table_valid", "table_select", "in_valid", "in_last", "out_ready")
    wide = {"table_address": bits + 1, "table_data": 17, "in_row": rows * (bits + 1), "in_col": cols * (bits + 1)}
    outputs = ("cfg_error", "table_ready", "in_ready", "out_valid", "out_last")
    return (
        *(("input", name, width) for name, width in (dict.fromkeys(narrow, 1) | wide | dict(configuration)).items()),
        *(("output", name, 1) for name in outputs),
        ("output", "out_acc", cols * 48),
    )


def sums_design(engine: ExpEngine, bits: int) -> Design:
    """``shw_exp_engine`` for exponents of up to ``bits``, with DSPs."""
    shape: dict[str, int | str] = {"ROWS": engine.rows, "FOLD": engine.fold, "COLS": engine.cols}
    ports = _ports(engine.rows, engine.cols, bits, {"cfg_exponent_bits": 3, "cfg_row_signed": 1})
    parameters = shape | {"BITS": bits, "DEPTH": DEPTH}
    return Design(f"sums{bits}", f"class sums, n = {bits}", "shw_exp_engine", parameters, ports, dsp=True)


def count_design(cols: int, bits: int) -> Design:
    """``shw_exp_count_engine`` for exponents of up to ``bits``, with DSPs."""
    parameters: dict[str, int | str] = {"ROWS": COUNT_ROWS, "COLS": cols, "BITS": bits, "COUNT_W": COUNT_W}
    ports = _ports(COUNT_ROWS, cols, bits, {})
    return Design(f"counts{bits}", f"pair counters, n = {bits}", "shw_exp_count_engine", parameters, ports, dsp=True)


def engines(engine: ExpEngine) -> dict[str, Design]:
    """Engines of exponential codes by key: of every width, then variants of :data:`MIDDLE` bits."""
    found = [sums_design(engine, bits) for bits in BITS] + [count_design(engine.cols, bits) for bits in BITS]
    base = sums_design(engine, MIDDLE)
    for fold in FOLDS:
        if fold != engine.fold and engine.rows % fold == 0:
            other = sums_design(replace(engine, fold=fold), MIDDLE)
            title = f"{base.title}, {fold} row{'s' * (fold > 1)} a row of cells"
            found.append(replace(other, key=f"{base.key}_fold{fold}", title=title))
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
    networks: Mapping[int, Sequence[Layer]],
    engine: ExpEngine | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Map engines and rivals to 7-series, and put the time of the engines beside.

    Args:
        networks: products (:func:`layers`) of a network of n exponent bits, by n of :data:`BITS`.
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
            return synth_engines(networks, engine, Path(temporary), progress)
    shape = engine or ExpEngine()
    own = engines(shape)
    chosen = own | rivals(shape)
    done: dict[str, Synthesis] = {}
    for index, (key, design) in enumerate(chosen.items()):
        if progress is not None:
            progress.item(index + 1, len(chosen), design.title)
        done[key] = map_one(design, folder / key)
    found = {key: [work(own[key], layer) for layer in networks[int(own[key].parameters["BITS"])]] for key in own}
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

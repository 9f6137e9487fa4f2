# SPDX-License-Identifier: Apache-2.0
"""Shapes of ``shw_msq_engine`` for a device (``shiftwork plan``), from the synthesized costs of its parts.

Every shape that fits is looked at: LANES, COLS, FIXED_ROWS, SP2_ROWS, and how many such engines stand side by side. A
design is the engine and a post unit with a lane per column, once per instance. It fits when

* its LUTs and flip-flops take at most :data:`USABLE` of the device's,
* its multipliers are no more than the device has,
* the block RAMs can read in one cycle what a beat takes (:func:`feeds`); results go in through their other port.

Without a network the best shape has the most lane-MACs per cycle among those that reach them on a reduction of
:data:`REDUCTION` steps. With a network it has the fewest cycles per image. Instances share the tiles of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile import MsqEngine
from shiftwork.compile.engine import MAX_COLS, MAX_ROWS
from shiftwork.compile.msq_cycles import predict_msq_cycles
from shiftwork.cost.devices import Device
from shiftwork.cost.unit_costs import LANES, Count, Resources, UnitCosts, load
from shiftwork.errors import SettingError
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import IntegerNetwork

USABLE = 0.8
"""Part of a device's LUTs and flip-flops that a design may take."""

REDUCTION = 3 * 3 * 64
"""Steps of a reduction on which a shape has to reach its peak when no network is given."""

INSTANCES = (1, 2, 4, 8)
CODE_BITS = 4
POST_BITS = 32 + 5 + 6 + 6
"""Bias and three shifts of an output channel."""

SHORTCUT_BITS = 8
OPERATIONS = 2
"""Operations of a multiply-accumulate, as GOPS count them."""

CLOCK = 100.0
CLOCKS = (1.0, 1000.0)
"""Usual clock, and the range, in MHz."""
TARGETS = {"one_mac": 4.0, "packed": 2.0}
"""How many times the mixed design should do what a design of multipliers alone does."""


@dataclass(frozen=True)
class Layer:
    """A convolution or fully connected layer as the engine sees it, one image.

    Attributes:
        name: of the module. groups: independent products. channels, depth: of one of them. positions: of the output.
    """

    name: str
    groups: int
    channels: int
    positions: int
    depth: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.groups * self.channels * self.positions * self.depth


@dataclass(frozen=True)
class Design:
    """Engines of one shape side by side, each with its post unit.

    Attributes:
        engine: the shape. instances: how many. products: per multiplier.
    """

    engine: MsqEngine
    instances: int
    products: int

    @property
    def macs(self) -> int:
        """Lane-MACs per cycle."""
        return self.instances * self.engine.beat_macs

    @property
    def sp2_share(self) -> float:
        """SP2 rows of all rows: the share of a layer's rows that meets the units."""
        return self.engine.sp2_rows / self.engine.rows

    def cycles(self, layer: Layer) -> int:
        """Cycles of a layer on one image."""
        row_tiles, col_tiles = -(-layer.channels // self.engine.rows), -(-layer.positions // self.engine.cols)
        tiles = -(-layer.groups * row_tiles * col_tiles // self.instances)
        return predict_msq_cycles(tiles, -(-layer.depth // self.engine.lanes), self.engine.rows, self.engine.lanes)


def layers_of(network: IntegerNetwork | FloatNetwork) -> list[Layer]:
    """What the engine does of a network."""
    shapes = network.shapes if isinstance(network, FloatNetwork) else {n: t.shape for n, t in network.tensors.items()}
    found = []
    for module in network.modules:
        if module.weight is not None:
            out, *window = module.weight.shape
            height, width, _ = shapes[module.output]
            steps = int(np.prod(window))
            found.append(Layer(module.name, module.groups, out // module.groups, height * width, steps))
    return found


def feeds(rows: Count, cols: Count, lanes: int) -> dict[str, Any]:
    """Bits per cycle that an engine and its post unit read: codes of the rows and of the columns; constants of an
    output channel and shortcut codes."""
    return {
        "rows": rows * (lanes * CODE_BITS),
        "columns": cols * (lanes * CODE_BITS),
        "post unit": cols * SHORTCUT_BITS + POST_BITS,
    }


def rams(device: Device, rows: Count, cols: Count, lanes: int) -> Any:
    """Block RAMs that read this much per cycle, each of them for one kind of operand."""
    return sum(-(-bits // device.ram_bits) for bits in feeds(rows, cols, lanes).values())


def cost(costs: UnitCosts, fixed_rows: Count, sp2_rows: Count, cols: Count, lanes: int) -> Resources:
    """An engine with its post unit."""
    return costs.engine(fixed_rows, sp2_rows, cols, lanes) + costs.post(cols)


@dataclass(frozen=True)
class Shapes:
    """Shapes that fit: arrays of one length."""

    lanes: int
    instances: int
    fixed_rows: NDArray[np.int64]
    sp2_rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    luts: NDArray[np.float64]

    @property
    def rows(self) -> NDArray[np.int64]:
        return self.fixed_rows + self.sp2_rows

    @property
    def macs(self) -> NDArray[np.int64]:
        return self.instances * self.lanes * self.rows * self.cols

    def where(self, wanted: NDArray[np.bool_]) -> Shapes:
        names = ("fixed_rows", "sp2_rows", "cols", "luts")
        return Shapes(self.lanes, self.instances, *(getattr(self, name)[wanted] for name in names))

    def cycles(self, layers: Sequence[Layer]) -> NDArray[np.int64]:
        """Cycles of all layers on one image: :meth:`Design.cycles` for every shape."""
        total = np.zeros(len(self.cols), np.int64)
        single = MsqEngine(0, 1, 2, self.lanes)
        for layer in layers:
            beats = -(-layer.depth // self.lanes)
            tiles = layer.groups * -(-layer.channels // self.rows) * -(-layer.positions // self.cols)
            turns = -(-tiles // self.instances) - 1
            first = predict_msq_cycles(1, beats, single.rows, single.lanes) - single.rows
            total += first + self.rows + turns * np.maximum(beats, self.rows + 1)
        return total


def _fitting(device: Device, costs: UnitCosts, with_sp2: bool) -> Iterator[Shapes]:
    """All shapes that fit, by lanes and instances."""
    step = costs.products // 2
    sp2 = np.arange(MAX_ROWS + 1 if with_sp2 else 1)
    grid = np.meshgrid(np.arange(0, MAX_ROWS + 1, step), sp2, np.arange(2, MAX_COLS + 1, 2), indexing="ij")
    fixed_rows, sp2_rows, cols = (axis.ravel() for axis in grid)
    legal = (fixed_rows + sp2_rows >= 1) & (fixed_rows + sp2_rows <= MAX_ROWS)
    fixed_rows, sp2_rows, cols = fixed_rows[legal], sp2_rows[legal], cols[legal]
    for lanes in LANES:
        one = cost(costs, fixed_rows, sp2_rows, cols, lanes)
        memory = rams(device, fixed_rows + sp2_rows, cols, lanes)
        for instances in INSTANCES:
            shapes = Shapes(lanes, instances, fixed_rows, sp2_rows, cols, one.luts)
            yield shapes.where(
                (one.luts * instances <= USABLE * device.luts)
                & (one.flip_flops * instances <= USABLE * device.flip_flops)
                & (one.dsp * instances <= device.dsp)
                & (memory * instances <= device.rams)
            )


def search(device: Device, costs: UnitCosts, layers: Sequence[Layer] = (), with_sp2: bool = True) -> Design:
    """The best design for a device; of equals the one with fewer LUTs.

    Args:
        device: what it has to fit. costs: of its family. layers: of a network; empty: most lane-MACs per cycle.
        with_sp2: False: multipliers alone (SP2_ROWS = 0).

    Raises:
        ShiftworkError: no shape fits.
    """
    work = sum(layer.macs for layer in layers)
    best: tuple[float, float] | None = None
    found: Design | None = None
    for fitting in _fitting(device, costs, with_sp2):
        shapes = fitting
        if layers:
            if best is not None:
                shapes = shapes.where(shapes.macs * best[0] >= work)
            score = shapes.cycles(layers).astype(np.float64)
        else:
            shapes = shapes.where(shapes.lanes * (shapes.rows + 1) <= REDUCTION)
            score = -shapes.macs.astype(np.float64)
        if not len(score):
            continue
        luts = shapes.luts * shapes.instances
        index = int(np.lexsort((luts, score))[0])
        this = (float(score[index]), float(luts[index]))
        if best is None or this < best:
            best = this
            rows = (int(shapes.fixed_rows[index]), int(shapes.sp2_rows[index]))
            engine = MsqEngine(*rows, int(shapes.cols[index]), shapes.lanes)
            found = Design(engine, shapes.instances, costs.products if rows[0] else 0)
    if found is None:
        raise SettingError(
            f"`device` {device.name}: no engine fits into {USABLE:.0%} of {device.luts:,} LUTs, {device.dsp:,} "
            f"multipliers and {device.rams:,} block RAMs"
        )
    return found


def plan(device: Device, clock: float, layers: Sequence[Layer] = ()) -> dict[str, Any]:
    """The mixed design for a device beside designs of multipliers alone.

    Args:
        device: one of :data:`~shiftwork.cost.devices.DEVICES`. clock: in MHz, of all designs.
        layers: of a network (:func:`layers_of`), empty for the peak.

    Returns:
        Plain JSON values: ``device``, ``clock_mhz``, ``tool``, ``mapping``, ``units`` (per lane-MAC of 8 lanes),
        ``layers``, ``designs`` by key (``mixed``, ``packed``, ``one_mac``), ``parts`` of the mixed design,
        ``sp2_share``, ``ratios`` (``peak`` and, with a network, ``network``) by the design compared with, ``targets``
        (of the peak), ``met``.

    Raises:
        ShiftworkError: an illegal clock, or no shape fits.
    """
    low, high = CLOCKS
    if not low <= clock <= high:
        raise SettingError(f"`clock` {clock:g} is outside {low:g}..{high:g} MHz")
    costs = load(device.family)
    mixed, packed = (search(device, costs, layers, with_sp2) for with_sp2 in (True, False))
    designs = {
        "mixed": describe(mixed, device, costs, clock, layers),
        "packed": describe(packed, device, costs, clock, layers),
        "one_mac": _one_mac(device, clock, layers),
    }
    figures = {"peak": "macs_per_cycle"} | ({"network": "gops"} if layers else {})
    ratios = {
        name: {key: designs["mixed"][figure] / designs[key][figure] for key in TARGETS}
        for name, figure in figures.items()
    }
    parts = costs.parts(*_shape(mixed.engine)) | {"post unit": costs.post(mixed.engine.cols)}
    return {
        "device": asdict(device),
        "clock_mhz": clock,
        "tool": costs.tool,
        "mapping": costs.mapping,
        "units": {
            "sp2": _values(costs.sp2_unit(8) * (1 / 8)),
            "fixed": _values(costs.fixed_unit(8) * (1 / (8 * costs.products))),
        },
        "layers": [asdict(layer) | {"macs": layer.macs, "cycles": mixed.cycles(layer)} for layer in layers],
        "designs": designs,
        "parts": {name: _values(part * mixed.instances) for name, part in parts.items()},
        "sp2_share": mixed.sp2_share,
        "ratios": ratios,
        "targets": TARGETS,
        "met": {key: ratios["peak"][key] >= limit for key, limit in TARGETS.items()},
    }


def _values(used: Resources) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(used).items()}


def _shape(engine: MsqEngine) -> tuple[int, int, int, int]:
    return engine.fixed_rows, engine.sp2_rows, engine.cols, engine.lanes


def describe(design: Design, device: Device, costs: UnitCosts, clock: float, layers: Sequence[Layer]) -> dict[str, Any]:
    """A design as JSON values: shape, resources, bits per cycle against the ports, peak, and speed on the layers."""
    engine, count = design.engine, design.instances
    bits = {name: value * count for name, value in feeds(engine.rows, engine.cols, engine.lanes).items()}
    return {
        "engine": engine.shape | {"products": design.products},
        "instances": count,
        **_values(cost(costs, *_shape(engine)) * count),
        "rams": rams(device, engine.rows, engine.cols, engine.lanes) * count,
        "bits_per_cycle": bits,
        "peak_reduction": engine.lanes * (engine.rows + 1),
        **_speed(design.macs, clock, sum(layer.macs for layer in layers), sum(map(design.cycles, layers))),
    }


def _one_mac(device: Device, clock: float, layers: Sequence[Layer]) -> dict[str, Any]:
    """One multiply-accumulate per multiplier and cycle, all of them busy all the time, nothing else charged."""
    work = sum(layer.macs for layer in layers)
    return {"dsp": device.dsp, **_speed(device.dsp, clock, work, -(-work // device.dsp))}


def _speed(macs: int, clock: float, work: int, cycles: int) -> dict[str, Any]:
    """Peak and, where there is work, what of it is reached.

    Args:
        macs: per cycle at most. clock: in MHz. work, cycles: multiply-accumulates and cycles of an image.
    """
    peak = macs * OPERATIONS * clock / 1000
    speed: dict[str, Any] = {"macs_per_cycle": macs, "peak_gops": peak}
    if work:
        used = work / (cycles * macs)
        speed |= {"cycles": cycles, "gops": peak * used, "utilisation": used, "images_per_s": clock * 1e6 / cycles}
    return speed

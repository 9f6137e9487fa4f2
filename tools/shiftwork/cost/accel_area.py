# SPDX-License-Identifier: Apache-2.0
"""What whole accelerators take, part by part, and LUT-cycles per multiply-accumulate of a network on them
(``shiftwork synth accel``).

Accelerators differ in the engine inside and share everything else: memories, shape, program. LUT-cycles per MAC = LUT
cells of everything x cycles from the start of the program to the result, as simulated / MACs of the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.blocks.verilog import ports
from shiftwork.compile import Engine, MacEngine, MsqEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated_accelerator import SimulationWish
from shiftwork.eda import yosys
from shiftwork.eda.designs import TOP, Design
from shiftwork.eda.mapping import parts_of
from shiftwork.eda.netlist import areas
from shiftwork.eda.parts import SCRIPTS, map_parts
from shiftwork.errors import ShiftworkError
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.quantize.tr import configure, wished_options
from shiftwork.run.networks import run_integer

PARTS = {
    "shw_tr_engine": "engine",
    "shw_mac_engine": "engine",
    "shw_msq_engine": "engine",
    "shw_act_memory": "activation memory",
    "shw_im2col": "im2col",
    "shw_weight_ring": "weight ring",
    "shw_pool": "pooling",
    "shw_result_path": "result path",
    "shw_fifo": "queues of beats",
    "shw_accel_fetch": "fetch, moves",
    "shw_accel_mover": "fetch, moves",
}
"""Part of a module directly below ``shw_accel``; the rest is ``control``."""

LIMIT, AIM = 1.45, 1.35
"""Most LUT cells of the whole over those of its engine, with ``tr`` at 8 x 64 on 7-series, and the aim."""

REVEALED = Quantization("tr", group=8, budget="12", data_terms=3)
"""Term revealing of the network that runs on the engine made for it."""

ENGINES: dict[str, Callable[[int, int, str], Engine]] = {
    "tr": lambda rows, cols, family: TrEngine(rows, cols),
    "mac": lambda rows, cols, family: MacEngine(rows, cols, "lut"),
    "mac_dsp": lambda rows, cols, family: MacEngine(rows, cols, "dsp48" if family == "xc7" else "dsp"),
    "msq": lambda rows, cols, family: MsqEngine.inside_of(rows, cols),
}
"""Engines that are compared: from rows, columns and family. A DSP block of 7-series takes two products of 8 bits or
four of 4, a multiplier of ECP5 one of 8."""

TITLES = {"tr": "tr", "mac": "mac in LUTs", "mac_dsp": "mac in DSPs", "msq": "msq"}
MULTIPLYING = {"mac": ("shw_mac_engine",), "msq": ("shw_msq_engine", "shw_result_path")}
"""Parts that may have DSP blocks, by the engine inside: requantization by scale multiplies."""
ROWS = Quantization("msq")
"""Quantization of the network that runs on the engine of 4-bit rows."""
RIVAL = "mac"


@dataclass(frozen=True)
class Run:
    """A network on an accelerator.

    Attributes:
        engine: kind of it. scheme: of the network. cycles: of all samples, from the start of a program to the result.
        macs: multiply-accumulates of all samples. utilisation: bound of the engine over cycles.
        compared: elements of all modules, all equal to the golden model.
    """

    engine: str
    scheme: str
    cycles: int
    macs: int
    utilisation: float
    compared: int

    @property
    def per_mac(self) -> float:
        """Cycles per multiply-accumulate."""
        return self.cycles / self.macs


def design(shape: Accelerator, family: str, title: str = "") -> Design:
    """``shw_accel`` in one shape, for a family of :data:`~shiftwork.eda.parts.SCRIPTS`."""
    block = manifest.load().blocks["shw_accel"]
    found = ports((manifest.load().root / "rtl" / block.file).read_text())
    widths = [1 if port.width == "1" else int(re.findall(r"\d+", port.width)[0]) for port in found]
    listed = tuple((port.direction, port.name, width) for port, width in zip(found, widths, strict=True))
    parameters, dsp = shape.parameters(), False
    if isinstance(shape.engine, MacEngine):
        parameters["MULTIPLIER"] = shape.engine.multiplier
        dsp = shape.engine.multiplier != "lut"
    elif isinstance(shape.engine, MsqEngine):
        dsp = True
    elif family == "ecp5":
        parameters["FAMILY"] = "ecp5"
    return Design(shape.engine.kind, title, "shw_accel", parameters, listed, dsp=dsp)


def map_accelerator(shape: Accelerator, family: str, folder: Path, title: str = "") -> dict[str, Any]:
    """Map an accelerator with its hierarchy and count its parts.

    Args:
        shape: what is mapped. family: of :data:`~shiftwork.eda.parts.SCRIPTS`. folder: of scripts, logs and netlists;
            parts that are there are not mapped again. title: for tables.

    Returns:
        Plain JSON values: ``family``, ``mapping`` (of all but an engine with DSPs), ``title``, ``parameters``,
        ``parts`` (area by part), ``area`` of all, ``ratio`` of its LUT cells over those of the engine, ``delay_ps``
        (7-series).

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    chosen = design(shape, family, title)
    netlist, delay = map_parts(chosen, family, PARTS, folder, MULTIPLYING.get(shape.engine.kind, ()))
    parts, area = parts_of(netlist, PARTS), areas(netlist)[TOP]
    return {
        "family": family,
        "mapping": SCRIPTS[family](False),
        "title": title,
        "parameters": dict(chosen.parameters),
        "parts": {name: asdict(part) for name, part in parts.items()},
        "area": asdict(area),
        "ratio": area.cells / parts["engine"].cells,
        "delay_ps": delay,
    }


def measure_runs(wish: CostWish, accelerator: SimulationWish, engines: Sequence[Engine]) -> list[Run]:
    """Run a network on the accelerator with each of some engines: ``fixed8``, and :data:`REVEALED` on the
    term-revealing engine; :data:`ROWS` on that of 4-bit rows.

    Raises:
        ShiftworkError: a file is not usable, the network does not fit, or a result differs from the golden model.
    """
    found = []
    for engine in engines:
        device = accelerator.device(engine)
        plain, chosen, _ = wish.quantized(ROWS if engine.kind == "msq" else Quantization("fixed8"))
        revealed = [configure(plain, wished_options(REVEALED))] if engine.kind == "tr" else []
        for network in (*revealed, plain):
            name = wish.network.name
            report = run_integer(name, network, chosen, "accel", Progress(quiet=True), device)
            if not report.ok:
                raise ShiftworkError(f"{name} on {engine}: {report.mismatches} mismatches against golden")
            assert report.cycles and report.utilisation and report.compared
            macs = report.totals["macs"]
            found.append(Run(engine.kind, network.scheme, report.cycles, macs, report.utilisation, report.compared))
    return found


def compare(designs: Mapping[str, Mapping[str, Any]], runs: Sequence[Run]) -> list[dict[str, Any]]:
    """LUT-cycles per MAC of every run on every design of one family that can do it, by the keys of :data:`ENGINES`.

    Returns:
        Plain JSON values: ``design``, ``scheme``, ``lut_cycles``; ``over_mac``, their ratio to those of :data:`RIVAL`,
        and ``time_over_mac``, the same times the ratio of the logic delays; None where there is nothing to compare.
    """
    rivals = [run for run in runs if run.engine == RIVAL and RIVAL in designs]
    found: list[dict[str, Any]] = []
    for key, mapped in designs.items():
        for run in runs:
            if run.engine != mapped["parameters"]["ENGINE"]:
                continue
            cells = mapped["area"]["cells"] * run.per_mac
            over = time = None
            if rivals:
                rival = designs[RIVAL]
                over = cells / (rival["area"]["cells"] * rivals[0].per_mac)
                if mapped["delay_ps"] is not None:
                    time = over * mapped["delay_ps"] / rival["delay_ps"]
            found.append(
                {"design": key, "scheme": run.scheme, "lut_cycles": cells, "over_mac": over, "time_over_mac": time}
            )
    return found


def synth_accelerators(
    wish: CostWish, accelerator: SimulationWish, rows: int, cols: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Map the accelerator with every engine to every family, and run a network on it.

    Args:
        wish: the network, its samples, and the engines and families of interest, keys of :data:`ENGINES` and
            :data:`~shiftwork.eda.parts.SCRIPTS`, empty for all.
        accelerator: its memories. rows, cols: of the engine. folder: of scripts, logs and netlists.
        progress: told about every design and the runs.

    Returns:
        Plain JSON values: ``tool``, ``rows``, ``cols``, ``shape`` (the other parameters), ``families`` (by family and
        key the values of :func:`map_accelerator`), ``network``, ``samples``, ``runs``, ``work`` (by family those of
        :func:`compare`).

    Raises:
        ShiftworkError: there is no such shape, a file is not usable, a tool is missing or fails, or a result is wrong.
    """
    keys = [key for key in ENGINES if not wish.design or key in wish.design]
    families = [family for family in SCRIPTS if not wish.family or family in wish.family]
    shapes = {
        (family, key): accelerator.accelerator(ENGINES[key](rows, cols, family)) for family in families for key in keys
    }
    progress.step(f"{wish.network.name} on the accelerator, {wish.samples} samples")
    kinds = {shape.engine.kind: shape.engine for shape in shapes.values()}
    runs = measure_runs(wish, accelerator, list(kinds.values()))
    mapped: dict[str, dict[str, Any]] = {family: {} for family in families}
    for (family, key), shape in shapes.items():
        progress.step(f"Yosys: {family}, {TITLES[key]}, {rows} x {cols}")
        mapped[family][key] = map_accelerator(shape, family, folder, TITLES[key])
    memories = {name: value for name, value in asdict(next(iter(shapes.values()))).items() if name != "engine"}
    return {
        "tool": f"Yosys {yosys.version()}",
        "rows": rows,
        "cols": cols,
        "shape": memories,
        "families": mapped,
        "network": wish.network.name,
        "samples": wish.samples,
        "runs": [asdict(run) | {"per_mac": run.per_mac} for run in runs],
        "work": {family: compare(designs, runs) for family, designs in mapped.items()},
    }

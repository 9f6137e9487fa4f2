# SPDX-License-Identifier: Apache-2.0
"""Area and LUT-cycles per multiply-accumulate of the TR engine beside its baselines (``shiftwork synth tr``).

All designs pass through one Yosys with one script (``synth_xilinx -family xc7``, no DSP blocks). Hierarchy is kept: a
module is mapped once and counted as often as it occurs. LUT-cycles per MAC = cells of the whole design per cell of
its array x cycles per reduction step (one multiply-accumulate in every cell that has a row and a column). The cycles
come from a run of a network on the RTL. The two multiplier arrays are credited with one step per cycle. They have
partial sums as wide as ROWS products need and 32-bit totals of 512 positions a column (``shw_stationary_array``), and
are not charged for operand memories, skew registers, control and a stream of results that can wait.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from shiftwork.compile import TrEngine
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated import SimulatedDevice
from shiftwork.eda import yosys
from shiftwork.eda.designs import designs
from shiftwork.eda.mapping import MAPPING, Synthesis, synthesize
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.network.integer import IntegerNetwork
from shiftwork.progress import Progress
from shiftwork.quantize.fixed8 import streamed
from shiftwork.quantize.quantization import Quantization
from shiftwork.quantize.tr import configure, wished_options
from shiftwork.run.networks import run_integer

Stream = Literal["weights", "activations"]

TARGETS: dict[Stream, dict[str, float]] = {
    "weights": {"mac": 0.33, "booth": 0.85},
    "activations": {"mac": 0.25, "booth": 0.70},
}
"""Largest LUT-cycles per MAC (cells) of the engine as a share of a baseline's, per streamed operand."""


@dataclass(frozen=True)
class Cycles:
    """Cycles of an engine on a network.

    Attributes:
        source: what was run. engine: ``tr`` or ``tmac``. stream: operand streamed. revealed: with a budget.
        truncated: gathered values were truncated. cycles, steps: of all layers on the RTL.
        per_mac: cycles per step of each layer, weighted by its multiply-accumulates: what a multiply-accumulate costs
            a cell. Cells without a row or column to work on count for no design.
    """

    source: str
    engine: str
    stream: Stream
    revealed: bool
    truncated: bool
    cycles: int
    steps: int
    per_mac: float

    @property
    def per_step(self) -> float:
        """Cycles per reduction step, every step of a tile with the same weight."""
        return self.cycles / self.steps

    @property
    def label(self) -> str:
        """Short text for tables."""
        return f"{self.stream} {'budgeted' if self.revealed else 'exact'}{', truncated data' if self.truncated else ''}"


@dataclass
class Comparison:
    """LUT-cycles per MAC of one run, on cells and on packed LUTs, and the share of each baseline's.

    Attributes:
        design: key of the engine's design. cycles: the run. lut_cycles, packed_lut_cycles: per MAC.
        ratios, packed_ratios: by baseline. targets: by baseline, empty where none is set.
    """

    design: str
    cycles: Cycles
    lut_cycles: float
    packed_lut_cycles: float
    ratios: dict[str, float]
    packed_ratios: dict[str, float]
    targets: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether every target is met; None where there is none or its baseline was not mapped."""
        if not self.targets or set(self.targets) - set(self.ratios):
            return None
        return all(self.ratios[name] <= limit for name, limit in self.targets.items())


def compare(done: Mapping[str, Synthesis], runs: Sequence[Cycles]) -> list[Comparison]:
    """LUT-cycles per MAC of every run, with every design of the engine that can do it."""
    found = []
    baselines = [key for key in ("mac", "mac_signed", "booth", "booth_signed") if key in done]
    for run in runs:
        keys = ["tmac"] if run.engine == "tmac" else ["tr_truncate"] if run.truncated else ["tr", "tr_truncate"]
        for key in keys:
            if key not in done:
                continue
            engine = done[key]
            cells, packed = engine.per_cell * run.per_mac, engine.packed_per_cell * run.per_mac
            wanted = run.engine == "tr" and (run.revealed if run.stream == "weights" else not run.revealed)
            found.append(
                Comparison(
                    key,
                    run,
                    cells,
                    packed,
                    {name: cells / done[name].per_cell for name in baselines},
                    {name: packed / done[name].packed_per_cell for name in baselines},
                    dict(TARGETS[run.stream]) if wanted else {},
                )
            )
    return found


def read_cycles(path: Path, rows: int, cols: int) -> Cycles:
    """Cycles from the JSON report of ``shiftwork run --executor rtl --json FILE``.

    Raises:
        ShiftworkError: the file cannot be read, is no such report, or was made on an engine of another shape.
    """
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingError(f"`cycles` {path}: {error}") from error
    if not isinstance(report, dict) or report.get("executor") != "rtl" or not isinstance(report.get("layers"), list):
        raise SettingError(f"`cycles` {path}: not a report of shiftwork run --executor rtl --json")
    if report.get("engine") != {"rows": rows, "cols": cols}:
        raise SettingError(f"`cycles` {path}: made on an engine of {report.get('engine')}, not of {rows} x {cols}")
    return _summary(str(report.get("model")), "tr", report["layers"], str(path))


def _summary(source: str, engine: str, layers: Sequence[Mapping[str, Any]], where: str) -> Cycles:
    done = [layer for layer in layers if layer.get("executor") == "rtl"]
    if not done or not all(layer.get(key) for layer in done for key in ("cycles", "beats", "macs")):
        raise ShiftworkError(f"{where}: no cycles of layers on the RTL")
    streams = {layer["stream"] for layer in done}
    if len(streams) != 1 or not streams <= set(TARGETS):
        raise ShiftworkError(f"{where}: its layers stream {' and '.join(sorted(map(str, streams)))}, one is needed")
    return Cycles(
        source,
        engine,
        streams.pop(),
        any(layer.get("revealed") for layer in done),
        any(layer.get("data_terms") for layer in done),
        sum(layer["cycles"] for layer in done),
        sum(layer["beats"] for layer in done),
        sum(layer["macs"] * layer["cycles"] / layer["beats"] for layer in done) / sum(layer["macs"] for layer in done),
    )


def measure_cycles(wish: CostWish, rows: int, cols: int) -> list[Cycles]:
    """Run a network on the RTL of both engines: weights streamed (g = 8, k = 12), with whole and with truncated data
    (s = 3), and activations streamed exactly; on the term-pair engine the truncated run.

    Args:
        wish: the network, its samples, and the designs of interest, empty for all; a run that none of them can do is
            left out. rows, cols: shape of the engines.

    Raises:
        ShiftworkError: a file is not usable, or an RTL result differs from the golden model.
    """
    fixed8, chosen, _ = wish.quantized(Quantization("fixed8"))
    exact = Quantization("tr", group=8, budget="12", data_terms=0)
    truncated = replace(exact, data_terms=3)
    first = configure(fixed8, wished_options(exact))
    second = configure(fixed8, wished_options(truncated))
    third = streamed(fixed8, Quantization("fixed8", stream="activations"))
    networks: list[tuple[Literal["tr", "tmac"], IntegerNetwork, set[str]]] = [
        ("tr", first, {"tr", "tr_truncate"}),
        ("tr", second, {"tr_truncate"}),
        ("tr", third, {"tr", "tr_truncate"}),
        ("tmac", second, {"tmac"}),
    ]
    runs = [(engine, each) for engine, each, able in networks if not wish.design or able & set(wish.design)]
    devices = {engine: SimulatedDevice(TrEngine(rows, cols, engine)) for engine, _ in runs}
    found = []
    name = wish.network.name
    for engine, integer in runs:
        report = run_integer(name, integer, chosen, "rtl", Progress(quiet=True), devices[engine])
        if not report.ok:
            raise ShiftworkError(f"{name} on {engine}_engine: {report.mismatches} mismatches against golden")
        found.append(_summary(name, engine, [layer.to_json() for layer in report.layers], name))
    return found


def synth_tr(
    rows: int = 8,
    cols: int = 64,
    cycles: Sequence[Cycles] = (),
    folder: Path | None = None,
    keys: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Synthesize the engines and the baselines of one shape and compare them.

    Args:
        rows, cols: shape of every array, 1..64 and 1..256.
        cycles: runs of networks on the RTL (:func:`measure_cycles`, :func:`read_cycles`).
        folder: keeps scripts, logs and netlists; None: a temporary folder.
        keys: designs to map (:func:`~shiftwork.eda.designs.designs`), empty for all.
        progress: told about every design.

    Returns:
        Plain JSON values: ``tool``, ``rows``, ``cols``, ``designs`` by key, ``comparisons``.

    Raises:
        ShiftworkError: the shape is illegal, or Yosys is missing or fails.
    """
    TrEngine(rows, cols)  # refuses an illegal shape
    version = yosys.version()
    known = designs(rows, cols)
    chosen = [known[key] for key in keys or known]
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return synth_tr(rows, cols, cycles, Path(temporary), keys, progress)
    done: dict[str, Synthesis] = {}
    for index, design in enumerate(chosen):
        if progress is not None:
            progress.item(index + 1, len(chosen), f"{design.title} {rows} x {cols}")
        done[design.key] = synthesize(design, folder / design.key)
    comparisons = compare(done, cycles)
    return {
        "tool": f"Yosys {version}",
        "mapping": MAPPING,
        "rows": rows,
        "cols": cols,
        "designs": {
            key: asdict(result) | {"per_cell": result.per_cell, "packed_per_cell": result.packed_per_cell}
            for key, result in done.items()
        },
        "comparisons": [
            asdict(entry) | {"label": entry.cycles.label, "cycles_per_step": entry.cycles.per_step, "met": entry.met}
            for entry in comparisons
        ],
    }

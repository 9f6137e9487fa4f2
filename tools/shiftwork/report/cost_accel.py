# SPDX-License-Identifier: Apache-2.0
"""The command `synth accel`: whole accelerators by part, with each engine inside, and a network on them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from shiftwork.cost.accel_area import AIM, ENGINES, LIMIT, synth_accelerators
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated_accelerator import SimulationWish
from shiftwork.eda import yosys
from shiftwork.eda.parts import SCRIPTS
from shiftwork.errors import SettingError
from shiftwork.progress import Progress
from shiftwork.table import Table

FAMILIES = {"xc7": "7-series", "ecp5": "ECP5"}
COLUMNS = {
    "xc7": {"cells": "LUTs", "packed": "packed", "flip_flops": "FF", "block_ram": "RAMB36", "dsp": "DSP48"},
    "ecp5": {"cells": "LUT4s", "flip_flops": "FF", "block_ram": "DP16KD", "dsp": "MULT18"},
}
"""Figures of a part that tables show, and their heads."""


def accel(wish: CostWish, accelerator: SimulationWish, rows: int, cols: int) -> dict[str, Any]:
    """Map the accelerator with every engine, run a network on it, print tables.

    Args:
        wish: the network, its samples, engines and families (empty for all), and where scripts and netlists are kept.
        accelerator: its memories. rows, cols: of the engine.

    Returns:
        Plain JSON values, those of :func:`~shiftwork.cost.accel_area.synth_accelerators`.

    Raises:
        ShiftworkError: an option, a file or a tool is not usable, or a result is wrong.
    """
    for name, given, known in (("design", wish.design, ENGINES), ("family", wish.family, SCRIPTS)):
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise SettingError(f"`{name}` {unknown[0]}: choose among {', '.join(known)}")
    yosys.version()
    progress = Progress(steps=1 + len(set(wish.family) or SCRIPTS) * len(set(wish.design) or ENGINES))
    if wish.keep is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            result = synth_accelerators(wish, accelerator, rows, cols, Path(temporary), progress)
    else:
        result = synth_accelerators(wish, accelerator, rows, cols, wish.keep, progress)
    print("\n".join(lines(result)))
    return result


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`~shiftwork.cost.accel_area.synth_accelerators` as text."""
    shape = f"{result['rows']} x {result['cols']}"
    found = [f"{result['tool']}, accelerator {shape}, hierarchy kept, synthesized, not placed"]
    for family, designs in result["families"].items():
        for mapped in designs.values():
            table = Table(["part", *COLUMNS[family].values(), "share %"])
            for name, area in [*mapped["parts"].items(), ("all", mapped["area"])]:
                counts = [area[column] if column == "block_ram" else round(area[column]) for column in COLUMNS[family]]
                table.add([name, *counts, 100 * area["cells"] / mapped["area"]["cells"]])
            delay = "" if mapped["delay_ps"] is None else f", longest path {mapped['delay_ps']} ps without routing"
            found += ["", f"{FAMILIES[family]}, {mapped['title']}{delay}", table.text()]
            found.append(f"all over the engine: {mapped['ratio']:.2f}")
    found.append(f"limit of that ratio for tr, 8 x 64, on 7-series: {LIMIT}, aim {AIM}")
    table = Table(["engine", "scheme", "cycles", "cycles/MAC", "utilisation %"])
    for run in result["runs"]:
        table.add([run["engine"], run["scheme"], run["cycles"], run["per_mac"], 100 * run["utilisation"]])
    found += ["", f"{result['network']}, {result['samples']} samples", table.text()]
    table = Table(["family", "engine", "scheme", "LUT-cycles/MAC", "over mac in LUTs", "each at its own clock"])
    for family, work in result["work"].items():
        for entry in work:
            title = result["families"][family][entry["design"]]["title"]
            figures = (entry["lut_cycles"], entry["over_mac"], entry["time_over_mac"])
            table.add([FAMILIES[family], title, entry["scheme"], *figures])
    return [*found, "", table.text()]

# SPDX-License-Identifier: Apache-2.0
"""The command `synth accel`: the accelerator by part, with each engine inside."""

from __future__ import annotations

from typing import Any

from shiftwork.compile import MacEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.cost.accel_area import AIM, LIMIT, synth_accelerator
from shiftwork.cost.wish import CostWish
from shiftwork.eda import yosys
from shiftwork.progress import Progress
from shiftwork.table import Table

KINDS = (("tr", "lut"), ("mac", "lut"), ("mac", "dsp48"))
"""Engines that are mapped, and what multiplies in them."""


def accel(wish: CostWish, rows: int, cols: int) -> dict[str, Any]:
    """Map the accelerator with every engine of :data:`KINDS`, print a table each.

    Args:
        wish: where scripts and netlists are kept. rows, cols: of the engine.

    Returns:
        Plain JSON values: ``designs``, a list of :func:`~shiftwork.cost.accel_area.synth_accelerator`.

    Raises:
        ShiftworkError: a shape that there is not, or Yosys is missing or fails.
    """
    shapes = [Accelerator(TrEngine(rows, cols) if kind == "tr" else MacEngine(rows, cols)) for kind, _ in KINDS]
    yosys.version()
    progress = Progress(steps=len(KINDS))
    designs = [
        synth_accelerator(shape, multiplier, wish.keep, progress)
        for shape, (_, multiplier) in zip(shapes, KINDS, strict=True)
    ]
    result = {"designs": designs}
    print("\n".join(lines(result)))
    return result


def lines(result: dict[str, Any]) -> list[str]:
    """The result of :func:`accel` as text."""
    found = [f"Yosys {result['designs'][0]['tool']}, 7-series, hierarchy kept, synthesized, not placed"]
    for design in result["designs"]:
        table = Table(["part", "LUTs", "packed", "FF", "RAMB36", "DSP", "share %"])
        for name, area in [*design["parts"].items(), ("all", design["area"])]:
            share = 100 * area["cells"] / design["area"]["cells"]
            counts = (area["cells"], area["packed"], area["flip_flops"])
            table.add([name, *map(round, counts), area["block_ram"], round(area["dsp"]), share])
        found += ["", f"{design['title']}: longest path {design['delay_ps']} ps without routing", table.text()]
        found.append(f"all over the engine: {design['ratio']:.2f}")
    found.append(f"limit of that ratio for tr at 8 x 64: {LIMIT}, aim {AIM}")
    return found

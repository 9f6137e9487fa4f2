# SPDX-License-Identifier: Apache-2.0
"""What the accelerator takes beyond its engine: every part mapped to 7-series cells."""

from __future__ import annotations

import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.blocks.verilog import ports
from shiftwork.compile.accelerator import Accelerator
from shiftwork.eda import yosys
from shiftwork.eda.designs import Design
from shiftwork.eda.mapping import mapping, synthesize
from shiftwork.progress import Progress

PARTS = {
    "shw_tr_engine": "engine",
    "shw_mac_engine": "engine",
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
"""Most LUT cells of the whole over those of its engine at 8 x 64, and the aim."""


def design(shape: Accelerator, multiplier: str = "lut") -> Design:
    """``shw_accel`` in one shape. multiplier: of ``shw_mac_engine``."""
    block = manifest.load().blocks["shw_accel"]
    found = ports((manifest.load().root / "rtl" / block.file).read_text())
    widths = [1 if port.width == "1" else int(re.findall(r"\d+", port.width)[0]) for port in found]
    listed = tuple((port.direction, port.name, width) for port, width in zip(found, widths, strict=True))
    parameters = shape.parameters() | {"MULTIPLIER": multiplier}
    engine = shape.engine
    title = f"accelerator, {engine.kind} {engine}" + (f", {multiplier}" if engine.kind == "mac" else "")
    return Design(f"{engine.kind}_{multiplier}", title, "shw_accel", parameters, listed, dsp=multiplier != "lut")


def synth_accelerator(
    shape: Accelerator, multiplier: str = "lut", folder: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Map an accelerator with its hierarchy and count its parts.

    Args:
        shape: what is mapped. multiplier: of ``shw_mac_engine``. folder: keeps script, log and netlist; None: a
            temporary folder. progress: told what is mapped.

    Returns:
        Plain JSON values: ``tool``, ``mapping``, ``title``, ``parameters``, ``parts`` (area by part), ``area`` of all,
        ``ratio`` of its LUT cells over those of the engine, ``delay_ps``.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    version = yosys.version()
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="shiftwork-synth-") as temporary:
            return synth_accelerator(shape, multiplier, Path(temporary), progress)
    chosen = design(shape, multiplier)
    if progress is not None:
        progress.step(f"Yosys: {chosen.title}")
    done = synthesize(chosen, folder / chosen.key, PARTS)
    return {
        "tool": version,
        "mapping": mapping(chosen.dsp),
        "title": done.title,
        "parameters": dict(chosen.parameters),
        "parts": {name: asdict(area) for name, area in done.parts.items()},
        "area": asdict(done.area),
        "ratio": done.area.cells / done.parts["engine"].cells,
        "delay_ps": done.delay_ps,
    }

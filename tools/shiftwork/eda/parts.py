# SPDX-License-Identifier: Apache-2.0
"""Mapping of a large design part by part, each in a run of its own.

What designs have in common is mapped once: the folder of a part is named by what the part is made of, and one that is
there is not mapped again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.eda import ecp5, output_registers, yosys
from shiftwork.eda.designs import TOP, Design
from shiftwork.eda.mapping import longest_path, mapping, read
from shiftwork.eda.netlist import base_name

SCRIPTS: dict[str, Callable[[bool], str]] = {"xc7": mapping, "ecp5": lambda dsp: f"{ecp5.synthesis(dsp)} -noflatten"}
"""Mapping script of a family, with or without DSP blocks; both keep the hierarchy."""


def map_parts(
    design: Design, family: str, names: Collection[str], folder: Path, multiplying: Collection[str] = ()
) -> tuple[dict[str, Any], int | None]:
    """Map a design and its parts to the cells of a family, hierarchy kept.

    Args:
        design: what to map. family: of :data:`SCRIPTS`. names: modules that are parts, whatever their parameters.
        folder: of the parts; keeps scripts, logs and netlists. multiplying: parts that may have DSP blocks, where the
            design may.

    Returns:
        The netlist's modules (:mod:`shiftwork.eda.netlist`). On 7-series the longest register-to-register path in
        picoseconds, cell delays without routing; None elsewhere.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    script = SCRIPTS[family]
    around = _map(design, TOP, script(False), names, folder)
    netlist = yosys.read_netlist(around / "net.json")
    types = {str(cell["type"]) for module in netlist.values() for cell in module["cells"].values()}
    parts = [
        _map(design, part, script(design.dsp and base_name(part) in multiplying), (), folder)
        for part in sorted(types)
        if base_name(part) in names
    ]
    for part in parts:
        netlist |= yosys.read_netlist(part / "net.json")
    if family != "xc7":
        return netlist, None
    delay = around / "delay_ps"
    if delay.is_file():
        return netlist, int(delay.read_text())
    found = longest_path(netlist, around)
    delay.write_text(str(found))
    return netlist, found


def _map(design: Design, module: str, script: str, without: Collection[str], folder: Path) -> Path:
    """Map what stands below a module, but not the modules ``without``; the folder of its net.json and net.il."""
    name = design.module if module == TOP else base_name(module)
    texts = [yosys.version(), script, module, *(path.read_text() for path in manifest.load().sources(name))]
    if module == TOP:
        texts.append(design.wrapper())
    work = (folder / f"{name}-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}").resolve()
    if not (work / "net.json").is_file():
        work.mkdir(parents=True, exist_ok=True)
        commands = [*read(design, work), *(f"blackbox *{other}*" for other in without), f"hierarchy -top {module}"]
        commands += [f"{script} -top {module}", "write_json mapped.json"]
        yosys.run(commands, work, "map")
        netlist = output_registers.read(work / "mapped.json")
        (work / "packed.json").write_text(json.dumps({"modules": netlist}))
        (work / "packed.json").replace(work / "net.json")
    return work

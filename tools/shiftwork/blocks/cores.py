# SPDX-License-Identifier: Apache-2.0
"""FuseSoC core files, one per library of blocks and one per block that others import, from `rtl/manifest.yml`.

Run as `python -m shiftwork.blocks.cores [--check]` or `shiftwork cores [--check]`.

A library is a folder of blocks below rtl/. Its core is named `shiftwork:rtl:<folder>:<version>`, holds all its blocks
and depends on the cores of the libraries below it. Targets: `default` (the files), `lint_verible` (Verible), and for
a block shw_<block>: `lint_<block>` (Verilator) and, where a testbench bears the block's name, `sim_<block>` (Verilator)
and `sim_icarus_<block>`, which run its cocotb tests.

A block that others import, one of the manifest's tops, has a core of its own, `shiftwork:<folder>:<block>:<version>`,
with these targets as `lint`, `sim` and `sim_icarus`. It brings the core of its library. Beside them are written its
scripts for Vivado (`shiftwork.blocks.vivado`).
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import yaml

from shiftwork.blocks import manifest, vivado
from shiftwork.blocks.lint import VERILATOR
from shiftwork.errors import ShiftworkError

FOLDER = "fusesoc_cores"
LINKS = ("rtl", "tb", "constraints")
"""Folders that core files reach through links beside them: FuseSoC forbids paths that leave a core's folder."""

SESSION = "fusesoc_session"
"""Python module in tb/fusesoc that makes a simulation without tests or with a failing test end with exit code 1."""

SCRIPTS = {"scripts": {SESSION: {"cmd": ["python3", f"{SESSION}.py"], "filesets": ["session"]}}}

SIMULATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "verilator": ("sim", {"verilator_options": ["--timescale", "1ns/1ps", "--no-timing", "-Wno-fatal"]}),
    "icarus": ("sim_icarus", {"timescale": "1ns/1ps", "iverilog_options": ["-g2005"]}),
}
"""Simulator -> first part of the target's name, and options of the tool."""


def vlnv(blocks: manifest.Manifest, library: str) -> str:
    """Vendor, library, name and version of the core of a library."""
    return f"shiftwork:rtl:{Path(library).name}:{blocks.version}"


def target(blocks: manifest.Manifest, kind: str, block: str) -> tuple[str, str]:
    """Name of the target that does `kind` (lint, sim, sim_icarus) with a block, and of the core that has it."""
    library = blocks.blocks[block].library
    if block in blocks.tops:
        return kind, f"shiftwork:{Path(library).name}:{block}:{blocks.version}"
    return f"{kind}_{block.removeprefix(manifest.PREFIX)}", vlnv(blocks, library)


def simulated(blocks: manifest.Manifest, block: manifest.Block) -> bool:
    """Whether the block has simulation targets: a testbench with cocotb tests bears its name."""
    tests = blocks.root / "tb" / str(block.testbench) / f"cocotb_{block.testbench}.py"
    return block.name == f"{manifest.PREFIX}{block.testbench}" and tests.is_file()


def _python_files(folder: Path, module: str) -> list[Path]:
    """The module and the modules beside it, or in tb/lib, that it imports, directly or not."""
    found: list[Path] = []
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = next((p for p in (folder / f"{name}.py", folder.parent / "lib" / f"{name}.py") if p.is_file()), None)
        if path is None or path in found:
            continue
        found.append(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting.append(node.module)
    return sorted(found)


def _copied(blocks: manifest.Manifest, path: Path) -> dict[str, Any]:
    """A Python file as an entry of a file set; it is copied to where the simulation runs."""
    return {str(path.relative_to(blocks.root)): {"file_type": "user", "copyto": path.name}}


def _testbench(blocks: manifest.Manifest, block: manifest.Block) -> dict[str, Any]:
    """File set of a testbench: tests in Python."""
    folder = blocks.root / "tb" / str(block.testbench)
    return {"files": [_copied(blocks, path) for path in _python_files(folder, f"cocotb_{block.testbench}")]}


def _parameters(library: list[manifest.Block]) -> dict[str, Any]:
    """Every parameter of a library's blocks; a target passes on what the command line sets, else the RTL decides."""
    found: dict[str, dict[str, Any]] = {}
    for block in library:
        for name, facts in block.parameters.items():
            kind = "str" if isinstance(facts["default"], str) else "int"
            entry = found.setdefault(name, {"datatype": kind, "paramtype": "vlogparam", "description": []})
            if entry["datatype"] != kind:
                raise ShiftworkError(f"rtl/manifest.yml: {name} is a number and a text in {block.library}")
            if str(facts["description"]) not in entry["description"]:
                entry["description"].append(str(facts["description"]))
    return {name: {**entry, "description": " / ".join(entry["description"])} for name, entry in found.items()}


def core(blocks: manifest.Manifest, library: str) -> str:
    """Text of the core file of one library.

    Raises ShiftworkError when blocks of the library give one parameter name two types.
    """
    members = [block for block in blocks.blocks.values() if block.library == library]
    below = {blocks.blocks[name].library for block in members for name in block.depends} - {library}
    mine = [block for block in members if block.name not in blocks.tops]
    rtl: dict[str, Any] = {
        "files": [f"rtl/{block.file}" for block in members],
        "file_type": "verilogSource-2005",
        "depend": [vlnv(blocks, name) for name in blocks.libraries if name in below],
    }
    filesets = {
        "rtl": rtl if below else {key: rtl[key] for key in ("files", "file_type")},
        "verible": {"files": [{"rtl/verible.rules": {"file_type": "veribleLintRules"}}]},
        **_testbenches(blocks, mine),
    }
    targets: dict[str, Any] = {
        "default": {"filesets": ["rtl"]},
        "lint_verible": {
            "description": "All blocks, Verible",
            "filesets": ["rtl", "verible"],
            "toplevel": members[-1].name,  # FuseSoC asks for one; Verible reads all files
            "default_tool": "veriblelint",
            "tools": {"veriblelint": {"ruleset": "default"}},
        },
    }
    targets |= _targets(blocks, mine)
    data = {
        "name": vlnv(blocks, library),
        "description": blocks.libraries[library],
        "filesets": filesets,
        "parameters": _parameters(mine),
        "targets": targets,
        **SCRIPTS,
    }
    return _text(data)


def top_core(blocks: manifest.Manifest, name: str) -> str:
    """Text of the core file of a block that others import."""
    block = blocks.blocks[name]
    data = {
        "name": target(blocks, "default", name)[1],
        "description": block.description,
        "filesets": {"rtl": {"depend": [vlnv(blocks, block.library)]}, **_testbenches(blocks, [block])},
        "parameters": _parameters([block]),
        "targets": {"default": {"filesets": ["rtl"]}, **_targets(blocks, [block])},
        **SCRIPTS,
    }
    return _text(data)


def _testbenches(blocks: manifest.Manifest, members: list[manifest.Block]) -> dict[str, Any]:
    """File sets of the testbenches of those blocks that have one."""
    return {
        "session": {"files": [_copied(blocks, blocks.root / "tb" / "fusesoc" / f"{SESSION}.py")]},
        **{f"tb_{block.testbench}": _testbench(blocks, block) for block in members if simulated(blocks, block)},
    }


def _targets(blocks: manifest.Manifest, members: list[manifest.Block]) -> dict[str, Any]:
    """Lint of every block, simulation of those that have a testbench."""
    targets: dict[str, Any] = {}
    for block in members:
        targets[target(blocks, "lint", block.name)[0]] = {
            "description": "Verilator, all warnings",
            "filesets": ["rtl"],
            "toplevel": block.name,
            "parameters": list(block.parameters),
            "flow": "lint",
            "flow_options": {"tool": "verilator", "verilator_options": list(VERILATOR[2:])},
        }
    for block in members:
        for tool, (kind, options) in SIMULATIONS.items() if simulated(blocks, block) else ():
            targets[target(blocks, kind, block.name)[0]] = {
                "description": f"cocotb tests, {tool.capitalize()}",
                "filesets": ["rtl", "session", f"tb_{block.testbench}"],
                "toplevel": block.name,
                "parameters": [f"{name}={value}" for name, value in block.simulation.get("parameters", {}).items()],
                "hooks": {"pre_build": [SESSION]},
                "flow": "sim",
                "flow_options": {"tool": tool, "cocotb_module": f"{SESSION},cocotb_{block.testbench}", **options},
            }
    return targets


def _text(data: dict[str, Any]) -> str:
    head = "CAPI=2:\n# SPDX-License-Identifier: Apache-2.0\n# Generated from rtl/manifest.yml by `shiftwork cores`.\n"
    return head + yaml.dump(data, Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes shared values in full: no anchors and aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _wanted(blocks: manifest.Manifest) -> dict[Path, str]:
    """Core file or script -> its text."""
    folder, scripts = blocks.root / FOLDER, blocks.root / vivado.FOLDER
    return {
        **{folder / f"{manifest.PREFIX}{Path(name).name}.core": core(blocks, name) for name in blocks.libraries},
        **{folder / f"{name}.core": top_core(blocks, name) for name in blocks.tops},
        **{scripts / f"{name}.tcl": vivado.project(blocks, name) for name in blocks.tops},
        **{scripts / f"{name}_ip.tcl": vivado.package(blocks, name) for name in blocks.tops},
    }


def _present(blocks: manifest.Manifest) -> set[Path]:
    """Core files and scripts that there are."""
    return {*(blocks.root / FOLDER).glob("*.core"), *(blocks.root / vivado.FOLDER).glob("*.tcl")}


def differences(blocks: manifest.Manifest) -> list[str]:
    """What `write` would change, one line each; empty when every file is present and current."""
    folder = blocks.root / FOLDER
    wanted = _wanted(blocks)
    present = _present(blocks)
    name = {path: path.relative_to(blocks.root) for path in present | set(wanted)}
    found = [f"{name[path]}: there is no such library or top" for path in sorted(present - set(wanted))]
    found += [f"{name[path]}: missing" for path in sorted(set(wanted) - present)]
    found += [
        f"{name[path]}: not what rtl/manifest.yml says"
        for path, text in wanted.items()
        if path in present and path.read_text() != text
    ]
    found += [
        f"{FOLDER}/{link}: no link to ../{link}"
        for link in LINKS
        if not (folder / link).is_symlink() or (folder / link).readlink() != Path("..", link)
    ]
    return found


def write(blocks: manifest.Manifest) -> None:
    """Write every file and link, and remove those of libraries and tops that are gone."""
    folder = blocks.root / FOLDER
    wanted = _wanted(blocks)
    folder.mkdir(exist_ok=True)
    for name in LINKS:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(Path("..", name))
    for path in _present(blocks):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def run(check: bool = False) -> int:
    """Regenerate the core files, or with `check` only compare them; returns the exit code."""
    blocks = manifest.load()
    problems = blocks.check()
    if not problems and not check:
        write(blocks)
    problems += differences(blocks) if check or not problems else []
    for line in problems:
        print(line, file=sys.stderr)
    if check and problems:
        print("run `make cores` after a change of rtl/manifest.yml or of a testbench", file=sys.stderr)
    print(f"cores: {len(blocks.libraries)} libraries, {len(blocks.tops)} tops, {len(problems)} findings")
    return 1 if problems else 0


def main(arguments: list[str]) -> int:
    """Command line: `[--check]`."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m shiftwork.blocks.cores [--check]", file=sys.stderr)
        return 2
    try:
        return run(check=bool(arguments))
    except ShiftworkError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

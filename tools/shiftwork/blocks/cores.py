# SPDX-License-Identifier: Apache-2.0
"""FuseSoC core files, one per block, generated from `rtl/manifest.yml`.

Run as `python -m shiftwork.blocks.cores [--check]` or `shiftwork cores [--check]`.

A core is named `shiftwork:<group>:<block>:<version>` and depends on the cores of the blocks below it. Targets:
`default` (the files), `lint` (Verilator), `lint_verible`, and, where a testbench bears the block's name, `sim`
(Verilator) and `sim_icarus`, which run its cocotb tests.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import yaml

from shiftwork.blocks import manifest
from shiftwork.blocks.lint import VERILATOR
from shiftwork.errors import ShiftworkError

FOLDER = "fusesoc_cores"
LINKS = ("rtl", "tb", "constraints")
"""Folders that core files reach through links beside them: FuseSoC forbids paths that leave a core's folder."""

SESSION = "fusesoc_session"
"""Python module in tb/fusesoc that makes a simulation without tests or with a failing test end with exit code 1."""

SIMULATIONS = {"verilator": "sim", "icarus": "sim_icarus"}
"""Simulator -> target."""


def vlnv(block: manifest.Block, version: str) -> str:
    """Vendor, library, name and version of a block's core."""
    return f"shiftwork:{block.group}:{block.name}:{version}"


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


def _simulations(blocks: manifest.Manifest, block: manifest.Block, data: dict[str, Any]) -> None:
    """Add the simulation targets, and the file sets and script that they need."""
    folder = blocks.root / "tb" / str(block.testbench)
    module = f"cocotb_{block.testbench}"
    if block.name != f"{manifest.PREFIX}{block.testbench}" or not (folder / f"{module}.py").is_file():
        return
    python = [blocks.root / "tb" / "fusesoc" / f"{SESSION}.py", *_python_files(folder, module)]
    wrapper = [f"tb/{block.testbench}/{name}" for name in block.simulation.get("files", [])]
    data["filesets"]["tb"] = {
        "files": [{str(path.relative_to(blocks.root)): {"file_type": "user", "copyto": path.name}} for path in python]
    }
    if wrapper:
        data["filesets"]["tb_verilog"] = {"files": wrapper, "file_type": "verilogSource-2005"}
    data["scripts"] = {SESSION: {"cmd": ["python3", f"{SESSION}.py"], "filesets": ["tb"]}}
    values = block.simulation.get("parameters", {})
    options: dict[str, dict[str, Any]] = {
        "verilator": {"verilator_options": ["--timescale", "1ns/1ps", "--no-timing", "-Wno-fatal"]},
        "icarus": {"timescale": "1ns/1ps", "iverilog_options": ["-g2005"]},
    }
    for simulator, target in SIMULATIONS.items():
        data["targets"][target] = {
            "description": f"cocotb tests on {simulator.capitalize()}",
            "filesets": ["rtl", *(["tb_verilog"] if wrapper else []), "tb"],
            "toplevel": block.simulation.get("toplevel", block.name),
            "parameters": [f"{name}={value}" for name, value in values.items()],
            "hooks": {"pre_build": [SESSION]},
            "flow": "sim",
            "flow_options": {"tool": simulator, "cocotb_module": f"{SESSION},{module}", **options[simulator]},
        }


def core(blocks: manifest.Manifest, name: str) -> str:
    """Text of the core file of one block."""
    block = blocks.blocks[name]
    rtl: dict[str, Any] = {"files": [f"rtl/{block.file}"], "file_type": "verilogSource-2005"}
    if block.depends:
        rtl["depend"] = [vlnv(blocks.blocks[below], blocks.version) for below in block.depends]
    base = {"filesets": ["rtl"], "toplevel": name, "parameters": list(block.parameters)}
    data: dict[str, Any] = {
        "name": vlnv(block, blocks.version),
        "description": block.description,
        "filesets": {"rtl": rtl, "verible": {"files": [{"rtl/verible.rules": {"file_type": "veribleLintRules"}}]}},
        "parameters": {
            parameter: {
                "datatype": "str" if isinstance(facts["default"], str) else "int",
                "default": facts["default"],
                "paramtype": "vlogparam",
                "description": str(facts["description"]),
            }
            for parameter, facts in block.parameters.items()
        },
        "targets": {
            "default": {**base, "parameters": [f"is_toplevel? ({name})" for name in block.parameters]},
            "lint": {
                "description": "Verilator, all warnings",
                **base,
                "flow": "lint",
                "flow_options": {"tool": "verilator", "verilator_options": list(VERILATOR[2:])},
            },
            "lint_verible": {
                "description": "Verible",
                **base,
                "filesets": ["rtl", "verible"],
                "default_tool": "veriblelint",
                "tools": {"veriblelint": {"ruleset": "default"}},
            },
        },
    }
    _simulations(blocks, block, data)
    head = "CAPI=2:\n# SPDX-License-Identifier: Apache-2.0\n# Generated from rtl/manifest.yml by `shiftwork cores`.\n"
    return head + yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes shared values in full: no anchors and aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def differences(blocks: manifest.Manifest) -> list[str]:
    """What `write` would change, one line each; empty when every core file is present and current."""
    folder = blocks.root / FOLDER
    wanted = {folder / f"{name}.core": core(blocks, name) for name in blocks.blocks}
    present = set(folder.glob("*.core"))
    found = [f"{FOLDER}/{path.name}: there is no such block" for path in sorted(present - set(wanted))]
    found += [f"{FOLDER}/{path.name}: missing" for path in sorted(set(wanted) - present)]
    found += [
        f"{FOLDER}/{path.name}: not what rtl/manifest.yml says"
        for path, text in wanted.items()
        if path in present and path.read_text() != text
    ]
    found += [
        f"{FOLDER}/{name}: no link to ../{name}"
        for name in LINKS
        if not (folder / name).is_symlink() or (folder / name).readlink() != Path("..", name)
    ]
    return found


def write(blocks: manifest.Manifest) -> None:
    """Write every core file and link, and remove the core files of blocks that are gone."""
    folder = blocks.root / FOLDER
    folder.mkdir(exist_ok=True)
    for name in LINKS:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(Path("..", name))
    for path in folder.glob("*.core"):
        path.unlink()
    for name in blocks.blocks:
        (folder / f"{name}.core").write_text(core(blocks, name))


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
    print(f"cores: {len(blocks.blocks)} blocks, {len(problems)} findings")
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

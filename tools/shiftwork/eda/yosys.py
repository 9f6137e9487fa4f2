# SPDX-License-Identifier: Apache-2.0
"""Yosys in a process of its own, from the Python package ``pyosys`` (extra ``[synth]``)."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from shiftwork.errors import ShiftworkError

INSTALL = "pip install 'shiftwork[synth]' (in a clone: make synth)"

_WORKER = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for line in open(sys.argv[1]):
    if line.strip():
        libyosys.run_pass(line.strip(), design)
"""


def version() -> str:
    """Version of the installed ``pyosys``.

    Raises:
        ShiftworkError: it is not installed; the message has the command that installs it.
    """
    if importlib.util.find_spec("pyosys") is None:
        raise ShiftworkError(f"Yosys is not installed; run: {INSTALL}")
    return metadata.version("pyosys")


def share() -> Path:
    """Folder of the cell libraries that come with Yosys."""
    version()
    spec = importlib.util.find_spec("pyosys")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "share"


def run(commands: Sequence[str], folder: Path, name: str, timeout: float = 1800.0) -> str:
    """Run Yosys commands, one per entry, in ``folder``; script and log stay there as ``name.ys`` and ``name.log``.

    Returns:
        The log.

    Raises:
        ShiftworkError: Yosys is missing, fails or takes longer than ``timeout`` seconds.
    """
    version()
    script, log = folder / f"{name}.ys", folder / f"{name}.log"
    script.write_text("\n".join(commands) + "\n")
    try:
        with log.open("w") as out:
            done = subprocess.run(
                [sys.executable, "-c", _WORKER, script.name],
                cwd=folder,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise ShiftworkError(f"Yosys did not end within {timeout:g} s: {log}") from None
    text = log.read_text(errors="replace")
    if done.returncode:
        errors = re.findall(r"^ERROR: .*", text, re.MULTILINE)
        raise ShiftworkError(f"Yosys failed: {errors[-1] if errors else f'exit code {done.returncode}'} ({log})")
    return text


def read_netlist(path: Path) -> dict[str, Any]:
    """The modules of a netlist that Yosys wrote with ``write_json``, without the black boxes of the cell library."""
    modules: dict[str, Any] = json.loads(path.read_text())["modules"]
    return {name: body for name, body in modules.items() if not int(str(body["attributes"].get("blackbox", "0")), 2)}

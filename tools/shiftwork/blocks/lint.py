# SPDX-License-Identifier: Apache-2.0
"""Lint of the hardware: the manifest against the files, `verilator -Wall` per block and choice, Verible over all
sources, and slang for conversions between signed and unsigned, of which Verilator says nothing.

Run as `python -m shiftwork.blocks.lint`; exit code 1 when there is a finding.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from shiftwork.blocks import manifest
from shiftwork.errors import ShiftworkError

VERILATOR = ("verilator", "--lint-only", "-Wall", "--language", "1364-2005")
"""Command that a block must pass without a message, at its default parameters and at every choice of a text."""


def _messages(command: list[str]) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise ShiftworkError(f"{command[0]} is not installed: run `make setup`") from None
    text = result.stdout + result.stderr
    problem = result.returncode != 0 or "%Warning" in text
    return (text.strip() or f"{command[0]} ended with exit code {result.returncode}") if problem else ""


def _choices(blocks: manifest.Manifest, name: str) -> list[list[str]]:
    """Options of Verilator: the default parameters, and every other value of a parameter that is a text.

    With the latter an array is as small as a block with few legal sizes allows: what they choose is in every cell.
    """
    parameters = blocks.blocks[name].parameters
    sizes = {size: parameters.get(size, {}).get("values", ()) for size in ("ROWS", "COLS")}
    small = [f"-G{size}={min(values)}" for size, values in sizes.items() if values]
    others = [
        [f'-G{parameter}="{value}"', *small]
        for parameter, facts in parameters.items()
        for value in facts.get("values", ())
        if isinstance(value, str) and value != facts["default"]
    ]
    return [[], *others]


_SLANG = ("-Wnone", "-Wsign-conversion", "-Wsign-compare", "-Werror", "--error-limit=0")
_DRIVER = """
import sys
from pyslang.driver import Driver
driver = Driver()
driver.addStandardArgs()
driver.parseCommandLine(sys.argv[1])
sys.exit(not (driver.processOptions() and driver.parseAllSources() and driver.runFullCompilation(True)))
"""
"""slang as a Python package has no command of its own."""


def signs(sources: Sequence[Path], tops: Sequence[str]) -> str:
    """What slang says of ``sources`` and of conversions between signed and unsigned below ``tops``; empty: nothing."""
    words = ["slang", "--std", "1364-2005", *_SLANG, *(f"--top={top}" for top in tops), *map(str, sources)]
    if not find_spec("pyslang"):
        raise ShiftworkError("pyslang is not installed: run `make setup`")
    return _messages([sys.executable, "-c", _DRIVER, " ".join(words)])


def findings(blocks: manifest.Manifest) -> list[str]:
    """All messages of the linters, one entry per block or tool; empty when the hardware is clean."""
    found = blocks.check()
    commands = [
        [*VERILATOR, *choice, "--top-module", name, *map(str, blocks.sources(name))]
        for name in blocks.blocks
        for choice in _choices(blocks, name)
    ]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found += threads.map(_messages, commands)
    trees = (blocks.root / "rtl", blocks.root / "tools" / "shiftwork", blocks.root / "examples")
    files: list[Path] = sorted(path for tree in trees for path in tree.rglob("*.v"))
    rules = f"--rules_config={blocks.root / 'rtl' / 'verible.rules'}"
    found.append(_messages(["verible-verilog-lint", rules, *map(str, files)]))
    own = [blocks.root / "rtl" / block.file for block in blocks.blocks.values()]
    found.append(signs(own, list(blocks.blocks)))
    return [text for text in found if text]


def main() -> int:
    """Print every finding; returns the exit code."""
    try:
        blocks = manifest.load()
        found = findings(blocks)
    except ShiftworkError as error:
        found = [str(error)]
    else:
        print(f"lint: {len(blocks.blocks)} blocks with Verilator, Verible and slang: {len(found)} findings")
    for text in found:
        print(text, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Generated parts of a block's page: summary, parameters, ports, timing, area, tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftwork.blocks import manifest
from shiftwork.blocks.manifest import Block, Manifest
from shiftwork.blocks.verilog import header_facts, ports
from shiftwork.docs.markdown import measurement, table

TEMPLATE = """# {name}

<!-- generated:summary -->
<!-- end -->

## Purpose

{purpose}

## Parameters

<!-- generated:parameters -->
<!-- end -->

## Ports

<!-- generated:ports -->
<!-- end -->

## Timing

<!-- generated:timing -->
<!-- end -->

## Area

<!-- generated:area -->
<!-- end -->

## Tests

<!-- generated:tests -->
<!-- end -->
"""
SIZES = {
    "cells": "LUT cells",
    "luts": "packed LUTs",
    "flip_flops": "flip-flops",
    "block_rams": "RAMB36",
    "dsp": "DSP48E1",
}


def page_of(block: str) -> str:
    """File name of a block's page: the block without its prefix."""
    return block.removeprefix(manifest.PREFIX) + ".md"


@dataclass(frozen=True)
class TestCase:
    """A test function: its file below the repository, its name and the first line of its docstring."""

    file: Path
    name: str
    purpose: str


def tests_in(root: Path, folder: Path) -> list[TestCase]:
    """Test functions (pytest and cocotb) of the Python files in a folder."""
    found = []
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
            if (path.name.startswith("test_") and node.name.startswith("test_")) or re.match(r"cocotb\.test\b", marks):
                purpose = (ast.get_docstring(node) or "").strip().split("\n\n")[0].replace("\n", " ")
                found.append(TestCase(path.relative_to(root), node.name, purpose))
    return found


def _legal(facts: Mapping[str, Any]) -> str:
    if "values" in facts:
        return ", ".join(str(value) for value in facts["values"])
    return str(facts["legal"]) if "legal" in facts else f"{facts['min']}..{facts['max']}"


def _summary(book: Manifest, block: Block) -> str:
    used = [other for other in book.blocks.values() if block.name in other.depends]
    lines = [f"{block.description}.\n", f"- Source: [rtl/{block.file}](../../rtl/{block.file})"]
    for label, names in (("Instantiates", block.depends), ("Used by", [other.name for other in used])):
        if names:
            lines.append(f"- {label}: " + ", ".join(f"[{name}]({page_of(name)})" for name in names))
    if len(book.closure(block.name)) > 1:
        files = " ".join(f"`{other.file}`" for other in book.closure(block.name))
        lines.append(f"- Files, dependencies first, below `rtl/`: {files}")
    return "\n".join(lines) + "\n"


def _parameters(book: Manifest, block: Block) -> str:
    if not block.parameters:
        return "None.\n"
    rows = [(f"`{n}`", facts["default"], _legal(facts), facts["description"]) for n, facts in block.parameters.items()]
    return table(("parameter", "default", "legal", "meaning"), rows)


def _ports(book: Manifest, block: Block) -> str:
    found = ports((book.root / "rtl" / block.file).read_text())
    rows = [(f"`{port.name}`", port.direction, port.width, port.meaning) for port in found]
    return table(("port", "direction", "width", "meaning"), rows)


def _timing(book: Manifest, block: Block) -> str:
    facts = {"Latency": block.latency, "Throughput": block.throughput}
    facts |= header_facts((book.root / "rtl" / block.file).read_text())
    return "".join(f"- {name}: {text}.\n" for name, text in facts.items())


def _area(book: Manifest, block: Block) -> str:
    area = measurement(book.root, "area")
    entries = [] if area is None else [entry for entry in area["blocks"] if entry["block"] == block.name]
    if area is None or not entries:
        return "Not measured on its own.\n"
    rows = [
        (
            _words(entry["parameters"]),
            *(f"{entry[name]:,g}" for name in SIZES),
        )
        for entry in entries
    ]
    head = ("parameters", *SIZES.values())
    return table(head, rows, range(1, 6)) + f"\nSynthesized: {area['tool']}, {area['family']}, not placed.\n"


def _words(parameters: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items()) or "none"


def _tests(book: Manifest, block: Block) -> str:
    if block.testbench is None:
        return "Covered by the tests of the blocks that use it.\n"
    cases = tests_in(book.root, book.root / "tb" / block.testbench)
    rows = [(f"[{case.file.name}](../../{case.file})", f"`{case.name}`", case.purpose) for case in cases]
    return f"`make sim BLOCK={block.testbench}`, both simulators.\n\n" + table(("file", "test", "what it shows"), rows)


PARTS: dict[str, Callable[[Manifest, Block], str]] = {
    "summary": _summary,
    "parameters": _parameters,
    "ports": _ports,
    "timing": _timing,
    "area": _area,
    "tests": _tests,
}
"""By the names that pages use."""

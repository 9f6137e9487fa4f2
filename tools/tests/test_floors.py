# SPDX-License-Identifier: Apache-2.0
"""The floors of the package: no import runs upwards or in a circle, every room stands in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from shiftwork.blocks.manifest import ROOT

PACKAGE = ROOT / "tools" / "shiftwork"
PAGE = ROOT / "docs" / "architecture.md"
CHECKING = "TYPE_CHECKING"
Lines = dict[str, str]
"""Modules that a module imports, each with the line that does."""


def floors(page: str) -> dict[str, int]:
    """The floor of every room, from the table under the heading "Floors"; rooms of one row share a floor."""
    section = page.split("\n## Floors\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {room: floor for floor, row in enumerate(rows) for room in re.findall("`(\\w+)`", row)}


def room_of(module: str) -> str:
    """The room of a module: the folder or the file at the top of the package."""
    return module.split(".")[1] if "." in module else "__init__"


def imports(package: Path, types: bool = True) -> dict[str, Lines]:
    """Every import of the package by the package, at the top and inside functions; types: for type checkers as well."""
    name = package.name
    files = {}
    for path in sorted(package.rglob("*.py")):
        words = (name, *path.relative_to(package).with_suffix("").parts)
        files[".".join(words[:-1] if words[-1] == "__init__" else words)] = path
    found: dict[str, Lines] = {}
    for module, path in files.items():
        found[module] = {}
        here = module if path.name == "__init__.py" else module.rpartition(".")[0]
        tree = ast.parse(path.read_text())
        checked = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == CHECKING]
        apart = {id(part) for node in checked if not types for part in ast.walk(node)}
        for node in ast.walk(tree):
            if id(node) in apart:
                continue
            wanted: list[str] = []
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = here.split(".")[: len(here.split(".")) + 1 - node.level] if node.level else []
                base = ".".join(filter(None, (*above, node.module)))
                wanted = [full if (full := f"{base}.{alias.name}") in files else base for alias in node.names]
            for target in wanted:
                if target.split(".")[0] == name and target != module:
                    known = target if target in files else name
                    found[module].setdefault(known, f"{path.relative_to(package)}:{getattr(node, 'lineno', 0)}")
    return found


def circle(graph: Mapping[str, Lines]) -> list[str]:
    """Modules that import each other in a circle, the first one again at the end; empty if there are none."""
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for target in graph.get(module, {}):
            if found := visit(target, [*way, module]):
                return found
        done.add(module)
        return []

    for start in graph:
        if found := visit(start, []):
            return found
    return []


def faults(package: Path, page: str) -> list[str]:
    """Everything that is wrong with the floors of a package."""
    order, graph, found = floors(page), imports(package), []
    rooms = {room_of(module) for module in graph}
    found += [f"{room} is not in the table" for room in sorted(rooms - set(order))]
    found += [f"{room} is in the table alone" for room in sorted(set(order) - rooms)]
    for module, lines in graph.items():
        for target, line in lines.items():
            one, other = room_of(module), room_of(target)
            if one != other and order.get(other, 0) > order.get(one, len(order)):
                found.append(f"{line} imports {target}: from {one} up to {other}")
    if modules := circle(imports(package, types=False)):
        found.append(f"a circle: {' -> '.join(modules)}")
    places = defaultdict(set)
    for path in package.rglob("*.py"):
        if not path.stem.startswith("__"):
            places[path.name].add(path.relative_to(package).parts[0])
    found += [f"{name} is in {', '.join(sorted(where))}" for name, where in sorted(places.items()) if len(where) > 1]
    return found


def test_the_package_keeps_its_floors() -> None:
    assert len(imports(PACKAGE)) > 50
    assert faults(PACKAGE, PAGE.read_text()) == []


TABLE = """# Made up

## Floors

| room | what |
| --- | --- |
| `__init__`, `base` | ground |
| `low` | |
| `high` | |

## Else

| `nothing` | here |
"""
SOUND = {
    "__init__.py": "",
    "base.py": "import os\nfrom made import __version__",
    "low/__init__.py": "from made.low.one import x",
    "low/one.py": "from made import base\nfrom .two import y",
    "low/two.py": "from made.base import z",
    "high/__init__.py": "",
    "high/three.py": "from made import base\nfrom made.low import one",
}


def _made(folder: Path, changes: dict[str, str]) -> list[str]:
    package = folder / "made"
    for name, text in (SOUND | changes).items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return faults(package, TABLE)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"low/two.py": "from made.high import q"}, ["low/two.py:1 imports made.high: from low up to high"]),
        ({"low/two.py": "import made.high"}, ["low/two.py:1 imports made.high: from low up to high"]),
        ({"base.py": "def f():\n  from made import high"}, ["base.py:2 imports made.high: from base up to high"]),
        ({"base.py": "from .high import q"}, ["base.py:1 imports made.high: from base up to high"]),
        (
            {"low/two.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from ..high import q"},
            ["low/two.py:3 imports made.high: from low up to high"],
        ),
        ({"attic/four.py": ""}, ["attic is not in the table"]),
        ({"high/two.py": ""}, ["two.py is in high, low"]),
        ({"low/two.py": "from made.low.one import x"}, ["a circle: made.low.one -> made.low.two -> made.low.one"]),
        ({"__init__.py": "from made.base import z"}, ["a circle: made -> made.base -> made"]),
    ],
)
def test_every_fault_is_found(changes: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    assert _made(tmp_path, changes) == expected


def test_an_empty_room_is_found(tmp_path: Path) -> None:
    found = _made(tmp_path, {})
    assert found == []
    for path in (tmp_path / "made" / "high").iterdir():
        path.unlink()
    assert faults(tmp_path / "made", TABLE) == ["high is in the table alone"]

# SPDX-License-Identifier: Apache-2.0
"""Only the registry knows schemes by name: no file below it branches on one, or on the class of an engine or format."""

from __future__ import annotations

import ast
from pathlib import Path

import shiftwork

PACKAGE = Path(shiftwork.__file__).parent
ABOVE = ("schemes.py", "cli", "cost", "measure", "report", "docs")
"""Where what one scheme has may be asked for: the registry, commands and studies."""
KINDS = ("Engine", "Format", "Terms", "MixedRows", "ExponentialCodes")


def _names(node: ast.expr) -> set[str]:
    """Names and attributes inside an expression."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return found | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def branches(text: str) -> list[str]:
    """Comparisons with a scheme, and ``isinstance`` of an engine or a format, with their lines."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and any("scheme" in name.lower() for name in _names(node)):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.Compare) and _names(node) & {"EXPONENTIAL"}:
            found.append(f"{node.lineno}: {ast.unparse(node)}")
        asks = isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        if asks and any(name.endswith(KINDS) for name in _names(node.args[1])):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def test_no_file_below_the_registry_branches_on_a_scheme() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ABOVE]
    assert len(files) > 40
    found = {str(path.relative_to(PACKAGE)): branches(path.read_text()) for path in files}
    own = {"quantize/msq.py", "quantize/recipe.py"}  # one quantizer and one training for the four schemes of 4-bit rows
    assert {name: lines for name, lines in found.items() if lines and name not in own} == {}


def test_branches_are_found() -> None:
    text = "if network.scheme == 'tr' or scheme in MSQ_SCHEMES or isinstance(engine, TrEngine):\n    pass\nx == y\n"
    assert len(branches(text)) == 3

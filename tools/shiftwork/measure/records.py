# SPDX-License-Identifier: Apache-2.0
"""The records of the measurements: every file below docs/measurements/ holds one kind of them, by name.

What fits a line stands on one, so a layer is a line and a change of a record is a small difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shiftwork.errors import ShiftworkError

Record = dict[str, Any]
WIDTH = 300
"""Columns of a line, enough for a layer."""
KINDS = {
    "accuracy.": "accuracy",
    "promise.": "promises",
    "train_": "training",
    "synth_": "cost",
    "area": "area",
    "bitstream.": "area",
}
"""File by how a name begins; all others are about whole networks."""


def file_of(root: Path, name: str) -> Path:
    """The file that holds a record; ``root`` is the repository."""
    kind = next((file for begin, file in KINDS.items() if name.startswith(begin)), "networks")
    return root / "docs" / "measurements" / f"{kind}.json"


def read(path: Path) -> dict[str, Record]:
    """The records of a file by name; empty where there is no file.

    Raises:
        ShiftworkError: the file does not hold records.
    """
    if not path.is_file():
        return {}
    try:
        records = json.loads(path.read_text())
    except ValueError as error:
        raise ShiftworkError(f"{path}: {error}") from error
    if not isinstance(records, dict) or not all(isinstance(record, dict) for record in records.values()):
        raise ShiftworkError(f"{path}: no records by name")
    return records


def load(root: Path, name: str) -> Record | None:
    """A record, or None when it has not been measured."""
    return read(file_of(root, name)).get(name)


def store(root: Path, name: str, record: Record) -> None:
    """Add or replace a record; the others of its file stay as they are.

    Raises:
        ShiftworkError: the file cannot be read or written.
    """
    path = file_of(root, name)
    records = read(path) | {name: record}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(_lines(dict(sorted(records.items())))) + "\n")
    except OSError as error:
        raise ShiftworkError(f"{path}: {error.strerror}") from error


def _lines(value: Any, indent: int = 0, used: int = 0, top: bool = True) -> Iterator[str]:
    """A JSON value: on one line where it fits behind ``used`` columns, else one element a line."""
    text = json.dumps(value)
    if not isinstance(value, dict | list) or (not top and indent + used + len(text) < WIDTH):
        yield text
        return
    pairs = value.items() if isinstance(value, dict) else ((None, element) for element in value)
    yield "{" if isinstance(value, dict) else "["
    for index, (key, element) in enumerate(pairs):
        head = "" if key is None else f"{json.dumps(key)}: "
        yield f"{',' if index else ''}\n{' ' * (indent + 1)}{head}"
        yield from _lines(element, indent + 1, len(head), False)
    yield f"\n{' ' * indent}{'}' if isinstance(value, dict) else ']'}"

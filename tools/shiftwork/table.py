# SPDX-License-Identifier: Apache-2.0
"""Plain tables: aligned text everywhere, no escape codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


def cell(value: object) -> str:
    """Text of a value: integers with separators, reals with three digits, None as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


@dataclass
class Table:
    """A table with a head; columns of numbers are aligned to the right."""

    heads: list[str]
    rows: list[list[object]] = field(default_factory=list)

    def add(self, row: Iterable[object]) -> None:
        """Append a row of as many values as there are heads."""
        values = list(row)
        assert len(values) == len(self.heads)
        self.rows.append(values)

    def text(self) -> str:
        """The table as lines of text."""
        columns = range(len(self.heads))
        cells = [[cell(value) for value in row] for row in self.rows]
        widths = [max(len(self.heads[c]), *(len(row[c]) for row in cells), 0) for c in columns]
        right = [all(row[c] is None or isinstance(row[c], int | float) for row in self.rows) for c in columns]

        def line(row: list[str]) -> str:
            return "  ".join(row[c].rjust(widths[c]) if right[c] else row[c].ljust(widths[c]) for c in columns).rstrip()

        return "\n".join([line(self.heads), line(["-" * width for width in widths]), *map(line, cells)])

# SPDX-License-Identifier: Apache-2.0
"""Tables of the accelerator's instructions (docs/accelerator.md)."""

from __future__ import annotations

from collections.abc import Callable

from shiftwork.blocks.manifest import Manifest
from shiftwork.compile.instructions import HEADER, MOVE, RUN, Field, placed
from shiftwork.docs.markdown import table


def _table(layout: tuple[Field, ...]) -> str:
    rows = []
    for field, low in placed(layout):
        top = low + field.width - 1
        rows.append([f"`{field.name}`", str(low) if field.width == 1 else f"{top}..{low}", field.meaning])
    return table(["field", "bits", "meaning"], rows)


PARTS: dict[str, Callable[[Manifest], str]] = {
    "instruction-header": lambda book: _table(HEADER),
    "instruction-move": lambda book: _table(MOVE),
    "instruction-run": lambda book: _table(RUN),
}

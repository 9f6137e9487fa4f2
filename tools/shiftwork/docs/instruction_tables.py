# SPDX-License-Identifier: Apache-2.0
"""Tables of the accelerator's instructions (docs/accelerator.md)."""

from __future__ import annotations

from collections.abc import Callable

from shiftwork.blocks.manifest import Manifest
from shiftwork.compile.instructions import MOVE, RUN, Field
from shiftwork.docs.markdown import table


def _table(layout: tuple[Field, ...]) -> str:
    rows, offset = [], 0
    for field in layout:
        top = offset + field.width - 1
        rows.append([f"`{field.name}`", str(offset) if field.width == 1 else f"{top}..{offset}", field.meaning])
        offset += field.width
    return table(["field", "bits", "meaning"], rows)


PARTS: dict[str, Callable[[Manifest], str]] = {
    "instruction-move": lambda book: _table(MOVE),
    "instruction-run": lambda book: _table(RUN),
}

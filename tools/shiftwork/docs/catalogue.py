# SPDX-License-Identifier: Apache-2.0
"""Generated lists: the blocks of every folder below rtl/, ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from shiftwork.blocks.manifest import Manifest
from shiftwork.docs.block_pages import SIZES, page_of
from shiftwork.docs.markdown import measurement, table
from shiftwork.network.importer import OPERATORS

FOLDERS = ("common", "codes", "post", "tr", "msq", "dnateq", "mac", "accel", "board", "baseline")
"""Folders that hold blocks, by their own name."""


def _blocks(folder: str, book: Manifest) -> str:
    """The blocks of a folder with their area; links as docs/blocks/README.md needs them."""
    area = measurement(book.root, "area")
    sizes: Mapping[str, Any] = {} if area is None else {entry["block"]: entry for entry in area["blocks"]}
    rows = []
    for block in book.blocks.values():
        if block.file.parent.name == folder:
            size = sizes.get(block.name)
            numbers = [""] * len(SIZES) if size is None else [f"{size[name]:,g}" for name in SIZES]
            rows.append((f"[{block.name}]({page_of(block.name)})", block.description, *numbers))
    return table(("block", "what it does", *SIZES.values()), rows, range(2, 7))


def _tool(book: Manifest) -> str:
    area = measurement(book.root, "area")
    if area is None:
        return "Areas: not measured yet.\n"
    return f"Areas: synthesized with the default parameters, {area['tool']}, {area['family']}, not placed.\n"


def _operators(_: Manifest) -> str:
    rows = [(name, operator.runs, operator.note) for name, operator in sorted(OPERATORS.items())]
    return table(("ONNX operator", "where it runs", "what is supported"), rows)


PARTS: dict[str, Callable[[Manifest], str]] = {
    **{f"blocks-{folder}": partial(_blocks, folder) for folder in FOLDERS},
    "blocks-tool": _tool,
    "operators": _operators,
}
"""By the names that pages use."""

# SPDX-License-Identifier: Apache-2.0
"""The generated parts of README.md and docs/: tables from the manifest, the Verilog, the tests and the measurements.

``python -m shiftwork.docs.pages`` rewrites what stands between ``<!-- generated:NAME -->`` and ``<!-- end -->`` and
creates the page of a block that has none; with ``--check`` it only says which files are out of date and exits with 1.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from shiftwork.blocks import manifest
from shiftwork.blocks.manifest import Manifest
from shiftwork.docs import (
    accel_tables,
    block_pages,
    board_tables,
    catalogue,
    cost_tables,
    dnateq_tables,
    instruction_tables,
    msq_tables,
    network_tables,
    output_tables,
    promise_tables,
    summary_tables,
)
from shiftwork.errors import ShiftworkError

_PART = re.compile(r"(<!-- generated:([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
PARTS: dict[str, Callable[[Manifest], str]] = {
    **summary_tables.PARTS,
    **catalogue.PARTS,
    **network_tables.PARTS,
    **promise_tables.PARTS,
    **output_tables.PARTS,
    **cost_tables.PARTS,
    **msq_tables.PARTS,
    **dnateq_tables.PARTS,
    **accel_tables.PARTS,
    **instruction_tables.PARTS,
    **board_tables.PARTS,
}
"""Generated parts of all pages but those of blocks, by name."""


def render(book: Manifest, path: Path, text: str) -> str:
    """The text of a page with every generated part renewed.

    Raises:
        ShiftworkError: a part of an unknown name.
    """
    block = book.blocks.get(manifest.PREFIX + path.stem) if path.parent.name == "blocks" else None

    def renew(match: re.Match[str]) -> str:
        name = match.group(2)
        if block is not None and name in block_pages.PARTS:
            content = block_pages.PARTS[name](book, block)
        elif block is None and name in PARTS:
            content = PARTS[name](book)
        else:
            raise ShiftworkError(f"{path.relative_to(book.root)}: no generated part {name!r}")
        return match.group(1) + content + match.group(4)

    return _PART.sub(renew, text)


def pages(book: Manifest) -> dict[Path, str]:
    """Every page with its text as it should be: README.md, docs/ and a page for every block."""
    root = book.root
    texts = {path: path.read_text() for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]}
    for block in book.blocks.values():
        texts.setdefault(
            root / "docs" / "blocks" / block_pages.page_of(block.name),
            block_pages.TEMPLATE.format(name=block.name, purpose=f"{block.description}."),
        )
    return {path: render(book, path, text) for path, text in texts.items()}


def main(arguments: Sequence[str]) -> int:
    """Rewrite the generated parts, or with ``--check`` list the files in which they are out of date."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m shiftwork.docs.pages [--check]", file=sys.stderr)
        return 2
    book = manifest.load()
    stale = [path for path, text in pages(book).items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(book.root)}: {'out of date' if arguments else 'written'}")
    if arguments:
        return 1 if stale else 0
    texts = pages(book)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""A block for projects without a package manager: the list of its files, or all of them in one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shiftwork.blocks.manifest import PREFIX, Block, Manifest
from shiftwork.errors import SettingError

Value = int | str

OPTIONS = ("engine", "rows", "cols")
"""Parameters that have an option of their own."""


def block(blocks: Manifest, name: str) -> Block:
    """A block by its name, which may lack the prefix.

    Raises:
        SettingError: there is none.
    """
    found = blocks.blocks.get(name) or blocks.blocks.get(f"{PREFIX}{name}")
    if found is None:
        raise SettingError(f"`block` {name}: there is no such block; {', '.join(blocks.tops)} are made to be imported")
    return found


def parsed(settings: Sequence[str], block: Block) -> dict[str, Value]:
    """Parameters from texts `NAME=VALUE`; numbers where the block's default is one.

    Raises:
        SettingError: a text without `=`, a number that is none.
    """
    values: dict[str, Value] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"`set` {text}: expected NAME=VALUE")
        if isinstance(block.parameters.get(name, {}).get("default"), int):
            try:
                values[name] = int(value, 0)
            except ValueError:
                raise SettingError(f"`set` {text}: expected a number") from None
        else:
            values[name] = value
    return values


def legal(facts: Mapping[str, Any]) -> str:
    """The legal values of a parameter in words."""
    if "values" in facts:
        return ", ".join(str(value) for value in facts["values"])
    return str(facts.get("legal", f"{facts.get('min')}..{facts.get('max')}"))


def check(block: Block, values: Mapping[str, Value]) -> None:
    """Compare parameters with the manifest; ranges that it gives in words are left to elaboration.

    Raises:
        SettingError: a parameter that there is not, or a value that is not legal.
    """
    for name, value in values.items():
        told = f"`{name.lower()}` {value}" if name.lower() in OPTIONS else f"`set` {name}={value}"
        if name not in block.parameters:
            has = ", ".join(block.parameters) or "no parameters"
            raise SettingError(f"{told}: {block.name} has no {name}, but {has}")
        facts = block.parameters[name]
        inside = value in facts["values"] if "values" in facts else True
        if "min" in facts and isinstance(value, int):
            inside = facts["min"] <= value <= facts["max"]
        if not inside:
            raise SettingError(f"{told}: {block.name} takes {legal(facts)}")


def with_defaults(text: str, values: Mapping[str, Value]) -> str:
    """The text of a module with other defaults of its parameters."""
    for name, value in values.items():
        word = f'"{value}"' if isinstance(value, str) else str(value)
        text, count = re.subn(rf"(\bparameter\s+{name}\s*=\s*)(\"[^\"]*\"|\d+)", rf"\g<1>{word}", text)
        assert count == 1, f"parameter {name} stands {count} times"
    return text


def bundle(blocks: Manifest, block: Block, values: Mapping[str, Value], lutram: bool = True) -> str:
    """A block and all below it as one Verilog file.

    Args:
        blocks: the catalogue. block: the top. values: parameters that it has instead of its defaults. lutram: whether
            the family has LUT RAM.
    """
    settings = ", ".join(f"{name} = {value}" for name, value in values.items())
    names = [below.name for below in blocks.closure(block.name)]
    lines = [
        f"// {block.name}: {block.description}.",
        f"// Shiftwork {blocks.version}, {len(names)} modules in one file, the top last; made by `shiftwork bundle`.",
        *([f"// Other defaults of the top: {settings}"] if settings else []),
        "//",
        "// SPDX-License-Identifier: Apache-2.0",
        *([] if lutram else ["`define SHW_NO_LUTRAM"]),
        "",
    ]
    texts = [path.read_text() for path in blocks.sources(block.name)]
    texts[-1] = with_defaults(texts[-1], values)
    return "\n".join([*lines, *texts])


def file_list(blocks: Manifest, block: Block) -> str:
    """Files of a block and of all below it, dependencies first, one absolute path a line."""
    return "".join(f"{path}\n" for path in blocks.sources(block.name))

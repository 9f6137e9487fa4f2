# SPDX-License-Identifier: Apache-2.0
"""Ports and header comments of Verilog files, as the blocks of rtl/ have them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shiftwork.errors import ShiftworkError

_PORT = re.compile(r"(input|output|inout)\s+(?:wire|reg)?\s*(?:signed\s*)?(\[[^]]*\])?\s*(\w+)\s*,?\s*(?://\s*(.*))?$")
_USUAL = {
    "clk": "clock, rising edge",
    "rst": "reset, synchronous, active high",
    "in_valid": "a beat is offered; stays until taken",
    "in_ready": "the beat is taken at the next edge",
    "in_last": "last beat of the tile",
    "out_valid": "a beat is offered; stays until taken",
    "out_ready": "the beat is taken at the next edge",
    "out_last": "last beat of the tile",
    "in_row": "one code per row, row 0 in the low bits",
    "in_col": "one code per column, column 0 in the low bits",
    "out_acc": "one 32-bit result per column, column 0 in the low bits; one beat per row",
    "cfg_tr_en": "1: term revealing; 0: plain dot product, group, budget and data terms are not looked at",
    "cfg_group": "g, a power of two, 1..256",
    "cfg_group_budget": "k, terms kept per group, 1..2047",
    "cfg_data_terms": "s, terms kept per column value, 1..9; 0: all",
    "cfg_slice_shift": "a slice has DEPTH >> cfg_slice_shift places",
    "cfg_row_signed": "row codes are two's complement",
    "cfg_col_signed": "column codes are two's complement",
    "cfg_error": "the tile that began last is illegal",
}


@dataclass(frozen=True)
class Port:
    """One port: ``direction`` input or output, ``width`` as in the source (1 without a range).

    ``meaning`` is the comment beside it, what such a port always means, or the comment above its section.
    """

    name: str
    direction: str
    width: str
    meaning: str


def ports(text: str) -> list[Port]:
    """Ports of a module with an ANSI header, one per line, in their order.

    Raises:
        ShiftworkError: no module header.
    """
    header = re.search(r"\bmodule\s+\w+\s*(?:#\s*\(.*?^\)\s*)?\((.*?)^\);", text, re.DOTALL | re.MULTILINE)
    if header is None:
        raise ShiftworkError("no module header with ANSI ports")
    found, heading = [], ""
    for line in map(str.strip, header.group(1).splitlines()):
        match = _PORT.match(line)
        if match:
            direction, width, name, meaning = match.groups()
            found.append(Port(name, direction, _width(width), meaning or _USUAL.get(name) or heading))
        elif line.startswith("//"):
            heading = line.removeprefix("//").strip()
    return found


def _width(span: str | None) -> str:
    if span is None:
        return "1"
    high, low = span[1:-1].rsplit(":", 1)
    if low.strip() != "0":
        return span
    high = high.strip()
    if high.isdigit():
        return str(int(high) + 1)
    less = re.fullmatch(r"(.+)-(\d+)", high)
    if less is None:
        return f"{high}+1"
    return less[1] if less[2] == "1" else f"{less[1]}-{int(less[2]) - 1}"


def header_facts(text: str) -> dict[str, str]:
    """What the header comment of a Verilog file says after ``Backpressure:``, ``Reset:`` and ``Bit order:``."""
    comment = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        comment.append(line.removeprefix("//").strip())
    joined = " ".join(line for line in comment if not line.startswith("SPDX-License-Identifier"))
    words = r"(Parameters|Latency|Throughput|Backpressure|Reset|Bit order|Protocol|Loading|Values):"
    parts = re.split(words, joined)
    facts = {name: value.strip().rstrip(".") for name, value in zip(parts[1::2], parts[2::2], strict=True)}
    return {name: facts[name] for name in ("Backpressure", "Reset", "Bit order") if name in facts}

# SPDX-License-Identifier: Apache-2.0
"""Counting the cells of a netlist mapped to 7-series or ECP5: LUTs, packed LUTs, flip-flops, carry blocks, block RAM.

A netlist is what Yosys writes with ``write_json``: ``{module: {"cells": {name: {"type", "connections"}}}}``, with or
without hierarchy; a module that is instantiated n times counts n times.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

MEMORY_LUTS = {
    "TRELLIS_DPR16X4": 6,
    "RAM16SDP4": 4,
    "RAM32X1S": 1,
    "RAM32X2S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32M": 4,
    "RAM64M": 4,
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
}
"""LUTs that a memory or shift-register primitive occupies; on ECP5 a LUT RAM of 16 x 4 takes three slices."""

CARRY_LUTS = {"CCU2C": 2, "ALU": 1}
"""LUTs that a carry cell of ECP5 or Gowin is made of. Those of 7-series and iCE40 stand beside the LUTs."""

BLOCK_RAMS = {"RAMB36E1": 1.0, "RAMB18E1": 0.5} | dict.fromkeys(
    ("DP16KD", "PDPW16KD", "SB_RAM40_4K", "SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B"), 1.0
)
"""Block RAMs that a cell takes."""
DSPS = ("DSP48E1", "MULT18X18D", "SB_MAC16", "MULT9X9", "MULT18X18")

PACK_INPUTS = 5
"""A 7-series LUT6 holds two functions of at most five inputs together."""

_LUT = re.compile(r"LUT[1-6]|SB_LUT4")
_FLIP_FLOP = re.compile(r"FD[A-Z]{1,3}(_1)?|TRELLIS_FF|SB_DFF\w*|DFF\w*")
_SEARCH_LIMIT = 400


@dataclass(frozen=True)
class Area:
    """What a design or a part of it occupies on a 7-series or ECP5 device.

    Attributes:
        cells: LUTs, inverters, and the LUTs of LUT RAM, shift registers and (ECP5) carry cells, as Yosys counts them.
        packed: 7-series: estimate of physical LUT6: pairs of LUTs that share at most five inputs count once. Pairs are
            formed inside a module only.
        memory: the part of ``cells`` that is LUT RAM or shift registers.
        flip_flops, carry4, wide_mux: FD* or TRELLIS_FF, CARRY4, MUXF7 and MUXF8.
        block_ram: in units of RAMB36, a RAMB18 is one half; of other families in cells.
        dsp: cells of :data:`DSPS`.
    """

    cells: float = 0
    packed: float = 0
    memory: float = 0
    flip_flops: float = 0
    carry4: float = 0
    wide_mux: float = 0
    block_ram: float = 0
    dsp: float = 0

    def __add__(self, other: Area) -> Area:
        return Area(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Area)))

    def __sub__(self, other: Area) -> Area:
        return self + other * -1

    def __mul__(self, factor: float) -> Area:
        return Area(*(getattr(self, f.name) * factor for f in fields(Area)))


def local_area(module: Mapping[str, Any]) -> Area:
    """Area of a module's own cells, without its submodules."""
    types = Counter(str(cell["type"]) for cell in module["cells"].values())
    luts = sum(count for kind, count in types.items() if _LUT.fullmatch(kind)) + types["INV"]
    memory = sum(count * MEMORY_LUTS[kind] for kind, count in types.items() if kind in MEMORY_LUTS)
    carry = sum(count * types[kind] for kind, count in CARRY_LUTS.items())
    return Area(
        cells=luts + memory + carry,
        packed=packed_luts(module) + memory + carry,
        memory=memory,
        flip_flops=sum(count for kind, count in types.items() if _FLIP_FLOP.fullmatch(kind)),
        carry4=types["CARRY4"],
        wide_mux=types["MUXF7"] + types["MUXF8"],
        block_ram=sum(count * types[kind] for kind, count in BLOCK_RAMS.items()),
        dsp=sum(types[kind] for kind in DSPS),
    )


def areas(netlist: Mapping[str, Any]) -> dict[str, Area]:
    """Area of every module with everything below it."""
    done: dict[str, Area] = {}

    def visit(name: str) -> Area:
        if name not in done:
            total = local_area(netlist[name])
            for kind, count in Counter(str(cell["type"]) for cell in netlist[name]["cells"].values()).items():
                if kind in netlist:
                    total += visit(kind) * count
            done[name] = total
        return done[name]

    for name in netlist:
        visit(name)
    return done


def packed_luts(module: Mapping[str, Any]) -> int:
    """Greedy estimate of LUT6 sites for a module's LUTs: every LUT takes the unpaired partner that shares most inputs.

    Two LUTs fit into one site when they read at most :data:`PACK_INPUTS` signals together. Inverters are not counted:
    a LUT absorbs them.
    """
    inputs = []
    for cell in module["cells"].values():
        if _LUT.fullmatch(str(cell["type"])):
            pins = cell["connections"]
            inputs.append(frozenset(bit for pin in pins if pin != "O" for bit in pins[pin] if isinstance(bit, int)))
    readers: dict[int, list[int]] = {}
    small = [index for index, pins in enumerate(inputs) if len(pins) <= PACK_INPUTS]
    for index in small:
        for bit in inputs[index]:
            readers.setdefault(bit, []).append(index)
    paired: set[int] = set()
    pairs = 0
    for index in sorted(small, key=lambda i: -len(inputs[i])):
        if index in paired:
            continue
        shared: Counter[int] = Counter()
        for bit in inputs[index]:
            if len(readers[bit]) <= _SEARCH_LIMIT:
                shared.update(other for other in readers[bit] if other != index and other not in paired)
        fitting = [other for other in shared if len(inputs[index] | inputs[other]) <= PACK_INPUTS]
        if fitting:
            best = max(fitting, key=lambda other: (shared[other], len(inputs[other]), -other))
            paired |= {index, best}
            pairs += 1
    return len(inputs) - pairs


def instances(netlist: Mapping[str, Any], top: str) -> Counter[str]:
    """How often each module occurs below ``top``, keyed by its netlist name."""
    found: Counter[str] = Counter()

    def visit(name: str, times: int) -> None:
        for kind, count in Counter(str(cell["type"]) for cell in netlist[name]["cells"].values()).items():
            if kind in netlist:
                found[kind] += times * count
                visit(kind, times * count)

    visit(top, 1)
    return found


def base_name(module: str) -> str:
    """Name in the source of a module that Yosys renamed for its parameters (``$paramod$hash\\name`` and the like)."""
    match = re.search(r"(shw_\w+)", module)
    return match.group(1) if match else module

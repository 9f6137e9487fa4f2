# SPDX-License-Identifier: Apache-2.0
"""Registers behind block RAM move into its own output registers, as in the tools of device vendors, but not in Yosys.

Works on netlists as Yosys writes them with ``write_json``. A port of a block RAM takes the registers in when every
output bit in use drives one flip-flop and nothing else, and these have the same clock as the port, one clock enable, no
reset and no initial value of 1 (``shw_ram_sdp`` with ``OUTPUT_REGISTER`` = 1 is written so).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftwork.eda import yosys

SUFFIX = "_OUTPUT_REGISTER"
"""Name of a 7-series block RAM with output registers in :func:`timing_models`: its type and this."""

_ON = f"{1:032b}"
_BIT_1 = "1"


@dataclass(frozen=True)
class _Port:
    """A read port: outputs, clock, enables of the output register, the parameters that switch it on, their value."""

    outputs: tuple[str, ...]
    clock: str
    enables: tuple[str, ...]
    parameters: tuple[str, ...]
    value: str


_A = _Port(("DOADO", "DOPADOP"), "CLKARDCLK", ("REGCEAREGCE",), ("DOA_REG",), _ON)
_B = _Port(("DOBDO", "DOPBDOP"), "CLKBWRCLK", ("REGCEB",), ("DOB_REG",), _ON)
_WIDE = _Port(_A.outputs + _B.outputs, _A.clock, _A.enables, ("DOA_REG", "DOB_REG"), _ON)  # one port, as wide as both
_ECP5 = tuple(
    _Port(tuple(f"DO{side}{bit}" for bit in range(18)), f"CLK{side}", (f"OCE{side}",), (f"REGMODE_{side}",), "OUTREG")
    for side in "AB"
)
_ECP5_WIDE = _Port(
    _ECP5[0].outputs + _ECP5[1].outputs, "CLKB", ("OCEA", "OCEB"), ("REGMODE_A", "REGMODE_B"), "OUTREG"
)  # port B, as wide as both
_ECP5_WIDTH = f"{36:032b}"


def _ports(cell: Mapping[str, Any]) -> tuple[_Port, ...]:
    kind = cell["type"]
    if kind in ("RAMB18E1", "RAMB36E1"):
        return (_WIDE,) if cell["parameters"].get("RAM_MODE", "").strip() == "SDP" else (_A, _B)
    if kind == "DP16KD":
        return (_ECP5_WIDE,) if cell["parameters"].get("DATA_WIDTH_B") == _ECP5_WIDTH else _ECP5
    return ()


@dataclass(frozen=True)
class _FlipFlop:
    """A flip-flop that may move. name: of its cell. bit: its output. clock, enable: bits of its pins."""

    name: str
    bit: Any
    clock: Any
    enable: Any


def _flip_flop(name: str, cell: Mapping[str, Any]) -> tuple[Any, _FlipFlop] | None:
    """Its input bit, and the flip-flop without reset and initial value; None if it is no such."""
    pins, parameters = cell["connections"], cell["parameters"]
    if cell["type"] == "FDRE":
        inverted = any(int(parameters.get(f"IS_{pin}_INVERTED", "0"), 2) for pin in "CDR")
        if pins["R"] != ["0"] or inverted or parameters.get("INIT", "x")[-1] == _BIT_1:
            return None
        return pins["D"][0], _FlipFlop(name, pins["Q"][0], pins["C"][0], pins["CE"][0])
    if cell["type"] == "TRELLIS_FF":
        if pins.get("LSR", ["0"]) != ["0"] or parameters.get("CLKMUX", "CLK") != "CLK":
            return None
        multiplexer = parameters.get("CEMUX", "CE").strip()  # Yosys writes the text "1" as "1 "
        if multiplexer not in ("CE", "1") or parameters.get("REGSET", "RESET") != "RESET":
            return None
        enable = pins["CE"][0] if multiplexer == "CE" else _BIT_1
        return pins["DI"][0], _FlipFlop(name, pins["Q"][0], pins["CLK"][0], enable)
    return None


def _uses(module: Mapping[str, Any]) -> Iterator[Any]:
    """Bits that are read: by cells or at the module's outputs."""
    for cell in module["cells"].values():
        ways = cell.get("port_directions", {})
        for pin, bits in cell["connections"].items():
            if ways.get(pin) != "output":
                yield from bits
    for port in module["ports"].values():
        if port["direction"] != "input":
            yield from port["bits"]


def pack(netlist: dict[str, Any]) -> int:
    """Move registers into the block RAMs of a netlist, in place.

    Args:
        netlist: modules by name (``write_json``), xc7 or ECP5.

    Returns:
        How many flip-flops were moved.
    """
    return sum(_pack_module(module) for module in netlist.values())


def pack_file(path: Path) -> None:
    """:func:`pack` in a file that ``write_json`` wrote; the rest of it stays as it is."""
    content = json.loads(path.read_text())
    pack(content["modules"])
    path.write_text(json.dumps(content))


def read(path: Path) -> dict[str, Any]:
    """:func:`shiftwork.eda.yosys.read_netlist`, registers moved."""
    netlist = yosys.read_netlist(path)
    pack(netlist)
    return netlist


def _pack_module(module: dict[str, Any]) -> int:
    cells = module["cells"]
    memories = [cell for cell in cells.values() if _ports(cell)]
    if not memories:
        return 0
    uses = Counter(_uses(module))
    behind = dict(found for name, cell in cells.items() if (found := _flip_flop(name, cell)) is not None)
    moved = 0
    for memory in memories:
        pins = memory["connections"]
        for port in _ports(memory):
            outputs = [pin for pin in port.outputs if pin in pins]
            bits = [bit for pin in outputs for bit in pins[pin] if uses[bit]]
            registers = [behind[bit] for bit in bits if uses[bit] == 1 and bit in behind]
            enables = {one.enable for one in registers}
            clocks = {one.clock for one in registers}
            if len(registers) < len(bits) or len(enables) != 1 or clocks != set(pins[port.clock]):
                continue
            for pin in outputs:
                pins[pin] = [behind[bit].bit if uses[bit] else bit for bit in pins[pin]]
            pins |= {enable: [*enables] for enable in port.enables}
            memory["parameters"] |= dict.fromkeys(port.parameters, port.value)
            for one in registers:
                del cells[one.name]
            moved += len(registers)
    return moved


def name_for_timing(netlist: dict[str, Any]) -> None:
    """Give the block RAMs of 7-series with output registers the types of :func:`timing_models`, in place."""
    for module in netlist.values():
        for cell in module["cells"].values():
            if cell["type"] in ("RAMB18E1", "RAMB36E1") and cell["parameters"]["DOA_REG"] == _ON:
                cell["type"] += SUFFIX


def timing_models() -> str:
    """Verilog of 7-series block RAMs with output registers, for Yosys's ``sta``.

    Yosys's models give both delays of an output, without and with its register, under conditions that ``sta`` does not
    look at. These are copies with the delay of the register alone.
    """
    library = (Path(yosys.share()) / "xilinx" / "cells_sim.v").read_text()
    found = []
    for kind in ("RAMB18E1", "RAMB36E1"):
        body = re.search(rf"^module {kind} \(.*?^endmodule$", library, re.MULTILINE | re.DOTALL)
        assert body is not None
        lines = [line for line in body[0].splitlines() if not re.search(r"if \(&DO[AB]_REG\)", line)]
        found.append("\n".join(lines).replace(f"module {kind}", f"module {kind}{SUFFIX}", 1))
    return "\n".join(found) + "\n"

# SPDX-License-Identifier: Apache-2.0
"""What the bitstream of a board is built from, as a system that simulates (:mod:`shiftwork.board.simulated_board`): its
Verilog, the netlist that Yosys makes of it, or that of the bitstream read back."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from shiftwork.blocks import manifest
from shiftwork.blocks.cores import FOLDER
from shiftwork.board.simulated_board import Pins, System
from shiftwork.eda import bitstream, ice40, launcher, yosys
from shiftwork.errors import ShiftworkError
from shiftwork.progress import Progress

CELLS = Path(__file__).resolve().parent / "cells"
"""Models of cells that Yosys has none of, a file each."""
LIBRARIES = {"ecp5": ("common_sim.vh", "ccu2c_sim.vh"), "ice40": ("cells_sim.v",)}
"""Yosys's models of the cells of a family; those in :data:`CELLS` take their place."""
PINS = {
    "ulx3s": Pins(clock="clk_25mhz", reset="button", busy="led & 1"),
    "icebreaker": Pins(clock="clk_12mhz", reset="button_n", released=1, busy="led_2"),
    "tangnano20k": Pins(clock="clk_27mhz", reset="button", busy="led_n & 1 ^ 1"),
}
"""Pins of the top level of a core below fusesoc_cores/boards."""


def models(names: Collection[str]) -> tuple[Path, ...]:
    """Files of the models that there are of some cells."""
    return tuple(sorted(path for path in CELLS.glob("*.v") if path.stem in names))


def of_board(name: str, clocks_per_bit: int | None = None) -> System:
    """The Verilog of a board's bitstream: top level, parameters and all.

    Args:
        name: of :data:`shiftwork.eda.bitstream.BOARDS`. clocks_per_bit: of a faster serial line than the board's.

    Raises:
        ShiftworkError: there is no board of that name.
    """
    core, book = bitstream.board(name).core, manifest.load()
    top, target = book.root / FOLDER / "boards" / core / f"shw_{core}.v", _target(name)
    text = top.read_text()
    words = set(re.findall(r"\w+", text))
    (below,) = (block for block in book.blocks if block in words)
    bit = re.search(r"parameter CLOCKS_PER_BIT\s*= (\d+)", text)
    if bit is None:
        raise ShiftworkError(f"{top.name} does not say how many clocks a bit takes")
    given = dict(word.split("=") for word in target.get("parameters", ()) if "=" in word)
    parameters = {key: int(value) if value.isdecimal() else value for key, value in given.items()}
    if clocks_per_bit is not None:
        parameters["CLOCKS_PER_BIT"] = clocks_per_bit
    return System(
        top=top.stem,
        sources=(*book.sources(below), *models(words), top),
        parameters=parameters,
        clocks_per_bit=int(parameters.get("CLOCKS_PER_BIT", bit[1])),
        pins=PINS[core],
    )


def _target(name: str) -> dict[str, Any]:
    """The target of a board's bitstream in its core."""
    core = bitstream.board(name).core
    file = manifest.load().root / FOLDER / "boards" / core / f"{core}.core"
    found: dict[str, Any] = yaml.safe_load(file.read_text().removeprefix("CAPI=2:\n"))["targets"][name]
    return found


def gates_of_board(name: str, clocks_per_bit: int | None = None) -> System:
    """A board's bitstream, cell by cell: of iCE40 as it is read back from its bits, of ECP5 as it goes to placement.

    Making it takes a minute or two.

    Args:
        name: of :data:`shiftwork.eda.bitstream.BOARDS`. clocks_per_bit: of a faster serial line than the board's, for
            which a netlist of the same parameters otherwise is made; on ECP5 alone.

    Raises:
        ShiftworkError: there is no board of that name or no models of its cells, or a tool is missing or fails.
    """
    options = _target(name)["flow_options"]
    family = options["arch"]
    if family not in LIBRARIES:
        raise ShiftworkError(f"{name}: no gates of {family} simulate here, only those of {', '.join(LIBRARIES)}")
    if family == "ice40":
        return of_bitstream(name, bitstream.build(name, Progress(quiet=True)).file)
    system = of_board(name, clocks_per_bit)
    if clocks_per_bit is None:
        netlist = bitstream.netlist(name)
    else:
        folder = manifest.load().root / "build" / "gates" / name
        folder.mkdir(parents=True, exist_ok=True)
        netlist = synthesize(system, family, options["yosys_synth_options"], folder)
    return of_netlist(system, family, netlist, netlist.parent)


def of_bitstream(name: str, file: Path) -> System:
    """The netlist that is read back from a bitstream of an iCE40 board (:mod:`shiftwork.eda.ice40`).

    Args:
        name: of the board. file: the bitstream; what is made of it comes beside it.

    Raises:
        ShiftworkError: a tool is missing or fails, or the bitstream uses what is not read.
    """
    system, options = of_board(name), _target(name)["flow_options"]["nextpnr_options"]
    package = options[options.index("--package") + 1]
    pins = bitstream.pins(bitstream.board(name).core, manifest.load().root)
    netlist = file.with_suffix(".netlist.json")
    netlist.write_text(json.dumps(ice40.netlist(ice40.unpack(file), system.top, package, dict(pins))))
    return of_netlist(system, "ice40", netlist, file.parent)


def synthesize(system: System, family: str, options: Sequence[str], folder: Path) -> Path:
    """Synthesize a system in ``folder`` as that of a bitstream is; its netlist as JSON.

    Args:
        system: in Verilog. family: of its cells, a key of :data:`LIBRARIES`. options: of Yosys's ``synth_FAMILY``.

    Raises:
        ShiftworkError: Yosys is missing or fails.
    """
    files = [{"name": str(path), "file_type": "verilogSource"} for path in system.sources if path.parent != CELLS]
    build = {
        "name": system.top,
        "toplevel": system.top,
        "files": files,
        "parameters": {name: {"default": value, "paramtype": "vlogparam"} for name, value in system.parameters.items()},
        "flow_options": {"arch": family, "yosys_synth_options": options},
    }
    return launcher.synthesize(build, folder)


def of_netlist(system: System, family: str, netlist: Path, folder: Path) -> System:
    """A system as the netlist that was made of it.

    Args:
        system: in Verilog. family: of its cells, a key of :data:`LIBRARIES`. netlist: JSON, as Yosys writes it.
        folder: for its Verilog.

    Raises:
        ShiftworkError: a cell is used in a way that its model does not have.
    """
    modules = yosys.read_netlist(netlist)
    for module in modules.values():
        cells = module["cells"]
        module["cells"] = {name: _modelled(name, cell) for name, cell in cells.items() if cell["type"] != "$scopeinfo"}
    used = {cell["type"] for module in modules.values() for cell in module["cells"].values()}
    (folder / "modelled.json").write_text(json.dumps({"modules": modules}))
    yosys.run(["read_json modelled.json", "write_verilog -noattr gates.v"], folder, "gates")
    library = "".join((yosys.share() / family / name).read_text() for name in LIBRARIES[family])
    for path in models(used):
        library = re.sub(rf"^module {path.stem}\b.*?^endmodule", "", library, flags=re.DOTALL | re.MULTILINE)
    (folder / "cells.v").write_text(f"`define NO_INCLUDES\n{library}")
    return replace(system, sources=(folder / "cells.v", *models(used), folder / "gates.v"), parameters={})


def _modelled(name: str, cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell without the pins and parameters that its model does not have, all of which have to be 0.

    Raises:
        ShiftworkError: one is not.
    """
    found: dict[str, Any] = dict(cell)
    for file in models([cell["type"]]):
        known = set(re.findall(r"\w+", file.read_text()))
        for kind in ("connections", "parameters"):
            values = {key: "".join(map(str, value)) for key, value in cell[kind].items()}
            wrong = [f"{key} = {value}" for key, value in values.items() if key not in known and set(value) - set("0x")]
            if wrong:
                raise ShiftworkError(
                    f"{cell['type']} {name}: {', '.join(wrong)}: its model has no such pin or parameter"
                )
            found[kind] = {key: cell[kind][key] for key in values if key in known}
    return found

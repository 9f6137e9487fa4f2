# SPDX-License-Identifier: Apache-2.0
"""The cells of a board's system: digits through the serial line, bit by bit, on the netlist that goes to placement
(ECP5) and on that which is read back from a bitstream (iCE40)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import ROOT
from shiftwork import example
from shiftwork.board.simulated_board import SimulatedBoard, System, around
from shiftwork.cli import main
from shiftwork.compile import Engine, MacEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.device.driver import AcceleratorFaultError
from shiftwork.eda import bitstream, ice40, systems
from shiftwork.errors import ShiftworkError
from shiftwork.measure.runs import on_system
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.progress import Progress
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize

SAMPLES = 2
BUILDS: dict[str, tuple[str, Engine, dict[str, int | str], tuple[str, ...]]] = {
    "tr": ("ecp5", TrEngine(2, 8), {"FAMILY": "ecp5"}, ("-nowidelut", "-nodsp")),
    "mac": ("ecp5", MacEngine(2, 8), {"FAMILY": "ecp5", "MULTIPLIER": "dsp"}, ("-nowidelut",)),
}
"""Family, engine, parameters, options of Yosys: the smallest accelerators that digits fits, built as on the ULX3S.

Those in the shapes of its bitstreams take longer: `python -m shiftwork.measure --only 'gates.*' --force`."""
REGISTER = "u_accel.u_core.u_results.u_post.g_lane[0].g_shift.u_requantize.fine"
"""Register whose bit 2 the negative control gets wrong."""


def run(system: System) -> int:
    """How many codes of some samples differ from the golden model."""
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    network = quantize(Quantization("fixed8"), graph, calibration)
    differ, _ = on_system(system, network, load_data(example.TEST, graph, SAMPLES).x.astype(np.float64))
    return differ


def turned(netlist: Path, folder: Path, top: str, register: str, bit: int = 2) -> Path:
    """A netlist of ECP5 in ``folder`` in which the LUT in front of a register's bit gives the opposite."""
    content = json.loads(netlist.read_text())
    module: Any = content["modules"][top]
    cells, out = list(module["cells"].values()), module["netnames"][register]["bits"][bit]
    (flip_flop,) = (c for c in cells if c["type"] == "TRELLIS_FF" and c["connections"]["Q"] == [out])
    (lut,) = (c for c in cells if c["type"] == "LUT4" and c["connections"]["Z"] == flip_flop["connections"]["DI"])
    lut["parameters"]["INIT"] = f"{int(lut['parameters']['INIT'], 2) ^ 0xFFFF:016b}"
    wrong = folder / "wrong.json"
    wrong.write_text(json.dumps(content))
    return wrong


@pytest.mark.full
@pytest.mark.parametrize("build", BUILDS)
def test_digits_on_gates(build: str) -> None:
    """Equal to the golden model; with one wrong LUT it is not, shown on the smaller netlist."""
    family, engine, parameters, options = BUILDS[build]
    folder = ROOT / "build" / "gates" / build
    folder.mkdir(parents=True, exist_ok=True)
    system = around(Accelerator(engine, activation_memory=2, weight_words=64, constants=64), memory=16)
    system = replace(system, parameters={**system.parameters, **parameters})
    netlist = systems.synthesize(system, family, options, folder)
    assert run(systems.of_netlist(system, family, netlist, folder)) == 0
    if build != "mac":
        return
    try:
        wrong = turned(netlist, folder, system.top, REGISTER)
        differ = run(systems.of_netlist(system, family, wrong, folder))
    except AcceleratorFaultError:
        return
    assert differ > 0


@pytest.fixture(scope="module")
def bitstream_file() -> Path:
    """The bitstream of the iCEBreaker."""
    return bitstream.build("icebreaker", Progress(quiet=True)).file


def changed(text: str, name: str) -> str:
    """The bits of a bitstream with the opposite of one.

    Args:
        text: the bits. name: parameter of a cell, or tile and name of a bit in it.
    """
    device = ice40.Device("5k")
    found = next((of[name] for of in device.parameters.values() if name in of), None)
    if found is None:
        place, bit = name.split()
        x, y = map(int, place.split("/"))
    else:
        x, y, bit = found[0], found[1], f"{'PLL' if 'PLL' in found[2] else 'IpConfig'}.{found[2]}"
    row, column = device.entries[device.grid[y, x]][bit][0]
    tile = re.search(rf"^\.\w+_tile {x} {y}\n", text, re.MULTILINE)
    assert tile is not None
    at = tile.end() + row * (text.index("\n", tile.end()) + 1 - tile.end()) + column
    return text[:at] + "10"[int(text[at])] + text[at + 1 :]


@pytest.mark.full
def test_digits_on_a_bitstream_read_back(bitstream_file: Path, tmp_path: Path) -> None:
    """Equal to the golden model; with one wrong bit, which makes a multiplier's weights unsigned, it is not."""
    wrong, report = tmp_path / "wrong.bin", tmp_path / "report.json"
    ice40.pack(changed(ice40.unpack(bitstream_file), "A_SIGNED"), wrong)
    for file, equal in ((bitstream_file, True), (wrong, False)):
        system = systems.of_bitstream("icebreaker", file)
        words = ["run", str(example.MODEL), "--data", str(example.TEST), "--scheme", "fixed8", "--executor", "uart"]
        with SimulatedBoard(system) as board:
            main([*words, "--port", board.port, "--limit", str(SAMPLES), "--json", str(report)])
        found = json.loads(report.read_text())
        assert sum(layer["compared"] for layer in found["layers"]) > 0
        assert (found["mismatches"] == 0) == equal


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("6/1 NegClk", "1 bits that stand for nothing that is read: X6/Y1 NegClk"),
        ("PLLTYPE_0", r"a PLL of type and feedback \(3, 1\)"),
        ("12/31 IOB_1.PINTYPE_1", "is port clk_12mhz"),
        ("1/31 IOB_0.PINTYPE_0", "is port None"),
        ("padin", "nothing drives a wire fabout"),
    ],
)
def test_what_is_not_read_of_a_bitstream_is_told(bitstream_file: Path, name: str, fault: str) -> None:
    text, pins = ice40.unpack(bitstream_file), dict(bitstream.pins("icebreaker", ROOT))
    wrong = re.sub(r"^\.extra_bit.*", "", text, flags=re.MULTILINE) if name == "padin" else changed(text, name)
    with pytest.raises(ShiftworkError, match=fault):
        ice40.netlist(wrong, "top", "sg48", pins)


def _netlist(folder: Path, **change: Any) -> Path:
    """A netlist of one block RAM."""
    pins: dict[str, list[Any]] = {"CLKA": [2], "CLKB": [2], "WEA": [3], "ADA13": [3], "DOB0": [4], "WEB": ["0"]}
    parameters = {"DATA_WIDTH_A": f"{1:032b}", "DATA_WIDTH_B": f"{1:032b}", "INITVAL_00": "0" * 320}
    pins |= {name: value for name, value in change.items() if isinstance(value, list)}
    parameters |= {name: value for name, value in change.items() if isinstance(value, str)}
    ways = {name: "output" if name.startswith("DO") else "input" for name in pins}
    cell = {"type": "DP16KD", "parameters": parameters, "port_directions": ways, "connections": pins, "attributes": {}}
    ports = {
        "clk": {"direction": "input", "bits": [2]},
        "rst": {"direction": "input", "bits": [3]},
        "uart_tx": {"direction": "output", "bits": [4]},
    }
    top = {"attributes": {}, "ports": ports, "cells": {"memory": cell | {"hide_name": 0}}, "netnames": {}}
    path = folder / "one.json"
    path.write_text(json.dumps({"modules": {"one": top}}))
    return path


@pytest.mark.full
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"WEB": [3]}, "DP16KD memory: WEB = 3: its model has no such pin or parameter"),
        ({"INITVAL_00": "1" * 320}, "INITVAL_00 = 1"),
        ({"WRITEMODE_A": "WRITETHROUGH"}, "DP16KD_mode_without_a_model"),
        ({"DATA_WIDTH_B": f"{2:032b}"}, "DP16KD_mode_without_a_model"),
    ],
)
def test_what_has_no_model_is_told(change: dict[str, Any], fault: str, tmp_path: Path) -> None:
    system = System("one", (), {}, 4)
    with pytest.raises(ShiftworkError, match=fault):
        SimulatedBoard(systems.of_netlist(system, "ecp5", _netlist(tmp_path, **change), tmp_path))

# SPDX-License-Identifier: Apache-2.0
"""The netlist of a board's system, as it goes to placement: digits through the serial line, bit by bit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import ROOT
from shiftwork import example
from shiftwork.board.on_board import BoardAccelerator
from shiftwork.board.simulated_board import SimulatedBoard, System, around
from shiftwork.board.uart import UartTransport
from shiftwork.compile import Engine, MacEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator, compile_accelerator
from shiftwork.device.driver import AcceleratorFaultError
from shiftwork.eda import systems
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.quantize.quantization import Quantization
from shiftwork.schemes import quantize

SAMPLES = 2
BUILDS: dict[str, tuple[str, Engine, dict[str, int | str], tuple[str, ...]]] = {
    "tr": ("ecp5", TrEngine(2, 8), {"FAMILY": "ecp5"}, ("-nowidelut", "-nodsp")),
    "mac": ("ecp5", MacEngine(2, 8), {"FAMILY": "ecp5", "MULTIPLIER": "dsp"}, ("-nowidelut",)),
}
"""Family, engine, parameters, options of Yosys: the smallest accelerators that digits fits, built as on the ULX3S."""
WRONG = "u_accel.u_core.u_results.u_post.g_lane[0].g_shift.u_requantize.fine"
"""Register whose bit 2 the negative control gets wrong."""


def run(system: System) -> int:
    """How many codes of some samples differ from the golden model."""
    graph = import_onnx(example.MODEL)
    calibration = load_data(example.CALIBRATION, graph, 64)
    network = quantize(Quantization("fixed8"), graph, calibration.x, calibration.y)
    codes = golden.quantize_input(network, load_data(example.TEST, graph, SAMPLES).x.astype(np.float64))
    expected = golden.run(network, codes)[network.output]
    with (
        SimulatedBoard(system) as board,
        BoardAccelerator(UartTransport(board.port, timeout=60.0)) as device,
    ):
        driver = device.driver
        driver.load(compile_accelerator(network, device.shape))
        found = []
        for sample in codes:
            driver.put(sample)
            driver.run()
            found.append(driver.read())
    assert np.stack(found).shape == expected.shape and expected.any()
    return int(np.count_nonzero(np.stack(found) != expected))


def turned(netlist: Path, register: str, bit: int) -> Path:
    """A netlist in which the LUT in front of a register's bit gives the opposite."""
    content = json.loads(netlist.read_text())
    top: Any = content["modules"]["shw_board_accel"]
    cells, out = list(top["cells"].values()), top["netnames"][register]["bits"][bit]
    (flip_flop,) = (c for c in cells if c["type"] == "TRELLIS_FF" and c["connections"]["Q"] == [out])
    (lut,) = (c for c in cells if c["type"] == "LUT4" and c["connections"]["Z"] == flip_flop["connections"]["DI"])
    lut["parameters"]["INIT"] = f"{int(lut['parameters']['INIT'], 2) ^ 0xFFFF:016b}"
    wrong = netlist.with_name("wrong.json")
    wrong.write_text(json.dumps(content))
    return wrong


@pytest.mark.full
@pytest.mark.parametrize("build", BUILDS)
def test_digits_on_gates(build: str) -> None:
    """Equal to the golden model; with one wrong LUT it is not."""
    family, engine, parameters, options = BUILDS[build]
    folder = ROOT / "build" / "gates" / build
    folder.mkdir(parents=True, exist_ok=True)
    system = around(Accelerator(engine, activation_memory=2, weight_words=64, constants=64), memory=16)
    system = replace(system, parameters={**system.parameters, **parameters})
    netlist = systems.synthesize(system, family, options, folder)
    assert run(systems.of_netlist(system, family, netlist, folder)) == 0
    try:
        differ = run(systems.of_netlist(system, family, turned(netlist, WRONG, 2), folder))
    except AcceleratorFaultError:
        return
    assert differ > 0


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

# SPDX-License-Identifier: Apache-2.0
"""Registers behind block RAM that move into it, and those that must not."""

from __future__ import annotations

from typing import Any

import pytest

from shiftwork.eda import output_registers

CLOCK, OTHER_CLOCK, ENABLE, RESET = 2, 3, 4, 5
ON, OFF = f"{1:032b}", f"{0:032b}"


def cell(kind: str, parameters: dict[str, str], inputs: dict[str, list[Any]], outputs: dict[str, list[Any]]) -> Any:
    ways = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    return {"type": kind, "parameters": parameters, "port_directions": ways, "connections": inputs | outputs}


def fdre(data: int, out: int, **change: Any) -> Any:
    pins: dict[str, list[Any]] = {"C": [CLOCK], "CE": [ENABLE], "D": [data], "R": ["0"]}
    return cell("FDRE", {"INIT": change.pop("init", "x")}, pins | change, {"Q": [out]})


def trellis(data: int, out: int, enable: bool = True) -> Any:
    pins: dict[str, list[Any]] = {"CLK": [CLOCK], "DI": [data], "LSR": ["0"]} | ({"CE": [ENABLE]} if enable else {})
    return cell("TRELLIS_FF", {"CEMUX": "CE" if enable else "1 ", "REGSET": "RESET"}, pins, {"Q": [out]})


def xc7(mode: str = "TDP") -> dict[str, Any]:
    """Two output bits of a memory, a register each, both read by a LUT."""
    memory = cell(
        "RAMB18E1",
        {"RAM_MODE": mode, "DOA_REG": OFF, "DOB_REG": OFF},
        {"CLKARDCLK": [CLOCK], "CLKBWRCLK": [CLOCK], "REGCEAREGCE": ["0"], "REGCEB": ["0"]},
        {"DOADO": [10, 20], "DOPADOP": [], "DOBDO": [11, 21], "DOPBDOP": []},
    )
    cells = {"memory": memory, "a": fdre(10, 30), "b": fdre(11, 31)}
    cells["lut"] = cell("LUT2", {}, {"I0": [30], "I1": [31]}, {"O": [32]})
    return {"top": {"cells": cells, "ports": {"out": {"direction": "output", "bits": [32]}}}}


def test_the_ports_of_a_memory_take_their_registers() -> None:
    netlist = xc7()
    assert output_registers.pack(netlist) == 2
    cells = netlist["top"]["cells"]
    assert sorted(cells) == ["lut", "memory"]
    pins, parameters = cells["memory"]["connections"], cells["memory"]["parameters"]
    assert pins["DOADO"] == [30, 20]
    assert pins["DOBDO"] == [31, 21]
    assert pins["REGCEAREGCE"] == pins["REGCEB"] == [ENABLE]
    assert parameters["DOA_REG"] == parameters["DOB_REG"] == ON


def test_a_port_as_wide_as_both_has_one_enable() -> None:
    netlist = xc7("SDP")
    netlist["top"]["cells"]["b"]["connections"]["CE"] = ["1"]
    assert output_registers.pack(netlist) == 0
    netlist["top"]["cells"]["b"]["connections"]["CE"] = [ENABLE]
    assert output_registers.pack(netlist) == 2
    assert netlist["top"]["cells"]["memory"]["connections"]["REGCEB"] == ["0"]


@pytest.mark.parametrize(
    "change",
    [
        {"R": [RESET]},
        {"C": [OTHER_CLOCK]},
        {"init": "1"},
        {"D": [12]},  # a bit that no memory drives
    ],
)
def test_other_registers_stay(change: dict[str, Any]) -> None:
    netlist = xc7()
    netlist["top"]["cells"]["a"] = fdre(**{"data": 10, "out": 30} | change)
    if change.get("D"):
        netlist["top"]["cells"]["lut"]["connections"]["I1"] = [10]
    assert output_registers.pack(netlist) == 1  # of the other port
    cells = netlist["top"]["cells"]
    assert "a" in cells
    assert cells["memory"]["parameters"]["DOA_REG"] == OFF


def test_what_is_read_without_register_keeps_the_port() -> None:
    netlist = xc7()
    netlist["top"]["cells"]["second"] = cell("LUT1", {}, {"I0": [10]}, {"O": [33]})
    netlist["top"]["ports"]["early"] = {"direction": "output", "bits": [11]}
    assert output_registers.pack(netlist) == 0
    assert netlist["top"]["cells"]["memory"]["connections"]["DOADO"] == [10, 20]


@pytest.mark.parametrize("enable", [True, False])
def test_ecp5(enable: bool) -> None:
    memory = cell(
        "DP16KD",
        {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG"},
        {"CLKA": [CLOCK], "CLKB": [CLOCK], "OCEA": ["1"], "OCEB": ["1"]},
        {"DOA0": [10], "DOB0": [20], "DOB1": [21]},
    )
    cells = {"memory": memory, "a": trellis(20, 30, enable), "b": trellis(21, 31, enable)}
    netlist = {"top": {"cells": cells, "ports": {"out": {"direction": "output", "bits": [30, 31]}}}}
    assert output_registers.pack(netlist) == 2
    assert sorted(cells) == ["memory"]
    assert (memory["parameters"]["REGMODE_A"], memory["parameters"]["REGMODE_B"]) == ("NOREG", "OUTREG")
    assert memory["connections"]["OCEB"] == ([ENABLE] if enable else ["1"])
    assert (memory["connections"]["DOB0"], memory["connections"]["DOB1"]) == ([30], [31])


def test_a_wide_port_of_ecp5_is_one() -> None:
    """Its halves take their registers together or not at all."""
    memory = cell(
        "DP16KD",
        {"DATA_WIDTH_B": f"{36:032b}", "REGMODE_A": "NOREG", "REGMODE_B": "NOREG"},
        {"CLKA": [OTHER_CLOCK], "CLKB": [CLOCK], "OCEA": ["0"], "OCEB": ["1"]},
        {"DOA0": [10], "DOB0": [20]},
    )
    cells = {"memory": memory, "a": trellis(10, 30, False), "b": trellis(20, 31)}
    netlist = {"top": {"cells": cells, "ports": {"out": {"direction": "output", "bits": [30, 31]}}}}
    assert output_registers.pack(netlist) == 0
    cells["a"] = trellis(10, 30)
    assert output_registers.pack(netlist) == 2
    assert memory["parameters"]["REGMODE_A"] == memory["parameters"]["REGMODE_B"] == "OUTREG"
    assert memory["connections"]["OCEA"] == memory["connections"]["OCEB"] == [ENABLE]


def test_timing_models_have_one_delay_an_output() -> None:
    netlist = xc7()
    output_registers.name_for_timing(netlist)
    assert netlist["top"]["cells"]["memory"]["type"] == "RAMB18E1"
    output_registers.pack(netlist)
    output_registers.name_for_timing(netlist)
    assert netlist["top"]["cells"]["memory"]["type"] == "RAMB18E1_OUTPUT_REGISTER"
    models = output_registers.timing_models()
    for kind in ("RAMB18E1", "RAMB36E1"):
        assert f"module {kind}_OUTPUT_REGISTER (" in models
    assert "= 882;" in models
    assert "= 2454;" not in models

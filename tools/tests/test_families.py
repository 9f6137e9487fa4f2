# SPDX-License-Identifier: Apache-2.0
"""What an importer's synthesis makes of the memories: without macros, and on families without LUT RAM."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from shiftwork.blocks import manifest
from shiftwork.eda import yosys

ROOT = manifest.ROOT


def cells(folder: Path, block: str, script: str, options: str = "", **parameters: int) -> Counter[str]:
    """Cells of a block that Yosys has mapped; options of `read_verilog`."""
    commands = [f"read_verilog {options} {path}" for path in manifest.load().sources(block)]
    commands += [f"chparam -set {name} {value} {block}" for name, value in parameters.items()]
    commands += [f"hierarchy -top {block}", f"{script} -top {block}", "write_json net.json"]
    yosys.run(commands, folder, "map")
    netlist = json.loads((folder / "net.json").read_text())["modules"][block]
    return Counter(cell["type"] for cell in netlist["cells"].values())


def test_macros():
    """Hardware does not depend on macros, but for the one that families without LUT RAM need."""
    used: dict[str, set[str]] = {}
    for path in (ROOT / "rtl").rglob("*.v"):
        for name in re.findall(r"^\s*`(?:ifn?def|elsif|define)\s+(\w+)", path.read_text(), re.MULTILINE):
            used.setdefault(name, set()).add(path.stem)
    assert set(used) == {"SHW_SIMULATION", "VERILATOR", "__ICARUS__", "SHW_NO_LUTRAM"}
    assert used["SHW_NO_LUTRAM"] == {"shw_lutram"}
    assert used["SHW_SIMULATION"] == used["VERILATOR"] == used["__ICARUS__"]


@pytest.mark.parametrize("options", ["", "-nosynthesis"])
def test_a_memory_is_block_ram_and_nothing_else(tmp_path, options):
    """What simulation does at a collision is not built; `-nosynthesis` leaves out the macro that Yosys defines."""
    assert cells(tmp_path, "shw_ram_sdp", "synth_ecp5", options) == {"DP16KD": 1}
    everything = cells(tmp_path, "shw_ram_sdp", "synth_ecp5", "-DSHW_SIMULATION")
    assert everything["LUT4"] > 100, "the count sees a collision model that is built in"

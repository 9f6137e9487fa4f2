# SPDX-License-Identifier: Apache-2.0
"""What an importer's synthesis makes of the memories: without macros, and on families without LUT RAM."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from shiftwork.blocks import manifest
from shiftwork.eda import yosys
from shiftwork.errors import ShiftworkError

ROOT = manifest.ROOT
FULL = pytest.mark.full


def cells(folder: Path, block: str, script: str, options: str = "", **parameters: int | str) -> Counter[str]:
    """Cells of a block that Yosys has mapped; options of `read_verilog`."""
    commands = [f"read_verilog {options} {path}" for path in manifest.load().sources(block)]
    words = {name: f'"{value}"' if isinstance(value, str) else value for name, value in parameters.items()}
    commands += [f"chparam -set {name} {value} {block}" for name, value in words.items()]
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
    assert used["SHW_NO_LUTRAM"] == {
        "shw_lutram",
        "shw_lutram_sp",
        "shw_ram_sdp",
        "shw_exp_count_histogram",
        "shw_tmac",
    }
    assert used["SHW_SIMULATION"] == used["VERILATOR"] == used["__ICARUS__"]


@pytest.mark.parametrize("options", ["", "-nosynthesis"])
def test_a_memory_is_block_ram_and_nothing_else(tmp_path, options):
    """What simulation does at a collision is not built; `-nosynthesis` leaves out the macro that Yosys defines."""
    assert cells(tmp_path, "shw_ram_sdp", "synth_ecp5", options) == {"DP16KD": 1}
    everything = cells(tmp_path, "shw_ram_sdp", "synth_ecp5", "-DSHW_SIMULATION")
    assert everything["LUT4"] > 100, "the count sees a collision model that is built in"


@pytest.mark.parametrize(
    ("style", "script", "options", "memories"),
    [
        ("block", "synth_ecp5", "", {"DP16KD": 2}),
        pytest.param("block", "synth_xilinx -family xc7 -flatten", "", {"RAMB18E1": 2}, marks=FULL),
        pytest.param("distributed", "synth_xilinx -family xc7 -flatten", "-nosynthesis", {"RAM256X1S": 24}, marks=FULL),
        pytest.param("block", "synth_gowin", "", {"DPX9B": 1, "SPX9": 1}, marks=FULL),
        pytest.param("block", "synth_gatemate", "", {"CC_BRAM_20K": 2}, marks=FULL),
        pytest.param("block", "synth_ice40", "", {"SB_RAM40_4K": 3}, marks=FULL),
        pytest.param("block", "synth_efinix", "", {"EFX_RAM_5K": 3}, marks=FULL),
        pytest.param("block", "synth_intel -family max10", "", {"altsyncram": 3}, marks=FULL),
        pytest.param("distributed", "synth_ice40", "-DSHW_NO_LUTRAM", {"SB_RAM40_4K": 3}, marks=FULL),
    ],
)
def test_two_lanes_share_a_table(tmp_path, style, script, options, memories):
    """Three lanes: a memory with two ports for two of them, where the family has one."""
    found = cells(tmp_path, "shw_table", script, options, LANES=3, STYLE=style)
    assert {name: n for name, n in found.items() if re.fullmatch(r"(?i)\w*ram\w*|[DS]PX9B?|DP16KD", name)} == memories


WITHOUT_LUTRAM = {
    "ice40": ("synth_ice40", r"SB_DFF\w*", r"SB_RAM40_4K"),
    "gatemate": ("synth_gatemate", r"CC_DFF", r"CC_BRAM_[24]0K"),
    "efinix": ("synth_efinix", r"EFX_FF", r"EFX_RAM_5K"),
    "max10": ("synth_intel -family max10", r"dffeas", r"altsyncram"),
}
"""Script, flip-flops and block RAM of families without LUT RAM."""


def count(found: Counter[str], kind: str) -> int:
    return sum(number for name, number in found.items() if re.fullmatch(kind, name))


@pytest.mark.parametrize("family", ["ice40", *(pytest.param(name, marks=FULL) for name in list(WITHOUT_LUTRAM)[1:])])
def test_large_queues_are_block_ram_where_there_is_no_lut_ram(tmp_path, family):
    script, flip_flops, block_ram = WITHOUT_LUTRAM[family]
    found = cells(tmp_path, "shw_fifo", script, "-DSHW_NO_LUTRAM", DATA_W=32, DEPTH=512)
    assert count(found, block_ram) >= 1
    assert count(found, flip_flops) < 100, "16,384 bits are stored"
    if family != "max10":
        with pytest.raises(ShiftworkError, match="no valid mapping found for memory"):
            cells(tmp_path, "shw_fifo", script, DATA_W=32, DEPTH=512)


@FULL
@pytest.mark.parametrize("block", ["shw_tr_engine", "shw_mac_engine", "shw_tmac", "shw_exp_count_histogram"])
@pytest.mark.parametrize("family", WITHOUT_LUTRAM)
def test_blocks_map_where_there_is_no_lut_ram(tmp_path, family, block):
    script, flip_flops, block_ram = WITHOUT_LUTRAM[family]
    shape = {"ROWS": 1, "COLS": 2} if block.endswith("_engine") else {}
    found = cells(tmp_path, block, script, "-DSHW_NO_LUTRAM", **shape)
    assert count(found, flip_flops) > 0
    if block == "shw_tr_engine":
        assert count(found, block_ram) >= 2
        assert count(found, flip_flops) < 2000

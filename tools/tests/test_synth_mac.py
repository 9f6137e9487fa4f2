# SPDX-License-Identifier: Apache-2.0
"""What the cells of the multiply-accumulate engine become: small arrays through Yosys in the full run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shiftwork.eda import ecp5, mapping, yosys
from shiftwork.eda.designs import TOP, Design, designs
from shiftwork.eda.netlist import Area, areas, base_name

CELLS = {"lut": "shw_mac_lut_cell", "dsp": "shw_mac_dsp_cell", "dsp48": "shw_mac_dsp48_pair"}
TERM_PORTS = ("cfg_tr_en", "cfg_group", "cfg_group_budget", "cfg_data_terms", "cfg_slice_shift", "cfg_encoding")


def mac_engine(rows: int, cols: int, multiplier: str) -> Design:
    """``shw_mac_engine`` with 32 bits, of which DSP blocks may be made whatever its cells are."""
    ports = tuple(port for port in designs(rows, cols)["tr"].ports if port[1] not in TERM_PORTS)
    parameters: dict[str, int | str] = {"ROWS": rows, "COLS": cols, "ACC_W": 32, "MULTIPLIER": multiplier}
    return Design("mac", "mac_engine", "shw_mac_engine", parameters, ports, dsp=True)


def test_the_wrapper_has_every_port() -> None:
    design = mac_engine(3, 5, "dsp48")
    source = design.sources()[-1].read_text()
    assert source.count("module shw_mac_engine ") == 1
    assert all(f" {name}" in source for _, name, _ in design.ports)
    assert '.MULTIPLIER("dsp48")' in design.wrapper()


def mapped(multiplier: str, folder: Path) -> tuple[Area, Mapping[str, Area]]:
    """Area of an array of 2 x 4, and by module."""
    netlist, _ = mapping.map_design(mac_engine(2, 4, multiplier), folder)
    found = areas(netlist)
    return found[TOP], {base_name(name): area for name, area in found.items()}


@pytest.mark.full
@pytest.mark.parametrize(("multiplier", "blocks"), [("lut", 0), ("dsp", 8), ("dsp48", 4)])
def test_cells_become_what_they_are_called(multiplier: str, blocks: int, tmp_path: Path) -> None:
    """A cell of LUTs has no DSP block; another has nothing else in it, or is half of a block and a counter."""
    whole, modules = mapped(multiplier, tmp_path)
    assert whole.dsp == blocks
    cell = modules[CELLS[multiplier]]
    cells, flip_flops = {"lut": (76, 62), "dsp": (0, 0), "dsp48": (20, 18)}[multiplier]
    assert cell.cells <= cells
    assert cell.flip_flops <= flip_flops


@pytest.mark.full
@pytest.mark.parametrize(("multiplier", "blocks"), [("lut", 0), ("dsp", 8)])
def test_multipliers_of_ecp5(multiplier: str, blocks: int, tmp_path: Path) -> None:
    design = mac_engine(2, 4, multiplier)
    (tmp_path / "top.v").write_text(design.wrapper())
    paths = [*design.sources(), Path("top.v")]
    commands = [*(f"read_verilog {path}" for path in paths), f"hierarchy -top {TOP}"]
    yosys.run([*commands, f"{ecp5.synthesis(True)} -top {TOP} -json net.json"], tmp_path, "ecp5")
    (netlist,) = yosys.read_netlist(tmp_path / "net.json").values()
    assert sum(cell["type"] == "MULT18X18D" for cell in netlist["cells"].values()) == blocks

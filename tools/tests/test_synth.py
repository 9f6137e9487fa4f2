# SPDX-License-Identifier: Apache-2.0
"""Counting cells, packing, cycles from reports, ratios, VCD toggles; a tiny shape through Yosys in the full run."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from shiftwork.blocks import manifest
from shiftwork.cost import tr_area
from shiftwork.cost import tr_toggles as toggles
from shiftwork.eda import ecp5, launcher, mapping, netlist, yosys
from shiftwork.eda.designs import TOP, designs
from shiftwork.eda.netlist import Area
from shiftwork.errors import ShiftworkError
from shiftwork.report.cost_tr import lines


def cell(kind: str, **pins: Sequence[int | str]) -> dict[str, Any]:
    return {"type": kind, "connections": {pin: list(bits) for pin, bits in pins.items()}}


def lut(inputs: Sequence[int | str], output: int) -> dict[str, Any]:
    pins = {f"I{index}": [bit] for index, bit in enumerate(inputs)}
    return cell(f"LUT{len(inputs)}", O=[output], **pins)


def module(*cells: Mapping[str, Any]) -> dict[str, Any]:
    return {"cells": {f"c{index}": body for index, body in enumerate(cells)}}


def test_two_small_luts_that_share_inputs_pack() -> None:
    assert netlist.packed_luts(module(lut([1, 2, 3], 10), lut([2, 3, 4, 5], 11))) == 1


def test_luts_that_need_six_inputs_together_do_not_pack() -> None:
    assert netlist.packed_luts(module(lut([1, 2, 3], 10), lut([3, 4, 5, 6], 11))) == 2


def test_a_six_input_lut_never_packs() -> None:
    assert netlist.packed_luts(module(lut([1, 2, 3, 4, 5, 6], 10), lut([1, 2], 11))) == 2


def test_luts_without_a_shared_input_do_not_pack() -> None:
    assert netlist.packed_luts(module(lut([1, 2], 10), lut([3, 4], 11))) == 2


def test_constant_inputs_are_free() -> None:
    assert netlist.packed_luts(module(lut([1, 2, "0", "1"], 10), lut([1, 2, 3, 4], 11))) == 1


def test_three_luts_make_one_pair() -> None:
    assert netlist.packed_luts(module(lut([1, 2], 10), lut([1, 2], 11), lut([1, 2], 12))) == 2


def test_area_counts_every_kind() -> None:
    kinds = ["INV", "RAM32M", "SRL16E", "FDRE", "FDSE", "CARRY4", "MUXF7", "RAMB36E1", "RAMB18E1", "DSP48E1", "BUFG"]
    area = netlist.local_area(module(lut([1], 2), lut([1, 3], 4), *(cell(kind) for kind in kinds)))
    assert area == Area(8, 6, 5, 2, 1, 1, 1.5, 1)


def test_hierarchy_multiplies() -> None:
    leaf = module(lut([1, 2], 3))
    middle = module(cell("leaf"), cell("leaf"), cell("FDRE"))
    nets = {"top": module(cell("middle"), cell("middle"), cell("leaf")), "middle": middle, "leaf": leaf}
    found = netlist.areas(nets)
    assert (found["top"].cells, found["top"].flip_flops) == (5, 2)
    assert netlist.instances(nets, "top") == {"middle": 2, "leaf": 5}


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("$paramod$42899ce4\\shw_group_reveal", "shw_group_reveal"),
        ("$paramod\\shw_tr_cell\\ACC_W=s32'00000000", "shw_tr_cell"),
        ("shw_tmac_column", "shw_tmac_column"),
        ("other", "other"),
    ],
)
def test_names_of_specialised_modules(name: str, base: str) -> None:
    assert netlist.base_name(name) == base


def test_parts_add_up() -> None:
    row, edge = "$paramod$1\\shw_tr_row", "shw_tr_row_edge"
    nets = {
        TOP: module(cell("engine")),
        "engine": module(cell(row), cell(row), cell(edge), lut([1, 2], 3)),
        row: module(lut([1, 2], 3), cell("inside")),
        "inside": module(lut([1, 2], 3), lut([1, 3], 4)),
        edge: module(cell("RAM32M")),
    }
    parts = mapping.parts_of(nets)
    assert {name: area.cells for name, area in parts.items()} == {"cells": 6, "row edges": 4, "control": 1}
    assert sum(area.cells for area in parts.values()) == netlist.areas(nets)[TOP].cells


def test_delay_is_that_of_the_last_module() -> None:
    assert (
        mapping.delay_of("Latest arrival time in 'a' is 12:\nLatest arrival time in 'shw_synth_top' is 2780:\n") == 2780
    )
    with pytest.raises(ShiftworkError, match="no arrival time"):
        mapping.delay_of("nothing")


def test_wrappers_set_every_parameter_and_port() -> None:
    for design in designs(3, 5).values():
        text = design.wrapper()
        assert f"module {TOP}" in text
        words = {name: f'"{value}"' if isinstance(value, str) else value for name, value in design.parameters.items()}
        assert all(f".{name}({word})" in text for name, word in words.items())
        assert all(f".{name}({name})" in text for _, name, _ in design.ports)
        source = design.sources()[-1].read_text()
        assert source.count(f"module {design.module} ") == 1
        assert all(f" {name}" in source for _, name, _ in design.ports)


def report(**changes: Any) -> dict[str, Any]:
    layer = {"executor": "rtl", "stream": "weights", "revealed": True, "data_terms": 3}
    layers = [
        layer | {"macs": 100, "cycles": 300, "beats": 100},
        layer | {"macs": 300, "cycles": 100, "beats": 100},
        {"executor": "host", "stream": None},
    ]
    return {"executor": "rtl", "model": "net", "engine": {"rows": 2, "cols": 4}, "layers": layers} | changes


def test_cycles_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(report()))
    run = tr_area.read_cycles(path, 2, 4)
    assert (run.cycles, run.steps, run.per_step) == (400, 200, 2.0)
    assert run.per_mac == pytest.approx(3 * 0.25 + 1 * 0.75)
    assert run.label == "weights budgeted, truncated data"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "cycles"),
        ("[]", "not a report"),
        (json.dumps(report(executor="golden")), "not a report"),
        (json.dumps(report(engine={"rows": 4, "cols": 4})), "not of 2 x 4"),
        (json.dumps(report(layers=[])), "no cycles"),
    ],
)
def test_reports_that_do_not_fit(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(ShiftworkError, match=message):
        tr_area.read_cycles(path, 2, 4)


def synthesis(cells: float, packed: float) -> mapping.Synthesis:
    return mapping.Synthesis("t", 2, 4, Area(cells=cells * 8, packed=packed * 8), {}, 1000)


def cycles(**changes: Any) -> tr_area.Cycles:
    values = {"source": "n", "engine": "tr", "stream": "weights", "revealed": True, "truncated": False}
    return tr_area.Cycles(**(values | {"cycles": 150, "steps": 100, "per_mac": 1.5} | changes))


def test_ratios_and_targets() -> None:
    done = {"tr": synthesis(32, 30), "mac": synthesis(160, 90), "booth": synthesis(60, 50), "tmac": synthesis(50, 40)}
    first, exact, other = tr_area.compare(
        done, [cycles(), cycles(stream="activations", revealed=False, per_mac=1.25), cycles(engine="tmac", per_mac=5.0)]
    )
    assert first.lut_cycles == 48
    assert first.ratios == {"mac": 0.3, "booth": 0.8}
    assert first.packed_ratios == {"mac": 0.5, "booth": 0.9}
    assert first.met
    assert exact.ratios == {"mac": 0.25, "booth": pytest.approx(2 / 3)}
    assert exact.met
    assert other.design == "tmac"
    assert other.met is None
    assert tr_area.compare(done, [cycles(per_mac=1.7)])[0].met is False


def test_shapes_are_checked() -> None:
    with pytest.raises(ShiftworkError, match="rows 0"):
        tr_area.synth_tr(0, 8)
    with pytest.raises(ShiftworkError, match="cols 257"):
        tr_area.synth_tr(8, 257)


def test_a_missing_yosys_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ShiftworkError, match=r"Yosys is not installed; run: pip install"):
        tr_area.synth_tr(2, 2)
    monkeypatch.setattr(launcher, "entry_points", lambda **_: [])
    with pytest.raises(ShiftworkError, match=r"nextpnr-ecp5 is not installed; run: pip install"):
        ecp5.version()


VCD = """$timescale 1ps $end
$scope module dut $end
$var wire 1 ! clk $end
$var wire 1 " a $end
$var wire 4 # b [3:0] $end
$upscope $end
$enddefinitions $end
#0
$dumpvars
0!
x"
b0 #
$end
#5
1!
1"
b101 #
#10
0!
0"
b1010 #
#15
bx #
#20
b1111 #
"""


def test_toggles_of_a_vcd() -> None:
    assert toggles.count_changes(VCD.splitlines()) == (5, 1 + 2 + 4)
    assert toggles.count_changes(VCD.splitlines(), ignore=("clk", "b")) == (1, 1)


def test_a_constant_net_does_not_toggle() -> None:
    assert toggles.count_changes([line for line in VCD.splitlines() if not line.startswith("b1")]) == (5, 1)


def test_placement_reports(tmp_path: Path) -> None:
    used = {"TRELLIS_COMB": 640, "TRELLIS_FF": 100, "DP16KD": 3}
    content = {"utilization": {name: {"used": count, "available": 1} for name, count in used.items()}}
    paths = []
    for clock in (131.5, 140.0, 90.0):
        paths.append(tmp_path / f"{clock}.json")
        paths[-1].write_text(json.dumps(content | {"fmax": {"$glbnet$clk": {"achieved": clock, "constraint": 150.0}}}))
    found = ecp5.read_reports(paths, designs(2, 4)["tr"])
    assert (found.comb, found.block_ram, found.fmax_mhz, found.per_cell) == (640, 3, 131.5, 80.0)
    assert found.fmax_of_seeds == (131.5, 140.0, 90.0)


@pytest.mark.full
def test_a_tiny_shape_through_yosys(tmp_path: Path) -> None:
    result = tr_area.synth_tr(1, 2, [cycles()], tmp_path, ["tr", "mac", "mac_signed", "booth", "booth_signed"])
    per_cell = {key: design["per_cell"] for key, design in result["designs"].items()}
    totals = 75 / 2  # of a column of two cells
    assert per_cell["booth"] == totals + 40.5  # four rows of ten LUTs, no adder in the top row; a gate for a row's sign
    assert per_cell["booth_signed"] == totals + 36
    assert per_cell["mac"] > per_cell["mac_signed"] > 100
    engine = result["designs"]["tr"]
    assert engine["parts"]["cells"]["cells"] >= 2 * 24
    assert engine["area"]["cells"] == sum(part["cells"] for part in engine["parts"].values())
    assert all(300 < design["delay_ps"] < 20_000 for design in result["designs"].values())
    assert "tr_engine" in "\n".join(lines(result))
    flat, _ = mapping.map_design(designs(1, 2)["booth"], tmp_path, flatten=True)
    kept = result["designs"]["booth"]["area"]["cells"]
    assert 0.9 * kept <= netlist.areas(flat)[TOP].cells <= kept


@pytest.mark.full
def test_a_yosys_error_is_told(tmp_path: Path) -> None:
    with pytest.raises(ShiftworkError, match="Yosys failed: ERROR"):
        yosys.run(["read_verilog missing.v"], tmp_path, "bad")


@pytest.mark.full
@pytest.mark.parametrize("width", [8, 9])
def test_both_families_of_a_booth_row_are_proved_equal(tmp_path: Path, width: int) -> None:
    root = manifest.load().root
    files = ["rtl/baseline/shw_booth_row.v", "tb/booth_array/booth_rows.v"]
    commands = ["read_verilog +/xilinx/cells_sim.v", *(f"read_verilog {root / path}" for path in files)]
    commands += [f"chparam -set X_W {width} booth_rows", "prep -flatten -top booth_rows"]
    log = yosys.run([*commands, "sat -verify -prove equal 1"], tmp_path, "prove")
    assert "SAT proof finished - no model found: SUCCESS!" in log
    with pytest.raises(ShiftworkError, match="Yosys failed"):
        yosys.run([*commands, "sat -verify -prove result 0"], tmp_path, "refute")

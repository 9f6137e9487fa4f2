# SPDX-License-Identifier: Apache-2.0
"""Cost of whole accelerators: parts, designs, comparisons; in the full run tiny ones through Yosys and in Verilator."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from shiftwork.blocks import manifest
from shiftwork.compile import MacEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.cost import accel_area
from shiftwork.cost.accel_area import ENGINES, PARTS, Run, compare, design, map_accelerator
from shiftwork.cost.wish import CostWish
from shiftwork.device.simulated_accelerator import SimulationWish
from shiftwork.eda.designs import TOP, designs
from shiftwork.eda.mapping import map_design
from shiftwork.eda.netlist import areas, local_area
from shiftwork.eda.parts import SCRIPTS, map_parts
from shiftwork.errors import SettingError
from shiftwork.report.cost_accel import accel, lines

MEMORIES = SimulationWish(activation_memory=64, weight_words=512, constants=128)
SMALL = Accelerator(TrEngine(2, 8), activation_memory=1, weight_words=64, constants=16)


def test_every_part_is_below_the_accelerator() -> None:
    assert set(PARTS) <= set(manifest.load().blocks["shw_accel"].depends)
    chosen = design(SMALL, "xc7")
    assert chosen.module == "shw_accel"
    assert ("input", "program_address", 32) in chosen.ports
    assert '.ENGINE("tr")' in chosen.wrapper()
    assert "FAMILY" not in chosen.wrapper()


def test_engines_suit_the_family() -> None:
    assert '.FAMILY("ecp5")' in design(SMALL, "ecp5").wrapper()
    for family, multiplier in (("xc7", "dsp48"), ("ecp5", "dsp")):
        engine = ENGINES["mac_dsp"](2, 8, family)
        assert isinstance(engine, MacEngine)
        assert engine.multiplier == multiplier
        chosen = design(Accelerator(engine), family)
        assert chosen.dsp
        assert f'.MULTIPLIER("{multiplier}")' in chosen.wrapper()
    assert not design(Accelerator(ENGINES["mac"](2, 8, "ecp5")), "ecp5").dsp
    rows = design(Accelerator(ENGINES["msq"](2, 8, "xc7")), "xc7")
    assert rows.dsp
    assert ".FIXED_ROWS(1)" in rows.wrapper()


def test_cells_of_ecp5() -> None:
    kinds = ("LUT4", "LUT4", "CCU2C", "TRELLIS_DPR16X4", "TRELLIS_FF", "DP16KD", "PDPW16KD", "MULT18X18D")
    cells = {str(index): {"type": kind, "connections": {}} for index, kind in enumerate(kinds)}
    area = local_area({"cells": cells})
    assert (area.cells, area.memory, area.flip_flops, area.block_ram, area.dsp) == (2 + 2 + 6, 6, 1, 2, 1)


def mapped(engine: str, cells: int, delay: int | None) -> dict[str, Any]:
    return {"area": {"cells": cells}, "delay_ps": delay, "parameters": {"ENGINE": engine}}


def test_lut_cycles_are_those_of_everything() -> None:
    runs = [
        Run("tr", "tr", 300, 100, 0.9, 1),
        Run("tr", "fixed8", 600, 100, 0.9, 1),
        Run("mac", "fixed8", 200, 100, 1, 1),
    ]
    designs = {"tr": mapped("tr", 20, 40), "mac": mapped("mac", 60, 20), "mac_dsp": mapped("mac", 10, 20)}
    found = {(entry["design"], entry["scheme"]): entry for entry in compare(designs, runs)}
    assert len(found) == 4
    assert found["tr", "tr"]["lut_cycles"] == pytest.approx(60)
    assert found["tr", "tr"]["over_mac"] == pytest.approx(0.5)
    assert found["tr", "tr"]["time_over_mac"] == pytest.approx(1)
    assert found["tr", "fixed8"]["over_mac"] == pytest.approx(1)
    assert found["mac", "fixed8"]["over_mac"] == pytest.approx(1)
    assert found["mac_dsp", "fixed8"]["over_mac"] == pytest.approx(1 / 6)
    (alone,) = compare({"tr": mapped("tr", 20, None)}, runs[:1])
    assert alone["over_mac"] is None
    (slow,) = compare({"mac": mapped("mac", 20, None)}, runs[2:])
    assert slow["time_over_mac"] is None


def test_wrong_engine_is_refused() -> None:
    with pytest.raises(SettingError, match="choose among tr, mac, mac_dsp, msq"):
        accel(CostWish(design=("booth",)), SimulationWish(), 2, 8)
    with pytest.raises(SettingError, match="family ice40: choose among xc7, ecp5"):
        accel(CostWish(family=("ice40",)), SimulationWish(), 2, 8)


@pytest.mark.full
@pytest.mark.parametrize("family", SCRIPTS)
def test_parts_are_those_of_the_whole(family: str, tmp_path: Path) -> None:
    """Mapped one by one they are what they are in one run, but for a few LUTs: the order of cells decides.

    What has been mapped is not mapped again.
    """
    chosen, parts = designs(2, 4)["tr"], ("shw_tr_row", "shw_tr_row_edge")
    netlist, delay = map_parts(chosen, family, parts, tmp_path)
    found = {path.parent.name.partition("-")[0] for path in tmp_path.glob("*/net.json")}
    assert found == {"shw_tr_engine", *parts}
    if family == "xc7":
        whole, longest = map_design(chosen, tmp_path)
        alone, together = areas(netlist)[TOP], areas(whole)[TOP]
        for name in ("memory", "flip_flops", "carry4", "block_ram", "dsp"):
            assert getattr(alone, name) == getattr(together, name), name
        assert alone.cells == pytest.approx(together.cells, rel=0.01)
        assert alone.packed == pytest.approx(together.packed, rel=0.01)
        assert delay == longest
    else:
        assert delay is None
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*")}
    assert map_parts(chosen, family, parts, tmp_path) == (netlist, delay)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*")} == times


@pytest.mark.full
def test_a_small_accelerator_through_yosys(tmp_path: Path) -> None:
    result = map_accelerator(SMALL, "xc7", tmp_path)
    assert set(result["parts"]) == {*PARTS.values(), "control"}
    assert all(part["cells"] > 0 for part in result["parts"].values())
    assert result["area"]["cells"] == sum(part["cells"] for part in result["parts"].values())
    assert result["area"]["dsp"] == 0
    banks = result["parts"]["activation memory"]
    assert banks["block_ram"] > 0 or banks["memory"] > 0
    assert result["ratio"] > 1


@pytest.mark.full
def test_the_digits_on_small_accelerators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command with Yosys left out."""

    def map_nothing(shape: Accelerator, family: str, folder: Path, title: str) -> dict[str, Any]:
        area = {"cells": 1, "packed": 1, "flip_flops": 1, "block_ram": 0.5, "dsp": 0}
        known = {"family": family, "title": title, "parts": {"engine": area}, "area": area, "ratio": 1.0, "delay_ps": 5}
        return known | {"parameters": {"ENGINE": shape.engine.kind}, "mapping": "none"}

    monkeypatch.setattr(accel_area, "map_accelerator", map_nothing)
    result = accel(CostWish(samples=1, keep=tmp_path), MEMORIES, 8, 16)
    assert [(run["engine"], run["scheme"]) for run in result["runs"]] == [
        ("tr", "tr"),
        ("tr", "fixed8"),
        ("mac", "fixed8"),
        ("msq", "msq"),
    ]
    assert result["runs"][0]["cycles"] < result["runs"][1]["cycles"]
    assert capsys.readouterr().out.splitlines() == "\n".join(lines(result)).splitlines()
    assert result["shape"] == {
        name: value for name, value in asdict(MEMORIES.accelerator(TrEngine(8, 16))).items() if name != "engine"
    }

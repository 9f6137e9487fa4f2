# SPDX-License-Identifier: Apache-2.0
"""Unit costs, devices and the planner: hand-checked cases, limits, the record against Yosys, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shiftwork.blocks import manifest
from shiftwork.cli import main
from shiftwork.compile import MsqEngine
from shiftwork.cost import planner, unit_costs
from shiftwork.cost.devices import DEVICES, Device, device
from shiftwork.cost.planner import Design, Layer
from shiftwork.cost.unit_costs import LANES, MAPPINGS, Resources, Unit, UnitCosts, load
from shiftwork.errors import ShiftworkError
from shiftwork.network.importer import import_onnx

DIGITS = manifest.ROOT / "examples" / "digits" / "digits.onnx"
LAYERS = [Layer("first", 1, 16, 1024, 27), Layer("second", 1, 64, 64, 576), Layer("apart", 32, 1, 100, 9)]


def toy_costs() -> UnitCosts:
    """A shift-add unit of ten LUTs a lane, a multiplier a lane, all else for nothing."""
    units = {unit.key: Resources() for unit in unit_costs.units("xc7")}
    for lanes in LANES:
        units[Unit("shw_sp2_mac", {"LANES": lanes}).key] = Resources(luts=10 * lanes)
        units[Unit("shw_fixed_mac", {"LANES": lanes, "PRODUCTS": 4}).key] = Resources(dsp=lanes)
    return UnitCosts("xc7", "none", "none", units)


TOY = Device("toy", "xc7", luts=1000, flip_flops=1000, dsp=4, rams=1000, ram_bits=72)


# -- costs


@pytest.mark.parametrize("family", MAPPINGS)
def test_the_record_has_every_unit(family: str) -> None:
    costs = load(family)
    assert set(costs.units) == {unit.key for unit in unit_costs.units(family)}
    assert costs.mapping == MAPPINGS[family]
    for key, cost in costs.units.items():
        assert 0 <= cost.packed <= cost.luts, key


@pytest.mark.parametrize(
    ("family", "unit"),
    [
        ("xc7", Unit("shw_sp2_mac", {"LANES": 8})),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("xc7", Unit("shw_fixed_mac", {"LANES": 8, "PRODUCTS": 4})),
                ("ecp5", Unit("shw_msq_column_edge", {"LANES": 4})),
                ("ice40", Unit("shw_fixed_mac", {"LANES": 4, "PRODUCTS": 2})),
            )
        ),
    ],
)
def test_yosys_finds_what_the_record_says(family: str, unit: Unit, tmp_path: Path) -> None:
    assert unit_costs.measure(family, [unit], tmp_path) == {unit.key: load(family).units[unit.key]}


@pytest.mark.full
@pytest.mark.parametrize("shape", [(2, 3, 4, 8), (2, 2, 4, 16)])
def test_the_sum_of_the_parts_is_the_engine(shape: tuple[int, int, int, int], tmp_path: Path) -> None:
    """Within a few percent: flat, Yosys merges what the parts have in common, and drains are between measured ones."""
    unit = unit_costs.engine_unit(*shape, products=4)
    whole, predicted = unit_costs.measure("xc7", [unit], tmp_path)[unit.key], load("xc7").engine(*shape)
    assert predicted.dsp == whole.dsp
    assert 0.98 * whole.luts <= predicted.luts <= 1.05 * whole.luts
    assert whole.flip_flops <= predicted.flip_flops <= 1.10 * whole.flip_flops


def test_parts_count_as_often_as_they_occur() -> None:
    found = toy_costs().parts(4, 3, 6, 8)
    assert found["multiplier units"].dsp == 2 * 3 * 8
    assert found["shift-add units"].luts == 3 * 6 * 80
    assert toy_costs().engine(4, 3, 6, 8) == Resources(luts=1440, dsp=48)


def test_lines_between_measured_sizes() -> None:
    costs = load("xc7")
    for cols in unit_costs.DRAIN_COLS:
        four, eight = (
            costs.units[Unit("shw_msq_drain", {"ROWS": rows, "COLS": cols, "ACC_W": 24}).key].luts for rows in (4, 8)
        )
        assert costs.drain(8, cols).luts == eight
        assert costs.drain(5, cols).luts == four + (eight - four) / 4
    assert costs.post(2).luts == costs.units["shw_post_unit LANES=2 REQUANT=shift"].luts
    for shape in ((2, 2, 2), (2, 4, 2), (2, 2, 4)):
        unit = unit_costs.engine_unit(*shape, lanes=8, products=4)
        assert costs.control(shape[0] + shape[1], shape[2], 8).flip_flops == costs.units[unit.key].flip_flops


def test_a_unit_that_is_not_recorded_is_refused() -> None:
    with pytest.raises(ShiftworkError, match=r"unit_costs\.json has no shw_sp2_mac LANES=32 for xc7; run: python -m"):
        load("xc7").of(Unit("shw_sp2_mac", {"LANES": 32}))


# -- cycles


def test_cycles_by_hand() -> None:
    """8 channels on 4 rows, 16 positions on 4 columns: 8 tiles of 9 beats, 4 on each of two engines."""
    design = Design(MsqEngine(2, 2, 4, 8), 2, 4)
    layer = Layer("layer", 1, 8, 16, 72)
    assert design.cycles(layer) == 9 + 9 + 3 * 9 + 4 + 2
    assert design.cycles(replace(layer, depth=16)) == 2 + 9 + 3 * 5 + 4 + 2
    assert design.macs == 2 * 4 * 4 * 8


def test_cycles_of_many_shapes_are_those_of_each() -> None:
    rng = np.random.default_rng(7)
    fixed, sp2 = 2 * rng.integers(0, 16, 40), rng.integers(1, 32, 40)
    cols = 2 * rng.integers(1, 128, 40)
    for lanes in LANES:
        for instances in planner.INSTANCES:
            shapes = planner.Shapes(lanes, instances, fixed, sp2, cols, np.zeros(40))
            engines = [MsqEngine(*map(int, shape), lanes) for shape in zip(fixed, sp2, cols, strict=True)]
            each = [sum(Design(engine, instances, 4).cycles(layer) for layer in LAYERS) for engine in engines]
            assert shapes.cycles(LAYERS).tolist() == each


def test_layers_of_a_network() -> None:
    network = import_onnx(DIGITS)
    layers = planner.layers_of(network)
    assert [layer.name for layer in layers] == [module.name for module in network.modules if module.kind == "conv"]
    assert layers[-1].positions == 1
    assert all(layer.macs > 0 for layer in layers)


# -- search


def test_a_plan_by_hand() -> None:
    """800 LUTs are 80 lane-MACs; 4 multipliers are one block of 2 x 2 and 4 lanes: 2 columns, 10 rows of shift-add."""
    assert planner.search(TOY, toy_costs()) == Design(MsqEngine(2, 10, 2, 4), 1, 4)
    assert planner.search(TOY, toy_costs(), with_sp2=False) == Design(MsqEngine(2, 0, 2, 4), 1, 4)


def test_block_ram_ports_limit() -> None:
    """Rows and columns of 4 lanes are 16 bits each: three RAMs of 80 bits feed 5 rows, 2 columns and the post unit."""
    tight = replace(TOY, dsp=0, rams=3, ram_bits=80)
    assert planner.search(tight, toy_costs()).engine.rows <= 5
    with pytest.raises(ShiftworkError, match=r"device toy: no engine fits into 80% of 1,000 LUTs"):
        planner.search(replace(tight, rams=2), toy_costs())


def test_no_luts_left() -> None:
    with pytest.raises(ShiftworkError, match=r"device xc7z020: no engine fits into 80% of 500 LUTs"):
        planner.search(replace(device("xc7z020"), luts=500), load("xc7"))


def test_more_luts_never_give_fewer_macs() -> None:
    for name in ("xc7z020", "ice40up5k"):
        whole = device(name)
        found = [
            planner.search(replace(whole, luts=int(whole.luts * part)), load(whole.family)).macs
            for part in (0.5, 0.7, 0.9, 1.0, 1.5)
        ]
        assert found == sorted(found), name
        assert found[0] < found[-1], name


@pytest.mark.parametrize("layers", [[], LAYERS], ids=["peak", "network"])
@pytest.mark.parametrize("name", DEVICES)
def test_limits_are_kept(name: str, layers: list[Layer]) -> None:
    has = device(name)
    result = planner.plan(has, 100.0, layers)
    for key in ("mixed", "packed"):
        design = result["designs"][key]
        assert design["luts"] <= planner.USABLE * has.luts
        assert design["flip_flops"] <= planner.USABLE * has.flip_flops
        assert design["dsp"] <= has.dsp
        assert sum(design["bits_per_cycle"].values()) <= has.read_bits
        assert design["rams"] <= has.rams
        shape = design["engine"]
        assert shape["rows"] <= 64
        assert design["macs_per_cycle"] == design["instances"] * shape["rows"] * shape["cols"] * shape["lanes"]
        assert layers or design["peak_reduction"] <= planner.REDUCTION
    assert sum(part["luts"] for part in result["parts"].values()) == pytest.approx(result["designs"]["mixed"]["luts"])
    assert result["designs"]["packed"]["engine"]["sp2_rows"] == 0
    assert result["designs"]["one_mac"]["macs_per_cycle"] == has.dsp


def test_the_shape_for_a_network_is_the_fastest_for_it() -> None:
    has, costs = device("xc7z020"), load("xc7")
    chosen = planner.search(has, costs, LAYERS)
    peak = planner.search(has, costs)
    assert sum(map(chosen.cycles, LAYERS)) <= sum(map(peak.cycles, LAYERS))
    assert chosen != peak


@pytest.mark.parametrize("name", ["xc7z020", "xc7z045"])
def test_targets(name: str) -> None:
    """At least four times one MAC per multiplier, twice the packed multipliers alone."""
    result = planner.plan(device(name), 100.0)
    assert result["met"] == {"one_mac": True, "packed": True}
    assert result["ratios"]["peak"]["one_mac"] >= 4
    assert result["ratios"]["peak"]["packed"] >= 2


def test_speed_follows_the_clock() -> None:
    slow, fast = (planner.plan(device("ice40up5k"), clock, LAYERS)["designs"]["mixed"] for clock in (12.0, 48.0))
    assert slow["peak_gops"] == pytest.approx(2 * slow["macs_per_cycle"] * 12e6 / 1e9)
    for figure in ("peak_gops", "gops", "images_per_s"):
        assert fast[figure] == pytest.approx(4 * slow[figure])
    assert slow["gops"] == pytest.approx(2 * sum(layer.macs for layer in LAYERS) * slow["images_per_s"] / 1e9)


# -- command


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "plan.json"
    words = ["plan", "--device", "xc7z020", "--network", str(DIGITS), "--clock", "150", "--json", str(report)]
    assert main(words) == 0
    text = capsys.readouterr().out
    result = json.loads(report.read_text())
    share = result["sp2_share"]
    assert f"train with --sp2-share {share:.2f}" in text
    assert share == result["designs"]["mixed"]["engine"]["sp2_rows"] / result["designs"]["mixed"]["engine"]["rows"]
    assert result["network"] == "digits.onnx"
    assert sum(layer["cycles"] for layer in result["layers"]) == result["designs"]["mixed"]["cycles"]
    for needed in ("80% of the device", "Block RAM ports", "not checked", "target 4x: met", "target 2x: met"):
        assert needed in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "xc7z021"], "--device xc7z021: choose xc7z020 or xc7z045 or xc7vx485t or ecp5-85f or ice40up5k"),
        (["--device", "xc7z020", "--clock", "0"], "--clock 0 is outside 1..1000 MHz"),
        (["--device", "xc7z020", "--clock", "nan"], "--clock nan is outside 1..1000 MHz"),
        (["--device", "xc7z020", "--network", "missing.npz"], "network missing.npz: no such file"),
        (["--device", "xc7z020", "--network", "missing.onnx"], "model missing.onnx: no such file"),
    ],
)
def test_mistakes(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *words]) == 2
    assert message in capsys.readouterr().err

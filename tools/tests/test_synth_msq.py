# SPDX-License-Identifier: Apache-2.0
"""Wrappers, parts, shares, ratios, stimuli of the 4-bit units; small netlists through Yosys and nextpnr in the full
run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shiftwork import example
from shiftwork.blocks.manifest import ROOT
from shiftwork.codes import sp2
from shiftwork.compile import MsqEngine
from shiftwork.cost import msq_area as msq
from shiftwork.cost import msq_toggles
from shiftwork.cost.msq_area import Cost, UnitDesign
from shiftwork.cost.msq_toggles import Codes
from shiftwork.eda.designs import TOP
from shiftwork.eda.netlist import Area
from shiftwork.errors import ShiftworkError
from shiftwork.golden import msq_units
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork, MixedRows
from shiftwork.quantize.msq import quantize
from shiftwork.report import cost_msq as command
from shiftwork.tensors.im2col import weight_matrix

SHAPE = MsqEngine(2, 1, 2, 4)


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    graph = import_onnx(example.MODEL)
    return quantize(graph, load_data(example.CALIBRATION, graph, 32).x, sp2_share=0.6)


def digits(count: int) -> Any:
    return load_data(example.TEST, import_onnx(example.MODEL), count).x


def module(cells: dict[str, str]) -> dict[str, Any]:
    return {"cells": {name: {"type": kind, "connections": {}} for name, kind in cells.items()}}


@pytest.mark.parametrize("lanes", [4, 8, 32])
def test_wrappers_connect_units_and_accumulators(lanes: int) -> None:
    for unit in msq.units(lanes).values():
        source = (ROOT / "rtl" / next(p for p in unit.sources() if p.stem == unit.module)).read_text()
        declared = set(re.findall(r"^  (?:input|output) .*?(\w+)(?:,|$)", source.split(");")[0], re.M))
        text = unit.wrapper()
        inside = text[text.index("u_unit") : text.index(";", text.index("u_unit"))]
        assert set(re.findall(r"\.(\w+)\(", inside)) == declared
        assert text.count(f"{msq.ACCUMULATOR} ") == unit.rows * unit.cols
        assert unit.sources()[-1].stem == msq.ACCUMULATOR
        assert unit.dsp == (unit.module == "shw_fixed_mac")
        assert unit.cells == unit.rows * unit.cols * int(unit.parameters["LANES"])


def test_the_engine_has_every_port_and_the_products_of_its_family() -> None:
    design = msq.engine_design(SHAPE, 2)
    source = design.sources()[-1].read_text().split(");")[0]
    declared = set(re.findall(r"^  (?:input|output) .*?(\w+)(?:,|$)", source, re.M))
    assert {name for _, name, _ in design.ports} == declared
    assert ".PRODUCTS(2)" in design.wrapper()
    assert (design.cells, design.dsp) == (SHAPE.beat_macs, True)


def engine_netlist(extra: dict[str, str] | None = None) -> dict[str, Any]:
    units = {"g_fixed[0].g_unit[0].u_mac": "fixed", "g_fixed[0].g_unit[0].g_total[3].u_total": "total"}
    units |= {"g_sp2[2].g_unit[1].u_mac": "sp2", "g_sp2[2].g_unit[1].u_total": "total"}
    edges = {"g_fixed[0].u_edge": "edge", "g_sp2[2].u_edge": "edge", "g_column[0].u_edge": "edge"}
    edges |= {"g_sp2[2].u_excess": "total", "g_fixed_excess.u_excess": "total", "u_drain": "drain"}
    return {
        TOP: module({"u_design": "engine"}),
        "engine": module(units | edges | (extra or {}) | {"a": "LUT2", "b": "FDRE"}),
        "fixed": module({"a": "DSP48E1", "b": "LUT3"}),
        "sp2": module({"a": "LUT6", "b": "LUT6", "c": "LUT6", "d": "FDRE"}),
        "total": module({"a": "LUT2"}),
        "edge": module({"a": "LUT4", "b": "SRL16E"}),
        "drain": module({"a": "LUT6", "b": "MUXF7"}),
    }


def test_parts_of_the_engine_add_up() -> None:
    parts = msq.engine_parts(engine_netlist())
    cells = {part: area.cells for part, area in parts.items()}
    assert cells == {
        "SP2 units": 4, "SP2 row edges": 3, "fixed units": 2, "fixed row edges": 3, "column edges": 2, "drain": 1,
        "control": 1,
    }  # fmt: skip
    assert parts["fixed units"].dsp == 1
    assert parts["control"].flip_flops == 1


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ShiftworkError, match=r"no part is known for its instance g_new\[1\].u_mac"):
        msq.engine_parts(engine_netlist({"g_new[1].u_mac": "sp2"}))


def test_everything_is_divided_over_the_lane_macs_that_it_serves() -> None:
    parts = msq.engine_parts(engine_netlist())
    shares = msq.all_in(parts, SHAPE)
    assert shares["SP2"]["SP2 units"].cells == 4 / 8
    assert shares["fixed"]["fixed units"].cells == 2 / 16
    assert shares["SP2"]["drain"] == shares["fixed"]["drain"] == parts["drain"] * (1 / 24)
    total = shares["SP2"]["all"].cells * 8 + shares["fixed"]["all"].cells * 16
    assert total == pytest.approx(sum(area.cells for area in parts.values()))
    assert set(msq.all_in(parts, MsqEngine(0, 3, 2, 4))) == {"SP2"}


def costs(sp2_cells: float = 120, fixed_cells: float = 96, dsp: float = 8) -> dict[str, Cost]:
    return {
        "sp2": Cost("s", 8, Area(cells=sp2_cells, packed=100), 1),
        "fixed4": Cost("f", 32, Area(cells=fixed_cells, dsp=dsp), 1),
        "fixed2": Cost("g", 16, Area(cells=10, dsp=8), 1),
        "inferred": Cost("i", 8, Area(cells=320, packed=200), 1),
        "booth_single": Cost("b", 1, Area(cells=24, packed=20), 1),
    }


def test_ratios_are_per_lane_mac() -> None:
    done = costs()
    found = msq.ratios(done["sp2"].per_mac, done)
    assert found == {
        "inferred": {"cells": 120 / 320, "packed": 0.5},
        "booth_single": {"cells": 15 / 24, "packed": 12.5 / 20},
    }


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, [True, True, True]),
        ({"sp2_cells": 200}, [False, True, True]),
        ({"dsp": 20}, [True, False, True]),
        ({"fixed_cells": 8.1 * 32}, [True, True, False]),
    ],
)
def test_targets(change: dict[str, float], met: list[bool]) -> None:
    found = msq.targets(costs(**change))
    assert [entry["met"] for entry in found] == met
    assert found[0]["value"] == pytest.approx(change.get("sp2_cells", 120) / 320)
    assert [entry["limit"] for entry in found] == list(msq.TARGETS.values())


def test_codes_come_from_the_layer(network: IntegerNetwork) -> None:
    for row_sp2 in (True, False):
        codes = msq_toggles.layer_codes(network, digits(2), row_sp2, 8, 50)
        rows = network.module(codes.layer).format.row_sp2
        assert rows is not None
        wanted = weight_matrix(network.module(codes.layer))[rows == row_sp2]
        taken = msq_units.value(codes.row.reshape(codes.dots, -1), row_sp2)
        depth = wanted.shape[1]
        assert np.array_equal(taken[:, :depth], wanted[np.arange(codes.dots) % len(wanted)])
        assert not taken[:, depth:].any()
        assert len(codes.row) >= 50
        assert 0 <= codes.column.min() <= codes.column.max() <= 15


def test_layers_without_such_rows(network: IntegerNetwork) -> None:
    other = network.copy()
    for part in other.modules:
        if isinstance(part.format, MixedRows):
            assert part.format.row_sp2 is not None
            part.format = MixedRows(np.zeros_like(part.format.row_sp2))
    with pytest.raises(ShiftworkError, match="no SP2 rows"):
        msq_toggles.layer_codes(other, digits(1), True, 8)


def random_codes(row_sp2: bool, col_signed: bool, lanes: int = 8, dots: int = 3) -> Codes:
    rng = np.random.default_rng(5)
    levels = sp2.levels()
    values = rng.choice([*levels, *-levels], (dots * 4, lanes)) if row_sp2 else rng.integers(-7, 8, (dots * 4, lanes))
    row = sp2.encode(values).astype(np.int64) if row_sp2 else values & 15
    return Codes("layer", row, rng.integers(0, 16, (dots * 4, lanes)), row_sp2, col_signed, dots)


@pytest.mark.parametrize("col_signed", [False, True])
def test_totals_are_dot_products_and_a_constant(col_signed: bool) -> None:
    codes = random_codes(False, col_signed)
    plain = codes.products.reshape(3, -1).sum(1)
    assert msq_toggles.totals(msq.units()["booth"], codes) == [int(total) + 4 * 8 * 128 for total in plain]
    mixed = random_codes(True, col_signed)
    excess = msq_units.excess(mixed.row, True, col_signed).reshape(3, -1).sum(1)
    wanted = mixed.products.reshape(3, -1).sum(1) + excess
    assert msq_toggles.totals(msq.units()["sp2"], mixed) == wanted.tolist()


def fields(unit: UnitDesign, words: list[int]) -> list[dict[str, int]]:
    """Ports of every word, most significant first."""
    found = []
    for word in words:
        entry = {}
        for name, width in reversed([("last", 1), ("add", 1), *unit.operands]):
            entry[name] = word & ((1 << width) - 1)
            word >>= width
        found.append(entry)
    return found


@pytest.mark.parametrize("key", ["sp2", "inferred", "booth"])
def test_words_bring_each_lane_when_the_unit_wants_it(key: str) -> None:
    unit, codes = msq.units()[key], random_codes(False, True)
    words, width = msq_toggles.port_words(unit, codes)
    assert max(words) < 1 << width
    cycles = fields(unit, words)
    beats, lanes = codes.row.shape
    skew = [lane % 4 if key == "sp2" else 0 for lane in range(lanes)]
    wide = 4 if key == "sp2" else 5
    for beat in range(beats):
        for lane in range(lanes):
            taken = cycles[beat + skew[lane]]["x"] >> lane * wide & 15
            assert taken == codes.column[beat, lane]
    added = [cycle for cycle, entry in enumerate(cycles) if entry["add"]]
    ended = [cycle for cycle, entry in enumerate(cycles) if entry["last"]]
    assert added == list(range(unit.latency, unit.latency + beats))
    assert ended == [unit.latency + 3, unit.latency + 7, unit.latency + 11]


def test_signed_columns_set_the_bits_above_the_code() -> None:
    codes = random_codes(True, True)
    words = msq_toggles.operand_words(msq.units()["sp2"], codes)
    value = codes.values
    once = words["x"] | words["top_once"] << 4
    twice = (words["x"] & 7) << 1 | words["top_twice"] << 4
    assert np.array_equal(once, value + 16)
    assert np.array_equal(twice, 2 * value + 16)


@pytest.mark.full
def test_small_units_and_engine_through_yosys(tmp_path: Path) -> None:
    result = msq.synth_units(SHAPE, tmp_path)
    each = {key: unit["per_mac"] for key, unit in result["units"].items()}
    assert set(each) == set(msq.units())
    assert each["fixed4"]["dsp"] == 0.25
    assert each["fixed2"]["dsp"] == 0.5
    assert sum(each[key]["dsp"] for key in each if key not in ("fixed4", "fixed2")) == 0
    assert result["ratios"]["inferred"]["cells"] == each["sp2"]["cells"] / each["inferred"]["cells"]
    assert all(entry["met"] for entry in result["targets"])
    assert each["sp2"]["cells"] < each["booth"]["cells"] < each["inferred_unsigned"]["cells"]
    assert 20 <= each["booth_single"]["cells"] <= 24
    engine = result["engine"]
    assert engine["area"]["cells"] == sum(part["cells"] for part in engine["parts"].values())
    assert engine["area"]["dsp"] == 4
    assert all(part["cells"] for part in engine["parts"].values())
    assert all(300 < unit["delay_ps"] < 10_000 for unit in result["units"].values())
    text = command.unit_lines(result) + command.engine_lines(engine)
    for line in "\n".join(text).splitlines():
        if " - " in line:
            assert line.startswith(("SP2 unit", "fixed unit"))  # they are not compared with themselves


@pytest.mark.full
@pytest.mark.parametrize(
    ("key", "row_sp2", "col_signed"), [("sp2", True, True), ("sp2", False, False), ("booth", False, True)]
)
def test_netlists_compute_the_totals(tmp_path: Path, key: str, row_sp2: bool, col_signed: bool) -> None:
    found = msq_toggles.unit_toggles(msq.units(4)[key], random_codes(row_sp2, col_signed, 4), tmp_path)
    assert found.macs == 48
    assert found.nets > 100
    assert 1 < found.per_mac < 200


@pytest.mark.full
def test_a_wrong_total_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit, codes = msq.units(4)["inferred"], random_codes(False, False, 4)
    wrong = msq_toggles.totals(unit, codes)
    wrong[1] ^= 1
    monkeypatch.setattr(msq_toggles, "totals", lambda *_: wrong)
    with pytest.raises(ShiftworkError, match="fails at dot product 1"):
        msq_toggles.unit_toggles(unit, codes, tmp_path)


@pytest.mark.full
def test_units_are_placed(tmp_path: Path) -> None:
    result = msq.place_units(MsqEngine(1, 1, 2, 4), ["sp2"], tmp_path)
    placed = result["placements"]
    assert placed["engine"]["multipliers"] == 4
    assert placed["sp2"]["multipliers"] == 0
    assert placed["sp2"]["per_cell"] == placed["sp2"]["comb"] / 4
    assert all(entry["fmax_mhz"] > 50 for entry in placed.values())
    assert "SP2 unit" in "\n".join(command.placement_lines(result))

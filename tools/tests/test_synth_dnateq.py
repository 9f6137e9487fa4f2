# SPDX-License-Identifier: Apache-2.0
"""Designs, cycles, shares and ratios of the engines of exponential codes; tiny netlists through Yosys and Icarus in the
full run."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shiftwork import example
from shiftwork.blocks.verilog import ports
from shiftwork.codes.exponential import unpack
from shiftwork.compile import ExpEngine, compile_network
from shiftwork.cost import dnateq_area as dnateq
from shiftwork.cost import dnateq_toggles
from shiftwork.cost.dnateq_area import Work
from shiftwork.eda.mapping import Synthesis
from shiftwork.eda.netlist import Area
from shiftwork.errors import ShiftworkError
from shiftwork.golden import class_sums, exp_units
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.dnateq import quantize
from shiftwork.report import cost_dnateq as command

SHAPE = ExpEngine(4, 2, 2)
"""A small engine."""


def network(bits: int) -> IntegerNetwork:
    graph = import_onnx(example.MODEL)
    return quantize(graph, load_data(example.CALIBRATION, graph, 8).x, bits)


@pytest.fixture(scope="module")
def four() -> IntegerNetwork:
    return network(4)


@pytest.fixture(scope="module")
def digit() -> Any:
    return load_data(example.TEST, import_onnx(example.MODEL), 1).x


def test_engines_have_every_port_and_the_shapes_that_are_compared() -> None:
    found = dnateq.engines(SHAPE)
    assert set(found) == {*(f"{kind}{n}" for kind in ("sums", "counts") for n in (3, 4, 5))} | {
        "sums4_fold1", "sums4_fold4", "sums4_wide", "sums4_lut", "counts4_lut",
    }  # fmt: skip
    for design in found.values():
        source = next(path for path in design.sources() if path.stem == design.module).read_text()
        declared = {(port.direction, port.name) for port in ports(source)}
        assert {(way, name) for way, name, _ in design.ports} == declared, design.key
        assert design.dsp == (not design.key.endswith("_lut"))
    shapes = {key: (design.rows, design.cols) for key, design in found.items()}
    assert [shapes[key] for key in ("sums4_fold1", "sums4", "sums4_fold4")] == [(2, 2), (4, 2), (8, 2)]
    assert shapes["counts4"] == (dnateq.COUNT_ROWS, 2)
    assert set(dnateq.RIVALS) < set(dnateq.rivals(SHAPE))
    assert dnateq.rivals(SHAPE)["mac_dsp"].dsp


def test_padded_positions_are_zero_codes(four: IntegerNetwork, digit: Any) -> None:
    tensors = golden.run(four, digit)
    module = next(m for m in four.modules if m.kind == "conv" and any(m.pads))
    codes, zeros = dnateq.row_codes(four, module, tensors)
    signs, _ = unpack(codes, 4)
    corner = codes[0].reshape(*module.weight.shape[1:]) if module.weight is not None else codes
    assert (corner[0] == 1 << 3).all()
    assert (signs != 0).any()
    assert zeros == (signs == 0).mean()


def test_work_is_that_of_the_schedule_and_of_the_counters(four: IntegerNetwork, digit: Any) -> None:
    tensors = golden.run(four, digit)
    modules = [m for m in four.modules if m.kind == "conv"]
    designs = dnateq.engines(SHAPE)
    sums, counts = (dnateq.work(designs[key], four, tensors) for key in ("sums4", "counts4"))
    assert [entry.name for entry in sums] == [m.name for m in modules]
    for module, summed, counted in zip(modules, sums, counts, strict=True):
        operands = compile_network(four, SHAPE).layers[module.name].operands(tensors)
        assert summed.cycles == SHAPE.schedule(operands).cycles
        assert summed.steps == len(operands.tiles) * module.depth
        assert summed.macs == counted.macs <= summed.steps * 8
        assert 0 <= summed.zeros == counted.zeros < 1
        lengths = [module.depth] * (counted.steps // module.depth)
        assert counted.cycles == exp_units.leaving(lengths, dnateq.COUNT_ROWS, 4, dnateq.COUNT_W)[-1] + 1
        assert counted.cycles > counted.steps
    assert dnateq.work(designs["sums4_wide"], four, tensors) == sums


def synthesis(cells: float, rows: int, cols: int) -> Synthesis:
    return Synthesis("design", rows, cols, Area(cells=cells, packed=cells / 2, dsp=4), {"cells": Area(cells=1)}, 1000)


def test_a_mac_per_cycle_takes_the_area_of_a_cell_times_its_cycles() -> None:
    design = dnateq.engines(SHAPE)["sums4"]
    done = {key: synthesis(100, 1, 1) for key in dnateq.RIVALS} | {"sums4": synthesis(160, 4, 2)}
    found = dnateq.run_of(design, done, [Work("a", 24, 0.5, 4, 8), Work("b", 8, 0.1, 1, 4)])
    assert found["per_mac"] == 2.5  # (24 * 2 + 8 * 4) / 32
    assert found["per_step"] == 12 / 5
    assert found["zeros"] == pytest.approx(0.4)
    assert found["fill"] == 32 / 40
    assert found["area"]["cells"] == 50
    assert found["area"]["dsp"] == 1.25
    assert found["ratios"]["mac"] == {"cells": 0.5, "packed": 0.5}


def test_the_report_has_every_figure() -> None:
    own = dnateq.engines(SHAPE)
    done = {key: synthesis(160, 4, 2) for key in (*own, *dnateq.rivals(SHAPE))}
    work = [Work("a", 32, 0.5, 4, 8)]
    result = {
        "tool": "Yosys", "mapping": "synth", "engine": SHAPE.shape, "network": "net", "samples": 1,
        "designs": {k: asdict(d) | {"per_cell": asdict(d.area * (1 / 8))} for k, d in done.items()},
        "runs": {key: dnateq.run_of(own[key], done, work) for key in own},
        "target": {"value": 40.0, "limit": 45.0, "met": True},
    }  # fmt: skip
    text = "\n".join(command.lines(result))
    assert "40.0, met" in text
    assert "4 rows on 2 x 2" in text
    assert text.count("design") >= 2 * len(done)


@pytest.mark.full
def test_tiny_designs_through_yosys(
    tmp_path: Path, four: IntegerNetwork, digit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engines of four bits and the rivals; the record of docs/measurements holds the others."""
    some = {key: design for key, design in dnateq.engines(SHAPE).items() if key in ("sums4", "sums4_lut", "counts4")}
    monkeypatch.setattr(dnateq, "engines", lambda shape: some)
    networks = {4: four}
    result = dnateq.synth_engines(networks, digit, SHAPE, tmp_path)
    designs = result["designs"]
    for key, design in designs.items():
        if design["parts"]:
            assert design["area"]["cells"] == sum(part["cells"] for part in design["parts"].values()), key
    assert designs["sums4"]["area"]["dsp"] == 4
    assert designs["sums4_lut"]["area"]["dsp"] == 0
    assert designs["mac_dsp"]["area"]["dsp"] == 8
    assert {"cells", "row edges", "tables", "drain", "column edges", "control"} == set(designs["sums4"]["parts"])
    assert {"cells", "tables", "column edges", "control"} == set(designs["counts4"]["parts"])
    assert [entry["name"] for entry in result["layers"]] == [m.name for m in networks[4].modules if m.kind == "conv"]
    assert "Yosys" in command.lines(result | {"network": "digits", "samples": 1})[0]


@pytest.mark.full
def test_engines_are_placed(tmp_path: Path) -> None:
    """The median clock stands for all."""
    result = dnateq.place_engines(SHAPE, tmp_path)
    sums = result["placements"]["sums4"]
    assert sums["multipliers"] == 8
    assert sums["fmax_mhz"] == sorted(sums["fmax_of_seeds"])[1] > 50
    assert "class sums, n = 4" in "\n".join(command.placement_lines(result))


def layer(network: IntegerNetwork) -> str:
    """The convolution with the most weights."""
    return max((m for m in network.modules if m.kind == "conv"), key=lambda m: np.size(m.weight)).name


@pytest.mark.full
@pytest.mark.parametrize("kind", ["sums", "counts"])
def test_netlists_compute_the_results(tmp_path: Path, four: IntegerNetwork, digit: Any, kind: str) -> None:
    design = dnateq.sums_design(SHAPE, 4) if kind == "sums" else dnateq.count_design(2, 4)
    count = dnateq_toggles.sums_toggles if kind == "sums" else dnateq_toggles.count_toggles
    found = count(replace(design, dsp=False), four, digit, layer(four), tmp_path)
    assert found.macs % design.cells == 0
    assert 1 < found.per_mac < 1000


@pytest.mark.full
def test_a_wrong_result_is_found(
    tmp_path: Path, four: IntegerNetwork, digit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = class_sums.tile
    monkeypatch.setattr(class_sums, "tile", lambda *operands: right(*operands) + 1)
    design = replace(dnateq.sums_design(SHAPE, 3), dsp=False)
    with pytest.raises(ShiftworkError, match="fails at 0"):
        dnateq_toggles.sums_toggles(design, network(3), digit, layer(four), tmp_path)

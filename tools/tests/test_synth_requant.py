# SPDX-License-Identifier: Apache-2.0
"""Sums of a layer, operands, cell counts per family, wrappers, ratios; small netlists through Yosys in the full run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shiftwork import example
from shiftwork.blocks.manifest import ROOT
from shiftwork.cost import requant_area as requant
from shiftwork.cost.requant_area import FAMILIES, Cost, Row, Sums, requantizers
from shiftwork.cost.wish import CostWish
from shiftwork.eda import yosys
from shiftwork.errors import ShiftworkError
from shiftwork.golden import model as golden
from shiftwork.network.data import load_data
from shiftwork.network.ends import Ends
from shiftwork.network.importer import import_onnx
from shiftwork.network.integer import IntegerNetwork
from shiftwork.quantize.fixed8 import quantize
from shiftwork.report import cost_requant as command

VALUES = np.random.default_rng(3).integers(-200_000, 200_000, 40)
SUMS = Sums("layer", VALUES, 9, 0, 255, 255 / 150_000, 0)
SIGNED = Sums("layer", VALUES, 10, -128, 127, 127 / 190_000, -128)


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    graph = import_onnx(example.MODEL)
    return quantize(graph, load_data(example.CALIBRATION, graph, 64).x, per_channel=False)


def digits(count: int) -> Any:
    return load_data(example.TEST, import_onnx(example.MODEL), count).x


def test_shifted_sums_are_the_codes_of_the_layer(network: IntegerNetwork) -> None:
    x = digits(3)
    sums = requant.layer_sums(network, x, 1 << 30)
    module = network.module(sums.layer)
    codes = golden.run(network, x)[module.output]
    assert np.array_equal(sums.expected(requantizers()["shift"]), codes.reshape(-1))
    assert sums.scale == pytest.approx(255 / sums.values.max())


def test_a_shortcut_belongs_to_the_sum(network: IntegerNetwork) -> None:
    part = network.copy()
    part.modules = [module for module in network.modules if module.name != "conv3" and module.kind == "conv"][:2]
    last = part.modules[-1].output
    part.ends = Ends.of_maps(part.input, part.tensors[part.input].shape, last, part.tensors[last].shape)
    sums = requant.layer_sums(part, digits(2), 1 << 30)
    codes = golden.run(part, digits(2))[part.module(sums.layer).output]
    assert part.module(sums.layer).shortcut is not None
    assert np.array_equal(sums.expected(requantizers()["shift"]), codes.reshape(-1))


def test_few_sums_are_whole_positions_from_everywhere(network: IntegerNetwork) -> None:
    x = digits(2)
    every = requant.layer_sums(network, x, 1 << 30).values.reshape(-1, 32)
    some = requant.layer_sums(network, x, 100).values
    assert len(some) == 100
    assert np.array_equal(some[:96].reshape(3, 32), every[[0, 8, 16]])


def test_networks_without_such_a_layer(network: IntegerNetwork) -> None:
    none = network.copy()
    for module in none.modules:
        module.requantize = False
    with pytest.raises(ShiftworkError, match="no layer"):
        requant.layer_sums(none, digits(1))


@pytest.mark.parametrize("bits", [16, 31])
@pytest.mark.parametrize("scale", [0.9999999999, 0.5, 0.25, 1 / 3, 0.001])
def test_mantissas_are_normal(bits: int, scale: float) -> None:
    factor, shift = replace(SUMS, scale=scale).mantissa(bits)
    assert 1 << (bits - 1) <= factor < 1 << bits
    assert factor / 2**shift == pytest.approx(scale, rel=2.0 ** -(bits - 1))


def test_requantizers_nearly_agree() -> None:
    for sums in (SUMS, SIGNED):
        real = np.clip(np.floor(sums.values * sums.scale + 0.5), sums.low, sums.high)
        for key in ("scale_rows", "multiply_rows"):
            assert np.abs(sums.expected(requantizers()[key]) - real).max() <= 1
        near = sums.expected(requantizers()["codebook256"]) + sums.code_low
        assert np.abs(near - sums.expected(requantizers()["shift"])).max() <= 1
        coarse = sums.expected(requantizers()["codebook16"])
        assert np.all(np.diff(sums.thresholds(16)) == 16 << sums.shift)
        assert coarse.min() >= 0
        assert coarse.max() <= 15


def test_scales_that_a_requantizer_does_not_take() -> None:
    with pytest.raises(ShiftworkError, match="shift -1 of multiply is outside"):
        replace(SUMS, scale=1.5).operands(requantizers()["multiply_rows"])
    with pytest.raises(ShiftworkError, match="shift 0 of scale is outside"):
        replace(SUMS, scale=40000.0).operands(requantizers()["scale_rows"])


def module(*cells: tuple[str, dict[str, Sequence[int | str]]]) -> dict[str, Any]:
    return {"cells": {f"c{i}": {"type": kind, "connections": pins} for i, (kind, pins) in enumerate(cells)}}


def kinds(*names: str) -> dict[str, Any]:
    return module(*((name, {}) for name in names))


def test_cells_of_every_family() -> None:
    xc7 = kinds("LUT3", "LUT6", "INV", "RAM32M", "SRL16E", "FDRE", "CARRY4")
    assert requant.cost("xc7", xc7) == Cost(8, 7, 1, 0, 1, 5, 0, 8)
    ecp5 = kinds("LUT4", "LUT4", "CCU2C", "TRELLIS_DPR16X4", "TRELLIS_FF")
    assert requant.cost("ecp5", ecp5) == Cost(2, None, 1, 0, 1, 6, 0, 2 + 2 + 6)
    ice40 = kinds("SB_LUT4", "SB_DFFE", "SB_DFF")
    assert requant.cost("ice40", ice40) == Cost(1, None, 2, 0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("family", "name"),
    [("xc7", "DSP48E1"), ("ecp5", "MULT18X18D"), ("ice40", "SB_MAC16"), ("xc7", "RAMB18E1"), ("ice40", "SB_RAM40_4K")],
)
def test_dsp_and_block_ram_are_not_converted_into_luts(family: str, name: str) -> None:
    assert requant.cost(family, kinds("LUT4", "SB_LUT4", name)).lut_equivalents is None


def test_a_carry_shares_the_cell_of_the_lut_that_reads_its_operands() -> None:
    carry = ("SB_CARRY", {"I0": [1], "I1": [2], "CI": [3], "CO": [4]})
    lut = ("SB_LUT4", {"I0": ["0"], "I1": [1], "I2": [2], "I3": [3], "O": [5]})
    other = ("SB_LUT4", {"I0": ["0"], "I1": [2], "I2": [1], "I3": [3], "O": [5]})
    assert requant.lone_carries(module(carry, lut)) == 0
    assert requant.lone_carries(module(carry, carry, lut)) == 1
    assert requant.lone_carries(module(carry, other)) == 1


def test_wrappers_connect_every_port() -> None:
    source = (ROOT / "rtl" / "post" / "shw_requantize.v").read_text()
    for unit in requantizers().values():
        text = requant.wrapper(unit, SIGNED)
        inside = text[text.index("u_design") :]
        names = set(re.findall(r"\.(\w+)\(", inside))
        assert all(f" {name}" in source for name in names)
        assert names == {
            "clk", "enable", "value", "factor", "shift", "low", "high", "level_write", "level_address", "level_value",
            "result",
        }  # fmt: skip
        assert (".low(9'd384)" in text) == unit.fixed


def test_scripts_differ_only_where_they_have_to() -> None:
    plain, rows, dsp = (requantizers()[key] for key in ("multiply_inferred", "multiply_rows", "multiply_dsp"))
    for family in FAMILIES:
        assert any("-D " + family.upper() in line for line in requant.script(family, rows))
        assert len(requant.script(family, plain)) == len(requant.script(family, dsp))
    assert any(line.startswith("synth_ice40 -dsp") for line in requant.script("ice40", dsp))
    assert any("-nodsp" in line for line in requant.script("xc7", plain))
    assert not any("-nodsp" in line for line in requant.script("ecp5", dsp))


def row(key: str, luts: int | None, packed: int | None, toggles: float | None) -> Row:
    cost = Cost(luts or 0, packed, 0, int(luts is None), 0, 0, 0, luts)
    return Row(key, requantizers()[key].title, "xc7", cost, 10, toggles)


def test_ratios() -> None:
    one, many, dsp = requant.with_ratios(
        [row("shift", 90, 60, 100.0), row("multiply_rows", 900, 300, 450.0), row("multiply_dsp", None, 30, None)]
    )
    assert (one.area_ratio, one.packed_ratio, one.toggle_ratio) == (1, 1, 1)
    assert (many.area_ratio, many.packed_ratio, many.toggle_ratio) == (10, 5, 4.5)
    assert (dsp.area_ratio, dsp.packed_ratio, dsp.toggle_ratio) == (None, None, None)


def test_designs_are_checked() -> None:
    with pytest.raises(ShiftworkError, match="design tr: choose among shift"):
        command.requant(CostWish(samples=1, design=("tr",)))


@pytest.mark.full
@pytest.mark.parametrize("key", ["shift", "multiply_rows", "scale_rows", "codebook16", "codebook256"])
@pytest.mark.parametrize("family", FAMILIES)
def test_netlists_equal_the_golden_model(tmp_path: Path, family: str, key: str) -> None:
    found = requant.measure(family, requantizers()[key], SIGNED, tmp_path)
    assert found.nets
    assert found.toggles
    assert found.cost.dsp == 0


@pytest.mark.full
def test_a_wrong_netlist_is_found(tmp_path: Path) -> None:
    unit = requantizers()["shift"]
    requant.measure("ice40", unit, SIGNED, tmp_path)
    (tmp_path / "top.v").write_text(requant.wrapper(unit, SIGNED).replace(".high(high)", ".high(high - 9'd1)"))
    yosys.run(requant.script("ice40", unit), tmp_path, "map")
    with pytest.raises(ShiftworkError, match="fails at value"):
        requant.toggles("ice40", unit, SIGNED, tmp_path)


@pytest.mark.full
def test_the_report_names_the_target(tmp_path: Path) -> None:
    result = requant.synth_requant(SUMS, ["ice40"], ["multiply_rows"], tmp_path) | {"network": "net"}
    text = "\n".join(command.lines(result))
    assert "multiply, Booth rows: LUT-equivalents over shift: ice40" in text
    assert 5 < result["targets"][0]["ratio"] < 12

# SPDX-License-Identifier: Apache-2.0
"""shw_mac_engine with its cells, stores and control, against shiftwork.golden.mac_units.tile."""

import pytest

from runner import elaboration_fails, simulate

SHAPES = {
    "6x3_dsp48": {"ROWS": 6, "COLS": 3, "MULTIPLIER": "dsp48"},
    "2x3_lut": {"ROWS": 2, "COLS": 3, "MULTIPLIER": "lut", "ACC_W": 24},
    "1x2_dsp": {"ROWS": 1, "COLS": 2, "MULTIPLIER": "dsp", "ACC_W": 20},
    "1x1_lut": {"ROWS": 1, "COLS": 1, "MULTIPLIER": "lut", "ACC_W": 20},
    "1x1_dsp48": {"ROWS": 1, "COLS": 1, "MULTIPLIER": "dsp48", "ACC_W": 20},
    "3x5_dsp48": {"ROWS": 3, "COLS": 5, "MULTIPLIER": "dsp48", "ACC_W": 25},
    "9x4_dsp": {"ROWS": 9, "COLS": 4, "MULTIPLIER": "dsp"},
    "2x2_ecp5": {"ROWS": 2, "COLS": 2, "MULTIPLIER": "dsp", "FAMILY": "ecp5", "ACC_W": 25},
    "8x8_lut": {"ROWS": 8, "COLS": 8, "MULTIPLIER": "lut"},
    "4x16_dsp48": {"ROWS": 4, "COLS": 16, "MULTIPLIER": "dsp48"},
    "17x2_dsp48": {"ROWS": 17, "COLS": 2, "MULTIPLIER": "dsp48", "ACC_W": 24},
    "40x3_lut": {"ROWS": 40, "COLS": 3, "MULTIPLIER": "lut"},
    "64x2_dsp": {"ROWS": 64, "COLS": 2, "MULTIPLIER": "dsp"},
    "8x64_dsp48": {"ROWS": 8, "COLS": 64, "MULTIPLIER": "dsp48"},
    "8x64_lut": {"ROWS": 8, "COLS": 64, "MULTIPLIER": "lut"},
    "2x256_dsp": {"ROWS": 2, "COLS": 256, "MULTIPLIER": "dsp"},
}
QUICK = ("6x3_dsp48", "2x3_lut", "1x2_dsp", "2x2_ecp5")
WIDE = ("8x64_dsp48", "8x64_lut", "2x256_dsp")
TALL = ("40x3_lut", "64x2_dsp")
PRODUCTS = ("4x16_dsp48", "8x8_lut", "9x4_dsp", "2x2_ecp5")


def run(simulator, shape, amount, tests=""):
    simulate(
        simulator,
        "shw_mac_engine",
        "cocotb_mac_engine",
        parameters=SHAPES[shape],
        env={"AMOUNT": str(amount), "COCOTB_TEST_FILTER": tests} if tests else {"AMOUNT": str(amount)},
    )


@pytest.mark.parametrize("shape", QUICK)
def test_engine(simulator, shape):
    run(simulator, shape, 2)


@pytest.mark.full
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in WIDE + TALL])
def test_engine_long(simulator, shape):
    """Every test on Verilator; on Icarus, which runs them all on the quick shapes, those of widths and stalls."""
    if simulator == "icarus":
        run(simulator, shape, 1, "extremes|random_tiles_under_stalls")
    else:
        run(simulator, shape, 4)


@pytest.mark.full
@pytest.mark.parametrize("shape", TALL)
def test_tall_engine(shape):
    """Every test, on Verilator; Icarus is far slower with many rows."""
    run("verilator", shape, 4)


@pytest.mark.full
@pytest.mark.parametrize("shape", PRODUCTS)
def test_every_product(shape):
    """Every row code times every column code of either sign, in each kind of cell."""
    run("verilator", shape, 8, "products")


@pytest.mark.full
@pytest.mark.parametrize("shape", WIDE)
def test_wide_engine(shape):
    """On Verilator; Icarus is far slower with wide arrays."""
    run("verilator", shape, 1, "extremes|random_tiles_under_stalls|steady_state|mixed_lengths_leave_on_schedule")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 65}, "shw_ILLEGAL_ROWS"),
        ({"COLS": 0}, "shw_ILLEGAL_COLS"),
        ({"COLS": 257}, "shw_ILLEGAL_COLS"),
        ({"ACC_W": 19}, "shw_ILLEGAL_ACC_W"),
        ({"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ({"MULTIPLIER": "dsp4"}, "shw_ILLEGAL_MULTIPLIER"),
        ({"FAMILY": "xc7"}, "shw_ILLEGAL_FAMILY"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_mac_engine", {"ROWS": 1, "COLS": 1} | parameters)


@pytest.mark.parametrize(
    ("block", "parameters", "name"),
    [
        ("shw_mac_lut_cell", {"ACC_W": 19}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_dsp_cell", {"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_dsp48_pair", {"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_unpack", {"ACC_W": 19}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_store", {"ROWS": 65, "ROW_W": 6}, "shw_ILLEGAL_ROW"),
        ("shw_mac_store", {"W": 65}, "shw_ILLEGAL_W"),
        ("shw_mac_store", {"ROW_W": 2}, "shw_ILLEGAL_ROW_W"),
        ("shw_mac_control", {"ROWS": 9}, "shw_ILLEGAL_ROW_W"),
        ("shw_mac_control", {"ROWS": 16, "ROW_W": 4, "ADDR_W": 4}, "shw_ILLEGAL_ADDR_W"),
    ],
)
def test_illegal_parts(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)

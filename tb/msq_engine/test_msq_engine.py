# SPDX-License-Identifier: Apache-2.0
"""shw_msq_engine, with its edges and its drain, against shiftwork.golden.msq_units.tile."""

import pytest

from runner import elaboration_fails, simulate

SHAPES = {
    "2+1x2x4": {"FIXED_ROWS": 2, "SP2_ROWS": 1, "COLS": 2, "LANES": 4},
    "0+1x2x8": {"FIXED_ROWS": 0, "SP2_ROWS": 1, "COLS": 2, "LANES": 8, "PRODUCTS": 0, "ACC_W": 16},
    "1+1x2x4_two": {"FIXED_ROWS": 1, "SP2_ROWS": 1, "COLS": 2, "LANES": 4, "PRODUCTS": 2, "ACC_W": 16},
    "2+0x4x8": {"FIXED_ROWS": 2, "SP2_ROWS": 0, "COLS": 4, "LANES": 8, "ACC_W": 17},
    "1+0x2x16_two": {"FIXED_ROWS": 1, "SP2_ROWS": 0, "COLS": 2, "LANES": 16, "PRODUCTS": 2},
    "0+3x2x4_four": {"FIXED_ROWS": 0, "SP2_ROWS": 3, "COLS": 2, "LANES": 4, "PRODUCTS": 4, "ACC_W": 32},
    "4+5x6x16": {"FIXED_ROWS": 4, "SP2_ROWS": 5, "COLS": 6, "LANES": 16},
    "3+2x4x8_two": {"FIXED_ROWS": 3, "SP2_ROWS": 2, "COLS": 4, "LANES": 8, "PRODUCTS": 2},
    "2+1x2x32": {"FIXED_ROWS": 2, "SP2_ROWS": 1, "COLS": 2, "LANES": 32, "ACC_W": 18},
    "2+2x2x1": {"FIXED_ROWS": 2, "SP2_ROWS": 2, "COLS": 2, "LANES": 1},
    "1+1x4x1_two": {"FIXED_ROWS": 1, "SP2_ROWS": 1, "COLS": 4, "LANES": 1, "PRODUCTS": 2},
    "8+8x16x8": {"FIXED_ROWS": 8, "SP2_ROWS": 8, "COLS": 16, "LANES": 8},
}
QUICK = ("2+1x2x4", "1+1x2x4_two")
WIDE = ("8+8x16x8", "4+5x6x16")


def run(simulator, shape, amount, tests=""):
    simulate(
        simulator,
        "shw_msq_engine",
        "cocotb_msq_engine",
        parameters=SHAPES[shape],
        env={"AMOUNT": str(amount), "COCOTB_TEST_FILTER": tests} if tests else {"AMOUNT": str(amount)},
    )


@pytest.mark.parametrize("shape", QUICK)
def test_engine(simulator, shape):
    run(simulator, shape, 2)


@pytest.mark.full
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in WIDE])
def test_engine_long(simulator, shape):
    """Every test on Verilator; on Icarus, which runs them all on the quick shapes, those of widths and stalls."""
    if simulator == "icarus":
        run(simulator, shape, 1, "extremes|random_tiles_under_stalls")
    else:
        run(simulator, shape, 10)


@pytest.mark.full
@pytest.mark.parametrize("shape", WIDE)
def test_wide_engine(shape):
    """The default shape, and one that is not square: on Verilator; Icarus is far slower with wide arrays."""
    run("verilator", shape, 4, "extremes|random_tiles_under_stalls|steady_state|mixed_lengths_leave_on_schedule")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"FIXED_ROWS": 0, "SP2_ROWS": 0}, "shw_ILLEGAL_SP2_ROWS"),
        ({"FIXED_ROWS": 32, "SP2_ROWS": 33}, "shw_ILLEGAL_SP2_ROWS"),
        ({"FIXED_ROWS": 3}, "shw_ILLEGAL_FIXED_ROWS"),
        ({"FIXED_ROWS": 2, "PRODUCTS": 0}, "shw_ILLEGAL_FIXED_ROWS"),
        ({"COLS": 0}, "shw_ILLEGAL_COLS"),
        ({"COLS": 3}, "shw_ILLEGAL_COLS"),
        ({"COLS": 258}, "shw_ILLEGAL_COLS"),
        ({"LANES": 2}, "shw_ILLEGAL_LANES"),
        ({"LANES": 12}, "shw_ILLEGAL_LANES"),
        ({"LANES": 64}, "shw_ILLEGAL_LANES"),
        ({"ACC_W": 15}, "shw_ILLEGAL_ACC_W"),
        ({"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ({"PRODUCTS": 1}, "shw_ILLEGAL_PRODUCTS"),
        ({"PRODUCTS": 3}, "shw_ILLEGAL_PRODUCTS"),
    ],
)
def test_illegal(simulator, parameters, name):
    small = {"FIXED_ROWS": 2, "SP2_ROWS": 1, "COLS": 2, "LANES": 4}
    assert name in elaboration_fails(simulator, "shw_msq_engine", small | parameters)


@pytest.mark.parametrize(
    ("block", "parameters", "name"),
    [
        ("shw_sp2_row_edge", {"LANES": 6}, "shw_ILLEGAL_LANES"),
        ("shw_fixed_row_edge", {"PRODUCTS": 3}, "shw_ILLEGAL_PRODUCTS"),
        ("shw_fixed_row_edge", {"LANES": 6}, "shw_ILLEGAL_LANES"),
        ("shw_msq_column_edge", {"LANES": 64}, "shw_ILLEGAL_LANES"),
        ("shw_msq_drain", {"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ("shw_msq_drain", {"COLS": 1}, "shw_ILLEGAL_COLS"),
        ("shw_msq_drain", {"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
    ],
)
def test_illegal_parts(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)

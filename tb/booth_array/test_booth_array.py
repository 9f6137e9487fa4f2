# SPDX-License-Identifier: Apache-2.0
"""shw_booth_array with shw_booth_cell and shw_booth_row: the portable form and the one with carry blocks."""

from pathlib import Path

import pytest

from runner import elaboration_fails, simulate

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("rows", "cols", "acc_w", "signed_only", "family"),
    [
        (3, 2, 24, 0, "generic"),
        pytest.param(2, 1, 24, 0, "generic", marks=pytest.mark.full),
        pytest.param(2, 3, 16, 1, "xc7", marks=pytest.mark.full),
        pytest.param(3, 2, 24, 0, "xc7", marks=pytest.mark.full),
        pytest.param(1, 1, 16, 0, "generic", marks=pytest.mark.full),
        pytest.param(8, 8, 32, 0, "xc7", marks=pytest.mark.full),
    ],
)
def test_products(simulator, rows, cols, acc_w, signed_only, family):
    simulate(
        simulator,
        "shw_booth_array",
        "cocotb_booth_array",
        parameters={"ROWS": rows, "COLS": cols, "ACC_W": acc_w, "SIGNED_ONLY": signed_only, "FAMILY": family},
    )


@pytest.mark.parametrize("width", [4, pytest.param(9, marks=pytest.mark.full)])
def test_rows_are_equal(simulator, width):
    simulate(
        simulator,
        "shw_booth_row",
        "cocotb_booth_rows",
        parameters={"X_W": width},
        extra_sources=[HERE / "booth_rows.v"],
        toplevel="booth_rows",
    )


@pytest.mark.parametrize(
    ("block", "parameters", "name"),
    [
        ("shw_booth_array", {"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ("shw_booth_array", {"ROWS": 257}, "shw_ILLEGAL_ROWS"),
        ("shw_booth_array", {"COLS": 0}, "shw_ILLEGAL_COLS"),
        ("shw_booth_array", {"COLS": 257}, "shw_ILLEGAL_COLS"),
        ("shw_booth_array", {"ACC_W": 15}, "shw_ILLEGAL_ACC_W"),
        ("shw_booth_array", {"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ("shw_booth_array", {"SIGNED_ONLY": 2}, "shw_ILLEGAL_SIGNED_ONLY"),
        ("shw_booth_array", {"FAMILY": "ecp5", "ROWS": 1, "COLS": 1}, "shw_ILLEGAL_FAMILY"),
        ("shw_booth_cell", {"X_W": 10}, "shw_ILLEGAL_X_W"),
        ("shw_booth_cell", {"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ("shw_booth_cell", {"FIRST": 2}, "shw_ILLEGAL_FIRST"),
        ("shw_booth_row", {"X_W": 3}, "shw_ILLEGAL_X_W"),
        ("shw_booth_row", {"X_W": 17}, "shw_ILLEGAL_X_W"),
        ("shw_booth_row", {"FAMILY": "none"}, "shw_ILLEGAL_FAMILY"),
    ],
)
def test_illegal(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)

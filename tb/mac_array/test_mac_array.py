# SPDX-License-Identifier: Apache-2.0
"""shw_mac_array with shw_mac_cell."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("rows", "cols", "acc_w", "signed_only"),
    [
        (3, 2, 24, 0),
        pytest.param(2, 3, 16, 1, marks=pytest.mark.full),
        pytest.param(1, 1, 16, 0, marks=pytest.mark.full),
        pytest.param(8, 8, 32, 0, marks=pytest.mark.full),
    ],
)
def test_products(simulator, rows, cols, acc_w, signed_only):
    simulate(
        simulator,
        "shw_mac_array",
        "cocotb_mac_array",
        parameters={"ROWS": rows, "COLS": cols, "ACC_W": acc_w, "SIGNED_ONLY": signed_only},
    )


@pytest.mark.parametrize(
    ("block", "parameters", "name"),
    [
        ("shw_mac_array", {"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ("shw_mac_array", {"ROWS": 257}, "shw_ILLEGAL_ROWS"),
        ("shw_mac_array", {"COLS": 0}, "shw_ILLEGAL_COLS"),
        ("shw_mac_array", {"COLS": 257}, "shw_ILLEGAL_COLS"),
        ("shw_mac_array", {"ACC_W": 15}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_array", {"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_array", {"SIGNED_ONLY": 2}, "shw_ILLEGAL_SIGNED_ONLY"),
        ("shw_mac_cell", {"X_W": 7}, "shw_ILLEGAL_X_W"),
        ("shw_mac_cell", {"X_W": 10}, "shw_ILLEGAL_X_W"),
        ("shw_mac_cell", {"ACC_W": 15}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_cell", {"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ("shw_mac_cell", {"FIRST": 2}, "shw_ILLEGAL_FIRST"),
    ],
)
def test_illegal(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)

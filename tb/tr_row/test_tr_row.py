# SPDX-License-Identifier: Apache-2.0
"""shw_tr_row against shiftwork.golden.tr_units.Row."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("cols", "width", "address", "value", "shifts", "split"),
    [
        (3, 24, 5, 9, 1, 0),
        (9, 21, 5, 13, 0, 0),
        (9, 22, 5, 9, 1, 1),
        pytest.param(1, 10, 2, 9, 1, 0, marks=FULL),
        pytest.param(17, 48, 9, 9, 1, 0, marks=FULL),
        pytest.param(2, 21, 5, 13, 1, 0, marks=FULL),
        pytest.param(2, 10, 2, 2, 1, 0, marks=FULL),
        pytest.param(2, 21, 5, 9, 1, 1, marks=FULL),
        pytest.param(1, 48, 5, 23, 1, 1, marks=FULL),
    ],
)
def test_row(simulator, cols, width, address, value, shifts, split):
    simulate(
        simulator,
        "shw_tr_row",
        "cocotb_tr_row",
        parameters={
            "COLS": cols,
            "ACC_W": width,
            "ADDR_W": address,
            "VALUE_W": value,
            "SHIFTS": shifts,
            "SPLIT": split,
        },
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"COLS": 0}, "shw_ILLEGAL_"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
        ({"COLS": 2, "ACC_W": 9}, "shw_ILLEGAL_ACC_W"),
        ({"COLS": 2, "ACC_W": 49}, "shw_ILLEGAL_ACC_W"),
        ({"COLS": 2, "VALUE_W": 24}, "shw_ILLEGAL_T_W"),
        ({"COLS": 2, "ADDR_W": 1}, "shw_ILLEGAL_ADDR_W"),
        ({"COLS": 2, "ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
        ({"COLS": 2, "SHIFTS": 2}, "shw_ILLEGAL_SHIFTS"),
        ({"COLS": 2, "SPLIT": 2}, "shw_ILLEGAL_SPLIT"),
        ({"COLS": 2, "SHIFTS": 0, "SPLIT": 1}, "shw_ILLEGAL_SPLIT"),
        ({"COLS": 2, "ACC_W": 19, "SPLIT": 1}, "shw_ILLEGAL_ACC_W"),
        ({"COLS": 2, "ACC_W": 20, "VALUE_W": 10, "SPLIT": 1}, "shw_ILLEGAL_T_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_tr_row", parameters)

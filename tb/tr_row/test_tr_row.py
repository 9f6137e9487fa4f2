# SPDX-License-Identifier: Apache-2.0
"""shw_tr_row against shiftwork.golden.tr_units.Row."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("cols", "width", "address"),
    [(3, 24, 5), pytest.param(1, 10, 2, marks=pytest.mark.full), pytest.param(17, 48, 9, marks=pytest.mark.full)],
)
def test_row(simulator, cols, width, address):
    simulate(
        simulator,
        "shw_tr_row",
        "cocotb_tr_row",
        parameters={"COLS": cols, "ACC_W": width, "ADDR_W": address},
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"COLS": 0}, "shw_ILLEGAL_"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
        ({"COLS": 2, "ACC_W": 9}, "shw_ILLEGAL_ACC_W"),
        ({"COLS": 2, "ACC_W": 49}, "shw_ILLEGAL_ACC_W"),
        ({"COLS": 2, "ADDR_W": 1}, "shw_ILLEGAL_ADDR_W"),
        ({"COLS": 2, "ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_tr_row", parameters)

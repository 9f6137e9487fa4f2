# SPDX-License-Identifier: Apache-2.0
"""shw_class_drain against products of integers."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full
SHAPES = {
    "3x2": {"ROWS": 3, "COLS": 2, "BITS": 3, "SUM_W": 21, "LEVEL_W": 17, "ROW_W": 2},
    "1x1": {"ROWS": 1, "COLS": 1, "BITS": 7, "SUM_W": 10, "LEVEL_W": 2, "ROW_W": 1},
    "3x2_ecp5": {"ROWS": 3, "COLS": 2, "BITS": 3, "FAMILY": "ecp5"},
    "4x16": {},
    "9x1_wide": {"ROWS": 9, "COLS": 1, "BITS": 5, "SUM_W": 25, "LEVEL_W": 17, "ROW_W": 5},
    "2x1_ecp5_narrow": {"ROWS": 2, "COLS": 1, "SUM_W": 18, "FAMILY": "ecp5"},
    "2x1_ecp5_wide": {"ROWS": 2, "COLS": 1, "SUM_W": 25, "FAMILY": "ecp5"},
}


@pytest.mark.parametrize(
    "shape", [name if name.startswith("3x2") else pytest.param(name, marks=FULL) for name in SHAPES]
)
def test_drain(simulator, shape):
    simulate(simulator, "shw_class_drain", "cocotb_class_drain", parameters=SHAPES[shape])


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 0}, "shw_ILLEGAL_"),
        ({"ROWS": 65, "ROW_W": 7}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 5, "ROW_W": 2}, "shw_ILLEGAL_ROWS"),
        ({"COLS": 0}, "shw_ILLEGAL_"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
        ({"SUM_W": 9}, "shw_ILLEGAL_SUM_W"),
        ({"SUM_W": 26}, "shw_ILLEGAL_SUM_W"),
        ({"LEVEL_W": 1}, "shw_ILLEGAL_LEVEL_W"),
        ({"LEVEL_W": 18}, "shw_ILLEGAL_LEVEL_W"),
        ({"FAMILY": "xc7"}, "shw_ILLEGAL_FAMILY"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_class_drain", {"COLS": 1} | parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_class_totals against shiftwork.golden.tr_units.SliceTotals."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("rows", "cols", "row_w"),
    [(3, 2, 2), *(pytest.param(*shape, marks=FULL) for shape in ((1, 1, 1), (8, 17, 3), (5, 9, 4)))],
)
def test_totals(simulator, rows, cols, row_w):
    parameters = {"ROWS": rows, "COLS": cols, "ROW_W": row_w}
    simulate(simulator, "shw_class_totals", "cocotb_class_totals", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 257, "ROW_W": 9}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 9, "ROW_W": 3}, "shw_ILLEGAL_ROWS"),
        ({"COLS": 0}, "shw_ILLEGAL_COLS"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_class_totals", parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_slice_totals against shiftwork.golden.tr_units.SliceTotals."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("rows", "cols", "width", "total", "row_w", "steps"),
    [
        (3, 9, 24, 32, 2, 2),
        (3, 2, 38, 48, 2, 1),
        pytest.param(1, 1, 10, 32, 1, 2, marks=FULL),
        pytest.param(8, 17, 32, 32, 4, 2, marks=FULL),
        pytest.param(1, 2, 24, 33, 1, 1, marks=FULL),
        pytest.param(2, 1, 64, 64, 1, 2, marks=FULL),
    ],
)
def test_totals(simulator, rows, cols, width, total, row_w, steps):
    simulate(
        simulator,
        "shw_slice_totals",
        "cocotb_slice_totals",
        parameters={"ROWS": rows, "COLS": cols, "SUM_W": width, "TOTAL_W": total, "ROW_W": row_w, "STEPS": steps},
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 257, "ROW_W": 9}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 9, "ROW_W": 3}, "shw_ILLEGAL_ROWS"),
        ({"COLS": 0}, "shw_ILLEGAL_COLS"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
        ({"SUM_W": 9}, "shw_ILLEGAL_SUM_W"),
        ({"SUM_W": 33}, "shw_ILLEGAL_SUM_W"),
        ({"TOTAL_W": 31}, "shw_ILLEGAL_TOTAL_W"),
        ({"TOTAL_W": 65}, "shw_ILLEGAL_TOTAL_W"),
        ({"TOTAL_W": 33}, "shw_ILLEGAL_TOTAL_W"),
        ({"STEPS": 3}, "shw_ILLEGAL_STEPS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_slice_totals", parameters)

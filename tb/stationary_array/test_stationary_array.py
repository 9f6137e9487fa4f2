# SPDX-License-Identifier: Apache-2.0
"""shw_stationary_array with shw_column_totals: long reductions of both arrays."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("cells", "rows", "cols", "signed_only", "positions"),
    [
        ("booth", 3, 4, 0, 4),
        pytest.param("mac", 3, 4, 0, 4, marks=pytest.mark.full),
        pytest.param("mac", 1, 1, 0, 4, marks=pytest.mark.full),
        pytest.param("booth", 2, 3, 1, 4, marks=pytest.mark.full),
        pytest.param("booth", 8, 9, 0, 9, marks=pytest.mark.full),
    ],
)
def test_reductions(simulator, cells, rows, cols, signed_only, positions):
    shape = {"ROWS": rows, "COLS": cols, "SIGNED_ONLY": signed_only, "ADDR_W": positions}
    simulate(
        simulator,
        "shw_stationary_array",
        "cocotb_stationary_array",
        parameters={"CELLS": cells, **shape},
        env={"CELLS": cells},
    )


@pytest.mark.parametrize(
    ("block", "parameters", "name"),
    [
        ("shw_stationary_array", {"CELLS": "none"}, "shw_ILLEGAL_CELLS"),
        ("shw_column_totals", {"COLS": 0}, "shw_ILLEGAL_"),
        ("shw_column_totals", {"COLS": 257}, "shw_ILLEGAL_COLS"),
        ("shw_column_totals", {"SUM_W": 15}, "shw_ILLEGAL_SUM_W"),
        ("shw_column_totals", {"SUM_W": 33}, "shw_ILLEGAL_SUM_W"),
        ("shw_column_totals", {"ADDR_W": 2}, "shw_ILLEGAL_ADDR_W"),
        ("shw_column_totals", {"ADDR_W": 11}, "shw_ILLEGAL_ADDR_W"),
    ],
)
def test_illegal(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)

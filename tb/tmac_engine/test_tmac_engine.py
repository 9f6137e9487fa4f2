# SPDX-License-Identifier: Apache-2.0
"""shw_tmac_engine under the tile-engine contract."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("rows", "cols", "tiles"),
    [
        (1, 1, 2),
        pytest.param(2, 3, 12, marks=pytest.mark.full),
        pytest.param(5, 4, 20, marks=pytest.mark.full),
    ],
)
def test_tiles(simulator, rows, cols, tiles):
    simulate(
        simulator,
        "shw_tmac_engine",
        "cocotb_tmac_engine",
        parameters={"ROWS": rows, "COLS": cols},
        env={"TILES": str(tiles if simulator == "verilator" else min(tiles, 6))},
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 0}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 65}, "shw_ILLEGAL_ROWS"),
        ({"COLS": 0}, "shw_ILLEGAL_COLS"),
        ({"COLS": 1025}, "shw_ILLEGAL_COLS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_tmac_engine", parameters)

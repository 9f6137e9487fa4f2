# SPDX-License-Identifier: Apache-2.0
"""shw_board_tile, and with it shw_tile_operands and shw_tile_results: through the pins of its serial line."""

import os

import pytest

from runner import elaboration_fails, simulate

LINE = {"MEMORY_W": 11, "CLOCKS_PER_BIT": 4, "TIMEOUT_W": 12, "CLOCK_KHZ": 48000, "BOARD": 777}


@pytest.mark.parametrize(
    ("engine", "rows", "cols", "family"),
    [
        ("mac", 2, 4, "ice40"),
        pytest.param("mac", 4, 2, "generic", marks=pytest.mark.full),
        pytest.param("mac", 1, 1, "generic", marks=pytest.mark.full),
        pytest.param("mac", 4, 4, "generic", marks=pytest.mark.full),
        pytest.param("tr", 1, 4, "generic", marks=pytest.mark.full),
        pytest.param("tr", 2, 2, "ice40", marks=pytest.mark.full),
    ],
)
def test_board(simulator, engine, rows, cols, family):
    """All of it on Verilator; on Icarus what is soon done."""
    parameters = LINE | {"ENGINE": engine, "ROWS": rows, "COLS": cols, "FAMILY": family}
    env = {"ENGINE": engine, "SHW_GRIDS": "100"}
    if simulator == "icarus":
        env["SHW_GRIDS"] = "3"
        env["COCOTB_TEST_FILTER"] = os.environ.get("COCOTB_TEST_FILTER", "words_memory_and_registers|grids")
    simulate(simulator, "shw_board_tile", "cocotb_board_tile", parameters=parameters, env=env)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ENGINE": "msq"}, "shw_ILLEGAL_ENGINE"),
        ({"FAMILY": "ecp5"}, "shw_ILLEGAL_FAMILY"),
        ({"ROWS": 3}, "shw_ILLEGAL_ROWS"),
        ({"COLS": 8}, "shw_ILLEGAL_COLS"),
        ({"MEMORY_W": 5}, "shw_ILLEGAL_ADDR_W"),
        ({"CLOCKS_PER_BIT": 3}, "shw_ILLEGAL_CLOCKS_PER_BIT"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_board_tile", parameters)

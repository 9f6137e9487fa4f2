# SPDX-License-Identifier: Apache-2.0
"""shw_board_accel: through the pins of its serial line."""

import os

import pytest

from runner import elaboration_fails, simulate

LINE = {"CLOCKS_PER_BIT": 4, "TIMEOUT_W": 12, "MEMORY_W": 11, "CLOCK_KHZ": 48000, "BOARD": 777}
SMALL = {"ROWS": 2, "COLS": 8, "ADDR_W": 10, "WEIGHTS": 512, "CONST_W": 7}
MIDDLE = {"ROWS": 4, "COLS": 8, "ADDR_W": 12, "WEIGHTS": 512, "CONST_W": 7}


def test_board(simulator):
    """All of it on Verilator; on Icarus without the network."""
    tests = os.environ.get("COCOTB_TEST_FILTER", "words_of_the_board|memory_and_registers")
    env = {"COCOTB_TEST_FILTER": tests} if simulator == "icarus" else {}
    simulate(simulator, "shw_board_accel", "cocotb_board_accel", parameters=LINE | MIDDLE, env=env)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"MEMORY_W": 8}, "shw_ILLEGAL_ADDR_W"),
        ({"CLOCKS_PER_BIT": 3}, "shw_ILLEGAL_CLOCKS_PER_BIT"),
        ({"BOARD": 65536}, "shw_ILLEGAL_BOARD"),
        ({"ROWS": 3}, "shw_ILLEGAL_ROWS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_board_accel", parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_board_accel: through the pins of its serial line."""

import os

import pytest

from runner import elaboration_fails, simulate

LINE = {"CLOCKS_PER_BIT": 4, "TIMEOUT_W": 12, "MEMORY_W": 11, "CLOCK_KHZ": 48000, "BOARD": 777}
WHOLE = {"ROWS": 4, "COLS": 8, "ADDR_W": 12, "WEIGHTS": 512, "CONST_W": 7}
SMALL = {"ENGINE": "mac", "MULTIPLIER": "dsp", "ROWS": 2, "COLS": 8, "ADDR_W": 6, "WEIGHTS": 64, "CONST_W": 4}


def test_board(simulator):
    """All of it on Verilator; on Icarus without a network."""
    if simulator == "icarus":
        tests = os.environ.get("COCOTB_TEST_FILTER", "words_of_the_board|memory_and_registers")
        parameters, env = LINE | SMALL, {"COCOTB_TEST_FILTER": tests}
    else:
        parameters, env = LINE | WHOLE, {}
    simulate(simulator, "shw_board_accel", "cocotb_board_accel", parameters=parameters, env=env)


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

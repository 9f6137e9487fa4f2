# SPDX-License-Identifier: Apache-2.0
"""shw_accel_mover."""

import os

import pytest

from runner import elaboration_fails, simulate

SHAPES = {
    "narrow": {"COLS": 8, "ADDR_W": 6, "CONST_W": 4, "ROOM_W": 7, "CHUNK": 16},
    "wide": {"COLS": 64, "ADDR_W": 11, "CONST_W": 10, "ROOM_W": 8, "CHUNK": 64},
    "square": {"COLS": 16, "ADDR_W": 8, "CONST_W": 6, "ROOM_W": 7, "CHUNK": 8},
    "tight": {"COLS": 64, "ADDR_W": 7, "CONST_W": 5, "ROOM_W": 7, "CHUNK": 64},
    "middle": {"COLS": 32, "ADDR_W": 15, "CONST_W": 16, "ROOM_W": 9, "CHUNK": 37},
}
FILTER = os.environ.get("COCOTB_TEST_FILTER", "^(?!.*long_store)")  # that one on Verilator only


@pytest.mark.parametrize(
    "shape", ["square", *(pytest.param(s, marks=pytest.mark.full) for s in SHAPES if s != "square")]
)
def test_mover(simulator, shape):
    env = {"COCOTB_TEST_FILTER": FILTER}
    simulate(simulator, "shw_accel_mover", "cocotb_accel_mover", parameters=SHAPES[shape], env=env)


@pytest.mark.full
def test_wide():
    simulate("verilator", "shw_accel_mover", "cocotb_accel_mover", parameters=SHAPES["wide"])


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"COLS": 128}, "shw_ILLEGAL_COLS"),
        ({"COLS": 12}, "shw_ILLEGAL_COLS"),
        ({"ADDR_W": 5}, "shw_ILLEGAL_ADDR_W"),
        ({"ADDR_W": 16}, "shw_ILLEGAL_ADDR_W"),
        ({"CONST_W": 3}, "shw_ILLEGAL_CONST_W"),
        ({"CONST_W": 17}, "shw_ILLEGAL_CONST_W"),
        ({"ROOM_W": 6}, "shw_ILLEGAL_ROOM_W"),
        ({"ROOM_W": 21}, "shw_ILLEGAL_ROOM_W"),
        ({"CHUNK": 7}, "shw_ILLEGAL_CHUNK"),
        ({"CHUNK": 65}, "shw_ILLEGAL_CHUNK"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_accel_mover", parameters)

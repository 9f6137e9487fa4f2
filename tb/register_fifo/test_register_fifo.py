# SPDX-License-Identifier: Apache-2.0
"""shw_register_fifo."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("width", "depth"), [(8, 4), *(pytest.param(*s, marks=FULL) for s in ((1, 2), (70, 2), (9, 13)))]
)
def test_stream(simulator, width, depth):
    parameters = {"DATA_W": width, "DEPTH": depth}
    simulate(simulator, "shw_register_fifo", "cocotb_register_fifo", parameters=parameters)


def test_first_bits(simulator):
    parameters = {"DATA_W": 24, "DEPTH": 3, "FIRST": 8}
    simulate(simulator, "shw_register_fifo", "cocotb_first_bits", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"DATA_W": 0}, "shw_ILLEGAL_DATA_W"),
        ({"DATA_W": 65537}, "shw_ILLEGAL_DATA_W"),
        ({"DEPTH": 1}, "shw_ILLEGAL_DEPTH"),
        ({"DEPTH": 65}, "shw_ILLEGAL_DEPTH"),
        ({"FIRST": 0}, "shw_ILLEGAL_FIRST"),
        ({"FIRST": 9}, "shw_ILLEGAL_FIRST"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_register_fifo", parameters)

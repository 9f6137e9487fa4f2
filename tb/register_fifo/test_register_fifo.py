# SPDX-License-Identifier: Apache-2.0
"""shw_register_fifo."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("width", "depth"), [(8, 4), *(pytest.param(*s, marks=FULL) for s in ((1, 1), (70, 2), (9, 13)))]
)
def test_stream(simulator, width, depth):
    parameters = {"DATA_W": width, "DEPTH": depth}
    simulate(simulator, "shw_register_fifo", "cocotb_register_fifo", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"DATA_W": 0}, "shw_ILLEGAL_DATA_W"),
        ({"DATA_W": 65537}, "shw_ILLEGAL_DATA_W"),
        ({"DEPTH": 0}, "shw_ILLEGAL_DEPTH"),
        ({"DEPTH": 65}, "shw_ILLEGAL_DEPTH"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_register_fifo", parameters)

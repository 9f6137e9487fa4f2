# SPDX-License-Identifier: Apache-2.0
"""shw_fifo."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("width", "depth"),
    [
        (8, 16),
        pytest.param(1, 2, marks=pytest.mark.full),
        (70, 4),
        pytest.param(9, 64, marks=pytest.mark.full),
    ],
)
def test_stream(simulator, width, depth):
    simulate(simulator, "shw_fifo", "cocotb_fifo", parameters={"DATA_W": width, "DEPTH": depth})


@pytest.mark.full
def test_largest_capacity(simulator):
    parameters = {"DATA_W": 16, "DEPTH": 1024}
    simulate(simulator, "shw_fifo", "cocotb_fifo", parameters=parameters, env={"COCOTB_TEST_FILTER": "capacity"})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"DEPTH": 1}, "shw_ILLEGAL_DEPTH"),
        ({"DEPTH": 12}, "shw_ILLEGAL_DEPTH"),
        ({"DEPTH": 2048}, "shw_ILLEGAL_DEPTH"),
        ({"DATA_W": 0}, "shw_ILLEGAL_DATA_W"),
        ({"DATA_W": 4097}, "shw_ILLEGAL_DATA_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_fifo", parameters)

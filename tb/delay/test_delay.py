# SPDX-License-Identifier: Apache-2.0
"""shw_delay."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("width", "cycles"),
    [
        (8, 3),
        (1, 0),
        *(pytest.param(*p, marks=pytest.mark.full) for p in ((2, 1), (24, 2), (1, 9), (64, 64), (4096, 3))),
    ],
)
def test_delay(simulator, width, cycles):
    simulate(simulator, "shw_delay", "cocotb_delay", parameters={"W": width, "CYCLES": cycles})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"W": 0}, "shw_ILLEGAL_W"),
        ({"W": 4097}, "shw_ILLEGAL_W"),
        ({"CYCLES": -1}, "shw_ILLEGAL_CYCLES"),
        ({"CYCLES": 65}, "shw_ILLEGAL_CYCLES"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_delay", parameters)

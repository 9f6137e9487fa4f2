# SPDX-License-Identifier: Apache-2.0
"""shw_accel_tags."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("width", "cycles"),
    [(4, 8), *(pytest.param(*p, marks=pytest.mark.full) for p in ((1, 1), (4, 12), (3, 2), (64, 64)))],
)
def test_tags(simulator, width, cycles):
    simulate(simulator, "shw_accel_tags", "cocotb_accel_tags", parameters={"W": width, "CYCLES": cycles})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"W": 0}, "shw_ILLEGAL_W"),
        ({"W": 65}, "shw_ILLEGAL_W"),
        ({"CYCLES": 0}, "shw_ILLEGAL_CYCLES"),
        ({"CYCLES": 65}, "shw_ILLEGAL_CYCLES"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_accel_tags", parameters)

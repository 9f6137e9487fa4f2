# SPDX-License-Identifier: Apache-2.0
"""shw_lane_skew."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("lanes", "width"),
    [(8, 5), *(pytest.param(*p, marks=pytest.mark.full) for p in ((1, 6), (4, 1), (16, 6), (32, 64)))],
)
def test_skew(simulator, lanes, width):
    simulate(simulator, "shw_lane_skew", "cocotb_lane_skew", parameters={"LANES": lanes, "W": width})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"LANES": 2}, "shw_ILLEGAL_LANES"),
        ({"LANES": 12}, "shw_ILLEGAL_LANES"),
        ({"LANES": 64}, "shw_ILLEGAL_LANES"),
        ({"W": 0}, "shw_ILLEGAL_W"),
        ({"W": 65}, "shw_ILLEGAL_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_lane_skew", parameters)

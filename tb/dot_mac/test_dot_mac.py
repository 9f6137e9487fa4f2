# SPDX-License-Identifier: Apache-2.0
"""shw_dot_mac: inferred multipliers and Booth rows, the latter portable and with carry blocks."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("kind", "lanes", "x_w", "family"),
    [
        ("inferred", 4, 5, "generic"),
        ("booth", 8, 5, "xc7"),
        pytest.param("booth", 2, 4, "generic", marks=pytest.mark.full),
        pytest.param("inferred", 1, 4, "generic", marks=pytest.mark.full),
        pytest.param("inferred", 32, 5, "generic", marks=pytest.mark.full),
        pytest.param("booth", 1, 5, "generic", marks=pytest.mark.full),
        pytest.param("booth", 16, 4, "xc7", marks=pytest.mark.full),
    ],
)
def test_sums(simulator, kind, lanes, x_w, family):
    simulate(
        simulator,
        "shw_dot_mac",
        "cocotb_dot_mac",
        parameters={"LANES": lanes, "X_W": x_w, "KIND": kind, "FAMILY": family},
        env={"SHW_KIND": kind},
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"LANES": 0}, "shw_ILLEGAL_LANES"),
        ({"LANES": 6}, "shw_ILLEGAL_LANES"),
        ({"LANES": 64}, "shw_ILLEGAL_LANES"),
        ({"X_W": 3}, "shw_ILLEGAL_X_W"),
        ({"X_W": 6}, "shw_ILLEGAL_X_W"),
        ({"KIND": "table"}, "shw_ILLEGAL_KIND"),
        ({"FAMILY": "ecp5"}, "shw_ILLEGAL_FAMILY"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_dot_mac", parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_post_unit, both requantizers, against shiftwork.golden.arithmetic."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("requant", ["shift", "scale"])
@pytest.mark.parametrize("lanes", [2, *(pytest.param(n, marks=pytest.mark.full) for n in (1, 8))])
def test_stream(simulator, lanes, requant):
    parameters = {"LANES": lanes, "REQUANT": requant}
    simulate(simulator, "shw_post_unit", "cocotb_post_unit", parameters=parameters, env={"REQUANT": requant})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"LANES": 0}, "shw_ILLEGAL_LANES"),
        ({"LANES": 257}, "shw_ILLEGAL_LANES"),
        ({"REQUANT": "scales"}, "shw_ILLEGAL_REQUANT"),
        ({"REQUANT": "codebook"}, "shw_ILLEGAL_REQUANT"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_post_unit", parameters)

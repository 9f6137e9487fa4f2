# SPDX-License-Identifier: Apache-2.0
"""shw_table against shiftwork.tensors.arithmetic.look_up."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("style", ["block", "distributed"])
@pytest.mark.parametrize("lanes", [3, *(pytest.param(n, marks=pytest.mark.full) for n in (1, 2, 8, 64))])
def test_stream(simulator, lanes, style):
    simulate(simulator, "shw_table", "cocotb_table", parameters={"LANES": lanes, "STYLE": style})


@pytest.mark.full
def test_widest(simulator):
    env = {"COCOTB_TEST_FILTER": "every_code"}
    simulate(simulator, "shw_table", "cocotb_table", parameters={"LANES": 256}, env=env)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"LANES": 0}, "shw_ILLEGAL_LANES"),
        ({"LANES": 257}, "shw_ILLEGAL_LANES"),
        ({"STYLE": "auto"}, "shw_ILLEGAL_STYLE"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_table", parameters)

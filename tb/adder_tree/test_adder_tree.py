# SPDX-License-Identifier: Apache-2.0
"""shw_adder_tree against plain sums."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("inputs", "width"),
    [
        (8, 10),
        *(pytest.param(*p, marks=pytest.mark.full) for p in ((1, 5), (2, 1), (4, 10), (16, 7), (32, 2), (64, 64))),
    ],
)
def test_sums(simulator, inputs, width):
    simulate(simulator, "shw_adder_tree", "cocotb_adder_tree", parameters={"INPUTS": inputs, "IN_W": width})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"INPUTS": 0}, "shw_ILLEGAL_INPUTS"),
        ({"INPUTS": 3}, "shw_ILLEGAL_INPUTS"),
        ({"INPUTS": 128}, "shw_ILLEGAL_INPUTS"),
        ({"IN_W": 0}, "shw_ILLEGAL_IN_W"),
        ({"IN_W": 65}, "shw_ILLEGAL_IN_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_adder_tree", parameters)

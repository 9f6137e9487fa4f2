# SPDX-License-Identifier: Apache-2.0
"""shw_exp_encode against shiftwork.codes.exponential.encode_thresholds."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("bits", "in_width"),
    [(4, 48), *(pytest.param(*p, marks=pytest.mark.full) for p in ((3, 48), (5, 11), (7, 48), (6, 40), (3, 4)))],
)
def test_values(simulator, bits, in_width):
    simulate(simulator, "shw_exp_encode", "cocotb_exp_encode", parameters={"BITS": bits, "IN_W": in_width})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"BITS": 2}, "shw_ILLEGAL_BITS"),
        ({"BITS": 8}, "shw_ILLEGAL_BITS"),
        ({"IN_W": 3}, "shw_ILLEGAL_IN_W"),
        ({"IN_W": 49}, "shw_ILLEGAL_IN_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_exp_encode", parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_shift_round against shiftwork.tensors.arithmetic.shift_round."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("in_width", "out_width"),
    [(32, 8), *(pytest.param(*p, marks=pytest.mark.full) for p in ((18, 8), (12, 2), (64, 16), (64, 2), (26, 16)))],
)
def test_values(simulator, in_width, out_width):
    parameters = {"IN_W": in_width, "OUT_W": out_width}
    simulate(simulator, "shw_shift_round", "cocotb_shift_round", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"OUT_W": 1}, "shw_ILLEGAL_OUT_W"),
        ({"OUT_W": 17}, "shw_ILLEGAL_OUT_W"),
        ({"IN_W": 17}, "shw_ILLEGAL_IN_W"),
        ({"IN_W": 65}, "shw_ILLEGAL_IN_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_shift_round", parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_scale_round against shiftwork.tensors.arithmetic.scale_round."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("in_width", "out_width", "addend_width"),
    [
        (33, 8, 48),
        *(pytest.param(*p, marks=pytest.mark.full) for p in ((16, 2, 64), (47, 16, 64), (47, 8, 48), (32, 16, 63))),
    ],
)
def test_values(simulator, in_width, out_width, addend_width):
    parameters = {"IN_W": in_width, "OUT_W": out_width, "ADDEND_W": addend_width}
    simulate(simulator, "shw_scale_round", "cocotb_scale_round", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"IN_W": 15}, "shw_ILLEGAL_IN_W"),
        ({"IN_W": 48}, "shw_ILLEGAL_IN_W"),
        ({"OUT_W": 1}, "shw_ILLEGAL_OUT_W"),
        ({"OUT_W": 17}, "shw_ILLEGAL_OUT_W"),
        ({"ADDEND_W": 47}, "shw_ILLEGAL_ADDEND_W"),
        ({"ADDEND_W": 65}, "shw_ILLEGAL_ADDEND_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_scale_round", parameters)

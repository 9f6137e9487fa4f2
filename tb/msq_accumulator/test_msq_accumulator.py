# SPDX-License-Identifier: Apache-2.0
"""shw_msq_accumulator against shiftwork.golden.msq_units.Accumulator."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("acc_width", "sum_width"),
    [(16, 11), *(pytest.param(*p, marks=pytest.mark.full) for p in ((24, 11), (32, 13), (16, 16), (32, 2)))],
)
def test_totals(simulator, acc_width, sum_width):
    parameters = {"ACC_W": acc_width, "SUM_W": sum_width}
    simulate(simulator, "shw_msq_accumulator", "cocotb_msq_accumulator", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ACC_W": 15}, "shw_ILLEGAL_ACC_W"),
        ({"ACC_W": 33}, "shw_ILLEGAL_ACC_W"),
        ({"SUM_W": 1}, "shw_ILLEGAL_SUM_W"),
        ({"SUM_W": 25}, "shw_ILLEGAL_SUM_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_msq_accumulator", parameters)

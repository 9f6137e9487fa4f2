# SPDX-License-Identifier: Apache-2.0
"""shw_exp_count_cell and its histograms, against shiftwork.golden.exp_units.count_pairs."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("bits", "width"),
    [(4, 8), *(pytest.param(*shape, marks=pytest.mark.full) for shape in ((3, 4), (3, 9), (5, 8), (7, 12)))],
)
def test_cell(simulator, bits, width):
    simulate(simulator, "shw_exp_count_cell", "cocotb_exp_count_cell", parameters={"BITS": bits, "COUNT_W": width})


ILLEGAL = [("shw_exp_count_cell", {"BITS": 8}, "shw_ILLEGAL_BITS")]
MORE_ILLEGAL = [
    ("shw_exp_count_cell", {"BITS": 2}, "shw_ILLEGAL_BITS"),
    ("shw_exp_count_cell", {"COUNT_W": 3}, "shw_ILLEGAL_COUNT_W"),
    ("shw_exp_count_cell", {"COUNT_W": 13}, "shw_ILLEGAL_COUNT_W"),
    ("shw_exp_count_histogram", {"ADDR_W": 2}, "shw_ILLEGAL_ADDR_W"),
    ("shw_exp_count_histogram", {"ADDR_W": 9}, "shw_ILLEGAL_ADDR_W"),
]


@pytest.mark.parametrize(
    ("block", "parameters", "name"), [*ILLEGAL, *(pytest.param(*one, marks=pytest.mark.full) for one in MORE_ILLEGAL)]
)
def test_illegal(simulator, block, parameters, name):
    assert name in elaboration_fails(simulator, block, parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_fixed_mac against dot products, and shiftwork.golden.msq_units.fixed_sums."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("lanes", "products"),
    [
        (8, 4),
        *(
            pytest.param(*p, marks=pytest.mark.full)
            for p in ((1, 2), (1, 4), (4, 2), (4, 4), (16, 4), (32, 4), (8, 2), (32, 2))
        ),
    ],
)
def test_sums(simulator, lanes, products):
    simulate(simulator, "shw_fixed_mac", "cocotb_fixed_mac", parameters={"LANES": lanes, "PRODUCTS": products})


@pytest.mark.full
@pytest.mark.parametrize("products", [4, 2])
def test_every_block(simulator, products):
    simulate(simulator, "shw_fixed_mac", "cocotb_every_block", parameters={"LANES": 4, "PRODUCTS": products})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"LANES": 2}, "shw_ILLEGAL_LANES"),
        ({"LANES": 12}, "shw_ILLEGAL_LANES"),
        ({"LANES": 64}, "shw_ILLEGAL_LANES"),
        ({"PRODUCTS": 0}, "shw_ILLEGAL_PRODUCTS"),
        ({"PRODUCTS": 1}, "shw_ILLEGAL_PRODUCTS"),
        ({"PRODUCTS": 3}, "shw_ILLEGAL_PRODUCTS"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_fixed_mac", parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_class_lists against Python lists."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("bits", "index_w", "low_w"),
    [(3, 4, 2), *(pytest.param(*shape, marks=FULL) for shape in ((4, 8, 3), (7, 9, 4), (5, 6, 1)))],
)
def test_lists(simulator, bits, index_w, low_w):
    parameters = {"BITS": bits, "INDEX_W": index_w, "LOW_W": low_w}
    simulate(simulator, "shw_class_lists", "cocotb_class_lists", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"BITS": 2}, "shw_ILLEGAL_BITS"),
        ({"BITS": 8}, "shw_ILLEGAL_BITS"),
        ({"INDEX_W": 3}, "shw_ILLEGAL_INDEX_W"),
        ({"INDEX_W": 11}, "shw_ILLEGAL_INDEX_W"),
        ({"LOW_W": 0}, "shw_ILLEGAL_LOW_W"),
        ({"LOW_W": 4}, "shw_ILLEGAL_LOW_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_class_lists", parameters)

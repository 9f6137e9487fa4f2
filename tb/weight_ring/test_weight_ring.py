# SPDX-License-Identifier: Apache-2.0
"""shw_weight_ring."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("rows", "depth"),
    [
        (2, 8),
        pytest.param(8, 8, marks=FULL),
        pytest.param(32, 4, marks=FULL),
        pytest.param(4, 16, marks=FULL),
        pytest.param(8, 2, marks=FULL),
        pytest.param(16, 2, marks=FULL),
        pytest.param(16, 32, marks=FULL),
        pytest.param(64, 8, marks=FULL),
        pytest.param(8, 1024, marks=FULL),
    ],
)
def test_ring(simulator, rows, depth):
    simulate(simulator, "shw_weight_ring", "cocotb_weight_ring", parameters={"ROWS": rows, "DEPTH": depth})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"ROWS": 1}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 12}, "shw_ILLEGAL_ROWS"),
        ({"ROWS": 128}, "shw_ILLEGAL_ROWS"),
        ({"DEPTH": 1}, "shw_ILLEGAL_DEPTH"),
        ({"DEPTH": 12}, "shw_ILLEGAL_DEPTH"),
        ({"DEPTH": 131072}, "shw_ILLEGAL_DEPTH"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_weight_ring", parameters)

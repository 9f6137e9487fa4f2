# SPDX-License-Identifier: Apache-2.0
"""shw_group_reveal against shiftwork.golden.tr_units.GroupReveal."""

import pytest

from runner import elaboration_fails, simulate


def test_exhaustive(simulator):
    """Every (left, count, control) of a small unit."""
    simulate(
        simulator,
        "shw_group_reveal",
        "cocotb_group_reveal",
        parameters={"COUNT_W": 3, "BUDGET_W": 4},
        env={"COCOTB_TEST_FILTER": "every"},
    )


@pytest.mark.parametrize(
    ("count", "budget"),
    [(9, 11), pytest.param(12, 12, marks=pytest.mark.full), pytest.param(1, 1, marks=pytest.mark.full)],
)
def test_random(simulator, count, budget):
    simulate(
        simulator,
        "shw_group_reveal",
        "cocotb_group_reveal",
        parameters={"COUNT_W": count, "BUDGET_W": budget},
        env={"COCOTB_TEST_FILTER": "random"},
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"COUNT_W": 0}, "shw_ILLEGAL_COUNT_W"),
        ({"COUNT_W": 13, "BUDGET_W": 12}, "shw_ILLEGAL_COUNT_W"),
        ({"BUDGET_W": 13}, "shw_ILLEGAL_BUDGET_W"),
        ({"COUNT_W": 9, "BUDGET_W": 8}, "shw_ILLEGAL_BUDGET_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_group_reveal", parameters)

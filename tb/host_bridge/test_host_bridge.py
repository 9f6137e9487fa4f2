# SPDX-License-Identifier: Apache-2.0
"""shw_host_bridge."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full
SHORT = {"TIMEOUT_W": 10}


@pytest.mark.parametrize(
    ("memory", "rounds"), [(16, 1), pytest.param(16, 2, marks=FULL), pytest.param(9, 2, marks=FULL)]
)
def test_bridge(simulator, memory, rounds):
    env = {"SHW_ROUNDS": str(rounds)}
    parameters = SHORT | {"MEMORY_W": memory}
    simulate(simulator, "shw_host_bridge", "cocotb_host_bridge", parameters=parameters, env=env)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"MEMORY_W": 5}, "shw_ILLEGAL_MEMORY_W"),
        ({"MEMORY_W": 31}, "shw_ILLEGAL_MEMORY_W"),
        ({"TIMEOUT_W": 7}, "shw_ILLEGAL_TIMEOUT_W"),
        ({"TIMEOUT_W": 32}, "shw_ILLEGAL_TIMEOUT_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_host_bridge", parameters)

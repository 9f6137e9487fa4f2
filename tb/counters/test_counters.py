# SPDX-License-Identifier: Apache-2.0
"""shw_counters."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("pulses", "width", "cycles"),
    [
        (9, 8, 2000),
        pytest.param(1, 2, 2000, marks=FULL),
        pytest.param(15, 16, 70_000, marks=FULL),  # the last counter passes 2^32
    ],
)
def test_counters(simulator, pulses, width, cycles):
    parameters = {"PULSES": pulses, "AMOUNT_W": width}
    simulate(simulator, "shw_counters", "cocotb_counters", parameters=parameters, env={"SHW_CYCLES": str(cycles)})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"PULSES": 0}, "shw_ILLEGAL_PULSES"),
        ({"PULSES": 16}, "shw_ILLEGAL_PULSES"),
        ({"AMOUNT_W": 1}, "shw_ILLEGAL_AMOUNT_W"),
        ({"AMOUNT_W": 17}, "shw_ILLEGAL_AMOUNT_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_counters", parameters)

# SPDX-License-Identifier: Apache-2.0
"""shw_lutram_sp."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("width", "address"),
    [
        (17, 8),
        pytest.param(1, 1, marks=pytest.mark.full),
        pytest.param(64, 10, marks=pytest.mark.full),
    ],
)
def test_memory(simulator, width, address):
    simulate(simulator, "shw_lutram_sp", "cocotb_lutram_sp", parameters={"DATA_W": width, "ADDR_W": address})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"DATA_W": 0}, "shw_ILLEGAL_DATA_W"),
        ({"DATA_W": 4097}, "shw_ILLEGAL_DATA_W"),
        ({"ADDR_W": 0}, "shw_ILLEGAL_ADDR_W"),
        ({"ADDR_W": 11}, "shw_ILLEGAL_ADDR_W"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_lutram_sp", parameters)

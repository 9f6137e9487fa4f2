# SPDX-License-Identifier: Apache-2.0
"""shw_ram_sp."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("width", "address", "lanes", "style"),
    [
        (32, 6, 4, "block"),
        (32, 6, 4, "huge"),
        pytest.param(9, 1, 1, "block", marks=pytest.mark.full),
        pytest.param(72, 9, 8, "huge", marks=pytest.mark.full),
    ],
)
def test_memory(simulator, width, address, lanes, style):
    parameters = {"DATA_W": width, "ADDR_W": address, "LANES": lanes, "STYLE": style}
    simulate(simulator, "shw_ram_sp", "cocotb_ram_sp", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"DATA_W": 0}, "shw_ILLEGAL_DATA_W"),
        ({"ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
        ({"DATA_W": 9, "LANES": 2}, "shw_ILLEGAL_LANES"),
        ({"STYLE": "auto"}, "shw_ILLEGAL_STYLE"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_ram_sp", parameters)

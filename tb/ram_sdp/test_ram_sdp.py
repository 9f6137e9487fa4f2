# SPDX-License-Identifier: Apache-2.0
"""shw_ram_sdp."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("width", "address", "style"),
    [
        (9, 6, "block"),
        pytest.param(1, 1, "auto", marks=pytest.mark.full),
        pytest.param(72, 9, "auto", marks=pytest.mark.full),
        pytest.param(5, 4, "distributed", marks=pytest.mark.full),
    ],
)
def test_memory(simulator, width, address, style):
    parameters = {"DATA_W": width, "ADDR_W": address, "STYLE": style}
    simulate(simulator, "shw_ram_sdp", "cocotb_ram_sdp", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"DATA_W": 0}, "shw_ILLEGAL_DATA_W"),
        ({"DATA_W": 65537}, "shw_ILLEGAL_DATA_W"),
        ({"ADDR_W": 0}, "shw_ILLEGAL_ADDR_W"),
        ({"ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
        ({"STYLE": "blocks"}, "shw_ILLEGAL_STYLE"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_ram_sdp", parameters)

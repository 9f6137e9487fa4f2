# SPDX-License-Identifier: Apache-2.0
"""shw_ram_sdp."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    ("width", "address", "lanes", "style", "registered"),
    [
        (12, 6, 4, "block", 0),
        (12, 6, 4, "block", 1),
        pytest.param(9, 6, 1, "block", 1, marks=pytest.mark.full),
        pytest.param(1, 1, 1, "auto", 0, marks=pytest.mark.full),
        pytest.param(72, 9, 8, "auto", 1, marks=pytest.mark.full),
        pytest.param(5, 4, 5, "distributed", 1, marks=pytest.mark.full),
        pytest.param(128, 3, 64, "distributed", 0, marks=pytest.mark.full),
    ],
)
def test_memory(simulator, width, address, lanes, style, registered):
    parameters = {"DATA_W": width, "ADDR_W": address, "LANES": lanes, "STYLE": style, "OUTPUT_REGISTER": registered}
    simulate(simulator, "shw_ram_sdp", "cocotb_ram_sdp", parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"DATA_W": 0}, "shw_ILLEGAL_DATA_W"),
        ({"DATA_W": 65537}, "shw_ILLEGAL_DATA_W"),
        ({"ADDR_W": 0}, "shw_ILLEGAL_ADDR_W"),
        ({"ADDR_W": 17}, "shw_ILLEGAL_ADDR_W"),
        ({"LANES": 0}, "shw_ILLEGAL_LANES"),
        ({"DATA_W": 9, "LANES": 2}, "shw_ILLEGAL_LANES"),
        ({"DATA_W": 65, "LANES": 65}, "shw_ILLEGAL_LANES"),
        ({"STYLE": "blocks"}, "shw_ILLEGAL_STYLE"),
        ({"OUTPUT_REGISTER": 2}, "shw_ILLEGAL_OUTPUT_REGISTER"),
    ],
)
def test_illegal(simulator, parameters, name):
    assert name in elaboration_fails(simulator, "shw_ram_sdp", parameters)

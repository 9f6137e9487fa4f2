# SPDX-License-Identifier: Apache-2.0
"""shw_skid_buffer."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("width", [8, *(pytest.param(w, marks=pytest.mark.full) for w in (1, 100))])
def test_stream(simulator, width):
    simulate(simulator, "shw_skid_buffer", "cocotb_skid_buffer", parameters={"DATA_W": width})


@pytest.mark.parametrize("width", [0, 65537])
def test_illegal_width(simulator, width):
    assert "shw_ILLEGAL_DATA_W" in elaboration_fails(simulator, "shw_skid_buffer", {"DATA_W": width})

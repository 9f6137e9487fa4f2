# SPDX-License-Identifier: Apache-2.0
"""shw_mux4: every word selected."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    "width", [8, pytest.param(1, marks=pytest.mark.full), pytest.param(64, marks=pytest.mark.full)]
)
def test_mux(simulator, width):
    simulate(simulator, "shw_mux4", "cocotb_mux4", parameters={"W": width})


@pytest.mark.parametrize("width", [0, 65])
def test_illegal_width(simulator, width):
    assert "shw_ILLEGAL_W_must_be_1_to_64" in elaboration_fails(simulator, "shw_mux4", {"W": width})

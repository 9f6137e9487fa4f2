# SPDX-License-Identifier: Apache-2.0
"""shw_table_mac: products from LUT RAM."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    "lanes", [4, pytest.param(1, marks=pytest.mark.full), pytest.param(32, marks=pytest.mark.full)]
)
def test_sums(simulator, lanes):
    simulate(simulator, "shw_table_mac", "cocotb_table_mac", parameters={"LANES": lanes})


@pytest.mark.parametrize("lanes", [0, 6, 64])
def test_illegal(simulator, lanes):
    assert "shw_ILLEGAL_LANES" in elaboration_fails(simulator, "shw_table_mac", {"LANES": lanes})

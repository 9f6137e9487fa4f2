# SPDX-License-Identifier: Apache-2.0
"""shw_sp2_mac against the dot product, and shiftwork.golden.msq_units.sp2_sum."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("lanes", [8, *(pytest.param(n, marks=pytest.mark.full) for n in (1, 4, 16, 32))])
def test_sums(simulator, lanes):
    simulate(simulator, "shw_sp2_mac", "cocotb_sp2_mac", parameters={"LANES": lanes})


@pytest.mark.parametrize("lanes", [0, 2, 6, 12, 64])
def test_illegal_lanes(simulator, lanes):
    assert "shw_ILLEGAL_LANES" in elaboration_fails(simulator, "shw_sp2_mac", {"LANES": lanes})

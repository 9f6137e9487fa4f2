# SPDX-License-Identifier: Apache-2.0
"""shw_post_unit against shiftwork.golden.arithmetic.module_output."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("lanes", [2, *(pytest.param(n, marks=pytest.mark.full) for n in (1, 8))])
def test_stream(simulator, lanes):
    simulate(simulator, "shw_post_unit", "cocotb_post_unit", parameters={"LANES": lanes})


@pytest.mark.parametrize("lanes", [0, 257])
def test_illegal_lanes(simulator, lanes):
    assert "shw_ILLEGAL_LANES" in elaboration_fails(simulator, "shw_post_unit", {"LANES": lanes})

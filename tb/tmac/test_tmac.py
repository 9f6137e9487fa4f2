# SPDX-License-Identifier: Apache-2.0
"""shw_tmac, the published term-pair cell."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    "width", [12, pytest.param(2, marks=pytest.mark.full), pytest.param(24, marks=pytest.mark.full)]
)
def test_cell(simulator, width):
    simulate(simulator, "shw_tmac", "cocotb_tmac", parameters={"COEF_W": width})


@pytest.mark.parametrize("width", [1, 25])
def test_illegal(simulator, width):
    assert "shw_ILLEGAL_COEF_W" in elaboration_fails(simulator, "shw_tmac", {"COEF_W": width})

# SPDX-License-Identifier: Apache-2.0
"""shw_tr_cell against shiftwork.golden.tr_units.Cell."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize(
    "width", [24, pytest.param(10, marks=pytest.mark.full), pytest.param(48, marks=pytest.mark.full)]
)
def test_cell(simulator, width):
    simulate(simulator, "shw_tr_cell", "cocotb_tr_cell", parameters={"ACC_W": width})


@pytest.mark.parametrize("width", [9, 49])
def test_illegal_width(simulator, width):
    assert "shw_ILLEGAL_ACC_W" in elaboration_fails(simulator, "shw_tr_cell", {"ACC_W": width})

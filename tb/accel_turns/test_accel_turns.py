# SPDX-License-Identifier: Apache-2.0
"""shw_accel_turns."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("rows", [2, 4, 8, 16])
def test_turns(simulator, rows):
    simulate(simulator, "shw_accel_turns", "cocotb_accel_turns", parameters={"ROWS": rows})


@pytest.mark.parametrize("rows", [1, 3, 32])
def test_illegal(simulator, rows):
    assert "shw_ILLEGAL_ROWS" in elaboration_fails(simulator, "shw_accel_turns", {"ROWS": rows})

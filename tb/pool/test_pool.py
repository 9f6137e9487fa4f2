# SPDX-License-Identifier: Apache-2.0
"""shw_pool against maxima, sums and quotients of integers."""

import pytest

from runner import elaboration_fails, simulate

FULL = pytest.mark.full


@pytest.mark.parametrize("cols", [8, *(pytest.param(n, marks=FULL) for n in (4, 16))])
def test_pool(simulator, cols):
    simulate(simulator, "shw_pool", "cocotb_pool", parameters={"COLS": cols})


@FULL
@pytest.mark.parametrize("cols", [32, 64, 128])
def test_wide(cols):
    simulate("verilator", "shw_pool", "cocotb_pool", parameters={"COLS": cols})


@pytest.mark.parametrize("cols", [2, 12, 256])
def test_illegal(simulator, cols):
    log = elaboration_fails(simulator, "shw_pool", {"COLS": cols})
    assert cols == 2 or "shw_ILLEGAL_COLS" in log

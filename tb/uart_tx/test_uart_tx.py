# SPDX-License-Identifier: Apache-2.0
"""shw_uart_tx."""

import pytest

from runner import elaboration_fails, simulate


@pytest.mark.parametrize("clocks", [4, 16, pytest.param(217, marks=pytest.mark.full)])
def test_speeds(simulator, clocks):
    simulate(simulator, "shw_uart_tx", "cocotb_uart_tx", parameters={"CLOCKS_PER_BIT": clocks})


@pytest.mark.parametrize("clocks", [3, 65536])
def test_illegal(simulator, clocks):
    assert "shw_ILLEGAL_CLOCKS_PER_BIT" in elaboration_fails(simulator, "shw_uart_tx", {"CLOCKS_PER_BIT": clocks})

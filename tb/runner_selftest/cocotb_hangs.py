# SPDX-License-Identifier: Apache-2.0
"""A test that waits for a clock that never runs, and one whose background task raises."""

import cocotb
from cocotb.triggers import RisingEdge


@cocotb.test(timeout_time=1, timeout_unit="us")
async def hangs(dut) -> None:
    await RisingEdge(dut.clk)

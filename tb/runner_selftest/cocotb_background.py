# SPDX-License-Identifier: Apache-2.0
"""An exception in a task that nobody awaits."""

import cocotb
from cocotb.triggers import Timer


async def raises() -> None:
    await Timer(5, "ns")
    raise ValueError("in the background")


@cocotb.test()
async def background(dut) -> None:
    cocotb.start_soon(raises())
    await Timer(20, "ns")

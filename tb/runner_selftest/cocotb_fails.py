# SPDX-License-Identifier: Apache-2.0
"""A failing test behind a passing one."""

import cocotb
from cocotb.triggers import Timer


@cocotb.test()
async def passes(dut) -> None:
    await Timer(1, "ns")


@cocotb.test()
async def fails(dut) -> None:
    await Timer(10, "ns")
    raise AssertionError("intended mismatch")

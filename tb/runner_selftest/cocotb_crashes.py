# SPDX-License-Identifier: Apache-2.0
"""A simulator that ends with exit code 0 in the middle of the second test."""

import os

import cocotb
from cocotb.triggers import Timer


@cocotb.test()
async def passes(dut) -> None:
    await Timer(1, "ns")


@cocotb.test()
async def crashes(dut) -> None:
    await Timer(10, "ns")
    os._exit(0)

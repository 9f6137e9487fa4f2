# SPDX-License-Identifier: Apache-2.0
"""Booth multiply-accumulate array against numpy."""

import cocotb

import weight_stationary


@cocotb.test()
async def products(dut):
    await weight_stationary.check(dut, stages=6)

# SPDX-License-Identifier: Apache-2.0
"""Inferred multiply-accumulate array against numpy."""

import cocotb

import weight_stationary


@cocotb.test()
async def products(dut):
    await weight_stationary.check(dut, stages=3)

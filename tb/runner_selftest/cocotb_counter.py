# SPDX-License-Identifier: Apache-2.0
"""A passing test that checks what the runner promises: parameters, seed, environment, visible signals."""

import os

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test(timeout_time=10, timeout_unit="us")
async def counts(dut) -> None:
    dut.rst.value, dut.en.value = 1, 0
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    await FallingEdge(dut.clk)
    dut.rst.value, dut.en.value = 0, 1
    for _ in range(5):
        await FallingEdge(dut.clk)
    step, mode = int(os.environ["STEP"]), os.environ["MODE"]
    assert dut.count.value == (5 * step if mode == "up" else 0)
    assert dut.next.value == (6 * step if mode == "up" else 0)
    assert int(dut.STEP.value) == step
    assert os.environ["SHW_SEED"] == os.environ["COCOTB_RANDOM_SEED"]

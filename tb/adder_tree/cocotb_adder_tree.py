# SPDX-License-Identifier: Apache-2.0
"""Adder tree: extreme and random numbers under every stall pattern, the latency of every size."""

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Timer

from pipeline import check
from streams import STALLS, pack, rng


async def run(dut: Any, sets: list[list[int]], stall: str = "none") -> None:
    """Numbers of INPUTS each; a tree of one input has no register, so nothing stalls it."""
    inputs, width = int(dut.INPUTS.value), int(dut.IN_W.value)
    items = [{"in": pack(numbers, width)} for numbers in sets]
    wanted = [sum(numbers) for numbers in sets]
    if inputs > 1:
        await check(dut, items, wanted, inputs.bit_length() - 1, stall, "sum")
        return
    for item, total in zip(items, wanted, strict=True):
        getattr(dut, "in").value = item["in"]
        await Timer(1, unit="ns")
        assert int(dut.sum.value) == total % (1 << width)


@cocotb.test()
async def extremes(dut) -> None:
    """0 and the largest number everywhere and at one input alone."""
    Clock(dut.clk, 10, unit="ns").start()
    inputs, largest = int(dut.INPUTS.value), (1 << int(dut.IN_W.value)) - 1
    sets = [[number] * inputs for number in (0, largest)]
    for lane in range(inputs):
        for number, others in ((largest, 0), (0, largest)):
            sets.append([number if other == lane else others for other in range(inputs)])
    await run(dut, sets)


@cocotb.test()
async def random_numbers(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    inputs, width = int(dut.INPUTS.value), int(dut.IN_W.value)
    for stall in STALLS:
        generator = rng(f"numbers/{stall}")
        sets = [[generator.getrandbits(width) for _ in range(inputs)] for _ in range(200)]
        await run(dut, sets, stall)

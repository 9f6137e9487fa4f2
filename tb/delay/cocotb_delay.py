# SPDX-License-Identifier: Apache-2.0
"""Delay: random words under every stall pattern; the output is the word of CYCLES enabled cycles before."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from streams import STALLS, go_pattern, rng


@cocotb.test()
async def random_words(dut) -> None:
    """The whole word late by CYCLES enabled cycles, not one more or less, and held while enable is 0."""
    Clock(dut.clk, 10, unit="ns").start()
    cycles, width = int(dut.CYCLES.value), int(dut.W.value)
    dut.enable.value = 0
    compared = 0
    for stall in STALLS:
        generator = rng(stall)
        go = go_pattern(stall, generator)
        before: list[int] = []  # words of enabled cycles, newest first
        await FallingEdge(dut.clk)
        for _ in range(200 + 4 * cycles):
            enabled, word = next(go), generator.getrandbits(width)
            dut.enable.value, dut.now.value = int(enabled), word
            await Timer(1, unit="ns")
            seen = [word, *before]
            if cycles < len(seen):
                have = int(dut.late.value)
                assert have == seen[cycles], f"{stall}: {have:#x}, not {seen[cycles]:#x}"
                compared += 1
            before = seen[: cycles + 1] if enabled else before
            await FallingEdge(dut.clk)
    assert compared > 300

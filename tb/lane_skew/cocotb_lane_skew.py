# SPDX-License-Identifier: Apache-2.0
"""Lane skew: random words under every stall pattern; lane l is the word of l % 4 enabled cycles before."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from streams import STALLS, go_pattern, rng, unpack


@cocotb.test()
async def random_words(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    lanes, width = int(dut.LANES.value), int(dut.W.value)
    dut.enable.value = 0
    compared = 0
    for stall in STALLS:
        generator = rng(stall)
        go = go_pattern(stall, generator)
        before: list[list[int]] = []  # words of enabled cycles, newest first
        await FallingEdge(dut.clk)
        for _ in range(200):
            enabled, word = next(go), generator.getrandbits(lanes * width)
            dut.enable.value, dut.word.value = int(enabled), word
            await Timer(1, unit="ns")
            seen = [unpack(word, width, lanes), *before]
            skewed = dut.skewed.value
            for lane in range(lanes):
                if lane % 4 < len(seen):
                    have = int(skewed[width * lane + width - 1 : width * lane])
                    assert have == seen[lane % 4][lane], f"lane {lane}: {have:#x}"
                    compared += 1
            before = seen[:3] if enabled else before
            await FallingEdge(dut.clk)
    assert compared > 500 * lanes

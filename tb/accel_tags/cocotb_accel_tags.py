# SPDX-License-Identifier: Apache-2.0
"""Valid bits beside a pipeline: the word of CYCLES cycles before, or 0 where a reset was in between."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from streams import rng


@cocotb.test()
async def random_words_and_resets(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    cycles, width = int(dut.CYCLES.value), int(dut.W.value)
    generator = rng("tags")
    stages = [0] * cycles  # newest first
    dut.rst.value, dut.now.value = 1, (1 << width) - 1
    await FallingEdge(dut.clk)
    lost = 0
    for _ in range(300 + 20 * cycles):
        resetting = generator.random() < 0.5 / cycles
        word = generator.choice((0, (1 << width) - 1, generator.getrandbits(width)))
        dut.rst.value, dut.now.value = int(resetting), word
        await Timer(1, unit="ns")
        assert int(dut.late.value) == stages[-1]
        lost += resetting and any(stages)
        stages = [0] * cycles if resetting else [word, *stages[:-1]]
        await FallingEdge(dut.clk)
    assert lost

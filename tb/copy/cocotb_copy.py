# SPDX-License-Identifier: Apache-2.0
"""Random words, one a cycle, each there a cycle later."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from streams import rng


@cocotb.test()
async def random_words(dut) -> None:
    generator = rng("words")
    Clock(dut.clk, 10, unit="ns").start()
    await FallingEdge(dut.clk)
    width = int(dut.W.value)
    for _ in range(200):
        word = generator.getrandbits(width)
        dut.now.value = word
        await FallingEdge(dut.clk)
        assert int(dut.copy.value) == word

# SPDX-License-Identifier: Apache-2.0
"""Memory of one port, read asynchronously: every word, the old one until the writing edge, the new one after it."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from streams import rng


@cocotb.test()
async def every_word_and_the_edge(dut) -> None:
    """Words at random: the old one before the clock edge, the new one after it where the write is enabled."""
    generator = rng("words")
    dut.write_enable.value = dut.address.value = dut.write_data.value = 0
    Clock(dut.clk, 10, unit="ns").start()
    await FallingEdge(dut.clk)
    words, width = 1 << int(dut.ADDR_W.value), int(dut.DATA_W.value)
    memory: dict[int, int] = {}
    for address in [*range(words), *(generator.randrange(words) for _ in range(500)), *range(words)]:
        data, enable = generator.getrandbits(width), address not in memory or generator.randrange(2)
        dut.address.value, dut.write_data.value, dut.write_enable.value = address, data, enable
        await Timer(1, unit="ps")
        if address in memory:
            assert int(dut.read_data.value) == memory[address], f"address {address}"
        await FallingEdge(dut.clk)
        if enable:
            memory[address] = data
        assert int(dut.read_data.value) == memory[address], f"address {address}"
    assert len(memory) == words

# SPDX-License-Identifier: Apache-2.0
"""Memory with asynchronous read: every word, reads before and after the writing edge."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from streams import rng


async def begin(dut) -> tuple[int, int]:
    for name in ("write_enable", "write_address", "write_data", "read_address"):
        getattr(dut, name).value = 0
    Clock(dut.clk, 10, unit="ns").start()
    await FallingEdge(dut.clk)
    return 1 << int(dut.ADDR_W.value), int(dut.DATA_W.value)


async def write(dut, address: int, data: int, enable: int = 1) -> None:
    dut.write_enable.value, dut.write_address.value, dut.write_data.value = enable, address, data
    await FallingEdge(dut.clk)
    dut.write_enable.value = 0


@cocotb.test()
async def every_word(dut) -> None:
    generator = rng("words")
    words, width = await begin(dut)
    for pattern in (0, (1 << width) - 1, None):
        memory = [generator.getrandbits(width) if pattern is None else pattern for _ in range(words)]
        for address, data in enumerate(memory):
            await write(dut, address, data)
        for address in range(words):
            dut.read_address.value = address
            await Timer(1, unit="ps")
            assert int(dut.read_data.value) == memory[address], f"address {address}"
        await FallingEdge(dut.clk)


@cocotb.test()
async def old_word_until_the_edge(dut) -> None:
    """The word under write is read old before the clock edge and new after it; a disabled write changes nothing."""
    generator = rng("edge")
    words, width = await begin(dut)
    memory = dict.fromkeys(range(words), 0)
    for address in memory:
        await write(dut, address, 0)
    for _ in range(500):
        address, data, enable = generator.randrange(words), generator.getrandbits(width), generator.randrange(2)
        dut.read_address.value = address
        dut.write_enable.value, dut.write_address.value, dut.write_data.value = enable, address, data
        await Timer(1, unit="ps")
        assert int(dut.read_data.value) == memory[address]
        if enable:
            memory[address] = data
        await FallingEdge(dut.clk)
        assert int(dut.read_data.value) == memory[address]

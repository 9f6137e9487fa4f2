# SPDX-License-Identifier: Apache-2.0
"""Single-port memory: every word, every part, mixed traffic, and what is not there any more after a cycle."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from streams import rng


class Model:
    """What the memory holds."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.words, self.lanes = 1 << int(dut.ADDR_W.value), int(dut.LANES.value)
        self.width = int(dut.DATA_W.value) // self.lanes
        self.mask, self.all = (1 << int(dut.DATA_W.value)) - 1, (1 << self.lanes) - 1
        self.memory: dict[int, int] = {}
        self.shown: int | None = None  # the word that was read last

    async def step(self, address: int, lanes: int = 0, word: int = 0, enable: bool = True) -> None:
        """A cycle with a write of some lanes, or with a read where there are none, checked after it."""
        dut = self.dut
        dut.enable.value, dut.write.value, dut.address.value, dut.write_data.value = int(enable), lanes, address, word
        await FallingEdge(dut.clk)
        if enable and lanes:
            parts = sum(
                ((1 << self.width) - 1) << (self.width * lane) for lane in range(self.lanes) if lanes >> lane & 1
            )
            self.memory[address] = self.memory.get(address, 0) & ~parts | word & parts
        elif enable:
            self.shown = self.memory[address]
            assert int(dut.read_data.value) == self.shown, f"address {address}"
            return
        if self.shown is not None:  # a user who still needs it fails
            assert int(dut.read_data.value) == self.shown ^ self.mask


async def begin(dut) -> Model:
    for name in ("enable", "write", "address", "write_data"):
        getattr(dut, name).value = 0
    Clock(dut.clk, 10, unit="ns").start()
    await FallingEdge(dut.clk)
    return Model(dut)


@cocotb.test()
async def every_word(dut) -> None:
    """Words of all ones, all zeros and random ones, read in another order."""
    generator = rng("words")
    model = await begin(dut)
    for pattern in (0, model.mask, None):
        for address in range(model.words):
            word = generator.getrandbits(model.mask.bit_length()) if pattern is None else pattern
            await model.step(address, model.all, word)
        for address in generator.sample(range(model.words), model.words):
            await model.step(address)


@cocotb.test()
async def traffic(dut) -> None:
    """Reads, writes of any parts, and cycles without either."""
    generator = rng("traffic")
    model = await begin(dut)
    span = min(model.words, 8)
    for address in range(span):
        await model.step(address, model.all, generator.getrandbits(model.mask.bit_length()))
    for _ in range(3000):
        lanes = generator.choice((0, generator.getrandbits(model.lanes)))
        word = generator.getrandbits(model.mask.bit_length())
        await model.step(generator.randrange(span), lanes, word, generator.random() < 0.8)

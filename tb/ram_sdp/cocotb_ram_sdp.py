# SPDX-License-Identifier: Apache-2.0
"""Simple dual-port memory: every word, read enable, parts, simultaneous traffic, collisions, both latencies."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from streams import rng

Write = tuple[int, int] | None
"""Address, word."""


class Model:
    """What the memory holds; `step` drives one cycle and checks read_data after it."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.words = 1 << int(dut.ADDR_W.value)
        self.mask = (1 << int(dut.DATA_W.value)) - 1
        self.lanes = int(dut.LANES.value)
        self.memory: dict[int, int] = {}
        self.registered = bool(int(dut.OUTPUT_REGISTER.value))
        self.word: int | None = None  # read last
        self.output: int | None = None

    def parts(self, lanes: int) -> int:
        """Bits of a word that belong to these lanes."""
        width = self.mask.bit_length() // self.lanes
        return sum(((1 << width) - 1) << (width * lane) for lane in range(self.lanes) if lanes >> lane & 1)

    async def step(self, write: Write, read: int | None, lanes: int | None = None) -> None:
        """lanes: those written, bit by bit; None: all."""
        dut = self.dut
        lanes = (1 << self.lanes) - 1 if lanes is None else lanes
        dut.write_enable.value = 0 if write is None else lanes
        dut.read_enable.value = int(read is not None)
        if write is not None:
            dut.write_address.value, dut.write_data.value = write
        if read is not None:
            dut.read_address.value = read
        await FallingEdge(dut.clk)
        if read is not None:
            before, self.word = self.word, self.memory.get(read)
            if write is not None and lanes and write[0] == read and self.word is not None:
                self.word ^= self.mask  # undefined in hardware; simulation marks the collision
            self.output = before if self.registered else self.word
        if write is not None:
            parts = self.parts(lanes)
            self.memory[write[0]] = self.memory.get(write[0], 0) & ~parts | write[1] & parts
        if self.output is not None:
            assert int(dut.read_data.value) == self.output, f"write {write} read {read}"


async def begin(dut) -> Model:
    for name in ("write_enable", "write_address", "write_data", "read_enable", "read_address"):
        getattr(dut, name).value = 0
    Clock(dut.clk, 10, unit="ns").start()
    await FallingEdge(dut.clk)
    return Model(dut)


@cocotb.test()
async def every_word(dut) -> None:
    generator = rng("words")
    model = await begin(dut)
    for pattern in (0, model.mask, None):
        for address in range(model.words):
            await model.step(
                (address, generator.getrandbits(len(dut.write_data)) if pattern is None else pattern), None
            )
        order = list(range(model.words))
        generator.shuffle(order)
        for address in order:
            await model.step(None, address)


@cocotb.test()
async def read_data_holds(dut) -> None:
    generator = rng("holds")
    model = await begin(dut)
    await model.step((0, model.mask), None)
    await model.step((1, 0), None)
    await model.step(None, 0)
    for _ in range(20):
        dut.read_address.value = generator.randrange(2)
        await model.step((0, generator.getrandbits(len(dut.write_data))), None)


@cocotb.test()
async def every_part(dut) -> None:
    """Each part of a word is written alone, and all but that one; none."""
    generator = rng("parts")
    model = await begin(dut)
    for address in range(2):
        await model.step((address, generator.getrandbits(len(dut.write_data))), None)
    for lane in range(model.lanes):
        for lanes in (1 << lane, (1 << model.lanes) - 1 - (1 << lane), 0):
            before = model.memory[0]
            await model.step((0, before ^ model.mask), 1, lanes)
            for _ in range(1 + model.registered):
                await model.step(None, 0)
            assert model.output == before ^ model.parts(lanes)


@cocotb.test()
async def traffic(dut) -> None:
    """Random writes and reads in the same cycles, few addresses so that collisions happen."""
    generator = rng("traffic")
    model = await begin(dut)
    collisions = 0
    span = min(model.words, 8)
    for address in range(span):
        await model.step((address, generator.getrandbits(len(dut.write_data))), None)
    for _ in range(3000):
        write = (generator.randrange(span), generator.getrandbits(len(dut.write_data)))
        read = generator.randrange(span)
        go_write, go_read = generator.random() < 0.7, generator.random() < 0.7
        collisions += go_write and go_read and write[0] == read
        lanes = generator.choice((None, generator.getrandbits(model.lanes)))
        await model.step(write if go_write else None, read if go_read else None, lanes)
    assert collisions > 100

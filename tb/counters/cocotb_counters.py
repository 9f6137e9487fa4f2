# SPDX-License-Identifier: Apache-2.0
"""Counters: random and dense events, reads while they count and when they are still, clear and reset, 64 bits."""

import os

import cocotb
from cocotb.triggers import FallingEdge

from streams import rng, start

CYCLES = int(os.environ.get("SHW_CYCLES", "2000"))


class Bench:
    """Counts beside the block; `history` holds the counts before every cycle."""

    def __init__(self, dut) -> None:
        self.dut, self.rng = dut, rng("counters")
        self.pulses, self.width = int(dut.PULSES.value), int(dut.AMOUNT_W.value)
        self.counts = [0] * 16

    async def begin(self) -> None:
        await start(self.dut, low=["read_done"], clear=0, pulse=0, amount=0, read=0, read_index=0)

    async def clock(self, density: float, clear: str = "") -> None:
        dut = self.dut
        bits = [self.rng.random() < density for _ in range(self.pulses)]
        top = (1 << self.width) - 1
        amount = top if density == 1 else self.rng.randint(0, top) if density else 0
        dut.pulse.value, dut.amount.value = sum(bit << n for n, bit in enumerate(bits)), amount
        if clear:
            getattr(dut, clear).value = 1
            self.counts = [0] * 16
        else:
            for n, bit in enumerate(bits):
                self.counts[n] += bit
            self.counts[self.pulses] += amount
        await FallingEdge(dut.clk)
        if clear:
            getattr(dut, clear).value = 0

    async def read(self, index: int, density: float) -> None:
        """The value lies between what was counted 3 cycles before the read and what is at its end."""
        dut = self.dut
        dut.read.value, dut.read_index.value = 1, index
        least = self.counts[index] - (3 * ((1 << self.width) - 1) if index == self.pulses else 3) * (density > 0)
        for cycle in range(22):
            if int(dut.read_done.value):
                assert 1 <= cycle <= 20
                break
            await self.clock(density)
        else:
            raise AssertionError("no read_done within 20 cycles")
        dut.read.value = 0
        value = int(dut.read_value.value)
        assert least <= value <= self.counts[index], f"counter {index}: {value} not in {least}..{self.counts[index]}"
        await self.clock(density)
        assert not int(dut.read_done.value) and int(dut.read_value.value) == value

    async def exact(self) -> None:
        """All counters, with no events under way; indices behind the last counter read 0."""
        for _ in range(3):
            await self.clock(0)
        for index in range(16):
            await self.read(index, 0)


@cocotb.test()
async def counts(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    await bench.exact()
    for density in (0.3, 1, 0.02):
        for _ in range(CYCLES):
            await bench.clock(density)
            if bench.rng.random() < 0.01:
                await bench.read(bench.rng.randrange(bench.pulses + 1), density)
        await bench.exact()
    if CYCLES > 65_537 and bench.width == 16:
        assert bench.counts[bench.pulses] >> 32, "the upper half has not been reached"


@cocotb.test()
async def clear_and_reset(dut) -> None:
    """At any cycle: all counters are 0, the events of that cycle included."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(16):
        for _ in range(bench.rng.randint(1, 60)):
            await bench.clock(1)
        await bench.clock(1, ("clear", "rst")[turn % 2])
        if turn % 4 < 2:
            for _ in range(bench.rng.randint(1, 20)):
                await bench.clock(0.5)
        await bench.exact()

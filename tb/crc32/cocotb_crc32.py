# SPDX-License-Identifier: Apache-2.0
"""CRC-32 of streams of words against zlib: every bit alone, random messages with gaps, begun anew at any time."""

import zlib

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from streams import rng

BITS = 64


class Bench:
    """The block, and the bytes of the message so far."""

    def __init__(self, dut) -> None:
        self.dut, self.message = dut, b""
        self.generator = rng("crc32")

    async def begin(self) -> None:
        Clock(self.dut.clk, 10, unit="ns").start()
        self.dut.valid.value = self.dut.data.value = 0
        await self.step(clear=True)

    async def step(self, word: int | None = None, clear: bool = False) -> None:
        """A cycle with a word or without, and what is known of the message behind it."""
        dut = self.dut
        dut.clear.value, dut.valid.value = int(clear), int(word is not None)
        dut.data.value = self.generator.getrandbits(BITS) if word is None else word
        await FallingEdge(dut.clk)
        if clear:
            self.message = b""
        elif word is not None:
            self.message += word.to_bytes(BITS // 8, "little")
        assert int(dut.crc.value) == zlib.crc32(self.message), f"of {self.message.hex()}"


@cocotb.test()
async def single_bits(dut) -> None:
    """Messages of one word, with a bit each, and of two."""
    bench = Bench(dut)
    await bench.begin()
    for word in (0, (1 << BITS) - 1, *(1 << bit for bit in range(BITS))):
        await bench.step(word)
        await bench.step(0)
        await bench.step(clear=True)


@cocotb.test()
async def messages(dut) -> None:
    """Random ones of up to 40 words, with gaps; a word beside `clear` does not count."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(40):
        for _ in range(bench.generator.randint(0, 40)):
            await bench.step(bench.generator.getrandbits(BITS) if bench.generator.random() < 0.7 else None)
        await bench.step(bench.generator.choice((None, bench.generator.getrandbits(BITS))), clear=True)

# SPDX-License-Identifier: Apache-2.0
"""Lists of codes: one half is appended to while the other is read, in random order; emptying; links that wait."""

import os
import random
from collections.abc import Sequence

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Combine, FallingEdge, ReadOnly


class Bench:
    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        self.bits, self.low = int(dut.BITS.value), int(dut.LOW_W.value)
        self.codes, self.depth = 2 << self.bits, 1 << int(dut.INDEX_W.value)
        self.compared = 0

    async def begin(self) -> None:
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for name in ("append", "append_code", "append_half", "append_index", "read_select", "link_read", "link_from"):
            getattr(dut, name).value = 0
        await FallingEdge(dut.clk)
        await self.clear()

    async def clear(self) -> None:
        """The reader owns both halves and empties every list of both at once, as after a reset."""
        dut = self.dut
        dut.append.value, dut.read_half.value, dut.word_clear.value = 0, 3, 1
        for place in range(self.codes >> self.low):
            dut.clear_place.value = place
            await FallingEdge(dut.clk)
        dut.read_half.value = dut.word_clear.value = 0

    def slice(self) -> list[int]:
        """Codes of a slice: all alike, few or many different ones; short, long or none."""
        length = self.rng.choice((0, 1, 2, self.depth, self.rng.randint(1, self.depth)))
        kinds = self.rng.sample(range(self.codes), self.rng.choice((1, 3, self.codes)))
        return [self.rng.choice(kinds) for _ in range(length)]

    async def append(self, half: int, codes: Sequence[int], gaps: float) -> None:
        dut, rng = self.dut, self.rng
        for index, code in enumerate(codes):
            while rng.random() < gaps:
                dut.append.value, dut.append_half.value = 0, rng.getrandbits(1)
                dut.append_code.value, dut.append_index.value = rng.randrange(self.codes), rng.randrange(self.depth)
                await FallingEdge(dut.clk)
            dut.append.value, dut.append_half.value = 1, half
            dut.append_code.value, dut.append_index.value = code, index
            await FallingEdge(dut.clk)
        dut.append.value = 0

    async def word(self, place: int) -> list[list[int]]:
        """Codes of a word whose lists have values, and those that have two or more; takes a cycle."""
        dut = self.dut
        dut.word_place.value = place
        await ReadOnly()
        word = int(dut.word.value)
        await FallingEdge(dut.clk)
        count, high, sign = 1 << self.low, place >> 1, place & 1
        codes = [sign << self.bits | high << self.low | n for n in range(count)]
        return [[codes[n] for n in range(count) if bits >> n & 1] for bits in (word, word >> count)]

    async def clear_word(self, place: int) -> None:
        """Takes a cycle, in which another word is read."""
        dut = self.dut
        dut.word_clear.value, dut.clear_place.value = 1, place
        await self.word(self.rng.randrange(self.codes >> self.low))
        dut.word_clear.value, dut.clear_place.value = 0, self.rng.randrange(self.codes >> self.low)

    async def head(self, code: int, second: bool) -> list[int | None]:
        """The newest value of a list that has some and the one before it; takes a cycle."""
        dut = self.dut
        dut.read_code.value = code
        await ReadOnly()
        index, width = dut.head_index.value, int(dut.INDEX_W.value)
        await FallingEdge(dut.clk)
        return [int(index[width - 1 : 0]), int(index[2 * width - 1 : width]) if second else None]

    async def follow(self, head: Sequence[int | None], waits: float) -> list[int]:
        """The values of a list from its newest one on, one a cycle; without a read the last link stays."""
        dut, rng = self.dut, self.rng
        values: list[int] = []
        index, then = head
        while index is not None:
            values.append(index)
            assert len(values) <= self.depth, "a list without end"
            dut.link_read.value, dut.link_from.value = 1, index
            await FallingEdge(dut.clk)
            dut.link_read.value, dut.link_from.value = 0, rng.randrange(self.depth)
            index = then if len(values) == 1 else self.link()  # that of the value before
            while rng.random() < waits:
                await FallingEdge(dut.clk)
        if values:
            await FallingEdge(dut.clk)
            assert self.link() is None, "the last link does not end the list"
        return values

    def place(self, code: int) -> int:
        """Place of a code's word: upper bits of the exponent, sign."""
        return (code % (1 << self.bits) >> self.low) << 1 | code >> self.bits

    def link(self) -> int | None:
        return None if int(self.dut.link_end.value) else int(self.dut.link_index.value)

    async def read(self, half: int, codes: Sequence[int], waits: float) -> None:
        """Read all lists of a half, empty them, compare them with the codes that were appended."""
        dut, rng = self.dut, self.rng
        dut.read_half.value, dut.read_select.value = 1 << half, half
        for place in rng.sample(range(self.codes >> self.low), self.codes >> self.low):
            if rng.random() < 0.2:
                await self.word(place)
            some, more = await self.word(place)
            await self.clear_word(place)
            counts = {code: list(codes).count(code) for code in range(self.codes) if self.place(code) == place}
            assert some == [code for code, count in counts.items() if count], f"half {half}, word {place}: {some}"
            assert more == [code for code, count in counts.items() if count > 1], f"half {half}, word {place}: {more}"
            for code in rng.sample(some, len(some)):
                found = await self.follow(await self.head(code, code in more), waits)
                expected = [index for index, one in enumerate(codes) if one == code][::-1]
                assert found == expected, f"half {half}, code {code}: {found}, not {expected}"
                self.compared += len(found)
            if rng.random() < 0.2:
                assert await self.word(place) == [[], []], f"half {half}, word {place} is not empty"
        dut.read_half.value = 0


@cocotb.test()
async def one_half_is_read_while_the_other_fills(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    before: list[int] = []
    for n in range(16):
        half, now = n & 1, bench.slice()
        await Combine(
            cocotb.start_soon(bench.append(half, now, bench.rng.choice((0.0, 0.3)))),
            cocotb.start_soon(bench.read(1 - half, before, bench.rng.choice((0.0, 0.3)))),
        )
        before = now
    await bench.read(half, before, 0.0)
    assert bench.compared > bench.depth


@cocotb.test()
async def one_list_of_everything(dut) -> None:
    """A slice of one code, and one in which every list gets its last values at the end."""
    bench = Bench(dut)
    await bench.begin()
    for codes in ([bench.codes - 1] * bench.depth, [index % bench.codes for index in range(bench.depth)]):
        for half in (0, 1):
            await bench.append(half, codes, 0.0)
        for half in (1, 0):
            await bench.read(half, codes, 0.0)
    assert bench.compared == 4 * bench.depth


@cocotb.test()
async def cleared_in_mid_slice(dut) -> None:
    """Whatever both halves hold when the reader empties all lists, the next slices are right."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(4):
        for half in (0, 1):
            await bench.append(half, bench.slice(), 0.0)
        await bench.clear()
        codes = bench.slice()
        for half in (0, 1):
            await bench.read(1 - half, [], 0.0)
            await bench.append(half, codes, 0.0)
            await bench.read(half, codes, 0.0)

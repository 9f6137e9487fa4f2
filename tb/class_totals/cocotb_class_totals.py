# SPDX-License-Identifier: Apache-2.0
"""Totals: tiles of any rows in any order under every kind of output stall, an end on its own, zeros between, reset."""

import os
import random

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

import streams
from shiftwork.golden.tr_units import SliceTotals

WIDTH = 48


class Bench:
    """The adder outside: `total` is `old` of two cycles before and a sum, and 0 where nothing is added."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        self.rows, self.cols = int(dut.ROWS.value), int(dut.COLS.value)
        self.stall = "none"

    async def begin(self) -> None:
        names = ("add_valid", "add_row", "add_last", "add_bank", "total", "out_ready")
        await streams.start(self.dut, low=["out_valid"], **dict.fromkeys(names, 0))
        self.begin_anew()

    async def reset(self) -> None:
        """What is added in it, a whole tile, is dropped."""
        dut = self.dut
        dut.rst.value = dut.add_valid.value = dut.add_last.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = dut.add_valid.value = dut.add_last.value = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        self.dut.total.value = 0
        self.model = SliceTotals(self.rows, self.cols, WIDTH)
        self.bank, self.cycle = 0, 0
        self.sums_of: dict[int, list[int]] = {}  # by cycle of their add_valid
        self.olds: dict[int, list[int]] = {}  # by cycle
        self.added: dict[int, int] = {}  # cycle in which a row was added to last
        self.busy = [True, True]
        self.freed = [0, 0]  # cycle of done
        self.beats, self.held = [], None

    async def clock(self) -> None:
        """One cycle: outputs are registers, so what is seen now is what the next edge transfers."""
        dut = self.dut
        self.cycle += 1
        ready = {"none": 1, "periodic": int(self.cycle % 3 == 0), "random": int(self.rng.random() < 0.4), "long": 0}
        dut.out_ready.value = ready[self.stall]
        sums, old = self.sums_of.pop(self.cycle - 3, None), self.olds.pop(self.cycle - 2, None)
        dut.total.value = 0 if sums is None else streams.pack(map(sum, zip(old, sums, strict=True)), WIDTH)
        if int(dut.out_valid.value):
            beat = int(dut.out_acc.value), int(dut.out_last.value)
            assert self.held in (None, beat), "a stalled beat is stable"
            self.held = beat
            if ready[self.stall]:
                self.beats.append(beat)
                self.held = None
        else:
            assert self.held is None, "a beat waits for out_ready"
        await ReadOnly()
        if self.cycle - 1 in self.sums_of:
            self.olds[self.cycle] = streams.unpack(int(dut.old.value), WIDTH, self.cols)
        if int(dut.done.value):
            bank = int(dut.done_bank.value)
            assert self.busy[bank]
            self.busy[bank] = False
            self.freed[bank] = self.cycle
        await FallingEdge(dut.clk)

    def sums(self) -> list[int]:
        low = -(1 << (WIDTH - 1))
        return [self.rng.choice((low, -low - 1, 0, -1, 1, self.rng.randrange(low, -low))) for _ in range(self.cols)]

    async def add(self, row: int, last: bool = False) -> None:
        """One row, as soon as it may be added to again."""
        dut, sums = self.dut, self.sums()
        while self.cycle + 1 < self.added.get(row, -9) + 3:
            await self.clock()
        self.model.add(self.bank, row, sums, False)
        self.added[row] = self.cycle + 1
        self.sums_of[self.cycle + 1] = sums
        dut.add_valid.value, dut.add_row.value, dut.add_bank.value = 1, row, self.bank
        dut.add_last.value = int(last)
        await self.clock()
        self.busy[self.bank] |= last
        dut.add_valid.value = dut.add_last.value = 0
        dut.add_row.value = self.rng.randrange(self.rows)

    async def free(self) -> None:
        for _ in range(2000):
            if not self.busy[self.bank] and self.cycle + 1 >= self.freed[self.bank] + 3:
                return
            await self.clock()
        raise AssertionError("done never came")

    async def tile(self, adds: int, gaps: float = 0.0, late: int = 0) -> list[tuple[int, int]]:
        """Add to rows in any order, to some perhaps never; returns the beats that must leave.

        late: cycles after its last sum in which the tile ends; 0: with it.
        """
        dut = self.dut
        await self.free()
        for n in range(adds):
            await self.add(self.rng.randrange(self.rows), n == adds - 1 and not late)
            while self.rng.random() < gaps:
                await self.clock()
        dut.add_bank.value = self.bank
        for cycle in range(late):
            dut.add_last.value = int(cycle == late - 1)
            await self.clock()
            self.busy[self.bank] = cycle == late - 1
        dut.add_last.value = 0
        beats = self.model.beats(self.bank)
        self.model.totals[self.bank] = 0
        self.bank ^= 1
        return [(streams.pack(row, WIDTH), int(n == self.rows - 1)) for n, row in enumerate(beats)]

    async def finish(self, expected: list[tuple[int, int]]) -> None:
        for _ in range(20 * (len(expected) + 2)):
            if len(self.beats) >= len(expected):
                break
            await self.clock()
        for _ in range(4):
            await self.clock()
        assert expected
        assert self.beats == expected


@cocotb.test()
async def random_tiles(dut) -> None:
    """Every row begins with 0, whatever the tile before had in it, also one that is never added to."""
    bench = Bench(dut)
    await bench.begin()
    for stall in ("none", "periodic", "random"):
        for gaps in (0.0, 0.7):
            bench.stall = stall
            expected = []
            for _ in range(15):
                expected += await bench.tile(bench.rng.randint(1, 4 * bench.rows), gaps)
            await bench.finish(expected)
            bench.beats.clear()


@cocotb.test()
async def the_end_may_come_alone(dut) -> None:
    """The end of a tile some cycles after its last sum, or without any: nothing leaves before."""
    bench = Bench(dut)
    await bench.begin()
    for stall in ("none", "random"):
        bench.stall = stall
        expected = []
        for _ in range(10):
            expected += await bench.tile(bench.rng.randint(0, 9), gaps=0.3, late=bench.rng.randint(1, 6))
        await bench.finish(expected)
        bench.beats.clear()


@cocotb.test()
async def output_waits_while_two_tiles_are_complete(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    bench.stall = "long"
    expected = await bench.tile(20) + await bench.tile(30)
    for _ in range(50):
        await bench.clock()
    assert bench.beats == []
    bench.stall = "none"
    await bench.finish(expected)


@cocotb.test()
async def beats_leave_in_their_cycles(dut) -> None:
    """The first one 5 cycles after the last row that is added to, the others every 2 cycles."""
    bench = Bench(dut)
    await bench.begin()
    expected = await bench.tile(bench.rows)
    first = max(bench.added.values()) + 5
    while bench.cycle < first + 2 * bench.rows:
        due = bench.cycle + 1 - first
        assert int(dut.out_valid.value) == int(due >= 0 and due % 2 == 0)
        await bench.clock()
        if len(bench.beats) == len(expected):
            break
    await bench.finish(expected)


@cocotb.test()
async def banks_are_free_after_a_reset(dut) -> None:
    """Bank 0 ROWS cycles after it, bank 1 as many later; rows that are added to first wait for no beat of it."""
    bench = Bench(dut)
    await bench.begin()
    await bench.reset()
    for n in range(2 * bench.rows):
        assert bench.busy == [n < bench.rows, True]
        await bench.clock()
    assert bench.busy == [False, False]
    for _ in range(10):
        await bench.clock()
    assert bench.beats == []


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for _ in range(20):
        bench.stall = bench.rng.choice(("none", "random", "long"))
        await bench.tile(bench.rng.randint(1, 9))
        await bench.tile(bench.rng.randint(1, 9))
        for _ in range(bench.rng.randrange(4)):
            await bench.clock()
        await bench.reset()
        if bench.rng.random() < 0.3:
            for _ in range(bench.rng.randrange(2 * bench.rows)):
                await bench.clock()
            await bench.reset()
        bench.stall = "random"
        await bench.finish(await bench.tile(2) + await bench.tile(2))

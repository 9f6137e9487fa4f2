# SPDX-License-Identifier: Apache-2.0
"""Totals: tiles of several slices under every kind of output stall, an end on its own, wrap, extremes, reset."""

import os
import random

import cocotb
from cocotb.triggers import FallingEdge

import streams
from shiftwork.golden.tr_units import SliceTotals, wrap


class Bench:
    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        self.rows, self.cols, self.width = (int(getattr(dut, n).value) for n in ("ROWS", "COLS", "SUM_W"))
        self.total_width, self.steps = int(dut.TOTAL_W.value), int(dut.STEPS.value)
        self.model = SliceTotals(self.rows, self.cols, self.total_width)
        self.stall = "none"

    async def begin(self) -> None:
        names = ("add_valid", "add_row", "add_first", "add_last", "add_bank", "add_sum", "out_ready")
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
        self.bank, self.cycle = 0, 0
        self.sums_of: dict[int, int] = {}  # by cycle; garbage stands in the others
        self.added: dict[int, int] = {}  # cycle in which a row was added to last
        self.busy = [False, False]
        self.beats, self.held = [], None

    async def clock(self) -> None:
        """One cycle: outputs are registers, so what is seen now is what the next edge transfers."""
        dut = self.dut
        self.cycle += 1
        ready = {"none": 1, "periodic": int(self.cycle % 3 == 0), "random": int(self.rng.random() < 0.4), "long": 0}
        dut.out_ready.value = ready[self.stall]
        dut.add_sum.value = self.sums_of.pop(self.cycle, self.rng.getrandbits(self.cols * self.width))
        if int(dut.out_valid.value):
            beat = int(dut.out_acc.value), int(dut.out_last.value)
            assert self.held in (None, beat), "a stalled beat is stable"
            self.held = beat
            if ready[self.stall]:
                self.beats.append(beat)
                self.held = None
        else:
            assert self.held is None, "a beat waits for out_ready"
        await cocotb.triggers.ReadOnly()
        if int(dut.done.value):
            bank = int(dut.done_bank.value)
            assert self.busy[bank]
            self.busy[bank] = False
        await FallingEdge(dut.clk)

    def sums(self, extreme: bool) -> list[int]:
        low = -(1 << (self.width - 1))
        if extreme:
            return [self.rng.choice((low, -low - 1, 0, -1, 1)) for _ in range(self.cols)]
        return [self.rng.randrange(low, -low) for _ in range(self.cols)]

    async def add(self, row: int, sums: list[int], first: bool, last: bool) -> None:
        """One row, as soon as it may be added to again; its halves are there in their own cycles alone."""
        dut, half = self.dut, self.total_width // self.steps
        while self.cycle + 1 < self.added.get(row, -9) + 3:
            await self.clock()
        self.model.add(self.bank, row, sums, first)
        self.added[row] = self.cycle + 1
        for step in range(self.steps):
            matters = (1 << self.width) - 1
            if self.steps == 2 and self.width > half:
                matters = (1 << half) - 1 if step == 0 else matters >> half << half
            words = [(v & matters) | (self.rng.getrandbits(self.width) & ~matters) for v in sums]
            self.sums_of[self.cycle + 3 + step] = sum(v << (c * self.width) for c, v in enumerate(words))
        dut.add_valid.value, dut.add_row.value, dut.add_bank.value = 1, row, self.bank
        dut.add_first.value, dut.add_last.value = int(first), int(last)
        await self.clock()
        dut.add_valid.value = dut.add_last.value = 0
        dut.add_row.value, dut.add_first.value = self.rng.randrange(self.rows), self.rng.getrandbits(1)
        if self.steps == 2:
            self.busy[self.bank] |= last
            await self.clock()

    async def tile(self, slices: int, extreme: bool = False, gaps: float = 0.0, late: int = 0) -> list[tuple[int, int]]:
        """Add the slices of a tile as its drains would; returns the beats that must leave.

        late: cycles after its last sum in which the tile ends; rows then come in any order.
        """
        dut = self.dut
        for _ in range(2000):
            if not self.busy[self.bank]:
                break
            await self.clock()
        assert not self.busy[self.bank], "done never came"
        for n in range(slices):
            for place, row in enumerate(self.rng.sample(range(self.rows), self.rows) if late else range(self.rows)):
                last = n == slices - 1 and place == self.rows - 1
                await self.add(row, self.sums(extreme), n == 0, last and not late)
            self.busy[self.bank] = n == slices - 1 and not late
            while self.rng.random() < gaps:
                await self.clock()
        for cycle in range(late):
            self.busy[self.bank] = cycle == late - 1
            dut.add_last.value = int(self.busy[self.bank])
            await self.clock()
        dut.add_last.value = 0
        beats = self.model.beats(self.bank)
        self.bank ^= 1
        width = self.total_width
        packed = [sum((v & ((1 << width) - 1)) << (width * c) for c, v in enumerate(row)) for row in beats]
        return [(value, int(row == self.rows - 1)) for row, value in enumerate(packed)]

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
    bench = Bench(dut)
    await bench.begin()
    for stall in ("none", "periodic", "random"):
        for gaps in (0.0, 0.7):
            bench.stall = stall
            expected = []
            for _ in range(15):
                expected += await bench.tile(bench.rng.choice((1, 1, 2, 5)), bench.rng.random() < 0.3, gaps)
            await bench.finish(expected)
            bench.beats.clear()


@cocotb.test()
async def the_end_may_come_alone(dut) -> None:
    """Rows in any order, and the end of a tile some cycles after its last sum: nothing leaves before."""
    bench = Bench(dut)
    await bench.begin()
    for stall in ("none", "random"):
        bench.stall = stall
        expected = []
        for _ in range(10):
            expected += await bench.tile(bench.rng.randint(1, 3), gaps=0.3, late=bench.rng.randint(1, 6))
        await bench.finish(expected)
        bench.beats.clear()


@cocotb.test()
async def output_waits_while_two_tiles_are_complete(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    bench.stall = "long"
    expected = await bench.tile(2) + await bench.tile(3)
    for _ in range(50):
        await bench.clock()
    assert bench.beats == []
    bench.stall = "none"
    await bench.finish(expected)


@cocotb.test()
async def totals_wrap(dut) -> None:
    """At TOTAL_W bits, which only the widest sums reach."""
    bench = Bench(dut)
    await bench.begin()
    slices = 5 if bench.width >= bench.total_width - 1 else 3
    expected = await bench.tile(slices, extreme=True)
    await bench.finish(expected)
    assert wrap(1 << 31, 32) == -(1 << 31)


@cocotb.test()
async def beats_leave_in_their_cycles(dut) -> None:
    """The first one STEPS + 2 cycles after the last sum, the others every STEPS + 1 cycles."""
    bench = Bench(dut)
    await bench.begin()
    bench.stall = "none"
    expected = await bench.tile(1)
    first = bench.added[bench.rows - 1] + 2 + bench.steps + 2
    while bench.cycle < first + bench.rows * (bench.steps + 1):
        due = bench.cycle + 1 - first
        assert int(dut.out_valid.value) == int(due >= 0 and due % (bench.steps + 1) == 0)
        await bench.clock()
        if len(bench.beats) == len(expected):
            break
    await bench.finish(expected)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for _ in range(20):
        bench.stall = bench.rng.choice(("none", "random", "long"))
        await bench.tile(bench.rng.randint(1, 3))
        await bench.tile(bench.rng.randint(1, 3))
        for _ in range(bench.rng.randrange(4)):
            await bench.clock()
        await bench.reset()
        bench.stall = "random"
        await bench.finish(await bench.tile(2))

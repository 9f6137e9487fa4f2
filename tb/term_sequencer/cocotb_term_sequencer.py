# SPDX-License-Identifier: Apache-2.0
"""Sequencer: the operations of random and corner slices under stalls, their exact number of cycles, drains, reset,
slices that are sorted while others run."""

import os
import random
from itertools import pairwise

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from shiftwork.golden.tr_units import PLANES, Cell, Op, Operation, TileConfig, operations, slice_lists

Lists = list[list[tuple[int, bool]]]


class Bench:
    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        self.index_w = int(dut.INDEX_W.value)
        self.block = int(dut.BLOCK.value)
        self.lead = self.block + 6
        self.slot = 3
        self.ring = 2 << self.index_w
        self.tails = [-1] * PLANES

    async def begin(self) -> None:
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for name in ("start", "start_slot", "go", "drain", "fill_bounds", "fill_entry", "fill_slot"):
            getattr(dut, name).value = 0
        for name in ("fill_plane", "fill_previous", "fill_position", "fill_data"):
            getattr(dut, name).value = 0
        await self.reset(2)

    async def reset(self, cycles: int = 1) -> None:
        self.dut.rst.value = 1
        for _ in range(cycles):
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = self.dut.drain.value = 0
        await ReadOnly()
        assert self.observed() is None, "nothing is issued in reset"
        assert not int(self.dut.finished.value)
        assert int(self.dut.idle.value)
        await FallingEdge(self.dut.clk)

    async def fill(self, lists: Lists) -> None:
        dut = self.dut
        self.slot = (self.slot + 1) & 3
        dut.fill_slot.value = self.slot
        for plane, entries in enumerate(lists):
            previous = self.tails[plane]
            self.tails[plane] += len(entries)
            dut.fill_plane.value = plane
            dut.fill_previous.value = previous % self.ring
            dut.fill_bounds.value, dut.fill_position.value = 1, self.tails[plane] % self.ring
            await FallingEdge(dut.clk)
            dut.fill_bounds.value, dut.fill_entry.value = 0, 1
            for number, (index, negative) in enumerate(entries):
                dut.fill_position.value = (previous + 1 + number) % self.ring
                dut.fill_data.value = (negative << (self.index_w + 1)) | index
                await FallingEdge(dut.clk)
            dut.fill_entry.value = 0

    def observed(self) -> Operation | None:
        """The operation in the output register; None where it has no effect on any cell."""
        dut = self.dut
        op, term = Op(int(dut.op.value)), int(dut.op_term.value)
        if op == Op.ADD and not term:
            return None
        index = int(dut.op_address.value) if term else None
        return Operation(op, index, bool(int(dut.op_fill.value)) if op == Op.SHIFT else False)

    async def start(self) -> None:
        """Start the slice that was filled last."""
        dut = self.dut
        assert int(dut.idle.value)
        dut.start.value, dut.start_slot.value = 1, self.slot
        await FallingEdge(dut.clk)
        dut.start.value, dut.start_slot.value = 0, self.rng.randrange(4)

    async def wait(self, cycles: int) -> None:
        """Let cycles pass before `go`, drains among them."""
        dut = self.dut
        for n in range(cycles):
            dut.drain.value = n & 1
            await ReadOnly()
            assert not int(dut.finished.value)
            await FallingEdge(dut.clk)
            assert int(dut.op.value) == (Op.NORTH if n & 1 else Op.ADD)
            assert not int(dut.op_term.value)
        dut.drain.value = 0

    async def issue(
        self, lists: Lists, stall: float = 0.0, abort: int | None = None, ahead: bool = False, stay: int = 0
    ) -> bool:
        """Run a slice and compare its operations; `ahead` starts the next one, filled before, as early as possible."""
        dut = self.dut
        expected = operations(lists, self.block)
        seen, cycle, done, started = [], 0, False, not ahead
        while not done:
            dut.go.value = int(self.rng.random() >= stall)
            await ReadOnly()
            done = bool(int(dut.finished.value))
            start = not started and bool(int(dut.idle.value))
            await FallingEdge(dut.clk)
            cycle += 1
            dut.start.value, dut.start_slot.value = int(start), self.slot
            started |= start
            operation = self.observed()
            if operation:
                seen.append(operation)
            if abort is not None and cycle >= abort:
                dut.start.value = 0
                dut.drain.value = int(not int(dut.go.value))
                await self.reset()
                dut.go.value = dut.drain.value = 0
                return False
            assert cycle < 20 + 20 * len(expected), "the slice does not end"
        for _ in range(stay):  # the other rows are not finished yet
            dut.go.value = 1
            await ReadOnly()
            assert int(dut.finished.value)
            await FallingEdge(dut.clk)
            dut.start.value = 0
            assert self.observed() is None
        dut.go.value = 0
        effects = [
            Operation(o.op, o.index, o.fill if o.op == Op.SHIFT else False)
            for o in expected
            if o.op != Op.ADD or o.index is not None
        ]
        assert seen == effects
        if stall == 0.0:
            assert cycle == len(expected)
        await FallingEdge(dut.clk)
        dut.start.value = 0
        if not started:
            await self.start()
        assert self.observed() is None
        assert not int(dut.finished.value)
        return True

    async def run(self, lists: Lists, stall: float = 0.0, wait: int = 0, abort: int | None = None) -> bool:
        """Fill, start and run one slice; `wait` is in addition to the lead that the sequencer asks for."""
        await self.fill(lists)
        await self.start()
        await self.wait(self.lead - 1 + wait)
        return await self.issue(lists, stall, abort)


def random_lists(rng: random.Random, depth: int) -> Lists:
    length = rng.randint(1, depth)
    low, high = rng.choice(((-128, 127), (0, 255), (-128, -1), (-3, 3), (0, 0)))
    values = [rng.randint(low, high) for _ in range(length)]
    if rng.random() < 0.3:
        values = [rng.choice((0, 0, 0, rng.randint(low, high))) for _ in values]
    config = TileConfig(tr_en=rng.random() < 0.5, group=4, budget=rng.randint(1, 8), hese=rng.random() < 0.7)
    return slice_lists(config, values, depth)[0]


@cocotb.test()
async def corner_slices(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    depth = 1 << bench.index_w
    for sign in (False, True):
        empty: Lists = [[] for _ in range(PLANES)]
        await bench.run(empty)
        await bench.run([[(i, sign) for i in range(depth)] for _ in range(PLANES)])
        for plane in range(PLANES):
            one: Lists = [[] for _ in range(PLANES)]
            one[plane] = [(depth - 1, sign)]
            await bench.run(one)
        await bench.run([[(p, bool(p & 1) ^ sign)] for p in range(PLANES)])
        await bench.run([[(p, sign), (p + 1, not sign)] for p in range(PLANES)])
        await bench.run([[(p, sign), (p + 1, not sign), (p + 2, sign)] for p in range(PLANES)], wait=6)


@cocotb.test()
async def random_slices(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for _ in range(60):
        lists = random_lists(bench.rng, min(16, 1 << bench.index_w))
        await bench.run(lists, bench.rng.choice((0.0, 0.0, 0.3, 0.8)), bench.rng.choice((0, 0, 1, 2, 3, 9)))


@cocotb.test()
async def slices_sorted_ahead(dut) -> None:
    """A slice is started while the one before runs; it runs without a gap in its operations."""
    bench = Bench(dut)
    await bench.begin()
    depth = 1 << bench.index_w
    slices = [random_lists(bench.rng, depth) for _ in range(40)]
    slices += [[[] for _ in range(PLANES)]] * 3 + [[[(p, bool(p & 1))] for p in range(PLANES)]] * 3
    full: Lists = [[(i, bool(i & 1)) for i in range(depth)] for _ in range(PLANES)]
    slices += [full, slices[-1], full, full, slices[0]]
    bench.rng.shuffle(slices)
    await bench.fill(slices[0])
    await bench.start()
    await bench.wait(bench.lead - 1)
    for lists, following in pairwise(slices):
        await bench.fill(following)
        stall = bench.rng.choice((0.0, 0.0, 0.3))
        await bench.issue(lists, stall, ahead=True, stay=bench.rng.choice((0, 0, 1, 5)))
        await bench.wait(bench.lead)
    await bench.issue(slices[-1])


@cocotb.test()
async def reset_at_any_cycle(dut) -> None:
    """The slice after a reset is right; every fourth begins with both signs, after one that is all negative."""
    bench = Bench(dut)
    await bench.begin()
    negative: Lists = [[(p, True), (p + 1, True)] for p in range(PLANES)]
    both: Lists = [[(p, False), (p + 1, True)] for p in range(PLANES)]
    for n in range(40):
        lists = random_lists(bench.rng, min(16, 1 << bench.index_w)) if n % 4 else negative
        await bench.run(lists, bench.rng.choice((0.0, 0.3)), abort=bench.rng.randrange(1, 30))
        await bench.run(random_lists(bench.rng, 8) if n % 4 else both)


@cocotb.test()
async def operations_compute_the_dot_product(dut) -> None:
    """The model itself: Horner's rule over the operations of a slice gives the dot product."""
    rng = random.Random(int(os.environ["SHW_SEED"]))
    dut.rst.value = 1
    for _ in range(200):
        values = np.array([rng.randint(-128, 127) for _ in range(rng.randint(1, 256))])
        others = np.array([rng.randint(-128, 256) for _ in values])
        cell = Cell(24)
        lists = slice_lists(TileConfig(hese=rng.random() < 0.5), values.tolist())[0]
        for o in operations(lists, rng.choice((1, 4, 16, 256))):
            cell.step(o.op, int(o.fill), 0 if o.index is None else int(others[o.index]))
        assert cell.value == int(values @ others)

# SPDX-License-Identifier: Apache-2.0
"""Sequencer: the operations of random and corner slices, their exact number of cycles, stalls of `go` and of the
blocks, drains, reset, slices that follow each other.

The bench is the walker: it offers blocks while their slots are free, and holds their masks until the slot is released.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly

from shiftwork.golden.tr_units import (
    PLANES,
    Block,
    Cell,
    Op,
    Operation,
    TileConfig,
    blocks,
    operations,
    slice_bitmaps,
)
from streams import rng, start

LATENCY = 4
"""Cycles from a block to its first operation."""

Blocks = list[Block]


class Bench:
    def __init__(self, dut, salt: str) -> None:
        self.dut = dut
        self.rng = rng(salt)
        self.words, self.slots = 2 << int(dut.WORD_W.value), 1 << int(dut.SLOT_W.value)
        self.restart()

    def restart(self) -> None:
        self.queue: deque[Block] = deque()  # to be offered
        self.offered: Block | None = None
        self.taken = self.released = 0  # blocks with terms
        self.masks: dict[int, Block] = {}  # by slot; a free slot holds anything

    async def begin(self) -> None:
        names = ("go", "drain", "block_valid", "block_end", "block_shifts", "block_word", "block_positive")
        idle = dict.fromkeys((*names, "block_negative", "mask_positive", "mask_negative"), 0)
        await start(self.dut, low=("op", "op_term", "finished"), **idle)

    async def step(self, go: int = 0, drain: int = 0, blocks_come: float = 1.0) -> bool:
        """One cycle; returns whether `finished` was high in it."""
        dut = self.dut
        dut.go.value, dut.drain.value = go, drain
        free = self.taken - self.released < self.slots or (self.queue and self.queue[0].word is None)
        if self.offered is None and self.queue and free and self.rng.random() < blocks_come:
            self.offered = self.queue.popleft()
            if self.offered.word is not None:
                self.masks[self.taken % self.slots] = self.offered
        block = self.offered or self.random_block()
        dut.block_valid.value = int(self.offered is not None)
        dut.block_end.value = int(block.word is None)
        dut.block_shifts.value = block.shifts
        dut.block_word.value = self.rng.randrange(self.words) if block.word is None else block.word
        for sign, port in enumerate((dut.block_positive, dut.block_negative)):
            port.value = sum(bool(mask) << quarter for quarter, mask in enumerate(block.quarters(sign)))
        address = str(dut.mask_address.value)
        masks = self.rng.getrandbits(8), self.rng.getrandbits(8)
        if set(address) <= {"0", "1"} and int(address, 2) // 4 in self.masks:
            there = self.masks[int(address, 2) // 4]
            masks = there.quarters(0)[int(address, 2) % 4], there.quarters(1)[int(address, 2) % 4]
        dut.mask_positive.value, dut.mask_negative.value = masks
        await ReadOnly()
        finished = bool(int(dut.finished.value))
        if int(dut.block_take.value) and self.offered is not None:
            self.taken += self.offered.word is not None
            self.offered = None
        if int(dut.slot_release.value):
            assert self.released < self.taken, "a slot that holds no block is released"
            del self.masks[self.released % self.slots]
            self.released += 1
        await FallingEdge(dut.clk)
        return finished

    def observed(self) -> Operation | None:
        """The operation in the output register; None where it has no effect on any cell."""
        dut = self.dut
        op, term = Op(int(dut.op.value)), int(dut.op_term.value)
        if op == Op.ADD and not term:
            return None
        return Operation(op, int(dut.op_address.value) if term else None, bool(int(dut.op_fill.value)))

    async def wait(self, cycles: int) -> None:
        """Let cycles pass before `go`, drains among them."""
        for n in range(cycles):
            assert not await self.step(drain=n & 1)
            assert int(self.dut.op.value) == (Op.NORTH if n & 1 else Op.ADD)
            assert not int(self.dut.op_term.value)

    async def issue(
        self, slice_: Blocks, stall: float = 0.0, blocks_come: float = 1.0, abort: int | None = None, stay: int = 0
    ) -> int:
        """Run a slice and compare its operations; `abort`: reset instead, that many cycles later.

        Returns the cycles with `go` until `finished`.
        """
        expected = operations(slice_)
        seen, cycle, finished = [], 0, False
        while not finished:
            if abort is not None and cycle >= abort:
                await self.reset()
                return cycle
            finished = await self.step(int(self.rng.random() >= stall), 0, blocks_come)
            operation = self.observed()
            if operation:
                seen.append(operation)
            cycle += not finished
            assert cycle < 50 + 100 * len(expected), "the slice does not end"
        if int(self.dut.go.value):
            for _ in range(stay):  # the other rows are not finished yet
                assert await self.step(1, 0, blocks_come)
                assert self.observed() is None
            assert await self.step(0, 0, blocks_come)
        assert self.observed() is None
        effects = [o for o in expected if o.op != Op.ADD or o.index is not None]
        assert seen == effects
        assert not await self.step(0, 0, blocks_come)
        return cycle

    async def run(self, slice_: Blocks, stall: float = 0.0, blocks_come: float = 1.0, abort: int | None = None) -> None:
        """Offer the blocks of a slice and run it; in time where nothing stalls."""
        self.queue.extend(slice_)
        await self.wait(self.rng.randint(0, 9) if stall or blocks_come < 1.0 else LATENCY - 1)
        cycles = await self.issue(slice_, stall, blocks_come, abort)
        if not stall and blocks_come == 1.0 and abort is None:
            assert cycles == len(operations(slice_))

    async def reset(self) -> None:
        dut = self.dut
        dut.go.value = self.rng.randrange(2)
        dut.drain.value = 1 - int(dut.go.value)
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = dut.drain.value = dut.go.value = 0
        self.restart()

    def random_block(self) -> Block:
        """Any block: few terms or many, of one sign or both."""
        nonzero = self.rng.choice((1 << self.rng.randrange(32), self.rng.getrandbits(32), self.rng.getrandbits(32) | 1))
        nonzero &= self.rng.choice((-1, 0xFF << 8 * self.rng.randrange(4), 0x01010101)) or 1
        nonzero = nonzero or 1 << self.rng.randrange(32)
        negative = nonzero & self.rng.choice((0, -1, self.rng.getrandbits(32)))
        shifts = self.rng.choice((0, 0, 1, 1, 2, self.rng.randrange(PLANES)))
        return Block(shifts, self.rng.randrange(self.words), nonzero & ~negative, negative)

    def random_blocks(self, most: int) -> Blocks:
        """Any blocks of a slice, the first one without shifts; none: only its end."""
        found = [self.random_block() for _ in range(self.rng.randrange(most + 1))]
        if found:
            found[0] = Block(0, found[0].word, found[0].positive, found[0].negative)
        return [*found, Block(self.rng.choice((0, 1, 7)) if found else 0)]

    def slice(self, length: int | None = None) -> tuple[Blocks, np.ndarray]:
        """The blocks of random values, and the values that they stand for, by place."""
        group = self.rng.choice((1, 4, 8, 32))
        if length is None:
            length = min(40, 4 * self.words * min(group, 8))
        low, high = self.rng.choice(((-128, 127), (-128, 127), (0, 255), (-128, -1), (-3, 3), (0, 0)))
        share = self.rng.choice((0.0, 0.0, 0.6, 0.95))
        values = [0 if self.rng.random() < share else self.rng.randint(low, high) for _ in range(length)]
        config = TileConfig(self.rng.random() < 0.5, group, self.rng.randint(1, 12), 0, self.rng.random() < 0.7)
        digits = slice_bitmaps(config, values)
        found = blocks(digits, max(config.group, 8) if config.tr_en else 0, config.budget)
        kept = np.zeros(digits.shape[1], np.int64)
        plane = max((p for p in range(PLANES) if digits[p].any()), default=0)
        for block in found:
            plane -= block.shifts
            if block.word is not None:
                for place in range(32):
                    digit = (block.positive >> place & 1) - (block.negative >> place & 1)
                    kept[32 * block.word + place] += digit << plane
        return found, kept


@cocotb.test()
async def corner_slices(dut) -> None:
    """One term in every place, full words of one sign or both, planes without terms, changes of sign anywhere."""
    bench = Bench(dut, "corners")
    await bench.begin()
    await bench.run([Block(0)])
    last = bench.words - 1
    full = (1 << 32) - 1
    for place in range(32):
        await bench.run([Block(0, place % bench.words, 1 << place), Block(place % PLANES)])
        await bench.run([Block(0, last, 0, 1 << place), Block(place % PLANES)])
    for one in (Block(0, last, full), Block(0, 0, 0, full), Block(0, 1, 0x0F0F00FF, 0xF0F0FF00)):
        again = [Block(1, one.word, one.positive, one.negative) for _ in range(PLANES - 1)]
        await bench.run([one, *again, Block(0)])
    for shifts in (0, 1, 2, PLANES - 1):
        for signs in ((1, 0), (0, 1), (2, 1), (1, 2), (1 << 31, 1), (1, 1 << 31)):
            for before in ((1, 0), (0, 1)):
                await bench.run([Block(0, 0, *before), Block(shifts, 1, *signs), Block(PLANES - 1 - shifts)])


@cocotb.test()
async def random_slices(dut) -> None:
    """Blocks of values and any blocks; `go` and the blocks stall."""
    bench = Bench(dut, "random")
    await bench.begin()
    for n in range(120):
        slice_ = bench.slice()[0] if n % 3 else bench.random_blocks(9)
        await bench.run(slice_, bench.rng.choice((0.0, 0.0, 0.3, 0.8)), bench.rng.choice((1.0, 1.0, 0.4, 0.05)))


@cocotb.test()
async def slices_follow_each_other(dut) -> None:
    """The blocks of the next slices wait; each runs without a gap in its operations."""
    bench = Bench(dut, "follow")
    await bench.begin()
    slices = [bench.slice()[0] for _ in range(30)] + [bench.random_blocks(4) for _ in range(10)] + [[Block(0)]] * 3
    bench.rng.shuffle(slices)
    for slice_ in slices:
        bench.queue.extend(slice_)
    await bench.wait(LATENCY - 1)
    for slice_ in slices:
        stall = bench.rng.choice((0.0, 0.0, 0.3))
        cycles = await bench.issue(slice_, stall, stay=bench.rng.choice((0, 0, 1, 5)))
        if not stall:
            assert cycles == len(operations(slice_))
        await bench.wait(bench.rng.choice((0, 1, 2, 8)))


@cocotb.test()
async def latency(dut) -> None:
    """The first operation leaves LATENCY cycles after its block comes."""
    bench = Bench(dut, "latency")
    await bench.begin()
    bench.queue.extend([Block(0, 1, 2, 0), Block(0)])
    for n in range(LATENCY):
        await bench.step(1)
        assert (bench.observed() == Operation(Op.ADD, 33, False)) == (n == LATENCY - 1)


@cocotb.test()
async def reset_at_any_cycle(dut) -> None:
    """The slice after a reset is right; every fourth begins with both signs, after one that is all negative."""
    bench = Bench(dut, "reset")
    await bench.begin()
    negative = [Block(0, 0, 0, 255), Block(1, 1, 0, 255), Block(3)]
    both = [Block(0, 0, 1, 2), Block(1, 1, 1, 2), Block(0)]
    for n in range(60):
        slice_ = bench.slice()[0] if n % 4 else negative
        await bench.run(slice_, bench.rng.choice((0.0, 0.3)), abort=bench.rng.randrange(30))
        if bench.queue or bench.offered or bench.masks:  # the slice ended before
            await bench.reset()
        await bench.run(bench.slice()[0] if n % 4 else both)


@cocotb.test()
async def operations_compute_the_dot_product(dut) -> None:
    """The model itself: Horner's rule over the operations of a slice gives the dot product; their number is that of
    the block's description."""
    dut.rst.value = 1
    bench = Bench(dut, "model")
    for _ in range(200):
        slice_, values = bench.slice(bench.rng.randint(1, 256))
        others = np.array([bench.rng.randint(-128, 256) for _ in values])
        cell = Cell(24)
        found = operations(slice_)
        for o in found:
            cell.step(o.op, int(o.fill), 0 if o.index is None else int(others[o.index]))
        assert cell.value == int(values @ others)
        terms = [o for o in found if o.index is not None]
        shifts = sum(block.shifts for block in slice_)
        with_terms = sum(block.shifts > 0 for block in slice_ if block.word is not None)
        changes = sum(
            before.op == Op.SHIFT and before.index is None and o.op == Op.FLIP and o.index is not None
            for before, o in pairwise(found)
        )
        assert len(found) == len(terms) + (shifts - with_terms) + changes + 1

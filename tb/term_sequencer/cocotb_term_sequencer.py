# SPDX-License-Identifier: Apache-2.0
"""Sequencer: the operations of random and corner slices, their exact number of cycles, stalls of `go` and of the
masks, drains, reset, slices that follow each other.

The bench is the walker: it hands over masks, some of them without terms, and stops a little after `hold`.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly

from shiftwork.compile.tr_cycles import Sequencer
from shiftwork.golden.tr_units import (
    PART,
    PLANES,
    Cell,
    Mask,
    Op,
    Operation,
    Planes,
    TileConfig,
    masks,
    operations,
    slice_bitmaps,
)
from streams import rng, start

LATENCY = 7
"""Cycles from a mask to its first operation."""
LATE = 6
"""Masks that may come while `hold`."""

Offer = tuple[Mask, int]
"""A mask; what ends with it: 0 nothing, 2 its plane, 3 the slice."""


def offers(planes: Planes) -> list[Offer]:
    """Masks as the walker hands them over, the last one of a plane without terms if need be."""
    found: list[Offer] = []
    for number, plane in enumerate(planes):
        ends = 3 if number == len(planes) - 1 else 2
        whole = plane or [Mask(0)]
        found += [(mask, ends * (mask is whole[-1])) for mask in whole]
    return found


class Bench:
    def __init__(self, dut, salt: str) -> None:
        self.dut = dut
        self.rng = rng(salt)
        self.quarters = 8 << int(dut.WORD_W.value)
        self.restart()

    def restart(self) -> None:
        self.queue: deque[Offer] = deque()  # to be handed over
        self.late = 0  # masks while `hold`
        self.cycle = 0
        self.handed: list[tuple[int, Offer]] = []  # cycle

    async def begin(self) -> None:
        names = ("go", "drain", "mask_valid", "mask_plane", "mask_slice", "mask_place", "mask_positive")
        await start(self.dut, low=("op", "op_term", "finished"), **dict.fromkeys((*names, "mask_negative"), 0))

    async def step(self, go: int = 0, drain: int = 0, masks_come: float = 1.0) -> bool:
        """One cycle; returns whether `finished` was high in it."""
        dut = self.dut
        dut.go.value, dut.drain.value = go, drain
        late = int(dut.hold.value) and self.late >= LATE
        comes = bool(self.queue) and not late and self.rng.random() < masks_come
        self.late = self.late + comes if int(dut.hold.value) else 0
        mask, ends = self.random_mask(), self.rng.choice((0, 2, 3))
        if comes and self.rng.random() < 0.1 and masks_come < 1.0:
            mask, ends = Mask(mask.quarter), 0  # one without terms
        elif comes:
            mask, ends = self.queue.popleft()
        if comes:
            self.handed.append((self.cycle, (mask, ends)))
        dut.mask_valid.value = int(comes)
        dut.mask_plane.value, dut.mask_slice.value = ends >> 1, int(ends == 3)
        dut.mask_place.value = mask.quarter
        dut.mask_positive.value, dut.mask_negative.value = mask.signs
        await ReadOnly()
        finished = bool(int(dut.finished.value))
        await FallingEdge(dut.clk)
        self.cycle += 1
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
        self, slice_: Planes, stall: float = 0.0, masks_come: float = 1.0, abort: int | None = None, stay: int = 0
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
            finished = await self.step(int(self.rng.random() >= stall), 0, masks_come)
            operation = self.observed()
            if operation:
                seen.append(operation)
            cycle += not finished
            assert cycle < 50 + 100 * len(expected), "the slice does not end"
        if int(self.dut.go.value):
            for _ in range(stay):  # the other rows are not finished yet
                assert await self.step(1, 0, masks_come)
                assert self.observed() is None
            assert await self.step(0, 0, masks_come)
        assert self.observed() is None
        effects = [o for o in expected if o.op != Op.ADD or o.index is not None]
        assert seen == effects
        assert not await self.step(0, 0, masks_come)
        return cycle

    async def run(self, slice_: Planes, stall: float = 0.0, masks_come: float = 1.0, abort: int | None = None) -> None:
        """Hand over a slice and run it; as fast as the cycle model where nothing stalls."""
        self.queue.extend(offers(slice_))
        await self.wait(self.rng.randint(0, 60))
        begun = self.cycle
        cycles = await self.issue(slice_, stall, masks_come, abort)
        if not stall and masks_come == 1.0 and abort is None:
            model = Sequencer()
            model.go = begun
            for cycle, (mask, ends) in self.handed:
                model.put(cycle + 2, tuple(part.bit_count() for part in mask.signs), ends)
            assert begun + cycles == model.issued + 1
        self.handed.clear()

    async def reset(self) -> None:
        dut = self.dut
        dut.go.value = self.rng.randrange(2)
        dut.drain.value = 1 - int(dut.go.value)
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = dut.drain.value = dut.go.value = 0
        self.restart()

    def random_mask(self) -> Mask:
        """Any mask: few terms or many, of one sign or both."""
        nonzero = self.rng.choice((1 << self.rng.randrange(8), self.rng.getrandbits(8) | 1, 255))
        negative = nonzero & self.rng.choice((0, -1, self.rng.getrandbits(8)))
        return Mask(self.rng.randrange(self.quarters), nonzero & ~negative, negative)

    def random_planes(self, most: int) -> Planes:
        """Any masks of a slice, none in some planes."""
        return [
            [self.random_mask() for _ in range(self.rng.choice((0, 1, self.rng.randrange(most + 1))))]
            for _ in range(self.rng.randint(1, PLANES))
        ]

    def slice(self, length: int | None = None) -> tuple[Planes, np.ndarray]:
        """What stays of random values, and the values that it stands for, by place."""
        group = self.rng.choice((1, 4, 8, 32))
        if length is None:
            length = min(40, self.quarters // 2 * min(group, 8))
        low, high = self.rng.choice(((-128, 127), (-128, 127), (0, 255), (-128, -1), (-3, 3), (0, 0)))
        share = self.rng.choice((0.0, 0.0, 0.6, 0.95))
        values = [0 if self.rng.random() < share else self.rng.randint(low, high) for _ in range(length)]
        config = TileConfig(self.rng.random() < 0.5, group, self.rng.randint(1, 12), 0, self.rng.random() < 0.7)
        digits = slice_bitmaps(config, values)
        found = masks(digits, max(config.group, 8) if config.tr_en else 0, config.budget)
        kept = np.zeros(digits.shape[1], np.int64)
        for plane, there in enumerate(reversed(found)):
            for mask in there:
                for place in range(8):
                    digit = (mask.positive >> place & 1) - (mask.negative >> place & 1)
                    kept[8 * mask.quarter + place] += digit << plane
        return found, kept


@cocotb.test()
async def corner_slices(dut) -> None:
    """One term in every place, full planes of one sign or both, planes without terms, changes of sign anywhere."""
    bench = Bench(dut, "corners")
    await bench.begin()
    await bench.run([[]])
    last = bench.quarters - 1
    for place in range(8):
        empty = [[] for _ in range(place)]
        await bench.run([[Mask(place % bench.quarters, 1 << place)], *empty])
        await bench.run([*empty, [Mask(last, 0, 1 << place)]])
    for full in ((255, 0), (0, 255), (15, 240), (1, 254)):
        await bench.run([[Mask(last, *full)]] * PLANES)
    for shifts in (1, 2, PLANES - 1):
        for signs in ((1, 0), (0, 1), (2, 1), (1, 2)):
            for before in ((1, 0), (0, 1)):
                empty, below = [[] for _ in range(shifts - 1)], [[] for _ in range(PLANES - 1 - shifts)]
                await bench.run([[Mask(0, *before)], *empty, [Mask(1, *signs)], *below])
    # parts of a plane, of one sign after the other and of both
    for signs in ((1, 0), (0, 1), (1, 2)):
        for count in (PART - 1, PART, PART + 1, 2 * PART, 70):
            plane = [Mask(n % bench.quarters, *signs) for n in range(count)]
            await bench.run([plane, [Mask(0, 2)], [], [*plane, Mask(1, 4, 8)]])


@cocotb.test()
async def random_slices(dut) -> None:
    """Masks of values and any masks; `go` and the masks stall."""
    bench = Bench(dut, "random")
    await bench.begin()
    for n in range(120):
        slice_ = bench.slice()[0] if n % 3 else bench.random_planes(40)
        await bench.run(slice_, bench.rng.choice((0.0, 0.0, 0.3, 0.8)), bench.rng.choice((1.0, 1.0, 0.4, 0.1)))


@cocotb.test()
async def queues_fill(dut) -> None:
    """The masks of the next slices wait; `hold` stops them, and none is lost; each slice runs with few gaps."""
    bench = Bench(dut, "follow")
    await bench.begin()
    slices = [bench.slice()[0] for _ in range(30)] + [bench.random_planes(30) for _ in range(10)] + [[[]]] * 3
    bench.rng.shuffle(slices)
    for slice_ in slices:
        bench.queue.extend(offers(slice_))
    await bench.wait(100)
    assert int(dut.hold.value)
    for slice_ in slices:
        stall = bench.rng.choice((0.0, 0.0, 0.3))
        cycles = await bench.issue(slice_, stall, stay=bench.rng.choice((0, 0, 1, 5)))
        if not stall:
            assert 0 <= cycles - len(operations(slice_)) <= 3 * len(slice_)
        await bench.wait(40)


@cocotb.test()
async def latency(dut) -> None:
    """The first operation leaves LATENCY cycles after its mask comes."""
    bench = Bench(dut, "latency")
    await bench.begin()
    bench.queue.extend(offers([[Mask(5, 2)], []]))
    for n in range(LATENCY):
        await bench.step(1)
        assert (bench.observed() == Operation(Op.ADD, 41, False)) == (n == LATENCY - 1)


@cocotb.test()
async def reset_at_any_cycle(dut) -> None:
    """The slice after a reset is right; every fourth begins with both signs, after one that is all negative."""
    bench = Bench(dut, "reset")
    await bench.begin()
    negative = [[Mask(n, 0, 255) for n in range(16)]] * 4
    both = [[Mask(0, 1, 2)], [Mask(1, 1, 2)]]
    for n in range(60):
        slice_ = bench.random_planes(30) if n % 4 else negative
        await bench.run(slice_, bench.rng.choice((0.0, 0.3)), abort=bench.rng.randrange(60))
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
        filled = [bool(plane) for plane in slice_]
        filled[-1] = True  # the end
        shifts = filled[filled.index(True) + 1 :] if terms else [True]
        changes = sum(
            before.op == Op.SHIFT and before.index is None and o.op == Op.FLIP for before, o in pairwise(found)
        )
        assert len(found) == len(terms) + shifts.count(False) + changes + 1

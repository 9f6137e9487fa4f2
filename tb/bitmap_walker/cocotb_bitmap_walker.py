# SPDX-License-Identifier: Apache-2.0
"""Bitmap walker: what stays of slices under every group and budget, while `hold` comes and goes, one slice after the
other, the cycles that it takes, reset.

The bench is the memory on one side, with anything where a slice has no values, and takes the masks on the other.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly

from shiftwork.compile.tr_cycles import Reveal, Row, Sequencer, walks
from shiftwork.golden.tr_units import PLANES, Mask, Planes, TileConfig, masks, slice_bitmaps
from streams import rng, start

LATENCY = 8
"""Cycles from start to the first masks."""
LATE = 4
"""Masks that leave while `hold`, at most."""
PATIENCE = 3000
"""Cycles in which nothing comes."""


@dataclass
class Slice:
    """What stands in the memory, and what the walker is told about it."""

    config: TileConfig
    values: list[int]
    planes: Planes = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        self.digits = slice_bitmaps(config, self.values)
        window = min(config.group, 8) if config.tr_en else 8
        self.windows = -(-len(self.values) // window)
        self.words = -(-self.windows // 4)
        self.top = PLANES - 1 if config.hese and not config.row_signed else PLANES - 2
        self.planes = masks(self.digits, max(config.group, 8) if config.tr_en else 0, config.budget, self.top)


class Eager(Sequencer):
    """Never in the way of the walk."""

    def free(self, cycle: int) -> int:
        return cycle


class EagerRow(Row):
    def __init__(self) -> None:
        self.sequencer = Eager()


class Bench:
    def __init__(self, dut, salt: str) -> None:
        self.dut = dut
        self.rng = rng(salt)
        self.word_w = int(dut.WORD_W.value)
        self.ring = 2 << self.word_w
        self.memory = [[(0, 0)] * PLANES for _ in range(self.ring)]
        self.fetched = self.shown = (0, 0)
        self.cycle = self.progress = 0
        self.restart()

    def restart(self) -> None:
        """Nothing is expected and nothing waits."""
        self.expected: deque[tuple[Mask, bool, bool]] = deque()  # at its place in the ring; its plane, its slice ends
        self.first_mask = -1  # cycle
        self.late = 0  # masks while `hold`
        self.idle = True

    async def begin(self) -> None:
        names = ("start", "first_word", "last_word", "last_quarters", "top_plane", "unlimited", "budget", "group_mask")
        idle = dict.fromkeys((*names, "nonzero", "negative", "any", "hold"), 0)
        await start(self.dut, low=("mask_valid",), **idle)

    def place(self, one: Slice) -> dict[str, int]:
        """Put a slice somewhere into the ring; returns what the walker is told."""
        first = self.rng.randrange(self.ring)
        for word in range(one.words):
            there = [min(one.windows - 4 * word, 4) > quarter for quarter in range(4)]
            for plane in range(PLANES):
                nonzero, negative = self.rng.getrandbits(32), self.rng.getrandbits(32)
                for quarter in range(4):
                    if plane > one.top or not there[quarter]:
                        continue
                    places = one.digits[plane, 32 * word + 8 * quarter :][:8]
                    for lane, digit in enumerate(places):
                        bit = 1 << (8 * quarter + lane)
                        nonzero = nonzero | bit if digit else nonzero & ~bit
                        if digit:
                            negative = negative | bit if digit < 0 else negative & ~bit
                self.memory[(first + word) % self.ring][plane] = nonzero, negative
        for plane in one.planes:
            found = [replace(m, quarter=(4 * first + m.quarter) % (4 * self.ring)) for m in plane]
            self.expected.extend((m, False, False) for m in found)
            self.expected.append((Mask(0), True, plane is one.planes[-1]))
        config = one.config
        mask = (1 << (self.word_w + 2)) - 1
        return {
            "first_word": first,
            "last_word": one.words - 1,
            "last_quarters": (1 << (one.windows - 4 * (one.words - 1))) - 1,
            "top_plane": int(config.hese and not config.row_signed),
            "unlimited": int(not config.tr_en),
            "budget": config.budget,
            "group_mask": (max(config.group, 8) // 8 - 1) & mask if config.tr_en else self.rng.choice((0, 1, 3, mask)),
        }

    async def step(self, hold: float = 0.0, **ports: int) -> None:
        """One cycle. hold: its chance. ports: with `start`."""
        dut = self.dut
        dut.start.value = 0
        for name, value in ports.items():
            getattr(dut, name).value = value
        nonzero, negative = self.shown
        dut.nonzero.value, dut.negative.value = nonzero, negative
        dut.any.value = sum(bool(nonzero >> 8 * quarter & 255) << quarter for quarter in range(4))
        holds = self.rng.random() < hold
        dut.hold.value = int(holds)
        await ReadOnly()
        self.late = self.late + int(dut.mask_valid.value) if holds else 0
        assert self.late <= LATE, "quarters are taken while `hold`"
        self.observe()
        self.idle = bool(int(dut.idle.value))
        if int(dut.read_enable.value):
            self.shown = self.fetched
            address = str(dut.read_word.value), str(dut.read_plane.value)
            if all(set(part) <= {"0", "1"} for part in address):  # before the first start it may be anything
                self.fetched = self.memory[int(address[0], 2)][min(int(address[1], 2), PLANES - 1)]
        await FallingEdge(dut.clk)
        self.cycle += 1

    def observe(self) -> None:
        dut = self.dut
        if not int(dut.mask_valid.value):
            return
        if self.first_mask < 0:
            self.first_mask = self.cycle
        signs = int(dut.mask_positive.value), int(dut.mask_negative.value)
        if any(signs):
            assert self.expected, "masks too many"
            mask, ends, _ = self.expected.popleft()
            assert not ends and (mask.quarter, *mask.signs) == (int(dut.mask_place.value), *signs), mask
        if int(dut.mask_plane.value):
            self.progress = self.cycle
            assert self.expected, "a plane too many"
            mask, ends, last = self.expected.popleft()
            assert ends, mask
            assert last == bool(int(dut.mask_slice.value))
        else:
            assert not int(dut.mask_slice.value)

    async def walk(self, slices: list[Slice], hold: float = 0.0, cycles: int | None = None) -> None:
        """Walk slices, each as early as possible or a little later; all of them, or their first cycles."""
        left = deque(slices)
        self.progress = self.cycle
        for _ in range(cycles or 1_000_000):
            assert self.cycle - self.progress < PATIENCE, "the slices do not end"
            if left and self.idle and (not hold or self.rng.random() < 0.7):
                # of a slice that has been walked, masks may still leave
                await self.step(hold, start=1, **self.place(left.popleft()))
                await self.step(hold)  # `idle` falls
            else:
                await self.step(hold)
            if not left and self.idle and not self.expected:
                return

    async def reset(self) -> None:
        self.dut.start.value = self.rng.randrange(2)
        self.dut.rst.value = 1
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = self.dut.start.value = 0
        self.restart()

    def slice(self, config: TileConfig | None = None, length: int | None = None) -> Slice:
        """A random one: values in 8-bit range, or a few, or zeros among them."""
        places = 32 << self.word_w
        if config is None:
            groups = [1 << n for n in range(9) if 1 << n <= places]
            group = self.rng.choice(groups)
            budget = self.rng.choice((1, 2, self.rng.randint(1, 2 * group), self.rng.randint(1, 4 * group), 2047))
            config = TileConfig(
                self.rng.random() < 0.8, group, budget, 0, self.rng.random() < 0.6, self.rng.random() < 0.6
            )
        most = places // 8 * min(config.group, 8) if config.tr_en else places
        if length is None:
            length = self.rng.choice((1, self.rng.randint(1, most), self.rng.randint(1, min(most, 40)), most))
        low, high = (-128, 127) if config.row_signed else (0, 255)
        kind = self.rng.random()
        if kind < 0.15:
            low, high = self.rng.choice(((high, high), (85, 85), (0, 0), (1, 3)))
        share = self.rng.choice((0.0, 0.0, 0.5, 0.97))
        values = [0 if self.rng.random() < share else self.rng.randint(low, high) for _ in range(length)]
        return Slice(config, values)


@cocotb.test()
async def every_group(dut) -> None:
    """Groups of 1 to 256 values, budgets below, at and above their terms; slices of one word to all of them."""
    bench = Bench(dut, "groups")
    await bench.begin()
    places = 32 << bench.word_w
    for group in (1 << n for n in range(9) if 1 << n <= places):
        most = places // 8 * min(group, 8)
        slices = [
            bench.slice(TileConfig(True, group, budget, 0, hese, signed), length)
            for budget, hese, signed, length in (
                (1, True, True, most),
                (max(1, group // 2), True, False, most),
                (group + group // 2, False, False, most - 1),
                (max(1, 3 * group // 4), False, True, min(most, group + 1)),
                (2047, True, True, min(most, group)),
            )
        ]
        await bench.walk(slices)


@cocotb.test()
async def corner_slices(dut) -> None:
    """No terms, all of them, one value in any quarter, a budget that ends exactly with a plane or one term later."""
    bench = Bench(dut, "corners")
    await bench.begin()
    places = 32 << bench.word_w
    group = min(256, places)
    slices = [Slice(TileConfig(), [0] * n) for n in (1, 32, places)]
    slices += [Slice(TileConfig(False, hese=False, row_signed=False), [255] * n) for n in (1, 31, places)]
    slices += [Slice(TileConfig(True, group, k, 0, False, False), [255] * places) for k in (1, 2047, group, group + 1)]
    slices += [Slice(TileConfig(True, 8, k, 0, False), [127] * 33) for k in (7, 8, 9)]
    for at in (0, 7, 8, 16, 24, 31, places - 32, places - 1):
        slices.append(Slice(TileConfig(), [0] * at + [-86]))
        slices.append(Slice(TileConfig(True, group, 1), [0] * at + [3] * (places - at)))
    await bench.walk(slices)


@cocotb.test()
async def random_slices(dut) -> None:
    """One after the other, with and without `hold`."""
    bench = Bench(dut, "random")
    await bench.begin()
    for _ in range(10):
        await bench.walk([bench.slice() for _ in range(4)], bench.rng.choice((0.0, 0.0, 0.5, 0.85)))


@cocotb.test()
async def hold_stops_the_walk(dut) -> None:
    """At any time and for any time; nothing is lost."""
    bench = Bench(dut, "stops")
    await bench.begin()
    length = 32 << bench.word_w
    for _ in range(6):
        slices = [bench.slice(TileConfig(hese=False), length)]
        await bench.walk(slices, cycles=bench.rng.randint(1, 60))
        await bench.walk([], 1.0, cycles=40)
        await bench.walk([])
    await bench.walk([bench.slice()])


@cocotb.test()
async def cycles(dut) -> None:
    """The first masks come LATENCY cycles after start; the walk takes what the cycle model says."""
    bench = Bench(dut, "cycles")
    await bench.begin()
    await bench.step(start=1, **bench.place(Slice(TileConfig(), [-128])))
    begun = bench.cycle - 1
    await bench.walk([])
    assert bench.first_mask == begun + LATENCY
    places = 32 << bench.word_w
    slices = []
    for group in (8, 16, 32):  # dry after one term each, and many more come
        values = ([64] + (group - 1) * [1]) * (32 // group) + (places - 32) * [0]
        slices.append(Slice(TileConfig(True, group, 1), values))
    while len(slices) < 30:
        group = bench.rng.choice([n for n in (8, 16, 32, 64, 128, 256) if n <= places])
        config = TileConfig(True, group, bench.rng.randint(1, 3), 0, bench.rng.random() < 0.6)
        one = bench.slice(config, bench.rng.choice((places, places, bench.rng.randint(1, places))))
        if bench.rng.random() < 0.5:  # few groups with terms
            one = Slice(config, [v if n < group else 0 for n, v in enumerate(one.values)])
        slices.append(one)
    for one in slices:
        reveal = Reveal(one.config.rule, one.config.group, one.config.budget)
        walk = walks(np.array([one.values]), reveal, places)[0][0]
        await bench.step(start=1, **bench.place(one))
        begun, ends = bench.cycle - 1, 0
        await bench.step()  # `idle` falls
        while not ends:
            await bench.step()
            ends = bench.cycle - 1 if bench.idle else 0
            assert bench.cycle - begun < PATIENCE, "the slice does not end"
        assert ends - begun == EagerRow().run(walk, 0, 0)[0], one
        await bench.walk([])


@cocotb.test()
async def reset_at_any_cycle(dut) -> None:
    bench = Bench(dut, "reset")
    await bench.begin()
    for _ in range(30):
        hold = bench.rng.choice((0.0, 0.5))
        slices = [bench.slice(length=bench.rng.randint(1, 8)), bench.slice(), bench.slice()]
        await bench.walk(slices, hold, cycles=bench.rng.randint(1, 80))
        await bench.reset()
        await bench.walk([bench.slice(length=bench.rng.randint(1, 8))])
    await bench.walk([bench.slice(), bench.slice()])

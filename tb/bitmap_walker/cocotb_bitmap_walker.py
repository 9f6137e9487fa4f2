# SPDX-License-Identifier: Apache-2.0
"""Bitmap walker: the blocks of slices under every group and budget, under backpressure, one slice after the other,
the cycles that it takes, reset.

The bench is the memory on one side, with anything where a slice has no values, and the reader on the other: it takes
blocks, reads their masks in any order and gives the slots back in order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly

from shiftwork.compile.tr_cycles import Reveal, Row, walks
from shiftwork.golden.tr_units import PLANES, Block, TileConfig, blocks, slice_bitmaps
from streams import rng, start

LATENCY = 8
"""Cycles from start to the first block, of one quarter."""
PATIENCE = 3000
"""Cycles in which nothing comes and nothing is given back."""


@dataclass
class Slice:
    """What stands in the memory, and what the walker is told about it."""

    config: TileConfig
    values: list[int]
    blocks: list[Block] = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        self.digits = slice_bitmaps(config, self.values)
        window = min(config.group, 8) if config.tr_en else 8
        self.windows = -(-len(self.values) // window)
        self.words = -(-self.windows // 4)
        self.blocks = blocks(self.digits, max(config.group, 8) if config.tr_en else 0, config.budget)


class Bench:
    def __init__(self, dut, salt: str) -> None:
        self.dut = dut
        self.rng = rng(salt)
        self.word_w, self.slots = int(dut.WORD_W.value), 1 << int(dut.SLOT_W.value)
        self.ring = 2 << self.word_w
        self.memory = [[(0, 0)] * PLANES for _ in range(self.ring)]
        self.fetched = self.shown = (0, 0)
        self.cycle = self.progress = 0
        self.restart()

    def restart(self) -> None:
        """Nothing is expected and nothing waits."""
        self.expected: deque[tuple[Block, int]] = deque()  # with its word in the ring
        self.waiting: tuple[int, ...] | None = None  # a block that was not taken
        self.taken = 0  # blocks with terms
        self.unread: deque[tuple[int, Block, set[int]]] = deque()  # slot, block, quarters whose masks are to be read
        self.first_block = -1  # cycle
        self.idle = True

    async def begin(self) -> None:
        names = ("start", "first_word", "last_word", "last_quarters", "top_plane", "unlimited", "budget", "group_mask")
        idle = dict.fromkeys((*names, "nonzero", "negative", "any", "block_take", "mask_address", "slot_release"), 0)
        await start(self.dut, low=("block_valid",), **idle)

    def place(self, one: Slice) -> dict[str, int]:
        """Put a slice somewhere into the ring; returns what the walker is told."""
        first = self.rng.randrange(self.ring)
        for word in range(one.words):
            there = [min(one.windows - 4 * word, 4) > quarter for quarter in range(4)]
            top = PLANES - 1 if one.config.hese and not one.config.row_signed else PLANES - 2
            for plane in range(PLANES):
                nonzero, negative = self.rng.getrandbits(32), self.rng.getrandbits(32)
                for quarter in range(4):
                    if plane > top or not there[quarter]:
                        continue
                    places = one.digits[plane, 32 * word + 8 * quarter :][:8]
                    for lane, digit in enumerate(places):
                        bit = 1 << (8 * quarter + lane)
                        nonzero = nonzero | bit if digit else nonzero & ~bit
                        if digit:
                            negative = negative | bit if digit < 0 else negative & ~bit
                self.memory[(first + word) % self.ring][plane] = nonzero, negative
        self.expected.extend((block, (first + (block.word or 0)) % self.ring) for block in one.blocks)
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

    async def step(self, take: float = 1.0, read: float = 1.0, **ports: int) -> None:
        """One cycle. take: chance that a block is taken; read: that a mask is read. ports: with `start`."""
        dut = self.dut
        dut.start.value = 0
        for name, value in ports.items():
            getattr(dut, name).value = value
        nonzero, negative = self.shown
        dut.nonzero.value, dut.negative.value = nonzero, negative
        dut.any.value = sum(bool(nonzero >> 8 * quarter & 255) << quarter for quarter in range(4))
        takes = self.rng.random() < take
        dut.block_take.value = int(takes)
        slot, quarter, wanted = self.rng.randrange(self.slots), self.rng.randrange(4), None
        pending = [entry for entry in self.unread if entry[2]]
        if pending and self.rng.random() < read:
            slot, block, quarters = self.rng.choice(pending)
            quarter = self.rng.choice(sorted(quarters))
            quarters.remove(quarter)
            wanted = block.quarters(0)[quarter], block.quarters(1)[quarter]
        dut.mask_address.value = 4 * slot + quarter
        released = bool(self.unread) and not self.unread[0][2] and self.rng.random() < read
        if released:
            self.unread.popleft()
            self.progress = self.cycle
        dut.slot_release.value = int(released)
        await ReadOnly()
        if wanted is not None:
            assert (int(dut.mask_positive.value), int(dut.mask_negative.value)) == wanted, f"slot {slot}"
        self.observe(takes)
        self.idle = bool(int(dut.idle.value))
        if int(dut.read_enable.value):
            self.shown = self.fetched
            address = str(dut.read_word.value), str(dut.read_plane.value)
            if all(set(part) <= {"0", "1"} for part in address):  # before the first start it may be anything
                self.fetched = self.memory[int(address[0], 2)][min(int(address[1], 2), PLANES - 1)]
        await FallingEdge(dut.clk)
        self.cycle += 1

    def observe(self, takes: bool) -> None:
        dut = self.dut
        if not int(dut.block_valid.value):
            assert self.waiting is None, "a block vanished"
            return
        names = ("block_end", "block_shifts", "block_word", "block_positive", "block_negative")
        end, shifts, word, positive, negative = found = tuple(int(getattr(dut, name).value) for name in names)
        if self.first_block < 0:
            self.first_block = self.cycle
        assert self.waiting in (None, found), "a block changed while it waited"
        self.waiting = None if takes else found
        if not takes:
            return
        self.progress = self.cycle
        assert self.expected, "a block too many"
        block, place = self.expected.popleft()
        signs = [sum(bool(mask) << q for q, mask in enumerate(block.quarters(sign))) for sign in (0, 1)]
        assert (bool(end), shifts, positive, negative) == (block.word is None, block.shifts, *signs), block
        if not end:
            assert word == place, block
            quarters = {quarter for quarter in range(4) if (positive | negative) >> quarter & 1}
            self.unread.append((self.taken % self.slots, block, quarters))
            self.taken += 1

    async def walk(self, slices: list[Slice], take: float = 1.0, read: float = 1.0, cycles: int | None = None) -> None:
        """Walk slices, each as early as possible or a little later; all of them, or their first cycles."""
        left = deque(slices)
        self.progress = self.cycle
        for _ in range(cycles or 1_000_000):
            assert self.cycle - self.progress < PATIENCE, "the slices do not end"
            if left and self.idle and (take == 1.0 or self.rng.random() < 0.7):
                # of a slice that has been walked, blocks may still wait
                await self.step(take, read, start=1, **self.place(left.popleft()))
                self.idle = False  # from the next cycle on
            else:
                await self.step(take, read)
            if not left and self.idle and not self.expected and not self.unread:
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
    """One after the other, with and without pauses of the reader."""
    bench = Bench(dut, "random")
    await bench.begin()
    for _ in range(10):
        take, read = (bench.rng.choice((1.0, 1.0, 0.5, 0.15)) for _ in range(2))
        await bench.walk([bench.slice() for _ in range(4)], take, read)


@cocotb.test()
async def reader_stops(dut) -> None:
    """The walk stops while all slots are taken, and loses nothing."""
    bench = Bench(dut, "stops")
    await bench.begin()
    length = 32 << bench.word_w
    await bench.walk([bench.slice(TileConfig(hese=False), length)], 1.0, 0.0, cycles=1000)
    assert len(bench.unread) == bench.slots
    assert not bench.idle
    await bench.walk([])
    await bench.walk([bench.slice(TileConfig(), length), bench.slice(TileConfig(), length)], 0.0, 0.0, cycles=99)
    await bench.walk([bench.slice()])


@cocotb.test()
async def cycles(dut) -> None:
    """The first block comes LATENCY cycles after start; the walk takes what the cycle model says."""
    bench = Bench(dut, "cycles")
    await bench.begin()
    await bench.step(start=1, **bench.place(Slice(TileConfig(), [-128])))
    begun = bench.cycle - 1
    await bench.walk([])
    assert bench.first_block == begun + LATENCY
    if bench.slots < 8:  # a walk would wait for them
        return
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
        if len(one.blocks) <= bench.slots - 5:  # else it would wait for slots
            slices.append(one)
    for one in slices:
        reveal = Reveal(one.config.rule, one.config.group, one.config.budget)
        walk = walks(np.array([one.values]), reveal, places)[0][0]
        await bench.step(start=1, **bench.place(one))
        begun, ends = bench.cycle - 1, 0
        while not ends:
            await bench.step()
            ends = bench.cycle - 1 if bench.idle else 0
            assert bench.cycle - begun < PATIENCE, "the slice does not end"
        assert ends - begun == Row(1 << 20).run(walk, 0, 0)[0], one
        await bench.walk([])


@cocotb.test()
async def reset_at_any_cycle(dut) -> None:
    bench = Bench(dut, "reset")
    await bench.begin()
    for _ in range(30):
        take, read = (bench.rng.choice((1.0, 0.3)) for _ in range(2))
        slices = [bench.slice(length=bench.rng.randint(1, 8)), bench.slice(), bench.slice()]
        await bench.walk(slices, take, read, cycles=bench.rng.randint(1, 80))
        await bench.reset()
        await bench.walk([bench.slice(length=bench.rng.randint(1, 8))])
    await bench.walk([bench.slice(), bench.slice()])

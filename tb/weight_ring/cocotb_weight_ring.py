# SPDX-License-Identifier: Apache-2.0
"""Weight ring: order of the vectors over tiles and passes, room and available to the cycle, rate, flush and reset."""

from collections import deque
from dataclasses import dataclass

import cocotb
from cocotb.triggers import FallingEdge

from streams import STALLS, go_pattern, pack, rng, start, unpack


@dataclass
class Tile:
    """A row tile: its vectors, and how often they are used."""

    vectors: list[int]
    passes: int


class Bench:
    """Feeds tiles and takes their vectors in one loop at falling edges, beside a model of what the ring holds."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rows, self.depth = int(dut.ROWS.value), int(dut.DEPTH.value)
        self.lanes, self.parts = max(1, 8 // self.rows), max(1, self.rows // 8)
        self.rng = rng("ring")
        self.forgotten()

    def forgotten(self) -> None:
        """What flush and reset leave."""
        self.stream: deque[int] = deque()
        self.steps: deque[tuple[int, int, int, bool]] = deque()  # RAM word, lane, vector, last and final as bits
        self.planned = 0  # RAM words of the tiles in `steps`, ever
        self.offered: int | None = None
        self.entered = self.released = 0
        self.complete = deque([0, 0])  # RAM words that were complete two cycles ago, one cycle ago
        self.due: deque[int | None] = deque([None, None])
        self.just_cleared = True

    async def begin(self) -> None:
        low = ("in_ready", "available", "out_valid")
        names = ("flush", "in_valid", "in_data", "step", "step_last", "step_final")
        await start(self.dut, low=low, **dict.fromkeys(names, 0))

    def tile(self, length: int, passes: int) -> Tile:
        return Tile([self.rng.getrandbits(8 * self.rows) for _ in range(length)], passes)

    def random_tile(self) -> Tile:
        """Lengths around the borders of RAM words and of the ring; what is longer than the ring has one pass."""
        held = self.depth * self.lanes
        length = self.rng.choice((1, 2, self.lanes, self.lanes + 1, held, self.rng.randint(1, held)))
        if self.rng.random() < 0.15:
            return self.tile(self.rng.randint(held + 1, 3 * held), 1)
        return self.tile(min(length, 40), self.rng.choice((1, 1, 2, 3, 5)))

    def queue(self, tile: Tile) -> None:
        """The tile's stream words, filled up with noise, and the steps that use it."""
        count = -(-len(tile.vectors) // self.lanes)
        filled = tile.vectors + [
            self.rng.getrandbits(8 * self.rows) for _ in range(count * self.lanes - len(tile.vectors))
        ]
        for first in range(0, len(filled), self.lanes):
            word = pack(filled[first : first + self.lanes], 8 * self.rows)
            self.stream.extend(unpack(word, 64, self.parts))
        for turn in range(tile.passes):
            final = turn == tile.passes - 1
            for index, vector in enumerate(tile.vectors):
                last = index == len(tile.vectors) - 1
                self.steps.append((self.planned + index // self.lanes, index % self.lanes, vector, last << 1 | final))
        self.planned += count

    async def clock(self, feed: bool, take: bool, clear: str = "") -> bool:
        """One cycle; outputs are registers, so what is seen is what the edge transfers. Returns whether it stepped."""
        dut, word = self.dut, self.complete[0]
        room = self.depth * self.parts - self.entered + self.released * self.parts
        assert int(dut.room.value) == room
        assert int(dut.in_ready.value) == (room > 0 and not self.just_cleared)
        next_word = self.steps[0][0] if self.steps else self.planned
        assert int(dut.available.value) == (word > next_word), f"{word} RAM words, next vector in {next_word}"
        due = self.due.popleft()
        assert int(dut.out_valid.value) == (due is not None)
        assert due is None or int(dut.out_vector.value) == due

        if self.offered is None and feed and self.stream:
            self.offered = self.stream.popleft()
        dut.in_valid.value = int(self.offered is not None)
        dut.in_data.value = self.rng.getrandbits(64) if self.offered is None else self.offered
        step = bool(take and self.steps and int(dut.available.value))
        _, lane, vector, flags = self.steps.popleft() if step else (0, 0, 0, self.rng.getrandbits(2))
        dut.step.value, dut.step_last.value, dut.step_final.value = step, flags >> 1, flags & 1
        if clear:
            getattr(dut, clear).value = 1

        self.due.append(vector if step else None)
        if step and flags & 1 and (flags & 2 or lane == self.lanes - 1):
            self.released += 1
        self.complete.popleft()
        if self.offered is not None and int(dut.in_ready.value):
            self.offered = None
            self.entered += 1
        self.complete.append(self.entered // self.parts)
        self.just_cleared = False
        if clear:
            self.forgotten()
        await FallingEdge(dut.clk)
        if clear:
            getattr(dut, clear).value = 0
        return step

    async def run(self, feed: str, take: str, limit: int = 100_000) -> int:
        """Until all steps are taken and all vectors have left; returns the cycles."""
        feeding, taking = go_pattern(feed, rng(f"feed {feed}")), go_pattern(take, rng(f"take {take}"))
        for cycle in range(limit):
            if not self.steps and not any(value is not None for value in self.due):
                return cycle
            await self.clock(next(feeding), next(taking))
        raise AssertionError(f"{len(self.steps)} steps not taken within {limit} cycles")


@cocotb.test()
async def tiles_and_passes(dut) -> None:
    """Random tiles under every pair of stall patterns."""
    bench = Bench(dut)
    await bench.begin()
    for feed in STALLS:
        for take in STALLS:
            for _ in range(12):
                bench.queue(bench.random_tile())
            await bench.run(feed, take)


@cocotb.test()
async def one_vector_a_cycle(dut) -> None:
    """Weights in the ring leave one a cycle, through ends of passes; what streams comes as fast as it enters."""
    bench = Bench(dut)
    await bench.begin()
    held = bench.depth * bench.lanes
    for length in sorted({1, bench.lanes, min(held, 60)}):
        bench.queue(bench.tile(length, 7))
        for _ in range(bench.parts * bench.depth + 4):
            await bench.clock(True, False)
        assert await bench.run("none", "none") == 7 * length + 2
    if bench.depth < 4:  # two RAM words do not cover the latency
        return
    count = 5 * held
    bench.queue(bench.tile(count, 1))
    words = 5 * bench.depth * bench.parts
    cycles = await bench.run("none", "none")
    assert max(words, count) <= cycles <= max(words, count) + 8


@cocotb.test()
async def fills_up(dut) -> None:
    """Exactly the ring's words enter while no vector is released; the last pass makes room."""
    bench = Bench(dut)
    await bench.begin()
    held = bench.depth * bench.lanes
    bench.queue(bench.tile(held, 2))
    bench.queue(bench.tile(held, 1))
    for _ in range(bench.depth * bench.parts + 10):
        await bench.clock(True, False)
    assert bench.entered == bench.depth * bench.parts
    while bench.steps[0][3] & 1 == 0:
        await bench.clock(True, True)
    assert bench.entered == bench.depth * bench.parts
    await bench.run("none", "none")
    assert bench.entered == 2 * bench.depth * bench.parts


@cocotb.test()
async def flush_and_reset(dut) -> None:
    """At any cycle: everything is forgotten, and the tiles that follow are right."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(30):
        for _ in range(6):
            bench.queue(bench.random_tile())
        feed, take = go_pattern("random", bench.rng), go_pattern("random", bench.rng)
        for _ in range(bench.rng.randint(1, 60)):
            await bench.clock(next(feed), next(take))
        await bench.clock(True, True, ("flush", "rst")[turn % 2])
        for _ in range(2):
            bench.queue(bench.random_tile())
        await bench.run("none", "random")

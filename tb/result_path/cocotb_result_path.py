# SPDX-License-Identifier: Apache-2.0
"""Instructions of every kind under stalls of the source and of shortcut reads; rates; resets."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge
from result_model import Beat, Constant, Shape, Write, beat_count, beats, random_config

from streams import STALLS, go_pattern, pack, rng, start, unpack

SCALE = os.environ.get("REQUANT") == "scale"
TO_FIRST_SLICE = 6
TO_WRITE = 8 if SCALE else 7


class Bench:
    """Sources, shortcut memory and write port around the block; one call of `cycle` is one clock cycle."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.shape = Shape(int(dut.COLS.value), int(dut.ADDR_W.value))
        self.const_words = 1 << int(dut.CONST_W.value)
        self.words_kept = int(dut.SHORTCUT_WORDS.value)
        self.rng = rng("result_path")
        self.constants: dict[int, Constant] = {}
        self.go: dict[str, Iterator[bool]] = {}
        self.latency = (1, 1)  # of shortcut reads, from and to
        self.stall("none", "none")

    def stall(self, source: str, read: str) -> None:
        chosen = {"source": source, "read": read}
        self.go = {name: go_pattern(pattern, self.rng) for name, pattern in chosen.items()}

    async def begin(self) -> None:
        dut = self.dut
        ports = ("start", "const_write", "const_address", "const_data", "src_valid", "src_engine", "src_pooled")
        ports += ("shortcut_read_ready", "shortcut_valid", "shortcut_word")
        low = ("busy", "src_ready", "shortcut_read_valid", "write_valid")
        await start(dut, low=low, **dict.fromkeys(ports, 0))
        for address in range(self.const_words):
            bias = self.rng.randrange(-(1 << 15), 1 << 15)
            if SCALE:
                places = (self.rng.randrange(48), self.rng.randrange(1, 48), self.rng.randrange(1 << 15, 1 << 16))
                constant = Constant(bias, 0, *places)
                unread = self.rng.getrandbits(5) << 32
            else:
                constant = Constant(bias, self.rng.randrange(13), self.rng.randrange(16), self.rng.randrange(24))
                unread = self.rng.getrandbits(15) << 49
            self.constants[address] = constant
            dut.const_write.value, dut.const_address.value = 1, address
            dut.const_data.value = constant.word() | unread
            await FallingEdge(dut.clk)
        dut.const_write.value = 0

    async def begin_instruction(self, cfg: dict[str, int]) -> None:
        """Draws the data, works out what has to happen, and starts; returns in the cycle after start."""
        dut, shape = self.dut, self.shape
        draw = np.random.default_rng(self.rng.getrandbits(32))
        count = beat_count(cfg)
        top = 1 << self.rng.choice((8, 14, 22))
        self.acc = draw.integers(-top, top, (count, shape.height, shape.width))
        self.memory: dict[int, np.ndarray] = _Lazy(draw, shape)
        self.expected: list[Beat] = beats(shape, cfg, self.acc, self.constants, self.memory, self.const_words)
        self.reads = deque(beat.read for beat in self.expected if beat.read is not None)
        self.writes: deque[Write] = deque(write for beat in self.expected for write in beat.writes)
        self.answers: deque[tuple[int, int]] = deque()  # cycle, address
        self.packed = [[pack(row, 32) for row in beat] for beat in self.acc.tolist()]
        self.sent = 0
        self.offered = False
        self.asked: int | None = None
        self.now = 0
        self.asked_at: list[int] = []
        self.taken_at: list[int] = []
        self.written_at: list[int] = []
        for name, value in cfg.items():
            getattr(dut, f"cfg_{name}").value = value
        self.pooled = self.rng.randrange(2)
        dut.cfg_pooled.value = self.pooled
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0

    async def cycle(self) -> None:
        """The handshakes of one cycle. Every output comes from registers: what stands now stands at the edge."""
        dut, shape = self.dut, self.shape
        self.now += 1

        # Source.
        if not self.offered:
            self.offered = self.sent < len(self.packed) and next(self.go["source"])
        dut.src_valid.value = int(self.offered)
        engine, pooled = (self.rng.getrandbits(len(port)) for port in (dut.src_engine, dut.src_pooled))
        if self.offered and self.pooled:
            pooled = self.packed[self.sent][int(dut.src_slice.value)]
        elif self.offered:
            engine = pack(self.packed[self.sent], 32 * shape.width)
        dut.src_engine.value, dut.src_pooled.value = engine, pooled
        if self.offered and int(dut.src_ready.value):
            self.taken_at.append(self.now)
            self.sent += 1
            self.offered = False

        # Shortcut reads: their words come in order, each after a time of its own.
        ready = next(self.go["read"])
        dut.shortcut_read_ready.value = int(ready)
        if int(dut.shortcut_read_valid.value):
            address = int(dut.shortcut_read_address.value)
            assert self.asked in (None, address), "the address of a read changed while it waited"
            self.asked = address
            if ready:
                assert self.reads, "a read too many"
                wanted = self.reads.popleft()
                assert address == wanted, f"read of {address:#x}, not {wanted:#x}"
                when = self.now + self.rng.randint(*self.latency)
                if self.answers:
                    when = max(when, self.answers[-1][0] + 1)
                self.answers.append((when, address))
                self.asked_at.append(self.now)
                self.asked = None
        else:
            assert self.asked is None, "a read vanished"
        answer = bool(self.answers) and self.answers[0][0] <= self.now
        dut.shortcut_valid.value = int(answer)
        if answer:
            word = self.memory[self.answers.popleft()[1]]
            dut.shortcut_word.value = pack(word.reshape(-1).tolist(), 8)
        else:
            dut.shortcut_word.value = self.rng.getrandbits(len(dut.shortcut_word))

        # Writes.
        if self.writes:
            assert int(dut.busy.value), "busy fell before the last write"
        if int(dut.write_valid.value):
            names = ("write_address", "write_rows", "write_data", "write_block")
            self._written(*(int(getattr(dut, name).value) for name in names))
        else:
            assert not int(dut.write_block.value)
        await FallingEdge(dut.clk)

    def _written(self, address: int, rows: int, data: int, block: int) -> None:
        assert self.writes, "a write too many"
        codes = unpack(data, 8, self.shape.width)
        lower, upper = unpack(address, self.shape.addr_w, 2)
        got = Write((lower, upper), rows, tuple(codes), bool(block))
        want = self.writes.popleft()
        assert got == want, f"write {len(self.written_at)} is {got}, not {want}"
        self.written_at.append(self.now)

    async def finish(self, limit: int = 60_000) -> None:
        """Until busy falls: everything has to have happened, and nothing more may."""
        while int(self.dut.busy.value):
            await self.cycle()
            assert self.now < limit, f"{len(self.writes)} writes missing"
        assert self.sent == len(self.packed), f"{len(self.packed) - self.sent} beats not taken"
        assert not self.writes and not self.reads and not self.answers
        assert self.now - max(self.written_at[-1], self.taken_at[-1]) <= 3, "busy stays high"
        for _ in range(4):
            await self.cycle()
            assert not int(self.dut.busy.value) and not int(self.dut.src_ready.value)

    async def instruction(self, cfg: dict[str, int]) -> None:
        await self.begin_instruction(cfg)
        await self.finish()


class _Lazy(dict):
    """Words of the activation memory, drawn when they are looked at."""

    def __init__(self, draw: np.random.Generator, shape: Shape) -> None:
        super().__init__()
        self.draw, self.size = draw, (shape.height, shape.width)

    def __missing__(self, address: int) -> np.ndarray:
        self[address] = self.draw.integers(0, 256, self.size)
        return self[address]


async def ready_bench(dut) -> Bench:
    bench = Bench(dut)
    await bench.begin()
    return bench


@cocotb.test()
async def random_instructions(dut) -> None:
    """Configurations of every kind, each with stalls of its own."""
    bench = await ready_bench(dut)
    kinds = set()
    for _ in range(max(10, 160 // bench.shape.height**2)):
        cfg = random_config(bench.shape, bench.rng, bench.const_words)
        kinds.add((cfg["plain"], cfg["split"], cfg["raw"]))
        bench.latency = bench.rng.choice(((1, 1), (1, 9), (12, 12), (3, 40)))
        bench.stall(*(bench.rng.choice(STALLS) for _ in range(2)))
        await bench.instruction(cfg)
    assert len(kinds) > 2


@cocotb.test()
async def every_destination(dut) -> None:
    """Plain, split, both and raw, in odd and even blocks, with and without a shortcut, in every stall pattern."""
    bench = await ready_bench(dut)
    for plain, split, raw in ((1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)):
        for stall in STALLS:
            shortcut = bench.rng.randrange(2)
            fixed = {"plain": plain, "split": split, "raw": raw, "shortcut_enable": shortcut, "blocks_y": 2}
            fixed |= {"blocks_x": 3, "groups": 1, "tiles": 2, "rows": 2, "channels": 3}
            bench.latency = (5, 5)
            bench.stall(stall, stall)
            await bench.instruction(random_config(bench.shape, bench.rng, bench.const_words, **fixed))


@cocotb.test()
async def words_wait_for_the_source(dut) -> None:
    """While the source is silent, no more shortcut words are asked for than can be kept."""
    bench = await ready_bench(dut)
    fixed = {"shortcut_enable": 1, "shortcut_first": 0, "shortcut_count": 40, "groups": 1, "tiles": 5, "rows": 8}
    cfg = random_config(bench.shape, bench.rng, bench.const_words, channels=39, blocks_y=1, blocks_x=1, **fixed)
    await bench.begin_instruction(cfg)
    silent = iter(lambda: False, None)
    bench.go["source"] = silent
    for _ in range(100):
        await bench.cycle()
    assert bench.words_kept - 1 <= len(bench.asked_at) <= bench.words_kept + 1
    bench.stall("none", "none")
    await bench.finish()


@cocotb.test()
async def a_write_a_cycle(dut) -> None:
    """With a beat always there: a write a cycle, a cycle for a dropped beat, no bubble.

    With shortcuts as well, where enough words are kept for a latency of 12 cycles.
    """
    bench = await ready_bench(dut)
    height = bench.shape.height
    hidden = bench.words_kept * (height - 1) >= height + 12 + 3
    for plain, split, raw in ((1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)):
        for shortcut in range(2 if hidden else 1):
            fixed = {"plain": plain, "split": split, "raw": raw, "shortcut_enable": shortcut, "blocks_y": 2}
            fixed |= {"blocks_x": 2, "groups": 2, "tiles": 2, "rows": 8, "channels": 13}
            fixed |= {"shortcut_first": 0, "shortcut_count": 26, "last_slice": height - 1}
            bench.latency = (12, 12)
            await bench.instruction(random_config(bench.shape, bench.rng, bench.const_words, **fixed))
            parts = 4 if raw else plain + split
            first = bench.taken_at[0] - parts * height + 1
            taken, now = [], first - 1
            for beat in bench.expected:
                now += 1 if beat.dropped else parts * height
                taken.append(now)
            assert bench.taken_at == taken, f"shortcut {shortcut}, parts {parts}"
            steps = [t for t, beat in zip(taken, bench.expected, strict=True) if not beat.dropped]
            written = [t + TO_WRITE - back for t in steps for back in reversed(range(parts * height))]
            assert bench.written_at == written
            if not shortcut:
                assert first == TO_FIRST_SLICE


@cocotb.test()
async def reset_in_an_instruction(dut) -> None:
    """An abandoned instruction leaves nothing behind: the next one is right, the constants are still there."""
    bench = await ready_bench(dut)
    bench.stall("random", "random")
    for _ in range(max(6, 60 // bench.shape.height**2)):
        bench.latency = (1, 12)
        cfg = random_config(bench.shape, bench.rng, bench.const_words)
        await bench.begin_instruction(cfg)
        for _ in range(bench.rng.randint(1, 120)):
            if int(dut.busy.value):
                await bench.cycle()
        dut.rst.value = 1
        for name in ("src_valid", "shortcut_valid"):
            getattr(dut, name).value = bench.rng.randrange(2)
        for _ in range(bench.rng.choice((1, 1, 3))):
            await FallingEdge(dut.clk)
        dut.src_valid.value, dut.shortcut_valid.value = 0, 0
        dut.rst.value = 0
        small = random_config(bench.shape, bench.rng, bench.const_words, blocks_y=1, groups=1)
        await bench.instruction(small)

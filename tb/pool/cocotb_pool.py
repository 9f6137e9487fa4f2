# SPDX-License-Identifier: Apache-2.0
"""Windows of every kind under stalls on both sides; quotients at their edges; rates and latencies; resets."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from numpy.typing import NDArray
from pool_model import HIGH, LOW, PoolConfig, random_config, random_window, result

from streams import STALLS, go_pattern, pack, rng, start, unpack

Windows = Sequence[NDArray[np.int64]]


class Bench:
    """Source of words and reader of results; one call of `cycle` is one clock cycle."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.cols = int(dut.COLS.value)
        self.height = 1 << ((self.cols.bit_length() - 1) // 2)
        self.width = self.cols // self.height
        self.rng = rng("pool")
        self.go: dict[str, Iterator[bool]] = {}
        self.stall("none", "none")

    def stall(self, source: str, sink: str) -> None:
        self.go = {"source": go_pattern(source, self.rng), "sink": go_pattern(sink, self.rng)}

    async def begin(self) -> None:
        names = ("sum", "reduce", "signed", "divide", "up", "count")
        ports = ("in_valid", "in_last", "in_word", "in_slice", "out_ready", "slice", *(f"cfg_{name}" for name in names))
        await start(self.dut, low=["out_valid"], **dict.fromkeys(ports, 0))

    def load(self, cfg: PoolConfig, windows: Windows, cut: bool = False) -> None:
        """Windows to compute; with `cut` only some slices of a word count, where any may be left out."""
        dut = self.dut
        reduce = cfg.sum and cfg.reduce
        last = [[self.rng.randrange(self.height) if cut or not reduce else self.height - 1 for _ in w] for w in windows]
        kept = [window.copy() for window in windows]
        for window, slices in zip(kept, last, strict=True):
            for word, end in zip(window, slices, strict=True):
                word[(end + 1) * self.width if reduce else self.cols :] = 0
        self.cfg = cfg
        for name, value in vars(cfg).items():
            getattr(dut, f"cfg_{name}").value = value
        self.words = deque(
            (pack(word.tolist(), 8), int(n == len(window) - 1), end)
            for window, slices in zip(windows, last, strict=True)
            for n, (word, end) in enumerate(zip(window, slices, strict=True))
        )
        self.expected = deque(result(cfg, window) for window in kept)
        self.slices = [sum(slices) + len(slices) for slices in last]
        self.offered = False
        self.slice = 0
        self.now = 0
        self.last_in: list[int] = []  # cycles in which the last word of a window was taken
        self.valid_at: list[int] = []  # first cycle of every result
        self.done_at: list[int] = []
        self.seen = False

    async def cycle(self) -> None:
        dut = self.dut
        self.now += 1
        if not self.offered and self.now > 1:  # cfg_* change a cycle before the first word
            self.offered = bool(self.words) and next(self.go["source"])
        dut.in_valid.value = int(self.offered)
        if self.offered:
            dut.in_word.value, dut.in_last.value, dut.in_slice.value = self.words[0]
            if int(dut.in_ready.value):
                if self.words.popleft()[1]:
                    self.last_in.append(self.now)
                self.offered = False
        else:
            dut.in_word.value = self.rng.getrandbits(len(dut.in_word))
            dut.in_last.value = self.rng.randrange(2)
            dut.in_slice.value = self.rng.randrange(self.height)
        go = next(self.go["sink"])
        shown = self.slice if go else self.rng.randrange(self.height)  # any slice may be looked at
        dut.slice.value = shown
        valid = bool(int(dut.out_valid.value))
        done = go and self.slice == self.height - 1
        dut.out_ready.value = int(done) if valid else self.rng.randrange(2)
        if valid and not self.seen:
            self.valid_at.append(self.now)
        assert valid or not self.seen, "a result vanished"
        self.seen = valid
        await RisingEdge(dut.clk)
        if valid:
            assert self.expected, "a result too many"
            self.check(shown, int(dut.out_acc.value))
            if go:
                self.slice = (self.slice + 1) % self.height
            if done:
                self.expected.popleft()
                self.done_at.append(self.now)
                self.seen = False
        await FallingEdge(dut.clk)

    def check(self, shown: int, packed: int) -> None:
        got = unpack(packed, 32, self.width, signed=True)
        want = self.expected[0]
        if self.cfg.sum and self.cfg.reduce:
            if shown:
                return
            got = got[:1]
        else:
            want = want[shown * self.width : (shown + 1) * self.width]
        if self.cfg.sum and self.cfg.divide:
            got = [max(LOW - 1, min(HIGH + 1, quotient)) for quotient in got]
        assert got == want, f"slice {shown} is {got}, not {want} ({self.cfg})"

    async def run(self, cfg: PoolConfig, windows: Windows, cut: bool = False) -> None:
        self.load(cfg, windows, cut)
        while self.expected:
            await self.cycle()
            assert self.now < 100_000, f"{len(self.expected)} results missing ({cfg})"
        assert not self.words
        for _ in range(6):
            await self.cycle()

    def windows(self, cfg: PoolConfig, count: int, most: int) -> list[NDArray[np.int64]]:
        return [random_window(cfg, self.cols, self.rng.randint(1, most), self.rng) for _ in range(count)]


def window_of(total: int, cols: int) -> NDArray[np.int64]:
    """Words whose codes sum up to `total`: of two's complement where one word of magnitudes does not hold it."""
    words = 1 if -128 * cols <= total <= 255 * cols else -(-abs(total) // (127 * cols))
    base, extra = divmod(total, words * cols)
    codes = np.full(words * cols, base, np.int64)
    codes[:extra] += 1
    return (codes & 255).reshape(words, cols)


async def ready_bench(dut) -> Bench:
    bench = Bench(dut)
    await bench.begin()
    return bench


@cocotb.test()
async def every_kind(dut) -> None:
    """Maxima, sums, reduced sums and quotients, signed or not, under every pair of stalls."""
    bench = await ready_bench(dut)
    for source in STALLS:
        for sink in STALLS:
            for kind in range(5):
                fixed = {"sum": int(kind > 0), "reduce": kind & 1, "divide": kind >> 1 & 1}
                cfg = random_config(bench.cols, 6, bench.rng, **fixed)
                bench.stall(source, sink)
                await bench.run(cfg, bench.windows(cfg, bench.rng.randint(2, 5), 6), cut=True)


@cocotb.test()
async def quotients(dut) -> None:
    """Random sums and counts of any size, of either sign, quotients without a rest and beyond the limits among them."""
    bench = await ready_bench(dut)
    kinds = set()
    for n in range(60 if bench.height < 8 else 20):
        cfg = random_config(bench.cols, 3, bench.rng, sum=1, divide=1, reduce=n & 1)
        if n % 4 < 2:  # small counts, where halves are
            small = bench.rng.choice((1, 2, 4, 6, 10, 16))
            cfg = PoolConfig(1, n & 1, cfg.signed, 1, bench.rng.randrange(3), small)
        windows = bench.windows(cfg, 4, 3)
        for window in windows:
            kinds |= {LOW <= quotient <= HIGH for quotient in result(cfg, window)}
        await bench.run(cfg, windows)
    assert kinds == {False, True}


@cocotb.test()
async def edges_of_a_quotient(dut) -> None:
    """Sums one below, at and one above the place where the quotient changes, and where it is beyond its limits."""
    bench = await ready_bench(dut)
    for signed in (0, 1):
        for up, count in ((0, 1), (0, 2), (0, 7), (1, 3), (3, 100), (7, 12345), (15, 32767), (0, 32767), (9, 31)):
            low, high = (-128 * bench.cols, 127 * bench.cols) if signed else (0, 255 * bench.cols)
            totals = {0, -1, 1, low, high}
            for quotient in (LOW, LOW + 1, -2, -1, 0, 1, 2, 255, HIGH, HIGH + 1):  # the sum from which it is this one
                edge = -(-quotient * count // 2 ** (up + 1))
                totals |= {edge - 1, edge, edge + 1}
            cfg = PoolConfig(1, 1, signed, 1, up, count)
            chosen = [t for t in sorted(totals) if low <= t <= high and abs(t) << up < 1 << 30]
            await bench.run(cfg, [window_of(total, bench.cols) for total in chosen])


@cocotb.test()
async def far_beyond(dut) -> None:
    """Sums of one bit, or nearly, far above the ten bits of a quotient: each of those bits alone is beyond."""
    bench = await ready_bench(dut)
    for up in (0, 9, 15):
        for count in (1, 5, 32767):
            totals = [sign * (1 << place) - below for place in range(15) for sign in (1, -1) for below in (0, 1)]
            cfg = PoolConfig(1, 1, 1, 1, up, count)
            await bench.run(cfg, [window_of(total, bench.cols) for total in totals])


@cocotb.test()
async def long_sums(dut) -> None:
    """Windows of many words: sums that need most of the bits."""
    bench = await ready_bench(dut)
    for code, signed in ((255, 0), (128, 1), (127, 1)):
        for reduce in (0, 1):
            words = min(300, ((1 << 23) - 1) // (255 * bench.cols))
            cfg = random_config(bench.cols, words, bench.rng, sum=1, reduce=reduce, signed=signed, divide=0)
            await bench.run(cfg, [np.full((words, bench.cols), code, np.int64)])


@cocotb.test()
async def rates_and_latencies(dut) -> None:
    """Without stalls, the cycles that the header of the block names."""
    bench = await ready_bench(dut)
    height = bench.height
    tree = bench.width.bit_length() - 1
    for kind, words, up in itertools.product(range(5), (1, 4, 9), (0, 5)):
        cfg = PoolConfig(int(kind > 0), kind & 1, bench.rng.randrange(2), kind >> 1 & 1, up, 4)
        latency, period = height + 3, words * height + height + 1
        if cfg.sum and cfg.reduce:
            latency += tree + cfg.divide * (12 + up)
            least = height + (11 + up if cfg.divide else tree + 2)
            period = max(words * height, least)
        elif cfg.sum and cfg.divide:
            latency += height * (12 + up) + 1
            period += height * (12 + up) + 1
        elif not cfg.sum:
            period = max(words, height + 2)
        await bench.run(cfg, [random_window(cfg, bench.cols, 1, bench.rng)])
        assert bench.valid_at[0] - bench.last_in[0] == latency, cfg
        await bench.run(cfg, [random_window(cfg, bench.cols, words, bench.rng) for _ in range(8)])
        steps = [b - a for a, b in itertools.pairwise(bench.done_at[2:])]
        if cfg.sum:
            assert set(steps) == {period}, (cfg, period, steps)
        else:
            assert sum(steps) <= period * len(steps), (cfg, period, steps)
        if cfg.sum and cfg.reduce and words > 1:  # slices that do not count take no time
            await bench.run(cfg, [random_window(cfg, bench.cols, words, bench.rng) for _ in range(8)], cut=True)
            whole = bench.done_at[-1] - bench.done_at[0]
            assert whole <= sum(max(slices, least) for slices in bench.slices[1:]), (cfg, whole, bench.slices)


@cocotb.test()
async def reset_in_a_window(dut) -> None:
    """A reset in the middle of anything leaves nothing behind."""
    bench = await ready_bench(dut)
    bench.stall("random", "random")
    for n in range(60 if bench.height < 8 else 24):
        kind = n % 5
        fixed = {"sum": int(kind > 0), "reduce": kind & 1, "divide": kind >> 1 & 1}
        cfg = random_config(bench.cols, 4, bench.rng, **fixed)
        bench.load(cfg, bench.windows(cfg, 6, 4), cut=True)
        for _ in range(bench.rng.randint(1, 12 * bench.height)):
            await bench.cycle()
        dut.rst.value = 1
        dut.out_ready.value = 0
        dut.in_valid.value = bench.rng.randrange(2)
        for _ in range(bench.rng.choice((1, 1, 3))):
            await FallingEdge(dut.clk)
        dut.in_valid.value = 0
        dut.rst.value = 0
        after = random_config(bench.cols, 3, bench.rng)
        await bench.run(after, bench.windows(after, 3, 3))

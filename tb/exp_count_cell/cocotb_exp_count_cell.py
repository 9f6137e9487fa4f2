# SPDX-License-Identifier: Apache-2.0
"""Pair-counting cell: random pairs with gaps and zero codes, slices as long as counters allow, moves, reset."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer
from numpy.typing import NDArray

import streams
from shiftwork.codes.exponential import pack, radius, unpack, zero_exponent
from shiftwork.golden import exp_units

Histograms = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


class Bench:
    """Codes in, histograms (by ia + iw, ia, iw) out; what the north neighbour holds moves in."""

    def __init__(self, dut) -> None:
        self.dut, self.bits, self.width = dut, int(dut.BITS.value), int(dut.COUNT_W.value)
        self.r, self.longest = radius(self.bits), exp_units.slices(1 << 12, self.width)[0]
        self.rng = streams.rng((self.bits, self.width))
        self.noise = np.random.default_rng(self.rng.getrandbits(32))
        self.before = (0, 0, 1)  # exponents and `counting` of the cycle before

    async def begin(self) -> None:
        dut = self.dut
        for name in ("row_valid", "row_negative", "row_exponent", "row_entry", "counting", "single"):
            getattr(dut, name).value = 0
        for name in ("column_valid", "column_negative", "column_exponent", "column_entry"):
            getattr(dut, name).value = 0
        dut.north_both.value = dut.north_rows.value = dut.north_columns.value = 0
        dut.rst.value = 1
        Clock(dut.clk, 10, unit="ns").start()
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        await self.move()

    async def cycle(self, row: tuple[int, int, int], column: tuple[int, int, int], counting: int, single: int) -> None:
        """One cycle with row and column (valid, negative, exponent)."""
        dut, mask = self.dut, (1 << self.bits) - 1
        dut.row_valid.value, dut.row_negative.value, dut.row_exponent.value = row[0], row[1], row[2] & mask
        dut.column_valid.value, dut.column_negative.value = column[:2]
        dut.column_exponent.value = column[2] & mask
        dut.single.value = single
        dut.row_entry.value, dut.column_entry.value, dut.counting.value = self.before
        self.before = (row[2] & mask, column[2] & mask, counting)
        await FallingEdge(dut.clk)

    async def count(self, rows: NDArray[np.uint8], columns: NDArray[np.uint8], gaps: float = 0.0) -> None:
        """Pairs of codes (K,), with gaps in between."""
        (row_signs, row_exponents), (col_signs, col_exponents) = unpack(rows, self.bits), unpack(columns, self.bits)
        sides = zip(row_signs, row_exponents, col_signs, col_exponents, strict=True)
        for row_sign, row_exponent, col_sign, col_exponent in sides:
            while self.rng.random() < gaps:
                off = self.rng.choice(((0, 0), (0, 1), (1, 0)))
                await self.cycle(
                    *((valid, self.rng.getrandbits(1), self.rng.randint(-self.r, self.r)) for valid in off), 1, 1
                )
            row = (int(row_sign != 0), int(row_sign < 0), int(row_exponent))
            await self.cycle(row, (int(col_sign != 0), int(col_sign < 0), int(col_exponent)), 1, 1)
        await self.cycle((0, 1, 0), (0, 1, 0), 1, 1)

    async def move(self, north: Histograms | None = None) -> Histograms:
        """Move all counters out and those of `north` in; returns what came out."""
        dut, r, mask = self.dut, self.r, (1 << self.width) - 1
        both, rows, columns = north or (np.zeros(4 * r + 1), np.zeros(2 * r + 1), np.zeros(2 * r + 1))
        out = np.zeros(4 * r + 1, np.int64), np.zeros(2 * r + 1, np.int64), np.zeros(2 * r + 1, np.int64)
        for e in range(-2 * r, 2 * r + 2):  # the counters follow a cycle after their exponents
            last = e > 2 * r
            row, column = ((0, 0, 0), (0, 0, 0)) if last else ((1, 0, e >> 1), (1, 0, (e + 1) >> 1))
            await self.cycle(row, column, int(last), int(last or not e & 1))
            if last:
                break
            dut.row_entry.value, dut.column_entry.value, dut.counting.value = self.before
            await Timer(1, "ns")
            pairs = [(dut.both, dut.north_both, out[0], both, e + 2 * r)]
            if not e & 1:
                pairs += [(dut.rows, dut.north_rows, out[1], rows, (e >> 1) + r)]
                pairs += [(dut.columns, dut.north_columns, out[2], columns, (e >> 1) + r)]
            for port, north_port, found, given, place in pairs:
                found[place] = port.value.to_signed() if port.value.is_resolvable else 0
                north_port.value = int(given[place]) & mask
        return out

    def codes(self, count: int, zeros: float) -> NDArray[np.uint8]:
        exponents = self.noise.integers(-self.r, self.r + 1, count)
        exponents[self.noise.random(count) < zeros] = zero_exponent(self.bits)
        return pack(self.noise.random(count) < 0.5, exponents, self.bits)

    def check(self, found: Histograms, rows: NDArray[np.uint8], columns: NDArray[np.uint8]) -> None:
        counts = exp_units.count_pairs(rows, columns, self.bits)
        for got, want in zip(found, (counts.both, counts.rows, counts.columns), strict=True):
            assert (got == want).all(), (got, want)
        assert found[1].sum() == found[2].sum() == counts.pairs, (
            "the number of pairs is the sum of either single histogram"
        )


@cocotb.test()
async def random_pairs(dut) -> None:
    """Counters of random pairs, which move on; what the neighbour held is there afterwards, and counted on."""
    bench = Bench(dut)
    await bench.begin()
    for zeros in (0.0, 0.3):
        rows, columns = bench.codes(min(bench.longest, 150), zeros), bench.codes(min(bench.longest, 150), zeros)
        await bench.count(rows, columns, 0.2)
        half = bench.longest // 2
        more = bench.codes(half, 0.1), bench.codes(half, 0.1)
        counts = exp_units.count_pairs(*more, bench.bits)
        bench.check(await bench.move((counts.both, counts.rows, counts.columns)), rows, columns)
        extra = bench.codes(half, 0.1), bench.codes(half, 0.1)
        await bench.count(*extra)
        bench.check(await bench.move(), *(np.concatenate(pair) for pair in zip(more, extra, strict=True)))


@cocotb.test()
async def one_pair_back_to_back(dut) -> None:
    """The longest slice of one pair, of either sign: counters reach +-(2^(COUNT_W-1) - 1)."""
    bench = Bench(dut)
    await bench.begin()
    for exponents in ((bench.r, bench.r), (-bench.r, -bench.r), (0, -1)):
        for negative in (False, True):
            sides = [
                np.repeat(pack(s, e, bench.bits), bench.longest)
                for s, e in zip((negative, False), exponents, strict=True)
            ]
            await bench.count(*sides)
            found = await bench.move()
            bench.check(found, *sides)
            assert np.abs(found[0]).max() == bench.longest


@cocotb.test()
async def reset_drops_a_pair(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    rows, columns = bench.codes(3, 0.0), bench.codes(3, 0.0)
    await bench.count(rows, columns)
    dut.rst.value = 1
    await bench.cycle((1, 0, 1), (1, 0, 1), 1, 1)
    dut.rst.value = 0
    await bench.cycle((0, 0, 0), (0, 0, 0), 1, 1)
    bench.check(await bench.move(), rows, columns)

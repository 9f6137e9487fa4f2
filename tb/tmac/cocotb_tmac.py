# SPDX-License-Identifier: Apache-2.0
"""Term-pair cell against a list of 17 coefficients: random pairs, gaps, extremes, drain, reset in mid-stream."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

import streams

ENTRIES = 17


class Bench:
    def __init__(self, dut):
        self.dut = dut
        self.width = int(dut.COEF_W.value)
        self.rng = streams.rng(self.width)
        self.model = [0] * ENTRIES

    async def idle(self, cycles=1):
        dut = self.dut
        dut.drain.value = dut.row_valid.value = dut.column_valid.value = 0
        for _ in range(cycles):
            await FallingEdge(dut.clk)

    async def pair(self, row, column, row_valid=1, column_valid=1):
        """One pair; row and column are (negative, exponent)."""
        dut = self.dut
        dut.drain.value = 0
        dut.row_valid.value, dut.column_valid.value = row_valid, column_valid
        dut.row_negative.value, dut.row_exponent.value = row
        dut.column_negative.value, dut.column_exponent.value = column
        await FallingEdge(dut.clk)
        if row_valid and column_valid:
            self.model[row[1] + column[1]] += -1 if row[0] ^ column[0] else 1

    async def drain(self, north):
        """Move the vector out, entry 16 first, and `north` in; returns what came out."""
        dut, out = self.dut, []
        mask = (1 << self.width) - 1
        dut.row_valid.value = dut.column_valid.value = 0
        dut.row_negative.value = dut.column_negative.value = dut.column_exponent.value = 0
        for entry in reversed(range(ENTRIES)):
            dut.drain.value, dut.row_exponent.value = 1, entry
            await FallingEdge(dut.clk)
            known = dut.coefficient.value.is_resolvable
            out.insert(0, int(dut.coefficient.value) if known else None)
            dut.north.value = north[entry] & mask  # is stored at the next rising edge
        self.model = list(north)
        await self.idle()
        return out


def wrapped(values, width):
    return [value & ((1 << width) - 1) for value in values]


async def begin(dut):
    bench = Bench(dut)
    for name in ("drain", "row_valid", "row_negative", "row_exponent"):
        getattr(dut, name).value = 0
    for name in ("column_valid", "column_negative", "column_exponent", "north"):
        getattr(dut, name).value = 0
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    await bench.drain([0] * ENTRIES)
    return bench


@cocotb.test()
async def random_pairs(dut):
    bench = await begin(dut)
    rng = bench.rng
    for _ in range(4):
        for _ in range(rng.randint(50, 300)):
            row = (rng.randint(0, 1), rng.choice((0, 8, rng.randint(0, 8))))
            column = (rng.randint(0, 1), rng.choice((0, 8, rng.randint(0, 8))))
            await bench.pair(row, column, rng.random() < 0.9, rng.random() < 0.9)
        await bench.idle(2)
        want = wrapped(bench.model, bench.width)
        north = [rng.getrandbits(bench.width) for _ in range(ENTRIES)]
        assert await bench.drain(north) == want
    assert await bench.drain([0] * ENTRIES) == wrapped(north, bench.width)


@cocotb.test()
async def one_entry_back_to_back(dut):
    """The same entry in every cycle, and its wrap at both ends."""
    bench = await begin(dut)
    for negative, count in ((0, 5), (1, 9), (0, (1 << min(bench.width, 6)) + 3)):
        for _ in range(count):
            await bench.pair((negative, 8), (0, 8))
    await bench.idle(2)
    want = wrapped(bench.model, bench.width)
    assert await bench.drain([0] * ENTRIES) == want


@cocotb.test()
async def reset_drops_a_pair(dut):
    bench = await begin(dut)
    await bench.pair((0, 3), (0, 4))
    await bench.idle(2)
    dut.rst.value = 1
    await bench.pair((0, 3), (0, 4))
    bench.model[7] -= 1
    dut.rst.value = 0
    await bench.idle(2)
    want = wrapped(bench.model, bench.width)
    assert await bench.drain([0] * ENTRIES) == want

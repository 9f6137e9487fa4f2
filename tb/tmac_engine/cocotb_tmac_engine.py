# SPDX-License-Identifier: Apache-2.0
"""Term-pair engine against numpy: tiles of random shape and configuration over the stall patterns, mode switches
between tiles, extreme operands, illegal configurations, reset in mid-stream, and the cycle bound of a group."""

import os

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

import streams
from shiftwork.codes import terms

FIELDS = ("row", "col", "last")
CONFIG = ("tr_en", "group", "group_budget", "data_terms", "encoding", "row_signed", "col_signed")
LOW = ("out_valid", "cfg_error", "in_ready")
TIMEOUT = 60_000
TILES = int(os.environ.get("TILES", "4"))
THOROUGH = TILES > 10


def legal(cfg) -> bool:
    if not cfg["tr_en"]:
        return True
    power = cfg["group"] in {1 << e for e in range(9)}
    return power and cfg["group_budget"] > 0 and cfg["data_terms"] <= 9


def codes(rng, count, k, signed, style):
    """(count, k) codes: the whole range, mostly zeros, or one extreme value throughout."""
    low, high = (-128, 127) if signed else (0, 255)
    if style == "extreme":
        return np.full((count, k), rng.choice((low, high)), dtype=np.int32)
    values = np.array([[rng.randint(low, high) for _ in range(k)] for _ in range(count)], dtype=np.int32)
    if style == "sparse":
        values *= np.array([[rng.random() < 0.2 for _ in range(k)] for _ in range(count)])
    return values


def model(cfg, rows, cols):
    """(ROWS, COLS) int64 dot products of what the configuration leaves of the operands."""
    if cfg["tr_en"]:
        rule = "hese" if cfg["encoding"] else "binary"
        rows = terms.reveal(rows, cfg["group"], cfg["group_budget"], rule)
        cols = terms.truncate(cols, cfg["data_terms"], rule)
    return rows.astype(np.int64) @ cols.astype(np.int64).T


class Bench:
    def __init__(self, dut, in_stall="none", out_stall="none") -> None:
        self.dut = dut
        self.rows, self.cols = int(dut.ROWS.value), int(dut.COLS.value)
        self.rng = streams.rng(f"{in_stall}/{out_stall}")
        for name in CONFIG:
            getattr(dut, f"cfg_{name}").value = 0
        self.source = streams.StreamSource(dut, "in", FIELDS, stall=in_stall)
        self.sink = streams.StreamSink(dut, "out", ("acc", "last"), stall=out_stall)

    def random_config(self):
        rng = self.rng
        return {
            "tr_en": int(rng.random() < 0.8),
            "group": 1 << rng.randint(0, 8),
            "group_budget": rng.choice((1, 2, 12, 30, rng.randint(1, 2047), 2047)),
            "data_terms": rng.randint(0, 9),
            "encoding": rng.randint(0, 1),
            "row_signed": rng.randint(0, 1),
            "col_signed": rng.randint(0, 1),
        }

    async def tile(self, cfg, k, style="full"):
        """Send one tile under `cfg`; returns the beats that must come out."""
        rows = codes(self.rng, self.rows, k, cfg["row_signed"], style)
        cols = codes(self.rng, self.cols, k, cfg["col_signed"], style)
        await self.source.drain(TIMEOUT)
        for name in CONFIG:
            getattr(self.dut, f"cfg_{name}").value = cfg[name]
        self.source.send(
            {
                "row": streams.pack(rows[:, i], 8),
                "col": streams.pack(cols[:, i], 8),
                "last": int(i == k - 1),
            }
            for i in range(k)
        )
        if not legal(cfg):
            return []
        sums = model(cfg, rows, cols)
        return [{"acc": streams.pack(sums[r], 32), "last": int(r == self.rows - 1)} for r in range(self.rows)]


async def scenario(dut, in_stall, out_stall, tiles):
    bench = Bench(dut, in_stall, out_stall)
    await streams.start(dut, low=LOW)
    expected = []
    for i in range(tiles):
        k = bench.rng.choice((1, 2, 7, 27, bench.rng.randint(1, 80 if THOROUGH else 40)))
        if i == 1 and (THOROUGH or in_stall == "random"):
            k = 260  # two slices
        style = bench.rng.choice(("full", "sparse", "extreme"))
        expected += await bench.tile(bench.random_config(), k, style)
    await bench.sink.expect(expected, TIMEOUT)


@cocotb.test()
async def random_tiles(dut):
    await scenario(dut, "none", "none", TILES)


@cocotb.test()
async def random_tiles_stalled(dut):
    await scenario(dut, "random", "random", TILES)


@cocotb.test()
async def ready_after_valid(dut):
    await scenario(dut, "periodic", "after_valid", TILES // 2)


@cocotb.test()
async def extremes(dut):
    """Full slices in which every coefficient reaches its bound, 255 * 255 in binary included."""
    bench = Bench(dut)
    await streams.start(dut, low=LOW)
    expected = []
    kinds = ((1, 0, 0, 0), (1, 0, 1, 0), (0, 0, 0, 0), (1, 1, 1, 1))
    for tr_en, encoding, row_signed, col_signed in kinds[: 4 if THOROUGH else 2]:
        cfg = {"tr_en": tr_en, "group": 128, "group_budget": 2047, "data_terms": 0, "encoding": encoding}
        cfg |= {"row_signed": row_signed, "col_signed": col_signed}
        expected += await bench.tile(cfg, 256, "extreme")
    await bench.sink.expect(expected, TIMEOUT)


@cocotb.test()
async def illegal_configurations(dut):
    """cfg_error rises, nothing comes out, the next legal tile is right and clears it."""
    bench = Bench(dut)
    await streams.start(dut, low=LOW)
    base = {"tr_en": 1, "group": 8, "group_budget": 12, "data_terms": 3, "encoding": 1}
    base |= {"row_signed": 1, "col_signed": 0}
    expected = []
    for wrong in ({"group": 0}, {"group": 12}, {"group": 257}, {"group_budget": 0}, {"data_terms": 10}):
        await bench.tile(base | wrong, 5)
        await bench.source.drain()
        await ClockCycles(dut.clk, 2)
        assert dut.cfg_error.value == 1, wrong
        expected += await bench.tile(base | wrong | {"tr_en": 0}, 9)
        await bench.source.drain()
        await ClockCycles(dut.clk, 2)
        assert dut.cfg_error.value == 0
    await bench.sink.expect(expected, TIMEOUT)


@cocotb.test()
async def reset_in_mid_stream(dut):
    bench = Bench(dut)
    await streams.start(dut, low=LOW)
    for cycles in (40, 150, 400, 700) if THOROUGH else (150, 400):
        cfg = {"tr_en": 1, "group": 8, "group_budget": 20, "data_terms": 2, "encoding": 1}
        cfg |= {"row_signed": 1, "col_signed": 1}
        await bench.tile(cfg, 60)
        await ClockCycles(dut.clk, cycles)
        await streams.reset(dut, bench.source, bench.sink)
        expected = await bench.tile(bench.random_config(), 33)
        await bench.sink.expect(expected, TIMEOUT)
        bench.sink.clear()


@cocotb.test()
async def reset_while_a_tile_ends(dut):
    """One cycle of reset in every cycle before the first result of a tile: nothing of it is left behind."""
    bench = Bench(dut)
    await streams.start(dut, low=LOW)
    cfg = dict.fromkeys(CONFIG, 0) | {"row_signed": 1, "col_signed": 1}
    await bench.tile(cfg, 1)
    first = 0
    while not int(dut.out_valid.value):
        await RisingEdge(dut.clk)
        first += 1
        assert first < TIMEOUT, "no result"
    for wait in range(first - 14, first + 1):
        await streams.reset(dut, bench.source, bench.sink)
        await bench.tile(cfg, 1)
        await ClockCycles(dut.clk, wait)
        await streams.reset(dut, bench.source, bench.sink)
        await bench.sink.expect(await bench.tile(cfg, 1), TIMEOUT)
        bench.sink.clear()


@cocotb.test()
async def cycles_of_a_group(dut):
    """In steady state a slice costs at most budget * slots cycles a group, and the drain."""
    bench = Bench(dut)
    await streams.start(dut, low=LOW)
    groups, slices = 32, 4 if THOROUGH else 2
    for budget, data_terms in ((12, 2), (12, 3), (16, 3))[: 3 if THOROUGH else 1]:
        cfg = {"tr_en": 1, "group": 8, "group_budget": budget, "data_terms": data_terms, "encoding": 1}
        cfg |= {"row_signed": 1, "col_signed": 0}
        expected = await bench.tile(cfg, groups * 8 * slices)
        await bench.sink.expect(expected, TIMEOUT)
        bench.sink.clear()
        run = drained = 0
        expected = await bench.tile(cfg, groups * 8 * slices)
        while len(bench.sink.received) < len(expected):
            await RisingEdge(dut.clk)
            run += int(dut.go.value)
            drained += int(dut.drain_end.value)
        await bench.sink.expect(expected, TIMEOUT)
        bench.sink.clear()
        assert drained == slices
        assert run <= slices * (groups * budget * data_terms + 16), (run, budget, data_terms)

# SPDX-License-Identifier: Apache-2.0
"""Engine: extremes, random tiles under every pair of stalls, narrow layers, tables, resets, exact cycles."""

import itertools
import os
from collections.abc import Sequence
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge
from numpy.typing import NDArray

from exp_tiles import KINDS, CodePins, codes
from shiftwork.codes.exponential import Exponential, pack, radius, resize
from shiftwork.golden import exp_units
from shiftwork.golden.exp_units import PairTables
from tiles import Run, Tile, TileBench, until

AMOUNT = int(os.environ.get("AMOUNT", "1"))
TOP = (1 << 16) - 1


class CountPins(CodePins):
    """There is nothing to configure; `tables` is what the engine holds."""

    CONFIG = ()
    tables: PairTables

    def __init__(self, dut) -> None:
        super().__init__(dut, int(dut.ROWS.value))
        self.bits, self.count_bits = int(dut.BITS.value), int(dut.COUNT_W.value)
        self.zero = 1 << (self.bits - 1)
        self.longest = exp_units.slices(1 << 12, self.count_bits)[0]

    def to_ports(self, config: Any) -> Sequence[int]:
        return ()

    def from_ports(self, values: Sequence[int]) -> Any:
        return None

    def legal(self, config: Any) -> bool:
        return True

    def expected(self, tile: Tile) -> NDArray[np.int64]:
        """The sign of a zero code does not matter."""
        rows, cols = (np.where(c % (2 * self.zero) == self.zero, self.zero, c) for c in (tile.rows, tile.cols))
        counts = exp_units.count_pairs(rows[:, None], cols[None], self.bits)
        return (exp_units.evaluate_counts(counts, self.tables) + (1 << 47)) % (1 << 48) - (1 << 47)

    async def load(self, tables: PairTables) -> int:
        """Write the tables of a layer; returns the cycles that the writes had to wait."""
        self.tables = tables
        return await self.write(exp_units.table_words(tables))


async def start(dut) -> TileBench:
    """An engine out of reset, with random tables."""
    bench = TileBench(CountPins(dut))
    await bench.begin()
    noise, count = np.random.default_rng(bench.rng.getrandbits(32)), 4 * radius(bench.pins.bits) + 1
    factors = noise.integers(-TOP - 1, TOP + 1, 4)
    await bench.pins.load(PairTables(bench.pins.bits, noise.integers(0, TOP + 1, count), factors, 0))
    return bench


def tile(bench: TileBench, length: int | None = None) -> Tile:
    """A random tile; its length is around the borders of slices and of the evaluation."""
    pins, rng = bench.pins, bench.rng
    if length is None:
        length = rng.choice((1, 2, 3, pins.longest, pins.longest + 1, rng.randint(1, 90)))
    sides = [codes(rng, (n, length), pins.bits, rng.choice(KINDS), pins.bits) for n in (pins.rows, pins.cols)]
    return Tile(None, *sides)


@cocotb.test()
async def extremes(dut) -> None:
    """The longest slices of one pair, with the smallest and largest exponents of either sign and the largest tables."""
    bench = await start(dut)
    pins, r = bench.pins, radius(bench.pins.bits)
    for factor in (TOP, -TOP - 1):
        await pins.load(PairTables(pins.bits, np.full(4 * r + 1, TOP), np.full(4, factor), 0))
        tiles = []
        for (a, w), negative in itertools.product(((r, r), (-r, -r), (r, -r), (0, 0)), (False, True)):
            row, col = pack(negative, a, pins.bits), pack(False, w, pins.bits)
            for length in (pins.longest, pins.longest + 1):
                tiles.append(Tile(None, np.full((pins.rows, length), row), np.full((pins.cols, length), col)))
        zeros = np.full((pins.rows, 5), pins.zero)
        tiles += [Tile(None, zeros, tiles[0].cols[:, :5]), Tile(None, zeros + 2 * pins.zero, tiles[0].cols[:, :5])]
        run = await bench.check(tiles)
        if pins.longest << 34 < 1 << 47:
            assert (run.results[0] == 4 * factor * TOP * pins.longest).all()
        assert not np.any(run.results[-2:])


@cocotb.test()
async def random_tiles_under_stalls(dut) -> None:
    """Codes of every kind, negative zeros among them, under every pair of stall patterns."""
    bench = await start(dut)
    await bench.under_stalls(lambda: [tile(bench) for _ in range(3 * AMOUNT)], late=True)


@cocotb.test()
async def stalls_do_not_change_a_bit(dut) -> None:
    bench = await start(dut)
    tiles = [tile(bench, length) for length in (1, 1, 9, 2, 30, 1)]
    await bench.same_under_stalls(tiles)


@cocotb.test()
async def layers_of_every_width(dut) -> None:
    """Layers of 3..BITS exponent bits, in their own codes, against the model of the published form."""
    bench = await start(dut)
    pins = bench.pins
    noise = np.random.default_rng(bench.rng.getrandbits(32))
    for bits in range(3, pins.bits + 1):
        row = Exponential(bits, noise.uniform(1.05, 2), noise.uniform(0.1, 9), noise.uniform(-1, 1))
        col = Exponential(bits, row.base, noise.uniform(0.1, 9), noise.uniform(-1, 1))
        kind = bench.rng.choice(("layer", "sparse", "relu"))
        own = [codes(bench.rng, (n, 40), bits, kind, bits).astype(np.uint8) for n in (pins.rows, pins.cols)]
        wide = [resize(side, bits, pins.bits).astype(np.int64) for side in own]
        await pins.load(exp_units.widened(exp_units.pair_tables(row, col), pins.bits))
        run = await bench.check([Tile(None, *wide)])
        assert (run.results[0] == exp_units.tile(*own, row, col)).all()


async def scheduled(bench: TileBench, tiles: list[Tile]) -> Run:
    """Run tiles and compare results and the cycle of every row of results."""
    pins = bench.pins
    await until(bench.dut.clk, bench.dut.in_ready)  # counters are cleared after a reset
    run = await bench.check(tiles)
    lengths = [one.length for one in tiles]
    assert [cycle - run.taken[0] for cycle in run.left] == exp_units.leaving(
        lengths, pins.rows, pins.bits, pins.count_bits
    )
    return run


@cocotb.test()
async def steady_state(dut) -> None:
    """A tile of one slice takes max(beats + ROWS (4 R + 1), ROWS (10 R + 4) + 3) cycles."""
    bench = await start(dut)
    pins, r = bench.pins, radius(bench.pins.bits)
    rows = pins.rows
    moves, evaluation = rows * (4 * r + 1), rows * (10 * r + 4) + 3
    for beats in sorted({1, 2, min(pins.longest, evaluation - moves), min(pins.longest, evaluation - moves + 1)}):
        run = await scheduled(bench, [tile(bench, beats) for _ in range(3)])
        firsts = run.left[::rows]
        assert [b - a for a, b in itertools.pairwise(firsts)] == [max(beats + moves, evaluation)] * 2
        assert run.left[0] - run.taken[beats - 1] == 9 + 10 * r + 4


@cocotb.test()
async def mixed_lengths_leave_on_schedule(dut) -> None:
    """Tiles of one and of several slices in any order: each row leaves in the cycle that the model gives."""
    bench = await start(dut)
    for _ in range(AMOUNT):
        await scheduled(bench, [tile(bench) for _ in range(5)])


async def offer_noise(bench: TileBench, ready: list[bool]) -> None:
    """Note `table_ready` cycle by cycle, and offer random words whenever it is 0."""
    dut = bench.dut
    while True:
        ready.append(bool(dut.table_ready.value))
        dut.table_valid.value = not ready[-1]
        for handle in (dut.table_select, dut.table_address, dut.table_data):
            handle.value = bench.rng.getrandbits(len(handle))
        await FallingEdge(dut.clk)


@cocotb.test()
async def tables_wait_for_the_tiles(dut) -> None:
    """`table_ready` is 1 exactly while no tile is inside; what is offered meanwhile changes no result."""
    bench = await start(dut)
    for source, sink in (("none", "none"), ("random", "random"), ("none", "late")):
        tiles, ready = [tile(bench, length) for length in (1, 20, bench.pins.longest + 1)], []
        noise = cocotb.start_soon(offer_noise(bench, ready))
        run = await bench.check(tiles, source, sink)
        noise.cancel()
        dut.table_valid.value = 0
        begins = itertools.accumulate([one.length for one in tiles[:-1]], initial=0)
        inside = [(run.taken[n], left) for n, left in zip(begins, run.left[bench.rows - 1 :: bench.rows], strict=True)]
        for cycle, free in enumerate(ready, 1):
            assert free != any(begin < cycle <= end for begin, end in inside), (cycle, inside)


@cocotb.test()
async def tables_wait_between_slices(dut) -> None:
    """A tile that pauses between two slices until the first is evaluated still holds the tables."""
    bench = await start(dut)
    pins, dut = bench.pins, bench.dut
    one, seen = tile(bench, bench.pins.longest + 1), []
    beats = pins.beats(one)
    dut.out_ready.value = 1
    for n, (row, col) in enumerate(beats):
        if n == pins.longest:
            for _ in range(pins.rows * (14 * radius(pins.bits) + 5) + 20):
                assert not int(dut.table_ready.value)
                await FallingEdge(dut.clk)
        dut.in_row.value, dut.in_col.value, dut.in_last.value = row, col, int(n == pins.longest)
        dut.in_valid.value = 1
        await FallingEdge(dut.clk)
        dut.in_valid.value = 0
    for _ in range(pins.rows):
        await until(dut.clk, dut.out_valid)
        seen.append(int(dut.out_acc.value))
        await FallingEdge(dut.clk)
    assert int(dut.table_ready.value)
    assert (pins.result(seen) == pins.expected(one)).all()


@cocotb.test()
async def outputs_depend_on_registers_alone(dut) -> None:
    """`in_ready`, `table_ready`, `out_valid` and results follow no input within a cycle."""
    bench = await start(dut)
    inputs = [dut.in_valid, dut.in_last, dut.out_ready, dut.in_row, dut.in_col, dut.table_valid, dut.table_data]
    watch = cocotb.start_soon(bench.watch_outputs(inputs))
    await bench.check([tile(bench, length) for length in (1, 20, 3)], "random", "random")
    assert not watch.done()
    watch.cancel()


@cocotb.test()
async def results_wait_for_the_sink(dut) -> None:
    """A sink that is never ready stops the source; nothing is lost when it wakes up."""
    bench = await start(dut)
    tiles = [tile(bench, length) for length in (2, 30, 1, 60)]
    await bench.wait_for_the_sink(tiles, stop=1400)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    """One cycle of reset drops what is counted, moved, evaluated or leaving; tables stay; the next tile is right."""
    bench = await start(dut)
    r, rows = radius(bench.pins.bits), bench.rows
    moves, evaluation = rows * (4 * r + 1), rows * (10 * r + 4)
    slice_ends = min(10, bench.pins.longest)
    moments = [3, *range(slice_ends, slice_ends + 5), 10 + moves // 2, 10 + moves, 13 + evaluation // rows]
    moments += [bench.rng.randint(1, 2 * evaluation) for _ in range(2 * AMOUNT)]
    for stop in moments:
        sink = bench.rng.choice(("none", "random", "blocked"))
        await bench.run([tile(bench, 10) for _ in range(4)], "none", sink, stop=stop)
        assert await bench.cycles_until_ready() == moves
        assert int(dut.table_ready.value), "no tile is inside"
        await scheduled(bench, [tile(bench, bench.rng.choice((1, 4)))])


@cocotb.test()
async def reset_while_a_tile_ends(dut) -> None:
    bench = await start(dut)
    await bench.reset_in_every_cycle(lambda: tile(bench, 1))

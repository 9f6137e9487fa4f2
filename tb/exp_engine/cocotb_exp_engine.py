# SPDX-License-Identifier: Apache-2.0
"""Engine: corners, random tiles under every pair of stalls, tables, widths, errors, resets, exact cycles."""

import os

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from exp_tiles import KINDS, ExpPins, codes, illegal_config, random_config, random_tables, random_tile
from shiftwork.codes.exponential import ACTIVATION_BITS, WEIGHT_BITS
from shiftwork.compile.exp_cycles import ExpTile, class_counts, class_words, predict_exp_cycles, walks
from shiftwork.golden.class_sums import ExpConfig, ExpTables, row_classes
from tiles import STALLS, Tile, TileBench, until

AMOUNT = int(os.environ.get("AMOUNT", "2"))


async def start(dut, tables: str = "random") -> TileBench:
    bench = TileBench(ExpPins(dut))
    await bench.begin()
    await bench.pins.load(random_tables(bench.rng, bench.pins.bits, tables))
    return bench


@cocotb.test()
async def lengths(dut) -> None:
    """Every interesting K: one value, slice boundaries, more than two slices."""
    bench = await start(dut)
    depth = bench.pins.depth
    lengths = [1, 2, depth - 1, depth, depth + 1, 2 * depth, 2 * depth + 3]
    await bench.check([random_tile(bench.rng, bench.pins, length=n) for n in lengths])


@cocotb.test()
async def slice_lengths(dut) -> None:
    """Slices of every interesting length give the bits of whole ones."""
    bench = await start(dut)
    pins = bench.pins
    tiles = []
    for length in (1, 2, 3, 17, pins.depth // 2, pins.depth - 1, pins.depth):
        config = ExpConfig(pins.bits, True, length)
        tiles += [random_tile(bench.rng, pins, config, k) for k in (length, min(3 * length, 80), length + 1)]
    await bench.check(tiles)


@cocotb.test()
async def every_kind_of_row(dut) -> None:
    """Every kind of codes in the rows, at every exponent width, with and without signs."""
    bench = await start(dut)
    tiles = []
    for n in range(3, bench.pins.bits + 1):
        for kind in KINDS:
            for row_signed in (False, True):
                tiles.append(random_tile(bench.rng, bench.pins, ExpConfig(n, row_signed), 40, kind))
    await bench.check(tiles)


@cocotb.test()
async def every_code_against_every_code(dut) -> None:
    """Products of all pairs of port codes, one by one, also those that are no codes of the layer."""
    bench = await start(dut)
    count = 2 << bench.pins.bits
    for n in {3, bench.pins.bits}:
        tiles = []
        for code in range(count):
            rows = np.full((bench.rows, 1), code)
            for first in range(0, count, bench.cols):
                cols = (np.arange(first, first + bench.cols) % count)[:, None]
                tiles.append(Tile(ExpConfig(n, bool(code & 1) or n == 3), rows, cols))
        await bench.check(tiles[:: max(1, len(tiles) // (2000 if AMOUNT > 4 else 100))])


@cocotb.test()
async def rows_without_values(dut) -> None:
    """Rows of zeros give zeros, whatever the tile before left, also right behind a long list; whole tiles of zeros."""
    bench = await start(dut)
    pins = bench.pins
    tiles = []
    for _ in range(3):
        tiles.append(random_tile(bench.rng, pins, length=30, kind="layer"))
        empty = random_tile(bench.rng, pins, length=bench.rng.choice((1, 30, pins.depth + 1)), kind="layer")
        empty.rows[bench.rng.randrange(bench.rows) :] = 1 << (pins.bits - 1)
        tiles.append(empty)
        behind = random_tile(bench.rng, pins, ExpConfig(3, True, pins.depth), pins.depth // 2, kind="one")
        behind.rows[bench.rows // pins.fold :] = 1 << (pins.bits - 1)
        tiles.append(behind)
    tiles[1].rows[:] = 1 << (pins.bits - 1)
    await bench.check(tiles)


@cocotb.test()
async def largest_sums(dut) -> None:
    """Class sums of whole slices of the largest magnitude of either sign, and their totals over several slices.

    With the largest levels and values and with the smallest, whose negatives the port does not all hold.
    """
    bench = await start(dut, "extreme")
    pins = bench.pins
    tiles = []
    for row_negative in (0, 1):
        for col_negative in (0, 1):
            length = pins.depth * (1 if AMOUNT < 4 else 3)
            rows = np.full((bench.rows, length), row_negative << pins.bits)
            tiles.append(
                Tile(ExpConfig(pins.bits, True), rows, np.full((bench.cols, length), col_negative << pins.bits))
            )
    run = await bench.check(tiles)
    largest = tiles[0].length * ((1 << ACTIVATION_BITS) - 1) * ((1 << WEIGHT_BITS) - 1)
    assert {int(result[0, 0]) for result in run.results} == {largest, -largest}
    top_a = (1 << ACTIVATION_BITS) - 1
    for level in (top_a, -top_a):
        await pins.load(ExpTables(np.full(1 << pins.bits, level), np.full(2 << pins.bits, -(1 << WEIGHT_BITS))))
        run = await bench.check(tiles)
        smallest = tiles[0].length * top_a << WEIGHT_BITS
        assert {int(result[0, 0]) for result in run.results} == {smallest, -smallest}


@cocotb.test()
async def random_tiles_under_stalls(dut) -> None:
    """Widths and signs switch from tile to tile, without reset, under every pair of stall patterns."""
    bench = await start(dut)
    await bench.under_stalls(lambda: [random_tile(bench.rng, bench.pins) for _ in range(AMOUNT)])


@cocotb.test()
async def stalls_do_not_change_a_bit(dut) -> None:
    bench = await start(dut)
    tiles = [random_tile(bench.rng, bench.pins, length=length) for length in (1, 30, 60)]
    await bench.same_under_stalls(tiles)


@cocotb.test()
async def illegal_configurations(dut) -> None:
    """Illegal tiles of any length between legal ones: consumed, no result, cfg_error until the next legal tile."""
    bench = await start(dut)
    pins = bench.pins
    for source, sink in (("none", "none"), ("random", "random")):
        tiles = []
        for _ in range(2 * AMOUNT):
            make = illegal_config if bench.rng.random() < 0.5 else random_config
            tiles.append(
                random_tile(bench.rng, pins, make(bench.rng, pins.bits, pins.depth), bench.rng.choice((1, 2, 9, 40)))
            )
        tiles.append(random_tile(bench.rng, pins, length=5))
        await bench.check(tiles, source, sink)
        assert int(dut.cfg_error.value) == 0
        await bench.check([random_tile(bench.rng, pins, illegal_config(bench.rng, pins.bits, pins.depth), 3)])
        for _ in range(20):
            await FallingEdge(dut.clk)
            assert int(dut.cfg_error.value) == 1
    await bench.check([random_tile(bench.rng, pins, ExpConfig(n, True), 1) for n in range(8)])
    lengths = (0, 1, pins.depth, pins.depth + 1, 1023)
    await bench.check([random_tile(bench.rng, pins, ExpConfig(3, True, n), 2) for n in lengths])


@cocotb.test()
async def tables_wait_for_the_last_tile(dut) -> None:
    """table_ready is 0 while a tile is in flight: no result mixes two tables, also those that have not left yet."""
    bench = await start(dut)
    pins = bench.pins
    waits = 0
    for length, kind in ((1, "one"), (3, "layer"), (9, "one"), (pins.depth + 5, "layer")):
        config = ExpConfig(bench.rng.randint(3, pins.bits), True, pins.depth)  # takes a beat a cycle
        tile = random_tile(bench.rng, pins, config, length, kind)
        expected = pins.expected(tile)
        run = await bench.run([tile], "none", "blocked", stop=length + 1)
        assert run.results == []
        tables = random_tables(bench.rng, pins.bits)
        level = int(tile.rows[-1, -1]) & ((1 << pins.bits) - 1)  # that of the sum that leaves last, if all are alike
        waits += await pins.write([(0, level, int(tables.levels[level]))])
        waits += await pins.load(tables)
        rows = []
        dut.out_ready.value = 1
        for _ in range(bench.rows):
            await until(dut.clk, dut.out_valid)
            rows.append(int(dut.out_acc.value))
            await FallingEdge(dut.clk)
        dut.out_ready.value = 0
        assert (pins.result(rows) == expected).all()
        await bench.check([random_tile(bench.rng, pins, length=20)])
    assert waits > 10


@cocotb.test()
async def results_wait_for_the_sink(dut) -> None:
    """A sink that is never ready fills the engine and stops the source; nothing is lost when it wakes up."""
    bench = await start(dut)
    pins = bench.pins
    for lengths in ((20,) * 8, (5, 5, 5, 2 * pins.depth + 40)):
        tiles = [random_tile(bench.rng, pins, length=length) for length in lengths]
        await bench.wait_for_the_sink(tiles, stop=3 * pins.depth)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    """One cycle of reset at any time drops everything, lists included; then tiles are right with the same tables."""
    bench = await start(dut)
    pins = bench.pins
    for n in range(3 * AMOUNT):
        tiles = [random_tile(bench.rng, pins, length=bench.rng.choice((1, 9, 40, 100))) for _ in range(3)]
        source, stop = bench.rng.choice(STALLS), bench.rng.randint(1, 300)
        if n % 3 == 0:  # amid an illegal tile
            illegal = illegal_config(bench.rng, pins.bits, pins.depth)
            tiles[0], stop = random_tile(bench.rng, pins, illegal, 100), bench.rng.randint(9, 30)
        if n % 3 == 1:  # amid a slice that is not the first of its tile
            short = ExpConfig(3, True, 5)
            tiles[0], stop = random_tile(bench.rng, pins, short, 100), bench.rng.randint(9, 30)
        if n % 3 == 2:  # amid a long list
            whole = ExpConfig(3, True, pins.depth)
            tiles[0] = random_tile(bench.rng, pins, whole, pins.depth, "one")
            source, stop = "none", pins.depth + bench.rng.randint(10, 30)
        await bench.run(tiles, source, bench.rng.choice(STALLS), stop=stop)
        await bench.reset()
        await bench.check([random_tile(bench.rng, pins, length=bench.rng.choice((1, 8, 33))) for _ in range(3)])


@cocotb.test()
async def reset_while_a_tile_ends(dut) -> None:
    bench = await start(dut)
    await bench.reset_in_every_cycle(lambda: random_tile(bench.rng, bench.pins, length=1))


@cocotb.test()
async def ready_after_reset(dut) -> None:
    bench = await start(dut)
    assert await bench.cycles_until_ready() == {6: 9, 7: 17}.get(bench.pins.bits, 5)


async def exact_cycles(bench: TileBench, tiles: list[Tile]) -> None:
    """Run tiles, compare results and cycles."""
    pins, loads = bench.pins, []
    await until(pins.dut.clk, pins.dut.in_ready)
    for one in tiles:
        signs, exponents = row_classes(one.rows, one.config, pins.bits)
        counts = class_counts(signs, exponents, one.config)
        walked = walks(counts, class_words(one.config), pins.fold)
        loads.append(ExpTile.of(walked, one.length, one.config))
    run = await bench.check(tiles)
    assert run.cycles == predict_exp_cycles(loads, bench.rows), [str(one) for one in tiles]


@cocotb.test()
async def cycles_are_predicted_exactly(dut) -> None:
    """From an idle engine, without stalls on either side, shiftwork.compile.exp_cycles is exact."""
    bench = await start(dut)
    for n in range(3 * AMOUNT):
        tiles = [random_tile(bench.rng, bench.pins) for _ in range((6, 1, 2)[n % 3])]
        await exact_cycles(bench, tiles)
    # Short tiles of many classes: results find hardly a cycle to leave in.
    few = [random_tile(bench.rng, bench.pins, ExpConfig(bench.pins.bits, True), 12, "uniform") for _ in range(12)]
    await exact_cycles(bench, few)


@cocotb.test()
async def zeros_cost_nothing(dut) -> None:
    """Rows with 1 / FOLD of their values not zero: the FOLD rows of a line take the cycles of the beats and no more."""
    bench = await start(dut)
    pins = bench.pins
    config = ExpConfig(3, False, pins.depth)
    tiles = []
    for _ in range(4):
        rows = codes(bench.rng, (bench.rows, pins.depth), pins.bits, "one", 3)
        rows[:, pins.depth // pins.fold - 8 :] = 1 << (pins.bits - 1)
        tiles.append(Tile(config, rows, codes(bench.rng, (bench.cols, pins.depth), pins.bits, "uniform", 3)))
    run = await bench.check(tiles)
    assert run.cycles < 4 * pins.depth + pins.depth + 40

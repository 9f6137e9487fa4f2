# SPDX-License-Identifier: Apache-2.0
"""Engine: products, extremes, random tiles under every pair of stalls, resets, exact cycles of every beat."""

import itertools
import os

import cocotb
import numpy as np

from mac_tiles import MacConfig, MacPins, random_tile
from shiftwork.compile.mac_cycles import LATENCY, predict_mac_cycles
from tiles import SLOW, Run, Tile, TileBench
from tr_tiles import CORNERS

AMOUNT = int(os.environ.get("AMOUNT", "2"))
SIGNS = [MacConfig(*signs) for signs in itertools.product((False, True), repeat=2)]


async def start(dut) -> TileBench:
    bench = TileBench(MacPins(dut))
    await bench.begin()
    return bench


def tile(bench: TileBench, config: MacConfig | None = None, length: int | None = None) -> Tile:
    return random_tile(bench.rng, bench.pins, config, length)


def grid(bench: TileBench, config: MacConfig, rows: np.ndarray, cols: np.ndarray) -> list[Tile]:
    """Tiles of one beat in which every row value meets every column value in some cell."""
    rows = np.resize(rows, -(-len(rows) // bench.rows) * bench.rows).reshape(-1, bench.rows, 1)
    cols = np.resize(cols, -(-len(cols) // bench.cols) * bench.cols).reshape(-1, bench.cols, 1)
    return [Tile(config, row, col) for row, col in itertools.product(rows, cols)]


@cocotb.test()
async def products(dut) -> None:
    """Products alone in a tile: all of them in a thorough run, else those of the corners."""
    bench = await start(dut)
    for config in SIGNS:
        signs = config.row_signed, config.col_signed
        every = [np.arange(-128, 128) if signed else np.arange(256) for signed in signs]
        corners = [np.array(CORNERS[signed]) for signed in signs]
        await bench.check(grid(bench, config, *(every if AMOUNT > 4 else corners)))


@cocotb.test()
async def extremes(dut) -> None:
    """Tiles of one product throughout, the largest and the smallest of either sign, and of two that alternate."""
    bench = await start(dut)
    for config in SIGNS:
        tiles = []
        pairs = list(itertools.product(CORNERS[config.row_signed], CORNERS[config.col_signed]))
        for row, col in pairs:
            length = bench.rng.choice((2, 3, 5 * AMOUNT, 20 * AMOUNT))
            rows, cols = np.full((bench.rows, length), row), np.full((bench.cols, length), col)
            tiles.append(Tile(config, rows, cols))
            other = bench.rng.choice(pairs)
            rows, cols = rows.copy(), cols.copy()
            rows[:, ::2], cols[:, ::2] = other
            tiles.append(Tile(config, rows, cols))
        await bench.check(tiles)


@cocotb.test()
async def neighbours_do_not_meet(dut) -> None:
    """Largest values in one column or row and others beside it: no sum reaches into another."""
    bench = await start(dut)
    noise = np.random.default_rng(bench.rng.getrandbits(32))
    tiles = []
    for config in SIGNS:
        for _ in range(2 * AMOUNT):
            length = bench.rng.randint(1, 30 * AMOUNT)
            rows = np.repeat(noise.choice(CORNERS[config.row_signed], (bench.rows, 1)), length, axis=1)
            cols = np.repeat(noise.choice(CORNERS[config.col_signed], (bench.cols, 1)), length, axis=1)
            tiles.append(Tile(config, rows, cols))
            rows = noise.choice(CORNERS[config.row_signed], (bench.rows, length))
            cols = noise.choice(CORNERS[config.col_signed], (bench.cols, length))
            tiles.append(Tile(config, rows, cols))
    await bench.check(tiles)


@cocotb.test()
async def sums_wrap_at_the_documented_width(dut) -> None:
    """Sums beyond 2^(ACC_W - 1) wrap, up and down. In narrow shapes only: others take too many beats."""
    bench = await start(dut)
    if bench.pins.width > 22:
        return
    beats = (1 << bench.pins.width) // (255 * 255) + 5
    rows, cols = np.full((bench.rows, beats), 255), np.full((bench.cols, beats), 255)
    run = await bench.check([Tile(MacConfig(False, False), rows, cols)])
    assert 0 <= run.results[0][0, 0] < 6 * 255 * 255
    rows = np.full((bench.rows, 2 * beats), -128)
    await bench.check([Tile(MacConfig(True, False), rows, np.full((bench.cols, 2 * beats), 255))])


@cocotb.test()
async def random_tiles_under_stalls(dut) -> None:
    """Signs and lengths change from tile to tile under every pair of stall patterns."""
    bench = await start(dut)
    await bench.under_stalls(lambda: [tile(bench) for _ in range(4 * AMOUNT)], late=True)


@cocotb.test()
async def stalls_do_not_change_a_bit(dut) -> None:
    bench = await start(dut)
    await bench.same_under_stalls([tile(bench, length=length) for length in (1, 1, 9, 2, 30, 1)])


def schedule(bench: TileBench, tiles: list[Tile]) -> list[int]:
    """Cycles from the first beat taken to every result beat that leaves, when neither side stalls."""
    complete, left = 0, []
    for n, one in enumerate(tiles):
        complete += one.length - 1 if n == 0 else max(one.length, bench.rows)
        left += [complete + LATENCY + row for row in range(bench.rows)]
    return left


async def scheduled(bench: TileBench, tiles: list[Tile]) -> Run:
    """Run tiles and compare results and the cycle of every result beat."""
    run = await bench.check(tiles)
    assert [cycle - run.taken[0] for cycle in run.left] == schedule(bench, tiles)
    return run


@cocotb.test()
async def steady_state(dut) -> None:
    """Tiles follow each other every max(beats, ROWS) cycles; the prediction of all cycles is exact."""
    bench = await start(dut)
    rows = bench.rows
    for beats in sorted({1, 2, rows - 1, rows, rows + 1, 3 * rows + 5} - {0}):
        for count in (1, 2, 6 * AMOUNT):
            run = await scheduled(bench, [tile(bench, length=beats) for _ in range(count)])
            assert run.cycles == predict_mac_cycles(count, beats, rows), (count, beats)


@cocotb.test()
async def mixed_lengths_leave_on_schedule(dut) -> None:
    """Short and long tiles in any order: each result beat leaves in the cycle that the rule of the header gives."""
    bench = await start(dut)
    for _ in range(2 * AMOUNT):
        await scheduled(bench, [tile(bench) for _ in range(8)])


@cocotb.test()
async def the_next_tile_is_computed_while_results_leave(dut) -> None:
    """No gap between the beats of tiles of ROWS and more beats, and results leave between them.

    A sink that takes nothing stops the source after two tiles of results at the earliest.
    """
    bench = await start(dut)
    beats = bench.rows + 12
    run = await scheduled(bench, [tile(bench, length=beats) for _ in range(5)])
    assert run.taken == list(range(run.taken[0], run.taken[0] + 5 * beats))
    during = [cycle for cycle in run.left if cycle <= run.taken[-1]]
    assert len(during) >= 3 * bench.rows
    blocked = await bench.run([tile(bench, length=beats) for _ in range(20)], "none", "blocked", stop=20 * beats)
    assert len(blocked.taken) >= 3 * beats - 1, "two tiles of results wait, the third is computed to its last beat"
    await bench.reset()


@cocotb.test()
async def a_slow_sink_does_not_stop_the_array(dut) -> None:
    """A sink that takes a row every few cycles, and tiles of as many beats: no beat ever waits."""
    bench = await start(dut)
    beats = SLOW * (bench.rows + 1)
    run = await bench.check([tile(bench, length=beats) for _ in range(6)], "none", "slow")
    assert run.taken == list(range(run.taken[0], run.taken[0] + 6 * beats))


@cocotb.test()
async def outputs_depend_on_registers_alone(dut) -> None:
    """`in_ready`, `out_valid` and results follow no input within a cycle: not `in_valid`, not `out_ready`."""
    bench = await start(dut)
    inputs = [dut.in_valid, dut.in_last, dut.out_ready, dut.cfg_col_signed, dut.cfg_row_signed, dut.in_row, dut.in_col]
    watch = cocotb.start_soon(bench.watch_outputs(inputs))
    waited = 0
    for source, sink in (("none", "none"), ("random", "random"), ("none", "periodic")):
        run = await bench.check([tile(bench, length=beats) for beats in (1, 2, 1, 12, 1, 1)], source, sink)
        waited += run.taken[-1] - run.taken[0] + 1 - len(run.taken)
    assert waited or bench.rows == 1, "the engine never made the source wait"
    assert not watch.done()
    watch.cancel()


@cocotb.test()
async def results_wait_for_the_sink(dut) -> None:
    """A sink that is never ready stops the source; nothing is lost when it wakes up."""
    bench = await start(dut)
    for beats, stop in ((1, 100 + 4 * bench.rows), (20, 400 + 100 * bench.rows)):
        tiles = [tile(bench, length=beats) for _ in range(20)]
        await bench.wait_for_the_sink(tiles, stop)
        assert not int(dut.cfg_error.value)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    """One cycle of reset drops tiles that come in, are computed, wait or leave; the next ones are right and in time."""
    bench = await start(dut)
    for beats in (1, 9):
        moments = range(1, beats + LATENCY + 2 * bench.rows, 1 if AMOUNT > 4 else 2)
        for stop in moments:
            sink = bench.rng.choice(("none", "random", "blocked"))
            await bench.run([tile(bench, length=beats) for _ in range(4)], "none", sink, stop=stop)
            await bench.reset()
            assert int(dut.in_ready.value)
            await scheduled(bench, [tile(bench, length=length) for length in (bench.rng.choice((1, 4)), 3)])


@cocotb.test()
async def reset_while_a_tile_ends(dut) -> None:
    bench = await start(dut)
    await bench.reset_in_every_cycle(lambda: tile(bench, length=1))

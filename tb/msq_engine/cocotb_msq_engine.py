# SPDX-License-Identifier: Apache-2.0
"""Engine: every product, extremes, random tiles under every pair of stalls, resets, exact cycles of every beat."""

import itertools
import os

import cocotb
import numpy as np

from msq_tiles import COL_EXTREMES, NEGATIVE_ZERO, ROW_EXTREMES, MsqConfig, MsqPins, random_config, random_tile
from shiftwork.compile.msq_cycles import predict_msq_cycles
from tiles import Run, Tile, TileBench

AMOUNT = int(os.environ.get("AMOUNT", "2"))
THOROUGH = AMOUNT > 4


async def start(dut) -> TileBench:
    bench = TileBench(MsqPins(dut))
    await bench.begin()
    return bench


def tile(bench: TileBench, config: MsqConfig | None = None, beats: int | None = None) -> Tile:
    return random_tile(bench.rng, bench.pins, config, None if beats is None else beats * bench.pins.lanes)


def latency(pins: MsqPins) -> int:
    """Cycles from a tile's last beat to its first result, as the header says."""
    return 8 if pins.lanes == 1 else 11 + (pins.lanes // 4).bit_length() - 1


@cocotb.test()
async def every_product(dut) -> None:
    """Every code of either kind times every column code of either sign, alone in a beat, in every unit and lane.

    Among them 1000 of a row, which counts as -8 in a fixed row and as 0 in an SP2 row.
    """
    bench = await start(dut)
    pins = bench.pins
    lanes = range(pins.lanes) if THOROUGH else [None]
    for lane in lanes:
        tiles = []
        for n, (col_signed, weight, x) in enumerate(itertools.product((False, True), range(32), range(16))):
            weights = [(weight + 7 * row) % 32 for row in range(bench.rows)]
            config = MsqConfig(sum(w // 16 << row for row, w in enumerate(weights)), col_signed)
            rows = np.zeros((bench.rows, pins.lanes), np.int64)
            cols = bench.rng.getrandbits(4) * np.ones((bench.cols, pins.lanes), np.int64)
            alone = n % pins.lanes if lane is None else lane
            rows[:, alone] = [w % 16 for w in weights]
            cols[:, alone] = [(x + 5 * col) % 16 for col in range(bench.cols)]
            tiles.append(Tile(config, rows, cols))
        await bench.check(tiles)


@cocotb.test()
async def negative_zero_counts_as_documented(dut) -> None:
    """A row of 1000 alone: -8 times the columns' sum where codes are fixed, 0 where they are SP2."""
    bench = await start(dut)
    lanes, everyone = bench.pins.lanes, (1 << bench.rows) - 1
    rows, cols = np.full((bench.rows, 3 * lanes), NEGATIVE_ZERO), np.full((bench.cols, 3 * lanes), 7)
    run = await bench.check([Tile(MsqConfig(kind, True), rows, cols) for kind in (0, everyone)])
    assert (run.results[0] == -8 * 7 * 3 * lanes).all()
    assert (run.results[1] == 0).all()


@cocotb.test()
async def extremes(dut) -> None:
    """Whole tiles of the largest and the smallest operands and of zeros, one kind and sign against each other."""
    bench = await start(dut)
    everyone, lanes = (1 << bench.rows) - 1, bench.pins.lanes
    for kind, col_signed in itertools.product((False, True), (False, True)):
        config = MsqConfig(everyone * kind, col_signed)
        many = (1 << (bench.pins.width - 1)) // (8 * 15 * lanes)  # as long as sums fit
        for beats in (1, min(5 * AMOUNT, many)):
            tiles = []
            for row, col in itertools.product((*ROW_EXTREMES[kind], 0), (*COL_EXTREMES[col_signed], 0)):
                shape = beats * lanes
                tiles.append(Tile(config, np.full((bench.rows, shape), row), np.full((bench.cols, shape), col)))
            run = await bench.check(tiles)
            weight, value = 8 if kind else 7, (7, -8) if col_signed else (15, 0)
            assert (run.results[0] == weight * value[0] * shape).all()
            assert (run.results[4] == -weight * value[1] * shape).all()
    # Both signs within a beat: neighbours in a chain, and neighbours that share a multiplier.
    for _ in range(4 * AMOUNT):
        config = random_config(bench.rng, bench.rows)
        shape = bench.rng.choice((lanes, 4 * lanes))
        noise = np.random.default_rng(bench.rng.getrandbits(32))
        rows = np.stack([noise.choice(ROW_EXTREMES[config.sp2(row)], shape) for row in range(bench.rows)])
        await bench.check([Tile(config, rows, noise.choice(COL_EXTREMES[config.col_signed], (bench.cols, shape)))])


@cocotb.test()
async def sums_up_to_the_documented_bound(dut) -> None:
    """Sums of 2^(ACC_W - 1) - 1 and of -2^(ACC_W - 1) are right, one step further they wrap. In narrow shapes only."""
    bench = await start(dut)
    width = int(dut.ACC_W.value)
    if width > 18:  # thousands of beats
        return
    half, everyone = 1 << (width - 1), (1 << bench.rows) - 1
    one = {(False, 1): 1, (False, -1): 15, (True, 1): 2, (True, -1): 10}  # codes of the weights +-1
    for kind, sign in one:
        largest = ROW_EXTREMES[kind][sign < 0]
        bound, step = half - (sign > 0), 15 * (8 if kind else 7)
        few, rest = divmod(bound % step, 15)
        weights = [largest] * (bound // step) + [one[kind, sign]] * (few + 1)
        values = [15] * (bound // step + few) + [rest]
        for extra, total in ((0, sign * bound), (1, half - 1 if sign < 0 else -half)):
            rows = np.tile([*weights, one[kind, sign]], (bench.rows, 1))
            cols = np.tile([*values, extra], (bench.cols, 1))
            run = await bench.check([Tile(MsqConfig(everyone * kind), rows, cols)])
            assert (run.results[0] == total).all()


@cocotb.test()
async def random_tiles_under_stalls(dut) -> None:
    """Kinds of rows and the columns' sign change from tile to tile under every pair of stall patterns."""
    bench = await start(dut)
    await bench.under_stalls(lambda: [tile(bench) for _ in range(3 * AMOUNT)], late=True)


@cocotb.test()
async def stalls_do_not_change_a_bit(dut) -> None:
    bench = await start(dut)
    tiles = [tile(bench, beats=beats) for beats in (1, 1, 9, 2, 30, 1)]
    await bench.same_under_stalls(tiles)


def schedule(pins: MsqPins, tiles: list[Tile]) -> list[int]:
    """Cycles from the first beat taken to every result beat that leaves, when neither side stalls."""
    completes, left = 0, []
    for n, one in enumerate(tiles):
        beats = -(-one.length // pins.lanes)
        completes += beats - 1 if n == 0 else max(beats, pins.rows + 1)
        left += [completes + latency(pins) + row for row in range(pins.rows)]
    return left


async def scheduled(bench: TileBench, tiles: list[Tile]) -> Run:
    """Run tiles and compare results and the cycle of every result beat."""
    run = await bench.check(tiles)
    assert [cycle - run.taken[0] for cycle in run.left] == schedule(bench.pins, tiles)
    return run


@cocotb.test()
async def latency_from_the_last_beat(dut) -> None:
    """The first result is there 11 + log2(LANES / 4) cycles after the last beat, with one lane 8; others follow."""
    bench = await start(dut)
    for beats in (1, 2, 13):
        run = await scheduled(bench, [tile(bench, beats=beats)])
        assert run.left[0] - run.taken[-1] == latency(bench.pins)
        assert run.left == list(range(run.left[0], run.left[0] + bench.rows))


@cocotb.test()
async def steady_state(dut) -> None:
    """Tiles follow each other every max(beats, ROWS + 1) cycles; the prediction of all cycles is exact."""
    bench = await start(dut)
    pins, rows = bench.pins, bench.rows
    for beats in sorted({1, 2, rows - 1, rows, rows + 1, rows + 2, 3 * rows + 5} - {0}):
        for count in (1, 2, 4 * AMOUNT):
            run = await scheduled(bench, [tile(bench, beats=beats) for _ in range(count)])
            assert run.cycles == predict_msq_cycles(count, beats, rows, pins.lanes), (count, beats)
            firsts = run.left[::rows]
            assert all(b - a == max(beats, rows + 1) for a, b in itertools.pairwise(firsts)), (beats, firsts)


@cocotb.test()
async def mixed_lengths_leave_on_schedule(dut) -> None:
    """Short and long tiles in any order: each result beat leaves in the cycle that the rule of the header gives."""
    bench = await start(dut)
    for _ in range(2 * AMOUNT):
        await scheduled(bench, [tile(bench) for _ in range(8)])


@cocotb.test()
async def outputs_depend_on_registers_alone(dut) -> None:
    """`in_ready`, `out_valid` and results follow no input within a cycle: not `in_valid`, not `out_ready`."""
    bench = await start(dut)
    inputs = [dut.in_valid, dut.in_last, dut.out_ready, dut.cfg_col_signed, dut.cfg_row_sp2, dut.in_row, dut.in_col]
    watch = cocotb.start_soon(bench.watch_outputs(inputs))
    waited = 0
    for source, sink in (("none", "none"), ("random", "random"), ("none", "periodic")):
        run = await bench.check([tile(bench, beats=beats) for beats in (1, 2, 1, 12, 1)], source, sink)
        waited += run.taken[-1] - run.taken[0] + 1 - len(run.taken)
    assert waited, "the engine never made the source wait"
    assert not watch.done()
    watch.cancel()


@cocotb.test()
async def results_wait_for_the_sink(dut) -> None:
    """A sink that is never ready stops the source once the pipeline is full; nothing is lost when it wakes up."""
    bench = await start(dut)
    for beats in (1, 60):
        tiles = [tile(bench, beats=beats) for _ in range(60 // beats + 4)]
        await bench.wait_for_the_sink(tiles, stop=400)
        assert not int(dut.cfg_error.value)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    """One cycle of reset drops a tile that comes in, one in the pipeline, and one that drains; the next is right."""
    bench = await start(dut)
    drained = latency(bench.pins)
    for beats in (1, 9):
        tile_ends, sums, results = beats, beats + drained - 4, beats + drained + bench.rows
        moments = {beats // 2, tile_ends, sums, sums + 1, sums + 2, sums + 3, results - 1}
        moments |= {bench.rng.randint(1, results + beats) for _ in range(4 * AMOUNT)}
        for stop in sorted(moments - {0}):
            sink = bench.rng.choice(("none", "random", "blocked"))
            await bench.run([tile(bench, beats=beats) for _ in range(4)], "none", sink, stop=stop)
            await bench.reset()
            assert int(dut.in_ready.value)
            await scheduled(bench, [tile(bench, beats=bench.rng.choice((1, 4)))])

# SPDX-License-Identifier: Apache-2.0
"""Engine: directed corners, random tiles under every pair of stalls, mode switches, errors, resets, exact cycles."""

import os
from dataclasses import replace

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from shiftwork.codes import terms
from shiftwork.compile.tr_cycles import Reveal, predict_cycles, row_tokens, walks
from shiftwork.compile.tr_cycles import Tile as Load
from shiftwork.golden.tr_units import TileConfig
from tiles import STALLS, Tile, TileBench
from tr_tiles import CORNERS, TrPins, illegal_config, random_config, random_tile, values

AMOUNT = int(os.environ.get("AMOUNT", "2"))
QT = TileConfig()
TR = TileConfig(tr_en=True, group=8, budget=12, data_terms=0)


async def start(dut) -> TileBench:
    bench = TileBench(TrPins(dut))
    await bench.begin()
    return bench


def data_terms(bench: TileBench) -> range:
    return range(10) if int(bench.dut.TRUNCATE.value) else range(1)


def legal_config(bench: TileBench) -> TileConfig:
    return random_config(bench.rng, data_terms(bench), bench.pins.depth)


def tile(bench: TileBench, config: TileConfig, length: int | None = None) -> Tile:
    return random_tile(bench.rng, bench.rows, bench.cols, config, length)


@cocotb.test()
async def lengths(dut) -> None:
    """Every interesting K under QT and TR: one value, slice boundaries, more than two slices."""
    bench = await start(dut)
    depth = int(dut.DEPTH.value)
    lengths = [1, 8, 9, depth, depth + 1]
    if AMOUNT > 4:
        lengths += [2, depth - 1, 2 * depth, 2 * depth + 3]
    for config in (QT, TR):
        await bench.check([tile(bench, config, length) for length in lengths])


@cocotb.test()
async def groups_and_budgets(dut) -> None:
    """Every group with budgets of one term, the group's half, one and a half and all terms, both rules, all signs."""
    bench = await start(dut)
    tiles = []
    for n, group in enumerate(1 << i for i in range(9) if 1 << i <= bench.pins.depth):
        budgets = (1, max(1, group // 2), group + group // 2, 2047)
        for m, budget in enumerate(budgets):
            if AMOUNT <= 4 and (n + m) & 1:
                continue
            config = TileConfig(True, group, budget, 0, bool((n + m) % 3), bool(m & 1), bool(n & 1))
            longer = (group, group + 3) if AMOUNT <= 4 else (group, group + 3, 2 * group + 1, 70)
            tiles.append(tile(bench, config, bench.rng.choice(longer)))
    await bench.check(tiles)


@cocotb.test()
async def data_truncation(dut) -> None:
    bench = await start(dut)
    tiles = []
    for count in data_terms(bench):
        for hese in (False, True):
            for signed in (False, True):
                config = TileConfig(True, 256, 2047, count, hese, True, signed)
                codes = np.arange(-128, 128) if signed else np.arange(256)
                shift = bench.rng.randrange(256)
                cols = np.stack([np.roll(codes, shift + 17 * c) for c in range(bench.cols)])
                length = min(256, 6 * AMOUNT)
                rows = values(bench.rng, (bench.rows, 256), True, "uniform")
                tiles.append(Tile(config, rows[:, :length], cols[:, :length]))
    await bench.check(tiles)


@cocotb.test()
async def extreme_values(dut) -> None:
    """Whole tiles of one value: 0, +-127, -128, 255 against each other."""
    bench = await start(dut)
    tiles = []
    for config in (QT, TR, replace(TR, hese=False, budget=3), replace(TR, budget=1, group=64))[:AMOUNT]:
        for row_signed in (False, True):
            for col_signed in (False, True):
                row = bench.rng.choice(CORNERS[row_signed])
                config = replace(config, row_signed=row_signed, col_signed=col_signed)
                for col in CORNERS[col_signed]:
                    shape = bench.rng.choice((3, 31))
                    rows, cols = np.full((bench.rows, shape), row), np.full((bench.cols, shape), col)
                    tiles.append(Tile(config, rows, cols))
    await bench.check(tiles)


@cocotb.test()
async def slice_sums_up_to_the_documented_bound(dut) -> None:
    """A slice sum of 2^(ACC_W - 1) - 1 is right, one more wraps; a total of several slices is 32 bits wide.

    The two slices of the second tile are right in one of twice their length where that is cut in two.
    """
    bench = await start(dut)
    largest = (1 << (int(dut.ACC_W.value) - 1)) - 1
    count, rest = divmod(largest, 255 * 255)
    for shift in range(2):
        depth = bench.pins.depth >> shift
        if depth < max(32, count + 3):
            continue
        config = TileConfig(row_signed=False, col_signed=False, slice_shift=shift)
        left, right = np.full(depth, 0), np.full(depth, 0)
        left[:count] = right[:count] = 255
        (left[count], left[count + 1]), right[count], right[count + 1] = divmod(rest, 255), 255, 1
        assert int(left @ right) == largest
        for extra, total in ((0, largest), (1, -largest - 1)):
            left[count + 2] = right[count + 2] = extra
            one = Tile(config, np.tile(left, (bench.rows, 1)), np.tile(right, (bench.cols, 1)))
            two = Tile(config, np.tile(one.rows, (1, 2)), np.tile(one.cols, (1, 2)))
            run = await bench.check([one, two])
            assert (run.results[0] == total).all()
            assert (run.results[1] == 2 * total).all()


@cocotb.test()
async def shorter_slices(dut) -> None:
    """Tiles of several slices of every length, between tiles of whole ones."""
    bench = await start(dut)
    tiles = []
    for shift in range(3, -1, -1):
        places = bench.pins.depth >> shift
        for config in (QT, replace(TR, group=2, budget=3), replace(TR, group=min(places, 32), budget=40)):
            config = replace(config, slice_shift=shift, row_signed=bool(shift & 1))
            if bench.pins.legal(config):
                tiles += [tile(bench, config, 2 * places + 3), tile(bench, replace(config, slice_shift=0), 3)]
    await bench.check(tiles)


@cocotb.test()
async def random_tiles_under_stalls(dut) -> None:
    """Mode, group, rule and signs switch from tile to tile, without reset, under every pair of stall patterns."""
    bench = await start(dut)
    await bench.under_stalls(lambda: [tile(bench, legal_config(bench)) for _ in range(AMOUNT)])


@cocotb.test()
async def stalls_do_not_change_a_bit(dut) -> None:
    bench = await start(dut)
    tiles = [tile(bench, legal_config(bench), length) for length in (1, 30, 60)]
    await bench.same_under_stalls(tiles)


@cocotb.test()
async def illegal_configurations(dut) -> None:
    """Illegal tiles of any length between legal ones: consumed, no result, cfg_error until the next legal tile."""
    bench = await start(dut)
    for source, sink in (("none", "none"), ("random", "random")):
        tiles = []
        for _ in range(2 * AMOUNT):
            length = bench.rng.choice((1, 2, 8, 9, 40))
            if bench.rng.random() < 0.5:
                config = illegal_config(bench.rng)
                if not int(dut.TRUNCATE.value) and bench.rng.random() < 0.5:
                    config = replace(TR, data_terms=bench.rng.randint(1, 9))
            else:
                config = legal_config(bench)
            tiles.append(tile(bench, config, length))
        # With term revealing off the other fields are not looked at.
        tiles.append(tile(bench, replace(illegal_config(bench.rng), tr_en=False), 5))
        await bench.check(tiles, source, sink)
        assert int(dut.cfg_error.value) == 0
        await bench.check([tile(bench, illegal_config(bench.rng), 3)])
        for _ in range(20):
            await FallingEdge(dut.clk)
            assert int(dut.cfg_error.value) == 1
    await bench.reset()


@cocotb.test()
async def every_illegal_field(dut) -> None:
    """cfg_error over all 512 groups, over budgets, data terms and lengths of slices."""
    bench = await start(dut)
    configs = [replace(TR, group=group) for group in range(512)]
    configs += [replace(TR, budget=budget) for budget in (0, 1, 2, 1024, 2047)]
    configs += [replace(TR, data_terms=count) for count in range(16)]
    depth = bench.pins.depth
    for shift in range(4):
        longest = max(1, min(256, depth >> shift))
        configs += [replace(QT, slice_shift=shift), replace(TR, slice_shift=shift, group=longest)]
        if longest < 256:
            configs.append(replace(TR, slice_shift=shift, group=2 * longest))
    few = [c for c in configs if c.group < 20 or (c.group & 255) & ((c.group & 255) - 1) == 0 or c.slice_shift]
    configs = configs if AMOUNT > 10 else few
    tiles = [tile(bench, config, 1) for config in configs]
    legal = sum(bench.pins.legal(config) for config in configs)
    cuts = min(4, depth.bit_length() - 5)
    assert legal == min(depth, 256).bit_length() + 4 + (10 if int(dut.TRUNCATE.value) else 1) + 2 * cuts
    await bench.check(tiles)


@cocotb.test()
async def results_wait_for_the_sink(dut) -> None:
    """A sink that is never ready fills the engine and stops the source; nothing is lost when it wakes up.

    Two or three results wait at the output, the next tile in the array: short ones fill slots, a long one the rings.
    """
    bench = await start(dut)
    depth = int(dut.DEPTH.value)
    for lengths in ((20,) * 8, (5, 5, 5, 3 * depth + 40)):
        configs = [replace(QT, hese=bool(n & 1)) for n in range(len(lengths))]
        tiles = [tile(bench, config, length) for config, length in zip(configs, lengths, strict=True)]
        await bench.wait_for_the_sink(tiles, stop=max(3 * depth, 400))


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    """One cycle of reset at any time drops everything; the next tiles are right."""
    bench = await start(dut)
    for n in range(3 * AMOUNT):
        configs = [legal_config(bench) for _ in range(3)]
        lengths = [bench.rng.choice((1, 9, 40, 100)) for _ in configs]
        source, stop = bench.rng.choice(STALLS), bench.rng.randint(1, 300)
        if n % 3 == 0:  # amid an illegal tile
            configs[0], lengths[0], stop = illegal_config(bench.rng), 100, bench.rng.randint(9, 30)
        if n % 3 == 1:  # amid the second slice of a tile
            depth = int(dut.DEPTH.value)
            configs[0], lengths[0], source, stop = QT, depth + 60, "none", depth + bench.rng.randint(30, 60)
        tiles = [tile(bench, config, length) for config, length in zip(configs, lengths, strict=True)]
        await bench.run(tiles, source, bench.rng.choice(STALLS), stop=stop)
        await bench.reset()
        lengths = [bench.rng.choice((1, 8, 33)) for _ in configs]
        await bench.check([tile(bench, legal_config(bench), length) for length in lengths])


@cocotb.test()
async def reset_while_a_tile_ends(dut) -> None:
    bench = await start(dut)
    await bench.reset_in_every_cycle(lambda: tile(bench, TileConfig(), 1))


@cocotb.test()
async def ready_after_reset(dut) -> None:
    bench = await start(dut)
    assert await bench.cycles_until_ready() == 1


async def exact_cycles(bench: TileBench, tiles: list[Tile]) -> float:
    """Run tiles, compare results and cycles; returns the utilisation, bound over cycles.

    The bound is the sum over slices of max(tokens of the longest row, beats).
    """
    depth = int(bench.dut.DEPTH.value)
    bound, loads = 0, []
    for one in tiles:
        c = one.config
        kept = terms.reveal(one.rows, c.group, c.budget, c.rule) if c.tr_en else one.rows
        reveal = Reveal(c.rule, c.group if c.tr_en else 0, c.budget, c.row_signed)
        places = depth >> c.slice_shift
        loads.append(Load(walks(one.rows, reveal, places), one.length, reveal, c.slice_shift))
        beats = [min(places, one.length - start) for start in range(0, one.length, places)]
        bound += int(np.maximum(row_tokens(kept, c.rule, places).max(axis=0), beats).sum())
    run = await bench.check(tiles)
    assert run.cycles == predict_cycles(loads, bench.rows, depth), [str(one) for one in tiles]
    return bound / run.cycles


@cocotb.test()
async def cycles_are_predicted_exactly(dut) -> None:
    """From an idle engine, without stalls on either side, shiftwork.compile.tr_cycles is exact."""
    bench = await start(dut)
    depth = int(dut.DEPTH.value)
    for n in range(AMOUNT):
        configs = [legal_config(bench) for _ in range((6, 1, 2)[n % 3])]
        tiles = [tile(bench, config, 2 * depth if n == 1 else None) for config in configs]
        await exact_cycles(bench, tiles)
    if AMOUNT > 4:
        rows = values(bench.rng, (bench.rows, 2 * depth), True, "uniform")
        cols = values(bench.rng, (bench.cols, 2 * depth), True, "uniform")
        utilisation = await exact_cycles(bench, [Tile(QT, rows, cols)] * 4)
        assert utilisation > 0.9 or depth < 256, utilisation

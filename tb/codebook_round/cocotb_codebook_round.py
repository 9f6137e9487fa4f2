# SPDX-License-Identifier: Apache-2.0
"""Codebook: levels of every kind against the nearest level, around every threshold, loading, stalls."""

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from pipeline import check
from shiftwork.tensors import arithmetic
from streams import STALLS, rng


async def load(dut: Any, thresholds: list[int]) -> None:
    """Write T[1], T[2], ... in random order, and a word that is no threshold to address 0."""
    words = list(enumerate([rng("no threshold").getrandbits(31), *thresholds]))
    rng("order").shuffle(words)
    for address, word in words:
        await FallingEdge(dut.clk)
        dut.level_write.value = 1
        dut.level_address.value = address
        dut.level_value.value = word & ((1 << len(dut.value)) - 1)
    await FallingEdge(dut.clk)
    dut.level_write.value = 0
    dut.level_address.value = rng("idle").getrandbits(len(dut.level_address))


async def begin(dut: Any) -> tuple[int, int]:
    """Start the clock; returns levels and the largest value."""
    dut.enable.value = 0
    dut.level_write.value = 0
    Clock(dut.clk, 10, unit="ns").start()
    return 1 << len(dut.result), (1 << (len(dut.value) - 1)) - 1


async def compare(dut: Any, values: list[int], thresholds: list[int], stall: str = "none") -> None:
    """Every value inside the width, against the golden model."""
    top = (1 << (len(dut.value) - 1)) - 1
    inside = [value for value in values if -top - 1 <= value <= top]
    wanted = arithmetic.codebook_round(inside, thresholds).tolist()
    await check(dut, [{"value": value} for value in inside], wanted, len(dut.result), stall)


def codebooks(count: int, top: int) -> list[list[int]]:
    """Levels next to each other at both ends and around 0, of equal distance, spread over all values, geometric."""
    generator = rng("levels")
    spread = {-top - 1, top}
    while len(spread) < count:
        spread.add(generator.randint(-top - 1, top))
    books = [[start + i for i in range(count)] for start in (-top - 1, -(count // 2), top - count + 1)]
    step = (2 * top + 1) // (count - 1)
    books += [[-top - 1 + step * i for i in range(count)], sorted(spread)]
    even = min(step, 6) // 2 * 2
    if even:
        books.append([even * (i - count // 2) for i in range(count)])  # ties everywhere
    return books


@cocotb.test()
async def nearest_level(dut) -> None:
    """Around every threshold and level the index is that of the nearest level, the lower one on a tie."""
    count, top = await begin(dut)
    ties = 0
    for levels in codebooks(count, top):
        thresholds = arithmetic.codebook_thresholds(levels).tolist()
        await load(dut, thresholds)
        near = {number + step for number in (*levels, *thresholds) for step in (-2, -1, 0, 1, 2)}
        near |= {-top - 1, -1, 0, 1, top}
        values = sorted(value for value in near if -top - 1 <= value <= top)
        rng("shuffle").shuffle(values)
        wanted = []
        for value in values:
            distances = [abs(level - value) for level in levels]
            ties += distances.count(min(distances)) > 1
            wanted.append(distances.index(min(distances)))
        await check(dut, [{"value": value} for value in values], wanted, len(dut.result))
    assert ties > 2, "no ties met"


@cocotb.test()
async def any_thresholds(dut) -> None:
    """Thresholds that are equal, all at one end, or random; every value where there are at most 2^12."""
    count, top = await begin(dut)
    generator = rng("thresholds")
    for thresholds in (
        [top] * (count - 1),
        [-top - 1] * (count - 1),
        [0] * (count // 2) + [1] * (count // 2 - 1),
        sorted(generator.randint(-top - 1, top) for _ in range(count - 1)),
    ):
        await load(dut, thresholds)
        values = [threshold + step for threshold in thresholds for step in (-1, 0, 1)] + [-top - 1, top]
        await compare(dut, list(range(-top - 1, top + 1)) if top < 1 << 11 else values, thresholds)


@cocotb.test()
async def random_values(dut) -> None:
    """Values of every size under every stall pattern; new thresholds for each, written while enable is low."""
    count, top = await begin(dut)
    for stall in STALLS:
        generator = rng(f"random/{stall}")
        thresholds = sorted(generator.randint(-top - 1, top) >> generator.randint(0, 20) for _ in range(count - 1))
        await load(dut, thresholds)
        size = len(dut.value) - 1
        values = [generator.getrandbits(generator.randint(1, size)) * generator.choice((-1, 1)) for _ in range(2000)]
        await compare(dut, values, thresholds, stall)

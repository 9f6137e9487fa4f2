# SPDX-License-Identifier: Apache-2.0
"""Shift-round: published vectors, every shift around its rounding and clamping edges, random values, stalls."""

from dataclasses import dataclass

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from shiftwork.golden import arithmetic
from streams import STALLS, go_pattern, rng

LATENCY = 3


@dataclass(frozen=True)
class Item:
    value: int
    shift: int
    low: int
    high: int


def expected(item: Item) -> int:
    rounded = (item.value + ((1 << item.shift) >> 1)) >> item.shift
    if abs(item.value) < 1 << 61:
        assert rounded == int(arithmetic.shift_round(item.value, item.shift))
    return min(max(rounded, item.low), item.high)


async def stream(dut, items: list[Item], stall: str = "none") -> None:
    """Feed one item per enabled cycle and compare what leaves LATENCY enabled cycles later."""
    in_width, out_width = len(dut.value), len(dut.result)
    go = go_pattern(stall, rng(stall))
    in_flight: list[Item] = []
    generator = rng("idle")
    compared = 0
    await FallingEdge(dut.clk)
    for item in [*items, *([items[0]] * LATENCY)]:
        while not next(go):
            dut.enable.value = 0
            for handle in (dut.value, dut.shift, dut.low, dut.high):
                handle.value = generator.getrandbits(len(handle))
            await FallingEdge(dut.clk)
        dut.enable.value = 1
        dut.value.value = item.value & ((1 << in_width) - 1)
        dut.shift.value = item.shift
        dut.low.value = item.low & ((2 << out_width) - 1)
        dut.high.value = item.high & ((2 << out_width) - 1)
        await FallingEdge(dut.clk)
        in_flight.append(item)
        if len(in_flight) == LATENCY:
            oldest = in_flight.pop(0)
            want = expected(oldest)
            have = int(dut.result.value)
            assert have == want & ((1 << out_width) - 1), f"{oldest}: {have:#x}, expected {want}"
            compared += 1
    assert compared >= len(items)


def limits(dut) -> list[tuple[int, int]]:
    """Clamps of signed and unsigned codes, ReLU6-like limits, the widest and the narrowest."""
    full = 1 << len(dut.result)
    half = full >> 1
    return [(-half, half - 1), (0, full - 1), (0, max(1, 6 * full // 16)), (-full, full - 1), (-1, 0), (1, 1)]


@cocotb.test()
async def published_vectors(dut) -> None:
    """docs/numerics.md section 2."""
    pairs = {
        (7, 1): 4,
        (-7, 1): -3,
        (5, 2): 1,
        (6, 2): 2,
        (-6, 2): -1,
        (-5, 2): -1,
        (-1, 3): 0,
        (4280, 7): 33,
        (2616, 7): 20,
    }
    if len(dut.result) < 8:
        pairs = {key: out for key, out in pairs.items() if -2 <= out <= 1}
    else:
        pairs[1023, 7] = 8
    Clock(dut.clk, 10, unit="ns").start()
    low, high = limits(dut)[0]
    items = [Item(value, shift, low, high) for value, shift in pairs]
    assert [expected(item) for item in items] == list(pairs.values())
    await stream(dut, items)


@cocotb.test()
async def edges(dut) -> None:
    """For every shift: values around each rounding and clamping boundary, and the extremes of the input."""
    Clock(dut.clk, 10, unit="ns").start()
    generator = rng("edges")
    top = (1 << (len(dut.value) - 1)) - 1
    full = 1 << len(dut.result)
    items = []
    for shift in range(32):
        codes = {-full - 1, -full, -(full >> 1) - 1, -1, 0, 1, (full >> 1) - 1, full - 1, full, full + 1}
        codes |= {generator.randrange(-full, full) for _ in range(8)}
        half = (1 << shift) >> 1
        values = [(code << shift) + half + step for code in codes for step in (-2, -1, 0, 1)]
        values += [top, top - 1, top - half, -top - 1, -top, -top + half, 0, -1, 1]
        for value in values:
            if -top - 1 <= value <= top:
                items.append(Item(value, shift, *generator.choice(limits(dut))))
    assert len(items) > 300
    await stream(dut, items)


@cocotb.test()
async def random_values(dut) -> None:
    """Magnitudes of every size, limits that change from value to value, under every stall pattern."""
    Clock(dut.clk, 10, unit="ns").start()
    for stall in STALLS:
        generator = rng(f"random/{stall}")
        items = []
        for _ in range(3000):
            value = generator.getrandbits(generator.randint(1, len(dut.value) - 1)) * generator.choice((-1, 1))
            items.append(Item(value, generator.randrange(32), *generator.choice(limits(dut))))
        await stream(dut, items, stall)

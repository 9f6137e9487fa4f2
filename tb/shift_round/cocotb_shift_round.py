# SPDX-License-Identifier: Apache-2.0
"""Shift-round: published vectors, every shift around its rounding and clamping edges, random values, stalls."""

from dataclasses import asdict, dataclass

import cocotb
from cocotb.clock import Clock

from pipeline import check, limits
from shiftwork.tensors import arithmetic
from streams import STALLS, rng

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
    await check(dut, [asdict(item) for item in items], [expected(item) for item in items], LATENCY, stall)


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
    low, high = limits(len(dut.result))[0]
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
                items.append(Item(value, shift, *generator.choice(limits(len(dut.result)))))
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
            items.append(Item(value, generator.randrange(32), *generator.choice(limits(len(dut.result)))))
        await stream(dut, items, stall)

# SPDX-License-Identifier: Apache-2.0
"""Scale-round: published vectors, every shift around its rounding and clamping edges, extremes, stalls."""

from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock

from pipeline import boundary_codes, check, limits
from shiftwork.tensors import arithmetic
from streams import STALLS, rng

LATENCY = 6

Item = dict[str, int]


def expected(items: list[Item]) -> list[int]:
    """From plain integers; the golden model has to agree."""
    plain = [(i["value"] * i["factor"] + i["addend"] + (1 << (i["shift"] - 1))) >> i["shift"] for i in items]
    column = {name: np.array([item[name] for item in items], dtype=np.int64) for name in items[0]}
    golden = arithmetic.scale_round(column["value"], column["factor"], column["addend"], column["shift"])
    assert golden.tolist() == plain
    return [min(max(code, item["low"]), item["high"]) for code, item in zip(plain, items, strict=True)]


def fits(dut: Any, item: Item) -> bool:
    """The operands fit their ports and the sum fits 64 bits."""
    total = item["value"] * item["factor"] + item["addend"]
    bounds = ((item["value"], len(dut.value)), (item["addend"], len(dut.addend)), (total, 64))
    return all(-(1 << (width - 1)) <= number < 1 << (width - 1) for number, width in bounds)


async def run(dut: Any, candidates: list[tuple[int, int, int, int, tuple[int, int]]], least: int, stall="none") -> None:
    """Check those of (value, factor, addend, shift, (low, high)) that fit, of which there must be `least`."""
    names = ("value", "factor", "addend", "shift", "low", "high")
    items = [dict(zip(names, (*candidate[:4], *candidate[4]), strict=True)) for candidate in candidates]
    items = [item for item in items if fits(dut, item)]
    assert len(items) >= least, f"{len(items)} items"
    await check(dut, items, expected(items), LATENCY, stall)


@cocotb.test()
async def published_vectors(dut) -> None:
    """docs/numerics.md section 4."""
    Clock(dut.clk, 10, unit="ns").start()
    wide = limits(len(dut.result))[0]
    vectors = [(3, 1 << 15, 0, 16, wide), (-3, 1 << 15, 0, 16, wide), (1000, 50000, 7 << 20, 23, wide)]
    await run(dut, vectors, 3)


@cocotb.test()
async def edges(dut) -> None:
    """For every shift: sums around each rounding and clamping boundary, reached by the addend or by the value alone."""
    Clock(dut.clk, 10, unit="ns").start()
    generator, width = rng("edges"), len(dut.result)
    candidates = []
    for shift in range(1, 48):
        for code in boundary_codes(width):
            for step in (-2, -1, 0, 1):
                total = (code << shift) + (1 << (shift - 1)) + step
                factor = generator.choice((1 << 15, (1 << 16) - 1, generator.randrange(1 << 16)))
                value = generator.getrandbits(generator.randint(1, len(dut.value) - 1)) * generator.choice((-1, 1))
                clamp = generator.choice(limits(width))
                candidates.append((value, factor, total - value * factor, shift, clamp))
                candidates.append((total // max(factor, 1), max(factor, 1), 0, shift, clamp))
                candidates.append((total, 1, 0, shift, clamp))
    await run(dut, candidates, 3000)


@cocotb.test()
async def extremes(dut) -> None:
    """Every combination of the largest and smallest operands, for every shift and clamp."""
    Clock(dut.clk, 10, unit="ns").start()
    top, most = (1 << (len(dut.value) - 1)) - 1, (1 << (len(dut.addend) - 1)) - 1
    values, addends = (-top - 1, -top, -1, 0, 1, top), (-most - 1, -most, -1, 0, 1, most)
    candidates = [
        (value, factor, addend, shift, limits(len(dut.result))[(shift + number) % 6])
        for shift in range(1, 48)
        for value in values
        for factor in (0, 1, 1 << 15, (1 << 16) - 1)
        for number, addend in enumerate(addends)
    ]
    await run(dut, candidates, 3000)


@cocotb.test()
async def random_values(dut) -> None:
    """Magnitudes of every size, operands and limits that change from value to value, under every stall pattern."""
    Clock(dut.clk, 10, unit="ns").start()
    for stall in STALLS:
        generator = rng(f"random/{stall}")

        def some(width: int, generator=generator) -> int:
            return generator.getrandbits(generator.randint(1, width - 1)) * generator.choice((-1, 1))

        candidates = [
            (
                some(len(dut.value)),
                generator.getrandbits(16),
                some(len(dut.addend)),
                generator.randint(1, 47),
                generator.choice(limits(len(dut.result))),
            )
            for _ in range(2000)
        ]
        await run(dut, candidates, 1500, stall)

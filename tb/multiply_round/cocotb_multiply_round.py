# SPDX-License-Identifier: Apache-2.0
"""Multiply-round: published vectors, ties of both roundings for every shift, saturation, extremes, stalls."""

from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock

from pipeline import boundary_codes, check, limits
from shiftwork.tensors import arithmetic
from streams import STALLS, rng

LATENCY = 6
LOWEST = -(1 << 31)
EXTREMES = (LOWEST, LOWEST + 1, LOWEST // 2, -1, 0, 1, -LOWEST // 2, -LOWEST - 1)

Candidate = tuple[int, int, int, tuple[int, int]]


async def run(dut: Any, candidates: list[Candidate], least: int, stall: str = "none") -> None:
    """Check those of (value, factor, shift, (low, high)) whose value has 32 bits, of which there must be `least`."""
    names = ("value", "factor", "shift", "low", "high")
    items = [dict(zip(names, (*c[:3], *c[3]), strict=True)) for c in candidates if LOWEST <= c[0] < -LOWEST]
    assert len(items) >= least, f"{len(items)} items"
    column = {name: np.array([item[name] for item in items]) for name in names}
    codes = arithmetic.multiply_round(column["value"], column["factor"], column["shift"])
    await check(dut, items, np.clip(codes, column["low"], column["high"]).tolist(), LATENCY, stall)


@cocotb.test()
async def published_vectors(dut) -> None:
    """docs/numerics.md section 4; -2^31 * -2^31 saturates."""
    Clock(dut.clk, 10, unit="ns").start()
    wide = limits(len(dut.result))[0]
    vectors = [(5, 1 << 30, 0, wide), (-5, 1 << 30, 0, wide), (10, 1 << 30, 1, wide), (-10, 1 << 30, 1, wide)]
    await run(dut, [*vectors, *((LOWEST, LOWEST, shift, wide) for shift in range(32))], 36)


@cocotb.test()
async def edges(dut) -> None:
    """For every shift: high halves around each tie and clamp (factor -2^31 gives any), ties of the multiply itself."""
    Clock(dut.clk, 10, unit="ns").start()
    generator, width = rng("edges"), len(dut.result)
    candidates: list[Candidate] = []
    for shift in range(32):
        for code in boundary_codes(width):
            for step in (-2, -1, 0, 1, 2):
                high = (code << shift) + ((1 << shift) >> 1) + step
                clamp = generator.choice(limits(width))
                factor = generator.randrange(1 << 30, 1 << 31)
                candidates.append((-high, LOWEST, shift, clamp))
                candidates += [(2 * high + low, 1 << 30, shift, clamp) for low in (-1, 0)]
                candidates.append(((high << 31) // factor, factor, shift, clamp))
    await run(dut, candidates, 3000)


@cocotb.test()
async def extremes(dut) -> None:
    """Every pair of extreme operands with every shift."""
    Clock(dut.clk, 10, unit="ns").start()
    clamps = limits(len(dut.result))
    candidates = [(a, b, s, clamps[(a + b + s) % 6]) for s in range(32) for a in EXTREMES for b in EXTREMES]
    await run(dut, candidates, 2048)


@cocotb.test()
async def random_values(dut) -> None:
    """Magnitudes of every size, operands and limits that change from value to value, under every stall pattern."""
    Clock(dut.clk, 10, unit="ns").start()
    for stall in STALLS:
        generator = rng(f"random/{stall}")
        candidates = [
            (
                generator.getrandbits(generator.randint(1, 31)) * generator.choice((-1, 1)),
                generator.choice((generator.randrange(1 << 30, 1 << 31), generator.randrange(LOWEST, -LOWEST))),
                generator.randrange(32),
                generator.choice(limits(len(dut.result))),
            )
            for _ in range(2000)
        ]
        await run(dut, candidates, 2000, stall)

# SPDX-License-Identifier: Apache-2.0
"""The four requantizers behind their common ports; the variable KIND says which one was built."""

import os
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from pipeline import check, limits
from shiftwork.tensors import arithmetic
from streams import STALLS, rng

KIND = os.environ.get("KIND", "shift")
SHIFTS = {"shift": (0, 31), "scale": (1, 47), "multiply": (0, 31), "codebook": (0, 63)}


def latency(dut: Any) -> int:
    return {"shift": 3, "scale": 6, "multiply": 6, "codebook": len(dut.result)}[KIND]


def golden(column: dict[str, np.ndarray], thresholds: list[int]) -> np.ndarray:
    """Results for columns of operands."""
    value, factor, shift = column["value"], column["factor"], column["shift"]
    if KIND == "codebook":
        return arithmetic.codebook_round(value, thresholds)
    if KIND == "shift":
        codes = arithmetic.shift_round(value, shift)
    elif KIND == "scale":
        codes = arithmetic.scale_round(value, factor & 0xFFFF, 0, shift)
    else:
        codes = arithmetic.multiply_round(value, factor, shift)
    return np.clip(codes, column["low"], column["high"])


@cocotb.test()
async def values(dut) -> None:
    """Values of every size and extremes under every stall pattern; ports that the kind ignores are random."""
    generator, width = rng("values"), len(dut.result)
    dut.enable.value = 0
    Clock(dut.clk, 10, unit="ns").start()
    thresholds: list[int] = []
    if KIND == "codebook":
        thresholds = sorted(generator.randrange(-(1 << 24), 1 << 24) for _ in range((1 << width) - 1))
        for address, word in enumerate(thresholds, 1):
            await FallingEdge(dut.clk)
            dut.level_write.value = 1
            dut.level_address.value = address
            dut.level_value.value = word & 0xFFFFFFFF
        await FallingEdge(dut.clk)
        dut.level_write.value = 0
    for stall in STALLS:
        items = []
        for _ in range(1500):
            value = generator.getrandbits(generator.randint(1, 31)) * generator.choice((-1, 1))
            value = generator.choice([value] * 20 + [-(1 << 31), (1 << 31) - 1] + thresholds[:1])
            low, high = generator.choice(limits(width))
            items.append(
                {
                    "value": value,
                    "factor": generator.choice((generator.randrange(-(1 << 31), 1 << 31), -(1 << 31))),
                    "shift": generator.randint(*SHIFTS[KIND]),
                    "low": low,
                    "high": high,
                }
            )
        column = {name: np.array([item[name] for item in items]) for name in items[0]}
        await check(dut, items, golden(column, thresholds).tolist(), latency(dut), stall)

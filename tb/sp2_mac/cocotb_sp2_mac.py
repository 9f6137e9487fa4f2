# SPDX-License-Identifier: Apache-2.0
"""Shift-add unit: every weight against every column code in every lane, uniform and random sums, stalls.

The reference is the dot product of the decoded codes and what the header of shw_sp2_mac adds to it.
"""

from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from numpy.typing import NDArray

from pipeline import check, late_lanes
from shiftwork.compile.msq_cycles import adding
from shiftwork.golden import msq_units
from streams import STALLS, rng

WEIGHTS = [(code, kind) for kind in (False, True) for code in range(16)]
WIDTHS = {"digits": 6, "x": 4, "top_once": 1, "top_twice": 1}

Codes = NDArray[np.int64]


async def run(dut: Any, weights: Codes, x: Codes, is_signed: Codes, stall: str = "none") -> None:
    """weights: (beat, lane) numbers of WEIGHTS. x: (beat, lane) column codes. is_signed: (beat) their range."""
    code, kind = np.array(WEIGHTS).T[:, weights]
    digits = msq_units.digits(code, kind)
    signed = is_signed.astype(bool)
    column = msq_units.column_value(x, signed[:, None])
    dot = (msq_units.value(code, kind) * column).sum(1)
    negative, nonzero = (((test * [1, 4]).sum((1, 2))) for test in (digits < 0, digits != 0))
    wanted = dot + 16 * np.where(signed, nonzero, 2 * negative) - negative + 15 * (x.shape[1] // 4)
    assert (wanted == msq_units.sp2_sum(code, kind, x, signed)).all()

    top = x >> 3
    beats = {
        "digits": msq_units.digit_bits(digits),
        "x": x,
        "top_once": np.where(signed[:, None], 1 - top, 0),
        "top_twice": np.where(signed[:, None], 1 - top, top),
    }
    latency = 1 + adding(x.shape[1])
    await check(dut, late_lanes(beats, WIDTHS), wanted.tolist(), latency, stall, "out_sum")


@cocotb.test()
async def every_product(dut) -> None:
    """Every lane meets every weight code of both kinds with every column code of both ranges, beside other products."""
    Clock(dut.clk, 10, unit="ns").start()
    lanes = int(dut.LANES.value)
    generator = np.random.default_rng(rng("every").getrandbits(32))
    pairs = [np.stack([generator.permutation(32 * 16) for _ in range(lanes)], axis=1) for _ in range(2)]
    beats = np.concatenate(pairs)
    is_signed = np.repeat([0, 1], len(pairs[0]))
    order = generator.permutation(len(beats))
    await run(dut, beats[order] // 16, beats[order] % 16, is_signed[order])


@cocotb.test()
async def uniform_beats(dut) -> None:
    """One weight and one column code in all lanes: the smallest and the largest sums are among them."""
    Clock(dut.clk, 10, unit="ns").start()
    weights, x, is_signed = np.indices((32, 16, 2)).reshape(3, -1)
    lanes = np.ones(int(dut.LANES.value), np.int64)
    await run(dut, weights[:, None] * lanes, x[:, None] * lanes, is_signed)


@cocotb.test()
async def random_beats(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    for stall in STALLS:
        generator = np.random.default_rng(rng(stall).getrandbits(32))
        shape = (300, int(dut.LANES.value))
        weights, x = generator.integers(0, 32, shape), generator.integers(0, 16, shape)
        await run(dut, weights, x, generator.integers(0, 2, shape[0]), stall)

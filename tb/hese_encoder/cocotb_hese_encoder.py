# SPDX-License-Identifier: Apache-2.0
"""Parallel encoder: every magnitude under both rules against shiftwork.codes.terms.encode."""

import cocotb
import numpy as np
from cocotb.triggers import Timer

from shiftwork.codes import terms


@cocotb.test()
async def every_magnitude(dut) -> None:
    width = int(dut.W.value)
    step = Timer(1, unit="ns")
    weights = 1 << np.arange(width + 1)
    compared = 0
    for rule in ("binary", "hese"):
        digits = terms.encode(np.arange(1 << width), rule=rule, width=width)
        nonzero = ((digits != 0) * weights).sum(axis=-1).tolist()
        negative = ((digits < 0) * weights).sum(axis=-1).tolist()
        dut.hese.value = int(rule == "hese")
        for magnitude, want in enumerate(zip(nonzero, negative, strict=True)):
            dut.magnitude.value = magnitude
            await step
            have = (int(dut.nonzero.value), int(dut.negative.value))
            assert have == want, f"{rule} {magnitude}: nonzero, negative {have}, expected {want}"
            compared += 1
    assert compared == 2 << width


@cocotb.test()
async def published_vectors(dut) -> None:
    """Terms of 23, 27, 31 and 119 as in docs/numerics.md section 3, where the width holds them."""
    width = int(dut.W.value)
    vectors = {
        0: (0, 0),
        1: (1, 0),
        23: (0b101001, 0b1001),
        27: (0b100101, 0b101),
        31: (0b100001, 1),
        119: (0b10001001, 0b1001),
    }
    for magnitude, want in vectors.items():
        if magnitude >> width:
            continue
        dut.hese.value = 1
        dut.magnitude.value = magnitude
        await Timer(1, unit="ns")
        have = (int(dut.nonzero.value), int(dut.negative.value))
        assert have == want, f"{magnitude}: {have}, expected {want}"

# SPDX-License-Identifier: Apache-2.0
"""One Booth row, both families: exhaustive at 4 bits, random and extreme values beyond."""

import itertools

import cocotb
from cocotb.triggers import Timer

import streams


@cocotb.test()
async def rows(dut):
    width = int(dut.X_W.value)
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    rng = streams.rng(width)
    if width == 4:
        cases = itertools.product(range(8), range(low, high + 1), range(low, high + 1))
    else:
        edges = (low, low + 1, -1, 0, 1, high)
        some = [(rng.randrange(8), rng.randint(low, high), rng.randint(low, high)) for _ in range(600)]
        cases = [*itertools.product(range(8), edges, edges), *some]
    for digit, value, previous in cases:
        dut.digit.value = digit
        dut.value.value = value & ((1 << width) - 1)
        dut.previous.value = previous & ((1 << width) - 1)
        await Timer(1, "ns")
        multiple = -2 * (digit >> 2) + (digit >> 1 & 1) + (digit & 1)
        assert int(dut.result.value) == (previous + multiple * value) & ((1 << (width + 2)) - 1), (
            digit,
            value,
            previous,
        )
        assert dut.equal.value == 1, (digit, value, previous)

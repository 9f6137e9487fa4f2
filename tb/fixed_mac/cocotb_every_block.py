# SPDX-License-Identifier: Apache-2.0
"""Multiplier unit: every pair of weights against every pair of column values of one range, spread over the lanes."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb_fixed_mac import RANGES, WEIGHTS, run, shape

from streams import rng


@cocotb.test()
async def every_block(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    lanes, rows = shape(dut)
    generator = np.random.default_rng(rng("blocks").getrandbits(32))
    for values in RANGES:
        operands = np.indices((17,) * rows + (16, 16)).reshape(rows + 2, -1).T
        order = generator.permutation(len(operands))
        chosen = operands[np.resize(order, -(-len(order) // lanes) * lanes)].reshape(-1, lanes, rows + 2)
        await run(dut, WEIGHTS[chosen[..., :rows]], values[chosen[..., rows:]])

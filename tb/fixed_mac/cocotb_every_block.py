# SPDX-License-Identifier: Apache-2.0
"""Multiplier unit: all operands of a multiplier, each alone in a beat."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb_fixed_mac import RANGES, WEIGHTS, run, shape


@cocotb.test()
async def every_block(dut) -> None:
    """Every pair of weights with every pair of column values of one range, in turn in every lane, the others 0."""
    Clock(dut.clk, 10, unit="ns").start()
    lanes, rows = shape(dut)
    for values in RANGES:
        places = np.indices((17,) * rows + (16, 16)).reshape(rows + 2, -1).T
        beats = np.arange(len(places))
        weights, columns = np.zeros((len(places), lanes, rows), int), np.zeros((len(places), lanes, 2), int)
        weights[beats, beats % lanes] = WEIGHTS[places[:, :rows]]
        columns[beats, beats % lanes] = values[places[:, rows:]]
        await run(dut, weights, columns)

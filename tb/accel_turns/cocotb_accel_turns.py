# SPDX-License-Identifier: Apache-2.0
"""Turns of rows: every number of rows, taken at random, alone and together, with resets in the middle of a round."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from streams import rng


@cocotb.test()
async def rounds_and_resets(dut) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    rows = len(dut.row)
    generator = rng("turns")
    dut.rst.value, dut.apart.value, dut.count.value, dut.advance.value = 1, 0, 1, 0
    await FallingEdge(dut.clk)
    cut = 0
    for count in generator.sample([*range(1, rows + 1)] * 3, 3 * rows):
        apart, turn = generator.random() < 0.8, 0
        dut.apart.value, dut.count.value = int(apart), count
        for _ in range(4 * count + 4):
            resetting, advance = generator.random() < 0.05, generator.random() < 0.7
            dut.rst.value, dut.advance.value = int(resetting), int(advance)
            await Timer(1, unit="ns")
            last = advance and (not apart or turn == count - 1)
            assert int(dut.row.value) == (1 << turn if apart else (1 << rows) - 1)
            assert bool(dut.last.value) == last
            cut += resetting and turn > 0
            turn = 0 if resetting or last else turn + advance
            await FallingEdge(dut.clk)
        dut.rst.value, dut.advance.value = 0, 1
        while turn:  # apart and count change between rounds
            turn = (turn + 1) % count
            await FallingEdge(dut.clk)
    assert cut

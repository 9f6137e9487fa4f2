# SPDX-License-Identifier: Apache-2.0
"""Accumulator of a tile: random tiles with stalls, extreme sums up to and across the wrap, reset."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from shiftwork.golden.msq_units import Accumulator
from streams import STALLS, go_pattern, rng, start


def largest(dut: Any) -> int:
    return (1 << len(dut.sum)) - 1


async def begin(dut: Any) -> Accumulator:
    await start(dut, enable=0, last=0, sum=0)
    model = Accumulator(int(dut.ACC_W.value))
    await step(dut, model, 0, True)  # the shadow register has no reset
    return model


async def step(dut: Any, model: Accumulator, addend: int, last: bool, enable: bool = True) -> None:
    dut.enable.value, dut.last.value, dut.sum.value = int(enable), int(last), addend
    await FallingEdge(dut.clk)
    if enable:
        model.step(addend, last)
    assert int(dut.total.value) == model.total, f"sum {addend}, last {last}, enable {enable}"


@cocotb.test()
async def random_tiles(dut) -> None:
    """Tiles of one sum and more, back to back and with gaps in which sum and last are random."""
    model = await begin(dut)
    for stall in STALLS:
        generator = rng(stall)
        go = go_pattern(stall, generator)
        for _ in range(600):
            addend = generator.choice((0, largest(dut), generator.randint(0, largest(dut))))
            await step(dut, model, addend, generator.random() < 0.3, next(go))


@cocotb.test()
async def totals_wrap(dut) -> None:
    """The largest sums: totals just below, at and beyond 2^ACC_W are right modulo 2^ACC_W."""
    model = await begin(dut)
    enough = (1 << model.width) // largest(dut)
    for count in sorted({1, 2, *(min(near, 300) for near in (enough, enough + 1, 2 * enough))}):
        for number in range(count):
            await step(dut, model, largest(dut), number == count - 1)


@cocotb.test()
async def reset_in_mid_tile(dut) -> None:
    """Reset clears the sum so far, not the total that waits in the shadow register."""
    model = await begin(dut)
    generator = rng("reset")
    for _ in range(50):
        for _ in range(generator.randrange(6)):
            await step(dut, model, generator.randint(0, largest(dut)), generator.random() < 0.2)
        dut.rst.value = 1
        dut.enable.value, dut.last.value, dut.sum.value = generator.randrange(2), 0, generator.getrandbits(len(dut.sum))
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        model.acc = 0
        assert int(dut.total.value) == model.total

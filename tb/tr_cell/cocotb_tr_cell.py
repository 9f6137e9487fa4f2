# SPDX-License-Identifier: Apache-2.0
"""Cell: every (operation, fill, value), extreme accumulators, random streams, reset between operations."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from shiftwork.golden.tr_units import Cell, Op


def operate(dut, op: int) -> None:
    """An operation, as the cell takes it."""
    dut.keep.value, dut.other.value = 1 - op % 2, op // 2


async def start(dut) -> Cell:
    dut.rst.value = 1
    operate(dut, Op.ADD)
    for name in ("fill", "t", "north"):
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    assert int(dut.acc.value) == 0
    return Cell(int(dut.ACC_W.value))


def values(dut) -> list[int]:
    """Every value of t; of more than 10 bits a thousand of them, evenly spread, and the largest."""
    half = 1 << (len(dut.t) - 1)
    return [*range(-half, half, max(1, half // 509)), half - 1]


async def step(dut, model: Cell, op: int, fill: int, t: int, north: int = 0) -> None:
    operate(dut, op)
    dut.fill.value, dut.north.value = fill, north
    dut.t.value = t & ((1 << len(dut.t)) - 1)
    await FallingEdge(dut.clk)
    expected = model.step(op, fill, t, north)
    assert int(dut.acc.value) == expected, f"op {Op(op).name} fill {fill} t {t} north {north:#x}"


@cocotb.test()
async def every_operation_and_value(dut) -> None:
    model = await start(dut)
    for t in values(dut):
        for op in Op:
            for fill in (0, 1):
                await step(dut, model, op, fill, t, (t * 0x9E3779B1) & ((1 << model.width) - 1))


@cocotb.test()
async def extreme_accumulators(dut) -> None:
    model = await start(dut)
    full, half = (1 << model.width) - 1, 1 << (len(dut.t) - 1)
    extremes = sorted({-half, -half // 2, -1, 0, 1, half // 4 - 1, half // 4, half // 2 - 1, half // 2, half - 1})
    for before in (0, 1, full, full >> 1, (full >> 1) + 1, 0x155 & full, full - 0x155):
        for op in Op:
            for t in extremes:
                for fill in (0, 1):
                    await step(dut, model, Op.NORTH, 0, 0, before)
                    await step(dut, model, op, fill, t, before ^ full)


@cocotb.test()
async def complemented_sums(dut) -> None:
    """Adding while complemented subtracts, through shifts: Horner's rule with signs."""
    model = await start(dut)
    rng = random.Random(int(os.environ["SHW_SEED"]))
    half = 1 << (len(dut.t) - 1)
    for _ in range(30):
        await step(dut, model, Op.NORTH, 0, 0)
        total, flipped = 0, False
        for _ in range(20):
            t = rng.randint(-half, half - 1)
            op = rng.choice((Op.ADD, Op.SHIFT, Op.FLIP))
            await step(dut, model, op, int(flipped), t)
            flipped ^= op == Op.FLIP
            total = (2 * total if op == Op.SHIFT else total) + (-t if flipped else t)
            value = model.acc ^ (((1 << model.width) - 1) if flipped else 0)
            assert (value - total) % (1 << model.width) == 0


@cocotb.test()
async def reset_between_operations(dut) -> None:
    model = await start(dut)
    rng = random.Random(int(os.environ["SHW_SEED"]))
    half = 1 << (len(dut.t) - 1)
    for _ in range(300):
        if rng.random() < 0.2:
            dut.rst.value = 1
            operate(dut, rng.randrange(4))
            dut.t.value = rng.randrange(2 * half)
            await FallingEdge(dut.clk)
            dut.rst.value = 0
            model.acc = 0
            assert int(dut.acc.value) == 0
        else:
            north = rng.getrandbits(model.width)
            await step(dut, model, rng.randrange(4), rng.randrange(2), rng.randrange(-half, half), north)

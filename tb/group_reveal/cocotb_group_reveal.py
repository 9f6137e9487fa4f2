# SPDX-License-Identifier: Apache-2.0
"""Receding water: every state and input of a small unit, random groups of the real one, reset."""

import os
import random
from itertools import product

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from shiftwork.codes import terms
from shiftwork.golden.tr_units import GroupReveal


async def start(dut) -> tuple[int, int]:
    dut.rst.value = 1
    for name in ("load", "budget", "unlimited", "count_valid", "count"):
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    return int(dut.COUNT_W.value), int(dut.BUDGET_W.value)


async def load(dut, budget: int) -> None:
    dut.load.value, dut.budget.value, dut.count_valid.value = 1, budget, 0
    await FallingEdge(dut.clk)
    dut.load.value = 0


async def answer(dut, count: int, unlimited: bool, valid: bool = True) -> int:
    """Present a count; returns how many stay. The bookkeeping happens at the edge that follows."""
    dut.count.value, dut.unlimited.value, dut.count_valid.value = count, int(unlimited), int(valid)
    await ReadOnly()
    kept = int(dut.kept_limit.value) if int(dut.over.value) else count
    await FallingEdge(dut.clk)
    dut.count_valid.value = 0
    return kept


@cocotb.test()
async def every_state_and_input(dut) -> None:
    count_w, budget_w = await start(dut)
    for left, count, unlimited, valid, reload in product(
        range(1 << budget_w), range(1 << count_w), (False, True), (False, True), (False, True)
    ):
        await load(dut, left)
        model = GroupReveal(left)
        dut.load.value, dut.budget.value = int(reload), (left * 5 + count) % (1 << budget_w)
        kept = await answer(dut, count, unlimited, valid)
        assert kept == (count if unlimited else min(count, left))
        dut.load.value = 0
        if reload:
            model.load((left * 5 + count) % (1 << budget_w))
        elif valid:
            model.keep(count, unlimited)
        # What is left shows in the next plane: the largest count keeps all of it.
        largest = (1 << count_w) - 1
        assert await answer(dut, largest, False, valid=False) == min(largest, model.left)


@cocotb.test()
async def random_groups(dut) -> None:
    count_w, budget_w = await start(dut)
    rng = random.Random(int(os.environ["SHW_SEED"]))
    ended = unused = 0
    for n in range(400):
        budget = rng.choice((1, rng.randrange(1, 1 << budget_w), (1 << budget_w) - 1))
        model = GroupReveal(budget)
        await load(dut, budget)
        unlimited = rng.random() < 0.2
        for plane in range(9):
            count = rng.choice((0, 1, rng.randrange(1 << count_w), rng.randrange(1 << count_w) // 8))
            assert await answer(dut, count, unlimited) == model.keep(count, unlimited), (n, plane)
            if rng.random() < 0.2:  # a pause between two planes changes nothing
                await answer(dut, rng.randrange(1 << count_w), unlimited, valid=False)
        ended += model.left == 0
        unused += model.left > 0
        if rng.random() < 0.1:
            dut.rst.value, dut.load.value, dut.budget.value = 1, 1, 1
            await FallingEdge(dut.clk)
            dut.rst.value, dut.load.value = 0, 0
            assert await answer(dut, (1 << count_w) - 1, False) == 0, "reset empties the budget"
    assert ended > 20
    assert unused > 5 or budget_w == 1


@cocotb.test()
async def random_values_are_revealed(dut) -> None:
    """The counts that stay are those of the terms that shiftwork.codes.terms keeps."""
    count_w, _ = await start(dut)
    rng = random.Random(int(os.environ["SHW_SEED"]))
    for _ in range(60):
        size = min(rng.choice((1, 2, 8, 16, 64)), (1 << count_w) - 1)
        budget = 1 if count_w == 1 else rng.choice((1, size, size + size // 2))
        values = [rng.randint(-128, 127) for _ in range(size)]
        before = terms.encode(values)
        await load(dut, budget)
        kept = {plane: await answer(dut, int((before[:, plane] != 0).sum()), False) for plane in range(8, -1, -1)}
        total = 0
        for plane in range(9):
            which = [i for i in range(size) if before[i, plane]][: kept[plane]]
            total += sum(int(before[i, plane]) << plane for i in which)
        group = 1 << (size - 1).bit_length() if size > 1 else 1
        assert total == int(terms.reveal(values, group, budget).sum())

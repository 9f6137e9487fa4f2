# SPDX-License-Identifier: Apache-2.0
"""Plane lists: groups of every size and budget, one half written while the other is read, pauses, reset.

The caller's skew is part of the protocol: plane p sees a value and a visit 8 - p cycles after plane 8 does. Both sides
are planned ahead (cycle -> what happens in it), as early as the protocol allows, and then played.
"""

import os
import random
from collections import defaultdict
from dataclasses import dataclass

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from shiftwork.codes import terms
from shiftwork.golden.tr_units import PLANES, PlaneLists

TOP = PLANES - 1


@dataclass
class Group:
    values: list[int]
    budget: int
    unlimited: bool = False
    pauses: bool = False


class Plan:
    """Write side and read side of a sequence of slices, cycle by cycle."""

    def __init__(self, index_w: int, rng: random.Random) -> None:
        self.index_w, self.rng = index_w, rng
        self.append = defaultdict(list)  # cycle -> (plane, negative)
        self.written = defaultdict(list)  # cycle -> (plane, index, half)
        self.visits = {}  # cycle -> (plane, close, half, budget, unlimited)
        self.counts = {}  # cycle -> (half, plane, expected last)
        self.reads = {}  # cycle -> (half, position)
        self.entries = {}  # cycle -> (plane, index, negative)
        self.now = self.next_visit = 0  # of plane 8
        self.visit(close=True, half=0, budget=1, unlimited=False)

    def visit(self, close: bool, half: int, budget: int, unlimited: bool) -> None:
        self.now = max(self.now, self.next_visit)
        for plane in range(PLANES):
            self.visits[self.now + TOP - plane] = plane, close, half, budget, unlimited
        self.now, self.next_visit = self.now + 1, self.now + PLANES

    def value(self, index: int, half: int, digits: list[int]) -> None:
        for plane, digit in enumerate(digits):
            if digit:
                self.append[self.now + TOP - plane].append((plane, digit < 0))
                self.written[self.now + TOP - plane + 1].append((plane, index, half))
        self.now += 1

    def slices(self, slices: list[list[Group]], holds: float) -> None:
        """Plan slices that alternate between the halves; each is read while the next one is written."""
        read_free = 0
        half_free = [0, 0]
        for n, groups in enumerate(slices):
            half, model, index = n & 1, PlaneLists(), 0
            self.now = max(self.now, half_free[half])
            for group in groups:
                for value in group.values:
                    digits = terms.encode([value])[0].tolist()
                    self.value(index, half, digits)
                    model.append(index, digits)
                    index += 1
                    if group.pauses:
                        self.now += self.rng.randrange(4)
                self.visit(group is groups[-1], half, group.budget, group.unlimited)
                model.end_group(group.budget, group.unlimited)
            read_free = half_free[half] = self.read(max(read_free, self.now + 1), half, model.close(), holds)

    def read(self, cycle: int, half: int, lists: list[list[tuple[int, bool]]], holds: float) -> int:
        empty = (2 << self.index_w) - 1
        for plane in range(TOP, -1, -1):
            self.counts[cycle] = half, plane, len(lists[plane]) - 1 if lists[plane] else empty
            cycle += not lists[plane]
            for position, (index, negative) in enumerate(lists[plane]):
                self.reads[cycle] = half, position
                cycle += 1
                self.entries[cycle] = plane, index, negative
                while self.rng.random() < holds:
                    cycle += 1
                    self.entries[cycle] = plane, index, negative
        return cycle

    def drive(self, dut, cycle: int) -> None:
        append = negative = index = half = 0
        for plane, sign in self.append.get(cycle, ()):
            append |= 1 << plane
            negative |= sign << plane
        for plane, where, which in self.written.get(cycle, ()):
            index |= where << (plane * self.index_w)
            half |= which << plane
        dut.append.value, dut.negative.value = append, negative
        dut.write_index.value, dut.write_half.value = index, half
        dut.visit.value = int(cycle in self.visits)
        if cycle in self.visits:
            plane, close, half, budget, unlimited = self.visits[cycle]
            dut.visit_plane.value, dut.visit_close.value, dut.visit_half.value = plane, int(close), half
            dut.visit_budget.value, dut.visit_unlimited.value = budget, int(unlimited)
        if cycle in self.counts:
            dut.count_half.value, dut.count_plane.value = self.counts[cycle][:2]
        dut.read_enable.value = int(cycle in self.reads)
        half, position = self.reads.get(cycle, (0, self.rng.randrange(1 << self.index_w)))
        dut.read_half.value, dut.read_position.value = half, position
        if cycle in self.entries:
            dut.read_plane.value = self.entries[cycle][0]

    async def play(self, dut, cycles: int | None = None) -> int:
        """Play the plan, or its first cycles; returns the number of entries that were compared."""
        end = max([*self.visits, *self.counts, *self.entries]) + 1
        for cycle in range(end if cycles is None else min(cycles, end)):
            self.drive(dut, cycle)
            await ReadOnly()
            if cycle in self.counts:
                _, plane, last = self.counts[cycle]
                assert int(dut.last.value) == last, f"cycle {cycle} plane {plane}: length"
            if cycle in self.entries:
                plane, index, negative = self.entries[cycle]
                got = int(dut.entry_index.value), bool(int(dut.entry_negative.value))
                assert got == (index, negative), f"cycle {cycle} plane {plane}: entry"
            await FallingEdge(dut.clk)
        return len(self.entries)


async def start(dut) -> tuple[int, random.Random]:
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for name in ("negative", "write_index", "write_half", "visit_plane", "visit_close", "visit_half"):
        getattr(dut, name).value = 0
    for name in ("visit_budget", "visit_unlimited", "count_half", "count_plane"):
        getattr(dut, name).value = 0
    for name in ("read_half", "read_position", "read_plane"):
        getattr(dut, name).value = 0
    await reset(dut, 2)
    return int(dut.INDEX_W.value), random.Random(int(os.environ["SHW_SEED"]))


async def reset(dut, cycles: int = 1) -> None:
    dut.rst.value = 1
    dut.append.value = dut.visit.value = dut.read_enable.value = 0
    for _ in range(cycles):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


def random_slice(rng: random.Random, depth: int) -> list[Group]:
    """A slice of up to `depth` values: one mode, one group size, the last group possibly cut short."""
    length = rng.choice((depth, depth, rng.randint(1, depth)))
    values = [rng.randint(-128, 255) for _ in range(length)]
    if rng.random() < 0.2:
        values = [rng.choice((0, 0, 0, 1, -128, 127, 255)) for _ in values]
    pauses = rng.random() < 0.3
    if rng.random() < 0.2:
        return [Group(values, rng.randint(0, 3), True, pauses)]
    size = 1 << rng.randrange(0, depth.bit_length())
    budget = rng.choice((1, max(1, size // 2), size, size + size // 2, 2047))
    return [Group(values[i : i + size], budget, False, pauses) for i in range(0, length, size)]


@cocotb.test()
async def random_slices(dut) -> None:
    index_w, rng = await start(dut)
    compared = 0
    for _ in range(4):
        plan = Plan(index_w, rng)
        plan.slices([random_slice(rng, 1 << index_w) for _ in range(12)], rng.choice((0.0, 0.3)))
        compared += await plan.play(dut)
        await reset(dut)
    assert compared > 400


@cocotb.test()
async def corner_slices(dut) -> None:
    index_w, rng = await start(dut)
    depth = 1 << index_w
    plan = Plan(index_w, rng)
    plan.slices(
        [
            [Group([0] * depth, 1)],  # no term at all
            [Group([255] * depth, 1, True)],  # two full lists
            [Group([-85] * depth, 2047)],  # a budget above every count
            [Group([127] * depth, depth)],  # the budget ends exactly with a plane
            [Group([127] * depth, depth + 1)],  # one term of the next plane
            [Group([v], 1) for v in range(depth)],  # groups of one value
            [Group([1], 1)],  # one value
            [Group([-128, 128], 1), Group([64, -64], 2), Group([], 1), Group([3, -3], 3)],  # an empty group
        ],
        holds=0.0,
    )
    assert await plan.play(dut) > 4 * depth


@cocotb.test()
async def reset_at_any_cycle(dut) -> None:
    index_w, rng = await start(dut)
    for _ in range(25):
        plan = Plan(index_w, rng)
        plan.slices([random_slice(rng, min(16, 1 << index_w)) for _ in range(3)], 0.0)
        await plan.play(dut, rng.randrange(100))
        await reset(dut)
    plan = Plan(index_w, rng)
    plan.slices([random_slice(rng, 1 << index_w) for _ in range(3)], 0.0)
    assert await plan.play(dut) > 0

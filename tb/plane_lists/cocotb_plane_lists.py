# SPDX-License-Identifier: Apache-2.0
"""Plane lists: groups of every size and budget, slices written while others are read, pauses, reset.

The caller's skew is part of the protocol: plane p sees a value and a visit 8 - p cycles after plane 8 does. Both sides
are planned ahead (cycle -> what happens in it), as early as the protocol allows, and then played. shw_tmac_row_front is
played the same plans: it takes codes, one cycle before their digits reach plane 8, and makes the digits itself.
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
        self.written = defaultdict(list)  # cycle -> (plane, value)
        self.visits = {}  # cycle -> (plane, close, clear, slot, budget, unlimited)
        self.bounds = {}  # cycle -> (slot, plane, expected previous, expected last)
        self.reads = {}  # cycle -> position, plane
        self.moves = set()  # cycles in which the second step of a read moves
        self.entries = {}  # cycle -> (plane, value, negative)
        self.tails = [-1] * PLANES  # last entry of every list
        self.ring = 2 << index_w
        self.now = self.next_visit = 0  # of plane 8
        self.visit(close=True, clear=True, slot=3, budget=1, unlimited=False)

    def visit(self, close: bool, clear: bool, slot: int, budget: int, unlimited: bool) -> None:
        self.now = max(self.now, self.next_visit)
        for plane in range(PLANES):
            self.visits[self.now + TOP - plane] = plane, close, clear, slot, budget, unlimited
        self.now, self.next_visit = self.now + 1, self.now + PLANES

    def digits(self, value: int) -> list[int]:
        return terms.encode([value])[0].tolist()

    def value(self, value: int, digits: list[int]) -> None:
        for plane, digit in enumerate(digits):
            if digit:
                self.append[self.now + TOP - plane].append((plane, digit < 0))
                self.written[self.now + TOP - plane + 1].append((plane, value))
        self.now += 1

    def slices(self, slices: list[list[Group]], holds: float) -> None:
        """Plan slices; each is read while the next ones are written, as far as slots and rings allow."""
        lengths = [sum(len(group.values) for group in groups) for groups in slices]
        read_free = 0
        freed: list[int] = []  # cycle from which the slice's room is free
        for n, groups in enumerate(slices):
            model, index = PlaneLists(), 0
            ahead = 3 if sum(lengths[max(n - 2, 0) : n + 1]) <= self.ring else 2
            if n >= ahead:
                self.now = max(self.now, freed[n - ahead])
            for group in groups:
                for value in group.values:
                    digits = self.digits(value)
                    self.value(index, digits)
                    model.append(index, digits)
                    index += 1
                    if group.pauses:
                        self.now += self.rng.randrange(4)
                self.visit(group is groups[-1], False, n & 3, group.budget, group.unlimited)
                model.end_group(group.budget, group.unlimited)
            read_free = self.read(max(read_free, self.now + 1), n & 3, model.close(), holds)
            freed.append(read_free)

    def read(self, cycle: int, slot: int, lists: list[list[tuple[int, bool]]], holds: float) -> int:
        for plane in range(TOP, -1, -1):
            before = self.tails[plane]
            self.tails[plane] += len(lists[plane])
            self.bounds[cycle] = slot, plane, before % self.ring, self.tails[plane] % self.ring
            cycle += not lists[plane]
            for number, (index, negative) in enumerate(lists[plane]):
                self.reads[cycle] = (before + 1 + number) % self.ring, plane
                cycle += 1
                while self.rng.random() < holds:
                    cycle += 1
                self.moves.add(cycle)
                self.entries[cycle + 1] = index, negative
                while holds and cycle + 2 not in self.entries and self.rng.random() < holds:
                    cycle += 1
                    self.entries[cycle + 1] = index, negative
        return cycle + 1

    def drive(self, dut, cycle: int) -> None:
        append = negative = values = 0
        for plane, sign in self.append.get(cycle, ()):
            append |= 1 << plane
            negative |= sign << plane
        for plane, value in self.written.get(cycle, ()):
            values |= value << (plane * (self.index_w + 1))
        self.drive_digits(dut, cycle, append, negative)
        dut.write_value.value = values
        dut.visit.value = int(cycle in self.visits)
        if cycle in self.visits:
            plane, close, clear, slot, budget, unlimited = self.visits[cycle]
            dut.visit_plane.value, dut.visit_close.value, dut.visit_clear.value = plane, int(close), int(clear)
            dut.visit_slot.value, dut.visit_budget.value, dut.visit_unlimited.value = slot, budget, int(unlimited)
        if cycle in self.bounds:
            dut.bounds_slot.value, dut.bounds_plane.value = self.bounds[cycle][:2]
        dut.read_enable.value = int(cycle in self.reads)
        position, plane = self.reads.get(cycle, (self.rng.randrange(self.ring), self.rng.randrange(PLANES)))
        dut.read_position.value, dut.read_plane.value = position, plane
        dut.entry_enable.value = int(cycle in self.moves)

    def drive_digits(self, dut, cycle: int, append: int, negative: int) -> None:
        dut.append.value, dut.negative.value = append, negative

    async def play(self, dut, cycles: int | None = None) -> int:
        """Play the plan, or its first cycles; returns the number of entries that were compared."""
        end = max([*self.visits, *self.bounds, *self.entries]) + 1
        for cycle in range(end if cycles is None else min(cycles, end)):
            self.drive(dut, cycle)
            await ReadOnly()
            if cycle in self.bounds:
                _, plane, previous, last = self.bounds[cycle]
                got = int(dut.previous.value), int(dut.last.value)
                assert got == (previous, last), f"cycle {cycle} plane {plane}: bounds"
            if cycle in self.entries:
                got = int(dut.entry_value.value), bool(int(dut.entry_negative.value))
                assert got == self.entries[cycle], f"cycle {cycle}: entry"
            await FallingEdge(dut.clk)
        return len(self.entries)


class FrontPlan(Plan):
    """The same with codes instead of digits: signs and encoding may change from code to code."""

    def __init__(self, index_w: int, rng: random.Random) -> None:
        self.codes = {}  # cycle -> (code, signed, hese)
        self.valid = defaultdict(int)  # cycle -> planes with a value
        super().__init__(index_w, rng)

    def digits(self, value: int) -> list[int]:
        hese = self.rng.random() < 0.7
        signed = value < 0 or (value < 128 and self.rng.random() < 0.5)
        self.codes[self.now - 1] = value & 0xFF, signed, hese
        for plane in range(PLANES):
            self.valid[self.now + TOP - plane] |= 1 << plane
        return terms.encode([value], "hese" if hese else "binary")[0].tolist()

    def drive_digits(self, dut, cycle: int, append: int, negative: int) -> None:
        noise = self.rng.getrandbits(8), self.rng.getrandbits(1), self.rng.getrandbits(1)
        code, signed, hese = self.codes.get(cycle, noise)
        dut.code.value, dut.code_signed.value, dut.code_hese.value = code, int(signed), int(hese)
        dut.plane_valid.value = self.valid[cycle]


def plan_of(dut, index_w: int, rng: random.Random) -> Plan:
    return (FrontPlan if hasattr(dut, "code") else Plan)(index_w, rng)


async def start(dut) -> tuple[int, random.Random]:
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for name in ("write_value", "visit_plane", "visit_close", "visit_clear", "visit_slot"):
        getattr(dut, name).value = 0
    for name in ("visit_budget", "visit_unlimited", "bounds_slot", "bounds_plane", "read_position", "read_plane"):
        getattr(dut, name).value = 0
    await reset(dut, 2)
    return int(dut.INDEX_W.value), random.Random(int(os.environ["SHW_SEED"]))


async def reset(dut, cycles: int = 1) -> None:
    dut.rst.value = 1
    dut.visit.value = dut.read_enable.value = dut.entry_enable.value = 0
    plan_of(dut, 4, random.Random(0)).drive_digits(dut, -1, 0, 0)
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
        plan = plan_of(dut, index_w, rng)
        plan.slices([random_slice(rng, 1 << index_w) for _ in range(12)], rng.choice((0.0, 0.3)))
        compared += await plan.play(dut)
        await reset(dut)
    assert compared > 400


@cocotb.test()
async def corner_slices(dut) -> None:
    index_w, rng = await start(dut)
    depth = 1 << index_w
    plan = plan_of(dut, index_w, rng)
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
        plan = plan_of(dut, index_w, rng)
        plan.slices([random_slice(rng, min(16, 1 << index_w)) for _ in range(3)], 0.0)
        await plan.play(dut, rng.randrange(100))
        await reset(dut)
    plan = plan_of(dut, index_w, rng)
    plan.slices([random_slice(rng, 1 << index_w) for _ in range(3)], 0.0)
    assert await plan.play(dut) > 0

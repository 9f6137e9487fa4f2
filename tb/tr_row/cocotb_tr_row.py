# SPDX-License-Identifier: Apache-2.0
"""Row of cells: random operations beside writes to the other half, latency, split cells, reset in mid-stream."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from shiftwork.golden.tr_units import Op, Row

LATENCY = 4


class Bench:
    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        self.columns, self.width = int(dut.COLS.value), int(dut.ACC_W.value)
        self.words, self.value_width = 1 << int(dut.ADDR_W.value), int(dut.VALUE_W.value)
        self.model = Row(self.columns, self.width, self.words, self.value_width)
        self.operations = list(Op) if int(dut.SHIFTS.value) else [Op.ADD, Op.NORTH]
        self.split = self.width // 2 if int(dut.SPLIT.value) else self.width  # bits of the halves of acc and north
        self.pending = []
        self.upper = self.north = [0] * self.columns  # their upper halves come in the next cycle

    def pack(self, values: list[int], width: int) -> int:
        return sum((v & ((1 << width) - 1)) << (c * width) for c, v in enumerate(values))

    async def begin(self) -> None:
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for name in ("write_enable", "write_address", "write_data", "op", "op_term", "op_fill", "op_signed"):
            getattr(dut, name).value = 0
        dut.op_address.value = dut.north.value = 0
        await FallingEdge(dut.clk)
        await self.reset()
        for address in range(self.words):  # every word is defined before its first use
            self.write(address)
            await FallingEdge(dut.clk)
        dut.write_enable.value = 0

    def write(self, address: int) -> None:
        half = 1 << (self.value_width - 1)
        corners = (0, half // 2 - 1, half // 2, half - 1, half, half + half // 2, 2 * half - 1)
        values = [self.rng.choice((*corners, self.rng.randrange(2 * half))) for _ in range(self.columns)]
        self.dut.write_enable.value, self.dut.write_address.value = 1, address
        self.dut.write_data.value = self.pack(values, self.value_width)
        self.model.write(address, values)

    async def reset(self) -> None:
        """One cycle of reset drops the operations in flight; the cells are clear a cycle later."""
        dut = self.dut
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        dut.op.value, dut.op_term.value = Op.ADD, 0
        self.pending = []
        self.upper = self.north = [0] * self.columns
        for cell in self.model.cells:
            cell.acc = 0
        await FallingEdge(dut.clk)
        for _ in range(LATENCY + 1):
            assert int(dut.acc.value) == 0, "nothing in flight survives a reset"
            await FallingEdge(dut.clk)

    async def cycle(self, half: int) -> None:
        """One operation on `half` of the memory and perhaps a write to the other one."""
        dut, rng = self.dut, self.rng
        op, fill, term, signed = rng.choice(self.operations), rng.randrange(2), rng.randrange(2), rng.randrange(2)
        address = half * self.words // 2 + rng.randrange(self.words // 2)
        north = [rng.getrandbits(self.width) for _ in range(self.columns)]
        dut.op.value, dut.op_fill.value, dut.op_term.value = int(op), fill, term
        dut.op_address.value = address
        # The sign extension belongs to the operand register, one cycle later; the north neighbour to the cell.
        self.pending.append((op, fill, self.model.read(address) if term else None, signed, north))
        dut.op_signed.value = signed
        low, before = (1 << self.split) - 1, self.north
        if len(self.pending) >= LATENCY:
            self.north = self.pending[-LATENCY][4]
        dut.north.value = self.pack(
            [new & low | old & ~low for new, old in zip(self.north, before, strict=True)], self.width
        )
        dut.write_enable.value = 0
        if rng.random() < 0.5:
            self.write((1 - half) * self.words // 2 + rng.randrange(self.words // 2))
        await FallingEdge(dut.clk)
        if len(self.pending) >= LATENCY:
            op, fill, word, signed, north = self.pending.pop(0)
            expected = self.model.step(op, fill, word, bool(signed), north)
            halves = [new & low | old & ~low for new, old in zip(expected, self.upper, strict=True)]
            assert int(dut.acc.value) == self.pack(halves, self.width), (Op(op).name, fill, word, signed)
            self.upper = expected


@cocotb.test()
async def random_operations(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for half in (0, 1, 0):
        for _ in range(300):
            await bench.cycle(half)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for _ in range(40):
        for _ in range(bench.rng.randrange(1, 8)):
            await bench.cycle(0)
        bench.dut.write_enable.value = 0
        await bench.reset()

# SPDX-License-Identifier: Apache-2.0
"""Activation memory against shiftwork.golden.blocks_layout.gather: every move, every mask, traffic on both ports."""

from collections import deque

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from shiftwork.golden.blocks_layout import Requests, block_shape, gather
from streams import pack, rng

READ_LATENCY = 3

Read = tuple[tuple[int, ...], int, int, int, int, int, int]
"""Four addresses, dy, dx, swap, row_ok, col_ok, fill."""
Write = tuple[int, tuple[int, int], list[int]]
"""Rows, addresses of the lower and of the upper half of the columns, codes."""


class Bench:
    """Drives one cycle after another and checks every word that was asked for."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("act_memory")
        self.address_w = int(dut.ADDR_W.value)
        self.fill_bits = int(dut.FILL_BITS.value)
        self.block = block_shape(int(dut.COLS.value))
        self.memory = np.zeros((1 << self.address_w, self.block.cols), np.uint8)
        self.due: deque[tuple[np.ndarray, np.ndarray] | None] = deque([None] * (READ_LATENCY - 1))
        self.compared = 0

    async def begin(self) -> None:
        dut = self.dut
        Clock(dut.clk, 10, unit="ns").start()
        dut.read_enable.value = dut.write_rows.value = 0
        await FallingEdge(dut.clk)
        for address in range(len(self.memory)):
            for row in range(self.block.height):
                codes = [self.rng.randrange(256) for _ in range(self.block.width)]
                await self.step((1 << row, (address, address), codes), None)

    async def step(self, write: Write | None, read: Read | None) -> None:
        dut = self.dut
        rows, where, codes = write or (0, (0, 0), [0] * self.block.width)
        dut.write_rows.value = rows
        dut.write_address.value, dut.write_data.value = pack(where, self.address_w), pack(codes, 8)
        written = np.zeros((2, self.block.height, 2, self.block.width // 2), bool)  # half, columns in halves
        for half in range(2):
            written[half, self.bits(rows, self.block.height), half] = True
        written = written.reshape(2, -1)
        dut.read_enable.value = int(read is not None)
        if read is None:
            self.due.append(None)
        else:
            addresses, dy, dx, swap, row_ok, col_ok, fill = read
            dut.read_address.value = pack(addresses, self.address_w)
            dut.read_dy.value, dut.read_dx.value, dut.read_swap.value = dy, dx, swap
            dut.read_row_ok.value, dut.read_col_ok.value, dut.read_fill.value = row_ok, col_ok, fill
            asked = Requests(
                np.array([addresses]),
                np.array([dy]),
                np.array([dx]),
                np.array([swap == 1]),
                self.bits(row_ok, self.block.height)[None],
                self.bits(col_ok, self.block.width)[None],
            )
            undefined = np.zeros(self.memory.shape, np.uint8)
            for address, banks in zip(where, written, strict=True):
                undefined[address] |= banks
            fill &= self.fill_bits
            self.due.append((gather(self.memory, asked, fill)[0], gather(undefined, asked)[0] != 0))
        await FallingEdge(dut.clk)
        for address, banks in zip(where, written, strict=True):
            self.memory[address][banks] = np.tile(codes, self.block.height)[banks]
        expected = self.due.popleft()
        if expected is not None:
            word = np.frombuffer(int(dut.read_word.value).to_bytes(self.block.cols, "little"), np.uint8)
            wrong = (word != expected[0]) & ~expected[1]
            assert not wrong.any(), f"columns {np.flatnonzero(wrong)}: {word}, expected {expected[0]}"
            self.compared += 1

    async def end(self) -> None:
        for _ in range(READ_LATENCY):
            await self.step(None, None)

    @staticmethod
    def bits(word: int, count: int) -> np.ndarray:
        return (word >> np.arange(count)) & 1 == 1

    def mask(self, count: int) -> int:
        return self.rng.choice((0, (1 << count) - 1, (1 << count) - 1, self.rng.getrandbits(count)))

    def read(self, dy: int, dx: int, swap: int | None = None, *, everything: bool = False) -> Read:
        addresses = tuple(self.rng.randrange(len(self.memory)) for _ in range(4))
        masks = [(1 << n) - 1 if everything else self.mask(n) for n in (self.block.height, self.block.width)]
        swap = self.rng.randrange(2) if swap is None else swap
        return (addresses, dy, dx, swap, *masks, self.rng.randrange(256))  # type: ignore[return-value]

    def write(self) -> Write:
        codes = [self.rng.randrange(256) for _ in range(self.block.width)]
        where = (self.rng.randrange(len(self.memory)), self.rng.randrange(len(self.memory)))
        return self.mask(self.block.height), where, codes


@cocotb.test()
async def every_move(dut) -> None:
    """All offsets one after the other without a gap, swapped or not, then again with masks."""
    bench = Bench(dut)
    await bench.begin()
    for everything in (True, False):
        for dy in range(bench.block.height):
            for dx in range(bench.block.width):
                for swap in range(2):
                    await bench.step(None, bench.read(dy, dx, swap, everything=everything))
    await bench.end()
    assert bench.compared == 4 * bench.block.cols


@cocotb.test()
async def every_mask(dut) -> None:
    """One output row or column inside the map, or all but one, with every fill bit."""
    bench = Bench(dut)
    await bench.begin()
    rows, columns = (1 << bench.block.height) - 1, (1 << bench.block.width) - 1
    for bit in range(8):
        for flip in (0, 1):
            for row in range(bench.block.height):
                for column in range(bench.block.width):
                    read = bench.read(bench.rng.randrange(bench.block.height), bench.rng.randrange(bench.block.width))
                    row_ok, col_ok = (1 << row) ^ (rows * flip), (1 << column) ^ (columns * flip)
                    await bench.step(None, (*read[:4], row_ok, col_ok, (1 << bit) ^ (255 * flip)))
    await bench.end()


@cocotb.test()
async def traffic(dut) -> None:
    """Reads and partial writes in the same cycles, with gaps on both sides."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(800):
        write = bench.write() if bench.rng.random() < 0.5 else None
        read = bench.read(bench.rng.randrange(bench.block.height), bench.rng.randrange(bench.block.width))
        await bench.step(write, read if bench.rng.random() < 0.8 else None)
    await bench.end()
    for address in range(len(bench.memory)):
        rows, columns = (1 << bench.block.height) - 1, (1 << bench.block.width) - 1
        await bench.step(None, ((address,) * 4, 0, 0, 0, rows, columns, 0))
    await bench.end()

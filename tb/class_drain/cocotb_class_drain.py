# SPDX-License-Identifier: Apache-2.0
"""Shadow registers and levels: captures of any rows in any cycle, the extremes of both factors, negative classes."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

LATENCY = 6


def extremes(width: int) -> list[int]:
    top = (1 << (width - 1)) - 1
    return [-top - 1, -top, -1, 0, 1, top]


class Bench:
    """Drives one cycle after the other; `levels` and `held` are what the block holds.

    The row selected in the cycle before is in `chosen`: its sums are those after the captures of this one.
    """

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        self.rows, self.cols, self.bits = (int(getattr(dut, n).value) for n in ("ROWS", "COLS", "BITS"))
        self.sum_w, self.level_w = int(dut.SUM_W.value), int(dut.LEVEL_W.value)
        self.levels = [0] * (1 << self.bits)
        self.held = [[0] * self.cols for _ in range(2 * self.rows)]  # first and second set of a row
        self.chosen: tuple[int, tuple[int, int]] | None = None  # row, levels
        self.pending: list[list[int] | None] = []  # products from the cycle before last on
        self.compared = 0

    async def begin(self) -> None:
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for name in (
            "level_write",
            "level_exponent",
            "level_value",
            "sum",
            "capture",
            "select_valid",
            "select",
            "select_both",
            "select_code",
        ):
            getattr(dut, name).value = 0
        await FallingEdge(dut.clk)
        for exponent in range(len(self.levels)):
            await self.level(exponent, self.rng.choice(extremes(self.level_w)[1:]))
        await self.cycle(self.sums(), self.everything)

    @property
    def everything(self) -> int:
        """Captures of all rows in both sets."""
        return (1 << 2 * self.rows) - 1

    def code(self) -> int:
        return self.rng.randrange(2 << self.bits)

    def sums(self, value: int | None = None) -> list[list[int]]:
        """Sums of all cells: one value, or random ones, extremes among them."""
        half = 1 << (self.sum_w - 1)
        draw = self.rng.randrange
        return [
            [
                value if value is not None else self.rng.choice((*extremes(self.sum_w), draw(-half, half)))
                for _ in range(self.cols)
            ]
            for _ in range(self.rows)
        ]

    async def level(self, exponent: int, value: int) -> None:
        """Write a level; what is on its way is not looked at."""
        dut = self.dut
        self.chosen = None
        self.pending.clear()
        dut.level_write.value, dut.level_exponent.value = 1, exponent
        dut.level_value.value = value & ((1 << self.level_w) - 1)
        self.levels[exponent] = value
        await FallingEdge(dut.clk)
        dut.level_write.value = 0

    async def cycle(
        self,
        sums: list[list[int]],
        capture: int,
        select: int = 0,
        codes: tuple[int, int] = (0, 0),
        both: bool = True,
        valid: bool = True,
    ) -> None:
        dut, mask = self.dut, (1 << self.sum_w) - 1
        dut.sum.value = sum(
            (value & mask) << (self.sum_w * n) for n, value in enumerate(value for row in sums for value in row)
        )
        dut.capture.value, dut.select.value, dut.select_both.value = capture, select, int(both)
        dut.select_code.value = codes[1] << (self.bits + 1) | codes[0]
        for place in range(2 * self.rows):
            if capture >> place & 1:
                self.held[place] = sums[place // 2]
        if self.chosen is None:
            self.pending.append(None)
        else:
            row, (first, second) = self.chosen
            pairs = zip(self.held[2 * row], self.held[2 * row + 1], strict=True)
            self.pending.append([first * one + second * other for one, other in pairs])
        dut.select_valid.value = int(valid)
        first, second = (self.levels[code % (1 << self.bits)] * (-1 if code >> self.bits else 1) for code in codes)
        self.chosen = (select, (first, second if both else 0)) if valid else None
        await FallingEdge(dut.clk)
        if len(self.pending) == LATENCY - 1:
            width = self.sum_w + self.level_w
            expected = self.pending.pop(0)
            if expected is None:  # no row was selected
                return
            packed = sum((value & ((1 << width) - 1)) << (width * c) for c, value in enumerate(expected))
            assert int(dut.product.value) == packed, f"{int(dut.product.value):#x}, not {expected}"
            self.compared += 1


@cocotb.test()
async def random_captures(dut) -> None:
    """Rows are captured alone, together or not at all, in either set, while any of them is multiplied."""
    bench = Bench(dut)
    await bench.begin()
    rng = bench.rng
    for _ in range(400):
        capture = rng.choice((0, 1 << rng.randrange(2 * bench.rows), rng.getrandbits(2 * bench.rows)))
        select, codes = rng.randrange(bench.rows), (bench.code(), bench.code())
        await bench.cycle(bench.sums(), capture, select, codes, rng.random() < 0.5, rng.random() < 0.8)
    assert bench.compared > 250


@cocotb.test()
async def every_row_keeps_its_sums(dut) -> None:
    """Captured in one cycle, multiplied one row after the other while the cells go on."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(3):
        await bench.cycle(bench.sums(), bench.everything)
        for row in bench.rng.sample(range(bench.rows), bench.rows):
            await bench.cycle(bench.sums(), 0, row, (bench.code(), bench.code()), bench.rng.random() < 0.5)


@cocotb.test()
async def extreme_factors(dut) -> None:
    """The largest and smallest sums against the largest and smallest levels, of classes of either sign."""
    bench = Bench(dut)
    await bench.begin()
    for level in extremes(bench.level_w)[1:]:  # a level's negative has to fit
        exponent = bench.rng.randrange(1 << bench.bits)
        await bench.level(exponent, level)
        for value in extremes(bench.sum_w):
            for negative in (0, 1):
                row = bench.rng.randrange(bench.rows)
                code = negative << bench.bits | exponent
                await bench.cycle(bench.sums(value), 3 << 2 * row, row, (code, code))
        for _ in range(LATENCY - 1):
            await bench.cycle(bench.sums(), 0)
    assert bench.compared == 5 * 6 * 2

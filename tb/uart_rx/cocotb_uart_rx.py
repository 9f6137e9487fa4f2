# SPDX-License-Identifier: Apache-2.0
"""Receiver of a serial line: bytes at the sender's own speed, false starts, missing stop bits, reset."""

from __future__ import annotations

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, Timer
from cocotb.utils import get_sim_time

from streams import rng, start
from uart_line import LineSender

CLOCK = 10_000  # ps


class Bench:
    """The receiver, a sender, and the bytes that came."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("uart_rx")
        self.nominal = CLOCK * int(dut.CLOCKS_PER_BIT.value)
        self.sender = LineSender(dut.rx, self.nominal, generator=self.rng)
        self.received: list[int] = []
        self.times: list[int] = []

    async def begin(self) -> None:
        await start(self.dut, low=("out_valid",))
        cocotb.start_soon(self._listen())

    async def _listen(self) -> None:
        while True:
            await FallingEdge(self.dut.clk)
            if self.dut.out_valid.value == 1:
                self.received.append(int(self.dut.out_data.value))
                self.times.append(get_sim_time("ps"))

    async def expect(self, data: list[int]) -> None:
        """These bytes have come, and nothing else."""
        await Timer(2 * self.nominal, unit="ps")
        assert self.received == data, f"bit of {self.sender.bit} ps: {self.received}, expected {data}"
        self.received.clear()
        self.times.clear()


@cocotb.test()
async def every_byte(dut) -> None:
    """In random order, back to back."""
    bench = Bench(dut)
    await bench.begin()
    data = bench.rng.sample(range(256), 256)
    await bench.sender.send(data)
    await bench.expect(data)


@cocotb.test()
async def other_speeds(dut) -> None:
    """Senders up to 2 % faster or slower, bytes back to back or with gaps, at any time of the clock."""
    bench = Bench(dut)
    await bench.begin()
    for deviation in (-0.02, 0.02, *(bench.rng.uniform(-0.02, 0.02) for _ in range(10))):
        for gap in (0.0, 1.5):
            bench.sender.bit, bench.sender.gap = round(bench.nominal * (1 + deviation)), gap
            await Timer(bench.rng.randint(1, CLOCK), unit="ps")
            data = [0x00, 0xFF, 0x55, 0xAA, *(bench.rng.randrange(256) for _ in range(20))]
            await bench.sender.send(data)
            await bench.expect(data)


@cocotb.test()
async def latency(dut) -> None:
    """9.5 bits and 3 cycles from the edge of the start bit."""
    bench = Bench(dut)
    await bench.begin()
    clocks = int(dut.CLOCKS_PER_BIT.value)
    for _ in range(10):
        await FallingEdge(dut.clk)
        begun = get_sim_time("ps")
        value = bench.rng.randrange(256)
        await bench.sender.byte(value)
        await ClockCycles(dut.clk, 5)
        assert (bench.times[-1] - begun) / CLOCK == 9 * clocks + clocks // 2 + 3
        await bench.expect([value])


@cocotb.test()
async def false_starts(dut) -> None:
    """A low line of less than half a bit is no start; a byte without a stop bit is dropped, a break as well."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(20):
        await bench.sender.hold(0, 0.2)
        await bench.sender.hold(1, bench.rng.uniform(1.0, 3.0))
        await bench.sender.byte(0x3C)
        await bench.expect([0x3C])
        await bench.sender.byte(bench.rng.randrange(256), stop=0)
        await bench.sender.hold(1, 12)
        await bench.expect([])
        await bench.sender.hold(0, bench.rng.uniform(10, 40))
        await bench.sender.hold(1, 12)
        bench.received.clear()  # the end of a break may look like a byte
        value = bench.rng.randrange(256)
        await bench.sender.byte(value)
        await bench.expect([value])


@cocotb.test()
async def resets(dut) -> None:
    """In the middle of a byte: it is forgotten."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(20):
        task = cocotb.start_soon(bench.sender.byte(0xFF))
        await ClockCycles(dut.clk, bench.rng.randrange(4, 9 * int(dut.CLOCKS_PER_BIT.value)))
        await FallingEdge(dut.clk)
        dut.rst.value = 1
        await ClockCycles(dut.clk, 1)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        await task
        await bench.sender.hold(1, 12)
        bench.received.clear()  # a reset in the start bit leaves a byte that begins late
        data = [bench.rng.randrange(256) for _ in range(3)]
        await bench.sender.send(data)
        await bench.expect(data)

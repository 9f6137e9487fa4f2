# SPDX-License-Identifier: Apache-2.0
"""Sender of a serial line: every byte as its bits, back to back without a gap, reset."""

from __future__ import annotations

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, Timer

from streams import STALLS, StreamSource, reset, rng, start
from uart_line import LineReceiver

CLOCK = 10_000  # ps


class Bench:
    """The sender, a stream of bytes, and a receiver with a clock of its own."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("uart_tx")
        self.bit = CLOCK * int(dut.CLOCKS_PER_BIT.value)
        self.source = StreamSource(dut, "in", ["data"])

    async def begin(self) -> None:
        await start(self.dut, low=("in_ready",))
        assert self.dut.tx.value == 1
        self.listen()

    def listen(self, deviation: float = 0.0) -> None:
        """A receiver whose bits are longer by this part of a bit."""
        self.receiver = LineReceiver(self.dut.tx, round(self.bit * (1 + deviation)))

    async def expect(self, data: list[int]) -> None:
        """These bytes are sent, and nothing behind them."""
        await self.source.drain()
        await Timer(12 * self.bit, unit="ps")
        assert list(self.receiver.received) == data
        assert self.dut.tx.value == 1
        self.receiver.received.clear()


@cocotb.test()
async def every_byte(dut) -> None:
    """In random order, under every stall pattern; of slow lines some."""
    bench = Bench(dut)
    await bench.begin()
    count = 256 if bench.bit <= 16 * CLOCK else 24
    for stall in STALLS:
        bench.source.set_stall(stall)
        data = bench.rng.sample(range(256), count)
        bench.source.send({"data": value} for value in data)
        await bench.expect(data)


@cocotb.test()
async def receivers_of_other_speeds(dut) -> None:
    """Receivers 2 % faster and slower."""
    bench = Bench(dut)
    await bench.begin()
    for deviation in (-0.02, 0.02):
        bench.receiver.task.cancel()
        bench.listen(deviation)
        data = [0x00, 0xFF, *(bench.rng.randrange(256) for _ in range(30))]
        bench.source.send({"data": value} for value in data)
        await bench.expect(data)


@cocotb.test()
async def no_gap(dut) -> None:
    """A byte every 10 bits; the line falls in the cycle behind the one that takes the first byte."""
    bench = Bench(dut)
    await bench.begin()
    await ClockCycles(dut.clk, 5)
    bench.source.send({"data": value} for value in range(20))
    while not bench.source.cycles:
        assert dut.tx.value == 1
        await FallingEdge(dut.clk)
    assert dut.tx.value == 0
    await bench.expect(list(range(20)))
    steps = {b - a for a, b in zip(bench.source.cycles, bench.source.cycles[1:], strict=False)}
    assert steps == {10 * int(dut.CLOCKS_PER_BIT.value)}


@cocotb.test()
async def resets(dut) -> None:
    """In the middle of a byte: the line is high, and the next byte is whole."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(20):
        bench.source.send([{"data": 0}] * 3)
        await ClockCycles(dut.clk, bench.rng.randrange(2, 25 * int(dut.CLOCKS_PER_BIT.value)))
        bench.receiver.task.cancel()
        await reset(dut, bench.source)
        assert dut.tx.value == 1
        bench.listen()
        data = [bench.rng.randrange(256) for _ in range(3)]
        bench.source.send({"data": value} for value in data)
        await bench.expect(data)

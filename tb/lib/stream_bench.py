# SPDX-License-Identifier: Apache-2.0
"""The tests that all blocks between a stream `in` and a stream `out` share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cocotb.triggers import ClockCycles

from streams import STALLS, Beat, StreamSink, StreamSource, reset, rng, start

Beats = Sequence[Beat]
Make = Callable[[random.Random, int], tuple[Beats, Beats]]
"""(random numbers, how many) -> beats to send, and what has to leave."""


class StreamBench:
    """Source, block and sink. fields: of the beats that enter, and of those that leave."""

    def __init__(self, dut: Any, fields: tuple[Sequence[str], Sequence[str]]) -> None:
        self.dut = dut
        self.source = StreamSource(dut, "in", fields[0])
        self.sink = StreamSink(dut, "out", fields[1])

    async def begin(self, *, low: Iterable[str] = (), **inputs: int) -> None:
        """Out of reset; `low` names further outputs that a reset holds at 0, `inputs` those that are no stream's."""
        await start(self.dut, low=["out_valid", *low], **inputs)

    def every_stall(self) -> Iterator[None]:
        """Sets every pair of stall patterns."""
        for source_stall in STALLS:
            for sink_stall in (*STALLS, "after_valid"):
                self.source.set_stall(source_stall)
                self.sink.set_stall(sink_stall)
                self.sink.clear()
                yield

    async def check(self, beats: tuple[Beats, Beats]) -> None:
        """Send the first ones; exactly the second ones have to leave."""
        self.source.send(beats[0])
        await self.sink.expect(beats[1])

    async def stalls(self, make: Make, count: int) -> None:
        """Streams of `count` beats under every pair of stall patterns."""
        generator = rng("stalls")
        for _ in self.every_stall():
            await self.check(make(generator, count))

    async def rate(self, make: Make, count: int, latency: int) -> None:
        """A beat a cycle; each leaves `latency` cycles after it was taken."""
        await self.check(make(rng("rate"), count))
        first = self.source.cycles[0]
        assert self.source.cycles == list(range(first, first + count))
        assert self.sink.cycles == [cycle + latency for cycle in self.source.cycles]

    async def resets(self, make: Make, count: int, rounds: int) -> None:
        """Reset after some cycles of a stream of `count` beats: all are dropped, the few that follow are right."""
        generator = rng("reset")
        self.source.set_stall("random")
        self.sink.set_stall("random")
        for _ in range(rounds):
            self.source.send(make(generator, count)[0])
            await ClockCycles(self.dut.clk, generator.randint(1, count))
            await reset(self.dut, self.source, self.sink)
            await self.check(make(generator, 4))
            self.sink.clear()

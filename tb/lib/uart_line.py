# SPDX-License-Identifier: Apache-2.0
"""A serial line of 8N1 in cocotb tests: bytes out and in at a bit time of its own, at no clock's edges."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, Timer

STEP = "ps"


class LineSender:
    """Drives a line; bit: ps of a bit, gap: most bits of idle line between bytes."""

    def __init__(self, line: Any, bit: int, gap: float = 0.0, generator: random.Random | None = None) -> None:
        self.line, self.bit, self.gap = line, bit, gap
        self.rng = generator or random.Random(1)
        line.value = 1

    async def hold(self, level: int, bits: float) -> None:
        """The line at a level for so many bits."""
        self.line.value = level
        await Timer(max(1, round(bits * self.bit)), unit=STEP)

    async def byte(self, value: int, stop: int = 1) -> None:
        """A byte; stop: the level of its stop bit."""
        frame = stop << 9 | value << 1
        at = 0
        while at < 10:  # bits of one level at a time
            level, run = frame >> at & 1, 1
            while at + run < 10 and frame >> at + run & 1 == level:
                run += 1
            await self.hold(level, run)
            at += run
        if self.gap:
            await self.hold(1, self.gap * self.rng.random())

    async def send(self, data: Iterable[int]) -> None:
        """Bytes, one after the other."""
        for value in data:
            await self.byte(value)


class LineReceiver:
    """Listens to a line; received: the bytes so far."""

    def __init__(self, line: Any, bit: int) -> None:
        self.line, self.bit = line, bit
        self.received = bytearray()
        self.task = cocotb.start_soon(self._run())

    async def _run(self) -> None:
        while True:
            if self.line.value != 0:
                await FallingEdge(self.line)
            await Timer(3 * self.bit // 2, unit=STEP)
            value = 0
            for index in range(8):
                assert self.line.value.is_resolvable
                value |= int(self.line.value) << index
                await Timer(self.bit, unit=STEP)
            assert self.line.value == 1, "no stop bit"
            self.received.append(value)

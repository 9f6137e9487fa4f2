# SPDX-License-Identifier: Apache-2.0
"""Valid/ready streams for cocotb tests: sources and sinks with stall patterns, handshake checks, lane packing.

A stream with prefix `in` has the signals `in_valid`, `in_ready` and one signal per payload field: `in_<field>`, or
`<field>` where there is no such signal (configuration that is sampled with a beat). Sources and sinks sample at the
rising clock edge and drive at the falling one. While `rst` is high they are idle and check nothing; `rst` and other
inputs have to change at the falling edge, too.

Checks, which fail the running test: what a reset holds low is low (`start`), `valid` is never X, an offered beat
neither vanishes nor changes before it is taken (sink), and `ready` is never X (source). A `valid` that waits for
`ready` never meets the pattern "after_valid", so `StreamSink.receive` runs into its timeout.
"""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

STALLS = ("none", "periodic", "random")

Beat = Mapping[str, int]


def rng(salt: object = "") -> random.Random:
    """Random numbers from the seed of the run (SHW_SEED); another `salt` gives another sequence."""
    return random.Random(f"{os.environ['SHW_SEED']}/{salt}")


def pack(values: Iterable[int], width: int) -> int:
    """Lane vector of integers, lane 0 in the low bits; negative values become two's complement of `width` bits."""
    packed = 0
    for lane, value in enumerate(values):
        packed |= (int(value) & ((1 << width) - 1)) << (lane * width)
    return packed


def unpack(packed: int, width: int, lanes: int, *, signed: bool = False) -> list[int]:
    """The integers of a lane vector, lane 0 first."""
    values = [(packed >> (lane * width)) & ((1 << width) - 1) for lane in range(lanes)]
    return [value - (1 << width) if signed and value >> (width - 1) else value for value in values]


async def watch_reset(dut: Any, low: Iterable[str]) -> None:
    """Check that the ports `low` are 0 after every clock edge at which `rst` is high."""
    ports = [getattr(dut, name) for name in low]
    rising, falling = RisingEdge(dut.clk), FallingEdge(dut.clk)
    while True:
        if str(dut.rst.value) != "1":
            await RisingEdge(dut.rst)
        await rising
        if not dut.rst.value:
            continue
        await falling
        for port in ports:
            assert set(str(port.value)) == {"0"}, f"{port._name} is {port.value} in reset"


async def start(dut: Any, *, cycles: int = 3, low: Iterable[str] = (), **inputs: int) -> None:
    """Drive `inputs`, start the clock `clk` and hold `rst` for `cycles` cycles.

    low: outputs that have to be 0 in every reset, from its first edge until the cycle after its last one.
    """
    for name, value in inputs.items():
        getattr(dut, name).value = value
    dut.clk.value = 0
    dut.rst.value = 1
    cocotb.start_soon(watch_reset(dut, low))
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, cycles)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


async def reset(dut: Any, *streams: StreamSource | StreamSink, cycles: int = 1) -> None:
    """Reset in mid-stream: what the sources hold or offer and the sinks have received is dropped."""
    await FallingEdge(dut.clk)
    dut.rst.value = 1
    await ClockCycles(dut.clk, cycles)
    await FallingEdge(dut.clk)
    for stream in streams:
        stream.clear()
    dut.rst.value = 0


def go_pattern(stall: str, generator: random.Random) -> Iterator[bool]:
    """Endless sequence, one entry per cycle, True = may go: "none" always, "periodic" one cycle of three stalls and
    then two of three, "random" runs of random length of going, stalling and coin flips."""
    if stall == "none":
        while True:
            yield True
    if stall == "periodic":
        while True:
            yield from (True, True, False, True, False, False)
    if stall != "random":
        raise ValueError(f"stall pattern {stall!r}: one of {', '.join(STALLS)}")
    while True:
        probability = generator.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        for _ in range(generator.randint(1, 12)):
            yield generator.random() < probability


def _bit(handle: Any) -> bool:
    value = handle.value
    assert value.is_resolvable, f"{handle._name} is {value}"
    return bool(value)


class _Stream:
    def __init__(self, dut: Any, prefix: str, fields: Sequence[str], stall: str, salt: object) -> None:
        self.name = prefix
        self.fields = tuple(fields)
        self._clk = dut.clk
        self._rst = dut.rst
        self._valid = getattr(dut, f"{prefix}_valid")
        self._ready = getattr(dut, f"{prefix}_ready")
        named = {field: f"{prefix}_{field}" for field in fields}
        self._payload = {field: getattr(dut, name if hasattr(dut, name) else field) for field, name in named.items()}
        self._rng = rng(f"{prefix}/{salt}")
        self.set_stall(stall)

    def set_stall(self, stall: str) -> None:
        """Change the stall pattern from the next cycle on."""
        self.stall = stall
        self._go: Iterator[bool] = go_pattern("none" if stall == "after_valid" else stall, self._rng)

    def pause(self, cycles: int) -> None:
        """Stall for `cycles` cycles, then go on with the pattern."""
        self._go = chain(repeat(False, cycles), self._go)


class StreamSource(_Stream):
    """Sends beats; while it has none to offer, the payload signals carry random bits.

    stall: "none" | "periodic" | "random". cycles: the clock cycle in which each beat was taken, since the last clear;
    a source and a sink that were made together count the same cycles.
    """

    def __init__(self, dut: Any, prefix: str, fields: Sequence[str], *, stall: str = "none", salt: object = 0) -> None:
        super().__init__(dut, prefix, fields, stall, salt)
        self._queue: deque[Beat] = deque()
        self._offered: Beat | None = None
        self.cycles: list[int] = []
        self.cycle = 0
        self._valid.value = 0
        self._scramble()
        cocotb.start_soon(self._run())

    def send(self, beats: Iterable[Beat]) -> None:
        """Queue beats; returns at once."""
        self._queue.extend(beats)

    async def drain(self, timeout: int = 100_000) -> None:
        """Wait until every queued beat is taken, at most `timeout` cycles."""
        for _ in range(timeout):
            if not self._queue and self._offered is None:
                return
            await RisingEdge(self._clk)
        raise AssertionError(f"{self.name}: {len(self._queue)} beats not taken within {timeout} cycles")

    def clear(self) -> None:
        """Forget what was not taken (only while rst is high: an offered beat may not vanish otherwise)."""
        self._queue.clear()
        self._offered = None
        self.cycles = []

    def _scramble(self) -> None:
        for handle in self._payload.values():
            handle.value = self._rng.getrandbits(len(handle))

    async def _run(self) -> None:
        rising, falling = RisingEdge(self._clk), FallingEdge(self._clk)
        while True:
            await rising
            self.cycle += 1
            resetting = bool(self._rst.value)
            if self._offered is not None and not resetting and _bit(self._ready):
                self.cycles.append(self.cycle)
                self._offered = None
            await falling
            if resetting:
                self._offered = None
                self._valid.value = 0
                continue
            if self._offered is not None:
                continue
            if next(self._go) and self._queue:
                self._offered = self._queue.popleft()
                self._valid.value = 1
                for field, handle in self._payload.items():
                    handle.value = self._offered[field]
            else:
                self._valid.value = 0
                self._scramble()


class StreamSink(_Stream):
    """Receives beats and checks the handshake.

    stall: "none" | "periodic" | "random" | "after_valid" (ready rises only after valid was seen).
    received: beats taken since the last clear; cycles: the clock cycle of each of them.
    """

    def __init__(self, dut: Any, prefix: str, fields: Sequence[str], *, stall: str = "none", salt: object = 0) -> None:
        super().__init__(dut, prefix, fields, stall, salt)
        self.received: list[dict[str, int]] = []
        self.cycles: list[int] = []
        self.cycle = 0
        self.on_beat: Callable[[dict[str, int]], None] | None = None
        self._ready.value = 0
        cocotb.start_soon(self._run())

    async def receive(self, count: int, timeout: int = 100_000) -> list[dict[str, int]]:
        """The first `count` beats since the last clear; waits at most `timeout` cycles after the last arrival."""
        limit = self.cycle + timeout
        seen = len(self.received)
        while len(self.received) < count:
            await RisingEdge(self._clk)
            if len(self.received) != seen:
                seen, limit = len(self.received), self.cycle + timeout
            assert self.cycle < limit, f"{self.name}: {seen} of {count} beats, then none within {timeout} cycles"
        return self.received[:count]

    async def expect(self, beats: Sequence[Beat], timeout: int = 100_000, quiet: int = 20) -> None:
        """Receive exactly `beats`: in order, and nothing in the `quiet` cycles that follow."""
        assert beats, f"{self.name}: nothing to compare"
        got = await self.receive(len(beats), timeout)
        for index, (have, want) in enumerate(zip(got, beats, strict=True)):
            assert have == dict(want), f"{self.name}: beat {index} is {have}, expected {dict(want)}"
        await ClockCycles(self._clk, quiet)
        assert len(self.received) == len(beats), f"{self.name}: {len(self.received) - len(beats)} beats too many"

    def clear(self) -> None:
        """Forget what was received."""
        self.received = []
        self.cycles = []

    async def _run(self) -> None:
        rising, falling = RisingEdge(self._clk), FallingEdge(self._clk)
        waiting: dict[str, int] | None = None
        ready = False
        while True:
            await rising
            self.cycle += 1
            if self._rst.value:
                waiting, ready = None, False
                await falling
                self._ready.value = 0
                continue
            valid = _bit(self._valid)
            if valid:
                beat = {field: int(handle.value) for field, handle in self._payload.items()}
                if waiting is not None:
                    assert beat == waiting, f"{self.name}: payload changed while stalled, {waiting} to {beat}"
                if ready:
                    self.received.append(beat)
                    self.cycles.append(self.cycle)
                    if self.on_beat is not None:
                        self.on_beat(beat)
                waiting = None if ready else beat
            else:
                assert waiting is None, f"{self.name}: valid fell before ready"
            await falling
            go = next(self._go)
            ready = (valid and not ready) if self.stall == "after_valid" else go
            self._ready.value = int(ready)

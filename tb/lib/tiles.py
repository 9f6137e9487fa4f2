# SPDX-License-Identifier: Apache-2.0
"""Tiles under the tile-engine contract: stall patterns, the pins of an engine, source and sink in one clocked loop.

What differs between engines is in a subclass of :class:`Pins` (`tr_tiles`, `msq_tiles`); the loop is common.

The loop runs at falling edges. Outputs of an engine depend on registers only, so what is seen there is what the next
rising edge transfers. Around the handshakes the bench drives noise: configuration on all beats but the first of a tile,
`in_last` and operands while nothing is valid.
"""

from __future__ import annotations

import itertools
import os
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cocotb.triggers import FallingEdge, Timer
from numpy.typing import NDArray

import streams

STALLS = ("none", "periodic", "random")
LATE = 1500  # cycles after which a late sink wakes up
SLOW = 4  # cycles a beat of a slow side
PATIENCE = 20000  # cycles without progress after which a bench gives up


def seed() -> int:
    return int(os.environ["SHW_SEED"])


async def until(clk, signal) -> int:
    """Falling edges until one at which a signal is 1, 0 if it is; fails when there is none for PATIENCE cycles."""
    for cycle in range(PATIENCE):
        if int(signal.value):
            return cycle
        await FallingEdge(clk)
    raise AssertionError(f"{signal._name} stays 0")


class Stall:
    """Decides cycle by cycle whether one side of a stream pauses."""

    def __init__(self, kind: str, rng: random.Random) -> None:
        assert kind in (*STALLS, "blocked", "late", "slow"), kind
        self.kind, self.rng, self.count = kind, rng, 0
        self.on, self.off = rng.randint(1, 5), rng.randint(1, 5)
        self.probability = rng.choice((0.1, 0.5, 0.9))

    def __call__(self) -> bool:
        self.count += 1
        if self.kind == "periodic":
            return self.count % (self.on + self.off) >= self.on
        if self.kind == "late":
            return self.count < LATE
        if self.kind == "slow":
            return self.count % SLOW != 0
        return self.kind == "blocked" or (self.kind == "random" and self.rng.random() < self.probability)


@dataclass
class Tile:
    """One reduction: the engine's configuration and its operands (ROWS, K) and (COLS, K)."""

    config: Any
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]

    @property
    def length(self) -> int:
        return int(self.rows.shape[1])

    def __str__(self) -> str:
        return f"K {self.length} {self.config}"


Beat = tuple[int, int]
"""What `in_row` and `in_col` hold."""


class Pins(ABC):
    """The ports of an engine: its shape, how a configuration and operands travel, what has to come out."""

    CONFIG: tuple[str, ...]
    """Configuration ports."""
    LOW: tuple[str, ...] = ("out_valid", "cfg_error", "in_ready")
    """Outputs that a reset holds at 0."""

    def __init__(self, dut, rows: int) -> None:
        self.dut, self.clk = dut, dut.clk
        self.rows, self.cols = rows, int(dut.COLS.value)
        self._config = {name: getattr(dut, name) for name in self.CONFIG}

    @abstractmethod
    def to_ports(self, config: Any) -> Sequence[int]:
        """A configuration as values of the ports CONFIG."""

    @abstractmethod
    def from_ports(self, values: Sequence[int]) -> Any:
        """The configuration that the ports hold."""

    @abstractmethod
    def beats(self, tile: Tile) -> list[Beat]:
        """The beats of a tile."""

    @abstractmethod
    def tile(self, config: Any, beats: Sequence[Beat]) -> Tile:
        """The tile that beats bring."""

    @abstractmethod
    def legal(self, config: Any) -> bool:
        """Whether the engine accepts a configuration."""

    @abstractmethod
    def expected(self, tile: Tile) -> NDArray[np.int64]:
        """The result (ROWS, COLS) of a tile with a legal configuration."""

    def configure(self, config: Any) -> None:
        for handle, value in zip(self._config.values(), self.to_ports(config), strict=True):
            handle.value = value

    def configured(self) -> Any:
        return self.from_ports([int(handle.value) for handle in self._config.values()])

    def noise(self, rng: random.Random) -> None:
        """A configuration that must not matter."""
        for handle in self._config.values():
            handle.value = rng.getrandbits(len(handle))

    def pause(self, rng: random.Random) -> None:
        """Offer no beat; what `in_last` and the operands hold must not matter."""
        dut = self.dut
        dut.in_valid.value, dut.in_last.value = 0, rng.getrandbits(1)
        dut.in_row.value, dut.in_col.value = rng.getrandbits(len(dut.in_row)), rng.getrandbits(len(dut.in_col))

    def idle(self) -> None:
        """Drive every input but clock and reset to zero."""
        for name in ("in_valid", "in_last", "in_row", "in_col", "out_ready", *self.CONFIG):
            getattr(self.dut, name).value = 0

    def result(self, beats: Sequence[int]) -> NDArray[np.int64]:
        """The result (ROWS, COLS) that output beats bring."""
        raw = b"".join(beat.to_bytes(4 * self.cols, "little") for beat in beats)
        return np.frombuffer(raw, np.int32).astype(np.int64).reshape(len(beats), self.cols)


@dataclass
class Run:
    """What a run of tiles produced.

    results: one (ROWS, COLS) array per tile that gave a result. taken, left: the cycle of every input beat taken and of
    every output beat that left.
    """

    results: list[NDArray[np.int64]] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)

    @property
    def cycles(self) -> int:
        """From the first beat taken to the last result beat that left, both included."""
        return self.left[-1] - self.taken[0] + 1


class TileBench:
    """Drives one engine."""

    def __init__(self, pins: Pins) -> None:
        self.pins, self.dut = pins, pins.dut
        self.rows, self.cols = pins.rows, pins.cols
        self.rng = random.Random(seed())

    async def begin(self) -> None:
        """Start the clock, drive every input, reset."""
        self.pins.idle()
        await streams.start(self.dut, cycles=1, low=self.pins.LOW)

    async def reset(self) -> None:
        """One cycle; the beat that is offered in it is not taken."""
        dut, pins = self.dut, self.pins
        pins.noise(self.rng)
        pins.pause(self.rng)
        dut.rst.value, dut.in_valid.value, dut.out_ready.value = 1, 1, 0
        await FallingEdge(dut.clk)
        dut.rst.value, dut.in_valid.value = 0, 0

    async def run(
        self, tiles: list[Tile], source: str = "none", sink: str = "none", stop: int | None = None, settle: int = 20
    ) -> Run:
        """Stream tiles back to back and collect their results.

        stop: give up after so many cycles (to reset in mid-stream). settle: cycles at the end in which nothing more may
        leave. Checks the handshakes, `out_last`, `cfg_error`; comparing the results is the caller's task.
        """
        dut, rng, pins = self.dut, self.rng, self.pins
        pause, refuse = Stall(source, rng), Stall(sink, rng)
        wanted = self.rows * sum(pins.legal(tile.config) for tile in tiles)
        run = Run()
        packed = [pins.beats(tile) for tile in tiles]
        beats = [(n, k) for n in range(len(tiles)) for k in range(len(packed[n]))]
        position, offered = 0, False
        error = None  # cfg_error expected from now on; None: as it is
        held, current = None, []
        cycle, idle, quiet = 0, 0, 0
        clk, in_ready, out_valid = dut.clk, dut.in_ready, dut.out_valid
        while quiet < settle:
            cycle += 1
            if error is not None:
                assert int(dut.cfg_error.value) == error, f"cfg_error should be {error}"
            # Results.
            ready = not refuse()
            dut.out_ready.value = int(ready)
            moved = False
            if int(out_valid.value):
                beat = int(dut.out_acc.value), int(dut.out_last.value)
                assert held is None or beat == held, "a stalled result changed"
                held = None if ready else beat
                if ready:
                    moved = True
                    run.left.append(cycle)
                    assert len(run.left) <= wanted, "more results than tiles"
                    current.append(beat[0])
                    assert beat[1] == (len(current) == self.rows), "out_last belongs to the last row"
                    if beat[1]:
                        run.results.append(pins.result(current))
                        current = []
            else:
                assert held is None, "a stalled result vanished"
            # Operands.
            if not offered and position < len(beats):
                if pause():
                    pins.pause(rng)
                else:
                    n, k = beats[position]
                    if k == 0:
                        pins.configure(tiles[n].config)
                    elif k == 1:
                        pins.noise(rng)
                    dut.in_row.value, dut.in_col.value = packed[n][k]
                    dut.in_last.value, dut.in_valid.value = int(k == len(packed[n]) - 1), 1
                    offered = True
            if offered and int(in_ready.value):
                n, k = beats[position]
                if k == 0:
                    error = int(not pins.legal(tiles[n].config))
                run.taken.append(cycle)
                position += 1
                offered, moved = False, True
            elif not offered and position == len(beats):
                pins.pause(rng)
                pins.noise(rng)
                quiet += len(run.left) == wanted
            idle = 0 if moved else idle + 1
            assert idle < PATIENCE or sink == "blocked", f"no progress: {len(run.left)} of {wanted} result beats"
            if stop is not None and cycle >= stop:
                return run
            await FallingEdge(clk)
        return run

    async def reset_in_every_cycle(self, make: Callable[[], Tile]) -> None:
        """One cycle of reset in every cycle from a short tile's first beat to its last result: nothing is left behind.

        Every tile is the first one after a reset, so that what is left of one would be taken for the next.

        make: gives tiles of one length, with other operands every time.
        """
        await self.cycles_until_ready()
        first = (await self.check([make()])).left[0]
        for stop in range(1, first + self.rows + 1):
            await self.cycles_until_ready()
            await self.run([make()], stop=stop)
            await self.reset()
            await self.check([make()], settle=2)

    async def check(self, tiles: list[Tile], source: str = "none", sink: str = "none", settle: int = 20) -> Run:
        """Run tiles and compare every result with the model."""
        run = await self.run(tiles, source, sink, settle=settle)
        legal = [tile for tile in tiles if self.pins.legal(tile.config)]
        assert len(run.results) == len(legal)
        for n, (tile, result) in enumerate(zip(legal, run.results, strict=True)):
            expected = self.pins.expected(tile)
            if not (result == expected).all():
                row, col = np.argwhere(result != expected)[0]
                raise AssertionError(
                    f"result {n} ({tile}): row {row} column {col} is {result[row, col]}, not {expected[row, col]}"
                )
        return run

    # What the tests of all engines share.

    async def under_stalls(self, tiles: Callable[[], list[Tile]], late: bool = False) -> None:
        """New tiles under every pair of stall patterns; late: also with a sink that wakes up late."""
        for source, sink in [*itertools.product(STALLS, STALLS), *([("none", "late")] if late else [])]:
            assert (await self.check(tiles(), source, sink)).results

    async def same_under_stalls(self, tiles: list[Tile]) -> None:
        """Stalls do not change a bit."""
        first = (await self.check(tiles)).results
        for source, sink in (("random", "none"), ("none", "random"), ("periodic", "periodic")):
            again = (await self.run(tiles, source, sink)).results
            assert all((a == b).all() for a, b in zip(first, again, strict=True))

    async def wait_for_the_sink(self, tiles: list[Tile], stop: int) -> None:
        """While the sink is not ready for `stop` cycles the source has to wait; once it is, nothing is lost."""
        blocked = await self.run(tiles, "none", "blocked", stop=stop)
        assert blocked.results == []
        assert not int(self.dut.in_ready.value)
        assert int(self.dut.out_valid.value), "out_valid waits for out_ready"
        await self.reset()
        await self.check(tiles, "none", "late")

    async def cycles_until_ready(self) -> int:
        """Cycles with `in_ready` low after a reset."""
        await self.reset()
        return await until(self.dut.clk, self.dut.in_ready)

    async def watch_outputs(self, inputs: Sequence[Any]) -> None:
        """In every cycle, move each input while the clock is low: no output may follow. Runs until it is cancelled."""
        dut = self.dut
        ready = [dut.in_ready, *([dut.table_ready] if hasattr(dut, "table_ready") else [])]

        def outputs() -> tuple[int, ...]:
            valid = int(dut.out_valid.value)
            return *(int(handle.value) for handle in ready), valid, int(dut.out_acc.value) if valid else 0

        while True:
            await FallingEdge(dut.clk)
            await Timer(1, "ns")
            before, kept = outputs(), [int(handle.value) for handle in inputs]
            for handle, value in zip(inputs, kept, strict=True):
                handle.value = value ^ ((1 << len(handle)) - 1)
                await Timer(100, "ps")
                assert outputs() == before, f"an output follows {handle._name}"
            for handle, value in zip(inputs, kept, strict=True):
                handle.value = value

# SPDX-License-Identifier: Apache-2.0
"""The UVM test of an engine. FAULT spoils one part of the environment: such a run must fail.

FAULT: model (one wrong number), lost (a result is not seen), extra (a result is seen twice), silent (no tile at all).
"""

from __future__ import annotations

import os
import random
from abc import abstractmethod
from collections.abc import Iterable

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from engine_env import Coverage, EngineEnv, OutputMonitor, TileItem, TileSequence, randomly_stalled
from pyuvm import ConfigDB, uvm_factory, uvm_test

from tiles import STALLS, Pins, Tile

FAULT = os.environ.get("FAULT", "")
AMOUNT = int(os.environ["AMOUNT"])
PATIENCE = 500 if FAULT else 10000  # cycles without a result after which one counts as lost
SETTLE = 500 if FAULT else 60  # cycles at the end of a sequence in which nothing more may come


class FaultyMonitor(OutputMonitor):
    """Loses or repeats the first result."""

    def build_phase(self) -> None:
        super().build_phase()
        publish, first = self.ap.write, [True]

        def write(seen) -> None:
            for _ in range({"lost": 0, "extra": 2}[FAULT] if first[0] else 1):
                publish(seen)
            first[0] = False

        self.ap.write = write


class EngineTest(uvm_test):
    """Directed tiles, pairs of stalls, random tiles; asserts every bin of the coverage. A subclass names its engine."""

    PINS: type[Pins]
    COVERAGE: type[Coverage]

    @abstractmethod
    def directed(self) -> Iterable[Iterable[Tile]]:
        """Sequences of tiles that reach the corners."""

    @abstractmethod
    def short(self) -> Tile:
        """A random legal tile for the stall patterns."""

    @abstractmethod
    def any(self) -> Tile:
        """A random tile."""

    def build_phase(self) -> None:
        self.pins = self.PINS(cocotb.top)
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        ConfigDB().set(None, "*", "PINS", self.pins)
        ConfigDB().set(None, "*", "RNG", self.rng)
        ConfigDB().set(None, "*", "MODEL", self.wrong_model if FAULT == "model" else self.pins.expected)
        ConfigDB().set(None, "*", "SINK_STALL", "none")
        uvm_factory().set_type_override_by_type(Coverage, self.COVERAGE)
        if FAULT in ("lost", "extra"):
            uvm_factory().set_type_override_by_type(OutputMonitor, FaultyMonitor)
        self.env = EngineEnv("env", self)

    def wrong_model(self, tile: Tile):
        result = self.pins.expected(tile)
        result[-1, 0] += 1
        return result

    async def run_phase(self) -> None:
        self.raise_objection()
        await self.reset()
        if FAULT == "silent":
            await ClockCycles(self.pins.clk, 50)
        elif FAULT:
            await self.send(randomly_stalled(self.rng, (self.any() for _ in range(6))))
        else:
            await self.everything()
        self.drop_objection()

    async def reset(self) -> None:
        dut = self.pins.dut
        self.pins.idle()
        dut.rst.value = 1
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        await ClockCycles(dut.clk, 2)
        await FallingEdge(dut.clk)
        dut.rst.value = 0

    async def everything(self) -> None:
        for tiles in self.directed():
            await self.send(TileItem("directed", tile) for tile in tiles)
        for source in STALLS:
            for sink in STALLS:
                await self.stalls(source, sink)
        await self.send(randomly_stalled(self.rng, (self.any() for _ in range(AMOUNT))))

    async def stalls(self, source: str, sink: str) -> None:
        """Send tiles under a pair of stalls until the pins have shown both."""
        env = self.env
        for _ in range(20):
            tiles, results = len(env.tiles.seen), len(env.results.seen)
            await self.send(TileItem("stall", self.short(), source, sink) for _ in range(2))
            idle = sum(seen.idle for seen in env.tiles.seen[tiles:])
            waited = sum(seen.waited for seen in env.results.seen[results:])
            if env.coverage.stalls(source, sink, idle, waited):
                return

    async def send(self, items: Iterable[TileItem]) -> None:
        """Run a sequence; then wait until every tile was seen and every result has left."""
        await TileSequence("tiles", items).start(self.env.input.sequencer)
        quiet = 0
        while quiet < SETTLE:
            await FallingEdge(self.pins.clk)
            waiting = self.wanted() > len(self.env.results.seen)
            quiet = 0 if waiting and self.idle() < PATIENCE else quiet + 1

    def wanted(self) -> int:
        return sum(self.pins.legal(seen.tile.config) for seen in self.env.tiles.seen)

    def idle(self) -> int:
        """Cycles since the number of results changed last."""
        count = len(self.env.results.seen)
        if getattr(self, "_count", -1) != count:
            self._count, self._since = count, cocotb.utils.get_sim_time("ns")
        return int((cocotb.utils.get_sim_time("ns") - self._since) / 10)

    def report_phase(self) -> None:
        if FAULT:
            return
        coverage = self.env.coverage
        for seen in self.env.results.seen:
            coverage.result(seen)
        missed = coverage.missed()
        self.logger.info(f"coverage: {len(coverage.BINS) - len(missed)} of {len(coverage.BINS)} bins")
        assert not missed, f"bins that were not hit: {missed}"

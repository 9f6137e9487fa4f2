# SPDX-License-Identifier: Apache-2.0
"""The UVM test of the engine. FAULT spoils one part of the environment: such a run must fail.

FAULT: model (one wrong number), lost (a result is not seen), extra (a result is seen twice), silent (no tile at all).
"""

import os
import random

import cocotb
import pyuvm
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from engine_env import BINS, EngineEnv, OutputMonitor, Pins, default_model
from pyuvm import ConfigDB, uvm_factory, uvm_test
from sequences import CornerSequence, ErrorSequence, RandomSequence, StallSequence, SwitchSequence, TileSequence

from tiles import STALLS

FAULT = os.environ.get("FAULT", "")
AMOUNT = int(os.environ["AMOUNT"])
PATIENCE = 500 if FAULT else 10000  # cycles without a result after which one counts as lost


def wrong_model(config, rows, cols, *, width, depth):
    result = default_model(config, rows, cols, width=width, depth=depth)
    result[-1, 0] += 1
    return result


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


class EngineBase(uvm_test):
    def build_phase(self) -> None:
        self.pins = Pins(cocotb.top)
        self.rng = random.Random(int(os.environ["SHW_SEED"]))
        ConfigDB().set(None, "*", "PINS", self.pins)
        ConfigDB().set(None, "*", "RNG", self.rng)
        ConfigDB().set(None, "*", "MODEL", wrong_model if FAULT == "model" else default_model)
        ConfigDB().set(None, "*", "SINK_STALL", "none")
        if FAULT in ("lost", "extra"):
            uvm_factory().set_type_override_by_type(OutputMonitor, FaultyMonitor)
        self.env = EngineEnv("env", self)

    async def reset(self) -> None:
        dut = self.pins.dut
        for name in ("in_valid", "in_last", "in_row", "in_col", "out_ready", "cfg_tr_en", "cfg_group"):
            getattr(dut, name).value = 0
        for name in ("cfg_group_budget", "cfg_data_terms", "cfg_encoding", "cfg_row_signed", "cfg_col_signed"):
            getattr(dut, name).value = 0
        dut.rst.value = 1
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        await ClockCycles(dut.clk, 2)
        await FallingEdge(dut.clk)
        dut.rst.value = 0

    async def send(self, sequence: TileSequence) -> None:
        """Run a sequence; then wait until every tile was seen and every result has left."""
        await sequence.start(self.env.input.sequencer)
        quiet = 0
        while quiet < 60:
            await FallingEdge(self.pins.clk)
            waiting = self.wanted() > len(self.env.results.seen)
            quiet = 0 if waiting and self.idle() < PATIENCE else quiet + 1

    def wanted(self) -> int:
        return sum(seen.tile.config.legal() for seen in self.env.tiles.seen)

    def idle(self) -> int:
        """Cycles since the number of results changed last."""
        count = len(self.env.results.seen)
        if getattr(self, "_count", -1) != count:
            self._count, self._since = count, cocotb.utils.get_sim_time("ns")
        return int((cocotb.utils.get_sim_time("ns") - self._since) / 10)

    def sequence(self, kind: type[TileSequence], *args) -> TileSequence:
        return kind(kind.__name__, self.rng, self.pins.rows, self.pins.cols, *args)


@pyuvm.test()
class EngineTest(EngineBase):
    async def run_phase(self) -> None:
        self.raise_objection()
        await self.reset()
        if FAULT == "silent":
            await ClockCycles(self.pins.clk, 50)
        elif FAULT:
            await self.send(self.sequence(RandomSequence, 6))
        else:
            await self.everything()
        self.drop_objection()

    async def everything(self) -> None:
        for kind in (CornerSequence, SwitchSequence, ErrorSequence):
            await self.send(self.sequence(kind))
        for source in STALLS:
            for sink in STALLS:
                await self.stalls(source, sink)
        await self.send(self.sequence(RandomSequence, AMOUNT))

    async def stalls(self, source: str, sink: str) -> None:
        """Send tiles under a pair of stalls until the pins have shown both."""
        env = self.env
        for _ in range(20):
            tiles, results = len(env.tiles.seen), len(env.results.seen)
            await self.send(self.sequence(StallSequence, source, sink))
            idle = sum(seen.idle for seen in env.tiles.seen[tiles:])
            waited = sum(seen.waited for seen in env.results.seen[results:])
            if env.coverage.stalls(source, sink, idle, waited):
                return

    def report_phase(self) -> None:
        if FAULT:
            return
        missed = self.env.coverage.missed()
        self.logger.info(f"coverage: {len(BINS) - len(missed)} of {len(BINS)} bins")
        assert not missed, f"bins that were not hit: {missed}"

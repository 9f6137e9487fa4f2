# SPDX-License-Identifier: Apache-2.0
"""UVM environment of a tile engine: items, sequences, driver, responder, two monitors, scoreboard, coverage.

What differs between engines is in their pins (`tiles.Pins`) and in their tiles and coverage (`tr_stimulus`,
`msq_stimulus`, `exp_stimulus`). The monitors see nothing but the pins: the input monitor rebuilds every tile from the
beats that were taken, the output monitor every result. The scoreboard compares results with the model of the tiles
seen, in order, and passes only when something was compared and nothing is left over. The coverage names its bins; the
test asserts that each was hit.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly
from numpy.typing import NDArray
from pyuvm import (
    ConfigDB,
    uvm_agent,
    uvm_analysis_port,
    uvm_component,
    uvm_driver,
    uvm_env,
    uvm_monitor,
    uvm_sequence,
    uvm_sequence_item,
    uvm_sequencer,
    uvm_subscriber,
    uvm_tlm_analysis_fifo,
)

from tiles import STALLS, Beat, Pins, Stall, Tile


class TileItem(uvm_sequence_item):
    """One tile and how either side stalls while it passes."""

    def __init__(self, name: str, tile: Tile, source: str = "none", sink: str = "none") -> None:
        super().__init__(name)
        self.tile, self.source, self.sink = tile, source, sink

    def __str__(self) -> str:
        return f"{self.tile}, source {self.source}, sink {self.sink}"


@dataclass
class SeenTile:
    """What the input monitor saw of a tile."""

    tile: Tile
    error: bool
    idle: int
    """Cycles inside the tile in which the source offered nothing."""
    refused: int
    """Cycles in which the engine let the source wait."""
    blocked: int
    """Those of them in which a result waited for the sink."""
    gap: int
    """Cycles between the tile before and this one in which the source offered nothing."""


@dataclass
class SeenResult:
    """What the output monitor saw of a result."""

    values: NDArray[np.int64]
    waits: list[int]
    """Cycles in which the sink let the engine wait, for each row."""

    @property
    def waited(self) -> int:
        return sum(self.waits)


class TileSequence(uvm_sequence):
    """Sends tiles, each with both sides under its stall patterns."""

    def __init__(self, name: str, items: Iterable[TileItem]) -> None:
        super().__init__(name)
        self.items = items

    async def body(self) -> None:
        for item in self.items:
            await self.start_item(item)
            await self.finish_item(item)


def randomly_stalled(rng: random.Random, tiles: Iterable[Tile]) -> Iterator[TileItem]:
    """Items of tiles, each under a random pair of stall patterns."""
    for tile in tiles:
        yield TileItem("random", tile, rng.choice(STALLS), rng.choice(STALLS))


class TileDriver(uvm_driver):
    """Puts the beats of tiles on the input port; valid never waits for ready."""

    def build_phase(self) -> None:
        self.pins: Pins = ConfigDB().get(self, "", "PINS")
        self.rng: random.Random = ConfigDB().get(self, "", "RNG")

    async def run_phase(self) -> None:
        dut, clk = self.pins.dut, self.pins.clk
        await FallingEdge(clk)
        while True:
            item = await self.seq_item_port.get_next_item()
            ConfigDB().set(None, "*", "SINK_STALL", item.sink)
            pause = Stall(item.source, self.rng)
            beats = self.pins.beats(item.tile)
            for k, (row, col) in enumerate(beats):
                while pause():
                    self.pins.pause(self.rng)
                    await FallingEdge(clk)
                if k == 0:
                    self.pins.configure(item.tile.config)
                elif k == 1:
                    self.pins.noise(self.rng)
                dut.in_row.value, dut.in_col.value = row, col
                dut.in_last.value, dut.in_valid.value = int(k == len(beats) - 1), 1
                while not int(dut.in_ready.value):
                    await FallingEdge(clk)
                await FallingEdge(clk)
            self.pins.pause(self.rng)
            self.seq_item_port.item_done()


class Responder(uvm_component):
    """The sink: decides cycle by cycle whether a result may leave."""

    def build_phase(self) -> None:
        self.pins: Pins = ConfigDB().get(self, "", "PINS")
        self.rng: random.Random = ConfigDB().get(self, "", "RNG")

    async def run_phase(self) -> None:
        refuse = Stall("none", self.rng)
        while True:
            await FallingEdge(self.pins.clk)
            kind = ConfigDB().get(None, "", "SINK_STALL")
            if kind != refuse.kind:
                refuse = Stall(kind, self.rng)
            self.pins.dut.out_ready.value = int(not refuse())


class InputMonitor(uvm_monitor):
    """Publishes a SeenTile for every tile that the engine took."""

    def build_phase(self) -> None:
        self.pins: Pins = ConfigDB().get(self, "", "PINS")
        self.ap = uvm_analysis_port("ap", self)

    async def run_phase(self) -> None:
        dut, pins = self.pins.dut, self.pins
        beats: list[Beat] = []
        config, error, idle, refused, blocked, gap, check = None, False, 0, 0, 0, 0, False
        seen: SeenTile | None = None
        while True:
            await FallingEdge(pins.clk)
            await ReadOnly()
            if check:  # cfg_error answers in the cycle after the first beat
                error, check = bool(int(dut.cfg_error.value)), False
                if seen:
                    seen.error = error
            if seen:
                self.ap.write(seen)
                seen = None
            if not int(dut.in_valid.value):
                idle += bool(beats)
                gap += not beats
            elif not int(dut.in_ready.value):
                refused += 1
                blocked += int(dut.out_valid.value) and not int(dut.out_ready.value)
            else:
                if not beats:
                    config, check = pins.configured(), True
                beats.append((int(dut.in_row.value), int(dut.in_col.value)))
                if int(dut.in_last.value):
                    seen = SeenTile(pins.tile(config, beats), error, idle, refused, blocked, gap)
                    beats, idle, refused, blocked, gap = [], 0, 0, 0, 0


class OutputMonitor(uvm_monitor):
    """Publishes a SeenResult for every result that left; checks that a waiting beat stays as it is."""

    def build_phase(self) -> None:
        self.pins: Pins = ConfigDB().get(self, "", "PINS")
        self.ap = uvm_analysis_port("ap", self)

    async def run_phase(self) -> None:
        dut, pins = self.pins.dut, self.pins
        beats: list[int] = []
        waits, held = [0], None
        while True:
            await FallingEdge(pins.clk)
            await ReadOnly()
            if not int(dut.out_valid.value):
                assert held is None, "a waiting result vanished"
                continue
            beat = int(dut.out_acc.value), int(dut.out_last.value)
            assert held in (None, beat), "a waiting result changed"
            if not int(dut.out_ready.value):
                held = beat
                waits[-1] += 1
                continue
            held = None
            beats.append(beat[0])
            assert beat[1] == (len(beats) == pins.rows), "out_last belongs to the last row"
            if beat[1]:
                self.ap.write(SeenResult(pins.result(beats), waits))
                beats, waits = [], []
            waits.append(0)


class Scoreboard(uvm_component):
    """Compares in order; fails when nothing was compared and when anything is left over."""

    def build_phase(self) -> None:
        self.tiles = uvm_tlm_analysis_fifo("tiles", self)
        self.results = uvm_tlm_analysis_fifo("results", self)
        self.expected: Callable[[Tile], NDArray[np.int64]] = ConfigDB().get(self, "", "MODEL")
        self.pins: Pins = ConfigDB().get(self, "", "PINS")

    def check_phase(self) -> None:
        expected: list[Tile] = []
        problems: list[str] = []
        while True:
            found, seen = self.tiles.try_get()
            if not found:
                break
            legal = self.pins.legal(seen.tile.config)
            if seen.error == legal:
                problems.append(f"cfg_error is {seen.error} for {seen.tile}")
            if legal:
                expected.append(seen.tile)
        compared = 0
        while expected:
            found, result = self.results.try_get()
            if not found:
                break
            tile = expected.pop(0)
            compared += 1
            if not (result.values == self.expected(tile)).all():
                problems.append(f"result {compared - 1} differs: {tile}")
        if expected:
            problems.insert(0, f"{len(expected)} results are missing")
        if self.results.can_get():
            problems.insert(0, "results are left over")
        if not compared:
            problems.append("nothing was compared")
        self.logger.info(f"scoreboard: {compared} tiles compared, {len(problems)} problems")
        assert not problems, "scoreboard: " + "; ".join(problems[:5])


STALL_BINS = (
    "engine made the source wait",
    *(f"source {kind}" for kind in STALLS),
    *(f"sink {kind}" for kind in STALLS),
    *(f"source {a} with sink {b}" for a in STALLS for b in STALLS),
)


class Coverage(uvm_subscriber):
    """Functional coverage: counts named bins. `missed()` is what the stimulus did not reach.

    Subclasses, set in the factory, add the bins of an engine and fill them in `tile` and `result`.
    """

    BINS: tuple[str, ...] = STALL_BINS

    def build_phase(self) -> None:
        super().build_phase()
        self.hits: Counter[str] = Counter()
        self.before: SeenTile | None = None
        self.pins: Pins = ConfigDB().get(self, "", "PINS")

    def hit(self, name: str, when: bool = True) -> None:
        assert name in self.BINS, name
        self.hits[name] += bool(when)

    def missed(self) -> list[str]:
        return [name for name in self.BINS if not self.hits[name]]

    def write(self, seen: SeenTile) -> None:
        self.hit("engine made the source wait", seen.refused > 0)
        self.tile(self.before, seen)
        self.before = seen

    def tile(self, before: SeenTile | None, seen: SeenTile) -> None:
        """Count what a tile, and its change from the tile before it, shows."""

    def result(self, seen: SeenResult) -> None:
        """Count what a result shows."""

    def stalls(self, source: str, sink: str, idle: int, waited: int) -> bool:
        """Called with what was asked for and what the pins showed of it; True when they agree."""
        seen_source = (idle > 0) == (source != "none")
        seen_sink = (waited > 0) == (sink != "none")
        self.hit(f"source {source}", seen_source)
        self.hit(f"sink {sink}", seen_sink)
        self.hit(f"source {source} with sink {sink}", seen_source and seen_sink)
        return seen_source and seen_sink


class InputAgent(uvm_agent):
    def build_phase(self) -> None:
        self.sequencer = uvm_sequencer("sequencer", self)
        self.driver = TileDriver("driver", self)
        self.monitor = InputMonitor("monitor", self)

    def connect_phase(self) -> None:
        self.driver.seq_item_port.connect(self.sequencer.seq_item_export)


class OutputAgent(uvm_agent):
    def build_phase(self) -> None:
        self.responder = Responder("responder", self)
        self.monitor = OutputMonitor.create("monitor", self)


class Watch(uvm_subscriber):
    """Keeps what a monitor published, for the sequences to wait on."""

    def build_phase(self) -> None:
        super().build_phase()
        self.seen: list = []

    def write(self, seen) -> None:
        self.seen.append(seen)


class EngineEnv(uvm_env):
    def build_phase(self) -> None:
        self.input = InputAgent("input", self)
        self.output = OutputAgent("output", self)
        self.scoreboard = Scoreboard("scoreboard", self)
        self.coverage = Coverage.create("coverage", self)
        self.tiles = Watch("tiles", self)
        self.results = Watch("results", self)

    def connect_phase(self) -> None:
        for export in (
            self.scoreboard.tiles.analysis_export,
            self.coverage.analysis_export,
            self.tiles.analysis_export,
        ):
            self.input.monitor.ap.connect(export)
        for export in (self.scoreboard.results.analysis_export, self.results.analysis_export):
            self.output.monitor.ap.connect(export)

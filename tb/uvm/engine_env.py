# SPDX-License-Identifier: Apache-2.0
"""UVM environment of the tile engine: items, driver, responder, two monitors, scoreboard, functional coverage.

The monitors see nothing but the pins: the input monitor rebuilds every tile from the beats that were taken, the output
monitor every result. The scoreboard compares results with the model of the tiles seen, in order, and passes only when
something was compared and nothing is left over. The coverage names its bins; the test asserts that each was hit.
"""

from __future__ import annotations

import random
from collections import Counter
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
    uvm_sequence_item,
    uvm_sequencer,
    uvm_subscriber,
    uvm_tlm_analysis_fifo,
)

from shiftwork.codes import terms
from shiftwork.golden.tr_units import TileConfig
from shiftwork.golden.tr_units import tile as tile_model
from tiles import STALLS, Stall, Tile


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


@dataclass
class SeenResult:
    """What the output monitor saw of a result."""

    values: NDArray[np.int64]
    waited: int
    """Cycles in which the sink let the engine wait."""


class Pins:
    """Access to the engine, shared by all components."""

    def __init__(self, dut) -> None:
        self.dut, self.clk = dut, dut.clk
        self.rows, self.cols = int(dut.ROWS.value), int(dut.COLS.value)
        self.depth, self.width = int(dut.DEPTH.value), int(dut.ACC_W.value)

    def config(self) -> TileConfig:
        dut = self.dut
        return TileConfig(
            tr_en=bool(int(dut.cfg_tr_en.value)),
            group=int(dut.cfg_group.value),
            budget=int(dut.cfg_group_budget.value),
            data_terms=int(dut.cfg_data_terms.value),
            hese=bool(int(dut.cfg_encoding.value)),
            row_signed=bool(int(dut.cfg_row_signed.value)),
            col_signed=bool(int(dut.cfg_col_signed.value)),
        )


def codes(packed: list[int], count: int, signed: bool) -> NDArray[np.int64]:
    """Values (count, K) of one side from its beats."""
    raw = np.frombuffer(b"".join(word.to_bytes(count, "little") for word in packed), np.uint8)
    return raw.astype(np.int8 if signed else np.uint8).astype(np.int64).reshape(len(packed), count).T


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
            config, tile = item.tile.config, item.tile
            for k in range(tile.length):
                while pause():
                    dut.in_valid.value, dut.in_last.value = 0, self.rng.getrandbits(1)
                    await FallingEdge(clk)
                dut.cfg_tr_en.value, dut.cfg_group.value = int(config.tr_en), config.group
                dut.cfg_group_budget.value, dut.cfg_data_terms.value = config.budget, config.data_terms
                dut.cfg_encoding.value = int(config.hese)
                dut.cfg_row_signed.value = int(config.row_signed)
                dut.cfg_col_signed.value = int(config.col_signed)
                dut.in_row.value = sum((int(v) & 255) << (8 * r) for r, v in enumerate(tile.rows[:, k]))
                dut.in_col.value = sum((int(v) & 255) << (8 * c) for c, v in enumerate(tile.cols[:, k]))
                dut.in_last.value, dut.in_valid.value = int(k == tile.length - 1), 1
                while not int(dut.in_ready.value):
                    await FallingEdge(clk)
                await FallingEdge(clk)
            dut.in_valid.value = 0
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
        rows: list[int] = []
        cols: list[int] = []
        config, error, idle, refused, check = TileConfig(), False, 0, 0, False
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
                idle += bool(rows)
            elif not int(dut.in_ready.value):
                refused += 1
            else:
                if not rows:
                    config, check = pins.config(), True
                rows.append(int(dut.in_row.value))
                cols.append(int(dut.in_col.value))
                if int(dut.in_last.value):
                    tile = Tile(
                        config, codes(rows, pins.rows, config.row_signed), codes(cols, pins.cols, config.col_signed)
                    )
                    seen = SeenTile(tile, error, idle, refused)
                    rows, cols, idle, refused = [], [], 0, 0


class OutputMonitor(uvm_monitor):
    """Publishes a SeenResult for every result that left; checks that a waiting beat stays as it is."""

    def build_phase(self) -> None:
        self.pins: Pins = ConfigDB().get(self, "", "PINS")
        self.ap = uvm_analysis_port("ap", self)

    async def run_phase(self) -> None:
        dut, pins = self.pins.dut, self.pins
        beats: list[int] = []
        waited, held = 0, None
        while True:
            await FallingEdge(pins.clk)
            await ReadOnly()
            if not int(dut.out_valid.value):
                assert held is None, "a waiting result vanished"
                continue
            beat = int(dut.out_acc.value), int(dut.out_last.value)
            assert held in (None, beat), "a waiting result changed"
            if not int(dut.out_ready.value):
                held, waited = beat, waited + 1
                continue
            held = None
            beats.append(beat[0])
            assert beat[1] == (len(beats) == pins.rows), "out_last belongs to the last row"
            if beat[1]:
                raw = np.frombuffer(b"".join(b.to_bytes(4 * pins.cols, "little") for b in beats), np.int32)
                self.ap.write(SeenResult(raw.astype(np.int64).reshape(pins.rows, pins.cols), waited))
                beats, waited = [], 0


class Scoreboard(uvm_component):
    """Compares in order; fails when nothing was compared and when anything is left over."""

    def build_phase(self) -> None:
        self.tiles = uvm_tlm_analysis_fifo("tiles", self)
        self.results = uvm_tlm_analysis_fifo("results", self)
        self.model = ConfigDB().get(self, "", "MODEL")
        self.pins: Pins = ConfigDB().get(self, "", "PINS")

    def check_phase(self) -> None:
        expected: list[Tile] = []
        problems: list[str] = []
        while True:
            found, seen = self.tiles.try_get()
            if not found:
                break
            legal = seen.tile.config.legal()
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
            want = self.model(tile.config, tile.rows, tile.cols, width=self.pins.width, depth=self.pins.depth)
            compared += 1
            if not (result.values == want).all():
                problems.append(f"result {compared - 1} differs: {tile}")
        if expected:
            problems.insert(0, f"{len(expected)} results are missing")
        if self.results.can_get():
            problems.insert(0, "results are left over")
        if not compared:
            problems.append("nothing was compared")
        self.logger.info(f"scoreboard: {compared} tiles compared, {len(problems)} problems")
        assert not problems, "scoreboard: " + "; ".join(problems[:5])


CORNER_BINS = ("zero", "positive", "negative", "+127", "-127", "-128", "128", "255")
ERRORS = ("group 0", "group no power of two", "budget 0", "data terms above 9")
SWITCHES = (
    "QT to QT",
    "QT to TR",
    "TR to QT",
    "TR to TR other group",
    "TR to TR other budget",
    "TR to TR other data terms",
    "hese to binary",
    "binary to hese",
    "row signs",
    "column signs",
    "legal to error",
    "error to error",
    "error to legal",
)
BINS = (
    *(f"{side} {corner}" for side in ("row", "column") for corner in CORNER_BINS),
    *(f"group {1 << i}" for i in range(9)),
    *(f"data terms {count}" for count in range(10)),
    *(f"row signed {r} column signed {c}" for r in (False, True) for c in (False, True)),
    *(f"TR {rule}" for rule in ("hese", "binary")),
    "budget 1",
    "budget spent",
    "budget holds every term",
    "budget of exactly all terms",
    "partial group",
    "whole groups",
    "one value",
    "less than a slice",
    "exactly a slice",
    "more than a slice",
    "more than two slices",
    "engine made the source wait",
    *(f"source {kind}" for kind in STALLS),
    *(f"sink {kind}" for kind in STALLS),
    *(f"source {a} with sink {b}" for a in STALLS for b in STALLS),
    *(f"switch {switch}" for switch in SWITCHES),
    *(f"error {error}" for error in ERRORS),
    "error in a tile of one beat",
    "QT ignores illegal fields",
)


class Coverage(uvm_subscriber):
    """Functional coverage: counts named bins. `missed()` is what the stimulus did not reach."""

    def build_phase(self) -> None:
        super().build_phase()
        self.hits: Counter[str] = Counter()
        self.before: SeenTile | None = None
        self.pins: Pins = ConfigDB().get(self, "", "PINS")

    def hit(self, name: str, when: bool = True) -> None:
        assert name in BINS, name
        self.hits[name] += bool(when)

    def missed(self) -> list[str]:
        return [name for name in BINS if not self.hits[name]]

    def write(self, seen: SeenTile) -> None:
        config = seen.tile.config
        self.hit("engine made the source wait", seen.refused > 0)
        if self.before:
            self.switch(self.before, seen)
        self.before = seen
        if seen.error:
            self.hit("error group 0", config.group == 0)
            self.hit("error group no power of two", config.group & (config.group - 1) != 0)
            self.hit("error budget 0", config.budget == 0)
            self.hit("error data terms above 9", config.data_terms > 9)
            self.hit("error in a tile of one beat", seen.tile.length == 1)
            return
        self.operands(seen.tile)
        if config.tr_en:
            self.revealed(seen.tile)
        else:
            legal = TileConfig(True, config.group, config.budget, config.data_terms).legal()
            self.hit("QT ignores illegal fields", not legal)

    def operands(self, tile: Tile) -> None:
        for side, values in (("row", tile.rows), ("column", tile.cols)):
            present = set(values.ravel().tolist())
            self.hit(f"{side} zero", 0 in present)
            self.hit(f"{side} positive", max(present) > 0)
            self.hit(f"{side} negative", min(present) < 0)
            for name in ("+127", "-127", "-128", "128", "255"):
                self.hit(f"{side} {name}", int(name) in present)
        self.hit(f"row signed {tile.config.row_signed} column signed {tile.config.col_signed}")
        length, depth = tile.length, self.pins.depth
        self.hit("one value", length == 1)
        self.hit("less than a slice", length < depth)
        self.hit("exactly a slice", length == depth)
        self.hit("more than a slice", length > depth)
        self.hit("more than two slices", length > 2 * depth)

    def revealed(self, tile: Tile) -> None:
        config = tile.config
        self.hit(f"group {config.group}")
        self.hit(f"data terms {config.data_terms}")
        self.hit(f"TR {config.rule}")
        self.hit("partial group", tile.length % config.group != 0)
        self.hit("whole groups", tile.length % config.group == 0)
        counts = terms.count(tile.rows, config.rule)
        groups = [counts[:, start : start + config.group].sum(axis=1) for start in range(0, tile.length, config.group)]
        largest = max(int(group.max()) for group in groups)
        self.hit("budget 1", config.budget == 1)
        self.hit("budget spent", largest > config.budget)
        self.hit("budget holds every term", largest < config.budget)
        self.hit("budget of exactly all terms", any((group == config.budget).any() for group in groups))

    def switch(self, before: SeenTile, now: SeenTile) -> None:
        a, b = before.tile.config, now.tile.config
        if before.error or now.error:
            names = {(False, True): "legal to error", (True, True): "error to error", (True, False): "error to legal"}
            self.hit(f"switch {names[before.error, now.error]}")
            return
        self.hit("switch QT to QT", not a.tr_en and not b.tr_en)
        self.hit("switch QT to TR", not a.tr_en and b.tr_en)
        self.hit("switch TR to QT", a.tr_en and not b.tr_en)
        both = a.tr_en and b.tr_en
        self.hit("switch TR to TR other group", both and a.group != b.group)
        self.hit("switch TR to TR other budget", both and a.group == b.group and a.budget != b.budget)
        self.hit("switch TR to TR other data terms", both and a.data_terms != b.data_terms)
        self.hit("switch hese to binary", a.hese and not b.hese)
        self.hit("switch binary to hese", b.hese and not a.hese)
        self.hit("switch row signs", a.row_signed != b.row_signed)
        self.hit("switch column signs", a.col_signed != b.col_signed)

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
        self.coverage = Coverage("coverage", self)
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


def default_model(config: TileConfig, rows, cols, *, width: int, depth: int):
    return tile_model(config, rows, cols, width=width, depth=depth)

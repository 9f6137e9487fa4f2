# SPDX-License-Identifier: Apache-2.0
"""Tiles under the tile-engine contract: stimulus, stall patterns, a source and a sink in one clocked loop, checks.

The loop runs at falling edges. Outputs of an engine depend on registers only, so what is seen there is what the next
rising edge transfers. Around the handshakes the bench drives noise: configuration on all beats but the first of a tile,
`in_last` while nothing is valid.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge
from numpy.typing import NDArray

from shiftwork.golden.tr_units import TileConfig
from shiftwork.golden.tr_units import tile as tile_model

STALLS = ("none", "periodic", "random")
LATE = 1500  # cycles after which a late sink wakes up
CORNERS = {True: (-128, -127, -1, 0, 1, 127), False: (0, 1, 127, 128, 170, 255)}


def seed() -> int:
    return int(os.environ["SHW_SEED"])


class Stall:
    """Decides cycle by cycle whether one side of a stream pauses."""

    def __init__(self, kind: str, rng: random.Random) -> None:
        assert kind in (*STALLS, "blocked", "late"), kind
        self.kind, self.rng, self.count = kind, rng, 0
        self.on, self.off = rng.randint(1, 5), rng.randint(1, 5)
        self.probability = rng.choice((0.1, 0.5, 0.9))

    def __call__(self) -> bool:
        self.count += 1
        if self.kind == "periodic":
            return self.count % (self.on + self.off) >= self.on
        if self.kind == "late":
            return self.count < LATE
        return self.kind == "blocked" or (self.kind == "random" and self.rng.random() < self.probability)


@dataclass
class Tile:
    """One reduction: operands (ROWS, K) and (COLS, K), within the range that the configuration's signs name."""

    config: TileConfig
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]

    @property
    def length(self) -> int:
        return int(self.rows.shape[1])

    def __str__(self) -> str:
        return f"K {self.length} {self.config}"


def values(rng: random.Random, shape: tuple[int, int], signed: bool, kind: str) -> NDArray[np.int64]:
    """Operands of one side; kind: uniform, sparse, small, corner, or a number that fills all of them."""
    noise = np.random.default_rng(rng.getrandbits(32))
    low, high = (-128, 128) if signed else (0, 256)
    if kind == "corner":
        return noise.choice(CORNERS[signed], shape)
    if kind == "small":
        low, high = (-4, 5) if signed else (0, 8)
    elif kind not in ("uniform", "sparse"):
        return np.full(shape, int(kind))
    result = noise.integers(low, high, shape)
    if kind == "sparse":
        result[noise.random(shape) < 0.8] = 0
    return result


def random_config(rng: random.Random, terms: Iterable[int] = range(10)) -> TileConfig:
    group = 1 << rng.randrange(9)
    return TileConfig(
        tr_en=rng.random() < 0.7,
        group=group,
        budget=rng.choice((1, max(1, group // 2), group, group + group // 2, 2 * group, 2047)),
        data_terms=rng.choice(list(terms)),
        hese=rng.random() < 0.7,
        row_signed=rng.random() < 0.5,
        col_signed=rng.random() < 0.5,
    )


def illegal_config(rng: random.Random) -> TileConfig:
    """A configuration with exactly one mistake."""
    config = replace(random_config(rng), tr_en=True)
    return rng.choice(
        (
            replace(config, group=0),
            replace(config, group=rng.choice([g for g in range(3, 512) if g & (g - 1)])),
            replace(config, budget=0),
            replace(config, data_terms=rng.randint(10, 15)),
        )
    )


def random_tile(
    rng: random.Random, rows: int, cols: int, config: TileConfig | None = None, length: int | None = None
) -> Tile:
    config = config or random_config(rng)
    if length is None:
        length = rng.choice((1, 2, 7, 8, 9, 27, 64, 100, 144, 255, 256, 257, rng.randint(1, 300)))
    kinds = ("uniform", "uniform", "uniform", "corner", "sparse", "small")
    return Tile(
        config,
        values(rng, (rows, length), config.row_signed, rng.choice(kinds)),
        values(rng, (cols, length), config.col_signed, rng.choice(kinds)),
    )


@dataclass
class Run:
    """What a run of tiles produced.

    results: one (ROWS, COLS) array per tile that gave a result. cycles: from the first beat taken to the last result
    taken, both included.
    """

    results: list[NDArray[np.int64]] = field(default_factory=list)
    cycles: int = 0


class TileBench:
    """Drives one engine. `expected(tile)` gives its result, `legal(config)` whether it accepts a configuration."""

    def __init__(
        self,
        dut,
        expected: Callable[[Tile], NDArray[np.int64]] | None = None,
        legal: Callable[[TileConfig], bool] | None = None,
    ) -> None:
        self.dut = dut
        self.rng = random.Random(seed())
        self.rows, self.cols = int(dut.ROWS.value), int(dut.COLS.value)
        self._expected, self._legal = expected, legal

    def expected(self, tile: Tile) -> NDArray[np.int64]:
        if self._expected:
            return self._expected(tile)
        width, depth = int(self.dut.ACC_W.value), int(self.dut.DEPTH.value)
        return tile_model(tile.config, tile.rows, tile.cols, width=width, depth=depth)

    def legal(self, config: TileConfig) -> bool:
        return self._legal(config) if self._legal else config.legal(bool(int(self.dut.TRUNCATE.value)))

    async def begin(self) -> None:
        """Start the clock, drive every input, reset."""
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        self.configure(TileConfig())
        for name in ("in_valid", "in_last", "in_row", "in_col", "out_ready"):
            getattr(dut, name).value = 0
        await FallingEdge(dut.clk)
        await self.reset()

    async def reset(self, cycles: int = 1) -> None:
        dut = self.dut
        dut.rst.value, dut.in_valid.value, dut.out_ready.value = 1, 0, 0
        for _ in range(cycles):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        assert not int(dut.out_valid.value), "a reset drops results"
        assert not int(dut.cfg_error.value), "a reset clears cfg_error"

    def configure(self, config: TileConfig) -> None:
        dut = self.dut
        dut.cfg_tr_en.value, dut.cfg_group.value = int(config.tr_en), config.group
        dut.cfg_group_budget.value, dut.cfg_data_terms.value = config.budget, config.data_terms
        dut.cfg_encoding.value = int(config.hese)
        dut.cfg_row_signed.value, dut.cfg_col_signed.value = int(config.row_signed), int(config.col_signed)

    def noise(self) -> None:
        """A configuration that must not matter."""
        dut, rng = self.dut, self.rng
        dut.cfg_tr_en.value, dut.cfg_group.value = rng.getrandbits(1), rng.getrandbits(9)
        dut.cfg_group_budget.value, dut.cfg_data_terms.value = rng.getrandbits(11), rng.getrandbits(4)
        dut.cfg_encoding.value = rng.getrandbits(1)
        dut.cfg_row_signed.value, dut.cfg_col_signed.value = rng.getrandbits(1), rng.getrandbits(1)

    def pack(self, operands: NDArray[np.int64]) -> list[int]:
        """One integer per k: value 0 in the low bits."""
        codes = np.ascontiguousarray((operands.T & 255).astype(np.uint8))
        return [int.from_bytes(row.tobytes(), "little") for row in codes]

    def unpack(self, beat: int) -> list[int]:
        words = [(beat >> (32 * c)) & 0xFFFFFFFF for c in range(self.cols)]
        return [w - (1 << 32) if w >> 31 else w for w in words]

    async def run(
        self, tiles: list[Tile], source: str = "none", sink: str = "none", stop: int | None = None, settle: int = 20
    ) -> Run:
        """Stream tiles back to back and collect their results.

        stop: give up after so many cycles (to reset in mid-stream). settle: cycles at the end in which nothing more may
        leave. Checks the handshakes, `out_last`, `cfg_error`; comparing the results is the caller's task.
        """
        dut, rng = self.dut, self.rng
        pause, refuse = Stall(source, rng), Stall(sink, rng)
        wanted = self.rows * sum(self.legal(tile.config) for tile in tiles)
        run = Run()
        beats = [(tile, k) for tile in tiles for k in range(tile.length)]
        position, offered, packed_for = 0, False, None
        rows_packed, cols_packed = [], []
        error = None  # cfg_error expected from now on; None: as it is
        held, received, current = None, 0, []
        cycle, first, idle, quiet = 0, None, 0, 0
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
                    received += 1
                    assert received <= wanted, "more results than tiles"
                    current.append(self.unpack(beat[0]))
                    assert beat[1] == (len(current) == self.rows), "out_last belongs to the last row"
                    if beat[1]:
                        run.results.append(np.array(current))
                        current = []
                        run.cycles = cycle - (first or 0) + 1
            else:
                assert held is None, "a stalled result vanished"
            # Operands.
            if not offered and position < len(beats):
                if pause():
                    dut.in_valid.value, dut.in_last.value = 0, rng.getrandbits(1)
                else:
                    tile, k = beats[position]
                    if k == 0:
                        if packed_for is not tile:
                            packed_for = tile
                            rows_packed, cols_packed = self.pack(tile.rows), self.pack(tile.cols)
                        self.configure(tile.config)
                    elif k == 1:
                        self.noise()
                    dut.in_row.value, dut.in_col.value = rows_packed[k], cols_packed[k]
                    dut.in_last.value, dut.in_valid.value = int(k == tile.length - 1), 1
                    offered = True
            if offered and int(in_ready.value):
                tile, k = beats[position]
                if k == 0:
                    error = int(not self.legal(tile.config))
                    first = cycle if first is None else first
                position += 1
                offered, moved = False, True
            elif not offered and position == len(beats):
                dut.in_valid.value, dut.in_last.value = 0, 1
                self.noise()
                quiet += received == wanted
            idle = 0 if moved else idle + 1
            assert idle < 20000 or sink == "blocked", f"no progress: {received} of {wanted} results"
            if stop is not None and cycle >= stop:
                return run
            await FallingEdge(clk)
        return run

    async def check(self, tiles: list[Tile], source: str = "none", sink: str = "none") -> Run:
        """Run tiles and compare every result with the model."""
        run = await self.run(tiles, source, sink)
        legal = [tile for tile in tiles if self.legal(tile.config)]
        assert len(run.results) == len(legal)
        for n, (tile, result) in enumerate(zip(legal, run.results, strict=True)):
            expected = self.expected(tile)
            if not (result == expected).all():
                row, col = np.argwhere(result != expected)[0]
                raise AssertionError(
                    f"result {n} ({tile}): row {row} column {col} is {result[row, col]}, not {expected[row, col]}"
                )
        return run

# SPDX-License-Identifier: Apache-2.0
"""Sequences of the tile engine: corner tiles, mode switches, illegal tiles, stalls, random tiles."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from engine_env import TileItem
from pyuvm import uvm_sequence

from shiftwork.codes import terms
from shiftwork.golden.tr_units import TileConfig
from tiles import CORNERS, STALLS, Tile, illegal_config, random_config, random_tile

TR = TileConfig(tr_en=True)


class TileSequence(uvm_sequence):
    """Sends the items that `items` yields."""

    def __init__(self, name: str, rng: random.Random, rows: int, cols: int) -> None:
        super().__init__(name)
        self.rng, self.rows, self.cols = rng, rows, cols
        self.sent = 0

    def items(self) -> Iterator[TileItem]:
        raise NotImplementedError

    def tile(self, config: TileConfig, length: int) -> Tile:
        return random_tile(self.rng, self.rows, self.cols, config, length)

    async def body(self) -> None:
        for item in self.items():
            await self.start_item(item)
            await self.finish_item(item)
            self.sent += 1


class CornerSequence(TileSequence):
    """Every corner value on both sides, every group and number of data terms, slice boundaries, exact budgets."""

    def items(self) -> Iterator[TileItem]:
        for row_signed in (False, True):
            for col_signed in (False, True):
                config = TileConfig(row_signed=row_signed, col_signed=col_signed)
                rows, cols = np.meshgrid(CORNERS[row_signed], CORNERS[col_signed])
                rows, cols = np.tile(rows.ravel(), (self.rows, 1)), np.tile(cols.ravel(), (self.cols, 1))
                yield TileItem("corner", Tile(config, rows, cols))
                yield TileItem("corner", Tile(replace(config, tr_en=True, budget=2047), rows, cols))
        for exponent in range(9):
            group = 1 << exponent
            config = TileConfig(True, group, self.rng.choice((1, group, 2047)), hese=bool(exponent & 1))
            yield TileItem("group", self.tile(config, group + self.rng.randrange(1 + group // 8)))
        for count in range(10):
            config = TileConfig(True, 8, 2047, count, hese=bool(count & 1), col_signed=bool(count & 2))
            yield TileItem("data terms", self.tile(config, 9))
        values = np.tile(np.arange(-12, 12), (self.rows, 1))
        exact = int(terms.count(values)[0].sum())
        others = np.tile(np.arange(100, 124), (self.cols, 1))
        for budget in (exact - 1, exact, exact + 1):
            yield TileItem("budget", Tile(TileConfig(True, 32, budget), values, others))
        for length in (1, 255, 256, 257, 513):
            yield TileItem("length", self.tile(TileConfig(tr_en=length == 257, group=64, budget=90), length))


class SwitchSequence(TileSequence):
    """Pairs of neighbours that differ in one field, and QT with fields that would be illegal under TR."""

    def items(self) -> Iterator[TileItem]:
        qt = TileConfig(tr_en=False, group=0, budget=0, data_terms=15)
        walk = [
            qt,
            TR,
            replace(TR, group=16),
            replace(TR, group=2),
            replace(TR, group=2, budget=1),
            replace(TR, group=2, budget=1, data_terms=2),
            replace(TR, hese=False),
            TR,
            replace(TR, row_signed=False),
            replace(TR, row_signed=False, col_signed=False),
            qt,
            replace(qt, hese=False),
        ]
        for config in [*walk, *reversed(walk)]:
            yield TileItem("switch", self.tile(config, self.rng.choice((1, 5, 17))))


class ErrorSequence(TileSequence):
    """Illegal tiles of several lengths between legal ones."""

    def items(self) -> Iterator[TileItem]:
        bad = [replace(TR, group=0), replace(TR, group=12), replace(TR, budget=0), replace(TR, data_terms=10)]
        for config in bad:
            for length in (1, 9):
                yield TileItem("error", self.tile(config, length))
            yield TileItem("error", self.tile(illegal_config(self.rng), 3))
            yield TileItem("legal", self.tile(random_config(self.rng), 6))


class StallSequence(TileSequence):
    """Two tiles under one pair of stall patterns."""

    def __init__(self, name: str, rng: random.Random, rows: int, cols: int, source: str, sink: str) -> None:
        super().__init__(name, rng, rows, cols)
        self.source, self.sink = source, sink

    def items(self) -> Iterator[TileItem]:
        for _ in range(2):
            config = replace(random_config(self.rng), group=8)
            yield TileItem("stall", self.tile(config, 16), self.source, self.sink)


class RandomSequence(TileSequence):
    """Random tiles, some of them illegal, under random stalls."""

    def __init__(self, name: str, rng: random.Random, rows: int, cols: int, amount: int) -> None:
        super().__init__(name, rng, rows, cols)
        self.amount = amount

    def items(self) -> Iterator[TileItem]:
        for _ in range(self.amount):
            config = illegal_config(self.rng) if self.rng.random() < 0.1 else random_config(self.rng)
            tile = self.tile(config, self.rng.choice((1, 8, 30, 60, 64)))
            yield TileItem("random", tile, self.rng.choice(STALLS), self.rng.choice(STALLS))

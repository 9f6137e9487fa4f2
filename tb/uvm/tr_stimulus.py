# SPDX-License-Identifier: Apache-2.0
"""Term-revealing engine: corner tiles, mode switches, illegal tiles, random tiles; the coverage they have to reach."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from engine_env import STALL_BINS, Coverage, SeenTile

from shiftwork.codes import terms
from shiftwork.golden.tr_units import TileConfig
from tiles import Tile
from tr_tiles import CORNERS, TrPins, illegal_config, random_config, random_tile

TR = TileConfig(tr_en=True)


def corners(rng: random.Random, pins: TrPins) -> Iterator[Tile]:
    """Every corner value on both sides, every group and number of data terms, slice boundaries, exact budgets."""
    for row_signed in (False, True):
        for col_signed in (False, True):
            config = TileConfig(row_signed=row_signed, col_signed=col_signed)
            rows, cols = np.meshgrid(CORNERS[row_signed], CORNERS[col_signed])
            rows, cols = np.tile(rows.ravel(), (pins.rows, 1)), np.tile(cols.ravel(), (pins.cols, 1))
            yield Tile(config, rows, cols)
            yield Tile(replace(config, tr_en=True, budget=2047), rows, cols)
    for exponent in range(9):
        group = 1 << exponent
        config = TileConfig(True, group, rng.choice((1, group, 2047)), hese=bool(exponent & 1))
        yield random_tile(rng, pins.rows, pins.cols, config, group + rng.randrange(1 + group // 8))
    for count in range(10):
        config = TileConfig(True, 8, 2047, count, hese=bool(count & 1), col_signed=bool(count & 2))
        yield random_tile(rng, pins.rows, pins.cols, config, 9)
    values = np.tile(np.arange(-12, 12), (pins.rows, 1))
    exact = int(terms.count(values)[0].sum())
    others = np.tile(np.arange(100, 124), (pins.cols, 1))
    for budget in (exact - 1, exact, exact + 1):
        yield Tile(TileConfig(True, 32, budget), values, others)
    for length in (1, 255, 256, 257, 513):
        yield random_tile(rng, pins.rows, pins.cols, TileConfig(tr_en=length == 257, group=64, budget=90), length)


def switches(rng: random.Random, pins: TrPins) -> Iterator[Tile]:
    """Pairs of neighbours that differ in one field, and QT with fields that would be illegal under TR."""
    qt = TileConfig(tr_en=False, group=0, budget=0, data_terms=15)
    walk = [
        qt,
        TR,
        replace(TR, group=16),
        replace(TR, group=2),
        replace(TR, group=2, budget=1),
        replace(TR, group=2, budget=1, data_terms=2),
        replace(TR, hese=False),
        *(replace(TR, slice_shift=shift) for shift in (1, 2, 3)),
        TR,
        replace(TR, row_signed=False),
        replace(TR, row_signed=False, col_signed=False),
        qt,
        replace(qt, hese=False),
    ]
    for config in [*walk, *reversed(walk)]:
        yield random_tile(rng, pins.rows, pins.cols, config, rng.choice((1, 5, 17)))


def errors(rng: random.Random, pins: TrPins) -> Iterator[Tile]:
    """Illegal tiles of several lengths between legal ones."""
    bad = [replace(TR, group=0), replace(TR, group=12), replace(TR, budget=0), replace(TR, data_terms=10)]
    bad.append(replace(TR, group=128, slice_shift=2))
    for config in bad:
        for length in (1, 9):
            yield random_tile(rng, pins.rows, pins.cols, config, length)
        yield random_tile(rng, pins.rows, pins.cols, illegal_config(rng), 3)
        yield random_tile(rng, pins.rows, pins.cols, random_config(rng), 6)


def short_tile(rng: random.Random, pins: TrPins) -> Tile:
    """A legal tile for the stall patterns."""
    return random_tile(rng, pins.rows, pins.cols, replace(random_config(rng), group=8), 16)


def any_tile(rng: random.Random, pins: TrPins) -> Tile:
    """A random tile, one of ten illegal."""
    config = illegal_config(rng) if rng.random() < 0.1 else random_config(rng)
    return random_tile(rng, pins.rows, pins.cols, config, rng.choice((1, 8, 30, 60, 64)))


CORNER_BINS = ("zero", "positive", "negative", "+127", "-127", "-128", "128", "255")
ERRORS = ("group 0", "group no power of two", "budget 0", "data terms above 9", "group longer than a slice")
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
    *STALL_BINS,
    *(f"{side} {corner}" for side in ("row", "column") for corner in CORNER_BINS),
    *(f"group {1 << i}" for i in range(9)),
    *(f"data terms {count}" for count in range(10)),
    *(f"slice shift {shift}" for shift in range(4)),
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
    *(f"switch {switch}" for switch in SWITCHES),
    *(f"error {error}" for error in ERRORS),
    "error in a tile of one beat",
    "QT ignores illegal fields",
)


class TrCoverage(Coverage):
    """Values, groups and budgets, lengths, changes from tile to tile, illegal configurations."""

    BINS = BINS
    pins: TrPins

    def tile(self, before: SeenTile | None, seen: SeenTile) -> None:
        config = seen.tile.config
        if before:
            self.switch(before, seen)
        if seen.error:
            self.hit("error group 0", config.group == 0)
            self.hit("error group no power of two", config.group & (config.group - 1) != 0)
            self.hit("error budget 0", config.budget == 0)
            self.hit("error data terms above 9", config.data_terms > 9)
            self.hit("error group longer than a slice", config.group > self.pins.depth >> config.slice_shift)
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
        self.hit(f"slice shift {tile.config.slice_shift}")
        length, depth = tile.length, self.pins.depth >> tile.config.slice_shift
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

# SPDX-License-Identifier: Apache-2.0
"""Mix and Match engine: every code, extremes, changes of kinds and signs, lengths; the coverage they have to reach."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import numpy as np
from engine_env import STALL_BINS, Coverage, SeenResult, SeenTile

from msq_tiles import COL_EXTREMES, ROW_EXTREMES, MsqConfig, MsqPins, random_tile
from tiles import Tile

UNITS = ("multiplier", "shift-add")
KINDS = {False: "fixed", True: "SP2"}
SIGNS = {False: "0..15", True: "-8..7"}
MANY = 20
"""Beats of a long tile."""


def codes(rng: random.Random, pins: MsqPins) -> Iterator[Tile]:
    """Every code of every unit, kind and sign."""
    everyone = (1 << pins.rows) - 1
    for kinds, col_signed in itertools.product((0, everyone), (False, True)):
        length = -(-16 // pins.lanes) * pins.lanes
        rows = np.stack([(np.arange(length) + row) % 16 for row in range(pins.rows)])
        cols = np.stack([(3 * np.arange(length) + col) % 16 for col in range(pins.cols)])
        yield Tile(MsqConfig(kinds, col_signed), rows, cols)


def extremes(rng: random.Random, pins: MsqPins) -> Iterator[Tile]:
    """The largest and the smallest weights and column values, and zeros, against each other throughout a tile."""
    everyone = (1 << pins.rows) - 1
    for kind, col_signed in itertools.product((False, True), (False, True)):
        for row, col in itertools.product((*ROW_EXTREMES[kind], 0), (*COL_EXTREMES[col_signed], 0)):
            shape = rng.choice((1, 3)) * pins.lanes
            rows, cols = np.full((pins.rows, shape), row), np.full((pins.cols, shape), col)
            yield Tile(MsqConfig(everyone * kind, col_signed), rows, cols)


def switches(rng: random.Random, pins: MsqPins) -> Iterator[Tile]:
    """Neighbours that differ in the kind of one row, of all rows, in the columns' sign and in nothing."""
    everyone = (1 << pins.rows) - 1
    one = [MsqConfig(1 << row, True) for row in range(pins.rows)]
    both = [MsqConfig(everyone * kind, sign) for kind, sign in ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0))]
    for config in [*one, *both, both[0], *(MsqConfig(everyone ^ (1 << row)) for row in range(pins.rows))]:
        yield random_tile(rng, pins, config, rng.choice((1, 2, 5)) * pins.lanes)


def lengths(rng: random.Random, pins: MsqPins) -> Iterator[Tile]:
    """One beat, as many as rows, one more, many; a tile that ends within a beat."""
    for beats in (1, 1, 2, pins.rows, pins.rows + 1, pins.rows + 2, MANY, 1, 1, 1):
        yield random_tile(rng, pins, length=beats * pins.lanes)
    yield random_tile(rng, pins, length=pins.lanes + 1)


LENGTHS = ("one beat", "fewer beats than rows", "as many beats as rows", "one beat more than rows", "many beats")
SWITCHES = ("one row's kind", "every row's kind", "columns to -8..7", "columns to 0..15", "nothing")
BLOCKS = ("fixed, fixed", "fixed, SP2", "SP2, fixed", "SP2, SP2")
BINS = (
    *STALL_BINS,
    *(f"{unit} {kind} code {code}" for unit in UNITS for kind in KINDS.values() for code in range(16)),
    *(f"columns {sign} code {code}" for sign in SIGNS.values() for code in range(16)),
    *(f"{unit} {kind} columns {sign}" for unit in UNITS for kind in KINDS.values() for sign in SIGNS.values()),
    *(f"multipliers shared by {block}" for block in BLOCKS),
    *(
        f"{unit} {kind} columns {sign} {extreme}"
        for unit in UNITS
        for kind in KINDS.values()
        for sign in SIGNS.values()
        for extreme in ("largest sum", "smallest sum", "zero weights", "zero columns")
    ),
    *LENGTHS,
    *(f"switch {switch}" for switch in SWITCHES),
    "back to back",
    "one beat back to back with one beat",
    "back to back in other kinds and another sign",
    "pause before a tile",
    "waits for rows that leave",
    "waits for rows that wait for the sink",
    "first row waits",
    "last row waits",
    "every row waits",
)


class MsqCoverage(Coverage):
    """Codes, kinds, units and signs, extremes of sums, lengths, changes from tile to tile, drains that wait."""

    BINS = BINS
    pins: MsqPins

    def tile(self, before: SeenTile | None, seen: SeenTile) -> None:
        self.operands(seen.tile)
        beats, rows = seen.tile.length // self.pins.lanes, self.pins.rows
        self.hit("one beat", beats == 1)
        self.hit("fewer beats than rows", beats < rows)
        self.hit("as many beats as rows", beats == rows)
        self.hit("one beat more than rows", beats == rows + 1)
        self.hit("many beats", beats >= MANY)
        self.hit("waits for rows that leave", seen.refused > seen.blocked)
        self.hit("waits for rows that wait for the sink", seen.blocked > 0)
        if before:
            self.follows(before, seen)

    def operands(self, tile: Tile) -> None:
        pins, config, sums = self.pins, tile.config, self.pins.expected(tile)
        sign = SIGNS[config.col_signed]
        for code in np.unique(tile.cols):
            self.hit(f"columns {sign} code {code}")
        for row in range(pins.rows):
            kind = KINDS[config.sp2(row)]
            name = f"{pins.unit(row)} {kind}"
            for code in np.unique(tile.rows[row]):
                self.hit(f"{name} code {code}")
            name = f"{name} columns {sign}"
            self.hit(name)
            largest = (8 if config.sp2(row) else 7) * (8 if config.col_signed else 15) * tile.length
            self.hit(f"{name} largest sum", bool((sums[row] == largest).all()))
            self.hit(f"{name} smallest sum", bool((sums[row] == -largest).all()))
            self.hit(f"{name} zero weights", not tile.rows[row].any())
            self.hit(f"{name} zero columns", not tile.cols.any() and bool(tile.rows[row].all()))
        if pins.products == 4:
            for row in range(0, pins.fixed_rows, 2):
                block = ", ".join(KINDS[config.sp2(r)] for r in (row, row + 1))
                self.hit(f"multipliers shared by {block}")

    def follows(self, before: SeenTile, now: SeenTile) -> None:
        a, b = before.tile.config, now.tile.config
        changed = (a.row_sp2 ^ b.row_sp2).bit_count()
        self.hit("switch one row's kind", changed == 1)
        self.hit("switch every row's kind", changed == self.pins.rows)
        self.hit("switch columns to -8..7", b.col_signed and not a.col_signed)
        self.hit("switch columns to 0..15", a.col_signed and not b.col_signed)
        self.hit("switch nothing", a == b)
        self.hit("back to back", now.gap == 0)
        lengths = before.tile.length, now.tile.length
        self.hit("one beat back to back with one beat", now.gap == 0 and max(lengths) == self.pins.lanes)
        other = a.row_sp2 != b.row_sp2 and a.col_signed != b.col_signed
        self.hit("back to back in other kinds and another sign", now.gap == 0 and other)
        self.hit("pause before a tile", now.gap > 0)

    def result(self, seen: SeenResult) -> None:
        self.hit("first row waits", seen.waits[0] > 0)
        self.hit("last row waits", seen.waits[-1] > 0)
        self.hit("every row waits", all(seen.waits))

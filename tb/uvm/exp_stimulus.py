# SPDX-License-Identifier: Apache-2.0
"""Engine of exponential codes: codes, classes, slices, changes between tiles, errors; the coverage they reach."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from engine_env import STALL_BINS, Coverage, SeenResult, SeenTile

from exp_tiles import KINDS, ExpPins, illegal_config, random_config, random_tile
from shiftwork.compile.exp_cycles import class_counts
from shiftwork.golden.class_sums import ExpConfig, row_classes
from tiles import Tile


def codes(rng: random.Random, pins: ExpPins) -> Iterator[Tile]:
    """Every port code on both sides, at every exponent width, with row signs and without."""
    count = 2 << pins.bits
    for n, row_signed in itertools.product(range(3, pins.bits + 1), (False, True)):
        rows = np.stack([(np.arange(count) + row) % count for row in range(pins.rows)])
        cols = np.stack([(3 * np.arange(count) + col) % count for col in range(pins.cols)])
        yield Tile(ExpConfig(n, row_signed, pins.depth), rows, cols)


def classes(rng: random.Random, pins: ExpPins) -> Iterator[Tile]:
    """One class that fills a slice; one value of a class; every class; rows, lines and whole tiles without values."""
    config, zero = ExpConfig(pins.bits, True, pins.depth), 1 << (pins.bits - 1)
    yield random_tile(rng, pins, config, pins.depth, "one")
    yield random_tile(rng, pins, config, 1, "layer")
    yield random_tile(rng, pins, config, 8 << pins.bits, "layer")
    for empty in ([0], [pins.rows - 1], range(0, pins.rows, pins.rows // pins.fold), range(pins.rows)):
        tile = random_tile(rng, pins, config, 20, "layer")
        tile.rows[list(empty)] = zero
        yield tile
        yield random_tile(rng, pins, config, 10, "layer")


def slices(rng: random.Random, pins: ExpPins) -> Iterator[Tile]:
    """Slices of one value, of a few and of DEPTH; tiles that fill them, end before and end after."""
    for slice_length in (1, 5, pins.depth):
        config = ExpConfig(pins.bits, bool(slice_length & 1), slice_length)
        for length in (1, slice_length - 1, slice_length, slice_length + 1, 2 * slice_length + 1):
            yield random_tile(rng, pins, config, max(length, 1))


def switches(rng: random.Random, pins: ExpPins) -> Iterator[Tile]:
    """Neighbours that differ in one field or in none."""
    wide = ExpConfig(pins.bits, True, pins.depth)
    narrow = replace(wide, exponent_bits=3)
    unsigned = replace(narrow, row_signed=False)
    walk = [wide, narrow, unsigned, replace(unsigned, slice_length=7), replace(unsigned, exponent_bits=pins.bits), wide]
    for config in [*walk, *reversed(walk)]:
        yield random_tile(rng, pins, config, rng.choice((1, 9, 20)))


def errors(rng: random.Random, pins: ExpPins) -> Iterator[Tile]:
    """Illegal tiles of several lengths between legal ones."""
    good = ExpConfig(3, True, pins.depth)
    numbers = [replace(good, exponent_bits=n) for n in (2, pins.bits + 1)]
    for config in [*numbers, *(replace(good, slice_length=n) for n in (0, pins.depth + 1))]:
        for length in (1, 9):
            yield random_tile(rng, pins, config, length)
        yield short_tile(rng, pins)


def short_tile(rng: random.Random, pins: ExpPins) -> Tile:
    """A legal tile for the stall patterns."""
    return random_tile(rng, pins, random_config(rng, pins.bits, pins.depth), 16)


def any_tile(rng: random.Random, pins: ExpPins) -> Tile:
    """A random tile, one of ten illegal."""
    make = illegal_config if rng.random() < 0.1 else random_config
    return random_tile(rng, pins, make(rng, pins.bits, pins.depth), rng.choice((1, 8, 30, 60, 64)), rng.choice(KINDS))


SIGNS = {False: "unsigned", True: "signed"}
CLASSES = (
    "a slice of one class",
    "a class of one value",
    "a class of DEPTH values",
    "every class in a slice",
    "negative classes",
    "a row without values",
    "a row without values after one with some",
    "a tile without values",
)
LENGTHS = ("one value", "less than a slice", "exactly a slice", "more than a slice", "more than two slices")
SLICES = ("slices of one value", "slices of some values", "slices of DEPTH values")
SWITCHES = (
    "fewer exponent bits",
    "more exponent bits",
    "row signs off",
    "row signs on",
    "slice length",
    "nothing",
    "legal to error",
    "error to error",
    "error to legal",
)
ERRORS = ("exponent bits below 3", "exponent bits above BITS", "slice of nothing", "slice above DEPTH")
WAITS = (
    "waits for slices that are walked",
    "back to back",
    "pause before a tile",
    "first row waits",
    "last row waits",
    "every row waits",
)


class ExpCoverage(Coverage):
    """Codes, classes, slices, changes from tile to tile, illegal configurations, results that wait."""

    pins: ExpPins

    def build_phase(self) -> None:
        super().build_phase()
        ports, widths = range(2 << self.pins.bits), range(3, self.pins.bits + 1)
        self.BINS = (
            *STALL_BINS,
            *(f"row code {code}, {sign}" for code in ports for sign in SIGNS.values()),
            *(f"column code {code}" for code in ports),
            *(f"{n} exponent bits, rows {sign}" for n in widths for sign in SIGNS.values()),
            *(f"row code beyond {n} bits" for n in widths if n < self.pins.bits),
            *CLASSES,
            *LENGTHS,
            *SLICES,
            *(f"switch {switch}" for switch in SWITCHES),
            *(f"error {error}" for error in ERRORS),
            "error in a tile of one beat",
            *WAITS,
        )

    def tile(self, before: SeenTile | None, seen: SeenTile) -> None:
        self.hit("waits for slices that are walked", seen.refused > seen.blocked)
        if before:
            self.follows(before, seen)
        if seen.error:
            self.error(seen.tile)
        else:
            self.operands(seen.tile)
            self.classes(seen.tile)
            self.slices(seen.tile)

    def error(self, tile: Tile) -> None:
        config = tile.config
        self.hit("error exponent bits below 3", config.exponent_bits < 3)
        self.hit("error exponent bits above BITS", config.exponent_bits > self.pins.bits)
        self.hit("error slice of nothing", config.slice_length == 0)
        self.hit("error slice above DEPTH", config.slice_length > self.pins.depth)
        self.hit("error in a tile of one beat", tile.length == 1)

    def operands(self, tile: Tile) -> None:
        config, zero = tile.config, 1 << (self.pins.bits - 1)
        sign = SIGNS[config.row_signed]
        for code in np.unique(tile.rows):
            self.hit(f"row code {code}, {sign}")
        for code in np.unique(tile.cols):
            self.hit(f"column code {code}")
        self.hit(f"{config.exponent_bits} exponent bits, rows {sign}")
        if config.exponent_bits < self.pins.bits:
            signs, _ = row_classes(tile.rows, config, self.pins.bits)
            beyond = (signs == 0) & (tile.rows & (2 * zero - 1) != zero)
            self.hit(f"row code beyond {config.exponent_bits} bits", bool(beyond.any()))

    def classes(self, tile: Tile) -> None:
        config = tile.config
        signs, exponents = row_classes(tile.rows, config, self.pins.bits)
        counts = class_counts(signs, exponents, config)
        kinds, values = np.count_nonzero(counts, axis=-1), counts.sum(axis=-1)
        self.hit("a slice of one class", bool((kinds == 1).any()))
        self.hit("a class of one value", bool((counts == 1).any()))
        self.hit("a class of DEPTH values", bool((counts == self.pins.depth).any()))
        self.hit("every class in a slice", bool((kinds == counts.shape[-1]).any()))
        self.hit("negative classes", bool((signs < 0).any()))
        self.hit("a row without values", bool((values == 0).any()))
        lines = values.reshape(len(values), self.pins.fold, -1)
        self.hit("a row without values after one with some", bool(((lines[:, 1:] == 0) & (lines[:, :-1] > 0)).any()))
        self.hit("a tile without values", not values.any())

    def slices(self, tile: Tile) -> None:
        length, of = tile.length, tile.config.slice_length
        self.hit("one value", length == 1)
        self.hit("less than a slice", length < of)
        self.hit("exactly a slice", length == of)
        self.hit("more than a slice", length > of)
        self.hit("more than two slices", length > 2 * of)
        self.hit("slices of one value", of == 1)
        self.hit("slices of some values", 1 < of < self.pins.depth)
        self.hit("slices of DEPTH values", of == self.pins.depth)

    def follows(self, before: SeenTile, now: SeenTile) -> None:
        a, b = before.tile.config, now.tile.config
        self.hit("back to back", now.gap == 0)
        self.hit("pause before a tile", now.gap > 0)
        if before.error or now.error:
            names = {(False, True): "legal to error", (True, True): "error to error", (True, False): "error to legal"}
            self.hit(f"switch {names[before.error, now.error]}")
            return
        self.hit("switch fewer exponent bits", b.exponent_bits < a.exponent_bits)
        self.hit("switch more exponent bits", b.exponent_bits > a.exponent_bits)
        self.hit("switch row signs off", a.row_signed and not b.row_signed)
        self.hit("switch row signs on", b.row_signed and not a.row_signed)
        self.hit("switch slice length", a.slice_length != b.slice_length)
        self.hit("switch nothing", a == b)

    def result(self, seen: SeenResult) -> None:
        self.hit("first row waits", seen.waits[0] > 0)
        self.hit("last row waits", seen.waits[-1] > 0)
        self.hit("every row waits", all(seen.waits))

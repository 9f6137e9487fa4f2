# SPDX-License-Identifier: Apache-2.0
"""Tiles of engines of exponential codes, one reduction step a beat; random ones, legal and illegal; their tables."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from cocotb.triggers import FallingEdge
from numpy.typing import NDArray

from shiftwork.codes.exponential import ACTIVATION_BITS, WEIGHT_BITS, radius
from shiftwork.golden import class_sums
from shiftwork.golden.class_sums import ExpConfig, ExpTables
from tiles import Beat, Pins, Tile, until


class CodePins(Pins):
    """Operands of a tile are codes of BITS + 1 bits, one per operand and beat; results have 48 bits; a table port."""

    bits: int

    def beats(self, tile: Tile) -> list[Beat]:
        return list(zip(self._packed(tile.rows), self._packed(tile.cols), strict=True))

    def tile(self, config: Any, beats: Sequence[Beat]) -> Tile:
        rows, cols = zip(*beats, strict=True)
        return Tile(config, self._unpacked(rows, self.rows), self._unpacked(cols, self.cols))

    def result(self, beats: Sequence[int]) -> NDArray[np.int64]:
        numbers = [[beat >> (48 * c) & ((1 << 48) - 1) for c in range(self.cols)] for beat in beats]
        return ((np.array(numbers, np.int64) + (1 << 47)) & ((1 << 48) - 1)) - (1 << 47)

    def idle(self) -> None:
        super().idle()
        for name in ("table_valid", "table_select", "table_address", "table_data"):
            getattr(self.dut, name).value = 0

    async def write(self, words: list[tuple[int, int, int]]) -> int:
        """Write words (select, address, data) of the tables, in random order; returns the cycles that they waited."""
        dut = self.dut
        random.Random(len(words)).shuffle(words)
        waits = 0
        for select, address, word in words:
            dut.table_valid.value, dut.table_select.value = 1, select
            dut.table_address.value, dut.table_data.value = address, word & 0x1FFFF
            waits += await until(dut.clk, dut.table_ready)
            await FallingEdge(dut.clk)
        dut.table_valid.value = 0
        return waits

    def _packed(self, codes: NDArray[np.int64]) -> list[int]:
        width = self.bits + 1
        return [sum(int(code) << (width * n) for n, code in enumerate(beat)) for beat in codes.T]

    def _unpacked(self, beats: Sequence[int], count: int) -> NDArray[np.int64]:
        width = self.bits + 1
        return np.array([[beat >> (width * n) & ((1 << width) - 1) for beat in beats] for n in range(count)], np.int64)


class ExpPins(CodePins):
    """Operands of a tile are codes of the ports; `tables` is what the engine holds."""

    CONFIG = ("cfg_exponent_bits", "cfg_row_signed", "cfg_slice_length")

    def __init__(self, dut) -> None:
        super().__init__(dut, int(dut.ROWS.value))
        self.bits, self.depth, self.fold = (int(getattr(dut, name).value) for name in ("BITS", "DEPTH", "FOLD"))
        self.tables = ExpTables(np.zeros(1 << self.bits, np.int64), np.zeros(2 << self.bits, np.int64))

    def to_ports(self, config: ExpConfig) -> Sequence[int]:
        return config.exponent_bits, int(config.row_signed), config.slice_length

    def from_ports(self, values: Sequence[int]) -> ExpConfig:
        return ExpConfig(values[0], bool(values[1]), values[2])

    def legal(self, config: ExpConfig) -> bool:
        return config.legal(self.bits, self.depth)

    def expected(self, tile: Tile) -> NDArray[np.int64]:
        return class_sums.tile(tile.rows, tile.cols, tile.config, self.tables)

    async def load(self, tables: ExpTables) -> int:
        """Write both tables, in random order; returns the cycles in which a write had to wait."""
        words = [(0, n, int(v)) for n, v in enumerate(tables.levels)] + [
            (1, n, int(v)) for n, v in enumerate(tables.values)
        ]
        self.tables = tables
        return await self.write(words)


def random_tables(rng: random.Random, bits: int, kind: str = "random") -> ExpTables:
    """Tables over all exponents; kind: random, or extreme: the largest magnitudes."""
    noise, r = np.random.default_rng(rng.getrandbits(32)), radius(bits)
    top_a, top_w = (1 << ACTIVATION_BITS) - 1, (1 << WEIGHT_BITS) - 1
    if kind == "extreme":
        return class_sums.tables([top_a] * (2 * r + 1), [top_w] * (2 * r + 1), bits)
    levels = noise.integers(-top_a, top_a + 1, 2 * r + 1)
    return class_sums.tables(levels, noise.integers(-top_w, top_w + 1, 2 * r + 1), bits)


def codes(rng: random.Random, shape: tuple[int, int], bits: int, kind: str, n: int) -> NDArray[np.int64]:
    """Codes of one side.

    kind: uniform (all codes of the port), layer (those of n exponent bits), sparse (most of them zero), relu (as after
    ReLU: half of them zero, no sign, small exponents more often), one (a single code for all), short (few classes).
    """
    noise = np.random.default_rng(rng.getrandbits(32))
    zero, r = 1 << (bits - 1), radius(n)
    exponents = noise.integers(-r, r + 1, shape)
    negative = noise.integers(0, 2, shape)
    if kind == "uniform":
        return noise.integers(0, 2 << bits, shape)
    if kind == "relu":
        exponents, negative = np.minimum(noise.geometric(0.3, shape) - 1 - r, r), np.zeros(shape, np.int64)
    elif kind == "one":
        exponents, negative = np.full(shape, rng.randint(-r, r)), np.full(shape, rng.getrandbits(1))
    elif kind == "short":
        exponents = noise.integers(-r, -r + 2, shape)
    result = (exponents & (2 * zero - 1)) | negative << bits
    share = {"sparse": 0.85, "relu": 0.5}.get(kind, 0.0)
    result[noise.random(shape) < share] = zero
    return result


KINDS = ("uniform", "layer", "sparse", "relu", "one", "short")


def random_config(rng: random.Random, bits: int, depth: int) -> ExpConfig:
    return ExpConfig(rng.randint(3, bits), rng.random() < 0.5, rng.choice((depth, depth, rng.randint(1, depth))))


def illegal_config(rng: random.Random, bits: int, depth: int) -> ExpConfig:
    """A configuration with exactly one mistake."""
    config = random_config(rng, bits, depth)
    if rng.random() < 0.5:
        return replace(config, exponent_bits=rng.choice([n for n in range(8) if not 3 <= n <= bits]))
    return replace(config, slice_length=rng.choice((0, rng.randint(depth + 1, 1023))))


def random_tile(
    rng: random.Random,
    pins: ExpPins,
    config: ExpConfig | None = None,
    length: int | None = None,
    kind: str | None = None,
) -> Tile:
    config = config or random_config(rng, pins.bits, pins.depth)
    if length is None:
        length = rng.choice((1, 2, 3, 7, 16, 27, 64, 100, 144, 255, 256, 257, rng.randint(1, 300)))
    n = config.exponent_bits if 3 <= config.exponent_bits <= pins.bits else 3
    rows = codes(rng, (pins.rows, length), pins.bits, kind or rng.choice(KINDS), n)
    return Tile(config, rows, codes(rng, (pins.cols, length), pins.bits, rng.choice(KINDS), pins.bits))

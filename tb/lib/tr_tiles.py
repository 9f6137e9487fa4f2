# SPDX-License-Identifier: Apache-2.0
"""Tiles of `shw_tr_engine`: 8-bit values, one reduction step a beat; random ones, configurations legal and illegal."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.golden.tr_units import TileConfig
from shiftwork.golden.tr_units import tile as tile_model
from tiles import Beat, Pins, Tile

CORNERS = {True: (-128, -127, -1, 0, 1, 127), False: (0, 1, 127, 128, 170, 255)}


class TrPins(Pins):
    """Operands of a tile are values, within the range that the configuration's signs name."""

    CONFIG = (
        "cfg_tr_en",
        "cfg_group",
        "cfg_group_budget",
        "cfg_data_terms",
        "cfg_slice_shift",
        "cfg_encoding",
        "cfg_row_signed",
        "cfg_col_signed",
    )

    def __init__(self, dut) -> None:
        super().__init__(dut, int(dut.ROWS.value))
        self.depth, self.width = int(dut.DEPTH.value), int(dut.ACC_W.value)
        self.truncate = bool(int(dut.TRUNCATE.value))

    def to_ports(self, config: TileConfig) -> Sequence[int]:
        numbers = config.group, config.budget, config.data_terms, config.slice_shift
        return (int(config.tr_en), *numbers, int(config.hese), int(config.row_signed), int(config.col_signed))

    def from_ports(self, values: Sequence[int]) -> TileConfig:
        tr_en, group, budget, data_terms, shift, *switches = values
        return TileConfig(bool(tr_en), group, budget, data_terms, *map(bool, switches), slice_shift=shift)

    def beats(self, tile: Tile) -> list[Beat]:
        return list(zip(pack(tile.rows), pack(tile.cols), strict=True))

    def tile(self, config: TileConfig, beats: Sequence[Beat]) -> Tile:
        rows = unpack([row for row, _ in beats], self.rows, config.row_signed)
        return Tile(config, rows, unpack([col for _, col in beats], self.cols, config.col_signed))

    def legal(self, config: TileConfig) -> bool:
        return config.legal(self.truncate, self.depth)

    def expected(self, tile: Tile) -> NDArray[np.int64]:
        return tile_model(tile.config, tile.rows, tile.cols, width=self.width, depth=self.depth)


def pack(operands: NDArray[np.int64]) -> list[int]:
    """One integer per k: value 0 in the low bits."""
    codes = np.ascontiguousarray((operands.T & 255).astype(np.uint8))
    return [int.from_bytes(row.tobytes(), "little") for row in codes]


def unpack(packed: list[int], count: int, signed: bool) -> NDArray[np.int64]:
    """Values (count, K) of one side from its beats."""
    raw = np.frombuffer(b"".join(word.to_bytes(count, "little") for word in packed), np.uint8)
    return raw.astype(np.int8 if signed else np.uint8).astype(np.int64).reshape(len(packed), count).T


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


def random_config(rng: random.Random, terms: Iterable[int] = range(10), depth: int = 256) -> TileConfig:
    """A legal configuration. terms: data terms to choose from. depth: places of the longest slice."""
    shift = rng.randrange(min(4, depth.bit_length() - 5)) if rng.random() < 0.5 else 0
    group = 1 << rng.randrange(min(depth >> shift, 256).bit_length())
    return TileConfig(
        slice_shift=shift,
        tr_en=rng.random() < 0.7,
        group=group,
        budget=rng.choice((1, max(1, group // 2), group, group + group // 2, 2 * group, 2047)),
        data_terms=rng.choice(list(terms)),
        hese=rng.random() < 0.7,
        row_signed=rng.random() < 0.5,
        col_signed=rng.random() < 0.5,
    )


def illegal_config(rng: random.Random) -> TileConfig:
    """A configuration with exactly one mistake of those that count with term revealing alone."""
    config = replace(random_config(rng), tr_en=True, slice_shift=0)
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

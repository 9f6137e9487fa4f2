# SPDX-License-Identifier: Apache-2.0
"""Tiles of `shw_mac_engine`: 8-bit values of either sign, one reduction step a beat."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftwork.golden import mac_units
from tiles import Beat, Pins, Tile
from tr_tiles import pack, unpack, values


@dataclass(frozen=True)
class MacConfig:
    """Run-time configuration of a tile."""

    row_signed: bool = True
    col_signed: bool = False


class MacPins(Pins):
    """Operands of a tile are values, within the range that the configuration's signs name."""

    CONFIG = ("cfg_row_signed", "cfg_col_signed")
    LOW = ("out_valid", "cfg_error")

    def __init__(self, dut) -> None:
        super().__init__(dut, int(dut.ROWS.value))
        self.width = int(dut.ACC_W.value)

    def to_ports(self, config: MacConfig) -> Sequence[int]:
        return int(config.row_signed), int(config.col_signed)

    def from_ports(self, values: Sequence[int]) -> MacConfig:
        return MacConfig(*map(bool, values))

    def beats(self, tile: Tile) -> list[Beat]:
        return list(zip(pack(tile.rows), pack(tile.cols), strict=True))

    def tile(self, config: MacConfig, beats: Sequence[Beat]) -> Tile:
        rows = unpack([row for row, _ in beats], self.rows, config.row_signed)
        return Tile(config, rows, unpack([col for _, col in beats], self.cols, config.col_signed))

    def legal(self, config: MacConfig) -> bool:
        return True

    def expected(self, tile: Tile) -> NDArray[np.int64]:
        return mac_units.tile(tile.rows, tile.cols, self.width)


def random_config(rng: random.Random) -> MacConfig:
    return MacConfig(rng.random() < 0.5, rng.random() < 0.5)


def random_tile(rng: random.Random, pins: MacPins, config: MacConfig | None = None, length: int | None = None) -> Tile:
    """A tile of any configuration; its length is around the number of rows, or any."""
    config = config or random_config(rng)
    if length is None:
        length = rng.choice((1, 1, 2, 3, pins.rows, pins.rows + 1, pins.rows + 8, rng.randint(1, 60)))
    kinds = ("uniform", "uniform", "uniform", "corner", "corner", "sparse", "small")
    rows = values(rng, (pins.rows, length), config.row_signed, rng.choice(kinds))
    return Tile(config, rows, values(rng, (pins.cols, length), config.col_signed, rng.choice(kinds)))

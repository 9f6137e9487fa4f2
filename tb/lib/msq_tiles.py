# SPDX-License-Identifier: Apache-2.0
"""Tiles of `shw_msq_engine`: 4-bit codes, LANES reduction steps a beat, fixed and SP2 rows; random ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftwork.golden import msq_units
from tiles import Beat, Pins, Tile

ROW_EXTREMES = {False: (7, 9), True: (7, 15)}
"""Codes of the largest and the smallest weight: +-7 of a fixed row, +-8 of an SP2 row."""
COL_EXTREMES = {False: (15, 0), True: (7, 8)}
"""Codes of the largest and the smallest column value: 15 and 0, signed 7 and -8."""
NEGATIVE_ZERO = 8
"""Row code that the tools never write: -8 in a fixed row, 0 in an SP2 row."""


@dataclass(frozen=True)
class MsqConfig:
    """Run-time configuration of a tile: bit r of `row_sp2` is set where the codes of row r are SP2."""

    row_sp2: int = 0
    col_signed: bool = False

    def sp2(self, row: int) -> bool:
        return bool(self.row_sp2 >> row & 1)


class MsqPins(Pins):
    """Operands of a tile are codes, 0..15. `units` has one name per row, `kinds` the kind of codes of each."""

    CONFIG = ("cfg_row_sp2", "cfg_col_signed")
    LOW = ("out_valid", "cfg_error")

    def __init__(self, dut) -> None:
        self.fixed_rows, self.lanes = int(dut.FIXED_ROWS.value), int(dut.LANES.value)
        super().__init__(dut, self.fixed_rows + int(dut.SP2_ROWS.value))
        self.width, self.products = int(dut.ACC_W.value), int(dut.PRODUCTS.value)

    def to_ports(self, config: MsqConfig) -> Sequence[int]:
        return config.row_sp2, int(config.col_signed)

    def from_ports(self, values: Sequence[int]) -> MsqConfig:
        return MsqConfig(values[0], bool(values[1]))

    def beats(self, tile: Tile) -> list[Beat]:
        return list(zip(pack(tile.rows, self.lanes), pack(tile.cols, self.lanes), strict=True))

    def tile(self, config: MsqConfig, beats: Sequence[Beat]) -> Tile:
        rows = unpack([row for row, _ in beats], self.rows, self.lanes)
        return Tile(config, rows, unpack([col for _, col in beats], self.cols, self.lanes))

    def legal(self, config: MsqConfig) -> bool:
        return True

    def expected(self, tile: Tile) -> NDArray[np.int64]:
        kinds = [tile.config.sp2(row) for row in range(self.rows)]
        return msq_units.tile(tile.rows, kinds, tile.cols, tile.config.col_signed, self.width)

    def unit(self, row: int) -> str:
        return "multiplier" if row < self.fixed_rows else "shift-add"


def pack(codes: NDArray[np.int64], lanes: int) -> list[int]:
    """One integer per beat of the codes (N, K), filled up with zero codes: lane fastest, operand 0 in the low bits."""
    count, length = codes.shape
    filled = np.zeros((count, -(-length // lanes) * lanes), np.uint8)
    filled[:, :length] = codes
    of_beat = filled.reshape(count, -1, lanes).swapaxes(0, 1).reshape(-1, count * lanes)
    both = np.ascontiguousarray(of_beat[:, ::2] | of_beat[:, 1::2] << 4)
    return [int.from_bytes(row.tobytes(), "little") for row in both]


def unpack(packed: list[int], count: int, lanes: int) -> NDArray[np.int64]:
    """The codes (count, K) of beats."""
    both = np.frombuffer(b"".join(beat.to_bytes(count * lanes // 2, "little") for beat in packed), np.uint8)
    codes = np.stack([both & 15, both >> 4], axis=-1).reshape(len(packed), count, lanes)
    return codes.swapaxes(0, 1).reshape(count, -1).astype(np.int64)


def random_config(rng: random.Random, rows: int) -> MsqConfig:
    return MsqConfig(rng.getrandbits(rows), rng.random() < 0.5)


def codes(rng: random.Random, shape: tuple[int, int], kind: str, extremes: tuple[int, int]) -> NDArray[np.int64]:
    """Codes of some operands; kind: uniform, sparse, extreme (one of the two throughout an operand) or mixed (both)."""
    noise = np.random.default_rng(rng.getrandbits(32))
    if kind == "extreme":
        return np.broadcast_to(noise.choice(extremes, (shape[0], 1)), shape)
    if kind == "mixed":
        return noise.choice(extremes, shape)
    result = noise.integers(0, 16, shape)
    if kind == "sparse":
        result[noise.random(shape) < 0.8] = 0
    return result


def random_tile(rng: random.Random, pins: MsqPins, config: MsqConfig | None = None, length: int | None = None) -> Tile:
    """A tile of any configuration; its length is around the borders of beats and of the drain."""
    config = config or random_config(rng, pins.rows)
    if length is None:
        beats = rng.choice((1, 1, 2, 3, pins.rows, pins.rows + 1, pins.rows + 2, rng.randint(1, 40)))
        length = beats * pins.lanes - rng.choice((0, 0, rng.randrange(pins.lanes)))
    kinds = ("uniform", "uniform", "uniform", "sparse", "extreme", "mixed")
    kind = rng.choice(kinds)
    rows = [codes(rng, (1, length), kind, ROW_EXTREMES[config.sp2(row)]) for row in range(pins.rows)]
    cols = codes(rng, (pins.cols, length), rng.choice(kinds), COL_EXTREMES[config.col_signed])
    return Tile(config, np.concatenate(rows), cols)

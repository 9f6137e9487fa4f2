# SPDX-License-Identifier: Apache-2.0
"""Runs of ``shw_board_tile``: its registers, and a layer cut into grids of tiles that its memory holds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, product

import numpy as np
from numpy.typing import NDArray

from shiftwork.board.frames import WORD
from shiftwork.compile import LayerProgram, Operands
from shiftwork.errors import ShiftworkError

VERSION = 1
"""Of the registers."""
CONSTANTS = 2 * WORD
"""Bytes of a channel's constants."""
MOST = (1 << 16) - 1
"""Row blocks, column blocks or beats of a run, at most."""


class TileRegister(IntEnum):
    """Registers by the number of their word. The first three are read, the others are written."""

    ENGINE = 0
    """Kind, rows, columns and version of the registers, 8 bits each."""
    STATUS = 1
    CYCLES = 2
    ENGINE_SETTINGS = 3
    POST_SETTINGS = 4
    TILES = 5
    """Row blocks, column blocks, 16 bits each."""
    BEATS = 6
    ROWS = 7
    """Address of the row blocks in the lower half of the memory."""
    COLUMNS = 8
    """Of the column blocks in the upper half."""
    CONSTANTS = 9
    """In the lower half, like the next two."""
    SHORTCUTS = 10
    RESULTS = 11
    RUN = 12
    """1 starts, 0 stops."""


BUSY, DONE, FAULT = 1, 2, 4
"""Bits of STATUS."""
_ENGINE_SETTINGS = {
    "cfg_row_signed": 0,
    "cfg_col_signed": 1,
    "cfg_tr_en": 2,
    "cfg_encoding": 3,
    "cfg_slice_shift": 4,
    "cfg_data_terms": 6,
    "cfg_group": 10,
    "cfg_group_budget": 19,
}
_POST_SETTINGS = {
    "channels_on_rows": 0,
    "sums": 1,
    "post_relu": 2,
    "post_shortcut_enable": 3,
    "post_shortcut_signed": 4,
    "post_low": 5,
    "post_high": 14,
}
"""Lowest bits of the settings, by the names that a layer's configuration has for them."""


@dataclass(frozen=True)
class Run:
    """A grid of tiles, every row block with every column block, and where the memory holds what belongs to it.

    Attributes:
        settings: of engine and post unit, by name. row_tiles, col_tiles: blocks. beats: of a tile.
        columns: address in the upper half. rows, constants, shortcuts, results: in the lower one. All in bytes,
            multiples of 4.
    """

    settings: Mapping[str, int]
    row_tiles: int
    col_tiles: int
    beats: int
    columns: int = 0
    rows: int = 0
    constants: int = 0
    shortcuts: int = 0
    results: int = 0

    def words(self) -> bytes:
        """The registers from ENGINE_SETTINGS to RUN, which start the run."""
        engine, post = (
            sum(self.settings[name] << bit for name, bit in bits.items() if name in self.settings)
            for bits in (_ENGINE_SETTINGS, _POST_SETTINGS)
        )
        tiles = self.row_tiles | self.col_tiles << 16
        places = (self.rows, self.columns, self.constants, self.shortcuts, self.results)
        return np.array([engine, post, tiles, self.beats, *places, 1], "<u4").tobytes()


@dataclass(frozen=True)
class Part:
    """Tiles of a layer that make a run.

    Attributes:
        tiles: their numbers in the layer, ``(row blocks, column blocks)``. run: it.
        writes: what it reads and the part before did not have, bytes by their address in the board's memory.
        result_bytes: to read afterwards, a multiple of 4; a result has one, a sum four.
    """

    tiles: NDArray[np.int64]
    run: Run
    writes: dict[int, bytes]
    result_bytes: int


def _words(size: int) -> int:
    """Bytes of the words that hold ``size`` bytes."""
    return -(-size // WORD) * WORD


def _bytes(array: NDArray[np.generic]) -> bytes:
    """Those of an array, filled up to whole words."""
    return array.tobytes() + bytes(-array.nbytes % WORD)


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to ``limit`` that fits, as all smaller ones do; 0: none."""
    return bisect_left(range(1, limit + 1), True, key=lambda number: not fits(number))


def _constants(layer: LayerProgram) -> NDArray[np.uint32]:
    """Words ``(channels, 2)`` as the board reads them: bias, shifts."""

    def channels(name: str) -> NDArray[np.int64]:
        vectors = layer.constants(name)
        return vectors[:, 0] if layer.weights_on_rows else vectors.reshape(-1)

    shifts = channels("shift") | channels("shortcut_shift") << 8 | channels("bias_shift") << 16
    return np.stack([channels("bias"), shifts], axis=1).astype(np.uint32)


def parts(operands: Operands, memory: int) -> Iterator[Part]:
    """Cut a layer into runs. Weights on rows stay while the columns pass.

    Args:
        operands: a layer with the activations of a batch. memory: bytes of the board's memory.

    Raises:
        ShiftworkError: naming the module, a tile of which does not fit the memory.
    """
    layer, beats, half = operands.layer, operands.beats, memory // 2
    rows, cols, groups = layer.engine.rows, layer.engine.cols, len(layer.slots)
    on_rows, has_shortcut = layer.weights_on_rows, operands.shortcut is not None
    result = 1 if layer.module.requantize else WORD

    def places(row_tiles: int, col_tiles: int) -> list[int]:
        """Where constants, shortcuts and results begin behind the rows, and where they end."""
        channels, results = row_tiles * rows if on_rows else col_tiles * cols, row_tiles * rows * col_tiles * cols
        sizes = (row_tiles * beats * rows, CONSTANTS * channels, results * has_shortcut, results * result)
        return list(accumulate(map(_words, sizes)))

    tall = max(1, _most(min(operands.row_tiles, MOST), lambda number: places(number, 0)[1] <= half // 2))
    wide = _most(
        min(operands.col_tiles, MOST),
        lambda number: places(tall, number)[-1] <= half and _words(number * beats * cols) <= half,
    )
    if not wide or beats > MOST:
        raise ShiftworkError(
            f"node {layer.module.name!r}: the board's memory of {memory:,} bytes holds no tile of {beats} beats"
        )
    settings = layer.configuration | {"channels_on_rows": int(on_rows), "sums": int(not layer.module.requantize)}
    constants = _constants(layer)
    numbers = np.arange(len(operands.tiles)).reshape(groups, operands.row_tiles, operands.col_tiles)
    grid = product(range(groups), range(0, operands.row_tiles, tall), range(0, operands.col_tiles, wide))
    for group, row, col in grid:
        tiles = numbers[group, row : row + tall, col : col + wide]
        first_row, first_col = group * operands.row_tiles + row, group * operands.col_tiles + col
        first = first_row * rows if on_rows else first_col * cols
        height, width = tiles.shape
        channels = height * rows if on_rows else width * cols
        at, shortcuts, results, end = places(height, width)
        writes = {half: _bytes(operands.col_blocks[first_col : first_col + width])}
        if col == 0:
            writes[0] = _bytes(operands.row_blocks[first_row : first_row + height])
        if col == 0 or not on_rows:
            writes[at] = _bytes(constants[first : first + channels])
        if operands.shortcut is not None:
            writes[shortcuts] = _bytes(operands.shortcut[tiles])
        run = Run(settings, height, width, beats, constants=at, shortcuts=shortcuts, results=results)
        yield Part(tiles, run, writes, end - results)

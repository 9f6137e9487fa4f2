# SPDX-License-Identifier: Apache-2.0
"""Feature maps in blocks: how the accelerator stores activations (``docs/accelerator.md``).

A block is a rectangle of COLS positions, a word the codes of one channel at those positions. A tensor is the words
``[block row][block][channel]``. For readers of stride 2 it is stored as four phases, ``2 * (y & 1) + (x & 1)``, each a
tensor of half the height and width. Results of 32 bits are four channels of bytes, the lowest first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def block_shape(cols: int) -> tuple[int, int]:
    """Height and width of a block of ``cols`` positions, a power of two from 4; as square as can be, never upright."""
    bits = cols.bit_length() - 1
    height = 1 << bits // 2
    return height, cols // height


def grid(height: int, width: int, cols: int) -> tuple[int, int]:
    """Rows of blocks, and blocks in a row, of a map."""
    tall, wide = block_shape(cols)
    return -(-height // tall), -(-width // wide)


def halves(size: int) -> int:
    """Rows (or columns) of a phase of a map that has ``size``; phases of odd rows may hold one less."""
    return (size + 1) // 2


def to_words(codes: NDArray[np.uint8], cols: int) -> NDArray[np.uint8]:
    """Words of a map; positions outside it are 0.

    Args:
        codes: uint8 ``(height, width, channels)``. cols: codes of a word.

    Returns:
        uint8 ``(block rows, blocks, channels, cols)``.
    """
    height, width, channels = codes.shape
    (tall, wide), (rows, columns) = block_shape(cols), grid(height, width, cols)
    full = np.zeros((rows * tall, columns * wide, channels), np.uint8)
    full[:height, :width] = codes
    ordered = full.reshape(rows, tall, columns, wide, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(ordered).reshape(rows, columns, channels, cols)


def from_words(words: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Inverse of :func:`to_words`: uint8 ``(height, width, channels)``."""
    rows, columns, channels, cols = words.shape
    tall, wide = block_shape(cols)
    full = words.reshape(rows, columns, channels, tall, wide).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(full.reshape(rows * tall, columns * wide, channels)[:height, :width])


def split(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The four phases of a map: uint8 ``(4, halves(height), halves(width), channels)``, missing positions 0."""
    height, width, channels = codes.shape
    even = np.zeros((2 * halves(height), 2 * halves(width), channels), np.uint8)
    even[:height, :width] = codes
    return np.stack([even[a::2, b::2] for a in (0, 1) for b in (0, 1)])


def join(phases: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Inverse of :func:`split`."""
    _, tall, wide, channels = phases.shape
    full = np.zeros((2 * tall, 2 * wide, channels), np.uint8)
    for phase, part in enumerate(phases):
        full[phase >> 1 :: 2, phase & 1 :: 2] = part
    return full[:height, :width]

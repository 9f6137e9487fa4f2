# SPDX-License-Identifier: Apache-2.0
"""Codes and numbers as the bytes and words that a device's memories hold."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Code = TypeVar("Code", bound=np.generic)


def pack_codes(codes: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Codes of ``width`` bits, up to 8, bit after bit, the first one lowest.

    Args:
        codes: ``(.., codes)``.

    Returns:
        uint8 ``(.., ceil(codes * width / 8))``; the last byte is filled with zero bits.
    """
    bits = (codes[..., None] >> np.arange(width, dtype=np.uint8)) & 1
    return np.packbits(bits.reshape(*codes.shape[:-1], -1), axis=-1, bitorder="little")


def unpack_codes(packed: NDArray[np.uint8], width: int, count: int) -> NDArray[np.uint8]:
    """Inverse of :func:`pack_codes` for ``count`` codes along the last axis."""
    bits = np.unpackbits(packed, axis=-1, count=count * width, bitorder="little")
    weights = np.left_shift(1, np.arange(width), dtype=np.int64)
    return np.asarray(bits.reshape(*packed.shape[:-1], count, width) @ weights, np.uint8)


def pack_lanes(values: NDArray[np.integer], width: int) -> NDArray[np.uint32]:
    """Numbers of ``width`` bits, up to 8 or whole bytes, as packed lanes, lane 0 lowest, in 32-bit words.

    Args:
        values: ``(vectors, lanes)``; two's complement where negative.

    Returns:
        uint32 ``(vectors, words)``, the last word filled with zero bits.
    """
    if width % 8:
        packed = pack_codes(values.astype(np.uint8), width)
    else:
        lanes = np.ascontiguousarray(values.astype("<i8")).view(np.uint8).reshape(*values.shape, 8)
        packed = lanes[..., : width // 8].reshape(len(values), -1)
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, -packed.shape[1] % 4)))).view("<u4")


def unpack_lanes(words: NDArray[np.uint32], width: int, lanes: int, signed: bool = False) -> NDArray[np.int64]:
    """Inverse of :func:`pack_lanes`: int64 ``(vectors, lanes)``. signed: two's complement, of whole bytes."""
    packed = np.ascontiguousarray(words).view(np.uint8)
    if width % 8:
        return unpack_codes(packed, width, lanes).astype(np.int64)
    numbers = signed_numbers(packed[:, : lanes * width // 8].reshape(len(words), lanes, width // 8))
    return numbers if signed else numbers & ((1 << width) - 1)


def signed_numbers(lanes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Two's complement numbers of the bytes along the last axis."""
    size = lanes.shape[-1]
    wide = np.zeros((*lanes.shape[:-1], 8), np.uint8)
    wide[..., 8 - size :] = lanes
    return np.asarray(wide.view("<i8")[..., 0] >> (8 * (8 - size)), np.int64)


def nibbles(codes: NDArray[np.uint8], lanes: int) -> NDArray[np.uint8]:
    """4-bit codes ``(groups, entries, K)`` as ``(groups, entries, beats, lanes / 2)`` bytes, the lower lane low.

    The reduction is filled up with zero codes to whole beats.
    """
    groups, entries, depth = codes.shape
    beats = -(-depth // lanes)
    full = np.zeros((groups, entries, beats * lanes), np.uint8)
    full[:, :, :depth] = codes & 15
    packed: NDArray[np.uint8] = full[:, :, ::2] | full[:, :, 1::2] << 4
    return packed.reshape(groups, entries, beats, lanes // 2)


def spread(values: NDArray[Code], slots: NDArray[np.int64], lanes: int, zero: int = 0) -> NDArray[Code]:
    """``(groups, channels, ..)`` in their slots of whole tiles, ``(groups, tiles * lanes, ..)``, the rest zero."""
    groups, channels = slots.shape
    full = np.full((groups, -(-channels // lanes) * lanes, *values.shape[2:]), zero, values.dtype)
    full[np.arange(groups)[:, None], slots] = values
    return full


def blocks(operands: NDArray[np.uint8], lanes: int, zero: int = 0) -> NDArray[np.uint8]:
    """``(groups, entries, beats, bytes)`` as ``(groups * tiles, beats, lanes * bytes)``, short tiles filled up."""
    groups, entries, beats, width = operands.shape
    tiles = -(-entries // lanes)
    full = np.full((groups, tiles * lanes, beats, width), zero, np.uint8)
    full[:, :entries] = operands
    ordered = full.reshape(groups * tiles, lanes, beats, width).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(ordered).reshape(groups * tiles, beats, lanes * width)

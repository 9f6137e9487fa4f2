# SPDX-License-Identifier: Apache-2.0
"""Bit-true model of how the accelerator keeps tensors and in which order it reads them.

A map lies in *blocks* of COLS positions, a word is the codes of one channel at the positions of one block, and a word
of channel c of block (y, x) lies at ``base + y * row_stride + x * block_stride + c``. A *phase-split* tensor, which
layers of stride 2 read, is four tensors, one for the even and odd rows and columns each. Words of phases of odd columns
have the halves of their columns swapped: what a row of a block gives to both its phases lies in different columns.

:func:`words` and its companions lay tensors out, :func:`requests` lists what ``shw_im2col`` asks for beat by beat,
:func:`gather` gives what ``shw_act_memory`` answers. Positions of a block outside the map hold anything; every reader
masks them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError

PHASES = 4
"""Phases of a split tensor: phase 2 * (y & 1) + (x & 1) holds position (y >> 1, x >> 1)."""
ODD_COLUMNS = 1
"""Bit of the number of a phase whose words are swapped: column x of a block is in column x ^ (block width / 2)."""
MIN_COLS, MAX_COLS = 4, 128

Words = NDArray[np.uint8]
"""Words of a tensor, (blocks high, blocks wide, channels, COLS); position (y, x) of a block is column y * width + x."""
Codes = NDArray[np.uint8]
"""Codes as bytes, (height, width, channels)."""


@dataclass(frozen=True)
class Block:
    """Shape of a block in positions."""

    height: int
    width: int

    @property
    def cols(self) -> int:
        """Positions of a block: the columns of the engine."""
        return self.height * self.width

    def count(self, height: int, width: int) -> tuple[int, int]:
        """Blocks (high, wide) that a map of ``height`` x ``width`` positions takes."""
        return -(-height // self.height), -(-width // self.width)


def block_shape(cols: int) -> Block:
    """Shape of a block of ``cols`` positions: square, or twice as wide as high.

    Raises:
        ShiftworkError: ``cols`` is not a power of two from 4 to 128.
    """
    if not MIN_COLS <= cols <= MAX_COLS or cols & (cols - 1):
        raise ShiftworkError(f"{cols} columns: the accelerator takes a power of two from {MIN_COLS} to {MAX_COLS}")
    height = 1 << ((cols.bit_length() - 1) // 2)
    return Block(height, cols // height)


def words(codes: NDArray[np.integer], cols: int, fill: int = 0) -> Words:
    """The words of a map.

    Args:
        codes: (height, width, channels) codes of 8 bits, two's complement or unsigned.
        cols: positions of a block. fill: what positions outside the map hold, 0..255.
    """
    block = block_shape(cols)
    height, width, channels = codes.shape
    high, wide = block.count(height, width)
    whole = np.full((high * block.height, wide * block.width, channels), fill, np.uint8)
    whole[:height, :width] = _bytes(codes)
    parts = whole.reshape(high, block.height, wide, block.width, channels)
    return np.ascontiguousarray(parts.transpose(0, 2, 4, 1, 3)).reshape(high, wide, channels, cols)


def tensor(laid: Words, height: int, width: int) -> Codes:
    """The (height, width, channels) map that ``laid`` holds: the inverse of :func:`words`.

    Raises:
        ShiftworkError: ``laid`` has not the blocks of such a map.
    """
    high, wide, channels, cols = laid.shape
    block = block_shape(cols)
    if block.count(height, width) != (high, wide):
        raise ShiftworkError(f"{high} x {wide} blocks of {cols} positions do not hold a map of {height} x {width}")
    parts = laid.reshape(high, wide, channels, block.height, block.width).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(parts.reshape(high * block.height, wide * block.width, channels)[:height, :width])


def split(codes: NDArray[np.integer]) -> list[NDArray[np.integer]]:
    """The four phases of a map (height, width, channels); those of a map of one row or column may be empty."""
    return [codes[y::2, x::2] for y in (0, 1) for x in (0, 1)]


def split_shape(height: int, width: int, phase: int) -> tuple[int, int]:
    """Height and width of a phase of a map."""
    return (height + 1 - (phase >> 1)) >> 1, (width + 1 - (phase & 1)) >> 1


def swapped(laid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Words (.., COLS) with the left and right halves of their blocks swapped; its own inverse."""
    block = block_shape(laid.shape[-1])
    halves = laid.reshape(*laid.shape[:-1], block.height, 2, block.width // 2)
    return np.ascontiguousarray(halves[..., ::-1, :]).reshape(laid.shape)


def split_words(codes: NDArray[np.integer], cols: int, fill: int = 0) -> Words:
    """The words of a phase-split map: (phase, blocks high, blocks wide, channels, COLS).

    Every phase takes the blocks of the largest, phase 0; what it does not fill holds ``fill``.

    Args:
        codes: (height, width, channels). cols: positions of a block. fill: 0..255.
    """
    height, width, channels = codes.shape
    high, wide = block_shape(cols).count(*split_shape(height, width, 0))
    result = np.full((PHASES, high, wide, channels, cols), fill, np.uint8)
    for number, phase in enumerate(split(codes)):
        if phase.size:
            laid = words(phase, cols, fill)
            result[number, : laid.shape[0], : laid.shape[1]] = swapped(laid) if number & ODD_COLUMNS else laid
    return result


def split_tensor(laid: NDArray[np.uint8], height: int, width: int) -> Codes:
    """The map that phase-split words hold: the inverse of :func:`split_words`.

    Args:
        laid: (phase, blocks high, blocks wide, channels, COLS). height, width: of the whole map.
    """
    block = block_shape(laid.shape[-1])
    result = np.empty((height, width, laid.shape[3]), np.uint8)
    for number in range(PHASES):
        shape = split_shape(height, width, number)
        if 0 not in shape:
            high, wide = block.count(*shape)
            phase = laid[number, :high, :wide]
            phase = swapped(phase) if number & ODD_COLUMNS else phase
            result[number >> 1 :: 2, number & 1 :: 2] = tensor(phase, *shape)
    return result


def raw_words(values: NDArray[np.integer], cols: int) -> Words:
    """The words of results of 32 bits (height, width, channels): four words a channel, the low byte first."""
    low_first = np.ascontiguousarray(values.astype("<i4")).view(np.uint8)
    return words(low_first.reshape(*values.shape[:2], -1), cols)


def raw_tensor(laid: Words, height: int, width: int) -> NDArray[np.int32]:
    """The results of 32 bits that words hold: the inverse of :func:`raw_words`."""
    return raw_values(tensor(laid, height, width))


def raw_values(parts: Codes) -> NDArray[np.int32]:
    """Results of 32 bits (height, width, channels) of their bytes (height, width, 4 * channels)."""
    return np.ascontiguousarray(parts).reshape(*parts.shape[:2], -1, 4).view("<i4")[..., 0].astype(np.int32)


def _bytes(codes: NDArray[np.integer]) -> NDArray[np.uint8]:
    return (codes.astype(np.int64) & 0xFF).astype(np.uint8)


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in the activation memory, in words."""

    base: int
    row_stride: int
    """From a block to the one below."""
    block_stride: int
    """From a block to the one to the right."""
    phase_stride: int = 0
    """From a phase to the next, of a phase-split tensor."""

    def addresses(self, phases: int, high: int, wide: int, channels: int) -> NDArray[np.int64]:
        """Of the words of a tensor: (phases, blocks high, blocks wide, channels)."""
        return (
            self.base
            + self.phase_stride * np.arange(phases)[:, None, None, None]
            + self.row_stride * np.arange(high)[:, None, None]
            + self.block_stride * np.arange(wide)[:, None]
            + np.arange(channels)
        )


def packed(blocks: tuple[int, int], channels: int, base: int = 0) -> Place:
    """A tensor of (high, wide) ``blocks``, and each of its phases, without gaps."""
    return Place(base, blocks[1] * channels, channels, blocks[0] * blocks[1] * channels)


def store(memory: NDArray[np.uint8], place: Place, laid: NDArray[np.uint8]) -> None:
    """Write the words of a tensor, plain or with phases in front, into ``memory`` (words, COLS), a power of two."""
    phases = laid if laid.ndim == 5 else laid[None]
    *shape, cols = phases.shape
    address = place.addresses(*shape)
    memory[address.ravel() % len(memory)] = phases.reshape(-1, cols)


@dataclass(frozen=True)
class Nest:
    """A layer as ``shw_im2col`` sees it: its ``cfg_*`` ports, for a block of ``cols`` positions."""

    cols: int
    place: Place
    height: int
    width: int
    blocks_y: int
    """Blocks of the output."""
    blocks_x: int
    channels: int
    """Of a channel tile."""
    kernel_y: int = 1
    kernel_x: int = 1
    dilation_y: int = 1
    dilation_x: int = 1
    pad_y: int = 0
    pad_x: int = 0
    split: bool = False
    """The tensor is phase-split and read by stride 2."""
    groups: int = 1
    tiles: int = 1
    """Row tiles of a group."""
    taps_inner: bool = False
    """Order of pooling: for each channel all taps. Otherwise for each tap all channels."""
    channel_tiles: int = 1
    """Of a group; all taps of one come before those of the next."""

    @property
    def beats(self) -> int:
        """Beats of the whole layer."""
        taps = self.kernel_y * self.kernel_x
        return self.groups * self.tiles * self.blocks_y * self.blocks_x * self.channel_tiles * taps * self.channels


@dataclass(frozen=True)
class Beats:
    """The beats of a layer in their order, an entry each of arrays of int64."""

    group: NDArray[np.int64]
    tile: NDArray[np.int64]
    block_y: NDArray[np.int64]
    block_x: NDArray[np.int64]
    channel_tile: NDArray[np.int64]
    tap_y: NDArray[np.int64]
    tap_x: NDArray[np.int64]
    channel: NDArray[np.int64]
    """Within the channel tile."""
    last: NDArray[np.bool_]
    """The beat ends a reduction."""
    final: NDArray[np.bool_]
    """The beat belongs to the last block of its row tile."""


def beats(nest: Nest) -> Beats:
    """The loop nest of ``shw_im2col``, one entry a beat."""
    outer = (nest.groups, nest.tiles, nest.blocks_y, nest.blocks_x, nest.channel_tiles)
    taps = (nest.kernel_y, nest.kernel_x)
    shape = (*outer, nest.channels, *taps) if nest.taps_inner else (*outer, *taps, nest.channels)
    index = [axis.ravel().astype(np.int64) for axis in np.indices(shape)]
    group, tile, block_y, block_x, channel_tile = index[:5]
    channel, tap_y, tap_x = index[5:] if nest.taps_inner else (index[7], index[5], index[6])
    last = (tap_y == nest.kernel_y - 1) & (tap_x == nest.kernel_x - 1) & (channel_tile == nest.channel_tiles - 1)
    if not nest.taps_inner:
        last &= channel == nest.channels - 1
    final = (block_y == nest.blocks_y - 1) & (block_x == nest.blocks_x - 1)
    return Beats(group, tile, block_y, block_x, channel_tile, tap_y, tap_x, channel, last, final)


@dataclass(frozen=True)
class Requests:
    """What the activation memory is asked for, one entry a beat."""

    addresses: NDArray[np.int64]
    """(beats, 4): own block, right, below, below right; those of blocks outside the map are masked."""
    dy: NDArray[np.int64]
    dx: NDArray[np.int64]
    swap: NDArray[np.bool_]
    """The words belong to a phase of odd columns, and are swapped."""
    row_ok: NDArray[np.bool_]
    """(beats, block height): rows of the output block whose source is inside the map."""
    col_ok: NDArray[np.bool_]
    """(beats, block width)."""


def requests(nest: Nest, address_bits: int) -> Requests:
    """The read requests of every beat, addresses modulo ``2**address_bits``."""
    block, order = block_shape(nest.cols), beats(nest)
    y, dy, odd_y, row_ok = _axis(
        order.block_y, order.tap_y * nest.dilation_y - nest.pad_y, block.height, nest.height, nest.split
    )
    x, dx, odd_x, col_ok = _axis(
        order.block_x, order.tap_x * nest.dilation_x - nest.pad_x, block.width, nest.width, nest.split
    )
    place = nest.place
    channel = (order.group * nest.channel_tiles + order.channel_tile) * nest.channels + order.channel
    own = (
        place.base + y * place.row_stride + x * place.block_stride + channel + (2 * odd_y + odd_x) * place.phase_stride
    )
    near = np.array([0, place.block_stride, place.row_stride, place.row_stride + place.block_stride])
    return Requests((own[:, None] + near) & ((1 << address_bits) - 1), dy, dx, odd_x == 1, row_ok, col_ok)


def _axis(
    block: NDArray[np.int64], tap: NDArray[np.int64], length: int, size: int, split: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """One axis: source block, offset in it, phase, and which of ``length`` positions are inside the map."""
    odd = tap & 1 if split else np.zeros_like(tap)
    tap = tap >> 1 if split else tap
    source = (block * length + tap)[:, None] + np.arange(length)
    inside = ((size + 1 - odd) >> 1 if split else np.full_like(tap, size))[:, None]
    return block + tap // length, tap % length, odd, (source >= 0) & (source < inside)


def positions(asked: Requests, cols: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Where every code of every beat is: its word and column, and whether it is inside the map; (beats, COLS) each."""
    block = block_shape(cols)
    y = np.arange(block.height)[:, None] + asked.dy[:, None, None]
    x = np.arange(block.width) + asked.dx[:, None, None]
    neighbour = 2 * (y >= block.height) + (x >= block.width)
    address = np.take_along_axis(asked.addresses, neighbour.reshape(len(asked.dy), -1), axis=1)
    place = x % block.width ^ asked.swap[:, None, None] * (block.width // 2)
    column = (y % block.height) * block.width + place
    inside = asked.row_ok[:, :, None] & asked.col_ok[:, None, :]
    return address, column.reshape(address.shape), inside.reshape(address.shape)


def gather(memory: NDArray[np.uint8], asked: Requests, fill: int = 0) -> NDArray[np.uint8]:
    """What ``shw_act_memory`` with the content ``memory`` (words, COLS) answers: (beats, COLS)."""
    address, column, inside = positions(asked, memory.shape[1])
    return np.where(inside, memory[address, column], np.uint8(fill))

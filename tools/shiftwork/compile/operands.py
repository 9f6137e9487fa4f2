# SPDX-License-Identifier: Apache-2.0
"""Operand matrices, post-processing vectors and the tile order of one convolution or fully connected module.

The streamed operand (the one that is revealed in groups) sits on the rows of the array, the gathered one on its
columns (``docs/architecture.md``, tile-engine contract):

* weights streamed: row = output channel, column = output position;
* activations streamed: row = output position, column = output channel.

Positions are all images of the batch in order, (image, y, x) flattened. The reduction index k runs over (ky, kx, in),
``in`` fastest (``docs/numerics.md`` section 1). A grouped convolution is a list of independent products, one a group.
Short tiles are padded with zero codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.golden.im2col import im2col, output_shape, weight_matrix
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.quantize.bounds import SLICE_DEPTH, SLICE_LIMIT, slice_bounds

Code = TypeVar("Code", bound=np.integer)


@dataclass
class TileProgram:
    """Everything the device needs to run one module on a ROWS x COLS engine.

    Attributes:
        name: the module.
        row_blocks: uint8 ``(groups * row_tiles, K, ROWS)`` operand codes of the rows, one beat a k.
        col_blocks: uint8 ``(groups * col_tiles, K, COLS)`` operand codes of the columns.
        tiles: int32 ``(tiles, 3)``: index into ``row_blocks``, index into ``col_blocks``, first index into the vectors.
        rule: encoding rule of the streamed terms. row_signed, col_signed: how the codes extend.
        lane_is_channel: True when a column is an output channel: a beat uses one vector of the lane's constants;
            False when a row is an output channel: beat r of a tile uses vector ``first + r``, the same in all lanes.
        bias, bias_shift, shortcut_shift, shift: int32 ``(vectors, COLS)``.
        shortcut: uint8 ``(tiles, ROWS, COLS)`` codes, or None.
        shortcut_signed: how shortcut codes extend.
        groups, channels, positions: of the real product (``channels`` per group).
        images, height, width: of the output map.
        macs: multiply-accumulates of the product: padded image positions count, padding lanes and rows do not.
    """

    name: str
    rule: str
    row_blocks: NDArray[np.uint8]
    col_blocks: NDArray[np.uint8]
    tiles: NDArray[np.int32]
    row_signed: bool
    col_signed: bool
    lane_is_channel: bool
    bias: NDArray[np.int32]
    bias_shift: NDArray[np.int32]
    shortcut_shift: NDArray[np.int32]
    shift: NDArray[np.int32]
    shortcut: NDArray[np.uint8] | None
    shortcut_signed: bool
    groups: int
    channels: int
    positions: int
    images: int
    height: int
    width: int
    macs: int

    @property
    def depth(self) -> int:
        """Length K of the reduction."""
        return int(self.row_blocks.shape[1])

    @property
    def row_tiles(self) -> int:
        """Row blocks per group."""
        return int(self.row_blocks.shape[0]) // self.groups

    @property
    def col_tiles(self) -> int:
        """Column blocks per group."""
        return int(self.col_blocks.shape[0]) // self.groups

    def gather(self, beats: NDArray[Code]) -> NDArray[Code]:
        """Put result beats back into a feature map.

        Args:
            beats: ``(tiles, ROWS, COLS)`` in tile order.

        Returns:
            ``(images, height, width, groups * channels)``.
        """
        _, rows, cols = beats.shape
        grid = beats.reshape(self.groups, self.row_tiles, self.col_tiles, rows, cols).transpose(0, 1, 3, 2, 4)
        plane = grid.reshape(self.groups, self.row_tiles * rows, self.col_tiles * cols)
        if not self.lane_is_channel:
            plane = plane.transpose(0, 2, 1)
        real = plane[:, : self.positions, : self.channels]
        out = real.transpose(1, 0, 2).reshape(self.images, self.height, self.width, self.groups * self.channels)
        return np.ascontiguousarray(out)

    def scatter(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Inverse of :meth:`gather` for a byte map ``(images, height, width, channels)``; padding lanes are 0."""
        rows, cols = self.row_blocks.shape[2], self.col_blocks.shape[2]
        plane = codes.reshape(self.positions, self.groups, self.channels).transpose(1, 0, 2)
        if not self.lane_is_channel:
            plane = plane.transpose(0, 2, 1)
        high, wide = self.row_tiles * rows, self.col_tiles * cols
        full = np.zeros((self.groups, high, wide), np.uint8)
        full[:, : plane.shape[1], : plane.shape[2]] = plane
        grid = full.reshape(self.groups, self.row_tiles, rows, self.col_tiles, cols).transpose(0, 1, 3, 2, 4)
        return np.ascontiguousarray(grid).reshape(len(self.tiles), rows, cols)


def _blocks(matrix: NDArray[np.uint8], lanes: int) -> NDArray[np.uint8]:
    """``(groups, entries, K)`` codes to beats ``(groups * tiles, K, lanes)``, the last tile padded with zero codes."""
    groups, entries, depth = matrix.shape
    tiles = -(-entries // lanes)
    full = np.zeros((groups, tiles * lanes, depth), np.uint8)
    full[:, :entries] = matrix
    beats = full.reshape(groups * tiles, lanes, depth).transpose(0, 2, 1)
    return np.ascontiguousarray(beats)


def _vector(values: NDArray[np.int32] | None, channels: int) -> NDArray[np.int32]:
    """A per-channel constant (or None, or one value for all) as int32 ``(channels,)``."""
    if values is None:
        return np.zeros(channels, np.int32)
    return np.broadcast_to(np.asarray(values, np.int32).reshape(-1), (channels,)).copy()


def check_slices(network: IntegerNetwork, module: IntegerModule) -> None:
    """Refuse a module whose slice sums could leave the engine's 24-bit accumulators.

    Raises:
        ShiftworkError: naming the module.
    """
    largest = int(slice_bounds(network, module).max(initial=0))
    if largest >= SLICE_LIMIT:
        raise ShiftworkError(
            f"node {module.name!r}: a slice of {SLICE_DEPTH} products can reach {largest}, beyond the engine's 24 bits"
        )


def compile_module(
    network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, NDArray[np.integer]], rows: int, cols: int
) -> TileProgram:
    """Turn a ``conv`` module and a batch of its inputs into a tile program.

    Args:
        network: the network the module belongs to.
        module: the module (``docs/numerics.md`` section 2).
        tensors: codes ``(images, height, width, channels)`` of every tensor that the module reads.
        rows, cols: shape of the engine.

    Raises:
        ShiftworkError: naming the module, when its sums could leave the accumulators or shapes disagree.
    """
    assert module.weight is not None
    source = network.tensors[module.inputs[0]]
    codes = tensors[module.inputs[0]]
    shortcut_info = None if module.shortcut is None else network.tensors[module.shortcut]
    for info in (source, shortcut_info):
        if info is not None and info.bits > 8:
            raise ShiftworkError(f"node {module.name!r}: it reads {info.bits}-bit codes, the engine takes 8 bits")
    check_slices(network, module)
    out = module.weight.shape[0]
    channels = out // module.groups
    data = codes.astype(np.uint8)
    high, wide = output_shape(data.shape, module)
    if high < 1 or wide < 1:
        raise ShiftworkError(f"node {module.name!r}: the kernel is larger than the padded input")
    activations = np.stack([im2col(data, module, part) for part in range(module.groups)]).astype(np.uint8)
    weights = np.stack([weight_matrix(module, part) for part in range(module.groups)]).astype(np.int8).view(np.uint8)
    if weights.shape[2] != activations.shape[2]:
        raise ShiftworkError(
            f"node {module.name!r}: weights of {weights.shape[2]} and inputs of {activations.shape[2]} reduction steps"
        )
    weights_streamed = module.terms.stream == "weights"
    row_matrix, col_matrix = (weights, activations) if weights_streamed else (activations, weights)
    row_blocks, col_blocks = _blocks(row_matrix, rows), _blocks(col_matrix, cols)
    groups = module.groups
    row_tiles, col_tiles = len(row_blocks) // groups, len(col_blocks) // groups

    group_index, row_index, col_index = np.meshgrid(
        np.arange(groups), np.arange(row_tiles), np.arange(col_tiles), indexing="ij"
    )
    row_block = (group_index * row_tiles + row_index).reshape(-1)
    col_block = (group_index * col_tiles + col_index).reshape(-1)
    vector = row_block * rows if weights_streamed else col_block
    tiles = np.stack([row_block, col_block, vector], axis=1).astype(np.int32)

    def vectors(values: NDArray[np.int32] | None) -> NDArray[np.int32]:
        per_group = _vector(values, out).reshape(groups, channels)
        lanes = rows if weights_streamed else cols
        padded = np.zeros((groups, -(-channels // lanes) * lanes), np.int32)
        padded[:, :channels] = per_group
        if weights_streamed:
            return np.ascontiguousarray(np.broadcast_to(padded.reshape(-1, 1), (padded.size, cols)))
        return padded.reshape(-1, cols)

    program = TileProgram(
        name=module.name,
        rule=network.rule,
        row_blocks=row_blocks,
        col_blocks=col_blocks,
        tiles=tiles,
        row_signed=True if weights_streamed else source.signed,
        col_signed=source.signed if weights_streamed else True,
        lane_is_channel=not weights_streamed,
        bias=vectors(module.bias),
        bias_shift=vectors(module.bias_shift),
        shortcut_shift=vectors(module.shortcut_shift),
        shift=vectors(module.shift),
        shortcut=None,
        shortcut_signed=bool(shortcut_info.signed) if shortcut_info is not None else False,
        groups=groups,
        channels=channels,
        positions=activations.shape[1],
        images=len(codes),
        height=high,
        width=wide,
        macs=groups * channels * activations.shape[1] * activations.shape[2],
    )
    if module.shortcut is not None:
        shortcut = tensors[module.shortcut]
        expected = (len(codes), high, wide, out)
        if shortcut.shape != expected:
            raise ShiftworkError(
                f"node {module.name!r}: shortcut of shape {shortcut.shape} for an output of {expected}"
            )
        program.shortcut = program.scatter(shortcut.astype(np.uint8))
    return program

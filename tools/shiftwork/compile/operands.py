# SPDX-License-Identifier: Apache-2.0
"""Operand matrices, post-processing vectors and the tile order of one convolution or fully connected module.

The rows of the array hold one operand, its columns the other (``docs/architecture.md``, tile-engine contract):

* weights on the rows: row = output channel, column = output position;
* activations on the rows (they are streamed, ``tr`` only): row = output position, column = output channel.

Positions are all images of the batch in order, (image, y, x) flattened. The reduction index k runs over (ky, kx, in),
``in`` fastest (``docs/numerics.md`` section 1). A grouped convolution is a list of independent products, one a group.
Short tiles are padded with zero codes, a reduction to whole beats with zero codes as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import sp2
from shiftwork.compile.engine import Engine, MsqEngine, requant_of
from shiftwork.errors import ShiftworkError
from shiftwork.golden.executor import reduction_length
from shiftwork.golden.im2col import im2col, output_shape, weight_matrix
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.quantize.bounds import SLICE_DEPTH, SLICE_LIMIT, slice_bounds

Code = TypeVar("Code", bound=np.generic)


@dataclass
class TileProgram:
    """Everything the device needs to run one module on an engine.

    Attributes:
        name: the module. engine: what it is compiled for, ROWS x COLS.
        row_blocks: uint8 ``(groups * row_tiles, beats, ROWS * operand_bytes)``: the codes of the rows beat by beat, as
            the bytes of the port.
        col_blocks: uint8 ``(groups * col_tiles, beats, COLS * operand_bytes)``: those of the columns.
        row_sp2: uint64 ``(groups * row_tiles,)``: bit r says that the codes of row r are SP2; None where rows have no
            kind.
        tiles: int32 ``(tiles, 3)``: index into ``row_blocks``, index into ``col_blocks``, first index into the vectors.
        depth: length K of the reduction.
        rule: encoding rule of the streamed terms. row_signed, col_signed: how the codes extend.
        lane_is_channel: True when a column is an output channel: a beat uses one vector of the lane's constants;
            False when a row is an output channel: beat r of a tile uses vector ``first + r``, the same in all lanes.
        slots: int64 ``(groups, channels)``: where each channel of a group sits among the rows (columns when
            ``lane_is_channel``) of the group's tiles.
        bias, bias_shift, shortcut_shift, factor, shift: int32 ``(vectors, COLS)``.
        shortcut: uint8 ``(tiles, ROWS, COLS)`` codes, or None.
        shortcut_signed: how shortcut codes extend.
        groups, channels, positions: of the real product (``channels`` per group).
        images, height, width: of the output map.
        macs: multiply-accumulates of the product: padded image positions count, padding lanes and rows do not.
    """

    name: str
    engine: Engine
    rule: str
    row_blocks: NDArray[np.uint8]
    col_blocks: NDArray[np.uint8]
    row_sp2: NDArray[np.uint64] | None
    tiles: NDArray[np.int32]
    depth: int
    row_signed: bool
    col_signed: bool
    lane_is_channel: bool
    slots: NDArray[np.int64]
    bias: NDArray[np.int32]
    bias_shift: NDArray[np.int32]
    shortcut_shift: NDArray[np.int32]
    factor: NDArray[np.int32]
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
    def beats(self) -> int:
        """Beats of a tile."""
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
        if self.lane_is_channel:
            plane = plane.transpose(0, 2, 1)
        real = plane[np.arange(self.groups)[:, None], self.slots, : self.positions]
        out = real.transpose(2, 0, 1).reshape(self.images, self.height, self.width, self.groups * self.channels)
        return np.ascontiguousarray(out)

    def scatter(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Inverse of :meth:`gather` for a byte map ``(images, height, width, channels)``; padding lanes are 0."""
        rows, cols = self.engine.rows, self.engine.cols
        high, wide = self.row_tiles * rows, self.col_tiles * cols
        plane = codes.reshape(self.positions, self.groups, self.channels).transpose(1, 2, 0)
        full = np.zeros((self.groups, high, wide), np.uint8)
        target = full.transpose(0, 2, 1) if self.lane_is_channel else full
        target[np.arange(self.groups)[:, None], self.slots, : self.positions] = plane
        grid = full.reshape(self.groups, self.row_tiles, rows, self.col_tiles, cols).transpose(0, 1, 3, 2, 4)
        return np.ascontiguousarray(grid).reshape(len(self.tiles), rows, cols)


def assign_rows(row_sp2: NDArray[np.bool_], fixed_rows: int, sp2_rows: int) -> NDArray[np.int64]:
    """Rows of the tiles for the output channels of one group, so that each kind meets its unit as far as it goes.

    Fixed channels fill the fixed rows of the ``ceil(channels / ROWS)`` tiles in order, SP2 channels the SP2 rows; what
    is left of one kind takes the free rows of the other, in order.

    Args:
        row_sp2: ``(channels,)``, True for an SP2 channel.
        fixed_rows, sp2_rows: rows 0 .. fixed_rows-1 of a tile are fixed units, the others SP2 units.

    Returns:
        ``(channels,)`` ``tile * ROWS + row`` of every channel.
    """
    rows = fixed_rows + sp2_rows
    places = np.arange(-(-len(row_sp2) // rows) * rows)
    is_sp2 = places % rows >= fixed_rows
    slots = np.empty(len(row_sp2), np.int64)
    own = {kind: (np.flatnonzero(row_sp2 == kind), places[is_sp2 == kind]) for kind in (False, True)}
    for kind, (channels, units) in own.items():
        others, theirs = own[not kind]
        slots[channels] = np.concatenate([units, theirs[len(others) :]])[: len(channels)]
    return slots


def _spread(values: NDArray[Code], slots: NDArray[np.int64], lanes: int) -> NDArray[Code]:
    """Put ``(groups, channels, ..)`` into their slots of whole tiles: ``(groups, tiles * lanes, ..)``, the rest 0."""
    groups, channels = slots.shape
    full = np.zeros((groups, -(-channels // lanes) * lanes, *values.shape[2:]), values.dtype)
    full[np.arange(groups)[:, None], slots] = values
    return full


def _blocks(operands: NDArray[np.uint8], lanes: int) -> NDArray[np.uint8]:
    """``(groups, entries, beats, bytes)`` to ``(groups * tiles, beats, lanes * bytes)``, short tiles padded with 0."""
    groups, entries, beats, width = operands.shape
    tiles = -(-entries // lanes)
    full = np.zeros((groups, tiles * lanes, beats, width), np.uint8)
    full[:, :entries] = operands
    ordered = full.reshape(groups * tiles, lanes, beats, width).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(ordered).reshape(groups * tiles, beats, lanes * width)


def _nibbles(codes: NDArray[np.uint8], lanes: int) -> NDArray[np.uint8]:
    """4-bit codes ``(groups, entries, K)`` as ``(groups, entries, beats, lanes / 2)`` bytes, the lower lane low."""
    groups, entries, depth = codes.shape
    beats = -(-depth // lanes)
    full = np.zeros((groups, entries, beats * lanes), np.uint8)
    full[:, :, :depth] = codes & 15
    packed: NDArray[np.uint8] = full[:, :, ::2] | full[:, :, 1::2] << 4
    return packed.reshape(groups, entries, beats, lanes // 2)


def _weight_codes(module: IntegerModule, weights: NDArray[np.int8], row_sp2: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """4-bit codes of weight values ``(groups, channels, K)``; ``row_sp2`` ``(groups, channels)``."""
    codes = weights.view(np.uint8).copy()
    try:
        codes[row_sp2] = sp2.encode(weights[row_sp2])
    except ShiftworkError as error:
        raise ShiftworkError(f"node {module.name!r}: {error}") from None
    largest = int(np.abs(weights[~row_sp2].astype(np.int64)).max(initial=0))
    if largest > 7:
        raise ShiftworkError(f"node {module.name!r}: a weight of {largest} is outside the fixed codes -7..7")
    return codes


def check_sums(network: IntegerNetwork, module: IntegerModule, depth: int = SLICE_DEPTH) -> None:
    """Refuse a module whose sums of ``depth`` products could leave the engine's 24-bit accumulators.

    Raises:
        ShiftworkError: naming the module.
    """
    largest = int(slice_bounds(network, module, depth).max(initial=0))
    if largest >= SLICE_LIMIT:
        raise ShiftworkError(
            f"node {module.name!r}: a sum of {depth} products can reach {largest}, beyond the engine's 24 bits"
        )


def check_module(network: IntegerNetwork, module: IntegerModule, engine: Engine) -> None:
    """Refuse a module that an engine and its post unit cannot run.

    Raises:
        ShiftworkError: naming the module.
    """
    msq = isinstance(engine, MsqEngine)
    bits = 4 if msq else 8
    for name in (module.inputs[0], *([] if module.shortcut is None else [module.shortcut])):
        width = network.tensors[name].bits
        if width > (8 if name == module.shortcut else bits):
            raise ShiftworkError(f"node {module.name!r}: it reads {width}-bit codes, the engine takes {bits} bits")
    if msq != (module.row_sp2 is not None):
        codes = "has no 4-bit codes for" if msq else "has 4-bit codes, which are not those of"
        raise ShiftworkError(f"node {module.name!r}: it {codes} the {engine.kind} engine")
    if msq and module.terms.stream == "activations":
        raise ShiftworkError(f"node {module.name!r}: the msq engine has the weights on its rows")
    if requant_of(network) == "scale":
        if module.requantize != (module.factor is not None) or np.any(module.bias_shift):
            raise ShiftworkError(f"node {module.name!r}: it is requantized by shift, other modules by scale")
        if module.shortcut is not None and not module.requantize:
            raise ShiftworkError(f"node {module.name!r}: a network output by scale cannot have a shortcut")
    check_sums(network, module, reduction_length(module) if msq else SLICE_DEPTH)


def compile_module(
    network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, NDArray[np.integer]], engine: Engine
) -> TileProgram:
    """Turn a ``conv`` module and a batch of its inputs into a tile program.

    Args:
        network: the network the module belongs to.
        module: the module (``docs/numerics.md`` section 2).
        tensors: codes ``(images, height, width, channels)`` of every tensor that the module reads.
        engine: what runs it.

    Raises:
        ShiftworkError: naming the module, when its sums could leave the accumulators, shapes disagree, or the engine
            does not know its codes.
    """
    assert module.weight is not None
    check_module(network, module, engine)
    source = network.tensors[module.inputs[0]]
    codes = tensors[module.inputs[0]]
    out, groups = module.weight.shape[0], module.groups
    channels = out // groups
    data = codes.astype(np.uint8)
    high, wide = output_shape(data.shape, module)
    if high < 1 or wide < 1:
        raise ShiftworkError(f"node {module.name!r}: the kernel is larger than the padded input")
    activations = np.stack([im2col(data, module, part) for part in range(groups)])
    weights = np.stack([weight_matrix(module, part) for part in range(groups)]).astype(np.int8)
    if weights.shape[2] != activations.shape[2]:
        raise ShiftworkError(
            f"node {module.name!r}: weights of {weights.shape[2]} and inputs of {activations.shape[2]} reduction steps"
        )
    weights_on_rows = module.terms.stream == "weights"
    lanes = engine.rows if weights_on_rows else engine.cols
    row_sp2 = None
    if isinstance(engine, MsqEngine):
        assert module.row_sp2 is not None
        kinds = module.row_sp2.reshape(groups, channels)
        slots = np.stack([assign_rows(kind, engine.fixed_rows, engine.sp2_rows) for kind in kinds])
        bits = _spread(kinds, slots, lanes).reshape(-1, lanes).astype(np.uint64)
        row_sp2 = (bits << np.arange(lanes, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        weight_bytes = _nibbles(_weight_codes(module, weights, kinds), engine.lanes)
        activation_bytes = _nibbles(activations, engine.lanes)
    else:
        slots = np.broadcast_to(np.arange(channels), (groups, channels))
        weight_bytes, activation_bytes = weights.view(np.uint8)[..., None], activations[..., None]
    weight_bytes = _spread(weight_bytes, slots, lanes)
    rows, cols = (weight_bytes, activation_bytes) if weights_on_rows else (activation_bytes, weight_bytes)
    row_blocks, col_blocks = _blocks(rows, engine.rows), _blocks(cols, engine.cols)
    row_tiles, col_tiles = len(row_blocks) // groups, len(col_blocks) // groups

    group_index, row_index, col_index = np.meshgrid(
        np.arange(groups), np.arange(row_tiles), np.arange(col_tiles), indexing="ij"
    )
    row_block = (group_index * row_tiles + row_index).reshape(-1)
    col_block = (group_index * col_tiles + col_index).reshape(-1)
    vector = row_block * engine.rows if weights_on_rows else col_block
    tiles = np.stack([row_block, col_block, vector], axis=1).astype(np.int32)

    def vectors(values: NDArray[np.int32] | NDArray[np.int64] | None) -> NDArray[np.int32]:
        """A constant per channel, one for all, or None for 0, as ``(vectors, COLS)``."""
        given = np.zeros(1, np.int32) if values is None else np.asarray(values, np.int32).reshape(-1)
        padded = _spread(np.broadcast_to(given, (out,)).reshape(groups, channels), slots, lanes)
        if weights_on_rows:
            return np.ascontiguousarray(np.broadcast_to(padded.reshape(-1, 1), (padded.size, engine.cols)))
        return padded.reshape(-1, engine.cols)

    program = TileProgram(
        name=module.name,
        engine=engine,
        rule=network.rule,
        row_blocks=row_blocks,
        col_blocks=col_blocks,
        row_sp2=row_sp2,
        tiles=tiles,
        depth=weights.shape[2],
        row_signed=True if weights_on_rows else source.signed,
        col_signed=source.signed if weights_on_rows else True,
        lane_is_channel=not weights_on_rows,
        slots=slots,
        bias=vectors(module.bias),
        bias_shift=vectors(module.bias_shift),
        shortcut_shift=vectors(module.shortcut_shift),
        factor=vectors(module.factor),
        shift=vectors(module.shift),
        shortcut=None,
        shortcut_signed=module.shortcut is not None and network.tensors[module.shortcut].signed,
        groups=groups,
        channels=channels,
        positions=activations.shape[1],
        images=len(codes),
        height=high,
        width=wide,
        macs=out * activations.shape[1] * activations.shape[2],
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

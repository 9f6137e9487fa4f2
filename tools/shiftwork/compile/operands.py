# SPDX-License-Identifier: Apache-2.0
"""Operand matrices, post-processing vectors and the tile order of one convolution or fully connected module.

The rows of the array hold one operand, its columns the other (``docs/architecture.md``, tile-engine contract):

* weights on the rows: row = output channel, column = output position;
* activations on the rows (``tr`` when they are streamed, ``exp`` always): row = output position, column = output
  channel.

Positions are all images of the batch in order, (image, y, x) flattened. The reduction index k runs over (ky, kx, in),
``in`` fastest (``docs/numerics.md`` section 1). A grouped convolution is a list of independent products, one a group.
Short tiles are padded with zero codes, a reduction to whole beats with zero codes as well. The exponential codes of a
beat are packed bit after bit, n + 1 a code, and padded to a byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import exponential, sp2
from shiftwork.codes.exponential import ACTIVATION_BITS, MAX_BITS, WEIGHT_BITS
from shiftwork.compile.engine import Engine, ExpEngine, MsqEngine, requant_of
from shiftwork.errors import ShiftworkError
from shiftwork.golden import class_sums
from shiftwork.golden.model import reduction_length
from shiftwork.network.integer import EXPONENTIAL, IntegerModule, IntegerNetwork
from shiftwork.quantize.bounds import SLICE_DEPTH, SLICE_LIMIT, slice_bounds
from shiftwork.tensors.im2col import im2col, output_shape, weight_matrix

Code = TypeVar("Code", bound=np.generic)


@dataclass(frozen=True)
class ExpLayer:
    """What the exponential codes of a module stand for, as the device holds it.

    Attributes:
        bits: n of rows and columns. slice_length: values of a slice; the slices of a tile are equal but for the last.
        shortcut_bits, output_bits: n of the shortcut and of the output, 0 without them.
        tables: int64 ``(words, 3)``: table, address and word of every word that the device's table port takes. Tables:
            0 levels A by exponent field, 1 levels W by code, 2 thresholds of the output, 3 levels of the shortcut.
    """

    bits: int
    slice_length: int
    shortcut_bits: int
    output_bits: int
    tables: NDArray[np.int64]


@dataclass
class TileProgram:
    """Everything the device needs to run one module on an engine.

    Attributes:
        name: the module. engine: what it is compiled for, ROWS x COLS.
        row_blocks: uint8 ``(groups * row_tiles, beats, ROWS * operand_bytes)``: the codes of the rows beat by beat, as
            the bytes of the port, or packed exponential codes.
        col_blocks: uint8 ``(groups * col_tiles, beats, COLS * operand_bytes)``: those of the columns, likewise.
        row_sp2: uint64 ``(groups * row_tiles,)``: bit r says that the codes of row r are SP2; None where rows have no
            kind.
        tiles: int32 ``(tiles, 3)``: index into ``row_blocks``, index into ``col_blocks``, first index into the vectors.
        depth: length K of the reduction.
        rule: encoding rule of the streamed terms. row_signed, col_signed: how the codes extend.
        lane_is_channel: True when a column is an output channel: a beat uses one vector of the lane's constants;
            False when a row is an output channel: beat r of a tile uses vector ``first + r``, the same in all lanes.
        slots: int64 ``(groups, channels)``: where each channel of a group sits among the rows (columns when
            ``lane_is_channel``) of the group's tiles.
        bias: int64 ``(vectors, COLS)``. bias_shift, shortcut_shift, factor, shift: int32, the same shape.
        shortcut: uint8 ``(tiles, ROWS, COLS)`` codes, or packed exponential codes, or None.
        shortcut_signed: how shortcut codes extend.
        codes: widths and tables of exponential codes, None for others.
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
    bias: NDArray[np.int64]
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
    codes: ExpLayer | None = None

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


def weights_on_rows(module: IntegerModule, engine: Engine) -> bool:
    """Whether the rows of an engine hold the weights of a module, not its activations."""
    return module.terms.stream == "weights" and not isinstance(engine, ExpEngine)


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
    if isinstance(engine, ExpEngine) != (network.scheme == EXPONENTIAL):
        raise ShiftworkError(f"node {module.name!r}: scheme {network.scheme} is not that of the {engine.kind} engine")
    if isinstance(engine, ExpEngine):
        check_codes(network, module)
        return
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


def check_codes(network: IntegerNetwork, module: IntegerModule) -> None:
    """Refuse a module whose exponential codes or tables the engine and its post unit do not hold.

    Raises:
        ShiftworkError: naming the module.
    """
    source, code = network.tensors[module.inputs[0]], module.weight_code
    if source.code is None or source.levels is None or code is None or module.weight_levels is None:
        raise ShiftworkError(f"node {module.name!r}: it has no exponential codes")
    if source.code.bits != code.bits:
        raise ShiftworkError(
            f"node {module.name!r}: exponents of {source.code.bits} and {code.bits} bits cannot share a layer"
        )
    tables = [
        ("activations", np.asarray(source.levels, np.int64), ACTIVATION_BITS),
        ("weights", np.asarray(module.weight_levels, np.int64), WEIGHT_BITS),
    ]
    if module.shortcut is not None:
        tables.append(
            ("shortcut", np.asarray(network.tensors[module.shortcut].levels or (), np.int64), ACTIVATION_BITS)
        )
    for what, levels, bits in tables:
        largest = int(np.abs(levels).max(initial=0))
        if not levels.size or largest >= 1 << bits:
            raise ShiftworkError(f"node {module.name!r}: levels of {what} up to {largest} take more than {bits} bits")
    shifts = np.asarray([] if module.shortcut_shift is None else module.shortcut_shift)
    if ((shifts < 0) | (shifts > 31)).any():
        raise ShiftworkError(
            f"node {module.name!r}: a shortcut is shifted by {shifts.max()}, the post unit shifts by 0..31"
        )
    if module.requantize != (module.thresholds is not None):
        raise ShiftworkError(f"node {module.name!r}: it has no thresholds for its output")


def _exponential_layer(network: IntegerNetwork, module: IntegerModule) -> ExpLayer:
    """Widths, slices and table words of a module that :func:`check_codes` accepts."""
    depth = reduction_length(module)
    source, output = network.tensors[module.inputs[0]], network.tensors[module.output]
    shortcut = None if module.shortcut is None else network.tensors[module.shortcut]
    assert source.code is not None and source.levels is not None and module.weight_levels is not None
    held = class_sums.tables(source.levels, module.weight_levels, MAX_BITS)
    tables = [(0, 0, held.levels), (1, 0, held.values)]  # number, first address, words
    shortcut_bits = output_bits = 0
    if module.thresholds is not None:
        assert output.code is not None
        output_bits = output.code.bits
        tables.append((2, 1, exponential.threshold_words(module.thresholds, output_bits, MAX_BITS, module.high)))
    if shortcut is not None:
        assert shortcut.code is not None and shortcut.levels is not None
        shortcut_bits = shortcut.code.bits
        tables.append((3, 0, exponential.level_words(shortcut.levels, MAX_BITS)))
    return ExpLayer(
        bits=source.code.bits,
        slice_length=-(-depth // -(-depth // SLICE_DEPTH)),
        shortcut_bits=shortcut_bits,
        output_bits=output_bits,
        tables=np.concatenate(
            [
                np.stack([np.full(len(words), number), first + np.arange(len(words)), words], axis=1)
                for number, first, words in tables
            ]
        ),
    )


def _may_be_negative(network: IntegerNetwork, name: str) -> bool:
    """Whether a tensor of exponential codes can have negative ones, as far as the modules before it tell."""
    for module in network.modules:
        if module.output == name:
            return not module.relu and (
                module.kind == "conv" or any(_may_be_negative(network, source) for source in module.inputs)
            )
    return True


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
    # Padding is a zero code: exponential codes are turned so that theirs is 0 until they are packed.
    zero = np.uint8(0) if source.code is None else source.code.zero
    data = codes.astype(np.uint8) ^ zero
    high, wide = output_shape(data.shape, module)
    if high < 1 or wide < 1:
        raise ShiftworkError(f"node {module.name!r}: the kernel is larger than the padded input")
    activations = np.stack([im2col(data, module, part) for part in range(groups)])
    weights = np.stack([weight_matrix(module, part) for part in range(groups)])
    weights = weights.astype(np.int8) if source.code is None else weights ^ zero
    if weights.shape[2] != activations.shape[2]:
        raise ShiftworkError(
            f"node {module.name!r}: weights of {weights.shape[2]} and inputs of {activations.shape[2]} reduction steps"
        )
    rows_are_weights = weights_on_rows(module, engine)
    lanes = engine.rows if rows_are_weights else engine.cols
    row_sp2 = None
    if isinstance(engine, MsqEngine):
        assert module.row_sp2 is not None
        kinds = module.row_sp2.reshape(groups, channels)
        slots = np.stack([assign_rows(kind, engine.fixed_rows, engine.sp2_rows) for kind in kinds])
        bits = _spread(kinds, slots, lanes).reshape(-1, lanes).astype(np.uint64)
        row_sp2 = (bits << np.arange(lanes, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        weight_bytes = _nibbles(_weight_codes(module, weights.view(np.int8), kinds), engine.lanes)
        activation_bytes = _nibbles(activations, engine.lanes)
    else:
        slots = np.broadcast_to(np.arange(channels), (groups, channels))
        weight_bytes, activation_bytes = weights.view(np.uint8)[..., None], activations[..., None]
    weight_bytes = _spread(weight_bytes, slots, lanes)
    rows, cols = (weight_bytes, activation_bytes) if rows_are_weights else (activation_bytes, weight_bytes)
    row_blocks, col_blocks = _blocks(rows, engine.rows), _blocks(cols, engine.cols)
    layer = _exponential_layer(network, module) if isinstance(engine, ExpEngine) else None
    if layer is not None:
        row_blocks, col_blocks = (pack_codes(part ^ zero, layer.bits + 1) for part in (row_blocks, col_blocks))
    row_tiles, col_tiles = len(row_blocks) // groups, len(col_blocks) // groups

    group_index, row_index, col_index = np.meshgrid(
        np.arange(groups), np.arange(row_tiles), np.arange(col_tiles), indexing="ij"
    )
    row_block = (group_index * row_tiles + row_index).reshape(-1)
    col_block = (group_index * col_tiles + col_index).reshape(-1)
    vector = row_block * engine.rows if rows_are_weights else col_block
    tiles = np.stack([row_block, col_block, vector], axis=1).astype(np.int32)

    def vectors(values: NDArray[np.int32] | NDArray[np.int64] | None) -> NDArray[np.int64]:
        """A constant per channel, one for all, or None for 0, as ``(vectors, COLS)``."""
        given = np.zeros(1, np.int64) if values is None else np.asarray(values, np.int64).reshape(-1)
        padded = _spread(np.broadcast_to(given, (out,)).reshape(groups, channels), slots, lanes)
        if rows_are_weights:
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
        row_signed=rows_are_weights
        or (source.signed if layer is None else _may_be_negative(network, module.inputs[0])),
        col_signed=source.signed if rows_are_weights else True,
        lane_is_channel=not rows_are_weights,
        slots=slots,
        bias=vectors(module.bias),
        bias_shift=vectors(module.bias_shift).astype(np.int32),
        shortcut_shift=vectors(module.shortcut_shift).astype(np.int32),
        factor=vectors(module.factor).astype(np.int32),
        shift=vectors(module.shift).astype(np.int32),
        shortcut=None,
        shortcut_signed=module.shortcut is not None and network.tensors[module.shortcut].signed,
        groups=groups,
        channels=channels,
        positions=activations.shape[1],
        images=len(codes),
        height=high,
        width=wide,
        macs=out * activations.shape[1] * activations.shape[2],
        codes=layer,
    )
    if module.shortcut is not None:
        shortcut = tensors[module.shortcut]
        expected = (len(codes), high, wide, out)
        if shortcut.shape != expected:
            raise ShiftworkError(
                f"node {module.name!r}: shortcut of shape {shortcut.shape} for an output of {expected}"
            )
        program.shortcut = program.scatter(shortcut.astype(np.uint8))
        if layer is not None:
            program.shortcut = pack_codes(program.shortcut, layer.shortcut_bits + 1)
    return program

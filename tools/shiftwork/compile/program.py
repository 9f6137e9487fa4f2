# SPDX-License-Identifier: Apache-2.0
"""A network compiled for an engine: a program and a memory image, once; activations meet them at run time.

The rows of the array hold one operand of a convolution, its columns the other (``docs/architecture.md``, tile-engine
contract):

* weights on the rows: row = output channel, column = output position;
* activations on the rows: row = output position, column = output channel.

Positions are all images of a batch in order, (image, y, x) flattened. The reduction index k runs over (ky, kx, in),
``in`` fastest (``docs/numerics.md`` section 1). A grouped convolution is a list of independent products, one a group.
Short tiles, padded positions and short reductions are filled with the code of zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile.engine import Engine, requant_of
from shiftwork.compile.packing import Code, blocks, pack_lanes, signed_numbers, spread, unpack_lanes
from shiftwork.errors import ShiftworkError
from shiftwork.network.format import Requant
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.tensors.im2col import im2col, output_shape

CONSTANT_BITS = {"bias_shift": 5, "shortcut_shift": 6, "shift": 6, "factor": 16}
"""Widths of the constants of a channel beside its bias, which has that of an accumulator."""

_ALIGNMENT = 8


@dataclass(frozen=True)
class Segment:
    """A named part of the memory image: byte offset, shape and type of an array."""

    offset: int
    shape: tuple[int, ...]
    dtype: str


@dataclass
class LayerProgram:
    """One convolution or fully connected module, compiled; nothing in it depends on activations.

    Attributes:
        module: it. source, shortcut, target: the tensors it reads and writes. rule: encoding of the terms.
        engine: what it is compiled for. requant: how its post unit requantizes.
        memory: the image of the whole network. segments: where the parts of this layer are:

            * ``weights``: uint8 ``(groups * tiles, beats, bytes)``, the codes beat by beat, as the engine stores them;
            * ``row_sp2``: uint64 ``(groups * tiles,)``, where rows have a kind;
            * ``tables``: int64 ``(words, 3)``, table, address and word, where there are tables;
            * ``bias``, ``bias_shift``, ``shortcut_shift``, ``shift``, ``factor``: uint32 ``(vectors, words)``, a vector
              of COLS packed lanes per beat of results.
        configuration: by the name of the port.
        weights_on_rows: True when beat r of a tile uses vector ``first + r``, the same in all lanes; False when a
            column is an output channel: all beats of a tile use one vector.
        slots: int64 ``(groups, channels)``: where each channel of a group sits among the rows or columns of its tiles.
        height, width: of the output map.
    """

    module: IntegerModule
    source: TensorInfo
    shortcut: TensorInfo | None
    target: TensorInfo
    rule: str
    engine: Engine
    requant: Requant
    memory: NDArray[np.uint8]
    segments: dict[str, Segment]
    configuration: dict[str, int]
    weights_on_rows: bool
    slots: NDArray[np.int64]
    height: int
    width: int

    @property
    def channels(self) -> int:
        """Output channels of a group."""
        return int(self.slots.shape[1])

    def read(self, name: str) -> NDArray[np.generic] | None:
        """A part of the image, not a copy; None where the layer has none of that name."""
        segment = self.segments.get(name)
        if segment is None:
            return None
        size = int(np.prod(segment.shape)) * np.dtype(segment.dtype).itemsize
        return self.memory[segment.offset : segment.offset + size].view(segment.dtype).reshape(segment.shape)

    @property
    def weights(self) -> NDArray[np.uint8]:
        """The part ``weights``."""
        found = self.read("weights")
        assert found is not None
        return found.view(np.uint8)

    def constants(self, name: str) -> NDArray[np.int64]:
        """Constants ``(vectors, COLS)`` of the image: ``bias`` or one of :data:`CONSTANT_BITS`."""
        words = self.read(name)
        assert words is not None
        width = CONSTANT_BITS.get(name, self.engine.acc_bits)
        return unpack_lanes(words.view(np.uint32), width, self.engine.cols, name == "bias")

    def check(self, engine: Engine, requant: Requant) -> None:
        """Refuse a device with another engine, or another kind of post unit.

        Raises:
            ShiftworkError: naming the module.
        """
        if self.engine != engine:
            raise ShiftworkError(f"{self.module.name}: compiled for a {self.engine} engine, not for {engine}")
        if self.module.requantize and self.requant != requant:
            raise ShiftworkError(f"{self.module.name}: the device's post unit requantizes by {requant}")

    def operands(self, tensors: Mapping[str, NDArray[np.integer]]) -> Operands:
        """The layer with a batch of its inputs.

        Args:
            tensors: codes ``(images, height, width, channels)`` of every tensor that the module reads.

        Raises:
            ShiftworkError: naming the module and a tensor of another shape.
        """
        module, zero = self.module, self.source.zero
        for name, info in ((module.inputs[0], self.source), (module.shortcut, self.shortcut)):
            if name is not None and info is not None and tensors[name].shape[1:] != info.shape:
                raise ShiftworkError(
                    f"node {module.name!r}: tensor {name!r} of shape {tensors[name].shape[1:]} where {info.shape} is "
                    "expected"
                )
        codes = tensors[module.inputs[0]].astype(np.uint8)
        table = np.stack([im2col(codes, module, part, zero) for part in range(module.groups)])
        lanes = self.engine.cols if self.weights_on_rows else self.engine.rows
        activations = blocks(self.engine.activation_bytes(table), lanes, zero)
        operands = Operands(self, len(codes), self.engine.stored(activations, self.source))
        if module.shortcut is not None and self.shortcut is not None:
            added = operands.scatter(tensors[module.shortcut].astype(np.uint8))
            operands.shortcut = self.engine.stored(added, self.shortcut)
        return operands


@dataclass
class Operands:
    """A layer and the activations of a batch: all that one run of the engine reads.

    Attributes:
        layer: the compiled layer. images: of the batch.
        activations: uint8 ``(groups * tiles, beats, bytes)``: codes beat by beat, as the engine stores them.
        shortcut: uint8 ``(tiles, ROWS, bytes)``: codes of the shortcut, one beat of results after the other, or None.
    """

    layer: LayerProgram
    images: int
    activations: NDArray[np.uint8]
    shortcut: NDArray[np.uint8] | None = None

    @property
    def row_blocks(self) -> NDArray[np.uint8]:
        """Codes of the rows."""
        return self.layer.weights if self.layer.weights_on_rows else self.activations

    @property
    def col_blocks(self) -> NDArray[np.uint8]:
        """Codes of the columns."""
        return self.activations if self.layer.weights_on_rows else self.layer.weights

    @property
    def beats(self) -> int:
        """Beats of a tile."""
        return int(self.activations.shape[1])

    @property
    def positions(self) -> int:
        """Output positions of all images."""
        return self.images * self.layer.height * self.layer.width

    @property
    def macs(self) -> int:
        """Multiply-accumulates: padded image positions count, padding lanes and rows do not."""
        return self.positions * self.layer.module.depth * self.layer.slots.size

    @property
    def row_tiles(self) -> int:
        """Row blocks per group."""
        return len(self.row_blocks) // len(self.layer.slots)

    @property
    def col_tiles(self) -> int:
        """Column blocks per group."""
        return len(self.col_blocks) // len(self.layer.slots)

    @cached_property
    def tiles(self) -> NDArray[np.int32]:
        """int32 ``(tiles, 3)``: index into the row blocks, into the column blocks, and first index into the vectors."""
        grid = np.arange(len(self.layer.slots)), np.arange(self.row_tiles), np.arange(self.col_tiles)
        group, row, col = np.meshgrid(*grid, indexing="ij")
        row_block = (group * self.row_tiles + row).reshape(-1)
        col_block = (group * self.col_tiles + col).reshape(-1)
        vector = row_block * self.layer.engine.rows if self.layer.weights_on_rows else col_block
        return np.stack([row_block, col_block, vector], axis=1).astype(np.int32)

    def gather(self, beats: NDArray[Code]) -> NDArray[Code]:
        """Put result beats back into a feature map.

        Args:
            beats: ``(tiles, ROWS, COLS)`` in tile order.

        Returns:
            ``(images, height, width, groups * channels)``.
        """
        layer, (groups, channels) = self.layer, self.layer.slots.shape
        _, rows, cols = beats.shape
        grid = beats.reshape(groups, self.row_tiles, self.col_tiles, rows, cols).transpose(0, 1, 3, 2, 4)
        plane = grid.reshape(groups, self.row_tiles * rows, self.col_tiles * cols)
        if not layer.weights_on_rows:
            plane = plane.transpose(0, 2, 1)
        real = plane[np.arange(groups)[:, None], layer.slots, : self.positions]
        out = real.transpose(2, 0, 1).reshape(self.images, layer.height, layer.width, groups * channels)
        return np.ascontiguousarray(out)

    def output(self, results: NDArray[np.uint8]) -> NDArray[np.integer]:
        """The output tensor of what a device returns.

        Args:
            results: codes ``(tiles, ROWS, COLS)`` of the post unit where the module is requantized, else its sums as
                bytes ``(tiles, ROWS, COLS, bytes)``, which it leaves unclamped: only ReLU6 bounds them.
        """
        module = self.layer.module
        if module.requantize:
            return self.layer.engine.result(self.gather(results), self.layer.target)
        return np.clip(self.gather(signed_numbers(results)), module.low, module.high)

    def scatter(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Inverse of :meth:`gather` for a byte map ``(images, height, width, channels)``; padding lanes are 0."""
        layer, (groups, channels) = self.layer, self.layer.slots.shape
        rows, cols = layer.engine.rows, layer.engine.cols
        plane = codes.reshape(self.positions, groups, channels).transpose(1, 2, 0)
        full = np.zeros((groups, self.row_tiles * rows, self.col_tiles * cols), np.uint8)
        target = full if layer.weights_on_rows else full.transpose(0, 2, 1)
        target[np.arange(groups)[:, None], layer.slots, : self.positions] = plane
        grid = full.reshape(groups, self.row_tiles, rows, self.col_tiles, cols).transpose(0, 1, 3, 2, 4)
        return np.ascontiguousarray(grid).reshape(-1, rows, cols)


@dataclass
class NetworkProgram:
    """A whole network compiled for an engine.

    Attributes:
        engine: what runs it. requant: how its post unit requantizes.
        layers: what the engine computes, by the module's name. memory: uint8, the image that all layers share.
    """

    engine: Engine
    requant: Requant
    layers: dict[str, LayerProgram]
    memory: NDArray[np.uint8]


def compile_network(network: IntegerNetwork, engine: Engine) -> NetworkProgram:
    """Compile every convolution and fully connected module of a network.

    Args:
        network: the integer network. engine: what runs it.

    Raises:
        ShiftworkError: naming the module, when its sums could leave the accumulators, its kernel is larger than its
            input, or the engine does not know its codes.
    """
    requant = requant_of(network)
    parts: dict[str, dict[str, NDArray[np.generic]]] = {}
    layers: dict[str, LayerProgram] = {}
    nothing = np.zeros(0, np.uint8)
    for module in network.convolutions:
        engine.check(network, module)
        source, slots = network.tensors[module.inputs[0]], engine.slots(module)
        height, width = output_shape((1, *source.shape), module)
        if height < 1 or width < 1:
            raise ShiftworkError(f"node {module.name!r}: the kernel is larger than the padded input")
        parts[module.name] = _parts(network, module, engine, slots, requant)
        layers[module.name] = LayerProgram(
            module=module,
            source=source,
            shortcut=None if module.shortcut is None else network.tensors[module.shortcut],
            target=network.tensors[module.output],
            rule=network.rule,
            engine=engine,
            requant=requant,
            memory=nothing,
            segments={},
            configuration=engine.configuration(network, module) | _post_configuration(network, module),
            weights_on_rows=engine.weights_on_rows(module),
            slots=slots,
            height=height,
            width=width,
        )
    memory = _place(layers, parts)
    return NetworkProgram(engine, requant, layers, memory)


def _parts(
    network: IntegerNetwork, module: IntegerModule, engine: Engine, slots: NDArray[np.int64], requant: Requant
) -> dict[str, NDArray[np.generic]]:
    """Everything that the image holds of a module."""
    assert module.weight is not None
    source, on_rows = network.tensors[module.inputs[0]], engine.weights_on_rows(module)
    depth = source.shape[2] // module.groups
    if depth != module.weight.shape[3]:
        raise ShiftworkError(
            f"node {module.name!r}: weights of {module.weight.shape[3]} channels a group and inputs of {depth}"
        )
    lanes = engine.rows if on_rows else engine.cols
    placed = spread(engine.weight_bytes(module), slots, lanes, source.zero)
    parts: dict[str, NDArray[np.generic] | None] = {
        "weights": engine.stored(blocks(placed, lanes, source.zero), source),
        "row_sp2": engine.row_kinds(module, slots),
        "tables": engine.tables(network, module),
    }
    values = {
        "bias": module.bias,
        "bias_shift": module.bias_shift,
        "shortcut_shift": module.shortcut_shift,
        "shift": module.shift,
    }
    if requant == "scale":
        values["factor"] = module.format.factors()
    for name, given in values.items():
        bits = CONSTANT_BITS.get(name, engine.acc_bits)
        parts[name] = pack_lanes(_vectors(given, slots, lanes, engine.cols, on_rows), bits)
    return {name: array for name, array in parts.items() if array is not None}


def _vectors(
    values: NDArray[np.integer] | None, slots: NDArray[np.int64], lanes: int, cols: int, on_rows: bool
) -> NDArray[np.int64]:
    """A constant per channel, one for all, or None for 0, as ``(vectors, COLS)``."""
    given = np.zeros(1, np.int64) if values is None else np.asarray(values, np.int64).reshape(-1)
    padded = spread(np.broadcast_to(given, (slots.size,)).reshape(slots.shape), slots, lanes)
    if on_rows:
        return np.broadcast_to(padded.reshape(-1, 1), (padded.size, cols))
    return padded.reshape(-1, cols)


def _post_configuration(network: IntegerNetwork, module: IntegerModule) -> dict[str, int]:
    """Configuration of the post unit. The sums of a raw output leave it unclamped."""
    return {
        "post_relu": int(module.relu),
        "post_shortcut_enable": int(module.shortcut is not None),
        "post_shortcut_signed": int(module.shortcut is not None and network.tensors[module.shortcut].signed),
        "post_low": module.low & 0x1FF,
        "post_high": module.high & 0x1FF,
    }


def _place(
    layers: Mapping[str, LayerProgram], parts: Mapping[str, Mapping[str, NDArray[np.generic]]]
) -> NDArray[np.uint8]:
    """The image of all parts, one layer after the other; tells the layers where theirs are."""
    offset = 0
    for name, layer in layers.items():
        for part, array in parts[name].items():
            layer.segments[part] = Segment(offset, array.shape, array.dtype.str)
            offset += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
    memory = np.zeros(offset, np.uint8)
    for name, layer in layers.items():
        layer.memory = memory
        for part, array in parts[name].items():
            start = layer.segments[part].offset
            memory[start : start + array.nbytes] = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    return memory

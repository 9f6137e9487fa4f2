# SPDX-License-Identifier: Apache-2.0
"""A whole network as a program of the accelerator with its memory image (``docs/accelerator.md``).

Activations stay in the activation memory from the network's input to its result. Every tensor that is computed has a
place there while it is needed: as it is, phase-split for readers of stride 2, or both. Concatenations, slices of every
second position and padding by channels are addresses, not work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile.engine import Engine
from shiftwork.compile.instructions import BYTES, TARGETS, UNITS, encode, listing
from shiftwork.compile.merge import merged, one_to_one, together
from shiftwork.compile.program import LayerProgram, compile_network
from shiftwork.compile.tr_engine import TrEngine
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden.blocks_layout import (
    PHASES,
    Place,
    block_shape,
    packed,
    split_shape,
    split_tensor,
    split_words,
    tensor,
    words,
)
from shiftwork.network.format import or_zero
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.settings import setting, within
from shiftwork.tensors.maps import window_count

ENGINES = ("tr", "mac")
"""Kinds of the engines that can be inside."""
WORD = 8
"""Bytes of a word of external memory."""
_ALIGNMENT = 64
_LARGEST_COUNT = (1 << 15) - 1
_SMALLEST_SUM, _LARGEST_SUM = -(1 << 31), (1 << 31) - 1


@dataclass(frozen=True)
class Accelerator:
    """The accelerator in one shape: an engine and the memories around it.

    Attributes:
        engine: what computes convolutions. activation_memory: KiB of it.
        weight_words: of the weight ring, of max(64, 8 * ROWS) bits. constants: channels of constants, of two layers.
    """

    engine: Engine = field(default_factory=TrEngine)
    activation_memory: int = setting(256, "KiB of activation memory of the accelerator.")
    weight_words: int = setting(1024, "Words of the accelerator's weight ring, of 64 bits up to 8 rows.")
    constants: int = setting(1024, "Channels of constants that the accelerator holds, half of them of one layer.")

    def __post_init__(self) -> None:
        if self.engine.kind not in ENGINES:
            raise ShiftworkError(f"the accelerator has engines {' and '.join(ENGINES)} inside, not {self.engine.kind}")
        within("rows", self.engine.rows, 2, 16)
        within("cols", self.engine.cols, 8, 64)
        within("activation_memory", self.activation_memory, 1, self.engine.cols << 5)
        within("weight_words", self.weight_words, 64, 1 << 16)
        within("constants", self.constants, 16, 1 << 16)
        values = {"rows": self.engine.rows, "cols": self.engine.cols, "activation_memory": self.activation_memory,
                  "weight_words": self.weight_words, "constants": self.constants}  # fmt: skip
        for name, value in values.items():
            if value & (value - 1):
                raise SettingError(f"`{name}` {value}: the accelerator takes powers of two")

    @property
    def activation_words(self) -> int:
        """Words of the activation memory."""
        return self.activation_memory * 1024 // self.engine.cols

    def parameters(self) -> dict[str, int | str]:
        """Parameters of ``shw_accel``."""
        return {
            "ENGINE": self.engine.kind,
            "ROWS": self.engine.rows,
            "COLS": self.engine.cols,
            "ADDR_W": self.activation_words.bit_length() - 1,
            "WEIGHTS": self.weight_words,
            "CONST_W": self.constants.bit_length() - 1,
        }


@dataclass(frozen=True, kw_only=True)
class Stored(Place):
    """A tensor in the activation memory.

    Attributes:
        shape: height, width, channels; of a raw result, four channels for one.
    """

    shape: tuple[int, int, int]

    @property
    def is_split(self) -> bool:
        """True for a tensor stored in phases."""
        return self.phase_stride > 0

    def words(self, cols: int) -> int:
        """Words from the first to behind the last."""
        height, width, _ = self.shape
        return PHASES * self.phase_stride if self.is_split else grid(height, width, cols)[0] * self.row_stride


def grid(height: int, width: int, cols: int) -> tuple[int, int]:
    """Rows of blocks, and blocks in a row, of a map."""
    return block_shape(cols).count(height, width)


def stored(shape: tuple[int, int, int], cols: int, is_split: bool) -> Stored:
    """A tensor by itself at word 0."""
    height, width, channels = shape
    size = split_shape(height, width, 0) if is_split else (height, width)
    place = packed(grid(*size, cols), channels)
    values = asdict(place) if is_split else asdict(place) | {"phase_stride": 0}
    return Stored(shape=shape, **values)


def unpack(memory: NDArray[np.uint8], place: Stored, cols: int) -> NDArray[np.uint8]:
    """Codes uint8 ``(height, width, channels)`` of a tensor in an activation memory ``(words, cols)``."""
    height, width, channels = place.shape
    size = split_shape(height, width, 0) if place.is_split else (height, width)
    rows, columns = grid(*size, cols)
    index = (
        place.base
        + place.phase_stride * np.arange(PHASES if place.is_split else 1)[:, None, None, None]
        + place.row_stride * np.arange(rows)[:, None, None]
        + place.block_stride * np.arange(columns)[:, None]
        + np.arange(channels)
    )
    laid = memory[index]
    return split_tensor(laid, height, width) if place.is_split else tensor(laid[0], height, width)


@dataclass(frozen=True)
class Area:
    """A copy of a part of the activation memory in external memory.

    Attributes:
        address: its first byte. place: what lies there, ``place.base`` counted from the start of the area.
        words: of the activation memory.
    """

    address: int
    place: Stored
    words: int


@dataclass
class AcceleratorProgram:
    """A network, compiled.

    Attributes:
        shape: what runs it. network: it.
        memory: uint8, external memory before a run: program, weights, constants, room for input and results.
        program_address, program_count: where the instructions are, and how many.
        input, output: where the host puts the input and finds the result.
        traces: copies of the tensors that modules wrote, by module, where asked for.
        instructions: index of the instruction that computes a module, by its name. layers: compiled convolutions.
    """

    shape: Accelerator
    network: IntegerNetwork
    memory: NDArray[np.uint8]
    program_address: int
    program_count: int
    input: Area
    output: Area
    traces: dict[str, list[Area]]
    instructions: dict[str, int]
    layers: dict[str, LayerProgram]

    @property
    def program(self) -> bytes:
        """The instructions."""
        return self.memory[self.program_address : self.program_address + BYTES * self.program_count].tobytes()

    def listing(self) -> list[str]:
        """The instructions as text."""
        names = {index: name for name, index in self.instructions.items()}
        return [f"{line}  # {names[i]}" if i in names else line for i, line in enumerate(listing(self.program))]

    def put(self, memory: NDArray[np.uint8], codes: NDArray[np.integer]) -> None:
        """Write an input ``(height, width, channels)`` of codes into external memory."""
        cols = self.shape.engine.cols
        laid = split_words(codes, cols) if self.input.place.is_split else words(codes, cols)
        data = laid.reshape(-1)
        memory[self.input.address : self.input.address + data.size] = data

    def get(self, memory: NDArray[np.uint8], area: Area, info: TensorInfo) -> NDArray[np.integer]:
        """Codes of a tensor in external memory: ``(height, width, channels)`` in its type."""
        cols = self.shape.engine.cols
        data = memory[area.address : area.address + area.words * cols].reshape(-1, cols)
        codes = unpack(data, area.place, cols)
        if info.bits > 8:
            height, width, channels = codes.shape
            return np.ascontiguousarray(codes).reshape(height, width, channels // 4, 4).view("<i4")[..., 0]
        return codes.view(info.dtype)


@dataclass
class _Home:
    """A tensor that is computed or loaded, with everything that reads it.

    Attributes:
        shape: of the tensor as it is stored (raw: four channels for one). plain, split: how it is needed.
        parent: the concatenation that it is a part of, and its first channel there.
        first, last: steps between which it is needed.
    """

    shape: tuple[int, int, int]
    plain: bool = False
    split: bool = False
    parent: tuple[str, int] | None = None
    first: int = -1
    last: int = -1


@dataclass(frozen=True)
class _Shortcut:
    """What a shortcut reads: a tensor, its phase (None: all of it), its first channel and their number."""

    tensor: str
    phase: int | None
    first: int
    count: int


def _check(network: IntegerNetwork, module: IntegerModule) -> None:
    """Refuse what the accelerator cannot do, by name."""
    name, info = module.name, network.tensors[module.output]
    where = f"node {name!r}"
    stride = module.attributes.get("stride", (1, 1)) if module.kind != "conv" else module.stride
    if module.kind in ("conv", "maxpool", "avgpool") and stride not in ((1, 1), (2, 2)):
        raise ShiftworkError(f"{where}: the accelerator moves by 1 or 2 both ways, not by {stride}")
    if module.kind == "reshape":
        raise ShiftworkError(f"{where}: the accelerator does not reorder codes (reshape to {info.shape})")
    if module.kind == "conv":
        if module.format.requant != "shift":
            raise ShiftworkError(f"{where}: the accelerator requantizes by shifts, not by {module.format.requant}")
        if not module.requantize and (module.low > _SMALLEST_SUM or module.high < _LARGEST_SUM):
            raise ShiftworkError(f"{where}: raw results are not clamped")
    if info.bits > 8 and module.output != network.output:
        raise ShiftworkError(f"{where}: raw results are the network's last")


def _kernel(module: IntegerModule) -> tuple[int, int]:
    if module.weight is not None:
        return int(module.weight.shape[1]), int(module.weight.shape[2])
    return tuple(module.attributes["kernel"])


def _is_global(network: IntegerNetwork, module: IntegerModule) -> bool:
    """True for an average over the whole map."""
    height, width, _ = network.tensors[module.inputs[0]].shape
    return module.kind == "avgpool" and _kernel(module) == (height, width) and not any(module.attributes["pads"])


class _Compiler:
    def __init__(self, network: IntegerNetwork, shape: Accelerator, trace: bool) -> None:
        self.network, self.shape, self.trace = network, shape, trace
        self.cols = shape.engine.cols
        modules = [self.merge(module) if module.kind == "conv" else module for module in network.modules]
        self.layers = compile_network(replace(network, modules=modules), shape.engine).layers
        self.by_output = {module.output: module for module in network.modules}
        for module in network.modules:
            _check(network, module)
        self.steps = [m for m in network.modules if m.kind not in ("concat", "slice", "pad")]
        self.homes: dict[str, _Home] = {}
        self.places: dict[tuple[str, bool], Stored] = {}
        self.memory = bytearray()
        self.program: list[bytes] = []
        self.constants: list[int] = []
        self.traces: dict[str, list[Area]] = {}
        self.instructions: dict[str, int] = {}

    def merge(self, module: IntegerModule) -> IntegerModule:
        """A convolution as the engine sees it."""
        return merged(module, together(module, self.shape.engine.rows)) if one_to_one(module) else module

    # Which tensors there are, and what reads them.

    def shortcut(self, module: IntegerModule, name: str) -> _Shortcut:
        """What is behind the tensor that a module adds."""
        phase, first = None, 0
        count = self.network.tensors[name].shape[2]
        while (maker := self.by_output.get(name)) is not None and maker.kind in ("slice", "pad"):
            source = self.network.tensors[maker.inputs[0]].shape
            if maker.kind == "pad":
                top, side, (front, back) = maker.attributes["pads"]
                if any((*top, *side)):
                    raise ShiftworkError(f"node {maker.name!r}: the accelerator pads channels, not maps")
                first, count = first + front, count - front - back
            else:
                starts, stops, steps = (maker.attributes[key] for key in ("starts", "stops", "steps"))
                whole = all(stop >= size for stop, size in zip(stops[:2], source[:2], strict=True))
                if tuple(steps) != (2, 2, 1) or starts[2] or stops[2] < source[2] or max(starts[:2]) > 1 or not whole:
                    raise ShiftworkError(f"node {maker.name!r}: the accelerator slices every second position only")
                phase = 2 * starts[0] + starts[1]
            name = maker.inputs[0]
        if maker is not None and maker.kind == "concat" and phase is not None:
            raise ShiftworkError(f"node {module.name!r}: its shortcut is a slice of a concatenation")
        return _Shortcut(name, phase, first, count)

    def stored_shape(self, name: str) -> tuple[int, int, int]:
        info = self.network.tensors[name]
        height, width, channels = info.shape
        return height, width, channels * (4 if info.bits > 8 else 1)

    def survey(self) -> None:
        """Homes of all tensors, how they are read, and for how long."""
        network = self.network
        made = [network.input, *(m.output for m in network.modules if m.kind not in ("slice", "pad"))]
        self.homes = {name: _Home(self.stored_shape(name)) for name in made}
        for module in network.modules:
            if module.kind != "concat":
                continue
            offset, info = 0, network.tensors[module.output]
            for name in module.inputs:
                home, source = self.homes.get(name), network.tensors[name]
                maker = self.by_output.get(name)
                if home is None or home.parent or maker is None or source.signed != info.signed:
                    raise ShiftworkError(
                        f"node {module.name!r}: the accelerator cannot write {name!r} where it belongs"
                    )
                home.parent = (module.output, offset)
                offset += source.shape[2]
        for step, module in enumerate(self.steps):
            home = self.homes[module.output]
            home.first = step
            self.read(module.inputs[0], step, self.stride(module) == 2)
            for other in self.added(module):
                found = self.shortcut(module, other)
                self.read(found.tensor, step, found.phase is not None)
        self.homes[network.input].first = -1
        final = self.homes[network.output]
        final.plain, final.last = True, len(self.steps)
        for name in reversed(made):  # a part is needed as the whole is, the whole from its first part on
            home = self.homes[name]
            if home.parent is not None:
                whole = self.homes[home.parent[0]]
                whole.plain, whole.split = whole.plain or home.plain, whole.split or home.split
                whole.last = max(whole.last, home.last)
                whole.first = home.first if whole.first < 0 else min(whole.first, home.first)
        for name in reversed(made):
            home = self.homes[name]
            if home.parent is not None:
                whole = self.homes[home.parent[0]]
                home.plain, home.split = whole.plain, whole.split
        for home in self.homes.values():
            home.last = max(home.last, home.first)
            if not home.plain and not home.split:
                home.plain = True

    def stride(self, module: IntegerModule) -> int:
        if module.kind == "conv":
            return module.stride[0]
        return 1 if module.kind == "add" or _is_global(self.network, module) else module.attributes["stride"][0]

    def added(self, module: IntegerModule) -> list[str]:
        """Tensors that it reads as shortcuts."""
        if module.kind == "add":
            return [module.inputs[1]]
        return [] if module.shortcut is None else [module.shortcut]

    def read(self, name: str, step: int, is_split: bool) -> None:
        home = self.homes.get(name)
        if home is None:
            maker = self.by_output[name]
            raise ShiftworkError(f"node {maker.name!r}: the accelerator knows a {maker.kind} as a shortcut only")
        home.plain, home.split = home.plain or not is_split, home.split or is_split
        home.last = max(home.last, step)

    # Where they are.

    def allocate(self) -> None:
        """Places of all tensors; a place is used again when nothing needs what is there."""
        roots = sorted((h.first, name) for name, h in self.homes.items() if h.parent is None)
        live: list[tuple[int, int, int]] = []  # first word, behind the last, last step
        for first, name in roots:
            home = self.homes[name]
            live = sorted(entry for entry in live if entry[2] >= first)
            for is_split in (False, True):
                if not (home.split if is_split else home.plain):
                    continue
                place = stored(home.shape, self.cols, is_split)
                size, base = place.words(self.cols), 0
                for start, end, _ in live:
                    if start - base >= size:
                        break
                    base = max(base, end)
                if base + size > self.shape.activation_words:
                    needed = 1 << (base + size - 1).bit_length()
                    maker = self.by_output.get(name)
                    raise ShiftworkError(
                        f"node {maker.name if maker else name!r}: {base + size} words of activation memory are needed, "
                        f"there are {self.shape.activation_words}; {needed * self.cols // 1024} KiB would do"
                    )
                self.places[name, is_split] = replace(place, base=base)
                live = sorted([*live, (base, base + size, home.last)])
        for name in reversed(list(self.homes)):
            parent = self.homes[name].parent
            if parent is None:
                continue
            for is_split in (False, True):
                whole = self.places.get((parent[0], is_split))
                if whole is not None:
                    place = replace(whole, shape=self.homes[name].shape, base=whole.base + parent[1])
                    self.places[name, is_split] = place

    # Instructions.

    def append(self, data: bytes) -> int:
        """Put bytes into external memory; their address."""
        self.memory += bytes(-len(self.memory) % _ALIGNMENT)
        address = len(self.memory)
        self.memory += data
        return address

    def room(self, words: int) -> int:
        """Room for words of the activation memory; its address."""
        return self.append(bytes(words * self.cols))

    def emit(self, kind: str, values: Mapping[str, int]) -> None:
        self.program.append(encode(kind, values))

    def load(
        self, target: str, address: int, size: int, place: int = 0, take: bool = False, give: bool = False
    ) -> None:
        self.emit("load", {"target": TARGETS[target], "memory": address, "words": size // WORD, "place": place,
                           "take_token": int(take), "give_token": int(give)})  # fmt: skip

    def constant(self, bias: int = 0, bias_shift: int = 0, shortcut_shift: int = 0, shift: int = 0) -> None:
        """Constants of the next channel of the layer."""
        self.constants.append(bias & 0xFFFFFFFF | bias_shift << 32 | shortcut_shift << 37 | shift << 43)

    def geometry(self, module: IntegerModule) -> dict[str, int]:
        """What is read, and the blocks of the result."""
        info, source = self.network.tensors[module.output], self.network.tensors[module.inputs[0]]
        is_split = self.stride(module) == 2
        place = self.places[module.inputs[0], is_split]
        rows, columns = grid(info.shape[0], info.shape[1], self.cols)
        return {
            "base": place.base, "block_stride": place.block_stride, "row_stride": place.row_stride,
            "phase_stride": place.phase_stride, "split": int(is_split),
            "height": source.shape[0], "width": source.shape[1], "blocks_y": rows, "blocks_x": columns,
            "last_slice": (info.shape[0] - 1) % block_shape(self.cols).height,
            "kernel_y": 1, "kernel_x": 1, "dilation_y": 1, "dilation_x": 1,
            "channels": source.shape[2], "groups": 1, "tiles": 1, "out_channels": info.shape[2],
            "col_signed": int(source.signed),
        }  # fmt: skip

    def shortcut_fields(self, module: IntegerModule) -> dict[str, int]:
        names = self.added(module)
        if not names:
            return {}
        found = self.shortcut(module, names[0])
        place = self.places[found.tensor, found.phase is not None]
        return {
            "shortcut_enable": 1,
            "shortcut_signed": int(self.network.tensors[found.tensor].signed),
            "shortcut_base": place.base + (found.phase or 0) * place.phase_stride,
            "shortcut_block_stride": place.block_stride,
            "shortcut_row_stride": place.row_stride,
            "shortcut_first": found.first,
            "shortcut_count": found.count,
        }

    def destination(self, module: IntegerModule) -> dict[str, int]:
        info = self.network.tensors[module.output]
        plain, halved = self.places.get((module.output, False)), self.places.get((module.output, True))
        values = {"raw": 1} if info.bits > 8 else {"plain": int(plain is not None), "to_split": int(halved is not None)}
        if plain is not None:
            values |= {"plain_base": plain.base, "plain_row_stride": plain.row_stride,
                       "out_block_stride": plain.block_stride}  # fmt: skip
        if halved is not None:
            values |= {"split_base": halved.base, "split_row_stride": halved.row_stride,
                       "split_phase_stride": halved.phase_stride, "out_block_stride": halved.block_stride}  # fmt: skip
        return values

    def convolution(self, module: IntegerModule) -> dict[str, int]:
        layer, engine = self.layers[module.name], self.shape.engine
        if not layer.weights_on_rows:
            raise ShiftworkError(f"node {module.name!r}: the accelerator streams weights, not activations")
        apart = one_to_one(module)
        module = layer.module
        assert module.weight is not None
        rows, groups = engine.rows, module.groups
        channels = len(module.weight) // groups
        tiles = -(-channels // rows)
        columns = (module.bias, module.bias_shift, module.shortcut_shift, module.shift)
        table = [
            np.broadcast_to(np.zeros(1, np.int64) if column is None else column.reshape(-1), len(module.weight))
            for column in columns
        ]
        for row in zip(*table, strict=True):
            self.constant(*(int(value) for value in row))
        names = {"cfg_row_signed": "row_signed", "cfg_col_signed": "col_signed", "cfg_tr_en": "tr_en",
                 "cfg_group": "group", "cfg_group_budget": "group_budget", "cfg_data_terms": "data_terms",
                 "cfg_encoding": "encoding"}  # fmt: skip
        chosen = {names[port]: value for port, value in layer.configuration.items() if port in names}
        return {
            "unit": UNITS["engine"],
            "kernel_y": module.weight.shape[1], "kernel_x": module.weight.shape[2],
            "dilation_y": module.dilation[0], "dilation_x": module.dilation[1],
            "pad_y": module.pads[0], "pad_x": module.pads[1],
            "channels": module.weight.shape[3], "groups": groups, "tiles": tiles, "out_channels": channels,
            "relu": int(module.relu), "low": module.low & 0x1FF, "high": module.high & 0x1FF, "rows_apart": int(apart),
        } | chosen  # fmt: skip

    def weights(self, module: IntegerModule, layer: LayerProgram) -> None:
        """Stream the weights of a layer, row tile after row tile."""
        info, rows = self.network.tensors[module.output], self.shape.engine.rows
        data = np.ascontiguousarray(layer.weights)
        if one_to_one(module):  # every beat has a weight of one row
            count = layer.channels
            taps = data[..., :count].reshape(len(data), -1, count, count).diagonal(axis1=2, axis2=3)
            data = np.pad(taps, ((0, 0), (0, 0), (0, rows - count)))
        tiles, beats, _ = data.shape
        wide = max(WORD, rows)
        words = -(-beats * rows // wide)
        blocks = grid(info.shape[0], info.shape[1], self.cols)
        if blocks != (1, 1) and words > self.shape.weight_words:
            raise ShiftworkError(
                f"node {module.name!r}: {words} words of weights are needed at once, the ring has "
                f"{self.shape.weight_words}; {1 << (words - 1).bit_length()} would do"
            )
        stream = np.zeros((tiles, words * wide), np.uint8)
        stream[:, : beats * rows] = data.reshape(tiles, -1)
        self.load("weights", self.append(stream.tobytes()), stream.size)

    def pooling(self, module: IntegerModule) -> dict[str, int]:
        source, info = self.network.tensors[module.inputs[0]], self.network.tensors[module.output]
        pads, kernel = module.attributes["pads"], _kernel(module)
        values = {"kernel_y": kernel[0], "kernel_x": kernel[1], "pad_y": pads[0], "pad_x": pads[1],
                  "low": module.low & 0x1FF, "high": module.high & 0x1FF, "constants_fixed": 1}  # fmt: skip
        if module.kind == "maxpool":
            fill = 0x80 if source.signed else 0
            self.constant()
            return values | {"unit": UNITS["maximum"], "fill": fill, "low": 0x180, "high": 0xFF}
        values["unit"] = UNITS["sum"]
        if _is_global(self.network, module):
            blocks, block = grid(source.shape[0], source.shape[1], self.cols), block_shape(self.cols)
            values |= {
                "reduce": 1,
                "kernel_y": blocks[0],
                "kernel_x": blocks[1],
                "dilation_y": block.height,
                "dilation_x": block.width,
            }
        if module.attributes.get("raw_sum"):
            self.constant()
            return values | {"relu": int(module.relu)}
        counts = np.unique(window_count(source.shape[:2], module.attributes))
        if len(counts) > 1:
            raise ShiftworkError(
                f"node {module.name!r}: its averages are over {counts[0]} to {counts[-1]} positions; the accelerator "
                "takes one divisor"
            )
        up = info.fraction - source.fraction
        count = int(counts[0]) << max(-up, 0)
        up = max(up, 0)
        if count & (count - 1) == 0 and count.bit_length() - 1 >= up:
            self.constant(shift=count.bit_length() - 1 - up)
            return values
        if count > _LARGEST_COUNT:
            raise ShiftworkError(
                f"node {module.name!r}: it divides by {count}, the accelerator by {_LARGEST_COUNT} at most"
            )
        self.constant()
        return values | {"divide": 1, "up": up, "count": count}

    def addition(self, module: IntegerModule) -> dict[str, int]:
        first, second = module.attributes["shifts"]
        if first and second:
            raise ShiftworkError(f"node {module.name!r}: both operands of the addition are shifted")
        shift = int(np.asarray(or_zero(module.shift)).reshape(-1)[0])
        self.constant(shortcut_shift=max(first, second), shift=shift)
        return {
            "unit": UNITS["sum"],
            "constants_fixed": 1,
            "relu": int(module.relu), "low": module.low & 0x1FF, "high": module.high & 0x1FF,
        }  # fmt: skip

    def layer(self, module: IntegerModule) -> dict[str, int]:
        if module.kind == "conv":
            return self.convolution(module)
        return self.addition(module) if module.kind == "add" else self.pooling(module)

    def run(self, step: int, module: IntegerModule) -> None:
        """A layer: its constants, its weights, its instruction.

        Constants alternate between the halves of their memory: those of a layer wait until the layer before the last
        one has ended.
        """
        self.constants = []
        fields = self.geometry(module) | self.layer(module) | self.shortcut_fields(module) | self.destination(module)
        half = self.shape.constants // 2
        if len(self.constants) > half:
            raise ShiftworkError(
                f"node {module.name!r}: it has {len(self.constants)} channels with constants, the accelerator holds "
                f"{half} of a layer; constants = {2 << (len(self.constants) - 1).bit_length()} would do"
            )
        data = np.array(self.constants, np.uint64).tobytes()
        fields["constants"] = place = step % 2 * half
        self.load("constants", self.append(data), len(data), place, take=step >= 2 and not self.trace, give=True)
        if module.kind == "conv":
            self.weights(module, self.layers[module.name])
        last = len(self.steps) - 1
        self.instructions[module.name] = len(self.program)
        gives = step == last or step + 2 <= last or self.trace
        self.emit("run", fields | {"take_token": 1, "give_token": int(gives)})
        if self.trace:
            self.traces[module.name] = self.store(module.output)

    def store(self, name: str) -> list[Area]:
        """Copy a tensor, as it is and phase-split, to external memory; of a part, the whole."""
        root, offset = name, 0
        while (parent := self.homes[root].parent) is not None:
            root, offset = parent[0], offset + parent[1]
        found = [self.places[root, is_split] for is_split in (False, True) if (root, is_split) in self.places]
        areas = []
        for index, whole in enumerate(found):
            words = whole.words(self.cols)
            address = self.room(words)
            self.emit("store", {"memory": address, "words": words * self.cols // WORD, "place": whole.base,
                                "take_token": int(index == 0)})  # fmt: skip
            areas.append(Area(address, replace(whole, base=offset, shape=self.homes[name].shape), words))
        return areas

    def compile(self) -> AcceleratorProgram:
        self.survey()
        self.allocate()
        network = self.network
        place = self.places[network.input, self.homes[network.input].split]
        if self.homes[network.input].plain and self.homes[network.input].split:
            raise ShiftworkError(f"tensor {network.input!r}: the network's input is read by stride 1 and by stride 2")
        words = place.words(self.cols)
        entry = Area(self.room(words), replace(place, base=0), words)
        self.load("activations", entry.address, words * self.cols, place.base)
        for step, module in enumerate(self.steps):
            if module.kind == "add" and module.attributes["shifts"][0]:  # the operand that is shifted is the shortcut
                first, second = module.inputs
                module = replace(module, inputs=[second, first])
            self.run(step, module)
        last = self.steps[-1].name
        output = self.traces[last][0] if self.trace else self.store(network.output)[0]
        address = self.append(b"".join(self.program))
        self.memory += bytes(-len(self.memory) % _ALIGNMENT)
        memory = np.frombuffer(bytes(self.memory), np.uint8)
        return AcceleratorProgram(self.shape, network, memory, address, len(self.program), entry, output, self.traces,
                                  self.instructions, self.layers)  # fmt: skip


def compile_accelerator(network: IntegerNetwork, shape: Accelerator, trace: bool = False) -> AcceleratorProgram:
    """Compile a network for the accelerator.

    Args:
        network: the integer network. shape: what runs it.
        trace: copy what every module writes to external memory, for comparison.

    Raises:
        ShiftworkError: naming the module and what does not fit.
    """
    return _Compiler(network, shape, trace).compile()

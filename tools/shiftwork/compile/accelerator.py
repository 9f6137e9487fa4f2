# SPDX-License-Identifier: Apache-2.0
"""A whole network as a program of the accelerator with its memory image (``docs/accelerator.md``).

A tensor is at home in the activation memory, where it has a place while it is needed, or, where the memory is too
small, in external memory in the same words: as it is, phase-split for readers of stride 2, or both. A layer that reads
or writes a tensor outside runs in strips of block rows (:mod:`shiftwork.compile.strips`). Concatenations, slices of
every second position and padding by channels are addresses, not work.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile.engine import Engine
from shiftwork.compile.first_layer import STRIDES, Windows, with_windows
from shiftwork.compile.instructions import AHEAD, BYTES, ENGINE_KINDS, TARGETS, UNITS, decoded, encode, listing
from shiftwork.compile.mac_engine import MacEngine
from shiftwork.compile.merge import merged, one_to_one, together
from shiftwork.compile.msq_engine import MsqEngine
from shiftwork.compile.program import LayerProgram, compile_network
from shiftwork.compile.queues import Queues, Span
from shiftwork.compile.strips import PARTS, Plan, Ranges, Step, cut, plan, smallest
from shiftwork.compile.tr_engine import TrEngine
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden.blocks_layout import (
    PHASES,
    Place,
    block_shape,
    packed,
    raw_values,
    split_shape,
    split_tensor,
    split_words,
    tensor,
    words,
)
from shiftwork.network.format import Requant, or_zero
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.settings import setting, within
from shiftwork.tensors.maps import window_count

ENGINES: dict[str, Callable[[int, int], Engine]] = {"tr": TrEngine, "mac": MacEngine, "msq": MsqEngine.inside_of}
"""Engines that can be inside, by their kind: from rows and columns. A program does not depend on anything else."""
ADDRESSES = ("concat", "slice", "pad")
"""Kinds of modules that are addresses, not work."""
WORD = 8
"""Bytes of a word of external memory."""
_ALIGNMENT = 64
_ENGINE_SETTINGS = (
    "unit", "row_signed", "col_signed", "tr_en", "group", "group_budget", "data_terms", "encoding", "slice_shift",
    "rows_apart",
)  # fmt: skip
_HALF = 1 << 15
"""Least mantissa of a scale: a multiplication by it is a shift of 15 places."""
_MOST_TILES = 256
"""Row tiles that ``shw_accel_follow`` tells apart."""
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
            raise ShiftworkError(f"the accelerator has engines {', '.join(ENGINES)} inside, not {self.engine.kind}")
        for name, value in self.engine.inside.items():
            within(name, getattr(self.engine, name), value, value)
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

    @property
    def header(self) -> dict[str, int]:
        """What the header of a program says of it."""
        return {
            "engine": ENGINE_KINDS[self.engine.kind],
            "rows": self.engine.rows,
            "cols": self.engine.cols,
            "activations": self.activation_words.bit_length() - 1,
            "weights": self.weight_words.bit_length() - 1,
            "constants": self.constants.bit_length() - 1,
        }

    def parameters(self) -> dict[str, int | str]:
        """Parameters of ``shw_accel``."""
        return self.engine.accelerated() | {
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
    laid = memory[place.addresses(PHASES if place.is_split else 1, *grid(*size, cols), channels)]
    return split_tensor(laid, height, width) if place.is_split else tensor(laid[0], height, width)


@dataclass(frozen=True)
class Area:
    """A tensor in external memory: in parts of channels, each with all its words.

    Attributes:
        address: its first byte. name, info: the tensor. is_split: in phases. parts: channels of its parts, as stored.
        windows: of the image that the tensor consists of; None: it is the image. copies: times that the image holds a
            sample (:class:`~shiftwork.network.ends.Entry`).
    """

    address: int
    name: str
    info: TensorInfo
    is_split: bool
    parts: tuple[int, ...]
    windows: Windows | None = None
    copies: int = 1

    @property
    def image(self) -> tuple[int, int, int]:
        """Height, width and channels as whoever writes or reads it knows them."""
        return self.info.shape if self.windows is None else self.windows.image

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels as they are stored."""
        return stored_shape(self.info)

    def pieces(self, cols: int) -> list[tuple[int, Stored]]:
        """Address of every part, and the part, words from there on."""
        height, width, _ = self.shape
        found, address = [], self.address
        for channels in self.parts:
            place = stored((height, width, channels), cols, self.is_split)
            found.append((address, place))
            address += place.words(cols) * self.word_bytes(cols)
        return found

    def word_bytes(self, cols: int) -> int:
        """Bytes of a word: its first ones, of a map that is less than a block high only those of its rows."""
        height, width, _ = self.shape
        block = block_shape(cols)
        rows = min(split_shape(height, width, 0)[0] if self.is_split else height, block.height)
        return -(-rows * block.width // WORD) * WORD

    def size(self, cols: int) -> int:
        """Bytes of it."""
        return stored(self.shape, cols, self.is_split).words(cols) * self.word_bytes(cols)

    def laid(self, codes: NDArray[np.integer]) -> NDArray[np.integer]:
        """Codes of the tensor, from those of images ``(..., height, width, channels)``."""
        return codes if self.windows is None else self.windows.of(codes, *self.info.shape[:2])

    def put(self, memory: NDArray[np.uint8], codes: NDArray[np.integer], cols: int) -> None:
        """Write codes ``(height, width, channels)`` of 8 bits, of the image."""
        first, size = 0, self.word_bytes(cols)
        codes = self.laid(codes)
        for address, place in self.pieces(cols):
            part = codes[..., first : first + place.shape[2]]
            laid = (split_words(part, cols) if self.is_split else words(part, cols)).reshape(-1, cols)[:, :size]
            memory[address : address + laid.size] = laid.reshape(-1)
            first += place.shape[2]

    def get(self, memory: NDArray[np.uint8], cols: int) -> NDArray[np.integer]:
        """Codes ``(height, width, channels)`` in the tensor's type."""
        size, parts = self.word_bytes(cols), []
        for address, place in self.pieces(cols):
            laid = memory[address : address + place.words(cols) * size].reshape(-1, size)
            parts.append(unpack(np.pad(laid, ((0, 0), (0, cols - size))), place, cols))
        codes = np.concatenate(parts, axis=2)
        return raw_values(codes) if self.info.bits > 8 else codes.view(self.info.dtype)


def stored_shape(info: TensorInfo) -> tuple[int, int, int]:
    """Height, width and channels of a tensor as it is stored: four channels for one of a raw result."""
    height, width, channels = info.shape
    return height, width, channels * (4 if info.bits > 8 else 1)


@dataclass(kw_only=True)
class AcceleratorProgram:
    """What the accelerator runs.

    Attributes:
        shape: what it is compiled for.
        memory: uint8, external memory before a run: program, weights, constants, room for input and results.
        program_address, program_count: where the instructions are, the header first, and how many.
        input, output: where the host puts the input and finds the result.
        instructions: indices of the instructions that compute a module, by its name.
    """

    shape: Accelerator
    memory: NDArray[np.uint8]
    program_address: int
    program_count: int
    input: Area
    output: Area
    instructions: dict[str, list[int]]

    @property
    def program(self) -> bytes:
        """The instructions, the header first."""
        return self.memory[self.program_address : self.program_address + BYTES * self.program_count].tobytes()

    @property
    def moves(self) -> list[tuple[str, dict[str, int]]]:
        """Kind and fields of every load and store."""
        return [step for step in decoded(self.program) if step[0] in ("load", "store")]

    @property
    def write_window(self) -> tuple[int, int]:
        """Addresses of the first and the last word of 8 bytes that stores write; the last one first where none is."""
        stores = [values for kind, values in self.moves if kind == "store"]
        first = min((values["memory"] for values in stores), default=WORD)
        return first, max((values["memory"] + WORD * (values["words"] - 1) for values in stores), default=0)

    def loaded(self, target: str) -> int:
        """Bytes of external memory that is loaded to a target of :data:`~shiftwork.compile.instructions.TARGETS`."""
        loads = (values for kind, values in self.moves if kind == "load" and values["target"] == TARGETS[target])
        size = end = 0
        for first, count in sorted({(values["memory"], values["words"]) for values in loads}):
            behind = first + WORD * count
            size += max(behind - max(first, end), 0)
            end = max(end, behind)
        return size

    @property
    def names(self) -> dict[int, str]:
        """The module that an instruction computes, by the instruction's index."""
        return {index: name for name, found in self.instructions.items() for index in found}

    def spans(self, times: Iterable[tuple[int, int]]) -> dict[str, tuple[int, int]]:
        """When modules start and end, by name: ``times`` are those of the layers in the order of the program."""
        found: dict[str, tuple[int, int]] = {}
        for (_, name), (start, end) in zip(sorted(self.names.items()), times, strict=True):
            found[name] = (found.get(name, (start, 0))[0], end)
        return found

    def listing(self) -> list[str]:
        """The instructions as text."""
        names = self.names
        return [f"{line}  # {names[i]}" if i in names else line for i, line in enumerate(listing(self.program))]

    def put(self, memory: NDArray[np.uint8], codes: NDArray[np.integer]) -> None:
        """Write an input ``(height, width, channels)`` of codes into external memory."""
        self.input.put(memory, codes, self.shape.engine.cols)

    def get(self, memory: NDArray[np.uint8], area: Area | None = None) -> NDArray[np.integer]:
        """Codes of a tensor in external memory, of the output by default: ``(height, width, channels)`` in its type."""
        return (area or self.output).get(memory, self.shape.engine.cols)


@dataclass(kw_only=True)
class CompiledNetwork(AcceleratorProgram):
    """A network, compiled.

    Attributes:
        network: it, as it is computed. traces: copies of the tensors that modules wrote, by module, where asked for.
        layers: compiled convolutions.
    """

    network: IntegerNetwork
    traces: dict[str, list[Area]]
    layers: dict[str, LayerProgram]


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
class _Handed:
    """A tensor that a pooling takes part by part: channels of a part, the first step that writes it, the pooling."""

    count: int
    first: int
    last: int


@dataclass(frozen=True)
class _Shortcut:
    """What a shortcut reads: a tensor, its phase (None: all of it), its first channel and their number."""

    tensor: str
    phase: int | None
    first: int
    count: int


def _check(network: IntegerNetwork, module: IntegerModule, path: Requant) -> None:
    """Refuse what the accelerator cannot do, by name."""
    name, info = module.name, network.tensors[module.output]
    where = f"node {name!r}"
    stride = module.attributes.get("stride", (1, 1)) if module.kind != "conv" else module.stride
    if module.kind in ("conv", "maxpool", "avgpool") and stride not in STRIDES:
        raise ShiftworkError(
            f"{where}: the accelerator moves by 1 or 2 both ways, not by {stride}; otherwise only in a convolution "
            "without groups that alone reads the network's input"
        )
    if module.kind == "reshape":
        raise ShiftworkError(f"{where}: the accelerator does not reorder codes (reshape to {info.shape})")
    if module.kind in ("table", "mul", "matmul", "host"):
        raise ShiftworkError(f"{where}: the accelerator has no {module.kind}; the engine alone (rtl) runs the network")
    if "dilation" in module.attributes:
        raise ShiftworkError(f"{where}: the accelerator does not pool with dilation")
    if module.kind == "conv":
        if module.format.requant not in ("shift", path):
            raise ShiftworkError(f"{where}: the accelerator requantizes by shifts, not by {module.format.requant}")
        if not module.requantize and (module.low > _SMALLEST_SUM or module.high < _LARGEST_SUM):
            raise ShiftworkError(f"{where}: raw results are not clamped")
    if info.bits > 8 and path == "scale" and (module.kind == "add" or module.shortcut is not None):
        raise ShiftworkError(f"{where}: a raw result by scale has no shortcut")
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


def _enough(name: str, needed: int, most: int, unit: str = "") -> str:
    """The smallest value of a setting that would do, of those that are powers of two."""
    value = 1 << max(needed - 1, 0).bit_length()
    return f"`{name}` {value}{unit} would do" if value <= most else f"the most is `{name}` {most}{unit}"


class _NoRoomError(Exception):
    """A tensor, or a step that writes it, does not fit the activation memory: how many words it takes."""

    def __init__(self, name: str, step: int, words: int) -> None:
        super().__init__(name)
        self.name, self.step, self.words = name, step, words


class _Compiler:
    def __init__(self, network: IntegerNetwork, shape: Accelerator, trace: bool) -> None:
        if network.constants:
            name = next(iter(network.constants))
            raise ShiftworkError(f"tensor {name!r}: the accelerator adds no constants that differ within a channel")
        network, self.windows = with_windows(network)
        self.network, self.shape, self.trace = network, shape, trace
        self.cols = shape.engine.cols
        modules = [self.merge(module) if module.kind == "conv" else module for module in network.modules]
        self.layers = compile_network(replace(network, modules=modules), shape.engine).layers
        self.by_output = {module.output: module for module in network.modules}
        for module in network.modules:
            _check(network, module, shape.engine.path)
            if module.kind == "conv" and not self.layers[module.name].weights_on_rows:
                raise ShiftworkError(f"node {module.name!r}: the accelerator streams weights, not activations")
        self.steps = [m for m in network.modules if m.kind not in ADDRESSES]
        self.homes: dict[str, _Home] = {}
        self.places: dict[tuple[str, bool], Stored] = {}
        self.outside: set[str] = set()  # roots that live in external memory
        self.handed: dict[str, _Handed] = {}  # roots of which some channels at a time are on the chip
        self.areas: dict[tuple[str, bool], Area] = {}
        self.plans: list[Plan] = []
        self.tile_cycles_of: dict[str, NDArray[np.int64]] = {}
        self.known: dict[tuple[object, ...], Plan | None] = {}
        self.memory = bytearray()
        self.queues = Queues(shape.header)
        self.constants: list[int] = []
        self.before: tuple[dict[str, int], list[Span]] | None = None  # the last layer: its fields, what it writes
        self.traces: dict[str, list[Area]] = {}
        self.instructions: dict[str, list[int]] = {}

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
                if starts[1]:
                    raise ShiftworkError(f"node {maker.name!r}: the accelerator slices from an even column on only")
                phase = 2 * starts[0] + starts[1]
            name = maker.inputs[0]
        if maker is not None and maker.kind == "concat" and phase is not None:
            raise ShiftworkError(f"node {module.name!r}: its shortcut is a slice of a concatenation")
        return _Shortcut(name, phase, first, count)

    def survey(self) -> None:
        """Homes of all tensors, how they are read, and for how long."""
        network = self.network
        made = [network.input, *(m.output for m in network.modules if m.kind not in ("slice", "pad"))]
        self.homes = {name: _Home(stored_shape(network.tensors[name])) for name in made}
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

    def root(self, name: str) -> str:
        """The tensor that a tensor is stored with."""
        while (parent := self.homes[name].parent) is not None:
            name = parent[0]
        return name

    def is_outside(self, name: str) -> bool:
        return self.root(name) in self.outside

    def leaves(self, name: str) -> list[tuple[str, int]]:
        """What a tensor consists of outside, with the first channel of each."""
        maker = self.by_output.get(name)
        if maker is None or maker.kind != "concat":
            return [(name, 0)]
        found, first = [], 0
        for part in maker.inputs:
            found += [(leaf, first + offset) for leaf, offset in self.leaves(part)]
            first += self.homes[part].shape[2]
        return found

    def place_roots(self) -> tuple[str, int, int] | None:
        """Places of all tensors on the chip; a place is used again when nothing needs what is there.

        Returns:
            None, or the tensor that does not fit, the step, and the words that would be needed.
        """
        self.places = {}
        roots = sorted((self.life(name)[0], name) for name, h in self.homes.items() if h.parent is None)
        live: list[tuple[int, int, int]] = []  # first word, behind the last, last step
        for first, name in roots:
            home = self.homes[name]
            if name in self.outside:
                continue
            live = sorted(entry for entry in live if entry[2] >= first)
            for is_split in (False, True):
                if not (home.split if is_split else home.plain):
                    continue
                height, width, channels = home.shape
                if name in self.handed:
                    channels = self.handed[name].count
                place = stored((height, width, channels), self.cols, is_split)
                size, base = place.words(self.cols), 0
                for start, end, _ in live:
                    if start - base >= size:
                        break
                    base = max(base, end)
                if base + size > self.shape.activation_words:
                    return name, max(first, 0), base + size
                self.places[name, is_split] = replace(place, base=base)
                live = sorted([*live, (base, base + size, self.life(name)[1])])
        for name in reversed(list(self.homes)):
            parent = self.homes[name].parent
            if parent is None:
                continue
            for is_split in (False, True):
                whole = self.places.get((parent[0], is_split))
                if whole is not None:
                    first = 0 if self.root(name) in self.handed else parent[1]
                    place = replace(whole, shape=self.homes[name].shape, base=whole.base + first)
                    self.places[name, is_split] = place
        return None

    def reads(self, module: IntegerModule) -> set[str]:
        """The tensors that a module reads, as they are stored."""
        names = [module.inputs[0], *(self.shortcut(module, name).tensor for name in self.added(module))]
        return set(map(self.root, names))

    def hand_over(self, name: str) -> tuple[int, int] | None:
        """The first step that writes a tensor and the pooling that alone reads it; None where it is not like that."""
        if name in (self.network.input, self.network.output) or self.trace:
            return None
        makers = [step for step, module in enumerate(self.steps) if self.root(module.output) == name]
        first, last = makers[0], makers[-1] + 1
        readers = [step for step, module in enumerate(self.steps) if name in self.reads(module)]
        written = [self.steps[step].output for step in makers]
        if makers != list(range(first, last)) or written != [leaf for leaf, _ in self.leaves(name)]:
            return None
        if readers != [last] or self.steps[last].kind not in ("maxpool", "avgpool"):
            return None
        tiled = all(self.step(self.steps[step])[0].tiled for step in makers)
        few = max(self.homes[leaf].shape[2] for leaf in written) < self.shape.constants // 2
        return (first, last) if tiled and few else None

    def parts(self, step: int) -> Ranges:
        """Parts of channels of a step whose output, or else whose source, is handed over; none otherwise."""
        module = self.steps[step]
        if (given := self.handed.get(self.root(module.output))) is not None:
            return cut(self.homes[module.output].shape[2], given.count)
        if (taken := self.handed.get(self.root(module.inputs[0]))) is None:
            return ()
        sizes = [(first, self.homes[leaf].shape[2]) for leaf, first in self.leaves(module.inputs[0])]
        return tuple((first + low, first + high) for first, size in sizes for low, high in cut(size, taken.count))

    def life(self, name: str) -> tuple[int, int]:
        """The steps between which a tensor is needed; steps that take turns begin and end together."""
        first, last = self.homes[name].first, self.homes[name].last
        for one in self.handed.values():
            first = one.first if one.first <= first <= one.last else first
            last = one.last if one.first <= last <= one.last else last
        return first, last

    def gaps(self, step: int) -> list[tuple[int, int]]:
        """Free parts of the activation memory during a step."""
        used = sorted(
            (place.base, place.base + place.words(self.cols))
            for (name, _), place in self.places.items()
            if self.homes[name].parent is None and self.life(name)[0] <= step <= self.life(name)[1]
        )
        found, free = [], 0
        for first, end in [*used, (self.shape.activation_words, self.shape.activation_words)]:
            if first > free:
                found.append((free, first))
            free = max(free, end)
        return found

    def tile_cycles(self, module: IntegerModule) -> NDArray[np.int64]:
        """Cycles of the engine for a tile of every row block of weights of a convolution."""
        if module.name not in self.tile_cycles_of:
            layer = self.layers[module.name]
            self.tile_cycles_of[module.name] = layer.engine.tile_cycles(layer)
        return self.tile_cycles_of[module.name]

    def step(self, module: IntegerModule) -> tuple[Step, tuple[bool, bool, bool]]:
        """A layer for planning, and whether its source, shortcut and output are outside."""
        network, stride = self.network, self.stride(module)
        source, info = network.tensors[module.inputs[0]], network.tensors[module.output]
        home, block = self.homes[module.output], block_shape(self.cols)
        size = split_shape(*source.shape[:2], 0) if stride == 2 else source.shape[:2]
        names = self.added(module)
        found = self.shortcut(module, names[0]) if names else None
        kernel, dilation, pad = (1, 1), 1, 0
        if module.kind == "conv":
            kernel, dilation, pad = _kernel(module), module.dilation[0], module.pads[0]
        elif module.kind != "add":
            kernel, pad = _kernel(module), module.attributes["pads"][0]
        whole = module.kind != "conv" and module.kind != "add" and _is_global(network, module)
        taps = np.prod(grid(*source.shape[:2], self.cols) if whole else kernel)
        results = block.height * (4 if info.bits > 8 else int(home.plain) + int(home.split))  # of a channel
        cycles, weights = info.shape[2] * max(int(taps), results), 0
        if module.kind == "conv":
            rows = self.shape.engine.rows
            cycles = int(np.maximum(self.tile_cycles(module), rows * results).sum())
            data, wide = self.layers[module.name].weights, max(WORD, rows)
            weights = data.shape[0] * -(-data.shape[1] * data.shape[2] // wide) * wide // WORD
        separate = found is None and (module.kind in ("maxpool", "avgpool") or (
            module.kind == "conv" and module.groups == source.shape[2] == info.shape[2]))  # fmt: skip
        tiled = module.kind == "conv" and module.groups == 1 and found is None
        tile = self.shape.engine.rows if module.kind == "conv" else 1
        if separate and module.kind == "conv":
            tile = self.layers[module.name].channels
        described = Step(
            block, source.shape[0], grid(*size, self.cols), grid(*info.shape[:2], self.cols), source.shape[2],
            info.shape[2], 0 if found is None else self.homes[found.tensor].shape[2], stride, kernel[0], dilation, pad,
            info.shape[0], whole, separate, tiled, tile, home.shape[2] // info.shape[2], home.plain,
            home.split, cycles, weights,
        )  # fmt: skip
        outside = (
            self.is_outside(module.inputs[0]),
            found is not None and self.is_outside(found.tensor),
            self.is_outside(module.output),
        )
        return described, outside

    def arrange(self) -> int:
        """Places of the tensors on the chip and plans of all layers; about the cycles of all of it.

        Raises:
            _NoRoomError: something does not fit.
        """
        failed = self.place_roots()
        if failed is not None:
            raise _NoRoomError(*failed)
        self.plans = []
        word = max(self.cols // WORD, block_shape(self.cols).height)
        cycles = sum(place.words(self.cols) * word for (name, _), place in self.places.items()
                     if name in (self.network.input, self.network.output))  # fmt: skip
        for index, module in enumerate(self.steps):
            module = self.ordered(module)
            described, outside = self.step(module)
            gaps = self.gaps(index) if any(outside) else []
            handed = self.parts(index)
            key = (index, outside, tuple(gaps), handed)
            if key not in self.known:
                self.known[key] = plan(described, outside, gaps, self.cols, handed)
            chosen = self.known[key]
            if chosen is None:
                used = self.shape.activation_words - sum(end - first for first, end in gaps)
                raise _NoRoomError(module.output, index, used + smallest(described, outside))
            self.plans.append(chosen)
            cycles += chosen.cycles
        return cycles

    def allocate(self) -> None:
        """Decide which tensors live outside: as few as needed, the largest first, then what seems fastest.

        What is then neither inside nor outside is handed to a pooling part by part.
        """
        while True:
            try:
                best = self.arrange()
                break
            except _NoRoomError as found:
                live = [name for name, home in self.homes.items() if home.parent is None and name not in self.outside
                        and (name == found.name or home.first <= found.step <= home.last)]  # fmt: skip
                if not live:
                    self.outside = {name for name, home in self.homes.items() if home.parent is None}
                    needed = max(smallest(*self.step(self.ordered(module))) for module in self.steps)
                    maker = self.by_output[found.name].name
                    raise SettingError(
                        f"node {maker!r}: {found.words} words of activation memory are needed, "
                        f"there are {self.shape.activation_words}; "
                        + _enough("activation_memory", -(-needed * self.cols // 1024), self.cols << 5, " KiB")
                    ) from None
                self.outside.add(max(live, key=lambda name: int(np.prod(self.homes[name].shape))))
        improved = bool(self.outside)
        while improved:
            improved = False
            for name in [name for name, home in self.homes.items() if home.parent is None]:
                for outside, handed in self.choices(name):
                    cycles = self.tried(outside, handed, best)
                    best, improved = min(cycles, best), improved or cycles < best
        self.arrange()
        self.lay_out()

    def choices(self, name: str) -> Iterator[tuple[set[str], dict[str, _Handed]]]:
        """Other places of a tensor: which are outside, and which are handed over, with it changed."""
        if name in self.handed:
            return
        yield self.outside ^ {name}, self.handed
        turns = self.hand_over(name) if name in self.outside else None
        if turns is not None:
            rows, taken = self.shape.engine.rows, self.root(self.steps[turns[1]].output)
            tiles = -(-max(self.homes[leaf].shape[2] for leaf, _ in self.leaves(name)) // rows)
            for count in sorted({rows * -(-tiles // number) for number in PARTS}):
                for beside in ({name}, {name} | ({taken} - self.outside)):
                    yield self.outside ^ beside, self.handed | {name: _Handed(count, *turns)}

    def tried(self, outside: set[str], handed: dict[str, _Handed], best: int) -> int:
        """The cycles of other places of tensors, which are kept if that seems faster than the best so far."""
        before = self.outside, self.handed
        self.outside, self.handed = outside, handed
        try:
            cycles = self.arrange()
        except _NoRoomError:
            cycles = best
        if cycles >= best:
            self.outside, self.handed = before
        return cycles

    def check_memories(self) -> None:
        """Refuse a layer whose weights or constants do not fit, and say with which memory all layers would."""
        rings: dict[str, int] = {}
        tables: dict[str, int] = {}
        for module, chosen in zip(self.steps, self.plans, strict=True):
            if module.kind != "conv":
                continue
            layer = self.layers[module.name]
            assert layer.module.weight is not None
            tables[module.name] = len(layer.module.weight)
            rows = max(end - first for first, end in chosen.strips)
            if rows * self.geometry(module)["blocks_x"] > 1:  # a block's weights stream through
                rings[module.name] = self.tile(module)[1] // max(WORD, self.shape.engine.rows)
        for setting_name, what, needs, there, scale in (
            ("weight_words", "words of weights are needed at once, the ring has", rings, self.shape.weight_words, 1),
            (
                "constants",
                "channels have constants, of a layer there is room for",
                tables,
                self.shape.constants // 2,
                2,
            ),
        ):
            for name, needed in needs.items():
                if needed > there:
                    enough = _enough(setting_name, scale * max(needs.values()), 1 << 16)
                    raise SettingError(f"node {name!r}: {needed} {what} {there}; {enough}")

    def tile(self, module: IntegerModule) -> tuple[int, int]:
        """Beats of a row tile of a convolution that have weights, and its bytes in the stream."""
        layer, rows = self.layers[module.name], self.shape.engine.rows
        beats = layer.weights.shape[1] // (layer.channels if one_to_one(module) else 1)
        wide = max(WORD, rows)
        return beats, -(-beats * rows // wide) * wide

    def lay_out(self) -> None:
        """Room in external memory for tensors outside, in parts of channels where layers read or write parts."""
        outside = [name for name in self.homes if self.is_outside(name) and self.leaves(name)[0][0] == name]
        cuts: dict[str, set[int]] = {name: {0, self.homes[name].shape[2]} for name in outside}
        for module, chosen in zip(self.steps, self.plans, strict=True):
            if chosen.is_cut:
                for name in (module.output,) if chosen.tiled else (module.inputs[0], module.output):
                    if not self.is_outside(name):
                        continue
                    raw = self.homes[name].shape[2] // self.network.tensors[name].shape[2]
                    for leaf, first in self.leaves(name):
                        count = self.homes[leaf].shape[2]
                        cuts[leaf] |= {raw * c - first for c, _ in chosen.parts if first < raw * c < first + count}
        for name in outside:
            home, ends = self.homes[name], sorted(cuts[name])
            parts = tuple(end - first for first, end in itertools.pairwise(ends))
            for is_split in (False, True):
                if home.split if is_split else home.plain:
                    area = Area(0, name, self.network.tensors[name], is_split, parts)
                    self.areas[name, is_split] = self.placed(area)

    # Instructions.

    def append(self, data: bytes) -> int:
        """Put bytes into external memory; their address."""
        self.memory += bytes(-len(self.memory) % _ALIGNMENT)
        address = len(self.memory)
        self.memory += data
        return address

    def placed(self, area: Area) -> Area:
        """A tensor with room in external memory."""
        return replace(area, address=self.append(bytes(area.size(self.cols))))

    def part_of(self, area: Area) -> dict[str, int]:
        """What is moved of its words."""
        size = area.word_bytes(self.cols)
        return {"part": size // WORD if size < self.cols else 0}

    def load(self, target: str, address: int, size: int, into: Span | None, **values: int) -> None:
        values |= {"memory": address, "words": size // WORD, "place": into.first if into else 0}
        self.queues.load(target, values, Span("external", address, address + size), into)

    def store(self, address: int, size: int, source: Span, **values: int) -> None:
        values |= {"memory": address, "words": size // WORD, "place": source.first}
        self.queues.store(values, source, Span("external", address, address + size))

    def span(self, base: int, words: int) -> Span:
        """Words of the activation memory."""
        return Span("activations", base, base + words)

    def where(self, place: Stored) -> Span:
        """Words of a tensor on the chip; of a part, up to the end of the whole and more."""
        return self.span(place.base, place.words(self.cols))

    def constant(
        self, bias: int = 0, bias_shift: int = 0, shortcut_shift: int = 0, shift: int = 0, factor: int = 0
    ) -> None:
        """Constants of the next channel of the layer. factor: its mantissa; 0: it is requantized by shift."""
        if self.shape.engine.path == "scale":
            if not factor:
                bias, bias_shift, factor = bias << bias_shift, 0, _HALF
                shortcut_shift, shift = shortcut_shift + 15, shift + 15
            factor -= _HALF
        self.constants.append(bias & 0xFFFFFFFF | bias_shift << 32 | shortcut_shift << 37 | shift << 43 | factor << 49)

    def geometry(self, module: IntegerModule) -> dict[str, int]:
        """What is read, and the blocks of the result; all of it in one run."""
        info, source = self.network.tensors[module.output], self.network.tensors[module.inputs[0]]
        return {
            "split": int(self.stride(module) == 2), "width": source.shape[1],
            "blocks_x": grid(info.shape[0], info.shape[1], self.cols)[1],
            "kernel_y": 1, "kernel_x": 1, "dilation_y": 1, "dilation_x": 1,
            "channels": source.shape[2], "groups": 1, "tiles": 1, "out_channels": info.shape[2],
            "col_signed": int(source.signed),
        }  # fmt: skip

    def part(self, module: IntegerModule, chosen: Plan, first: int, end: int) -> dict[str, int]:
        """Fields of a run of some channels of a layer."""
        if chosen.tiled:
            return {"tiles": -(-(end - first) // self.shape.engine.rows), "out_channels": end - first}
        if module.kind == "conv":
            return {"groups": (end - first) // self.layers[module.name].channels}
        return {"channels": end - first, "out_channels": end - first}

    def fetch(
        self, name: str, phases: tuple[int, ...], rows: tuple[int, int], channels: tuple[int, int], base: int
    ) -> Stored:
        """Load block rows of some channels of a tensor outside, in phases or () for it as it is."""
        (first, end), (low, high) = rows, channels
        height, width, _ = self.homes[name].shape
        size = split_shape(height, width, 0) if phases else (height, width)
        columns, count = grid(*size, self.cols)[1], high - low
        stride = (end - first) * columns * count
        for leaf, offset in self.leaves(name):
            channel, area = offset, self.areas[leaf, bool(phases)]
            word = area.word_bytes(self.cols)
            for address, piece in area.pieces(self.cols):
                inside = piece.shape[2]
                if low <= channel < high:
                    gap = count - inside
                    for index, phase in enumerate(phases or (0,)):
                        at = address + (phase * piece.phase_stride + first * piece.row_stride) * word
                        self.load("activations", at, (end - first) * piece.row_stride * word,
                                  self.span(base + index * stride + channel - low, stride - (channel - low)),
                                  burst=inside if gap else 0, gap=gap, **self.part_of(area))  # fmt: skip
                channel += inside
        return Stored(shape=(0, 0, count), base=base, row_stride=columns * count, block_stride=count,
                      phase_stride=stride if phases else 0)  # fmt: skip

    def source(
        self, module: IntegerModule, pad: int, strip: tuple[int, int], part: tuple[int, int], base: int | None
    ) -> tuple[dict[str, int], Span]:
        """Fields of what a strip reads, from a buffer (None: on the chip), and where it is."""
        described, _ = self.step(module)
        first, end = described.rows(*strip)
        stride, size = described.stride, described.block.height
        height = described.height - stride * size * first
        if base is None:
            place = self.places[module.inputs[0], stride == 2]
            here = self.where(place)
            channel = 0 if self.root(module.inputs[0]) in self.handed else part[0]
            place = replace(place, base=place.base + first * place.row_stride + channel)
        else:
            phases = tuple(range(PHASES)) if stride == 2 else ()
            place = self.fetch(module.inputs[0], phases, (first, end), part, base)
            here = self.span(base, described.source_words(end - first, part[1] - part[0]))
            height = min(height, stride * size * (end - first))
        return {
            "base": place.base, "block_stride": place.block_stride, "row_stride": place.row_stride,
            "phase_stride": place.phase_stride, "height": height,
            "pad_y": pad - (0 if described.whole else stride * size * (strip[0] - first)),
        }, here  # fmt: skip

    def added_rows(
        self, module: IntegerModule, strip: tuple[int, int], base: int | None
    ) -> tuple[dict[str, int], list[Span]]:
        """Fields of the shortcut of a strip, from a buffer (None: on the chip), and where it is."""
        names = self.added(module)
        if not names:
            return {}, []
        found = self.shortcut(module, names[0])
        if base is None:
            place = self.places[found.tensor, found.phase is not None]
            here = self.where(place)
            place = replace(
                place, base=place.base + strip[0] * place.row_stride + (found.phase or 0) * place.phase_stride
            )
        else:
            count = self.homes[found.tensor].shape[2]
            place = self.fetch(found.tensor, () if found.phase is None else (found.phase,), strip, (0, count), base)
            here = self.span(base, (strip[1] - strip[0]) * place.row_stride)
        return {
            "shortcut_enable": 1,
            "shortcut_signed": int(self.network.tensors[found.tensor].signed),
            "shortcut_base": place.base,
            "shortcut_block_stride": place.block_stride,
            "shortcut_row_stride": place.row_stride,
            "shortcut_first": found.first,
            "shortcut_count": found.count,
        }, [here]

    def target(
        self, module: IntegerModule, strip: tuple[int, int], part: tuple[int, int], base: int | None
    ) -> tuple[dict[str, int], list[Span]]:
        """Fields of where a strip writes, a buffer (None: on the chip), and where that is."""
        info, described = self.network.tensors[module.output], self.step(module)[0]
        spans = []
        if base is None:
            plain, halved = self.places.get((module.output, False)), self.places.get((module.output, True))
            spans = [self.where(place) for place in (plain, halved) if place is not None]
            channel = 0 if self.root(module.output) in self.handed else part[0]
            if plain is not None:
                plain = replace(plain, base=plain.base + strip[0] * plain.row_stride + channel * described.raw)
            if halved is not None:
                halved = replace(halved, base=halved.base + strip[0] // 2 * halved.row_stride + channel)
        else:
            rows, columns, count = strip[1] - strip[0], described.target[1], part[1] - part[0]
            words = count * described.raw
            spans = [self.span(base, described.target_words(rows, count))]
            plain = halved = None
            if described.plain:
                plain = Stored(shape=info.shape, **asdict(packed((rows, columns), words, base)))
            if described.split:
                place = packed((-(-rows // 2), -(-columns // 2)), count, base + described.plain_words(rows, count))
                halved = Stored(shape=info.shape, **asdict(place))
        values = {"raw": 1} if info.bits > 8 else {"plain": int(plain is not None), "to_split": int(halved is not None)}
        if plain is not None:
            values |= {"plain_base": plain.base, "plain_row_stride": plain.row_stride,
                       "out_block_stride": plain.block_stride}  # fmt: skip
        if halved is not None:
            values |= {"split_base": halved.base, "split_row_stride": halved.row_stride,
                       "split_phase_stride": halved.phase_stride, "out_block_stride": halved.block_stride}  # fmt: skip
        return values, spans

    def put_outside(self, module: IntegerModule, strip: tuple[int, int], part: tuple[int, int], base: int) -> None:
        """Store a strip that a layer has written into a buffer."""
        described, low = self.step(module)[0], part[0] * self.step(module)[0].raw
        count = part[1] * described.raw - low
        for is_split in (False, True):
            area = self.areas.get((module.output, is_split))
            if area is None:
                continue
            first, end = (strip[0] // 2, -(-strip[1] // 2)) if is_split else strip
            channel, word = 0, area.word_bytes(self.cols)
            for address, piece in area.pieces(self.cols):
                inside = piece.shape[2]
                if low <= channel < low + count:
                    rows = (end - first) * piece.row_stride
                    stride = rows // inside * count
                    for phase in range(PHASES if is_split else 1):
                        at = address + (phase * piece.phase_stride + first * piece.row_stride) * word
                        start = base + phase * stride + channel - low
                        gap = count - inside
                        self.store(at, rows * word, self.span(start, stride - (channel - low)),
                                   burst=inside if gap else 0, gap=gap, **self.part_of(area))  # fmt: skip
                channel += inside
            base += described.plain_words(strip[1] - strip[0], part[1] - part[0])

    def convolution(self, module: IntegerModule) -> dict[str, int]:
        layer, engine = self.layers[module.name], self.shape.engine
        apart = one_to_one(module)
        module = layer.module
        assert module.weight is not None
        rows, groups = engine.rows, module.groups
        channels = len(module.weight) // groups
        tiles = -(-channels // rows)
        columns = (module.bias, module.bias_shift, module.shortcut_shift, module.shift, module.format.factors())
        table = [
            np.broadcast_to(np.zeros(1, np.int64) if column is None else column.reshape(-1), len(module.weight))
            for column in columns
        ]
        for row in zip(*table, strict=True):
            self.constant(*(int(value) for value in row))
        names = {"cfg_row_signed": "row_signed", "cfg_col_signed": "col_signed", "cfg_tr_en": "tr_en",
                 "cfg_group": "group", "cfg_group_budget": "group_budget", "cfg_data_terms": "data_terms",
                 "cfg_encoding": "encoding", "cfg_slice_shift": "slice_shift"}  # fmt: skip
        chosen = {names[port]: value for port, value in layer.configuration.items() if port in names}
        return {
            "unit": UNITS["engine"],
            "kernel_y": module.weight.shape[1], "kernel_x": module.weight.shape[2],
            "dilation_y": module.dilation[0], "dilation_x": module.dilation[1],
            "pad_y": module.pads[0], "pad_x": module.pads[1],
            "channels": module.weight.shape[3], "groups": groups, "tiles": tiles, "out_channels": channels,
            "relu": int(module.relu), "low": module.low & 0x1FF, "high": module.high & 0x1FF, "rows_apart": int(apart),
        } | chosen  # fmt: skip

    def weights(self, module: IntegerModule, fields: dict[str, int]) -> tuple[int, int]:
        """The weights of a layer in external memory, row tile after row tile: their address, bytes of a tile."""
        layer, rows = self.layers[module.name], self.shape.engine.rows
        data = np.ascontiguousarray(layer.weights)
        if fields["channel_tiles"]:
            apart = data.reshape(len(data), -1, fields["channels"] // rows, rows * rows)
            data = np.ascontiguousarray(apart.swapaxes(1, 2))
        if one_to_one(module):  # every beat has a weight of one row
            count = layer.channels
            taps = data[..., :count].reshape(len(data), -1, count, count).diagonal(axis1=2, axis2=3)
            data = np.pad(taps, ((0, 0), (0, 0), (0, rows - count)))
        beats, size = self.tile(module)
        stream = np.zeros((len(data), size), np.uint8)
        stream[:, : beats * rows] = data.reshape(len(data), -1)
        return self.append(stream.tobytes()), size

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
        self.constant(shift=1)  # of twice the average
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

    def ordered(self, module: IntegerModule) -> IntegerModule:
        """The operand of an addition that is shifted is the shortcut."""
        if module.kind == "add" and module.attributes["shifts"][0]:
            first, second = module.inputs
            return replace(module, inputs=[second, first])
        return module

    def ahead(self, fields: dict[str, int], source: Span) -> int:
        """When a layer that reads ``source`` may begin while the one before is written (its field ``ahead``)."""
        if self.before is None or fields["unit"] != UNITS["engine"] or fields["rows_apart"]:
            return AHEAD["after"]
        before, written = self.before
        if any(fields.get(name, 0) != before.get(name, 0) for name in _ENGINE_SETTINGS):
            return AHEAD["after"]
        if not any(source.meets(span) for span in written):
            return AHEAD["beside"]
        return AHEAD["behind"] if self.follows(fields, before) else AHEAD["after"]

    def follows(self, fields: dict[str, int], before: dict[str, int]) -> bool:
        """True where ``shw_accel_follow`` knows when blocks that a layer reads are written by the one before."""
        kind = "split" if fields["split"] else "plain"
        if not before.get("to_split" if fields["split"] else "plain", 0):
            return False
        if before["groups"] > 1 or before["tiles"] > _MOST_TILES:
            return False
        strides = [(fields["row_stride"], before[f"{kind}_row_stride"]),
                   (fields["block_stride"], before["out_block_stride"])]  # fmt: skip
        if fields["split"]:
            strides.append((fields["phase_stride"], before["split_phase_stride"]))
        block = block_shape(self.cols)
        below, right = (
            (fields[f"kernel_{axis}"] - 1) * fields[f"dilation_{axis}"] - fields[f"pad_{axis}"] for axis in ("y", "x")
        )
        further = fields["split"]
        near = below <= block.height + further and right <= block.width + further
        inside = 0 <= before[f"{kind}_base"] - fields["base"] < fields["block_stride"]  # perhaps some channels of it
        return near and inside and all(one == other for one, other in strides)

    def by_tiles(self, fields: dict[str, int]) -> bool:
        """True for a layer that begins with the first row tiles of the one before: that keeps the groups of values."""
        if fields["ahead"] != AHEAD["behind"]:
            return False
        assert self.before is not None
        rows = self.shape.engine.rows
        base = self.before[0]["split_base" if fields["split"] else "plain_base"]
        return (
            fields["base"] == base and fields["groups"] == 1 and fields["channels"] % rows == 0
            and fields["channels"] <= rows * _MOST_TILES and (not fields.get("tr_en") or rows % fields["group"] == 0)
        )  # fmt: skip

    def runs(self, step: int) -> Iterator[None]:
        """A layer: its constants, then for every strip what it reads, its weights, its instruction, what it wrote.

        Stops behind every part of channels. Constants alternate between the halves of their memory, those of a pooling
        that takes parts are the last one of them; buffers take turns.
        """
        module, chosen = self.ordered(self.steps[step]), self.plans[step]
        self.constants = []
        common = self.geometry(module) | self.layer(module)
        half = self.shape.constants // 2
        data, place = np.array(self.constants, np.uint64).tobytes(), step % 2 * half
        if chosen.handed and module.kind != "conv":
            place = self.shape.constants - 1
        constants = Span("constants", place, place + len(self.constants))
        address = self.append(data)
        streamed, tile = 0, 0
        channels, made = (self.network.tensors[name].shape[2] for name in (module.inputs[0], module.output))
        read: dict[str, int] = {}
        loaded, here = -1, self.span(0, 0)
        for index, (part, strip) in enumerate(chosen.runs()):
            turn = index // len(chosen.parts) if chosen.tiled and not chosen.handed else index
            source, shortcut, target = (
                buffers[count % len(buffers)] if buffers else None
                for buffers, count in ((chosen.source, turn), (chosen.shortcut, turn), (chosen.target, index))
            )
            if turn > loaded:
                some = part if chosen.is_cut and not chosen.tiled else (0, channels)
                read, here = self.source(module, common.get("pad_y", 0), strip, some, source)
                loaded = turn
            added, others = self.added_rows(module, strip, shortcut)
            outputs = part if chosen.is_cut else (0, made)
            to, written = self.target(module, strip, outputs, target)
            if index == 0:
                self.load("constants", address, len(data), constants)
            self.queues.make_room(written)
            size = self.network.tensors[module.output].shape[0]
            rows, tall = grid(size, 1, self.cols)[0], block_shape(self.cols).height
            bottom = (size - 1) % tall if strip[1] == rows else tall - 1
            blocks = {"blocks_y": strip[1] - strip[0], "last_slice": bottom, "constants": place}
            fields = common | read | added | to | blocks
            if chosen.is_cut:
                fields |= self.part(module, chosen, *part)
                fields["constants"] += 0 if common.get("constants_fixed") else part[0]
            fields["ahead"] = self.ahead(fields, here)
            if index == 0:
                common["channel_tiles"] = fields["channel_tiles"] = int(self.by_tiles(fields))
            if module.kind == "conv":
                if index == 0:
                    streamed, tile = self.weights(module, fields)
                first, count = 0, fields["groups"] * fields["tiles"]
                if chosen.is_cut:
                    first = part[0] // (self.shape.engine.rows if chosen.tiled else self.layers[module.name].channels)
                self.load("weights", streamed + first * tile, count * tile, None)
            self.before = fields, written
            try:
                encode("run", fields)
            except ShiftworkError as error:
                raise ShiftworkError(f"node {module.name!r}: {error}") from None
            number = self.queues.run(fields, [here, constants, *others], written)
            self.instructions.setdefault(module.name, []).append(number)
            if target is not None:
                self.put_outside(module, strip, outputs, target)
            if strip == chosen.strips[-1]:
                yield
        if self.trace:
            for complete in (module, *self.completed(step)):
                self.traces[complete.name] = self.copies(complete.output)

    def completed(self, step: int) -> list[IntegerModule]:
        """Concatenations on the chip of which a step writes the last part."""
        return [
            module for module in self.network.modules if module.kind == "concat" and not self.is_outside(module.output)
            and step == max(self.homes[leaf].first for leaf, _ in self.leaves(module.output))
        ]  # fmt: skip

    def copies(self, name: str) -> list[Area]:
        """A tensor, as it is and phase-split, in external memory: where it is, or copied there."""
        if self.is_outside(name):
            return [self.areas[name, is_split] for is_split in (False, True) if (name, is_split) in self.areas]
        found = []
        for is_split in (False, True):
            place = self.places.get((name, is_split))
            if place is not None:
                shape = self.homes[name].shape
                area = self.placed(Area(0, name, self.network.tensors[name], is_split, (shape[2],)))
                gap = place.block_stride - shape[2]
                self.store(area.address, area.size(self.cols), self.where(place), burst=shape[2] if gap else 0,
                           gap=gap, **self.part_of(area))  # fmt: skip
                found.append(area)
        return found

    def in_turns(self) -> Iterator[Iterator[None]]:
        """The layers of the program; a pooling takes a part of channels after every part of those before it."""
        givers = {step: one.last for one in self.handed.values() for step in range(one.first, one.last)}
        takes = {one.last: self.runs(one.last) for one in self.handed.values()}
        for step in range(len(self.steps)):
            if step in givers:
                yield (next(takes[givers[step]], None) for _ in self.runs(step))
            else:
                yield takes.get(step) or self.runs(step)

    def compile(self) -> CompiledNetwork:
        self.survey()
        network = self.network
        home = self.homes[network.input]
        if home.plain and home.split:
            raise ShiftworkError(f"tensor {network.input!r}: the network's input is read by stride 1 and by stride 2")
        self.allocate()
        self.check_memories()
        if self.is_outside(network.input):
            entry = self.areas[network.input, home.split]
        else:
            place = self.places[network.input, home.split]
            info = network.tensors[network.input]
            entry = self.placed(Area(0, network.input, info, home.split, (home.shape[2],)))
            self.load("activations", entry.address, entry.size(self.cols), self.where(place), **self.part_of(entry))
        entry = replace(entry, windows=self.windows, copies=network.ends.copies)
        for turns in self.in_turns():
            for _ in turns:
                pass
        last = self.steps[-1].name
        output = self.traces[last][0] if self.trace else self.copies(network.output)[0]
        self.queues.flush()
        program = self.queues.encoded()
        address = self.append(program)
        self.memory += bytes(-len(self.memory) % _ALIGNMENT)
        memory = np.frombuffer(bytes(self.memory), np.uint8)
        return CompiledNetwork(
            shape=self.shape, memory=memory, program_address=address, program_count=len(program) // BYTES, input=entry,
            output=output, instructions=self.instructions, network=network, traces=self.traces, layers=self.layers,
        )  # fmt: skip


def compile_accelerator(network: IntegerNetwork, shape: Accelerator, trace: bool = False) -> CompiledNetwork:
    """Compile a network for the accelerator.

    Args:
        network: the integer network. shape: what runs it.
        trace: copy what every module writes to external memory, for comparison.

    Raises:
        ShiftworkError: naming the module and what does not fit.
    """
    return _Compiler(network, shape, trace).compile()

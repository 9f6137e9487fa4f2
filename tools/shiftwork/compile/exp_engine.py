# SPDX-License-Identifier: Apache-2.0
"""The engine of exponential codes by class sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import exponential
from shiftwork.codes.exponential import ACC_BITS, ACTIVATION_BITS, MAX_BITS, WEIGHT_BITS
from shiftwork.compile.engine import MAX_COLS, MAX_ROWS, Engine, Schedule
from shiftwork.compile.exp_cycles import ExpTile, class_counts, class_words, predict_exp_cycles, walks
from shiftwork.compile.packing import pack_codes, unpack_codes
from shiftwork.compile.program import LayerProgram, Operands
from shiftwork.errors import SettingError, ShiftworkError
from shiftwork.golden import class_sums
from shiftwork.golden.class_sums import ExpConfig, row_classes
from shiftwork.network.format import Codes, Format
from shiftwork.network.format_exponential import ExponentialCodes
from shiftwork.network.integer import IntegerModule, IntegerNetwork, TensorInfo
from shiftwork.settings import setting, within
from shiftwork.tensors.im2col import Convolution

MAX_FOLD = 16
MAX_SHORTCUT_SHIFT = 31
EXP_DEPTH = 256
"""Values of a slice, at most."""

# Tables of a layer: A by exponent field and W by code in the engine, thresholds and shortcut levels in the post unit.
_LEVELS, _WEIGHTS, _THRESHOLDS, _SHORTCUT = range(4)


@dataclass(frozen=True)
class ExpEngine(Engine):
    """``shw_exp_engine``: one reduction step and one exponential code per operand in a beat, activations on the rows.

    It takes exponents of every width, up to :data:`~shiftwork.codes.exponential.MAX_BITS` bits. Memories hold n + 1
    bits a code, bit after bit; the codes of a beat, of a row of a shortcut as well, are filled up to whole bytes.

    Attributes:
        rows, cols: 1..64 and 1..256. fold: rows that share one row of cells, 1..16, a divisor of ``rows``.
    """

    rows: int = setting(16, "Rows of the engine.")
    cols: int = setting(16, "Columns of the engine.")
    fold: int = setting(4, "Rows of the exp engine that share its cells.")

    form: ClassVar[type[Format]] = ExponentialCodes
    acc_bits: ClassVar[int] = ACC_BITS
    bound_name: ClassVar[str] = "bound of values"
    products: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within("rows", self.rows, 1, MAX_ROWS)
        within("cols", self.cols, 1, MAX_COLS)
        within("fold", self.fold, 1, MAX_FOLD)
        if self.rows % self.fold:
            raise SettingError(f"`fold` {self.fold} does not divide `rows` {self.rows}")

    def __str__(self) -> str:
        return f"{self.rows} rows on {self.rows // self.fold} x {self.cols}"

    @property
    def kind(self) -> str:
        return "exp"

    @property
    def cells(self) -> int:
        return self.rows // self.fold * self.cols

    @property
    def array(self) -> str:
        words = f"{self.rows // self.fold} x {self.cols} cells"
        return f"{words}, {self.fold} rows a line" if self.fold > 1 else words

    def parameters(self) -> dict[str, int | str]:
        return super().parameters() | {"DEPTH": EXP_DEPTH, "FOLD": self.fold}

    def weights_on_rows(self, module: IntegerModule) -> bool:
        return False

    def check(self, network: IntegerNetwork, module: IntegerModule) -> None:
        super().check(network, module)
        source, form = network.tensors[module.inputs[0]], cast(ExponentialCodes, module.format)
        if source.code is None or source.levels is None or form.code is None or form.levels is None:
            raise ShiftworkError(f"node {module.name!r}: it has no exponential codes")
        if source.code.bits != form.code.bits:
            raise ShiftworkError(
                f"node {module.name!r}: exponents of {source.code.bits} and {form.code.bits} bits cannot share a layer"
            )
        tables = [
            ("activations", source.levels, ACTIVATION_BITS),
            ("weights", tuple(form.levels.tolist()), WEIGHT_BITS),
        ]
        if module.shortcut is not None:
            tables.append(("shortcut", network.tensors[module.shortcut].levels or (), ACTIVATION_BITS))
        for what, levels, bits in tables:
            largest = int(np.abs(np.asarray(levels, np.int64)).max(initial=0))
            if not len(levels) or largest >= 1 << bits:
                raise ShiftworkError(
                    f"node {module.name!r}: levels of {what} up to {largest} take more than {bits} bits"
                )
        shifts = np.asarray([] if module.shortcut_shift is None else module.shortcut_shift)
        if ((shifts < 0) | (shifts > MAX_SHORTCUT_SHIFT)).any():
            raise ShiftworkError(
                f"node {module.name!r}: a shortcut is shifted by {shifts.max()}, the post unit shifts by "
                f"0..{MAX_SHORTCUT_SHIFT}"
            )
        if module.requantize != (form.thresholds is not None):
            raise ShiftworkError(f"node {module.name!r}: it has no thresholds for its output")

    def stored(self, codes: NDArray[np.uint8], info: TensorInfo) -> NDArray[np.uint8]:
        assert info.code is not None
        return pack_codes(codes, info.code.bits + 1)

    def result(self, codes: NDArray[np.uint8], info: TensorInfo) -> Codes:
        assert info.code is not None
        return exponential.resize(codes, MAX_BITS, info.code.bits)

    def configuration(self, network: IntegerNetwork, module: IntegerModule) -> dict[str, int]:
        source = network.tensors[module.inputs[0]]
        shortcut = None if module.shortcut is None else network.tensors[module.shortcut].code
        assert source.code is not None
        return {
            "cfg_row_signed": int(_may_be_negative(network, module.inputs[0])),
            "cfg_col_signed": 1,
            "cfg_exponent_bits": source.code.bits,
            "cfg_slice_length": slice_length(module.depth),
            "shortcut_bits": 0 if shortcut is None else shortcut.bits,
        }

    def tables(self, network: IntegerNetwork, module: IntegerModule) -> NDArray[np.int64]:
        source, target = network.tensors[module.inputs[0]], network.tensors[module.output]
        form = cast(ExponentialCodes, module.format)
        assert source.levels is not None and form.levels is not None
        held = class_sums.tables(source.levels, form.levels, MAX_BITS)
        found = [(_LEVELS, 0, held.levels), (_WEIGHTS, 0, held.values)]  # number, first address, words
        if form.thresholds is not None:
            assert target.code is not None
            words = exponential.threshold_words(form.thresholds, target.code.bits, MAX_BITS, module.high)
            found.append((_THRESHOLDS, 1, words))
        if module.shortcut is not None:
            levels = network.tensors[module.shortcut].levels
            assert levels is not None
            found.append((_SHORTCUT, 0, exponential.level_words(levels, MAX_BITS)))
        return np.concatenate(
            [
                np.stack([np.full(len(words), number), first + np.arange(len(words)), words], axis=1)
                for number, first, words in found
            ]
        )

    def schedule(self, operands: Operands) -> Schedule:
        """The bound is the sum over slices of max(values that are not zero in the rows of the longest line, beats)."""
        tiles = row_tiles(operands, self)
        order = operands.tiles[:, 0].tolist()
        return Schedule(
            cycles=predict_exp_cycles((tiles[block] for block in order), self.rows),
            bound=sum(tiles[block].bound for block in order),
        )

    def window_cycles(self, windows: Codes, bits: int, signed: bool, module: Convolution, positions: int) -> float:
        """About the cycles of a layer, from some of its windows, before there is a network.

        Args:
            windows: stored codes (windows, K) of n = ``bits`` exponent bits. signed: there are negative ones.
            module: the convolution. positions: of its output.
        """
        assert module.weight is not None
        depth, channels = windows.shape[1], len(module.weight) // module.groups
        config = ExpConfig(bits, signed, slice_length(depth))
        blocks = windows[: max(1, len(windows) // self.rows) * self.rows]
        blocks = np.concatenate([blocks] * -(-self.rows // len(blocks)))[: max(len(blocks), self.rows)]
        tiles = _walked(blocks.reshape(-1, self.rows, depth), config, self.fold)
        once, twice = (predict_exp_cycles(tiles * times, self.rows) for times in (1, 2))
        cycles = (twice - once) / len(tiles)  # of a tile in a long row of them
        return float(cycles * module.groups * -(-positions // self.rows) * -(-channels // self.cols))


def slice_length(depth: int) -> int:
    """Values of a slice of a reduction of ``depth`` values, in slices of about one length."""
    return -(-depth // -(-depth // EXP_DEPTH))


def layer_config(layer: LayerProgram) -> ExpConfig:
    """Configuration of the engine for a layer."""
    values = layer.configuration
    return ExpConfig(values["cfg_exponent_bits"], bool(values["cfg_row_signed"]), values["cfg_slice_length"])


def row_tiles(operands: Operands, engine: ExpEngine) -> list[ExpTile]:
    """How the engine walks through the rows of every block of a layer."""
    config = layer_config(operands.layer)
    codes = unpack_codes(operands.row_blocks, config.exponent_bits + 1, engine.rows).transpose(0, 2, 1)
    return _walked(codes, config, engine.fold)


def _walked(codes: Codes, config: ExpConfig, fold: int) -> list[ExpTile]:
    """Tiles of row codes (blocks, ROWS, K)."""
    counts = class_counts(*row_classes(codes, config, config.exponent_bits), config)
    blocks, slices = counts.shape[:2]
    found = walks(counts.reshape(blocks * slices, *counts.shape[2:]), class_words(config), fold)
    return [ExpTile.of(found[at * slices : (at + 1) * slices], codes.shape[2], config) for at in range(blocks)]


def _may_be_negative(network: IntegerNetwork, name: str) -> bool:
    """Whether a tensor of exponential codes can have negative ones, as far as the modules before it tell."""
    for module in network.modules:
        if module.output != name or module.relu:
            continue
        if module.kind == "table":
            code = network.tensors[name].code
            assert code is not None
            assert module.table is not None
            used = module.table[network.tensors[module.inputs[0]].codes().view(np.uint8)]
            return bool((exponential.unpack(used, code.bits)[0] < 0).any())
        return module.kind in ("conv", "host") or any(_may_be_negative(network, source) for source in module.inputs)
    return name in network.inputs or name in network.constants

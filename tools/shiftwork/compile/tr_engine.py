# SPDX-License-Identifier: Apache-2.0
"""The term-revealing engine, and the published term-pair engine under the same ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile.engine import MAX_COLS, MAX_ROWS, Engine, Schedule, sum_beyond
from shiftwork.compile.program import LayerProgram, Operands
from shiftwork.compile.tr_cycles import DEPTH, WINDOW, Reveal, Tile, predict_cycles, row_tokens, walks
from shiftwork.errors import ShiftworkError
from shiftwork.network.format import Format
from shiftwork.network.format_terms import Terms
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.settings import setting, within

SLICE_DEPTH = DEPTH
"""Values of the longest slice."""
SHORTEST_SLICE = 32
SLICE_BITS = 22
"""Width of the accumulator of a slice."""

_SOME_BLOCKS = 8  # row blocks of weights whose cycles are predicted for a sample
_SOME_POSITIONS = 24  # and of activations, which differ more

_ENCODINGS = {"binary": 0, "hese": 1}


@dataclass(frozen=True)
class TrEngine(Engine):
    """``shw_tr_engine``: one reduction step and eight bits per operand in a beat.

    Attributes:
        rows, cols: 1..64 and 1..256.
        kind: ``tr``, or ``tmac`` for the baseline of published term-pair cells.
    """

    rows: int = setting(8, "Rows of the engine.")
    cols: int = setting(64, "Columns of the engine.")
    kind: Literal["tr", "tmac"] = "tr"

    form: ClassVar[type[Format]] = Terms
    bound_name: ClassVar[str] = "token bound"
    products: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within("rows", self.rows, 1, MAX_ROWS)
        within("cols", self.cols, 1, MAX_COLS)

    def __str__(self) -> str:
        return f"{self.rows} x {self.cols}"

    def parameters(self) -> dict[str, int | str]:
        return super().parameters() | {"DEPTH": SLICE_DEPTH}

    def weights_on_rows(self, module: IntegerModule) -> bool:
        return cast(Terms, module.format).stream == "weights"

    def check(self, network: IntegerNetwork, module: IntegerModule) -> None:
        super().check(network, module)
        if network.rule not in _ENCODINGS:
            raise ShiftworkError(f"the engine encodes by {' or '.join(_ENCODINGS)}, not by {network.rule!r}")
        self.slice_shift(network, module)

    def slice_shift(self, network: IntegerNetwork, module: IntegerModule) -> int:
        """Halvings of the longest slice until the accumulators of the cells hold every sum of a slice.

        Raises:
            ShiftworkError: naming the module, they do not hold those of the shortest slice that has room for a group.
        """
        if self.kind == "tmac":  # has wider sums
            return 0
        form = cast(Terms, module.format)
        group = form.group if form.enabled else WINDOW
        shortest = max(group, SHORTEST_SLICE)
        for shift in range((SLICE_DEPTH // shortest).bit_length()):
            values = (SLICE_DEPTH >> shift) // WINDOW * min(group, WINDOW)
            reached = sum_beyond(network, module, values, SLICE_BITS)
            if reached is None:
                return shift
        raise ShiftworkError(
            f"node {module.name!r}: a sum of {values} products, its shortest slice, can reach {reached}, "
            f"beyond the engine's {SLICE_BITS} bits"
        )

    def configuration(self, network: IntegerNetwork, module: IntegerModule) -> dict[str, int]:
        form = cast(Terms, module.format)
        return super().configuration(network, module) | {
            "cfg_tr_en": int(form.enabled),
            "cfg_group": form.group,
            "cfg_group_budget": form.budget,
            "cfg_data_terms": form.data_terms,
            "cfg_slice_shift": self.slice_shift(network, module),
            "cfg_encoding": _ENCODINGS[network.rule],
        }

    def tile_cycles(self, layer: LayerProgram) -> NDArray[np.int64]:
        """As the bound of :meth:`schedule`."""
        blocks, depth, rows = layer.weights.shape
        form = cast(Terms, layer.module.format)
        values = form.multiplied(_row_values(layer.weights, layer), layer.rule)
        places = _slice_places(layer)
        tokens = row_tokens(values, layer.rule, places).reshape(blocks, rows, -1).max(axis=1)
        cycles: NDArray[np.int64] = np.maximum(tokens, _slice_beats(depth, places)).sum(axis=1)
        return cycles

    def sample_cycles(self, layer: LayerProgram) -> int:
        """As :meth:`schedule` predicts them where there are few row blocks; of many, some stand for all."""
        passes = -(-layer.height * layer.width // self.cols)
        return self._some_cycles(layer, layer.weights, passes * len(layer.weights), _SOME_BLOCKS)

    def streamed_cycles(self, operands: Operands) -> int:
        return self._some_cycles(operands.layer, operands.row_blocks, len(operands.tiles), _SOME_POSITIONS)

    def _some_cycles(self, layer: LayerProgram, blocks: NDArray[np.uint8], count: int, most: int) -> int:
        """Cycles of so many tiles, each row block in as many of them. most: row blocks that are looked at."""
        chosen = np.linspace(0, len(blocks) - 1, min(len(blocks), most)).astype(np.intp)
        tiles = _tiles(layer, blocks[chosen])
        first, passes = predict_cycles(tiles, self.rows), count / len(chosen)
        if passes == 1:
            return first
        again = predict_cycles((tile for tile in tiles for _ in range(2)), self.rows)
        return round(first + (passes - 1) * (again - first))

    def schedule(self, operands: Operands) -> Schedule:
        """Predict cycles and tokens.

        The bound is the sum over slices of max(tokens of the longest row, beats): no engine that issues one token per
        row and cycle and takes one beat per cycle is faster.
        """
        layer = operands.layer
        blocks, depth, rows = operands.row_blocks.shape
        places = _slice_places(layer)
        tokens = row_tokens(streamed_values(operands), layer.rule, places).reshape(blocks, rows, -1)
        longest = tokens.max(axis=1)
        entries = layer.channels if layer.weights_on_rows else operands.positions
        row_index = np.arange(blocks * rows).reshape(blocks, rows) % (operands.row_tiles * rows)
        real = tokens.sum(axis=2) * (row_index < entries)

        order = operands.tiles[:, 0]
        tiles = _tiles(layer, operands.row_blocks)
        return Schedule(
            cycles=predict_cycles((tiles[block] for block in order), rows),
            tokens=int(real.sum(axis=1)[order].sum()),
            bound=int(np.maximum(longest, _slice_beats(depth, places)).sum(axis=1)[order].sum()),
        )


def _slice_places(layer: LayerProgram) -> int:
    return SLICE_DEPTH >> layer.configuration["cfg_slice_shift"]


def _tiles(layer: LayerProgram, codes: NDArray[np.uint8]) -> list[Tile]:
    """Row blocks ``(row blocks, K, ROWS)`` as the engine's schedule sees them."""
    blocks, depth, rows = codes.shape
    form, configuration = cast(Terms, layer.module.format), layer.configuration
    signed = bool(configuration["cfg_row_signed"])
    reveal = Reveal(layer.rule, form.group if form.enabled else 0, form.budget, signed)
    values, places = _row_values(codes, layer).reshape(blocks, rows, depth), _slice_places(layer)
    return [Tile(walks(block, reveal, places), depth, reveal, configuration["cfg_slice_shift"]) for block in values]


def _slice_beats(depth: int, places: int) -> NDArray[np.int64]:
    """Beats of every slice of a reduction."""
    return np.diff(np.append(np.arange(0, depth, places), depth))


def _row_values(codes: NDArray[np.uint8], layer: LayerProgram) -> NDArray[np.integer]:
    """Values ``(row blocks * ROWS, K)`` of codes ``(row blocks, K, ROWS)`` on the rows."""
    blocks, depth, rows = codes.shape
    codes = codes.transpose(0, 2, 1).reshape(blocks * rows, depth)
    return codes.view(np.int8) if layer.configuration["cfg_row_signed"] else codes


def streamed_values(operands: Operands) -> NDArray[np.integer]:
    """Values that the rows stream, after term revealing: ``(row blocks * ROWS, K)``."""
    layer = operands.layer
    values = _row_values(operands.row_blocks, layer)
    form = layer.module.format
    return form.multiplied(values, layer.rule) if layer.weights_on_rows else form.streamed(values, layer.rule)

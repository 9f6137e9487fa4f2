# SPDX-License-Identifier: Apache-2.0
"""A ``run`` instruction: what its time depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat

from shiftwork.compile.instructions import UNITS
from shiftwork.compile.tr_cycles import Tile
from shiftwork.golden.blocks_layout import block_shape


@dataclass(frozen=True)
class Beat:
    """A beat of results.

    Attributes:
        drop: it is dropped. need: it has a shortcut. last_slice: that is written. final: the last of a row tile.
    """

    drop: bool
    need: bool
    last_slice: int
    final: bool


class Layer:
    """A layer.

    Args:
        fields: of the instruction. rows, cols: of the engine. words: of the activation memory.
        tiles: row tiles of a term-revealing engine.
    """

    def __init__(
        self, fields: Mapping[str, int], rows: int, cols: int, words: int, tiles: tuple[Tile, ...] = ()
    ) -> None:
        self.fields = fields
        self.words = words
        self.height = block_shape(cols).height
        self.ahead = fields["ahead"]
        self.take_token, self.give_token = bool(fields["take_token"]), bool(fields["give_token"])
        self.uses_engine = fields["unit"] == UNITS["engine"]
        channel_tiles = fields["channels"] // rows if fields["channel_tiles"] else 1
        self.row_beats = fields["kernel_x"] * (fields["channels"] // channel_tiles if self.uses_engine else 1)
        self.tile_beats = fields["kernel_y"] * self.row_beats
        self.pass_beats = channel_tiles * self.tile_beats
        self.blocks = fields["blocks_y"] * fields["blocks_x"]
        self.passes = self.blocks * (1 if self.uses_engine else fields["channels"])  # over a row tile
        self.row_tiles = fields["groups"] * fields["tiles"]
        self.turns = fields["channels"] if fields["rows_apart"] else 1
        self.tiles = tiles
        self.rows = rows if self.uses_engine else fields["out_channels"]
        self.parts = 4 if fields["raw"] else fields["plain"] + fields["to_split"]  # writes of a slice

    def tile_sequence(self) -> Iterator[Tile]:
        """Tiles of a term-revealing engine, in their order."""
        for tile in self.tiles:
            yield from repeat(tile, self.blocks)

    def slices(self) -> Iterator[int]:
        """Of a pooling, for every beat: the last slice of its word that has a position of the map."""
        fields = self.fields
        stride = 2 if fields["split"] else 1
        for by in range(fields["blocks_y"]):
            found = []
            for ky in range(fields["kernel_y"]):
                move = ky * fields["dilation_y"] - fields["pad_y"]
                inside = [y for y in range(1, self.height)
                          if 0 <= stride * (by * self.height + y) + move < fields["height"]]  # fmt: skip
                found += [max(inside, default=0)] * fields["kernel_x"]
            for _ in range(fields["blocks_x"] * fields["channels"]):
                yield from found

    def beats(self) -> Iterator[Beat]:
        """Beats of results, in their order."""
        fields = self.fields
        for group in range(fields["groups"]):
            for tile in range(fields["tiles"]):
                inner, bottom = [], []
                for row in range(self.rows):
                    member = tile * self.rows + row
                    drop = member >= fields["out_channels"]
                    nth = (group * fields["out_channels"] + member - fields["shortcut_first"]) % self.words
                    need = bool(fields["shortcut_enable"]) and not drop and nth < fields["shortcut_count"]
                    final = row == self.rows - 1 or member == fields["out_channels"] - 1
                    inner.append(Beat(drop, need, self.height - 1, final))
                    bottom.append(Beat(drop, need, fields["last_slice"], final))
                for by in range(fields["blocks_y"]):
                    block = bottom if by == fields["blocks_y"] - 1 else inner
                    for _ in range(fields["blocks_x"]):
                        yield from block

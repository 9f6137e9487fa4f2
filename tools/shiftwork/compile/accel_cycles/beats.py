# SPDX-License-Identifier: Apache-2.0
"""Steps and beats, cycle by cycle: the loops of a layer, the weight ring, the turns of rows."""

from __future__ import annotations

from typing import NamedTuple

from shiftwork.compile.accel_cycles.layer import Layer

READ = 12
"""Cycles from a step to its word: of ``shw_im2col`` and ``shw_act_memory``."""


class Step(NamedTuple):
    """A step: whether it takes a vector of weights, ends a row of taps, all taps of a channel tile, a reduction,
    belongs to the last pass over a row tile.
    """

    vector: bool
    row: bool
    tile: bool
    last: bool
    final: bool


class Im2col:
    """``shw_im2col``: which steps are left."""

    def __init__(self) -> None:
        self.busy = False
        self.row_beats = self.tile_beats = 0  # of a row of taps, of a channel tile
        self.pass_beats = self.left = 0  # of a pass; of this pass
        self.passes = self.passes_left = 0  # of a row tile
        self.tiles_left = 0

    def start(self, layer: Layer) -> None:
        """The edge of the cycle with ``start``."""
        self.busy = True
        self.row_beats, self.tile_beats = layer.row_beats, layer.tile_beats
        self.pass_beats = self.left = layer.pass_beats
        self.passes = self.passes_left = layer.passes
        self.tiles_left = layer.row_tiles

    def step(self, vector: bool) -> Step:
        """The edge of a step; vector: it takes a vector of weights."""
        self.left -= 1
        row, tile = self.left % self.row_beats == 0, self.left % self.tile_beats == 0
        step = Step(vector, row, tile, self.left == 0, self.passes_left == 1)
        if step.last:
            self.left = self.pass_beats
            self.passes_left -= 1
            if step.final:
                self.passes_left = self.passes
                self.tiles_left -= 1
                self.busy = self.tiles_left > 0
        return step


class Turns:
    """``shw_accel_turns``: advances until the round ends."""

    def __init__(self) -> None:
        self.ahead = 1

    def advance(self, count: int) -> bool:
        """The edge of an advance: True for the last one of a round of ``count``."""
        last = self.ahead == count
        self.ahead = 1 if last else self.ahead + 1
        return last


class WeightRing:
    """``shw_weight_ring``.

    Args:
        rows: of the engine. depth: words of the ring.
    """

    def __init__(self, rows: int, depth: int) -> None:
        self.parts = max(rows // 8, 1)
        self.lanes = max(8 // rows, 1)
        self.room = depth * self.parts
        self.ready = False
        self.available = False
        self.part = self.lane = 0
        self.write = False
        self.ahead = self.behind = 0

    def clock(self, word: bool, step: Step | None) -> None:
        """The edge. word: one is offered. step: one is taken."""
        take = word and self.ready
        leave = back = release = False
        if step is not None and step.vector:
            leave = step.final if step.last else self.lane == self.lanes - 1
            back, release = step.last and not step.final, leave and step.final
        self.available = self.write or back or self.ahead > 1 or (self.ahead == 1 and not leave)
        self.ahead += self.behind if back else -leave
        self.ahead += self.write
        if step is not None and step.vector:
            self.lane = 0 if step.last or self.lane == self.lanes - 1 else self.lane + 1
            if step.last:
                self.behind = 0
            elif leave:
                self.behind += 1
        self.ready = release or self.room > 1 or (self.room == 1 and not take)
        self.room += (self.parts if release else 0) - take
        self.write = take and self.part == self.parts - 1
        if take:
            self.part = (self.part + 1) % self.parts

# SPDX-License-Identifier: Apache-2.0
"""Layers in execution, cycle by cycle: one takes steps, it or the one before writes results."""

from __future__ import annotations

from shiftwork.compile.accel_cycles.beats import READ, Step
from shiftwork.compile.accel_cycles.layer import Layer
from shiftwork.compile.instructions import AHEAD


class LayerControl:
    """Which layers are in execution.

    A layer begins, takes steps, and writes results from when the one before has written its own.
    """

    def __init__(self) -> None:
        self.layer: Layer | None = None  # that takes steps, or did last
        self.active = False  # it still reads, or waits
        self.starts = False  # it began in the cycle before
        self.waits = False  # for the results of the one before
        self.reading = 0  # cycles until its last step has been read
        self.writing: Layer | None = None
        self.writing_starts = False
        self.begun: list[int] = []  # cycles in which layers start
        self.written: list[int] = []  # cycles in which their results are written

    @property
    def busy(self) -> bool:
        """A layer is in execution."""
        return self.active or self.writing is not None

    def takes(self, new: Layer, token: bool, underway: int) -> bool:
        """The layer may begin. token: there is one for it. underway: beats between a step and the engine."""
        alone = self.writing is None and not underway
        return not self.active and (alone or new.ahead != AHEAD["after"]) and (token or not new.take_token)

    def may_read(self, follow_ready: bool) -> bool:
        """What the next step reads is written."""
        return not self.waits or (self.layer is not None and self.layer.ahead == AHEAD["beside"]) or follow_ready

    def ended(self, results_busy: bool) -> bool:
        """The results of a layer are written."""
        return self.writing is not None and not self.writing_starts and not results_busy

    def clock(self, new: Layer | None, steps_left: bool, results_busy: bool, cycle: int) -> None:
        """The edge. new: a layer begins."""
        ended = self.ended(results_busy)
        hand_over = self.waits and (self.writing is None or ended)
        if self.starts:
            self.begun.append(cycle)
        if ended:
            self.written.append(cycle)
        if not self.starts and not steps_left and not self.reading and not self.waits:
            self.active = False
        self.reading = READ if steps_left else max(self.reading - 1, 0)
        if ended or hand_over:
            self.writing = self.layer if hand_over else None
        self.writing_starts = hand_over
        self.starts = new is not None
        self.waits = new is not None or (self.waits and not hand_over)
        if new is not None:
            self.layer, self.active = new, True


class Follow:
    """``shw_accel_follow``: how far a layer may read what the one before is writing."""

    def __init__(self) -> None:
        self.writing: Layer | None = None
        self.written_tile = self.written_y = self.written_x = 0
        self.layer: Layer | None = None
        self.tile = self.y = self.x = self.reach = 0
        self.ready = False

    def clock(self, block: bool, step: Step | None) -> None:
        """The edge. block: one is written in a row tile. step: one is taken."""
        if self.layer is None:
            return
        fields = self.layer.fields
        split = fields["split"]
        last_y, last_x = (2 * self.y + 1, 2 * self.x + 2) if split else (self.y, self.x + 1)
        last_y += self.reach > split
        self.ready = (self.written_tile, self.written_y, self.written_x) > (self.tile, last_y, last_x)
        if block:
            assert self.writing is not None
            self.written_x += 1
            if self.written_x == self.writing.fields["blocks_x"]:
                self.written_y, self.written_x = self.written_y + 1, 0
            if self.written_y == self.writing.fields["blocks_y"]:
                self.written_tile, self.written_y = self.written_tile + 1, 0
        if step is None:
            return
        if step.row:
            self.ready = False
            self.reach += fields["dilation_y"]
        if step.tile:
            self.reach = -fields["pad_y"]
            self.tile += 1
        if step.last:
            self.x, self.tile = self.x + 1, self._first_tile(self.layer)
            if step.final:
                self.y = self.x = 0
            elif self.x == fields["blocks_x"]:
                self.y, self.x = self.y + 1, 0

    def _first_tile(self, layer: Layer) -> int:
        """The row tile of the layer before that a reduction begins with: without channel tiles, the last one."""
        return 0 if layer.fields["channel_tiles"] or self.writing is None else self.writing.fields["tiles"] - 1

    def start(self, layer: Layer) -> None:
        """The edge of the cycle in which a layer starts."""
        self.layer, self.ready = layer, False
        self.y, self.x, self.reach = 0, 0, -layer.fields["pad_y"]
        self.tile = self._first_tile(layer)

    def write_start(self, layer: Layer) -> None:
        """The edge of the cycle in which the results of a layer start."""
        self.writing = layer
        self.written_tile = self.written_y = self.written_x = 0

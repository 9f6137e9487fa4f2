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
        self.write_width = self.written_y = self.written_x = 0
        self.layer: Layer | None = None
        self.y = self.x = self.reach = 0
        self.ready = False

    def clock(self, block: bool, step: Step | None) -> None:
        """The edge. block: one is written. step: one is taken."""
        if self.layer is None:
            return
        fields = self.layer.fields
        split = fields["split"]
        last_y, last_x = self.y + (self.reach > split), self.x + 1
        if split:
            last_y, last_x = 2 * last_y + 1, 2 * last_x + 1
        self.ready = (self.written_y, self.written_x) > (last_y, last_x)
        if block:
            self.written_x += 1
            if self.written_x == self.write_width:
                self.written_y, self.written_x = self.written_y + 1, 0
        if step is None:
            return
        if step.row or step.last:
            self.ready = False
        if step.last:
            self.reach, self.x = -fields["pad_y"], self.x + 1
            if step.final:
                self.y = self.x = 0
            elif self.x == fields["blocks_x"]:
                self.y, self.x = self.y + 1, 0
        elif step.row:
            self.reach += fields["dilation_y"]

    def start(self, layer: Layer) -> None:
        """The edge of the cycle in which a layer starts."""
        self.layer, self.ready = layer, False
        self.y, self.x, self.reach = 0, 0, -layer.fields["pad_y"]

    def write_start(self, layer: Layer) -> None:
        """The edge of the cycle in which the results of a layer start."""
        self.write_width = layer.fields["blocks_x"]
        self.written_y = self.written_x = 0

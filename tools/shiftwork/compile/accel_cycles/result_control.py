# SPDX-License-Identifier: Apache-2.0
"""The way of results back to the activation memory, cycle by cycle."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from shiftwork.compile.accel_cycles.layer import Beat, Layer

_AHEAD = 16
"""Beats that are described ahead."""
_CUT = 2
"""Slices of shortcut words that wait to be added."""
_WRITE = 7
"""Cycles from a slice to its write."""


class ResultPath:
    """``shw_result_path``.

    Args:
        height: rows of a block. scale: it requantizes by scale, which takes a cycle more.
    """

    def __init__(self, height: int, scale: bool) -> None:
        self.height = height
        self.write = _WRITE + scale
        self.busy = False
        self.parts = 1
        # the loop and its stages
        self.walk: Iterator[Beat] = iter(())
        self.walking: Beat | None = None
        self.stages: list[Beat | None] = [None, None, None]
        self.ahead: deque[Beat] = deque()
        # shortcut words
        self.read_valid = False
        self.words_free = {2: 16, 4: 8}.get(height, 4)
        self.words = 0
        self.ends: deque[int] = deque()  # last slices of the words that are asked for
        self.short_slices = 0  # that are cut, two at most
        self.short_slice = 0
        # the beat that is sent
        self.beat: Beat | None = None
        self.slice = self.part = 0
        self.sent = self.blocks = 0  # bit i: a slice, the last one of a block i + 1 cycles ago

    def start(self, layer: Layer) -> None:
        """The edge of the cycle with ``start``."""
        self.busy = True
        self.parts = layer.parts
        self.walk = layer.beats()
        self.walking = next(self.walk)
        self.slice = self.part = 0

    @property
    def write_valid(self) -> bool:
        """A write is made in this cycle."""
        return bool(self.sent >> (self.write - 1) & 1)

    @property
    def write_block(self) -> bool:
        """With that write a block is complete."""
        return bool(self.blocks >> (self.write - 1) & 1)

    @property
    def source_ready(self) -> bool:
        """It is done with the result beat that is offered, if there is one."""
        beat = self.beat
        if beat is None or beat.drop:
            return beat is not None
        return self._may_send(beat) and self.part == self.parts - 1 and self.slice == beat.last_slice

    def _may_send(self, beat: Beat) -> bool:
        return self.short_slices > 0 or not beat.need

    def clock(self, source_valid: bool, word: bool) -> None:
        """The edge. source_valid: a result beat is offered. word: a shortcut word comes."""
        if not self.busy:
            return
        if (
            self.walking is None and not self.ahead and self.beat is None and not self.sent
            and self.stages == [None, None, None]
        ):  # fmt: skip
            self.busy = False
        beat = self.beat
        send = source_valid and beat is not None and not beat.drop and self._may_send(beat)
        part_last = self.part == self.parts - 1
        finish = source_valid and self.source_ready
        loads = bool(self.ahead) and (beat is None or finish)
        self._shortcuts(word, send and part_last and beat is not None and beat.need, self._describe())
        if send:
            assert beat is not None
            self.part = 0 if part_last else self.part + 1
            if part_last:
                self.slice = 0 if self.slice == beat.last_slice else self.slice + 1
        if loads:
            self.beat = self.ahead.popleft()
        elif finish:
            self.beat = None
        mask = (1 << self.write) - 1
        self.sent = (self.sent << 1 | send) & mask
        self.blocks = (self.blocks << 1 | (send and finish and beat is not None and beat.final)) & mask

    def _describe(self) -> Beat | None:
        """The stages of the loop move; a beat whose shortcut word is asked for."""
        oldest = self.stages[2]
        leaves = len(self.ahead) < _AHEAD
        if oldest is not None and oldest.need:
            leaves = leaves and self.words_free > 0 and not self.read_valid
        if oldest is not None and not leaves:
            return None
        self.stages = [self.walking, self.stages[0], self.stages[1]]
        self.walking = next(self.walk, None)
        if oldest is not None:
            self.ahead.append(oldest)
        return oldest if oldest is not None and oldest.need else None

    def _shortcuts(self, word: bool, taken: bool, asked: Beat | None) -> None:
        cut = self.words > 0 and self.short_slices < _CUT
        end = cut and self.short_slice == self.ends[0]
        if cut:
            self.short_slice = 0 if end else self.short_slice + 1
        self.short_slices += cut - taken
        if end:
            self.ends.popleft()
        if asked is not None:
            self.ends.append(asked.last_slice)
        self.read_valid = asked is not None
        self.words_free += end - (asked is not None)
        self.words += word - end

# SPDX-License-Identifier: Apache-2.0
"""Layers in strips of block rows, where tensors lie outside the activation memory (``docs/accelerator.md``).

:class:`Step` says what a layer reads and writes, :func:`plan` cuts it into strips that fit the free parts of the
activation memory, as large as pays.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from shiftwork.golden.blocks_layout import PHASES, Block

TURN_CYCLES = 150
"""Of a layer that takes parts of channels from the one before, or gives them: from its last step to the end."""
MOVE_CYCLES = 40
"""Of a load or store beside its words: the latency of memory."""
FETCH_CYCLES = 13
"""From a fetch of a word to be stored to the word."""
FETCHED = 8
"""Words to be stored that are on their way."""
PARTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


@dataclass(frozen=True)
class Step:
    """A layer, for planning.

    Attributes:
        block: shape of a block. height: rows of the source. source, target: (block rows, blocks in a row) of the source
            as it is stored (of a phase) and of the output as it is.
        channels, out_channels, shortcut_channels: words of a block (0: no shortcut).
        stride, kernel, dilation, pad: in y. whole: every output needs the whole source.
        separate: channels are independent of each other, and may be computed in parts.
        tiled: output channels may be computed in parts. tile: channels of a part are a multiple of so many.
        raw: words of a channel of a block of the output.
        plain, split: how the output is written. cycles: that all channels of an output block take.
        weights: words of 64 bits.
    """

    block: Block
    height: int
    source: tuple[int, int]
    target: tuple[int, int]
    channels: int
    out_channels: int
    shortcut_channels: int
    stride: int
    kernel: int
    dilation: int
    pad: int
    out_height: int
    whole: bool
    separate: bool
    tiled: bool
    tile: int
    raw: int
    plain: bool
    split: bool
    cycles: int
    weights: int

    def rows(self, first: int, end: int) -> tuple[int, int]:
        """Block rows of the source, from and to before, that the block rows ``first`` to before ``end`` need."""
        if self.whole:
            return 0, self.source[0]
        size = self.block.height
        low = self.stride * first * size - self.pad
        high = self.stride * (min(end * size, self.out_height) - 1) - self.pad + (self.kernel - 1) * self.dilation
        low, high = (min(max(y, 0), self.height - 1) // self.stride // size for y in (low, high))
        return low, high + 1

    def source_words(self, rows: int, channels: int) -> int:
        """Words of a strip of the source."""
        return rows * self.source[1] * channels * (PHASES if self.stride == 2 else 1)

    def plain_words(self, rows: int, channels: int) -> int:
        """Words of a strip of the output as it is."""
        return rows * self.target[1] * channels * self.raw if self.plain else 0

    def target_words(self, rows: int, channels: int) -> int:
        """Words of a strip of the output, as it is and phase-split."""
        halved = PHASES * -(-rows // 2) * -(-self.target[1] // 2) * channels if self.split else 0
        return self.plain_words(rows, channels) + halved


@dataclass(frozen=True)
class Plan:
    """How a layer is cut.

    Attributes:
        parts: channels, from and to before, of the runs: of source and output or, `tiled`, of the output alone; one
            part of all where channels are not cut.
        strips: block rows of the output, from and to before. cycles: about what it takes.
        source, shortcut, target: first words of the buffers that take turns, none for what is on the chip.
        handed: one part after the other, each of which the next layer takes, or the one before gave.
    """

    parts: tuple[tuple[int, int], ...]
    strips: tuple[tuple[int, int], ...]
    cycles: int = 0
    source: tuple[int, ...] = field(default=())
    shortcut: tuple[int, ...] = field(default=())
    target: tuple[int, ...] = field(default=())
    tiled: bool = False
    handed: bool = False

    @property
    def is_cut(self) -> bool:
        """True where runs compute some of the channels."""
        return len(self.parts) > 1

    def runs(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Part and strip of every run: all strips of a part, or all parts of a strip, which is loaded once."""
        if self.tiled and not self.handed:
            return [(part, strip) for strip in self.strips for part in self.parts]
        return [(part, strip) for part in self.parts for strip in self.strips]


def cut(size: int, length: int) -> tuple[tuple[int, int], ...]:
    """``range(size)`` in pieces of ``length``."""
    return tuple((first, min(first + length, size)) for first in range(0, size, length))


def fit(gaps: list[tuple[int, int]], sizes: list[int]) -> list[int] | None:
    """First words of buffers in free parts ``(first, end)`` of the memory, or None."""
    left, found = [list(gap) for gap in gaps], [0] * len(sizes)
    for index in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        fits = [gap for gap in left if gap[1] - gap[0] >= sizes[index]]
        if not fits:
            return None
        best = min(fits, key=lambda gap: gap[1] - gap[0])
        found[index] = best[0]
        best[0] += sizes[index]
    return found


def smallest(step: Step, outside: tuple[bool, bool, bool]) -> int:
    """Words of the smallest buffers with which a layer runs in strips."""
    height = min(2 if step.split else 1, step.target[0])
    return min(sum(_sizes(step, outside, cut(step.target[0], height), parts, tiled))
               for parts, tiled in _cuts(step, outside))  # fmt: skip


def _cuts(step: Step, outside: tuple[bool, bool, bool]) -> list[tuple[Ranges, bool]]:
    """Ways to cut channels, and whether those of the output alone are."""
    found: list[tuple[Ranges, bool]] = [(((0, step.channels),), False)]
    if step.separate:
        tiles = -(-step.channels // step.tile)
        found += [(cut(step.channels, step.tile * -(-tiles // number)), False) for number in PARTS]
    elif step.tiled and outside[2]:
        tiles = -(-step.out_channels // step.tile)
        found += [(cut(step.out_channels, step.tile * -(-tiles // number)), True) for number in PARTS]
    return [one for index, one in enumerate(found) if index == 0 or len(one[0]) > 1]


Ranges = tuple[tuple[int, int], ...]


def _sizes(
    step: Step, outside: tuple[bool, bool, bool], strips: Ranges, parts: Ranges, tiled: bool
) -> tuple[int, int, int]:
    """Words of a buffer of the source, the shortcut and the output."""
    widest = max(end - first for first, end in parts)
    channels = step.channels if tiled else widest
    out = widest if tiled else -(-step.out_channels * channels // step.channels)
    rows = max(end - first for first, end in strips)
    deep = max(end - first for first, end in (step.rows(*strip) for strip in strips))
    shortcut = rows * step.target[1] * step.shortcut_channels
    sizes = (step.source_words(deep, channels), shortcut, step.target_words(rows, out))
    return tuple(size if is_outside else 0 for size, is_outside in zip(sizes, outside, strict=True))  # type: ignore[return-value]


def plan(
    step: Step, outside: tuple[bool, bool, bool], gaps: list[tuple[int, int]], cols: int, handed: Ranges = ()
) -> Plan | None:
    """The best way to run a layer.

    Args:
        step: it. outside: that its source, its shortcut, its output are outside.
        gaps: free parts of the activation memory. cols: codes of a word.
        handed: parts of channels that the next layer takes, or the one before gives, one by one on the chip.

    Returns:
        None where it does not fit.
    """
    rows = step.target[0]
    computing = step.cycles * step.target[1]  # of a block row
    whole = ((0, step.channels),)
    turns = TURN_CYCLES * len(handed)
    if not any(outside):
        chosen = Plan(whole, ((0, rows),), computing * rows + turns)
        return replace(chosen, parts=handed, tiled=step.tiled, handed=True) if handed else chosen
    word = max(cols // 8, step.block.height)  # cycles of a word of the activation memory
    stored = max(word, -(-(FETCH_CYCLES + cols // 8) // FETCHED))
    heights = {-(-rows // count) for count in range(1, rows + 1)}
    if step.split:
        heights = {min(height + height % 2, rows) for height in heights}
    best: Plan | None = None
    for parts, tiled in [(handed, step.tiled)] if handed else _cuts(step, outside):
        for height in sorted(heights):
            strips = cut(rows, height)
            sizes = _sizes(step, outside, strips, parts, tiled)
            moves = sum(map(bool, sizes)) * MOVE_CYCLES * (PHASES if step.split or step.stride == 2 else 1)
            read = [step.source_words(end - first, step.channels) for first, end in (step.rows(*one) for one in strips)]
            shortcut = rows * step.target[1] * step.shortcut_channels
            written = step.target_words(rows, step.out_channels)
            again = len(parts) if handed and tiled else 1  # the source is loaded for every part
            costs = (sum(read) * word * again, shortcut * word, written * stored)
            moving = sum(cost for cost, is_outside in zip(costs, outside, strict=True) if is_outside)
            moving += step.weights * len(strips) + moves * len(strips) * len(parts)
            for count in (2, 1):
                buffers = [size for size in sizes if size for _ in range(count)]
                ends = (sizes[0] + sizes[1]) * word + sizes[2] * stored
                cycles = (max(computing * rows, moving) if count == 2 else computing * rows + moving) + ends
                cycles += turns if handed else cycles * (len(parts) - 1) // 100  # others move the parts one by one
                if best is not None and cycles >= best.cycles:
                    continue
                places = fit(gaps, buffers)
                if places is not None:
                    kinds = [tuple(places.pop(0) for _ in range(count)) if size else () for size in sizes]
                    best = Plan(parts, strips, cycles, kinds[0], kinds[1], kinds[2], tiled, bool(handed))
    return best

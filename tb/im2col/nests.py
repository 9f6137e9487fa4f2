# SPDX-License-Identifier: Apache-2.0
"""Layers for the benches of shw_im2col, and what drives its ports."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod
from typing import Any

from cocotb.triggers import FallingEdge

from shiftwork.golden.blocks_layout import Nest, Place, beats

AXES = ("height", "width", "blocks_y", "blocks_x", "kernel_y", "kernel_x", "dilation_y", "dilation_x", "pad_y", "pad_x")
CONFIGURATION = (*AXES, "split", "channels", "channel_tiles", "groups", "tiles", "taps_inner")
STRIDES = ("base", "row_stride", "block_stride", "phase_stride")


class NestBench:
    """Steps through layers and checks every cycle.

    latency: cycles from a step until its answer can be compared. check: called in every cycle with the number of the
    beat whose answer is there, or None.
    """

    def __init__(self, dut: Any, latency: int) -> None:
        self.dut = dut
        self.latency = latency

    def configure(self, nest: Nest) -> None:
        """Drive cfg_*."""
        for name in CONFIGURATION:
            getattr(self.dut, f"cfg_{name}").value = int(getattr(nest, name))
        for name in STRIDES:
            getattr(self.dut, f"cfg_{name}").value = getattr(nest.place, name)

    async def run(
        self, nest: Nest, go: Iterator[bool], check: Callable[[int | None], None], abort: int | None = None
    ) -> None:
        """One layer, from start to its last answer, stepped as `go` says; reset when `abort` beats are taken."""
        dut = self.dut
        self.configure(nest)
        order = beats(nest)
        row = (order.tap_x == nest.kernel_x - 1) & (nest.taps_inner | (order.channel == nest.channels - 1))
        tile = row & (order.tap_y == nest.kernel_y - 1)
        rows, tiles, last, final = (flags.tolist() for flags in (row, tile, order.last, order.final))
        assert not int(dut.busy.value)
        dut.start.value, dut.step.value = 1, int(next(go))  # a step is ignored while not busy
        await FallingEdge(dut.clk)
        dut.start.value = 0
        count, taken = len(last), 0
        way: deque[int | None] = deque([None] * self.latency)
        while taken < count or len(way) > 1:
            assert int(dut.busy.value) == (taken < count), f"busy after {taken} of {count} beats"
            check(way.popleft())
            step = next(go)
            dut.step.value = int(step)
            if taken < count:
                assert int(dut.step_row.value) == rows[taken], f"step_row of beat {taken}"
                assert int(dut.step_tile.value) == tiles[taken], f"step_tile of beat {taken}"
                assert int(dut.step_last.value) == last[taken], f"step_last of beat {taken}"
                assert int(dut.step_final.value) == final[taken], f"step_final of beat {taken}"
                way.append(taken if step else None)
                taken += step
                if taken == abort:
                    await self.reset(check)
                    return
            await FallingEdge(dut.clk)
        check(way.popleft())
        dut.step.value = 0

    async def reset(self, check: Callable[[int | None], None]) -> None:
        """Reset for a cycle, with start and step high; nothing follows."""
        dut = self.dut
        dut.rst.value = dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = dut.start.value = 0
        for _ in range(self.latency + 2):
            assert not int(dut.busy.value), "busy after reset"
            check(None)
            await FallingEdge(dut.clk)
        dut.step.value = 0


def random_nest(generator: random.Random, cols: int, address_w: int, most: int) -> Nest:
    """Any legal configuration of at most `most` beats, whether a tensor like that fits or not."""
    pick, below = generator.choice, generator.randrange
    words = 1 << address_w
    while True:
        loops = [min(pick((1, 1, 1, 2, 2, 3, 4, 5, 7, 11)), words - 1) for _ in range(8)]
        inner = generator.random() < 0.3
        if inner:
            loops[5:] = 1, 1, 1
        if prod(loops) <= most:
            break
    blocks_y, blocks_x, channels, kernel_y, kernel_x, groups, tiles, channel_tiles = loops
    near = generator.random() < 0.7  # map and moves of about the size of the output
    sizes = [below(1, 8 * n + 9) if near else below(1, 4096) for n in (blocks_y, blocks_x)]
    dilation = [pick((1, 1, 2, 3, 4)) if near else below(1, 64) for _ in range(2)]
    pads = [below(0, 8) if near else below(0, 256) for _ in range(2)]
    if generator.random() < 0.3:  # the map is read from a later row on
        pads[0] = below(-20, 0) if near else below(-256, 0)
    return Nest(
        cols,
        Place(below(words), below(words), below(words), below(words)),
        sizes[0],
        sizes[1],
        blocks_y,
        blocks_x,
        channels,
        kernel_y,
        kernel_x,
        dilation[0],
        dilation[1],
        pads[0],
        pads[1],
        generator.random() < 0.4,
        groups,
        tiles,
        inner,
        channel_tiles,
    )


def extreme_nests(generator: random.Random, cols: int, address_w: int) -> list[Nest]:
    """Each loop at its largest count, alone; moves and maps at their limits."""
    top = (1 << address_w) - 1
    one = Nest(cols, Place(top, top, top, top), 4095, 4095, 1, 1, 1)
    return [
        replace(one, channels=top),
        replace(one, tiles=top),
        replace(one, groups=top),
        replace(one, channel_tiles=top),
        replace(one, groups=top // 2, channels=2),
        replace(one, blocks_y=1023, pad_y=255),
        replace(one, blocks_y=1023, pad_y=-256),
        replace(one, blocks_x=1023, pad_x=255, split=True),
        replace(one, kernel_y=255, dilation_y=63, pad_y=-256, split=True),
        replace(one, kernel_y=255, dilation_y=63, pad_y=255, blocks_y=2),
        replace(one, kernel_x=255, dilation_x=63, pad_x=255, blocks_x=2, taps_inner=True),
        replace(one, kernel_y=255, dilation_y=63, pad_y=255, split=True, height=4094),
        replace(one, height=1, width=1, kernel_y=17, kernel_x=17, pad_y=16, pad_x=16),
        replace(one, height=1, width=1, kernel_y=17, kernel_x=17, pad_y=16, pad_x=16, split=True),
        replace(one, height=generator.randrange(1, 40), kernel_y=40, pad_y=20, blocks_y=5, split=True),
    ]

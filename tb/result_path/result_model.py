# SPDX-License-Identifier: Apache-2.0
"""What the result path has to do: its loop over the beats of a layer, its shortcut reads and its writes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.tensors import arithmetic


@dataclass(frozen=True)
class Constant:
    """Of a channel; factor: the mantissa of a scale, 0 where it is requantized by shift."""

    bias: int
    bias_shift: int
    shortcut_shift: int
    shift: int
    factor: int = 0

    def word(self) -> int:
        word = (self.bias & 0xFFFFFFFF) | self.bias_shift << 32 | self.shortcut_shift << 37 | self.shift << 43
        return word | (self.factor & 0x7FFF) << 49


@dataclass(frozen=True)
class Shape:
    """Of a block and of the addresses."""

    cols: int
    addr_w: int

    @property
    def height(self) -> int:
        return 1 << ((self.cols.bit_length() - 1) // 2)

    @property
    def width(self) -> int:
        return self.cols // self.height


@dataclass(frozen=True)
class Write:
    addresses: tuple[int, int]  # of the lower and of the upper half of the columns
    rows: int  # enables, bit n is block row n
    codes: tuple[int, ...]
    block: bool = False  # with it all channels of the row tile are written, in the block


@dataclass
class Beat:
    """What belongs to one result beat; a dropped one has no writes."""

    dropped: bool
    read: int | None = None  # address of its shortcut word
    writes: list[Write] = field(default_factory=list)


def beats(
    shape: Shape,
    cfg: Mapping[str, int],
    acc: NDArray[np.int64],
    constants: Mapping[int, Constant],
    words: Mapping[int, NDArray[np.int64]],
    const_words: int,
) -> list[Beat]:
    """The beats of an instruction in order.

    acc: (beats, height, width). constants and words (codes of 8 bits, without sign: (height, width)): by address.
    """
    done: list[Beat] = []
    for group in range(cfg["groups"]):
        for tile in range(cfg["tiles"]):
            for by in range(cfg["blocks_y"]):
                for bx in range(cfg["blocks_x"]):
                    for r in range(cfg["rows"]):
                        member = tile * cfg["rows"] + r
                        if member >= cfg["channels"]:
                            done.append(Beat(True))
                            continue
                        channel = group * cfg["channels"] + member
                        is_last = r == cfg["rows"] - 1 or member == cfg["channels"] - 1
                        at = cfg["const_base"] + (0 if cfg["const_fixed"] else channel)
                        beat = _beat(shape, cfg, by, bx, channel, acc[len(done)], constants[at % const_words], words)
                        beat.writes[-1] = replace(beat.writes[-1], block=is_last)
                        done.append(beat)
    return done


def _beat(
    shape: Shape,
    cfg: Mapping[str, int],
    by: int,
    bx: int,
    channel: int,
    acc: NDArray[np.int64],
    constant: Constant,
    words: Mapping[int, NDArray[np.int64]],
) -> Beat:
    size = 1 << shape.addr_w
    beat = Beat(False)
    shortcut = None
    nth = channel - cfg["shortcut_first"]
    if cfg["shortcut_enable"] and 0 <= nth < cfg["shortcut_count"]:
        place = by * cfg["shortcut_row_stride"] + bx * cfg["shortcut_block_stride"]
        beat.read = (cfg["shortcut_base"] + place + nth) % size
        shortcut = words[beat.read]
        if cfg["shortcut_signed"]:
            shortcut = (shortcut ^ 128) - 128
    low, high = ((cfg[name] ^ 256) - 256 for name in ("low", "high"))
    if constant.factor:
        sums = acc + constant.bias
        codes = arithmetic.scaled_output(
            sums, constant.factor, shortcut, constant.shortcut_shift, constant.shift,
            max(low, 0) if cfg["relu"] else low, high,
        )  # fmt: skip
    else:
        sums = arithmetic.module_sum(acc, constant.bias, constant.bias_shift, shortcut, constant.shortcut_shift)
        codes = arithmetic.module_output(
            acc, constant.bias, constant.bias_shift, shortcut, constant.shortcut_shift, constant.shift,
            bool(cfg["relu"]), low, high,
        )  # fmt: skip
    if cfg["relu"]:
        sums = np.maximum(sums, 0)
    for y in range(shape.height if by < cfg["blocks_y"] - 1 else cfg["last_slice"] + 1):
        if cfg["raw"]:
            base = cfg["plain_base"] + by * cfg["plain_row_stride"] + bx * cfg["block_stride"] + 4 * channel
            for byte in range(4):
                values = tuple(int(value) >> (8 * byte) & 255 for value in sums[y])
                beat.writes.append(Write(((base + byte) % size,) * 2, 1 << y, values))
            continue
        if cfg["plain"]:
            base = cfg["plain_base"] + by * cfg["plain_row_stride"] + bx * cfg["block_stride"] + channel
            beat.writes.append(Write((base % size,) * 2, 1 << y, tuple(int(code) & 255 for code in codes[y])))
        if cfg["split"]:
            base = cfg["split_base"] + (by >> 1) * cfg["split_row_stride"] + (bx >> 1) * cfg["block_stride"] + channel
            row = (by & 1) * shape.height // 2 + y // 2
            order = (1, 0) if bx & 1 else (0, 1)  # odd and even columns of what the two halves get
            where = [(base + (2 * (y & 1) + odd) * cfg["split_phase_stride"]) % size for odd in order]
            values = tuple(int(code) & 255 for odd in order for code in codes[y, odd::2])
            beat.writes.append(Write((where[0], where[1]), 1 << row, values))
    return beat


def random_config(shape: Shape, rng: random.Random, const_words: int, **fixed: int) -> dict[str, int]:
    """Names as the ports without cfg_. Strides, bases and the place of the shortcut are anything."""
    size = 1 << shape.addr_w
    rows = rng.choice((1, 2, 3, 4, 8))
    channels = rng.randint(1, 11)
    groups = rng.choice((1, 1, 2, 3))
    tiles = -(-channels // rows)
    if rng.random() < 0.25:  # pooling: one tile of all channels
        rows, groups, tiles = channels, 1, 1
    raw = int(rng.random() < 0.2)
    plain, split = rng.choice(((1, 0), (0, 1), (1, 1)))
    low, high = rng.choice(((-128, 127), (0, 255), (-7, 7), (0, 100), (-256, 255)))
    first = rng.choice((0, 0, rng.randrange(groups * channels)))
    count = rng.choice((groups * channels, rng.randint(1, groups * channels)))
    return {
        "groups": groups,
        "tiles": tiles,
        "rows": rows,
        "channels": channels,
        "blocks_y": rng.randint(1, 3),
        "blocks_x": rng.randint(1, 4),
        "last_slice": rng.choice((shape.height - 1, rng.randrange(shape.height))),
        "const_base": rng.randrange(const_words),
        "const_fixed": int(rng.random() < 0.2),
        "shortcut_enable": rng.randrange(2),
        "shortcut_base": rng.randrange(size),
        "shortcut_row_stride": rng.randrange(size),
        "shortcut_block_stride": rng.randrange(size),
        "shortcut_first": first,
        "shortcut_count": count,
        "shortcut_signed": rng.randrange(2),
        "relu": rng.randrange(2),
        "low": low & 511,
        "high": high & 511,
        "plain": 0 if raw else plain,
        "plain_base": rng.randrange(size),
        "plain_row_stride": rng.randrange(size),
        "split": 0 if raw else split,
        "split_base": rng.randrange(size),
        "split_row_stride": rng.randrange(size),
        "split_phase_stride": rng.randrange(size),
        "block_stride": rng.randrange(size),
        "raw": raw,
    } | fixed


def beat_count(cfg: Mapping[str, int]) -> int:
    return cfg["groups"] * cfg["tiles"] * cfg["blocks_y"] * cfg["blocks_x"] * cfg["rows"]

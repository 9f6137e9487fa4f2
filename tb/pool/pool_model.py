# SPDX-License-Identifier: Apache-2.0
"""What the pooling unit has to give for a window of words."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PoolConfig:
    sum: int = 0
    reduce: int = 0
    signed: int = 0
    divide: int = 0
    up: int = 0
    count: int = 1


LOW, HIGH = -512, 511
"""Quotients; what is beyond stays beyond, as anything."""


def divided(total: int, up: int, count: int) -> int:
    """floor(total * 2^(up+1) / count), LOW - 1 or HIGH + 1 for what is beyond."""
    return max(LOW - 1, min(HIGH + 1, total * 2 ** (up + 1) // count))


def result(cfg: PoolConfig, window: NDArray[np.int64]) -> list[int]:
    """window: (words, positions) of codes of 8 bits. The values of all positions; with sum and reduce the one value."""
    codes = (window ^ 128) - 128 if cfg.signed else window
    if not cfg.sum:
        return [int(code) for code in codes.max(axis=0)]
    totals = [int(codes.sum())] if cfg.reduce else [int(total) for total in codes.sum(axis=0)]
    return [divided(total, cfg.up, cfg.count) for total in totals] if cfg.divide else totals


def random_window(cfg: PoolConfig, cols: int, words: int, rng: random.Random) -> NDArray[np.int64]:
    """Codes of any distribution: all alike, extremes, a small range or anything."""
    draw = np.random.default_rng(rng.getrandbits(32))
    kind = rng.randrange(4)
    if kind == 0:
        return np.full((words, cols), rng.choice((0, 1, 127, 128, 255)), np.int64)
    if kind == 1:
        return draw.choice(np.array([0, 1, 127, 128, 255]), (words, cols))
    start = rng.randrange(256)
    span = 4 if kind == 2 else 256
    return (start + draw.integers(0, span, (words, cols))) & 255


def random_config(cols: int, words: int, rng: random.Random, **fixed: int) -> PoolConfig:
    """Within what the division is exact for: |sum| * 2^up < 2^30 for windows of at most `words` words."""
    values = {name: rng.randrange(2) for name in ("sum", "reduce", "signed", "divide")} | fixed
    largest = 255 * words * (cols if values["reduce"] else 1)
    room = 30 - largest.bit_length()
    up = fixed.get("up", rng.choice((0, 0, rng.randint(0, min(15, room)))))
    size = fixed.get("count", rng.choice((1, words, 9, 32767, rng.randint(1, 1 << rng.randint(1, 15)))))
    return PoolConfig(**(values | {"up": up, "count": max(1, min(32767, size))}))

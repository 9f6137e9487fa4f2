# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic of the post unit: shift-round, module output, average pooling.

Everything is two's complement and exact in 64 bits (``docs/numerics.md`` section 2). Shifts are scalars or arrays that
broadcast against the last axis, one entry per output channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def shift_round(acc: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """Round half up to a multiple of ``2**shift``: ``(acc + (1 << (shift - 1))) >> shift``; identity for shift 0.

    Args:
        acc: integers of any shape.
        shift: 0..31, broadcast against ``acc``.

    Returns:
        int64 array of the broadcast shape.
    """
    value = np.asarray(acc, dtype=np.int64)
    amount = np.asarray(shift, dtype=np.int64)
    half = (np.int64(1) << amount) >> 1
    return (value + half) >> amount


def module_output(
    acc: ArrayLike,
    bias: ArrayLike | None,
    sb: ArrayLike,
    shortcut: ArrayLike | None,
    ss: ArrayLike,
    sh: ArrayLike,
    relu: bool,
    low: int,
    high: int,
) -> NDArray[np.int64]:
    """One unified module after its dot products: ``clamp(round((acc + (bias << sb) + (shortcut << ss)) / 2**sh))``.

    Args:
        acc: dot products, shape (..., channels).
        bias: per channel, or None. sb: its left shift, 0..31.
        shortcut: codes of the shape of ``acc``, or None. ss: their left shift, 0..31.
        sh: right shift with half-up rounding, 0..31.
        relu: negative sums become 0 before the shift.
        low, high: clamp after the shift (ReLU6 is a smaller ``high``).

    Returns:
        int64 codes of the shape of ``acc``.
    """
    total = np.asarray(acc, dtype=np.int64)
    if bias is not None:
        total = total + (np.asarray(bias, dtype=np.int64) << np.asarray(sb, dtype=np.int64))
    if shortcut is not None:
        total = total + (np.asarray(shortcut, dtype=np.int64) << np.asarray(ss, dtype=np.int64))
    if relu:
        total = np.maximum(total, 0)
    return np.clip(shift_round(total, sh), low, high)


def divide_round(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.int64]:
    """``floor(numerator / denominator + 1/2)`` as an exact rational; denominators are positive."""
    n = np.asarray(numerator, dtype=np.int64)
    d = np.asarray(denominator, dtype=np.int64)
    return (2 * n + d) // (2 * d)

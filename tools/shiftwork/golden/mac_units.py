# SPDX-License-Identifier: Apache-2.0
"""Bit-true model of ``shw_mac_engine``; the testbench under ``tb/mac_engine`` compares every bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def tile(rows: NDArray[np.integer], cols: NDArray[np.integer], width: int = 32) -> NDArray[np.int64]:
    """The results of a tile: dot products modulo ``2**width``, two's complement.

    Args:
        rows, cols: values ``(ROWS, K)`` and ``(COLS, K)``. width: of a sum, ``ACC_W``.

    Returns:
        int64 ``(ROWS, COLS)``.
    """
    sums = rows.astype(np.int64) @ cols.astype(np.int64).T
    half = 1 << (width - 1)
    return np.asarray(((sums + half) & ((1 << width) - 1)) - half)

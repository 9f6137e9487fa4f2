# SPDX-License-Identifier: Apache-2.0
"""Exact cycle prediction for ``shw_mac_engine``: nothing depends on the operands.

The rows of a tile finish one after the other, a fixed time after its last beat, and share one multiplexer. So the next
tile's last beat follows no sooner than ROWS cycles later; everything else overlaps.
"""

from __future__ import annotations

LATENCY = 9
"""Cycles from a tile's last beat to its first result."""


def predict_mac_cycles(tiles: int, beats: int, rows: int) -> int:
    """Cycles from the first beat accepted to the last output beat taken, both included.

    Exact for an idle engine, a source that always has a beat and a sink that is always ready.

    Args:
        tiles: tiles of a module. beats: of every tile. rows: of the engine.
    """
    if tiles == 0:
        return 0
    return beats + (tiles - 1) * max(beats, rows) + LATENCY + rows - 1

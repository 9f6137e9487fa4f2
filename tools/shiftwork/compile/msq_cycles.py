# SPDX-License-Identifier: Apache-2.0
"""Exact cycle prediction for ``shw_msq_engine``: nothing depends on the operands.

A tile's sums move to the shadow registers a fixed time after its last beat and leave one row per cycle. Those of the
next tile move there no sooner than the cycle after the last row was read; until then the whole pipeline stands.
"""

from __future__ import annotations

_EDGES = 4  # from a beat to its sums, but for what adds lanes
_CHAIN = 4  # lanes that no tree of adders joins
_DRAIN = 2  # registers between the shadow registers and the output


def adding(lanes: int) -> int:
    """Registers of what adds the lanes of a beat: chains of up to four, and a tree over the chains."""
    chains = -(-lanes // _CHAIN)
    return lanes // chains + chains.bit_length() - 1


def stages(lanes: int) -> int:
    """Registers from a beat to its sums."""
    return _EDGES + adding(lanes)


def predict_msq_cycles(tiles: int, beats: int, rows: int, lanes: int) -> int:
    """Cycles from the first beat accepted to the last output beat taken, both included.

    Exact for an idle engine, a source that always has a beat and a sink that is always ready.

    Args:
        tiles: tiles of a module. beats: of every tile. rows, lanes: of the engine.
    """
    if tiles == 0:
        return 0
    return beats + stages(lanes) + (tiles - 1) * max(beats, rows + 1) + rows + _DRAIN

# SPDX-License-Identifier: Apache-2.0
"""Exact cycles of ``shw_table``: nothing depends on the codes."""

from __future__ import annotations

WORDS = 256
"""Words of a table, one a cycle."""
LATENCY = 2
"""Cycles from a beat to its result."""


def table_cycles(codes: int, lanes: int) -> int:
    """Cycles from the first word of the table to the last beat of results taken, both included.

    The last word is written in a cycle of its own, in which no beat is taken. Exact for a source that always has a beat
    and a sink that is always ready.

    Args:
        codes: of a tensor, at least one. lanes: codes per beat.
    """
    return WORDS + 1 + -(-codes // lanes) + LATENCY

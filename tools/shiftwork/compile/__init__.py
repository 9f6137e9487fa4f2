# SPDX-License-Identifier: Apache-2.0
"""Compilation: one module and its input codes become the operand stream of a tile engine."""

from shiftwork.compile.engine import (
    Engine,
    EngineWish,
    ExpEngine,
    MsqEngine,
    TrEngine,
    engine_for,
    engine_wish,
    requant_of,
)
from shiftwork.compile.operands import TileProgram, compile_module
from shiftwork.compile.schedule import Schedule, schedule

__all__ = [
    "Engine",
    "EngineWish",
    "ExpEngine",
    "MsqEngine",
    "Schedule",
    "TileProgram",
    "TrEngine",
    "compile_module",
    "engine_for",
    "engine_wish",
    "requant_of",
    "schedule",
]

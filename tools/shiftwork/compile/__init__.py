# SPDX-License-Identifier: Apache-2.0
"""Compilation: an integer network becomes a program and a memory image for a tile engine."""

from shiftwork.compile.engine import Engine, Schedule, requant_of
from shiftwork.compile.exp_engine import ExpEngine
from shiftwork.compile.mac_engine import MacEngine
from shiftwork.compile.msq_engine import MsqEngine
from shiftwork.compile.program import LayerProgram, NetworkProgram, Operands, compile_network
from shiftwork.compile.table_cycles import table_cycles
from shiftwork.compile.tr_engine import TrEngine

__all__ = [
    "Engine",
    "ExpEngine",
    "LayerProgram",
    "MacEngine",
    "MsqEngine",
    "NetworkProgram",
    "Operands",
    "Schedule",
    "TrEngine",
    "compile_network",
    "requant_of",
    "table_cycles",
]

# SPDX-License-Identifier: Apache-2.0
"""Compilation: one module and its input codes become the operand stream of a tile engine."""

from shiftwork.compile.operands import TileProgram, compile_module
from shiftwork.compile.schedule import Schedule, schedule

__all__ = ["Schedule", "TileProgram", "compile_module", "schedule"]

# SPDX-License-Identifier: Apache-2.0
"""Compilation: one module and its input codes become the operand stream of a tile engine."""

from shiftwork.compile.operands import TileProgram, compile_module

__all__ = ["TileProgram", "compile_module"]

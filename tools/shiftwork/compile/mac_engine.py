# SPDX-License-Identifier: Apache-2.0
"""The multiply-accumulate engine: a product per cell and cycle, in LUTs or in multipliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from shiftwork.compile.engine import MAX_COLS, MAX_ROWS, Engine, Schedule, check_sums
from shiftwork.compile.mac_cycles import predict_mac_cycles
from shiftwork.compile.program import Operands
from shiftwork.errors import ShiftworkError
from shiftwork.network.format import Format
from shiftwork.network.format_terms import Terms
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.settings import setting, within

ACC_BITS = 32
"""Width of the accumulator of a tile."""


@dataclass(frozen=True)
class MacEngine(Engine):
    """``shw_mac_engine``: one reduction step and eight bits per operand in a beat, every value multiplied as it is.

    Attributes:
        rows, cols: 1..64 and 1..256.
        multiplier: what a cell is made of, ``MULTIPLIER`` of the Verilog module; results and cycles are the same.
    """

    rows: int = setting(8, "Rows of the engine.")
    cols: int = setting(64, "Columns of the engine.")
    multiplier: Literal["lut", "dsp", "dsp48"] = "dsp"

    form: ClassVar[type[Format]] = Terms
    bound_name: ClassVar[str] = "cells"
    products: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within("rows", self.rows, 1, MAX_ROWS)
        within("cols", self.cols, 1, MAX_COLS)

    def __str__(self) -> str:
        return f"{self.rows} x {self.cols} mac"

    @property
    def kind(self) -> str:
        return "mac"

    def parameters(self) -> dict[str, int | str]:
        return super().parameters() | {"MULTIPLIER": self.multiplier}

    def weights_on_rows(self, module: IntegerModule) -> bool:
        return cast(Terms, module.format).stream == "weights"

    def check(self, network: IntegerNetwork, module: IntegerModule) -> None:
        super().check(network, module)
        if not module.format.untouched:
            raise ShiftworkError(f"node {module.name!r}: it is term revealed, the mac engine multiplies whole values")
        check_sums(network, module, module.depth, ACC_BITS)

    def schedule(self, operands: Operands) -> Schedule:
        """The bound is the multiply-accumulates over the cells."""
        cycles = predict_mac_cycles(len(operands.tiles), operands.beats, self.rows)
        return Schedule(cycles, -(-operands.macs // self.cells))

# SPDX-License-Identifier: Apache-2.0
"""Rows of 4-bit weights, of two kinds or of one, at steps of their own (``docs/numerics.md`` sections 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.format import Codes, Columns, Facts, Format, Requant, Work, or_zero
from shiftwork.tensors.arithmetic import scaled_output

if TYPE_CHECKING:
    from shiftwork.network.integer import IntegerModule

FACTOR_BITS = 16


@dataclass
class RowWork(Work):
    """Work by the kind of rows.

    Attributes:
        sp2_macs: multiply-accumulates in SP2 rows.
    """

    sp2_macs: int = 0


class RowColumns(Columns):
    """Share of the SP2 rows."""

    heads: ClassVar[tuple[str, ...]] = ("MACs", "SP2 %")

    @staticmethod
    def cells(facts: Facts) -> list[object]:
        macs = facts.get("macs")
        return [macs or None, 100 * facts["sp2_macs"] / macs if macs else None]

    @staticmethod
    def totals(layers: Sequence[Facts]) -> Facts:
        return {name: sum(facts[name] for facts in layers) for name in ("macs", "sp2_macs")}

    @staticmethod
    def lines(totals: Facts) -> list[str]:
        macs = totals["macs"]
        return [f"MACs            {macs:,}, {100 * totals['sp2_macs'] / macs:.1f} % in SP2 rows"] if macs else []


@dataclass(frozen=True, eq=False)
class MixedRows(Format):
    """Rows of a module.

    Attributes:
        row_sp2: bool (out,): the 4-bit code of a channel's weights is SP2, values in eighths, where it is True, else
            fixed point, -7..7. None: they have neither, as powers of two.
        factor: int32 (out,), a 16-bit mantissa per output channel, 32768..65535, or None. With it a convolution is
            requantized by scale-round in place of shift-round: ``clamp(((acc + bias) * factor + (shortcut <<
            shortcut_shift) + (1 << (shift - 1))) >> shift)`` with ``shift`` 1..47, ``shortcut_shift`` 0..47 and no
            ``bias_shift``; ReLU is ``low`` = 0. A raw network output then has ``attributes["step"]``, the real value of
            weight 1, and no factor.
    """

    row_sp2: NDArray[np.bool_] | None = None
    factor: NDArray[np.int32] | None = None

    name: ClassVar[str] = "rows"
    title: ClassVar[str] = "4-bit codes"
    columns: ClassVar[type[Columns]] = RowColumns

    @property
    def requant(self) -> Requant:
        return "shift" if self.factor is None else "scale"

    @property
    def shortcut_in_sum(self) -> bool:
        return self.factor is None

    def factors(self) -> NDArray[np.int32] | None:
        return self.factor

    def output(self, module: IntegerModule, total: NDArray[np.int64], shortcut: Codes | None) -> Codes:
        if self.factor is None:
            return super().output(module, total, shortcut)
        up, shift = or_zero(module.shortcut_shift), or_zero(module.shift)
        return scaled_output(total, self.factor, shortcut, up, shift, module.low, module.high)

    def requantizer_bounds(
        self, module: IntegerModule, sums: NDArray[np.int64], shortcut: int
    ) -> list[tuple[str, int, int]]:
        """Scale-round: of ``|acc + bias|``, and of the sum that is shifted with the half of the rounding."""
        if self.factor is None:
            return []
        assert module.bias is not None
        assert module.shift is not None
        value = sums + np.abs(module.bias.astype(np.int64))
        up = np.broadcast_to(or_zero(module.shortcut_shift), value.shape)
        totals = [
            int(v) * int(m) + (1 << int(s) >> 1) + (shortcut << int(u) if module.shortcut is not None else 0)
            for v, m, s, u in zip(value, self.factor, module.shift, up, strict=True)
        ]
        return [("accumulator with its bias", int(value.max()), 33), ("scaled sum", max(totals), 64)]

    def stored_bits(self) -> int:
        return 0 if self.factor is None else FACTOR_BITS * self.factor.size

    def work(self) -> RowWork:
        return RowWork()

    def count(self, work: Work, module: IntegerModule, macs: int) -> None:
        work.macs += macs
        if self.row_sp2 is not None:
            cast(RowWork, work).sp2_macs += macs // len(self.row_sp2) * int(self.row_sp2.sum())

    def facts(self, module: IntegerModule, work: Work | None) -> Facts:
        done = self.work() if work is None else cast(RowWork, work)
        return {"macs": done.macs, "sp2_macs": done.sp2_macs}

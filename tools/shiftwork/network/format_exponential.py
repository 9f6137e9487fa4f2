# SPDX-License-Identifier: Apache-2.0
"""Exponential codes: levels by table on the way in, thresholds on the way out (``docs/numerics.md`` section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import exponential
from shiftwork.codes.exponential import ACC_BITS, WEIGHT_BITS, Exponential
from shiftwork.network.format import Codes, Columns, Facts, Format, Requant, Work, product
from shiftwork.tensors.arithmetic import truncate_mean
from shiftwork.tensors.im2col import im2col, weight_matrix
from shiftwork.tensors.maps import move, window_count, window_sum

if TYPE_CHECKING:
    from shiftwork.network.integer import IntegerModule, TensorInfo


@dataclass
class LiveWork(Work):
    """Work by zeros.

    Attributes:
        live_macs: multiply-accumulates of which neither operand is zero.
    """

    live_macs: int = 0


class LiveColumns(Columns):
    """Width of the codes, and the share of the work without a zero."""

    heads: ClassVar[tuple[str, ...]] = ("bits", "MACs", "live %")

    @staticmethod
    def cells(facts: Facts) -> list[object]:
        macs = facts.get("macs")
        return [facts.get("weight_bits"), macs or None, 100 * facts["live_macs"] / macs if macs else None]

    @staticmethod
    def totals(layers: Sequence[Facts]) -> Facts:
        return {name: sum(facts[name] for facts in layers) for name in ("macs", "live_macs")}

    @staticmethod
    def lines(totals: Facts) -> list[str]:
        macs = totals["macs"]
        return [f"MACs            {macs:,}, {100 * totals['live_macs'] / macs:.1f} % without a zero"] if macs else []


@dataclass(frozen=True, eq=False)
class ExponentialCodes(Format):
    """Codes of a module; its ``weight`` holds stored codes, its ``high`` is the largest exponent of its output.

    Attributes:
        code: what the weights, or the codes of the second tensor of a ``matmul``, stand for; else None.
        levels: int32, their integer table W for the exponents -R..R, at ``fraction`` fractional bits.
        thresholds: int64; what a ``conv``, ``add``, ``avgpool`` or ``concat`` computes is encoded by them. None: it is
            not encoded. A ``concat`` has ``attributes["shifts"]`` like an ``add``, one per input.
    """

    code: Exponential | None = None
    levels: NDArray[np.int32] | None = None
    fraction: int = 0
    thresholds: NDArray[np.int64] | None = None

    name: ClassVar[str] = "exponential"
    title: ClassVar[str] = "exponential codes"
    accumulator_bits: ClassVar[int] = ACC_BITS
    columns: ClassVar[type[Columns]] = LiveColumns

    @classmethod
    def of(cls, values: Facts) -> ExponentialCodes:
        code = values["code"]
        return cls(**{**values, "code": None if code is None else Exponential(**code)})

    def weight_values(self, weight: NDArray[Any]) -> NDArray[np.int32]:
        assert self.levels is not None
        return np.asarray(exponential.code_values(tuple(self.levels.tolist()))[weight])

    @property
    def requant(self) -> Requant:
        return "encode"

    def output(self, module: IntegerModule, total: NDArray[np.int64], shortcut: Codes | None) -> Codes:
        if self.thresholds is None:
            return super().output(module, total, shortcut)
        return self._encoded(module, total)

    def _encoded(self, module: IntegerModule, acc: NDArray[np.int64]) -> Codes:
        """Codes of what a module computed; ReLU6 has an upper limit for the exponent."""
        assert self.thresholds is not None
        bits = (len(self.thresholds) + 1).bit_length()
        limits = self.thresholds[: module.high + exponential.radius(bits)]
        return exponential.encode_thresholds(acc, limits, bits, module.relu)

    def combine(
        self, module: IntegerModule, inputs: Sequence[Codes], sources: Sequence[TensorInfo], target: TensorInfo
    ) -> Codes:
        """Sums, means and concatenations are computed with decoded values; a mean is truncated to an integer.

        Whatever only moves codes moves them in the order of their values, in which zero is 0.
        """
        if module.kind in ("table", "host"):
            return super().combine(module, inputs, sources, target)
        if module.kind in ("add", "avgpool", "concat", "mul", "matmul"):
            values = [source.values(x).astype(np.int64) for source, x in zip(sources, inputs, strict=True)]
            if module.kind == "avgpool":
                total = window_sum(values[0], module.attributes)
                if not module.attributes.get("raw_sum"):
                    size = (values[0].shape[1], values[0].shape[2])
                    total = truncate_mean(total, window_count(size, module.attributes))
            elif module.kind == "matmul":
                total = product(module.kind, [values[0], self.weight_values(inputs[1])])
            elif module.kind == "mul":
                total = product(module.kind, values)
            else:
                shifted = [x << shift for x, shift in zip(values, module.attributes["shifts"], strict=True)]
                total = shifted[0] + shifted[1] if module.kind == "add" else np.concatenate(shifted, axis=3)
            if self.thresholds is not None:
                return self._encoded(module, total)
            return np.asarray(np.clip(total, module.low, module.high))
        if target.levels is None:
            return move(module.kind, inputs, module.attributes)
        places, codes = exponential.code_order(target.levels)
        moved = move(module.kind, [places[x] for x in inputs], module.attributes)
        return np.asarray(codes[moved])

    def paired(self, source: TensorInfo, first: Codes, second: Codes) -> tuple[Format, TensorInfo, Codes, Codes]:
        """Codes of two widths are held in the wider one."""
        assert source.code is not None and self.code is not None
        bits = max(source.code.bits, self.code.bits)
        return (
            replace(self, code=replace(self.code, bits=bits)),
            replace(source, code=replace(source.code, bits=bits)),
            exponential.resize(first, source.code.bits, bits),
            exponential.resize(second, self.code.bits, bits),
        )

    def stored_bits(self) -> int:
        tables = ((self.levels, WEIGHT_BITS), (self.thresholds, ACC_BITS))
        return sum(bits * table.size for table, bits in tables if table is not None)

    def work(self) -> LiveWork:
        return LiveWork()

    def count_maps(self, work: Work, module: IntegerModule, values: Codes, rule: str) -> None:
        filled = (values != 0).sum(axis=0, keepdims=True, dtype=np.int64)
        for part in range(module.groups):
            per_k = im2col(filled, module, part).sum(axis=0)
            weights = self.weight_values(weight_matrix(module, part))
            cast(LiveWork, work).live_macs += int(per_k @ (weights != 0).sum(axis=0))

    def count_product(self, work: Work, first: Codes, second: Codes, rule: str) -> None:
        super().count_product(work, first, second, rule)
        filled = [(x != 0).sum(axis=2, dtype=np.int64) for x in (first, second)]
        cast(LiveWork, work).live_macs += int((filled[0] * filled[1]).sum())

    def facts(self, module: IntegerModule, work: Work | None) -> Facts:
        done = self.work() if work is None else cast(LiveWork, work)
        return {"weight_bits": module.weight_bits, "macs": done.macs, "live_macs": done.live_macs}

# SPDX-License-Identifier: Apache-2.0
"""Integers as sums of signed powers of two, all of them or the largest ones (``docs/numerics.md`` section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes import terms
from shiftwork.network.format import Codes, Columns, Facts, Format, Work
from shiftwork.tensors.im2col import im2col, weight_matrix

if TYPE_CHECKING:
    from shiftwork.network.integer import IntegerModule, TensorInfo

Stream = Literal["weights", "activations"]

QT_PAIRS = 49  # term pairs per MAC of conventional 8-bit quantization: 7 magnitude bits on either side
WHOLE_TERMS = 7  # terms counted for a value that is not truncated
MAX_TERMS = 5  # most terms of an 8-bit magnitude


@dataclass
class TermWork(Work):
    """Work in term pairs.

    Attributes:
        bound: term pairs by the bound (:meth:`Terms.pairs_bound`).
        pairs: term pairs really present (both operands encoded by the network's rule, after reveal and truncation).
        streamed: terms of the streamed operand, counted in every MAC: ``streamed / macs`` is terms per MAC.
    """

    bound: float = 0.0
    pairs: int = 0
    streamed: int = 0


class TermColumns(Columns):
    """Operand, budget and term pairs of every layer."""

    heads: ClassVar[tuple[str, ...]] = ("stream", "g", "k", "s", "MACs", "pairs/MAC", "terms/MAC")
    tokens: ClassVar[bool] = True

    @staticmethod
    def cells(facts: Facts) -> list[object]:
        if not facts:
            return [None] * len(TermColumns.heads)
        revealed, macs = facts["revealed"], facts["macs"]
        data_terms = ("all" if facts["data_terms"] == 0 else facts["data_terms"]) if revealed else None
        stream = facts["stream"] if revealed else f"{facts['stream']} (QT)"
        pairs = facts["term_pairs"] / macs if macs else None
        return [stream, facts["group"], facts["budget"], data_terms, macs or None, pairs, facts["terms_per_mac"]]

    @staticmethod
    def totals(layers: Sequence[Facts]) -> Facts:
        revealed = [facts for facts in layers if facts["revealed"]]
        figures = {name: sum(facts[name] for facts in layers) for name in ("macs", "term_pairs", "term_pairs_present")}
        return figures | {f"revealed_{name}": sum(facts[name] for facts in revealed) for name in ("macs", "term_pairs")}

    @staticmethod
    def lines(totals: Facts) -> list[str]:
        macs, revealed = totals["macs"], totals["revealed_macs"]
        if not macs:
            return []
        lines = [
            f"term pairs      {totals['term_pairs'] / macs:.3f} per MAC by the bound (8-bit QT: {QT_PAIRS}), "
            f"{totals['term_pairs_present'] / macs:.3f} present, {macs:,} MACs"
        ]
        if revealed and revealed != macs:
            pairs = totals["revealed_term_pairs"] / revealed
            lines.append(f"revealed layers {pairs:.3f} per MAC by the bound, {revealed:,} MACs")
        return lines


@dataclass(frozen=True)
class Terms(Format):
    """Term-revealing configuration of one module.

    Attributes:
        enabled: False is conventional quantization (QT): the plain dot product.
        stream: which operand is streamed as terms and revealed in groups; the other is gathered as values.
        group: g, a power of two in 1..256.
        budget: k, terms kept per group, 1..2047.
        data_terms: s, terms kept per gathered value, 0 (all) or 1..9; must be 0 when activations are streamed.
    """

    enabled: bool = False
    stream: Stream = "weights"
    group: int = 8
    budget: int = 12
    data_terms: int = 0

    name: ClassVar[str] = "terms"
    title: ClassVar[str] = "integers made of terms"
    columns: ClassVar[type[Columns]] = TermColumns

    @property
    def untouched(self) -> bool:
        return not self.enabled

    @property
    def streams_rows(self) -> bool:
        return self.enabled and self.stream == "activations"

    def multiplied(self, matrix: NDArray[np.generic], rule: str) -> NDArray[np.int32]:
        if self.enabled and self.stream == "weights":
            return terms.reveal(matrix, self.group, self.budget, rule)
        return matrix.astype(np.int32)

    def spread(self, count: int) -> Terms | None:
        if not self.enabled:
            return self
        longer = self.group * count
        return None if count & (count - 1) or longer > terms.MAX_GROUP else replace(self, group=longer)

    def gathered(self, values: Codes, rule: str) -> Codes:
        if self.enabled and self.stream == "weights" and self.data_terms:
            return terms.truncate(values, self.data_terms, rule)
        return values

    def streamed(self, table: Codes, rule: str) -> Codes:
        return terms.reveal(table, self.group, self.budget, rule) if self.streams_rows else table

    def limits(self, source: TensorInfo, rule: str) -> tuple[int, int]:
        low, high = super().limits(source, rule)
        if not self.enabled:
            return low, high
        if self.stream == "activations":  # a kept head of a value may round it up to the next power of two
            return low, high + 1
        kept = terms.truncate(np.arange(low, high + 1), self.data_terms, rule)
        return int(kept.min()), int(kept.max())

    def pairs_bound(self, length: int) -> float:
        """Term pairs per MAC that a module is charged by its configuration.

        ``s * k/g`` with weights streamed (s = 7 when data is whole), ``7 * min(k/g, 5)`` with activations streamed, 49
        without term revealing. length: of the reduction; one shorter than g counts as the group.
        """
        if not self.enabled:
            return float(QT_PAIRS)
        per_value = self.budget / min(self.group, length)
        if self.stream == "activations":
            return WHOLE_TERMS * min(per_value, MAX_TERMS)
        return (self.data_terms or WHOLE_TERMS) * per_value

    def work(self) -> TermWork:
        return TermWork()

    def count(self, work: Work, module: IntegerModule, macs: int) -> None:
        work.macs += macs
        cast(TermWork, work).bound += macs * self.pairs_bound(module.depth)

    def count_table(self, work: Work, table: Codes, matrix: NDArray[np.int32], rule: str) -> None:
        if self.streams_rows:
            found = cast(TermWork, work)
            per_k = terms.count(table, rule).sum(axis=0, dtype=np.int64)
            found.pairs += int(per_k @ terms.count(matrix, rule).sum(axis=0, dtype=np.int64))
            found.streamed += int(per_k.sum()) * len(matrix)

    def count_maps(self, work: Work, module: IntegerModule, values: Codes, rule: str) -> None:
        """The terms of all images are summed before windows are taken."""
        if self.streams_rows:
            return
        found = cast(TermWork, work)
        per_map = terms.count(values, rule).sum(axis=0, keepdims=True, dtype=np.int64)
        for part in range(module.groups):
            matrix = self.multiplied(weight_matrix(module, part), rule)
            windows = im2col(per_map, module, part)
            per_k = windows.sum(axis=0)
            weight_terms = terms.count(matrix, rule).sum(axis=0, dtype=np.int64)
            found.pairs += int(per_k @ weight_terms)
            if self.stream == "activations":
                found.streamed += int(per_k.sum()) * len(matrix)
            else:
                found.streamed += int(weight_terms.sum()) * len(values) * len(windows)

    def count_product(self, work: Work, first: Codes, second: Codes, rule: str) -> None:
        """The second one stands for the weights; neither is revealed."""
        super().count_product(work, first, second, rule)
        found = cast(TermWork, work)
        found.bound += float(QT_PAIRS) * first.size * second.shape[2]
        counts = [terms.count(x, rule).sum(axis=2, dtype=np.int64) for x in (first, second)]
        found.pairs += int((counts[0] * counts[1]).sum())
        on_rows, others = (second, first) if self.stream == "weights" else (first, second)
        found.streamed += int(terms.count(on_rows, rule).sum(dtype=np.int64)) * others.shape[2]

    def facts(self, module: IntegerModule, work: Work | None) -> Facts:
        done = self.work() if work is None else cast(TermWork, work)
        return {
            "stream": self.stream,
            "revealed": self.enabled,
            "group": self.group if self.enabled else None,
            "budget": self.budget if self.enabled else None,
            "data_terms": self.data_terms if self.enabled else None,
            "macs": done.macs,
            "term_pairs": round(done.bound),
            "term_pairs_present": done.pairs,
            "terms_per_mac": done.streamed / done.macs if done.streamed else None,
        }

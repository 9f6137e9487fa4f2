# SPDX-License-Identifier: Apache-2.0
"""A fifth scheme, for docs/add-a-scheme.md: weights -1, 0 and 1 times a power of two per channel, on the tr engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile import TrEngine
from shiftwork.network.format import Columns, Facts, Work
from shiftwork.network.format_terms import Terms
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import IntegerModule, IntegerNetwork
from shiftwork.progress import OnItem
from shiftwork.quantize import fixed8
from shiftwork.quantize.bounds import check_accumulators
from shiftwork.quantize.judge import Judge
from shiftwork.quantize.quantization import Quantization
from shiftwork.quantize.scales import build
from shiftwork.schemes import Scheme

# The format: what is counted and how a report shows it. Values, bounds and outputs are those of integers.


@dataclass
class TernaryWork(Work):
    """Multiply-accumulates, and those whose weight is not zero."""

    nonzero_macs: int = 0


class TernaryColumns(Columns):
    """Share of the weights that are not zero."""

    heads: ClassVar[tuple[str, ...]] = ("MACs", "nonzero %")

    @staticmethod
    def cells(facts: Facts) -> list[object]:
        macs = facts.get("macs")
        return [macs or None, 100 * facts["nonzero_macs"] / macs if macs else None]

    @staticmethod
    def totals(layers: Sequence[Facts]) -> Facts:
        return {name: sum(facts[name] for facts in layers) for name in ("macs", "nonzero_macs")}

    @staticmethod
    def lines(totals: Facts) -> list[str]:
        return [f"MACs            {totals['macs']:,}, {totals['nonzero_macs']:,} by weights that are not zero"]


@dataclass(frozen=True)
class Ternary(Terms):
    """Weights of one magnitude per channel; the tr engine takes them as the integers that they are."""

    name: ClassVar[str] = "ternary"
    title: ClassVar[str] = "ternary weights"
    columns: ClassVar[type[Columns]] = TernaryColumns

    def work(self) -> Any:
        return TernaryWork()

    def count(self, work: Work, module: IntegerModule, macs: int) -> None:
        assert module.weight is not None
        work.macs += macs
        cast(TernaryWork, work).nonzero_macs += round(macs * float((module.weight != 0).mean()))

    def count_maps(self, work: Work, module: IntegerModule, values: NDArray[Any], rule: str) -> None:
        """Nothing depends on the activations."""

    def facts(self, module: IntegerModule, work: Work | None) -> Facts:
        done = TernaryWork() if work is None else cast(TernaryWork, work)
        return {"macs": done.macs, "nonzero_macs": done.nonzero_macs}


# The quantizer: from the float network and its calibration data to the integer network.


def quantize(
    network: FloatNetwork, samples: Any, wish: Quantization, judge: Judge, progress: OnItem | None
) -> IntegerNetwork:
    """8-bit scales; of every channel the weights above 0.7 of their mean become one power of two, the others zero."""
    result = build(network, fixed8.wished_scales(network, samples, wish, judge, progress)).copy()
    for module in result.convolutions:
        assert module.weight is not None
        size = np.abs(module.weight.astype(np.float64)).reshape(len(module.weight), -1)
        large = size > 0.7 * size.mean(axis=1, keepdims=True)
        mean = (size * large).sum(axis=1) / np.maximum(large.sum(axis=1), 1)
        step = 2 ** np.clip(np.round(np.log2(np.maximum(mean, 1))), 0, 6)
        weight = np.sign(module.weight.astype(int)) * (large * step[:, None]).reshape(module.weight.shape)
        module.weight, module.weight_bits = weight.astype(np.int8), 2
        module.format = Ternary(stream=cast(Any, wish.stream))
    check_accumulators(result)
    return replace(result, scheme=TERNARY.name)


# The line in the registry: name, quantizer, legal options, engine.
TERNARY = Scheme("ternary", quantize, options=("scale", "stream"), scales=("mse", "maxabs"), engine=TrEngine)

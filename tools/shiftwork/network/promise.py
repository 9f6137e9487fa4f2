# SPDX-License-Identifier: Apache-2.0
"""What a quantizer promises of a network: how much it expects to lose, and how it knows."""

from __future__ import annotations

import math
from dataclasses import dataclass

FEW = 64
"""Calibration samples below which an estimate says little."""
FEW_HELD = 16
"""Different samples held back below which it does as well."""
UNSURE = 1 / 3
"""Mean probability of the likeliest class below which the outputs may be none of probabilities."""


@dataclass(frozen=True)
class Promise:
    """Loss of an integer network against its float network, estimated on samples that the quantizer did not see.

    Of a network with classes it is in points of accuracy, of another one in percent of the output's power
    (:class:`shiftwork.quantize.judge.Judge`).

    Attributes:
        estimate: the expected loss. error: its standard error. bound: what the loss should not exceed.
        tolerated: what the user allowed.
        held: samples that it was estimated on, all of them different. samples: calibration samples in all. source: the
            file they are of. classes: the network has classes. confidence: mean probability of the likeliest one.
    """

    estimate: float
    error: float
    bound: float
    tolerated: float
    held: int
    samples: int
    source: str = ""
    classes: bool = True
    confidence: float = 1.0

    @property
    def kept(self) -> bool:
        """The bound is within what is tolerated."""
        return self.bound <= self.tolerated

    @property
    def sqnr(self) -> float:
        """Signal to quantization noise ratio of the output in dB, of a network without classes."""
        return math.inf if self.estimate <= 0 else -10 * math.log10(self.estimate / 100)

# SPDX-License-Identifier: Apache-2.0
"""What a quantizer saves beside conventional quantization on the engine that it was told of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Saving:
    """A network and its conventional quantization (QT) with weights streamed, side by side.

    Attributes:
        cycles, plain_cycles: predicted cycles of all convolutions for one sample, of the network and of QT; None
            where no engine was known.
        either_cycles: of QT with weights or activations streamed, whichever take fewer cycles in a layer: what the
            order of the operands and sparsity buy without term revealing; those of QT where only weights may be
            streamed.
        pairs, plain_pairs: term pairs that are there per MAC, on calibration samples.
    """

    cycles: int | None
    plain_cycles: int | None
    either_cycles: int | None
    pairs: float
    plain_pairs: float

# SPDX-License-Identifier: Apache-2.0
"""The integer network: what a quantizer produces and what the golden model, the compiler and the RTL execute.

Tensors are NHWC codes, weights are ``[out][ky][kx][in]`` (``docs/numerics.md`` section 1). A network is a list of
modules in dataflow order; every module reads tensors by name and writes exactly one tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["conv", "add", "maxpool", "avgpool", "concat", "slice", "pad", "reshape"]
Stream = Literal["weights", "activations"]


@dataclass(frozen=True)
class TensorInfo:
    """One activation tensor (without the batch axis).

    Attributes:
        shape: ``(height, width, channels)``.
        fraction: number N of fractional bits; the real value is ``code * 2**-N``.
        signed: two's complement when true, else unsigned.
        bits: width of a code (8), or 32 for the raw accumulator of a network output.
    """

    shape: tuple[int, int, int]
    fraction: int
    signed: bool
    bits: int = 8


@dataclass(frozen=True)
class TermConfig:
    """Term-revealing configuration of one module (``docs/numerics.md`` section 3).

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


@dataclass
class IntegerModule:
    """One unified module: ``acc = sum(w*a) + (bias << sb) + (shortcut << ss)``; ReLU; shift-round by ``sh``; clamp.

    A fully connected layer is a ``conv`` over the whole map. The pooling, ``add`` and code-moving kinds use ``attributes``:

    * ``maxpool`` / ``avgpool``: ``kernel (h, w)``, ``stride (h, w)``, ``pads (top, left, bottom, right)``, ``ceil_mode``;
      ``avgpool`` also ``count_include_pad`` and, for a raw network output, ``raw_sum``.
    * ``add``: ``shifts (sx, sy)``, one per input; ``shift``, ``relu`` as in a convolution.
    * ``concat``: none (channels). ``slice``: ``starts``, ``stops``, ``steps`` over (h, w, c). ``pad``: ``pads ((t,b),(l,r),(front,back))``.
    * ``reshape``: ``shape (h, w, c)``; pure code move.
    """

    name: str
    kind: Kind
    inputs: list[str]
    output: str
    weight: NDArray[np.int8] | None = None
    bias: NDArray[np.int32] | None = None
    shortcut: str | None = None
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    relu: bool = False
    bias_shift: NDArray[np.int32] | None = None
    shortcut_shift: NDArray[np.int32] | None = None
    shift: NDArray[np.int32] | None = None
    low: int = -128
    high: int = 127
    requantize: bool = True
    terms: TermConfig = field(default_factory=TermConfig)
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass
class IntegerNetwork:
    """A whole quantized network.

    Attributes:
        scheme: ``fixed8`` or ``tr``.
        input: name of the network input tensor. output: name of the network output tensor (its codes are raw accumulators).
        tensors: every tensor by name. modules: in dataflow order.
        output_scale: per output channel or scalar factor that turns output codes into real numbers.
    """

    scheme: str
    input: str
    output: str
    tensors: dict[str, TensorInfo]
    modules: list[IntegerModule]
    rule: str = "hese"

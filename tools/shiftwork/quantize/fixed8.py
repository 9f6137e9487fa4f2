# SPDX-License-Identifier: Apache-2.0
"""Integers of up to 8 bits with power-of-two scales (``docs/numerics.md`` section 2).

Every activation tensor has one number N of fractional bits; weights have one N per output channel (default) or per
tensor. The module that feeds the network output keeps its 32-bit accumulator and one N for its weights.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.graph import FloatNetwork
from shiftwork.network.integer import IntegerNetwork, Stream, Terms
from shiftwork.progress import OnItem
from shiftwork.quantize import joint
from shiftwork.quantize.calibrate import Statistics, calibrate
from shiftwork.quantize.judge import Judge
from shiftwork.quantize.quantization import BEST, SCALE_METHODS, Quantization
from shiftwork.quantize.scales import Bits, Scales, build, make_legal, separate_scales


def quantize(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    method: str = "mse",
    per_channel: bool = True,
    weight_bits: int = 8,
    activation_bits: int = 8,
    bias_bits: int | None = None,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """Choose power-of-two scales from calibration samples and build the integer network.

    Args:
        network: the float graph.
        samples: calibration samples as the ONNX input expects them.
        method: ``maxabs`` (the full range of every tensor), ``mse`` (least squared error of every tensor on its own;
            may saturate outliers) or ``joint`` (least squared error of every module's output,
            :mod:`~shiftwork.quantize.joint`).
        per_channel: one N of weights per output channel; False is one per tensor. The last layer always has one.
        weight_bits, activation_bits: 4..8. bias_bits: 8..32; None is 16 for ``joint``, which searches N_b, else 32.
        progress: told about every module of the joint search.

    Returns:
        An integer network of scheme ``fixed8``; term revealing is off everywhere.

    Raises:
        ShiftworkError: unknown method, illegal widths, a shortcut too small beside its sum, or a module whose
            accumulator could exceed 32 bits.
    """
    if method not in SCALE_METHODS:
        raise ShiftworkError(f"unknown scale method {method!r}: choose one of {', '.join(SCALE_METHODS)}")
    return build(
        network, find_scales(network, samples, method, per_channel, weight_bits, activation_bits, bias_bits, progress)
    )


def find_scales(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    method: str = "mse",
    per_channel: bool = True,
    weight_bits: int = 8,
    activation_bits: int = 8,
    bias_bits: int | None = None,
    progress: OnItem | None = None,
    statistics: dict[str, Statistics] | None = None,
) -> Scales:
    """The scales of :func:`quantize`. statistics: of the samples, where they are known."""
    bits = Bits(weight_bits, activation_bits, bias_bits or (joint.BIAS_BITS if method == "joint" else 32))
    bits.check()
    known = calibrate(network, samples) if statistics is None else statistics
    start = "mse" if method == "joint" else method
    scales = separate_scales(network, known, bits, start, per_channel)
    if method == "joint":
        joint.search(network, samples, known, scales, per_channel, progress)
        make_legal(network, scales)
    scales.method = method
    return scales


def wished_scales(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    wish: Quantization,
    judge: Judge,
    progress: OnItem | None = None,
) -> Scales:
    """The scales that a user asked for; ``best`` are those that lose least on the samples held back.

    Losses that are equal to a hundredth are decided by the power of the output's error.
    """
    assert wish.scale is not None  # the registry has filled it in
    statistics = calibrate(network, samples)

    def found(method: str) -> Scales:
        widths = wish.weight_bits, wish.activation_bits
        return find_scales(
            network, samples, method, not wish.per_tensor, *widths, progress=progress, statistics=statistics
        )

    if wish.scale != BEST:
        return found(wish.scale)
    return min(map(found, SCALE_METHODS), key=lambda scales: judge.rank(build(network, scales)))


def integers(
    network: FloatNetwork,
    samples: NDArray[np.float32],
    wish: Quantization,
    judge: Judge,
    progress: OnItem | None = None,
) -> IntegerNetwork:
    """Schemes ``fixed8`` and ``joint``: plain integers (:data:`shiftwork.schemes.Quantizer`)."""
    return streamed(build(network, wished_scales(network, samples, wish, judge, progress)), wish)


def streamed(network: IntegerNetwork, wish: Quantization) -> IntegerNetwork:
    """A ``fixed8`` network, under the scheme and with the operand streamed that a user asked for; it is not changed."""
    result = network.copy()
    result.scheme = wish.scheme
    for module in result.modules:
        module.format = Terms(stream=cast(Stream, wish.stream or "weights"))
    return result

# SPDX-License-Identifier: Apache-2.0
"""Networks of one product of two activations for the system tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes.exponential import ACTIVATION_BITS, WEIGHT_BITS, Exponential
from shiftwork.network.ends import Ends
from shiftwork.network.integer import ExponentialCodes, IntegerModule, IntegerNetwork, Stream, TensorInfo, Terms

SHAPE = (3, 11, 5, 70)
"""Rows of the map, positions, channels and length of the reduction: short tiles on either side, several slices."""

Made = tuple[IntegerNetwork, NDArray[np.integer]]


def whole_numbers(signs: tuple[bool, bool], seed: int, stream: Stream = "weights", raw: bool = False) -> Made:
    """``x[:, :w] * table(x[:, w:])`` of random codes, and those of two samples. signs: of the operands."""
    rng = np.random.default_rng(seed)
    height, width, channels, depth = SHAPE
    first, second = (TensorInfo((height, size, depth), 5, sign) for size, sign in
                     zip((width, channels), signs, strict=True))  # fmt: skip
    x = TensorInfo((height, width + channels, depth), 5, signs[0])
    table = rng.permutation(256).astype(np.uint8)
    out = TensorInfo((height, width, channels), 0 if raw else 3, True, 32 if raw else 8)
    product = IntegerModule("product", "matmul", ["first", "second"], "out", format=Terms(stream=stream))
    product.requantize, product.relu = not raw, raw
    product.shift = np.zeros(channels, np.int32) if raw else rng.integers(9, 14, channels).astype(np.int32)
    product.low, product.high = (0, (1 << 31) - 1) if raw else (-128, 127)
    network = _network("fixed8", x, first, second, out, table, product)
    low, high = x.limits
    codes = rng.integers(low, high + 1, (2, *x.shape)).astype(x.dtype)
    codes[0, 0, :, : depth // 2] = low  # the widest sums
    return network, codes


def exponentials(widths: tuple[int, int], seed: int) -> Made:
    """The same of random exponential codes, of exponents of two widths."""
    rng = np.random.default_rng(seed)
    height, width, channels, depth = SHAPE

    def info(shape: tuple[int, int, int], bits: int) -> TensorInfo:
        code = Exponential(bits, 2.0, 1.0, 0.0)
        levels = np.sort(rng.integers(0, 1 << ACTIVATION_BITS, 2 * code.radius + 1))
        return TensorInfo(shape, 5, False, bits + 1, code, tuple(levels.tolist()))

    def legal(bits: int) -> NDArray[np.uint8]:
        return np.delete(np.arange(2 << bits), 3 << (bits - 1)).astype(np.uint8)

    first, second, out = (info((height, rows, columns), bits) for rows, columns, bits in
                          ((width, depth, widths[0]), (channels, depth, widths[1]), (width, channels, 5)))  # fmt: skip
    x = TensorInfo((height, width + channels, depth), 5, False, first.bits, first.code, first.levels)
    assert second.code is not None and out.code is not None
    weights = np.sort(rng.integers(0, 1 << WEIGHT_BITS, 2 * second.code.radius + 1)).astype(np.int32)
    limits = np.sort(rng.integers(0, 1 << 33, 2 * out.code.radius))
    form = ExponentialCodes(second.code, weights, 5, limits)
    product = IntegerModule("product", "matmul", ["first", "second"], "out", format=form)
    product.low, product.high = -out.code.radius, out.code.radius
    table = rng.choice(legal(widths[1]), 256)
    network = _network("dnateq", x, first, second, out, table, product)
    for module in network.modules[:3]:
        module.format = ExponentialCodes()
    return network, rng.choice(legal(widths[0]), (2, *x.shape))


def _network(
    scheme: str, x: TensorInfo, first: TensorInfo, second: TensorInfo, out: TensorInfo, table: NDArray[np.uint8],
    product: IntegerModule,
) -> IntegerNetwork:  # fmt: skip
    width = first.shape[1]
    bounds = {"starts": (0, 0, 0), "stops": (x.shape[0], width, x.shape[2]), "steps": (1, 1, 1)}
    rest = {"starts": (0, width, 0), "stops": x.shape, "steps": (1, 1, 1)}
    looked = IntegerModule("looked up", "table", ["rest"], "second", table=table)
    modules = [
        IntegerModule("begin", "slice", ["x"], "first", attributes=bounds),
        IntegerModule("end", "slice", ["x"], "rest", attributes=rest), looked, product,
    ]  # fmt: skip
    kept = TensorInfo(second.shape, x.fraction, x.signed, x.bits, x.code, x.levels)
    tensors = {"x": x, "first": first, "rest": kept, "second": second, "out": out}
    return IntegerNetwork(scheme, Ends.of_maps("x", x.shape, "out", out.shape), tensors, modules)

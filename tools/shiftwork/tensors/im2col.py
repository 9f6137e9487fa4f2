# SPDX-License-Identifier: Apache-2.0
"""Operands of a convolution in reduction order: what the golden model multiplies and what the engines stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Code = TypeVar("Code", bound=np.generic)


class Convolution(Protocol):
    """What is read of a convolution: an integer module or one of the float graph."""

    @property
    def weight(self) -> NDArray[Any] | None: ...
    @property
    def stride(self) -> tuple[int, int]: ...
    @property
    def pads(self) -> tuple[int, int, int, int]: ...
    @property
    def dilation(self) -> tuple[int, int]: ...
    @property
    def groups(self) -> int: ...


def output_size(size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1) -> int:
    """Output positions along one axis (0 or negative when the kernel does not fit)."""
    return (size + before + after - dilation * (kernel - 1) - 1) // stride + 1


def output_shape(codes_shape: tuple[int, ...], module: Convolution) -> tuple[int, int]:
    """``(height, width)`` of the output map of a convolution for codes of shape (images, height, width, channels)."""
    assert module.weight is not None
    _, ky, kx, _ = module.weight.shape
    top, left, bottom, right = module.pads
    return (
        output_size(codes_shape[1], ky, module.stride[0], top, bottom, module.dilation[0]),
        output_size(codes_shape[2], kx, module.stride[1], left, right, module.dilation[1]),
    )


def windows(codes: NDArray[Code], module: Convolution, zero: int = 0) -> NDArray[Code]:
    """What the kernel of a convolution sees at every output position, all channels.

    Args:
        codes: (images, height, width, channels) codes or real numbers.
        module: a ``conv`` module; kernel size, stride, padding and dilation are read. zero: what padding holds.

    Returns:
        (images, out_height, out_width, ky, kx, channels) array of the dtype of ``codes``.
    """
    assert module.weight is not None
    _, ky, kx, _ = module.weight.shape
    rows, columns = output_shape(codes.shape, module)
    result = np.empty((len(codes), rows, columns, ky, kx, codes.shape[3]), codes.dtype)
    for y, x, seen in _positions(codes, module, rows, columns, zero):
        result[:, :, :, y, x] = seen
    return result


def _positions(
    codes: NDArray[Code], module: Convolution, rows: int, columns: int, zero: int = 0
) -> Iterator[tuple[int, int, NDArray[Code]]]:
    """The map (images, rows, columns, channels) as each kernel position (y, x) sees it."""
    assert module.weight is not None
    top, left, bottom, right = module.pads
    if any(module.pads):
        codes = np.pad(codes, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=zero)
    (sy, sx), (dy, dx) = module.stride, module.dilation
    for y in range(module.weight.shape[1]):
        for x in range(module.weight.shape[2]):
            down = slice(y * dy, y * dy + (rows - 1) * sy + 1, sy)
            yield y, x, codes[:, down, slice(x * dx, x * dx + (columns - 1) * sx + 1, sx)]


def im2col(codes: NDArray[Code], module: Convolution, part: int = 0, zero: int = 0) -> NDArray[Code]:
    """Activations of every output position of a convolution, in reduction order (ky, kx, in), ``in`` fastest.

    Args:
        codes: (images, height, width, channels) codes of the module's input.
        module: a ``conv`` module; kernel size and channels per group come from its weights.
        part: index of the convolution group, 0 .. groups-1 (0 for an ordinary convolution).
        zero: what padded positions hold: the code of zero.

    Returns:
        (images * out_height * out_width, K) array of the dtype of ``codes``.
    """
    assert module.weight is not None
    depth = module.weight.shape[3]
    if module.groups > 1:
        codes = codes[..., part * depth : (part + 1) * depth]
    seen = windows(codes, module, zero)
    return seen.reshape(seen.shape[0] * seen.shape[1] * seen.shape[2], -1)


def depthwise(x: NDArray[Code], module: Convolution) -> NDArray[Code]:
    """Depthwise convolution without bias, one kernel position after the other, in the type of ``x``.

    Args:
        x: (images, height, width, channels) int32 codes or real numbers.
        module: a ``conv`` module with one input channel per group.

    Returns:
        (images, out_height, out_width, out).
    """
    assert module.weight is not None
    out = module.weight.shape[0]
    if out != module.groups:
        x = np.repeat(x, out // module.groups, axis=3)
    rows, columns = output_shape(x.shape, module)
    weight = module.weight.astype(x.dtype)
    result = np.zeros((len(x), rows, columns, out), x.dtype)
    for ky, kx, seen in _positions(x, module, rows, columns):
        result += seen * weight[:, ky, kx, 0]
    return result


def weight_matrix(module: Convolution, part: int = 0) -> NDArray[Any]:
    """Weights of one convolution group as (outputs of the group, K), K in the order of :func:`im2col`."""
    assert module.weight is not None
    outputs = module.weight.shape[0] // module.groups
    return module.weight[part * outputs : (part + 1) * outputs].reshape(outputs, -1)

# SPDX-License-Identifier: Apache-2.0
"""Operands of a convolution in reduction order: what the golden model multiplies and what the engines stream."""

from __future__ import annotations

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


def im2col(codes: NDArray[Code], module: Convolution, part: int = 0) -> NDArray[Code]:
    """Activations of every output position of a convolution, in reduction order (ky, kx, in), ``in`` fastest.

    Args:
        codes: (images, height, width, channels) codes of the module's input.
        module: a ``conv`` module; kernel size and channels per group come from its weights.
        part: index of the convolution group, 0 .. groups-1 (0 for an ordinary convolution).

    Returns:
        (images * out_height * out_width, K) array of the dtype of ``codes``; padded positions hold 0.
    """
    assert module.weight is not None
    _, ky, kx, depth = module.weight.shape
    if module.groups > 1:
        codes = codes[..., part * depth : (part + 1) * depth]
    rows, columns = output_shape(codes.shape, module)
    top, left, bottom, right = module.pads
    if any(module.pads):
        codes = np.pad(codes, ((0, 0), (top, bottom), (left, right), (0, 0)))
    images = codes.shape[0]
    (sy, sx), (dy, dx) = module.stride, module.dilation
    result = np.empty((images, rows, columns, ky, kx, depth), codes.dtype)
    for y in range(ky):
        for x in range(kx):
            result[:, :, :, y, x] = codes[
                :, y * dy : y * dy + (rows - 1) * sy + 1 : sy, x * dx : x * dx + (columns - 1) * sx + 1 : sx
            ]
    return result.reshape(images * rows * columns, ky * kx * depth)


def weight_matrix(module: Convolution, part: int = 0) -> NDArray[Any]:
    """Weights of one convolution group as (outputs of the group, K), K in the order of :func:`im2col`."""
    assert module.weight is not None
    outputs = module.weight.shape[0] // module.groups
    return module.weight[part * outputs : (part + 1) * outputs].reshape(outputs, -1)

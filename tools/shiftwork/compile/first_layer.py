# SPDX-License-Identifier: Apache-2.0
"""A first layer of a large stride: whoever writes the network's input lays it out for a stride of 1.

The layer becomes a convolution of stride 1 over a map that has *windows* of the image as its positions. Windows are as
many rows high as the stride, and as wide as the kernel. The kernel is then as many windows high as it takes, and one
wide; rows that it has too many get weights of zero, and padding is in the windows. Taps keep their order, (ky, kx, in),
with the zeros last: groups of term revealing are the same. That is why windows are as wide as the kernel and overlap
in x: the map has as many times the codes of the image as the kernel is wide in strides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.errors import ShiftworkError
from shiftwork.network.integer import IntegerNetwork
from shiftwork.tensors.im2col import output_shape

STRIDES = ((1, 1), (2, 2))
"""Of convolutions and poolings that read any other tensor."""


@dataclass(frozen=True)
class Windows:
    """How an image is laid out: channel ``(i * columns + j) * channels + c`` of position (y, x) holds channel c of
    ``(y * stride[0] + i * dilation[0] - before[0], x * stride[1] + j * dilation[1] - before[1])``, outside it 0.

    Attributes:
        image: height, width and channels of it. size: rows and columns of a window.
        stride, dilation: between windows, and between the positions of one; rows, columns.
        before: rows and columns of padding before the first position.
    """

    image: tuple[int, int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]

    def of(self, codes: NDArray[np.integer], height: int, width: int) -> NDArray[np.integer]:
        """The map (..., height, width, channels of a window) of images (..., height, width, channels).

        Raises:
            ShiftworkError: images of another shape.
        """
        if codes.shape[-3:] != self.image:
            raise ShiftworkError(f"an input of shape {codes.shape[-3:]} where {self.image} is expected")
        counts = (height, width)
        y, x = (
            np.arange(counts[axis])[:, None] * self.stride[axis]
            + np.arange(self.size[axis]) * self.dilation[axis]
            - self.before[axis]
            for axis in (0, 1)
        )
        y, x = y[:, None, :, None], x[None, :, None, :]
        inside = (y >= 0) & (y < self.image[0]) & (x >= 0) & (x < self.image[1])
        seen = codes[..., np.clip(y, 0, self.image[0] - 1), np.clip(x, 0, self.image[1] - 1), :]
        laid: NDArray[np.integer] = np.where(inside[..., None], seen, 0).astype(codes.dtype)
        return laid.reshape(*codes.shape[:-3], height, width, -1)


def with_windows(network: IntegerNetwork) -> tuple[IntegerNetwork, Windows | None]:
    """The network with a first layer of stride 1 over windows of its input, and the windows; as it is, and None, where
    that needs none, or cannot be."""
    readers = [module for module in network.modules for name in module.reads if name == network.input]
    first = readers[0]
    if len(readers) > 1 or first.kind != "conv" or first.stride in STRIDES or first.groups > 1:
        return network, None
    assert first.weight is not None
    out, high, wide, channels = first.weight.shape
    info = network.tensors[network.input]
    height, width = output_shape((1, *info.shape), first)
    rows = first.stride[0] if first.dilation[0] == 1 and first.stride[0] < high else high
    count = -(-high // rows)
    weight = np.pad(first.weight, ((0, 0), (0, count * rows - high), (0, 0), (0, 0)))
    windows = Windows(info.shape, (rows, wide), first.stride, first.dilation, first.pads[:2])
    layer = replace(
        first, weight=weight.reshape(out, count, 1, rows * wide * channels), stride=(1, 1), dilation=(1, 1),
        pads=(0, 0, 0, 0),
    )  # fmt: skip
    laid = replace(info, shape=(height + count - 1, width, rows * wide * channels))
    modules = [layer if module is first else module for module in network.modules]
    return replace(network, tensors=network.tensors | {network.input: laid}, modules=modules), windows

# SPDX-License-Identifier: Apache-2.0
"""Pooling and code moves on NHWC maps; they work on codes and on real numbers alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.tensors.layout import Step, positions


def pooled_size(size: tuple[int, int], attributes: Mapping[str, Any]) -> tuple[int, int]:
    """Output (height, width) of a pooling module; with ``ceil_mode`` no window starts in the padding after the map."""
    result = []
    (top, left, bottom, right) = attributes["pads"]
    for n, k, s, d, before, after in zip(
        size, attributes["kernel"], attributes["stride"], attributes.get("dilation", (1, 1)), (top, left),
        (bottom, right), strict=True,
    ):  # fmt: skip
        free = n + before + after - d * (k - 1) - 1
        steps = -(-free // s) if attributes["ceil_mode"] else free // s
        if attributes["ceil_mode"] and steps * s >= n + before:
            steps -= 1
        result.append(steps + 1 if free >= 0 else 0)
    return result[0], result[1]


def _windows(x: NDArray[Any], attributes: Mapping[str, Any], filling: float) -> Iterator[NDArray[Any]]:
    """The map seen from every kernel position: arrays (N, out_height, out_width, C)."""
    rows, columns = pooled_size((x.shape[1], x.shape[2]), attributes)
    (kh, kw), (sy, sx) = attributes["kernel"], attributes["stride"]
    dy, dx = attributes.get("dilation", (1, 1))
    top, left, _, _ = attributes["pads"]
    bottom = max(0, (rows - 1) * sy + dy * (kh - 1) + 1 - top - x.shape[1])
    right = max(0, (columns - 1) * sx + dx * (kw - 1) + 1 - left - x.shape[2])
    if top or left or bottom or right:
        x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=filling)
    for y in range(0, kh * dy, dy):
        for k in range(0, kw * dx, dx):
            yield x[:, y : y + (rows - 1) * sy + 1 : sy, k : k + (columns - 1) * sx + 1 : sx]


def max_pool(x: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[Any]:
    """Max pooling; the padding holds the smallest number of the type. Shape (N, out_height, out_width, C)."""
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    windows = _windows(x, attributes, lowest)
    result = next(windows).copy()
    for window in windows:
        np.maximum(result, window, out=result)
    return result


def window_sum(x: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[Any]:
    """Sum of every pooling window, int64 for codes and float64 for real numbers."""
    kind = np.int64 if x.dtype.kind in "iu" else np.float64
    (kh, kw) = attributes["kernel"]
    if (kh, kw) == x.shape[1:3] and not any(attributes["pads"]):
        return np.asarray(x.sum(axis=(1, 2), keepdims=True, dtype=kind))
    windows = _windows(x, attributes, 0)
    result = next(windows).astype(kind)
    for window in windows:
        result += window
    return result


def window_count(size: tuple[int, int], attributes: Mapping[str, Any]) -> NDArray[np.int64]:
    """Values that each window's average divides by: (out_height, out_width, 1).

    Padded positions count iff ``count_include_pad``; positions beyond the padding (``ceil_mode``) never do.
    """
    counts = []
    top, left, bottom, right = attributes["pads"]
    outputs = pooled_size(size, attributes)
    for n, out, k, s, d, before, after in zip(
        size, outputs, attributes["kernel"], attributes["stride"], attributes.get("dilation", (1, 1)), (top, left),
        (bottom, right), strict=True,
    ):  # fmt: skip
        first, last = (-before, n + after) if attributes["count_include_pad"] else (0, n)
        places = np.arange(out, dtype=np.int64)[:, None] * s - before + np.arange(k, dtype=np.int64) * d
        counts.append(((places >= first) & (places < last)).sum(axis=1, dtype=np.int64))
    return np.asarray(np.multiply.outer(counts[0], counts[1])[..., None], dtype=np.int64)


def move(kind: str, inputs: Sequence[NDArray[Any]], attributes: Mapping[str, Any]) -> NDArray[Any]:
    """One module that only moves codes: ``maxpool``, ``concat``, ``slice``, ``pad`` or ``reshape``.

    Args:
        kind: the module's kind.
        inputs: maps (N, height, width, channels) of one type.
        attributes: the module's attributes (:class:`~shiftwork.network.integer.IntegerModule`).
    """
    x = inputs[0]
    if kind == "maxpool":
        return max_pool(x, attributes)
    if kind == "concat":
        return np.concatenate(inputs, axis=3)
    if kind == "slice":
        spans = zip(attributes["starts"], attributes["stops"], attributes["steps"], strict=True)
        return x[(slice(None), *(slice(*span) for span in spans))]
    if kind == "pad":
        return np.pad(x, ((0, 0), *attributes["pads"]))
    found = x.reshape(len(x), -1)[:, positions([Step(*step) for step in attributes["steps"]])]
    return found.reshape(len(x), *attributes["shape"])

# SPDX-License-Identifier: Apache-2.0
"""Groups of a convolution that share a tile: a group with fewer output channels than rows leaves the others idle.

Several groups are one group with a block-diagonal matrix of weights: every row has its own channels and zeros at those of
the others. Zeros change no sum, and as term revealing counts terms, a group of values that spans the zeros as well keeps
the same terms.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shiftwork.codes.terms import MAX_GROUP
from shiftwork.network.format_terms import Terms
from shiftwork.network.integer import IntegerModule


def together(module: IntegerModule, rows: int, vectors: int) -> int:
    """How many groups of a convolution to compute in one tile; 1 where they stay apart.

    Args:
        module: a convolution. rows: of the engine. vectors: of ROWS weights that a tile may have.
    """
    assert module.weight is not None
    channels, form = len(module.weight) // module.groups, module.format
    revealed = not form.untouched
    if revealed and (not isinstance(form, Terms) or form.streams_rows or module.weight.shape[3] > 1):
        return 1
    for count in range(min(rows // channels, module.groups), 1, -1):
        fits = stream_vectors(module, count) <= vectors
        spans = not isinstance(form, Terms) or not revealed or _spans(form.group, count)
        if module.groups % count == 0 and fits and spans:
            return count
    return 1


def stream_vectors(module: IntegerModule, count: int) -> int:
    """Vectors of ROWS weights of a tile when ``count`` groups are computed together."""
    return module.depth * (1 if is_diagonal(module) else count)


def is_diagonal(module: IntegerModule) -> bool:
    """True where every group is one channel: together, every beat has a weight for one row alone."""
    return module.depthwise and module.weight is not None and len(module.weight) == module.groups


def merged(module: IntegerModule, count: int) -> IntegerModule:
    """The convolution with ``count`` groups made one; its results are the same."""
    if count == 1:
        return module
    assert module.weight is not None
    form = module.format
    if isinstance(form, Terms) and form.enabled:
        form = replace(form, group=form.group * count)
    weight = block_diagonal(module.weight.reshape(module.groups, -1, *module.weight.shape[1:]), count)
    return replace(module, weight=weight, groups=module.groups // count, format=form)


def block_diagonal(weight: NDArray[np.integer], count: int) -> NDArray[np.integer]:
    """Weights ``(groups, channels, ky, kx, in)`` as ``(groups * channels, ky, kx, count * in)``."""
    groups, channels, height, width, depth = weight.shape
    full = np.zeros((groups // count, count, channels, height, width, count, depth), weight.dtype)
    parts = weight.reshape(groups // count, count, channels, height, width, depth)
    for part in range(count):
        full[:, part, :, :, :, part] = parts[:, part]
    return full.reshape(groups * channels, height, width, count * depth)


def _spans(group: int, count: int) -> bool:
    """True when groups of values may be ``count`` times as long."""
    return count & (count - 1) == 0 and group * count <= MAX_GROUP

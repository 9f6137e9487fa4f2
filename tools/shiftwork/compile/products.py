# SPDX-License-Identifier: Apache-2.0
"""Products of two activations as convolutions, which an engine computes once both are there.

``out[h][w][c] = sum over k of first[h][w][k] * second[h][c][k]`` of a batch is one convolution with a kernel of 1 x 1
and a group for every row h (a head) of every sample: the codes of the second tensor are its weights, those of the first
its activations, w its positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile.engine import Engine
from shiftwork.compile.program import Operands, compile_network
from shiftwork.network.ends import Ends
from shiftwork.network.format import Codes, or_zero
from shiftwork.network.integer import IntegerModule, IntegerNetwork

Weights = NDArray[np.int8 | np.uint8]


def product_operands(
    network: IntegerNetwork, module: IntegerModule, engine: Engine, tensors: Mapping[str, Codes]
) -> Operands:
    """A product of a batch as one run of an engine.

    Args:
        network: that the module belongs to. module: a ``matmul``. engine: takes it.
        tensors: codes (N, height, width, channels) of what it reads.

    Raises:
        ShiftworkError: naming the module, a sum could leave the accumulators.
    """
    part, source = as_convolution(network, module, tensors)
    return compile_network(part, engine).layers[module.name].operands({module.inputs[0]: source})


def product_result(codes: Codes, shape: tuple[int, ...]) -> Codes:
    """The result (N, height, width, channels) of a product from that of its convolution. shape: of the result."""
    images, height, width, channels = shape
    return np.ascontiguousarray(codes.reshape(width, images, height, channels).transpose(1, 2, 0, 3))


def as_convolution(
    network: IntegerNetwork, module: IntegerModule, tensors: Mapping[str, Codes]
) -> tuple[IntegerNetwork, Codes]:
    """A network of one convolution that computes a product of a batch, and the codes (1, 1, w, ..) that it reads."""
    source, target = (network.tensors[name] for name in (module.inputs[0], module.output))
    form, source, first, second = module.format.paired(source, *(tensors[name] for name in module.inputs))
    images, height, width, depth = first.shape
    channels, groups = second.shape[2], images * height
    weight = cast(Weights, second.reshape(groups * channels, 1, 1, depth))
    shifts = np.broadcast_to(or_zero(module.shift), (groups, channels)).reshape(-1)
    convolution = replace(
        module, kind="conv", inputs=module.inputs[:1], groups=groups, attributes={}, format=form,
        weight=weight, bias=np.zeros(groups * channels, np.int32), shift=shifts,
    )  # fmt: skip
    infos = {
        module.inputs[0]: replace(source, shape=(1, width, groups * depth)),
        module.output: replace(target, shape=(1, width, groups * channels)),
    }
    codes = first.transpose(2, 0, 1, 3).reshape(1, 1, width, groups * depth)
    ends = Ends.of_maps(module.inputs[0], infos[module.inputs[0]].shape, module.output, infos[module.output].shape)
    part = replace(network, ends=ends, tensors=infos, modules=[convolution], constants={})
    return part, np.ascontiguousarray(codes)

# SPDX-License-Identifier: Apache-2.0
"""Operators that multiply, sum or compare values: convolutions, fully connected layers, normalization, pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.builder import Builder, Groups, Node, Value
from shiftwork.network.graph import FloatModule
from shiftwork.network.import_moves import cut, grouped, groups_of
from shiftwork.network.integer import Kind
from shiftwork.tensors.layout import BATCH, Step, View, in_place
from shiftwork.tensors.maps import pooled_size

Real = NDArray[np.float64]


def _two(values: list[int], flat: int, first: int) -> list[int]:
    """Values of two axes from those of one: ``first`` is that of the axis in front."""
    return [first, values[0]] if flat else values


def _kernel(node: Node, weight: Real | None) -> tuple[Real, bool]:
    """Weights of two dimensions, and whether they had one."""
    if weight is None or weight.ndim not in (3, 4):
        raise node.error("a kernel of one or two dimensions (out, in, ky, kx) is expected")
    return (weight[:, :, None], True) if weight.ndim == 3 else (weight, False)


def _pair(node: Node, name: str, flat: bool = False) -> tuple[int, int]:
    values = node.integers(name, [1] if flat else [1, 1])
    if len(values) != (1 if flat else 2) or min(values) < 1:
        raise node.error(f"{name} {values} are not {'one positive integer' if flat else 'two positive integers'}")
    return (1, values[0]) if flat else (values[0], values[1])


def _pads(
    node: Node, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int],
    flat: bool = False,
) -> tuple[int, int, int, int]:  # fmt: skip
    """(top, left, bottom, right) from ``pads`` or ``auto_pad``."""
    mode = node.text("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        pads = node.integers("pads", [0, 0] if flat else [0, 0, 0, 0])
        if len(pads) != (2 if flat else 4) or min(pads) < 0:
            raise node.error(f"pads {pads} are not {'two' if flat else 'four'} non-negative integers")
        return (0, pads[0], 0, pads[1]) if flat else (pads[0], pads[1], pads[2], pads[3])
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise node.error(f"auto_pad {mode!r} is not supported")
    before, after = [], []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        small, large = total // 2, total - total // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return before[0], before[1], after[0], after[1]


def _map_view(shape: tuple[int, int, int], flat: bool) -> View:
    return View.of(shape, "n c w" if flat else "n c h w")


def conv(graph: Builder, node: Node) -> None:
    """Conv."""
    weight, flat = _kernel(node, graph.weight(node, 1, "weight"))
    source, (height, width, channels) = graph.map(node)
    bias = graph.weight(node, 2, "bias")
    groups = node.integer("group", 1)
    out, depth, ky, kx = weight.shape
    if flat != (len(source.view.axes) == 3):
        raise node.error(f"weights of {weight.ndim - flat} axes do not fit an input of {len(source.view.axes)}")
    if groups < 1 or depth * groups != channels or out % groups:
        raise node.error(f"{channels} input channels do not fit weights {weight.shape} in {groups} groups")
    kernel = [kx] if flat else [ky, kx]
    if node.integers("kernel_shape", kernel) != kernel:
        raise node.error("kernel_shape disagrees with the weights")
    stride, dilation = _pair(node, "strides", flat), _pair(node, "dilations", flat)
    pads = _pads(node, (height, width), (ky, kx), stride, dilation, flat)
    module = FloatModule(
        node.name, "conv", [source.tensor], node.outputs[0], np.ascontiguousarray(weight.transpose(0, 2, 3, 1)),
        np.zeros(out) if bias is None else bias.reshape(-1), None, stride, pads, dilation, groups,
    )  # fmt: skip
    if module.bias is not None and module.bias.shape != (out,):
        raise node.error(f"bias has {module.bias.size} values for {out} outputs")
    rows = (height + pads[0] + pads[2] - dilation[0] * (ky - 1) - 1) // stride[0] + 1
    columns = (width + pads[1] + pads[3] - dilation[1] * (kx - 1) - 1) // stride[1] + 1
    shape = (rows, columns, out)
    graph.emit(node, module, shape, _map_view(shape, flat))


def conv_transpose(graph: Builder, node: Node) -> None:
    """ConvTranspose: a convolution that gives every output phase of the stride channels of its own, then put in place.

    Output position o, the padding included, is stride * q + r; its taps are those of the kernel at r, r + stride, ...
    on the inputs q, q - 1, ...
    """
    weight, flat = _kernel(node, graph.weight(node, 1, "weight"))
    source, (height, width, channels) = graph.map(node)
    bias = graph.weight(node, 2, "bias")
    groups = node.integer("group", 1)
    depth, per_group, ky, kx = weight.shape
    if depth != channels or groups < 1 or depth % groups:
        raise node.error(f"{channels} input channels do not fit weights {weight.shape} in {groups} groups")
    (sy, sx), dilation = _pair(node, "strides", flat), _pair(node, "dilations", flat)
    if dilation != (1, 1):
        raise node.error("dilation is not supported here")
    out = per_group * groups
    extra = _two(node.integers("output_padding", [0] if flat else [0, 0]), flat, 0)
    sizes = ((height, ky, sy), (width, kx, sx))
    pads = (
        _pads(node, (height, width), (ky, kx), (1, 1), (1, 1), flat) if "output_shape" not in node.attributes else None
    )
    whole = [s * (n - 1) + e + k for (n, k, s), e in zip(sizes, extra, strict=True)]
    if pads is None or node.text("auto_pad", "NOTSET") not in ("NOTSET", "", "VALID"):
        wanted = _two(node.integers("output_shape", [n * s for n, _, s in sizes][flat:]), flat, 1)
        total = [max(0, size - new) for size, new in zip(whole, wanted, strict=True)]
        upper = node.text("auto_pad", "NOTSET") == "SAME_UPPER"
        first = [t // 2 if upper else t - t // 2 for t in total]
        if pads is None:
            whole = [new + t for new, t in zip(wanted, total, strict=True)]
        pads = (first[0], first[1], total[0] - first[0], total[1] - first[1])
    rows, columns = whole[0] - pads[0] - pads[2], whole[1] - pads[1] - pads[3]
    if rows < 1 or columns < 1:
        raise node.error("the output is empty: the window does not fit the input")
    jy, jx = -(-ky // sy), -(-kx // sx)
    filled = np.zeros((depth, per_group, jy * sy, jx * sx))
    filled[:, :, :ky, :kx] = weight
    phases = filled.reshape(groups, depth // groups, per_group, jy, sy, jx, sx)[:, :, :, ::-1, :, ::-1]
    kernel = phases.transpose(0, 2, 4, 6, 3, 5, 1).reshape(out * sy * sx, jy, jx, depth // groups)
    full = np.zeros(out) if bias is None else bias.reshape(-1)
    if full.shape != (out,):
        raise node.error(f"bias has {full.size} values for {out} outputs")
    high, wide = height + jy - 1, width + jx - 1
    more = max(0, -(-(pads[0] + rows) // sy) - high), max(0, -(-(pads[1] + columns) // sx) - wide)
    shape = (high + more[0], wide + more[1], out * sy * sx)
    name = graph.fresh(f"{node.outputs[0]} (phases)")
    module = FloatModule(
        node.name, "conv", [source.tensor], name, np.ascontiguousarray(kernel), np.repeat(full, sy * sx),
        pads=(jy - 1, jx - 1, jy - 1 + more[0], jx - 1 + more[1]), groups=groups,
    )  # fmt: skip
    graph.append(module, shape, node)
    stored = View.of(shape, "h w c")
    apart = View((stored.axes[2],)).reshaped((out, sy, sx), 0)
    assert apart is not None
    view = View((
        (Step(0, BATCH),), apart.axes[0], (*stored.axes[0], *apart.axes[1]), (*stored.axes[1], *apart.axes[2]),
    ))  # fmt: skip
    spans = {2: range(pads[0], pads[0] + rows), 3: range(pads[1], pads[1] + columns)}
    value = graph.arranged(Value(name, view), ((2,), (3,), (1,)))
    if graph.shapes[value.tensor][:2] != (rows, columns):
        value = cut(graph, node, value, spans, node.outputs[0])
    graph.set(node, Value(value.tensor, _map_view(graph.shapes[value.tensor], flat)))


def gemm(graph: Builder, node: Node) -> None:
    """Gemm."""
    if node.integer("transA", 0):
        raise node.error("transA is not supported")
    weight = graph.weight(node, 1, "weight")
    if weight is None or weight.ndim != 2:
        raise node.error("a two-dimensional weight matrix is expected")
    if not node.integer("transB", 0):
        weight = weight.T
    bias = graph.weight(node, 2, "bias")
    dense(
        graph, node, graph.value(node), weight * node.real("alpha", 1.0),
        None if bias is None else bias * node.real("beta", 1.0),
    )  # fmt: skip


def matmul(graph: Builder, node: Node) -> None:
    """MatMul: with constant weights on either side, or of two activations."""
    known = [name in graph.constants for name in node.inputs]
    if known[1]:
        weight = graph.weight(node, 1, "weight")
        assert weight is not None
        if weight.ndim != 2:
            raise node.error("a two-dimensional weight matrix is expected")
        dense(graph, node, graph.value(node), weight.T)
    elif known[0]:
        weight = graph.weight(node, 0, "weight")
        value = graph.value(node, 1)
        rank = len(value.view.axes)
        if weight is None or weight.ndim != 2 or rank < 3:
            raise node.error("a two-dimensional weight matrix is expected")
        swapped = (*range(rank - 2), rank - 1, rank - 2)
        found = dense(graph, node, Value(value.tensor, value.view.transposed(swapped)), weight)
        graph.set(node, Value(found.tensor, found.view.transposed(swapped)))
    else:
        _product(graph, node, graph.value(node, 0), graph.value(node, 1))


def einsum(graph: Builder, node: Node) -> None:
    """Einsum: a sum of products over axes that two operands share; one of them may be constant."""
    equation = node.text("equation", "").replace(" ", "")
    parts, result = equation.split("->")[0].split(","), equation.partition("->")[2]
    if len(parts) != 2 or "." in equation or not result or any(len(set(p)) < len(p) for p in (*parts, result)):
        raise node.error(f"{equation!r}: two operands, a result, and no axis twice are expected")
    swapped = node.inputs[0] in graph.constants
    first, second = parts[::-1] if swapped else parts
    value, summed = graph.value(node, int(swapped)), [axis for axis in second if axis in first and axis not in result]
    own = [axis for axis in first if axis in result and axis not in second]
    others = [axis for axis in second if axis in result and axis not in first]
    both = [axis for axis in result if axis in first and axis in second]
    if not summed or {*summed, *own, *others, *both} != {*first, *second} or len(result) != len([*own, *others, *both]):
        raise node.error(f"{equation!r}: an axis that both operands have is summed, others are in the result")
    weight = (
        graph.weight(node, 1 - int(swapped), "weight") if node.inputs[1 - int(swapped)] in graph.constants else None
    )
    view = value.view.transposed([first.index(axis) for axis in (*both, *own, *summed)])
    if weight is None:
        if len(summed) != 1 or len(own) != 1 or len(others) != 1:
            raise node.error(f"{equation!r}: of two activations the sum is over one axis, and each has one of its own")
        other = graph.value(node, 1)
        right = other.view.transposed([second.index(axis) for axis in (*both, *summed, *others)])
        found = _product(graph, node, Value(value.tensor, view), Value(other.tensor, right))
    else:
        if both:
            raise node.error(f"{equation!r}: constant weights differ along {both[0]!r}")
        matrix = weight.transpose([second.index(axis) for axis in (*others, *summed)])
        sizes, count = matrix.shape[: len(others)], len(own)
        joined = View((*view.axes[:count], tuple(step for axis in view.axes[count:] for step in axis)))
        found = dense(graph, node, Value(value.tensor, joined), matrix.reshape(math.prod(sizes), -1))
        apart = View(found.view.axes[-1:]).reshaped(sizes, 0)
        assert apart is not None
        found = Value(found.tensor, View((*found.view.axes[:-1], *apart.axes)))
    axes = [*both, *own, *others]
    graph.set(node, Value(found.tensor, found.view.transposed([axes.index(axis) for axis in result])))


def dense(graph: Builder, node: Node, value: Value, weight: Real, bias: Real | None = None) -> Value:
    """A fully connected layer on the last axis of a value. weight: (out, features)."""
    out, features = weight.shape
    rank = len(value.view.axes)
    if graph.sizes(value)[-1] != features:
        raise node.error(f"{graph.sizes(value)[-1]} features do not fit weights of {features} columns")
    if bias is None:
        bias = np.zeros(out)
    if bias.size not in (1, out):
        raise node.error(f"bias has {bias.size} values for {out} outputs")
    full = np.broadcast_to(bias.reshape(-1), (out,)).copy()
    if any(step.stride == BATCH for step in value.view.axes[-1]):
        raise node.error("the last axis counts samples")
    rows = list(range(rank - 1))
    if math.prod(step.size for step in value.view.steps(rows)) == 1:
        shape = graph.shapes[value.tensor]
        places = value.view.positions([rank - 1])
        if sorted(places.tolist()) != list(range(math.prod(shape))):
            value = graph.arranged(value, (rows, (), (rank - 1,)))
            shape, places = graph.shapes[value.tensor], np.arange(features)
        kernel = np.empty((out, features))
        kernel[:, places] = weight
        module = FloatModule(node.name, "conv", [value.tensor], node.outputs[0], kernel.reshape(out, *shape), full)
        axes = [tuple(step for step in axis if step.stride == BATCH) for axis in value.view.axes[:-1]]
        view = View((*axes, View.of((1, 1, out), "c").axes[0]))
        return graph.emit(node, module, (1, 1, out), view)
    groups = groups_of(graph, value)
    if groups is None or tuple(groups[2]) != (rank - 1,):
        groups = (rows[:-1], rows[-1:], (rank - 1,))
    source = graph.arranged(value, groups)
    height, width, _ = graph.shapes[source.tensor]
    shape = (height, width, out)
    module = FloatModule(node.name, "conv", [source.tensor], node.outputs[0], weight.reshape(out, 1, 1, features), full)
    axes = [
        tuple(step if step.stride == BATCH else Step(step.size, step.stride // features * out) for step in axis)
        for axis in source.view.axes[:-1]
    ]
    return graph.emit(node, module, shape, View((*axes, View.of(shape, "c").axes[0])))


def _product(graph: Builder, node: Node, first: Value, second: Value) -> Value:
    """A product of two activations: ``out[g][t][s] = sum over k of first[g][t][k] * second[g][k][s]``."""
    rank = max(len(first.view.axes), len(second.view.axes))
    if min(len(first.view.axes), len(second.view.axes)) != rank or rank < 3:
        raise node.error("two values of the same number of axes, at least three, are expected")
    both = first.view.batch_axis is None and second.view.batch_axis is None  # one axis counts samples and heads
    if both:
        first, second = Value(first.tensor, first.view.apart()), Value(second.tensor, second.view.apart())
        rank += 1
    for value in (first, second):
        graph.leading(node, value)
    sizes, others = graph.sizes(first), graph.sizes(second)
    lead = [max(pair) for pair in zip(sizes[:-2], others[:-2], strict=True)]
    if sizes[-1] != others[-2] or any(s not in (1, w) for s, w in (*zip(sizes, lead, strict=False),
                                                                   *zip(others, lead, strict=False))):  # fmt: skip
        raise node.error(f"{list(sizes[1:])} and {list(others[1:])} cannot be multiplied")
    front = list(range(1, rank - 2))
    left = graph.arranged(
        Value(first.tensor, first.view.expanded([*lead, *sizes[-2:]])), (front, (rank - 2,), (rank - 1,))
    )
    right = graph.arranged(
        Value(second.tensor, second.view.expanded([*lead, *others[-2:]])), (front, (rank - 1,), (rank - 2,))
    )
    shape = (math.prod(lead[1:]), sizes[-2], others[-1])
    module = FloatModule(node.name, "matmul", [left.tensor, right.tensor], node.outputs[0])
    view = View.of(shape, "n h w c").reshaped([graph.batch, *lead[1:], *shape[1:]], graph.batch)
    assert view is not None
    return graph.emit(node, module, shape, view.together() if both else view)


def batch_normalization(graph: Builder, node: Node) -> None:
    """BatchNormalization."""
    value = graph.value(node)
    graph.leading(node, value)
    channels = graph.sizes(value)[1]
    names = ("scale", "bias", "mean", "variance")
    arrays = [graph.weight(node, i + 1, name) for i, name in enumerate(names)]
    if any(a is None or a.shape != (channels,) for a in arrays):
        raise node.error(f"scale, bias, mean and variance need {channels} values each")
    if node.integer("training_mode", 0):
        raise node.error("training mode is not supported")
    scale, offset, mean, variance = (a for a in arrays if a is not None)
    if (variance < 0).any():
        raise node.error("variance is negative")
    factor = scale / np.sqrt(variance + node.real("epsilon", 1e-5))
    affine(graph, node, value, 1, factor, offset - mean * factor)


def affine(graph: Builder, node: Node, value: Value, axis: int | None, scale: Real, offset: Real) -> Value:
    """A map ``scale * x + offset`` per position of an axis, or of all values, as a depthwise 1 x 1 convolution."""
    source = value
    if axis is not None:
        groups = groups_of(graph, value)
        if groups is None or tuple(groups[2]) != (axis,):
            rank = len(value.view.axes)
            is_map = axis == 1 and rank in (3, 4) and value.view.batch_axis == 0
            groups = graph.map_groups(node, value) if is_map else grouped(rank, axis)
        source = graph.arranged(value, groups)
    shape = graph.shapes[source.tensor]
    factors, offsets = (np.broadcast_to(np.reshape(v, -1), (shape[2],)).astype(np.float64) for v in (scale, offset))
    module = FloatModule(
        node.name, "conv", [source.tensor], node.outputs[0], factors.reshape(-1, 1, 1, 1).copy(), offsets.copy(),
        groups=shape[2],
    )  # fmt: skip
    return graph.emit(node, module, shape, source.view)


def activation(graph: Builder, node: Node, value: Value, bound: float | None) -> Value:
    """ReLU, or ReLU up to a bound, as a depthwise 1 x 1 convolution."""
    channels = graph.shapes[value.tensor][2]
    module = FloatModule(
        node.name, "conv", [value.tensor], node.outputs[0], np.ones((channels, 1, 1, 1)), np.zeros(channels),
        groups=channels, relu=True, clip=bound,
    )  # fmt: skip
    return graph.emit(node, module, graph.shapes[value.tensor], value.view)


def pool(graph: Builder, node: Node) -> None:
    """AveragePool and MaxPool; a dilated maximum is one over slices of its own."""
    value, (height, width, channels) = graph.map(node)
    flat = len(value.view.axes) == 3
    average = node.operator == "AveragePool"
    kernel = _two(node.integers("kernel_shape", []), flat, 1)
    if len(kernel) != 2:
        raise node.error("a kernel_shape of one or two dimensions is expected")
    if node.integer("storage_order", 0):
        raise node.error("storage_order is not supported")
    stride, dilation = _pair(node, "strides", flat), _pair(node, "dilations", flat)
    reach = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
    pads = _pads(node, (height, width), (kernel[0], kernel[1]), stride, dilation, flat)
    if any(p >= k for p, k in zip(pads, reach + reach, strict=True)):
        raise node.error("padding must be smaller than the kernel")
    attributes: dict[str, Any] = {
        "kernel": (kernel[0], kernel[1]),
        "stride": stride,
        "pads": pads,
        "ceil_mode": node.integer("ceil_mode", 0),
    }
    if dilation != (1, 1):
        attributes["dilation"] = dilation
    if average:
        attributes["count_include_pad"] = node.integer("count_include_pad", 0)
    shape = (*pooled_size((height, width), attributes), channels)
    kind: Kind = "avgpool" if average else "maxpool"
    module = FloatModule(node.name, kind, [value.tensor], node.outputs[0], attributes=attributes)
    graph.emit(node, module, shape, _map_view(shape, flat))


def global_pool(graph: Builder, node: Node) -> None:
    """GlobalAveragePool and GlobalMaxPool."""
    value = graph.value(node)
    rank = len(value.view.axes)
    _reduced(graph, node, value, list(range(2, rank)), True)


def reduce(graph: Builder, node: Node) -> None:
    """ReduceMean, ReduceMax and ReduceSum."""
    value = graph.value(node)
    rank = len(value.view.axes)
    axes = graph.whole(node, 1, "axes", "axes")
    if axes is None:
        if node.integer("noop_with_empty_axes", 0):
            graph.set(node, value)
            return
        axes = list(range(rank))
    places = sorted(graph.place(node, axis, rank) for axis in axes)
    if value.view.batch_axis in places:
        raise node.error("samples cannot be reduced")
    _reduced(graph, node, value, places, bool(node.integer("keepdims", 1)))


def _reduced(graph: Builder, node: Node, value: Value, places: list[int], keep: bool) -> None:
    graph.leading(node, value)
    rank = len(value.view.axes)
    kept = [place for place in range(1, rank) if place not in places]
    groups: Groups = (places[:-1], places[-1:], kept)
    found = groups_of(graph, value)
    if found is not None and sorted([*found[0], *found[1]]) == places:
        groups = found
    source = graph.arranged(value, groups)
    height, width, channels = graph.shapes[source.tensor]
    average = node.operator in ("GlobalAveragePool", "ReduceMean", "ReduceSum")
    attributes: dict[str, Any] = {"kernel": (height, width), "stride": (1, 1), "pads": (0, 0, 0, 0), "ceil_mode": 0}
    if average:
        attributes["count_include_pad"] = 0
    view, _, steps = View(tuple(() if p in places else axis for p, axis in enumerate(source.view.axes))).laid(
        ((), (), kept)
    )
    assert in_place(steps) or channels == 1
    if not keep:
        view = view.squeezed(places)
    kind: Kind = "avgpool" if average else "maxpool"
    module = FloatModule(node.name, kind, [source.tensor], node.outputs[0], attributes=attributes)
    result = graph.emit(node, module, (1, 1, channels), view)
    if node.operator == "ReduceSum":
        mean = graph.fresh(f"{node.outputs[0]} (mean)")
        graph.shapes[mean] = graph.shapes.pop(result.tensor)
        module.output = mean
        affine(graph, node, Value(mean, view), None, np.array(height * width, np.float64), np.zeros(1))

# SPDX-License-Identifier: Apache-2.0
"""Operators that compute nothing: they name, order, cut and join values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftwork.network.builder import Builder, Groups, Node, Value
from shiftwork.network.graph import FloatModule
from shiftwork.tensors.layout import BATCH, Axis, Step, View


def constant(graph: Builder, node: Node) -> None:
    """Constant."""
    import onnx

    for key in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if key in node.attributes:
            value = node.attributes[key]
            graph.set_constant(node, onnx.numpy_helper.to_array(value) if key == "value" else np.asarray(value))
            return
    raise node.error("no numeric value")


def identity(graph: Builder, node: Node) -> None:
    """Identity, Dropout, Cast: of values they are nothing."""
    training = graph.constant(node, 2, "training_mode") if node.operator == "Dropout" else None
    if training is not None and bool(np.asarray(training).any()):
        raise node.error("training mode is not supported")
    graph.set(node, graph.value(node))


def shape_of(graph: Builder, node: Node) -> None:
    """Shape: sizes are known."""
    sizes = graph.sizes(graph.value(node))
    chosen = slice(node.integer("start", 0), node.integer("end", len(sizes)))
    graph.set_constant(node, np.array(sizes[chosen], np.int64))


def where(graph: Builder, node: Node) -> None:
    """Where: of a condition that is the same everywhere."""
    condition = graph.constant(node, 0, "condition")
    assert condition is not None
    index = 1 if condition.all() else 2
    if condition.any() != condition.all() or node.inputs[index] not in graph.values:
        raise node.error("a condition that is the same everywhere is expected")
    graph.set(node, graph.value(node, index))


def never(graph: Builder, node: Node) -> None:
    """IsNaN and IsInf: codes stand for numbers."""
    graph.set_constant(node, np.zeros((1,) * len(graph.value(node).view.axes), bool))


def flatten(graph: Builder, node: Node) -> None:
    """Flatten."""
    value = graph.value(node)
    sizes = graph.sizes(value)
    axis = node.integer("axis", 1)
    axis = len(sizes) if axis == len(sizes) else graph.place(node, axis, len(sizes))
    _reshape(graph, node, value, [math.prod(sizes[:axis]), math.prod(sizes[axis:])])


def reshape(graph: Builder, node: Node) -> None:
    """Reshape."""
    value = graph.value(node)
    target = graph.whole(node, 1, "shape", "shape")
    sizes = graph.sizes(value)
    if target is None:
        raise node.error("the target shape must be a constant")
    if not node.integer("allowzero", 0):
        target = [sizes[place] if size == 0 and place < len(sizes) else size for place, size in enumerate(target)]
    values = math.prod(sizes)
    if -1 in target:
        known = math.prod(size for size in target if size != -1)
        if known < 1 or values % known or target.count(-1) > 1:
            raise node.error(f"target {target} does not fit {values // graph.batch} values per sample")
        target = [values // known if size == -1 else size for size in target]
    if math.prod(target) != values:
        raise node.error(f"target {target} does not keep the batch axis of {values // graph.batch} values per sample")
    _reshape(graph, node, value, target)


def _reshape(graph: Builder, node: Node, value: Value, target: list[int]) -> None:
    view = value.view.reshaped(target, graph.batch)
    if view is None:
        batch = value.view.batch_axis
        if batch is None:
            raise node.error(f"target {target} does not keep the batch axis")
        rest = [place for place in range(len(value.view.axes)) if place != batch]
        value = graph.arranged(value, ((), (), rest))
        view = value.view.reshaped(target, graph.batch)
    if view is None:
        raise node.error(f"target {target} does not keep the batch axis")
    graph.set(node, Value(value.tensor, view))


def transpose(graph: Builder, node: Node) -> None:
    """Transpose."""
    value = graph.value(node)
    rank = len(value.view.axes)
    order = node.integers("perm", list(range(rank))[::-1])
    if sorted(order) != list(range(rank)):
        raise node.error(f"perm {order} of {rank} axes")
    graph.set(node, Value(value.tensor, value.view.transposed(order)))


def squeeze(graph: Builder, node: Node) -> None:
    """Squeeze."""
    value = graph.value(node)
    sizes = graph.sizes(value)
    axes = graph.whole(node, 1, "axes", "axes")
    if axes is None:
        axes = [place for place, size in enumerate(sizes) if size == 1]
    places = [graph.place(node, axis, len(sizes)) for axis in axes]
    if any(value.view.axes[place] for place in places):
        raise node.error(f"axes {axes} are not of size 1, or count samples")
    graph.set(node, Value(value.tensor, value.view.squeezed(places)))


def unsqueeze(graph: Builder, node: Node) -> None:
    """Unsqueeze."""
    value = graph.value(node)
    axes = graph.whole(node, 1, "axes", "axes") or []
    rank = len(value.view.axes) + len(axes)
    graph.set(node, Value(value.tensor, value.view.unsqueezed([graph.place(node, axis, rank) for axis in axes])))


def expand(graph: Builder, node: Node) -> None:
    """Expand."""
    value = graph.value(node)
    target = graph.whole(node, 1, "shape") or []
    sizes = graph.sizes(value)
    target = [1] * (len(sizes) - len(target)) + target
    padded = (1,) * (len(target) - len(sizes)) + sizes
    wanted = [max(pair) for pair in zip(padded, target, strict=True)]
    if any(size not in (1, new) for size, new in zip(padded, wanted, strict=True)):
        raise node.error(f"{list(sizes)} does not expand to {target}")
    graph.set(node, Value(value.tensor, value.view.expanded(wanted)))


def tile(graph: Builder, node: Node) -> None:
    """Tile."""
    value = graph.value(node)
    repeats = graph.whole(node, 1, "repeats") or []
    axes = [((Step(count, 0), *axis) if count > 1 else axis)
            for axis, count in zip(value.view.axes, repeats, strict=True)]  # fmt: skip
    if any(count > 1 and any(step.stride == BATCH for step in axis)
           for axis, count in zip(value.view.axes, repeats, strict=True)):  # fmt: skip
        raise node.error("samples cannot be repeated")
    graph.set(node, Value(value.tensor, View(tuple(axes))))


def _split_axes(view: View, place: int, sizes: tuple[int, ...], order: tuple[int, ...]) -> View:
    """One axis taken apart into several, which are put where ``order`` says among all."""
    axes = list(view.axes)
    inner = View((axes[place],)).reshaped(sizes, 0)
    assert inner is not None
    apart = View((*axes[:place], *inner.axes, *axes[place + 1 :]))
    return apart.transposed(order)


def _merge(view: View, groups: list[list[int]]) -> View:
    axes: list[Axis] = [tuple(step for place in group for step in view.axes[place]) for group in groups]
    return View(tuple(axes))


def depth_to_space(graph: Builder, node: Node) -> None:
    """DepthToSpace."""
    value, (_, _, channels) = graph.map(node)
    block = node.integer("blocksize", 1)
    if block < 1 or channels % (block * block):
        raise node.error(f"{channels} channels do not make blocks of {block} x {block}")
    depth = channels // (block * block)
    if node.text("mode", "DCR") == "DCR":
        apart = _split_axes(value.view, 1, (block, block, depth), (0, 3, 4, 1, 5, 2))
    else:
        apart = _split_axes(value.view, 1, (depth, block, block), (0, 1, 4, 2, 5, 3))
    graph.set(node, Value(value.tensor, _merge(apart, [[0], [1], [2, 3], [4, 5]])))


def space_to_depth(graph: Builder, node: Node) -> None:
    """SpaceToDepth."""
    value, (height, width, _) = graph.map(node)
    block = node.integer("blocksize", 1)
    if block < 1 or height % block or width % block:
        raise node.error(f"a map of {height} x {width} does not make blocks of {block} x {block}")
    rows = _split_axes(value.view, 2, (height // block, block), (0, 1, 2, 3, 4))
    both = _split_axes(rows, 4, (width // block, block), (0, 3, 5, 1, 2, 4))
    graph.set(node, Value(value.tensor, _merge(both, [[0], [1, 2, 3], [4], [5]])))


def concat(graph: Builder, node: Node) -> None:
    """Concat."""
    values = []
    rank = next(len(graph.values[name].view.axes) for name in node.inputs if name in graph.values)
    axis = graph.axis(node, "axis", 1, rank)
    for index, name in enumerate(node.inputs):
        if name in graph.constants:
            array = np.asarray(graph.constants[name])
            if array.ndim != rank or not np.array_equal(array, np.broadcast_to(array[:1], array.shape)):
                raise node.error(f"constant {name!r} differs between samples")
            values.append(graph.fix(name, array[0]))
        else:
            values.append(graph.value(node, index))
    graph.set(node, _concatenated(graph, node, values, axis, node.outputs[0]))


def _concatenated(graph: Builder, node: Node, values: list[Value], axis: int, output: str) -> Value:
    """Values one behind the other along an axis, as a tensor of the name ``output``."""
    for value in values:
        graph.leading(node, value)
    rank = len(values[0].view.axes)
    sizes = [graph.sizes(value) for value in values]
    if axis == 0 or len({(*size[:axis], *size[axis + 1 :]) for size in sizes}) != 1:
        raise node.error(f"the inputs {[list(size[1:]) for size in sizes]} cannot be joined along axis {axis}")
    groups = grouped(rank, axis)
    placed = [graph.arranged(value, groups) for value in values]
    tensors = [value.tensor for value in placed]
    height, width, _ = graph.shapes[tensors[0]]
    shape = (height, width, sum(graph.shapes[name][2] for name in tensors))
    graph.append(FloatModule(node.name, "concat", tensors, output), shape, node)
    whole = [size if place != axis else shape[2] for place, size in enumerate(sizes[0])]
    return Value(output, restored(groups, shape, whole, graph.batch))


def grouped(rank: int, channel: int) -> Groups:
    """Axes as height, width and channels, with one of them as channels; that of the batch does not matter."""
    rest = [place for place in range(rank) if place != channel]
    return (rest[:-1], rest[-1:], (channel,))


def stored_order(groups: Groups) -> tuple[int, ...]:
    """The axes of a value as they are stored, behind that of the batch, the first one."""
    return (0, *(place for group in groups for place in group if place))


def slice_(graph: Builder, node: Node) -> None:
    """Slice."""
    value = graph.value(node)
    sizes = graph.sizes(value)
    if "starts" in node.attributes:
        starts, stops = node.integers("starts", []), node.integers("ends", [])
        axes, steps = node.attributes.get("axes"), None
    else:
        starts, stops = graph.whole(node, 1, "starts") or [], graph.whole(node, 2, "ends") or []
        axes, steps = graph.whole(node, 3, "axes"), graph.whole(node, 4, "steps")
    axes = [int(a) for a in axes] if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    if not len(starts) == len(stops) == len(axes) == len(steps):
        raise node.error("starts, ends, axes and steps differ in length")
    spans = {}
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        place = graph.place(node, axis, len(sizes))
        span = range(*slice(start, stop, step).indices(sizes[place]))
        if place == value.view.batch_axis:
            if len(span) != sizes[place] or step != 1:
                raise node.error(f"axis {axis} cannot be sliced")
            continue
        spans[place] = span
    backwards = {place: spans.pop(place) for place, span in list(spans.items()) if span.step < 0 and len(span) > 1}
    spans = {place: span if span.step > 0 else range(span[0], span[0] + 1) for place, span in spans.items() if span}
    for place, span in backwards.items():
        value = _picked(graph, node, value, place, list(span), graph.fresh(f"{node.outputs[0]} (axis {place})"))
    graph.set(node, cut(graph, node, value, spans, node.outputs[0]))


def _picked(graph: Builder, node: Node, value: Value, place: int, chosen: list[int], output: str) -> Value:
    """Positions of an axis in any order: evenly spaced ones are cut out, and joined where that takes several cuts."""
    spans: list[range] = []
    for index in chosen:
        last = spans[-1] if spans else None
        if last is not None and len(last) == 1 and index > last[0]:
            spans[-1] = range(last[0], index + 1, index - last[0])
        elif last is not None and len(last) > 1 and index == last[-1] + last.step:
            spans[-1] = range(last[0], index + 1, last.step)
        else:
            spans.append(range(index, index + 1))
    if len(spans) == 1:
        return cut(graph, node, value, {place: spans[0]}, output)
    rank = len(value.view.axes)
    batch = value.view.batch_axis or 0
    order = [batch, *(axis for axis in range(rank) if axis != batch)]
    first = Value(value.tensor, value.view.transposed(order))
    axis = order.index(place)
    parts = [cut(graph, node, first, {axis: span}, graph.fresh(f"{output}.{number}"))
             for number, span in enumerate(spans)]  # fmt: skip
    found = _concatenated(graph, node, parts, axis, output)
    return Value(found.tensor, found.view.transposed(np.argsort(order).tolist()))


def cut(graph: Builder, node: Node, value: Value, spans: dict[int, range], output: str) -> Value:
    """A value cut along some axes, as a tensor of the name ``output``."""
    sizes = graph.sizes(value)
    spans = {place: span for place, span in spans.items() if span != range(sizes[place])}
    if not spans:
        return value
    if any(not span for span in spans.values()):
        raise node.error("the output is empty: the window does not fit the input")
    rank = len(sizes)
    if batch := value.view.batch_axis:  # not the first axis
        order = [batch, *(place for place in range(rank) if place != batch)]
        first = Value(value.tensor, value.view.transposed(order))
        found = cut(graph, node, first, {order.index(place): span for place, span in spans.items()}, output)
        return Value(found.tensor, found.view.transposed(np.argsort(order).tolist()))
    graph.leading(node, value)
    groups = groups_of(graph, value)
    if groups is None or any((place,) not in map(tuple, groups) for place in spans):
        if len(spans) > 1:
            for number, (place, span) in enumerate(spans.items()):
                value = cut(
                    graph, node, value, {place: span}, output if number == len(spans) - 1 else f"{output}.{number}"
                )
            return value
        groups = grouped(rank, next(iter(spans)))
    source = graph.arranged(value, groups)
    shape = graph.shapes[source.tensor]
    chosen = [
        spans.get(group[0], range(size)) if len(group) == 1 else range(size)
        for group, size in zip(groups, shape, strict=True)
    ]
    attributes = {
        "starts": tuple(s.start for s in chosen),
        "stops": tuple(s.stop for s in chosen),
        "steps": tuple(s.step for s in chosen),
    }
    new = (len(chosen[0]), len(chosen[1]), len(chosen[2]))
    module = FloatModule(node.name, "slice", [source.tensor], output, attributes=attributes)
    graph.append(module, new, node)
    view = restored(groups, new, [len(spans.get(p, range(s))) for p, s in enumerate(sizes)], graph.batch)
    return Value(output, view)


def restored(groups: Groups, shape: tuple[int, int, int], sizes: Sequence[int], batch: int) -> View:
    """The value with these sizes whose axes are stored in the order of the groups."""
    order = stored_order(groups)
    view = View.of(shape, "n hwc").reshaped([sizes[place] for place in order], batch)
    assert view is not None
    return view.transposed(np.argsort(order).tolist())


def usual(rank: int) -> Groups:
    """Height, width and channels of a value of so many axes: (N, C, H, W), (N, T, C), (N, C)."""
    return {2: ((), (), (1,)), 4: ((2,), (3,), (1,))}.get(rank, grouped(rank, rank - 1))


def groups_of(graph: Builder, value: Value) -> Groups | None:
    """Height, width and channels as axes of a value that fill its tensor as it is stored, or None."""
    rank = len(value.view.axes)
    if value.view.batch_axis != 0:
        return None
    found: dict[int, tuple[Groups, ...]] = {
        2: (((), (), (1,)),),
        3: (((), (2,), (1,)), ((), (1,), (2,)), ((2,), (), (1,))),
        4: (((2,), (3,), (1,)), ((1,), (2,), (3,)), ((3,), (2,), (1,))),
    }
    others: tuple[Groups, ...] = (grouped(rank, rank - 1), grouped(rank, 1)) if rank > 4 else ()
    for groups in (*found.get(rank, ()), *others):
        _, shape, steps = value.view.laid(groups)
        if shape == graph.shapes[value.tensor] and (len(steps) == 0 or (len(steps) == 1 and steps[0].stride == 1)):
            return groups
    return None


def split(graph: Builder, node: Node) -> None:
    """Split."""
    value = graph.value(node)
    sizes = graph.sizes(value)
    axis = graph.axis(node, "axis", 0, len(sizes))
    parts = graph.whole(node, 1, "split", "split")
    if parts is None:
        count = node.integer("num_outputs", len(node.outputs))
        most = -(-sizes[axis] // count)
        parts = [min(most, sizes[axis] - start) for start in range(0, sizes[axis], most)]
    if axis == value.view.batch_axis or sum(parts) != sizes[axis] or len(parts) != len(node.outputs):
        raise node.error(f"axis {axis} of size {sizes[axis]} cannot be split into {parts}")
    start = 0
    for index, (name, size) in enumerate(zip(node.outputs, parts, strict=True)):
        if name:
            graph.set(node, cut(graph, node, value, {axis: range(start, start + size)}, name), index)
        start += size


def gather(graph: Builder, node: Node) -> None:
    """Gather with constant indices."""
    value = graph.value(node)
    index = graph.constant(node, 1, "indices")
    assert index is not None
    sizes = graph.sizes(value)
    axis = graph.axis(node, "axis", 0, len(sizes))
    if np.ndim(index) > 1 or np.size(index) == 0 or axis == value.view.batch_axis:
        raise node.error("a list of positions of an axis of a sample is expected")
    chosen = (np.asarray(index).reshape(-1) % sizes[axis]).tolist()
    found = _picked(graph, node, value, axis, chosen, node.outputs[0])
    graph.set(node, found if np.ndim(index) else Value(found.tensor, found.view.squeezed([axis])))


def pad(graph: Builder, node: Node) -> None:
    """Pad with zeros."""
    value = graph.value(node)
    rank = len(value.view.axes)
    if node.text("mode", "constant") != "constant":
        raise node.error(f"mode {node.text('mode', '')!r} is not supported")
    pads = graph.whole(node, 1, "pads", "pads" if "pads" in node.attributes else "paddings") or []
    filling = graph.constant(node, 2, "value")
    number = float(node.real("value", 0.0) if filling is None else np.asarray(filling).reshape(-1)[0])
    if number != 0:
        raise node.error(f"only zero padding is supported, not {number}")
    axes = graph.whole(node, 3, "axes")
    places = [graph.place(node, a, rank) for a in axes] if axes is not None else list(range(rank))
    if len(pads) != 2 * len(places):
        raise node.error(f"{len(pads)} pads for {len(places)} axes")
    full = {place: (pads[i], pads[i + len(places)]) for i, place in enumerate(places)}
    graph.leading(node, value)
    if any(full.get(0, (0, 0))):
        raise node.error("batch padding and negative padding are not supported")
    sizes = graph.sizes(value)
    cuts = {place: range(max(0, -before), sizes[place] - max(0, -after))
            for place, (before, after) in full.items() if min(before, after) < 0}  # fmt: skip
    if cuts:
        value = cut(graph, node, value, cuts, graph.fresh(f"{node.outputs[0]} (cut)"))
        sizes = graph.sizes(value)
    grown = {place: (max(0, before), max(0, after)) for place, (before, after) in full.items()}
    if not any(any(pair) for pair in grown.values()):
        graph.set(node, value)
        return
    groups = groups_of(graph, value)
    if groups is None or any(any(pair) and (place,) not in map(tuple, groups) for place, pair in grown.items()):
        last = next(place for place, pair in grown.items() if any(pair))
        groups = ((2,), (3,), (1,)) if rank == 4 else grouped(rank, last)
        if any(any(pair) and (place,) not in map(tuple, groups) for place, pair in grown.items()):
            raise node.error("a value of more than three axes can be padded along one of them")
    source = graph.arranged(value, groups)
    shape = graph.shapes[source.tensor]
    order = [grown.get(group[0], (0, 0)) if len(group) == 1 else (0, 0) for group in groups]
    new = (shape[0] + sum(order[0]), shape[1] + sum(order[1]), shape[2] + sum(order[2]))
    module = FloatModule(node.name, "pad", [source.tensor], node.outputs[0], attributes={"pads": tuple(order)})
    wanted = [size + sum(grown.get(place, (0, 0))) for place, size in enumerate(sizes)]
    graph.emit(node, module, new, restored(groups, new, wanted, graph.batch))


def resize(graph: Builder, node: Node) -> bool:
    """Resize and Upsample by whole factors to the nearest position; False where it is another kind."""
    value = graph.value(node)
    sizes = graph.sizes(value)
    scales: NDArray[Any] | None = None
    old = node.operator == "Upsample" or len(node.inputs) == 2  # before opset 11
    if "scales" in node.attributes:
        scales = np.asarray(node.attributes["scales"], np.float64)
    elif old or node.has(2):
        scales = graph.weight(node, 1 if old else 2, "scales")
    if scales is None or not scales.size:
        target = graph.whole(node, 3, "sizes")
        if target is None:
            raise node.error("neither scales nor sizes")
        scales = np.array([new / old for new, old in zip(target, sizes, strict=True)])
    if node.text("mode", "nearest") != "nearest" or "axes" in node.attributes:
        return False
    if len(scales) != len(sizes) or (scales < 1).any() or (scales != np.floor(scales)).any():
        return False
    way = node.text("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    rounding = node.text("nearest_mode", "floor" if old else "round_prefer_floor")
    for size, factor in zip(sizes, scales, strict=True):
        if factor > 1 and not _repeats(size, int(factor), way, rounding):
            return False
    axes = tuple(
        (*axis, Step(int(factor), 0)) if factor > 1 else axis
        for axis, factor in zip(value.view.axes, scales, strict=True)
    )
    graph.set(node, Value(value.tensor, View(axes)))
    return True


def _repeats(size: int, factor: int, way: str, rounding: str) -> bool:
    """Whether a resize takes every position ``factor`` times in a row."""
    place = np.arange(size * factor, dtype=np.float64)
    if way in ("half_pixel", "pytorch_half_pixel"):
        found = (place + 0.5) / factor - 0.5
    elif way == "asymmetric":
        found = place / factor
    else:
        return False
    rounded = {
        "floor": np.floor(found), "ceil": np.ceil(found), "round_prefer_floor": np.ceil(found - 0.5),
        "round_prefer_ceil": np.floor(found + 0.5),
    }[rounding]  # fmt: skip
    return bool((np.clip(rounded, 0, size - 1) == place // factor).all())

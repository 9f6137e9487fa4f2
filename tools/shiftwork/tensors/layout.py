# SPDX-License-Identifier: Apache-2.0
"""Where the values of an ONNX tensor lie in a tensor of this project.

A tensor is a map (height, width, channels) of one sample, stored with channels fastest. An ONNX value has any number
of axes in any order. A :class:`View` says for every axis of the value how far a step on it moves in the stored map, so
that Transpose, Reshape, Flatten, Squeeze, Unsqueeze and Expand, and chains of them such as a shuffle of channels, are
arithmetic on strides: no value moves until a module needs another order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int, int]
BATCH = -1
"""Stride of the batch axis: samples are apart."""


class Step(NamedTuple):
    """``size`` positions that lie ``stride`` values apart; stride 0 repeats, :data:`BATCH` counts samples."""

    size: int
    stride: int


Axis = tuple[Step, ...]


def _joined(steps: Sequence[Step]) -> list[Step]:
    """The same positions with as few steps as possible."""
    result: list[Step] = []
    for step in steps:
        if step.size == 1:
            continue
        last = result[-1] if result else None
        apart = last is None or BATCH in (last.stride, step.stride)
        if not apart and last is not None and last.stride == step.size * step.stride:
            result[-1] = Step(last.size * step.size, step.stride)
        else:
            result.append(step)
    return result


@dataclass(frozen=True)
class View:
    """Axes of an ONNX value; each is one or more steps, the outermost first, none for an axis of size 1."""

    axes: tuple[Axis, ...]

    @staticmethod
    def of(shape: Shape, axes: str) -> View:
        """The axes of a stored map by name: ``n``, ``h``, ``w``, ``c``; several letters make one axis.

        Args:
            shape: of the map. axes: names, apart by spaces, such as ``n c h w`` or ``n chw``.
        """
        height, width, channels = shape
        steps = {
            "n": Step(0, BATCH),
            "h": Step(height, width * channels),
            "w": Step(width, channels),
            "c": Step(channels, 1),
        }
        return View(tuple(tuple(_joined([steps[letter] for letter in axis])) for axis in axes.split()))

    def shape(self, batch: int = 0) -> tuple[int, ...]:
        """Sizes of the axes. batch: number of samples."""
        return tuple(math.prod(batch if stride == BATCH else size for size, stride in axis) for axis in self.axes)

    @property
    def batch_axis(self) -> int | None:
        """The axis that counts samples and nothing else, or None."""
        for place, axis in enumerate(self.axes):
            if any(stride == BATCH for _, stride in axis):
                return place if len(axis) == 1 else None
        return None

    @property
    def sample_axis(self) -> int | None:
        """The axis that counts samples, or samples and more, or None."""
        return next((place for place, axis in enumerate(self.axes) if _counts_samples(axis)), None)

    def transposed(self, order: Sequence[int]) -> View:
        """The axes in another order."""
        return View(tuple(self.axes[place] for place in order))

    def squeezed(self, places: Sequence[int]) -> View:
        """Without some axes, which have to be of size 1."""
        return View(tuple(axis for place, axis in enumerate(self.axes) if place not in places))

    def unsqueezed(self, places: Sequence[int]) -> View:
        """With further axes of size 1 at places of the result."""
        rest = iter(self.axes)
        count = len(self.axes) + len(places)
        return View(tuple(() if place in places else next(rest) for place in range(count)))

    def reshaped(self, target: Sequence[int], batch: int) -> View | None:
        """Other sizes in the same order; None where that takes a move of values, or tears the batch apart.

        Args:
            target: sizes whose product is that of the axes. batch: number of samples.
        """
        steps = _joined([step for axis in self.axes for step in axis])
        left = [Step(batch, BATCH) if stride == BATCH else Step(size, stride) for size, stride in steps
                if stride != BATCH or batch > 1]  # fmt: skip
        axes = []
        for size in target:
            found: list[Step] = []
            while size > 1:
                if not left:
                    return None
                step = left[0]
                if size % step.size == 0:
                    size //= step.size
                    found.append(left.pop(0))
                elif step.size % size == 0 and step.stride != BATCH:
                    inner = step.size // size
                    found.append(Step(size, step.stride * inner))
                    left[0] = Step(inner, step.stride)
                    size = 1
                else:
                    return None
            axes.append(tuple(Step(0, BATCH) if step.stride == BATCH else step for step in _joined(found)))
        if left:
            return None
        if batch == 1 and any(stride == BATCH for axis in self.axes for _, stride in axis):
            return _with_batch(axes, self.axes, target)
        return View(tuple(axes))

    def apart(self) -> View:
        """With an axis of its own for the batch where the first axis counts samples and, inside, something else."""
        first = self.axes[0] if self.axes else ()
        if len(first) < 2 or first[0].stride != BATCH:
            return self
        return View((first[:1], first[1:], *self.axes[1:]))

    def together(self) -> View:
        """The first two axes as one: what :meth:`apart` undoes."""
        return View(((*self.axes[0], *self.axes[1]), *self.axes[2:]))

    def expanded(self, target: Sequence[int]) -> View:
        """Axes of size 1 repeated to other sizes, axes in front added. target: the sizes, that of the batch aside."""
        axes = ((),) * (len(target) - len(self.axes)) + self.axes
        sizes = View(axes).shape(1)
        return View(
            tuple(
                (Step(wanted, 0),) if size == 1 and wanted > 1 and not _counts_samples(axis) else axis
                for axis, size, wanted in zip(axes, sizes, target, strict=True)
            )
        )

    def steps(self, places: Sequence[int]) -> list[Step]:
        """The steps of some axes, one after the other, without the batch."""
        return _joined([step for place in places for step in self.axes[place] if step.stride != BATCH])

    def positions(self, places: Sequence[int]) -> NDArray[np.int64]:
        """Places in the stored map of the values along some axes, in their order: (values,)."""
        return positions(self.steps(places))

    def laid(self, groups: Sequence[Sequence[int]]) -> tuple[View, Shape, list[Step]]:
        """The same value stored in another order.

        Args:
            groups: the axes that become height, width and channels; every axis but that of the batch is in one.

        Returns:
            The view of the value in the new map, the shape of the map, and the steps in the old one that its values are
            read by.
        """
        order = [(place, number) for group in groups for place in group for number in range(len(self.axes[place]))
                 if self.axes[place][number].stride != BATCH]  # fmt: skip
        stride, moved = 1, dict[tuple[int, int], Step]()
        for place, number in reversed(order):
            moved[place, number] = Step(self.axes[place][number].size, stride)
            stride *= self.axes[place][number].size
        axes = [
            [step if step.stride == BATCH else moved[place, number] for number, step in enumerate(axis)]
            for place, axis in enumerate(self.axes)
        ]
        sizes = [math.prod(step.size for place in group for step in self.axes[place] if step.stride != BATCH)
                 for group in groups]  # fmt: skip
        view = View(tuple(tuple(_joined(axis)) for axis in axes))
        steps = _joined([self.axes[place][number] for place, number in order])
        return view, (sizes[0], sizes[1], sizes[2]), steps

    def taken(self, maps: NDArray[Any]) -> NDArray[Any]:
        """The value (batch in its place) of stored maps (N, height, width, channels).

        Raises:
            ValueError: an axis holds the batch and something else.
        """
        flat = np.ascontiguousarray(maps).reshape(len(maps), -1)
        places = [place for place, axis in enumerate(self.axes) if not _counts_samples(axis)]
        found = flat[:, self.positions(places)]
        sizes = self.shape(len(maps))
        batch = self.batch_axis
        if batch is None:
            mixed = [place for place in range(len(self.axes)) if place not in places]
            if mixed and any(step.size > 1 for place in mixed for step in self.axes[place] if step.stride != BATCH):
                return self._mixed(flat)
            return found.reshape(sizes)
        inner = [sizes[place] for place in places]
        return np.moveaxis(found.reshape(len(maps), *inner), 0, batch)

    def _mixed(self, flat: NDArray[Any]) -> NDArray[Any]:
        """A value of which an axis counts samples and more."""
        steps = [step for axis in self.axes for step in axis]
        places = [number for number, step in enumerate(steps) if step.stride != BATCH]
        sizes = [len(flat) if step.stride == BATCH else step.size for step in steps]
        found = flat[:, positions([steps[number] for number in places])]
        (batch,) = (number for number, step in enumerate(steps) if step.stride == BATCH)
        apart = np.moveaxis(found.reshape(len(flat), *(sizes[number] for number in places)), 0, batch)
        return apart.reshape(self.shape(len(flat)))

    def put(self, value: NDArray[Any], shape: Shape) -> NDArray[Any]:
        """Inverse of :meth:`taken`: stored maps (N, height, width, channels) of a value with its batch in its place."""
        batch = self.batch_axis
        assert batch is not None
        rows = np.moveaxis(value, batch, 0)
        places = [place for place in range(len(self.axes)) if place != batch]
        flat = np.empty((len(rows), math.prod(shape)), value.dtype)
        flat[:, self.positions(places)] = rows.reshape(len(rows), -1)
        return flat.reshape(len(rows), *shape)


def _counts_samples(axis: Axis) -> bool:
    return any(stride == BATCH for _, stride in axis)


def _with_batch(axes: list[Axis], old: tuple[Axis, ...], target: Sequence[int]) -> View | None:
    """Axes of a batch of one sample, which a reshape cannot see, with the batch where it has to be: behind as many
    values as before, in an axis of its own where there is one, not in the last axis, along which layers multiply."""
    first = next(place for place, axis in enumerate(old) if _counts_samples(axis))
    inner = next(place for place, step in enumerate(old[first]) if step.stride == BATCH)
    before = math.prod(View((*old[:first], old[first][:inner])).shape())
    found = [place for place in range(len(axes)) if math.prod(target[:place]) == before]
    if not found:
        return None
    chosen = first if first in found else next((place for place in found if not axes[place]), found[0])
    if chosen and chosen == len(axes) - 1 and axes[chosen]:
        return View((*axes[: chosen - 1], (*axes[chosen - 1], Step(0, BATCH)), axes[chosen]))
    return View(tuple((Step(0, BATCH), *axis) if place == chosen else axis for place, axis in enumerate(axes)))


def positions(steps: Sequence[Step]) -> NDArray[np.int64]:
    """Places that steps lead to, the last step fastest: (values,)."""
    result = np.zeros(1, np.int64)
    for size, stride in steps:
        result = (result[:, None] + np.arange(size, dtype=np.int64) * stride).reshape(-1)
    return result


def in_place(steps: Sequence[Step]) -> bool:
    """True for steps that read a map from its first to its last value."""
    known = _joined(steps)
    return not known or (len(known) == 1 and known[0].stride == 1)
